/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PATTERN_INTERNAL_H
#define PATTERN_INTERNAL_H

#include "pattern/pattern.h"

/* Runes from first to last. */
struct range {
    unsigned first, last;
};

struct class
{
    struct range *ranges;
    size_t count, room;
};

enum step {
    STEP_CLASS, /* one rune of a class */
    STEP_SPLIT, /* first `to`, then `other` */
    STEP_JUMP,
    STEP_SAVE,
    STEP_BEGIN_TEXT,
    STEP_END_TEXT,
    STEP_BEGIN_LINE,
    STEP_END_LINE,
    STEP_WORD_EDGE,
    STEP_NO_WORD_EDGE,
    STEP_MATCH,
};

struct instruction {
    enum step step;
    unsigned to, other; /* of SAVE: the slot is `other` */
    const struct class *class;
};

struct group_name {
    const char *name;
    size_t len, group;
};

struct pattern {
    struct arena *arena; /* owned */
    struct instruction *code;
    size_t count;
    size_t groups;
    struct group_name *names;
    size_t name_count;
};

void class_add(struct arena *arena, struct class *class, unsigned first, unsigned last);
/* Sorts and joins the ranges. */
void class_tidy(struct class *class);
void class_negate(struct arena *arena, struct class *class);
bool class_has(const struct class *class, unsigned rune);
/* A category or script of base/unicode.h by name; false if it is not known. */
bool class_add_named(struct arena *arena, struct class *class, const char *name, size_t len);

#endif
