/* SPDX-License-Identifier: Apache-2.0 */
/* Finds whether a TCP port is free, and which process holds it if not. */

#include "runtime/process.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int try_bind(int family, int wanted, int *ret)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)wanted)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)wanted)};
    bool four = family == AF_INET;
    struct sockaddr *address = four ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t len = four ? sizeof v4 : sizeof v6;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, number = 0;

    if (fd < 0)
        return 0; /* this family is not spoken here */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!four)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, address, len) < 0 || listen(fd, 1) < 0)
        number = errno;
    else if (getsockname(fd, address, &len) == 0)
        *ret = ntohs(four ? v4.sin_port : v6.sin6_port);
    close(fd);
    errno = number;
    return number ? -1 : 0;
}

static unsigned long listener_inode(const char *table, int port)
{
    FILE *in = fopen(table, "re");
    unsigned long inode = 0, found = 0;
    unsigned local = 0, state = 0;
    char line[512];

    while (in && fgets(line, sizeof line, in))
        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %lu",
                   &local, &state, &inode) == 3 &&
            (int)local == port && state == 10)
            found = inode;
    if (in)
        fclose(in);
    return found;
}

/* Through /proc, so only of processes that we may look at. */
static bool holds_socket(const char *pid, unsigned long inode)
{
    char path[300], link[64], wanted[64];
    DIR *list;
    bool found = false;

    snprintf(wanted, sizeof wanted, "socket:[%lu]", inode);
    snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
    list = opendir(path);
    for (struct dirent *e; list && !found && (e = readdir(list));) {
        ssize_t len;

        snprintf(path, sizeof path, "/proc/%.20s/fd/%.20s", pid, e->d_name);
        len = readlink(path, link, sizeof link - 1);
        link[len > 0 ? len : 0] = '\0';
        found = !strcmp(link, wanted);
    }
    if (list)
        closedir(list);
    return found;
}

static void name_of_process(const char *pid, char *ret, size_t room)
{
    char path[64], name[64] = "";
    FILE *in;

    snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    in = fopen(path, "re");
    if (in && fgets(name, sizeof name, in))
        name[strcspn(name, "\n")] = '\0';
    if (in)
        fclose(in);
    snprintf(ret, room, "%s (pid %.20s)", name, pid);
}

static void find_holder(int port, char *ret, size_t room)
{
    unsigned long inode = listener_inode("/proc/net/tcp", port);
    DIR *list;

    snprintf(ret, room, "another process");
    if (!inode)
        inode = listener_inode("/proc/net/tcp6", port);
    list = inode ? opendir("/proc") : NULL;
    for (struct dirent *e; list && (e = readdir(list));)
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && holds_socket(e->d_name, inode)) {
            name_of_process(e->d_name, ret, room);
            break;
        }
    if (list)
        closedir(list);
}

/* Listening for a moment is the only sure test; the port may be taken by another process
   afterwards, which its user then reports. */
int process_port(struct runtime *runtime, int wanted, int *ret, struct err *err)
{
    char holder[128];
    int port = wanted;

    if (try_bind(AF_INET, wanted, &port) == 0 &&
        (!wanted || try_bind(AF_INET6, wanted, &port) == 0)) {
        *ret = port;
        return 0;
    }
    if (errno != EADDRINUSE) { /* a low port: the workload may be allowed to */
        *ret = wanted;
        return 0;
    }
    find_holder(wanted, holder, sizeof holder);
    return err_set(err, ERR_CONFLICT, "port %d is taken by %s", wanted, holder);
}
