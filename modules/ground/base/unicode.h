/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_UNICODE_H
#define BASE_UNICODE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Categories, scripts and case mappings of Unicode's code points ("runes").
 *
 * The facts are those of version 15.0.0, which Go 1.24 has as well: patterns,
 * templates and the order of YAML keys are compared with what Go answers. They
 * are in unicode.def, which install/unicode.py writes.
 */
#define UNICODE_VERSION "15.0.0"
#define UNICODE_LAST 0x10ffffu

/* unicode.IsLetter: the categories L*. */
bool unicode_is_letter(unsigned rune);
/* unicode.IsDigit: the category Nd. */
bool unicode_is_digit(unsigned rune);
/* strconv.IsPrint: letters, marks, numbers, punctuation, symbols and ' '. */
bool unicode_is_printable(unsigned rune);

/* The simple mappings, one rune to one rune; the rune itself if it has none. */
unsigned unicode_upper(unsigned rune);
unsigned unicode_lower(unsigned rune);
unsigned unicode_title(unsigned rune);

typedef void unicode_range_fn(void *arg, unsigned first, unsigned last);
/*
 * Calls back with each range of runes of a category ("Lu"), of a group of them
 * ("L") or of a script ("Greek"), ranges in order; "Any" is every rune. False
 * if the name is not known: of the scripts, unicode.def has the larger ones.
 */
bool unicode_each(const char *name, size_t len, unicode_range_fn *each, void *arg);

#endif
