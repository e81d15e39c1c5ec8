/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_POD_H
#define SHIM_POD_H

#include "base/text.h"
#include "cgroup/cgroup.h"
#include "shim/launch.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct node;

/*
 * Private to the shim's own files: one pod, its containers, what runs beside
 * them. From top to bottom, each calling only those below it: shim.c is the loop;
 * requests.c does what the agent says, shutdown.c ends the pod on SIGTERM,
 * disk_usage.c when its folders hold too much; exec.c runs probes and hooks;
 * container.c takes containers through their runs; tell_agent.c tells the agent;
 * init.c and exec_process.c are the processes in a container, above command.c.
 */

#define SHIM_CONTAINERS 32
#define SHIM_EXECS 16

/* How a run went, or goes. */
struct shim_run {
    int64_t number, pid, started, finished; /* wall time; number counts from 1 */
    int64_t over;                           /* steady time of its end; 0: it is not over */
    int code, signal;
    bool oom;
    struct shim_message why;
};

struct container {
    const char *name;
    const struct node *spec;
    const char *state;         /* none, running, exited, failed */
    struct shim_run run, last; /* last: the run before this one; number 0: none */
    int64_t crashes;           /* ends in a row of runs that did not last */
    int64_t kill_at;           /* steady time; 0: it is not to end */
    int64_t stop_at;           /* steady time at which it is stopped, once the shim ends */
    int64_t idle_until;        /* steady time; 0: its init is not idle */
    int64_t began;             /* steady time of the run's start */
    int64_t keep_at;           /* steady time; its end could not be written down; 0: it was */
    int64_t permit_at;         /* steady time at which it may be started again by itself */
    int64_t oom_before;
    pid_t init;  /* 0: none */
    int control; /* to the init; -1: none */
    bool running, told_start, reused, permitted;
    bool waits;    /* its init prepares a volume; `run.why` says which */
    uint64_t look; /* of what was mounted, when it was */
    struct shim_stream streams[2];
    struct shim_log log;
};

struct exec {
    int64_t id; /* 0: free */
    pid_t pid;
    int fd;
    int64_t deadline;
    bool late;
    struct text output;
};

struct disk {   /* the measuring of volumes that have a size */
    int fd;     /* from the child that measures; -1: none does */
    int64_t at; /* steady time of the next one; 0: never */
    int64_t began;
    int64_t used, holds;   /* of the whole disk, and of the pod, at the last count */
    bool counted, volumes; /* volumes: some have a limit of their own */
};

struct shim {
    struct arena *arena; /* owned; of the pod's description, which all the rest points into */
    struct shim_place place;
    struct cgroup_base cgroups;
    const char *pod;
    int64_t log_bytes;
    int log_files;
    struct container containers[SHIM_CONTAINERS];
    size_t count;
    struct exec execs[SHIM_EXECS];
    struct disk disk;
    bool spare;             /* was started before its pod was known */
    bool nested;            /* in a group of its own, which has no pod yet */
    struct container *home; /* whose group of processes we are in ourselves */
    int agent, listener, signals;
    bool quitting;
    int64_t end_at; /* steady time at which the grace period ends; 0: SIGTERM has not come */
};

/* ---- tell_agent.c ------------------------------------------------------------ */
void shim_drop_agent(struct shim *shim);
void shim_send(struct shim *shim, const struct node *message);
struct node *shim_describe(struct arena *arena, const struct container *container);
void shim_tell(struct shim *shim, const struct container *container, const char *event);
void shim_tell_all(struct shim *shim);

/* ---- requests.c ----------------------------------------------------------- */
void shim_hear_agent(struct shim *shim);
void shim_accept_agent(struct shim *shim);

/* ---- container.c ---------------------------------------------------------- */
struct container *shim_container_find(struct shim *shim, const char *name);
void shim_container_start(struct shim *shim, struct container *container);
/* SIGTERM now and SIGKILL after `grace` nanoseconds. */
void shim_container_stop(struct container *container, int64_t grace);
void shim_container_kill(struct shim *shim, struct container *container);
/* What its init says. */
void shim_container_hear(struct shim *shim, struct container *container);
/* Its init is no more. */
void shim_container_reap(struct shim *shim, struct container *container, int status);
/* The next steady time at which shim_container_late() has work; 0: never. */
int64_t shim_container_next(const struct container *container);
void shim_container_late(struct shim *shim, struct container *container, int64_t now);
/* Opens its control group's doors; see cgroup_make(). */
bool shim_container_group(struct shim *shim, const struct container *container, int procs[4]);

/* ---- exec.c ---------------------------------------------------------------- */
void shim_exec_start(struct shim *shim, const struct node *request);
void shim_exec_read(struct exec *exec);
void shim_exec_end(struct shim *shim, struct exec *exec, int status);

/* ---- disk_usage.c ---------------------------------------------------------------- */
void shim_disk_begin(struct shim *shim);
void shim_disk_late(struct shim *shim, int64_t now);
void shim_disk_hear(struct shim *shim);

/* ---- shutdown.c ----------------------------------------------------------------- */
void shim_end_begin(struct shim *shim);
/* The next steady time at which shim_end_late() has work; 0: never. */
int64_t shim_end_next(const struct shim *shim);
void shim_end_late(struct shim *shim, int64_t now);

/* ---- hold.c ----------------------------------------------------------------- */
/* SIGTERM to each shim below; returns when all have ended: 0, or an exit code. */
int shim_end_all(const char *directory);
/* A child that only keeps the group it is in from being empty; 0, or an exit code. */
int shim_hold(void);

/* The sooner of two steady times; 0 stands for never. */
static inline int64_t shim_sooner(int64_t a, int64_t b)
{
    return !b || (a && a < b) ? a : b;
}

#endif
