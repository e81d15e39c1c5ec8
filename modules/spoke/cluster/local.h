/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_LOCAL_H
#define CLUSTER_LOCAL_H

#include "base/map.h"
#include "base/object.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "loop/loop.h"
#include "manifest/manifest.h"
#include "plan/plan.h"

/*
 * Private to cluster: the local driver's state and its parts.
 *
 * An owner has objects; an object of a workload kind has pods; a pod has
 * containers. local.c opens it and answers, owner.c keeps owners and objects,
 * pass.c goes over what has changed, workload.c turns objects into wanted pods,
 * pod*.c run a pod through its life, check.c asks its containers, compile.c and
 * its parts say what a template means here, service.c leads to ready pods,
 * report.c tells about it all.
 */

enum local_health { LOCAL_CURRENT, LOCAL_IN_PROGRESS, LOCAL_FAILED, LOCAL_TERMINATING };
extern const char *const local_health_names[];

/* ---- Objects --------------------------------------------------------------------- */

/* What a Service looks like now; see service.h. */
struct local_service {
    struct arena *arena; /* owned */
    struct node *status;
    struct manifest_why why;
};

/* A pod template that a workload has, or had before the rollout that is under way. */
struct local_revision {
    struct arena *arena; /* owned */
    char hash[24];
    const struct node *template;
    int replicas;               /* how many pods it had */
    bool taken[PLAN_INDEXES];   /* ordinals that the rollout has reached */
};

/* A Job's run of one template, or the end of a lone Pod that is not made again. */
struct local_run {
    int64_t started, finished; /* wall time; 0: not yet */
    bool ended, complete;      /* it is decided, whatever its pods say from now on */
    bool keeping, kept, tidied; /* the end goes to the disk; is there; its pods were removed */
    int succeeded, failed;
    struct manifest_why why;      /* reason as Kubernetes calls it */
};

/* Failed pods of a Job that were removed to make room; in the order of their ends. */
struct local_past {
    struct plan_past sum;
    int64_t until; /* those that had finished by then are in it */
};

struct local_object {
    struct cluster *cluster;
    char *key;     /* owned; see project.c */
    char *plain;   /* owned; "group/kind/namespace/name" */
    char *project; /* owned; "": of no project */
    struct arena *arena; /* owned */
    struct node *object;
    const char *api_version, *kind, *space, *name;
    const struct manifest_kind *row; /* NULL: unknown here */
    struct local_owner *owner;
    enum cluster_strategy strategy;
    int phase;
    bool orphan, removing, dirty, waiting; /* waiting for a lower phase */
    bool second; /* another work has the object of this name already */
    /* Made out of pods that were found running, nobody knows why; see adopted.c */
    bool adopted;
    int64_t generation, created, uid;
    struct manifest_why broken; /* reason "": it can be run */
    char hash[24];           /* of the template as it is now */
    struct node *template;   /* of its pods, labels and all */
    struct loop_timer *timer; /* owned; the next look it asked for */
    struct local_revision *now, *former; /* owned; former NULL: no rollout is under way */
    bool settled;  /* all of its pods were of this template, and available */
    bool stateful; /* something of it is kept in a row of its own */
    int replicas;  /* as many as were wanted last */
    struct plan_job_state job;
    struct local_run run;
    struct local_past *past; /* owned; NULL: none */
    int64_t progressed; /* wall time */
    int64_t progress_of; /* generation; and how far it has come: */
    int most_ready, fewest_old;
    bool late; /* progressDeadlineSeconds are over */
    unsigned losses; /* pods evicted or lost, one soon after the other; see workload_on_loss() */
    int64_t lost;    /* wall time of the last one */
    struct manifest_why lost_why;
    struct local_service *service; /* owned */
    enum local_health health;
    struct manifest_why why;
};

struct local_owner {
    struct cluster *cluster;
    char *name;    /* owned */
    char *project; /* owned; "": of no project */
    char *kept; /* owned; the bytes that were applied last */
    char *unkept; /* owned; why they cannot be made durable; NULL: nothing is known against it */
    bool committed, removing, dirty, no_prune;
    uint64_t told; /* hash of the last report */
};

/* ---- Pods -------------------------------------------------------------------------- */

#define LOCAL_POD_TAG 0x6c706f64u
enum { PROBE_STARTUP, PROBE_READINESS, PROBE_LIVENESS, PROBE_KINDS };

