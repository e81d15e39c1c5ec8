/* SPDX-License-Identifier: Apache-2.0 */
/* Refuses, when it is applied, a profile that is too large ever to be rendered. */
#include "controllers/allowed.h"
#include "controllers/rules.h"

#include "archive/archive.h"
#include "document/document.h"
#include "meta/meta.h"
#include "render/render.h"

#include <string.h>

/*
 * A component of a built-in type gives one object of its files, and one of all else
 * that it says; an object larger than a file of an artifact may be is refused by every
 * render. How long a template makes a text is not known here: texts that hold one
 * count nothing. What another definition makes of its properties is not known either.
 */

static bool is_custom(struct reconcile_run *run, const char *namespace, const char *type)
{
    return reconcile_read(run, KIND_ID_COMPONENT, namespace, type) != NULL;
}

/* The built-in type, unless the project or its tenant has one of that name. */
static bool is_built_in_type(struct reconcile_run *run, const char *type)
{
    const struct node *project = reconcile_read(run, KIND_ID_PROJECT, "", run->namespace);
    const char *tenant = node_get_text(node_get(project, "spec"), "tenant");
    struct err ignored = {0};
    const struct node *all = render_builtin(run->arena, &ignored);

    if (is_custom(run, run->namespace, type) ||
        (*tenant && is_custom(run, arena_printf(run->arena, "tenant-%s", tenant), type)))
        return false;
    for (size_t i = 0; i < node_count(all); i++)
        if (!strcmp(meta_name(node_item(all, i)), type) &&
            !strcmp(node_get_text(node_item(all, i), "kind"), "ComponentDefinition"))
            return true;
    return false;
}

/* Bytes that the texts of a tree have as JSON, and so at least in any object. */
static size_t text_size(struct arena *arena, const struct node *tree, bool verbatim)
{
    size_t sum = 0;

    if (node_is(tree, NODE_STRING))
        return !verbatim && strstr(node_text(tree), "{{") ? 0
                                                          : strlen(document_json(arena, tree)) - 2;
    if (node_is(tree, NODE_LIST))
        for (size_t i = 0; i < node_count(tree); i++)
            sum += text_size(arena, node_item(tree, i), verbatim);
    node_each(member, tree) sum += text_size(arena, member->value, verbatim);
    return sum;
}

/* Only what the write changes is judged: a profile of an older hub can be labelled. */
static bool is_unchanged(const struct objects_review *review, const struct node *component)
{
    const struct node *before = node_at(review->before, "spec", "components", NULL);

    for (size_t i = 0; i < node_count(before); i++)
        if (node_same(node_item(before, i), component))
            return true;
    return false;
}

struct part {
    const char *field; /* below properties; "" for all that is not in files */
    size_t size;
};

static struct part largest_part(struct arena *arena, const struct node *properties)
{
    size_t files = text_size(arena, node_get(properties, "files"), true), rest = 0;

    node_each(member, properties) if (strcmp(member->key, "files")) rest +=
        text_size(arena, member->value, false);
    return files >= rest ? (struct part){".files", files} : (struct part){"", rest};
}

static int before_profile(void *arg, const struct objects_review *review, struct err *err)
{
    struct controllers *all = arg;
    struct reconcile_run run = {.all = all,
                                .objects = all->objects,
                                .arena = review->arena,
                                .namespace = review->namespace,
                                .name = meta_name(review->after)};
    const struct node *components = node_at(review->after, "spec", "components", NULL);
    size_t most = archive_limits_bundle.file;

    if (!review->after || review->who->trusted)
        return 0;
    for (size_t i = 0; i < node_count(components); i++) {
        const struct node *one = node_item(components, i);
        struct part part = largest_part(review->arena, node_get(one, "properties"));

        if (part.size <= most || is_unchanged(review, one) ||
            !is_built_in_type(&run, node_get_text(one, "type")))
            continue;
        return err_set(err, ERR_INVALID,
                       "WorkloadProfile.axle.dev \"%s\" is invalid: "
                       "spec.components[%zu].properties%s: Too long: has %zu bytes of text, and "
                       "what a component delivers in one object may have %zu: put large data "
                       "into an image or a volume, or fetch it where it runs",
                       run.name, i, part.field, part.size, most);
    }
    return 0;
}

void size_rules(struct controllers *all)
{
    objects_rule(all->objects, all->kinds[KIND_ID_PROFILE], "", before_profile, all);
}
