/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and closes the works of a spoke, and does what concerns all of them. */
#include "works/cluster_rows.h"
#include "works/gather.h"
#include "works/report.h"

#include "base/map.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "storage/storage.h"

#include <string.h>

/* ---- What the cluster says ------------------------------------------------------- */

/* The work may be freed by this: its last pod may be gone. */
static void on_cluster_change(void *arg, const char *owner)
{
    struct works *works = object_from(works, WORKS_TAG, arg);
    struct work *work = work_find(works, owner);

    storage_check_disk(works->storage);
    if (work)
        lifecycle_proceed(work);
}

static const char *find_project(void *arg, const char *owner)
{
    struct works *works = object_from(works, WORKS_TAG, arg);
    const struct work *work = work_find(works, owner);

    return work ? work_project(work) : "";
}

static void on_cluster_event(void *arg, const struct cluster_event *event)
{
    works_event(object_from(works, WORKS_TAG, arg), event);
}

/* ---- Life ------------------------------------------------------------------------ */

static int open_works_cluster(struct works *works, const struct works_settings *settings,
                              struct err *err)
{
    struct cluster_options options = *settings->cluster_options;

    options.keep = cluster_rows_keep(works->storage);
    options.on_change = on_cluster_change;
    options.on_event = on_cluster_event;
    options.project_of = find_project;
    options.arg = works;
    return cluster_open(settings->cluster, &options, &works->cluster, err);
}

/* What runs and has no row is a work all the same, whose object the hub's list brings. */
static void adopt_works(struct works *works)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *owners = cluster_owners(works->cluster, arena);
    struct work *work;
    size_t at = 0;

    for (size_t i = 0; i < node_count(owners); i++)
        if (!work_find(works, node_text(node_item(owners, i))))
            work_new(works, node_text(node_item(owners, i)));
    while ((work = map_next(works->by_name, &at, NULL)))
        if (work->phase == WORK_LEAVING)
            cluster_remove(works->cluster, work->name);
        else if (work->phase == WORK_APPLIED && !cluster_report(works->cluster, arena, work->name))
            work_move(work, WORK_GATHERING); /* its row is there, the cluster's is not */
}

static void resume_evictions(struct works *works)
{
    struct work *work;
    size_t at = 0;

    while ((work = map_next(works->by_name, &at, NULL)))
        if (work->evicting)
            lifecycle_evict_later(work);
}

int works_open(const struct works_settings *settings, struct works **ret, struct err *err)
{
    struct works *works = mem_alloc(sizeof *works);

    works->tag = WORKS_TAG;
    works->hub = settings->hub;
    works->loop = settings->loop;
    works->storage = settings->storage;
    works->name = mem_copy_string(settings->name);
    works->hub_address = mem_copy_string(settings->hub_address);
    works->eviction = settings->eviction;
    works->by_name = map_new();
    works->need_ended = lifecycle_need_ended;
    if (kept_work_load_all(works, err) < 0 || open_works_cluster(works, settings, err) < 0) {
        works_close(&works);
        return -1;
    }
    resume_evictions(works);
    adopt_works(works);
    mem_trim();
    *ret = works;
    return 0;
}

void works_close(struct works **at)
{
    struct works *works = take(*at);
    struct work *work;
    size_t next = 0;

    if (!works)
        return;
    bundle_close(works);
    cluster_close(&works->cluster);
    while ((work = map_next(works->by_name, &next, NULL)))
        work_free(work);
    map_free(&works->by_name);
    events_free(&works->events);
    mem_free(&works->name);
    mem_free(&works->hub_address);
    works->tag = 0;
    mem_free(&works);
}

struct cluster *works_cluster(struct works *works)
{
    return works->cluster;
}

/* ---- What the hub says ----------------------------------------------------------- */

void works_take(struct works *works, const char *name, const struct node *object)
{
    lifecycle_take(works, name, object);
}

