/* SPDX-License-Identifier: Apache-2.0 */
/* Counts who joined with a token and says when it stops working. */
#include "controllers/controller.h"

#include "base/clock.h"

#include <string.h>

static int64_t count_joined(struct pass *pass)
{
    const struct node *all = pass_list(pass, CLUSTER, NULL, NULL, pass->name);
    int64_t count = 0;

    for (size_t i = 0; i < node_count(all); i++)
        count += !strcmp(object_annotation(node_item(all, i), JOINED_WITH),
                         pass->name);
    return count;
}

static int run(struct pass *pass, struct err *err)
{
    const struct node *spec;
    struct seen token;
    struct node *status;
    int64_t used, kept, expires = 0;
    const char *phase = "Active";

    if (!pass_get(pass, JOIN_TOKEN, "", pass->name, &token))
        return 0;
    spec = node_get(token.node, "spec");
    status = status_copy(pass->arena, token.node);
    /* A cluster that left has used it all the same. */
    kept = node_get_int(status, "used", 0);
    used = count_joined(pass);
    if (used < kept)
        used = kept;
    clock_parse(node_get_text(spec, "expiresAt"), &expires);
    if (used >= node_get_int(spec, "uses", 1))
        phase = "UsedUp";
    if (expires && pass->now >= expires)
        phase = "Expired";
    else
        pass_wake_at(pass, expires);
    node_set_int(pass->arena, status, "used", used);
    node_set_text(pass->arena, status, "phase", phase);
    return pass_status(pass, &token, status, NULL, err);
}

static void map_cluster(struct controllers *all, const struct controller *to,
                        const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = NULL;
    const char *now;

    if (!after)
        return;
    arena = arena_new();
    now = object_annotation(object_read(arena, after), JOINED_WITH);
    if (before && !strcmp(object_annotation(object_read(arena, before), JOINED_WITH), now))
        return;
    controllers_wake(all, to, "", now);
}

const struct controller controller_token = {
    .name = "token", .run = run,
    .sources = { { JOIN_TOKEN, NULL }, { CLUSTER, map_cluster } },
    .source_count = 2,
};
