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

static void finish_exec(struct process_request *request, bool ok, const char *message)
{
    struct process_request **at = &request->pod->requests;

    while (*at != request)
        at = &(*at)->next;
    *at = request->next;
    loop_timer_free(&request->timer);
    request->done(request->arg, ok, message);
    mem_free(&request);
}

/* The ask may have been answered while the engine thought about it. */
static struct process_request *find_ask(struct engine_call *call)
{
    struct process_pod *pod = map_get(call->runtime->pods, call->pod);
    struct process_request *request = pod ? pod->requests : NULL;

    while (request && request->id != call->run)
        request = request->next;
    return request;
}

static struct engine_call *send_next(const struct engine_call *call, const char *method,
                                     const char *target, const struct node *body, engine_fn *done)
{
    struct engine_call *next = engine_send(call->runtime, method, target, body, ENGINE_EVER, done);

    memcpy(next->pod, call->pod, sizeof next->pod);
    next->run = call->run;
    return next;
}

static void on_code(struct engine_call *call, const struct engine_response *response)
{
    struct process_request *request = find_ask(call);
    scoped_mem char *output = call->arg, *text = NULL;
    int64_t code = number_get(response->json, "ExitCode", NUMBER_SMALL, -1);

    if (!request)
        return;
    text = *response->why ? mem_copy_string(response->why) : process_exec_words(code, output);
    finish_exec(request, !*response->why && code == 0, text);
}

static void on_output(struct engine_call *call, const struct engine_response *response)
{
    scoped_mem char *id = call->arg, *target = mem_printf("/exec/%s/json", id);
    scoped_text struct text output = {0}, words = {0};

    engine_unmix(response->bytes, response->len < 2048 ? response->len : 2048, false, &output);
    text_add_printable(&words, text_string(&output), output.len < 1024 ? output.len : 1024, true);
    send_next(call, "GET", target, NULL, on_code)->arg = mem_copy_string(text_string(&words));
}

static void on_exec_made(struct engine_call *call, const struct engine_response *response)
{
    scoped_arena struct arena *arena = arena_new();
    const char *id = node_get_text(response->json, "Id");
    struct process_request *request = find_ask(call);
    struct node *body = node_map(arena);

    if (!*id || *response->why) {
        if (request)
            finish_exec(request, false, *response->why ? response->why : "the engine made no exec");
        return;
    }
    if (request)
        snprintf(request->exec, sizeof request->exec, "%s", id);
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

static void on_late_pid(struct engine_call *call, const struct engine_response *response)
{
    scoped_arena struct arena *arena = arena_new();
    int64_t pid = number_get(response->json, "Pid", NUMBER_COUNT, 0);

    if (pid > 1 && node_get_bool(response->json, "Running", false))
        process_kill_family((pid_t)pid, mark_of(arena, call->pod, call->run));
}

/* An engine has no word for ending an exec, but it tells its process. */
static void on_exec_late(void *arg)
{
    struct process_request *request = arg;
    scoped_mem char *target = mem_printf("/exec/%s/json", request->exec);

    if (*request->exec) {
        struct engine_call *call =
            engine_send(request->pod->runtime, "GET", target, NULL, ENGINE_SOON, on_late_pid);

        snprintf(call->pod, sizeof call->pod, "%s", request->pod->id);
        call->run = request->began;
    }
    finish_exec(request, false, "command timed out");
}

void engine_exec(struct process_pod *pod, const char *container, const struct node *command,
                 int64_t timeout, runtime_probe_fn *done, void *arg)
{
    scoped_arena struct arena *arena = arena_new();
    struct process_request *request = mem_alloc(sizeof *request);
    struct node *body = node_map(arena);
    struct engine_call *call;

    *request = (struct process_request){.id = ++pod->next_request,
                                        .began = clock_wall(),
                                        .done = done,
                                        .arg = arg,
                                        .pod = pod,
                                        .next = pod->requests};
    pod->requests = request;
    request->timer = loop_timer_new(pod->runtime->loop, on_exec_late, request);
    loop_timer_set(request->timer, timeout);
    node_set_bool(arena, body, "AttachStdout", true);
    node_set_bool(arena, body, "AttachStderr", true);
    node_set(arena, body, "Cmd", node_copy(arena, command));
    node_add(arena, node_make_list(arena, body, "Env"),
             node_string(arena, mark_of(arena, pod->id, request->began)));
    call = engine_send(
        pod->runtime, "POST",
        arena_printf(arena, "/containers/%s/exec", engine_name(arena, pod->id, container)), body,
        ENGINE_SOON, on_exec_made);
    snprintf(call->pod, sizeof call->pod, "%s", pod->id);
    call->run = request->id;
}
