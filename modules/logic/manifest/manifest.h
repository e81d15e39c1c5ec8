/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MANIFEST_H
#define MANIFEST_H

#include "base/err.h"
#include "base/mem.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node;

/*
 * What a spoke without Kubernetes accepts of Kubernetes' manifests.
 *
 * A manifest is refused by the path of the first field that has the wrong type,
 * that is not supported, or that asks for more than the spoke's administrator
 * allows; nothing is passed over in silence. A field that is in no table is
 * refused by its name, unless it is null or false and so asks for nothing.
 *
 * Documents in, decisions out: this module knows no pods that run, no clock and
 * no machine. What the machine allows is an argument, `struct manifest_bounds`.
 */

/* Why something is not as wanted: a reason as a Kubernetes condition has it, and a sentence. */
struct manifest_why {
    char reason[48];
    char message[400];
};
/* Returns -1, so that a check can end with `return manifest_why_set(...)`. */
int manifest_why_set(struct manifest_why *why, const char *reason, const char *format, ...)
    PRINTF(3, 4);

/* Sets `reason` and `message` where there is one. */
void manifest_write_why(struct arena *arena, struct node *map, const struct manifest_why *why);
/* Adds a condition to the `conditions` of a status. */
void manifest_add_condition(struct arena *arena, struct node *list, const char *type, bool holds,
                            const char *reason, const char *message);

/* ---- Kinds ---------------------------------------------------------------------- */

/* The workload roles are those from MANIFEST_DEPLOYMENT to MANIFEST_POD. */
enum manifest_role {
    MANIFEST_RECORD,
    MANIFEST_CONFIG,
    MANIFEST_DEPLOYMENT,
    MANIFEST_STATEFUL,
    MANIFEST_JOB,
    MANIFEST_POD,
    MANIFEST_CLAIM,
    MANIFEST_SERVICE
};
struct manifest_kind {
    const char *group, *kind;
    enum manifest_role role;
    const char *refused; /* why this kind does not run on a spoke; NULL: it does */
    bool cluster_wide;
};
/* NULL: the kind is not known. */
const struct manifest_kind *manifest_kind_find(const char *api_version, const char *kind);
/* "apps" of "apps/v1", "" of "v1". */
const char *manifest_group(const char *api_version, char *into, size_t room);
/* Whether objects of that kind have pods. */
bool manifest_is_workload(const struct manifest_kind *kind);

/* ---- What is accepted -------------------------------------------------------------- */

struct manifest_range {
    uint32_t first, last;
};
/* What the spoke's administrator allows to every pod, and what its machine can do. */
struct manifest_bounds {
    const char *const *host_paths; /* roots for hostPath; ends with NULL; may be NULL */
    bool allow_privileged;
    bool engine; /* an engine runs images; without one a container is a process */
    struct manifest_range host_ports, node_ports;
    int64_t disk; /* bytes that a pod's own folders may hold */
    /* -1 with the reason if no pod may run as this user or group. */
    int (*check_id)(const void *arg, uint32_t id, bool group, struct err *err);
    /* The number of "NET_ADMIN"; -1: there is no such capability. */
    int (*capability)(const char *name);
    const void *arg;
};

/* The checks return -1 with `why`. The first one is of any kind: types and ranges of fields. */
int manifest_check_shape(const struct manifest_kind *kind, const struct node *object,
                         struct manifest_why *why);
/* All that a Deployment, StatefulSet, Job or Pod says; `template` as manifest_template() has it. */
int manifest_check_workload(const struct manifest_bounds *bounds, const struct manifest_kind *kind,
                            const struct node *object, const struct node *template,
                            struct manifest_why *why);
int manifest_check_service(const struct manifest_bounds *bounds, const struct node *spec,
                           struct manifest_why *why);
/* A path below a volume that must stay below it; known only once $(NAME) is expanded. */
int manifest_check_sub_path(const char *volume, const char *sub, struct manifest_why *why);

/* ---- What is said --------------------------------------------------------------------- */

/* A lone Pod's template is made of the Pod itself, in `arena`. */
struct node *manifest_template(const struct manifest_kind *kind, const struct node *object,
                               struct arena *arena);
/* The template of one pod, with the labels that Kubernetes gives to pods of a Job or StatefulSet.
 */
struct node *manifest_label_template(const struct manifest_kind *kind, const char *name,
                                     const struct node *template, struct arena *arena,
                                     const char *pod, int index);
/* Whether each of its pods has an index and a host name made of it. */
bool manifest_is_indexed(const struct manifest_kind *kind, const struct node *spec);
/* Of a Deployment or StatefulSet; `exclusive`, `now` and the former template are the caller's. */
struct plan_workload manifest_want_replicas(const struct manifest_kind *kind,
                                            const struct node *spec);
/* Of a Job; `past`, `deadline` and `now` are the caller's. */
struct plan_workload manifest_want_job(const struct node *spec, struct arena *arena);
/* Whether the key is there; null counts as absent. */
bool manifest_has(const struct node *map, const char *key);
/* A count of at most `most`. */
int manifest_count(const struct node *spec, const char *name, int none, int most);
#define MANIFEST_MOST_PODS 1000 /* of one workload */
/* "spec.hostname" and host names made from a pod's name: the length of a DNS label. */
#define MANIFEST_HOST ((size_t)63)
/* A limit as a number, in thousandths if `milli`; 0: there is none. */
int manifest_quantity(const struct node *limits, const char *name, const char *path, int64_t *ret,
                      bool milli, struct manifest_why *why);
/* What the container's securityContext says, else what its pod's does. */
const struct node *manifest_context(const struct node *pod, const struct node *own,
                                    const char *name);
/* Whether containers of such a pod run from their images. */
bool manifest_has_engine(const struct manifest_bounds *bounds, const struct node *pod_spec);

/* ---- A Job's policies ------------------------------------------------------------------- */

struct manifest_exit {
    const char *container;
    int code; /* 128 + N: by signal N */
};
/* What a failed pod ended with. */
struct manifest_failure {
    const struct manifest_exit *exits; /* of the containers that failed */
    size_t count;
    bool disrupted; /* it was evicted or lost: condition DisruptionTarget */
};
/* Of the first rule of a podFailurePolicy that matches, and in words; PLAN_COUNT: none does. */
enum plan_verdict manifest_job_verdict(const struct node *policy,
                                       const struct manifest_failure *failure,
                                       struct manifest_why *ret_why);
/* The rules of a successPolicy that was checked; they live in the arena. */
const struct plan_success *manifest_job_success(const struct node *spec, struct arena *arena,
                                                size_t *ret_count);

#endif
