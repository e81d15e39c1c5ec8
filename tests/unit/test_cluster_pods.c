/* SPDX-License-Identifier: Apache-2.0 */
/* What containers of a pod see, and in which order they start and end. */

#include "cluster_fixture.h"

static bool has_log(const char *pod, const char *container, const char *wanted)
{
    scoped_arena struct arena *arena = arena_new();
    char *path = arena_printf(arena, "%s/pods/lab.%s/logs/%s.log", folder, pod, container);
    char *bytes = arena_alloc(arena, 65536);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool found = fd >= 0 && read(fd, bytes, 65535) > 0 && strstr(bytes, wanted);

    if (fd >= 0)
        close(fd);
    return found;
}

static bool wait_log(const char *pod, const char *container, const char *wanted)
{
    int64_t end = clock_steady() + 60 * CLOCK_SECOND;

    while (!has_log(pod, container, wanted)) {
        if (clock_steady() > end) {
            printf("# no \"%s\" in the log of %s/%s\n", wanted, pod, container);
            return false;
        }
        loop_turn(loop, 10 * CLOCK_MS);
    }
    return true;
}

/* ---- What is delivered -------------------------------------------------------------- */

static const char sources[] =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: lab}\n"
    "data: {one: first, two: second}\n"
    "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: lab}\n"
    "data: {key: c2VjcmV0}\n";

static const struct {
    const char *name, *pod, *says;
} sights[] = {
    {"all keys of a projected volume",
     "metadata: {name: p, namespace: lab, labels: {a: b}}\nspec:\n"
     "  restartPolicy: Never\n"
     "  volumes: [{name: v, projected: {sources: [{configMap: {name: c, items: [{key: one, path: "
     "dir/one}]}}, {secret: {name: s}}, {downwardAPI: {items: [{path: labels, fieldRef: "
     "{fieldPath: metadata.labels}}]}}]}}]\n"
     "  containers: [{name: c, command: [sh, -c, 'cat v/dir/one v/key v/labels'], volumeMounts: "
     "[{name: v, mountPath: v}]}]\n",
     "firstsecreta=\"b\""},
    {"limits by the downward API",
     "metadata: {name: p, namespace: lab}\nspec:\n  restartPolicy: Never\n"
     "  volumes: [{name: v, downwardAPI: {items: [{path: m, resourceFieldRef: {containerName: c, "
     "resource: limits.memory, divisor: 1Mi}}]}}]\n"
     "  containers: [{name: c, command: [sh, -c, 'echo $(cat v/m) $CPU $NAME'], volumeMounts: "
     "[{name: v, mountPath: v}], resources: {limits: {memory: 200Mi, cpu: 1500m}}, env: "
     "[{name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}, {name: NAME, "
     "valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}]\n",
     "200 2 p"},
    {"a path below a volume made of variables",
     "metadata: {name: p, namespace: lab}\nspec:\n  restartPolicy: Never\n"
     "  volumes: [{name: v, configMap: {name: c}}]\n"
     "  containers: [{name: c, env: [{name: WHICH, value: two}], command: [cat, f], volumeMounts: "
     "[{name: v, mountPath: f, subPathExpr: $(WHICH)}]}]\n",
     "second"},
    {"a folder below a volume that is made when it is missing",
     "metadata: {name: p, namespace: lab}\nspec:\n  restartPolicy: Never\n"
     "  volumes: [{name: v, emptyDir: {}}]\n"
     "  initContainers: [{name: i, command: [sh, -c, 'ln -s / all/out'], volumeMounts: "
     "[{name: v, mountPath: all}]}]\n"
     "  containers: [{name: c, command: [sh, -c, 'echo made > /deep/file && cat /all/a/b/file'], "
     "volumeMounts: [{name: v, mountPath: /deep, subPath: a/b}, {name: v, mountPath: /all}]}]\n",
     "made"},
    {"files of its own group, whatever its user",
     "metadata: {name: p, namespace: lab}\nspec:\n  restartPolicy: Never\n"
     "  securityContext: {runAsUser: 700123, runAsGroup: 700124, fsGroup: 700125}\n"
     "  volumes: [{name: v, configMap: {name: c, defaultMode: 0400}}, {name: e, emptyDir: {}}]\n"
     "  containers: [{name: c, command: [sh, -c, 'cat v/one && echo more > e/file && cat e/file'], "
     "volumeMounts: [{name: v, mountPath: v}, {name: e, mountPath: e}]}]\n",
     "firstmore"},
};

