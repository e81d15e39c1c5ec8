/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps sets of runes as ranges in order. */
#include "base/unicode.h"
#include "pattern/internal.h"

#include <stdlib.h>
#include <string.h>

/* Adds a range. Ranges may overlap and come in any order until class_tidy(). */
void class_add(struct arena *arena, struct class *class, unsigned first, unsigned last)
{
    if (class->count == class->room) {
        size_t room = class->room ? class->room * 2 : 4;
        struct range *wider = arena_alloc(arena, room * sizeof *wider);

        if (class->count)
            memcpy(wider, class->ranges, class->count * sizeof *wider);
        class->ranges = wider;
        class->room = room;
    }
    class->ranges[class->count++] = (struct range){first, last};
}

static int by_first(const void *a, const void *b)
{
    const struct range *left = a, *right = b;

    return (left->first > right->first) - (left->first < right->first);
}

/* Sorts the ranges, and joins those that overlap or touch. */
void class_tidy(struct class *class)
{
    size_t kept = 0;

    if (!class->count)
        return;
    qsort(class->ranges, class->count, sizeof *class->ranges, by_first);
    for (size_t i = 1; i < class->count; i++) {
        struct range *last = &class->ranges[kept];
        struct range next = class->ranges[i];

        if (next.first <= last->last + 1)
            last->last = next.last > last->last ? next.last : last->last;
        else
            class->ranges[++kept] = next;
    }
    class->count = kept + 1;
}

/* All runes that are in no range. */
void class_negate(struct arena *arena, struct class *class)
{
    struct class other = {0};
    unsigned next = 0;

    class_tidy(class);
    for (size_t i = 0; i < class->count; i++) {
        if (class->ranges[i].first > next)
            class_add(arena, &other, next, class->ranges[i].first - 1);
        next = class->ranges[i].last + 1;
    }
    if (next <= UNICODE_LAST)
        class_add(arena, &other, next, UNICODE_LAST);
    *class = other;
}

/* Binary search, so the class must be tidy. */
bool class_has(const struct class *class, unsigned rune)
{
    size_t low = 0, high = class->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (rune > class->ranges[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < class->count && rune >= class->ranges[low].first;
}

/* A class that is being filled, and where its ranges are allocated. */
struct class_filling {
    struct arena *arena;
    struct class *class;
};

static void add_unicode_range(void *arg, unsigned first, unsigned last)
{
    const struct class_filling *filling = arg;

    class_add(filling->arena, filling->class, first, last);
}

bool class_add_named(struct arena *arena, struct class *class, const char *name, size_t len)
{
    return unicode_each(name, len, add_unicode_range, &(struct class_filling){arena, class});
}
