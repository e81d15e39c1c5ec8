/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the places of a document, and puts what does not belong there. */
#include "unit/mutate.h"

#include "base/map.h"
#include "base/text.h"
#include "schema/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEEPEST 14
#define LONG_40 "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd"
#define LONG_400 LONG_40 LONG_40 LONG_40 LONG_40 LONG_40 LONG_40 LONG_40 LONG_40 LONG_40 LONG_40

const char *const mutation_values[] = {
    "null",
    NULL,
    "\"\"",
    "-1",
    "9007199254740991",
    "1.5",
    "true",
    "[]",
    "[null]",
    "{}",
    "{\"x\":null}",
    "twice",
    /* The rest. */
    "0",
    "1",
    "2147483647",
    "2147483648",
    "4294967296",
    "-9007199254740991",
    "1e308",
    "-1e308",
    "5e-324",
    "false",
    "\"x\"",
    "\"null\"",
    "\"-1\"",
    "\"\\u001b[31m\\n\\t\\u2028\"",
    "\"" LONG_400 "\"",
    "\"../..\"",
    "\"{{\"",
    "\"{{ .var.x }}\"",
    "\"100%\"",
    "\"-1%\"",
    "\"9999999999999999999999%\"",
    "\"1e9999999Ei\"",
    "\"0001-01-01T00:00:00Z\"",
    "\"1678-01-01T00:00:00Z\"",
    "\"2261-12-31T23:59:59Z\"",
    "\"9999-12-31T23:59:59Z\"",
    "\"2000000000h\"",
    "\"(((((\"",
    "\"$..[?(@\"",
    "\"*\"",
    "[1]",
    "[\"\"]",
    "[\"x\",\"x\"]",
    "[{}]",
    "[{},{}]",
    "[[]]",
    "[{\"name\":null}]",
    "{\"\":null}",
    "{\"\":\"\"}",
    "{\"x\":{}}",
    "{\"x\":1}",
    "{\"x\":[null]}",
    "{\"name\":null}",
    "{\"name\":\"\"}",
    "{\"x\":{\"x\":{\"x\":{\"x\":null}}}}",
};
const size_t mutation_value_count = count_of(mutation_values), mutation_value_core = 12;

/* ---- Places ------------------------------------------------------------- */

struct finding {
    struct mutation_places *places;
    struct map *seen;
    struct text at;
    int depth;
};

static void find(struct finding *f, const struct schema *schema, const struct node *sample);

static void find_below(struct finding *f, const char *key, const struct schema *schema,
                       const struct node *sample)
{
    size_t before = f->at.len;

    text_add_char(&f->at, '/');
    for (const char *at = key; *at; at++) {
        if (*at == '~' || *at == '/')
            text_add(&f->at, *at == '~' ? "~0" : "~1");
        else
            text_add_char(&f->at, *at);
    }
    f->depth++;
    find(f, schema, sample);
    f->depth--;
    text_cut(&f->at, before);
}

struct members {
    struct finding *f;
    const struct node *sample;
};

static void on_member(void *arg, const char *key, const struct schema *member, bool required)
{
    struct members *m = arg;

    find_below(m->f, key, member, node_get(m->sample, key));
}

static void note(struct finding *f)
{
    struct mutation_places *places = f->places;
    const char *pointer = text_string(&f->at);

    if (!*pointer || map_get(f->seen, pointer))
        return;
    map_put(f->seen, pointer, f);
    places->pointers =
        mem_resize_array(places->pointers, places->count + 1, sizeof *places->pointers);
    places->pointers[places->count++] = mem_copy_string(pointer);
}

static void find(struct finding *f, const struct schema *schema, const struct node *sample)
{
    struct members members = {f, sample};

    note(f);
    if (f->depth > DEEPEST)
        return;
    schema_each(schema, on_member, &members);
    node_each(member, sample)
    {
        if (!schema_declares(schema, member->key) && strcmp(member->key, "managedFields"))
            find_below(f, member->key, schema_field(schema, member->key), member->value);
    }
    if (schema_additional(schema) && !node_count(sample))
        find_below(f, "x", schema_additional(schema), NULL);
    if (schema_items(schema) || node_is(sample, NODE_LIST))
        find_below(f, "0", schema_items(schema), node_item(sample, 0));
    for (size_t i = 1; i < node_count(sample) && node_is(sample, NODE_LIST); i++) {
        char number[24];

        snprintf(number, sizeof number, "%zu", i);
        find_below(f, number, schema_items(schema), node_item(sample, i));
    }
}

void mutation_places(const struct schema *schema, const struct node *sample,
                     struct mutation_places *ret)
{
    scoped_map struct map *seen = map_new();
    struct finding f = {ret, seen, {0}, 0};

    *ret = (struct mutation_places){0};
    find(&f, schema, sample);
    text_free(&f.at);
}

