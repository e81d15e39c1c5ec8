/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the runes of an expression, builds the nodes of its tree, and reports errors. */
#include "base/text.h"
#include "pattern/syntax.h"

#include <string.h>

/* Go's message shows the part of the expression that is wrong; at most 300 bytes
   of it are shown here. */
void *syntax_refuse(struct syntax *reader, const char *why, size_t from, size_t to)
{
    to = to > reader->len ? reader->len : to;
    from = from > to ? to : from;
    err_set(reader->err, ERR_INVALID, "error parsing regexp: %s: `%.*s`", why,
            (int)(to - from > 300 ? 300 : to - from), reader->text + from);
    return NULL;
}

struct shape_node *syntax_node(struct syntax *reader, enum shape shape)
{
    struct shape_node *node = arena_alloc(reader->pattern->arena, sizeof *node);

    node->shape = shape;
    return node;
}

void syntax_append(struct shape_node *parent, struct shape_node *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->child = child;
    parent->last = child;
}

bool syntax_more(const struct syntax *reader)
{
    return reader->at < reader->len;
}

bool syntax_ahead(const struct syntax *reader, const char *what)
{
    size_t len = strlen(what);

    return reader->len - reader->at >= len && memcmp(reader->text + reader->at, what, len) == 0;
}

/* The text is known to be UTF-8, so every step is at least one byte. */
unsigned syntax_next_rune(struct syntax *reader)
{
    unsigned rune = 0;
    size_t step = text_utf8_next((const unsigned char *)reader->text + reader->at,
                                 reader->len - reader->at, &rune);

    reader->at += step ? step : 1;
    return step ? rune : 0xfffd;
}
