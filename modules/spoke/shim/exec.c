/* SPDX-License-Identifier: Apache-2.0 */
/* Runs commands beside a container: probes and hooks. */

#include "shim/pod.h"

#include "base/clock.h"
#include "document/document.h"
#include "loop/loop.h"
#include "number/number.h"
#include "probe/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* How much of a command's output is kept. */
#define OUTPUT ((size_t)1024)

static void answer_exec(struct shim *shim, struct exec *e, int code)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text output = {0};
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
    *e = (struct exec){.fd = -1};
}

/* Sixteen at a time; a further one fails by the agent's timeout. */
static struct exec *free_slot(struct shim *shim)
{
    for (size_t i = 0; i < SHIM_EXECS; i++)
        if (!shim->execs[i].id)
            return &shim->execs[i];
    return NULL;
}

/* ---- Over the network --------------------------------------------------------------- */

struct requested {
    bool over, ok;
    char words[400];
};

/* Called once by the probe, within loop_turn() of the child. */
static void on_network(void *arg, bool ok, const char *message)
{
    struct requested *requested = arg;

    *requested = (struct requested){.over = true, .ok = ok};
    snprintf(requested->words, sizeof requested->words, "%s", message);
}

/* In a child, because the shim itself must not wait. The probe is the same as the agent's. */
static void request_network(const struct node *probe, int64_t timeout, int out)
{
    struct err err = {0};
    struct loop *loop = loop_new(&err);
    struct requested requested = {0};

    if (loop)
        probe_network(probe_client_new(loop), probe, timeout, on_network, &requested);
    while (loop && !requested.over)
        loop_turn(loop, CLOCK_SECOND);
    if (write(out, requested.words, strlen(requested.words)) < 0)
        _exit(126);
    _exit(requested.ok ? 0 : 1);
}

static pid_t start_network(const struct node *request, int out)
{
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        shim_reset_signals();
        signal(SIGPIPE, SIG_IGN);
        request_network(node_get(request, "probe"),
                        number_get(request, "timeout", NUMBER_MILLIS, 1000) * CLOCK_MS, out);
    }
    return pid;
}

static pid_t start_exec(struct shim *shim, const struct container *c, const struct node *request,
                        int out)
{
    struct shim_launch launch = {
        .place = &shim->place, .container = c->spec, .control = -1, .error = -1, .out = out};
    pid_t pid;

    shim_container_group(shim, c, launch.cgroup_procs);
    pid = shim_exec(&launch, c->init, node_get(request, "command"));
    shim_close_all(launch.cgroup_procs, 4);
    return pid;
}

void shim_exec_start(struct shim *shim, const struct node *request)
{
    struct container *c = shim_container_find(shim, node_get_text(request, "container"));
    struct exec *e = free_slot(shim);
    int out[2];

    if (!e)
        return; /* the agent's own timeout answers */
    *e = (struct exec){.id = number_get(request, "id", NUMBER_COUNT, 1), .fd = -1};
    if (!c || !c->running || pipe2(out, O_CLOEXEC) < 0) {
        text_add(&e->output, "the container is not running");
        answer_exec(shim, e, 126);
        return;
    }
    e->pid = node_get(request, "probe") ? start_network(request, out[1])
                                        : start_exec(shim, c, request, out[1]);
    close(out[1]);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    e->fd = out[0];
    e->deadline = clock_steady() + number_get(request, "timeout", NUMBER_MILLIS, 1000) * CLOCK_MS;
}

/* What is beyond OUTPUT is read and dropped, so that the command never blocks. */
void shim_exec_read(struct exec *e)
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

/* The last output may still be in the pipe. */
void shim_exec_end(struct shim *shim, struct exec *e, int status)
{
    if (e->fd >= 0)
        shim_exec_read(e);
    answer_exec(shim, e, WIFEXITED(status) ? WEXITSTATUS(status) : 137);
}
