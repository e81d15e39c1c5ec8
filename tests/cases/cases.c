/* SPDX-License-Identifier: Apache-2.0 */
/* Runs case files: axle-cases [--poison] KIND FILE. */
#include "cases.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct case_row *rows;

void case_register(struct case_row *row)
{
    row->next = rows;
    rows = row;
}

struct totals {
    const char *kind;
    bool poison, known;
    size_t passed, failed, skipped, differ, leaves;
};

/* ---- Comparing ---------------------------------------------------------- */

static bool answers_agree(const struct case_run *run, const struct node *expected)
{
    scoped_arena struct arena *arena = arena_new();

    if (!run->got || !expected)
        return false;
    if (run->same)
        return run->same(arena, expected, run->got);
    return node_same(expected, run->got);
}

static void change_leaf(struct arena *arena, struct node *leaf)
{
    switch (leaf->type) {
    case NODE_NULL:
        *leaf = *node_int(arena, 1);
        break;
    case NODE_BOOL:
        leaf->boolean = !leaf->boolean;
        break;
    case NODE_INT:
        leaf->integer = leaf->integer > 0 ? leaf->integer - 1 : leaf->integer + 1;
        break;
    case NODE_FLOAT:
        leaf->number = leaf->number * 2 + 1;
        break;
    case NODE_STRING:
        *leaf = *node_format(arena, "%s~", leaf->string);
        break;
    case NODE_LIST:
        node_add(arena, leaf, node_string(arena, "poison"));
        break;
    case NODE_MAP:
        node_set_text(arena, leaf, "poison", "poison");
        break;
    }
}

/* The leaf number *at of a tree: a scalar, or an empty list or map. */
static struct node *find_leaf(struct node *node, size_t *at)
{
    struct node *found = NULL;
    bool inner = (node->type == NODE_LIST || node->type == NODE_MAP) && node->len;

    if (!inner)
        return (*at)-- ? NULL : node;
    for (size_t i = 0; i < node->len && !found; i++)
        found = find_leaf(node->type == NODE_LIST ? node->items[i] : node->members[i].value, at);
    return found;
}

/* Counts the leaves that could be changed without anybody noticing. */
static size_t poison(struct case_run *run, struct totals *totals)
{
    size_t missed = 0;

    for (size_t leaf = 0;; leaf++) {
        scoped_arena struct arena *arena = arena_new();
        struct node *expected = node_copy(arena, run->expected);
        size_t at = leaf;
        struct node *victim = find_leaf(expected, &at);

        if (!victim)
            return missed;
        change_leaf(arena, victim);
        totals->leaves++;
        missed += answers_agree(run, expected);
    }
}

/* ---- Cases -------------------------------------------------------------- */

static const char *unit_of(const struct node *one)
{
    static const char *const keys[] = {"unit", "type", "op"};

    for (size_t i = 0; i < count_of(keys); i++)
        if (*node_get_text(one, keys[i]))
            return node_get_text(one, keys[i]);
    return "";
}

static const struct case_row *find_row(const char *kind, const char *list, const char *unit)
{
    const struct case_row *any = NULL;

    for (const struct case_row *row = rows; row; row = row->next) {
        if (strcmp(row->kind, kind) != 0 || strcmp(row->list, list) != 0)
            continue;
        if (!row->unit)
            any = row;
        else if (!strcmp(row->unit, unit))
            return row;
    }
    return any;
}

static void print_case(struct arena *arena, const char *word, const char *id,
                       const struct case_run *run)
{
    printf("%s %s\n", word, id);
    printf("  expected %s\n", run->expected ? document_json(arena, run->expected) : "nothing");
    printf("  got      %s\n", run->got ? document_json(arena, run->got) : "nothing");
}

static const char *name_of(struct arena *arena, const struct node *one, const char *list,
                           size_t index)
{
    if (*node_get_text(one, "id"))
        return node_get_text(one, "id");
    return arena_printf(arena, "%s[%zu]", list, index);
}

static void run_case(struct totals *totals, const struct node *file, const char *list, size_t index,
                     const struct node *one)
{
    scoped_arena struct arena *arena = arena_new();
    const char *id = name_of(arena, one, list, index), *unit = unit_of(one);
    const struct case_row *row = find_row(totals->kind, list, unit);
    struct case_run run = {.arena = arena, .file = file, .one = one};
    size_t missed;

    if (row)
        row->run(&run);
    else
        run.skip = arena_printf(arena, "%s/%s%s%s is not built", totals->kind, list,
                                *unit ? "/" : "", unit);
    totals->differ += run.differ;
    if (run.skip) {
        printf("skipped %s: %s\n", id, run.skip);
        totals->skipped++;
    } else if (!answers_agree(&run, run.expected)) {
        print_case(arena, "failed", id, &run);
        totals->failed++;
    } else if (totals->poison && (missed = poison(&run, totals))) {
        printf("not noticed %s: %zu changed leaves\n", id, missed);
        totals->failed++;
    } else {
        totals->passed++;
    }
}

