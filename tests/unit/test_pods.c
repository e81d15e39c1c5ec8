/* SPDX-License-Identifier: Apache-2.0 */
/* A pod's life on an invented machine, without any workload above it: states, events, questions. */

#include "check.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"
#include "pods/pods.h"
#include "sim/runtime.h"
#include "sim/world.h"

#include <string.h>

#define FOLDER "edge-pods"

static struct pods *pods;
static struct loop *loop;
static int heard[PODS_CLOCK + 1];
static char notes[4096];
static struct node *config;   /* the only ConfigMap, NULL: there is none */
static bool end_what_is_lost; /* as a Deployment does */

/* ---- The caller's side -------------------------------------------------------------------- */

static void on_event(void *arg, const struct pods_event *event)
{
    size_t len = strlen(notes);

    heard[event->kind]++;
    if (event->kind == PODS_NOTE)
        snprintf(notes + len, sizeof notes - len, "%s %s\n", event->reason, event->message);
    if (event->kind == PODS_LOST && end_what_is_lost)
        pods_end(event->pod);
}

static void tell_workload(void *arg, const struct pod *pod, struct pods_workload *ret)
{
    *ret = (struct pods_workload){.name = "train", .indexed = pod->index >= 0, .current = true};
}

static bool may_restart(void *arg, const struct pod *pod)
{
    return true;
}

static const char *project_of_owner(void *arg, const char *owner)
{
    return "lab";
}

static const struct node *find_config(void *arg, const struct pods_viewer *viewer, const char *kind,
                                      const char *name)
{
    return !strcmp(kind, "ConfigMap") && !strcmp(viewer->project, "lab") ? config : NULL;
}

static struct node *write_hosts(void *arg, const struct pod *pod, struct arena *arena)
{
    return node_list(arena);
}

static void add_no_env(void *arg, const struct pod *pod, struct arena *arena, struct node *values)
{
}

static void open_pods(void)
{
    struct pods_options options = {
        .loop = loop,
        .runtime = &runtime_simulated,
        .runtime_options = {.directory = FOLDER},
        .callbacks = {NULL, on_event, tell_workload, may_restart, project_of_owner, find_config,
                      write_hosts, add_no_env},
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
                                        .workload = "apps/StatefulSet/ns/train",
                                        .owner = "w",
                                        .hash = "1",
                                        .index = index,
                                        .template = template});
    while ((pod = pods_next(pods, &at)))
        if (!strcmp(pod->name, name))
            return pod;
    return NULL;
}

/* ---- Waiting -------------------------------------------------------------------------------- */

struct wait {
    const struct pod *pod;
    enum pod_state state;
};

static bool has_state(void *arg)
{
    const struct wait *wait = arg;

    return wait->pod->state == wait->state;
}

static bool is_pod_ready(void *arg)
{
    return pods_is_ready(arg);
}

static bool is_empty(void *arg)
{
    return !pods_count(pods);
}

static bool reach(struct loop_world *world, const struct pod *pod, enum pod_state state)
{
    return loop_world_run_until(world, has_state, &(struct wait){pod, state}, 60 * CLOCK_SECOND);
}

/* ---- Lives ------------------------------------------------------------------------- */

#define ALWAYS                                                                                     \
    "spec: {containers: [{name: c, command: [serve], ports: [{name: web, containerPort: 0}]}]}"
#define NEVER "spec: {restartPolicy: Never, containers: [{name: c, command: [run]}]}"
#define SIDECAR                                                                                    \
    "spec: {restartPolicy: Never, initContainers: [{name: log, command: [tail], "                  \
    "restartPolicy: Always}], containers: [{name: c, command: [run]}]}"
#define CONFIG                                                                                     \
    "spec: {containers: [{name: c, command: [run], envFrom: [{configMapRef: {name: m}}]}]}"

static void check_run(struct loop_world *world)
{
    scoped_arena struct arena *arena = arena_new();
    struct pod *pod = start_pod("train-0", 0, ALWAYS);

    CHECK(pod && pod->state == POD_RUNNING, "a pod that can be made runs");
    CHECK(heard[PODS_LISTENS] > 0, "before it starts, its ports are asked for");
    CHECK(loop_world_run_until(world, is_pod_ready, pod, 60 * CLOCK_SECOND), "it becomes ready");
    CHECK(heard[PODS_CHANGED] > 0, "and that is told");
    CHECK(text_same(pods_host(pod, arena), "train-0"),
          "its host name is of its workload and index");
    CHECK(pods_port(pod, 0) && pods_port_number(pod, pods_port(pod, 0)) > 0 && !pods_port(pod, 1),
          "a port that is 0 was chosen");
    CHECK(pods_declares(pod, pods_port_number(pod, pods_port(pod, 0))),
          "and is declared by that number");
    CHECK(!start_pod("train-0", 0, NEVER) || pods_count(pods) == 1, "there is one pod of a name");
    runtime_simulated_end(FOLDER, pod->id, "c", 1, 0, false);
    loop_world_run(world, 5 * CLOCK_SECOND);
    CHECK(pod->state == POD_RUNNING && pods_failures(pod) == 1,
          "a crash is a failure of a pod that runs on");
}

