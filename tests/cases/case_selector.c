/* SPDX-License-Identifier: Apache-2.0 */
/* Label and field selectors over the ConfigMaps of the file. */
#include "cases.h"

#include "query/query.h"

static struct node *make_object(struct case_run *run, const struct node *from)
{
    struct node *object = node_map(run->arena);
    struct node *metadata = node_make(run->arena, object, "metadata");

    node_set(run->arena, metadata, "name", node_get(from, "name"));
    node_set(run->arena, metadata, "labels", node_get(from, "labels"));
    node_set_text(run->arena, metadata, "namespace", "ora");
    return object;
}

static void run_selector(struct case_run *run)
{
    static const char *const known[] = {NULL};
    static const char *const responses[] = {"code", "selects", "message"};
    const struct node *objects = node_get(run->file, "objects");
    const struct node *labels = node_get(run->one, "labelSelector");
    struct err err = {0};
    struct selector *selector =
        labels ? selector_parse_labels(run->arena, node_text(labels), &err)
               : selector_parse_fields(run->arena, node_get_text(run->one, "fieldSelector"), known,
                                       &err);
    struct node *selects;

    run->expected = node_map(run->arena);
    run->got = node_map(run->arena);
    for (size_t i = 0; i < count_of(responses); i++)
        if (node_get(run->one, responses[i]))
            node_set(run->arena, run->expected, responses[i], node_get(run->one, responses[i]));
    node_set_int(run->arena, run->got, "code", selector ? 200 : err_http(err.code));
    if (!selector) {
        node_set_text(run->arena, run->got, "message", err.text);
        return;
    }
    selects = node_make_list(run->arena, run->got, "selects");
    for (size_t i = 0; i < node_count(objects); i++) {
        struct node *object = make_object(run, node_item(objects, i));

        if (selector_matches(selector, object))
            node_add(run->arena, selects, node_at(object, "metadata", "name", NULL));
    }
}

CASE_ROW(selector, "selector", "cases", NULL, run_selector)
