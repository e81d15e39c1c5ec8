/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOLANG_LITERAL_H
#define GOLANG_LITERAL_H

#include "golang/value.h"

/* strconv.Quote, and the ASCII-only kind. */
void literal_quote(struct text *out, struct str s, char quote, bool ascii);
/* A quoted or raw string; false if it is not well-formed. */
bool literal_unquote(struct arena *arena, struct str spelt, struct str *ret);

/* What a constant is, in each of the types that can hold it. */
struct literal_number {
    bool is_int, is_uint, is_float, is_complex;
    int64_t integer;
    uint64_t whole;
    double number;
    double complex[2];
};

enum literal_type {
    LITERAL_NUMBER,
    LITERAL_CHARACTER, /* 'a' */
    LITERAL_COMPLEX,   /* 1+2i */
};

/* Reads a constant; false with `words` filled. */
bool literal_number(struct str spelt, enum literal_type type, struct literal_number *ret,
                    char *words, size_t size);
/* Is it written as an integer, and not one that came by way of a float? */
bool literal_is_int(struct str spelt, const struct literal_number *number);

#endif
