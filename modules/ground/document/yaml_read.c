/* SPDX-License-Identifier: Apache-2.0 */
/* Makes trees from YAML with libyaml, as sigs.k8s.io/yaml reads it. */
#include "base/map.h"
#include "document/document.h"
#include "document/node.h"
#include "document/yaml_scalar.h"
#include "document/yaml_source.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* The limit of nodes that aliases repeat: a short text must not become a huge tree. */
#define ALIAS_NODES 100000
#define MOST_ANCHORS 10000
#define MOST_DIRECTIVES 100

struct anchor {
    const char *name;
    struct node *node;
    size_t size; /* nodes in it */
};

struct reader {
    struct arena *arena;
    const struct document_limits *limits;
    struct err *err;
    yaml_parser_t parser;
    yaml_event_t event; /* the one being looked at */
    bool has_event;
    enum document_keys keys;
    struct yaml_source source;
    bool in_key;
    bool broken; /* reading on makes no sense */
    unsigned depth;
    size_t nodes, most_nodes, aliased;
    struct map *anchors; /* owned; by name, of this document */
    struct anchor *last_anchor;
};

static int fail_yaml(struct reader *reader, const char *what)
{
    return err_set(reader->err, ERR_BAD_REQUEST, "yaml: line %zu: %s",
                   reader->event.start_mark.line + 1, what);
}

/* Names the line as go-yaml does: none for the first line, and counted from 1
   only for errors of its scanner. */
static int fail_parser(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem ? parser->problem : "cannot be read";
    size_t line = parser->problem_mark.line ? parser->problem_mark.line : parser->context_mark.line;

    if (!line)
        return err_set(reader->err, ERR_BAD_REQUEST, "yaml: %s", problem);
    if (parser->error == YAML_SCANNER_ERROR)
        line++;
    return err_set(reader->err, ERR_BAD_REQUEST, "yaml: line %zu: %s", line, problem);
}

/* libyaml's events own memory, so the last one is freed before the next is read. */
static int next_event(struct reader *reader)
{
    if (reader->has_event)
        yaml_event_delete(&reader->event);
    reader->has_event = false;
    if (!yaml_parser_parse(&reader->parser, &reader->event)) {
        memset(&reader->event, 0, sizeof reader->event);
        reader->broken = true;
        return fail_parser(reader);
    }
    reader->has_event = true;
    return 0;
}

static void anchor_add(struct reader *reader, const yaml_char_t *name, struct node *node,
                       size_t size)
{
    struct anchor *anchor;

    if (!name)
        return;
    anchor = arena_alloc(reader->arena, sizeof *anchor);
    anchor->name = arena_string(reader->arena, (const char *)name);
    anchor->node = node;
    anchor->size = size;
    reader->last_anchor = anchor;
    if (!reader->anchors)
        reader->anchors = map_new();
    map_put(reader->anchors, anchor->name, anchor);
}

static struct node *read_alias(struct reader *reader)
{
    const char *name = (const char *)reader->event.data.alias.anchor;
    struct anchor *anchor = reader->anchors ? map_get(reader->anchors, name) : NULL;

    /* The anchor is known while its own value is still being read. */
    if (anchor && !anchor->node) {
        fail_yaml(reader, "an anchor contains itself");
        return NULL;
    }
    if (anchor) {
        reader->aliased += anchor->size;
        if (reader->aliased <= ALIAS_NODES)
            return anchor->node;
        reader->broken = true;
        fail_yaml(reader, "document contains excessive aliasing");
        return NULL;
    }
    reader->broken = true;
    err_set(reader->err, ERR_BAD_REQUEST, "yaml: unknown anchor '%s' referenced", name);
    return NULL;
}

static struct node *read_yaml_value(struct reader *reader);

static int enter_level(struct reader *reader)
{
    if (++reader->depth > reader->limits->depth) {
        reader->broken = true;
        return fail_yaml(reader, "nested too deeply");
    }
    return 0;
}

static struct node *read_yaml_list(struct reader *reader)
{
    struct node *list = node_list(reader->arena);

    if (enter_level(reader) < 0)
        return NULL;
    for (;;) {
        struct node *item;

        if (next_event(reader) < 0)
            return NULL;
        if (reader->event.type == YAML_SEQUENCE_END_EVENT)
            break;
        item = read_yaml_value(reader);
        if (!item)
            return NULL;
        node_add(reader->arena, list, item);
    }
    reader->depth--;
    return list;
}

