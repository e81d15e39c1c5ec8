/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a tree from JSON that is known to be well-formed, in one pass. */
#include "document/document.h"
#include "document/node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * The text is copied into the arena once and strings stay where they are in the
 * copy: their closing quote becomes the NUL. The reader checks only what it needs
 * to stay within the text, and returns NULL without a reason for a text that is
 * not JSON. Bytes from outside go through scan.c first.
 */
#define DEEPEST 1024 /* as in scan.c */

struct own {
    struct arena *arena;
    char *at, *end; /* *end is NUL */
    unsigned depth;
    /* Children of all open levels, the innermost level last. */
    struct own_child {
        const char *key;
        struct node node;
    } * children; /* owned */
    size_t count, room;
};

static bool read_json_value(struct own *own, struct node *ret);

static void skip_own_space(struct own *own)
{
    while (*own->at == ' ' || *own->at == '\n' || *own->at == '\r' || *own->at == '\t')
        own->at++;
}

static bool eat_byte(struct own *own, char c)
{
    skip_own_space(own);
    if (*own->at != c)
        return false;
    own->at++;
    return true;
}

static int read_hex4(const char *digits)
{
    int value = 0;

    for (int i = 0; i < 4; i++) {
        char c = digits[i];

        if (c >= '0' && c <= '9')
            value = value * 16 + c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            value = value * 16 + (c | 0x20) - 'a' + 10;
        else
            return -1;
    }
    return value;
}

/* Reads \uXXXX, or a surrogate pair of two for a rune beyond 16 bits (RFC 8259
   section 7). */
static size_t unescape_rune(const char **from, char *to)
{
    int rune = read_hex4(*from + 1), low;

    *from += 5;
    if (rune >= 0xd800 && rune < 0xdc00 && (*from)[0] == '\\' && (*from)[1] == 'u') {
        low = read_hex4(*from + 2);
        *from += 6;
        if (low < 0xdc00 || low > 0xdfff)
            return 0;
        rune = 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00);
    }
    if (rune <= 0 || (rune >= 0xd800 && rune < 0xe000))
        return 0;
    return text_utf8_put((unsigned)rune, to);
}

/* Writes the bytes of the escape at `from`, which are never longer than it.
   Returns their number, 0 for an escape that only the other reader may judge. */
static size_t unescape_json(const char **from, char *to)
{
    static const char letters[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    const char *found;
    char c = *++*from;

    if (c == 'u')
        return unescape_rune(from, to);
    found = c ? strchr(letters, c) : NULL;
    /* Letters stand at even positions, their meanings behind them. */
    if (!found || (found - letters) % 2)
        return 0;
    ++*from;
    *to = found[1];
    return 1;
}

/* Reads a string at its opening quote, in place: it never becomes longer. */
static char *read_json_string(struct own *own, size_t *ret_len)
{
    char *start = own->at + 1, *to;
    const char *from = start;

    while (*from != '"' && *from != '\\' && (unsigned char)*from >= 0x20)
        from++;
    to = start + (from - start);
    while (*from != '"') {
        if (*from == '\\') {
            size_t len = unescape_json(&from, to);

            if (!len)
                return NULL;
            to += len;
        } else if ((unsigned char)*from >= 0x20) {
            *to++ = *from++;
        } else {
            return NULL;
        }
    }
    *to = '\0';
    *ret_len = (size_t)(to - start);
    own->at += from + 1 - own->at;
    return start;
}

/* Reads a number of 18 and more digits as an integer, if it is one and fits. */
static bool read_long(struct own *own, struct node *ret)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(own->at, &end, 10);
    if (errno || (*end && strchr(".eE", *end)))
        return false;
    ret->type = NODE_INT;
    ret->integer = value;
    own->at = end;
    return true;
}

static bool read_json_number(struct own *own, struct node *ret)
{
    const char *at = own->at;
    bool negative = *at == '-';
    int64_t value = 0;
    char *end;

    at += negative;
    while (*at >= '0' && *at <= '9' && at - own->at < 18)
        value = value * 10 + (*at++ - '0');
    if (at == own->at + negative || (own->at[negative] == '0' && at > own->at + negative + 1))
        return false;
    if (!strchr("0123456789.eE", *at) || !*at) {
        ret->type = NODE_INT;
        ret->integer = negative ? -value : value;
        own->at += at - own->at;
        return true;
    }
    if (*at >= '0' && *at <= '9' && read_long(own, ret))
        return true;
    ret->type = NODE_FLOAT;
    ret->number = strtod(own->at, &end);
    own->at = end;
    return true;
}

static bool read_json_word(struct own *own, struct node *ret)
{
    if (!strncmp(own->at, "true", 4)) {
        ret->type = NODE_BOOL;
        ret->boolean = true;
        own->at += 4;
    } else if (!strncmp(own->at, "false", 5)) {
        ret->type = NODE_BOOL;
        own->at += 5;
    } else if (!strncmp(own->at, "null", 4)) {
        own->at += 4;
    } else {
        return false;
    }
    return true;
}

