/* SPDX-License-Identifier: Apache-2.0 */
/* Checks who may change now by OCM's strategies, and what they are read from. */
#include "check.h"

#include "base/clock.h"
#include "placement/placement.h"

#include <stdlib.h>

#define NOW (1640995200 * CLOCK_SECOND) /* 2022-01-01T00:00:00Z */

static struct arena *arena;

static struct node *read_yaml(const char *text)
{
    struct err err = {0};
    struct node *node = document_read_yaml(arena, text, strlen(text), DOCUMENT_KEYS_ONCE,
                                           &document_limits_own, &err);

    if (!node) {
        printf("Bail out! %s in %s\n", err.text, text);
        exit(1);
    }
    return node;
}

/* ---- Words, sizes and times ------------------------------------------------------ */

static void check_words(void)
{
    static const char *const names[] = {"ToApply", "Progressing", "Succeeded", "Failed",
                                        "TimeOut", "Skip",        "Unknown"};

    for (size_t i = 0; i < count_of(names); i++) {
        CHECK_TEXT(placement_rollout_name((enum placement_rollout_status)i), names[i],
                   "%s has its name", names[i]);
        CHECK_INT(placement_rollout_parse(names[i]), i, "%s is read", names[i]);
    }
    CHECK_INT(placement_rollout_parse("Other"), ROLLOUT_UNKNOWN, "any other word is Unknown");
}

static const struct {
    const char *size;
    int64_t total;
    const char *size_is, *failures_are; /* "-" for none of the sizes */
} size_rows[] = {
    {"3", 10, "3", "3"},
    {"1", 1, "1", "1"},
    {"10", 10, "10", "10"},
    {"11", 10, "-", "10"},
    {"0", 10, "-", "0"},
    {"-1", 10, "-", "0"},
    {"'25%'", 10, "3", "3"},
    {"'30%'", 10, "3", "3"},
    {"'1%'", 10, "1", "1"},
    {"'100%'", 10, "10", "10"},
    {"'101%'", 10, "-", "10"},
    {"'0%'", 10, "-", "0"},
    {"'-5%'", 10, "-", "0"},
    {"null", 10, "-", "0"},
    {"''", 10, "'' is an invalid maximum threshold value: string is not a percentage",
     "'' is an invalid maximum threshold value: string is not a percentage"},
    {"'5'", 10, "'5' is an invalid maximum threshold value: string is not a percentage",
     "'5' is an invalid maximum threshold value: string is not a percentage"},
    {"'%'", 10, "'%' is an invalid maximum threshold value: not a number before %",
     "'%' is an invalid maximum threshold value: not a number before %"},
    {"'5x%'", 10, "'5x%' is an invalid maximum threshold value: not a number before %",
     "'5x%' is an invalid maximum threshold value: not a number before %"},
    {"'inf%'", 10, "'inf%' is an invalid maximum threshold value: not a number before %",
     "'inf%' is an invalid maximum threshold value: not a number before %"},
    {"true", 10, "a size is a number or \"N%\", not a boolean",
     "a size is a number or \"N%\", not a boolean"},
};

static const char *size_or_reason(int failed, int64_t size, const struct err *err)
{
    return failed < 0    ? arena_string(arena, err->text)
           : size == -99 ? "-"
                         : arena_printf(arena, "%lld", (long long)size);
}

static void check_sizes(void)
{
    for (size_t i = 0; i < count_of(size_rows); i++) {
        const struct node *size =
            node_get(read_yaml(arena_printf(arena, "{size: %s}", size_rows[i].size)), "size");
        int64_t got = -98;
        struct err err = {0};
        int failed = placement_rollout_size(size, size_rows[i].total, -99, &got, &err);

        CHECK_TEXT(size_or_reason(failed, got, &err), size_rows[i].size_is, "%s of %lld as a size",
                   size_rows[i].size, (long long)size_rows[i].total);
        failed = placement_rollout_failures(size, size_rows[i].total, &got, &err);
        CHECK_TEXT(size_or_reason(failed, got, &err), size_rows[i].failures_are,
                   "%s of %lld as failures", size_rows[i].size, (long long)size_rows[i].total);
    }
}

