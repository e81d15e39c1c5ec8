/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps all objects of a kind in order, published ones and staged ones. */

#include "objects/keeper.h"

#include "base/text.h"

#include <assert.h>
#include <string.h>

struct table *table_of(const struct keeper *keeper, const struct kind *kind)
{
    return map_get(keeper->tables, kind->store_kind);
}

static int compare_key(const struct object *object, const char *namespace, const char *name)
{
    int order = strcmp(object->namespace, namespace);

    return order ? order : strcmp(object->name, name);
}

size_t table_seek(const struct table *table, const char *namespace, const char *name)
{
    size_t low = 0, high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_key(table->items[middle], namespace, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct object *table_published(const struct table *table, const char *namespace, const char *name)
{
    size_t at = table_seek(table, namespace, name);

    return at < table->count && !compare_key(table->items[at], namespace, name) ? table->items[at]
                                                                                : NULL;
}

struct object *table_find(const struct table *table, enum objects_view view, const char *namespace,
                          const char *name)
{
    if (view == OBJECTS_STAGED && map_count(table->staged)) {
        scoped_mem char *key = mem_printf("%s/%s", namespace, name);
        const struct pending *pending = map_get(table->staged, key);

        if (pending)
            return pending->after;
    }
    return table_published(table, namespace, name);
}

static void make_item_room(struct table *table)
{
    if (table->count < table->room)
        return;
    table->room = table->room ? table->room * 2 : 16;
    table->items = mem_resize_array(table->items, table->room, sizeof(*table->items));
}

void table_append(struct table *table, struct object *object)
{
    assert(!table->count ||
           compare_key(table->items[table->count - 1], object->namespace, object->name) < 0);
    make_item_room(table);
    table->items[table->count++] = object;
}

void table_set(struct table *table, const char *namespace, const char *name, struct object *after)
{
    size_t at = table_seek(table, namespace, name);
    bool there = at < table->count && !compare_key(table->items[at], namespace, name);

    if (there && after) {
        object_drop(&table->items[at]);
        table->items[at] = after;
    } else if (there) {
        object_drop(&table->items[at]);
        memmove(table->items + at, table->items + at + 1,
                (table->count - at - 1) * sizeof(*table->items));
        table->count--;
    } else if (after) {
        make_item_room(table);
        memmove(table->items + at + 1, table->items + at,
                (table->count - at) * sizeof(*table->items));
        table->items[at] = after;
        table->count++;
    }
}

/* Of the versions of a kind, the one in which it is stored names the table. */
void tables_make(struct keeper *keeper)
{
    size_t count = kinds_count(keeper->kinds);

    keeper->all = mem_alloc((count + 1) * sizeof(*keeper->all));
    for (size_t i = 0; i < count; i++) {
        const struct kind *kind = kinds_at(keeper->kinds, i);
        struct table *table;

        if (kind->is_question || map_get(keeper->tables, kind->store_kind))
            continue;
        table = mem_alloc(sizeof(*table));
        table->staged = map_new();
        map_put(keeper->tables, kind->store_kind, table);
        keeper->all[keeper->table_count++] = table;
        for (size_t j = i; j < count; j++) {
            const struct kind *row = kinds_at(keeper->kinds, j);

            if (text_same(row->store_kind, kind->store_kind) &&
                text_same(row->version, row->stored_version) &&
                text_same(row->group, row->stored_group))
                table->kind = row;
        }
        if (!table->kind)
            table->kind = kind;
    }
}

static void free_table(struct table *table)
{
    struct listener *listener;

    assert(!table->watches);
    for (size_t i = 0; i < table->count; i++)
        object_drop(&table->items[i]);
    mem_free(&table->items);
    map_free(&table->staged);
    while ((listener = table->listeners)) {
        table->listeners = listener->next;
        mem_free(&listener);
    }
    mem_free(&table);
}

void tables_free(struct keeper *keeper)
{
    for (size_t i = 0; i < keeper->table_count; i++)
        free_table(keeper->all[i]);
    mem_free(&keeper->all);
    map_free(&keeper->tables);
}

int table_not_found(const struct kind *kind, const char *name, struct err *err)
{
    return err_set(err, ERR_NOT_FOUND, "%s \"%s\" not found", kind->resource, name);
}

/* Published objects of one namespace are neighbours in `items`; `staged` has no order. */
static bool has_space(const struct table *table, const char *namespace)
{
    size_t at = table_seek(table, namespace, ""), staged = 0;
    const struct pending *pending;

    if (at < table->count && !strcmp(table->items[at]->namespace, namespace))
        return true;
    while ((pending = map_next(table->staged, &staged, NULL)))
        if (pending->after && !strcmp(pending->after->namespace, namespace))
            return true;
    return false;
}

bool objects_space_is_empty(const struct objects *objects, const char *namespace)
{
    const struct keeper *keeper = &objects->keeper;

    for (size_t i = 0; i < keeper->table_count; i++)
        if (has_space(keeper->all[i], namespace))
            return false;
    return true;
}
