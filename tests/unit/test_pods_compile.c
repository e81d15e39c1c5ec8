/* SPDX-License-Identifier: Apache-2.0 */
/* What a pod's template becomes on this machine: environment, files, mounts, rights, ports. */

#include "check.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"
#include "pods/pods.h"
#include "sim/runtime.h"
#include "sim/world.h"

#include <string.h>

#define FOLDER "edge-compile"

static struct pods *pods;
static struct loop *loop;
static struct node *config, *secret;
static const char *workload = "apps/StatefulSet/ns/train";

/* ---- The caller's side -------------------------------------------------------------------- */

static void on_event(void *arg, const struct pods_event *event)
{
}

static void tell_workload(void *arg, const struct pod *pod, struct pods_workload *ret)
{
    *ret = (struct pods_workload){.name = "train",
                                  .indexed = pod->index >= 0,
                                  .current = true,
                                  .job = text_starts(pod->workload, "batch/")};
}

static bool may_restart(void *arg, const struct pod *pod)
{
    return true;
}

static const char *project_of_owner(void *arg, const char *owner)
{
    return "lab";
}

static const struct node *find_source(void *arg, const struct pods_viewer *viewer, const char *kind,
                                      const char *name)
{
    if (!strcmp(kind, "ConfigMap"))
        return !strcmp(name, "m") ? config : NULL;
    return !strcmp(name, "s") ? secret : NULL;
}

static struct node *write_hosts(void *arg, const struct pod *pod, struct arena *arena)
{
    struct node *list = node_list(arena);

    node_add(arena, list, node_string(arena, "127.0.0.1 web.ns"));
    return list;
}

static void add_service_env(void *arg, const struct pod *pod, struct arena *arena,
                            struct node *values)
{
    node_set_text(arena, values, "WEB_SERVICE_HOST", "127.0.0.1");
}

static struct runtime_range host_ports; /* what the machine's administrator gives; 0: any */

static void open_pods(void)
{
    struct pods_options options = {
        .loop = loop,
        .runtime = &runtime_simulated,
        .runtime_options = {.directory = FOLDER},
        .address = "10.0.0.7",
        .bounds = {.host_ports = host_ports},
        .callbacks = {NULL, on_event, tell_workload, may_restart, project_of_owner, find_source,
                      write_hosts, add_service_env},
    };
    struct err err = {0};

    if (runtime_bounds_settle(&options.bounds, &err) < 0 || pods_open(&options, &pods, &err) < 0)
        printf("Bail out! %s\n", err.text);
}

static struct pod *start_pod(const char *name, int index, const char *yaml)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    struct node *template =
        document_read_yaml(arena, yaml, strlen(yaml), true, &document_limits_api, &err);
    struct pod *pod;
    size_t at = 0;

    if (!template)
        printf("Bail out! %s\n", err.text);
    pods_start(pods, &(struct pods_new){.project = "lab",
                                        .namespace = "ns",
                                        .name = name,
                                        .workload = workload,
                                        .owner = "w",
                                        .hash = "1",
                                        .index = index,
                                        .template = template});
    while ((pod = pods_next(pods, &at)))
        if (!strcmp(pod->name, name))
            return pod;
    return NULL;
}

/* ---- What is compiled ----------------------------------------------------------------------- */

#define ONE(more) "spec: {containers: [{name: c, command: [run]" more "}]}"
#define ENV(list) ONE(", env: [" list "]")
#define FIELD(path) ENV("{name: A, valueFrom: {fieldRef: {fieldPath: " path "}}}")
#define META "metadata: {labels: {app: web, tier: b}, annotations: {note: n1}}\n"
#define LIMITED(more)                                                                              \
    ONE(", resources: {limits: {cpu: 1500m, memory: 1Gi}, requests: {memory: 512Mi}}" more)
#define RESOURCE(what) LIMITED(", env: [{name: A, valueFrom: {resourceFieldRef: {" what "}}}]")
#define VOLUME(volume)                                                                             \
    "spec: {volumes: [{name: v, " volume "}], containers: [{name: c, command: [run], "             \
    "volumeMounts: [{name: v, mountPath: /v}]}]}"
