/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of a namespace that is being deleted what is still in it, and which finalizers hold that.
 */

#include "controllers/collector.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "document/document.h"
#include "objects/objects.h"

#include <string.h>

#define REPORT_AGAIN (5 * CLOCK_SECOND)

struct remaining {
    struct arena *arena;
    struct map *finalizers; /* name to a count */
    struct text resources;
    size_t count; /* of the kind that is being counted */
};

static void count_finalizers(struct remaining *left, const struct object *object)
{
    scoped_arena struct arena *scratch = arena_new();
    const struct node *list = node_at(object_read(scratch, object), "metadata", "finalizers", NULL);

    for (size_t i = 0; i < node_count(list); i++) {
        const char *name = node_text(node_item(list, i));
        uintptr_t count = (uintptr_t)map_get(left->finalizers, name);

        map_put(left->finalizers, name, (void *)(count + 1));
    }
}

static void count_object(void *arg, const struct object *object)
{
    struct remaining *left = arg;

    left->count++;
    count_finalizers(left, object);
}

static void count_kind(struct remaining *left, struct objects *objects, const struct kind *kind,
                       const char *namespace)
{
    left->count = 0;
    objects_each(objects, OBJECTS_PUBLISHED, kind, namespace, count_object, left);
    if (left->count)
        text_addf(&left->resources, "%s%s.%s has %zu resource instances",
                  left->resources.len ? ", " : "", kind->plural, kind->group, left->count);
}

static void add_content_condition(const struct remaining *left, struct node *list, const char *type,
                                  const char *reason, const char *message)
{
    struct node *condition = node_map(left->arena);
    char now[CLOCK_TEXT];

    clock_format(clock_wall(), false, now);
    node_set_text(left->arena, condition, "lastTransitionTime", now);
    node_set_text(left->arena, condition, "message", message);
    node_set_text(left->arena, condition, "reason", reason);
    node_set_text(left->arena, condition, "status", "True");
    node_set_text(left->arena, condition, "type", type);
    node_add(left->arena, list, condition);
}

static struct node *make_conditions(const struct remaining *left)
{
    struct node *list = node_list(left->arena);
    scoped_text struct text message = {0};
    const char *name;
    size_t at = 0;
    void *count;

    text_addf(&message, "Some resources are remaining: %s", text_string(&left->resources));
    add_content_condition(left, list, "NamespaceContentRemaining", "SomeResourcesRemain",
                          text_string(&message));
    if (!map_count(left->finalizers))
        return list;
    text_cut(&message, 0);
    while ((count = map_next(left->finalizers, &at, &name)))
        text_addf(&message, "%s%s in %zu resource instances", message.len ? ", " : "", name,
                  (size_t)(uintptr_t)count);
    add_content_condition(left, list, "NamespaceFinalizersRemaining", "SomeFinalizersRemain",
                          arena_printf(left->arena,
                                       "Some content in the namespace has "
                                       "finalizers remaining: %s",
                                       text_string(&message)));
    return list;
}

/* A thousand objects that are deleted one by one are not reported one by one. */
static bool was_reported_lately(const struct node *conditions)
{
    const struct node *first = node_item(conditions, 0);
    int64_t then;

    return clock_parse(node_get_text(first, "lastTransitionTime"), &then) &&
           clock_wall() - then < REPORT_AGAIN && clock_wall() >= then;
}

/* The time of a condition is no reason to write it again. */
static bool have_same_messages(const struct node *a, const struct node *b)
{
    if (node_count(a) != node_count(b))
        return false;
    for (size_t i = 0; i < node_count(a); i++)
        if (strcmp(node_get_text(node_item(a, i), "message"),
                   node_get_text(node_item(b, i), "message")) != 0)
            return false;
    return true;
}

void namespace_content_report(struct objects *objects, const struct object *namespace)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_map struct map *finalizers = map_new();
    struct remaining left = {.arena = arena, .finalizers = finalizers};
    struct node *status = node_get(object_read(arena, namespace), "status");
    const struct kind *kind;
    struct node *conditions;
    struct err err = {0};

    if (was_reported_lately(node_get(status, "conditions")))
        return;
    for (size_t i = 0; (kind = objects_stored_kind(objects, i)); i++)
        count_kind(&left, objects, kind, namespace->name);
    conditions = make_conditions(&left);
    if (left.resources.len && status &&
        !have_same_messages(node_get(status, "conditions"), conditions)) {
        node_set(arena, status, "conditions", conditions);
        if (objects_set_status(objects, "axle-collector", namespace, status, NULL, &err) < 0)
            log_warn("objects", "namespace %s: %s", namespace->name, err.text);
    }
    text_free(&left.resources);
}