static bool has_namespaces(void)
{
    scoped_arena struct arena *arena = arena_new();

    return node_count(node_at(cluster_facts(cluster, arena), "runtime", "namespaces", NULL)) > 0;
}

/* A link that a workload made is not followed out of its volume. */
static void test_link(void)
{
    open_cluster();
    if (!has_namespaces()) {
        CHECK_SKIP("no mount namespace may be made here");
        cluster_close(&cluster);
        return;
    }
    apply("p",
          "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: lab}\n"
          "spec:\n  restartPolicy: Never\n  volumes: [{name: v, emptyDir: {}}]\n"
          "  initContainers: [{name: i, command: [sh, -c, 'ln -s / all/out'], volumeMounts: "
          "[{name: v, mountPath: all}]}]\n"
          "  containers: [{name: c, command: [ls, /x], volumeMounts: [{name: v, mountPath: /x, "
          "subPath: out}]}]\n");
    CHECK(wait_phase("p", "Degraded"), "a subPath that is a link out of the volume is refused");
    CHECK(wait_text("p", "MountUnavailable"), "as MountUnavailable");
    remove_owner("p");
    cluster_close(&cluster);
}

static void test_sights(void)
{
    open_cluster();
    apply("sources", sources);
    for (size_t i = 0; i < count_of(sights); i++) {
        scoped_mem char *yaml = mem_printf("apiVersion: v1\nkind: Pod\n%s", sights[i].pod);

        if (strstr(yaml, "runAsUser") && geteuid() != 0) {
            CHECK_SKIP("not root");
            continue;
        }
        if (strstr(yaml, "/deep") && !has_namespaces()) {
            CHECK_SKIP("no mount namespace may be made here");
            continue;
        }
        apply("p", yaml);
        CHECK(wait_log("p", "c", sights[i].says), "%s", sights[i].name);
        CHECK(wait_phase("p", "Running"), "and the pod has succeeded");
        remove_owner("p");
    }
    remove_owner("sources");
    cluster_close(&cluster);
}

/* ---- Order ------------------------------------------------------------------------------ */

/* Each writes its name to a folder that all of them see. */
static void test_sidecar(void)
{
    static const char yaml[] =
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, namespace: lab}\n"
        "spec:\n  backoffLimit: 0\n  template:\n    spec:\n      restartPolicy: Never\n"
        "      terminationGracePeriodSeconds: 5\n"
        "      initContainers:\n"
        "      - {name: before, command: [sh, -c, 'echo before >> order']}\n"
        "      - name: side\n"
        "        restartPolicy: Always\n"
        "        command: [sh, -c, 'trap \"echo side-ends; exit 0\" TERM; echo side >> order; "
        "touch up; "
        "while :; do sleep 0.02; done']\n"
        "        startupProbe: {exec: {command: [test, -e, up]}, periodSeconds: 1}\n"
        "      - {name: after, command: [sh, -c, 'echo after >> order']}\n"
        "      containers: [{name: main, command: [sh, -c, 'echo main >> order; tr \"\\n\" . < "
        "order']}]\n";

    open_cluster();
    apply("j", yaml);
    CHECK(wait_phase("j", "Completed"), "a Job with a sidecar completes");
    CHECK(wait_text("j", "\"restarts\":0"), "which is not started again");
    cluster_close(&cluster);
    open_cluster();
    CHECK(wait_phase("j", "Completed"), "nor by the next agent");
    remove_owner("j");
    cluster_close(&cluster);
}

static void test_order(void)
{
    static const char yaml[] =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: o, namespace: lab}\n"
        "spec:\n  restartPolicy: Never\n"
        "  initContainers:\n"
        "  - {name: before, command: [sh, -c, 'echo before >> order']}\n"
        "  - name: side\n"
        "    restartPolicy: Always\n"
        "    command: [sh, -c, 'trap \"echo side-ends; exit 0\" TERM; echo side >> order; touch "
        "up; "
        "while :; do sleep 0.02; done']\n"
        "    startupProbe: {exec: {command: [test, -e, up]}, periodSeconds: 1}\n"
        "  - {name: after, command: [sh, -c, 'echo after >> order']}\n"
        "  containers: [{name: main, command: [sh, -c, 'echo main >> order; tr \"\\n\" . < "
        "order']}]\n";

    open_cluster();
    apply("o", yaml);
    CHECK(wait_log("o", "main", "before.side.after.main."), "each waits for the one before");
    CHECK(wait_log("o", "side", "side-ends"), "the sidecar ends when the work is done");
    CHECK(wait_phase("o", "Running"), "and the pod has succeeded");
    remove_owner("o");
    cluster_close(&cluster);
}

