/* SPDX-License-Identifier: Apache-2.0 */
/* Sends an Event about each trouble of a work and its objects, once. */
#include "works/gather.h"
#include "works/report.h"

#include "base/map.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "meta/meta.h"

#include <string.h>

/* Objects that the cluster does not take. */
static void send_refused_events(struct work *work, const struct node *objects)
{
    for (size_t i = 0; i < node_count(objects); i++) {
        const struct node *row = node_item(objects, i);
        const char *message = node_get_text(row, "message");
        struct cluster_event event = {.owner = work->name,
                                      .api_version = node_get_text(row, "apiVersion"),
                                      .kind = node_get_text(row, "kind"),
                                      .namespace = node_get_text(row, "namespace"),
                                      .name = node_get_text(row, "name"),
                                      .type = "Warning",
                                      .reason = node_get_text(row, "reason"),
                                      .message = message};
        scoped_mem char *key =
            mem_printf("%s %s/%s: %s", event.kind, event.namespace, event.name, message);

        /* A full disk has one Event of its own, not one for each object. */
        if (node_get_bool(row, "applied", true) || !*event.reason ||
            !strcmp(event.reason, WORKS_DISK_PRESSURE) || map_get(work->events, key))
            continue;
        map_put(work->events, key, work);
        works_event(work->works, &event);
    }
}

/* Manifests that could not be made out. */
static void send_failed_events(struct work *work)
{
    for (size_t i = 0; i < node_count(work->bound); i++) {
        const struct node *failure = gather_failure(work, i);
        const struct node *manifest = node_item(work->bound, i);
        const struct node *metadata = node_get(manifest, "metadata");
        const char *message = node_get_text(failure, "message");
        struct cluster_event event = {.owner = work->name,
                                      .api_version = node_get_text(manifest, "apiVersion"),
                                      .kind = node_get_text(manifest, "kind"),
                                      .namespace = node_get_text(metadata, "namespace"),
                                      .name = node_get_text(metadata, "name"),
                                      .type = "Warning",
                                      .reason = node_get_text(failure, "reason"),
                                      .message = message};

        if (!failure || map_get(work->events, message))
            continue;
        map_put(work->events, message, work);
        works_event(work->works, &event);
    }
}

void work_events_send_trouble(struct work *work)
{
    struct cluster_event event = {.owner = work->name,
                                  .api_version = META_API_WORK,
                                  .kind = "ManifestWork",
                                  .namespace = work->works->name,
                                  .name = work->name,
                                  .type = "Warning",
                                  .reason = work->trouble_reason,
                                  .message = work->trouble};

    if (map_get(work->events, work->trouble))
        return;
    map_put(work->events, work->trouble, work);
    works_event(work->works, &event);
}

void work_events_send(struct work *work, const struct node *objects)
{
    send_refused_events(work, objects);
    send_failed_events(work);
}