#define MOUNT(mount)                                                                               \
    "spec: {volumes: [{name: v, emptyDir: {}}], containers: [{name: c, command: [run], env: "      \
    "[{name: D, value: down}], volumeMounts: [{name: v, mountPath: /v" mount "}]}]}"
#define PORTS(ports) ONE(", ports: [" ports "]")

static const struct {
    const char *name, *yaml, *words;
} compiled[] = {
    {"a command and its arguments", ONE(", args: [a, b]"), "\"command\":[\"run\",\"a\",\"b\"]"},
    {"a variable", ENV("{name: A, value: x}"), "\"A=x\""},
    {"a variable of a variable", ENV("{name: A, value: x}, {name: B, value: 'y$(A)z'}"),
     "\"B=yxz\""},
    {"one that is not there", ENV("{name: B, value: 'y$(A)z'}"), "\"B=y$(A)z\""},
    {"one without its end", ENV("{name: A, value: x}, {name: B, value: 'y$(A'}"), "\"B=y$(A\""},
    {"one that is escaped", ENV("{name: A, value: x}, {name: B, value: '$$(A)'}"), "\"B=$(A)\""},
    {"a variable in a command",
     "spec: {containers: [{name: c, command: [run, '$(A)'], env: [{name: A, value: x}]}]}",
     "[\"run\",\"x\"]"},
    {"the name of its host", ONE(""), "\"HOSTNAME=train-0\""},
    {"Services", ONE(""), "\"WEB_SERVICE_HOST=127.0.0.1\""},
    {"a key of a ConfigMap", ENV("{name: A, valueFrom: {configMapKeyRef: {name: m, key: k}}}"),
     "\"A=v\""},
    {"a key of a Secret", ENV("{name: A, valueFrom: {secretKeyRef: {name: s, key: pass}}}"),
     "\"A=word\""},
    {"a key of a Secret as plain text",
     ENV("{name: A, valueFrom: {secretKeyRef: {name: s, key: plain}}}"), "\"A=text\""},
    {"a key that may be missing",
     ENV("{name: A, valueFrom: {configMapKeyRef: {name: m, key: x, optional: true}}}, {name: B, "
         "value: b}"),
     "\"B=b\""},
    {"all of a ConfigMap", ONE(", envFrom: [{prefix: P_, configMapRef: {name: m}}]"), "\"P_k=v\""},
    {"all of a Secret", ONE(", envFrom: [{secretRef: {name: s}}]"), "\"pass=word\""},
    {"its plain text, too", ONE(", envFrom: [{secretRef: {name: s}}]"), "\"plain=text\""},
    {"one that may be missing", ONE(", envFrom: [{secretRef: {name: x, optional: true}}]"),
     "\"HOSTNAME=train-0\""},
    {"env before envFrom",
     ONE(", envFrom: [{configMapRef: {name: m}}], env: [{name: k, value: w}]"), "\"k=w\""},
    {"its name", FIELD("metadata.name"), "\"A=train-0\""},
    {"its namespace", FIELD("metadata.namespace"), "\"A=ns\""},
    {"its machine", FIELD("spec.nodeName"), "\"A=10.0.0.7\""},
    {"its address", FIELD("status.podIP"), "\"A=127.0.0.1\""},
    {"its machine's address", FIELD("status.hostIP"), "\"A=10.0.0.7\""},
    {"its account", FIELD("spec.serviceAccountName"), "\"A=default\""},
    {"a label", META FIELD("\"metadata.labels['app']\""), "\"A=web\""},
    {"an annotation", META FIELD("\"metadata.annotations['note']\""), "\"A=n1\""},
    {"all labels", META FIELD("metadata.labels"), "\"A=app=\\\"web\\\"\\ntier=\\\"b\\\"\""},
    {"a limit in whole processors", RESOURCE("resource: limits.cpu"), "\"A=2\""},
    {"a limit in thousandths", RESOURCE("resource: limits.cpu, divisor: 1m"), "\"A=1500\""},
    {"a limit in mebibytes", RESOURCE("resource: limits.memory, divisor: 1Mi"), "\"A=1024\""},
    {"a request", RESOURCE("resource: requests.memory, divisor: 1Mi"), "\"A=512\""},
    {"a limit that is not there", RESOURCE("resource: requests.cpu"), "\"A=0\""},
    {"limits", LIMITED(""), "\"memory\":1073741824,\"cpu\":1500,\"pids\":4096"},
    {"a working folder", ONE(", workingDir: /srv"), "\"directory\":\"/srv\""},

    {"a fixed port", PORTS("{containerPort: 8080}"), "\"PORT=8080\""},
    {"a named port", PORTS("{name: web-ui, containerPort: 8081}"), "\"PORT_WEB_UI=8081\""},
    {"a second port", PORTS("{containerPort: 8082}, {name: b, containerPort: 8083}"),
     "\"PORT=8082\",\"PORT_B=8083\""},

    {"files of a ConfigMap", VOLUME("configMap: {name: m}"),
     "\"files\":{\"k\":{\"text\":\"v\",\"mode\":420}"},
    {"bytes of a ConfigMap", VOLUME("configMap: {name: m}"), "\"bin\":{\"base64\":\"/w==\""},
    {"files with their mode", VOLUME("configMap: {name: m, defaultMode: 493}"), "\"mode\":493}"},
    {"a mode that its group can read", VOLUME("configMap: {name: m, defaultMode: 256}"),
     "\"mode\":288}"},
    {"one key at a path of its own",
     VOLUME("configMap: {name: m, items: [{key: k, path: d/f, mode: 480}]}"),
     "\"files\":{\"d/f\":{\"text\":\"v\",\"mode\":480}}"},
    {"files of a Secret", VOLUME("secret: {secretName: s}"), "\"secret\":true"},
    {"with their values", VOLUME("secret: {secretName: s}"), "\"pass\":{\"text\":\"word\""},
    {"files that may be missing", VOLUME("secret: {secretName: x, optional: true}"),
     "\"files\":{}"},
    {"the downward API",
     META VOLUME("downwardAPI: {items: [{path: l, fieldRef: {fieldPath: metadata.name}}]}"),
     "\"files\":{\"l\":{\"text\":\"train-0\",\"mode\":420}}"},
    {"resources as files",
     VOLUME("downwardAPI: {defaultMode: 288, items: [{path: l, resourceFieldRef: {containerName: "
            "c, resource: limits.cpu}}]}"),
     "\"files\":{\"l\":{\"text\":\"0\",\"mode\":288}}"},
    {"projected files",
     VOLUME("projected: {defaultMode: 292, sources: [{configMap: {name: m, items: [{key: k, path: "
            "a}]}}, {secret: {name: s, items: [{key: pass, path: b}]}}]}"),
     "\"secret\":true,\"files\":{\"a\":{\"text\":\"v\",\"mode\":292},\"b\":{\"text\":\"word\","
     "\"mode\":292}}"},
    {"an empty folder", VOLUME("emptyDir: {}"), "\"type\":\"empty\",\"memory\":false}"},
    {"one of a size", VOLUME("emptyDir: {sizeLimit: 1Mi}"), "\"memory\":false,\"size\":1048576"},
    {"one in memory", VOLUME("emptyDir: {medium: Memory}"), "\"memory\":true,\"size\":"},
    {"a folder of the machine", VOLUME("hostPath: {path: /srv, type: DirectoryOrCreate}"),
     "\"type\":\"host\",\"path\":\"/srv\",\"create\":true,\"file\":false,\"must\":\"Directory\""},
    {"a file of the machine", VOLUME("hostPath: {path: /srv/f, type: FileOrCreate}"),
     "\"create\":true,\"file\":true,\"must\":\"File\""},
    {"a socket of the machine", VOLUME("hostPath: {path: /srv/s, type: Socket}"),
     "\"create\":false,\"file\":false,\"must\":\"Socket\""},
    {"anything of the machine", VOLUME("hostPath: {path: /srv}"), "\"file\":false}"},

    {"a mount", MOUNT(""), "{\"volume\":\"v\",\"path\":\"/v\",\"readOnly\":false}"},
    {"a mount to read from", MOUNT(", readOnly: true"), "\"path\":\"/v\",\"readOnly\":true"},
    {"a part of a volume", MOUNT(", subPath: a/b"), "\"subPath\":\"a/b\""},
    {"a part that a variable names", MOUNT(", subPathExpr: 'x/$(D)'"), "\"subPath\":\"x/down\""},

    {"a user", ONE(", securityContext: {runAsUser: 2000, runAsGroup: 3000}"),
     "\"user\":2000,\"group\":3000"},
    {"groups",
     "spec: {securityContext: {fsGroup: 7, supplementalGroups: [8, 9], "
     "fsGroupChangePolicy: Always}, containers: [{name: c, command: [run]}]}",
     "\"fsGroup\":7,\"groups\":[8,9],\"fsGroupPolicy\":\"Always\""},
    {"a root that cannot be written", ONE(", securityContext: {readOnlyRootFilesystem: true}"),
     "\"readOnlyRoot\":true"},
    {"privileges", ONE(", securityContext: {privileged: true}"), "\"privileged\":true"},
    {"a capability", ONE(", securityContext: {capabilities: {add: [NET_ADMIN]}}"),
     "\"capabilities\":[\"12\"]"},
    {"root with one",
     ONE(", securityContext: {runAsUser: 0, capabilities: {drop: [ALL], add: "
         "[CHOWN]}}"),
     "\"capabilities\":[\"0\"]"},

    {"a restart at once", ONE(""), "\"again\":{\"on\":\"any\",\"after\":600}"},
    {"after failures only",
     "spec: {restartPolicy: OnFailure, containers: [{name: c, command: "
     "[run]}]}",
     "\"again\":{\"on\":\"failure\""},
    {"its host", ONE(""), "\"hostname\":\"train-0\""},
    {"half a minute to end", ONE(""), "\"grace\":30000"},
    {"as long as it wants",
     "spec: {terminationGracePeriodSeconds: 5, containers: [{name: c, command: [run]}]}",
     "\"grace\":5000"},
    {"names of other hosts",
     "spec: {hostAliases: [{ip: 10.1.1.1, hostnames: [a, b]}], containers: [{name: c, command: "
     "[run]}]}",
     "\"hosts\":[\"127.0.0.1 train-0\",\"10.1.1.1 a\",\"10.1.1.1 b\",\"127.0.0.1 web.ns\"]"},
    {"a limit of its disk", ONE(", resources: {limits: {ephemeral-storage: 1000}}"),
     "\"disk\":1000,"},
    {"the sum of its containers' limits",
     "spec: {containers: [{name: c, command: [run], resources: {limits: {ephemeral-storage: "
     "1000}}}, {name: d, command: [run], resources: {limits: {ephemeral-storage: 500}}}]}",
     "\"disk\":1500,"},
};

