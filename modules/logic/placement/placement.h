/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLACEMENT_H
#define PLACEMENT_H

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which clusters a Placement chooses, and which of them may change now.
 *
 * Arguments in, answer out: the same objects and the same `now` give the same
 * answer in whatever order they were put in. The rules, formulas and oddities
 * are Open Cluster Management's (docs/OCM-COMPATIBILITY.md); what OCM accepts
 * and ignores, spread constraints, is really done here.
 *
 * It does not know the store, the API or the clock. Times are nanoseconds
 * since 1970 UTC, 0 for none. Nothing blocks. A world belongs to one thread.
 */

/* ---- The world: what is known of clusters, parsed once ----------------- */

/*
 * Keeps its own copy of everything, so the objects put in may go at once. An
 * object that is put again takes the place of the old one.
 */
struct placement_world;

struct placement_world *placement_world_new(void) __attribute__((returns_nonnull));
void placement_world_free(struct placement_world **world);
#define scoped_placement_world SCOPED(placement_world_free)

/*
 * Takes in a ManagedCluster, ManagedClusterSet, ManagedClusterSetBinding,
 * PlacementDecision or AddOnPlacementScore, named by `kind` (objects in a case
 * file have no kind of their own). False for any other kind, and for an object
 * without a name.
 */
bool placement_world_put(struct placement_world *world, const char *kind,
                         const struct node *object);
/* `namespace` is "" for kinds without a namespace. */
void placement_world_remove(struct placement_world *world, const char *kind, const char *namespace,
                            const char *name);

/* The ManagedCluster of that name; NULL: it is not there. Good until it is put again. */
const struct node *placement_world_cluster(const struct placement_world *world, const char *name);

/*
 * What may be given to a namespace now, by any placement. A cluster is within
 * reach if a set that is bound there has it, and it is not the spoke of a pool
 * whose set is not bound there. Sets that carry the label `axle.dev/pool` are
 * pools'. Read once, asked often; it lives in the arena, until the world changes.
 */
struct placement_reach;
const struct placement_reach *placement_reach_read(struct placement_world *world,
                                                   const char *namespace, struct arena *arena);
bool placement_reach_has(const struct placement_reach *reach, const char *cluster);
/* Clusters of a set, and of them those that are available. */
struct placement_members {
    size_t count, available;
    size_t walked; /* clusters that were looked at: only where a set selects by labels */
};
/* Those that this namespace may be given. */
struct placement_members placement_count_members(struct placement_world *world,
                                                 const char *namespace, const char *set);
/* Those that carry the set's label, or match its selector (`available` is 0 then). */
struct placement_members placement_count_set(struct placement_world *world, const char *set);
/* The sets that select by more than the label of sets. */
void placement_each_selecting_set(const struct placement_world *world,
                                  void (*each)(void *arg, const char *set), void *arg);

/* ---- The decision ------------------------------------------------------ */

/* Why a cluster was or was not chosen, in the order of the checks. */
enum placement_why {
    PLACEMENT_CHOSEN,
    PLACEMENT_NOT_IN_SETS, /* member of no set that is bound and asked for */
    PLACEMENT_LEAVING,     /* has a deletionTimestamp */
    PLACEMENT_NOT_MATCHED, /* no predicate matches */
    PLACEMENT_TAINTED,     /* `detail` is the taint */
    PLACEMENT_WOULD_SKEW,  /* `detail` is the topology key */
    PLACEMENT_RANKED_LOW,  /* numberOfClusters were better */
    PLACEMENT_UNDECIDED,   /* the placement is misconfigured */
};

/* Nothing is known that a prioritizer could score; counts as 0. */
#define PLACEMENT_NO_SCORE INT64_MIN

struct placement_cluster {
    const char *name;
    enum placement_why why;
    bool within;        /* reach: else the placement's readers may not know it */
    const char *detail; /* "" */
    size_t rank;        /* 1 is the best; 0: did not pass the filters */
    int64_t total;
    /* One per prioritizer, before weighting; NULL if it was not scored. */
    const int64_t *scores;
};

