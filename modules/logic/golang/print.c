/* SPDX-License-Identifier: Apache-2.0 */
/* Prints values as Go's fmt does with %v. */
#include "golang/dates.h"
#include "golang/float.h"
#include "golang/print.h"
#include "golang/semver.h"

#include <inttypes.h>

static bool print_at(struct text *out, struct value v, unsigned depth);

/* [a b c], without a type. */
static bool print_list_at(struct text *out, struct list *list, unsigned depth)
{
    text_add_char(out, '[');
    for (uint32_t i = 0; i < list_len(list); i++) {
        if (i)
            text_add_char(out, ' ');
        if (!print_at(out, list->items[i], depth))
            return false;
    }
    text_add_char(out, ']');
    return true;
}

/* map[k:v], sorted by keys. */
static bool print_dict_at(struct text *out, struct dict *dict, unsigned depth)
{
    struct dict_entry *entries = dict_sort(dict);

    text_add(out, "map[");
    for (uint32_t i = 0; i < dict->len; i++) {
        if (i)
            text_add_char(out, ' ');
        text_add_bytes(out, entries[i].key, entries[i].len);
        text_add_char(out, ':');
        if (!print_at(out, entries[i].value, depth))
            return false;
    }
    text_add_char(out, ']');
    return true;
}

/* (1+2i); the sign of the imaginary part is always shown. */
static void print_complex(struct text *out, const double *parts)
{
    text_add_char(out, '(');
    float_print(out, parts[0], 'g', -1);
    if (!(parts[1] < 0))
        text_add_char(out, '+');
    float_print(out, parts[1], 'g', -1);
    text_add(out, "i)");
}

/* False stops all: a value that is too deep may hold itself. */
static bool print_at(struct text *out, struct value v, unsigned depth)
{
    if (depth > PRINT_DEPTH || out->over)
        return false;
    switch (v.kind) {
    case KIND_NIL:
        text_add(out, "<nil>");
        break;
    case KIND_BOOL:
        text_add(out, v.truth ? "true" : "false");
        break;
    case KIND_FLOAT:
        float_print(out, v.number, 'g', -1);
        break;
    case KIND_COMPLEX:
        print_complex(out, v.complex);
        break;
    case KIND_STRING:
        text_add_bytes(out, v.string, v.len);
        break;
    case KIND_LIST:
        return print_list_at(out, v.list, depth + 1);
    case KIND_DICT:
        return print_dict_at(out, v.dict, depth + 1);
    case KIND_TIME:
        print_time(out, v.time);
        break;
    case KIND_MONTH:
        text_add(out, calendar_month_name(v.integer));
        break;
    case KIND_WEEKDAY:
        text_add(out, calendar_weekday_name(v.integer));
        break;
    case KIND_DURATION:
        print_duration(out, v.integer);
        break;
    case KIND_SEMVER:
        semver_print(out, v.semver);
        break;
    default:
        text_addf(out, "%" PRId64, v.integer);
        break;
    }
    return true;
}

bool print_value(struct text *out, struct value v)
{
    return print_at(out, v, 0);
}

/* fmt.Sprint's rule: a space stands between two operands where neither is a string. */
bool print_values(struct text *out, const struct value *args, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i && args[i].kind != KIND_STRING && args[i - 1].kind != KIND_STRING)
            text_add_char(out, ' ');
        if (!print_value(out, args[i]))
            return false;
    }
    return true;
}
