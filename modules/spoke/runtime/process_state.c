/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers how the runs of a pod's containers went, and tells the caller. */

#include "runtime/process.h"

#include "base/clock.h"
#include "base/log.h"
#include "document/document.h"
#include "number/number.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct process_state *process_state_of(struct process_pod *pod, const char *name)
{
    for (size_t i = 0; i < pod->count; i++)
        if (!strcmp(pod->states[i].name, name))
            return &pod->states[i];
    pod->states = mem_resize_array(pod->states, pod->count + 1, sizeof *pod->states);
    pod->states[pod->count] = (struct process_state){.state = "none"};
    snprintf(pod->states[pod->count].name, sizeof pod->states->name, "%s", name);
    return &pod->states[pod->count++];
}

static void take_run(struct process_run *run, const struct node *from)
{
    run->number = number_get(from, "run", NUMBER_COUNT, 0);
    run->pid = number_get(from, "pid", NUMBER_COUNT, 0);
    run->code = number_as_int(from, "code", NUMBER_SMALL, 0);
    run->signal = number_as_int(from, "signal", NUMBER_COUNT, 0);
    run->oom = node_get_bool(from, "oom", false);
    run->started = number_get(from, "started", NUMBER_MICROS, 0) * 1000;
    run->finished = number_get(from, "finished", NUMBER_MICROS, 0) * 1000;
    run->over = number_get(from, "over", NUMBER_MICROS, 0) * 1000;
    snprintf(run->reason, sizeof run->reason, "%s", node_get_text(from, "reason"));
    snprintf(run->message, sizeof run->message, "%s", node_get_text(from, "message"));
}

void process_state_take(struct process_state *state, const struct node *from)
{
    snprintf(state->state, sizeof state->state, "%s", node_get_text(from, "state"));
    state->crashes = number_get(from, "crashes", NUMBER_COUNT, 0);
    state->starting = node_get_bool(from, "starting", false);
    take_run(&state->run, from);
    mem_free(&state->last);
    if (!number_get(node_get(from, "last"), "run", NUMBER_COUNT, 0))
        return;
    state->last = mem_alloc(sizeof *state->last);
    take_run(state->last, node_get(from, "last"));
}

static void describe_kept_run(struct arena *arena, struct node *node, const struct process_run *run)
{
    node_set_int(arena, node, "run", run->number);
    node_set_int(arena, node, "pid", run->pid);
    node_set_int(arena, node, "code", run->code);
    node_set_int(arena, node, "signal", run->signal);
    node_set_bool(arena, node, "oom", run->oom);
    node_set_int(arena, node, "started", run->started / 1000);
    node_set_int(arena, node, "finished", run->finished / 1000);
    node_set_int(arena, node, "over", run->over / 1000);
    node_set_text(arena, node, "reason", run->reason);
    node_set_text(arena, node, "message", run->message);
}

struct node *process_state_describe(struct arena *arena, const struct process_state *state)
{
    struct node *node = node_map(arena);

    node_set_text(arena, node, "name", state->name);
    node_set_text(arena, node, "state", state->state);
    node_set_int(arena, node, "crashes", state->crashes);
    node_set_bool(arena, node, "starting", state->starting);
    describe_kept_run(arena, node, &state->run);
    if (state->last)
        describe_kept_run(arena, node_make(arena, node, "last"), state->last);
    return node;
}

void process_tell(struct process_pod *pod, const struct process_state *state,
                  enum runtime_event_kind kind, const char *reason, const char *message)
{
    struct runtime *runtime = pod->runtime;
    struct runtime_event event = {
        .kind = kind, .pod = pod->id, .reason = reason, .message = message};

    if (state) {
        event.container = state->name;
        event.run = state->run.number;
        event.pid = state->run.pid;
        event.code = state->run.code;
        event.signal = state->run.signal;
        event.oom = state->run.oom;
        event.started = state->run.started;
        event.finished = state->run.finished;
    }
    if (runtime->options.on_event)
        runtime->options.on_event(runtime->options.arg, &event);
}

