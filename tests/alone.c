/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs one test so that nothing of it outlives it: alone SECONDS PROGRAM ARG…
 *
 * The test gets a session of its own and a time limit. Whatever its processes
 * leave behind, daemons with sessions of their own included, becomes a child
 * of this process and is killed before it ends. Exits as the test did, 124
 * when the time was up.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t asked_to_end;

static void on_signal(int number)
{
    asked_to_end = number;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

static pid_t parent_of(const char *pid)
{
    char path[64], line[512], *after;
    FILE *file;
    int parent = 0;

    snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
    file = fopen(path, "re");
    if (!file)
        return 0;
    if (fgets(line, sizeof(line), file) && (after = strrchr(line, ')')))
        sscanf(after + 1, " %*c %d", &parent);
    fclose(file);
    return parent;
}

/* Kills our children as of now and returns how many there were. */
static int kill_children(void)
{
    DIR *folder = opendir("/proc");
    struct dirent *entry;
    int count = 0;

    if (!folder)
        return 0;
    while ((entry = readdir(folder))) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

        if (pid > 1 && parent_of(entry->d_name) == getpid()) {
            kill(pid, SIGKILL);
            count++;
        }
    }
    closedir(folder);
    return count;
}

/* Children of what was killed become ours, so it takes several rounds. */
static void kill_all(void)
{
    while (kill_children() > 0)
        while (waitpid(-1, NULL, 0) < 0 && errno == EINTR)
            ;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

/* Waits for the test, while adopting whatever ends in the meantime. */
static int wait_for_test(pid_t test, int seconds)
{
    int descriptor = (int)syscall(SYS_pidfd_open, test, 0);
    struct pollfd end = {.fd = descriptor, .events = POLLIN};
    int status, ready;

    do
        ready = poll(&end, 1, seconds * 1000);
    while (ready < 0 && errno == EINTR && !asked_to_end);
    if (ready <= 0) {
        kill(-test, asked_to_end ? SIGTERM : SIGABRT);
        poll(&end, 1, 500);
        kill(-test, SIGKILL);
    }
    while (waitpid(test, &status, 0) < 0 && errno == EINTR)
        ;
    if (ready <= 0)
        return asked_to_end ? 130 : 124;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    pid_t test;
    int status;

    if (argc < 3) {
        fprintf(stderr, "usage: alone SECONDS PROGRAM [ARGUMENT...]\n");
        return 2;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    catch_signals();
    test = fork();
    if (test < 0) {
        perror("alone: fork");
        return 2;
    }
    if (test == 0) {
        setsid();
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    status = wait_for_test(test, (int)strtol(argv[1], NULL, 10));
    kill_all();
    return status;
}