static void test_hooks(void)
{
    static const char yaml[] =
        "apiVersion: v1\nkind: Pod\nmetadata: {name: h, namespace: lab}\n"
        "spec:\n  terminationGracePeriodSeconds: 30\n  containers:\n"
        "  - name: a\n"
        "    command: [sh, -c, 'trap \"exit 0\" TERM; while :; do sleep 0.02; done']\n"
        "    readinessProbe: {exec: {command: [test, -e, begun]}, periodSeconds: 1}\n"
        "    lifecycle:\n"
        "      postStart: {exec: {command: [touch, begun]}}\n"
        "      preStop: {exec: {command: [sh, -c, 'true']}}\n"
        "  - name: b\n"
        "    command: [sh, -c, 'trap \"exit 0\" TERM; while :; do sleep 0.02; done']\n"
        "    lifecycle: {preStop: {exec: {command: [sh, -c, 'sleep 0.2']}}}\n"
        "  - name: c\n"
        "    command: [sh, -c, 'trap \"exit 0\" TERM; while :; do sleep 0.02; done']\n"
        "    lifecycle: {preStop: {sleep: {seconds: 1}}}\n";
    int64_t began;

    open_cluster();
    apply("h", yaml);
    CHECK(wait_phase("h", "Running"), "a pod is ready after its postStart hook");
    began = clock_steady();
    remove_owner("h");
    CHECK(clock_steady() - began >= 900 * CLOCK_MS, "its end waits for the hook that sleeps");
    apply("f",
          "apiVersion: v1\nkind: Pod\nmetadata: {name: f, namespace: lab}\n"
          "spec:\n  containers:\n  - {name: c, command: [sleep, '1000'], lifecycle: {postStart: "
          "{exec: {command: [sh, -c, 'echo no such luck; exit 3']}}}}\n");
    CHECK(wait_text("f", "FailedPostStartHook"), "a hook that fails ends the container");
    CHECK(strstr(events, "no such luck"), "and an Event says what it said");
    remove_owner("f");
    cluster_close(&cluster);
}

static void test_least(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *live;

    open_cluster();
    apply("l", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: l, namespace: lab}\n"
               "spec:\n  minReadySeconds: 2\n  template:\n    spec:\n"
               "      terminationGracePeriodSeconds: 0\n"
               "      containers: [{name: c, command: [sleep, '1000']}]\n");
    CHECK(wait_text("l", "\"ready\":1"), "a pod is ready");
    live = cluster_read(cluster, arena, "l", "apps/v1", "Deployment", "lab", "l");
    CHECK_INT((int)node_get_int(node_get(live, "status"), "availableReplicas", -1), 0,
              "but not available before minReadySeconds");
    CHECK(wait_phase("l", "Running"), "and then it is");
    remove_owner("l");
    cluster_close(&cluster);
}

