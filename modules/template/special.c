/* SPDX-License-Identifier: Apache-2.0 */
/* Finds methods of values that have some. */
#include "template/function.h"

void print_time(struct text *out, const struct instant *time) { text_add(out, "?"); }
void print_time_rfc3339(struct text *out, const struct instant *time) { text_add(out, "?"); }
void print_duration(struct text *out, int64_t nanoseconds) { text_add(out, "?"); }
const char *month_name(int64_t month) { return "?"; }
const char *weekday_name(int64_t weekday) { return "?"; }
const struct function *method_find(struct value receiver, struct str name)
{
    return NULL;
}