static const struct {
    const char *text;
    int64_t wait; /* -1: refused */
} deadline_rows[] = {
    {"", INT64_MAX},
    {"None", INT64_MAX},
    {"90s", 90 * CLOCK_SECOND},
    {"2m", 120 * CLOCK_SECOND},
    {"1h", 3600 * CLOCK_SECOND},
    {"0s", 0},
    {"90", -1},
    {"s", -1},
    {"5d", -1},
    {"none", -1},
    {"-5s", -1},
    {"99999999999999999999h", -1},
};

static void check_deadlines(void)
{
    static const int64_t times[] = {NOW - 1, NOW, NOW + 9, NOW + 4, NOW + 7};

    for (size_t i = 0; i < count_of(deadline_rows); i++) {
        int64_t wait = -2;
        struct err err = {0};
        int failed = placement_rollout_deadline(deadline_rows[i].text, &wait, &err);

        CHECK_INT(failed < 0 ? -1 : wait, deadline_rows[i].wait, "the deadline \"%s\"",
                  deadline_rows[i].text);
    }
    CHECK_INT(placement_rollout_recheck(times, 5, NOW), 4, "the first time that is to come");
    CHECK_INT(placement_rollout_recheck(times, 2, NOW), 0, "none is to come");
    CHECK_INT(placement_rollout_recheck(times, 0, NOW), 0, "there is none");
}

/* ---- One cluster ------------------------------------------------------------------ */

static const struct {
    const char *name;
    enum placement_rollout_status status;
    int64_t since, soak, deadline; /* since: relative to NOW; 1: not known */
    enum placement_rollout_class class;
    int64_t recheck; /* relative to NOW; 0: none */
    enum placement_rollout_status after;
} class_rows[] = {
    {"to apply", ROLLOUT_TO_APPLY, -50, 10, 10, ROLLOUT_IN, 0, ROLLOUT_TO_APPLY},
    {"succeeded", ROLLOUT_SUCCEEDED, -50, 10, 10, ROLLOUT_DONE, 0, ROLLOUT_SUCCEEDED},
    {"soaking", ROLLOUT_SUCCEEDED, -50, 60, 10, ROLLOUT_IN, 10, ROLLOUT_SUCCEEDED},
    {"soaked just now", ROLLOUT_SUCCEEDED, -50, 50, 10, ROLLOUT_DONE, 0, ROLLOUT_SUCCEEDED},
    {"succeeded, nobody knows since when", ROLLOUT_SUCCEEDED, 1, 10, 10, ROLLOUT_IN, 10,
     ROLLOUT_SUCCEEDED},
    {"soaking for ever is done", ROLLOUT_SUCCEEDED, -50, INT64_MAX, 10, ROLLOUT_DONE, 0,
     ROLLOUT_SUCCEEDED},
    {"soaking beyond all clocks too", ROLLOUT_SUCCEEDED, -50, INT64_MAX - 1, 10, ROLLOUT_DONE, 0,
     ROLLOUT_SUCCEEDED},
    {"timed out", ROLLOUT_TIMED_OUT, -5, 10, 10, ROLLOUT_DONE, 0, ROLLOUT_TIMED_OUT},
    {"skipped", ROLLOUT_SKIP, -5, 10, 10, ROLLOUT_DONE, 0, ROLLOUT_SKIP},
    {"in progress", ROLLOUT_PROGRESSING, -5, 10, 20, ROLLOUT_IN, 15, ROLLOUT_PROGRESSING},
    {"in progress for too long", ROLLOUT_PROGRESSING, -20, 10, 20, ROLLOUT_LATE, -0,
     ROLLOUT_TIMED_OUT},
    {"in progress without a deadline", ROLLOUT_PROGRESSING, -20, 10, INT64_MAX, ROLLOUT_IN, 0,
     ROLLOUT_PROGRESSING},
    {"failed", ROLLOUT_FAILED, -5, 10, 20, ROLLOUT_IN, 15, ROLLOUT_FAILED},
    {"failed for too long", ROLLOUT_FAILED, -25, 10, 20, ROLLOUT_LATE, -5, ROLLOUT_TIMED_OUT},
    {"unknown", ROLLOUT_UNKNOWN, 1, 10, 20, ROLLOUT_IN, 20, ROLLOUT_UNKNOWN},
};

