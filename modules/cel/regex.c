/* SPDX-License-Identifier: Apache-2.0 */
/* matches(), find() and findAll(): the seam to regular expressions. */
#include "cel/inside.h"

#define FN(name)                                                               \
    static int name(struct cel_run *run, const struct cel_value *args,         \
                    size_t count, struct cel_value *ret)

/*
 * There is no module for RE2's syntax in this program yet. An expression that
 * needs one compiles, and says so when it is evaluated.
 */
FN(fn_not_built)
{
    return cel_fail(run, "regular expressions are not built in this program yet");
}

static const struct cel_overload regex[] = {
    { "matches", "s.s", 'b', fn_not_built },
    { "matches", "ss", 'b', fn_not_built },
    { "find", "s.s", 's', fn_not_built },
    { "findAll", "s.s", 'l', fn_not_built },
    { "findAll", "s.si", 'l', fn_not_built },
};
const struct cel_table cel_regex = { regex, count_of(regex) };
