/* SPDX-License-Identifier: Apache-2.0 */
/* Reads numbers of documents within the range of what they will be used as. */

#include "number/number.h"

#include "document/document.h"

#include <assert.h>
#include <limits.h>

#define CENTURY (INT64_C(100) * 366 * 86400)

// clang-format off
static const struct { int64_t least, most; const char *words; } kinds[NUMBER_KINDS] = {
    [NUMBER_COUNT] = { 0, INT32_MAX, "a number from 0 to 2147483647" },
    [NUMBER_USER] = { 0, UINT32_MAX - 1, "a user id from 0 to 4294967294" },
    [NUMBER_GROUP] = { 0, UINT32_MAX - 1, "a group id from 0 to 4294967294" },
    [NUMBER_PORT] = { 1, 65535, "a port from 1 to 65535" },
    [NUMBER_PORT_OR_ANY] = { 0, 65535, "a port from 1 to 65535, or 0 for any" },
    [NUMBER_MODE] = { 0, 0777, "a file mode from 0 to 0777 (511)" },
    [NUMBER_SECONDS] = { 0, CENTURY, "seconds from 0 to 3162240000 (100 years)" },
    [NUMBER_MILLIS] = { 0, CENTURY * 1000, "thousandths from 0 to 3162240000000" },
    [NUMBER_BYTES] = { 0, INT64_C(1) << 53, "bytes from 0 to 9007199254740992 (8 PiB)" },
    [NUMBER_MICROS] = { 0, CENTURY * 1000000, "microseconds from 0 to 3162240000000000" },
    [NUMBER_SMALL] = { INT32_MIN, INT32_MAX, "a number from -2147483648 to 2147483647" },
};
// clang-format on

const char *number_words(enum number kind)
{
    return kinds[kind].words;
}

/* The bounds leave room for arithmetic: a sum or product of a few such numbers
   fits into 64 bits. */
bool number_fits(enum number kind, int64_t value)
{
    return value >= kinds[kind].least && value <= kinds[kind].most;
}

int number_check(const struct node *map, const char *key, enum number kind, struct err *err)
{
    const struct node *value = node_get(map, key);

    if (!value || node_is(value, NODE_NULL))
        return 0;
    if (!node_is(value, NODE_INT))
        return err_set(err, ERR_INVALID, "%.100s must be %s", key, kinds[kind].words);
    if (!number_fits(kind, value->integer))
        return err_set(err, ERR_INVALID, "%.100s is %lld, but must be %s", key,
                       (long long)value->integer, kinds[kind].words);
    return 0;
}

int64_t number_value(const struct node *node, enum number kind, int64_t none)
{
    return node_is(node, NODE_INT) && number_fits(kind, node->integer) ? node->integer : none;
}

int64_t number_get(const struct node *map, const char *key, enum number kind, int64_t none)
{
    return number_value(node_get(map, key), kind, none);
}

int number_as_int(const struct node *map, const char *key, enum number kind, int none)
{
    assert(kinds[kind].least >= INT_MIN && kinds[kind].most <= INT_MAX);
    return (int)number_get(map, key, kind, none);
}

uint32_t number_id(const struct node *map, const char *key)
{
    return (uint32_t)number_get(map, key, NUMBER_USER, NUMBER_NO_ID);
}

int64_t number_raw(const struct node *node)
{
    return node_is(node, NODE_INT) ? node->integer : 0;
}
