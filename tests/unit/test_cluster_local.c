/* SPDX-License-Identifier: Apache-2.0 */
/* From manifests to real processes and back, on the real loop. */

#include "cluster_fixture.h"

/* ---- The thin path ------------------------------------------------------------------ */

static const char server[] =
    "apiVersion: v1\n"
    "kind: ConfigMap\n"
    "metadata: {name: web, namespace: lab}\n"
    "data:\n"
    "  server.py: |\n"
    "    import http.server, os\n"
    "    class H(http.server.BaseHTTPRequestHandler):\n"
    "        def do_GET(self):\n"
    "            self.send_response(200); self.end_headers()\n"
    "            self.wfile.write(open('words.txt', 'rb').read())\n"
    "        def log_message(self, *a): pass\n"
    "    http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), H).serve_forever()\n"
    "  words.txt: %s\n"
    "---\n"
    "apiVersion: apps/v1\n"
    "kind: Deployment\n"
    "metadata: {name: web, namespace: lab}\n"
    "spec:\n"
    "  replicas: 1\n"
    "  selector: {matchLabels: {app: web}}\n"
    "  template:\n"
    "    metadata: {labels: {app: web}}\n"
    "    spec:\n"
    "      terminationGracePeriodSeconds: 1\n"
    "      containers:\n"
    "      - name: web\n"
    "        command: [python3, server.py]\n"
    "        env: [{name: MARK, value: \"%s\"}]\n"
    "        ports: [{name: http, containerPort: 0}]\n"
    "        readinessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 1}\n"
    "        volumeMounts:\n"
    "        - {name: files, mountPath: server.py, subPath: server.py, readOnly: true}\n"
    "        - {name: files, mountPath: words.txt, subPath: words.txt, readOnly: true}\n"
    "      volumes: [{name: files, configMap: {name: web}}]\n";

static void apply_server(const char *words, const char *mark)
{
    scoped_mem char *yaml = mem_printf(server, words, mark);

    apply("web", yaml);
}

static char *read_pod_file(struct arena *arena, const char *name)
{
    struct node *pods = node_get(cluster_report(cluster, arena, "web"), "pods");
    char *path = arena_printf(arena, "%s/pods/lab.%s/volumes/files/%s", folder,
                              node_get_text(node_item(pods, 0), "name"), name);
    char *bytes = arena_alloc(arena, 4096);
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && read(fd, bytes, 4095) < 0)
        bytes[0] = '\0';
    if (fd >= 0)
        close(fd);
    return bytes;
}

static void test_thin_path(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *live;
    int64_t pid, began;
    int before;

    open_cluster();
    apply_server("hello", "1");
    CHECK(wait_phase("web", "Running"), "a Deployment with files and a probe runs");
    CHECK(wait_text("web", "\"endpoints\":[{\"name\":\"http\""), "its endpoint is known");
    live = cluster_read(cluster, arena, "web", "apps/v1", "Deployment", "lab", "web");
    CHECK_INT((int)node_get_int(node_get(live, "status"), "readyReplicas", 0), 1,
              "its status is a Deployment's");

    before = writes;
    pid = pid_of("web");
    apply_server("hello", "1");
    loop_turn(loop, 50 * CLOCK_MS);
    CHECK(writes == before && pid_of("web") == pid, "the same again writes and restarts nothing");

    began = clock_steady();
    CHECK(end_process(pid) && wait_new_pid("web", pid), "killed, it is back");
    printf("# after %.1f ms\n", (double)(clock_steady() - began) / 1e6);
    CHECK(clock_steady() - began < 2 * CLOCK_SECOND, "at once");
    CHECK(wait_phase("web", "Running"), "and ready again");

    pid = pid_of("web");
    apply_server("changed", "1");
    CHECK(wait_phase("web", "Running") && pid_of("web") == pid,
          "a changed file does not restart it");
    CHECK_TEXT(read_pod_file(arena, "words.txt"), "changed", "it is delivered in place");

    apply_server("changed", "2");
    CHECK(wait_phase("web", "Running") && wait_new_pid("web", pid), "a changed template does");
    CHECK(wait_phase("web", "Running"), "and runs");
    cluster_close(&cluster);
}