/* ---- Notes that outlive the agent ------------------------------------------------------ */

/* What tells one start of the machine from another: steady time begins anew with each. */
#define BOOT_ID "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_LEN 36

static bool read_boot_id(char ret[BOOT_ID_LEN + 1])
{
    int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read(fd, ret, BOOT_ID_LEN) : -1;

    if (fd >= 0)
        close(fd);
    ret[got == BOOT_ID_LEN ? BOOT_ID_LEN : 0] = '\0';
    return got == BOOT_ID_LEN;
}

/*
 * A file beside the pod whose time is the note: a disk that is full has room for that. It may
 * have none for `text`, and then there is none. The file appears with its time, never with that
 * of its making, which would be another note. `once`: what is noted already stays.
 */
static void write_note(const struct process_pod *pod, const char *name, bool once, int64_t when,
                       const char *text)
{
    scoped_mem char *path = mem_printf("%s/%s", pod->directory, name);
    scoped_mem char *fresh = mem_printf("%s.new", path);
    int flags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, fd = open(path, flags);
    struct timespec at = {.tv_sec = when / CLOCK_SECOND, .tv_nsec = when % CLOCK_SECOND};
    size_t len = strlen(text);
    bool is_new = fd < 0, good = fd >= 0 && once;

    if (is_new)
        fd = open(fresh, flags | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return;
    if (!good) {
        if (is_new && len && write(fd, text, len) != (ssize_t)len && ftruncate(fd, 0) < 0)
            log_debug("runtime", "%s: %s", path, strerror(errno));
        /* What the file system would say is up to a tick early: before an exit that came first. */
        good =
            futimens(fd, (struct timespec[]){at, at}) == 0 && (!is_new || rename(fresh, path) == 0);
    }
    if (!good)
        log_debug("runtime", "%s: %s", path, strerror(errno));
    close(fd);
}

/*
 * The decision to end a pod must outlive the agent: the next one would take what was ended
 * for something that failed, and start it again. Without a disk to keep it on, it does.
 * The file's time is the wall's; in it stands the steady one, which cannot be set.
 */
void process_note_ending(const struct process_pod *pod)
{
    char boot[BOOT_ID_LEN + 1], text[80] = "";

    if (read_boot_id(boot))
        snprintf(text, sizeof text, "%s %lld\n", boot, (long long)clock_steady());
    write_note(pod, "ending", true, clock_wall(), text);
}

void process_note_ready(const struct process_pod *pod, int64_t since)
{
    write_note(pod, "ready", false, since, "");
}

/* 0: not known, of another start of the machine, or not yet reached. */
static int64_t steady_in(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    char text[80] = "", boot[BOOT_ID_LEN + 1];
    long long steady = 0;

    if (fd < 0)
        return 0;
    if (read(fd, text, sizeof text - 1) <= BOOT_ID_LEN + 1 || !strchr(text, '\n') ||
        !read_boot_id(boot) || strncmp(text, boot, BOOT_ID_LEN) != 0 ||
        sscanf(text + BOOT_ID_LEN, " %lld", &steady) != 1)
        steady = 0;
    close(fd);
    return steady > 0 && steady <= clock_steady() ? steady : 0;
}

void process_describe_notes(const struct process_pod *pod, struct arena *arena, struct node *found)
{
    static const char *const notes[] = {"ending", "ready"};

    for (size_t i = 0; i < count_of(notes); i++) {
        scoped_mem char *path = mem_printf("%s/%s", pod->directory, notes[i]);
        struct stat st;

        if (lstat(path, &st) < 0)
            continue;
        node_set_int(arena, found, notes[i],
                     (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000);
        if (!strcmp(notes[i], "ending"))
            node_set_int(arena, found, "endingSteady", steady_in(path) / 1000);
    }
}
