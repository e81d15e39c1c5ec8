/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the status of a work: conditions of its own, from the rows of its manifests. */
#include "works/gather.h"
#include "works/report.h"

#include "base/clock.h"
#include "document/document.h"
#include "meta/meta.h"
#include "work/work.h"

#include <string.h>

/* ---- Conditions ------------------------------------------------------------------ */

static void add_work_condition(struct arena *arena, struct node *list, const struct work *work,
                               const char *type, bool is, const char *reason, const char *message)
{
    struct node *made = node_map(arena);

    node_set_text(arena, made, "type", type);
    node_set_text(arena, made, "status", is ? "True" : "False");
    node_set_text(arena, made, "reason", reason);
    node_set_text(arena, made, "message", message);
    node_set_int(arena, made, "observedGeneration", work->generation);
    node_add(arena, list, made);
}

static const char *text_or_default(const char *text, const char *none)
{
    return *text ? text : none;
}

/* ---- The work as a whole --------------------------------------------------------- */

struct sum {
    struct arena *arena;
    const struct work *work;
    const struct node *report, *rows;
    const struct node *before; /* the status that the hub was sent last */
    size_t total, not_applied, not_available;
    char *applied_message, *available_message; /* of the first that is not */
    const char *bad_reason;                    /* NULL: nothing is Degraded */
    char *bad_message;
};

static char *name_message(struct arena *arena, const char *kind, const char *namespace,
                          const char *name, const char *message)
{
    return arena_printf(arena, "%s %s%s%s: %.600s", kind, namespace, *namespace ? "/" : "", name,
                        message);
}

static char *name_row_message(struct arena *arena, const struct node *row, const char *message)
{
    const struct node *meta = node_get(row, "resourceMeta");

    return name_message(arena, node_get_text(meta, "kind"), node_get_text(meta, "namespace"),
                        node_get_text(meta, "name"), message);
}

/* The message of the first that is not well, as in "1 of 3 …: Deployment lab/web: why". */
static void count_manifest_row(struct sum *sum, const struct node *row)
{
    const struct node *list = node_get(row, "conditions");
    const struct node *applied = meta_condition_find(list, "Applied");
    const struct node *available = meta_condition_find(list, "Available");

    sum->total++;
    if (strcmp(node_get_text(applied, "status"), "True") != 0 && !sum->not_applied++)
        sum->applied_message = name_row_message(sum->arena, row, node_get_text(applied, "message"));
    if (strcmp(node_get_text(available, "status"), "True") != 0 && !sum->not_available++)
        sum->available_message =
            name_row_message(sum->arena, row, node_get_text(available, "message"));
}

/* The reason of Degraded: the trouble of the work, else of the first manifest that could not
   be made out, else of the worst object in the cluster. */
static void find_degraded(struct sum *sum, const struct node *objects)
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
        sum->bad_message = name_row_message(sum->arena, node_item(sum->rows, i),
                                            node_get_text(failure, "message"));
        return;
    }
    if (strcmp(node_get_text(worst, "health"), "Failed") != 0)
        return;
    sum->bad_reason = text_or_default(node_get_text(worst, "reason"), "Degraded");
    sum->bad_message =
        name_message(sum->arena, node_get_text(worst, "kind"), node_get_text(worst, "namespace"),
                     node_get_text(worst, "name"), node_get_text(worst, "message"));
}

static void add_applied(struct sum *sum, struct node *news)
{
    const struct work *work = sum->work;
    bool applied = work_is_applied(work) && !sum->not_applied;

    add_work_condition(sum->arena, news, work, "Applied", applied,
                       applied ? "AppliedManifestWorkComplete" : "AppliedManifestWorkFailed",
                       applied         ? "Apply manifest work complete"
                       : work->trouble ? work->trouble
                       : !work_is_applied(work)
                           ? "fetching what it needs"
                           : arena_printf(sum->arena, "%zu of %zu manifests are not applied: %s",
                                          sum->not_applied, sum->total, sum->applied_message));
}

static void add_available(struct sum *sum, struct node *news, bool good)
{
    const char *message = "All resources are available";

    if (!good)
        message = sum->not_available
                      ? arena_printf(sum->arena, "%zu of %zu resources are not available: %s",
                                     sum->not_available, sum->total, sum->available_message)
                      : "not ready yet";
    add_work_condition(sum->arena, news, sum->work, "Available", good,
                       good ? "ResourcesAvailable" : "ResourcesNotAvailable", message);
}