static int64_t seconds(int64_t wait)
{
    return wait >= INT64_MAX - 1 ? wait : wait * CLOCK_SECOND;
}

static void check_classes(void)
{
    for (size_t i = 0; i < count_of(class_rows); i++) {
        struct placement_rollout_cluster one = {
            .name = "a",
            .status = class_rows[i].status,
            .since = class_rows[i].since == 1 ? 0 : NOW + class_rows[i].since * CLOCK_SECOND};

        CHECK_INT(placement_rollout_classify(&one, seconds(class_rows[i].soak),
                                             seconds(class_rows[i].deadline), NOW),
                  class_rows[i].class, "%s", class_rows[i].name);
        CHECK_INT(one.status, class_rows[i].after, "%s: its status", class_rows[i].name);
        if (class_rows[i].class == ROLLOUT_IN)
            CHECK_INT(one.recheck_at ? (one.recheck_at - NOW) / CLOCK_SECOND : 0,
                      class_rows[i].recheck, "%s: when again", class_rows[i].name);
    }
}

/* ---- Who may change ------------------------------------------------------------------- */

#define PROGRESSIVE(what) "{type: Progressive, progressive: {" what "}}"
#define PER_GROUP(what) "{type: ProgressivePerGroup, progressivePerGroup: {" what "}}"
#define FIRST "mandatoryDecisionGroups: [{groupName: first}]"
#define SECOND "mandatoryDecisionGroups: [{groupIndex: 1}]"

