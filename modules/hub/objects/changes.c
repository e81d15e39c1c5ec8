/* SPDX-License-Identifier: Apache-2.0 */
/* Remembers recent changes, for watches and lists of an older version. */

#include "objects/inside.h"

#include <stdlib.h>
#include <string.h>

static size_t change_size(const struct change *change)
{
    const struct object *object = change->after ? change->after : change->last;

    return sizeof(*change) + sizeof(struct held) + (object ? object->len : 0);
}

static void change_free(struct change *change)
{
    object_drop(&change->before);
    object_drop(&change->after);
    object_drop(&change->last);
    mem_free(&change);
}

void changes_forget_oldest(struct objects *objects)
{
    struct change *change = objects->oldest;
    struct table *table = change->table;

    if (change->waiting)
        watch_expire(change);
    objects->oldest = change->next;
    if (!objects->oldest)
        objects->newest = NULL;
    table->first = change->next_here;
    if (!table->first)
        table->last = NULL;
    objects->forgotten = change->revision;
    objects->recent_bytes -= change_size(change);
    objects->recent_count--;
    change_free(change);
}

static void changes_forget(struct objects *objects)
{
    while (objects->oldest != objects->newest &&
           (objects->recent_bytes > objects->most_bytes ||
            objects->recent_count > objects->most_count))
        changes_forget_oldest(objects);
}

void objects_limit_memory(struct objects *objects, size_t bytes, size_t count)
{
    objects->most_bytes = bytes;
    objects->most_count = count;
    changes_forget(objects);
}

/* Takes the objects in `change` over. */
struct change *changes_remember(struct objects *objects, struct change value)
{
    struct change *change = mem_copy(&value, sizeof(value));
    struct table *table = change->table;

    if (objects->newest)
        objects->newest->next = change;
    else
        objects->oldest = change;
    objects->newest = change;
    if (table->last)
        table->last->next_here = change;
    else
        table->first = change;
    table->last = change;
    objects->recent_bytes += change_size(change);
    objects->recent_count++;
    changes_forget(objects);
    return change;
}

bool changes_space_went(const struct objects *objects, const char *space,
                        int64_t revision)
{
    const struct kind *kind = kinds_find(objects->kinds, "", "namespaces");
    const struct change *change = kind && *space ? table_of(objects, kind)->first : NULL;

    for (; change; change = change->next_here)
        if (change->revision > revision && !change->after && change->last &&
            !strcmp(change->last->name, space))
            return true;
    return false;
}
