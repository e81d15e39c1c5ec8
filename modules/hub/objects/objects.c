/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and closes the objects of a hub: the keeper with the rules above it. */

#include "objects/keeper.h"
#include "objects/rules.h"

struct objects *objects_open(struct loop *loop, struct store *store, const struct kinds *kinds,
                             struct err *err)
{
    return objects_open_sealed(loop, store, kinds, NULL, err);
}

struct objects *objects_open_sealed(struct loop *loop, struct store *store,
                                    const struct kinds *kinds, const unsigned char *key,
                                    struct err *err)
{
    struct objects *objects = mem_alloc(sizeof(*objects));

    keeper_open(&objects->keeper, loop, store, kinds, key);
    objects->rules = rules_new();
    if (keeper_load(&objects->keeper, err) < 0)
        objects_close(&objects);
    return objects;
}

void objects_close(struct objects **objects)
{
    if (!*objects)
        return;
    keeper_close(&(*objects)->keeper);
    apply_cache_free((*objects)->rules);
    event_series_free((*objects)->rules);
    rules_free(&(*objects)->rules);
    mem_free(objects);
}

const struct kinds *objects_kinds(const struct objects *objects)
{
    return objects->keeper.kinds;
}

const struct kind *objects_stored_kind(const struct objects *objects, size_t index)
{
    const struct keeper *keeper = &objects->keeper;

    return index < keeper->table_count ? keeper->all[index]->kind : NULL;
}

struct store *objects_store(const struct objects *objects)
{
    return objects->keeper.store;
}