struct placement_prioritizer {
    const char *name; /* "Balance", "AddOn/demo/s1", … */
    int64_t weight;   /* never 0 */
};

struct placement_decision {
    const char *name;                          /* of the PlacementDecision */
    size_t group;                              /* index into the groups */
    const struct placement_cluster **clusters; /* by name, at most 100 */
    size_t count;
};

struct placement_group {
    const char *name;        /* "" for the clusters that no decisionGroup names */
    size_t first, decisions; /* its slice of the decisions */
    size_t count;            /* clusters */
};

enum placement_outcome {
    PLACEMENT_OK,
    PLACEMENT_WARNED,        /* decided; an add-on score is out of date */
    PLACEMENT_MISCONFIGURED, /* the user must act; nothing is chosen */
    PLACEMENT_FAILED,        /* an object of the world is wrong; write nothing */
};

/*
 * Everything lives in the arena that was given; names of clusters belong to the
 * world and are good until a cluster is put or removed.
 *
 * In OCM a misconfigured placement has no decisions, so its workloads are
 * removed everywhere; that is what `decisions` says too. A caller who would
 * rather keep what runs looks at `outcome` and leaves the last good
 * PlacementDecisions alone, as Axle's controller does.
 */
struct placement_result {
    enum placement_outcome outcome;
    const char *plugin;  /* who complained: "Predicate", "" … */
    const char *message; /* "" */

    const char **sets; /* eligible sets, by name */
    size_t set_count;
    size_t bindings;                    /* valid ones in the namespace */
    struct placement_cluster *clusters; /* every cluster of the world, by name */
    size_t cluster_count;
    size_t available; /* in a set and not leaving */
    size_t matched;   /* and a predicate matches */
    size_t feasible;  /* and every taint is tolerated */

    struct placement_prioritizer *prioritizers; /* by name */
    size_t prioritizer_count;

    struct placement_cluster **chosen; /* best first */
    size_t chosen_count;
    size_t unscheduled; /* numberOfClusters that could not be had */

    struct placement_group *groups;
    size_t group_count;
    struct placement_decision *decisions;
    size_t decision_count;

    int64_t requeue_at; /* when a toleration runs out; 0: never */
    uint64_t cel_cost;  /* of all celSelectors on all clusters */
};

/*
 * Decides. `placement` is the whole Placement object; its own decisions in the
 * world are what Steady and NoSelectIfNew look at. Never fails: what is wrong
 * is in the outcome.
 */
void placement_decide(struct placement_world *world, const struct node *placement, int64_t now,
                      struct arena *arena, struct placement_result *ret);

/* A sentence for a person: "taint gpu=b:NoSelect is not tolerated". */
void placement_explain(const struct placement_result *result,
                       const struct placement_cluster *cluster, struct text *out);
/* For programs and columns: "Chosen", "NotInClusterSets", "Tainted", … */
const char *placement_why_name(enum placement_why why);

/* The PlacementDecision as it should stand: metadata with labels and the
   controller's ownerReference (if the placement has a uid), and status. */
struct node *placement_decision_object(struct arena *arena, const struct node *placement,
                                       const struct placement_result *result, size_t index);
/*
 * The Placement's new status: numberOfSelectedClusters, decisionGroups and the
 * conditions PlacementSatisfied and PlacementMisconfigured. A condition whose
 * status stays keeps its lastTransitionTime; other fields of the status stay.
 */
struct node *placement_status(struct arena *arena, const struct node *placement,
                              const struct placement_result *result, int64_t now);

/* The two conditions by themselves. */
struct placement_satisfied {
    const char **sets_wanted; /* spec.clusterSets */
    size_t wanted;
    const char **sets; /* eligible ones */
    size_t set_count;
    size_t bindings, available;
    size_t feasible; /* chosen: with numberOfClusters 0 OCM says none match */
    size_t unscheduled;
    bool failed; /* a plugin failed: outcome is not OK and not WARNED */
    const char *message;
};

