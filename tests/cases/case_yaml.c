/* SPDX-License-Identifier: Apache-2.0 */
/* What sigs.k8s.io/yaml makes of a text, read loosely and strictly. */
#include "cases.h"

#include "base/text.h"

#include <string.h>

/* The answer as a tree, so that numbers count as numbers; its text where it holds
   a NUL, which the reader of JSON refuses. */
static void expect_one(struct case_run *run, const char *json_key, const char *name)
{
    const struct node *json = node_get(run->one, json_key);
    struct node *tree = NULL;

    if (json)
        tree = document_read_json(run->arena, json->string, json->len, &document_limits_own, NULL);
    if (tree)
        node_set(run->arena, run->expected, name, tree);
    else if (json)
        node_set_text(run->arena, run->expected, name, node_text(json));
    else
        node_set_bool(run->arena, run->expected, name, false);
}

/* As Go writes JSON, which may stand in a page. */
static void write_go_json(struct text *out, const struct node *tree)
{
    scoped_text struct text plain = {0};

    document_write_canonical(&plain, tree);
    for (const char *at = text_string(&plain); *at; at++) {
        if (strchr("<>&", *at))
            text_addf(out, "\\u%04x", *at);
        else if (strncmp(at, "\xe2\x80\xa8", 3) == 0 || strncmp(at, "\xe2\x80\xa9", 3) == 0) {
            text_addf(out, "\\u202%x", (unsigned char)at[2] & 0xf);
            at += 2;
        } else {
            text_add_char(out, *at);
        }
    }
}

static void respond_one(struct case_run *run, bool strict, const char *name)
{
    size_t len;
    const char *yaml = case_bytes(run->arena, node_get(run->one, "yaml"), &len);
    struct err err = {0};
    scoped_text struct text out = {0};
    struct document_limits limits = document_limits_own;
    struct node *tree;

    limits.nuls = true;
    tree = document_read_yaml(run->arena, yaml, len,
                              strict ? DOCUMENT_KEYS_ONCE_EVEN_MERGED : DOCUMENT_KEYS_LAST_WINS,
                              &limits, &err);
    if (tree && strstr(node_get_text(run->expected, name), "\\u0000")) {
        write_go_json(&out, tree);
        node_set_text(run->arena, run->got, name, text_string(&out));
    } else if (tree) {
        node_set(run->arena, run->got, name, tree);
    } else {
        node_set_bool(run->arena, run->got, name, false);
    }
}

static void run_yaml(struct case_run *run)
{
    run->expected = node_map(run->arena);
    run->got = node_map(run->arena);
    expect_one(run, "json", "loose");
    respond_one(run, false, "loose");
    expect_one(run, "strict_json", "strict");
    respond_one(run, true, "strict");
}

CASE_ROW(yaml, "yaml", "cases", NULL, run_yaml)
