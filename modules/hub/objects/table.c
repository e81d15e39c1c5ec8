/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps all objects of a kind in order, published and staged. */

#include "objects/inside.h"

#include "base/text.h"
#include "store/store.h"

#include <string.h>

struct table *table_of(const struct objects *objects, const struct kind *kind)
{
    return map_get(objects->tables, kind->store_kind);
}

static int compare_key(const struct object *object, const char *space,
                       const char *name)
{
    int order = strcmp(object->space, space);

    return order ? order : strcmp(object->name, name);
}

size_t table_seek(const struct table *table, const char *space,
                  const char *name)
{
    size_t low = 0, high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_key(table->items[middle], space, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct object *table_published(const struct table *table,
                                     const char *space, const char *name)
{
    size_t at = table_seek(table, space, name);

    return at < table->count && !compare_key(table->items[at], space, name)
               ? table->items[at]
               : NULL;
}

struct object *table_find(const struct table *table, enum objects_view view,
                          const char *space, const char *name)
{
    if (view == OBJECTS_STAGED && map_count(table->staged)) {
        scoped_mem char *key = mem_printf("%s/%s", space, name);
        const struct pending *pending = map_get(table->staged, key);

        if (pending)
            return pending->after;
    }
    return table_published(table, space, name);
}

/* Puts or removes; takes `after` (may be NULL) over as its own. */
void table_set(struct table *table, const char *space, const char *name,
                      struct object *after)
{
    size_t at = table_seek(table, space, name);
    bool there = at < table->count &&
                 !compare_key(table->items[at], space, name);

    if (there && after) {
        object_drop(&table->items[at]);
        table->items[at] = after;
    } else if (there) {
        object_drop(&table->items[at]);
        memmove(table->items + at, table->items + at + 1,
                (table->count - at - 1) * sizeof(*table->items));
        table->count--;
    } else if (after) {
        if (table->count == table->room) {
            table->room = table->room ? table->room * 2 : 16;
            table->items = mem_resize_array(table->items, table->room,
                                            sizeof(*table->items));
        }
        memmove(table->items + at + 1, table->items + at,
                (table->count - at) * sizeof(*table->items));
        table->items[at] = after;
        table->count++;
    }
}

/* One table for each stored kind; the row of its stored version speaks. */
void tables_make(struct objects *objects)
{
    size_t count = kinds_count(objects->kinds);

    objects->all = mem_alloc((count + 1) * sizeof(*objects->all));
    for (size_t i = 0; i < count; i++) {
        const struct kind *kind = kinds_at(objects->kinds, i);
        struct table *table;

        if (kind->is_question || map_get(objects->tables, kind->store_kind))
            continue;
        table = mem_alloc(sizeof(*table));
        table->objects = objects;
        table->staged = map_new();
        map_put(objects->tables, kind->store_kind, table);
        objects->all[objects->table_count++] = table;
        for (size_t j = i; j < count; j++) {
            const struct kind *row = kinds_at(objects->kinds, j);

            if (text_same(row->store_kind, kind->store_kind) &&
                text_same(row->version, row->stored_version) &&
                text_same(row->group, row->stored_group))
                table->kind = row;
        }
        if (!table->kind)
            table->kind = kind;
    }
}
