/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a tree from a checked JSON text. */
#include "document/document.h"
#include "document/node.h"
#include "document/scan.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct document_limits document_limits_api = {
    .bytes = 3 * 1024 * 1024,
    .depth = 128,
};
const struct document_limits document_limits_own = {
    .bytes = SIZE_MAX / 2,
    .depth = 512,
    .nodes = SIZE_MAX,
    .any_integer = true,
};

/* cJSON allocates from the arena of the call, so its strings stay as they
   are and nothing has to be freed. */
static __thread struct arena *parsing;

static void *allocate_node(size_t size)
{
    return arena_alloc(parsing, size);
}

static void leave_reading(void *memory)
{
    (void)memory;
}

static cJSON *parse(struct arena *arena, const char *text, size_t len)
{
    static cJSON_Hooks hooks = {allocate_node, leave_reading};
    cJSON *root;

    parsing = arena;
    cJSON_InitHooks(&hooks);
    root = cJSON_ParseWithLength(text, len);
    parsing = NULL;
    return root;
}

/* Where in the tree a value stands, from the inside out. */
struct place {
    const struct place *outer;
    const char *key; /* NULL: an item of a list */
    size_t index;
};

struct build {
    struct arena *arena;
    const struct scan *scan;
    size_t next_number;
    bool keep_last;
    struct node *duplicates; /* list of paths, or NULL */
    struct err *err;
};

/* The text need not end with a NUL, so the digits are copied first. */
static struct node *build_number(struct build *build)
{
    size_t start = build->scan->numbers[build->next_number++];
    const char *at = build->scan->text + start;
    size_t left = build->scan->len - start;
    size_t len = 0;
    long long value;
    bool whole = true;
    char small[32], *copy = small;
    scoped_mem char *large = NULL;

    for (; len < left && strchr("-+0123456789.eE", at[len]) && at[len]; len++)
        whole = whole && !strchr(".eE", at[len]);
    if (len >= sizeof small)
        copy = large = mem_alloc(len + 1);
    memcpy(copy, at, len);
    copy[len] = '\0';
    errno = 0;
    value = whole ? strtoll(copy, NULL, 10) : 0;
    return whole && !errno ? node_int(build->arena, value)
                           : node_float(build->arena, strtod(copy, NULL));
}

static struct node *build_value(struct build *build, const cJSON *from,
                                const struct place *place);

static struct node *build_list(struct build *build, const cJSON *from,
                               const struct place *outer)
{
    struct node *list = node_list(build->arena);
    struct place place = {.outer = outer};

    for (const cJSON *item = from->child; item; item = item->next) {
        struct node *value = build_value(build, item, &place);

        if (!value)
            return NULL;
        node_add(build->arena, list, value);
        place.index++;
    }
    return list;
}

static void write_path(struct text *out, const struct place *place)
{
    if (!place)
        return;
    write_path(out, place->outer);
    if (place->key)
        text_addf(out, "%s%s", out->len ? "." : "", place->key);
    else
        text_addf(out, "[%zu]", place->index);
}

static int duplicate_key(struct build *build, const struct place *place)
{
    scoped_text struct text path = {0};

    write_path(&path, place);
    if (build->duplicates)
        node_add(build->arena, build->duplicates,
                 node_string(build->arena, text_string(&path)));
    if (build->keep_last)
        return 0;
    return err_set(build->err, ERR_BAD_REQUEST, "duplicate key \"%s\"",
                   text_string(&path));
}

static struct node *build_map(struct build *build, const cJSON *from,
                              const struct place *outer)
{
    struct node *map = node_map(build->arena);
    struct place place = {.outer = outer};

    for (const cJSON *item = from->child; item; item = item->next) {
        struct node *value;

        place.key = item->string;
        if (node_get(map, item->string) && duplicate_key(build, &place) < 0)
            return NULL;
        value = build_value(build, item, &place);
        if (!value)
            return NULL;
        node_set(build->arena, map, item->string, value);
    }
    return map;
}

static struct node *build_value(struct build *build, const cJSON *from,
                                const struct place *place)
{
    struct node *node;

    if (cJSON_IsObject(from))
        return build_map(build, from, place);
    if (cJSON_IsArray(from))
        return build_list(build, from, place);
    if (cJSON_IsNumber(from))
        return build_number(build);
    if (cJSON_IsBool(from))
        return node_bool(build->arena, cJSON_IsTrue(from));
    if (!cJSON_IsString(from))
        return node_null(build->arena);
    node = node_null(build->arena);
    node->type = NODE_STRING;
    node->string = from->valuestring;
    node->len = strlen(from->valuestring);
    return node;
}

/* The member that a key finds is the first of that name. */
static bool has_equal_keys(const struct node *node)
{
    for (size_t i = 0; node->type == NODE_LIST && i < node->len; i++) {
        if (has_equal_keys(node->items[i]))
            return true;
    }
    node_each(member, node) {
        if (node_get(node, member->key) != member->value ||
            has_equal_keys(member->value))
            return true;
    }
    return false;
}

static struct node *read_json(struct arena *arena, const char *text, size_t len,
                              const struct document_limits *limits,
                              struct node *duplicates, struct err *err)
{
    scoped_scan struct scan scan = {.text = text, .len = len};
    struct build build = {.arena = arena,
                          .scan = &scan,
                          .keep_last = limits->duplicates || duplicates,
                          .duplicates = duplicates,
                          .err = err};
    struct node *plain;
    cJSON *parsed;

    if (scan_run(&scan, limits, err) < 0)
        return NULL;
    /* Which key is there twice, and where, only the slower way can tell. */
    plain = json_read_plain(arena, text, len);
    if (plain && !has_equal_keys(plain))
        return plain;
    parsed = parse(arena, text, len);
    if (!parsed) {
        err_set(err, ERR_BAD_REQUEST, "not JSON");
        return NULL;
    }
    return build_value(&build, parsed, NULL);
}

struct node *document_read_json(struct arena *arena, const char *text,
                                size_t len,
                                const struct document_limits *limits,
                                struct err *err)
{
    return read_json(arena, text, len, limits, NULL, err);
}

struct node *document_read_json_leniently(struct arena *arena, const char *text,
                                          size_t len,
                                          const struct document_limits *limits,
                                          struct node *duplicates,
                                          struct err *err)
{
    return read_json(arena, text, len, limits, duplicates, err);
}
