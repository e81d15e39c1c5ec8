/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers what was applied last to each object, so that repeating it costs no merge. */

#include "objects/keeper.h"
#include "objects/rules.h"

#include <string.h>

/*
 * Most of what controllers apply they applied before, in the same words, and the
 * object has not been written since: then a merge would change nothing. An entry
 * is valid for the revision that the apply left behind.
 */
#define APPLIED_AT_MOST 8192
struct applied {
    unsigned char hash[PKI_SHA256];
    int64_t revision;
};

void apply_cache_free(struct rules *rules)
{
    void *applied;
    size_t at = 0;

    while (rules->applied && (applied = map_next(rules->applied, &at, NULL)))
        mem_free(&applied);
    map_free(&rules->applied);
}

/* A failed commit gives the revisions of what it dropped to other writes. */
static void forget_dropped(struct objects *objects)
{
    struct rules *rules = objects->rules;

    if (rules->applied_dropped == objects->keeper.stage.dropped)
        return;
    rules->applied_dropped = objects->keeper.stage.dropped;
    apply_cache_free(rules);
}

bool apply_cache_has(struct objects *objects, const char *key, const struct objects_write *write,
                     const unsigned char *hash)
{
    const struct table *table = table_of(&objects->keeper, write->kind);
    const struct applied *applied;
    const struct object *live;

    forget_dropped(objects);
    applied = objects->rules->applied ? map_get(objects->rules->applied, key) : NULL;
    live =
        applied && table ? table_find(table, OBJECTS_STAGED, write->namespace, write->name) : NULL;
    return live && live->revision == applied->revision && !memcmp(applied->hash, hash, PKI_SHA256);
}

void apply_cache_put(struct objects *objects, const char *key, const unsigned char *hash,
                     int64_t revision)
{
    struct rules *rules = objects->rules;
    struct applied *applied;

    forget_dropped(objects);
    if (rules->applied && map_count(rules->applied) >= APPLIED_AT_MOST)
        apply_cache_free(rules);
    if (!rules->applied)
        rules->applied = map_new();
    applied = map_get(rules->applied, key);
    if (!applied) {
        applied = mem_alloc(sizeof *applied);
        map_put(rules->applied, key, applied);
    }
    memcpy(applied->hash, hash, PKI_SHA256);
    applied->revision = revision;
}