static struct pod *make(const char *yaml)
{
    return start_pod("train-0", 0, yaml);
}

static void end(struct loop_world *world, struct pod *pod)
{
    pods_end(pod);
    loop_world_run(world, 120 * CLOCK_SECOND);
    CHECK(!pods_count(pods), "the pod is gone before the next one");
}

static void check_compiled(struct loop_world *world)
{
    for (size_t i = 0; i < count_of(compiled); i++) {
        struct pod *pod = make(compiled[i].yaml);

        CHECK(pod && pod->state == POD_RUNNING, "%s: the pod runs (%s)", compiled[i].name,
              pod ? pod->why.message : "");
        CHECK(runtime_simulated_running_of(FOLDER, compiled[i].words) > 0, "%s: %s",
              compiled[i].name, compiled[i].words);
        end(world, pod);
    }
}

/* What is not said of it. */
static const struct {
    const char *name, *yaml, *words;
} left_out[] = {
    {"Services that are not wanted",
     "spec: {enableServiceLinks: false, containers: [{name: c, command: [run]}]}", "WEB_SERVICE"},
    {"root without capabilities",
     ONE(", securityContext: {runAsUser: 0, capabilities: {drop: [ALL]}}"), "\"capabilities\":["},
    {"no restart where none is wanted",
     "spec: {restartPolicy: Never, containers: [{name: c, command: [run]}]}", "\"again\""},
    {"an index of a StatefulSet", ONE(""), "JOB_COMPLETION_INDEX"},
    {"files of a ConfigMap are no secret", VOLUME("configMap: {name: m}"), "\"secret\":true"},
    {"an init container is not started again at once",
     "spec: {initContainers: [{name: i, command: [a]}], containers: [{name: c, command: [run]}], "
     "restartPolicy: Never}",
     "\"again\""},
};