static void run_list(struct totals *totals, const struct node *file, const char *list,
                     const struct node *cases)
{
    totals->known = true;
    for (size_t i = 0; i < node_count(cases); i++)
        run_case(totals, file, list, i, node_item(cases, i));
}

/* Every array of the file that a row of its kind names, and "cases". */
static void run_file(struct totals *totals, const struct node *file)
{
    node_each(member, file)
    {
        bool wanted = !strcmp(member->key, "cases");

        for (const struct case_row *row = rows; row; row = row->next)
            wanted |= !strcmp(row->kind, totals->kind) && !strcmp(row->list, member->key);
        if (wanted && node_is(member->value, NODE_LIST))
            run_list(totals, file, member->key, member->value);
    }
}

#define NUL_RUNE "\xee\x80\x80"

char *case_bytes(struct arena *arena, const struct node *string, size_t *ret_len)
{
    char *copy = arena_bytes(arena, node_text(string), string ? string->len : 0);
    char *to = copy;

    for (const char *at = copy; *at;) {
        if (strncmp(at, NUL_RUNE, 3) == 0) {
            *to++ = '\0';
            at += 3;
        } else {
            *to++ = *at++;
        }
    }
    *ret_len = (size_t)(to - copy);
    *to = '\0';
    return copy;
}

struct node *case_string(struct arena *arena, const char *bytes, size_t len)
{
    scoped_text struct text out = {0};

    for (size_t i = 0; i < len; i++) {
        if (bytes[i])
            text_add_char(&out, bytes[i]);
        else
            text_add(&out, NUL_RUNE);
    }
    return node_bytes(arena, text_string(&out), out.len);
}

void case_expect_error(struct case_run *run, bool got_error)
{
    const struct node *error = node_get(run->one, "error");

    if (!run->expected)
        run->expected = node_map(run->arena);
    if (!run->got)
        run->got = node_map(run->arena);
    node_set_bool(run->arena, run->expected, "error", error && error->type != NODE_NULL);
    node_set_bool(run->arena, run->got, "error", got_error);
}

/* ---- Program ------------------------------------------------------------ */

static bool read_file(const char *path, struct text *out)
{
    FILE *file = fopen(path, "rb");
    size_t got;

    if (!file)
        return false;
    do {
        got = fread(text_reserve(out, 1 << 16), 1, 1 << 16, file);
        out->len += got;
    } while (got);
    fclose(file);
    text_add(out, "");
    return true;
}

/* Nodes hold no NUL in keys, so the reader refuses \u0000; a case that needs one
   finds the private rune U+E000 instead. */
static void hide_nuls(struct text *text)
{
    char *at = text->bytes;

    while (at && (at = strstr(at, "\\u0000"))) {
        size_t slashes = 0;

        while (at - slashes > text->bytes && at[-1 - (ptrdiff_t)slashes] == '\\')
            slashes++;
        if (slashes % 2 == 0)
            memcpy(at, "\\ue000", 6);
        at += 6;
    }
}

static int run_path(struct totals *totals, const char *path)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text text = {0};
    struct document_limits limits = document_limits_own;
    struct err err = {0};
    struct node *file;

    limits.any_integer = true;
    if (!read_file(path, &text)) {
        fprintf(stderr, "axle-cases: %s cannot be read\n", path);
        return -1;
    }
    hide_nuls(&text);
    file = document_read_json(arena, text_string(&text), text.len, &limits, &err);
    if (!file) {
        fprintf(stderr, "axle-cases: %s: %s\n", path, err.text);
        return -1;
    }
    run_file(totals, file);
    return 0;
}

int main(int argc, char **argv)
{
    struct totals totals = {0};

    if (argc > 1 && !strcmp(argv[1], "--poison")) {
        totals.poison = true;
        argv++;
        argc--;
    }
    if (argc != 3) {
        fputs("usage: axle-cases [--poison] KIND FILE\n", stderr);
        return 2;
    }
    totals.kind = argv[1];
    if (run_path(&totals, argv[2]) < 0)
        return 2;
    if (!totals.known)
        fprintf(stderr, "axle-cases: no list of cases in %s\n", argv[2]);
    if (totals.differ)
        printf("%zu texts differ that need not agree\n", totals.differ);
    if (totals.poison)
        printf("%zu leaves were changed\n", totals.leaves);
    printf("%zu passed, %zu failed, %zu skipped\n", totals.passed, totals.failed, totals.skipped);
    return totals.failed || !totals.known ? 1 : 0;
}
