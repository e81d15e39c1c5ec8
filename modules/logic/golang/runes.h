/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOLANG_RUNES_H
#define GOLANG_RUNES_H

#include "base/text.h"

/* What Go's unicode package knows, as far as templates ask. */
bool rune_letter(unsigned rune);
bool rune_digit(unsigned rune);
bool rune_printable(unsigned rune);
bool rune_space(unsigned rune);
unsigned rune_upper(unsigned rune);
unsigned rune_lower(unsigned rune);
unsigned rune_title(unsigned rune);

/* The rune at `at`; bad UTF-8 is U+FFFD and one byte long. len > 0. */
size_t rune_next(const char *at, size_t len, unsigned *ret);
void rune_put(struct text *out, unsigned rune);

#endif