static void check_left_out(struct loop_world *world)
{
    for (size_t i = 0; i < count_of(left_out); i++) {
        struct pod *pod = make(left_out[i].yaml);

        CHECK(pod && pod->state == POD_RUNNING, "%s: the pod runs (%s)", left_out[i].name,
              pod ? pod->why.message : "");
        CHECK(runtime_simulated_running_of(FOLDER, left_out[i].words) == 0, "%s: not %s",
              left_out[i].name, left_out[i].words);
        end(world, pod);
    }
}

static const struct {
    const char *name, *yaml, *reason, *message;
} refused[] = {
    {"a ConfigMap that is missing", ONE(", envFrom: [{configMapRef: {name: x}}]"),
     "MissingConfigMap", "waits for ConfigMap ns/x"},
    {"a key that is missing", ENV("{name: A, valueFrom: {configMapKeyRef: {name: m, key: x}}}"),
     "MissingConfigMap", "waits for the key \"x\" in ConfigMap ns/m"},
    {"a Secret that is missing", VOLUME("secret: {secretName: x}"), "MissingSecret",
     "waits for Secret ns/x"},
    {"an item that is missing", VOLUME("configMap: {name: m, items: [{key: x, path: f}]}"),
     "MissingConfigMap", "waits for the key \"x\" in ConfigMap ns/m"},
    {"a name with =", ENV("{name: 'A=B', value: x}"), "Invalid",
     "container c: env[0].name \"A=B\" must be printable ASCII"},
    {"no name", ENV("{name: '', value: x}"), "Invalid", "env[0].name \"\""},
    {"a prefix with a letter that is not ASCII",
     ONE(", envFrom: [{prefix: 'ä', configMapRef: {name: m}}]"), "Invalid",
     "container c: envFrom[0].prefix"},
    {"a value of nothing", ENV("{name: A, valueFrom: {}}"), "UnsupportedField",
     "env[A].valueFrom is not supported"},
    {"a field that there is not", FIELD("spec.mood"), "UnsupportedField",
     "env[A].valueFrom is not supported"},
    {"a resource that there is not", RESOURCE("resource: cpu"), "UnsupportedField",
     "env[A].valueFrom is not supported"},
    {"a file of a field that there is not",
     VOLUME("downwardAPI: {items: [{path: l, fieldRef: {fieldPath: spec.mood}}]}"),
     "UnsupportedField", "downwardAPI item \"l\": what it refers to is not known"},
    {"a resource of a container that there is not",
     VOLUME("downwardAPI: {items: [{path: l, resourceFieldRef: {containerName: x, resource: "
            "limits.cpu}}]}"),
     "UnsupportedField", "downwardAPI item \"l\""},
    {"a part of a volume that a variable leads out of", MOUNT(", subPathExpr: '../$(D)'"),
     "Invalid", "volumeMounts[v].subPath ../down leaves the volume"},
};

