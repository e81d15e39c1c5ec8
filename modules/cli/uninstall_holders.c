/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the processes that hold a lock of a file or folder, and ends them; removes their
 * control groups.
 */
#include "cli/internal.h"
#include "cli/uninstall.h"

#include "base/file.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* The arguments of a process with spaces between; "" if the process has ended. */
static char *command_of_process(pid_t pid)
{
    scoped_mem char *path = mem_printf("/proc/%d/cmdline", pid);
    size_t len = 0;
    char *text = file_read(path, 65536, &len, NULL);

    for (size_t i = 0; text && i + 1 < len; i++)
        if (!text[i])
            text[i] = ' ';
    return text ? text : mem_copy_string("");
}

char *holders_groups(int pid)
{
    scoped_mem char *path = mem_printf("/proc/%d/cgroup", pid);
    char *text = file_read(path, 65536, NULL, NULL);

    return text ? text : mem_copy_string("");
}

static void add_holder(struct holders *holders, pid_t pid)
{
    struct holder *one;

    for (size_t i = 0; i < holders->count; i++)
        if (holders->list[i].pid == pid)
            return;
    holders->list = mem_resize_array(holders->list, holders->count + 1, sizeof *holders->list);
    one = &holders->list[holders->count++];
    *one = (struct holder){.pid = pid,
                           .fd = (int)syscall(SYS_pidfd_open, pid, 0),
                           .command = command_of_process(pid),
                           .groups = holders_groups(pid)};
}

/*
 * Overlays and btrfs have another device number in /proc/locks than in stat(). So if only
 * the inode number is equal, the process must also have the arguments of a role or a shim.
 */
static bool is_same_file(const struct stat *st, unsigned major, unsigned minor, pid_t pid)
{
    scoped_mem char *command = NULL;

    if (major(st->st_dev) == major && minor(st->st_dev) == minor)
        return true;
    command = command_of_process(pid);
    return strstr(command, "--mode") || strstr(command, " shim ");
}

void holders_find(struct holders *holders, const char *path)
{
    FILE *in;
    char line[256];
    struct stat st;

    if (lstat(path, &st) < 0)
        return;
    in = fopen("/proc/locks", "re");
    while (in && fgets(line, sizeof line, in)) {
        unsigned major, minor;
        unsigned long long inode;
        int pid;

        /*
         * A line is "1: FLOCK  ADVISORY  WRITE 20079 fe:00:13453110 0 EOF"; a line with
         * "->" is a process that waits for the lock.
         */
        if (sscanf(line, "%*d: %*[A-Z] %*s %*s %d %x:%x:%llu", &pid, &major, &minor, &inode) == 4 &&
            inode == st.st_ino && pid > 0 && pid != getpid() &&
            is_same_file(&st, major, minor, pid))
            add_holder(holders, pid);
    }
    if (in)
        fclose(in);
}

void holders_free(struct holders *holders)
{
    for (size_t i = 0; i < holders->count; i++) {
        if (holders->list[i].fd >= 0)
            close(holders->list[i].fd);
        free(holders->list[i].command);
        free(holders->list[i].groups);
    }
    free(holders->list);
    *holders = (struct holders){0};
}

/* A pidfd names this process even if its PID is used again. */
static bool ends_within(const struct holder *one, int ms)
{
    struct pollfd ready = {.fd = one->fd, .events = POLLIN};

    return one->fd < 0 || poll(&ready, 1, ms) == 1;
}

static int end_one(const struct holder *one, struct err *err)
{
    /* A second SIGTERM makes an agent stop waiting for requests in flight. */
    static const struct {
        int signal, wait;
    } steps[] = {{SIGTERM, 20000}, {SIGTERM, 20000}, {SIGKILL, 5000}};

    for (size_t i = 0; one->fd >= 0 && i < count_of(steps); i++) {
        if (syscall(SYS_pidfd_send_signal, one->fd, steps[i].signal, NULL, 0) < 0 && errno != ESRCH)
            return err_set(err, ERR_FORBIDDEN,
                           "process %d (%.200s) cannot be ended: %s; do this "
                           "as root or as its user",
                           one->pid, one->command, strerror(errno));
        if (ends_within(one, steps[i].wait))
            return 0;
    }
    return one->fd < 0 ? 0
                       : err_set(err, ERR_OTHER, "process %d (%.200s) does not end", one->pid,
                                 one->command);
}

int holders_end(const struct holders *holders, struct err *err)
{
    for (size_t i = 0; i < holders->count; i++)
        if (end_one(&holders->list[i], err) < 0)
            return -1;
    return 0;
}

/* ---- Control groups --------------------------------------------------------------- */

#define ROOT "/sys/fs/cgroup"
#define LEAF "/axle-agent"

/* rmdir() fails for a group with processes, so a group of another agent's pods stays. */
static void delete_group(const char *root, const char *group)
{
    scoped_mem char *base = mem_printf("%s%s", root, group), *pods = NULL, *leaf = NULL;
    DIR *list;

    if (text_ends(base, LEAF))
        base[strlen(base) - strlen(LEAF)] = '\0';
    pods = mem_printf("%s/axle", base);
    leaf = mem_printf("%s" LEAF, base);
    rmdir(leaf);
    if (file_exists(leaf))
        return;
    list = opendir(pods);
    for (struct dirent *e; list && (e = readdir(list));)
        if (e->d_type == DT_DIR && e->d_name[0] != '.')
            unlinkat(dirfd(list), e->d_name, AT_REMOVEDIR);
    if (list)
        closedir(list);
    rmdir(pods);
}

/* A line of /proc/PID/cgroup is "4:cpu,cpuacct:/a" for version 1 and "0::/a" for version 2. */
void holders_delete_groups(const char *groups)
{
    scoped_mem char *copy = mem_copy_string(groups);
    char *lines = copy;

    for (char *line; (line = strsep(&lines, "\n"));) {
        char *group = strchr(line, '/'), *list = strchr(line, ':');

        if (!group || !list || list[1] == ':') {
            if (group)
                delete_group(ROOT, group);
            continue;
        }
        group[-1] = '\0';
        list++;
        for (char *word; (word = strsep(&list, ","));) {
            scoped_mem char *root = mem_printf(ROOT "/%s", word);

            group[-1] = '\0';
            delete_group(root, group);
        }
    }
}

static void write_control_word(const char *folder, const char *file, const char *word)
{
    scoped_mem char *path = mem_printf(ROOT "%s/%s", folder, file);
    FILE *out = fopen(path, "we");

    if (!out)
        return;
    fputs(word, out);
    fclose(out);
}

/*
 * Opening a spoke moved this process to a leaf group, because version 2 allows no
 * processes in a group with controllers enabled for children. Disable the controllers
 * first, then move back.
 */
void holders_leave_group(void)
{
    static const char *const controllers[] = {"-memory", "-cpu", "-pids"};
    scoped_mem char *groups = holders_groups(getpid());
    char *own = strstr(groups, "0::/");

    if (!own)
        return;
    own += strlen("0::");
    own[strcspn(own, "\n")] = '\0';
    if (!text_ends(own, LEAF))
        return;
    own[strlen(own) - strlen(LEAF)] = '\0';
    for (size_t i = 0; i < count_of(controllers); i++)
        write_control_word(own, "cgroup.subtree_control", controllers[i]);
    write_control_word(own, "cgroup.procs", "0");
}
