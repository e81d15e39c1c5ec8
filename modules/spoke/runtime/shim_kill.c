/* SPDX-License-Identifier: Apache-2.0 */
/* Kills processes by their numbers and by their parent. */

#include "runtime/shim.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int shim_kill_all_signal(void)
{
    return SIGRTMIN + 3;
}

void shim_kill_listed(const char *pids)
{
    for (char *end; pids && *pids; pids = *end ? end + 1 : end) {
        long pid = strtol(pids, &end, 10);

        if (end == pids)
            end++;
        else if (pid > 1 && pid != getpid())
            kill((pid_t)pid, SIGKILL);
    }
}

void shim_kill_children(int proc, pid_t parent)
{
    char path[64], list[4096];
    ssize_t len;
    int fd;

    snprintf(path, sizeof path, "%d/task/%d/children", parent, parent);
    fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    len = read(fd, list, sizeof list - 1);
    close(fd);
    while (len > 0 && list[len - 1] != ' ')
        len--; /* a number cut at the end of the buffer is another process' pid */
    if (len > 0) {
        list[len] = '\0';
        shim_kill_listed(list);
    }
}
