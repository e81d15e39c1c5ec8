/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_CONTROLLER_H
#define CONTROLLERS_CONTROLLER_H

#include "base/err.h"
#include "base/mem.h"
#include "controllers/controllers.h"
#include "document/document.h"
#include "loop/loop.h"
#include "meta/meta.h"
#include "objects/objects.h"

#include <stdbool.h>
#include <stdint.h>

struct map;
struct placement_world;

/* The kinds that controllers deal in; names are in kinds.c. */
enum which {
    NAMESPACE, SECRET, CONFIG_MAP, LEASE, CSR,
    TENANT, PROJECT, SETTINGS, VARIABLE_SET, PROFILE, COMPONENT, TRAIT, BUNDLE,
    REVISION, JOIN_TOKEN, POOL, ENVIRONMENT, AIWORKLOAD, DEPLOYMENT, WORKLOAD,
    CLUSTER, CLUSTER_SET, BINDING, PLACEMENT, DECISION, SCORE,
    WORK, REPLICA_SET,
    CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE_BINDING, ACCOUNT,
    WHICH_COUNT,
};
extern const struct which_row {
    const char *group, *plural, *api_version, *kind;
} which_rows[WHICH_COUNT];

/* ---- What a controller is ------------------------------------------------ */

struct controller;

/* One run for one key. Lives as long as the run. */
struct pass {
    struct controllers *all;
    const struct controller *self;
    struct objects *objects;
    struct arena *arena;
    const char *space, *name; /* the key */
    int64_t now;              /* wall time */
    int64_t wake_at;          /* run again then; 0: not by itself */
    const struct node *subject; /* the key's object, once claim.c has read it */
};

/* 0, or -1: tried again later. A user's mistake is a condition and 0. */
typedef int controller_run_fn(struct pass *pass, struct err *err);
/* Wakes the keys that a change concerns. `before` or `after` may be NULL. */
typedef void controller_map_fn(struct controllers *all,
                               const struct controller *to,
                               const struct object *before,
                               const struct object *after);

struct controller_source {
    enum which kind;
    controller_map_fn *map; /* NULL: the key is the object itself */
};
/* Of the hub's own household: its key names no object. */
#define ABOUT_NOTHING WHICH_COUNT
/* The condition that says that a run failed; only there while it does. */
#define RECONCILED "Reconciled"
struct controller {
    const char *name;
    controller_run_fn *run;
    enum which about;      /* the kind of the object that its key names */
    const char *condition; /* where the queue publishes that a run failed, besides an
                              Event; NULL: the kind's conditions are another's */
    struct controller_source sources[16]; /* up to a row of zeros after one */
    size_t source_count;
};
/* "axle-NAME": its field manager, and the source of its Events. */
char *controller_manager(struct arena *arena, const struct controller *self);
extern const struct controller *const controller_table[];
extern const size_t controller_count;

extern const struct controller controller_tenant, controller_project,
    controller_pool, controller_environment, controller_component_revision,
    controller_trait_revision, controller_profile_revision,
    controller_bundle_revision, controller_retention, controller_aiworkload, controller_deployment,
    controller_placement, controller_replicaset, controller_managedcluster,
    controller_clusterset, controller_binding, controller_liveness,
    controller_csr, controller_token, controller_sweep, controller_aggregation,
    controller_account, controller_ttl;

/* ---- The queue ------------------------------------------------------------ */

struct key;
struct proof;
struct controllers {
    uint32_t tag;
    struct objects *objects;
    struct loop *loop;
    struct controllers_settings settings;
    const struct kind *kinds[WHICH_COUNT];
    struct map *keys;           /* struct key by "controller space/name" */
    struct key_queue { struct key *first, *last; }
        waiting,                /* to run now */
        again;                  /* the same, but they ran in this round */
    struct key *resting;        /* ran in this round */
    uint64_t round;             /* ends when nobody waits but who ran in it */
    struct loop_timer *timer;   /* the earliest of those that wait for a time */
    struct loop_timer *next;    /* the next turn; a timer can be taken back */
    struct loop_timer *restart; /* looks at everything: a commit failed */
    struct loop_backoff disk;   /* how often in a row it did */
    const struct key *muted;    /* its failure is being published: not woken by that */
    struct proof *proof;        /* of the wake-ups; NULL: not asked for */
    bool turning, planned, stopped, writing;
    struct map *noticed;        /* revision seen while it was only staged */
    struct map *index;          /* index.c: maps of names by label and value */
    struct map *waits;          /* claim.c: keys by the name that is in their way */
    struct placement_world *world;
    int64_t started;            /* wall: silence is counted from here */
    int64_t clock;              /* wall time minus steady time, when last looked at */
    struct counts { uint64_t runs, failures, unpublished; } *counts;
    unsigned numbered;          /* numbers.c: how many were written since the start */
};
#define CONTROLLERS_TAG 0x43744c72u

/* Puts a key into the queue, once; a waiting retry runs at once. */
void controllers_wake(struct controllers *all, const struct controller *to,
                      const char *space, const char *name);
/* Wakes a key for each object of a kind ("" for all namespaces). */
void controllers_wake_all(struct controllers *all, const struct controller *to,
                          enum which kind, const char *space);
/* The world's shadow of the objects that placement looks at. */
void controllers_world_note(struct controllers *all, const struct object *before,
                            const struct object *after);

/* The index of labels (index.c): candidates, in order; false: not indexed. */
struct pass;
void controllers_index_note(struct controllers *all, const struct object *before,
                            const struct object *after);
