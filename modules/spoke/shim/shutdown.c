/* SPDX-License-Identifier: Apache-2.0 */
/* Ends the pod when its shim gets SIGTERM: the machine shuts down. */

#include "shim/pod.h"

#include "base/clock.h"
#include "document/document.h"
#include "number/number.h"

#include <unistd.h>

/*
 * The agent does not take part: on a shutdown it may have ended before. So each
 * container's preStop hook runs here, a command, a request or a sleep, then the
 * container gets SIGTERM, and SIGKILL when the pod's grace period is over.
 *
 * No exit of these is kept, because none of them is a result: a Job that ends
 * with 0 because it was told to end has not done its work. To the next agent the
 * pod is lost with its machine, as after a power cut.
 */

#define GRACE_MILLIS 30000
/* A stop after a long hook is no SIGKILL: as in Kubernetes. */
#define GRACE_LEAST (2 * CLOCK_SECOND)
/* Ids of these hooks, within NUMBER_COUNT and above those of an agent that was connected. */
#define HOOK_IDS ((int64_t)1 << 30)

static bool hook_runs(const struct shim *shim, size_t container)
{
    for (size_t i = 0; i < SHIM_EXECS; i++)
        if (shim->execs[i].id == HOOK_IDS + (int64_t)container)
            return true;
    return false;
}

static void begin_hook(struct shim *shim, size_t i, int64_t grace)
{
    scoped_arena struct arena *arena = arena_new();
    struct container *c = &shim->containers[i];
    const struct node *hook = node_get(c->spec, "preStop");
    int64_t sleep = clock_seconds(number_get(hook, "sleep", NUMBER_SECONDS, 0));
    struct node *request = node_map(arena);

    c->stop_at = clock_steady() + (sleep < grace ? sleep : grace);
    if ((!node_get(hook, "command") && !node_get(hook, "probe")) || !c->running)
        return;
    node_set_int(arena, request, "id", HOOK_IDS + (int64_t)i);
    node_set_text(arena, request, "container", c->name);
    if (node_get(hook, "command"))
        node_set(arena, request, "command", node_copy(arena, node_get(hook, "command")));
    else
        node_set(arena, request, "probe", node_copy(arena, node_get(hook, "probe")));
    node_set_int(arena, request, "timeout", grace / CLOCK_MS);
    shim_exec_start(shim, request);
}

void shim_end_begin(struct shim *shim)
{
    int64_t grace = CLOCK_MS * number_get(shim->place.spec, "grace", NUMBER_MILLIS, GRACE_MILLIS);

    if (shim->end_at)
        return;
    shim->end_at = clock_steady() + (grace > 0 ? grace : 1);
    shim_close_all((int[]){shim->agent, shim->listener}, 2);
    shim->agent = shim->listener = -1;
    for (size_t i = 0; i < shim->count; i++)
        begin_hook(shim, i, grace);
}

int64_t shim_end_next(const struct shim *shim)
{
    int64_t next = 0;

    for (size_t i = 0; shim->end_at && i < shim->count; i++)
        if (shim->containers[i].running && !shim->containers[i].kill_at)
            next = shim_sooner(next, shim->containers[i].stop_at);
    return next;
}

void shim_end_late(struct shim *shim, int64_t now)
{
    int64_t left = shim->end_at - now;

    for (size_t i = 0; shim->end_at && i < shim->count; i++) {
        struct container *c = &shim->containers[i];

        if (!c->running)
            shim_container_kill(shim, c); /* its init is idle, or not there */
        else if (!c->kill_at && c->stop_at <= now && !hook_runs(shim, i))
            shim_container_stop(c, node_get(c->spec, "preStop") && left < GRACE_LEAST ? GRACE_LEAST
                                                                                      : left);
    }
}