/* Groups: "first/0 a b, /1 c d". Existing: "a=Failed-30", seconds before now. */
static const struct {
    const char *name, *strategy, *groups, *existing, *answer;
} rollout_rows[] = {
    {"without a strategy all at once", "null", "first/0 b a, /1 c", "",
     "a=ToApply(first) b=ToApply(first) c=ToApply(1)"},
    {"all at once", "{type: All}", "first/0 b a, /1 c", "a=Succeeded-5 c=Failed-5",
     "c=Failed b=ToApply(first)"},
    {"all at once ignores minSuccessTime", "{type: All, all: {minSuccessTime: 20s}}", "/0 a b",
     "a=Succeeded-5", "b=ToApply"},
    {"all at once keeps its deadline", "{type: All, all: {progressDeadline: 20s}}", "/0 a b",
     "a=Progressing-5 b=Progressing-30", "a=Progressing; late b=TimeOut; again in 15 s"},
    {"nobody is chosen", "{type: All}", "", "a=Succeeded-5", "; gone a=Succeeded"},
    {"who is chosen no more is told", PROGRESSIVE("maxConcurrency: 1"), "/0 a b",
     "c=Succeeded-5 a=Succeeded-5 =Failed-5", "b=ToApply; gone c=Succeeded"},
    {"one at a time", PROGRESSIVE("maxConcurrency: 1"), "/0 a b c", "", "a=ToApply"},
    {"a share of all", PROGRESSIVE("maxConcurrency: 50%"), "/0 a b c", "", "a=ToApply b=ToApply"},
    {"no window is all", PROGRESSIVE(""), "/0 a b c", "", "a=ToApply b=ToApply c=ToApply"},
    {"who is under way keeps the slot", PROGRESSIVE("maxConcurrency: 1"), "/0 a b c",
     "b=Progressing-5", "b=Progressing"},
    {"of several under way no more than the window are told", PROGRESSIVE("maxConcurrency: 1"),
     "/0 a b c", "b=Progressing-5 a=Progressing-5", "a=Progressing"},
    {"who is done leaves it", PROGRESSIVE("maxConcurrency: 1"), "/0 a b c", "b=Succeeded-5",
     "a=ToApply"},
    {"who soaks keeps it", PROGRESSIVE("maxConcurrency: 1, minSuccessTime: 30s"), "/0 a b c",
     "b=Succeeded-5", "b=Succeeded; again in 25 s"},
    {"two soak: the first end counts", PROGRESSIVE("minSuccessTime: 30s"), "/0 a b",
     "b=Succeeded-5 a=Succeeded-9", "a=Succeeded b=Succeeded; again in 21 s"},
    {"who is to get it again has a slot", PROGRESSIVE("maxConcurrency: 1"), "/0 a b c",
     "b=ToApply-5", "b=ToApply"},
    {"who fails stops it", PROGRESSIVE("maxConcurrency: 2"), "/0 a b c", "a=Failed-5",
     "a=Failed; breached"},
    {"also after its time", PROGRESSIVE("maxConcurrency: 2, progressDeadline: 2s"), "/0 a b c",
     "a=Failed-5", "; late a=TimeOut; breached"},
    {"one may fail", PROGRESSIVE("maxConcurrency: 2, maxFailures: 1"), "/0 a b c", "a=Failed-5",
     "a=Failed b=ToApply"},
    {"and leave its slot in the end",
     PROGRESSIVE("maxConcurrency: 2, maxFailures: 1, progressDeadline: 2s"), "/0 a b c",
     "a=Failed-5", "b=ToApply c=ToApply; late a=TimeOut"},
    {"but two may not", PROGRESSIVE("maxConcurrency: 3, maxFailures: 1, progressDeadline: 2s"),
     "/0 a b c", "a=Failed-5 b=TimeOut-5", "; late a=TimeOut; breached"},
    {"who is to get it does not, once too many failed", PROGRESSIVE("maxConcurrency: 3"),
     "/0 a b c", "a=Failed-5 b=ToApply-5 c=Progressing-5", "a=Failed c=Progressing; breached"},
    {"skipped ones do not count", PROGRESSIVE("maxConcurrency: 1"), "/0 a b c", "a=Skip-5",
     "b=ToApply"},
    {"a mandatory group is first, all of it", PROGRESSIVE("maxConcurrency: 1, " FIRST),
     "/1 c d, first/0 a b", "", "a=ToApply(first) b=ToApply(first)"},
    {"by its index too", PROGRESSIVE("maxConcurrency: 1, " SECOND), "/1 c d, first/0 a b", "",
     "c=ToApply(1) d=ToApply(1)"},
    {"a name that is not there names none",
     PROGRESSIVE("maxConcurrency: 1, mandatoryDecisionGroups: [{groupName: third}]"),
     "/1 c d, first/0 a b", "", "a=ToApply(first)"},
    {"then the others, by their own share", PROGRESSIVE("maxConcurrency: 50%, " FIRST),
     "/1 c d, first/0 a b", "a=Succeeded-5 b=Succeeded-5", "c=ToApply(1)"},
    {"but not while one of it is under way", PROGRESSIVE("maxConcurrency: 1, " FIRST),
     "/1 c d, first/0 a b", "a=Succeeded-5 b=Progressing-5", "b=Progressing"},
    {"nor when one of it is overdue",
     PROGRESSIVE("maxConcurrency: 1, progressDeadline: 2s, " FIRST), "/1 c d, first/0 a b",
     "a=Succeeded-5 b=Progressing-5", "; late b=TimeOut; breached"},
    {"group by group", PER_GROUP(""), "/1 c d, first/0 b a", "",
     "a=ToApply(first) b=ToApply(first)"},
    {"groups of one index by name", PER_GROUP(""), "z/0 a, y/0 b", "", "b=ToApply(y)"},
    {"the next when the first is done", PER_GROUP(""), "/1 c d, first/0 a b",
     "a=Succeeded-5 b=Succeeded-5", "c=ToApply(1) d=ToApply(1)"},
    {"not while one is under way", PER_GROUP(""), "/1 c d, first/0 a b",
     "a=Succeeded-5 b=Progressing-5", "b=Progressing"},
    {"who is to get it again is new", PER_GROUP(""), "/1 c d, first/0 a b",
     "a=ToApply-5 b=Succeeded-5", "a=ToApply(first)"},
    {"not when one failed", PER_GROUP("progressDeadline: 2s"), "/1 c d, first/0 a b",
     "a=Succeeded-5 b=Failed-5", "; late b=TimeOut; breached"},
    {"unless it may", PER_GROUP("maxFailures: 1, progressDeadline: 2s"), "/1 c d, first/0 a b",
     "a=Succeeded-5 b=Failed-5", "c=ToApply(1) d=ToApply(1); late b=TimeOut"},
    {"of each group its own share may", PER_GROUP("maxFailures: 50%, progressDeadline: 2s"),
     "/1 c d, first/0 a b, /2 e", "a=Failed-5 b=Succeeded-5 c=Failed-5 d=Failed-5",
     "; late a=TimeOut c=TimeOut d=TimeOut; breached"},
    {"a mandatory group before the others", PER_GROUP(SECOND), "/1 c d, first/0 a b", "",
     "c=ToApply(1) d=ToApply(1)"},
    {"in which none may fail", PER_GROUP("maxFailures: 2, progressDeadline: 2s, " SECOND),
     "/1 c d, first/0 a b, /2 e", "c=Failed-5 d=Succeeded-5", "; late c=TimeOut; breached"},
    {"and then they", PER_GROUP(SECOND), "/1 c d, first/0 a b", "c=Succeeded-5 d=Succeeded-5",
     "a=ToApply(first) b=ToApply(first)"},
    {"an unknown type", "{type: Near}", "/0 a", "",
     "1 incorrect rollout strategy type Near; it is one of All, Progressive, ProgressivePerGroup"},
    {"a deadline that cannot be read", PROGRESSIVE("progressDeadline: soon"), "/0 a", "",
     "1 invalid timeout format"},
    {"a time that cannot be read", PROGRESSIVE("minSuccessTime: soon"), "/0 a", "",
     "1 minSuccessTime: time: invalid duration \"soon\""},
    {"failures that cannot be read", PROGRESSIVE("maxFailures: many"), "/0 a", "",
     "1 failed to parse the provided maxFailures: 'many' is an invalid maximum threshold value: "
     "string is not a percentage"},
    {"of groups too", PER_GROUP("maxFailures: many"), "/0 a", "",
     "1 failed to parse the provided maxFailures: 'many' is an invalid maximum threshold value: "
     "string is not a percentage"},
    {"a window that cannot be read", PROGRESSIVE("maxConcurrency: many"), "/0 a", "",
     "1 failed to parse the provided maxConcurrency: 'many' is an invalid maximum threshold "
     "value: string is not a percentage"},
};

