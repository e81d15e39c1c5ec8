/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the rows of ManifestWorks and Workloads, by name and cluster. */
#include "controllers/rows.h"

#include "base/map.h"
#include "base/text.h"
#include "controllers/parse.h"
#include "meta/meta.h"

#include <string.h>

/* Verdicts about more different specs than that are not remembered. */
#define MOST_VERDICTS 64

/* Whether works with this spec are what their replica set wants. */
struct verdict {
    struct row_digest spec;
    bool wanted;
};

/* The objects of one name, in order of their cluster. */
struct row_set {
    struct row **rows; /* owned */
    size_t count, room;
    char *judged;             /* owned; uid and generation of the replica set that judged */
    struct verdict *verdicts; /* owned */
    size_t verdict_count;
};

struct rows {
    struct map *works, *loads; /* struct row_set by name */
    struct row *retired;
};

/* ---- One set ---------------------------------------------------------------------- */

/* Where the cluster's row is, or would be. */
static size_t find_row_place(const struct row_set *set, const char *cluster, bool *ret_there)
{
    size_t low = 0, high = set->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(set->rows[middle]->cluster, cluster);

        if (!order) {
            *ret_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_there = false;
    return low;
}

static struct row *find_row(const struct map *sets, const char *name, const char *cluster)
{
    const struct row_set *set = map_get(sets, name);
    bool there = false;
    size_t at = set ? find_row_place(set, cluster, &there) : 0;

    return there ? set->rows[at] : NULL;
}

static void retire_row(struct rows *rows, struct row *row)
{
    row->retired = rows->retired;
    rows->retired = row;
}

static void put_row(struct rows *rows, struct row_set *set, struct row *row)
{
    bool there;
    size_t at = find_row_place(set, row->cluster, &there);

    if (there) {
        retire_row(rows, set->rows[at]);
        set->rows[at] = row;
        return;
    }
    if (set->count == set->room) {
        set->room = set->room ? 2 * set->room : 1;
        set->rows = mem_resize_array(set->rows, set->room, sizeof *set->rows);
    }
    memmove(&set->rows[at + 1], &set->rows[at], (set->count - at) * sizeof *set->rows);
    set->rows[at] = row;
    set->count++;
}

static void drop_row(struct rows *rows, struct row_set *set, const char *cluster)
{
    bool there;
    size_t at = find_row_place(set, cluster, &there);

    if (!there)
        return;
    retire_row(rows, set->rows[at]);
    set->count--;
    memmove(&set->rows[at], &set->rows[at + 1], (set->count - at) * sizeof *set->rows);
}

static void free_row_set(struct row_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        mem_free(&set->rows[i]);
    mem_free(&set->rows);
    mem_free(&set->judged);
    mem_free(&set->verdicts);
    mem_free(&set);
}

/* ---- All of them -------------------------------------------------------------------- */

static void note_row(struct rows *rows, struct map *sets, const struct object *object,
                     struct row *now)
{
    struct row_set *set = map_get(sets, object->name);

    if (now && !set) {
        set = mem_alloc(sizeof *set);
        map_put(sets, object->name, set);
    }
    if (now) {
        put_row(rows, set, now);
    } else if (set) {
        drop_row(rows, set, object->namespace);
        if (!set->count)
            free_row_set(map_remove(sets, object->name));
    }
}

void rows_note(struct controllers *all, const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;
    const struct node *node;

    if (any->kind == all->kinds[KIND_ID_WORK]) {
        node = after ? controllers_read(all, after) : NULL;
        note_row(all->rows, all->rows->works, any, node ? &row_of_work(node)->head : NULL);
    } else if (any->kind == all->kinds[KIND_ID_WORKLOAD]) {
        node = after ? controllers_read(all, after) : NULL;
        note_row(all->rows, all->rows->loads, any, node ? &row_of_load(node)->head : NULL);
    }
}

void rows_retire(struct controllers *all)
{
    struct row *row;

    while ((row = all->rows->retired)) {
        all->rows->retired = row->retired;
        mem_free(&row);
    }
}

void rows_open(struct controllers *all)
{
    rows_free(all);
    all->rows = mem_alloc(sizeof *all->rows);
    all->rows->works = map_new();
    all->rows->loads = map_new();
}

void rows_free(struct controllers *all)
{
    struct rows *rows = all->rows;
    struct row_set *set;

    if (!rows)
        return;
    rows_retire(all);
    for (size_t at = 0; (set = map_next(rows->works, &at, NULL));)
        free_row_set(set);
    for (size_t at = 0; (set = map_next(rows->loads, &at, NULL));)
        free_row_set(set);
    map_free(&rows->works);
    map_free(&rows->loads);
    mem_free(&all->rows);
}

/* ---- Reading ------------------------------------------------------------------------ */

struct work_rows rows_works(struct controllers *all, struct arena *arena, const char *name)
{
    const struct row_set *set = map_get(all->rows->works, name);
    struct work_rows ret = {0};

    ret.rows = arena_alloc(arena, ((set ? set->count : 0) + 1) * sizeof *ret.rows);
    for (size_t i = 0; set && i < set->count; i++) {
        const struct work_row *row = (const struct work_row *)set->rows[i];

        if (row->labelled)
            ret.rows[ret.count++] = row;
    }
    return ret;
}

const struct work_row *rows_work(struct controllers *all, const char *name, const char *cluster)
{
    return (const struct work_row *)find_row(all->rows->works, name, cluster);
}

const struct load_row *rows_load(struct controllers *all, const char *name, const char *cluster)
{
    return (const struct load_row *)find_row(all->rows->loads, name, cluster);
}

/* ---- Whether a work is what is wanted -------------------------------------------------- */

/* Verdicts are of one generation of one replica set. */
static void begin_verdicts(struct row_set *of, const struct node *set)
{
    scoped_mem char *judge = mem_printf("%s/%lld", meta_uid(set), (long long)meta_generation(set));

    if (of->judged && !strcmp(of->judged, judge))
        return;
    mem_free(&of->judged);
    of->judged = take(judge);
    of->verdict_count = 0;
}

static void remember_verdict(struct row_set *of, const struct row_digest *spec, bool wanted)
{
    if (of->verdict_count == MOST_VERDICTS)
        return;
    of->verdicts = mem_resize_array(of->verdicts, of->verdict_count + 1, sizeof *of->verdicts);
    of->verdicts[of->verdict_count++] = (struct verdict){*spec, wanted};
}

static bool judge_spec(struct controllers *all, const struct node *set, const struct work_row *work)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_object struct object *object =
        objects_get(all->objects, OBJECTS_STAGED, all->kinds[KIND_ID_WORK], work->head.cluster,
                    work->name, NULL);

    return object && standing_is_wanted(controllers_parse(all, arena, object),
                                        node_at(set, "spec", "manifestWorkTemplate", NULL));
}