static void test_adopts(void)
{
    int64_t pid;

    open_cluster();
    CHECK(wait_phase("web", "Running"), "a new agent knows what runs without being told");
    pid = pid_of("web");
    CHECK(pid > 0 && kill((pid_t)pid, 0) == 0, "it is the same process");
    CHECK(wait_text("web", "\"restarts\":0"), "which was not started again");
    CHECK(end_process(pid) && wait_new_pid("web", pid), "the new agent heals it");
    remove_owner("web");
    CHECK(kill((pid_t)pid, 0) != 0, "nothing of it runs");
    cluster_close(&cluster);
}

/* ---- Troubles, told for a person --------------------------------------------------------- */

static const struct {
    const char *name, *spec, *phase, *says;
} troubles[] = {
    {"a command that does not exist", "containers: [{name: c, command: [no-such-thing]}]",
     "Degraded",
     "\"reason\":\"CommandNotFound\",\"message\":\"command \\\"no-such-thing\\\" was "
     "not found"},
    {"a command that is a folder", "containers: [{name: c, command: [/usr]}]", "Degraded",
     "is a directory"},
    {"an image where only processes run", "containers: [{name: c, image: nginx, command: [x]}]",
     "Degraded", "NeedsEngine"},
    {"uid 0", "containers: [{name: c, command: [x], securityContext: {runAsUser: 0}}]", "Degraded",
     "NotPermitted"},
    {"a hostPath outside",
     "volumes: [{name: h, hostPath: {path: /etc}}]\n"
     "      containers: [{name: c, command: [x]}]",
     "Degraded", "hostPath /etc is outside"},
    {"a hostPath that climbs out",
     "volumes: [{name: h, hostPath: {path: /tmp/axle-allowed/../x}}]\n"
     "      containers: [{name: c, command: [x]}]",
     "Degraded", "is outside"},
    {"a memory limit of zero",
     "containers: [{name: c, command: [x], resources: {limits: {memory: 0}}}]", "Degraded",
     "limits.memory must be greater than zero"},
    {"a GPU", "containers: [{name: c, command: [x], resources: {limits: {nvidia.com/gpu: 1}}}]",
     "Degraded", "devices are not handed out"},
    {"an unknown field", "frobnicate: 1\n      containers: [{name: c, command: [x]}]", "Degraded",
     "spec.frobnicate is not supported"},
    {"a volume that does not exist",
     "containers: [{name: c, command: [x], volumeMounts: [{name: v, mountPath: a}]}]", "Degraded",
     "there is no volume \\\"v\\\""},
    {"a ConfigMap that is missing",
     "containers: [{name: c, command: [x], envFrom: "
     "[{configMapRef: {name: later}}]}]",
     "Progressing", "waits for ConfigMap lab/later"},
    {"a variable's name with a line end",
     "containers: [{name: c, command: [x], env: "
     "[{name: \"A\\nB\", value: x}]}]",
     "Degraded", "container c: env[0].name"},
    {"a prefix with a line end",
     "containers: [{name: c, command: [x], envFrom: "
     "[{prefix: \"A\\nB=\", configMapRef: {name: later}}]}]",
     "Degraded", "container c: envFrom[0].prefix"},
    {"a probe that fails",
     "containers: [{name: c, command: [sleep, '1000'], startupProbe: {exec: "
     "{command: [sh, -c, 'echo loading; exit 1']}}}]",
     "Progressing", "startupProbe: exit code 1: loading"},
};

static void test_troubles(void)
{
    open_cluster();
    for (size_t i = 0; i < count_of(troubles); i++) {
        scoped_mem char *yaml = mem_printf(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: t, namespace: lab}\n"
            "spec:\n  template:\n    spec:\n      %s\n",
            troubles[i].spec);

        apply("t", yaml);
        CHECK(wait_text("t", troubles[i].says), "%s is told", troubles[i].name);
        CHECK(wait_phase("t", troubles[i].phase), "%s is %s", troubles[i].name, troubles[i].phase);
        remove_owner("t");
    }
    apply("t", "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i}\n"
               "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n");
    CHECK(wait_text("t", "networking.k8s.io/v1 Ingress is not supported"),
          "an unknown kind is named");
    CHECK(wait_text(
              "t",
              "\"kind\":\"ConfigMap\",\"namespace\":\"default\",\"name\":\"c\",\"applied\":true"),
          "and the rest is applied");
    remove_owner("t");
    cluster_close(&cluster);
}

