/* SPDX-License-Identifier: Apache-2.0 */
/* Kills a process with all that it started, as far as parents, sessions and a mark in
   their environment tell. */

#include "runtime/process.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAMILY 512
/* What was started while the others were being looked for is found by the next round. */
#define ROUNDS 4

struct family {
    const char *mark; /* "NAME=VALUE" */
    pid_t members[FAMILY];
    size_t count;
};

static bool has_pid(const struct family *family, pid_t pid)
{
    for (size_t i = 0; i < family->count; i++)
        if (family->members[i] == pid)
            return true;
    return false;
}

/* proc(5), stat: "PID (name) state parent group session"; the name may hold anything. */
static bool read_stat(const char *pid, pid_t *ret_parent, pid_t *ret_session)
{
    char path[300], line[512], *at;
    int parent, group, session;
    char state;
    FILE *in;

    snprintf(path, sizeof path, "/proc/%.200s/stat", pid);
    in = fopen(path, "re");
    if (!in)
        return false;
    line[fread(line, 1, sizeof line - 1, in)] = '\0';
    fclose(in);
    at = strrchr(line, ')');
    if (!at || sscanf(at + 1, " %c %d %d %d", &state, &parent, &group, &session) != 4 ||
        state == 'Z')
        return false;
    *ret_parent = parent;
    *ret_session = session;
    return true;
}

/* A daemon has neither a parent nor a session of the family, but its environment. */
static bool is_marked(const char *pid, const char *mark)
{
    char path[300], *line = NULL;
    size_t size = 0;
    bool found = false;
    FILE *in;

    snprintf(path, sizeof path, "/proc/%.200s/environ", pid);
    in = fopen(path, "re");
    if (!in)
        return false;
    while (!found && getdelim(&line, &size, '\0', in) >= 0)
        found = !strcmp(line, mark);
    mem_free(&line);
    fclose(in);
    return found;
}

static bool add_relatives(struct family *family)
{
    size_t before = family->count;
    DIR *all = opendir("/proc");
    struct dirent *entry;

    while (all && (entry = readdir(all)) && family->count < FAMILY) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10), parent, session;

        if (pid > 1 && !has_pid(family, pid) && read_stat(entry->d_name, &parent, &session) &&
            (has_pid(family, parent) || has_pid(family, session) ||
             is_marked(entry->d_name, family->mark)))
            family->members[family->count++] = pid;
    }
    if (all)
        closedir(all);
    return family->count > before;
}

/* The first one is only stopped until the last round, so that its children keep it
   for their parent. */
void process_kill_family(pid_t first, const char *mark)
{
    kill(first, SIGSTOP);
    for (int round = 0; round < ROUNDS; round++) {
        struct family family = {.mark = mark, .members = {first}, .count = 1};

        while (add_relatives(&family))
            continue;
        for (size_t i = 1; i < family.count; i++)
            if (family.members[i] != getpid())
                kill(family.members[i], SIGKILL);
    }
    kill(first, SIGKILL);
}
