/* SPDX-License-Identifier: Apache-2.0 */
/* Sums a work up in conditions, from how its manifests stand. */
#include "spoke/inside.h"

#include "base/clock.h"
#include "document/document.h"
#include "meta/meta.h"
#include "work/work.h"

#include <string.h>

/* ---- Conditions --------------------------------------------------------------- */

static void add_condition(struct arena *arena, struct node *list,
                          const struct work *work, const char *type, bool is,
                          const char *reason, const char *message)
{
    struct node *made = node_map(arena);

    node_set_text(arena, made, "type", type);
    node_set_text(arena, made, "status", is ? "True" : "False");
    node_set_text(arena, made, "reason", reason);
    node_set_text(arena, made, "message", message);
    node_set_int(arena, made, "observedGeneration", work->generation);
    node_add(arena, list, made);
}

static const char *or(const char *text, const char *none)
{
    return *text ? text : none;
}

/* ---- What a work says of itself -------------------------------------------------- */

struct sum {
    struct arena *arena;
    const struct work *work;
    const struct node *report, *rows;
    const struct node *before; /* the status that was told last */
    size_t total, not_applied, not_available;
    char *applied_message, *available_message; /* of the first that is not */
    const char *bad_reason;                    /* NULL: nothing is Degraded */
    char *bad_message;
};

static char *named(struct arena *arena, const char *kind, const char *space,
                   const char *name, const char *message)
{
    return arena_printf(arena, "%s %s%s%s: %.600s", kind, space, *space ? "/" : "",
                        name, message);
}

static char *named_row(struct arena *arena, const struct node *row, const char *message)
{
    const struct node *meta = node_get(row, "resourceMeta");

    return named(arena, node_get_text(meta, "kind"), node_get_text(meta, "namespace"),
                 node_get_text(meta, "name"), message);
}

/* "1 of 3 …: Deployment lab/web: why" */
static void count_row(struct sum *sum, const struct node *row)
{
    const struct node *list = node_get(row, "conditions");
    const struct node *applied = meta_condition_find(list, "Applied");
    const struct node *available = meta_condition_find(list, "Available");

    sum->total++;
    if (strcmp(node_get_text(applied, "status"), "True") != 0 && !sum->not_applied++)
        sum->applied_message =
            named_row(sum->arena, row, node_get_text(applied, "message"));
    if (strcmp(node_get_text(available, "status"), "True") != 0 &&
        !sum->not_available++)
        sum->available_message =
            named_row(sum->arena, row, node_get_text(available, "message"));
}

/* What a person must look at: the work as a whole, one of its manifests, or
   something that a manifest became; in that order. */
static void find_bad(struct sum *sum, const struct node *objects)
{
    const struct work *work = sum->work;
    const struct node *worst = node_item(objects, 0);

    if (work->trouble) {
        sum->bad_reason = work->trouble_reason;
        sum->bad_message = work->trouble;
        return;
    }
    for (size_t i = 0; i < sum->total; i++) {
        const struct node *failure = gather_failure(work, i);

        if (!failure)
            continue;
        sum->bad_reason = node_get_text(failure, "reason");
        sum->bad_message = named_row(sum->arena, node_item(sum->rows, i),
                                     node_get_text(failure, "message"));
        return;
    }
    if (strcmp(node_get_text(worst, "health"), "Failed") != 0)
        return;
    sum->bad_reason = or(node_get_text(worst, "reason"), "Degraded");
    sum->bad_message = named(sum->arena, node_get_text(worst, "kind"),
                             node_get_text(worst, "namespace"),
                             node_get_text(worst, "name"),
                             node_get_text(worst, "message"));
}

static void add_applied(struct sum *sum, struct node *news)
{
    const struct work *work = sum->work;
    bool applied = work->applied && !sum->not_applied;

    add_condition(sum->arena, news, work, "Applied", applied,
                  applied ? "AppliedManifestWorkComplete"
                          : "AppliedManifestWorkFailed",
                  applied          ? "Apply manifest work complete"
                  : work->trouble  ? work->trouble
                  : !work->applied ? "fetching what it needs"
                                   : arena_printf(sum->arena,
                                                  "%zu of %zu manifests are not applied: %s",
                                                  sum->not_applied, sum->total,
                                                  sum->applied_message));
}

static void add_available(struct sum *sum, struct node *news, bool good)
{
    const char *message = "All resources are available";

    if (!good)
        message = sum->not_available
                      ? arena_printf(sum->arena, "%zu of %zu resources are not available: %s",
                                     sum->not_available, sum->total,
                                     sum->available_message)
                      : "not ready yet";
    add_condition(sum->arena, news, sum->work, "Available", good,
                  good ? "ResourcesAvailable" : "ResourcesNotAvailable", message);
}

/* A finished work says so; one that begins anew takes it back. */
static void add_complete(struct sum *sum, struct node *news)
{
    const struct node *old = meta_condition(sum->work->object, "Complete");
    bool done = !strcmp(node_get_text(sum->report, "phase"), "Completed");

    if (done || old)
        add_condition(sum->arena, news, sum->work, "Complete", done,
                      done ? "Completed" : "NotCompleted",
                      done ? node_get_text(sum->report, "message") : "");
}