static void test_host_paths(void)
{
    static const struct {
        const char *name, *volume, *phase, *says;
    } cases[] = {
        {"a folder that is made", "{path: /tmp/axle-allowed/made, type: DirectoryOrCreate}",
         "Running", ""},
        {"a file that is made", "{path: /tmp/axle-allowed/file, type: FileOrCreate}", "Running",
         ""},
        {"a folder that is a file", "{path: /tmp/axle-allowed/file, type: Directory}", "Degraded",
         "exists, but is not a Directory"},
        {"a file that is not there", "{path: /tmp/axle-allowed/none, type: File}", "Degraded",
         "No such file"},
        {"a type that is none", "{path: /tmp/axle-allowed/x, type: Folder}", "Degraded",
         "none of Kubernetes'"},
    };

    if (mkdir("/tmp/axle-allowed", 0777) < 0 && access("/tmp/axle-allowed", W_OK) < 0) {
        CHECK_SKIP("/tmp/axle-allowed belongs to somebody else");
        return;
    }
    open_cluster();
    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_mem char *yaml = mem_printf(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: v, namespace: lab}\nspec:\n"
            "  terminationGracePeriodSeconds: 0\n  restartPolicy: Never\n"
            "  volumes: [{name: v, hostPath: %s}]\n"
            "  containers: [{name: c, command: [sh, -c, 'test -e v && echo seen && sleep 1000'], "
            "volumeMounts: [{name: v, mountPath: v}]}]\n",
            cases[i].volume);

        apply("v", yaml);
        CHECK(wait_phase("v", cases[i].phase), "%s is %s", cases[i].name, cases[i].phase);
        CHECK(wait_text("v", cases[i].says), "and says why");
        if (!*cases[i].says)
            CHECK(wait_log("v", "c", "seen"), "and is seen");
        remove_owner("v");
    }
    cluster_close(&cluster);
    CHECK(rmdir("/tmp/axle-allowed/made") == 0 && unlink("/tmp/axle-allowed/file") == 0 &&
              rmdir("/tmp/axle-allowed") == 0,
          "what was made is there");
}

/* ---- Refused by name ----------------------------------------------------------------------- */

static const struct {
    const char *object, *says;
} refusals[] = {
    {"kind: Job\nspec: {podFailurePolicy: {rules: [{action: Retry, onExitCodes: {operator: In, "
     "values: [1]}}]}, %s}",
     "spec.podFailurePolicy.rules[0].action is FailJob, FailIndex, Ignore or Count, not "
     "\\\"Retry\\\""},
    {"kind: Job\nspec: {podFailurePolicy: {rules: [{action: Count}]}, %s}",
     "spec.podFailurePolicy.rules[0] has either onExitCodes or onPodConditions"},
    {"kind: Job\nspec: {podFailurePolicy: {rules: [{action: FailIndex, onExitCodes: {operator: "
     "In, values: [1]}}]}, %s}",
     "FailIndex needs spec.backoffLimitPerIndex"},
    {"kind: Job\nspec: {podFailurePolicy: {rules: [{action: Count, onExitCodes: {operator: In, "
     "values: [0]}}]}, %s}",
     "onExitCodes.values[0]: with In exit codes are greater than 0"},
    {"kind: Job\nspec: {podFailurePolicy: {rules: [{action: Count, onExitCodes: {operator: Is, "
     "values: [1]}}]}, %s}",
     "onExitCodes.operator is In or NotIn, not \\\"Is\\\""},
    {"kind: Job\nspec: {podFailurePolicy: {rules: [{action: Count, onExitCodes: {operator: In, "
     "values: [1], containerName: x}}]}, %s}",
     "onExitCodes.containerName \\\"x\\\" is none of the template's containers"},
    {"kind: Job\nspec: {podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: "
     "ConfigIssue}]}]}, %s}",
     "onPodConditions[0].type \\\"ConfigIssue\\\": of a pod that failed, this spoke knows the "
     "condition DisruptionTarget only"},
    {"kind: Job\nspec: {podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: "
     "DisruptionTarget, status: Yes!}]}]}, %s}",
     "onPodConditions[0].status is True, False or Unknown, not \\\"Yes!\\\""},
    {"kind: Job\nspec: {backoffLimitPerIndex: 1, %s}",
     "spec.backoffLimitPerIndex needs completionMode Indexed"},
    {"kind: Job\nspec: {completionMode: Indexed, completions: 2, maxFailedIndexes: 1, %s}",
     "spec.maxFailedIndexes needs spec.backoffLimitPerIndex"},
    {"kind: Job\nspec: {successPolicy: {rules: [{succeededCount: 1}]}, %s}",
     "spec.successPolicy needs completionMode Indexed"},
    {"kind: Job\nspec: {completionMode: Indexed, completions: 3, successPolicy: {rules: "
     "[{succeededIndexes: '0,2-3'}]}, %s}",
     "of rising indexes below 3, not \\\"0,2-3\\\""},
    {"kind: Job\nspec: {completionMode: Sorted, %s}",
     "spec.completionMode is NonIndexed or Indexed, not"},
    {"kind: Job\nspec: {podReplacementPolicy: Never, %s}",
     "spec.podReplacementPolicy is TerminatingOrFailed or Failed, not"},
    {"kind: Job\nspec: {completions: 1001, %s}",
     "spec.completions is 1001: a spoke runs at most 1000 pods of one workload"},
    {"kind: Deployment\nspec: {replicas: 5000, %s}",
     "spec.replicas is 5000: a spoke runs at most 1000 pods"},
    {"kind: Deployment\nspec: {paused: true, %s}", "spec.paused is not supported"},
    {"kind: Deployment\nspec: {strategy: {type: Sometimes}, %s}",
     "spec.strategy.type is RollingUpdate"},
    {"kind: Deployment\nspec: {selector: {matchLabels: {app: other}}, %s}",
     "spec.selector.matchLabels[app] is not among the labels"},
    {"kind: StatefulSet\nspec: {ordinals: {start: 1}, %s}", "spec.ordinals is not supported"},
    {"kind: StatefulSet\nspec: {persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}, %s}",
     "whenDeleted Delete: claims are only deleted by a person"},
};

