/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes metadata.managedFields: which manager owns which fields. */
#include "patch/internal.h"

#include <stdlib.h>
#include <string.h>

/* More managers that only update than this are merged into one. */
#define UPDATERS_MAX 10
#define ANCIENT "ancient-changes"

/* The identity of a manager, and the order of managers: upstream's JSON of an
   entry. An applier is the same manager in every version of the API. */
static void set_id(struct arena *arena, struct managed_entry *entry)
{
    struct node *id = node_map(arena);

    if (*entry->manager)
        node_set_text(arena, id, "manager", entry->manager);
    if (*entry->operation)
        node_set_text(arena, id, "operation", entry->operation);
    if (!entry->applied)
        node_set_text(arena, id, "apiVersion", entry->api_version);
    if (*entry->subresource)
        node_set_text(arena, id, "subresource", entry->subresource);
    entry->id = document_json(arena, id);
}

static bool read_managed_entry(struct arena *arena, const struct node *node,
                               struct managed_entry *ret)
{
    bool bad = false;

    *ret = (struct managed_entry){
        .manager = node_get_text(node, "manager"),
        .operation = node_get_text(node, "operation"),
        .api_version = node_get_text(node, "apiVersion"),
        .subresource = node_get_text(node, "subresource"),
        .time = node_get_text(node, "time"),
        .applied = !strcmp(node_get_text(node, "operation"), "Apply"),
    };
    if (!ret->applied && strcmp(ret->operation, "Update") != 0)
        return false;
    if (strcmp(node_get_text(node, "fieldsType"), "FieldsV1") != 0)
        return false;
    if (node_get(node, "fieldsV1"))
        ret->set = field_set_read(arena, node_get(node, "fieldsV1"), &bad);
    set_id(arena, ret);
    return !bad;
}

void managed_read(struct arena *arena, const struct node *object, struct managed *ret)
{
    const struct node *list = node_at(object, "metadata", "managedFields", NULL);

    *ret = (struct managed){0};
    for (size_t i = 0; i < node_count(list); i++) {
        struct managed_entry entry;

        /* As upstream, one invalid entry makes the whole list invalid. */
        if (!read_managed_entry(arena, node_item(list, i), &entry)) {
            *ret = (struct managed){0};
            return;
        }
        managed_put(arena, ret, &entry);
    }
}

struct managed_entry managed_entry_make(struct arena *arena, const struct patch_writer *writer,
                                        const char *manager, bool applied)
{
    struct managed_entry entry = {
        .manager = arena_string(arena, manager),
        .operation = applied ? "Apply" : "Update",
        .api_version = arena_string(arena, writer->api_version),
        .subresource = writer->subresource ? arena_string(arena, writer->subresource) : "",
        .time = writer->time ? arena_string(arena, writer->time) : "",
        .applied = applied,
    };

    set_id(arena, &entry);
    return entry;
}

struct managed_entry *managed_find(const struct managed *managed, const char *id)
{
    for (size_t i = 0; i < managed->count; i++)
        if (!strcmp(managed->entries[i].id, id))
            return &managed->entries[i];
    return NULL;
}

struct managed_entry *managed_put(struct arena *arena, struct managed *managed,
                                  const struct managed_entry *entry)
{
    struct managed_entry *same = managed_find(managed, entry->id);

    if (same) {
        *same = *entry;
        return same;
    }
    if (managed->count == managed->room) {
        size_t room = managed->room ? managed->room * 2 : 8;
        struct managed_entry *entries = arena_alloc(arena, room * sizeof *entries);

        if (managed->count)
            memcpy(entries, managed->entries, managed->count * sizeof *entries);
        managed->entries = entries;
        managed->room = room;
    }
    managed->entries[managed->count] = *entry;
    return &managed->entries[managed->count++];
}

void managed_drop_empty(struct managed *managed)
{
    size_t kept = 0;

    for (size_t i = 0; i < managed->count; i++)
        if (!field_set_empty(managed->entries[i].set))
            managed->entries[kept++] = managed->entries[i];
    managed->count = kept;
}

