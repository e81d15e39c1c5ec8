/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests as people and tools write them: nulls, ends of ranges, names of ports, CreateOnly. */
#include "cluster_fixture.h"

#include "runtime/runtime.h"

/* ---- Null is as good as absent ------------------------------------------------------ */

/* What `kubectl create --dry-run=client -o yaml` prints, and some more. */
static const char nulls[] =
    "apiVersion: apps/v1\nkind: Deployment\n"
    "metadata: {name: nulls, namespace: lab, creationTimestamp: null, labels: null, annotations: null}\n"
    "spec:\n"
    "  replicas: null\n  strategy: {}\n  paused: null\n  minReadySeconds: null\n"
    "  selector: {matchLabels: {app: nulls}}\n"
    "  template:\n"
    "    metadata: {creationTimestamp: null, labels: {app: nulls}}\n"
    "    spec:\n"
    "      terminationGracePeriodSeconds: 0\n      volumes: null\n      securityContext: null\n"
    "      containers:\n"
    "      - {name: c, command: [sleep, '1000'], args: null, env: null, ports: null, volumeMounts: null,\n"
    "         resources: {limits: {memory: null, cpu: null}, requests: null},\n"
    "         startupProbe: null, readinessProbe: null, livenessProbe: null, lifecycle: {preStop: null, "
    "postStart: null}}\n"
    "status: {}\n";

static void test_nulls(void)
{
    apply("n", nulls);
    CHECK(wait_phase("n", "Running"), "a manifest with nulls runs");
    remove_owner("n");
}

/* ---- Ports ---------------------------------------------------------------------------- */

static void test_ends_of_range(void)
{
    static const int ports[] = {30000, 32767};

    for (size_t i = 0; i < count_of(ports); i++) {
        scoped_mem char *yaml = mem_printf(
            "apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: lab}\n"
            "spec: {type: NodePort, selector: {app: x}, ports: [{port: 80, nodePort: %d}]}\n",
            ports[i]);
        scoped_arena struct arena *arena = arena_new();

        apply("s", yaml);
        CHECK(wait_phase("s", "Running") && !strstr(report(arena, "s"), "nodePort is"),
              "nodePort %d is given", ports[i]);
        remove_owner("s");
    }
}

/* A port with a name and no number: the spoke chooses, and a Service finds it by name. */
static void test_named_port(void)
{
    static const char yaml[] =
        "apiVersion: v1\nkind: Service\nmetadata: {name: p, namespace: lab}\n"
        "spec: {selector: {app: p}, ports: [{port: 18181, targetPort: talk}]}\n"
        "---\n"
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: lab, labels: {app: p}}\n"
        "spec:\n  terminationGracePeriodSeconds: 0\n  containers:\n"
        "  - name: c\n"
        "    command: [sh, -c, 'test \"$PORT\" -gt 1023 && exec sleep 1000']\n"
        "    ports: [{name: talk}]\n";
    scoped_arena struct arena *arena = arena_new();

    apply("p", yaml);
    CHECK(wait_phase("p", "Running"), "a container gets a number for a port that has only a name");
    CHECK(!strstr(report(arena, "p"), "no container"), "the Service finds it by its name");
    remove_owner("p");
}

/* ---- A command is looked for in every folder of PATH -------------------------------------- */

static void write_command(const char *place, const char *name)
{
    scoped_mem char *path = mem_printf("%s/%s", place, name);
    FILE *file = NULL;

    if (mkdir(place, 0755) == 0 || access(place, X_OK) == 0)
        file = fopen(path, "w");
    if (!file) {
        printf("Bail out! %s\n", path);
        exit(1);
    }
    fprintf(file, "#!/bin/sh\nexec sleep 1000\n");
    fclose(file);
    chmod(path, 0755);
}

static void test_path(void)
{
    char place[] = "/var/tmp/axle-test-path-XXXXXX"; /* each pod has a /tmp of its own */
    scoped_mem char *made =
        mem_printf("%s", mkdtemp(place) && chmod(place, 0755) == 0 ? place : "/");
    scoped_mem char *first = mem_printf("%s/first", made), *second = mem_printf("%s/second", made);
    scoped_mem char *tidy = mem_printf("rm -rf %s", place);
    static const char *const names[] = {"only-in-first", "only-in-second"};

    write_command(first, names[0]);
    write_command(second, names[1]);
    for (size_t i = 0; i < count_of(names); i++) {
        scoped_mem char *yaml = mem_printf(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: lab}\n"
            "spec:\n  terminationGracePeriodSeconds: 0\n  restartPolicy: Never\n  containers:\n"
            "  - {name: c, command: [%s], env: [{name: PATH, value: '%s:%s:/usr/bin:/bin'}]}\n",
            names[i], first, second);

        apply("x", yaml);
        CHECK(wait_phase("x", "Running"), "a command that is %s of PATH is found", names[i]);
        remove_owner("x");
    }
    apply("x", "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: lab}\n"
               "spec:\n  terminationGracePeriodSeconds: 0\n  restartPolicy: Never\n  containers:\n"
               "  - {name: c, command: [sh], env: [{name: PATH, value: /is/not/there}]}\n");
    CHECK(wait_text("x", "sh"), "one that is in none of them is named");
    CHECK(pid_of("x") == 0, "and does not run");
    remove_owner("x");
    CHECK(system(tidy) == 0, "the commands are removed");
}

/* ---- CreateOnly ------------------------------------------------------------------------------ */

static void apply_once(const char *value)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *yaml = mem_printf("{apiVersion: v1, kind: ConfigMap, metadata: {name: c, "
                                       "namespace: lab}, data: {a: '%s'}}",
                                       value);
    struct err err = {0};
    struct cluster_manifest item = {
        .object = document_read_yaml(arena, yaml, strlen(yaml), true, &document_limits_api, &err),
        .strategy = CLUSTER_CREATE_ONLY,
    };
    struct cluster_set set = {.owner = "c", .project = "lab", .items = &item, .count = 1};

    cluster_apply(cluster, &set);
    CHECK(wait_phase("c", "Running"), "a set with data %s is applied", value);
}

static const char *value_now(struct arena *arena)
{
    return node_get_text(
        node_get(cluster_read(cluster, arena, "c", "v1", "ConfigMap", "lab", "c"), "data"), "a");
}

static void test_create_only(void)
{
    scoped_arena struct arena *arena = arena_new();

    apply_once("one");
    CHECK_TEXT(value_now(arena), "one", "what is to be created only is created");
    apply_once("two");
    CHECK_TEXT(value_now(arena), "one", "and not changed");
    cluster_close(&cluster);
    open_cluster();
    CHECK(wait_phase("c", "Running"), "after a restart it is there without a word of the hub");
    CHECK_TEXT(value_now(arena), "one", "as it was created, not as it was sent last");
    apply_once("three");
    CHECK_TEXT(value_now(arena), "one", "nor does the hub change it then");
    remove_owner("c");
    apply_once("four");
    CHECK_TEXT(value_now(arena), "four", "once it is gone it is created anew");
    remove_owner("c");
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "shim"))
        return runtime_shim_main(argc - 1, argv + 1);
    if (fixture_start() < 0)
        return 1;
    open_cluster();
    test_nulls();
    test_ends_of_range();
    test_named_port();
    test_path();
    test_create_only();
    cluster_close(&cluster);
    return fixture_end();
}