static void test_waits_for_config(void)
{
    static const char waiting[] =
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w, namespace: lab}\n"
        "spec:\n  template:\n    spec:\n      containers:\n"
        "      - {name: c, command: [sleep, '1000'], env: [{name: A, valueFrom: {secretKeyRef: "
        "{name: later, key: a}}}]}\n";

    open_cluster();
    apply("w", waiting);
    CHECK(wait_text("w", "MissingSecret"), "it waits for a Secret");
    apply("s", "apiVersion: v1\nkind: Secret\nmetadata: {name: later, namespace: lab}\n"
               "data: {a: aGVsbG8=}\n");
    CHECK(wait_phase("w", "Running"), "and runs once that is there");
    remove_owner("w");
    remove_owner("s");
    cluster_close(&cluster);
}

static void test_port_conflict(void)
{
    struct err err = {0};
    struct loop_listener *listener = loop_listen(loop, "127.0.0.1:0", NULL, NULL, &err);
    scoped_mem char *yaml =
        mem_printf("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: p, namespace: lab}\n"
                   "spec:\n  template:\n    spec:\n      containers:\n"
                   "      - {name: c, command: [sleep, '1000'], ports: [{containerPort: %d}]}\n",
                   loop_listener_port(listener));

    open_cluster();
    apply("p", yaml);
    CHECK(wait_text("p", "PortConflict"), "a taken port is told");
    CHECK(wait_text("p", "is taken by"), "and who holds it");
    CHECK(wait_phase("p", "Degraded"), "as Degraded");
    loop_listener_close(&listener);
    CHECK(wait_phase("p", "Running"), "freed, it is used");
    remove_owner("p");
    cluster_close(&cluster);
}

/* A refusal names the field by its path in the object that the user wrote. */
static void test_paths(void)
{
    static const struct {
        const char *kind, *version, *pod, *words;
    } cases[] = {
        {"Pod", "v1", "{containers: []}", " spec.containers is missing"},
        {"Deployment", "apps/v1", "{containers: []}", " spec.template.spec.containers is missing"},
        {"StatefulSet", "apps/v1",
         "{securityContext: {fsGroup: 0}, containers: [{name: c, command: [x]}]}",
         " spec.template.spec.securityContext.fsGroup"},
        {"Job", "batch/v1", "{restartPolicy: Never, containers: [{name: c}]}",
         " spec.template.spec.containers[c].command is missing"},
        {"Pod", "v1",
         "{containers: [{name: c, command: [x], volumeMounts: [{name: v, mountPath: m}]}]}",
         " spec.containers[c].volumeMounts: there is no volume"},
        {"Deployment", "apps/v1",
         "{containers: [{name: c, command: [x], volumeMounts: [{name: v, mountPath: m}]}]}",
         " spec.template.spec.containers[c].volumeMounts: there is no volume"},
    };

    open_cluster();
    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_mem char *yaml = mem_printf(
            "apiVersion: %s\nkind: %s\nmetadata: {name: p, namespace: lab}\nspec: %s%s%s\n",
            cases[i].version, cases[i].kind,
            strcmp(cases[i].kind, "Pod") ? "{template: {spec: " : "", cases[i].pod,
            strcmp(cases[i].kind, "Pod") ? "}}" : "");

        apply("paths", yaml);
        CHECK(wait_text("paths", cases[i].words), "%s: %s", cases[i].kind, cases[i].words);
        remove_owner("paths");
    }
    cluster_close(&cluster);
}

static void test_crash_loop(void)
{
    open_cluster();
    apply(
        "x",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x, namespace: lab}\n"
        "spec:\n  template:\n    spec:\n      containers: [{name: c, command: [sh, -c, 'exit 3']}]\n");
    CHECK(wait_text("x", "CrashLoopBackOff"), "what keeps ending waits before the next try");
    CHECK(wait_text("x", "ended with exit code 3"), "and says how it ended");
    CHECK(wait_phase("x", "Degraded"), "it is Degraded");
    remove_owner("x");
    cluster_close(&cluster);
}

