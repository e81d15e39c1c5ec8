/* SPDX-License-Identifier: Apache-2.0 */
/* Checks, over random changes, that each change wakes every controller it concerns. */
#include "controllers/controller.h"

#include "base/clock.h"
#include "document/document.h"
#include "kinds/kinds.h"
#include "loop/loop.h"
#include "meta/meta.h"
#include "objects/objects.h"
#include "pki/pki.h"
#include "sim/disk.h"
#include "sim/world.h"
#include "store/store.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

/*
 * A hub is given and loses objects of every kind that controllers read, in random
 * order. Whenever nothing is left to do, the queue runs everything once more, which
 * must want to write nothing (controllers_missed).
 */
#define CHANGES 80

static struct loop_world *world;
static uint64_t random_state;

struct hub {
    struct loop *loop;
    struct store *store;
    struct kinds *kinds;
    struct objects *objects;
    struct controllers *controllers;
    struct pki_authority *authority;
};

#define AXLE "apiVersion: axle.dev/v1alpha1\nkind: "
#define OCM "apiVersion: cluster.open-cluster-management.io/"
#define LONG "a-name-that-is-so-long-that-its-label-must-be-cut-and-hashed"
#define ENVIRONMENT_OF(name, rest)                                                                 \
    AXLE "Environment\nmetadata: {name: " name ", namespace: research}\nspec: {topology: "         \
         "{type: topology-ocm, properties: {placement: {" rest "}}}}\n"
#define CLUSTER_OF(name, labels)                                                                   \
    OCM "v1\nkind: ManagedCluster\nmetadata: {name: " name ", labels: {" labels "}}\n"             \
        "spec: {hubAcceptsClient: true}\n"
#define PROFILE_OF(command)                                                                        \
    AXLE "WorkloadProfile\nmetadata: {name: echo, namespace: research}\n"                          \
         "spec:\n  type: Application\n  variables: [{name: word, type: string, default: x}]\n"     \
         "  components:\n  - {name: server, type: mine, properties: {word: " command "}}\n"
#define DEFINITION_OF(namespace, key)                                                                                                                                                    \
    AXLE                                                                                                                                                                                 \
        "ComponentDefinition\nmetadata: {name: mine, namespace: " namespace "}\n"                                                                                                        \
                                                                            "spec:\n  template: |\n    apiVersion: v1\n    kind: ConfigMap\n    metadata: {name: {{ .context.name }}}\n" \
                                                                            "    data: {" key                                                                                            \
                                                                            ": {{ .properties.word }}}\n"
#define WORKLOAD_OF(name, bundle, place)                                                           \
    AXLE "AIWorkload\nmetadata: {name: " name ", namespace: research}\n"                           \
         "spec: {profileBundleRef: {" bundle "}, " place "}\n"