bool rows_is_wanted(struct controllers *all, const struct node *set, const struct work_row *work)
{
    struct row_set *of = map_get(all->rows->works, work->name);
    bool wanted;

    if (!of)
        return false;
    begin_verdicts(of, set);
    for (size_t i = 0; i < of->verdict_count; i++)
        if (row_digest_same(&of->verdicts[i].spec, &work->spec))
            return of->verdicts[i].wanted;
    /* One that was replaced since: the object is another now. */
    if (rows_work(all, work->name, work->head.cluster) != work)
        return false;
    wanted = judge_spec(all, set, work);
    remember_verdict(of, &work->spec, wanted);
    return wanted;
}

/* ---- The full recount ------------------------------------------------------------------ */

struct recount {
    struct controllers *all;
    struct text *why;
    size_t works, loads;
};

static void add_untrue(struct recount *recount, const struct object *object, const char *field)
{
    if (field && !recount->why->len)
        text_addf(recount->why, "the row of the %s %s/%s is not true: %s", object->kind->kind,
                  object->namespace, object->name, field);
}

static void recount_work(void *arg, const struct object *object)
{
    struct recount *recount = arg;
    scoped_arena struct arena *arena = arena_new();
    scoped_mem struct work_row *now = row_of_work(object_read(arena, object));
    const struct work_row *kept = rows_work(recount->all, object->name, object->namespace);

    recount->works++;
    add_untrue(recount, object, kept ? row_work_difference(kept, now) : "it is missing");
}

static void recount_load(void *arg, const struct object *object)
{
    struct recount *recount = arg;
    scoped_arena struct arena *arena = arena_new();
    scoped_mem struct load_row *now = row_of_load(object_read(arena, object));
    const struct load_row *kept = rows_load(recount->all, object->name, object->namespace);

    recount->loads++;
    add_untrue(recount, object, kept ? row_load_difference(kept, now) : "it is missing");
}

static size_t count_rows(const struct map *sets)
{
    const struct row_set *set;
    size_t count = 0;

    for (size_t at = 0; (set = map_next(sets, &at, NULL));)
        count += set->count;
    return count;
}

bool rows_are_true(struct controllers *all, struct text *why)
{
    struct recount recount = {all, why, 0, 0};
    size_t works = count_rows(all->rows->works), loads = count_rows(all->rows->loads);

    objects_each(all->objects, OBJECTS_STAGED, all->kinds[KIND_ID_WORK], "", recount_work,
                 &recount);
    objects_each(all->objects, OBJECTS_STAGED, all->kinds[KIND_ID_WORKLOAD], "", recount_load,
                 &recount);
    if (!why->len && (works != recount.works || loads != recount.loads))
        text_addf(why, "%zu rows of ManifestWorks and %zu of Workloads for %zu and %zu objects",
                  works, loads, recount.works, recount.loads);
    return !why->len;
}
