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

/* Blocks of an arena that stay below 64 kB are given back without a search through the heap. */
#define ARENA_MOST ((size_t)32 << 10)

/* An object as it is now, and where it belongs. */
struct loaded {
    struct table *table;
    struct object *object; /* owned; NULL: of a kind that is not known, or lost */
};

struct loading {
    struct keeper *keeper;
    struct arena *arena;
    struct map *seen; /* the newest state of each key in the log, if another one follows */
    struct text lost; /* keys that cannot be read, if that is accepted: kind, namespace, name */
    struct loaded *current; /* owned; in order of key */
    size_t count, room;
};

/* Whether the hub starts without a row that cannot be read. With one of the log goes the
   log, and no object: an empty key. */
static bool give_up_row(struct loading *loading, const struct store_row *row, const struct err *why)
{
    bool current = row->place >= 0;
    const char *const parts[] = {current ? row->key.kind : "", current ? row->key.namespace : "",
                                 current ? row->key.name : ""};

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

/* An object needs no more of its body than the metadata. */
static const struct node *read_metadata(struct arena *arena, const char *body, size_t len,
                                        struct err *err)
{
    const struct node *metadata = document_read_own_member(arena, body, len, "metadata");
    const struct node *tree = metadata ? NULL : document_read_own(arena, body, len, err);

    return tree ? node_get(tree, "metadata") : metadata;
}

static struct object *read_object_row(struct loading *loading, struct table *table,
                                      const struct store_row *row, struct err *err)
{
    scoped_text struct text open = {0};
    size_t len;
    const char *body = decrypt_row(loading->keeper, row, &open, &len, err);
    const struct node *metadata;

    if (!body)
        return NULL;
    metadata = read_metadata(loading->arena, body, len, err);
    if (!metadata) {
        err_wrap(err, "%s %s/%s", row->key.kind, row->key.namespace, row->key.name);
        return NULL;
    }
    return object_lay_out(table->kind, metadata, row->revision, body, len);
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

static struct table *table_of_row(const struct loading *loading, const struct store_row *row)
{
    return map_get(loading->keeper->tables, row->key.kind);
}

/* Rows come in order of revision; tables are filled in order of key, when all are there. */
static void keep_current(struct loading *loading, struct table *table, int64_t place,
                         struct object *object)
{
    while ((size_t)place >= loading->room) {
        size_t room = loading->room ? loading->room * 2 : 256;

        loading->current = mem_resize_array(loading->current, room, sizeof *loading->current);
        memset(loading->current + loading->room, 0,
               (room - loading->room) * sizeof *loading->current);
        loading->room = room;
    }
    loading->current[place] = (struct loaded){table, object_hold(object)};
    if ((size_t)place >= loading->count)
        loading->count = (size_t)place + 1;
}

static void fill_tables(struct loading *loading)
{
    for (size_t i = 0; i < loading->count; i++)
        if (loading->current[i].object)
            table_append(loading->current[i].table, take(loading->current[i].object));
}

/* What came first of its key has nothing before it, and nothing follows what is current. */
static void load_change(struct loading *loading, struct table *table, const struct store_row *row,
                        struct object *object)
{
    struct change change = {.table = table, .revision = row->revision};
    scoped_mem char *key = NULL;
    struct object *before = NULL;

    if (!row->created || row->place < 0)
        key = mem_printf("%s %s/%s", row->key.kind, row->key.namespace, row->key.name);
    if (!row->created)
        before = map_remove(loading->seen, key);
    change.unknown = !before && !row->created;
    change.before = before;
    if (row->deleted)
        change.last = object_hold(object);
    else
        change.after = object_hold(object);
    if (!row->deleted && row->place < 0)
        map_put(loading->seen, key, object_hold(object));
    changes_remember(loading->keeper, change);
}

/* A row of a kind that this version does not know is left in the store, for a newer one. */
static int load_row(void *arg, const struct store_row *row, struct err *err)
{
    struct loading *loading = arg;
    struct table *table = table_of_row(loading, row);
    scoped_object struct object *object = NULL;

    if (!table)
        return 0;
    if (arena_used(loading->arena) > ARENA_MOST) {
        arena_free(&loading->arena);
        loading->arena = arena_new();
    }
    object = read_object_row(loading, table, row, err);
    if (!object)
        return give_up_row(loading, row, err) ? 0 : -1;
    if (row->place >= 0) {
        object = renew_lease(loading, object);
        keep_current(loading, table, row->place, object);
    }
    if (row->revision > loading->keeper->forgotten)
        load_change(loading, table, row, object);
    return 0;
}

static void drop_seen(struct map *seen)
{
    struct object *object;
    size_t at = 0;

    while ((object = map_next(seen, &at, NULL)))
        object_drop(&object);
}

static void drop_current(struct loading *loading)
{
    for (size_t i = 0; i < loading->count; i++)
        object_drop(&loading->current[i].object);
    mem_free(&loading->current);
}

/* With what is lost goes the log (store_forget). */
static void give_up_lost(struct loading *loading)
{
    struct keeper *keeper = loading->keeper;

    if (!loading->lost.len)
        return;
    forget_lost(loading);
    changes_free(keeper);
    keeper->forgotten = store_compacted(keeper->store);
}

int keeper_load(struct keeper *keeper, struct err *err)
{
    scoped_map struct map *seen = map_new();
    struct loading loading = {.keeper = keeper, .arena = arena_new(), .seen = seen};
    bool failed;

    keeper->revision = store_revision(keeper->store);
    keeper->forgotten = store_compacted(keeper->store);
    failed = store_load(keeper->store, load_row, &loading, err) < 0;
    if (!failed) {
        fill_tables(&loading);
        give_up_lost(&loading);
    }
    drop_current(&loading);
    text_free(&loading.lost);
    drop_seen(seen);
    arena_free(&loading.arena);
    return failed ? -1 : 0;
}