void mutation_places_free(struct mutation_places *places)
{
    for (size_t i = 0; i < places->count; i++)
        free(places->pointers[i]);
    free(places->pointers);
    *places = (struct mutation_places){0};
}

/* ---- Values ------------------------------------------------------------- */

char *mutation_part(struct arena *arena, const char *pointer, size_t n)
{
    scoped_text struct text out = {0};

    for (; n && pointer; n--)
        pointer = strchr(pointer + 1, '/');
    if (!pointer || !*pointer)
        return NULL;
    for (pointer++; *pointer && *pointer != '/'; pointer++) {
        if (*pointer == '~' && (pointer[1] == '0' || pointer[1] == '1'))
            text_add_char(&out, *++pointer == '0' ? '~' : '/');
        else
            text_add_char(&out, *pointer);
    }
    return arena_string(arena, text_string(&out));
}

static bool is_number(const char *part)
{
    return part && *part && part[strspn(part, "0123456789")] == '\0';
}

bool mutation_is_named(const char *pointer, const char *text)
{
    scoped_arena struct arena *arena = arena_new();
    const char *part;

    for (size_t n = 0; (part = mutation_part(arena, pointer, n)); n++)
        if (!is_number(part) && strstr(text, part))
            return true;
    return false;
}

static struct node *value_of(struct arena *arena, const struct node *old, const char *value)
{
    if (!strcmp(value, "twice")) {
        struct node *list = node_list(arena);
        struct node *item = node_item(old, 0);

        for (int i = 0; i < 2; i++)
            node_add(arena, list, item ? item : node_map(arena));
        return list;
    }
    return document_read_json(arena, value, strlen(value), &document_limits_own, NULL);
}

static void put(struct arena *arena, struct node *node, const char *pointer, size_t n,
                const char *value)
{
    const char *part = mutation_part(arena, pointer, n);
    const char *next = mutation_part(arena, pointer, n + 1);
    bool in_list = node_is(node, NODE_LIST);
    size_t index = in_list ? strtoul(part, NULL, 10) : 0;
    struct node *child = in_list ? node_item(node, index) : node_get(node, part);

    if (!next && !value) {
        if (in_list)
            node_remove_item(node, index);
        else
            node_remove(node, part);
        return;
    }
    if (!next) {
        child = value_of(arena, child, value);
    } else {
        if (!node_is(child, is_number(next) && !node_is(child, NODE_MAP) ? NODE_LIST : NODE_MAP) &&
            !node_is(child, NODE_LIST))
            child = is_number(next) ? node_list(arena) : node_map(arena);
        put(arena, child, pointer, n + 1, value);
    }
    if (!in_list) {
        node_set(arena, node, part, child);
        return;
    }
    node_remove_item(node, index);
    node_insert(arena, node, index, child);
}

struct node *mutation_make(struct arena *arena, const struct node *from, const char *pointer,
                           const char *value)
{
    struct node *all = node_copy(arena, from);

    put(arena, all, pointer, 0, value);
    return all;
}

struct node *mutation_merge_patch(struct arena *arena, const struct node *changed,
                                  const char *pointer)
{
    struct node *root = node_map(arena), *to = root;
    const struct node *from = changed;
    const char *part;

    for (size_t n = 0; (part = mutation_part(arena, pointer, n)); n++) {
        struct node *value = node_get(from, part);

        if (!node_is(value, NODE_MAP) || !mutation_part(arena, pointer, n + 1)) {
            node_set(arena, to, part, value ? value : node_null(arena));
            break;
        }
        to = node_make(arena, to, part);
        from = value;
    }
    return root;
}

struct node *mutation_json_patch(struct arena *arena, const struct node *from,
                                 const struct node *changed, const char *pointer)
{
    struct node *list = node_list(arena), *step = node_map(arena);
    scoped_text struct text path = {0};
    const char *part, *op = "add";

    node_add(arena, list, step);
    for (size_t n = 0; (part = mutation_part(arena, pointer, n)); n++) {
        bool in_list = node_is(from, NODE_LIST);
        size_t index = strtoul(part, NULL, 10);
        const struct node *there = in_list ? node_item(from, index) : node_get(from, part);
        const char *end = strchr(pointer + path.len + 1, '/');

        changed = in_list ? node_item(changed, index) : node_get(changed, part);
        text_add_bytes(&path, pointer + path.len,
                       end ? (size_t)(end - pointer) - path.len : strlen(pointer + path.len));
        op = !changed ? "remove" : in_list ? "replace" : "add";
        if (!there || !changed)
            break;
        from = there;
    }
    node_set_text(arena, step, "op", op);
    node_set_text(arena, step, "path", text_string(&path));
    if (changed)
        node_set(arena, step, "value", (struct node *)(uintptr_t)changed);
    return list;
}
