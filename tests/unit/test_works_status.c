/* SPDX-License-Identifier: Apache-2.0 */
/* How the status of a ManifestWork is summed up: since when a condition is as it is. */
#include "works/report.h"

#include "base/clock.h"
#include "base/mem.h"
#include "check.h"
#include "document/document.h"

#include <string.h>

#define OLD "2026-01-01T00:00:00Z"
#define LATER "2026-02-02T00:00:00Z"

static const struct node *read_text(struct arena *arena, const char *text)
{
    struct err err = {0};
    const struct node *made =
        document_read_yaml(arena, text, strlen(text), false, &document_limits_own, &err);

    CHECK(made, "the test's own document is read: %s", err.text);
    return made;
}

static const struct node *condition(const struct node *status, const char *type)
{
    const struct node *list = node_get(status, "conditions");

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "type"), type))
            return node_item(list, i);
    return NULL;
}

static const char *since(const struct node *status, const char *type)
{
    return node_get_text(condition(status, type), "lastTransitionTime");
}

/* `stored` is the Available of the object as the agent has it, `sent` of what it told last. */
static const struct {
    const char *stored, *stored_since, *sent, *sent_since, *want, *sentence;
} cases[] = {
    {"True", OLD, NULL, NULL, OLD, "what did not change keeps its time"},
    {"False", OLD, NULL, NULL, NULL, "what changed has the time of now"},
    {"True", OLD, "True", LATER, LATER,
     "what was told last, and is not heard back yet, has the later time"},
    {"True", OLD, "False", LATER, NULL,
     "what went and came back before the hub was heard does not get its former time back"},
    {"False", OLD, "True", LATER, LATER, "what the hub was told counts, not what was heard of it"},
    {NULL, NULL, NULL, NULL, NULL, "the first time is now"},
};

static const char *conditions_text(struct arena *arena, const char *is, const char *when)
{
    if (!is)
        return "[]";
    return arena_printf(arena,
                        "[{type: Available, status: '%s', reason: R, message: '', "
                        "lastTransitionTime: '%s'}, {type: Theirs, status: 'True', "
                        "reason: R, message: '', lastTransitionTime: '" OLD "'}]",
                        is, when);
}

static void check_times(struct arena *arena, size_t i)
{
    char now[CLOCK_TEXT];
    struct work work = {.phase = WORK_APPLIED, .generation = 3};
    const struct node *status;

    work.object = read_text(
        arena, arena_printf(arena, "{spec: {workload: {manifests: []}}, status: {conditions: %s}}",
                            conditions_text(arena, cases[i].stored, cases[i].stored_since)));
    if (cases[i].sent)
        work.sent_work = read_text(
            arena, arena_printf(arena, "{conditions: %s}",
                                conditions_text(arena, cases[i].sent, cases[i].sent_since)));
    clock_format(clock_wall(), false, now);
    status = work_status(&work, arena, read_text(arena, "{phase: Running}"), node_list(arena));
    CHECK_TEXT(node_get_text(condition(status, "Available"), "status"), "True",
               "%s: it is available", cases[i].sentence);
    if (cases[i].want)
        CHECK_TEXT(since(status, "Available"), cases[i].want, "%s", cases[i].sentence);
    else
        CHECK(strcmp(since(status, "Available"), now) >= 0, "%s", cases[i].sentence);
    if (cases[i].stored)
        CHECK_TEXT(since(status, "Theirs"), OLD, "a condition of others is kept as it is");
}

int main(void)
{
    scoped_arena struct arena *arena = arena_new();

    for (size_t i = 0; i < count_of(cases); i++)
        check_times(arena, i);
    return check_done();
}
