/* SPDX-License-Identifier: Apache-2.0 */
/* Reads every object and recent change from the store. */

#include "objects/keeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "document/document.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

struct loading {
    struct keeper *keeper;
    struct arena *arena;
    struct map *seen; /* the newest state of each key in the log */
    struct text lost; /* keys that cannot be read, if that is accepted: kind, namespace, name */
};

/* Whether the hub starts without a row that cannot be read. */
static bool give_up_row(struct loading *loading, const struct store_row *row, const struct err *why)
{
    const char *const parts[] = {row->key.kind, row->key.namespace, row->key.name};

    if (!store_accepts_loss(loading->keeper->store))
        return false;
    log_error("objects", "%s: it is given up, as its loss is accepted", why->text);
    for (size_t i = 0; i < count_of(parts); i++)
        text_add_bytes(&loading->lost, parts[i], strlen(parts[i]) + 1);
    return true;
}

static void forget_lost(struct loading *loading)
{
    const char *at = loading->lost.bytes, *end = at + loading->lost.len;

    while (at < end) {
        struct store_key key = {.kind = at};

        key.namespace = key.kind + strlen(key.kind) + 1;
        key.name = key.namespace + strlen(key.namespace) + 1;
        at = key.name + strlen(key.name) + 1;
        store_forget(loading->keeper->store, &key);
    }
}

static struct object *read_object_row(struct loading *loading, struct table *table,
                                      const struct store_row *row, struct err *err)
{
    scoped_text struct text open = {0};
    size_t len;
    const char *body = decrypt_row(loading->keeper, row, &open, &len, err);
    struct node *tree;

    if (!body)
        return NULL;
    tree = document_read_own(loading->arena, body, len, err);
    if (!tree) {
        err_wrap(err, "%s %s/%s", row->key.kind, row->key.namespace, row->key.name);
        return NULL;
    }
    return object_lay_out(table->kind, tree, row->revision, body, len);
}

/* A lease counts as renewed at the start: its holder could not renew it while the hub
   was down. */
static struct object *renew_lease(struct loading *loading, struct object *object)
{
    struct node *tree, *spec;
    struct object *renewed;
    char now[CLOCK_TEXT];

    if (!object->kind->is_volatile)
        return object;
    tree = object_read(loading->arena, object);
    spec = node_get(tree, "spec");
    if (!node_get(spec, "renewTime"))
        return object;
    clock_format(clock_wall(), true, now);
    node_set_text(loading->arena, spec, "renewTime", now);
    renewed = object_make(loading->arena, object->kind, tree, object->revision);
    object_drop(&object);
    return renewed;
}

/* A row of a kind that this version does not know is left in the store, for a newer one. */
static int load_row(void *arg, const struct store_row *row, struct err *err)
{
    struct loading *loading = arg;
    struct table *table = map_get(loading->keeper->tables, row->key.kind);
    struct object *object;

    if (!table)
        return 0;
    if (arena_used(loading->arena) > (size_t)8 << 20) {
        arena_free(&loading->arena);
        loading->arena = arena_new();
    }
    object = read_object_row(loading, table, row, err);
    if (!object)
        return give_up_row(loading, row, err) ? 0 : -1;
    object = renew_lease(loading, object);
    table_set(table, row->key.namespace, row->key.name, object);
    return 0;
}

static int load_change(void *arg, const struct store_row *row, struct err *err)
{
    struct loading *loading = arg;
    struct table *table = map_get(loading->keeper->tables, row->key.kind);
    struct change change = {.table = table, .revision = row->revision};
    struct object *object, *before;
    scoped_mem char *key = NULL;

    if (!table)
        return 0;
    before = table_published(table, row->key.namespace, row->key.name);
    object = before && before->revision == row->revision
                 ? object_hold(before)
                 : read_object_row(loading, table, row, err);
    if (!object)
        return -1;
    key = mem_printf("%s %s/%s", row->key.kind, row->key.namespace, row->key.name);
    before = map_get(loading->seen, key);
    change.unknown = !before && !row->created;
    change.before = before;
    if (row->deleted) {
        change.last = object;
        map_remove(loading->seen, key);
    } else {
        change.after = object_hold(object);
        map_put(loading->seen, key, object);
    }
    changes_remember(loading->keeper, change);
    return 0;
}

static void drop_seen(struct map *seen)
{
    struct object *object;
    size_t at = 0;

    while ((object = map_next(seen, &at, NULL)))
        object_drop(&object);
}

int keeper_load(struct keeper *keeper, struct err *err)
{
    scoped_map struct map *seen = map_new();
    struct loading loading = {keeper, arena_new(), seen, {0}};
    bool failed;

    keeper->revision = store_revision(keeper->store);
    failed = store_each(keeper->store, load_row, &loading, err) < 0;
    if (!failed)
        forget_lost(&loading);
    keeper->forgotten = store_compacted(keeper->store);
    failed =
        failed || store_changes(keeper->store, keeper->forgotten, load_change, &loading, err) < 0;
    text_free(&loading.lost);
    drop_seen(seen);
    arena_free(&loading.arena);
    return failed ? -1 : 0;
}
