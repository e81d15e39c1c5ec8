/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLACEMENT_WORLD_H
#define PLACEMENT_WORLD_H

#include "placement/placement.h"

#include "base/map.h"
#include "query/query.h"

/*
 * What is kept of each object. A seat is a cluster's name: decisions and
 * add-on scores may speak of it before there is a ManagedCluster, and after.
 */
struct taint {
    const char *key, *value, *effect;
    int64_t added;
};

struct resource {
    const char *name; /* of world->names: equal names are equal pointers */
    double allocatable;
};
/* Few enough to stand in the seat, where a scan over all clusters finds them. */
#define FEW_RESOURCES 6

struct addon_score {
    struct arena *arena; /* owned */
    const char *name;
    const struct node *scores; /* status.scores */
    int64_t valid_until;       /* 0: for ever */
    struct addon_score *next;  /* owned */
};

struct seat {
    char *name; /* owned */
    /* The ManagedCluster; arena is NULL while there is none. */
    struct arena *arena; /* owned */
    const struct node *object;
    const struct node *labels;
    const struct node *claims; /* a map, so that selectors can ask it */
    const char *set;           /* the clusterset label, or NULL */
    bool leaving, available;
    struct taint *taints;
    size_t taint_count;
    struct resource *resources; /* those with allocatable and capacity */
    size_t resource_count;
    struct resource few[FEW_RESOURCES];

    struct addon_score *addon_scores; /* owned */
    size_t decided;                   /* by all PlacementDecisions */
    /* Scratch of one placement_decide(). */
    size_t own;
    bool taken_out; /* of the tally */
    struct placement_cluster *row;
};

struct cluster_set {
    struct arena *arena; /* owned */
    bool exclusive;
    bool pool;         /* a ComputePool's: see reach.c */
    const char *wrong; /* a selectorType that is not known, or NULL */
    const struct node *selector;
};

/* How many clusters carry the label of a set, whether or not there is such a set. */
struct set_count {
    size_t members, available;
};

struct binding {
    char *namespace, *set; /* owned */
};

struct decision {
    char *owner;         /* "namespace/placement"; owned */
    struct seat **seats; /* owned */
    size_t count;
    struct decision *next; /* of the same owner */
};

struct owner {
    struct decision *decisions;
};

struct placement_world {
    struct map *names;      /* of resources: name → its one copy; owned */
    struct map *seats;      /* name → seat */
    struct map *sets;       /* name → cluster_set */
    struct map *selecting;  /* name → cluster_set, of those that do not go by the label alone */
    struct map *counts;     /* name of a set → set_count; owned */
    struct map *bindings;   /* namespace/name → binding */
    struct map *decisions;  /* namespace/name → decision */
    struct map *owners;     /* namespace/placement → owner */
    struct seat **clusters; /* owned; seats with a ManagedCluster, by name */
    size_t cluster_count;
    bool sorted;
    /* tally[n]: how many seats are chosen n times, by which the busiest is known. */
    size_t *tally; /* owned */
    size_t tally_room;
};

/* Brings `clusters` up to date. */
void world_sort(struct placement_world *world);

/* ---- What a namespace may be given (reach.c) ---------------------------- */

/* A set that is bound in the namespace. */
struct bound_set {
    const char *name;
    bool pool, exclusive;
    struct selector *selector; /* NULL: by the clusterset label alone */
};
struct placement_reach {
    const struct placement_world *world;
    struct bound_set *sets;
    size_t count;
};
bool world_reaches(const struct placement_reach *reach, const struct seat *seat);

/* ---- One decision under way, shared by the stages ---------------------- */

struct choice {
    struct placement_world *world;
    const struct node *placement, *spec;
    const char *namespace, *name;
    int64_t now;
    struct arena *arena;
    struct placement_result *result;
    const struct owner *own; /* its decisions so far, or NULL */
    struct seat **feasible;  /* what passed the filters so far, by name */
    size_t count;
};

/* choice.c: records what is wrong. An error ends the decision, so there is one; of
   warnings the first stays, and an error replaces it. Returns -1. */
int choice_complain(struct choice *choice, enum placement_outcome outcome, const char *plugin,
                    const char *format, ...) PRINTF(4, 5);
/* Compiles a claimSelector or labelSelector; NULL in `ret`: it selects everything. */
int choice_selector(struct choice *choice, const struct node *node, struct selector **ret,
                    struct err *err);

/* The stages; -1 when one complained and nothing can be chosen. */
int choice_find_sets(struct choice *choice);
int choice_filter_predicates(struct choice *choice);
int choice_filter_taints(struct choice *choice);
int choice_score(struct choice *choice);
void choice_rank(struct choice *choice);
void choice_take(struct choice *choice);
/* When a toleration of a cluster that was decided for before runs out, whatever
   this decision makes of the cluster. */
void choice_find_requeue(struct choice *choice);
int choice_group(struct choice *choice);

#endif
