/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_PROCESS_H
#define RUNTIME_PROCESS_H

#include "base/object.h"
#include "cgroup/cgroup.h"
#include "loop/loop.h"
#include "runtime/runtime.h"

struct engine;
struct map;
struct node;
struct probe_client;
struct process_shim;

/*
 * Private to runtime: the process driver's own state and its parts.
 *
 * directory/pods/ID/   pod.json   id and the caller's record
 *                      lock       held by the shim as long as it lives
 *                      shim.sock  where an agent finds it again
 *                      exit-C.json how container C last ended
 *                      work/ tmp/ volumes/ logs/ hosts root/
 * directory/claims/C/  what outlives pods
 */
struct process_run { /* how a run of a container went, or goes */
    int64_t number, pid, started, finished;
    int64_t over; /* steady time of its end, as its shim saw it; 0: not over, or not known */
    int code, signal;
    bool oom;
    char reason[40];
    char message[400];
};
struct process_state {
    char name[128];
    char state[16];
    int64_t crashes;
    bool retry;      /* engine: to be asked again */
    int64_t stop_at; /* engine: steady time until which this run may go on; 0: it is not to stop */
    bool starting;   /* its command does not run yet; run.message: what that waits for */
    struct process_run run, *last; /* last: owned; NULL: there was none before */
};

struct process_request { /* an exec that is not answered yet */
    int64_t began;       /* marks what an engine's exec starts */
    int64_t id;
    struct loop_timer *timer; /* owned */
    runtime_probe_fn *done;
    void *arg;
    struct process_pod *pod;
    struct process_request *next;
    char exec[80]; /* an engine's name for it; "": none yet */
};

struct process_pod {
    uint32_t tag;
    struct runtime *runtime;
    char *id, *directory;      /* owned */
    const struct node *record; /* interned */
    struct arena *arena;       /* owned; of the following, each NULL while there is none: */
    struct node *volumes;      /* {NAME: {source, files, group}} to be kept so */
    struct node *links;        /* {path below work: target} */
    struct node *spec;         /* engine: what its containers are made of */
    int socket;                /* to the shim; -1: there is none */
    struct loop_watch *watch;  /* owned */
    struct process_shim *shim; /* owned; NULL when adopted */
    struct loop_timer *reach;  /* owned; set while a living shim is not reached */
    int64_t reach_wait;
    struct loop_timer *restore;   /* owned; its files are looked at again then */
    int64_t restored;             /* steady time at which they were */
    struct loop_timer *leave;     /* owned; set while it goes without a shim to end */
    struct node *waiting;         /* what it is to be told then */
    struct process_state *states; /* owned array */
    size_t count;
    struct process_request *requests;
    int64_t next_request;
    bool removing, retry;
};

#define PROCESS_POD_TAG 0x70726f70u

struct users;

struct runtime {
    const struct runtime_driver *driver;
    struct runtime_options options;
    struct loop *loop;
    const char *folder;        /* of pods, below directory */
    char *directory, *program; /* owned */
    struct map *pods;          /* owned; by id */
    struct engine *engine;     /* owned; of the engine driver */
    struct users *users;       /* owned; NULL: not root, or the engine driver's */
    struct cgroup_base cgroups;
    bool root, namespaces, user_namespace, seccomp;
    int inotify;
    struct loop_watch *inotify_watch; /* owned */
    struct map *watched;              /* owned; watch descriptor as text -> pod */
    struct probe_client *probes;      /* owned */
    struct process_shim *spare;       /* owned; NULL: none is ready */
    struct loop_timer *spare_timer;   /* owned */
};

#define PROCESS_MESSAGE ((size_t)96 * 1024) /* the longest from shim to agent */

/*
 * The files of the driver from bottom to top; each calls only those before it.
 */

/* ---- process_state.c: how runs went, and what the caller is told */

struct process_state *process_state_of(struct process_pod *pod, const char *name);
/* From and to the words that shims, exit files and observe() use. */
void process_state_take(struct process_state *state, const struct node *from);
struct node *process_state_describe(struct arena *arena, const struct process_state *state);
/* An event about the pod, or with `state` about that container. */
void process_tell(struct process_pod *pod, const struct process_state *state,
                  enum runtime_event_kind kind, const char *reason, const char *message);
/* Keeps for the next agent that the whole pod was told to end, and when. */
void process_note_ending(const struct process_pod *pod);
/* The same of since when it has been ready; 0: it is not. */
void process_note_ready(const struct process_pod *pod, int64_t since);
/* Adds both to what is found of it. */
void process_describe_notes(const struct process_pod *pod, struct arena *arena, struct node *found);

/* ---- process_memory.c: the folder of a volume in memory, and the end of all that a pod has */

char *process_memory_volume(struct process_pod *pod, struct arena *arena, const char *volume,
                            struct err *err);
void process_memory_delete(const struct process_pod *pod);

/* ---- files.c: a pod's folders, volumes and delivered files */

int process_files_make(struct process_pod *pod, const struct node *spec, struct node *ret_volumes,
                       struct arena *arena, uint32_t user, struct err *err);
