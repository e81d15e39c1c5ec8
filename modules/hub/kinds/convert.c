/* SPDX-License-Identifier: Apache-2.0 */
/* Converts an object to another version of its kind. */
#include "kinds/kinds.h"

#include "document/document.h"

#include <string.h>

/* Fields with different names in core/v1 and events.k8s.io/v1. */
static const struct {
    const char *core, *events;
} event_fields[] = {
    {"involvedObject", "regarding"},
    {"message", "note"},
    {"source", "deprecatedSource"},
    {"count", "deprecatedCount"},
    {"firstTimestamp", "deprecatedFirstTimestamp"},
    {"lastTimestamp", "deprecatedLastTimestamp"},
    {"reportingComponent", "reportingController"},
};

static void rename_event_fields(struct arena *arena, struct node *object, bool to_core)
{
    for (size_t i = 0; i < count_of(event_fields); i++) {
        const char *from = to_core ? event_fields[i].events : event_fields[i].core;
        const char *to = to_core ? event_fields[i].core : event_fields[i].events;
        struct node *value = node_get(object, from);

        if (!value)
            continue;
        node_remove(object, from);
        node_set(arena, object, to, value);
    }
}

/* Versions of other kinds have the same fields, so only apiVersion changes. */
struct node *kind_convert(struct arena *arena, const struct kind *to, const struct node *object)
{
    const char *from = node_get_text(object, "apiVersion");
    struct node *copy;

    if (strcmp(from, to->api_version) == 0)
        return (struct node *)object;
    copy = node_share(arena, object);
    node_set_text(arena, copy, "apiVersion", to->api_version);
    if (strcmp(to->kind, "Event") == 0)
        rename_event_fields(arena, copy, !*to->group);
    return copy;
}
