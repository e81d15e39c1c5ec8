/* SPDX-License-Identifier: Apache-2.0 */
/* Reads objects for one run of a controller, records Events and asks for the next run. */
#include "controllers/pass.h"

#include "controllers/index.h"
#include "meta/meta.h"

#include <stdarg.h>
#include <string.h>

char *controller_manager(struct arena *arena, const struct controller *self)
{
    return arena_printf(arena, "axle-%s", self->name);
}

static char *manager_of_pass(const struct pass *pass)
{
    return controller_manager(pass->arena, pass->self);
}

static struct object *get_staged(struct pass *pass, const struct kind *kind,
                          const char *space, const char *name)
{
    return objects_get(pass->objects, OBJECTS_STAGED, kind, space, name, NULL);
}

bool pass_get(struct pass *pass, enum kind_id kind, const char *space,
              const char *name, struct seen *ret)
{
    scoped_object struct object *found = NULL;
    struct object *copy;

    *ret = (struct seen) { 0 };
    found = get_staged(pass, pass->all->kinds[kind], space, name);
    if (!found)
        return false;
    ret->node = object_read(pass->arena, found);
    /* What identifies the object is copied into the arena, and so needs no dropping;
       its content is in `node`. */
    copy = arena_alloc(pass->arena, sizeof *copy);
    *copy = *found;
    copy->space = arena_string(pass->arena, found->space);
    copy->name = arena_string(pass->arena, found->name);
    copy->uid = arena_string(pass->arena, found->uid);
    copy->body = NULL;
    copy->len = 0;
    copy->owners = NULL;
    copy->owner_count = 0;
    ret->object = copy;
    return true;
}

struct node *pass_read(struct pass *pass, enum kind_id kind, const char *space,
                       const char *name)
{
    scoped_object struct object *found = NULL;

    found = get_staged(pass, pass->all->kinds[kind], space, name);
    return found ? object_read(pass->arena, found) : NULL;
}

struct listing {
    struct pass *pass;
    struct node *list;
    const char *space, *label, *value;
};

static void add_matching(void *arg, const struct object *object)
{
    struct listing *listing = arg;
    struct node *node;

    /* Most objects are ruled out by a look at the bytes. */
    if (listing->value && !memmem(object->body, object->len, listing->value,
                                  strlen(listing->value)))
        return;
    if (*listing->space && strcmp(object->space, listing->space))
        return;
    node = object_read(listing->pass->arena, object);
    if (listing->label &&
        strcmp(meta_label(node, listing->label), listing->value))
        return;
    node_add(listing->pass->arena, listing->list, node);
}

struct node *pass_list(struct pass *pass, enum kind_id kind, const char *space,
                       const char *label, const char *value)
{
    struct listing listing = { pass, node_list(pass->arena), space ? space : "",
                               label, value };

    if (!index_each(pass, kind, label, value, add_matching, &listing))
        objects_each(pass->objects, OBJECTS_STAGED, pass->all->kinds[kind],
                     listing.space, add_matching, &listing);
    return listing.list;
}

struct node *pass_new(struct pass *pass, enum kind_id kind, const char *space,
                      const char *name)
{
    struct node *object = node_map(pass->arena), *metadata;

    node_set_text(pass->arena, object, "apiVersion",
                  kind_id_rows[kind].api_version);
    node_set_text(pass->arena, object, "kind", kind_id_rows[kind].kind);
    metadata = node_make(pass->arena, object, "metadata");
    node_set_text(pass->arena, metadata, "name", name);
    if (*space)
        node_set_text(pass->arena, metadata, "namespace", space);
    return object;
}

void pass_event(struct pass *pass, const struct seen *about, bool warning,
                const char *reason, const char *format, ...)
{
    va_list args;
    char *words;

    if (pass->all->proving)
        return;
    va_start(args, format);
    words = arena_vprintf(pass->arena, format, args);
    va_end(args);
    objects_event(pass->objects, manager_of_pass(pass), about->object, warning,
                  reason, "%s", words);
}

void pass_wake_at(struct pass *pass, int64_t wall)
{
    if (wall && (!pass->wake_at || wall < pass->wake_at))
        pass->wake_at = wall;
}
