/* SPDX-License-Identifier: Apache-2.0 */
/* Starts shims, and keeps one ready so that the next pod need not wait for it. */

#include "runtime/process.h"

#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/*
 * A spare has been exec'd, knows its control groups and, with version 1 of
 * them, has waited out what joining one costs. It gets its pod, with the
 * pod's lock, through its socket, and ends when that closes without one.
 */

/* A shim of this agent, with a pod or without. */
struct process_shim {
    struct runtime *runtime;
    struct process_pod *pod;  /* NULL: a spare */
    struct loop_child *child; /* owned */
    int socket;               /* owned; -1 once it is the pod's */
    process_exit_fn *ended;   /* told of the end of one that has a pod */
};

#define LATER (20 * CLOCK_MS) /* not while a pod is being started */
#define ROOM 600              /* for the pod's directory, in the list of processes */

/* Freeing the child forgets the process and does not end it. */
void process_shim_forget(struct process_shim **at)
{
    struct process_shim *shim = *at;

    *at = NULL;
    if (!shim)
        return;
    loop_child_free(&shim->child);
    if (shim->socket >= 0)
        close(shim->socket);
    mem_free(&shim);
}

static void on_shim_process_exit(pid_t pid, int status, void *arg)
{
    struct process_shim *shim = arg;
    struct process_pod *pod = shim->pod;

    if (!pod && shim->runtime->spare == shim)
        process_shim_forget(&shim->runtime->spare);
    else if (pod)
        shim->ended(pod);
}

/* keep[0] is its end of the socket; a spare gets the others later. */
static struct process_shim *spawn_shim(struct runtime *runtime, const char *last, const int *keep,
                                       size_t keeps, struct err *err)
{
    struct process_shim *shim = mem_alloc(sizeof *shim);
    char room[ROOM];
    char *const arguments[] = {(char *)"axle", (char *)"shim", (char *)last,
                               keeps == 1 ? room : NULL, NULL};
    scoped_mem char *groups =
        mem_printf(CGROUP_JOIN "=%s:%s", runtime->cgroups.shims[0], runtime->cgroups.shims[1]);
    char *const environment[] = {(char *)"PATH=/usr/bin:/bin", groups, NULL};
    struct loop_spawn spawn = {.path = runtime->program,
                               .arguments = arguments,
                               .environment = environment,
                               .in = -1,
                               .out = -1,
                               .error = -1,
                               .keep = keep,
                               .keeps = keeps,
                               .own_session = true};

    memset(room, ' ', sizeof room - 1);
    room[sizeof room - 1] = '\0';
    *shim = (struct process_shim){.runtime = runtime, .socket = -1};
    shim->child = loop_spawn(runtime->loop, &spawn, on_shim_process_exit, shim, err);
    if (!shim->child)
        mem_free(&shim);
    return shim;
}

/* A timer calls this when the last pod runs, or a while after it was begun. */
static void make_spare(void *arg)
{
    struct runtime *runtime = arg;
    int pair[2];

    if (runtime->spare || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return;
    runtime->spare = spawn_shim(runtime, "--spare", &pair[1], 1, NULL);
    close(pair[1]);
    if (runtime->spare)
        runtime->spare->socket = pair[0];
    else
        close(pair[0]);
}

void process_spare_later(struct runtime *runtime)
{
    if (!runtime->spare_timer)
        runtime->spare_timer = loop_timer_new(runtime->loop, make_spare, runtime);
    loop_timer_set(runtime->spare_timer, LATER);
}

void process_spare_soon(struct runtime *runtime)
{
    if (runtime->spare_timer && loop_timer_is_set(runtime->spare_timer))
        loop_timer_set(runtime->spare_timer, 0);
}

void process_spare_close(struct runtime *runtime)
{
    loop_timer_free(&runtime->spare_timer);
    process_shim_forget(&runtime->spare);
}

static bool send_pod(struct process_shim *spare, const char *directory, int memory, int lock)
{
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec text = {(void *)directory, strlen(directory)};
    struct msghdr message = {.msg_iov = &text,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(2 * sizeof(int));
    memcpy(CMSG_DATA(rights), (int[]){memory, lock}, 2 * sizeof(int));
    return text.iov_len < ROOM && sendmsg(spare->socket, &message, MSG_NOSIGNAL) >= 0;
}

/* The spare's socket; -1: there is none, or it could not be told. */
static int use_spare(struct process_pod *pod, int memory, int lock)
{
    struct process_shim *spare = pod->runtime->spare;
    int socket;

    if (!spare || !send_pod(spare, pod->directory, memory, lock))
        return -1;
    pod->runtime->spare = NULL;
    socket = spare->socket;
    spare->socket = -1;
    spare->pod = pod;
    pod->shim = spare;
    return socket;
}

static int use_new(struct process_pod *pod, int memory, int lock, struct err *err)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_set(err, ERR_INTERNAL, "pod %s: %s", pod->id, strerror(errno));
    pod->shim = spawn_shim(pod->runtime, pod->directory, (int[]){pair[1], memory, lock}, 3, err);
    close(pair[1]);
    if (!pod->shim) {
        close(pair[0]);
        return -1;
    }
    pod->shim->pod = pod;
    return pair[0];
}

int process_shim_start(struct process_pod *pod, int memory, int lock, process_exit_fn *ended,
                       struct err *err)
{
    int socket = use_spare(pod, memory, lock);

    process_spare_later(pod->runtime);
    if (socket < 0)
        socket = use_new(pod, memory, lock, err);
    if (socket >= 0)
        pod->shim->ended = ended;
    return socket;
}