/* A claim or a folder of the machine: it is not below the pod's own. */
bool process_is_outside(const struct node *spec, const struct node *mount);
/* Writes the pod's hosts file: the machine's own lines, then these. */
int process_files_hosts(struct process_pod *pod, const struct node *lines, struct err *err);
int process_files_set(struct process_pod *pod, const char *volume, const struct node *files,
                      struct err *err);
int process_files_open(struct runtime *runtime, struct err *err);
void process_files_close(struct runtime *runtime);
void process_files_watch(struct process_pod *pod);
void process_files_forget(struct process_pod *pod);

/* ---- process_shim.c: starts shims */

typedef void process_exit_fn(struct process_pod *pod);
/*
 * A shim for the pod, which takes over both descriptors' files. Returns our end of
 * the socket to it, -1 if there is none; `ended` is called when its process ends.
 */
int process_shim_start(struct process_pod *pod, int memory, int lock, process_exit_fn *ended,
                       struct err *err);
/* It runs on, but its end is not told any more. */
void process_shim_forget(struct process_shim **shim);
/* Starts a spare shim a moment later, for the next pod. */
void process_spare_later(struct runtime *runtime);
/* The last pod runs: at once, if one is due. */
void process_spare_soon(struct runtime *runtime);
void process_spare_close(struct runtime *runtime);

/* ---- process_pod.c: pods in memory */

struct process_pod *process_pod_new(struct runtime *runtime, const char *id);
void process_pod_free(struct process_pod **pod);
/* What it is found by again; NULL: nothing. */
void process_pod_set_record(struct process_pod *pod, const struct node *record);
/* Made when there is none yet. */
struct node *process_pod_volumes(struct process_pod *pod);
struct node *process_pod_links(struct process_pod *pod);
/* Lets go of what its arena held before. */
void process_pod_trim(struct process_pod *pod);
/* Kills what is left of it and deletes its files. */
void process_pod_delete(struct process_pod *pod);
void process_kill_leftovers(struct process_pod *pod);
/* Closes the connection to the shim, which runs on. */
void process_hang_up(struct process_pod *pod);
/* Calls `done` of the ask and frees it. */
void process_answer_ask(struct process_pod *pod, struct process_request *request, bool ok,
                        const char *message);
/* Deletes the folder in another process, at low priority. */
void process_empty_trash(const char *trash);
/* The path as seen from "/". */
char *process_absolute(const char *path);

/* ---- process_link.c: the connection to a pod's shim, made, lost and made again */

/* What a probe's command said, without the line end that it ended with. */
char *process_exec_words(int64_t code, const char *output);
void process_send(struct process_pod *pod, const struct node *message);
void process_listen(struct process_pod *pod, int socket);
/* Deletes the pod, which was to be removed, and tells so. May not be called from
   within a call of the caller's. */
void process_end_removed(void *pod);
/* The shim's process has ended (process_shim_start), or its lock is free. */
void process_on_shim_exit(struct process_pod *pod);
void process_probe_exec(struct process_pod *pod, const char *container, const struct node *command,
                        int64_t timeout, runtime_probe_fn *done, void *arg);
struct node *process_verb(struct arena *arena, const char *word, const char *container);
/* Its lock belongs to the shim alone: held is alive. */
bool process_is_held(const struct process_pod *pod);
/* There is a shim, connected or to be reached again. */
bool process_has_shim(const struct process_pod *pod);
/* A new connection to its shim; -1: it does not listen. */
int process_dial(const struct process_pod *pod);
/* Tries to reach a shim that lives, later and again. */
void process_reach(struct process_pod *pod);

/* ---- adopt.c: pods that ran before this agent did */

void process_adopt_all(struct runtime *runtime);
/* Which of the volumes are to be kept as delivered. */
void process_files_adopt(struct process_pod *pod, const struct node *volumes, int64_t group);
/* A JSON file that is kept twice (base/kept.h); NULL: it is not there, or damaged
   beyond mending. */
struct node *process_read_kept(struct arena *arena, const char *path);

/* ---- process_create.c: new pods, checked */

/*
 * The uid that the pod's processes and files get. Refuses every id of the pod
 * and its containers that this spoke does not give, or not to this namespace.
 */
int process_user_of(struct runtime *runtime, const struct node *spec, uint32_t *ret,
                    struct err *err);
/* Names of volumes and claims become paths; what no pod may have is refused. */
int process_check_spec(struct runtime *runtime, const struct node *spec, struct err *err);
bool process_is_name(const char *name);
bool process_is_claim(const char *name);
int process_create(struct runtime *runtime, const struct node *spec, struct err *err);

/* ---- process_facts.c: what this machine can do */

void process_look_around(struct runtime *runtime);
struct node *process_facts(struct runtime *runtime, struct arena *arena);

/* ---- process_family.c */

/* Kills a process of an engine's, what it started, and the sessions of these. One that
   left for a session of its own while its parent ended is not found. */
void process_kill_family(pid_t first, const char *mark);

/* ---- ports.c */

int process_port(struct runtime *runtime, int wanted, int *ret, struct err *err);

#endif
