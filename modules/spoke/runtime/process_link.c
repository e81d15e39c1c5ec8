/* SPDX-License-Identifier: Apache-2.0 */
/* Holds the connection to a pod's shim: requests go out, events come in. */

#include "runtime/process.h"

#include "base/clock.h"
#include "document/document.h"
#include "number/number.h"
#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- Asking --------------------------------------------------------------------- */

struct node *process_verb(struct arena *arena, const char *word, const char *container)
{
    struct node *message = node_map(arena);

    node_set_text(arena, message, "do", word);
    if (container)
        node_set_text(arena, message, "container", container);
    return message;
}

/* The shim kills the command itself; this only is for a shim that does not answer. */
static void on_request_late(void *arg)
{
    struct process_request *request = arg;

    process_answer_ask(request->pod, request, false, "command timed out");
}

void process_probe_exec(struct process_pod *pod, const char *container, const struct node *command,
                        int64_t timeout, runtime_probe_fn *done, void *arg)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *message = process_verb(arena, "exec", container);
    struct process_request *request = mem_alloc(sizeof *request);

    *request = (struct process_request){
        .id = ++pod->next_request, .done = done, .arg = arg, .pod = pod, .next = pod->requests};
    pod->requests = request;
    request->timer = loop_timer_new(pod->runtime->loop, on_request_late, request);
    loop_timer_set(request->timer, timeout + CLOCK_SECOND);
    node_set_int(arena, message, "id", request->id);
    node_set_int(arena, message, "timeout", timeout / CLOCK_MS);
    node_set(arena, message, "command", (struct node *)command);
    process_send(pod, message);
}

/* ---- Its end -------------------------------------------------------------------- */

/* Called by timers and by the shim's end. The caller may create a pod of the same id from
   within the event: the old one is freed before. */
void process_end_removed(void *arg)
{
    struct process_pod *pod = object_from(process_pod, PROCESS_POD_TAG, arg);
    struct runtime_event event = {.kind = RUNTIME_REMOVED};
    scoped_mem char *id = mem_copy_string(pod->id);
    struct runtime *runtime = pod->runtime;

    process_pod_delete(pod);
    process_pod_free(&pod);
    event.pod = id;
    if (runtime->options.on_event)
        runtime->options.on_event(runtime->options.arg, &event);
}

/* The shim itself was killed, and its containers died with it. */
static void lose_pod(struct process_pod *pod)
{
    process_hang_up(pod);
    process_kill_leftovers(pod);
    for (size_t i = 0; i < pod->count; i++)
        if (!strcmp(pod->states[i].state, "running")) {
            snprintf(pod->states[i].state, sizeof pod->states->state, "exited");
            pod->states[i].run.signal = SIGKILL;
            pod->states[i].run.finished = clock_wall();
        }
    process_tell(pod, NULL, RUNTIME_LOST, "ShimLost", "the pod's shim was killed");
}

/* May be called twice for one end, by the socket and by the child's exit: whichever is first
   closes both. */
static void take_shim_end(struct process_pod *pod)
{
    process_hang_up(pod);
    loop_timer_free(&pod->reach);
    if (pod->removing)
        process_end_removed(pod);
    else
        lose_pod(pod);
}

/* A connection may end for other reasons than its death. */
static void end_connection(struct process_pod *pod)
{
    process_hang_up(pod);
    if (process_is_held(pod))
        process_reach(pod);
    else
        take_shim_end(pod);
}

void process_on_shim_exit(struct process_pod *pod)
{
    process_shim_forget(&pod->shim);
    if (process_has_shim(pod)) /* else the socket told it already */
        take_shim_end(pod);
}

/* A shim that does not take it is reconnected to, and sends its state then. */
static void send_now(struct process_pod *pod, const struct node *message)
{
    scoped_text struct text out = {0};

    document_write_json(&out, message);
    if (shim_message_send(pod->socket, out.bytes, out.len) < 0)
        shutdown(pod->socket, SHUT_RDWR); /* and the loop tells us */
}

/* While a living shim is not reached, requests are kept in their order. */
void process_send(struct process_pod *pod, const struct node *message)
{
    if (pod->socket >= 0) {
        send_now(pod, message);
    } else if (pod->reach) {
        if (!pod->waiting)
            pod->waiting = node_list(pod->arena);
        node_add(pod->arena, pod->waiting, node_copy(pod->arena, message));
    }
}

/* ---- Messages of the shim */

static void tell_event(struct process_pod *pod, const char *word, const struct process_state *state)
{
    static const struct {
        const char *word;
        enum runtime_event_kind kind;
    } words[] = {
        {"started", RUNTIME_STARTED},
        {"exited", RUNTIME_EXITED},
        {"failed", RUNTIME_FAILED},
        {"waits", RUNTIME_WAITS},
    };

    /* After what the caller of this does now: telling the hub comes first. */
    if (!strcmp(word, "started"))
        process_spare_soon(pod->runtime);
    for (size_t i = 0; i < count_of(words); i++)
        if (!strcmp(words[i].word, word))
            process_tell(pod, state, words[i].kind, state->run.reason, state->run.message);
}

char *process_exec_words(int64_t code, const char *output)
{
    size_t len = strlen(output);

    while (len && strchr(" \t\n", output[len - 1]))
        len--;
    return mem_printf("exit code %lld%s%.*s", (long long)code, len ? ": " : "", (int)len, output);
}

