/* SPDX-License-Identifier: Apache-2.0 */
/* Removes works that are Complete for as long as they say. */
#include "controllers/pass.h"
#include "controllers/table.h"

#include "work/work.h"

#include <string.h>

static int reconcile_ttl(struct reconcile_run *run, struct err *err)
{
    struct seen work;
    int64_t at = 0;

    if (!reconcile_get(run, KIND_ID_WORK, run->namespace, run->name, &work))
        return 0;
    switch (work_ttl(work.node, run->now, &at)) {
    case WORK_WAIT:
        reconcile_wake_at(run, at);
        return 0;
    case WORK_DELETE:
        return reconcile_remove(run, KIND_ID_WORK, run->namespace, run->name, err);
    default:
        return 0;
    }
}

/* Few works have an end; the others wake nobody. */
static void map_ending(struct controllers *all, const struct controller *to,
                       const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = NULL;
    const struct node *work;

    if (!after || !strstr(after->body, "ttlSecondsAfterFinished"))
        return;
    arena = arena_new();
    work = object_read(arena, after);
    if (node_at(work, "spec", "deleteOption", "ttlSecondsAfterFinished", NULL))
        controllers_wake(all, to, after->namespace, after->name);
}

const struct controller controller_ttl = {
    .name = "ttl",
    .run = reconcile_ttl,
    .about = KIND_ID_WORK,
    .sources = {{KIND_ID_WORK, map_ending}},
    .source_count = 1,
};
