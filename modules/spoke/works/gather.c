/* SPDX-License-Identifier: Apache-2.0 */
/* Turns a work into the set of objects that the cluster is to have. */
#include "works/gather.h"

#include "cluster/cluster.h"
#include "document/document.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "work/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Binding --------------------------------------------------------------------- */

/* Into `failed`, under the ordinal as a text. */
static void fail_manifest(struct arena *arena, struct node *failed, size_t ordinal,
                          const char *reason, const char *message)
{
    struct node *why = node_map(arena);

    node_set_text(arena, why, "reason", reason);
    node_set_text(arena, why, "message", message);
    node_set(arena, failed, arena_printf(arena, "%zu", ordinal), why);
}

static const struct node *find_failure(const struct node *failed, size_t ordinal)
{
    char key[24];

    if (!failed)
        return NULL;
    snprintf(key, sizeof key, "%zu", ordinal);
    return node_get(failed, key);
}

const struct node *gather_failure(const struct work *work, size_t ordinal)
{
    return find_failure(work->failed, ordinal);
}

static void keep_failures(struct work *work, const struct node *failed)
{
    document_release(&work->failed);
    if (node_count(failed))
        work->failed = document_intern(failed);
}

/* Fills work->bound, and `failed`. A Workload is bound later, object by object. */
static void bind_manifests(struct work *work, struct arena *arena, struct node *used,
                           struct node *failed)
{
    const struct node *manifests = work_manifests(work);
    struct node *facts = work->works->hub.facts(work->works->hub.arg, arena);
    struct node *list = node_list(arena);

    for (size_t i = 0; i < node_count(manifests); i++) {
        struct node *manifest = node_item(manifests, i), *bound = manifest;
        struct err err = {0};

        if (!works_manifest_is_workload(manifest))
            bound = work_bind(arena, manifest, facts, used, &err);
        if (!bound)
            fail_manifest(arena, failed, i, "ManifestInvalid", err.text);
        node_add(arena, list, bound ? bound : manifest);
    }
    document_release(&work->bound);
    work->bound = document_intern(list);
}

void gather_bind(struct work *work)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *failed = node_map(arena);

    bind_manifests(work, arena, node_map(arena), failed);
    keep_failures(work, failed);
}

/* ---- Options --------------------------------------------------------------------- */

struct gathering {
    struct work *work;
    struct arena *arena;
    struct cluster_manifest *items; /* owned */
    size_t count, room;
    const struct node *facts;
    struct node *used;   /* the facts that were used */
    struct node *failed; /* {ordinal: {reason, message}} */
    struct err *err;
};

/* Without status and the metadata that a server adds: these are no difference. */
static struct node *copy_bare(struct arena *arena, const struct node *live)
{
    struct node *copy = node_share(arena, live);
    struct node *metadata = node_copy(arena, node_get(live, "metadata"));

    node_remove(copy, "status");
    node_remove(metadata, "creationTimestamp");
    node_remove(metadata, "generation");
    node_remove(metadata, "uid");
    node_set(arena, copy, "metadata", metadata);
    return copy;
}

/* Sets `*object` to what to apply; NULL: the object in the cluster is left as it is. */
static int ignore_fields(struct gathering *to, const struct node *ignore, const struct node *live,
                         struct node **object, struct err *err)
{
    struct node *paths = work_ignore_paths(to->arena, ignore, err);
    struct node *wanted, *had;

    if (!paths)
        return -1;
    if (strcmp(node_get_text(ignore, "condition"), "OnSpokeChange") != 0) {
        *object = work_keep_ignored(to->arena, *object, live, paths, err);
        return *object ? 0 : -1;
    }
    wanted = work_ignore_fields(to->arena, *object, paths, err);
    had = wanted ? work_ignore_fields(to->arena, live, paths, err) : NULL;
    if (!had)
        return -1;
    if (node_same(wanted, had))
        *object = NULL;
    return 0;
}

static int apply_server_side(struct gathering *to, const struct node *strategy,
                             struct cluster_manifest *item, struct err *err)
{
    const struct node *list = node_at(strategy, "serverSideApply", "ignoreFields", NULL);
    const struct node *metadata = node_get(item->object, "metadata");
    struct node *object = (struct node *)item->object, *live;

    live = cluster_read(to->work->works->cluster, to->arena, to->work->name,
                        node_get_text(object, "apiVersion"), node_get_text(object, "kind"),
                        node_get_text(metadata, "namespace"), node_get_text(metadata, "name"));
    for (size_t i = 0; live && i < node_count(list); i++) {
        if (ignore_fields(to, node_item(list, i), copy_bare(to->arena, live), &object, err) < 0)
            return -1;
        if (!object) {
            item->strategy = CLUSTER_READ_ONLY;
            return 0;
        }
    }
    item->object = object;
    return 0;
}

/* A condition rule of the user has said that this manifest is complete: then it is applied
   no more. */
static bool is_complete(const struct work *work, size_t ordinal)
{
    const struct node *rows = node_at(work->object, "status", "resourceStatus", "manifests", NULL);

    for (size_t i = 0; i < node_count(rows); i++) {
        const struct node *row = node_item(rows, i);
        const struct node *list = node_get(row, "conditions");

        if (node_get_int(node_get(row, "resourceMeta"), "ordinal", -1) != (int64_t)ordinal)
            continue;
        for (size_t k = 0; k < node_count(list); k++)
            if (!strcmp(node_get_text(node_item(list, k), "type"), "Complete") &&
                !strcmp(node_get_text(node_item(list, k), "status"), "True"))
                return true;
    }
    return false;
}

