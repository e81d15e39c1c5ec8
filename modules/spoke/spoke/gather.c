/* SPDX-License-Identifier: Apache-2.0 */
/* Turns a work into the set of objects that the cluster shall have. */
#include "spoke/inside.h"

#include "cluster/cluster.h"
#include "document/document.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "work/work.h"

#include <stdlib.h>
#include <string.h>

/* ---- Facts of a manifest ------------------------------------------------------ */

bool gather_is_workload(const struct node *manifest)
{
    return strcmp(node_get_text(manifest, "kind"), "Workload") == 0 &&
           strcmp(node_get_text(manifest, "apiVersion"), META_API_AXLE) == 0;
}

/* As English has it for every kind in use: policies, classes, pods. */
static char *plural_of(struct arena *arena, const char *kind)
{
    size_t len = strlen(kind);
    bool y = text_ends(kind, "y") && !text_ends(kind, "ay") && !text_ends(kind, "ey");
    bool s = text_ends(kind, "s") && !text_ends(kind, "Endpoints");
    char *made = y ? arena_printf(arena, "%.*sies", (int)len - 1, kind)
                   : arena_printf(arena, "%s%s", kind,
                                  text_ends(kind, "Endpoints") ? ""
                                  : s || text_ends(kind, "x") ? "es" : "s");

    for (char *at = made; *at; at++)
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
    return made;
}

struct work_resource gather_resource(struct arena *arena,
                                     const struct node *manifest)
{
    const struct node *metadata = node_get(manifest, "metadata");
    const char *version = node_get_text(manifest, "apiVersion");
    const char *slash = strchr(version, '/');

    return (struct work_resource){
        .group = slash ? arena_bytes(arena, version, (size_t)(slash - version)) : "",
        .version = slash ? slash + 1 : version,
        .resource = plural_of(arena, node_get_text(manifest, "kind")),
        .space = node_get_text(metadata, "namespace"),
        .name = node_get_text(metadata, "name")};
}

struct node *gather_option(struct arena *arena, const struct work *work,
                           const struct node *manifest)
{
    struct work_resource resource = gather_resource(arena, manifest);

    return work_option(arena, node_at(work->object, "spec", "manifestConfigs", NULL),
                       &resource);
}

/* ---- Binding ------------------------------------------------------------------- */

void gather_fail(struct work *work, size_t ordinal, const char *reason,
                 const char *message)
{
    struct node *why = node_map(work->gathered);
    scoped_mem char *key = mem_printf("%zu", ordinal);

    node_set_text(work->gathered, why, "reason", reason);
    node_set_text(work->gathered, why, "message", message);
    node_set(work->gathered, work->failed, key, why);
}

const struct node *gather_failure(const struct work *work, size_t ordinal)
{
    scoped_mem char *key = mem_printf("%zu", ordinal);

    return node_get(work->failed, key);
}

/* Fills `bound` and `failed` by ordinal; a Workload stands there as it is. */
static void bind_all(struct work *work, struct arena *arena, struct node *used)
{
    const struct node *manifests =
        node_at(work->object, "spec", "workload", "manifests", NULL);
    struct node *facts = spoke_facts(work->spoke, arena);

    work->bound = node_list(work->gathered);
    work->failed = node_map(work->gathered);
    for (size_t i = 0; i < node_count(manifests); i++) {
        struct node *manifest = node_item(manifests, i), *bound = manifest;
        struct err err = {0};

        if (!gather_is_workload(manifest))
            bound = work_bind(arena, manifest, facts, used, &err);
        if (!bound)
            gather_fail(work, i, "ManifestInvalid", err.text);
        /* A copy: the object may be replaced by one that says the same. */
        node_add(work->gathered, work->bound,
                 node_copy(work->gathered, bound ? bound : manifest));
    }
}

void gather_bind(struct work *work)
{
    scoped_arena struct arena *arena = arena_new();

    bind_all(work, arena, node_map(arena));
}

/* ---- Options --------------------------------------------------------------------- */

struct gathering {
    struct work *work;
    struct arena *arena;
    struct cluster_manifest *items; /* owned */
    size_t count, room;
    const struct node *facts;
    struct node *used; /* the facts that were */
    struct err *err;
};

/* What server metadata and status would add is no difference. */
static struct node *bare(struct arena *arena, const struct node *live)
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

/* NULL: leave the object as it is. */
static int ignore_fields(struct gathering *to, const struct node *ignore,
                         const struct node *live, struct node **object,
                         struct err *err)
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
    const struct node *list =
        node_at(strategy, "serverSideApply", "ignoreFields", NULL);
    const struct node *metadata = node_get(item->object, "metadata");
    struct node *object = (struct node *)item->object, *live;

    live = cluster_read(to->work->spoke->cluster, to->arena, to->work->name,
                        node_get_text(object, "apiVersion"),
                        node_get_text(object, "kind"),
                        node_get_text(metadata, "namespace"),
                        node_get_text(metadata, "name"));
    for (size_t i = 0; live && i < node_count(list); i++) {
        if (ignore_fields(to, node_item(list, i), bare(to->arena, live), &object,
                          err) < 0)
            return -1;
        if (!object) {
            item->strategy = CLUSTER_READ_ONLY;
            return 0;
        }
    }
    item->object = object;
    return 0;
}

