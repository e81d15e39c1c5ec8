/* SPDX-License-Identifier: Apache-2.0 */
/* Reads objects for one run of a controller, records Events and asks for the next run. */
#include "controllers/pass.h"

#include "controllers/index.h"
#include "controllers/parse.h"
#include "meta/meta.h"

#include <stdarg.h>
#include <string.h>

char *controller_manager(struct arena *arena, const struct controller *self)
{
    return arena_printf(arena, "axle-%s", self->name);
}

static char *manager_of_pass(const struct reconcile_run *run)
{
    return controller_manager(run->arena, run->self);
}

static struct object *get_staged(struct reconcile_run *run, const struct kind *kind,
                                 const char *namespace, const char *name)
{
    return objects_get(run->objects, OBJECTS_STAGED, kind, namespace, name, NULL);
}

bool reconcile_get(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                   const char *name, struct seen *ret)
{
    scoped_object struct object *found = NULL;
    struct object *copy;

    *ret = (struct seen){0};
    found = get_staged(run, run->all->kinds[kind], namespace, name);
    if (!found)
        return false;
    ret->node = controllers_parse(run->all, run->arena, found);
    /* What identifies the object is copied into the arena, and so needs no dropping;
       its content is in `node`. */
    copy = arena_alloc(run->arena, sizeof *copy);
    *copy = *found;
    copy->namespace = arena_string(run->arena, found->namespace);
    copy->name = arena_string(run->arena, found->name);
    copy->uid = arena_string(run->arena, found->uid);
    copy->body = NULL;
    copy->len = 0;
    copy->owners = NULL;
    copy->owner_count = 0;
    ret->object = copy;
    return true;
}

struct node *reconcile_read(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                            const char *name)
{
    scoped_object struct object *found = NULL;

    found = get_staged(run, run->all->kinds[kind], namespace, name);
    return found ? controllers_parse(run->all, run->arena, found) : NULL;
}

struct listing {
    struct reconcile_run *run;
    struct node *list;
    const char *namespace, *label, *value;
};

static void add_matching(void *arg, const struct object *object)
{
    struct listing *listing = arg;
    struct node *node;

    /* Most objects are ruled out by a look at the bytes. */
    if (listing->value &&
        !memmem(object->body, object->len, listing->value, strlen(listing->value)))
        return;
    if (*listing->namespace && strcmp(object->namespace, listing->namespace))
        return;
    node = controllers_parse(listing->run->all, listing->run->arena, object);
    if (listing->label && strcmp(meta_label(node, listing->label), listing->value))
        return;
    node_add(listing->run->arena, listing->list, node);
}

struct node *reconcile_list(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                            const char *label, const char *value)
{
    struct listing listing = {run, node_list(run->arena), namespace ? namespace : "", label, value};

    if (!index_each(run, kind, label, value, add_matching, &listing))
        objects_each(run->objects, OBJECTS_STAGED, run->all->kinds[kind], listing.namespace,
                     add_matching, &listing);
    return listing.list;
}

struct node *reconcile_new(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                           const char *name)
{
    struct node *object = node_map(run->arena), *metadata;

    node_set_text(run->arena, object, "apiVersion", kind_id_rows[kind].api_version);
    node_set_text(run->arena, object, "kind", kind_id_rows[kind].kind);
    metadata = node_make(run->arena, object, "metadata");
    node_set_text(run->arena, metadata, "name", name);
    if (*namespace)
        node_set_text(run->arena, metadata, "namespace", namespace);
    return object;
}

void reconcile_event(struct reconcile_run *run, const struct seen *about, bool warning,
                     const char *reason, const char *format, ...)
{
    va_list args;
    char *words;

    if (run->all->proving)
        return;
    va_start(args, format);
    words = arena_vprintf(run->arena, format, args);
    va_end(args);
    objects_event(run->objects, manager_of_pass(run), about->object, warning, reason, "%s", words);
}

void reconcile_wake_at(struct reconcile_run *run, int64_t wall)
{
    if (wall && (!run->wake_at || wall < run->wake_at))
        run->wake_at = wall;
}

void reconcile_walk(struct reconcile_run *run, size_t rows)
{
    run->all->counts.walked += rows;
    reconcile_sums_up(run, rows);
}

void reconcile_sums_up(struct reconcile_run *run, size_t places)
{
    if (places > run->places)
        run->places = places;
}
