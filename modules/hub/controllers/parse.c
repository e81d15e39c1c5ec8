/* SPDX-License-Identifier: Apache-2.0 */
/* Parses objects for controllers, those of one change once. */
#include "controllers/parse.h"

#include <assert.h>

struct node *controllers_parse(struct controllers *all, struct arena *arena,
                               const struct object *object)
{
    all->counts.parsed++;
    return object_read(arena, object);
}

const struct node *controllers_read(struct controllers *all, const struct object *object)
{
    struct told_change *change = &all->change;

    for (size_t i = 0; i < change->count; i++)
        if (change->objects[i] == object)
            return change->nodes[i];
    assert(change->count < count_of(change->objects));
    if (!change->arena)
        change->arena = arena_new();
    change->objects[change->count] = object;
    change->nodes[change->count] = controllers_parse(all, change->arena, object);
    return change->nodes[change->count++];
}

void controllers_read_done(struct controllers *all)
{
    arena_free(&all->change.arena);
    all->change.count = 0;
}