static size_t read_groups(const char *text, struct placement_rollout_group *groups)
{
    size_t count = 0;

    while (*text) {
        struct placement_rollout_group *group = &groups[count++];
        const char **names = arena_alloc(arena, 9 * sizeof *names);

        group->name = arena_bytes(arena, text, strcspn(text, "/"));
        text += strcspn(text, "/") + 1;
        group->index = *text++ - '0';
        group->clusters = names;
        group->count = 0;
        while (*text == ' ') {
            size_t len = strcspn(text + 1, " ,");

            names[group->count++] = arena_bytes(arena, text + 1, len);
            text += 1 + len;
        }
        text += strspn(text, ", ");
    }
    return count;
}

static size_t read_existing(const char *text, struct placement_rollout_cluster *existing)
{
    size_t count = 0;

    while (*text) {
        size_t name = strcspn(text, "="), word = strcspn(text + name + 1, "-");
        const char *since = text + name + 1 + word + 1;

        existing[count++] = (struct placement_rollout_cluster){
            .name = arena_bytes(arena, text, name),
            .status = placement_rollout_parse(arena_bytes(arena, text + name + 1, word)),
            .group_name = "",
            .since = NOW - strtol(since, NULL, 10) * CLOCK_SECOND};
        text = since + strcspn(since, " ");
        text += *text == ' ';
    }
    return count;
}

static void add_clusters(struct text *out, const char *before,
                         const struct placement_rollout_cluster *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        text_addf(out, "%s%s=%s", i ? " " : before, all[i].name,
                  placement_rollout_name(all[i].status));
        if (all[i].group_name && *all[i].group_name)
            text_addf(out, "(%s)", all[i].group_name);
        if (all[i].group_index)
            text_addf(out, "(%lld)", (long long)all[i].group_index);
    }
}