/* A rule of the user's says that this one is done with: never touched again. */
static bool is_complete(const struct work *work, size_t ordinal)
{
    const struct node *rows =
        node_at(work->object, "status", "resourceStatus", "manifests", NULL);

    for (size_t i = 0; i < node_count(rows); i++) {
        const struct node *row = node_item(rows, i);
        const struct node *list = node_get(row, "conditions");

        if (node_get_int(node_get(row, "resourceMeta"), "ordinal", -1) !=
            (int64_t)ordinal)
            continue;
        if (!strcmp(node_get_text(meta_condition_find(list, "Complete"), "status"), "True"))
            return true;
    }
    return false;
}

static int set_strategy(struct gathering *to, size_t ordinal,
                        struct cluster_manifest *item, struct err *err)
{
    const struct node *option = gather_option(to->arena, to->work, item->object);
    const struct node *strategy = node_get(option, "updateStrategy");
    const char *type = node_get_text(strategy, "type");

    if (node_count(node_get(option, "conditionRules")) &&
        is_complete(to->work, ordinal))
        item->strategy = CLUSTER_READ_ONLY;
    else if (!strcmp(type, "CreateOnly"))
        item->strategy = CLUSTER_CREATE_ONLY;
    else if (!strcmp(type, "ReadOnly"))
        item->strategy = CLUSTER_READ_ONLY;
    else if (!strcmp(type, "ServerSideApply"))
        return apply_server_side(to, strategy, item, err);
    return 0;
}

static bool is_orphan(const struct gathering *to, const struct node *object)
{
    struct work_resource resource = gather_resource(to->arena, object);

    return !work_owns(node_at(to->work->object, "spec", "deleteOption", NULL),
                      &resource);
}

/* ---- The set ------------------------------------------------------------------------ */

static void add_item(struct gathering *to, const struct cluster_manifest *item)
{
    const struct node *phase = node_at(item->object, "metadata", "annotations",
                                       META_ANNOTATION_PHASE, NULL);

    if (to->count == to->room) {
        to->room = to->room ? to->room * 2 : 16;
        to->items = mem_resize_array(to->items, to->room, sizeof *to->items);
    }
    to->items[to->count] = *item;
    to->items[to->count].phase = (int)strtol(node_text(phase), NULL, 10);
    to->items[to->count++].orphan = is_orphan(to, item->object);
}

static int add_of_bundle(struct gathering *to, struct node *object,
                         const char *space)
{
    struct node *bound = work_bind(to->arena, object, to->facts, to->used, to->err);

    if (!bound)
        return err_wrap(to->err, "%s %s", node_get_text(object, "kind"),
                        node_get_text(node_get(object, "metadata"), "name"));
    if (*space && strcmp(node_get_text(bound, "kind"), "Namespace") != 0 &&
        !*node_get_text(node_get(bound, "metadata"), "namespace")) {
        bound = node_copy(to->arena, bound);
        node_set_text(to->arena, node_make(to->arena, bound, "metadata"),
                      "namespace", space);
    }
    add_item(to, &(struct cluster_manifest){.object = bound});
    return 0;
}

static void add_secret(struct gathering *to, const struct node *secret,
                       const char *space)
{
    struct node *made = node_share(to->arena, secret);
    struct node *metadata = node_map(to->arena);

    node_set_text(to->arena, metadata, "name",
                  node_get_text(node_get(secret, "metadata"), "name"));
    node_set_text(to->arena, metadata, "namespace", space);
    node_set(to->arena, made, "metadata", metadata);
    node_set_text(to->arena, made, "apiVersion", "v1");
    node_set_text(to->arena, made, "kind", "Secret");
    add_item(to, &(struct cluster_manifest){.object = made});
}

static int add_workload(struct gathering *to, const struct node *workload)
{
    const struct node *spec = node_get(workload, "spec");
    const char *space = node_get_text(spec, "targetNamespace");
    struct node *objects = bundle_manifests(
        to->work->spoke, to->arena,
        node_get_text(node_get(spec, "artifact"), "digest"), to->err);

    if (!objects)
        return -1;
    for (size_t i = 0; i < node_count(to->work->secrets); i++)
        add_secret(to, node_item(to->work->secrets, i), space);
    for (size_t i = 0; i < node_count(objects); i++)
        if (add_of_bundle(to, node_item(objects, i), space) < 0)
            return -1;
    return 0;
}

/* What cannot be made of it stays as it was; the others go on. */
static void add_manifest(struct gathering *to, size_t ordinal)
{
    struct cluster_manifest item = {.object = node_item(to->work->bound, ordinal)};
    struct err err = {0};

    if (gather_failure(to->work, ordinal)) {
        item.strategy = CLUSTER_READ_ONLY;
    } else if (set_strategy(to, ordinal, &item, &err) < 0) {
        gather_fail(to->work, ordinal, "AppliedManifestSSAIgnoreFieldError",
                    err.text);
        item.strategy = CLUSTER_READ_ONLY;
    }
    add_item(to, &item);
}

/* A name for the values used, so that others can be told from them. */
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

int gather_set(struct work *work, struct arena *arena,
               struct cluster_manifest **ret, size_t *ret_count, struct err *err)
{
    struct gathering to = {.work = work, .arena = arena, .err = err};

    to.facts = spoke_facts(work->spoke, arena);
    to.used = node_map(arena);
    bind_all(work, arena, to.used);
    for (size_t i = 0; i < node_count(work->bound); i++) {
        const struct node *manifest = node_item(work->bound, i);

        if (!gather_is_workload(manifest)) {
            add_manifest(&to, i);
        } else if (add_workload(&to, manifest) < 0) {
            free(to.items);
            return -1;
        }
    }
    free(work->values);
    work->values = hash_values(to.used);
    *ret = to.items;
    *ret_count = to.count;
    return 0;
}
