/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

/*
 * A growing run of bytes on the caller's stack. Append freely; `bytes` always
 * ends with a NUL that `len` does not count, and is NULL until the first add.
 */
struct text {
    char *bytes; /* owned */
    size_t len, room;
    size_t limit; /* what goes beyond is dropped; 0: no limit */
    bool over;    /* something was dropped */
};

void text_free(struct text *text);
#define scoped_text SCOPED(text_free)

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const void *bytes, size_t len);
void text_add_char(struct text *text, char c);
void text_addf(struct text *text, const char *format, ...) PRINTF(2, 3);
void text_addv(struct text *text, const char *format, va_list args) PRINTF(2, 0);
/* Room for `len` more bytes; the caller writes them and adds to `len`. */
char *text_reserve(struct text *text, size_t len);
void text_cut(struct text *text, size_t len);
/* The string so far; "" when nothing was added. Valid until the next add. */
const char *text_string(const struct text *text);
/* Gives the bytes away; the text is empty again. Never NULL. */
char *text_take(struct text *text);

bool text_same(const char *a, const char *b); /* NULL is only like NULL */
bool text_starts(const char *string, const char *with);
bool text_ends(const char *string, const char *with);
/* Whether a list like "cpu,memory" has this word; `between` is what parts its words. */
bool text_has_word(const char *list, const char *word, char between);
bool text_is_utf8(const void *bytes, size_t len);
/*
 * In place: what a terminal or a page would act on instead of showing it becomes a
 * '?': control characters but for line ends and tabs, bytes that are no UTF-8, and
 * characters that change the direction of what follows. For words that came from a
 * program of a user's and are shown to a person.
 */
void text_make_printable(char *text);
/* The length of the UTF-8 sequence at `at`, 0 if it is not valid. */
size_t text_utf8_next(const unsigned char *at, size_t len, unsigned *ret_rune);
/* Writes the rune as UTF-8 (at most 4 bytes) and returns how many. */
size_t text_utf8_put(unsigned rune, char out[4]);
/*
 * Adds a text from outside so that it can be shown: what is not UTF-8, steers a
 * terminal (control characters, escape sequences) or turns the direction of
 * writing is replaced by U+FFFD; line ends and tabs too, unless `lines`.
 */
void text_add_printable(struct text *text, const char *bytes, size_t len, bool lines);
/* Whether that would change nothing. */
bool text_is_printable(const char *bytes, size_t len, bool lines);
/* A whole decimal integer, nothing before or after. */
bool text_to_int(const char *string, long long *ret);

/* Base64 of RFC 4648; `url` means its URL alphabet without padding. */
void text_add_base64(struct text *text, const void *bytes, size_t len, bool url);
/*
 * False if it is not base64. Padding may be left out whole, and the URL alphabet has none;
 * there is no white space. As in Go, unused bits of the last letter may be anything.
 */
bool text_add_unbase64(struct text *text, const char *string, size_t len, bool url);
void text_add_hex(struct text *text, const void *bytes, size_t len);
/* The value of a hexadecimal digit of either case; -1: it is none. */
int text_hex_value(char c);
bool text_add_unhex(struct text *text, const char *string, size_t len);

#endif