/* "a=ToApply b=Progressing; late c=TimeOut; gone d=Succeeded; breached; again in 5 s". */
static const char *roll_out(struct placement_rollout_input *input)
{
    struct placement_rollout out;
    struct err err = {0};
    scoped_text struct text text = {0};

    if (placement_rollout(input, arena, &out, &err) < 0)
        return arena_printf(arena, "%d %s", err.code == ERR_INVALID, err.text);
    add_clusters(&text, "", out.clusters, out.count);
    add_clusters(&text, "; late ", out.timed_out, out.timed_out_count);
    add_clusters(&text, "; gone ", out.removed, out.removed_count);
    if (out.breached)
        text_add(&text, "; breached");
    if (out.recheck_after)
        text_addf(&text, "; again in %lld s", (long long)(out.recheck_after / CLOCK_SECOND));
    return arena_string(arena, text_string(&text));
}

static void check_rollouts(void)
{
    for (size_t i = 0; i < count_of(rollout_rows); i++) {
        struct placement_rollout_group groups[4];
        struct placement_rollout_cluster existing[8];
        struct placement_rollout_input input = {
            .strategy =
                node_get(read_yaml(arena_printf(arena, "{strategy: %s}", rollout_rows[i].strategy)),
                         "strategy"),
            .groups = groups,
            .group_count = read_groups(rollout_rows[i].groups, groups),
            .existing = existing,
            .existing_count = read_existing(rollout_rows[i].existing, existing),
            .now = NOW};

        CHECK_TEXT(roll_out(&input), rollout_rows[i].answer, "%s", rollout_rows[i].name);
    }
}

/* What the product does otherwise than OCM. */
static void check_own_rules(void)
{
    struct placement_rollout_group groups[4];
    struct placement_rollout_cluster existing[8];
    struct placement_rollout_input input = {
        .strategy = read_yaml(PROGRESSIVE("maxConcurrency: 2, maxFailures: 9")),
        .groups = groups,
        .group_count = read_groups("/1 c d, first/0 a b", groups),
        .existing = existing,
        .existing_count = read_existing("a=Failed-5", existing),
        .now = NOW};

    CHECK_TEXT(roll_out(&input), "a=Failed; breached", "in OCM more failures than places are none");
    input.failures_saturate = true;
    CHECK_TEXT(roll_out(&input), "a=Failed b=ToApply(first)", "here they are all");
    input.strategy = read_yaml(PROGRESSIVE("maxConcurrency: 2, " FIRST));
    input.existing_count = read_existing("a=Succeeded-5 b=Progressing-5", existing);
    CHECK_TEXT(roll_out(&input), "b=Progressing", "a mandatory group is waited for");
    input.mandatory_done = true;
    CHECK_TEXT(roll_out(&input), "b=Progressing c=ToApply(1)",
               "until the product says that it is done");
}

/* ---- What they are read from ---------------------------------------------------------- */

static void check_groups(void)
{
    struct placement_rollout_group *groups;
    size_t count;
    scoped_text struct text out = {0};
    const char *name;
    int64_t index;

    placement_rollout_groups(
        arena,
        read_yaml("[{metadata: {labels: {cluster.open-cluster-management.io/decision-group-index: "
                  "'1', cluster.open-cluster-management.io/decision-group-name: g}}, status: "
                  "{decisions: [{clusterName: a}, {clusterName: b}]}}, {metadata: {labels: "
                  "{cluster.open-cluster-management.io/decision-group-index: '0', "
                  "cluster.open-cluster-management.io/decision-group-name: g}}, status: "
                  "{decisions: [{clusterName: c}]}}, {metadata: {labels: "
                  "{cluster.open-cluster-management.io/decision-group-index: '1', "
                  "cluster.open-cluster-management.io/decision-group-name: g}}, status: "
                  "{decisions: [{clusterName: d}]}}, {metadata: {labels: "
                  "{cluster.open-cluster-management.io/decision-group-index: '1', "
                  "cluster.open-cluster-management.io/decision-group-name: h}}, status: "
                  "{decisions: []}}, {metadata: {}}]"),
        &groups, &count);
    for (size_t i = 0; i < count; i++) {
        text_addf(&out, "%s%s/%lld", i ? ", " : "", groups[i].name, (long long)groups[i].index);
        for (size_t k = 0; k < groups[i].count; k++)
            text_addf(&out, " %s", groups[i].clusters[k]);
    }
    CHECK_TEXT(text_string(&out), "g/1 a b d, g/0 c, h/1, /0",
               "decisions of one index and name are one group");
    placement_rollout_group_key(read_yaml("{groupName: g, groupIndex: 3}"), &name, &index);
    CHECK(!strcmp(name, "g") && index == 0, "a key with a name is the name");
    placement_rollout_group_key(read_yaml("{groupIndex: 3}"), &name, &index);
    CHECK(!*name && index == 3, "else the index");
    placement_rollout_group_key(read_yaml("{}"), &name, &index);
    CHECK(!*name && index == 0, "or the first");
}