/* What there is from the start, and what comes and goes. */
static const char *const documents[] = {
    AXLE "Tenant\nmetadata: {name: acme}\nspec: {displayName: Acme, clusterSets: [global]}\n",
    AXLE "Project\nmetadata: {name: research}\nspec: {tenant: acme}\n",
    AXLE "Project\nmetadata: {name: rival}\nspec: {tenant: acme}\n",
    PROFILE_OF("\"{{ .var.word }}\""),
    AXLE
    "ProfileBundle\nmetadata: {name: echo, namespace: research}\nspec: {workloadProfileRefs: [{name: echo}]}\n",
    DEFINITION_OF("research", "a"),
    ENVIRONMENT_OF("all", "clusterSets: [global]"),
    CLUSTER_OF("edge-1", "zone: a"),
    WORKLOAD_OF("hi", "name: echo", "environmentRef: {name: all}"),
    AXLE
    "ComputePool\nmetadata: {name: lab, namespace: research}\nspec: {variant: Shared, spokes: [edge-2, edge-3, other]}\n",
    AXLE
    "ComputePool\nmetadata: {name: all-of-a, namespace: research}\nspec: {variant: Shared, clusterSelector: {matchLabels: {zone: a}}}\n",
    /* Variants of the same objects. */
    PROFILE_OF("changed"),
    DEFINITION_OF("research", "b"),
    DEFINITION_OF("tenant-acme", "c"),
    AXLE
    "Tenant\nmetadata: {name: acme}\nspec: {displayName: Acme, clusterSets: [global, default], admins: [ann]}\n",
    AXLE
    "Project\nmetadata: {name: research}\nspec: {tenant: acme, editors: [bob], targetNamespaces: [elsewhere]}\n",
    AXLE "Project\nmetadata: {name: rival}\nspec: {tenant: acme, targetNamespaces: [elsewhere]}\n",
    AXLE "Project\nmetadata: {name: other}\nspec: {tenant: acme}\n",
    ENVIRONMENT_OF("all", "clusterSets: [default], numberOfClusters: 1"),
    ENVIRONMENT_OF("lab", "clusterSets: [global]"),
    ENVIRONMENT_OF(LONG, "clusterSets: [global]"),
    AXLE
    "Environment\nmetadata: {name: own, namespace: research}\nspec: {targetNamespace: elsewhere, topology: "
    "{type: topology-ocm-byop, properties: {placementRef: {name: mine}}}}\n",
    OCM
    "v1beta1\nkind: Placement\nmetadata: {name: mine, namespace: research}\nspec: {clusterSets: [global]}\n",
    OCM
    "v1beta1\nkind: Placement\nmetadata: {name: all, namespace: research}\nspec: {clusterSets: [global]}\n",
    CLUSTER_OF("edge-1", "zone: b"),
    CLUSTER_OF("edge-2", "zone: a"),
    CLUSTER_OF("edge-3", "\"cluster.open-cluster-management.io/clusterset\": \"research.lab\""),
    CLUSTER_OF("research", "zone: a"),
    OCM "v1\nkind: ManagedCluster\nmetadata: {name: edge-4}\nspec: {}\n",
    CLUSTER_OF("edge-4", "zone: a"),
    WORKLOAD_OF("hi", "name: echo, revision: v1", "environmentRef: {name: all}"),
    WORKLOAD_OF("hi", "name: echo", "environmentRef: {name: own}"),
    WORKLOAD_OF(LONG, "name: echo", "environmentRef: {name: all}"),
    WORKLOAD_OF("pooled", "name: echo", "computePoolRef: {name: lab}"),
    WORKLOAD_OF("pooled-too", "name: echo", "computePoolRef: {name: lab}"),
    AXLE
    "ComputePool\nmetadata: {name: lab, namespace: research}\nspec: {variant: Dedicated, spokes: [edge-2]}\n",
    AXLE
    "ComputePool\nmetadata: {name: lab, namespace: rival}\nspec: {variant: Shared, spokes: [edge-2], sharedWith: [research]}\n",
    AXLE "ComputePool\nmetadata: {name: " LONG
         ", namespace: research}\nspec: {variant: Shared, spokes: [edge-5]}\n",
    AXLE
    "VariableSet\nmetadata: {name: v, namespace: research}\nspec: {variables: [{name: word, type: string, default: y}]}\n",
    AXLE
    "VariableSet\nmetadata: {name: v, namespace: tenant-acme}\nspec: {variables: [{name: word, type: string, default: z}]}\n",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: lab-edge-2-join, namespace: research}\ndata: {password: aGk=}\n",
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: edge-2}\n",
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: other}\n",
    OCM
    "v1beta2\nkind: ManagedClusterSet\nmetadata: {name: research.lab}\nspec: {clusterSelector: {selectorType: ExclusiveClusterSetLabel}}\n",
    OCM
    "v1beta2\nkind: ManagedClusterSetBinding\nmetadata: {name: default, namespace: research}\nspec: {clusterSet: default}\n",
    "apiVersion: work.open-cluster-management.io/v1alpha1\nkind: ManifestWorkReplicaSet\nmetadata: {name: " LONG
    ", namespace: research}\n"
    "spec:\n  placementRefs: [{name: mine}]\n  manifestWorkTemplate: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, "
    "metadata: {name: m, namespace: default}, data: {a: b}}]}}\n",
    ("apiVersion: work.open-cluster-management.io/v1\nkind: ManifestWork\nmetadata: {name: research.hi-echo, namespace: edge-1}\n"
     "spec: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: m, namespace: default}}]}}\n"),
    "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: default, namespace: research}\n",
};
#define AT_START 11