static void check_refused(struct loop_world *world)
{
    for (size_t i = 0; i < count_of(refused); i++) {
        struct pod *pod = make(refused[i].yaml);

        CHECK(pod && pod->state == POD_PENDING && !strcmp(pod->why.reason, refused[i].reason) &&
                  strstr(pod->why.message, refused[i].message),
              "%s: the pod waits, with the reason %s (%s: %s)", refused[i].name, refused[i].reason,
              pod ? pod->why.reason : "", pod ? pod->why.message : "");
        end(world, pod);
    }
}

static void check_job(struct loop_world *world)
{
    struct pod *pod;

    workload = "batch/Job/ns/train";
    pod = make("spec: {restartPolicy: OnFailure, containers: [{name: c, command: [run]}]}");
    CHECK(runtime_simulated_running_of(FOLDER, "\"JOB_COMPLETION_INDEX=0\"") > 0,
          "a pod of a Job knows its index");
    CHECK(runtime_simulated_running_of(FOLDER, "\"again\"") == 0,
          "and is not started again before its failure is counted");
    end(world, pod);
    workload = "apps/StatefulSet/ns/train";
}

/* Two pods that want the same port. */
static void check_port_conflict(struct loop_world *world)
{
    struct pod *first = make(PORTS("{containerPort: 9000}"));
    struct pod *second = start_pod("train-1", 1, PORTS("{containerPort: 9000}"));

    CHECK(first->state == POD_RUNNING && second->state == POD_PENDING &&
              !strcmp(second->why.reason, "PortConflict") &&
              strstr(second->why.message, "port 9000 is taken by pod ns/train-0 of the same"),
          "a port is given once (%s)", second->why.message);
    pods_end(second);
    loop_world_run(world, CLOCK_SECOND);
    workload = "apps/Deployment/ns/other";
    second = start_pod("train-1", 1, PORTS("{containerPort: 9000}"));
    CHECK(!strcmp(second->why.message, "port 9000 is taken by pod ns/train-0"),
          "also to another workload (%s)", second->why.message);
    pods_end(second);
    loop_world_run(world, CLOCK_SECOND);
    workload = "apps/StatefulSet/ns/train";
    second = start_pod("train-1", 1, PORTS("{name: web}"));
    CHECK(second->state == POD_RUNNING && pods_port_number(second, pods_port(second, 0)) >= 1024,
          "a named port without containerPort is one that is chosen");
    CHECK(pods_port_number(second, pods_port(second, 0)) != 9000, "which nobody has");
    pods_end(second);
    end(world, first);
}

