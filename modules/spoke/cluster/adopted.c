/* SPDX-License-Identifier: Apache-2.0 */
/* Takes up pods that run although nothing that was kept says why. */

#include "cluster/inventory.h"

#include "base/log.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

/*
 * The store of the spoke was lost or damaged: what is on the machine's disk is the
 * truth about pods. Each pod's folder says whose it is, of which object, and what
 * its template is. From that an owner and objects are made that stand for the real
 * ones until the hub tells again: nothing of them is restarted, doubled or ended;
 * containers that crash are restarted, and a pod that is lost is made anew as far as
 * its template alone says how. When the owner's set is applied, the real objects take
 * their places, and pods of the same template stay as they are.
 */

/* "group/kind/namespace/name", in four parts. */
struct plain {
    char group[128], kind[64], namespace[64], name[260];
};

static bool split_plain(const char *text, struct plain *ret)
{
    *ret = (struct plain){0};
    if (*text == '/')
        return sscanf(text, "/%63[^/]/%63[^/]/%259[^/]", ret->kind, ret->namespace, ret->name) == 3;
    return sscanf(text, "%127[^/]/%63[^/]/%63[^/]/%259[^/]", ret->group, ret->kind, ret->namespace,
                  ret->name) == 4;
}

static bool is_record_whole(const struct pod *pod, struct plain *ret)
{
    char version[160];

    if (!*pod->owner || !*pod->name || !*pod->hash || !pod->template || !pod->count ||
        !split_plain(pod->workload, ret) || strcmp(ret->namespace, pod->namespace) != 0)
        return false;
    snprintf(version, sizeof version, "%s%sv1", ret->group, *ret->group ? "/" : "");
    return manifest_is_workload(manifest_kind_find(version, ret->kind));
}

/* ---- Making an object out of a pod ------------------------------------------------ */

/* Makes an object without its manifest; object_free() as usual. */
static struct cluster_object *add_adopted(struct cluster_owner *owner, const char *plain)
{
    scoped_mem char *key = object_key(owner->project, plain, NULL);
    struct naming naming = {plain, key, false};
    struct cluster_object *object = object_new(owner, &naming);

    object->adopted = object->dirty = true;
    return object;
}

static void write_manifest(struct cluster_object *object, const struct plain *plain,
                           const struct pod *pod)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *made = node_map(arena), *meta = node_make(arena, made, "metadata"), *spec;

    node_set(arena, made, "apiVersion",
             node_format(arena, "%s%sv1", plain->group, *plain->group ? "/" : ""));
    node_set_text(arena, made, "kind", plain->kind);
    node_set_text(arena, meta, "name", plain->name);
    node_set_text(arena, meta, "namespace", plain->namespace);
    object->template = document_intern(pod->template);
    if (!strcmp(plain->kind, "Pod")) {
        node_set(arena, made, "spec", node_get(pod->template, "spec"));
    } else {
        spec = node_make(arena, made, "spec");
        node_set(arena, spec, "template", (struct node *)pod->template);
        node_set_int(arena, spec, "replicas", 0);
    }
    object_set(object, made);
    snprintf(object->hash, sizeof object->hash, "%s", pod->hash);
}

static void count_adopted(struct cluster_object *object)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *made = node_share(arena, object->object);
    struct node *spec = node_share(arena, node_get(made, "spec"));

    if (object->row->role == MANIFEST_POD)
        return;
    node_set_int(arena, spec, "replicas", number_get(spec, "replicas", NUMBER_COUNT, 0) + 1);
    node_set(arena, made, "spec", spec);
    object_set(object, made);
}

static void adopt_pod(struct cluster *cluster, struct pod *pod, const struct plain *plain)
{
    struct cluster_owner *owner = map_get(cluster->owners, pod->owner);
    struct cluster_object *object = object_of_pod(cluster, pod);

    if (!owner) {
        owner = owner_get(cluster, pod->owner);
        owner_set_project(owner, pod->project);
        owner->committed = owner->dirty = true;
        log_warn("cluster",
                 "%s is not in the store, but its pods run: they stay as they are until "
                 "the hub tells of it",
                 owner->name);
    }
    if (!object) {
        object = add_adopted(owner, pod->workload);
        write_manifest(object, plain, pod);
    }
    count_adopted(object);
}

/* ---- All of them -------------------------------------------------------------------- */

void adopted_take_over(struct cluster *cluster)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *ends = node_list(arena);
    struct pod *pod;
    size_t at = 0;

    while ((pod = pods_next(cluster->pods, &at))) {
        const struct cluster_object *object = object_of_pod(cluster, pod);
        const struct cluster_owner *owner = map_get(cluster->owners, pod->owner);
        struct plain plain;

        if (object && !object->adopted)
            continue;
        if (!object && owner && owner->kept)
            ; /* its work dropped it while no agent ran */
        else if (!is_record_whole(pod, &plain))
            log_error("cluster",
                      "pod %s: what is kept about it is damaged, it is ended; its work "
                      "makes another one",
                      pod->id);
        else {
            adopt_pod(cluster, pod, &plain);
            continue;
        }
        node_add(arena, ends, node_string(arena, pod->id));
    }
    for (size_t i = 0; i < node_count(ends); i++)
        pods_end(pods_find(cluster->pods, node_text(node_item(ends, i))));
}
