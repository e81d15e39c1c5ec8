/* SPDX-License-Identifier: Apache-2.0 */
/* Selects the clusters that may change now, by OCM's rollout strategies. */
#include "placement/placement.h"

#include "base/clock.h"
#include "query/query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Words ------------------------------------------------------------- */

static const char *const status_names[] = {
    [ROLLOUT_TO_APPLY] = "ToApply",    [ROLLOUT_PROGRESSING] = "Progressing",
    [ROLLOUT_SUCCEEDED] = "Succeeded", [ROLLOUT_FAILED] = "Failed",
    [ROLLOUT_TIMED_OUT] = "TimeOut",   [ROLLOUT_SKIP] = "Skip",
    [ROLLOUT_UNKNOWN] = "Unknown",
};

const char *placement_rollout_name(enum placement_rollout_status status)
{
    return status_names[status];
}

enum placement_rollout_status placement_rollout_parse(const char *name)
{
    for (size_t i = 0; i < count_of(status_names); i++)
        if (text_same(status_names[i], name))
            return (enum placement_rollout_status)i;
    return ROLLOUT_UNKNOWN;
}

/* ---- Sizes and times --------------------------------------------------- */

#define BAD_SIZE "'%s' is an invalid maximum threshold value: "

/* Reads "N%"; errors are in OCM's words. */
static int read_percent(const char *text, double *ret, struct err *err)
{
    size_t len = strlen(text);
    char *end;

    if (!len || text[len - 1] != '%')
        return err_set(err, ERR_INVALID, BAD_SIZE "string is not a percentage", text);
    *ret = strtod(text, &end);
    if (end == text || end != text + len - 1 || !isfinite(*ret))
        return err_set(err, ERR_INVALID, BAD_SIZE "not a number before %%", text);
    return 0;
}

int placement_rollout_size(const struct node *size, int64_t total, int64_t none, int64_t *ret,
                           struct err *err)
{
    double percent = 0, share;
    int64_t length = 0;

    *ret = none;
    if (node_is(size, NODE_STRING)) {
        if (read_percent(size->string, &percent, err) < 0)
            return -1;
        share = ceil(percent / 100 * (double)total);
        length = share > (double)total ? total + 1 : share < 0 ? 0 : (int64_t)share;
    } else if (node_is(size, NODE_INT)) {
        length = size->integer;
    } else if (size && !node_is(size, NODE_NULL)) {
        return err_set(err, ERR_INVALID, "a size is a number or \"N%%\", not a %s",
                       node_type_name(size->type));
    }
    if (length > 0 && length <= total)
        *ret = length;
    return 0;
}

int placement_rollout_deadline(const char *text, int64_t *ret, struct err *err)
{
    size_t digits = strspn(text, "0123456789");

    *ret = INT64_MAX;
    if (!*text || !strcmp(text, "None"))
        return 0;
    if (!digits || !text[digits] || !strchr("hms", text[digits]))
        return err_set(err, ERR_INVALID, "invalid timeout format");
    return duration_parse(text, ret, err);
}

int64_t placement_rollout_recheck(const int64_t *times, size_t count, int64_t now)
{
    int64_t least = 0;

    for (size_t i = 0; i < count; i++)
        if (times[i] > now && (!least || times[i] - now < least))
            least = times[i] - now;
    return least;
}

/* ---- One cluster ------------------------------------------------------- */

/* When a wait that began at `since` is over; 0: never. */
static int64_t add_rollout_wait(int64_t since, int64_t wait, int64_t now)
{
    int64_t at;

    if (wait == INT64_MAX)
        return 0;
    if (__builtin_add_overflow(since ? since : now, wait, &at))
        return 0;
    return at;
}