static int set_strategy(struct gathering *to, size_t ordinal, struct cluster_manifest *item,
                        struct err *err)
{
    const struct node *option = works_manifest_option(to->arena, to->work, item->object);
    const struct node *strategy = node_get(option, "updateStrategy");
    const char *type = node_get_text(strategy, "type");

    if (node_count(node_get(option, "conditionRules")) && is_complete(to->work, ordinal))
        item->strategy = CLUSTER_READ_ONLY;
    else if (!strcmp(type, "CreateOnly"))
        item->strategy = CLUSTER_CREATE_ONLY;
    else if (!strcmp(type, "ReadOnly"))
        item->strategy = CLUSTER_READ_ONLY;
    else if (!strcmp(type, "ServerSideApply"))
        return apply_server_side(to, strategy, item, err);
    return 0;
}

/* Whether it stays in the cluster when the work goes. */
static bool is_orphan(const struct gathering *to, const struct node *object)
{
    struct work_resource resource = works_manifest_resource(to->arena, object);

    return !work_owns(node_at(to->work->object, "spec", "deleteOption", NULL), &resource);
}

/* ---- The set --------------------------------------------------------------------- */

static void add_set_item(struct gathering *to, const struct cluster_manifest *item)
{
    const struct node *phase =
        node_at(item->object, "metadata", "annotations", META_ANNOTATION_PHASE, NULL);

    if (to->count == to->room) {
        to->room = to->room ? to->room * 2 : 16;
        to->items = mem_resize_array(to->items, to->room, sizeof *to->items);
    }
    to->items[to->count] = *item;
    to->items[to->count].phase = (int)strtol(node_text(phase), NULL, 10);
    to->items[to->count++].orphan = is_orphan(to, item->object);
}

/* Namespaces have none; an object without one is put into the Workload's. */
static int add_bundle_object(struct gathering *to, struct node *object, const char *namespace)
{
    struct node *bound = work_bind(to->arena, object, to->facts, to->used, to->err);

    if (!bound)
        return err_wrap(to->err, "%s %s", node_get_text(object, "kind"), meta_name(object));
    if (*namespace && strcmp(node_get_text(bound, "kind"), "Namespace") != 0 &&
        !*meta_namespace(bound)) {
        bound = node_copy(to->arena, bound);
        node_set_text(to->arena, node_make(to->arena, bound, "metadata"), "namespace", namespace);
    }
    add_set_item(to, &(struct cluster_manifest){.object = bound});
    return 0;
}

static void add_secret(struct gathering *to, const struct node *secret, const char *namespace)
{
    struct node *made = node_share(to->arena, secret);
    struct node *metadata = node_map(to->arena);

    node_set_text(to->arena, metadata, "name", meta_name(secret));
    node_set_text(to->arena, metadata, "namespace", namespace);
    node_set(to->arena, made, "metadata", metadata);
    node_set_text(to->arena, made, "apiVersion", "v1");
    node_set_text(to->arena, made, "kind", "Secret");
    add_set_item(to, &(struct cluster_manifest){.object = made});
}

static int add_workload(struct gathering *to, const struct node *workload)
{
    const struct node *spec = node_get(workload, "spec");
    const char *namespace = node_get_text(spec, "targetNamespace");
    struct node *objects = bundle_manifests(
        to->work->works, to->arena, node_get_text(node_get(spec, "artifact"), "digest"), to->err);

    if (!objects)
        return -1;
    for (size_t i = 0; i < node_count(to->work->secrets); i++)
        add_secret(to, node_item(to->work->secrets, i), namespace);
    for (size_t i = 0; i < node_count(objects); i++)
        if (add_bundle_object(to, node_item(objects, i), namespace) < 0)
            return -1;
    return 0;
}

/* A manifest that cannot be made out leaves its object as it is; the others are applied. */
static void add_manifest(struct gathering *to, size_t ordinal)
{
    struct cluster_manifest item = {.object = node_item(to->work->bound, ordinal)};
    struct err err = {0};

    if (find_failure(to->failed, ordinal)) {
        item.strategy = CLUSTER_READ_ONLY;
    } else if (set_strategy(to, ordinal, &item, &err) < 0) {
        fail_manifest(to->arena, to->failed, ordinal, "AppliedManifestSSAIgnoreFieldError",
                      err.text);
        item.strategy = CLUSTER_READ_ONLY;
    }
    add_set_item(to, &item);
}

/* A digest of the values used, so that a status says which ones it is about. */
static char *hash_values(const struct node *used)
{
    scoped_text struct text input = {0};
    unsigned char hash[PKI_SHA256];
    char text[PKI_DIGEST_TEXT];

    if (!node_count(used))
        return NULL;
    work_bind_hash_input(used, &input);
    pki_sha256(input.bytes, input.len, hash);
    pki_digest_text(hash, text);
    return mem_copy_string(text);
}

int gather_set(struct work *work, struct arena *arena, struct cluster_manifest **ret,
               size_t *ret_count, struct err *err)
{
    struct gathering to = {.work = work, .arena = arena, .err = err};

    to.facts = work->works->hub.facts(work->works->hub.arg, arena);
    to.used = node_map(arena);
    to.failed = node_map(arena);
    bind_manifests(work, arena, to.used, to.failed);
    for (size_t i = 0; i < node_count(work->bound); i++) {
        const struct node *manifest = node_item(work->bound, i);

        if (!works_manifest_is_workload(manifest)) {
            add_manifest(&to, i);
        } else if (add_workload(&to, manifest) < 0) {
            keep_failures(work, to.failed);
            free(to.items);
            return -1;
        }
    }
    keep_failures(work, to.failed);
    free(work->values);
    work->values = hash_values(to.used);
    *ret = to.items;
    *ret_count = to.count;
    return 0;
}