static bool add_child(struct own *own, const char *key)
{
    struct node value = {0};

    if (!read_json_value(own, &value))
        return false;
    if (own->count == own->room) {
        own->room = own->room ? own->room * 2 : 64;
        own->children = mem_resize_array(own->children, own->room, sizeof *own->children);
    }
    own->children[own->count++] = (struct own_child){key, value};
    return true;
}

/* Moves the children from `first` on to `ret`, in one piece of memory. */
static void adopt_value(struct own *own, struct node *ret, size_t first)
{
    size_t count = own->count - first;
    const struct own_child *child;
    struct node *nodes;

    own->count = first;
    ret->len = count;
    ret->room = (unsigned)count;
    if (!count)
        return;
    child = own->children + first;
    nodes = arena_alloc(own->arena, count * sizeof *nodes);
    for (size_t i = 0; i < count; i++)
        nodes[i] = child[i].node;
    if (ret->type == NODE_LIST) {
        ret->items = arena_alloc(own->arena, count * sizeof *ret->items);
        for (size_t i = 0; i < count; i++)
            ret->items[i] = &nodes[i];
        return;
    }
    ret->members = arena_alloc(own->arena, count * sizeof *ret->members);
    for (size_t i = 0; i < count; i++)
        ret->members[i] = (struct node_member){child[i].key, &nodes[i]};
    node_make_index(own->arena, ret);
}

static bool read_json_children(struct own *own, bool map, char close)
{
    if (eat_byte(own, close))
        return true;
    do {
        const char *key = NULL;
        size_t len;

        skip_own_space(own);
        if (map && (*own->at != '"' || !(key = read_json_string(own, &len)) || !eat_byte(own, ':')))
            return false;
        if (!add_child(own, key))
            return false;
    } while (eat_byte(own, ','));
    return eat_byte(own, close);
}

static bool read_json_value(struct own *own, struct node *ret)
{
    size_t first = own->count;
    bool map, whole;

    skip_own_space(own);
    if (*own->at == '"') {
        ret->type = NODE_STRING;
        ret->string = read_json_string(own, &ret->len);
        return ret->string != NULL;
    }
    map = *own->at == '{';
    if (!map && *own->at != '[')
        return *own->at == '-' || (*own->at >= '0' && *own->at <= '9') ? read_json_number(own, ret)
                                                                       : read_json_word(own, ret);
    if (own->depth == DEEPEST)
        return false;
    own->at++;
    own->depth++;
    ret->type = map ? NODE_MAP : NODE_LIST;
    whole = read_json_children(own, map, map ? '}' : ']');
    own->depth--;
    if (whole)
        adopt_value(own, ret, first);
    return whole;
}

struct node *document_read_plain(struct arena *arena, const char *text, size_t len)
{
    struct own own = {.arena = arena, .at = arena_bytes(arena, text, len)};
    struct node *root = node_null(arena);
    bool whole;

    own.end = own.at + len;
    whole = read_json_value(&own, root);
    skip_own_space(&own);
    whole = whole && own.at == own.end;
    mem_free(&own.children);
    return whole ? root : NULL;
}

/* The slow reader is the second try: it explains the error. */
struct node *document_read_own(struct arena *arena, const char *text, size_t len, struct err *err)
{
    struct node *root = document_read_plain(arena, text, len);

    return root ? root : document_read_json(arena, text, len, &document_limits_own, err);
}

/* ---- One member ------------------------------------------------------------- */

/* Behind the string whose opening quote is at `at`; NULL if it has no end. */
static const char *pass_string(const char *at, const char *end)
{
    for (at++; (at = memchr(at, '"', (size_t)(end - at))); at++) {
        const char *before = at;

        while (before[-1] == '\\')
            before--;
        if ((at - before) % 2 == 0)
            return at + 1;
    }
    return NULL;
}

/* Behind the value at `at`: where a comma or bracket of its parent stands. */
static const char *pass_value(const char *at, const char *end)
{
    size_t depth = 0;

    while (at && at < end) {
        if (*at == '"') {
            at = pass_string(at, end);
            continue;
        }
        if (depth == 0 && (*at == ',' || *at == '}' || *at == ']'))
            return at;
        if (*at == '{' || *at == '[')
            depth++;
        else if (*at == '}' || *at == ']')
            depth--;
        at++;
    }
    return NULL;
}

static const char *pass_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

/* A key with an escape is not found, and none of ours has one. */
struct node *document_read_own_member(struct arena *arena, const char *text, size_t len,
                                      const char *name)
{
    const char *end = text + len, *at = pass_space(text, end), *key, *value;
    size_t name_len = strlen(name);

    for (; at < end && (*at == '{' || *at == ','); at = value) {
        key = pass_space(at + 1, end);
        if (key == end || *key != '"' || !(at = pass_string(key, end)))
            return NULL;
        value = pass_space(at, end);
        if (value == end || *value != ':')
            return NULL;
        value++;
        if ((size_t)(at - key) == name_len + 2 && !memcmp(key + 1, name, name_len)) {
            at = pass_value(value, end);
            return at ? document_read_plain(arena, value, (size_t)(at - value)) : NULL;
        }
        value = pass_value(value, end);
        if (!value)
            return NULL;
    }
    return NULL;
}