struct local_container;
struct local_probe {
    struct local_container *container;
    int kind;
    const struct node *spec; /* NULL: none */
    struct loop_timer *timer; /* owned */
    int64_t began;           /* wall time of the container's start */
    int tries, good, bad;
    bool asking;
    char answer[300]; /* the last failure's */
};

enum local_hook { HOOK_NONE, HOOK_POST_START, HOOK_PRE_STOP };
enum local_state { CONTAINER_WAITING, CONTAINER_RUNNING, CONTAINER_EXITED, CONTAINER_FAILED };
struct local_container {
    struct local_pod *pod;
    const char *name;
    const struct node *spec;
    bool init, sidecar; /* sidecar: an init container that goes on running */
    bool started, ready; /* started: the startup probe has passed */
    enum local_state state;
    int64_t run, pid, began, ended;
    int code, signal;
    bool oom, backing_off, killed_by_probe;
    char waits[300]; /* what the start of its command waits for; "": for nothing */
    struct plan_ends ends;
    int64_t next_start; /* wall time, while backing_off */
    unsigned unpulled; /* starts that came to nothing for want of the image */
    struct loop_timer *timer; /* owned; the next start */
    enum local_hook hook;     /* the one that is on its way */
    struct loop_timer *hook_timer; /* owned; of one that sleeps */
    struct local_probe probes[PROBE_KINDS];
    struct manifest_why why;
};

struct local_pod {
    uint32_t tag;
    struct cluster *cluster;
    struct arena *arena; /* owned */
    const char *id, *space, *name, *workload, *owner, *project, *uid;
    int index;
    const char *hash;
    const struct node *template;
    struct node *ports; /* {name: number} as picked */
    struct local_container *containers; /* owned array */
    size_t count;
    int64_t created, finished;
    int64_t ready_since; /* wall time; 0: it is not ready */
    int64_t unready_since; /* the same of the contrary */
    int64_t noted; /* the `ready_since` that is kept beside it; -1: none */
    unsigned tries;      /* to make it, one after the other, that failed */
    int64_t ending;      /* steady time at which its end was asked for */
    /* winding: the work is done, sidecars are told to end */
    bool made, lost, terminating, stopping, removing, adopting, winding;
    bool adopted; /* an agent before may have seen it ready; no probe of this one has failed */
    uint64_t hosts; /* hash of the names in its hosts file */
    struct loop_timer *timer; /* owned; the next try to make it, or its end */
    struct manifest_why why; /* why it could not be made */
};

struct cluster {
    const struct cluster_driver *driver;
    struct cluster_options options;
    struct manifest_bounds allowed; /* of options.bounds, for the checks of manifests */
    const struct runtime_driver *runtime_driver;
    struct runtime *runtime;
    struct map *owners, *objects, *pods; /* owned */
    struct loop_timer *pass;             /* owned */
    struct loop_timer *retry;            /* owned; a commit that failed */
    struct services *services;           /* owned */
    struct places *places;               /* owned */
    int64_t clock;                       /* wall time minus steady time, when last looked at */
    bool closing, names_in_env_only;
    uint64_t serial;
    uint64_t place; /* of this spoke on its machine, whose ports others may share */
};

/* ---- owner.c ------------------------------------------------------------------------- */
/* Whose objects nobody owns any more but somebody wanted to stay. */
#define ORPHANS "~orphans"
struct local_owner *owner_get(struct cluster *cluster, const char *name);
void owner_free(struct local_owner *owner);
void object_free(struct local_object *object);
void owner_apply(struct cluster *cluster, const struct cluster_set *set);
void owner_remove(struct cluster *cluster, const char *name);
/* Of all owners, orphans too: nothing is left behind. */
void owner_remove_all(struct cluster *cluster);
void owner_promote(struct cluster *cluster, const char *project, const char *plain);
/* What was kept: first all owners, then what is remembered of their objects. */
void owner_load(void *cluster, const char *name, const void *bytes, size_t len);
void owner_load_state(void *cluster, const char *name, const void *bytes, size_t len);
/* A full disk may have been emptied: what could not be kept is staged again. */
void owner_retry(void *cluster);
bool owner_has(struct cluster *cluster, const struct cluster_set *set);
void owner_keep_again(struct cluster *cluster);

/* Makes an object without its manifest; object_free() as usual. */
struct local_object *owner_add_adopted(struct local_owner *owner, const char *plain);

/* ---- adopted.c -------------------------------------------------------------------- */
/* Takes up every pod whose owner is not known; those of a known owner that does
   not want them any more end. */