/* A float as a key: Go's %g with the digits that a float of 32 bits has. */
static void write_float_key(struct text *out, double number)
{
    float narrow = (float)number;
    char digits[40];
    char *exponent;
    int places = 0;
    long power;

    if (!isfinite(narrow)) {
        text_add(out, isnan(narrow) ? ".nan" : narrow > 0 ? ".inf" : "-.inf");
        return;
    }
    do
        snprintf(digits, sizeof digits, "%.*e", places, (double)narrow);
    while (strtof(digits, NULL) != narrow && ++places < 9);
    exponent = strchr(digits, 'e');
    power = strtol(exponent + 1, NULL, 10);
    if (power >= -4 && power < 6)
        text_addf(out, "%.*f", places > power ? places - (int)power : 0, (double)narrow);
    else
        text_add(out, digits);
}

/* The key in JSON, whose keys are strings; NULL for a key that cannot be one. */
static const char *text_of_key(struct reader *reader, const struct node *key)
{
    scoped_text struct text out = {0};

    if (key->type == NODE_STRING)
        return reader->limits->nuls || !memchr(key->string, '\0', key->len)
                   ? node_key(reader->arena, key->string, key->len)
                   : NULL;
    if (key->type == NODE_LIST || key->type == NODE_MAP || key->type == NODE_NULL)
        return NULL;
    if (key->type == NODE_FLOAT)
        write_float_key(&out, key->number);
    else
        document_write_json(&out, key);
    return arena_string(reader->arena, text_string(&out));
}

static int fail_twice(struct reader *reader, const char *name)
{
    return err_set(reader->err, ERR_BAD_REQUEST,
                   "yaml: unmarshal errors:\n  line %zu: key \"%s\" already "
                   "set in map",
                   reader->event.start_mark.line + 1, name);
}

/* A map that is being read, and its keys that came from a merge only. */
struct filling {
    struct node *map, *merged;
};

static int set_member(struct reader *reader, struct filling *into, const char *name,
                      struct node *value)
{
    if (reader->keys != DOCUMENT_KEYS_LAST_WINS && node_get(into->map, name)) {
        if (!node_get_bool(into->merged, name, false))
            return fail_twice(reader, name);
        node_set_bool(reader->arena, into->merged, name, false);
    }
    node_set(reader->arena, into->map, name, value);
    return 0;
}

static int merge_yaml_member(struct reader *reader, struct filling *into, const char *name,
                             struct node *value)
{
    if (reader->keys == DOCUMENT_KEYS_ONCE) {
        if (!node_get(into->map, name))
            node_set_bool(reader->arena, into->merged, name, true);
    } else if (reader->keys == DOCUMENT_KEYS_ONCE_EVEN_MERGED && node_get(into->map, name)) {
        return fail_twice(reader, name);
    }
    node_set(reader->arena, into->map, name, value);
    return 0;
}

/* Merges `<<: *a` or `<<: [*a, *b]` in its place: later keys replace merged ones,
   and the first map of a list has precedence. */
static int merge_into(struct reader *reader, struct filling *into, const struct node *from)
{
    static const char why[] = "yaml: map merge requires map or sequence of maps as the value";

    if (node_is(from, NODE_LIST)) {
        for (size_t i = from->len; i--;) {
            if (!node_is(from->items[i], NODE_MAP))
                return err_set(reader->err, ERR_BAD_REQUEST, "%s", why);
            if (merge_into(reader, into, from->items[i]) < 0)
                return -1;
        }
        return 0;
    }
    if (!node_is(from, NODE_MAP))
        return err_set(reader->err, ERR_BAD_REQUEST, "%s", why);
    node_each(member, from)
    {
        if (merge_yaml_member(reader, into, member->key, member->value) < 0)
            return -1;
    }
    return 0;
}

static bool is_merge_key(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.plain_implicit &&
           strcmp((const char *)event->data.scalar.value, "<<") == 0;
}

/* An integer beyond int64 that fits into uint64: go-yaml refuses it as a key. A
   larger one is a float. */
static bool is_large_integer(const yaml_event_t *event, const struct node *key)
{
    const char *value = (const char *)event->data.scalar.value;
    bool based;

    if (event->type != YAML_SCALAR_EVENT || !node_is(key, NODE_FLOAT) ||
        key->number < 9223372036854775808.0 || key->number > 18446744073709551616.0)
        return false;
    based = *value == '0' && !strchr(value, '.');
    if (!based && strpbrk(value, ".eE"))
        return false;
    errno = 0;
    strtoull(value, NULL, 10);
    return based || errno != ERANGE;
}