/* ---- Old updaters ------------------------------------------------------- */

/* Times are RFC 3339 in UTC, so their order as texts is their order in time. */
static int compare_age(const void *a, const void *b)
{
    const struct managed_entry *x = *(struct managed_entry *const *)a;
    const struct managed_entry *y = *(struct managed_entry *const *)b;
    int order = strcmp(x->time, y->time);

    return order ? order : strcmp(x->id, y->id);
}

/* Merges the entry into an earlier one of the same version. */
static bool merge_ancient(struct arena *arena, struct managed_entry **oldest, size_t at)
{
    struct managed_entry *entry = oldest[at];

    for (size_t i = 0; i < at; i++) {
        struct managed_entry *bucket = oldest[i];

        if (field_set_empty(bucket->set) || strcmp(bucket->api_version, entry->api_version) != 0)
            continue;
        bucket->manager = ANCIENT;
        bucket->subresource = "";
        set_id(arena, bucket);
        bucket->set = field_set_union(arena, bucket->set, entry->set);
        bucket->time = entry->time;
        entry->set = NULL;
        return true;
    }
    return false;
}

void managed_cap(struct arena *arena, struct managed *managed)
{
    struct managed_entry **updaters = arena_alloc(arena, (managed->count + 1) * sizeof *updaters);
    size_t count = 0, left;

    for (size_t i = 0; i < managed->count; i++)
        if (!managed->entries[i].applied)
            updaters[count++] = &managed->entries[i];
    qsort(updaters, count, sizeof *updaters, compare_age);
    left = count;
    for (size_t i = 0; i < count && left > UPDATERS_MAX; i++)
        left -= merge_ancient(arena, updaters, i);
    managed_drop_empty(managed);
}

/* ---- Writing ------------------------------------------------------------ */

/* The order in which upstream writes the list: "Apply" before "Update", then by time. */
static int compare_written(const void *a, const void *b)
{
    const struct managed_entry *x = a, *y = b;
    int order = strcmp(x->operation, y->operation);

    if (!order)
        order = strcmp(x->time, y->time);
    if (!order)
        order = strcmp(x->manager, y->manager);
    if (!order)
        order = strcmp(x->api_version, y->api_version);
    return order ? order : strcmp(x->subresource, y->subresource);
}

static struct node *write_entry(struct arena *arena, const struct managed_entry *entry)
{
    struct node *node = node_map(arena);

    node_set_text(arena, node, "manager", entry->manager);
    node_set_text(arena, node, "operation", entry->operation);
    node_set_text(arena, node, "apiVersion", entry->api_version);
    if (*entry->time)
        node_set_text(arena, node, "time", entry->time);
    node_set_text(arena, node, "fieldsType", "FieldsV1");
    node_set(arena, node, "fieldsV1", field_set_write(arena, entry->set));
    if (*entry->subresource)
        node_set_text(arena, node, "subresource", entry->subresource);
    return node;
}

void managed_write(struct arena *arena, struct managed *managed, struct node *object)
{
    struct node *metadata = node_get(object, "metadata");
    struct node *list = node_list(arena);

    if (!managed->count) {
        if (node_is(metadata, NODE_MAP))
            node_remove(metadata, "managedFields");
        return;
    }
    qsort(managed->entries, managed->count, sizeof *managed->entries, compare_written);
    for (size_t i = 0; i < managed->count; i++)
        node_add(arena, list, write_entry(arena, &managed->entries[i]));
    node_set(arena, node_make(arena, object, "metadata"), "managedFields", list);
}

struct node *managed_without(struct arena *arena, const struct node *object)
{
    struct node *copy = node_is(object, NODE_MAP) ? node_share(arena, object) : node_map(arena);
    struct node *metadata = node_get(copy, "metadata");

    if (node_is(metadata, NODE_MAP)) {
        metadata = node_share(arena, metadata);
        node_remove(metadata, "managedFields");
        node_set(arena, copy, "metadata", metadata);
    }
    return copy;
}