void adopted_take_over(struct cluster *cluster);
/* Whether it may make pods anew from those that it was made out of. */
bool adopted_can_plan(const struct local_object *object);

/* ---- pass.c -------------------------------------------------------------------------- */
void local_pass(void *cluster);
/* Before anything is decided by time: a clock that was set moves what is remembered. */
void local_mind_clock(struct cluster *cluster);
bool local_is_workload(const struct local_object *object);

/* ---- local.c ------------------------------------------------------------------------- */
void local_wake(struct cluster *cluster);
void local_touch(struct local_object *object); /* look at it in the next pass */
/* Whatever of the project in that namespace looks at ConfigMaps and Secrets. */
void local_touch_namespace(struct cluster *cluster, const char *project, const char *space);
struct local_object *local_workload_of(const struct local_pod *pod);
void local_event(struct cluster *cluster, const struct local_object *object, const char *type,
                 const char *reason, const char *format, ...) PRINTF(5, 6);
uint64_t local_hash(uint64_t hash, const void *bytes, size_t len);

/* ---- project.c: whose an object is ------------------------------------------------------ */
/*
 * Who looks for an object. It finds its own work's and those of other works of
 * its project, never another project's. Works of no project are an
 * administrator's: they share namespaces, Services and claims with each other,
 * but each finds only its own ConfigMaps and Secrets.
 */
struct local_viewer {
    const char *project, *owner;
};
struct local_viewer local_viewer_of_object(const struct local_object *object);
struct local_viewer local_viewer_of_pod(const struct local_pod *pod);
struct local_object *local_find(const struct cluster *cluster, struct local_viewer viewer,
                                const char *group, const char *kind, const char *space,
                                const char *name);
/* Works of one project have an object of such a kind each, side by side. */
bool local_is_shared(const char *project, const struct manifest_kind *kind);
/* A new object's `key`; the caller frees. */
char *local_key(const char *project, const char *plain, const char *owner);

/* ---- places.c: a namespace of a project, on this machine's disk -------------------------- */
struct places *places_open(const struct cluster_options *options);
void places_free(struct places **places);
/* Writes what could not be written when it was to be. */
void places_keep_again(struct places *places);
/* "lab", or "lab..acme" where "lab" is another project's. Never changes. */
const char *places_name(struct places *places, const char *project, const char *space);
/* A number of its own below PLACES_MOST, for the user of its processes. */
int places_number(struct places *places, const char *place);
#define PLACES_MOST 60000
/* A name of at most 110 letters: longer ones end in a hash. */
char *places_file(struct places *places, struct arena *arena, const char *project,
                  const char *space, const char *name);

/* ---- revision.c: what is remembered of an object beside its manifest ---------------------- */
/* Its template is another one now; `hash` is the new one's. */
void revision_change(struct local_object *object, const char *hash);
/* All pods are of the present template and available: the rollout is over. */
void revision_settle(struct local_object *object);
void revision_free(struct local_object *object);
/* Writes or removes its row; `done` is told when that is durable, may be NULL. */
void state_keep(struct local_object *object, cluster_kept_fn *done, void *arg);
void state_forget(struct local_object *object);
void state_load(struct local_object *object, const struct node *kept);

/* ---- job.c ----------------------------------------------------------------------------- */
/* One pass over a Job's pods. */
void job_pass(struct local_object *object, struct local_pod *const *pods, size_t count);
/* Whether backoffLimit leaves a container of that pod another start. */
bool job_may_restart(const struct local_pod *pod);
/* A lone Pod was evicted: it stays ended. */
void job_end_pod(struct local_object *object, const char *reason, const char *message);
void job_health(struct local_object *object);

/* ---- workload.c ------------------------------------------------------------------------ */
/* Reads the spec; fills broken, hash and template. */
void workload_read(struct local_object *object);
/* One pass: starts and stops pods as planned. */
void workload_pass(struct local_object *object);
/* A pod of it was evicted or lost, and another takes its place: at once the first
   time, then with the pauses of plan_backoff(). */
void workload_on_loss(struct local_object *object, const struct local_pod *pod,
                      const char *reason, const char *message);
void workload_judge(struct local_object *object);
void workload_look_again(struct local_object *object, int64_t wall);
void workload_end_pods(struct local_pod *const *pods, size_t count);
/* The worst that can be said of its pods; false: nothing, and `ret` is what one of them
   waits for, if for anything. */
