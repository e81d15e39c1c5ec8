/* SPDX-License-Identifier: Apache-2.0 */
/* Publishes a controller's failed run at its object, and says when to retry. */
#include "controllers/failure.h"

#include "base/clock.h"
#include "base/text.h"
#include "meta/meta.h"

#include <string.h>

#define EVENT "ReconcileFailed"

/* Codes that are not listed are errors of the world. */
static const enum failure_retry retries[] = {
    [ERR_BAD_REQUEST] = FAILURE_ON_CHANGE, [ERR_INVALID] = FAILURE_ON_CHANGE,
    [ERR_TOO_LARGE] = FAILURE_ON_CHANGE,   [ERR_UNSUPPORTED] = FAILURE_ON_CHANGE,
    [ERR_TAKEN] = FAILURE_ON_CHANGE,       [ERR_CONFLICT] = FAILURE_AT_ONCE,
    [ERR_EXISTS] = FAILURE_AT_ONCE,
};

enum failure_retry failure_retry(enum err_code code)
{
    return code < count_of(retries) ? retries[code] : FAILURE_LATER;
}

static const char *failure_reason(enum err_code code)
{
    const char *reason = err_reason(code);

    return *reason ? reason : "Failed";
}

/* The words may quote a stranger's text, cut anywhere. */
static const char *failure_words(struct arena *arena, const struct err *why)
{
    scoped_text struct text words = {0};

    text_add_printable(&words, why->text, strlen(why->text), false);
    return arena_string(arena, words.len ? text_string(&words) : failure_reason(why->code));
}

static struct object *failure_object(struct controllers *all, const struct controller *self,
                                     const char *namespace, const char *name)
{
    if (self->about == ABOUT_NOTHING)
        return NULL;
    return objects_get(all->objects, OBJECTS_STAGED, all->kinds[self->about], namespace, name,
                       NULL);
}

struct failure failure_of(const struct node *object)
{
    const struct node *found = meta_condition(object, RECONCILED);
    struct failure failure = {0};

    if (!found)
        return failure;
    failure.reason = node_get_text(found, "reason");
    failure.message = node_get_text(found, "message");
    for (size_t code = 0; code < count_of(retries); code++)
        failure.on_change |=
            retries[code] == FAILURE_ON_CHANGE && !strcmp(failure.reason, failure_reason(code));
    return failure;
}

/*
 * Axle's own kinds also have a phase. Where the user must act it is Failed; where
 * this generation has not been acted upon yet it must not go on saying how the one
 * before it stood.
 */
static void set_failed_phase(struct arena *arena, struct node *status, const struct node *object,
                             const struct err *why, const char *words)
{
    bool on_change = failure_retry(why->code) == FAILURE_ON_CHANGE;
    bool observed = node_get_int(status, "observedGeneration", 0) == meta_generation(object);

    if (meta_is_deleting(object)) {
        node_set_text(arena, status, "phase", "Deleting");
    } else if (on_change || !observed) {
        node_set_text(arena, status, "phase", on_change ? "Failed" : "Pending");
    } else {
        return;
    }
    node_set_text(arena, status, "message", words);
}

static int write_failure(struct controllers *all, const struct controller *self,
                         struct arena *arena, const struct object *object, const struct err *why,
                         bool *ret_changed, struct err *err)
{
    const char *words = failure_words(arena, why);
    const struct node *node = object_read(arena, object);
    struct node *status = meta_copy_status(arena, node);
    struct meta_condition condition = {self->condition, "False", failure_reason(why->code), words};

    meta_condition_set(arena, status, meta_conditions(node), &condition, meta_generation(node),
                       clock_wall());
    if (!strcmp(kind_id_rows[self->about].group, META_GROUP_AXLE))
        set_failed_phase(arena, status, node, why, words);
    return objects_set_status(all->objects, controller_manager(arena, self), object, status,
                              ret_changed, err);
}

int failure_publish(struct controllers *all, const struct controller *self, const char *namespace,
                    const char *name, const struct err *why, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_object struct object *object = failure_object(all, self, namespace, name);
    bool changed = true;
    int written = 0;

    if (!object)
        return 0;
    if (self->condition)
        written = write_failure(all, self, arena, object, why, &changed, err);
    if (written < 0 || changed)
        objects_event(all->objects, controller_manager(arena, self), object, true, EVENT, "%s",
                      failure_words(arena, why));
    if (written < 0)
        return failure_is_published(all, self, namespace, name, why) ? 0 : -1;
    if (!self->condition && !failure_is_published(all, self, namespace, name, why))
        return err_set(err, ERR_INTERNAL, "its Event could not be written");
    return 0;
}

/* The run that succeeded has written its own phase, but not every kind has a message. */
static void remove_failure(struct arena *arena, struct node *status, const char *type)
{
    struct node *list = node_get(status, "conditions");
    const struct node *found = meta_condition_find(list, type);

    if (!strcmp(node_get_text(status, "message"), node_get_text(found, "message")))
        node_remove(status, "message");
    for (size_t i = 0; i < node_count(list); i++)
        if (node_item(list, i) == found) {
            node_remove_item(list, i);
            break;
        }
    if (!node_count(list))
        node_remove(status, "conditions");
}

int failure_clear(struct controllers *all, const struct controller *self, const char *namespace,
                  const char *name, struct err *err)
{
    scoped_object struct object *object = NULL;
    scoped_arena struct arena *arena = NULL;
    struct node *status;

    if (!self->condition)
        return 0;
    object = failure_object(all, self, namespace, name);
    if (!object || !memmem(object->body, object->len, self->condition, strlen(self->condition)))
        return 0;
    arena = arena_new();
    status = meta_copy_status(arena, object_read(arena, object));
    if (!meta_condition_find(node_get(status, "conditions"), self->condition))
        return 0;
    remove_failure(arena, status, self->condition);
    return objects_set_status(all->objects, controller_manager(arena, self), object, status, NULL,
                              err);
}

/* ---- The lint ------------------------------------------------------------------ */

struct event_search {
    struct arena *arena;
    const char *uid, *words;
    bool found;
};

static void look_at_event(void *arg, const struct object *object)
{
    struct event_search *search = arg;
    const struct node *event;

    if (search->found || !memmem(object->body, object->len, search->uid, strlen(search->uid)))
        return;
    event = object_read(search->arena, object);
    search->found = strstr(node_get_text(event, "message"), search->words) != NULL;
}

bool failure_is_published(struct controllers *all, const struct controller *self,
                          const char *namespace, const char *name, const struct err *why)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_object struct object *object = failure_object(all, self, namespace, name);
    const struct kind *events = kinds_find(objects_kinds(all->objects), "", "events");
    struct event_search search = {.arena = arena, .words = failure_words(arena, why)};
    const struct node *list;

    if (!object)
        return true;
    list = meta_conditions(object_read(arena, object));
    for (size_t i = 0; i < node_count(list); i++)
        if (strstr(node_get_text(node_item(list, i), "message"), search.words))
            return true;
    search.uid = object->uid;
    objects_each(all->objects, OBJECTS_STAGED, events, *namespace ? namespace : "default",
                 look_at_event, &search);
    return search.found;
}
