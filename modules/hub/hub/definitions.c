/* SPDX-License-Identifier: Apache-2.0 */
/* Shows the built-in types of components and traits as objects that people can read. */
#include "hub/internal.h"

#include "base/map.h"
#include "document/document.h"
#include "kinds/kinds.h"
#include "meta/meta.h"
#include "objects/objects.h"
#include "render/render.h"

#include <string.h>

#define MANAGER "axle-definitions"

static const char *const shown_as[] = {"ClusterComponentDefinition", "ClusterTraitDefinition"};

/* Rendering reads the program's own copy; this one is for people. */
static int publish_definition(struct hub *hub, struct arena *arena, const struct node *definition,
                              struct map *shown, struct err *err)
{
    const char *name = meta_name(definition);
    const char *kind = arena_printf(arena, "Cluster%s", node_get_text(definition, "kind"));
    struct node *wanted = node_map(arena);

    node_set_text(arena, wanted, "apiVersion", META_API_AXLE);
    node_set_text(arena, wanted, "kind", kind);
    node_set_text(arena, node_make(arena, wanted, "metadata"), "name", name);
    node_set(arena, wanted, "spec", node_copy(arena, node_get(definition, "spec")));
    map_put(shown, arena_printf(arena, "%s/%s", kind, name), shown);
    return objects_ensure(hub->objects, MANAGER, wanted, NULL, err);
}

struct stale {
    struct arena *arena;
    struct map *shown;
    struct node *names;
    const char *kind;
};

static void find_stale_definition(void *arg, const struct object *object)
{
    struct stale *stale = arg;

    if (!map_get(stale->shown, arena_printf(stale->arena, "%s/%s", stale->kind, object->name)))
        node_add(stale->arena, stale->names, node_string(stale->arena, object->name));
}

/* What an older program had, and this one has not. */
static int remove_stale(struct hub *hub, struct arena *arena, struct map *shown,
                        const char *kind_name, struct err *err)
{
    const struct kind *kind = kinds_by_kind(hub->kinds, META_API_AXLE, kind_name);
    struct stale stale = {arena, shown, node_list(arena), kind_name};

    objects_each(hub->objects, OBJECTS_STAGED, kind, "", find_stale_definition, &stale);
    for (size_t i = 0; i < node_count(stale.names); i++)
        if (objects_remove(hub->objects, MANAGER, kind, "", node_text(node_item(stale.names, i)),
                           err) < 0)
            return -1;
    return 0;
}

int definitions_keep(struct hub *hub, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_map struct map *shown = map_new();
    const struct node *all = render_builtin(arena, err);

    if (!all)
        return -1;
    for (size_t i = 0; i < node_count(all); i++)
        if (publish_definition(hub, arena, node_item(all, i), shown, err) < 0)
            return err_wrap(err, "built-in definition %zu", i + 1);
    for (size_t i = 0; i < count_of(shown_as); i++)
        if (remove_stale(hub, arena, shown, shown_as[i], err) < 0)
            return -1;
    return 0;
}
