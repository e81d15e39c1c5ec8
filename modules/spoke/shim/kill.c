/* SPDX-License-Identifier: Apache-2.0 */
/* Kills a process's children. */

#include "shim/launch.h"

#include "cgroup/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int shim_kill_all_signal(void)
{
    return SIGRTMIN + 3;
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
        cgroup_kill_listed(list);
    }
}
