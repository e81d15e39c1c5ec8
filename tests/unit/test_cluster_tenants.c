/* SPDX-License-Identifier: Apache-2.0 */
/* Two projects use a namespace of one name on one machine and never meet. */

#include "cluster_fixture.h"

#define OBJECT(kind, name)                                                                         \
    "apiVersion: v1\nkind: " kind "\nmetadata: {name: " name ", namespace: shared}\n"
#define POD(name)                                                                                  \
    OBJECT("Pod", name) "spec:\n  restartPolicy: Never\n  terminationGracePeriodSeconds: 0\n"

/* acme's: everything that another project might reach for. */
static const char acme[] =
    OBJECT("Secret", "s") "stringData: {key: acmes-secret}\n---\n" OBJECT("ConfigMap", "c") "data: {KEY: acmes-config}\n---\n" OBJECT(
        "PersistentVolumeClaim",
        "d") "spec: {resources: {requests: {storage: 1Mi}}}\n---\n" OBJECT("Service",
                                                                           "web") "spec: {selector: {app: web}, ports: [{port: 18099}]}\n---\n"
                                                                                  "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shared, labels: {app: web}}\n"
                                                                                  "spec:\n  terminationGracePeriodSeconds: 0\n"
                                                                                  "  volumes: [{name: d, persistentVolumeClaim: {claimName: d}}]\n"
                                                                                  "  containers: [{name: c, command: [sh, -c, 'echo acmes-data > d/file; exec sleep 1000'], "
                                                                                  "volumeMounts: [{name: d, mountPath: d}], env: [{name: S, valueFrom: {secretKeyRef: {name: s, "
                                                                                  "key: key}}}]}]\n";

static const struct {
    const char *name, *yaml, *waits;
} reaches[] = {
    {"a Secret's key in the environment",
     POD("p") "  containers: [{name: c, command: [env], env: [{name: X, valueFrom: {secretKeyRef: "
              "{name: s, key: key}}}]}]\n",
     "MissingSecret"},
    {"a ConfigMap's key in the environment",
     POD("p") "  containers: [{name: c, command: [env], env: [{name: X, valueFrom: "
              "{configMapKeyRef: {name: c, key: KEY}}}]}]\n",
     "MissingConfigMap"},
    {"all of a Secret in the environment",
     POD("p") "  containers: [{name: c, command: [env], envFrom: [{secretRef: {name: s}}]}]\n",
     "MissingSecret"},
    {"all of a ConfigMap in the environment",
     POD("p") "  containers: [{name: c, command: [env], envFrom: [{configMapRef: {name: c}}]}]\n",
     "MissingConfigMap"},
    {"a Secret as a volume",
     POD("p") "  volumes: [{name: v, secret: {secretName: s}}]\n"
              "  containers: [{name: c, command: [ls], volumeMounts: [{name: v, mountPath: v}]}]\n",
     "MissingSecret"},
    {"a ConfigMap as a volume",
     POD("p") "  volumes: [{name: v, configMap: {name: c}}]\n"
              "  containers: [{name: c, command: [ls], volumeMounts: [{name: v, mountPath: v}]}]\n",
     "MissingConfigMap"},
    {"a projected Secret",
     POD("p") "  volumes: [{name: v, projected: {sources: [{secret: {name: s}}]}}]\n"
              "  containers: [{name: c, command: [ls], volumeMounts: [{name: v, mountPath: v}]}]\n",
     "MissingSecret"},
    {"a claim",
     POD("p") "  volumes: [{name: v, persistentVolumeClaim: {claimName: d}}]\n"
              "  containers: [{name: c, command: [ls], volumeMounts: [{name: v, mountPath: v}]}]\n",
     "MissingPersistentVolumeClaim"},
};

/* What an own pod of another project may find, and must not. */
static const char looker[] =
    OBJECT("PersistentVolumeClaim", "d") "spec: {resources: {requests: {storage: 1Mi}}}\n---\n" OBJECT(
        "Service",
        "theirs") "spec: {selector: {app: web}, ports: [{port: 18098}]}\n---\n" POD("web") "  volumes: [{name: d, persistentVolumeClaim: {claimName: d}}]\n"
                                                                                           "  containers: [{name: c, command: [sh, -c, 'ls d; cat /etc/hosts \"$AXLE_HOSTS\" 2>/dev/null; "
                                                                                           "env; id -u; echo looked'], volumeMounts: [{name: d, mountPath: d}]}]\n";

