/* SPDX-License-Identifier: Apache-2.0 */
/* Knows which pools expect which spokes. */
#include "controllers/expected.h"

#include "base/map.h"
#include "controllers/parse.h"
#include "meta/meta.h"

#include <string.h>

struct expecting_pool {
    char *key; /* owned: NAMESPACE/NAME */
    char *namespace;
    const char *name; /* in the key */
    char **spokes;    /* owned */
    size_t count;
    bool selects;
};

struct expected_index {
    struct map *pools;     /* key → expecting_pool; owned */
    struct map *spokes;    /* name → map of key → expecting_pool */
    struct map *selecting; /* key → expecting_pool */
};

static void unlink_spoke(struct expected_index *index, const struct expecting_pool *pool,
                         const char *spoke)
{
    struct map *pools = map_get(index->spokes, spoke);

    if (!pools)
        return;
    map_remove(pools, pool->key);
    if (map_count(pools))
        return;
    map_remove(index->spokes, spoke);
    map_free(&pools);
}

static void link_spoke(struct expected_index *index, struct expecting_pool *pool, const char *spoke)
{
    struct map *pools = map_get(index->spokes, spoke);

    if (!pools) {
        pools = map_new();
        map_put(index->spokes, spoke, pools);
    }
    map_put(pools, pool->key, pool);
}

static void forget_pool(struct expected_index *index, const char *key)
{
    struct expecting_pool *pool = map_remove(index->pools, key);

    if (!pool)
        return;
    map_remove(index->selecting, key);
    for (size_t i = 0; i < pool->count; i++) {
        unlink_spoke(index, pool, pool->spokes[i]);
        mem_free(&pool->spokes[i]);
    }
    mem_free(&pool->spokes);
    mem_free(&pool->namespace);
    mem_free(&pool->key);
    mem_free(&pool);
}

static void note_pool(struct expected_index *index, const char *key, const struct object *object,
                      const struct node *node)
{
    const struct node *names = node_at(node, "spec", "spokes", NULL);
    struct expecting_pool *pool;
    bool selects = node_at(node, "spec", "clusterSelector", NULL) != NULL;

    if (!selects && !node_count(names))
        return;
    pool = mem_alloc(sizeof *pool);
    *pool = (struct expecting_pool){.key = mem_copy_string(key),
                                    .namespace = mem_copy_string(object->namespace),
                                    .selects = selects};
    pool->name = strchr(pool->key, '/') + 1;
    pool->spokes = mem_resize_array(NULL, node_count(names) + 1, sizeof *pool->spokes);
    map_put(index->pools, key, pool);
    if (selects)
        map_put(index->selecting, key, pool);
    for (size_t i = 0; i < node_count(names); i++) {
        pool->spokes[pool->count++] = mem_copy_string(node_text(node_item(names, i)));
        link_spoke(index, pool, node_text(node_item(names, i)));
    }
}

void expected_note(struct controllers *all, const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;
    scoped_mem char *key = NULL;

    if (any->kind != all->kinds[KIND_ID_POOL])
        return;
    key = mem_printf("%s/%s", any->namespace, any->name);
    forget_pool(all->expected, key);
    if (after)
        note_pool(all->expected, key, after, controllers_read(all, after));
}

void expected_open(struct controllers *all)
{
    expected_free(all);
    all->expected = mem_alloc(sizeof *all->expected);
    *all->expected = (struct expected_index){map_new(), map_new(), map_new()};
}

void expected_free(struct controllers *all)
{
    struct expected_index *index = all->expected;
    struct expecting_pool *pool;

    if (!index)
        return;
    for (size_t at = 0; (pool = map_next(index->pools, &at, NULL));) {
        scoped_mem char *key = mem_copy_string(pool->key);

        forget_pool(index, key);
    }
    map_free(&index->pools);
    map_free(&index->spokes);
    map_free(&index->selecting);
    mem_free(&all->expected);
}

static void each_expecting(const struct map *pools, expected_pool_fn *each, void *arg)
{
    const struct expecting_pool *pool;

    for (size_t at = 0; pools && (pool = map_next(pools, &at, NULL));)
        each(arg, pool->namespace, pool->name);
}

void expected_each_pool(struct controllers *all, const char *spoke, expected_pool_fn *each,
                        void *arg)
{
    each_expecting(map_get(all->expected->spokes, spoke), each, arg);
}

void expected_each_selecting(struct controllers *all, expected_pool_fn *each, void *arg)
{
    each_expecting(all->expected->selecting, each, arg);
}
