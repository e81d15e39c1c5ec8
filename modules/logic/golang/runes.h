/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOLANG_RUNES_H
#define GOLANG_RUNES_H

#include "base/text.h"
#include "base/unicode.h"

/* unicode.IsSpace; what else Go's package unicode knows is in base/unicode.h. */
bool rune_is_space(unsigned rune);

/* The rune at `at`; bad UTF-8 is U+FFFD and one byte long. len > 0. */
size_t rune_next(const char *at, size_t len, unsigned *ret);
void rune_put(struct text *out, unsigned rune);

#endif
