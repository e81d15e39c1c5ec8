/* SPDX-License-Identifier: Apache-2.0 */
/* Runs commands beside a container: probes and hooks. */

#include "runtime/shim_inside.h"

#include "base/clock.h"
#include "document/document.h"
#include "number/number.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

/* So much of what a command said is told. */
#define OUTPUT ((size_t)1024)

static void answer(struct shim *shim, struct exec *e, int code)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text output = { 0 };
    struct node *message = node_map(arena);

    node_set_int(arena, message, "exec", e->id);
    node_set_int(arena, message, "code", code);
    node_set_bool(arena, message, "late", e->late);
    /* The exit code decides, whatever was printed: no byte may spoil the message. */
    text_add_printable(&output, text_string(&e->output), e->output.len, true);
    node_set(arena, message, "output", node_bytes(arena, text_string(&output), output.len));
    shim_send(shim, message);
    text_free(&e->output);
    if (e->fd >= 0)
        close(e->fd);
    *e = (struct exec){ .fd = -1 };
}

static struct exec *free_slot(struct shim *shim)
{
    for (size_t i = 0; i < SHIM_EXECS; i++)
        if (!shim->execs[i].id)
            return &shim->execs[i];
    return NULL;
}

void exec_start(struct shim *shim, const struct node *ask)
{
    struct container *c = container_find(shim, node_get_text(ask, "container"));
    struct shim_launch launch = { .place = &shim->place, .control = -1, .error = -1 };
    struct exec *e = free_slot(shim);
    int out[2];

    if (!e)
        return; /* the agent's own timeout answers */
    *e = (struct exec){ .id = number_get(ask, "id", NUMBER_COUNT, 1), .fd = -1 };
    if (!c || !c->running || pipe2(out, O_CLOEXEC) < 0) {
        text_add(&e->output, "the container is not running");
        answer(shim, e, 126);
        return;
    }
    launch.container = c->spec;
    launch.out = out[1];
    container_group(shim, c, launch.cgroup_procs);
    e->pid = shim_exec(&launch, c->init, node_get(ask, "command"));
    close(out[1]);
    shim_close_all(launch.cgroup_procs, 4);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    e->fd = out[0];
    e->deadline = clock_steady() + number_get(ask, "timeout", NUMBER_MILLIS, 1000) * CLOCK_MS;
}

void exec_read(struct exec *e)
{
    char bytes[4096];
    ssize_t got = read(e->fd, bytes, sizeof bytes);
    size_t room = OUTPUT - e->output.len;

    if (got > 0)
        text_add_bytes(&e->output, bytes, (size_t)got < room ? (size_t)got : room);
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        close(e->fd);
        e->fd = -1;
    }
}

void exec_end(struct shim *shim, struct exec *e, int status)
{
    if (e->fd >= 0)
        exec_read(e);
    answer(shim, e, WIFEXITED(status) ? WEXITSTATUS(status) : 137);
}
