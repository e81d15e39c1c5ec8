/* SPDX-License-Identifier: Apache-2.0 */
/* Limits how much users may store in a namespace. */
#include "limits/internal.h"

#include "base/map.h"
#include "base/text.h"
#include "document/document.h"
#include "kinds/kinds.h"

#include <stdlib.h>
#include <string.h>

/* This close to a limit, writes that are staged but not yet published are counted
   too. Counting them walks all objects, so it is not done for every write. */
#define NEAR_COUNT 2000
#define NEAR_BYTES ((int64_t)32 << 20)

/* What is published in a namespace, kept up to date by changes. */
struct namespace_use {
    int64_t count, bytes;
};

static struct namespace_use *use_of(struct limits *limits, const char *namespace)
{
    struct namespace_use *use = map_get(limits->namespaces, namespace);

    if (!use) {
        use = mem_alloc(sizeof *use);
        map_put(limits->namespaces, namespace, use);
    }
    return use;
}

static void note(struct limits *limits, const struct object *object, int sign)
{
    struct namespace_use *use;

    if (!object || !*object->namespace)
        return;
    use = use_of(limits, object->namespace);
    use->count += sign;
    use->bytes += sign * (int64_t)object->len;
    if (!use->count) {
        map_remove(limits->namespaces, object->namespace);
        free(use);
    }
}

static void on_change(void *arg, const struct object *before, const struct object *after)
{
    note(arg, after, 1);
    note(arg, before, -1);
}

static void on_first(void *arg, const struct object *object)
{
    note(arg, object, 1);
}

static void add_use(void *arg, const struct object *object)
{
    struct namespace_use *use = arg;

    use->count++;
    use->bytes += (int64_t)object->len;
}

/* True once for each stored kind with namespaces, whichever versions of it are served. */
static bool is_kept(const struct kinds *kinds, const struct kind *kind)
{
    return kind->namespaced && !kind->is_question &&
           kinds_find(kinds, kind->group, kind->plural) == kind &&
           !strcmp(kind->group, kind->stored_group ? kind->stored_group : kind->group);
}

static struct namespace_use staged_use(struct limits *limits, const char *namespace)
{
    struct objects *objects = limits->settings.objects;
    const struct kinds *kinds = objects_kinds(objects);
    struct namespace_use use = {0, 0};

    for (size_t i = 0; i < kinds_count(kinds); i++)
        if (is_kept(kinds, kinds_at(kinds, i)))
            objects_each(objects, OBJECTS_STAGED, kinds_at(kinds, i), namespace, add_use, &use);
    return use;
}

static size_t size_of(const struct node *tree)
{
    scoped_text struct text json = {0};

    if (tree)
        document_write_json(&json, tree);
    return json.len;
}

static bool is_bounded(const struct objects_review *review)
{
    const struct auth_user *user = review->who->identity;

    return !review->who->trusted && user && user->role == AUTH_USER && review->after &&
           *review->namespace;
}

/* What makes nothing more is never refused, so that a full one can be mended. */
static int before_write(void *arg, const struct objects_review *review, struct err *err)
{
    struct limits *limits = arg;
    const struct limits_settings *s = &limits->settings;
    const struct namespace_use *known = map_get(limits->namespaces, review->namespace);
    struct namespace_use use = {0, 0};
    int64_t more;

    if (!is_bounded(review))
        return 0;
    more = (int64_t)size_of(review->after) - (int64_t)size_of(review->before);
    if (review->before && more <= 0)
        return 0;
    use = known ? *known : use;
    if (use.count + NEAR_COUNT > s->namespace_objects || use.bytes + NEAR_BYTES > s->namespace_size)
        use = staged_use(limits, review->namespace);
    if (use.count + !review->before <= s->namespace_objects &&
        use.bytes + more <= s->namespace_size)
        return 0;
    return err_set(err, ERR_FORBIDDEN,
                   "exceeded quota: namespace \"%s\" has %lld objects of %lld bytes; it "
                   "may have %lld (the hub's setting namespace-objects) of %lld bytes "
                   "(namespace-size)",
                   review->namespace, (long long)use.count, (long long)use.bytes,
                   (long long)s->namespace_objects, (long long)s->namespace_size);
}

void limits_rule_namespaces(struct limits *limits)
{
    struct objects *objects = limits->settings.objects;
    const struct kinds *kinds = objects_kinds(objects);

    for (size_t i = 0; i < kinds_count(kinds); i++) {
        const struct kind *kind = kinds_at(kinds, i);

        if (!is_kept(kinds, kind))
            continue;
        objects_each(objects, OBJECTS_PUBLISHED, kind, NULL, on_first, limits);
        objects_on_change(objects, kind, on_change, limits);
        objects_rule(objects, kind, NULL, before_write, limits);
    }
}

void limits_close_namespaces(struct limits *limits)
{
    struct namespace_use *use;
    size_t at = 0;

    while ((use = map_next(limits->namespaces, &at, NULL)))
        free(use);
    map_free(&limits->namespaces);
}
