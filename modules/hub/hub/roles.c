/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the built-in roles and bindings, and puts back what they lack. */
#include "hub/internal.h"

#include "document/document.h"
#include "kinds/kinds.h"
#include "meta/meta.h"
#include "objects/objects.h"

#include <string.h>

#define MANAGER "axle-roles"

static bool list_has_item(const struct node *list, const struct node *item)
{
    for (size_t i = 0; i < node_count(list); i++)
        if (node_same(node_item(list, i), item))
            return true;
    return false;
}

/* Adds what `wanted` has in a list and `object` has not; true if anything. */
static bool add_missing(struct arena *arena, struct node *object, const struct node *wanted,
                        const char *key)
{
    const struct node *list = node_get(wanted, key);
    bool changed = false;

    for (size_t i = 0; i < node_count(list); i++) {
        if (list_has_item(node_get(object, key), node_item(list, i)))
            continue;
        node_add(arena, node_make_list(arena, object, key), node_copy(arena, node_item(list, i)));
        changed = true;
    }
    return changed;
}

static bool add_marks(struct arena *arena, struct node *object, const struct node *wanted)
{
    struct node *metadata = node_make(arena, object, "metadata");
    struct node *labels = node_make(arena, metadata, "labels");
    struct node *notes = node_make(arena, metadata, "annotations");
    bool changed = !node_get(notes, META_ANNOTATION_AUTOUPDATE);

    if (changed)
        node_set_text(arena, notes, META_ANNOTATION_AUTOUPDATE, "true");
    if (strcmp(node_get_text(labels, META_LABEL_BOOTSTRAPPING), "rbac-defaults") != 0) {
        node_set_text(arena, labels, META_LABEL_BOOTSTRAPPING, "rbac-defaults");
        changed = true;
    }
    node_each(label, node_at(wanted, "metadata", "labels", NULL))
    {
        if (strcmp(node_get_text(labels, label->key), node_text(label->value)) == 0)
            continue;
        node_set(arena, labels, label->key, node_copy(arena, label->value));
        changed = true;
    }
    return changed;
}

static bool add_aggregation(struct arena *arena, struct node *object, const struct node *wanted)
{
    const struct node *rule = node_get(wanted, "aggregationRule");

    if (!rule || node_get(object, "aggregationRule"))
        return false;
    node_set(arena, object, "aggregationRule", node_copy(arena, rule));
    return true;
}

static int write_role(struct hub *hub, struct arena *arena, const struct kind *kind,
                      const struct node *body, bool is_new, struct err *err)
{
    struct objects_result result = {.arena = arena};
    struct objects_write write = {.who = {.user = MANAGER, .manager = MANAGER, .trusted = true},
                                  .kind = kind,
                                  .namespace = "",
                                  .name = meta_name(body),
                                  .body = body,
                                  .validation = OBJECTS_STRICT,
                                  .grace = -1};
    int failed = is_new ? objects_create(hub->objects, &write, &result, err)
                        : objects_update(hub->objects, &write, &result, err);

    object_drop(&result.object);
    return failed;
}

static int ensure_role(struct hub *hub, const struct node *wanted, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    const char *name = meta_name(wanted);
    const struct kind *kind = kinds_by_kind(hub->kinds, node_get_text(wanted, "apiVersion"),
                                            node_get_text(wanted, "kind"));
    scoped_object struct object *there =
        objects_get(hub->objects, OBJECTS_STAGED, kind, "", name, NULL);
    struct node *body;
    bool changed;

    if (!there) {
        body = node_copy(arena, wanted);
        add_marks(arena, body, wanted);
        return write_role(hub, arena, kind, body, true, err);
    }
    body = object_read(arena, there);
    if (strcmp(meta_annotation(body, META_ANNOTATION_AUTOUPDATE), "false") == 0)
        return 0;
    changed = add_marks(arena, body, wanted);
    changed = add_missing(arena, body, wanted, "rules") || changed;
    changed = add_missing(arena, body, wanted, "subjects") || changed;
    changed = add_aggregation(arena, body, wanted) || changed;
    return changed ? write_role(hub, arena, kind, body, false, err) : 0;
}

int roles_keep(struct hub *hub, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *all = auth_built_in_roles(arena, err);

    for (size_t i = 0; all && i < node_count(all); i++)
        if (ensure_role(hub, node_item(all, i), err) < 0)
            return err_wrap(err, "built-in role %zu", i + 1);
    return all ? 0 : -1;
}
