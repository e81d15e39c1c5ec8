/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the agent what happens in a pod. */

#include "shim/pod.h"

#include "document/document.h"

#include <sys/socket.h>
#include <unistd.h>

/* The pod runs on without an agent, and a later one is told the state. */
void shim_drop_agent(struct shim *shim)
{
    if (shim->agent >= 0)
        close(shim->agent);
    shim->agent = -1;
}

void shim_send(struct shim *shim, const struct node *message)
{
    scoped_text struct text out = {0};

    if (shim->agent < 0)
        return;
    document_write_json(&out, message);
    /* An agent that does not read is disconnected; it connects again and gets the whole state. */
    if (send(shim->agent, out.bytes, out.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        shim_drop_agent(shim);
}

static void describe_run(struct arena *arena, struct node *node, const struct shim_run *run)
{
    node_set_int(arena, node, "run", run->number);
    node_set_int(arena, node, "pid", run->pid);
    node_set_int(arena, node, "code", run->code);
    node_set_int(arena, node, "signal", run->signal);
    node_set_bool(arena, node, "oom", run->oom);
    node_set_int(arena, node, "started", run->started / 1000);
    node_set_int(arena, node, "finished", run->finished / 1000);
    node_set_int(arena, node, "over", run->over / 1000);
    node_set_text(arena, node, "reason", run->why.reason);
    node_set_text(arena, node, "message", run->why.text);
}

struct node *shim_describe(struct arena *arena, const struct container *c)
{
    struct node *state = node_map(arena);

    node_set_text(arena, state, "name", c->name);
    node_set_text(arena, state, "state", c->state);
    node_set_bool(arena, state, "starting", c->running && !c->told_start);
    node_set_int(arena, state, "crashes", c->crashes);
    describe_run(arena, state, &c->run);
    if (c->last.number)
        describe_run(arena, node_make(arena, state, "last"), &c->last);
    return state;
}

void shim_tell(struct shim *shim, const struct container *c, const char *event)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *message;

    if (shim->agent < 0)
        return;
    message = shim_describe(arena, c);
    node_set_text(arena, message, "event", event);
    shim_send(shim, message);
}

/* A connection begins with this, so the agent need not have seen what happened before. */
void shim_tell_all(struct shim *shim)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *message = node_map(arena);
    struct node *list = node_make_list(arena, message, "state");

    for (size_t i = 0; i < shim->count; i++)
        node_add(arena, list, shim_describe(arena, &shim->containers[i]));
    node_set_int(arena, message, "pid", getpid());
    shim_send(shim, message);
}