enum placement_rollout_class placement_rollout_classify(struct placement_rollout_cluster *cluster,
                                                        int64_t soak, int64_t deadline, int64_t now)
{
    int64_t at;

    switch (cluster->status) {
    case ROLLOUT_TO_APPLY:
        return ROLLOUT_IN;
    case ROLLOUT_SUCCEEDED:
        at = add_rollout_wait(cluster->since, soak, now);
        if (!at || now >= at)
            return ROLLOUT_DONE;
        cluster->recheck_at = at;
        return ROLLOUT_IN;
    case ROLLOUT_TIMED_OUT:
    case ROLLOUT_SKIP:
        return ROLLOUT_DONE;
    case ROLLOUT_PROGRESSING:
    case ROLLOUT_FAILED:
    case ROLLOUT_UNKNOWN:
        break;
    }
    at = add_rollout_wait(cluster->since, deadline, now);
    cluster->recheck_at = at;
    if (!at || now < at)
        return ROLLOUT_IN;
    cluster->status = ROLLOUT_TIMED_OUT;
    return ROLLOUT_LATE;
}

/* ---- The clusters of one selection ---- */

struct member {
    const char *cluster;
    const struct placement_rollout_group *group;
};

/* One run of a strategy, over the clusters that are still decided for. */
struct selection {
    struct arena *arena;
    const struct placement_rollout_input *input;
    struct placement_rollout *out;
    struct placement_rollout_cluster *known; /* still decided for; by name */
    size_t known_count;
    int64_t soak, deadline, now;
};

static int compare_group_members(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->cluster, ((const struct member *)b)->cluster);
}

static int compare_clusters(const void *a, const void *b)
{
    return strcmp(((const struct placement_rollout_cluster *)a)->name,
                  ((const struct placement_rollout_cluster *)b)->name);
}

static int compare_groups(const void *a, const void *b)
{
    const struct placement_rollout_group *const *one = a, *const *two = b;

    if ((*one)->index != (*two)->index)
        return (*one)->index < (*two)->index ? -1 : 1;
    return strcmp((*one)->name, (*two)->name);
}

/* Every cluster of the groups once, by name. */
static struct member *list_members(struct arena *arena,
                                   const struct placement_rollout_group **groups,
                                   size_t group_count, size_t *ret_count)
{
    size_t total = 0, count = 0;
    struct member *all;

    for (size_t i = 0; i < group_count; i++)
        total += groups[i]->count;
    all = arena_alloc(arena, (total + 1) * sizeof *all);
    for (size_t i = 0; i < group_count; i++)
        for (size_t k = 0; k < groups[i]->count; k++)
            all[count++] = (struct member){groups[i]->clusters[k], groups[i]};
    if (count)
        qsort(all, count, sizeof *all, compare_group_members);
    *ret_count = count;
    return all;
}

/* Finds a cluster that has a work already. Without `to_apply_too` one whose status is
   ToApply counts as not found, so that it is selected as a new one. */