bool workload_trouble(const struct local_object *object, struct manifest_why *ret);
/* How many pods of a Deployment must be available at the least. */
int workload_fewest(const struct local_object *object);
/* Wall time before which none of its pods is made anew, after losses; 0: now. */
int64_t workload_held_until(const struct local_object *object);
/* minReadySeconds, as nanoseconds. */
int64_t workload_least(const struct local_object *object);
size_t workload_pods(const struct local_object *object, struct local_pod **ret, size_t room);
#define WORKLOAD_PODS PLAN_PODS

/* ---- pod.c -------------------------------------------------------------------------------- */
/* From the template as it is now, or from the former one. */
void pod_start(struct local_object *object, int index, bool former);
void pod_adopt(struct cluster *cluster, const struct node *found);
/* Whether an update must end a pod before the next one begins, since both want the
   same port: it is declared, or is the spoke's choice and clients know the pod by it. */
bool ports_exclusive(const struct local_object *object);
/* Between SIGTERM and SIGKILL. */
int64_t pod_grace(const struct local_pod *pod);
void pod_end(struct local_pod *pod);
void pod_free(struct local_pod **pod);
bool pod_is_ready(const struct local_pod *pod);
/* Wall time from which on it is available: ready for `least` nanoseconds (minReadySeconds),
   and for as long as it had to wait for its last start, so that one that fails again and
   again is not taken for a good one in between. 0: it is not ready. */
int64_t pod_available_from(const struct local_pod *pod, int64_t least);
bool pod_is_available(const struct local_pod *pod, int64_t least);
/* It is not called available only for that last wait. */
bool pod_is_on_trial(const struct local_pod *pod, int64_t least);
/* It is not ready and waits before something is tried again. */
bool pod_is_broken(const struct local_pod *pod);
/* "Pending", "Running", "Succeeded", "Failed" */
const char *pod_phase(const struct local_pod *pod);
void pod_on_event(struct cluster *cluster, const struct runtime_event *event);
void pod_changed(struct local_pod *pod);
/* Keeps beside it since when it has been ready, for the next agent. */
void pod_note_ready(struct local_pod *pod);
/* An agent before may have seen it ready, and this one has not looked yet. */
bool pod_may_be_ready(const struct local_pod *pod);
void pod_restart_container(struct local_container *container, const char *reason,
                           const char *message);
/* Delivers what its ConfigMaps and Secrets hold now. */
void pod_refresh_files(struct local_pod *pod);
/* Its hosts file, if these names are not those that it was told last. */
void pod_tell_hosts(struct local_pod *pod, const struct node *names, uint64_t hash);
/* The worst that can be said of it; false: nothing. */
bool pod_trouble(const struct local_pod *pod, struct manifest_why *ret, bool *ret_final);
/* What it is waiting for to be ready, where nothing is wrong; false: for nothing. */
bool pod_waits(const struct local_pod *pod, struct manifest_why *ret);

/* ---- check.c: asking containers ------------------------------------------------------------- */
void check_begin(struct local_container *container);
void check_end(struct local_container *container);
/* The same question with numbers for named ports. */
struct node *check_resolve(const struct local_container *container, const struct node *spec,
                           struct arena *arena);

/* ---- compile.c -------------------------------------------------------------------------------- */
/* Everything that the template takes from ConfigMaps and Secrets as env. */
uint64_t compile_hash(const struct local_object *object);
/* A pod of `runtime`; -1 with a reason such as MissingConfigMap. */
struct node *compile_pod(struct local_pod *pod, struct arena *arena, struct manifest_why *why);
/* The files of a "files" volume; NULL if it is none. */
struct node *compile_files(struct local_pod *pod, const struct node *volume, struct arena *arena,
                           struct manifest_why *why);
int compile_port(const struct local_pod *pod, const struct local_container *container,
                 const struct node *port);

/* hostAliases, then names of Services. */
struct node *compile_hosts(const struct local_pod *pod, struct arena *arena,
                           const struct node *names);

/* ---- service.c: more in service.h ------------------------------------------------------------ */
void service_free(struct local_object *object);

/* ---- report.c ------------------------------------------------------------------------------------ */
struct node *report_owner(struct local_owner *owner, struct arena *arena);
struct node *report_objects(struct local_owner *owner, struct arena *arena);
struct node *report_object(struct local_object *object, struct arena *arena);
struct node *report_pod_object(struct local_pod *pod, struct arena *arena);

#endif