static void set_over(struct arena *arena, struct node *news, struct node *one)
{
    for (size_t i = 0; i < node_count(news); i++)
        if (!strcmp(node_get_text(node_item(news, i), "type"), node_get_text(one, "type")))
            node_remove_item(news, i--);
    node_add(arena, news, one);
}

/* The user's own rules stand over what we would have said. */
static void add_rules(struct sum *sum, struct node *news)
{
    for (size_t i = 0; i < node_count(sum->rows); i++) {
        const struct node *list = node_get(node_item(sum->rows, i), "conditions");

        for (size_t k = 0; k < node_count(list); k++) {
            const struct node *one = node_item(list, k);
            const char *type = node_get_text(one, "type");

            if (text_starts(node_get_text(one, "reason"), "ConditionRule"))
                set_over(sum->arena, news,
                         work_aggregate(sum->arena, type, sum->rows,
                                        sum->work->generation));
        }
    }
}

/* Without what rules said that are not there any more. */
static struct node *still_meant(struct arena *arena, const struct node *old,
                                const struct node *news)
{
    struct node *left = node_list(arena);

    for (size_t i = 0; i < node_count(old); i++) {
        struct node *one = node_item(old, i);

        if (!text_starts(node_get_text(one, "reason"), "ConditionRule") ||
            meta_condition_find(news, node_get_text(one, "type")))
            node_add(arena, left, one);
    }
    return left;
}

/*
 * What the hub was told last, which the object as it was heard of may not have yet: a
 * condition that goes back and forth in that moment must not get its old time back.
 */
static const struct node *status_before(struct arena *arena, const struct work *work)
{
    const struct node *sent = work->sent_work
        ? document_read_own(arena, work->sent_work, strlen(work->sent_work), NULL) : NULL;

    return sent ? sent : node_get(work->object, "status");
}

/* Those of others are the object's own; with no time given each keeps its own. */
static struct node *conditions_before(const struct sum *sum)
{
    return work_merge_conditions(
        sum->arena, node_at(sum->work->object, "status", "conditions", NULL),
        node_get(sum->before, "conditions"), 0);
}

static struct node *conditions(struct sum *sum, const struct node *objects)
{
    const struct work *work = sum->work;
    struct node *news = node_list(sum->arena);
    bool good, bad;

    for (size_t i = 0; i < node_count(sum->rows); i++)
        count_row(sum, node_item(sum->rows, i));
    find_bad(sum, objects);
    bad = sum->bad_reason != NULL;
    good = work->applied && !sum->not_available &&
           strcmp(node_get_text(sum->report, "phase"), "Pending") != 0;
    add_applied(sum, news);
    add_available(sum, news, good);
    add_condition(sum->arena, news, work, "Progressing", !good && !bad,
                  good || bad ? "Settled"
                              : or(node_get_text(sum->report, "reason"), "Starting"),
                  good || bad ? "" : or(sum->available_message ? sum->available_message : "",
                                        node_get_text(sum->report, "message")));
    add_condition(sum->arena, news, work, "Degraded", bad,
                  bad ? sum->bad_reason : "AsExpected", bad ? sum->bad_message : "");
    if (work->deleting)
        add_condition(sum->arena, news, work, "Deleting", true, "WorkDeleting",
                      "what it brought is being removed");
    add_complete(sum, news);
    add_rules(sum, news);
    return work_merge_conditions(
        sum->arena,
        still_meant(sum->arena, conditions_before(sum), news),
        news, clock_wall());
}

static struct node *merged_rows(const struct sum *sum)
{
    struct arena *arena = sum->arena;
    const struct node *old = node_at(sum->before, "resourceStatus", "manifests", NULL);
    const struct node *rows = sum->rows;
    struct node *left = node_list(arena);

    for (size_t i = 0; i < node_count(old); i++) {
        struct node *one = node_share(arena, node_item(old, i));
        const struct node *news = NULL;

        for (size_t k = 0; k < node_count(rows) && !news; k++)
            if (node_get_int(node_get(node_item(rows, k), "resourceMeta"), "ordinal", -1) ==
                node_get_int(node_get(one, "resourceMeta"), "ordinal", -2))
                news = node_get(node_item(rows, k), "conditions");
        node_set(arena, one, "conditions",
                 still_meant(arena, node_get(one, "conditions"), news));
        node_add(arena, left, one);
    }
    return work_merge_manifests(arena, left, rows, clock_wall());
}

struct node *sum_work(const struct work *work, struct arena *arena,
                      const struct node *report, const struct node *objects)
{
    struct node *status = node_map(arena);
    struct sum sum = {.arena = arena, .work = work, .report = report,
                      .rows = rows_of(work, arena, report, objects),
                      .before = status_before(arena, work)};

    node_set(arena, status, "conditions", conditions(&sum, objects));
    node_set(arena, node_make(arena, status, "resourceStatus"), "manifests",
             merged_rows(&sum));
    return status;
}