static void test_jobs(void)
{
    open_cluster();
    apply("j",
          "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: lab}\n"
          "spec:\n  completions: 3\n  parallelism: 2\n  completionMode: Indexed\n"
          "  template:\n    spec:\n      restartPolicy: Never\n"
          "      containers: [{name: c, command: [sh, -c, 'test $JOB_COMPLETION_INDEX -ge 0']}]\n");
    CHECK(wait_phase("j", "Completed"), "an Indexed Job completes");
    CHECK(wait_text("j", "3 pods succeeded"), "with every index");
    cluster_close(&cluster);
    open_cluster();
    CHECK(wait_phase("j", "Completed"), "and is not run again by the next agent");
    remove_owner("j");
    apply("f", "apiVersion: batch/v1\nkind: Job\nmetadata: {name: f, namespace: lab}\n"
               "spec:\n  backoffLimit: 0\n  template:\n    spec:\n      restartPolicy: Never\n"
               "      containers: [{name: c, command: [sh, -c, 'exit 9']}]\n");
    CHECK(wait_phase("f", "Degraded"), "a Job that fails is Degraded");
    CHECK(wait_text("f", "BackoffLimitExceeded"), "with Kubernetes' reason");
    remove_owner("f");
    cluster_close(&cluster);
}

static void test_stateful_and_claims(void)
{
    scoped_arena struct arena *arena = arena_new();
    char *claim = arena_printf(arena, "%s/claims/lab.data-s-0/seen", folder);
    static const char yaml[] =
        "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s, namespace: lab}\n"
        "spec:\n  replicas: 2\n  serviceName: s\n  template:\n    spec:\n"
        "      terminationGracePeriodSeconds: 0\n"
        "      initContainers: [{name: i, command: [sh, -c, 'echo first > shared'], workingDir: ''}]\n"
        "      containers: [{name: c, command: [sh, -c, 'cat shared > data/seen; sleep 1000'],"
        " volumeMounts: [{name: data, mountPath: data}]}]\n"
        "  volumeClaimTemplates: [{metadata: {name: data}}]\n";

    open_cluster();
    apply("s", yaml);
    CHECK(wait_phase("s", "Running"), "a StatefulSet with claims and an init container runs");
    CHECK(wait_text("s", "\"name\":\"s-1\""), "with stable names");
    for (int i = 0; i < 200 && access(claim, F_OK) != 0; i++)
        loop_turn(loop, 10 * CLOCK_MS);
    CHECK(access(claim, F_OK) == 0, "it writes to its claim");
    remove_owner("s");
    CHECK(access(claim, F_OK) == 0, "which stays when it goes");
    cluster_close(&cluster);
}

static void test_oom(void)
{
    scoped_arena struct arena *arena = arena_new();

    open_cluster();
    if (strstr(document_json(arena, cluster_facts(cluster, arena)), "\"cgroup\":\"none\"")) {
        CHECK_SKIP("no cgroup may be made here");
        cluster_close(&cluster);
        return;
    }
    apply("o", "apiVersion: v1\nkind: Pod\nmetadata: {name: o, namespace: lab}\n"
               "spec:\n  restartPolicy: Never\n  containers:\n"
               "  - {name: c, command: [sh, -c, 'x=aaaaaaaa; while :; do x=$x$x; done'],"
               " resources: {limits: {memory: 16Mi}}}\n");
    CHECK(wait_text("o", "OOMKilled"), "too much memory is told as OOMKilled");
    CHECK(wait_phase("o", "Degraded"), "a failed Pod is Degraded, not current");
    remove_owner("o");
    cluster_close(&cluster);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "shim"))
        return runtime_shim_main(argc - 1, argv + 1);
    if (fixture_start() < 0)
        return 1;
    test_thin_path();
    test_adopts();
    test_troubles();
    test_waits_for_config();
    test_port_conflict();
    test_paths();
    test_crash_loop();
    test_jobs();
    test_stateful_and_claims();
    test_oom();
    CHECK(changes > 0 && *events, "changes and events were told");
    return fixture_end();
}