static char *log_of(struct arena *arena, const char *pod)
{
    char *path = arena_printf(arena, "%s/pods/%s/logs/c.log", folder, pod);
    char *bytes = arena_alloc(arena, 65536);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, bytes, 65535) : 0;

    if (fd >= 0)
        close(fd);
    bytes[got > 0 ? got : 0] = '\0';
    return bytes;
}

static const char *wait_log(struct arena *arena, const char *pod, const char *wanted)
{
    int64_t end = clock_steady() + 30 * CLOCK_SECOND;
    char *said;

    while (!strstr(said = log_of(arena, pod), wanted) && clock_steady() < end)
        loop_turn(loop, 20 * CLOCK_MS);
    return said;
}

static uid_t user_of(const char *owner)
{
    scoped_mem char *path = mem_printf("/proc/%d", (int)pid_of(owner));
    struct stat about = {0};

    return stat(path, &about) == 0 ? about.st_uid : 0;
}

static void test_reaches(void)
{
    for (size_t i = 0; i < count_of(reaches); i++) {
        apply_of("evil", "p", reaches[i].yaml);
        CHECK(wait_text("p", reaches[i].waits), "%s of another project is not there",
              reaches[i].name);
        remove_owner("p");
        apply_of(NULL, "p", reaches[i].yaml);
        CHECK(wait_text("p", reaches[i].waits), "nor for a work of no project");
        remove_owner("p");
        apply_of("acme", "p", reaches[i].yaml);
        CHECK(wait_phase("p", "Running"), "but for another work of the same project");
        remove_owner("p");
    }
}

static void test_looker(void)
{
    scoped_arena struct arena *arena = arena_new();
    const char *said;

    apply_of("evil", "looker", looker);
    CHECK(wait_phase("looker", "Running"), "another project has names of its own there");
    said = wait_log(arena, "shared..evil.web", "looked");
    CHECK(strstr(said, "looked") != NULL, "its pods have folders of their own");
    CHECK(!strstr(said, "file"), "its claim of the same name is another one");
    CHECK(!strstr(said, "web.shared") && !strstr(said, "WEB_SERVICE"), "no Service is told to it");
    CHECK(strstr(said, "THEIRS_SERVICE_HOST") != NULL, "but its own");
    CHECK(wait_text("looker", "\"ready\":0"), "its Service leads to no pod of the other's");
    CHECK(!cluster_read(cluster, arena, "looker", "v1", "Secret", "shared", "s") &&
              !cluster_read(cluster, arena, "looker", "v1", "ConfigMap", "shared", "c"),
          "feedback cannot read the other's objects");
    CHECK(cluster_read(cluster, arena, "acme", "v1", "Secret", "shared", "s") != NULL,
          "as its own work can");
    if (geteuid() == 0)
        CHECK(!strstr(said, arena_printf(arena, "\n%u\n", (unsigned)user_of("acme"))),
              "its processes have a user of their own");
    remove_owner("looker");
}

/* The second to come waits its turn, and takes nothing. */
static void test_node_port(void)
{
    static const char service[] = OBJECT(
        "Service", "door") "spec: {type: NodePort, selector: {app: door}, ports: [{port: 18097, "
                           "nodePort: 31097}]}\n";

    apply_of("acme", "port", service);
    CHECK(wait_phase("port", "Running"), "a Service has a port of the machine");
    apply_of("evil", "thief", service);
    CHECK(wait_text("thief", "taken by another Service"), "which no other project's takes from it");
    CHECK(wait_phase("port", "Running"), "and the first one keeps it");
    remove_owner("port");
    CHECK(wait_phase("thief", "Running"), "until it goes");
    remove_owner("thief");
}

static const char user[] = OBJECT("Secret", "key") "stringData: {key: both}\n---\n" OBJECT(
    "Pod",
    "NAME") "spec:\n  terminationGracePeriodSeconds: 0\n"
            "  containers: [{name: c, command: [sleep, '1000'], env: [{name: S, valueFrom: {secretKeyRef: "
            "{name: key, key: key}}}]}]\n";