/* Invented processes answer no hook, so these pods are left to the end. */
static const struct {
    const char *name, *yaml, *words;
} hooks[] = {
    {"a hook by a command", ONE(", lifecycle: {preStop: {exec: {command: [bye]}}}"),
     "\"preStop\":{\"command\":[\"bye\"]}"},
    {"a hook that waits", ONE(", lifecycle: {preStop: {sleep: {seconds: 3}}}"),
     "\"preStop\":{\"sleep\":3}"},
    {"a hook over the network",
     ONE(", ports: [{name: web, containerPort: 8084}], lifecycle: {preStop: {httpGet: {port: "
         "web}}}"),
     "\"preStop\":{\"probe\":{\"httpGet\":{\"port\":8084}}}"},
    {"the first port where none is named",
     ONE(", ports: [{containerPort: 8085}], lifecycle: {preStop: {tcpSocket: {}}}"),
     "\"probe\":{\"tcpSocket\":{\"port\":8085}}"},
};

static void check_hooks(void)
{
    for (size_t i = 0; i < count_of(hooks); i++) {
        scoped_mem char *name = mem_printf("hook-%zu", i);
        struct pod *pod = start_pod(name, (int)i, hooks[i].yaml);

        CHECK(pod && pod->state == POD_RUNNING, "%s: the pod runs", hooks[i].name);
        CHECK(runtime_simulated_running_of(FOLDER, hooks[i].words) > 0, "%s: %s", hooks[i].name,
              hooks[i].words);
    }
}