static void must(int result, const struct err *err)
{
    if (result < 0) {
        printf("Bail out! %s\n", err->text);
        exit(1);
    }
}

static uint64_t roll(uint64_t sides)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % sides;
}

static void hub_open(struct hub *hub)
{
    struct store_options options = {.vfs = "sim"};
    struct controllers_settings settings = {.prove_wake_ups = true};
    struct err err = {0};

    hub->loop = loop_world_host(world, "hub");
    hub->store = store_open("hub.db", &options, &err);
    must(hub->store ? 0 : -1, &err);
    hub->kinds = kinds_open(&err);
    must(hub->kinds ? 0 : -1, &err);
    hub->objects = objects_open(hub->loop, hub->store, hub->kinds, &err);
    must(hub->objects ? 0 : -1, &err);
    hub->authority = pki_authority_new("test", 3600 * CLOCK_SECOND, &err);
    must(hub->authority ? 0 : -1, &err);
    settings.authority = hub->authority;
    hub->controllers = controllers_start(hub->objects, hub->loop, &settings, &err);
    must(hub->controllers ? 0 : -1, &err);
}

static void hub_close(struct hub *hub)
{
    controllers_stop(&hub->controllers);
    objects_close(&hub->objects);
    kinds_close(&hub->kinds);
    store_close(&hub->store);
    loop_free(&hub->loop);
    pki_authority_free(&hub->authority);
}

/* ---- Changes ------------------------------------------------------------------- */

static struct node *read_document(struct arena *arena, const char *yaml)
{
    struct err err = {0};
    struct node *node =
        document_read_yaml(arena, yaml, strlen(yaml), true, &document_limits_own, &err);

    must(node ? 0 : -1, &err);
    return node;
}

/* What is refused, is. */
static void apply(struct hub *hub, struct arena *arena, const char *yaml)
{
    struct err err = {0};

    if (objects_ensure(hub->objects, "kubectl", read_document(arena, yaml), NULL, &err) < 0)
        printf("# refused: %s\n", err.text);
}

static void remove_one(struct hub *hub, const struct kind *kind, const char *namespace,
                       const char *name)
{
    struct err err = {0};

    printf("# delete %s %s/%s\n", kind->kind, namespace, name);
    if (objects_remove(hub->objects, "kubectl", kind, namespace, name, &err) < 0)
        printf("# refused: %s\n", err.text);
}

struct choosing {
    struct arena *arena;
    struct node *list;
};

static void add_choice(void *arg, const struct object *object)
{
    struct choosing *choosing = arg;

    node_add(choosing->arena, choosing->list, object_read(choosing->arena, object));
}

static struct node *every(struct hub *hub, struct arena *arena, const struct kind *kind)
{
    struct choosing choosing = {arena, node_list(arena)};

    objects_each(hub->objects, OBJECTS_STAGED, kind, "", add_choice, &choosing);
    return choosing.list;
}

/* Anything at all, made by whomever: as by hand. */
static void remove_any(struct hub *hub, struct arena *arena)
{
    const struct kind *kind = kinds_at(hub->kinds, roll(kinds_count(hub->kinds)));
    const struct node *all, *one;

    if (kind->is_question || !strcmp(kind->kind, "Event"))
        return;
    all = every(hub, arena, kind);
    if (!node_count(all))
        return;
    one = node_item(all, roll(node_count(all)));
    remove_one(hub, kind, meta_namespace(one), meta_name(one));
}