static void test_refusals(void)
{
    open_cluster();
    for (size_t i = 0; i < count_of(refusals); i++) {
        bool job = strstr(refusals[i].object, "Job");
        scoped_mem char *template =
            mem_printf("template: {spec: {%s, containers: [{name: c, command: "
                       "[sleep, '1']}]}}",
                       job ? "restartPolicy: Never" : "hostname: h");
        const char *at = strstr(refusals[i].object, "%s");
        scoped_mem char *yaml =
            mem_printf("apiVersion: %s\nmetadata: {name: r, namespace: lab}\n%.*s%s%s",
                       job ? "batch/v1" : "apps/v1", (int)(at - refusals[i].object),
                       refusals[i].object, template, at + 2);

        apply("r", yaml);
        CHECK(wait_text("r", refusals[i].says), "%s", refusals[i].says);
        CHECK(wait_phase("r", "Degraded"), "is Degraded");
        remove_owner("r");
    }
    cluster_close(&cluster);
}

/* ---- What people deploy ------------------------------------------------------------ */

/* The shapes of an inference server, a vector database, a gateway: every field
   of them is understood, whatever this machine then says to the programs. */
static const char *const shapes[] = {
    "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: cache, namespace: lab}\n"
    "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 60Gi}}}\n"
    "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: vllm, namespace: lab, labels: "
    "{app: "
    "vllm}}\nspec:\n  replicas: 1\n  strategy: {type: Recreate}\n  selector: {matchLabels: {app: "
    "vllm}}\n"
    "  template:\n    metadata: {labels: {app: vllm}}\n    spec:\n      runtimeClassName: process\n"
    "      containers:\n      - name: vllm\n        image: vllm/vllm-openai:latest\n"
    "        command: [axle-no-such-server]\n        args: [--port, '8000']\n"
    "        env: [{name: HF_TOKEN, valueFrom: {secretKeyRef: {name: hf, key: token, optional: "
    "true}}}]\n"
    "        ports: [{name: http, containerPort: 0}]\n"
    "        resources: {requests: {cpu: '2', memory: 8Gi}, limits: {memory: 24Gi}}\n"
    "        startupProbe: {httpGet: {path: /health, port: http}, periodSeconds: 10, "
    "failureThreshold: 180}\n"
    "        readinessProbe: {httpGet: {path: /health, port: http}, periodSeconds: 5}\n"
    "        livenessProbe: {httpGet: {path: /health, port: http}, periodSeconds: 10, "
    "failureThreshold: 6}\n"
    "        volumeMounts: [{name: cache, mountPath: cache}, {name: shm, mountPath: shm}]\n"
    "      volumes:\n      - {name: cache, persistentVolumeClaim: {claimName: cache}}\n"
    "      - {name: shm, emptyDir: {medium: Memory, sizeLimit: 4Gi}}\n"
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: vllm, namespace: lab}\n"
    "spec: {selector: {app: vllm}, ports: [{name: http, port: 80, targetPort: http}]}\n",
    "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: qdrant, namespace: lab}\nspec:\n"
    "  serviceName: qdrant\n  replicas: 1\n  selector: {matchLabels: {app: qdrant}}\n  template:\n"
    "    metadata: {labels: {app: qdrant}}\n    spec:\n      runtimeClassName: process\n"
    "      nodeSelector: {disk: fast}\n      tolerations: [{operator: Exists}]\n"
    "      imagePullSecrets: [{name: pull}]\n      terminationGracePeriodSeconds: 5\n"
    "      securityContext: {fsGroup: 2000, runAsNonRoot: true}\n"
    "      containers:\n      - name: qdrant\n        image: qdrant/qdrant:v1.18.1\n"
    "        command: [axle-no-such-server]\n        imagePullPolicy: IfNotPresent\n"
    "        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}, "
    "readOnlyRootFilesystem: true}\n"
    "        ports: [{name: http, containerPort: 0}, {name: grpc, containerPort: 0}]\n"
    "        livenessProbe: {httpGet: {path: /livez, port: http}}\n"
    "        readinessProbe: {grpc: {port: 6334}}\n"
    "        volumeMounts: [{name: storage, mountPath: storage}]\n"
    "  volumeClaimTemplates:\n  - metadata: {name: storage}\n"
    "    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 20Gi}}}\n",
    "apiVersion: batch/v1\nkind: Job\nmetadata: {name: train, namespace: lab}\nspec:\n"
    "  completionMode: Indexed\n  completions: 2\n  parallelism: 2\n  backoffLimit: 0\n"
    "  ttlSecondsAfterFinished: 86400\n  template:\n    metadata: {labels: {app: train}}\n    "
    "spec:\n"
    "      runtimeClassName: process\n      restartPolicy: Never\n      subdomain: train\n"
    "      containers:\n      - name: worker\n        image: pytorch/pytorch\n"
    "        command: [axle-no-such-server, --node-rank=$(JOB_COMPLETION_INDEX)]\n"
    "        resources: {limits: {memory: 32Gi}}\n"
    "        volumeMounts: [{name: shm, mountPath: shm}]\n"
    "      volumes: [{name: shm, emptyDir: {medium: Memory, sizeLimit: 8Gi}}]\n",
};

