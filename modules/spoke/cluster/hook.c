/* SPDX-License-Identifier: Apache-2.0 */
/* Runs what a container wants done after its start and before its end. */

#include "cluster/pod.h"

#include "base/clock.h"
#include "base/log.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

static const char *const hook_names[] = { [HOOK_NONE] = "", [HOOK_POST_START] = "postStart",
                                          [HOOK_PRE_STOP] = "preStop" };

/* A hook on its way; its container may be gone when it is done. */
struct hook {
    struct cluster *cluster;
    char *pod, *uid; /* owned */
    size_t container;
    enum local_hook kind;
    int64_t run;
};

static void hook_done(struct local_container *c, bool ok, const char *message)
{
    enum local_hook kind = c->hook;

    c->hook = HOOK_NONE;
    if (!ok)
        local_event(c->pod->cluster, local_workload_of(c->pod), "Warning",
                    kind == HOOK_POST_START ? "FailedPostStartHook" : "FailedPreStopHook",
                    "pod %s: container %s: %.300s", c->pod->name, c->name, message);
    if (kind == HOOK_PRE_STOP) {
        pod_hook_over(c);
    } else if (!ok) {
        pod_restart_container(c, "FailedPostStartHook", message);
    } else if (pod_runs(c) && !c->pod->terminating) {
        check_begin(c);
        pod_changed(c->pod);
    }
}

static void on_answer(void *arg, bool ok, const char *message)
{
    struct hook *hook = arg;
    struct local_pod *pod = hook->cluster->closing ? NULL : map_get(hook->cluster->pods, hook->pod);
    struct local_container *c = NULL;

    if (pod && !strcmp(pod->uid, hook->uid) && hook->container < pod->count)
        c = &pod->containers[hook->container];
    if (c && c->hook == hook->kind && c->run == hook->run)
        hook_done(c, ok, message);
    mem_free(&hook->pod);
    mem_free(&hook->uid);
    mem_free(&hook);
}

void hook_slept(void *arg)
{
    struct local_container *c = arg;

    if (c->hook != HOOK_NONE)
        hook_done(c, true, "");
}

bool hook_begin(struct local_container *c, enum local_hook kind, int64_t most)
{
    struct cluster *cluster = c->pod->cluster;
    scoped_arena struct arena *arena = arena_new();
    const struct node *spec = node_at(c->spec, "lifecycle", hook_names[kind], NULL);
    int64_t sleep = clock_seconds(number_get(node_get(spec, "sleep"), "seconds", NUMBER_SECONDS, 0));
    struct hook *hook;

    if (!node_is(spec, NODE_MAP))
        return false;
    c->hook = kind;
    if (node_get(spec, "sleep")) {
        loop_timer_set(c->hook_timer, sleep < most ? sleep : most);
        return true;
    }
    hook = mem_alloc(sizeof *hook);
    *hook = (struct hook){ cluster, mem_copy_string(c->pod->id), mem_copy_string(c->pod->uid),
                           (size_t)(c - c->pod->containers), kind, c->run };
    cluster->runtime_driver->probe(cluster->runtime, c->pod->id, c->name,
                                   check_resolve(c, spec, arena), most, on_answer, hook);
    return true;
}
