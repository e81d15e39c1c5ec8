/* SPDX-License-Identifier: Apache-2.0 */
/* Sorts keys in the natural order of go-yaml: a2 before a10, other characters
   before letters. */
#include "document/yaml_order.h"
#include "base/unicode.h"

#include <stdlib.h>
#include <string.h>

static bool is_order_digit(unsigned rune)
{
    return rune >= '0' && rune <= '9';
}

static unsigned order_rune(const char *at)
{
    unsigned rune = 0xfffd;

    if ((unsigned char)*at < 0x80)
        return (unsigned char)*at;
    text_utf8_next((const unsigned char *)at, strlen(at), &rune);
    return rune;
}

/* The digits from here on as a number, and how many there are. */
static size_t read_run(const char *at, int64_t *number)
{
    uint64_t sum = (uint64_t)*number;
    size_t len = 0;

    for (; is_order_digit((unsigned char)at[len]); len++)
        sum = sum * 10 + (uint64_t)(at[len] - '0');
    *number = (int64_t)sum;
    return len;
}

static bool has_digits_before(const char *start, const char *at)
{
    while (at > start && is_order_digit((unsigned char)at[-1])) {
        if (*--at != '0')
            return true;
    }
    return false;
}

static int compare_numbers(const char *start, const char *left, const char *right)
{
    int64_t x = 0, y = 0;
    size_t x_len, y_len;

    /* A zero inside a number is one of its digits, not a leading zero. */
    if ((*left == '0' || *right == '0') && has_digits_before(start, left))
        x = y = 1;
    x_len = read_run(left, &x);
    y_len = read_run(right, &y);
    if (x != y)
        return x < y ? -1 : 1;
    if (x_len != y_len)
        return x_len < y_len ? -1 : 1;
    return order_rune(left) < order_rune(right) ? -1 : 1;
}

static int compare_natural(const char *left, const char *right, bool modern)
{
    const char *start = left;
    bool in_digits = false, x, y;

    while (*left && *left == *right) {
        in_digits = is_order_digit((unsigned char)*left);
        left++;
        right++;
    }
    /* The texts may differ within a rune: go back to its first byte. */
    while (left > start && ((unsigned char)*left & 0xc0) == 0x80) {
        left--;
        right--;
    }
    if (!*left || !*right)
        return *left ? 1 : *right ? -1 : 0;
    x = unicode_is_letter(order_rune(left));
    y = unicode_is_letter(order_rune(right));
    if (x && y)
        return order_rune(left) < order_rune(right) ? -1 : 1;
    if (x || y)
        return (modern && in_digits ? x : y) ? -1 : 1;
    return compare_numbers(start, left, right);
}

static int compare_v2(const void *a, const void *b)
{
    const struct node_member *const *l = a, *const *r = b;

    return compare_natural((*l)->key, (*r)->key, false);
}

static int compare_v3(const void *a, const void *b)
{
    const struct node_member *const *l = a, *const *r = b;

    return compare_natural((*l)->key, (*r)->key, true);
}

const struct node_member **yaml_order(const struct node *map, bool modern)
{
    const struct node_member **order = mem_alloc((map->len + 1) * sizeof(struct node_member *));

    for (size_t i = 0; i < map->len; i++)
        order[i] = &map->members[i];
    qsort(order, map->len, sizeof(struct node_member *), modern ? compare_v3 : compare_v2);
    return order;
}
