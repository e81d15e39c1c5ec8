/* SPDX-License-Identifier: Apache-2.0 */
/* Answers what only objects can tell about somebody's rights. */
#include "hub/internal.h"

#include "base/text.h"
#include "document/document.h"
#include "kinds/kinds.h"
#include "meta/meta.h"
#include "objects/objects.h"

#include <string.h>

/* ---- What the works of a spoke name ------------------------------------------ */

struct search {
    struct store *store;
    const char *namespace, *name; /* a Secret, or */
    const char *repository;       /* an artifact's, */
    const char *digest;           /* of it or of a part of it */
    bool found;
};

static bool names_secret(const struct node *spec, const struct search *search)
{
    const struct node *refs = node_get(spec, "secretRefs");

    for (size_t i = 0; i < node_count(refs); i++) {
        const struct node *ref = node_item(refs, i);
        const char *namespace = node_get_text(ref, "namespace");

        /* As the spoke reads it. */
        if (!*namespace)
        namespace = node_get_text(spec, "targetNamespace");
        if (strcmp(node_get_text(ref, "name"), search->name) == 0 &&
            strcmp(namespace, search->namespace) == 0)
            return true;
    }
    return false;
}

/* "HOST/NAMESPACE/NAME" or without a host; whole names only, so that the project
   "h" is not read by whoever may read "research". */
static bool names_artifact(const char *reference, const char *repository)
{
    size_t len = strlen(reference), tail = strlen(repository);

    return text_ends(reference, repository) && (len == tail || reference[len - tail - 1] == '/');
}

static bool is_artifact(const struct node *artifact, const struct search *search)
{
    return names_artifact(node_get_text(artifact, "reference"), search->repository) &&
           registry_manifest_has(search->store, node_get_text(artifact, "digest"), search->digest);
}

static void look_into_work(void *arg, const struct object *object)
{
    struct search *search = arg;
    scoped_arena struct arena *arena = NULL;
    const struct node *manifests;
    const char *words = search->repository ? search->repository : search->name;

    /* Most works are ruled out by a look at the bytes. */
    if (search->found || !memmem(object->body, object->len, words, strlen(words)))
        return;
    arena = arena_new();
    manifests = node_at(object_read(arena, object), "spec", "workload", "manifests", NULL);
    for (size_t i = 0; i < node_count(manifests); i++) {
        const struct node *manifest = node_item(manifests, i);
        const struct node *spec = node_get(manifest, "spec");

        /* Another kind's `secretRefs` grants nothing, whoever wrote it. */
        if (strcmp(node_get_text(manifest, "kind"), "Workload") != 0 ||
            strcmp(node_get_text(manifest, "apiVersion"), META_API_AXLE) != 0)
            continue;
        if (search->repository ? is_artifact(node_get(spec, "artifact"), search)
                               : names_secret(spec, search))
            search->found = true;
    }
}

static bool search_works(struct hub *hub, const char *cluster, struct search *search)
{
    const struct kind *kind = kinds_find(hub->kinds, META_GROUP_WORK, "manifestworks");

    objects_each(hub->objects, OBJECTS_PUBLISHED, kind, cluster, look_into_work, search);
    return search->found;
}

static bool secret_is_named(void *arg, const char *cluster, const char *namespace, const char *name)
{
    struct search search = {.namespace = namespace, .name = name};

    return *name && search_works(arg, cluster, &search);
}

static bool artifact_is_named(void *arg, const char *cluster, const char *repository,
                              const char *digest)
{
    struct hub *hub = arg;
    struct search search = {.store = hub->store, .repository = repository, .digest = digest};

    return *repository && search_works(arg, cluster, &search);
}

/* ---- What somebody made on the way in ---------------------------------------- */

static const struct node *read_one(struct hub *hub, struct arena *arena, const char *group,
                                   const char *plural, const char *name)
{
    scoped_object struct object *object = objects_get(
        hub->objects, OBJECTS_PUBLISHED, kinds_find(hub->kinds, group, plural), "", name, NULL);

    return object ? object_read(arena, object) : NULL;
}

static bool request_is_own(void *arg, const char *user, const char *name)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *request =
        read_one(arg, arena, META_GROUP_CERTIFICATES, "certificatesigningrequests", name);

    return request && strcmp(node_get_text(node_get(request, "spec"), "username"), user) == 0;
}

static bool is_listed_name(const struct node *names, const char *name)
{
    for (size_t i = 0; i < node_count(names); i++)
        if (strcmp(node_text(node_item(names, i)), name) == 0)
            return true;
    return false;
}

/* A name that is not taken yet may be asked for: that is what joining is. */
static bool cluster_is_joining(void *arg, const char *token, const char *cluster)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *there = read_one(arg, arena, META_GROUP_CLUSTER, "managedclusters", cluster);
    const struct node *spec =
        node_get(read_one(arg, arena, META_GROUP_AXLE, "jointokens", token), "spec");

    return !there || strcmp(meta_annotation(there, META_ANNOTATION_JOIN_TOKEN), token) == 0 ||
           is_listed_name(node_get(spec, "names"), cluster);
}

struct auth_facts hub_facts(struct hub *hub)
{
    return (struct auth_facts){.arg = hub,
                               .secret_is_named = secret_is_named,
                               .artifact_is_named = artifact_is_named,
                               .request_is_own = request_is_own,
                               .cluster_is_joining = cluster_is_joining};
}
