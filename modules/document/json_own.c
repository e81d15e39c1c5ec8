/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a tree from JSON that this program wrote, in one pass. */
#include "document/document.h"
#include "document/node.h"

#include <stdlib.h>
#include <string.h>

/*
 * The text is copied into the arena once and its strings stay where they are
 * in the copy: a closing quote becomes the NUL. Whatever looks unusual is left
 * to the reader that checks everything; so this one never has to explain.
 */
#define DEEPEST 512

struct own {
    struct arena *arena;
    char *at, *end; /* *end is NUL */
    unsigned depth;
    /* Children of the levels that are open, the innermost last. */
    struct own_child {
        const char *key;
        struct node node;
    } *children; /* owned */
    size_t count, room;
};

static bool read_value(struct own *own, struct node *ret);

static void skip_space(struct own *own)
{
    while (*own->at == ' ' || *own->at == '\n' || *own->at == '\r' ||
           *own->at == '\t')
        own->at++;
}

static bool eat(struct own *own, char c)
{
    skip_space(own);
    if (*own->at != c)
        return false;
    own->at++;
    return true;
}

static int hex4(const char *digits)
{
    int value = 0;

    for (int i = 0; i < 4; i++) {
        char c = digits[i];

        if (c >= '0' && c <= '9')
            value = value * 16 + c - '0';
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + c - 'a' + 10;
        else
            return -1;
    }
    return value;
}

/* The byte that the escape at `from` stands for; 0: ask the other reader. */
static char unescape(const char **from)
{
    static const char letters[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    const char *found;
    char c = *++*from;
    int value;

    if (c == 'u') {
        value = hex4(*from + 1);
        *from += 5;
        return value > 0 && value < 0x80 ? (char)value : '\0';
    }
    found = c ? strchr(letters, c) : NULL;
    /* Letters stand at even places; what they mean behind them. */
    if (!found || (found - letters) % 2)
        return '\0';
    ++*from;
    return found[1];
}

/* At an opening quote. The string ends where it began, or before. */
static char *read_string(struct own *own, size_t *ret_len)
{
    char *start = own->at + 1, *to;
    const char *from = start;

    while (*from != '"' && *from != '\\' && (unsigned char)*from >= 0x20)
        from++;
    to = start + (from - start);
    while (*from != '"') {
        if (*from == '\\') {
            *to = unescape(&from);
            if (!*to++)
                return NULL;
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

static bool read_number(struct own *own, struct node *ret)
{
    const char *at = own->at;
    bool negative = *at == '-';
    int64_t value = 0;
    char *end;

    at += negative;
    while (*at >= '0' && *at <= '9' && at - own->at < 18)
        value = value * 10 + (*at++ - '0');
    if (at == own->at + negative ||
        (own->at[negative] == '0' && at > own->at + negative + 1))
        return false;
    if (!strchr("0123456789.eE", *at) || !*at) {
        ret->type = NODE_INT;
        ret->integer = negative ? -value : value;
        own->at += at - own->at;
        return true;
    }
    if (*at >= '0' && *at <= '9')
        return false;
    ret->type = NODE_FLOAT;
    ret->number = strtod(own->at, &end);
    own->at = end;
    return true;
}

static bool read_word(struct own *own, struct node *ret)
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

    if (!read_value(own, &value))
        return false;
    if (own->count == own->room) {
        own->room = own->room ? own->room * 2 : 64;
        own->children = mem_resize_array(own->children, own->room,
                                         sizeof *own->children);
    }
    own->children[own->count++] = (struct own_child){key, value};
    return true;
}

/* The children from `first` on become those of `ret`, laid side by side. */
static void adopt(struct own *own, struct node *ret, size_t first)
{
    size_t count = own->count - first;
    const struct own_child *child = own->children + first;
    struct node *nodes;

    own->count = first;
    ret->len = count;
    ret->room = (unsigned)count;
    if (!count)
        return;
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

static bool read_children(struct own *own, bool map, char close)
{
    if (eat(own, close))
        return true;
    do {
        const char *key = NULL;
        size_t len;

        skip_space(own);
        if (map && (*own->at != '"' || !(key = read_string(own, &len)) ||
                    !eat(own, ':')))
            return false;
        if (!add_child(own, key))
            return false;
    } while (eat(own, ','));
    return eat(own, close);
}

static bool read_value(struct own *own, struct node *ret)
{
    size_t first = own->count;
    bool map, whole;

    skip_space(own);
    if (*own->at == '"') {
        ret->type = NODE_STRING;
        ret->string = read_string(own, &ret->len);
        return ret->string != NULL;
    }
    map = *own->at == '{';
    if (!map && *own->at != '[')
        return *own->at == '-' || (*own->at >= '0' && *own->at <= '9')
                   ? read_number(own, ret)
                   : read_word(own, ret);
    if (own->depth == DEEPEST)
        return false;
    own->at++;
    own->depth++;
    ret->type = map ? NODE_MAP : NODE_LIST;
    whole = read_children(own, map, map ? '}' : ']');
    own->depth--;
    if (whole)
        adopt(own, ret, first);
    return whole;
}

struct node *document_read_own(struct arena *arena, const char *text,
                               size_t len, struct err *err)
{
    struct own own = {.arena = arena, .at = arena_bytes(arena, text, len)};
    struct node *root = node_null(arena);
    bool whole;

    own.end = own.at + len;
    whole = read_value(&own, root);
    skip_space(&own);
    whole = whole && own.at == own.end;
    free(own.children);
    return whole ? root
                 : document_read_json(arena, text, len, &document_limits_own, err);
}