/* An answer after the timeout finds no ask, and is dropped. */
static void hear_exec(struct process_pod *pod, const struct node *message)
{
    int64_t id = number_get(message, "exec", NUMBER_COUNT, 0);
    int64_t code = number_get(message, "code", NUMBER_SMALL, 0);
    scoped_mem char *text = NULL;
    struct process_request *request = pod->requests;

    while (request && request->id != id)
        request = request->next;
    if (!request)
        return;
    text = node_get_bool(message, "late", false)
               ? mem_printf("command timed out")
               : process_exec_words(code, node_get_text(message, "output"));
    process_answer_ask(pod, request, code == 0, text);
}

/* A run ended and another one began while there was no connection: two events are due. */
static void tell_missed(struct process_pod *pod, const struct process_state *before,
                        const struct process_state *now)
{
    struct process_state missed = *now;

    if (!now->last || now->last->number != before->run.number ||
        strcmp(before->state, "running") != 0)
        return;
    missed.run = *now->last;
    tell_event(pod, "exited", &missed);
}

/* The shim sends its whole state to a new connection: what differs from the known one has
   happened meanwhile, and becomes events. */
static void hear_state(struct process_pod *pod, const struct node *from)
{
    struct process_state *state = process_state_of(pod, node_get_text(from, "name"));
    struct process_state before = *state, now;

    process_state_take(state, from);
    if (!strcmp(before.state, state->state) && before.run.number == state->run.number &&
        before.starting == state->starting)
        return;
    now = *state;
    tell_missed(pod, &before, &now);
    if (!strcmp(now.state, "running") && now.run.pid)
        tell_event(pod, "started", &now);
    else if (strcmp(now.state, "running") != 0)
        tell_event(pod, now.state, &now);
}

/* The event's callback may remove the pod: nothing of it is used after process_tell(). */
static void hear_message(struct process_pod *pod, const struct node *message)
{
    const char *event = node_get_text(message, "event");
    const struct node *list = node_get(message, "state");

    if (node_get(message, "exec")) {
        hear_exec(pod, message);
    } else if (!strcmp(event, "evicted")) {
        process_tell(pod, NULL, RUNTIME_LOST, "Evicted", node_get_text(message, "message"));
    } else if (!strcmp(event, "note")) {
        process_tell(pod, NULL, RUNTIME_NOTE, node_get_text(message, "reason"),
                     node_get_text(message, "message"));
    } else if (*event) {
        struct process_state *state = process_state_of(pod, node_get_text(message, "name"));

        process_state_take(state, message);
        tell_event(pod, event, state);
    } else {
        for (size_t i = 0; i < node_count(list); i++)
            hear_state(pod, node_item(list, i));
    }
}

static void on_message(int fd, unsigned what, void *arg)
{
    struct process_pod *pod = object_from(process_pod, PROCESS_POD_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    char *bytes = arena_alloc(arena, PROCESS_MESSAGE);
    ssize_t got = recv(fd, bytes, PROCESS_MESSAGE, MSG_DONTWAIT);
    struct node *message;

    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        end_connection(pod);
        return;
    }
    message =
        got < 0 ? NULL : document_read_json(arena, bytes, (size_t)got, &document_limits_own, NULL);
    if (message)
        hear_message(pod, message);
}

/* Kept requests go out before anything new. */
void process_listen(struct process_pod *pod, int socket)
{
    pod->socket = socket;
    pod->watch = loop_watch_new(pod->runtime->loop, socket, LOOP_READ, on_message, pod, NULL);
    loop_timer_free(&pod->reach);
    for (size_t i = 0; i < node_count(pod->waiting); i++)
        send_now(pod, node_item(pod->waiting, i));
    pod->waiting = NULL;
}

/* ---- Reaching it again */

bool process_is_held(const struct process_pod *pod)
{
    scoped_mem char *path = mem_printf("%s/lock", pod->directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC); /* which a read-only disk allows as well */
    bool held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;

    if (fd >= 0)
        close(fd);
    return held;
}

bool process_has_shim(const struct process_pod *pod)
{
    return pod->socket >= 0 || pod->reach;
}

/* Through the folder's descriptor: a socket's path may have 107 bytes only. */
int process_dial(const struct process_pod *pod)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int folder = open(pod->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/shim.sock", folder);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        fd = -1;
    }
    close(folder);
    return fd;
}

#define REACH_FIRST CLOCK_MS
#define REACH_MOST (100 * CLOCK_MS)

/* One that was just born may not listen yet, one may be busy with its disk;
   one that dies lets go of its lock. */
static void on_reach(void *arg)
{
    struct process_pod *pod = object_from(process_pod, PROCESS_POD_TAG, arg);
    int fd;

    if (!process_is_held(pod)) {
        take_shim_end(pod);
        return;
    }
    fd = process_dial(pod);
    if (fd >= 0) {
        process_listen(pod, fd);
        return;
    }
    pod->reach_wait = pod->reach_wait < REACH_MOST ? 2 * pod->reach_wait : REACH_MOST;
    loop_timer_set(pod->reach, pod->reach_wait);
}

void process_reach(struct process_pod *pod)
{
    if (!pod->reach)
        pod->reach = loop_timer_new(pod->runtime->loop, on_reach, pod);
    pod->reach_wait = REACH_FIRST;
    loop_timer_set(pod->reach, pod->reach_wait);
}