struct meta_condition placement_satisfied(struct arena *arena,
                                          const struct placement_satisfied *facts);
struct meta_condition placement_misconfigured(struct arena *arena, enum placement_outcome outcome,
                                              const char *plugin, const char *message);

/* ---- Rollout: who may change now --------------------------------------- */

enum placement_rollout_status {
    ROLLOUT_TO_APPLY,
    ROLLOUT_PROGRESSING,
    ROLLOUT_SUCCEEDED,
    ROLLOUT_FAILED,
    ROLLOUT_TIMED_OUT,
    ROLLOUT_SKIP,
    ROLLOUT_UNKNOWN, /* treated as Progressing */
};

/* "ToApply", "Progressing", …; ROLLOUT_UNKNOWN for any other word. */
const char *placement_rollout_name(enum placement_rollout_status status);
enum placement_rollout_status placement_rollout_parse(const char *name);

struct placement_rollout_cluster {
    const char *name;
    enum placement_rollout_status status;
    const char *group_name;
    int64_t group_index;
    int64_t since;      /* lastTransitionTime; 0: not known */
    int64_t recheck_at; /* set by the rollout: deadline or end of soak; 0 */
};

struct placement_rollout_group {
    const char *name;
    int64_t index;
    const char *const *clusters;
    size_t count;
};

struct placement_rollout_input {
    const struct node *strategy;                  /* RolloutStrategy; NULL: All */
    const struct placement_rollout_group *groups; /* of the decisions */
    size_t group_count;
    const struct placement_rollout_cluster *existing; /* what has a work */
    size_t existing_count;
    int64_t now;
    /* What OCM does otherwise: maxFailures above the total means all, not none. */
    bool failures_saturate;
    bool mandatory_done; /* the mandatory groups are done: select from the others */
};

struct placement_rollout {
    /* Clusters that take a slot: write to those with ROLLOUT_TO_APPLY. */
    struct placement_rollout_cluster *clusters;
    size_t count;
    struct placement_rollout_cluster *timed_out;
    size_t timed_out_count;
    struct placement_rollout_cluster *removed; /* no longer decided for */
    size_t removed_count;
    bool breached;         /* more failures than maxFailures */
    int64_t recheck_after; /* nanoseconds; 0: only when something changes */
};

/* ERR_INVALID when the strategy cannot be read (deadline, size, type). */
int placement_rollout(const struct placement_rollout_input *input, struct arena *arena,
                      struct placement_rollout *ret, struct err *err) MUST_CHECK;

/* ---- The next step of a replica set ------------------------------------- */

/*
 * Around OCM's rollout: several placementRefs that may share clusters, silent
 * spokes, newer versions in mid-rollout, and what is no longer wanted. The rules
 * are in docs/OCM-COMPATIBILITY.md, "Rollouts". Keyed by content: a place counts
 * only by whether its work is the wanted one, so nothing is remembered of
 * versions before.
 */
enum placement_state {
    PLACE_WAITING,     /* its turn has not come */
    PLACE_IN_PROGRESS, /* it has the wanted version, or is past its turn to get it */
    PLACE_SOAKING,     /* it has it; minSuccessTime runs until `until` */
    PLACE_DONE,
    PLACE_FAILED,
    PLACE_TIMED_OUT, /* progressDeadline has passed */
    PLACE_SILENT,    /* passed over, as nothing is heard of it */
    PLACE_BLOCKED,   /* nothing can be written there: `blocked` says why */
    PLACE_UNWANTED,  /* no placementRef chooses it */
};

enum placement_step { STEP_NONE, STEP_WRITE, STEP_REMOVE };

#define PLACEMENT_NO_REF SIZE_MAX