static struct node *read_yaml_key(struct reader *reader, bool *ret_merge)
{
    struct node *key;

    *ret_merge = is_merge_key(&reader->event);
    reader->in_key = true;
    key = read_yaml_value(reader);
    reader->in_key = false;
    if (key && is_large_integer(&reader->event, key)) {
        fail_yaml(reader, "unsupported map key of type: uint64");
        return NULL;
    }
    return key;
}

static int set_keyed(struct reader *reader, struct filling *into, const struct node *key,
                     struct node *value)
{
    const char *name = text_of_key(reader, key);

    if (!name)
        return fail_yaml(reader, "invalid map key: null, a list, a map, a text with a "
                                 "NUL or an integer beyond 64 bits cannot be a key in "
                                 "JSON");
    return set_member(reader, into, name, value);
}

static struct node *read_map(struct reader *reader)
{
    struct filling into = {node_map(reader->arena), node_map(reader->arena)};

    if (enter_level(reader) < 0)
        return NULL;
    for (;;) {
        struct node *key, *value;
        bool merge;

        if (next_event(reader) < 0)
            return NULL;
        if (reader->event.type == YAML_MAPPING_END_EVENT)
            break;
        key = read_yaml_key(reader, &merge);
        if (!key || next_event(reader) < 0)
            return NULL;
        value = read_yaml_value(reader);
        if (!value)
            return NULL;
        if ((merge ? merge_into(reader, &into, value) : set_keyed(reader, &into, key, value)) < 0)
            return NULL;
    }
    reader->depth--;
    return into.map;
}

/* JSON has no NaN and no infinity; as keys they become texts. */
static struct node *read_scalar(struct reader *reader)
{
    const char *tag = (const char *)reader->event.data.scalar.tag;
    char *value = (char *)reader->event.data.scalar.value;
    size_t len = reader->event.data.scalar.length;
    bool plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    struct node *node;

    len = yaml_source_restore(&reader->source, value, len);
    if (memchr(value, '\0', len) && !reader->limits->nuls) {
        fail_yaml(reader, "control characters are not allowed");
        return NULL;
    }
    node = yaml_scalar_resolve(reader->arena, tag, value, len, plain, reader->err);
    if (node_is(node, NODE_FLOAT) && !isfinite(node->number) && !reader->in_key) {
        err_set(reader->err, ERR_BAD_REQUEST, "json: unsupported value: %s",
                isnan(node->number) ? "NaN"
                : node->number < 0  ? "-Inf"
                                    : "+Inf");
        return NULL;
    }
    return node;
}

/* Reads the value that starts with the event being looked at. */
static struct node *read_yaml_value(struct reader *reader)
{
    size_t before = reader->nodes + reader->aliased;
    const yaml_char_t *name = NULL;
    struct anchor *mine = NULL;
    struct node *node;

    if (++reader->nodes > reader->most_nodes ||
        (reader->anchors && map_count(reader->anchors) > MOST_ANCHORS)) {
        reader->broken = true;
        fail_yaml(reader, "too many values");
        return NULL;
    }
    switch (reader->event.type) {
    case YAML_ALIAS_EVENT:
        return read_alias(reader);
    case YAML_SCALAR_EVENT:
        node = read_scalar(reader);
        if (node)
            anchor_add(reader, reader->event.data.scalar.anchor, node, 1);
        return node;
    case YAML_SEQUENCE_START_EVENT:
        name = reader->event.data.sequence_start.anchor;
        break;
    default:
        name = reader->event.data.mapping_start.anchor;
    }
    anchor_add(reader, name, NULL, 0);
    mine = name ? reader->last_anchor : NULL;
    node =
        reader->event.type == YAML_SEQUENCE_START_EVENT ? read_yaml_list(reader) : read_map(reader);
    if (node && mine) {
        mine->node = node;
        /* Nodes of its own aliases count too; otherwise nested aliases would multiply. */
        mine->size = reader->nodes + reader->aliased - before;
    }
    return node;
}

/* libyaml compares each directive with all earlier ones, so their number is limited. */
static int check_directives(const char *text, size_t len, struct err *err)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '%' && (i == 0 || text[i - 1] == '\n') && ++count > MOST_DIRECTIVES)
            return err_set(err, ERR_BAD_REQUEST, "yaml: more than %d directives", MOST_DIRECTIVES);
    }
    return 0;
}

