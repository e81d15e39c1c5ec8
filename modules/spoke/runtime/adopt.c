/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the pods that ran before this agent did, and takes them over. */

#include "runtime/process.h"

#include "base/clock.h"
#include "base/kept.h"
#include "base/log.h"
#include "base/map.h"
#include "document/document.h"
#include "number/number.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define KEPT_LIMIT ((size_t)16 * 1024 * 1024)

struct node *process_read_kept(struct arena *arena, const char *path)
{
    size_t len = 0;
    bool damaged = false;
    struct err err = {0};
    scoped_mem char *bytes = kept_read(path, KEPT_LIMIT, &len, &damaged, &err);
    struct node *read =
        bytes ? document_read_json(arena, bytes, len, &document_limits_own, &err) : NULL;

    if (err.code && err.code != ERR_NOT_FOUND)
        log_error("runtime", "%s: %s", path, err.text);
    else if (damaged && kept_write(path, bytes, len, 0600, false, &err) == 0)
        log_warn("runtime", "%s was damaged and is mended from its copy", path);
    return read;
}

static void take_exit(struct process_pod *pod, const struct node *from)
{
    process_state_take(process_state_of(pod, node_get_text(from, "name")), from);
}

/* Waits, because observe() returns a whole answer; `deadline` is that of all pods together. */
static bool hear_first_state(struct process_pod *pod, int fd, int64_t deadline)
{
    scoped_arena struct arena *arena = arena_new();
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int64_t left = (deadline - clock_steady()) / CLOCK_MS;
    char *bytes = arena_alloc(arena, PROCESS_MESSAGE);
    struct node *message, *list;
    ssize_t got;

    if (poll(&ready, 1, left > 0 ? (int)left : 0) != 1)
        return false;
    got = recv(fd, bytes, PROCESS_MESSAGE, MSG_DONTWAIT);
    message =
        got > 0 ? document_read_json(arena, bytes, (size_t)got, &document_limits_own, NULL) : NULL;
    list = node_get(message, "state");
    for (size_t i = 0; i < node_count(list); i++)
        take_exit(pod, node_item(list, i));
    return list != NULL;
}

/* What ended before a shim that is no more: its files tell. */
static void read_exits(struct process_pod *pod)
{
    DIR *list = opendir(pod->directory);

    for (struct dirent *e; list && (e = readdir(list));) {
        scoped_arena struct arena *arena = arena_new();
        struct node *last;

        if (!text_starts(e->d_name, "exit-") || !text_ends(e->d_name, ".json"))
            continue;
        last = process_read_kept(arena, arena_printf(arena, "%s/%s", pod->directory, e->d_name));
        if (last)
            take_exit(pod, last);
    }
    if (list)
        closedir(list);
}

/* The files themselves come again with the first set_files(). */
void process_files_adopt(struct process_pod *pod, const struct node *volumes, int64_t group)
{
    for (size_t i = 0; i < node_count(volumes); i++) {
        const struct node *volume = node_item(volumes, i);
        struct node *known;

        if (!text_starts(node_get_text(volume, "source"), "/dev/shm/axle-") &&
            !text_starts(node_get_text(volume, "source"), pod->directory))
            continue;
        known = node_make(pod->arena, process_pod_volumes(pod), node_get_text(volume, "name"));
        node_set_text(pod->arena, known, "source", node_get_text(volume, "source"));
        if (pod->runtime->root)
            node_set_int(pod->arena, known, "group", group);
    }
}

static void take_record(struct process_pod *pod, const struct node *kept)
{
    const struct node *record = node_get(kept, "record");
    const struct node *links = node_get(kept, "links");

    process_pod_set_record(pod, record);
    if (node_count(links))
        pod->links = node_copy(pod->arena, links);
    process_files_adopt(pod, node_get(kept, "volumes"),
                        number_get(kept, "group", NUMBER_GROUP, -1));
}

/* It lives, but does not say what it does: it will, and meanwhile it runs. */
static void suppose_running(struct process_pod *pod, const struct node *kept)
{
    const struct node *names = node_get(kept, "containers");

    for (size_t i = 0; i < node_count(names); i++) {
        struct process_state *state = process_state_of(pod, node_text(node_item(names, i)));

        snprintf(state->state, sizeof state->state, "running");
    }
    log_warn("runtime", "pod %s: its shim is busy, and will be asked again", pod->id);
}

/* An agent died while it made it: nothing of it ever ran. */
static bool never_began(struct process_pod *pod)
{
    scoped_mem char *door = mem_printf("%s/shim.sock", pod->directory);

    read_exits(pod);
    return access(door, F_OK) != 0 && !pod->count;
}

/* True: it has a shim, whose first message says what its containers do. */
static bool adopt_folder(struct runtime *runtime, const char *id)
{
    scoped_arena struct arena *arena = arena_new();
    struct process_pod *pod = process_pod_new(runtime, id);
    struct node *kept =
        process_read_kept(arena, arena_printf(arena, "%s/pod.json", pod->directory));

    if (kept)
        take_record(pod, kept);
    if (process_is_held(pod)) {
        pod->socket = process_dial(pod);
        return true;
    }
    if (never_began(pod) || !kept) {
        process_pod_delete(pod);
        process_pod_free(&pod);
    }
    return false;
}

/* All are asked before the first answer is waited for. */
#define ANSWER CLOCK_SECOND

static void ask_state(struct process_pod *pod, int64_t deadline)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *kept =
        process_read_kept(arena, arena_printf(arena, "%s/pod.json", pod->directory));
    int fd = pod->socket;

    /* Of several containers some may wait for others: no guess is good. */
    if (node_count(node_get(kept, "containers")) > 1)
        deadline += 10 * ANSWER;
    if (fd >= 0 && hear_first_state(pod, fd, deadline)) {
        process_listen(pod, fd);
        return;
    }
    suppose_running(pod, kept);
    if (fd >= 0)
        process_listen(pod, fd);
    else
        process_reach(pod);
}

void process_adopt_all(struct runtime *runtime)
{
    scoped_mem char *path = mem_printf("%s/pods", runtime->directory);
    scoped_map struct map *requested = map_new();
    DIR *list = opendir(path);
    int64_t deadline = clock_steady() + ANSWER;
    struct process_pod *pod;
    size_t at = 0;

    for (struct dirent *e; list && (e = readdir(list));)
        if (e->d_name[0] != '.' && !map_get(runtime->pods, e->d_name) &&
            adopt_folder(runtime, e->d_name))
            map_put(requested, e->d_name, map_get(runtime->pods, e->d_name));
    if (list)
        closedir(list);
    while ((pod = map_next(requested, &at, NULL)))
        ask_state(pod, deadline);
}