/* Whoever waits says for what. */
static void test_waits(void)
{
    static const struct {
        const char *name, *pod, *says;
    } cases[] = {
        {"hook",
         "containers: [{name: c, command: [sleep, '1000'], lifecycle: {postStart: {exec: "
         "{command: [sleep, '1000']}}}}]",
         "pod hook: container c: its postStart hook has not ended yet"},
        {"init",
         "initContainers: [{name: first, command: [sleep, '1000']}]\n"
         "  containers: [{name: c, command: [sleep, '1000']}]",
         "pod init waits for the init container first to end"},
        {"startup",
         "containers: [{name: c, command: [sleep, '1000'], startupProbe: {exec: "
         "{command: [sleep, '30']}, timeoutSeconds: 40}}]",
         "container c: its startupProbe has not succeeded yet"},
        {"ready",
         "containers: [{name: c, command: [sleep, '1000'], readinessProbe: {exec: "
         "{command: [sleep, '30']}, timeoutSeconds: 40}}]",
         "container c: its readinessProbe has not succeeded yet"},
    };

    open_cluster();
    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_mem char *yaml =
            mem_printf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: lab}\n"
                       "spec:\n  terminationGracePeriodSeconds: 0\n  %s\n",
                       cases[i].name, cases[i].pod);

        apply(cases[i].name, yaml);
        CHECK(wait_text(cases[i].name, cases[i].says), "a pod that waits says: %s", cases[i].says);
        remove_owner(cases[i].name);
    }
    cluster_close(&cluster);
}

static void test_shapes(void)
{
    open_cluster();
    for (size_t i = 0; i < count_of(shapes); i++) {
        /* A spoke that is not root has no other group to give, and says so. */
        bool refused = geteuid() != 0 && strstr(shapes[i], "fsGroup");

        apply("shape", shapes[i]);
        CHECK(wait_text("shape", refused ? "this spoke is not root" : "axle-no-such-server"),
              "every field of shape %zu is understood", i);
        CHECK(wait_phase("shape", "Degraded"), "only its program is missing");
        remove_owner("shape");
    }
    cluster_close(&cluster);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "shim"))
        return runtime_shim_main(argc - 1, argv + 1);
    if (fixture_start() < 0)
        return 1;
    test_sights();
    test_link();
    test_sidecar();
    test_order();
    test_hooks();
    test_least();
    test_host_paths();
    test_refusals();
    test_shapes();
    test_waits();
    return fixture_end();
}