/*
 * libyaml's time grows with the square of the depth of flow collections, so
 * brackets are counted first. Brackets in strings and comments count too; the
 * limit is ten times what people write.
 */
static int check_brackets(const char *text, size_t len, const struct document_limits *limits,
                          struct err *err)
{
    size_t open = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '[' || text[i] == '{')
            open++;
        else if ((text[i] == ']' || text[i] == '}') && open)
            open--;
        if (open > (size_t)limits->depth * 10)
            return err_set(err, ERR_BAD_REQUEST, "yaml: nested too deeply, the limit is %u",
                           limits->depth);
    }
    return 0;
}

static int reader_open(struct reader *reader, const char *text, size_t len)
{
    if (len > reader->limits->bytes)
        return err_set(reader->err, ERR_TOO_LARGE, "%zu bytes, the limit is %zu", len,
                       reader->limits->bytes);
    if (memchr(text, '\0', len))
        return err_set(reader->err, ERR_BAD_REQUEST, "yaml: control characters are not allowed");
    if (check_brackets(text, len, reader->limits, reader->err) < 0 ||
        check_directives(text, len, reader->err) < 0)
        return -1;
    reader->most_nodes = document_most_nodes(reader->limits, len);
    if (!yaml_parser_initialize(&reader->parser))
        abort();
    yaml_source_prepare(&reader->source, reader->arena, text, len);
    yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->source.text,
                                 reader->source.len);
    return 0;
}

static void reader_close(struct reader *reader)
{
    if (reader->has_event)
        yaml_event_delete(&reader->event);
    yaml_parser_delete(&reader->parser);
    map_free(&reader->anchors);
}

/* go-yaml reports a syntax error rather than an error of meaning, wherever they
   stand. So the rest is read to its end after the first error of meaning. */
static void read_on(struct reader *reader)
{
    while (!reader->broken && reader->event.type != YAML_STREAM_END_EVENT &&
           reader->event.type != YAML_DOCUMENT_END_EVENT) {
        if (++reader->nodes > reader->most_nodes || next_event(reader) < 0)
            return;
    }
}

/* The next document of the stream; *ret_more is false at its end. */
static int read_document(struct reader *reader, struct node **ret, bool *ret_more)
{
    *ret_more = false;
    do {
        if (next_event(reader) < 0)
            return -1;
    } while (reader->event.type == YAML_STREAM_START_EVENT);
    if (reader->event.type == YAML_STREAM_END_EVENT)
        return 0;
    map_free(&reader->anchors);
    if (next_event(reader) < 0)
        return -1;
    *ret = read_yaml_value(reader);
    *ret_more = true;
    if (!*ret)
        read_on(reader);
    /* The end of the document must follow its value. */
    return *ret ? next_event(reader) : -1;
}

struct node *document_read_yaml(struct arena *arena, const char *text, size_t len,
                                enum document_keys keys, const struct document_limits *limits,
                                struct err *err)
{
    struct reader reader = {.arena = arena, .limits = limits, .err = err, .keys = keys};
    struct node *root = NULL;
    bool more;
    int result;

    if (reader_open(&reader, text, len) < 0)
        return NULL;
    result = read_document(&reader, &root, &more);
    reader_close(&reader);
    if (result < 0)
        return NULL;
    return root ? root : node_null(arena);
}

/* Whether the first thing in the text can only be JSON. */
static bool looks_like_json(const char *text, size_t len)
{
    size_t at = 0;

    while (at < len && strchr(" \t\r\n", text[at]) && text[at])
        at++;
    return at < len && text[at] == '{';
}

struct node *document_read_all(struct arena *arena, const char *text, size_t len,
                               const struct document_limits *limits, struct err *err)
{
    struct reader reader = {
        .arena = arena, .limits = limits, .err = err, .keys = DOCUMENT_KEYS_ONCE};
    struct node *all = node_list(arena);
    bool more = true;
    int result = 0;

    if (looks_like_json(text, len)) {
        struct node *one = document_read_json(arena, text, len, limits, NULL);

        if (one) {
            node_add(arena, all, one);
            return all;
        }
    }
    if (reader_open(&reader, text, len) < 0)
        return NULL;
    while (more && result == 0) {
        struct node *one = NULL;

        result = read_document(&reader, &one, &more);
        if (one && one->type != NODE_NULL)
            node_add(arena, all, one);
    }
    reader_close(&reader);
    return result < 0 ? NULL : all;
}
