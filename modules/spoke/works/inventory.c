/* SPDX-License-Identifier: Apache-2.0 */
/* Describes a work for `axle status`: how it stands, and what it has brought, as OCM does. */
#include "works/gather.h"
#include "works/report.h"

#include "base/clock.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "work/work.h"

#include <string.h>

/* OCM tells the works of several hubs on one cluster apart by this. */
static char *hub_hash(struct works *works, struct arena *arena)
{
    scoped_text struct text hex = {0};
    unsigned char hash[PKI_SHA256];

    pki_sha256(works->hub_address, strlen(works->hub_address), hash);
    text_add_hex(&hex, hash, sizeof hash);
    return arena_string(arena, text_string(&hex));
}

static struct node *applied_resources(struct work *work, struct arena *arena)
{
    struct cluster *cluster = work->works->cluster;
    const struct node *objects = cluster_objects(cluster, arena, work->name);
    struct node *list = node_list(arena);

    for (size_t i = 0; i < node_count(objects); i++) {
        const struct node *row = node_item(objects, i);
        struct node *made = node_map(arena), *like = node_map(arena);
        struct node *metadata = node_make(arena, like, "metadata");
        const struct node *object;
        struct work_resource resource;

        node_set_text(arena, like, "apiVersion", node_get_text(row, "apiVersion"));
        node_set_text(arena, like, "kind", node_get_text(row, "kind"));
        node_set_text(arena, metadata, "namespace", node_get_text(row, "namespace"));
        node_set_text(arena, metadata, "name", node_get_text(row, "name"));
        resource = works_manifest_resource(arena, like);
        object = cluster_read(cluster, arena, work->name, node_get_text(row, "apiVersion"),
                              node_get_text(row, "kind"), resource.namespace, resource.name);
        node_set_text(arena, made, "group", resource.group);
        node_set_text(arena, made, "version", resource.version);
        node_set_text(arena, made, "resource", resource.resource);
        node_set_text(arena, made, "namespace", resource.namespace);
        node_set_text(arena, made, "name", resource.name);
        node_set_text(arena, made, "uid", meta_uid(object));
        node_add(arena, list, made);
    }
    return list;
}

/* In the shape of OCM's AppliedManifestWork. */
static struct node *applied_work(struct work *work, struct arena *arena)
{
    struct node *made = node_map(arena), *spec, *status;
    char *hash = hub_hash(work->works, arena), when[CLOCK_TEXT];

    node_set_text(arena, made, "apiVersion", META_API_WORK);
    node_set_text(arena, made, "kind", "AppliedManifestWork");
    node_set(arena, node_make(arena, made, "metadata"), "name",
             node_format(arena, "%s-%s", hash, work->name));
    spec = node_make(arena, made, "spec");
    node_set_text(arena, spec, "hubHash", hash);
    node_set_text(arena, spec, "agentID", work->works->name);
    node_set_text(arena, spec, "manifestWorkName", work->name);
    status = node_make(arena, made, "status");
    node_set(arena, status, "appliedResources", applied_resources(work, arena));
    if (work->evicting) {
        clock_format(work->evicting, false, when);
        node_set_text(arena, status, "evictionStartTime", when);
    }
    if (work->values)
        node_set_text(arena, status, "valuesHash", work->values);
    return made;
}

struct node *inventory_work(struct work *work, struct arena *arena)
{
    struct node *report = cluster_report(work->works->cluster, arena, work->name);
    struct node *made = report ? node_share(arena, report) : node_map(arena);

    node_set_text(arena, made, "name", work->name);
    node_set_int(arena, made, "generation", work->generation);
    if (work->trouble) {
        node_set_text(arena, made, "phase", "Degraded");
        node_set_text(arena, made, "reason", work->trouble_reason);
        node_set_text(arena, made, "message", work->trouble);
    } else if (!report) {
        node_set_text(arena, made, "phase", "Pending");
    }
    node_set(arena, made, "applied", applied_work(work, arena));
    return made;
}
