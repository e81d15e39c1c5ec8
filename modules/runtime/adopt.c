/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the pods that ran before this agent did, and takes them over. */

#include "runtime/process.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "document/document.h"

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

static struct node *read_json(struct arena *arena, const char *path)
{
    size_t len = 0;
    char *bytes = process_read_file(arena, path, &len);

    return bytes ? document_read_json(arena, bytes, len, &document_limits_own, NULL) : NULL;
}

/* The lock belongs to the open file that the shim inherited: held is alive. */
static bool is_held(const struct process_pod *pod)
{
    scoped_mem char *path = mem_printf("%s/lock", pod->directory);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;

    if (fd >= 0)
        close(fd);
    return held;
}

/* Through the folder's descriptor: a socket's path may have 107 bytes only. */
static int dial(const struct process_pod *pod)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int folder = open(pod->directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/shim.sock", folder);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        close(fd);
        fd = -1;
    }
    close(folder);
    return fd;
}

/* A shim that was just born may not listen yet; one that dies lets go. */
static int reach_shim(const struct process_pod *pod)
{
    for (int tries = 0; tries < 200 && is_held(pod); tries++) {
        int fd = dial(pod);

        if (fd >= 0)
            return fd;
        usleep(5000);
    }
    return -1;
}

static void take_exit(struct process_pod *pod, const struct node *from)
{
    process_state_take(process_state_of(pod, node_get_text(from, "name")), from);
}

static bool hear_first_state(struct process_pod *pod, int fd)
{
    scoped_arena struct arena *arena = arena_new();
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    char *bytes = arena_alloc(arena, PROCESS_MESSAGE);
    struct node *message, *list;
    ssize_t got;

    if (poll(&ready, 1, 2000) != 1)
        return false;
    got = recv(fd, bytes, PROCESS_MESSAGE, MSG_DONTWAIT);
    message = got > 0 ? document_read_json(arena, bytes, (size_t)got, &document_limits_own, NULL)
                      : NULL;
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
        last = read_json(arena, arena_printf(arena, "%s/%s", pod->directory, e->d_name));
        if (last)
            take_exit(pod, last);
    }
    if (list)
        closedir(list);
}

static void take_record(struct process_pod *pod, const struct node *kept)
{
    const struct node *volumes = node_get(kept, "volumes");
    const struct node *record = node_get(kept, "record");
    const struct node *links = node_get(kept, "links");

    pod->record = record ? node_copy(pod->arena, record) : node_map(pod->arena);
    if (links)
        pod->links = node_copy(pod->arena, links);
    /* The files come again with the first set_files(). */
    for (size_t i = 0; i < node_count(volumes); i++) {
        const struct node *volume = node_item(volumes, i);
        struct node *known;

        if (!text_starts(node_get_text(volume, "source"), "/dev/shm/axle-") &&
            !text_starts(node_get_text(volume, "source"), pod->directory))
            continue;
        known = node_make(pod->arena, pod->volumes, node_get_text(volume, "name"));
        node_set_text(pod->arena, known, "source", node_get_text(volume, "source"));
        if (pod->runtime->root)
            node_set_int(pod->arena, known, "group", node_get_int(kept, "group", -1));
    }
}

static void adopt(struct runtime *runtime, const char *id)
{
    scoped_arena struct arena *arena = arena_new();
    struct process_pod *pod = process_pod_new(runtime, id);
    struct node *kept = read_json(arena, arena_printf(arena, "%s/pod.json", pod->directory));
    int fd = reach_shim(pod);

    if (!kept && fd < 0) { /* the last agent died while making it */
        process_delete_tree(pod->directory);
        process_pod_free(&pod);
        return;
    }
    take_record(pod, kept);
    if (fd < 0) {
        read_exits(pod);
    } else if (hear_first_state(pod, fd)) {
        process_listen(pod, fd);
    } else {
        log_warn("runtime", "pod %s: its shim does not answer", id);
        close(fd);
    }
}

void process_adopt_all(struct runtime *runtime)
{
    scoped_mem char *path = mem_printf("%s/pods", runtime->directory);
    DIR *list = opendir(path);

    for (struct dirent *e; list && (e = readdir(list));)
        if (e->d_name[0] != '.' && !map_get(runtime->pods, e->d_name))
            adopt(runtime, e->d_name);
    if (list)
        closedir(list);
}
