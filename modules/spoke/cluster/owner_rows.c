/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps owners on disk: their rows are staged, made durable, and staged again after a full disk. */

#include "cluster/inventory.h"

#include "base/clock.h"
#include "base/log.h"

#include <string.h>

/* ---- Rows -------------------------------------------------------------------------------- */

void owner_stage(struct cluster_owner *owner, const struct node *set)
{
    scoped_text struct text out = {0};
    const struct cluster_keep *keep = &owner->cluster->options.keep;
    scoped_mem char *name = mem_printf(OWNER_ROW "%s", owner->name);

    if (!set) {
        keep->remove(keep->arg, name);
        return;
    }
    document_write_json(&out, set);
    keep->put(keep->arg, name, out.bytes, out.len);
}

struct node *owner_add_row_item(struct arena *arena, struct node *items,
                                const struct cluster_manifest *item)
{
    struct node *row = node_map(arena);

    node_set(arena, row, "object", (struct node *)item->object);
    if (item->strategy)
        node_set_int(arena, row, "strategy", item->strategy);
    if (item->phase)
        node_set_int(arena, row, "phase", item->phase);
    if (item->orphan)
        node_set_bool(arena, row, "orphan", true);
    node_add(arena, items, row);
    return row;
}

/* All orphans are one row; each remembers its project. */
void owner_stage_orphans(struct cluster *cluster)
{
    scoped_arena struct arena *arena = arena_new();
    struct cluster_owner *owner = owner_get(cluster, CLUSTER_ORPHANS);
    struct node *kept = node_map(arena), *items = node_make_list(arena, kept, "items");
    struct cluster_object *object;
    size_t at = 0;

    while ((object = map_next(cluster->objects, &at, NULL)))
        if (object->owner == owner && !object->removing)
            node_set_text(arena,
                          owner_add_row_item(arena, items,
                                             &(struct cluster_manifest){.object = object->object}),
                          "project", object->project);
    owner->committed = true;
    owner_stage(owner, node_count(items) ? kept : NULL);
}

/* ---- Making them durable --------------------------------------------------------------------- */

struct keeping_owner {
    struct cluster *cluster;
    char *owner; /* owned */
};

/* Logged once for each reason, since it is tried again every second. */
static void tell_unkept(struct cluster_owner *owner, const char *why)
{
    if (owner->unkept && !strcmp(owner->unkept, why))
        return;
    log_warn("cluster", "%s cannot be kept, and waits until it can: %s", owner->name, why);
    mem_free(&owner->unkept);
    owner->unkept = mem_copy_string(why);
    owner->dirty = true;
    cluster_wake(owner->cluster);
}

/* The owner may be gone, or the cluster closing, when the commit is answered. */
static void on_owner_kept(void *arg, const struct err *err)
{
    struct keeping_owner *keeping = arg;
    struct cluster *cluster = keeping->cluster;
    struct cluster_owner *owner =
        cluster->closing ? NULL : map_get(cluster->owners, keeping->owner);

    if (owner && err && err->code) {
        tell_unkept(owner, err->text);
        loop_timer_set(cluster->retry, CLOCK_SECOND);
    } else if (owner) {
        mem_free(&owner->unkept);
        owner->committed = true;
        owner_touch(owner); /* what was looked at meanwhile was not started */
    }
    mem_free(&keeping->owner);
    mem_free(&keeping);
}

void owner_commit(struct cluster_owner *owner)
{
    const struct cluster_keep *keep = &owner->cluster->options.keep;
    struct keeping_owner *keeping = mem_alloc(sizeof *keeping);

    *keeping = (struct keeping_owner){owner->cluster, mem_copy_string(owner->name)};
    owner->committed = false;
    keep->commit(keep->arg, on_owner_kept, keeping);
}

void owner_retry(void *arg)
{
    struct cluster *cluster = arg;
    struct cluster_owner *owner;
    size_t at = 0;

    while ((owner = map_next(cluster->owners, &at, NULL)))
        if (!owner->committed) {
            owner_stage(owner, owner->removing ? NULL : owner->kept);
            owner_commit(owner);
        }
}

/* ---- Kept again -------------------------------------------------------------------- */

struct rows_kept {
    struct cluster *cluster;
    struct arena *arena;
    struct node *stale; /* names of rows whose owner or result is no more */
};

static void find_stale_row(void *arg, const char *name, const void *bytes, size_t len)
{
    struct rows_kept *rows = arg;
    const struct cluster_owner *owner = NULL;
    const struct cluster_object *object = NULL;

    if (text_starts(name, OWNER_ROW))
        owner = map_get(rows->cluster->owners, name + strlen(OWNER_ROW));
    if (text_starts(name, STATE_ROW))
        object = map_get(rows->cluster->objects, name + strlen(STATE_ROW));
    if ((owner && owner->kept && !owner->removing) || (object && object->stateful))
        return;
    node_add(rows->arena, rows->stale, node_string(rows->arena, name));
}

void cluster_keep_again(struct cluster *cluster)
{
    const struct cluster_keep *keep = &cluster->options.keep;
    scoped_arena struct arena *arena = arena_new();
    struct rows_kept rows = {cluster, arena, node_list(arena)};
    struct cluster_owner *owner;
    struct cluster_object *object;
    size_t at = 0;

    pods_keep_again(cluster->pods);
    keep->each(keep->arg, find_stale_row, &rows);
    for (size_t i = 0; i < node_count(rows.stale); i++)
        keep->remove(keep->arg, node_text(node_item(rows.stale, i)));
    while ((owner = map_next(cluster->owners, &at, NULL)))
        if (owner->kept && !owner->removing)
            owner_stage(owner, owner->kept);
    if (map_get(cluster->owners, CLUSTER_ORPHANS))
        owner_stage_orphans(cluster);
    at = 0;
    while ((object = map_next(cluster->objects, &at, NULL)))
        if (object->stateful)
            state_keep(object, NULL, NULL);
}
