/* SPDX-License-Identifier: Apache-2.0 */
/* Tells whoever asks on this machine how the spoke and its works stand. */
#include "spoke/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "base/version.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "meta/meta.h"
#include "work/work.h"

#include <string.h>

#define PATIENCE (5 * CLOCK_SECOND)

static const char *const state_names[] = {
    [SPOKE_JOINING] = "joining", [SPOKE_LISTING] = "connecting",
    [SPOKE_WATCHING] = "connected", [SPOKE_WAITING] = "no connection",
};

static void set_time(struct arena *arena, struct node *map, const char *key,
                     int64_t wall)
{
    char when[CLOCK_TEXT];

    if (!wall)
        return;
    clock_format(wall, false, when);
    node_set_text(arena, map, key, when);
}

/* ---- The inventory, in OCM's shape ------------------------------------------------ */

static char *hub_hash(struct spoke *spoke, struct arena *arena)
{
    scoped_text struct text hex = {0};
    unsigned char hash[PKI_SHA256];

    pki_sha256(spoke->hub, strlen(spoke->hub), hash);
    text_add_hex(&hex, hash, sizeof hash);
    return arena_string(arena, text_string(&hex));
}

static struct node *applied_resources(struct work *work, struct arena *arena)
{
    struct cluster *cluster = work->spoke->cluster;
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
        resource = gather_resource(arena, like);
        object = cluster_read(cluster, arena, work->name, node_get_text(row, "apiVersion"),
                              node_get_text(row, "kind"), resource.space, resource.name);
        node_set_text(arena, made, "group", resource.group);
        node_set_text(arena, made, "version", resource.version);
        node_set_text(arena, made, "resource", resource.resource);
        node_set_text(arena, made, "namespace", resource.space);
        node_set_text(arena, made, "name", resource.name);
        node_set_text(arena, made, "uid",
                      node_get_text(node_get(object, "metadata"), "uid"));
        node_add(arena, list, made);
    }
    return list;
}

static struct node *applied_work(struct work *work, struct arena *arena)
{
    struct node *made = node_map(arena), *spec, *status;
    char *hash = hub_hash(work->spoke, arena);

    node_set_text(arena, made, "apiVersion", META_API_WORK);
    node_set_text(arena, made, "kind", "AppliedManifestWork");
    node_set(arena, node_make(arena, made, "metadata"), "name",
             node_format(arena, "%s-%s", hash, work->name));
    spec = node_make(arena, made, "spec");
    node_set_text(arena, spec, "hubHash", hash);
    node_set_text(arena, spec, "agentID", work->spoke->name);
    node_set_text(arena, spec, "manifestWorkName", work->name);
    status = node_make(arena, made, "status");
    node_set(arena, status, "appliedResources", applied_resources(work, arena));
    set_time(arena, status, "evictionStartTime", work->evicting);
    if (work->values)
        node_set_text(arena, status, "valuesHash", work->values);
    return made;
}

/* ---- All of it ----------------------------------------------------------------------- */

static struct node *describe_work(struct work *work, struct arena *arena)
{
    struct node *report = cluster_report(work->spoke->cluster, arena, work->name);
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

static struct node *describe(struct spoke *spoke, struct arena *arena)
{
    struct node *made = node_map(arena), *works = node_list(arena);
    struct work *work;
    size_t at = 0;

    node_set_text(arena, made, "name", spoke->name);
    node_set_text(arena, made, "version", version_number());
    node_set_text(arena, made, "hub", spoke->hub);
    node_set_text(arena, made, "state", state_names[spoke->state]);
    if (spoke->state == SPOKE_WAITING || spoke->state == SPOKE_JOINING)
        node_set_text(arena, made, "message", spoke->said);
    set_time(arena, made, "lastContact", spoke->contact);
    departure_describe(spoke, arena, made);
    node_set(arena, made, "facts", spoke_facts(spoke, arena));
    node_set(arena, made, "machine", cluster_facts(spoke->cluster, arena));
    while ((work = map_next(spoke->works, &at, NULL)))
        node_add(arena, works, describe_work(work, arena));
    node_set(arena, made, "works", works);
    return made;
}

/* ---- The socket ------------------------------------------------------------------------- */

/* Whoever connects is told once; what it might say is not read. */
static void on_visitor(struct loop_stream *stream, void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text json = {0};

    document_write_json(&json, describe(spoke, arena));
    text_add_char(&json, '\n');
    loop_stream_write(stream, json.bytes, json.len);
    loop_stream_close_politely(&stream, PATIENCE);
}

/* Not without it: what runs matters more than being asked about it. */
void look_open(struct spoke *spoke)
{
    scoped_mem char *path = spoke_path(spoke, SPOKE_SOCKET);
    scoped_mem char *address = mem_printf("unix:%s", path);
    struct err err = {0};

    if (loop_is_simulated(spoke->loop))
        return;
    spoke->look = loop_listen(spoke->loop, address, on_visitor, spoke, &err);
    if (!spoke->look)
        log_warn("spoke", "axle status will not work here: %s", err.text);
}

void look_close(struct spoke *spoke)
{
    loop_listener_close(&spoke->look);
}