static void check_next_agent(struct loop_world *world)
{
    struct pod *pod;
    size_t at = 0;

    pods_close(&pods);
    open_pods();
    pods_take_over(pods);
    pod = pods_next(pods, &at);
    CHECK(pod && pod->state == POD_RUNNING && pod->index == 0 && !strcmp(pod->name, "train-0"),
          "the next agent finds the pod as it was");
    CHECK(loop_world_run_until(world, is_pod_ready, pod, 60 * CLOCK_SECOND),
          "and it is ready there");
    pods_end(pod);
    CHECK(pods_is_leaving(pod) && !pods_is_ready(pod),
          "a pod that is told to end is not ready any more");
    CHECK(loop_world_run_until(world, is_empty, NULL, 60 * CLOCK_SECOND), "and goes");
    CHECK(heard[PODS_GONE] == 1, "which is told once");
}

static void check_ends(struct loop_world *world)
{
    struct manifest_exit exits[2];
    struct pod *pod = start_pod("task", -1, NEVER);

    reach(world, pod, POD_RUNNING);
    loop_world_run(world, CLOCK_SECOND);
    runtime_simulated_end(FOLDER, pod->id, "c", 3, 0, false);
    CHECK(reach(world, pod, POD_FINISHED),
          "with restartPolicy Never the end of its container is its end");
    CHECK(!strcmp(pods_phase(pod), "Failed") && pods_exits(pod, exits, 2) == 1 &&
              exits[0].code == 3,
          "it has failed with that exit code");
    pods_end(pod);
    CHECK(loop_world_run_until(world, is_empty, NULL, 60 * CLOCK_SECOND),
          "and is removed when told so");

    pod = start_pod("with-sidecar", -1, SIDECAR);
    loop_world_run(world, 5 * CLOCK_SECOND);
    runtime_simulated_end(FOLDER, pod->id, "c", 0, 0, false);
    CHECK(reach(world, pod, POD_FINISHED) && !strcmp(pods_phase(pod), "Succeeded"),
          "when its work is done its sidecar ends, and then the pod");
    pods_end(pod);
    CHECK(loop_world_run_until(world, is_empty, NULL, 60 * CLOCK_SECOND),
          "and goes like any other");
}

static void check_waits(struct loop_world *world)
{
    scoped_arena struct arena *arena = arena_new();
    struct pod *pod = start_pod("waits", -1, CONFIG);
    struct manifest_why why = {0};
    bool final = true;

    CHECK(pod->state == POD_PENDING && !strcmp(pod->why.reason, "MissingConfigMap"),
          "a pod without its ConfigMap is pending");
    CHECK(pods_trouble(pod, &why, &final) && !final, "which is trouble, but may end by itself");
    CHECK(strstr(notes, "MissingConfigMap pod waits: waits for ConfigMap ns/m"),
          "and is an Event (%s)", notes);
    config = document_read_yaml(arena, "data: {A: b}", 12, true, &document_limits_api, NULL);
    pods_refresh_files(pod);
    CHECK(pod->state == POD_RUNNING, "with the ConfigMap it is made");
    config = NULL;
    pods_end(pod);
    CHECK(loop_world_run_until(world, is_empty, NULL, 60 * CLOCK_SECOND), "and ends");

    pod = start_pod("waits-again", -1, CONFIG);
    pods_end(pod);
    CHECK(pods_count(pods) == 0, "a pod that was never made is freed at once");
}

static void check_lost(struct loop_world *world)
{
    struct pod *pod = start_pod("lost", -1, ALWAYS);

    loop_world_run(world, 5 * CLOCK_SECOND);
    runtime_simulated_evict(FOLDER, pod->id);
    CHECK(reach(world, pod, POD_FINISHED), "an evicted pod has finished");
    CHECK(heard[PODS_LOST] == 1 && pod->lost && !strcmp(pods_phase(pod), "Failed"),
          "it is lost, and what becomes of it is asked");
    pods_end(pod);
    CHECK(loop_world_run_until(world, is_empty, NULL, 60 * CLOCK_SECOND), "and it can be ended");

    end_what_is_lost = true;
    pod = start_pod("lost-again", -1, ALWAYS);
    loop_world_run(world, 5 * CLOCK_SECOND);
    runtime_simulated_evict(FOLDER, pod->id);
    CHECK(loop_world_run_until(world, is_empty, NULL, 60 * CLOCK_SECOND),
          "a caller may end it from inside the event");
}

int main(void)
{
    scoped_world struct loop_world *world = loop_world_new(1);

    loop = loop_world_host(world, FOLDER);
    open_pods();
    check_run(world);
    check_next_agent(world);
    check_ends(world);
    check_waits(world);
    check_lost(world);
    pods_close(&pods);
    loop_free(&loop);
    runtime_simulated_reset();
    return check_done();
}
