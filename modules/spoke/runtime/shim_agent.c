/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the agent what happens in a pod, and does what it says. */

#include "runtime/shim_inside.h"

#include "base/clock.h"
#include "document/document.h"
#include "number/number.h"
#include "runtime/process_message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void drop_agent(struct shim *shim)
{
    if (shim->agent >= 0)
        close(shim->agent);
    shim->agent = -1;
}

void shim_send(struct shim *shim, const struct node *message)
{
    scoped_text struct text out = { 0 };

    if (shim->agent < 0)
        return;
    document_write_json(&out, message);
    /* An agent that does not read comes back and is told the whole state. */
    if (send(shim->agent, out.bytes, out.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        drop_agent(shim);
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

static void stop_each(struct shim *shim, const char *name, int64_t grace)
{
    for (size_t i = 0; i < shim->count; i++)
        if (!*name || !strcmp(shim->containers[i].name, name))
            container_stop(&shim->containers[i], grace);
}

static void obey(struct shim *shim, const struct node *ask)
{
    const char *verb = node_get_text(ask, "do");
    const char *name = node_get_text(ask, "container");
    struct container *c = container_find(shim, name);

    if (!strcmp(verb, "start") && c && number_get(ask, "after", NUMBER_COUNT, c->run.number) == c->run.number)
        container_start(shim, c);
    else if (!strcmp(verb, "stop"))
        stop_each(shim, name, number_get(ask, "grace", NUMBER_MILLIS, 0) * CLOCK_MS);
    else if (!strcmp(verb, "exec"))
        exec_start(shim, ask);
    else if (!strcmp(verb, "quit"))
        shim->quitting = true;
}

void shim_hear_agent(struct shim *shim)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text bytes = { 0 };
    ssize_t got = process_message_receive(shim->agent, &bytes);
    struct node *ask;

    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        drop_agent(shim);
    if (got <= 0)
        return;
    ask = document_read_json(arena, bytes.bytes, bytes.len, &document_limits_own, NULL);
    if (ask)
        obey(shim, ask);
}

/* Only the newest agent counts; it hears everything from the start. */
void shim_accept_agent(struct shim *shim)
{
    struct ucred who;
    socklen_t len = sizeof who;
    int fd = accept4(shim->listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0 ||
        (who.uid != geteuid() && who.uid != 0)) {
        close(fd);
        return;
    }
    drop_agent(shim);
    shim->agent = fd;
    shim_tell_all(shim);
}