/* Only for a work that is finished, or was: then the condition becomes False. */
static void add_complete(struct sum *sum, struct node *news)
{
    const struct node *old = meta_condition_find(meta_conditions(sum->work->object), "Complete");
    bool done = !strcmp(node_get_text(sum->report, "phase"), "Completed");

    if (done || old)
        add_work_condition(sum->arena, news, sum->work, "Complete", done,
                           done ? "Completed" : "NotCompleted",
                           done ? node_get_text(sum->report, "message") : "");
}

static void replace_condition(struct arena *arena, struct node *news, struct node *one)
{
    for (size_t i = 0; i < node_count(news); i++)
        if (!strcmp(node_get_text(node_item(news, i), "type"), node_get_text(one, "type")))
            node_remove_item(news, i--);
    node_add(arena, news, one);
}

/* A condition rule of the user replaces the condition of the same type above. */
static void add_aggregated_rules(struct sum *sum, struct node *news)
{
    for (size_t i = 0; i < node_count(sum->rows); i++) {
        const struct node *list = node_get(node_item(sum->rows, i), "conditions");

        for (size_t k = 0; k < node_count(list); k++) {
            const struct node *one = node_item(list, k);
            const char *type = node_get_text(one, "type");

            if (text_starts(node_get_text(one, "reason"), "ConditionRule"))
                replace_condition(
                    sum->arena, news,
                    work_aggregate(sum->arena, type, sum->rows, sum->work->generation));
        }
    }
}

/* Leaves out conditions of rules that the work does not have any more. */
static struct node *drop_old_rules(struct arena *arena, const struct node *old,
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
 * The status that was sent last. The object from the watch may not have it yet, and a
 * condition that changes and changes back in that moment must not get its former time back.
 */
static const struct node *status_before(const struct work *work)
{
    return work->sent_work ? work->sent_work : node_get(work->object, "status");
}

/* Conditions of other writers come from the object. Without a time given, each keeps its
   own. */
static struct node *conditions_before(const struct sum *sum)
{
    return work_merge_conditions(sum->arena, meta_conditions(sum->work->object),
                                 node_get(sum->before, "conditions"), 0);
}

static struct node *make_work_conditions(struct sum *sum, const struct node *objects)
{
    const struct work *work = sum->work;
    struct node *news = node_list(sum->arena);
    bool good, bad;

    for (size_t i = 0; i < node_count(sum->rows); i++)
        count_manifest_row(sum, node_item(sum->rows, i));
    find_degraded(sum, objects);
    bad = sum->bad_reason != NULL;
    good = work_is_applied(work) && !sum->not_available &&
           strcmp(node_get_text(sum->report, "phase"), "Pending") != 0;
    add_applied(sum, news);
    add_available(sum, news, good);
    add_work_condition(
        sum->arena, news, work, "Progressing", !good && !bad,
        good || bad ? "Settled" : text_or_default(node_get_text(sum->report, "reason"), "Starting"),
        good || bad ? ""
                    : text_or_default(sum->available_message ? sum->available_message : "",
                                      node_get_text(sum->report, "message")));
    add_work_condition(sum->arena, news, work, "Degraded", bad,
                       bad ? sum->bad_reason : "AsExpected", bad ? sum->bad_message : "");
    if (work->phase == WORK_LEAVING)
        add_work_condition(sum->arena, news, work, "Deleting", true, "WorkDeleting",
                           "what it brought is being removed");
    add_complete(sum, news);
    add_aggregated_rules(sum, news);
    return work_merge_conditions(
        sum->arena, drop_old_rules(sum->arena, conditions_before(sum), news), news, clock_wall());
}

static struct node *merge_rows(const struct sum *sum)
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
                 drop_old_rules(arena, node_get(one, "conditions"), news));
        node_add(arena, left, one);
    }
    return work_merge_manifests(arena, left, rows, clock_wall());
}

struct node *work_status(const struct work *work, struct arena *arena, const struct node *report,
                         const struct node *objects)
{
    struct node *status = node_map(arena);
    struct sum sum = {.arena = arena,
                      .work = work,
                      .report = report,
                      .rows = works_status_rows(work, arena, report, objects),
                      .before = status_before(work)};

    node_set(arena, status, "conditions", make_work_conditions(&sum, objects));
    node_set(arena, node_make(arena, status, "resourceStatus"), "manifests", merge_rows(&sum));
    return status;
}
