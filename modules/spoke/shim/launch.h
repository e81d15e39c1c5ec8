/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_LAUNCH_H
#define SHIM_LAUNCH_H

#include "base/text.h"
#include "shim/shim.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

struct node;

/*
 * Private to shim: a container's init, its command, and what they may do.
 *
 * The shim is the parent of one small `init` per container. The init is a
 * fork without exec: first process of the container's pid namespace where
 * there is one, subreaper otherwise. It starts the command, forwards signals
 * to it, and when the command ends kills whatever is left and tells the shim.
 * Then it stays a moment: the next run needs no new namespaces, mounts or
 * control group, only a fork and an exec in a place that is empty again.
 */

/* ---- container_log.c: one log file, lines with time and stream ---------------- */

struct shim_log {
    char *path; /* owned */
    int fd;     /* -1: cannot be written; lines are dropped */
    int64_t size, limit;
    int files;
    int64_t rate;              /* bytes per second */
    int64_t budget, budget_at; /* bytes that may be written now; since when */
    int64_t dropped;
    int64_t lost; /* bytes that the disk did not take, since the last line that it did */
};
struct shim_stream {
    int fd; /* -1: closed */
    const char *name;
    char *line; /* owned; a part of a line, or in a flood the newest bytes */
    size_t len;
    bool cut;       /* what came before `line` was dropped */
    char last[200]; /* its last line with words in it; "": none in this run */
};
#define SHIM_LINE ((size_t)16 * 1024)

void shim_log_open(struct shim_log *log, const char *path, int64_t limit, int files);
/* Reads what is there and writes it down; closes the stream at its end. */
void shim_log_read(struct shim_log *log, struct shim_stream *stream);
/* All writers have ended: takes what is in the pipe, ends the last line. */
void shim_log_drain(struct shim_log *log, struct shim_stream *stream);
/* The same, and closes it. */
void shim_log_finish(struct shim_log *log, struct shim_stream *stream);

/* ---- init.c: one container run ---------------------------------------- */

/* From the init, a struct shim_message; EXITED_AGAIN has begun the next run. */
enum shim_word {
    SHIM_STARTED = 1,
    SHIM_FAILED,
    SHIM_EXITED,
    SHIM_EXITED_AGAIN,
    SHIM_WAITS, /* not started yet: `text` says for what */
    SHIM_NOTE,  /* `reason` and `text` are worth an Event */
};
/* To the init, a byte: run once more; or what to do by itself at the next end. */
enum { SHIM_AGAIN = 'r', SHIM_PERMIT = 'p', SHIM_PERMIT_FAILURE = 'f', SHIM_FORBID = 'x' };
struct shim_message {
    int word;
    int status; /* of waitpid, or errno */
    char reason[40];
    char text[400];
};

struct shim_place {
    const char *directory; /* of the pod, absolute */
    const struct node *spec;
    bool namespaces, user_namespace;
};
struct shim_launch {
    const struct shim_place *place;
    const struct node *container;
    int out, error;      /* write ends */
    int control;         /* SOCK_SEQPACKET, the init's end */
    int empty;           /* standard input; shim_launch() opens it outside the pod */
    int cgroup_procs[4]; /* open cgroup.procs to join; -1: none */
    int group;           /* to be born in instead; -1: none */
};
/* The container's init, or -1 with errno. Never returns in the child. */
pid_t shim_launch(const struct shim_launch *launch);

/*
 * Runs a command beside a running container (exec probes, hooks): in its
 * namespaces, as its user. Returns the pid of a child of the caller, which ends
 * with the command's exit code. SIGTERM to that child kills the command with
 * everything that it started, new sessions too, and then ends it.
 */
pid_t shim_exec(const struct shim_launch *launch, pid_t init, const struct node *command);
/* ---- command.c: what both kinds of commands share ------------------------- */

/* Becomes the command; returns only if that fails, with `why` filled. */
void shim_run_command(const struct shim_launch *launch, const struct node *command,
                      struct shim_message *why);
void shim_reset_signals(void);
/* A signalfd wants its signals blocked, and a child inherits that. */
void shim_unblock_signals(void);
int shim_open_empty(void);
void shim_join_cgroups(const struct shim_launch *launch);

/* ---- kill.c ---------------------------------------------------------------- */

/* Tells the init to kill everything below it. */
int shim_kill_all_signal(void);
/* Kills the children that a process has now; `proc` is an open /proc, in whose pid
   namespace `parent` is a number. */
void shim_kill_children(int proc, pid_t parent);

static inline void shim_close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* ---- confine.c: what a container's process may see and do ------------------- */

/* Where on this machine a mount's volume is, subPath and all. */
void confine_source(const struct shim_place *place, const struct node *mount, char *into,
                    size_t room);
/* In the init, in a new mount namespace: builds and enters the private root.
   -1 with reason and text filled. */
int confine_root(const struct shim_place *place, const struct node *container,
                 struct shim_message *ret_why);
/* In the last process before exec: user, limits, capabilities, seccomp. */
int confine_self(const struct shim_place *place, const struct node *container,
                 struct shim_message *ret_why);
/* syscalls.c: all system calls but those of syscalls.def are refused from now on. */
int syscalls_filter(void);
/* With no mount namespace, the pod's directory as seen from inside. */
const char *confine_work(const struct shim_place *place, char *into, size_t room);

#endif
