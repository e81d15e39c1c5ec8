/* SPDX-License-Identifier: Apache-2.0 */
/* Writes to an object of a custom kind, as kube-apiserver answered them. */
#include "cases.h"

#include "patch/patch.h"
#include "schema/schema.h"

#include <stdlib.h>
#include <string.h>

static struct schema *compile(struct case_run *run)
{
    struct err err = {0};

    return schema_compile(run->arena, node_get(run->file, "openAPIV3Schema"), NULL, true, &err);
}

static struct node *finish(struct case_run *run, const struct schema *schema, bool applied,
                           struct node *object, struct node *causes, struct err *err)
{
    struct node *copy = object ? node_copy(run->arena, object) : NULL;

    if (!copy || (applied ? schema_apply_defaults_only(schema, run->arena, copy, err)
                          : schema_apply_defaults(schema, run->arena, copy, err)) < 0)
        return NULL;
    schema_prune(schema, run->arena, copy, NULL);
    if (schema_validate(schema, run->arena, copy, causes))
        return copy;
    err_set(err, ERR_INVALID, "%s",
            schema_sentence(run->arena, "Widget", "test.axle.dev",
                            node_get_text(node_get(copy, "metadata"), "name"), causes));
    return NULL;
}

static struct node *write_object(struct case_run *run, const char *op,
                                 const struct patch_writer *writer, const struct node *live,
                                 const struct node *body, struct node *causes, struct err *err)
{
    struct node *next;

    if (!strcmp(op, "apply"))
        return finish(run, writer->schema, true,
                      patch_apply(run->arena, writer, live, body, causes, err), causes, err);
    if (!strcmp(op, "merge"))
        next = patch_merge(run->arena, live, body);
    else if (!strcmp(op, "json"))
        next = patch_json(run->arena, live, body, NULL, err);
    else
        next = (struct node *)body;
    next = finish(run, writer->schema, false, next, causes, err);
    return next ? patch_track(run->arena, writer, live, next) : NULL;
}

static int compare_text(const struct node *a, const struct node *b, const char *key)
{
    return strcmp(node_get_text(a, key), node_get_text(b, key));
}

static int compare_entries(const void *a, const void *b)
{
    const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;
    int order = compare_text(x, y, "manager");

    if (!order)
        order = compare_text(x, y, "operation");
    return order ? order : compare_text(x, y, "field");
}

static void sort_list(struct node *list)
{
    if (node_is(list, NODE_LIST))
        qsort(list->items, list->len, sizeof *list->items, compare_entries);
}

/* Who owns what, and the causes, are sets. */
static bool same_write(struct arena *arena, const struct node *expected, const struct node *got)
{
    struct node *sides[] = {node_copy(arena, expected), node_copy(arena, got)};

    for (size_t i = 0; i < count_of(sides); i++) {
        sort_list(node_at(sides[i], "observed", "metadata", "managedFields", NULL));
        sort_list(node_at(sides[i], "error", "causes", NULL));
    }
    return node_same(sides[0], sides[1]);
}

static struct node *error_of(struct case_run *run, const struct err *err, struct node *causes)
{
    struct node *error = node_map(run->arena);

    node_set_text(run->arena, error, "reason", err_reason(err->code));
    node_set_text(run->arena, error, "message", err->text);
    node_set_int(run->arena, error, "code", err_http(err->code));
    if (causes->len)
        node_set(run->arena, error, "causes", causes);
    return error;
}

static void run_write(struct case_run *run)
{
    static const char *const responses[] = {"code", "observed", "error"};
    const struct node *live = node_get(run->one, "live");
    const char *op = node_get_text(run->one, "op");
    struct node *causes = node_list(run->arena), *object;
    struct err err = {0};
    struct patch_writer writer = {
        .schema = compile(run),
        .manager = node_get_text(run->one, "manager"),
        .api_version = "test.axle.dev/v1",
        .force = node_get_bool(run->one, "force", false),
    };
    bool created;

    if (!node_is(live, NODE_MAP))
        live = NULL;
    created = !live;
    object = write_object(run, op, &writer, live, node_get(run->one, "body"), causes, &err);
    run->same = same_write;
    run->expected = node_map(run->arena);
    run->got = node_map(run->arena);
    for (size_t i = 0; i < count_of(responses); i++)
        if (node_get(run->one, responses[i]))
            node_set(run->arena, run->expected, responses[i], node_get(run->one, responses[i]));
    node_set_int(run->arena, run->got, "code", object ? created ? 201 : 200 : err_http(err.code));
    if (object)
        node_set(run->arena, run->got, "observed", object);
    else
        node_set(run->arena, run->got, "error", error_of(run, &err, causes));
}

CASE_ROW(write, "write", "cases", NULL, run_write)
