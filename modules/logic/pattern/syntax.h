/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PATTERN_SYNTAX_H
#define PATTERN_SYNTAX_H

#include "pattern/internal.h"

/* The memory that parsing may use: \PL alone has a thousand ranges, and it is
   three bytes long. */
#define READ_BYTES ((size_t)4 * 1024 * 1024)

enum shape {
    SHAPE_EMPTY,
    SHAPE_CLASS,
    SHAPE_ASSERT,
    SHAPE_CONCAT,
    SHAPE_EITHER,
    SHAPE_REPEAT,
    SHAPE_GROUP,
};

/* An expression as a tree; children are a list through `next`. */
struct shape_node {
    enum shape shape;
    struct shape_node *child, *last, *next;
    struct class class;
    enum step assert;
    int least, most; /* -1: without end */
    bool lazy;
    size_t group;
};

struct syntax_flags {
    bool fold, many_lines, dot_all, lazy;
};

/* An expression that is being read. */
struct syntax {
    struct pattern *pattern;
    const char *text;
    size_t len, at;
    struct syntax_flags flags;
    unsigned depth;
    size_t most, name_room;
    struct err *err;
};

/* Fills the error with Go's words and what stands from `from` to `to`. NULL. */
void *syntax_refuse(struct syntax *reader, const char *why, size_t from, size_t to);
struct shape_node *syntax_node(struct syntax *reader, enum shape shape);
void syntax_append(struct shape_node *parent, struct shape_node *child);

bool syntax_more(const struct syntax *reader);
bool syntax_ahead(const struct syntax *reader, const char *what);
unsigned syntax_next_rune(struct syntax *reader);

/* \d, \pL and their like: 1 if one was added, 0 if none is here, -1: an error. */
int syntax_read_set(struct syntax *reader, struct class *into);
/* An escaped rune, the backslash included. */
bool syntax_read_escape(struct syntax *reader, unsigned *ret);
/* "[a-z]", from the bracket on, and the other cases of what is in a class. */
struct shape_node *syntax_read_class(struct syntax *reader);
void syntax_add_other_cases(struct syntax *reader, struct class *class);
void syntax_add_range(struct syntax *reader, struct class *class, unsigned first, unsigned last);

/* Alternatives up to the end or a closing parenthesis. */
struct shape_node *syntax_read(struct syntax *reader);

#endif
