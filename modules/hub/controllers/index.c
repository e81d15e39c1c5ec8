/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers which objects carry a label's value, so that nobody looks through all. */
#include "controllers/index.h"

#include "base/map.h"
#include "base/text.h"
#include "controllers/pass.h"
#include "meta/meta.h"

#include <stdlib.h>
#include <string.h>

/*
 * What is here is a candidate: every object that has "label":"value" anywhere in
 * its bytes, or had it. Whoever asks reads the object and looks.
 */
static const struct {
    enum kind_id kind;
    const char *label;
} indexed[] = {
    {KIND_ID_WORK, META_LABEL_REPLICASET},       {KIND_ID_WORKLOAD, META_LABEL_REPLICASET},
    {KIND_ID_CLUSTER, META_LABEL_CLUSTERSET},    {KIND_ID_REVISION, META_LABEL_DEFINITION},
    {KIND_ID_DEPLOYMENT, META_LABEL_AIWORKLOAD}, {KIND_ID_DEPLOYMENT, META_LABEL_DEPLOYMENT},
    {KIND_ID_CLUSTER, META_LABEL_POOL},          {KIND_ID_JOIN_TOKEN, META_LABEL_POOL},
    {KIND_ID_CSR, META_LABEL_CLUSTER_NAME},
};

static char *value_key(size_t which, const char *value, size_t len)
{
    return mem_printf("%zu %.*s", which, (int)len, value);
}

static void note_value(struct controllers *all, size_t which, const char *value, size_t len,
                       const struct object *object, bool there)
{
    scoped_mem char *key = value_key(which, value, len);
    scoped_mem char *name = mem_printf("%s/%s", object->namespace, object->name);
    struct map *names = map_get(all->index, key);

    if (there && !names) {
        names = map_new();
        map_put(all->index, key, names);
    }
    if (there) {
        map_put(names, name, all);
    } else if (names) {
        map_remove(names, name);
        if (!map_count(names)) {
            map_remove(all->index, key);
            map_free(&names);
        }
    }
}

static void note_label(struct controllers *all, size_t which, const struct object *object,
                       bool there)
{
    scoped_mem char *wanted = mem_printf("\"%s\":\"", indexed[which].label);
    const char *at = object->body, *end = object->body + object->len;
    size_t len = strlen(wanted);

    while ((at = memmem(at, (size_t)(end - at), wanted, len))) {
        const char *quote = memchr(at + len, '"', (size_t)(end - at) - len);

        if (!quote)
            return;
        note_value(all, which, at + len, (size_t)(quote - at) - len, object, there);
        at = quote;
    }
}

void index_note(struct controllers *all, const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;

    for (size_t i = 0; i < count_of(indexed); i++)
        if (all->kinds[indexed[i].kind] == any->kind)
            note_label(all, i, any, after != NULL);
}

void index_open(struct controllers *all)
{
    index_free(all);
    all->index = map_new();
}

void index_free(struct controllers *all)
{
    struct map *names;
    size_t at = 0;

    while (all->index && (names = map_next(all->index, &at, NULL)))
        map_free(&names);
    map_free(&all->index);
}

static int by_object_name(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;

    return strcmp(*left, *right);
}

/* False: this label of this kind is not indexed. `*ret` may be NULL. */
static bool find_indexed_names(struct controllers *all, enum kind_id kind, const char *label,
                               const char *value, struct map **ret)
{
    for (size_t i = 0; label && i < count_of(indexed); i++)
        if (indexed[i].kind == kind && !strcmp(indexed[i].label, label)) {
            scoped_mem char *key = value_key(i, value, strlen(value));

            *ret = map_get(all->index, key);
            return true;
        }
    return false;
}

bool index_each_name(struct controllers *all, enum kind_id kind, const char *label,
                     const char *value,
                     void (*each)(void *arg, const char *namespace, const char *name), void *arg)
{
    struct map *names = NULL;
    const char *name;
    size_t at = 0;

    if (!find_indexed_names(all, kind, label, value, &names))
        return false;
    while (names && map_next(names, &at, &name)) {
        const char *slash = strchr(name, '/');
        scoped_mem char *namespace = mem_printf("%.*s", (int)(slash - name), name);

        each(arg, namespace, slash + 1);
    }
    return true;
}

bool index_each(struct reconcile_run *run, enum kind_id kind, const char *label, const char *value,
                void (*each)(void *arg, const struct object *object), void *arg)
{
    struct map *names = NULL;
    const char **order, *name;
    size_t count = 0, at = 0;

    if (!find_indexed_names(run->all, kind, label, value, &names))
        return false;
    if (!names)
        return true;
    order = arena_alloc(run->arena, map_count(names) * sizeof *order);
    while (map_next(names, &at, &name))
        order[count++] = arena_string(run->arena, name);
    qsort(order, count, sizeof *order, by_object_name);
    for (size_t i = 0; i < count; i++) {
        char *namespace = arena_string(run->arena, order[i]);
        char *slash = strchr(namespace, '/');
        scoped_object struct object *object = NULL;

        *slash = '\0';
        object = objects_get(run->objects, OBJECTS_STAGED, run->all->kinds[kind], namespace,
                             slash + 1, NULL);
        if (object)
            each(arg, object);
    }
    return true;
}
