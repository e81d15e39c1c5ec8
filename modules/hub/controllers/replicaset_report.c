/* SPDX-License-Identifier: Apache-2.0 */
/* Says how far a ManifestWorkReplicaSet is, for each of its placementRefs. */
#include "controllers/replicaset.h"

#include "controllers/standing.h"

#include "base/clock.h"
#include "base/text.h"
#include "meta/meta.h"

#include <string.h>

#define MOST_NAMED 3
#define MOST_WORDS 2000

/* ---- Counts ---------------------------------------------------------------------- */

static struct node *sum_works(const struct rollout *r, const struct work_rows *works,
                              size_t desired)
{
    struct arena *arena = r->run->arena;
    struct node *summary = node_map(arena);
    struct standing_summary sum = {0};

    for (size_t i = 0; i < works->count; i++)
        standing_add(&sum, works->rows[i], rows_is_wanted(r->run->all, r->set, works->rows[i]));
    node_set_int(arena, summary, "total", (int64_t)sum.total);
    node_set_int(arena, summary, "desiredTotal", (int64_t)desired);
    node_set_int(arena, summary, "updated", (int64_t)sum.updated);
    node_set_int(arena, summary, "applied", (int64_t)sum.applied);
    node_set_int(arena, summary, "available", (int64_t)sum.available);
    node_set_int(arena, summary, "progressing", (int64_t)sum.progressing);
    node_set_int(arena, summary, "degraded", (int64_t)sum.degraded);
    return summary;
}