void controllers_index_free(struct controllers *all);
bool controllers_index_each(struct pass *pass, enum which kind, const char *label,
                            const char *value,
                            void (*each)(void *arg, const struct object *object),
                            void *arg);

/* ---- Reading and writing in a pass (pass.c) -------------------------------- */

/* The staged object, or NULL; it lives as long as the pass. */
struct seen {
    struct object *object;
    struct node *node;
};
bool pass_get(struct pass *pass, enum which kind, const char *space,
              const char *name, struct seen *ret);
struct node *pass_read(struct pass *pass, enum which kind, const char *space,
                       const char *name);
/* Every object of a kind in a namespace (NULL: all), as a list. With `label`
   only those that carry it with this value. */
struct node *pass_list(struct pass *pass, enum which kind, const char *space,
                       const char *label, const char *value);
/* {apiVersion, kind, metadata {name, namespace}}, to be filled. */
struct node *pass_new(struct pass *pass, enum which kind, const char *space,
                      const char *name);
/*
 * What is written belongs to the object that the run is about, or no object has its
 * name: claim.h. pass_ensure() fails with ERR_TAKEN where the name is another's;
 * the other verbs then leave the object as it is, and pass_remove() as if there
 * were none.
 */
int pass_ensure(struct pass *pass, const struct node *wanted,
                bool *ret_changed, struct err *err) MUST_CHECK;
/* As pass_read and pass_list, but only what is the run's own. */
struct node *pass_read_own(struct pass *pass, enum which kind, const char *space,
                           const char *name);
struct node *pass_list_own(struct pass *pass, enum which kind, const char *space,
                           const char *label, const char *value);
int pass_status(struct pass *pass, const struct seen *seen,
                const struct node *status, bool *ret_changed,
                struct err *err) MUST_CHECK;
int pass_finalizer(struct pass *pass, const struct seen *seen,
                   const char *finalizer, bool present,
                   struct err *err) MUST_CHECK;
int pass_remove(struct pass *pass, enum which kind, const char *space,
                const char *name, struct err *err) MUST_CHECK;
int pass_remove_kind(struct pass *pass, const struct kind *kind,
                     const char *space, const char *name,
                     struct err *err) MUST_CHECK;
void pass_event(struct pass *pass, const struct seen *about, bool warning,
                const char *reason, const char *format, ...) PRINTF(5, 6);
/* A merge patch: for lists that a user may own as well. */
int pass_patch(struct pass *pass, const struct seen *seen,
               const struct node *patch, struct err *err) MUST_CHECK;
/* Runs this key again at a wall time; the earliest one asked for counts. */
void pass_wake_at(struct pass *pass, int64_t wall);

/* ---- Names that several controllers use --------------------------------------- */

/* The set of spokes whose pool has gone: no project may place on it. */
#define POOL_RELEASED "axle-released"
/* As which controller_replicaset writes works. */
#define REPLICASET_MANAGER "axle-replicaset"

/* ---- Joining (managedcluster.c) ---------------------------------------------- */

/* Who comes with a join token is this user; `auth` names them so. */
#define TOKEN_USER "system:bootstrap:"
#define ADMIN_TOKEN_USER "system:admin:"
/* Writes a condition of a cluster, with an Event when it is news. */
int managedcluster_say(struct pass *pass, const struct seen *cluster,
                       const struct meta_condition *condition, struct err *err) MUST_CHECK;
void joining_rules(struct controllers *all);
void token_rules(struct controllers *all);
void spoke_write_rules(struct controllers *all);
/* admission.c */
void admission_rules(struct controllers *all);
/* Refuses profiles that are too large ever to be rendered (sizes.c). */
void size_rules(struct controllers *all);
/* aiworkload.c */
void aiworkload_rules(struct controllers *all);
/* boundaries.c */
void boundary_rules(struct controllers *all);
/* The set that a token puts a cluster into. */
char *managedcluster_set(struct pass *pass, const struct node *token);
void csr_rules(struct controllers *all);

/* ---- Namespaces have one owner (namespaces.c) --------------------------------- */

/*
 * NULL if the namespace may belong to the object of this kind ("ManagedCluster",
 * "Project", "Tenant") that has a right to its name; else why not, for a person.
 * Looks at what is staged: reserved names, the namespace's owner, and who else is
 * there by that name and has no namespace yet.
 */
const char *namespace_trouble(struct controllers *all, struct arena *arena,
                              const char *name, const char *kind);

/* The same for a run of a controller; a Project also stays away from a namespace
   that another one lists as its target on spokes. */
const char *tenancy_space_trouble(struct pass *pass, const char *space,
                                  const char *kind);
/* NULL if this spoke is in the pool's set, else why it is not the pool's. */
const char *pool_spoke_trouble(struct pass *pass, const char *name, const char *set);

/* The sets that are always there, one by one; NULL after the last. */
struct node *clusterset_first(struct arena *arena, size_t index);

/* ---- Maps that several controllers use (maps.c) ------------------------------ */

/* Whether a change left the spec as it was; false where there was or is none. */
bool object_spec_is_same(const struct object *before, const struct object *after);
/* Whether a Project's change may concern the namespaces of other projects: its name,
   or what it lists, is taken, shared or free. */
bool project_concerns_others(const struct object *before, const struct object *after);

controller_map_fn map_owner_aiworkload, map_owner_deployment,
    map_owner_environment, map_owner_pool, map_owner_placement,
    map_owner_replicaset;

#endif
