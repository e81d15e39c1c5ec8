/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PODS_POD_H
#define PODS_POD_H

#include "base/map.h"
#include "base/object.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"
#include "plan/plan.h"
#include "pods/pods.h"

/*
 * Private to pods: a pod's containers, what can be said of them, and how the caller
 * is told. Every file of the module uses this; it calls none of the others.
 */

#define POD_TAG 0x6c706f64u
enum { PROBE_STARTUP, PROBE_READINESS, PROBE_LIVENESS, PROBE_KINDS };

struct pod_probe {
    struct pod_container *container;
    int kind;
    const struct node *spec;  /* NULL: none */
    struct loop_timer *timer; /* owned */
    int64_t began;            /* wall time of the container's start */
    int tries, good, bad;
    bool in_flight;
    char *response; /* owned; the last failure's; NULL: it has not failed since */
};

enum probes_result {
    PROBES_STARTED, /* its startup probe has passed, or it has none */
    PROBES_FAILED,  /* a startup or liveness probe failed too often: `message` */
};
typedef void probes_fn(struct pod_container *container, enum probes_result result,
                       const char *message);

enum pod_hook { HOOK_NONE, HOOK_POST_START, HOOK_PRE_STOP };
typedef void hook_fn(struct pod_container *container, bool ok, const char *message);

enum container_state { CONTAINER_WAITING, CONTAINER_RUNNING, CONTAINER_EXITED, CONTAINER_FAILED };
struct pod_container {
    struct pod *pod;
    const char *name;
    const struct node *spec;
    bool init, sidecar;  /* sidecar: an init container that goes on running */
    bool started, ready; /* started: the startup probe has passed */
    enum container_state state;
    int64_t run, pid, began, ended;
    int code, signal;
    bool oom, backing_off, killed_by_probe;
    char *waits; /* owned; what the start of its command waits for; NULL: for nothing */
    struct plan_ends ends;
    int64_t next_start;            /* wall time, while backing_off */
    unsigned unpulled;             /* starts that came to nothing for want of the image */
    struct loop_timer *timer;      /* owned; the next start */
    enum pod_hook hook;            /* the one that is on its way */
    struct loop_timer *hook_timer; /* owned; of one that sleeps */
    hook_fn *on_hook;              /* when that hook is over, well or not */
    struct pod_probe probes[PROBE_KINDS];
    probes_fn *on_probes;
    struct manifest_why *why; /* owned; how its last run or try went; NULL: well */
};

struct pods {
    struct pods_options options;
    const struct runtime_driver *driver;
    struct runtime *runtime;        /* owned */
    struct manifest_bounds allowed; /* of options.bounds, for the checks of manifests */
    struct map *all;                /* owned; id -> struct pod */
    struct places *places;          /* owned */
    int64_t clock;                  /* wall time minus steady time, when last looked at */
    uint64_t serial;
    uint64_t place; /* of this spoke on its machine, whose ports others may share */
    bool closing;
};

/* ---- state.c --------------------------------------------------------------------- */

/* To another state that the table allows; any other move is our mistake. */
void pod_move(struct pod *pod, enum pod_state next);

/* ---- pod.c: what can be said of it ------------------------------------------------ */

struct pods_workload pod_workload(const struct pod *pod);
struct pods_viewer pod_viewer(const struct pod *pod);
const char *pod_policy(const struct pod *pod);
/* Between SIGTERM and SIGKILL, in nanoseconds. */
int64_t pod_grace(const struct pod *pod);
/* What hostname(1) and $HOSTNAME say in it: pods_host(), or its name, cut as Kubernetes cuts it. */
const char *pod_own_host(const struct pod *pod, struct arena *arena);
/* How its last run or try went; an empty reason: well. */
const struct manifest_why *container_why(const struct pod_container *container);
/* The same, to be written. */
struct manifest_why *container_explain(struct pod_container *container);
/* `waits` NULL: it waits for nothing. */
void container_set_waits(struct pod_container *container, const char *waits);
bool container_runs(const struct pod_container *container);
/* By how its main process ended: what became of a child is that process' own affair. */
bool container_has_failed(const struct pod_container *container);

/* ---- tell.c: events for the caller -------------------------------------------------- */

/* Works out since when it is ready, and tells that it has changed. */
void pod_tell_changed(struct pod *pod);
void pod_tell(struct pod *pod, enum pods_event_kind kind);
void pod_tell_lost(struct pod *pod, const char *reason, const char *message);
/* An Event of its workload: `type` is "Normal" or "Warning". */
void pod_note(struct pod *pod, const char *type, const char *reason, const char *format, ...)
    PRINTF(4, 5);
/* Keeps on disk since when it has been ready, for the next agent. */
void pod_keep_ready(struct pod *pod);

#endif
