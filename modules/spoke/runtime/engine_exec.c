/* SPDX-License-Identifier: Apache-2.0 */
/* Runs probes and hooks in an engine's container. */

#include "runtime/engine.h"

#include "base/clock.h"
#include "base/map.h"
#include "document/document.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

/* Three questions: make it, run it to its end, what was its exit code. */

static void finish_exec(struct process_ask *ask, bool ok, const char *message)
{
    struct process_ask **at = &ask->pod->asks;

    while (*at != ask)
        at = &(*at)->next;
    *at = ask->next;
    loop_timer_free(&ask->timer);
    ask->done(ask->arg, ok, message);
    mem_free(&ask);
}

/* The ask may have been answered while the engine thought about it. */
static struct process_ask *find_ask(struct engine_call *call)
{
    struct process_pod *pod = map_get(call->runtime->pods, call->pod);
    struct process_ask *ask = pod ? pod->asks : NULL;

    while (ask && ask->id != call->run)
        ask = ask->next;
    return ask;
}

static struct engine_call *send_next(const struct engine_call *call, const char *method,
                                 const char *target, const struct node *body, engine_fn *done)
{
    struct engine_call *next = engine_send(call->runtime, method, target, body, ENGINE_EVER, done);

    memcpy(next->pod, call->pod, sizeof next->pod);
    next->run = call->run;
    return next;
}

static void on_code(struct engine_call *call, const struct engine_answer *answer)
{
    struct process_ask *ask = find_ask(call);
    scoped_mem char *output = call->arg, *text = NULL;
    int64_t code = number_get(answer->json, "ExitCode", NUMBER_SMALL, -1);

    if (!ask)
        return;
    text = *answer->why ? mem_copy_string(answer->why)
                        : process_exec_words(code, output);
    finish_exec(ask, !*answer->why && code == 0, text);
}

static void on_output(struct engine_call *call, const struct engine_answer *answer)
{
    scoped_mem char *id = call->arg, *target = mem_printf("/exec/%s/json", id);
    scoped_text struct text output = { 0 }, words = { 0 };

    engine_unmix(answer->bytes, answer->len < 2048 ? answer->len : 2048, false, &output);
    text_add_printable(&words, text_string(&output), output.len < 1024 ? output.len : 1024, true);
    send_next(call, "GET", target, NULL, on_code)->arg = mem_copy_string(text_string(&words));
}

static void on_exec_made(struct engine_call *call, const struct engine_answer *answer)
{
    scoped_arena struct arena *arena = arena_new();
    const char *id = node_get_text(answer->json, "Id");
    struct process_ask *ask = find_ask(call);
    struct node *body = node_map(arena);

    if (!*id || *answer->why) {
        if (ask)
            finish_exec(ask, false, *answer->why ? answer->why : "the engine made no exec");
        return;
    }
    if (ask)
        snprintf(ask->exec, sizeof ask->exec, "%s", id);
    node_set_bool(arena, body, "Detach", false);
    node_set_bool(arena, body, "Tty", false);
    send_next(call, "POST", arena_printf(arena, "/exec/%s/start", id), body, on_output)->arg =
        mem_copy_string(id);
}

/* ---- One that is late -------------------------------------------------------------- */

/* What an exec starts inherits it, so that what left its session is found too. */
static const char *mark_of(struct arena *arena, const char *pod, int64_t began)
{
    return arena_printf(arena, "AXLE_EXEC=%s/%lld", pod, (long long)began);
}

static void on_late_pid(struct engine_call *call, const struct engine_answer *answer)
{
    scoped_arena struct arena *arena = arena_new();
    int64_t pid = number_get(answer->json, "Pid", NUMBER_COUNT, 0);

    if (pid > 1 && node_get_bool(answer->json, "Running", false))
        process_kill_family((pid_t)pid, mark_of(arena, call->pod, call->run));
}

/* An engine has no word for ending an exec, but it tells its process. */
static void on_exec_late(void *arg)
{
    struct process_ask *ask = arg;
    scoped_mem char *target = mem_printf("/exec/%s/json", ask->exec);

    if (*ask->exec) {
        struct engine_call *call = engine_send(ask->pod->runtime, "GET", target, NULL, ENGINE_SOON,
                                               on_late_pid);

        snprintf(call->pod, sizeof call->pod, "%s", ask->pod->id);
        call->run = ask->began;
    }
    finish_exec(ask, false, "command timed out");
}

void engine_exec(struct process_pod *pod, const char *container, const struct node *command,
                 int64_t timeout, runtime_probe_fn *done, void *arg)
{
    scoped_arena struct arena *arena = arena_new();
    struct process_ask *ask = mem_alloc(sizeof *ask);
    struct node *body = node_map(arena);
    struct engine_call *call;

    *ask = (struct process_ask){ .id = ++pod->next_ask, .began = clock_wall(), .done = done, .arg = arg,
                                 .pod = pod, .next = pod->asks };
    pod->asks = ask;
    ask->timer = loop_timer_new(pod->runtime->loop, on_exec_late, ask);
    loop_timer_set(ask->timer, timeout);
    node_set_bool(arena, body, "AttachStdout", true);
    node_set_bool(arena, body, "AttachStderr", true);
    node_set(arena, body, "Cmd", node_copy(arena, command));
    node_add(arena, node_make_list(arena, body, "Env"),
             node_string(arena, mark_of(arena, pod->id, ask->began)));
    call = engine_send(pod->runtime, "POST",
                       arena_printf(arena, "/containers/%s/exec",
                                    engine_name(arena, pod->id, container)),
                       body, ENGINE_SOON, on_exec_made);
    snprintf(call->pod, sizeof call->pod, "%s", pod->id);
    call->run = ask->id;
}
