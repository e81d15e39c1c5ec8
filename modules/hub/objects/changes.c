/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers recent changes, for watches and for lists at an older revision. */

#include "objects/keeper.h"

#include <stdlib.h>
#include <string.h>

static size_t change_size(const struct change *change)
{
    const struct object *object = change->after ? change->after : change->last;

    return sizeof(*change) + sizeof(*object) + object->len;
}

static void change_free(struct change *change)
{
    object_drop(&change->before);
    object_drop(&change->after);
    object_drop(&change->last);
    mem_free(&change);
}

static void forget_oldest_change(struct keeper *keeper)
{
    struct changes *changes = &keeper->changes;
    struct change *change = changes->oldest;
    struct table *table = change->table;

    if (change->waiting)
        watches_expire(change);
    changes->oldest = change->next;
    if (!changes->oldest)
        changes->newest = NULL;
    table->first = change->next_here;
    if (!table->first)
        table->last = NULL;
    keeper->forgotten = change->revision;
    changes->bytes -= change_size(change);
    changes->count--;
    change_free(change);
}

static void forget_surplus(struct keeper *keeper)
{
    const struct changes *changes = &keeper->changes;

    while (changes->oldest != changes->newest &&
           (changes->bytes > changes->most_bytes || changes->count > changes->most_count))
        forget_oldest_change(keeper);
}

void objects_limit_memory(struct objects *objects, size_t bytes, size_t count)
{
    objects->keeper.changes.most_bytes = bytes;
    objects->keeper.changes.most_count = count;
    forget_surplus(&objects->keeper);
}

struct change *changes_remember(struct keeper *keeper, struct change value)
{
    struct changes *changes = &keeper->changes;
    struct change *change = mem_copy(&value, sizeof(value));
    struct table *table = change->table;

    if (changes->newest)
        changes->newest->next = change;
    else
        changes->oldest = change;
    changes->newest = change;
    if (table->last)
        table->last->next_here = change;
    else
        table->first = change;
    table->last = change;
    changes->bytes += change_size(change);
    changes->count++;
    forget_surplus(keeper);
    return change;
}

void changes_free(struct keeper *keeper)
{
    while (keeper->changes.oldest)
        forget_oldest_change(keeper);
}