/* By name, since taking leave of one frees it. */
static struct node *list_names(const struct works *works, struct arena *arena,
                               const struct map *without)
{
    struct node *list = node_list(arena);
    const char *name;
    size_t at = 0;

    while (map_next(works->by_name, &at, &name))
        if (!without || !map_get(without, name))
            node_add(arena, list, node_string(arena, name));
    return list;
}

void works_take_missing(struct works *works, const struct map *listed)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *gone = list_names(works, arena, listed);

    for (size_t i = 0; i < node_count(gone); i++)
        lifecycle_take(works, node_text(node_item(gone, i)), NULL);
}

void works_end(struct works *works)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *list = list_names(works, arena, NULL);

    for (size_t i = 0; i < node_count(list); i++) {
        struct work *work = work_find(works, node_text(node_item(list, i)));

        if (work)
            lifecycle_end(work);
    }
}

void works_report(struct works *works)
{
    struct work *work;
    size_t at = 0;

    while ((work = map_next(works->by_name, &at, NULL)))
        report_work(work);
}

void works_forget_generations(struct works *works)
{
    struct work *work;
    size_t at = 0;

    while ((work = map_next(works->by_name, &at, NULL)))
        work->generation = -1;
}

int64_t works_newest_revision(const struct works *works)
{
    struct work *work;
    int64_t newest = 0;
    size_t at = 0;

    /* One that vanished is of before: the hub does not know it any more. */
    while ((work = map_next(works->by_name, &at, NULL)))
        if (work_revision(work) > newest && !work->evicting)
            newest = work_revision(work);
    return newest;
}

/* ---- Facts ----------------------------------------------------------------------- */

void works_facts_changed(struct works *works)
{
    struct work *work;
    size_t at = 0;

    while ((work = map_next(works->by_name, &at, NULL))) {
        if (work->phase == WORK_LEAVING || work->phase == WORK_FOUND ||
            (work->phase == WORK_APPLIED && !work->values && !work->failed))
            continue;
        /* The same values again are the same set, for which the cluster does nothing. */
        lifecycle_begin(work);
    }
}

bool works_use_facts(const struct works *works)
{
    struct work *work;
    size_t at = 0;

    while ((work = map_next(works->by_name, &at, NULL)))
        if (work->values || work->failed)
            return true;
    return false;
}

/* ---- A disk that can be written again -------------------------------------------- */

void works_keep_again(struct works *works)
{
    struct work *work;
    size_t at = 0;

    kept_work_delete_stale(works);
    /* What is not applied has the row of the version that is. */
    while ((work = map_next(works->by_name, &at, NULL)))
        if (work_is_applied(work) || work->evicting)
            kept_work_put(work);
    cluster_keep_again(works->cluster);
}

void works_disk_well(struct works *works)
{
    struct work *work;
    size_t at = 0;

    while ((work = map_next(works->by_name, &at, NULL)))
        if (work->phase == WORK_TROUBLED && !strcmp(work->trouble_reason, WORKS_DISK_PRESSURE)) {
            loop_backoff_reset(&work->backoff);
            lifecycle_begin(work);
        }
}

void works_hub_back(struct works *works)
{
    struct work *work;
    size_t at = 0;

    while ((work = map_next(works->by_name, &at, NULL)))
        if (work->phase == WORK_TROUBLED && !(!strcmp(work->trouble_reason, WORKS_DISK_PRESSURE) &&
                                              storage_pressure(works->storage)))
            lifecycle_begin(work);
}

/* ---- Counted and described ------------------------------------------------------- */

size_t works_count(const struct works *works)
{
    return map_count(works->by_name);
}

bool works_are_gone(struct works *works)
{
    return !map_count(works->by_name) && cluster_is_empty(works->cluster);
}

struct node *works_describe(struct works *works, struct arena *arena)
{
    struct node *list = node_list(arena);
    struct work *work;
    size_t at = 0;

    while ((work = map_next(works->by_name, &at, NULL)))
        node_add(arena, list, inventory_work(work, arena));
    return list;
}