static bool find_known(const struct selection *selection, const char *cluster, bool to_apply_too,
                       const struct placement_rollout_cluster **ret)
{
    size_t low = 0, high = selection->known_count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(selection->known[middle].name, cluster);

        if (order == 0) {
            *ret = &selection->known[middle];
            return to_apply_too || (*ret)->status != ROLLOUT_TO_APPLY;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

/* Takes a slot for the cluster, and notes when the first of them has to be looked at
   again. */
static void add_selected(struct selection *selection, const struct placement_rollout_cluster *one)
{
    struct placement_rollout *out = selection->out;
    int64_t times[2] = {out->recheck_after ? selection->now + out->recheck_after : 0,
                        one->recheck_at};

    out->clusters[out->count++] = *one;
    out->recheck_after = placement_rollout_recheck(times, 2, selection->now);
}

/*
 * Takes the slot of a cluster that has a work, unless it is done. The status is kept
 * in `known`: a cluster that has timed out just now counts as a failure of this
 * selection already.
 */
static void select_known(struct selection *selection, struct placement_rollout_cluster *known)
{
    struct placement_rollout_cluster one = *known;

    one.recheck_at = 0;
    switch (
        placement_rollout_classify(&one, selection->soak, selection->deadline, selection->now)) {
    case ROLLOUT_IN:
        add_selected(selection, &one);
        break;
    case ROLLOUT_LATE:
        selection->out->timed_out[selection->out->timed_out_count++] = one;
        break;
    case ROLLOUT_DONE:
        break;
    }
    known->status = one.status;
}

/* Takes a slot for a cluster that is to get the work now. */
static void select_new(struct selection *selection, const struct member *member)
{
    add_selected(selection, &(struct placement_rollout_cluster){
                                .name = member->cluster,
                                .status = ROLLOUT_TO_APPLY,
                                .group_name = member->group->name,
                                .group_index = member->group->index,
                            });
}

static bool cluster_has_failed(const struct placement_rollout_cluster *one)
{
    return one->status == ROLLOUT_TIMED_OUT || one->status == ROLLOUT_FAILED;
}

/* Empties the output, except `removed`: one rollout may select twice, first from the
   mandatory groups and then from the others. */
static void start_selection(struct selection *selection, size_t most)
{
    struct placement_rollout *out = selection->out;

    out->count = out->timed_out_count = 0;
    out->breached = false;
    out->recheck_after = 0;
    out->clusters = arena_alloc(selection->arena, (most + 1) * sizeof *out->clusters);
    out->timed_out = arena_alloc(selection->arena, (most + 1) * sizeof *out->timed_out);
}

int placement_rollout_failures(const struct node *size, int64_t total, int64_t *ret,
                               struct err *err)
{
    double percent;

    if ((node_is(size, NODE_INT) && size->integer > total) ||
        (node_is(size, NODE_STRING) && !read_percent(size->string, &percent, err) &&
         percent > 100)) {
        *ret = total;
        return 0;
    }
    return placement_rollout_size(size, total, 0, ret, err);
}

/* maxFailures above the total means all of them where `failures_saturate` is set, and
   none in OCM. */
static int read_failure_limit(const struct placement_rollout_input *input, const struct node *size,
                              int64_t total, int64_t *ret, struct err *err)
{
    if (input->failures_saturate)
        return placement_rollout_failures(size, total, ret, err);
    return placement_rollout_size(size, total, 0, ret, err);
}

/* ---- Selection by cluster and by group ---- */

/* Selects clusters that have a work first, by name, then new ones, until the window is
   full. */
static void select_per_cluster(struct selection *selection,
                               const struct placement_rollout_group **groups, size_t group_count,
                               int64_t window, int64_t failures)
{
    const struct placement_rollout_cluster *found;
    int64_t failed = 0;
    size_t count;
    struct member *members = list_members(selection->arena, groups, group_count, &count);

    start_selection(selection, count + selection->known_count);
    for (size_t i = 0; i < selection->known_count; i++) {
        struct placement_rollout_cluster *known = &selection->known[i];

        if (!selection->out->breached || known->status != ROLLOUT_TO_APPLY)
            select_known(selection, known);
        if (cluster_has_failed(known))
            selection->out->breached = ++failed > failures;
        if ((int64_t)selection->out->count >= window)
            return;
    }
    if (selection->out->breached)
        return;
    for (size_t i = 0; i < count && (int64_t)selection->out->count < window; i++)
        if (!find_known(selection, members[i].cluster, true, &found))
            select_new(selection, &members[i]);
}

/* Selects a whole group. The next one has its turn only when nothing but failures is
   left of those before it, and no more of them than maxFailures. */
static void select_per_group(struct selection *selection,
                             const struct placement_rollout_group **groups, size_t group_count,
                             const struct node *most_failures)
{
    const struct placement_rollout_cluster *known;
    int64_t all_failed = 0;
    size_t total = selection->known_count;

    for (size_t i = 0; i < group_count; i++)
        total += groups[i]->count;
    start_selection(selection, total);
    for (size_t i = 0; i < selection->known_count; i++)
        if (selection->known[i].status != ROLLOUT_TO_APPLY)
            select_known(selection, &selection->known[i]);
    for (size_t i = 0; i < group_count; i++) {
        int64_t failed = 0, failures = 0;
        size_t count;
        struct member *members = list_members(selection->arena, &groups[i], 1, &count);

        /* run_per_group() has checked the form; one that cannot be read is 0. */
        (void)read_failure_limit(selection->input, most_failures, (int64_t)count, &failures, NULL);
        for (size_t k = 0; k < count; k++) {
            if (!find_known(selection, members[k].cluster, false, &known))
                select_new(selection, &members[k]);
            else if (cluster_has_failed(known))
                selection->out->breached = ++failed > failures;
        }
        all_failed += failed;
        if ((int64_t)selection->out->count > all_failed || selection->out->breached)
            return;
    }
}

/* ---- Strategies -------------------------------------------------------- */

struct plan {
    struct selection selection;
    const struct node *options;
    const struct placement_rollout_group **all, **mandatory, **rest;
    size_t all_count, mandatory_count, rest_count;
};

void placement_rollout_group_key(const struct node *group, const char **ret_name,
                                 int64_t *ret_index)
{
    *ret_name = node_get_text(group, "groupName");
    *ret_index = **ret_name ? 0 : node_get_int(group, "groupIndex", 0);
}

static bool group_has_key(const struct placement_rollout_group *group, const struct node *key)
{
    const char *name;
    int64_t index;

    placement_rollout_group_key(key, &name, &index);
    return *name ? text_same(name, group->name) : group->index == index;
}

/* Splits the groups into the mandatory ones and the others, each in the order of index
   and name. */
static void sort_groups(struct plan *plan, const struct placement_rollout_input *input)
{
    const struct node *keys = node_at(plan->options, "mandatoryDecisionGroups", NULL);
    size_t most = input->group_count + 1;
    struct arena *arena = plan->selection.arena;

    plan->all = arena_alloc(arena, most * sizeof *plan->all);
    plan->mandatory = arena_alloc(arena, most * sizeof *plan->all);
    plan->rest = arena_alloc(arena, most * sizeof *plan->all);
    for (size_t i = 0; i < input->group_count; i++)
        plan->all[plan->all_count++] = &input->groups[i];
    if (plan->all_count)
        qsort(plan->all, plan->all_count, sizeof *plan->all, compare_groups);
    for (size_t i = 0; i < plan->all_count; i++) {
        bool named = false;

        for (size_t k = 0; k < node_count(keys) && !named; k++)
            named = group_has_key(plan->all[i], node_item(keys, k));
        if (named)
            plan->mandatory[plan->mandatory_count++] = plan->all[i];
        else
            plan->rest[plan->rest_count++] = plan->all[i];
    }
}

/* Splits the clusters that have a work into those that are still decided for and those
   that are not. */
static void split_existing(struct plan *plan, const struct placement_rollout_input *input)
{
    struct selection *selection = &plan->selection;
    size_t count, known = 0;
    struct member *members = list_members(selection->arena, plan->all, plan->all_count, &count);
    struct placement_rollout_cluster *kept =
        arena_alloc(selection->arena, (input->existing_count + 1) * sizeof *kept);

    selection->out->removed = arena_alloc(selection->arena, (input->existing_count + 1) *
                                                                sizeof *selection->out->removed);
    for (size_t i = 0; i < input->existing_count; i++) {
        const struct placement_rollout_cluster *one = &input->existing[i];
        struct member key = {one->name, NULL};

        if (!*one->name)
            continue;
        if (count && bsearch(&key, members, count, sizeof *members, compare_group_members))
            kept[known++] = *one;
        else
            selection->out->removed[selection->out->removed_count++] = *one;
    }
    if (known)
        qsort(kept, known, sizeof *kept, compare_clusters);
    selection->known = kept;
    selection->known_count = known;
}

/* Selects from the mandatory groups. True if they have something to do or something
   overdue: then the other groups wait. */
static bool select_mandatory(struct plan *plan)
{
    if (!plan->mandatory_count || plan->selection.input->mandatory_done)
        return false;
    select_per_group(&plan->selection, plan->mandatory, plan->mandatory_count, NULL);
    return plan->selection.out->count || plan->selection.out->timed_out_count;
}

static int64_t count_clusters(const struct placement_rollout_group **groups, size_t count)
{
    int64_t total = 0;

    for (size_t i = 0; i < count; i++)
        total += (int64_t)groups[i]->count;
    return total;
}

static int run_all_at_once(struct plan *plan, struct err *err)
{
    int64_t total = count_clusters(plan->all, plan->all_count);

    plan->selection.soak = 0; /* OCM ignores minSuccessTime in this strategy */
    select_per_cluster(&plan->selection, plan->all, plan->all_count, total, total);
    return 0;
}

/* maxConcurrency is a share of the clusters outside of the mandatory groups. */
static int run_progressive(struct plan *plan, struct err *err)
{
    int64_t total = count_clusters(plan->all, plan->all_count);
    int64_t rest = count_clusters(plan->rest, plan->rest_count);
    int64_t failures, window;

    if (read_failure_limit(plan->selection.input, node_get(plan->options, "maxFailures"), total,
                           &failures, err) < 0)
        return err_wrap(err, "failed to parse the provided maxFailures");
    if (select_mandatory(plan))
        return 0;
    if (placement_rollout_size(node_get(plan->options, "maxConcurrency"), rest, rest, &window,
                               err) < 0)
        return err_wrap(err, "failed to parse the provided maxConcurrency");
    select_per_cluster(&plan->selection, plan->rest, plan->rest_count, window, failures);
    return 0;
}

/* Here maxFailures is only checked for its form, because its value depends on the size
   of each group. */
static int run_per_group(struct plan *plan, struct err *err)
{
    const struct node *failures = node_get(plan->options, "maxFailures");
    int64_t ignored;

    if (placement_rollout_size(failures, 1, 0, &ignored, err) < 0)
        return err_wrap(err, "failed to parse the provided maxFailures");
    if (!select_mandatory(plan))
        select_per_group(&plan->selection, plan->rest, plan->rest_count, failures);
    return 0;
}

static const struct {
    const char *type, *options;
    int (*run)(struct plan *plan, struct err *err);
} strategies[] = {
    {"All", "all", run_all_at_once},
    {"Progressive", "progressive", run_progressive},
    {"ProgressivePerGroup", "progressivePerGroup", run_per_group},
};

static int read_rollout_times(struct plan *plan, struct err *err)
{
    const char *soak = node_get_text(plan->options, "minSuccessTime");

    if (placement_rollout_deadline(node_get_text(plan->options, "progressDeadline"),
                                   &plan->selection.deadline, err) < 0)
        return -1;
    if (*soak && duration_parse(soak, &plan->selection.soak, err) < 0)
        return err_wrap(err, "minSuccessTime");
    return 0;
}

int placement_rollout(const struct placement_rollout_input *input, struct arena *arena,
                      struct placement_rollout *ret, struct err *err)
{
    const char *type = node_get_text(input->strategy, "type");
    struct plan plan = {
        .selection = {.arena = arena, .input = input, .out = ret, .now = input->now}};

    *ret = (struct placement_rollout){0};
    for (size_t i = 0; i < count_of(strategies); i++) {
        if (!text_same(strategies[i].type, *type ? type : "All"))
            continue;
        plan.options = node_get(input->strategy, strategies[i].options);
        if (read_rollout_times(&plan, err) < 0)
            return -1;
        sort_groups(&plan, input);
        split_existing(&plan, input);
        return strategies[i].run(&plan, err);
    }
    return err_set(err, ERR_INVALID,
                   "incorrect rollout strategy type %s; it is one of All, "
                   "Progressive, ProgressivePerGroup",
                   type);
}
