/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PODS_H
#define PODS_H

#include "base/err.h"
#include "base/mem.h"
#include "manifest/manifest.h"
#include "runtime/runtime.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct node;

/*
 * The pods of one machine: each is made of a template, started, probed,
 * restarted, and ended, as a kubelet does it.
 *
 * A caller says which pods there are (`pods_start`, `pods_end`). What happens to
 * them is told by events; what a pod needs from outside, the content of a
 * ConfigMap or the names of Services, is asked for by callbacks. Pods outlive
 * the agent: `pods_take_over` finds them again.
 *
 * The module does not know Deployments, Jobs, Services or works, and calls
 * nothing above itself by name. `runtime` is below it and does what it says.
 *
 * All of it happens on the loop's thread. Events come from the loop and from
 * inside the calls that start and end pods: a callback only notes down what has
 * changed, except for PODS_LOST.
 */
struct pods;
struct pod_container;

/* The phase of a pod's life; the allowed moves are a table in state.c. */
enum pod_state {
    POD_PENDING,  /* not made yet, and tried again after pauses */
    POD_FOUND,    /* left by an agent before, dead or ending: its last ends are being read */
    POD_RUNNING,  /* made; its containers run, or wait for their next start */
    POD_WINDING,  /* its work is done, and its sidecars are told to end */
    POD_FINISHED, /* ended by itself, or lost */
    POD_HOOKS,    /* told to end: preStop hooks run */
    POD_STOPPING, /* SIGTERM is sent */
    POD_REMOVING, /* the runtime removes what is left */
};

/* A pod. Other modules read it; only this one writes. */
struct pod {
    uint32_t tag;
    struct pods *pods;
    /* Interned texts: */
    const char *id, *namespace, *name, *uid;
    const char *workload; /* "group/kind/namespace/name" */
    const char *owner, *project;
    int index;                        /* StatefulSet ordinal or completion index; -1: none */
    const char *hash;                 /* interned; of its template, see pods_hash_template() */
    const struct node *template;      /* interned */
    const struct node *ports;         /* interned; {name: number}, those that were chosen here */
    struct pod_container *containers; /* owned array */
    size_t count;
    int64_t created, finished; /* wall time; finished 0: it has not ended by itself */
    int64_t ready_since;       /* wall time; 0: it is not ready */
    int64_t unready_since;     /* wall time; 0: it is ready */
    int64_t noted;             /* the `ready_since` that is kept on disk; -1: none */
    unsigned tries;            /* to make it, one after the other, that failed */
    int64_t ending;            /* steady time at which its end was asked for */
    enum pod_state state;
    /* Three facts that are independent of the state: */
    bool lost;      /* its shim is gone or it was evicted; also while it is removed */
    bool adopting;  /* events about it are about what happened before this agent began */
    bool adopted;   /* an agent before may have seen it ready; no probe of this one has failed */
    uint64_t hosts; /* hash of the names in its hosts file */
    struct loop_timer *timer; /* owned; the next try to make it */
    struct manifest_why why;  /* why it could not be made, or why it was lost */
};

/* ---- Events and questions for the caller -------------------------------------------------- */

enum pods_event_kind {
    PODS_CHANGED, /* what can be said of the pod; its Services may lead elsewhere */
    PODS_GONE,    /* the pod is about to be freed */
    PODS_LISTENS, /* it is about to listen on the ports that it declares */
    PODS_LOST,    /* a pod with restartPolicy Always is lost: the caller ends it or keeps it */
    PODS_NOTE,    /* something worth an Event: type, reason, message */
    PODS_CLOCK,   /* the machine's clock was set by `moved`: remembered times move along */
};
struct pods_event {
    enum pods_event_kind kind;
    struct pod *pod;                     /* NULL: PODS_CLOCK */
    const char *type, *reason, *message; /* PODS_NOTE; PODS_LOST has no type */
    int64_t moved;
};

/* What the pod's workload says now. */
struct pods_workload {
    const char *name; /* NULL: the workload is not known */
    bool job;
    bool indexed; /* host names are made of its name and the pod's index */
    bool current; /* the pod was made from its present template */
    bool adopted; /* it was made up from pods that were found: what it mounts is not known */
};

/* Who looks for an object, and in which namespace. */
struct pods_viewer {
    const char *project, *owner, *namespace;
};
typedef const struct node *pods_find_fn(void *arg, const struct pods_viewer *viewer,
                                        const char *kind, const char *name);

struct pods_callbacks {
    void *arg;
    void (*on_event)(void *arg, const struct pods_event *event);
    void (*workload)(void *arg, const struct pod *pod, struct pods_workload *ret);
    /* Whether a failed container may start once more: a Job counts its failures. */
    bool (*may_restart)(void *arg, const struct pod *pod);
    /* The project of an owner now; NULL: the owner is not known. */
    const char *(*project)(void *arg, const char *owner);
    /* A ConfigMap, Secret or PersistentVolumeClaim; NULL: there is none for this viewer. */
    pods_find_fn *find;
    /* Lines of a hosts file with the names of Services, as a pod there should read them. */
    struct node *(*hosts)(void *arg, const struct pod *pod, struct arena *arena);
    /* Adds NAME_SERVICE_HOST and the like to `values`. */
    void (*service_env)(void *arg, const struct pod *pod, struct arena *arena, struct node *values);
};

/* ---- All of them ------------------------------------------------------------------------- */

