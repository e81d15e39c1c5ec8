/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OBJECTS_RULES_H
#define OBJECTS_RULES_H

#include "objects/objects.h"

struct objects_review;

/*
 * Private to objects: the rules, its upper half. What a write may contain and what
 * it does is decided here (write_op.h says by which steps); the keeper (keeper.h)
 * below stages the result.
 */

/* A rule that a caller of objects_rule() has put before the writes of a kind. */
struct rule {
    const char *subresource; /* which writes it sees; NULL: all */
    objects_rule_fn *fn;
    void *arg;
    struct rule *next;
};

struct rules {
    struct map *of_kind;      /* store_kind to the first struct rule, owned */
    struct map *applied;      /* apply_cache.c: manager and object to what was applied last */
    uint64_t applied_dropped; /* stage.dropped when `applied` was filled */
    struct map *event_series; /* events.c: of Events that differ in words only */
};

struct rules *rules_new(void);
void rules_free(struct rules **rules);
/* The first rule of a stored kind, or NULL. */
const struct rule *rules_of(const struct rules *rules, const struct kind *kind);

/* ---- metadata.c ------------------------------------------------------------- */

/* Checks metadata as a kube-apiserver does; adds causes. */
void metadata_check(struct arena *arena, const struct kind *kind, const struct node *object,
                    const struct node *before, struct node *causes);
/* Sets what only the server writes, for a new object. */
void metadata_fill(struct arena *arena, const struct kind *kind, struct node *object);
void metadata_generate_name(struct arena *arena, struct node *metadata);

/* ---- kind_rules.c ----------------------------------------------------------- */

/* Checks changes to fields that must not change, and what only one kind knows. */
void kind_rules_check(struct arena *arena, const struct kind *kind, const struct node *object,
                      const struct node *before, struct node *causes);
/* Completes kinds whose API does more than a schema can say (stringData of Secrets). */
void kind_rules_settle(struct arena *arena, const struct kind *kind, struct node *object);

/* ---- approval.c: certificate requests ------------------------------------- */

bool approval_is_csr(const struct kind *kind);
/* Sets the times of conditions that come without. */
void approval_stamp(struct arena *arena, struct node *object, const struct node *before);
/* Decisions on a certificate request stay, and exclude each other. */
void approval_check(struct arena *arena, const struct node *object, const struct node *before,
                    bool may_decide, struct node *causes);

/* ---- apply_cache.c -------------------------------------------------------- */

/* Whether the manager applied just this to the object, which is as it was left. */
bool apply_cache_has(struct objects *objects, const char *key, const struct objects_write *write,
                     const unsigned char *hash);
void apply_cache_put(struct objects *objects, const char *key, const unsigned char *hash,
                     int64_t revision);
void apply_cache_free(struct rules *rules);

/* ---- events.c --------------------------------------------------------------- */

void event_series_free(struct rules *rules);

#endif