static const struct placement_place *find_place_of(const struct rollout *r, const char *cluster)
{
    size_t low = 0, high = r->advance.place_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(r->advance.places[middle].cluster, cluster);

        if (!order)
            return &r->advance.places[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The works there are now by the ref that wants them; those that none wants are last. */
static struct work_rows *sort_works(const struct rollout *r)
{
    struct arena *arena = r->run->arena;
    struct work_rows works = spokes_works(r->run, r->run->namespace, r->run->name);
    size_t refs = r->advance.ref_count;
    struct work_rows *lists = arena_alloc(arena, (refs + 1) * sizeof *lists);

    for (size_t i = 0; i <= refs; i++)
        lists[i] =
            (struct work_rows){arena_alloc(arena, (works.count + 1) * sizeof *lists[i].rows), 0};
    for (size_t i = 0; i < works.count; i++) {
        const struct placement_place *place = find_place_of(r, works.rows[i]->head.cluster);
        size_t ref = place && place->ref < refs ? place->ref : refs;

        lists[ref].rows[lists[ref].count++] = works.rows[i];
    }
    return lists;
}

/* OCM's "G (n / m clusters applied)": groups that are done, and clusters. */
static char *group_words(const struct rollout *r, size_t ref, int64_t applied)
{
    size_t done = 0;

    for (size_t g = 0; g < r->advance.refs[ref].group_count; g++) {
        const struct placement_rollout_group *group = &r->advance.refs[ref].groups[g];
        bool whole = true;

        for (size_t k = 0; k < group->count; k++) {
            const struct placement_place *place = find_place_of(r, group->clusters[k]);

            whole = whole && (place->ref != ref || place->state == PLACE_DONE);
        }
        done += whole && group->count;
    }
    return arena_printf(r->run->arena, "%zu (%lld / %zu clusters applied)", done,
                        (long long)applied, r->advance.refs[ref].chosen);
}

/* ---- Words -------------------------------------------------------------------------- */

static void add_time(struct text *out, const char *before, int64_t at)
{
    char time[CLOCK_TEXT];

    if (!at)
        return;
    clock_format(at, false, time);
    text_addf(out, "%s%s", before, time);
}

static void say_progress(struct text *out, const struct placement_place *place, bool slow)
{
    if (place->silent_since)
        add_time(out, " is silent since ", place->silent_since);
    else
        add_time(out, " received it ", place->step == STEP_WRITE ? 0 : place->written);
    if (!place->silent_since && place->step == STEP_WRITE)
        text_add(out, " receives it now");
    add_time(out, ", it counts as failed at ", place->until);
    if (slow && !place->until)
        text_add(out, ", and no progressDeadline ends the wait");
}

/* Why it is not done there; false: it is done, or only waits for the others. */
static bool say_place(struct text *out, const struct placement_place *place, bool slow)
{
    switch (place->state) {
    case PLACE_IN_PROGRESS:
        text_add(out, place->cluster);
        say_progress(out, place, slow);
        return true;
    case PLACE_SOAKING:
        text_add(out, place->cluster);
        add_time(out, " has it, on probation until ", place->until);
        return true;
    case PLACE_FAILED:
        text_addf(out, "%s failed", place->cluster);
        add_time(out, ", and may recover until ", place->until);
        return true;
    case PLACE_TIMED_OUT:
        text_addf(out, "%s was not done within progressDeadline", place->cluster);
        add_time(out, ", it is silent since ", place->silent_since);
        return true;
    case PLACE_SILENT:
        text_add(out, place->cluster);
        add_time(out, " is skipped: silent since ", place->silent_since);
        return true;
    case PLACE_BLOCKED:
        text_addf(out, "%s cannot get it: %s", place->cluster, place->blocked);
        return true;
    default:
        return false;
    }
}

static void say_places(struct text *out, const struct rollout *r, size_t ref)
{
    const char *type = node_get_text(r->advance.refs[ref].strategy, "type");
    bool slow = *type && strcmp(type, "All");
    size_t named = 0, more = 0;

    for (size_t i = 0; i < r->advance.place_count; i++) {
        scoped_text struct text one = {0};

        if (r->advance.places[i].ref != ref || !say_place(&one, &r->advance.places[i], slow))
            continue;
        if (named < MOST_NAMED)
            text_addf(out, "; %s", text_string(&one));
        *(named < MOST_NAMED ? &named : &more) += 1;
    }
    if (more)
        text_addf(out, "; and %zu more", more);
}

static void say_ref(struct text *out, const struct rollout *r, size_t i)
{
    const struct placement_ref *ref = &r->advance.refs[i];

    if (out->len)
        text_add(out, "; ");
    if (r->advance.ref_count > 1)
        text_addf(out, "%s: ", ref->name);
    if (r->undecided[i]) {
        text_addf(out, "%s; %zu %s", r->undecided[i], ref->chosen,
                  ref->chosen == 1 ? "work stays as it is" : "works stay as they are");
        return;
    }
    text_addf(out, "%zu of %zu clusters have it", ref->done, ref->chosen);
    if (ref->wrong)
        text_addf(out, "; the rolloutStrategy cannot be followed: %s", ref->wrong);
    if (ref->stopped)
        text_addf(out, "; stopped: %s", ref->stopped);
    say_places(out, r, i);
}

/* Works that no ref wants: which are there still, and why. */
static void say_leftovers(struct text *out, const struct rollout *r, const struct work_rows *works)
{
    size_t named = 0, more = 0;

    for (size_t i = 0; i < works->count; i++) {
        const struct work_row *work = works->rows[i];
        const struct placement_place *place = find_place_of(r, work->head.cluster);

        if (named == MOST_NAMED) {
            more++;
            continue;
        }
        named++;
        text_addf(out, "; %s, which is not chosen any more, ", work->head.cluster);
        if (work->deleting)
            text_add(out, "has not removed it yet");
        else
            text_addf(out, "keeps it until %s",
                      r->advance.kept ? r->advance.kept : "the next step");
        if (place)
            add_time(out, " and is silent since ", place->silent_since);
    }
    if (more)
        text_addf(out, "; and %zu more", more);
}

/* ---- Conditions ------------------------------------------------------------------------ */

struct totals {
    size_t chosen, done, left;
    const char *undecided, *stopped, *wrong;
    bool found, rolled, well;
    char *words;
};

static void count_totals(const struct rollout *r, const struct work_rows *lists, struct totals *ret)
{
    scoped_text struct text words = {0};
    size_t refs = r->advance.ref_count;

    *ret = (struct totals){.left = lists[refs].count};
    for (size_t i = 0; i < refs; i++) {
        const struct placement_ref *ref = &r->advance.refs[i];

        ret->chosen += ref->chosen;
        ret->done += ref->done;
        ret->undecided = ret->undecided ? ret->undecided : r->undecided[i];
        ret->stopped = ret->stopped ? ret->stopped : ref->stopped;
        ret->wrong = ret->wrong ? ret->wrong : ref->wrong;
        say_ref(&words, r, i);
    }
    say_leftovers(&words, r, &lists[refs]);
    ret->words = words.len > MOST_WORDS
                     ? arena_printf(r->run->arena, "%.*s…", MOST_WORDS, text_string(&words))
                     : arena_string(r->run->arena, text_string(&words));
    ret->found = ret->chosen && !ret->undecided;
    ret->rolled = ret->found && !ret->wrong && ret->done == ret->chosen && !ret->left;
}

static void set_conditions(const struct rollout *r, struct node *status,
                           const struct totals *totals)
{
    struct arena *arena = r->run->arena;
    const struct node *old = meta_conditions(r->set);
    const char *empty = totals->undecided ? "PlacementDecisionNotFound" : "PlacementDecisionEmpty";
    const struct meta_condition conditions[] = {
        {"PlacementVerified", totals->found ? "True" : "False",
         totals->found ? "AsExpected" : empty,
         totals->found ? ""
         : !totals->undecided
             ? "no cluster is chosen"
             : arena_printf(arena, "%s; what is there stays as it is", totals->undecided)},
        {"PlacementRolledOut", totals->rolled ? "True" : "False",
         totals->rolled    ? "Complete"
         : totals->wrong   ? "InvalidStrategy"
         : totals->stopped ? "TooManyFailures"
         : r->taken        ? "NameTaken"
                           : "Progressing",
         totals->words},
        {"ManifestworkApplied", totals->well ? "True" : "False",
         totals->well    ? "AsExpected"
         : totals->found ? "Processing"
                         : empty,
         totals->words},
    };

    for (size_t i = 0; i < count_of(conditions); i++)
        meta_condition_set(arena, status, old, &conditions[i], meta_generation(r->set),
                           r->run->now);
}

static void set_move(const struct rollout *r, struct node *status)
{
    const struct placement_move *move = &r->advance.move;
    char time[CLOCK_TEXT];
    struct node *one;

    node_remove(status, "move");
    if (!move->since)
        return;
    clock_format(move->since, false, time);
    one = node_make(r->run->arena, status, "move");
    node_set_text(r->run->arena, one, "since", time);
    node_set_int(r->run->arena, one, "running", move->running);
}

/* The sum of the refs' counts: each cluster belongs to one of them. */
static struct node *sum_up_rows(struct arena *arena, const struct node *rows)
{
    struct node *sum = node_map(arena);

    for (size_t i = 0; i < node_count(rows); i++)
        node_each(member, node_get(node_item(rows, i), "summary"))
            node_set_int(arena, sum, member->key,
                         node_get_int(sum, member->key, 0) +
                             node_get_int(node_get(node_item(rows, i), "summary"), member->key, 0));
    return sum;
}

int replicaset_report(struct rollout *r, struct err *err)
{
    struct arena *arena = r->run->arena;
    struct node *status = meta_copy_status(arena, r->seen.node);
    const struct work_rows *lists = sort_works(r);
    struct node *rows = node_list(arena), *summary;
    struct totals totals;

    for (size_t i = 0; i < r->advance.ref_count; i++) {
        struct node *row = node_map(arena);
        struct node *one = sum_works(r, &lists[i], r->advance.refs[i].chosen);

        node_set_text(arena, row, "name", r->advance.refs[i].name);
        node_set_text(arena, row, "availableDecisionGroups",
                      group_words(r, i, node_get_int(one, "applied", 0)));
        node_set(arena, row, "summary", one);
        node_add(arena, rows, row);
    }
    summary = sum_up_rows(arena, rows);
    node_set(arena, status, "summary", summary);
    node_set(arena, status, "placementSummary", rows);
    count_totals(r, lists, &totals);
    totals.well = totals.rolled && !node_get_int(summary, "degraded", 0) &&
                  node_get_int(summary, "available", 0) == (int64_t)totals.chosen;
    set_conditions(r, status, &totals);
    set_move(r, status);
    return reconcile_status(r->run, &r->seen, status, NULL, err);
}

int replicaset_report_removal(struct rollout *r, const struct work_rows *works, struct err *err)
{
    struct arena *arena = r->run->arena;
    struct node *status = meta_copy_status(arena, r->seen.node);
    scoped_text struct text words = {0};
    struct meta_condition condition = {"PlacementRolledOut", "False", "Removing", ""};

    text_addf(&words, "it is being deleted; %zu %s must still remove it", works->count,
              works->count == 1 ? "cluster" : "clusters");
    for (size_t i = 0; i < works->count && i < MOST_NAMED; i++) {
        const struct placement_place *place = find_place_of(r, works->rows[i]->head.cluster);

        text_addf(&words, "%s %s", i ? "," : ":", works->rows[i]->head.cluster);
        if (place)
            add_time(&words, ", silent since ", place->silent_since);
    }
    condition.message = text_string(&words);
    meta_condition_set(arena, status, meta_conditions(r->set), &condition, meta_generation(r->set),
                       r->run->now);
    return reconcile_status(r->run, &r->seen, status, NULL, err);
}
