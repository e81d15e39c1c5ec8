/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PATTERN_H
#define PATTERN_H

#include "base/err.h"
#include "base/mem.h"
#include "base/meter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Regular expressions in RE2's syntax, as Go's regexp package reads them.
 *
 * There is no back-tracking: all ways to match are followed at once, so time
 * grows with the length of the text times the size of the expression, whatever
 * they contain, and memory with the size of the expression alone. What
 * cannot be had that way (look-ahead, back references) is not in the syntax.
 *
 * It knows UTF-8 and not what it is used for. A pattern never changes after it is
 * made; finding needs memory of its own and any thread may do it.
 */
struct pattern;

/*
 * ERR_INVALID with Go's words: "error parsing regexp: missing closing ): `(`".
 * An expression of more than `most` instructions is refused; 0: 10,000.
 */
struct pattern *pattern_new(const char *text, size_t len, size_t most, struct err *err) MUST_CHECK;
void pattern_free(struct pattern **pattern);
#define scoped_pattern SCOPED(pattern_free)

/* How many bytes it holds, which is also what making it costs, in units. */
size_t pattern_size(const struct pattern *pattern);
/* The whole match is group 0, so there is at least one. */
size_t pattern_groups(const struct pattern *pattern);
/* The group of a name, or 0. */
size_t pattern_group_named(const struct pattern *pattern, const char *name, size_t len);

/*
 * The leftmost match at or after `from`; of several there, the one that a
 * back-tracker would find first. `ret` has room for two offsets per group
 * (start and end, -1 where the group took no part), or is NULL, which is
 * faster. `meter` pays for the work; when nothing is left there, the search is
 * given up as if there were no match: ask meter_over().
 */
bool pattern_find(const struct pattern *pattern, const char *text, size_t len, size_t from,
                  ptrdiff_t *ret, struct meter *meter);

#endif
