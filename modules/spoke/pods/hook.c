/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the postStart and preStop hooks of containers, and says when they are over. */

#include "pods/compile.h"
#include "pods/life.h"

#include "base/clock.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

static const char *const hook_names[] = {
    [HOOK_NONE] = "", [HOOK_POST_START] = "postStart", [HOOK_PRE_STOP] = "preStop"};

/* A hook that runs. Its pod may be freed or its container restarted before the answer comes, so
   it is found again by pod id, uid and run. */
struct hook {
    struct pods *pods;
    char *pod, *uid; /* owned */
    size_t container;
    enum pod_hook kind;
    int64_t run;
};

/* `hook` is cleared before the callback, which may begin the next hook or end the pod. */
static void end_hook(struct pod_container *c, bool ok, const char *message)
{
    enum pod_hook kind = c->hook;

    c->hook = HOOK_NONE;
    if (!ok)
        pod_note(c->pod, "Warning",
                 kind == HOOK_POST_START ? "FailedPostStartHook" : "FailedPreStopHook",
                 "container %s: %.300s", c->name, message);
    c->on_hook(c, ok, message);
}

static void on_hook_answer(void *arg, bool ok, const char *message)
{
    struct hook *hook = arg;
    struct pod *pod = hook->pods->closing ? NULL : map_get(hook->pods->all, hook->pod);
    struct pod_container *c = NULL;

    if (pod && !strcmp(pod->uid, hook->uid) && hook->container < pod->count)
        c = &pod->containers[hook->container];
    if (c && c->hook == hook->kind && c->run == hook->run)
        end_hook(c, ok, message);
    mem_free(&hook->pod);
    mem_free(&hook->uid);
    mem_free(&hook);
}

/* A hook of kind `sleep` needs no process: a timer stands for it. */
void hook_slept(void *arg)
{
    struct pod_container *c = arg;

    if (c->hook != HOOK_NONE)
        end_hook(c, true, "");
}

/* One hook of a container at a time: a preStop hook takes the place of a postStart hook that has
   not ended, whose answer is then dropped. */
bool hook_begin(struct pod_container *c, enum pod_hook kind, int64_t most, hook_fn *on_end)
{
    struct pods *pods = c->pod->pods;
    scoped_arena struct arena *arena = arena_new();
    const struct node *spec = node_at(c->spec, "lifecycle", hook_names[kind], NULL);
    int64_t sleep =
        clock_seconds(number_get(node_get(spec, "sleep"), "seconds", NUMBER_SECONDS, 0));
    struct hook *hook;

    if (!node_is(spec, NODE_MAP))
        return false;
    c->hook = kind;
    c->on_hook = on_end;
    if (node_get(spec, "sleep")) {
        loop_timer_set(c->hook_timer, sleep < most ? sleep : most);
        return true;
    }
    hook = mem_alloc(sizeof *hook);
    *hook = (struct hook){pods,
                          mem_copy_string(c->pod->id),
                          mem_copy_string(c->pod->uid),
                          (size_t)(c - c->pod->containers),
                          kind,
                          c->run};
    pods->driver->probe(pods->runtime, c->pod->id, c->name, ports_resolve_probe(c, spec, arena),
                        most, on_hook_answer, hook);
    return true;
}