/* A cluster that a placementRef chooses, or that has a work of the set. */
struct placement_place {
    const char *cluster;
    bool has_work, leaving; /* leaving: the work is being deleted */
    bool current;           /* the work's spec is what is wanted now */
    bool running;           /* the work runs, in whatever version, as far as heard */
    bool lost;              /* it may keep nothing: out of reach, or the cluster is gone */
    enum placement_rollout_status status; /* of the work, in the version that it has */
    int64_t since;                        /* of this status, by the spoke's word; 0: not known */
    int64_t written;                      /* when the hub changed the work last; 0: not known */
    int64_t settled;      /* when it was done with that for the first time; 0: not yet */
    int64_t created;      /* when the work was made */
    int64_t silent_since; /* 0: it is heard */
    const char *blocked;  /* NULL: it can be written to */

    /* The answer. */
    size_t ref;    /* the first placementRef that chooses it */
    size_t member; /* private */
    enum placement_state state;
    enum placement_step step;
    int64_t until; /* when the state ends by itself; 0: it does not */
};

struct placement_ref {
    const char *name;
    const struct node *strategy;
    const struct placement_rollout_group *groups; /* of its decisions */
    size_t group_count;
    bool undecided; /* there is no decision: what its groups name stays as it is */

    /* The answer, about the clusters that no ref before it chooses. */
    size_t chosen, done, failed;
    const char *stopped; /* why no other place is begun; NULL */
    const char *wrong;   /* what is wrong with the strategy; NULL */
};

/* Works in places that no placementRef wants: since when, and how many ran then. */
struct placement_move {
    int64_t since; /* 0: there are none */
    int64_t running;
};

struct placement_advance {
    struct placement_ref *refs;
    size_t ref_count;
    struct placement_place *places; /* sorted by name */
    size_t place_count;
    int64_t now;
    struct placement_move move; /* as it was, and as it is to be remembered */
    int64_t recheck_at;         /* 0: only when something changes */
    const char *kept;           /* why unwanted works stay; NULL: they do not */
};

/* Fills in the answers. Nothing in `advance` but the answers is written. */
void placement_advance(struct placement_advance *advance, struct arena *arena);

/* The groups that the PlacementDecisions in `decisions` (a list) spell out. */
void placement_rollout_groups(struct arena *arena, const struct node *decisions,
                              struct placement_rollout_group **ret, size_t *ret_count);

/*
 * The rollout status of one ManifestWork by its generation and conditions;
 * `ret_since` is when that began (0: not known). OCM's mapping: without an
 * Applied and a Progressing condition at this generation it is ToApply.
 */
enum placement_rollout_status placement_rollout_of_work(const struct node *work,
                                                        int64_t *ret_since);
bool placement_rollout_is_to_apply(int64_t generation, const struct node *conditions);

/* The helpers of the rollout, each with a case file of its own. */
enum placement_rollout_class { ROLLOUT_IN, ROLLOUT_DONE, ROLLOUT_LATE };
/* A deadline of INT64_MAX is none. */
enum placement_rollout_class placement_rollout_classify(struct placement_rollout_cluster *cluster,
                                                        int64_t soak, int64_t deadline,
                                                        int64_t now);
/* `size` is an integer, "N%" or NULL; `none` when 0 or over the total. */
int placement_rollout_size(const struct node *size, int64_t total, int64_t none, int64_t *ret,
                           struct err *err);
/* maxFailures as the product reads it: above the total it is all of them. */
int placement_rollout_failures(const struct node *size, int64_t total, int64_t *ret,
                               struct err *err);
/* The shortest wait until one of the times that is still to come; 0: none. */
int64_t placement_rollout_recheck(const int64_t *times, size_t count, int64_t now);
/* A mandatoryDecisionGroup: its name, or else its index; "" and 0. */
void placement_rollout_group_key(const struct node *group, const char **ret_name,
                                 int64_t *ret_index);
/* "None" and "" are INT64_MAX; else one number with h, m or s. */
int placement_rollout_deadline(const char *text, int64_t *ret, struct err *err);

#endif