static int chosen_port(struct loop_world *world, int index, size_t nth)
{
    scoped_mem char *name = mem_printf("train-%d", index);
    struct pod *pod = start_pod(name, index, PORTS("{containerPort: 0}, {name: b}"));
    int number = pods_port_number(pod, pods_port(pod, nth));

    end(world, pod);
    return number;
}

/* A port that is chosen follows from what the pod is. */
static void check_chosen(struct loop_world *world)
{
    int first = chosen_port(world, 0, 0);
    struct pod *holder, *second;
    scoped_mem char *yaml = NULL;

    CHECK(first >= 61000 && first <= 65535, "a port is chosen above those of outgoing connections");
    CHECK_INT(chosen_port(world, 0, 0), first, "the next pod of its name gets the same");
    CHECK(chosen_port(world, 1, 0) != first, "one of another index gets another");
    CHECK(chosen_port(world, 0, 1) != first, "so does another port of the same pod");
    yaml = mem_printf(PORTS("{containerPort: %d}"), first);
    holder = start_pod("holder", 7, yaml);
    second = start_pod("train-0", 0, PORTS("{containerPort: 0}"));
    CHECK_INT(pods_port_number(second, pods_port(second, 0)), first == 65535 ? 61000 : first + 1,
              "where another pod has it, the next one is taken");
    pods_end(holder);
    end(world, second);
}

static void check_hash(void)
{
    scoped_arena struct arena *arena = arena_new();
    const struct pods_viewer viewer = {.project = "lab", .namespace = "ns"};
    const char *text = ONE(", envFrom: [{configMapRef: {name: m}}], env: [{name: A, valueFrom: "
                           "{secretKeyRef: {name: s, key: pass}}}]");
    const struct node *template =
        document_read_yaml(arena, text, strlen(text), true, &document_limits_api, NULL);
    struct node *map = config, *word = secret;
    uint64_t hash = pods_hash_template(pods, &viewer, template);

    CHECK(hash == pods_hash_template(pods, &viewer, template), "the same is the same");
    config = NULL;
    CHECK(hash != pods_hash_template(pods, &viewer, template),
          "a ConfigMap that goes makes another template");
    config = map;
    secret = NULL;
    CHECK(hash != pods_hash_template(pods, &viewer, template), "so does a Secret");
    secret = word;
    CHECK(hash == pods_hash_template(pods, &viewer, template), "and back");
}

/* None of the ports that follow from the pod is given here, so the machine chooses. */
static void check_range(void)
{
    struct loop_world *world = loop_world_new(2);
    struct pod *pod;

    host_ports = (struct runtime_range){20000, 60999};
    loop = loop_world_host(world, "edge-1");
    open_pods();
    pod = make(PORTS("{containerPort: 0}"));
    CHECK(pod && pod->state == POD_RUNNING && pods_port_number(pod, pods_port(pod, 0)) < 61000,
          "a port is chosen of those that are given (%d)",
          pod ? pods_port_number(pod, pods_port(pod, 0)) : 0);
    pods_close(&pods);
    loop_free(&loop);
    loop_world_free(&world);
    runtime_simulated_reset();
}

int main(void)
{
    struct loop_world *world = loop_world_new(1);
    scoped_arena struct arena *arena = arena_new();
    static const char map[] = "{data: {k: v}, binaryData: {bin: /w==}}";
    static const char words[] = "{data: {pass: d29yZA==}, stringData: {plain: text}}";

    config = document_read_yaml(arena, map, sizeof map - 1, true, &document_limits_api, NULL);
    secret = document_read_yaml(arena, words, sizeof words - 1, true, &document_limits_api, NULL);
    loop = loop_world_host(world, "edge-1");
    open_pods();
    check_compiled(world);
    check_left_out(world);
    check_refused(world);
    check_job(world);
    check_port_conflict(world);
    check_chosen(world);
    check_hash();
    check_hooks();
    pods_close(&pods);
    loop_free(&loop);
    loop_world_free(&world);
    runtime_simulated_reset();
    check_range();
    return check_done();
}