#define APPLIED "{type: Applied, status: 'True', observedGeneration: 3}"
#define CONDITION(type, status, generation, second)                                                \
    "{type: " type ", status: '" status "', observedGeneration: " generation                       \
    ", lastTransitionTime: '2022-01-01T00:00:0" second "Z'}"

static const struct {
    const char *name, *conditions;
    enum placement_rollout_status status;
    int64_t since; /* seconds after NOW; -1: not known */
} work_rows[] = {
    {"no condition", "", ROLLOUT_TO_APPLY, -1},
    {"applied only", APPLIED, ROLLOUT_TO_APPLY, -1},
    {"in progress", APPLIED ", " CONDITION("Progressing", "True", "3", "5"), ROLLOUT_PROGRESSING,
     5},
    {"done", APPLIED ", " CONDITION("Progressing", "False", "3", "5"), ROLLOUT_SUCCEEDED, 5},
    {"nobody knows", APPLIED ", " CONDITION("Progressing", "Unknown", "3", "5"),
     ROLLOUT_PROGRESSING, 5},
    {"degraded in progress",
     APPLIED
     ", " CONDITION("Progressing", "True", "3", "5") ", " CONDITION("Degraded", "True", "3", "7"),
     ROLLOUT_FAILED, 7},
    {"degraded and done",
     APPLIED
     ", " CONDITION("Progressing", "False", "3", "5") ", " CONDITION("Degraded", "True", "3", "7"),
     ROLLOUT_SUCCEEDED, 5},
    {"degraded, and nobody knows whether in progress",
     APPLIED ", " CONDITION("Progressing", "Unknown", "3", "5") ", " CONDITION("Degraded", "True",
                                                                               "3", "7"),
     ROLLOUT_PROGRESSING, 5},
    {"not degraded",
     APPLIED
     ", " CONDITION("Progressing", "True", "3", "5") ", " CONDITION("Degraded", "False", "3", "7"),
     ROLLOUT_PROGRESSING, 5},
    {"not applied",
     CONDITION("Applied", "False", "3", "1") ", " CONDITION("Progressing", "True", "3", "5"),
     ROLLOUT_TO_APPLY, -1},
    {"applied before",
     CONDITION("Applied", "True", "2", "1") ", " CONDITION("Progressing", "True", "3", "5"),
     ROLLOUT_TO_APPLY, -1},
    {"in progress before", APPLIED ", " CONDITION("Progressing", "True", "2", "5"),
     ROLLOUT_TO_APPLY, -1},
    {"degraded before",
     APPLIED
     ", " CONDITION("Progressing", "True", "3", "5") ", " CONDITION("Degraded", "True", "2", "7"),
     ROLLOUT_TO_APPLY, -1},
    {"without a time", APPLIED ", {type: Progressing, status: 'False', observedGeneration: 3}",
     ROLLOUT_SUCCEEDED, -1},
};

static void check_works(void)
{
    for (size_t i = 0; i < count_of(work_rows); i++) {
        const struct node *work =
            read_yaml(arena_printf(arena, "{metadata: {generation: 3}, status: {conditions: [%s]}}",
                                   work_rows[i].conditions));
        int64_t since = 77;

        CHECK_TEXT(placement_rollout_name(placement_rollout_of_work(work, &since)),
                   placement_rollout_name(work_rows[i].status), "a work: %s", work_rows[i].name);
        CHECK_INT(since ? (since - NOW) / CLOCK_SECOND : -1, work_rows[i].since,
                  "a work: %s: since when", work_rows[i].name);
    }
}

int main(void)
{
    scoped_arena struct arena *whole = arena_new();

    arena = whole;
    check_words();
    check_sizes();
    check_deadlines();
    check_classes();
    check_rollouts();
    check_own_rules();
    check_groups();
    check_works();
    return check_done();
}