static void apply_user(const char *project, const char *name)
{
    const char *at = strstr(user, "NAME");
    scoped_mem char *yaml = mem_printf("%.*s%s%s", (int)(at - user), user, name, at + 4);

    apply_of(project, name, yaml);
}

static void test_shared(void)
{
    scoped_arena struct arena *arena = arena_new();
    int64_t pid;

    apply_user("acme", "one");
    apply_user("acme", "two");
    CHECK(wait_phase("one", "Running") && wait_phase("two", "Running"),
          "two works of one project share a Secret");
    pid = pid_of("two");
    remove_owner("one");
    CHECK(wait_phase("two", "Running") && pid_of("two") == pid, "the end of one restarts nothing");
    cluster_close(&cluster);
    open_cluster();
    CHECK(wait_phase("two", "Running") && pid_of("two") == pid, "nor does a restart of the agent");
    CHECK(cluster_read(cluster, arena, "two", "v1", "Secret", "shared", "key") != NULL,
          "and the other one still has it");
    remove_owner("two");
    CHECK(!cluster_read(cluster, arena, "acme", "v1", "Secret", "shared", "key"),
          "the end of the last one removes it");
}

static void test_second(void)
{
    apply_of("acme", "one", POD("same") "  containers: [{name: c, command: [sleep, '1000']}]\n");
    apply_of("acme", "two", POD("same") "  containers: [{name: c, command: [sleep, '1001']}]\n");
    CHECK(wait_text("two", "OwnedByOther"), "a second Pod of one name is refused in one project");
    remove_owner("one");
    CHECK(wait_phase("two", "Running") && pid_of("two"), "and gets its turn when the first goes");
    remove_owner("two");
}

/* A store of a program that did not know projects, and a work that moves. */
static void test_given(void)
{
    scoped_arena struct arena *arena = arena_new();
    int64_t pid;

    apply_user(NULL, "moves");
    CHECK(wait_phase("moves", "Running"), "a work of no project");
    pid = pid_of("moves");
    apply_user("acme", "moves");
    CHECK(wait_phase("moves", "Running") && pid_of("moves") == pid,
          "is given to a project without a restart");
    cluster_close(&cluster);
    open_cluster();
    CHECK(wait_phase("moves", "Running") && pid_of("moves") == pid, "and stays there");
    CHECK(cluster_read(cluster, arena, "acme", "v1", "Secret", "shared", "key") != NULL,
          "its objects are the project's");
    remove_owner("moves");
}

static void test_leaves(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    static const char yaml[] = OBJECT("Secret", "left") "stringData: {key: behind}\n";
    struct cluster_manifest item = {
        .object =
            node_item(document_read_all(arena, yaml, strlen(yaml), &document_limits_api, &err), 0),
        .orphan = true,
    };
    struct cluster_set set = {.owner = "leaver", .project = "acme", .items = &item, .count = 1};

    cluster_apply(cluster, &set);
    remove_owner("leaver");
    cluster_close(&cluster);
    open_cluster();
    CHECK(cluster_read(cluster, arena, "acme", "v1", "Secret", "shared", "left") != NULL,
          "what a work leaves behind is its project's, also after a restart");
    apply_of("evil", "p",
             POD("p") "  containers: [{name: c, command: [env], envFrom: [{secretRef: "
                      "{name: left}}]}]\n");
    CHECK(wait_text("p", "MissingSecret"), "and no other project's");
    remove_owner("p");
    item.orphan = false;
    cluster_apply(cluster, &set);
    remove_owner("leaver");
    CHECK(!cluster_read(cluster, arena, "acme", "v1", "Secret", "shared", "left"),
          "a work that has it again takes it along");
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "shim"))
        return runtime_shim_main(argc - 1, argv + 1);
    if (fixture_start() < 0)
        return 1;
    open_cluster();
    apply_of("acme", "acme", acme);
    CHECK(wait_phase("acme", "Running"), "a project runs in the namespace \"shared\"");
    test_reaches();
    test_looker();
    test_node_port();
    test_shared();
    test_second();
    test_given();
    test_leaves();
    remove_owner("acme");
    cluster_close(&cluster);
    return fixture_end();
}
