/* SPDX-License-Identifier: Apache-2.0 */
/* Adds the time of the last renewal of a spoke's lease to table rows. */
#include "api/internal.h"

#include "base/clock.h"
#include "document/document.h"
#include "kinds/kinds.h"
#include "meta/meta.h"
#include "objects/objects.h"

#include <stdlib.h>
#include <string.h>

/*
 * Parses "SECONDS TIME" of controllers/liveness.c: the lease duration in effect for
 * renewals up to TIME.
 */
static int64_t lease_seconds_before(const struct node *lease, int64_t renewed)
{
    const struct node *annotations = node_at(lease, "metadata", "annotations", NULL);
    const char *text = node_get_text(annotations, META_ANNOTATION_RENEWED_EVERY_BEFORE);
    const char *blank = strchr(text, ' ');
    int64_t until = 0;

    return blank && clock_parse(blank + 1, &until) && renewed <= until ? strtoll(text, NULL, 10)
                                                                       : 0;
}

/* A spoke is late after two missed renewals; each is due within 1.25 durations. */
static bool is_late(const struct api *api, const struct node *lease, int64_t renewed)
{
    int64_t now = node_get_within(node_get(lease, "spec"), "leaseDurationSeconds", 1, 86400, 60);
    int64_t before = lease_seconds_before(lease, renewed), seconds = before > now ? before : now;
    int64_t from = renewed > api->started ? renewed : api->started;

    return clock_wall() - from > seconds * CLOCK_SECOND * 5 / 2;
}

const struct node *last_seen_add(const struct api_request *request, struct arena *arena,
                                 const struct node *object)
{
    const struct api *api = request->api;
    const struct kind *leases = kinds_find(api->kinds, META_GROUP_COORDINATION, "leases");
    const char *name = meta_name(object);
    scoped_object struct object *lease = NULL;
    const struct node *tree;
    struct node *ret;
    int64_t renewed;
    char age[24];

    if (strcmp(request->kind->plural, "managedclusters") != 0 || !leases)
        return object;
    lease = objects_get(api->objects, OBJECTS_PUBLISHED, leases, name, META_LEASE_CLUSTER, NULL);
    tree = lease ? object_read(arena, lease) : NULL;
    /*
     * The hub creates the lease, so the lease of a machine that has not joined means
     * nothing.
     */
    if (!meta_condition_is_true(object, META_CONDITION_CLUSTER_JOINED) ||
        !clock_parse(node_get_text(node_get(tree, "spec"), "renewTime"), &renewed))
        return object;
    kind_age(clock_wall() - renewed, age);
    ret = node_share(arena, object);
    /* At its start the hub treats every lease as renewed, so the stored time may be older. */
    node_set(arena, ret, "lastSeen",
             node_format(arena, "%s%s%s", renewed <= api->started ? ">" : "", age,
                         is_late(api, tree, renewed) ? " (late)" : ""));
    return ret;
}
