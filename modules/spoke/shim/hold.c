/* SPDX-License-Identifier: Apache-2.0 */
/* What the unit of the pods runs: keeps their control group, and ends every pod with it. */

#include "shim/pod.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The pid that listens there; 0: none, or a shim that is about to end. */
static pid_t listener_of(int folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred who = {0};
    socklen_t len = sizeof who;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/shim.sock", folder);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0)
        who.pid = 0;
    close(fd);
    return who.pid;
}

/* The lock of a pod with a living shim, which got SIGTERM; -1: there is none. */
static int begin_end(int pods, const char *name)
{
    int folder = openat(pods, name, O_PATH | O_DIRECTORY | O_CLOEXEC), lock = -1;
    pid_t shim;

    if (folder >= 0)
        lock = openat(folder, "lock", O_RDWR | O_CLOEXEC);
    if (lock >= 0 && (flock(lock, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)) {
        close(lock);
        lock = -1;
    }
    shim = lock >= 0 ? listener_of(folder) : 0;
    if (shim > 0)
        kill(shim, SIGTERM);
    if (folder >= 0)
        close(folder);
    return lock;
}

int shim_end_all(const char *directory)
{
    scoped_mem char *path = mem_printf("%s/pods", directory);
    scoped_mem int *locks = NULL;
    DIR *list = opendir(path);
    size_t count = 0;

    if (!list && errno != ENOENT) {
        fprintf(stderr, "axle shim: %s cannot be read\n", path);
        return 1;
    }
    for (struct dirent *e; list && (e = readdir(list));) {
        int lock = e->d_name[0] == '.' ? -1 : begin_end(dirfd(list), e->d_name);

        if (lock < 0)
            continue;
        locks = mem_resize_array(locks, count + 1, sizeof *locks);
        locks[count++] = lock;
    }
    if (list)
        closedir(list);
    /* Each shim holds its lock until it ends. How long this may take is for the
       service manager to say, which kills what stays. */
    for (size_t i = 0; i < count; i++) {
        while (flock(locks[i], LOCK_EX) < 0 && errno == EINTR)
            continue;
        close(locks[i]);
    }
    return 0;
}

/*
 * The service manager removes a unit's group when it is empty, and then neither finds
 * nor ends what comes into it later. Killing the holder harms no pod.
 */
int shim_hold(void)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid < 0;
    setsid();
    prctl(PR_SET_NAME, "axle-pods");
    cgroup_leave_control();
    if (chdir("/") < 0)
        return 1;
    for (;;)
        pause();
}