/* The spokes remove what they are told to remove, and report the rest. */
static void let_spokes_work(struct hub *hub, struct arena *arena)
{
    const struct kind *works =
        kinds_find(hub->kinds, "work.open-cluster-management.io", "manifestworks");
    const struct node *all = every(hub, arena, works);
    struct err err = {0};

    for (size_t i = 0; i < node_count(all); i++) {
        struct node *one = node_item(all, i), *status = meta_copy_status(arena, one);
        scoped_object struct object *object = objects_get(
            hub->objects, OBJECTS_STAGED, works, meta_namespace(one), meta_name(one), NULL);
        struct meta_condition conditions[] = {
            {"Applied", "True", "Ok", ""},
            {"Available", roll(4) ? "True" : "False", "Ok", ""},
            {"Progressing", "False", "Ok", ""},
            {"Degraded", roll(4) ? "False" : "True", "Ok", ""},
        };

        if (meta_is_deleting(one)) {
            (void)!objects_set_finalizer(hub->objects, "spoke", object, META_FINALIZER_WORK, false,
                                         &err);
            continue;
        }
        for (size_t c = 0; c < count_of(conditions); c++)
            meta_condition_set(arena, status, node_at(one, "status", "conditions", NULL),
                               &conditions[c], meta_generation(one), clock_wall());
        (void)!objects_set_status(hub->objects, "spoke", object, status, NULL, &err);
    }
}

/* A spoke is heard of, or says what it has. */
static void report_cluster(struct hub *hub, struct arena *arena)
{
    const struct kind *clusters =
        kinds_find(hub->kinds, "cluster.open-cluster-management.io", "managedclusters");
    const struct node *all = every(hub, arena, clusters), *one;
    struct meta_condition available = {"ManagedClusterConditionAvailable",
                                       roll(2) ? "True" : "Unknown", "ManagedClusterAvailable", ""};
    struct meta_condition joined = {"ManagedClusterJoined", "True", "Joined", ""};
    scoped_object struct object *object = NULL;
    struct err err = {0};
    struct node *status;

    if (!node_count(all))
        return;
    one = node_item(all, roll(node_count(all)));
    object = objects_get(hub->objects, OBJECTS_STAGED, clusters, "", meta_name(one), NULL);
    status = meta_copy_status(arena, one);
    meta_condition_set(arena, status, node_at(one, "status", "conditions", NULL), &available, 0,
                       clock_wall());
    meta_condition_set(arena, status, node_at(one, "status", "conditions", NULL), &joined, 0,
                       clock_wall());
    printf("# report of %s: %s\n", meta_name(one), available.status);
    (void)!objects_set_status(hub->objects, "spoke", object, status, NULL, &err);
}

static void change_something(struct hub *hub, struct arena *arena)
{
    size_t which = roll(count_of(documents));
    const struct node *document = read_document(arena, documents[which]);
    const struct kind *kind = kinds_by_kind(hub->kinds, node_get_text(document, "apiVersion"),
                                            node_get_text(document, "kind"));

    switch (roll(10)) {
    case 0:
    case 1:
    case 2:
    case 3:
        printf("# apply %s %s/%s (%zu)\n", kind->kind, meta_namespace(document),
               meta_name(document), which);
        apply(hub, arena, documents[which]);
        break;
    case 4:
    case 5:
        remove_one(hub, kind, meta_namespace(document), meta_name(document));
        break;
    case 6:
        remove_any(hub, arena);
        break;
    case 7:
        report_cluster(hub, arena);
        break;
    default:
        printf("# spokes\n");
        let_spokes_work(hub, arena);
    }
}

static bool run_seed(uint64_t seed)
{
    struct store_disk *disk;
    struct hub hub = {0};
    bool well;

    random_state = seed * 0x9e3779b97f4a7c15u + 1;
    disk = store_disk_new("sim");
    world = loop_world_new(seed);
    printf("# seed %llu\n", (unsigned long long)seed);
    hub_open(&hub);
    for (size_t i = 0; i < AT_START; i++) {
        scoped_arena struct arena *arena = arena_new();

        apply(&hub, arena, documents[i]);
        loop_world_run(world, 10 * CLOCK_MS);
    }
    for (size_t i = 0; i < CHANGES && !controllers_missed(hub.controllers); i++) {
        scoped_arena struct arena *arena = arena_new();

        change_something(&hub, arena);
        loop_world_run(world, 20 * CLOCK_MS);
    }
    well = !controllers_missed(hub.controllers);
    hub_close(&hub);
    loop_world_free(&world);
    store_disk_free(&disk);
    return well;
}

int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 12;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (uint64_t seed = first; seed < first + count; seed++)
        CHECK(run_seed(seed), "every change wakes whom it concerns (seed %llu)",
              (unsigned long long)seed);
    return check_done();
}