struct pods_options {
    struct loop *loop;
    const struct runtime_driver *runtime;
    struct runtime_options runtime_options; /* on_event, arg, loop and bounds are set by open */
    struct runtime_bounds bounds;           /* settled */
    const char *address; /* of this machine as others reach it; NULL: 127.0.0.1 */
    struct pods_callbacks callbacks;
};
int pods_open(const struct pods_options *options, struct pods **ret, struct err *err) MUST_CHECK;
/* The pods run on. From here on no event comes. */
void pods_close(struct pods **pods);
/* Finds the pods that an agent before has left; once, when the callbacks know what they are to. */
void pods_take_over(struct pods *pods);

size_t pods_count(const struct pods *pods);
/* Walks the pods: start with *at = 0; NULL at the end. None may be started meanwhile. */
struct pod *pods_next(const struct pods *pods, size_t *at);
struct pod *pods_find(const struct pods *pods, const char *id);

/* What the administrator and the machine allow, for checks of manifests. */
const struct manifest_bounds *pods_bounds(const struct pods *pods);
/* {driver, cgroup, ...}: the runtime's. */
struct node *pods_facts(const struct pods *pods, struct arena *arena);
/* Whether a pod has a hosts file of its own; else names are in the environment only. */
bool pods_have_own_hosts(const struct pods *pods);
/* Before anything is decided by time: a clock that was set moves what is remembered. */
void pods_mind_clock(struct pods *pods);
/* Delivers again what ConfigMaps and Secrets hold to every pod that is made. */
void pods_sweep(struct pods *pods);
/* Writes what could not be written when it was to be. */
void pods_keep_again(struct pods *pods);

/* The name of a project's namespace on this machine: "lab", or "lab..acme" where "lab" is
   another project's. It never changes. */
const char *pods_place(struct pods *pods, const char *project, const char *namespace);
/* FNV-1a; 0 begins. */
uint64_t pods_hash(uint64_t hash, const void *bytes, size_t len);
/* Of the lines that the callback `hosts` gives. */
uint64_t pods_hash_hosts(const struct node *names);
/* Of a template and of everything that it takes from ConfigMaps and Secrets as environment. */
uint64_t pods_hash_template(const struct pods *pods, const struct pods_viewer *viewer,
                            const struct node *template);

/* ---- One of them -------------------------------------------------------------------------- */

/* What a new pod is made of; all of it is copied. */
struct pods_new {
    const char *project, *namespace, *name, *workload, *owner, *hash;
    int index;
    const struct node *template; /* with its labels */
    const struct node *claims;   /* volumeClaimTemplates: the pod gets claims of its own; or NULL */
};
/* Does nothing while a pod of that name is still there. */
void pods_start(struct pods *pods, const struct pods_new *from);
void pods_end(struct pod *pod);
/* Its owner was given to another project. */
void pods_give(struct pod *pod, const char *project);
/* Delivers what its ConfigMaps and Secrets hold now, and makes it if it has waited for one. */
void pods_refresh_files(struct pod *pod);
/* Writes its hosts file if `hash` is not that of the names that the file has. */
void pods_tell_hosts(struct pod *pod, const struct node *names, uint64_t hash);

bool pods_is_made(const struct pod *pod);
/* It was told to end. */
bool pods_is_leaving(const struct pod *pod);
bool pods_is_ready(const struct pod *pod);
/*
 * Wall time from which on it is available: ready for `least` nanoseconds (minReadySeconds),
 * for `pause` (what its workload had to wait before it was made), and for as long as its
 * containers had to wait for their last start, so that one that fails again and again is
 * not taken for a good one in between. 0: it is not ready.
 */
int64_t pods_available_from(const struct pod *pod, int64_t least, int64_t pause);
bool pods_is_available(const struct pod *pod, int64_t least, int64_t pause);
/* Only those pauses keep it from being available. */
bool pods_is_on_trial(const struct pod *pod, int64_t least, int64_t pause);
/* It is not ready and waits before something is tried again. */
bool pods_is_broken(const struct pod *pod);
/* An agent before may have seen it ready, and this one has not looked yet. */
bool pods_may_be_ready(const struct pod *pod);
/* "Pending", "Running", "Succeeded", "Failed" */
const char *pods_phase(const struct pod *pod);
/* Whether its template restarts containers whatever they end with. */
bool pods_restarts_always(const struct pod *pod);
/* The worst that can be said of it; false: nothing. `ret_final`: time alone does not mend it. */
bool pods_trouble(const struct pod *pod, struct manifest_why *ret, bool *ret_final);
/* What it is waiting for to be ready, where nothing is wrong; false: for nothing. */
bool pods_waits(const struct pod *pod, struct manifest_why *ret);

/* Failed runs of its containers. */
int pods_failures(const struct pod *pod);
/* The ends of containers that failed; returns how many. */
size_t pods_exits(const struct pod *pod, struct manifest_exit *ret, size_t room);

/* "train-0" of a workload with indexes, or spec.hostname; NULL: its name is all it has. */
const char *pods_host(const struct pod *pod, struct arena *arena);
/* The nth port that its containers declare; NULL: there are not so many. */
const struct node *pods_port(const struct pod *pod, size_t n);
/* containerPort, or the number that was chosen for it; 0: none yet. */
int pods_port_number(const struct pod *pod, const struct node *port);
bool pods_declares(const struct pod *pod, int number);

/* ---- Described as trees (describe.c) ------------------------------------------------------ */

/* A row of cluster_report()'s `pods`; adds its restarts to *ret_restarts. */
struct node *pods_describe(const struct pod *pod, struct arena *arena, int64_t *ret_restarts);
/* As kind Pod, with its status. */
struct node *pods_object(const struct pod *pod, struct arena *arena);
void pods_write_status(const struct pod *pod, struct arena *arena, struct node *status);
/* {name, address, port, protocol, pod} of each port. */
void pods_add_endpoints(const struct pod *pod, struct arena *arena, struct node *list);

#endif
