/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that controllers touch only what belongs to the object they run for. */
#include "controllers/controller.h"

#include "base/clock.h"
#include "base/map.h"
#include "document/document.h"
#include "kinds/kinds.h"
#include "loop/loop.h"
#include "meta/meta.h"
#include "objects/objects.h"
#include "pki/pki.h"
#include "registry/registry.h"
#include "sim/disk.h"
#include "sim/world.h"
#include "store/store.h"

#include "check.h"

#include <stdlib.h>

static struct loop_world *world;

struct hub {
    struct loop *loop;
    struct store *store;
    struct kinds *kinds;
    struct objects *objects;
    struct controllers *controllers;
    struct pki_authority *authority;
    struct arena *arena;
};

static void must(int result, const struct err *err)
{
    if (result < 0) {
        printf("Bail out! %s\n", err->text);
        exit(1);
    }
}

static void hub_open(struct hub *hub)
{
    struct store_options options = {.vfs = "sim"};
    struct controllers_settings settings = {0};
    struct err err = {0};

    hub->arena = arena_new();
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
    loop_world_run(world, 10 * CLOCK_MS);
}

static void hub_close(struct hub *hub)
{
    controllers_stop(&hub->controllers);
    objects_close(&hub->objects);
    kinds_close(&hub->kinds);
    store_close(&hub->store);
    loop_free(&hub->loop);
    pki_authority_free(&hub->authority);
    arena_free(&hub->arena);
}

/* ---- Like kubectl ----------------------------------------------------------------- */

static const struct kind *kind_of(struct hub *hub, const char *plural)
{
    static const char *const groups[] = {"axle.dev", "cluster.open-cluster-management.io",
                                         "work.open-cluster-management.io", ""};

    for (size_t i = 0; i < count_of(groups); i++)
        if (kinds_find(hub->kinds, groups[i], plural))
            return kinds_find(hub->kinds, groups[i], plural);
    abort();
}

static int write_one(struct hub *hub, const struct node *body, bool trusted, struct err *err)
{
    struct objects_result result = {.arena = hub->arena};
    struct objects_write write = {
        .who = {"somebody", "kubectl", trusted},
        .grace = -1,
        .body = body,
        .kind = kinds_by_kind(hub->kinds, node_get_text(body, "apiVersion"),
                              node_get_text(body, "kind")),
        .namespace = meta_namespace(body),
        .name = meta_name(body),
        .patch = OBJECTS_PATCH_APPLY,
        .force = true,
    };

    if (objects_patch(hub->objects, &write, &result, err) < 0)
        return -1;
    object_drop(&result.object);
    loop_world_run(world, 10 * CLOCK_MS);
    return 0;
}

static void apply(struct hub *hub, const char *yaml)
{
    struct err err = {0};
    struct node *all =
        document_read_all(hub->arena, yaml, strlen(yaml), &document_limits_own, &err);

    must(all ? 0 : -1, &err);
    for (size_t i = 0; i < node_count(all); i++)
        must(write_one(hub, node_item(all, i), true, &err), &err);
}

static struct node *get(struct hub *hub, const char *plural, const char *namespace,
                        const char *name)
{
    scoped_object struct object *object =
        objects_get(hub->objects, OBJECTS_STAGED, kind_of(hub, plural), namespace, name, NULL);

    return object ? object_read(hub->arena, object) : NULL;
}

static void drop(struct hub *hub, const char *plural, const char *namespace, const char *name)
{
    struct err err = {0};

    must(objects_remove(hub->objects, "kubectl", kind_of(hub, plural), namespace, name, &err),
         &err);
    loop_world_run(world, 10 * CLOCK_MS);
}

struct gathering {
    struct hub *hub;
    struct node *list;
};

static void gather(void *arg, const struct object *object)
{
    struct gathering *gathering = arg;

    node_add(gathering->hub->arena, gathering->list, object_read(gathering->hub->arena, object));
}

static const struct node *list_of(struct hub *hub, const char *plural)
{
    struct gathering gathering = {hub, node_list(hub->arena)};

    objects_each(hub->objects, OBJECTS_STAGED, kind_of(hub, plural), "", gather, &gathering);
    return gathering.list;
}

/* As a spoke does that has removed what it ran. */
static void let_works_go(struct hub *hub)
{
    const struct node *works = list_of(hub, "manifestworks");
    struct err err = {0};

    for (size_t i = 0; i < node_count(works); i++) {
        scoped_object struct object *work = NULL;

        if (!meta_is_deleting(node_item(works, i)))
            continue;
        work =
            objects_get(hub->objects, OBJECTS_STAGED, kind_of(hub, "manifestworks"),
                        meta_namespace(node_item(works, i)), meta_name(node_item(works, i)), NULL);
        must(objects_set_finalizer(hub->objects, "spoke", work, META_FINALIZER_WORK, false, &err),
             &err);
    }
    loop_world_run(world, 10 * CLOCK_MS);
}

/* ---- Whose it is -------------------------------------------------------------------- */

static bool says_taken(const struct node *object)
{
    const struct node *list = node_at(object, "status", "conditions", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "reason"), "NameTaken") &&
            *node_get_text(node_item(list, i), "message"))
            return true;
    return false;
}

static bool has_event(struct hub *hub, const char *namespace, const char *name)
{
    const struct node *all = list_of(hub, "events");

    for (size_t i = 0; i < node_count(all); i++) {
        const struct node *about = node_get(node_item(all, i), "involvedObject");

        if (!strcmp(node_get_text(node_item(all, i), "reason"), "NameTaken") &&
            !strcmp(node_get_text(about, "name"), name) &&
            !strcmp(node_get_text(about, "namespace"), namespace))
            return true;
    }
    return false;
}

/* All that a person or a controller wrote of it; what is observed is left out. */
static const char *content(struct hub *hub, const struct node *object)
{
    static const char *const dropped[] = {"managedFields", "resourceVersion", "generation"};
    struct node *copy;

    if (!object)
        return "none";
    copy = node_copy(hub->arena, object);
    node_remove(copy, "status");
    for (size_t i = 0; i < count_of(dropped); i++)
        node_remove(node_get(copy, "metadata"), dropped[i]);
    return document_json(hub->arena, copy);
}

#define AXLE "apiVersion: axle.dev/v1alpha1\nkind: "
#define OCM "apiVersion: cluster.open-cluster-management.io/"
#define WORKS "apiVersion: work.open-cluster-management.io/"
#define IN_LAB(name) "\nmetadata: {name: " name ", namespace: lab}\n"
#define KIND_ID_ENVIRONMENT(name)                                                                  \
    AXLE "Environment" IN_LAB(                                                                     \
        name) "spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}\n"
#define KIND_ID_PROFILE(name)                                                                      \
    AXLE "WorkloadProfile" IN_LAB(name) "spec: {type: Application, components: [{name: s-" name    \
                                        ", type: worker, properties: {command: [a]}}]}\n"
#define KIND_ID_BUNDLE(name)                                                                       \
    AXLE "ProfileBundle" IN_LAB(name) "spec: {workloadProfileRefs: [{name: " name "}]}\n"
#define LOAD(name, bundle)                                                                         \
    AXLE "AIWorkload" IN_LAB(name) "spec: {profileBundleRef: {name: " bundle                       \
                                   "}, environmentRef: {name: here}}\n"
#define KIND_ID_CONFIG_MAP                                                                         \
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: mine, namespace: default}, data: {a: b}}"

static void make_world(struct hub *hub)
{
    apply(
        hub, AXLE
        "Tenant\nmetadata: {name: acme}\nspec: {clusterSets: [global]}\n---\n" AXLE
        "Project\nmetadata: {name: lab}\nspec: {tenant: acme}\n---\n" AXLE
        "Project\nmetadata: {name: lab-gpu}\nspec: {tenant: acme}\n---\n" OCM
        "v1\nkind: ManagedCluster\nmetadata: {name: edge}\nspec: {hubAcceptsClient: true}\n---\n" KIND_ID_ENVIRONMENT("here") "---\n" KIND_ID_PROFILE(
            "cfg") "---\n" KIND_ID_BUNDLE("cfg") "---\n" AXLE
                                                 "ComponentDefinition" IN_LAB(
                                                     "key") "spec: {template: \"apiVersion: v1\\nkind: Secret\\nmetadata: {name: precious}\\nstringData: {token: its}\\n\"}\n---\n" AXLE
                                                            "WorkloadProfile" IN_LAB("key") "spec: {type: Application, components: [{name: s, type: key}]}\n---\n" KIND_ID_BUNDLE(
                                                                "key"));
}

/* ---- Each derived kind ---------------------------------------------------------------- */

static const struct {
    const char *name;
    const char *theirs, *plural, *namespace, *object; /* made first, by a person */
    const char *wants, *want_plural, *want_namespace, *want;
} cases[] = {
    {"an Environment and a Placement",
     OCM "v1beta1\nkind: Placement" IN_LAB("prod") "spec: {clusterSets: [none]}\n", "placements",
     "lab", "prod", KIND_ID_ENVIRONMENT("prod"), "environments", "lab", "prod"},
    {"a Placement and a PlacementDecision",
     OCM "v1beta1\nkind: PlacementDecision" IN_LAB("far-decision-1"), "placementdecisions", "lab",
     "far-decision-1",
     OCM "v1beta1\nkind: Placement" IN_LAB("far") "spec: {clusterSets: [global]}\n", "placements",
     "lab", "far"},
    {"a pool and an Environment", KIND_ID_ENVIRONMENT("rack"), "environments", "lab", "rack",
     AXLE "ComputePool" IN_LAB("rack") "spec: {}\n", "computepools", "lab", "rack"},
    {"a pool and a set",
     OCM
     "v1beta2\nkind: ManagedClusterSet\nmetadata: {name: lab.mine}\nspec: {clusterSelector: {selectorType: ExclusiveClusterSetLabel}}\n",
     "managedclustersets", "", "lab.mine", AXLE "ComputePool" IN_LAB("mine") "spec: {}\n",
     "computepools", "lab", "mine"},
    {"a pool's spoke and a Secret",
     "apiVersion: v1\nkind: Secret" IN_LAB("gpu-a1-join") "stringData: {password: precious}\n",
     "secrets", "lab", "gpu-a1-join", AXLE "ComputePool" IN_LAB("gpu") "spec: {spokes: [a1]}\n",
     "computepools", "lab", "gpu"},
    {"a pool's spoke and a spoke",
     OCM "v1\nkind: ManagedCluster\nmetadata: {name: b1}\nspec: {hubAcceptsClient: false}\n",
     "managedclusters", "", "b1", AXLE "ComputePool" IN_LAB("gpub") "spec: {spokes: [b1]}\n",
     "computepools", "lab", "gpub"},
    {"an AIWorkload and a ManifestWorkReplicaSet",
     WORKS "v1alpha1\nkind: ManifestWorkReplicaSet" IN_LAB(
         "w1x-cfg") "spec: {placementRefs: [{name: none}], manifestWorkTemplate: {workload: {manifests: [" KIND_ID_CONFIG_MAP
                    "]}}}\n",
     "manifestworkreplicasets", "lab", "w1x-cfg", LOAD("w1x", "cfg"), "aiworkloads", "lab", "w1x"},
    {"an AIWorkload and a ManifestWork",
     WORKS
     "v1\nkind: ManifestWork\nmetadata: {name: lab.w1y-cfg, namespace: edge, finalizers: [" META_FINALIZER_WORK
     "]}\nspec: {workload: {manifests: [" KIND_ID_CONFIG_MAP "]}}\n",
     "manifestworks", "edge", "lab.w1y-cfg", LOAD("w1y", "cfg"), "aiworkloads", "lab", "w1y"},
    {"an AIWorkload and a Secret that it renders",
     "apiVersion: v1\nkind: Secret" IN_LAB("precious") "stringData: {password: precious}\n",
     "secrets", "lab", "precious", LOAD("keys", "key"), "aiworkloads", "lab", "keys"},
    {"a Tenant and a Namespace", "apiVersion: v1\nkind: Namespace\nmetadata: {name: tenant-zed}\n",
     "namespaces", "", "tenant-zed", AXLE "Tenant\nmetadata: {name: zed}\nspec: {}\n", "tenants",
     "", "zed"},
    {"a Project and a Namespace", "apiVersion: v1\nkind: Namespace\nmetadata: {name: zoo}\n",
     "namespaces", "", "zoo", AXLE "Project\nmetadata: {name: zoo}\nspec: {tenant: acme}\n",
     "projects", "", "zoo"},
    {"a ManagedCluster and a Namespace", "apiVersion: v1\nkind: Namespace\nmetadata: {name: c1}\n",
     "namespaces", "", "c1",
     OCM "v1\nkind: ManagedCluster\nmetadata: {name: c1}\nspec: {hubAcceptsClient: true}\n",
     "managedclusters", "", "c1"},
};

static void check_case(struct hub *hub, size_t i)
{
    const char *before;

    apply(hub, cases[i].theirs);
    before = content(hub, get(hub, cases[i].plural, cases[i].namespace, cases[i].object));
    apply(hub, cases[i].wants);
    CHECK(says_taken(get(hub, cases[i].want_plural, cases[i].want_namespace, cases[i].want)),
          "%s: NameTaken", cases[i].name);
    /* Those about what lies in no namespace lie in one that this hub has not. */
    if (*cases[i].want_namespace)
        CHECK(has_event(hub, cases[i].want_namespace, cases[i].want), "%s: an Event says so",
              cases[i].name);
    CHECK_TEXT(content(hub, get(hub, cases[i].plural, cases[i].namespace, cases[i].object)), before,
               "%s: the other's stays as it is", cases[i].name);
    drop(hub, cases[i].want_plural, cases[i].want_namespace, cases[i].want);
    let_works_go(hub);
    CHECK(!get(hub, cases[i].want_plural, cases[i].want_namespace, cases[i].want),
          "%s: what was refused can be deleted", cases[i].name);
    CHECK_TEXT(content(hub, get(hub, cases[i].plural, cases[i].namespace, cases[i].object)), before,
               "%s: and takes nothing with it", cases[i].name);
    apply(hub, cases[i].wants);
    drop(hub, cases[i].plural, cases[i].namespace, cases[i].object);
    let_works_go(hub);
    CHECK(!says_taken(get(hub, cases[i].want_plural, cases[i].want_namespace, cases[i].want)),
          "%s: a name that is free again is taken at once", cases[i].name);
    CHECK(strcmp(content(hub, get(hub, cases[i].plural, cases[i].namespace, cases[i].object)),
                 before) != 0,
          "%s: by what waited", cases[i].name);
    drop(hub, cases[i].want_plural, cases[i].want_namespace, cases[i].want);
    let_works_go(hub);
}

/* A revision that somebody made by hand would be taken for the first one. */
static void check_revision(struct hub *hub)
{
    apply(
        hub, AXLE
        "DefinitionRevision" IN_LAB("wp-early-v1") "spec: {kind: WorkloadProfile, name: other, revision: 1, hash: x, snapshot: {a: b}}\n---\n" KIND_ID_PROFILE(
            "early"));
    CHECK_TEXT(node_get_text(node_get(get(hub, "workloadprofiles", "lab", "early"), "status"),
                             "latestRevision"),
               "v2", "a number whose name is another's is passed over");
    CHECK_TEXT(
        node_get_text(node_at(get(hub, "definitionrevisions", "lab", "wp-early-v1"), "spec", NULL),
                      "hash"),
        "x", "and what is there stays");
}

/* A binding says that a set is bound, whoever made it. */
static void check_binding(struct hub *hub)
{
    const char *before;

    apply(hub, OCM "v1beta2\nkind: ManagedClusterSetBinding" IN_LAB(
                   "lab.by-hand") "spec: {clusterSet: lab.by-hand}\n");
    before = content(hub, get(hub, "managedclustersetbindings", "lab", "lab.by-hand"));
    apply(hub, AXLE "ComputePool" IN_LAB("by-hand") "spec: {}\n");
    CHECK_TEXT(
        node_get_text(node_get(get(hub, "computepools", "lab", "by-hand"), "status"), "phase"),
        "Ready", "a set that somebody has bound is bound");
    drop(hub, "computepools", "lab", "by-hand");
    CHECK_TEXT(content(hub, get(hub, "managedclustersetbindings", "lab", "lab.by-hand")), before,
               "and the binding stays");
}

/* Both run where two derived names are the same. */
static void check_both(struct hub *hub)
{
    const struct node *one, *other;

    apply(
        hub,
        KIND_ID_PROFILE("api-server") "---\n" KIND_ID_BUNDLE("api-server") "---\n" KIND_ID_PROFILE(
            "server") "---\n" KIND_ID_BUNDLE("server") "---\n" LOAD("chat",
                                                                    "api-server") "---\n" LOAD("chat-api",
                                                                                               "server"));
    one = get(hub, "workloaddeployments", "lab", "chat-api-server");
    other = get(hub, "workloaddeployments", "lab", "chat-api-server-a9a7d85e");
    CHECK_TEXT(meta_owner_name(one, "AIWorkload"), "chat", "the first has the name");
    CHECK_TEXT(meta_owner_name(other, "AIWorkload"), "chat-api", "the second one with a hash");
    CHECK(get(hub, "manifestworks", "edge", "lab.chat-api-server") &&
              get(hub, "manifestworks", "edge", "lab.chat-api-server-a9a7d85e"),
          "both are sent out");
    drop(hub, "aiworkloads", "lab", "chat");
    let_works_go(hub);
    CHECK(!get(hub, "workloaddeployments", "lab", "chat-api-server"), "the first goes");
    CHECK_TEXT(meta_uid(get(hub, "workloaddeployments", "lab", "chat-api-server-a9a7d85e")),
               meta_uid(other), "the second one keeps its own");
    drop(hub, "aiworkloads", "lab", "chat-api");
    let_works_go(hub);
    apply(hub,
          AXLE "ComputePool" IN_LAB("gpu-1") "spec: {spokes: [x]}\n---\n" AXLE
                                             "ComputePool" IN_LAB("gpu") "spec: {spokes: [1-x]}\n");
    CHECK_TEXT(meta_owner_name(get(hub, "secrets", "lab", "gpu-1-x-join"), "ComputePool"), "gpu-1",
               "a Secret for the first pool's spoke");
    one = node_at(get(hub, "computepools", "lab", "gpu"), "status", "expected", NULL);
    CHECK_TEXT(
        meta_owner_name(get(hub, "secrets", "lab", node_get_text(node_item(one, 0), "secret")),
                        "ComputePool"),
        "gpu", "and one for the other's");
    drop(hub, "computepools", "lab", "gpu-1");
    drop(hub, "computepools", "lab", "gpu");
}

static void push(struct hub *hub, const char *repository)
{
    const struct registry_blob manifest = {
        "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        "application/json", "foo", 3};

    registry_keep(hub->store, repository, "latest", &manifest, NULL, 0);
}

/* The artifact of a deployment lies in the repository of its name. */
static void check_repository(struct hub *hub)
{
    push(hub, "lab/pushed-cfg");
    apply(hub, LOAD("pushed", "cfg"));
    CHECK(says_taken(get(hub, "aiworkloads", "lab", "pushed")),
          "somebody's repository is NameTaken");
    drop(hub, "aiworkloads", "lab", "pushed");
    CHECK_TEXT(registry_tag(hub->arena, hub->store, "lab/pushed-cfg", "latest"),
               "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
               "what was pushed stays");
    apply(hub, LOAD("pushed", "cfg"));
    registry_drop(hub->store, "lab/pushed-cfg");
    loop_world_run(world, 61 * CLOCK_SECOND);
    CHECK(registry_is_claimed(hub->store, "lab/pushed-cfg"), "and is taken when it has gone");
    drop(hub, "aiworkloads", "lab", "pushed");
    let_works_go(hub);
    CHECK(!registry_is_claimed(hub->store, "lab/pushed-cfg") &&
              !registry_tag(hub->arena, hub->store, "lab/pushed-cfg", "v1"),
          "until the deployment goes");
}

/* A work that is in the way on one spoke keeps no other waiting for ever. */
static void check_rollout(struct hub *hub)
{
    const struct node *deployment;

    apply(
        hub, OCM
        "v1\nkind: ManagedCluster\nmetadata: {name: far}\nspec: {hubAcceptsClient: true}\n---\n" AXLE
        "Environment" IN_LAB(
            "slow") "spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}, "
                    "manifestWorkReplicaSet: {rolloutStrategy: {type: Progressive, progressive: {maxConcurrency: 1, maxFailures: 1}}}}}}\n---\n" WORKS
                    "v1\nkind: ManifestWork\nmetadata: {name: lab.step-cfg, namespace: edge}\nspec: {workload: {manifests: [" KIND_ID_CONFIG_MAP
                    "]}}\n---\n" AXLE "AIWorkload" IN_LAB(
                        "step") "spec: {profileBundleRef: {name: cfg}, environmentRef: {name: slow}}\n");
    deployment = get(hub, "workloaddeployments", "lab", "step-cfg");
    CHECK(get(hub, "manifestworks", "far", "lab.step-cfg") != NULL, "the other spoke has its work");
    CHECK(says_taken(deployment), "the one where it cannot be is told");
    drop(hub, "manifestworks", "edge", "lab.step-cfg");
    drop(hub, "aiworkloads", "lab", "step");
    drop(hub, "environments", "lab", "slow");
    let_works_go(hub);
    drop(hub, "managedclusters", "", "far");
}

/* A Project that never had its namespace takes nothing with it. */
static void check_content(struct hub *hub)
{
    apply(
        hub,
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: farm}\n---\n" WORKS
        "v1alpha1\nkind: ManifestWorkReplicaSet\nmetadata: {name: cow, namespace: farm}\n"
        "spec: {placementRefs: [{name: none}], manifestWorkTemplate: {workload: {manifests: [" KIND_ID_CONFIG_MAP
        "]}}}\n---\n" AXLE "Project\nmetadata: {name: farm}\nspec: {tenant: acme}\n");
    CHECK(says_taken(get(hub, "projects", "", "farm")), "a Project of a namespace that is not its");
    drop(hub, "projects", "", "farm");
    CHECK(!get(hub, "projects", "", "farm"), "can be deleted");
    CHECK(!meta_is_deleting(get(hub, "manifestworkreplicasets", "farm", "cow")) &&
              get(hub, "manifestworkreplicasets", "farm", "cow"),
          "and what is in the namespace stays");
    drop(hub, "manifestworkreplicasets", "farm", "cow");
    drop(hub, "namespaces", "", "farm");
}

/* Whoever comes and goes beside a name that is taken leaves nothing behind. */
static void check_many(struct hub *hub)
{
    size_t before;

    apply(hub,
          "apiVersion: v1\nkind: Secret" IN_LAB("precious") "stringData: {password: precious}\n");
    for (int i = 0; i < 257; i++) {
        apply(hub, arena_printf(
                       hub->arena,
                       AXLE "AIWorkload\nmetadata: {name: many-%d, namespace: lab}\n"
                            "spec: {profileBundleRef: {name: key}, environmentRef: {name: here}}\n",
                       i));
        drop(hub, "aiworkloads", "lab", arena_printf(hub->arena, "many-%d", i));
    }
    before = map_count(
        map_get(hub->controllers->waits,
                arena_printf(hub->arena, "%s lab/precious", kind_of(hub, "secrets")->store_kind)));
    CHECK(before < 10, "%zu keys wait where nobody does any more", before);
    drop(hub, "secrets", "lab", "precious");
}

/* A pool's spoke may be the name of another pool's: it comes when that goes. */
static void check_spoke_of_two(struct hub *hub)
{
    apply(
        hub,
        AXLE "ComputePool" IN_LAB(
            "p1") "spec: {spokes: [z1]}\n---\n" AXLE
                  "ComputePool\nmetadata: {name: p2, namespace: lab-gpu}\nspec: {spokes: [z1]}\n");
    CHECK(says_taken(get(hub, "computepools", "lab-gpu", "p2")), "a spoke is one pool's");
    drop(hub, "computepools", "lab", "p1");
    CHECK(!says_taken(get(hub, "computepools", "lab-gpu", "p2")), "then the other's");
    CHECK(get(hub, "secrets", "lab-gpu", "p2-z1-join") != NULL, "with a token");
    drop(hub, "computepools", "lab-gpu", "p2");
}

/* ---- Many with names that meet -------------------------------------------------------- */

static unsigned chance_state;

static unsigned chance(unsigned below)
{
    chance_state = chance_state * 1103515245u + 12345u;
    return (chance_state >> 16) % below;
}

static const char *const words[] = {"a", "a-b", "a-b-c", "b", "b-c", "c"};

/* What may be made and deleted; %1$s and %2$s are two of the words. */
static const struct {
    const char *plural, *namespace, *name, *yaml;
    bool by_hand; /* and must stay as it was made */
} things[] = {
    {"aiworkloads", "lab", "%1$s",
     AXLE "AIWorkload" IN_LAB(
         "%1$s") "spec: {profileBundleRef: {name: %2$s}, environmentRef: {name: here}}\n",
     false},
    {"aiworkloads", "lab", "%1$s",
     AXLE "AIWorkload" IN_LAB(
         "%1$s") "spec: {profileBundleRef: {name: all}, environmentRef: {name: here}}\n",
     false},
    {"environments", "lab", "%1$s", KIND_ID_ENVIRONMENT("%1$s"), false},
    {"computepools", "lab", "%1$s", AXLE "ComputePool" IN_LAB("%1$s") "spec: {spokes: [%2$s]}\n",
     false},
    {"computepools", "lab-gpu", "%1$s",
     AXLE "ComputePool\nmetadata: {name: %1$s, namespace: lab-gpu}\nspec: {spokes: [%2$s]}\n",
     false},
    {"placements", "lab", "%1$s",
     OCM "v1beta1\nkind: Placement\nmetadata: {name: %1$s, namespace: lab, labels: {hand: made}}\n"
         "spec: {clusterSets: [none]}\n",
     true},
    {"secrets", "lab", "%1$s-%2$s-join",
     "apiVersion: v1\nkind: Secret\nmetadata: {name: %1$s-%2$s-join, namespace: lab, "
     "labels: {hand: made}}\nstringData: {password: precious}\n",
     true},
    {"manifestworkreplicasets", "lab", "%1$s-%2$s",
     WORKS
     "v1alpha1\nkind: ManifestWorkReplicaSet\n"
     "metadata: {name: %1$s-%2$s, namespace: lab, labels: {hand: made}}\n"
     "spec: {placementRefs: [{name: none}], manifestWorkTemplate: {workload: {manifests: [" KIND_ID_CONFIG_MAP
     "]}}}\n",
     true},
    {"manifestworks", "edge", "lab.%1$s-%2$s",
     WORKS "v1\nkind: ManifestWork\n"
           "metadata: {name: lab.%1$s-%2$s, namespace: edge, labels: {hand: made}}\n"
           "spec: {workload: {manifests: [" KIND_ID_CONFIG_MAP "]}}\n",
     true},
};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static char *fill(struct hub *hub, const char *format, const char *one, const char *other)
{
    scoped_text struct text out = {0};

    text_addf(&out, format, one, other);
    return arena_string(hub->arena, text_string(&out));
}
#pragma GCC diagnostic pop

static const char *const derived[] = {
    "workloaddeployments",     "placements",    "placementdecisions", "environments", "secrets",
    "manifestworkreplicasets", "manifestworks", "managedclustersets"};

static const char *owner_of(const struct node *object)
{
    const struct node *owner = node_item(node_at(object, "metadata", "ownerReferences", NULL), 0);

    return *node_get_text(owner, "uid") ? node_get_text(owner, "uid")
           : *meta_annotation(object, "axle.dev/owner")
               ? meta_annotation(object, "axle.dev/owner")
               : meta_label(object, "work.open-cluster-management.io/manifestworkreplicaset");
}

struct past {
    struct map *owners;   /* by uid, whose it was */
    struct map *contents; /* by uid, what a person wrote */
};

/* Nobody's object changes hands, and what people made stays as they made it. */
static size_t count_swaps(struct hub *hub, struct past *past, struct arena *kept)
{
    size_t wrong = 0;

    for (size_t k = 0; k < count_of(derived); k++) {
        const struct node *all = list_of(hub, derived[k]);

        for (size_t i = 0; i < node_count(all); i++) {
            const struct node *one = node_item(all, i);
            bool hand = !strcmp(meta_label(one, "hand"), "made");
            const char *now = hand ? content(hub, one) : owner_of(one);
            struct map *map = hand ? past->contents : past->owners;
            const char *was = map_get(map, meta_uid(one));

            if (meta_is_deleting(one))
                continue;
            if (!was)
                map_put(map, meta_uid(one), arena_string(kept, now));
            else if (strcmp(was, now) && ++wrong)
                printf("# %s %s/%s: was %s\n# is %s\n", derived[k], meta_namespace(one),
                       meta_name(one), was, now);
        }
    }
    return wrong;
}

static bool owns_one(struct hub *hub, const char *plural, const struct node *owner, size_t most)
{
    const struct node *all = list_of(hub, plural);
    size_t count = 0;

    for (size_t i = 0; i < node_count(all); i++)
        count += !strcmp(owner_of(node_item(all, i)), meta_uid(owner));
    return count == most;
}

/* Each has all that it needs, or says that it has not. */
static size_t count_silent(struct hub *hub)
{
    static const struct {
        const char *plural, *makes;
    } wanting[] = {{"aiworkloads", "workloaddeployments"},
                   {"workloaddeployments", "manifestworkreplicasets"},
                   {"environments", "placements"},
                   {"computepools", "environments"}};
    size_t silent = 0;

    for (size_t k = 0; k < count_of(wanting); k++) {
        const struct node *all = list_of(hub, wanting[k].plural);

        for (size_t i = 0; i < node_count(all); i++) {
            const struct node *one = node_item(all, i);
            const char *bundle =
                node_get_text(node_at(one, "spec", "profileBundleRef", NULL), "name");
            size_t most = k == 0 && !strcmp(bundle, "all") ? count_of(words) : 1;

            if (meta_is_deleting(one) || says_taken(one) ||
                owns_one(hub, wanting[k].makes, one, most))
                continue;
            silent++;
            printf("# %s %s has no %s: %s\n", wanting[k].plural, meta_name(one), wanting[k].makes,
                   document_json(hub->arena, node_get(one, "status")));
        }
    }
    return silent;
}

static void make_profiles(struct hub *hub)
{
    scoped_text struct text refs = {0};

    for (size_t i = 0; i < count_of(words); i++) {
        apply(hub, fill(hub, KIND_ID_PROFILE("%1$s") "---\n" KIND_ID_BUNDLE("%1$s"), words[i], ""));
        text_addf(&refs, "%s{name: %s}", i ? ", " : "", words[i]);
    }
    apply(hub, fill(hub, AXLE "ProfileBundle" IN_LAB("all") "spec: {workloadProfileRefs: [%1$s]}\n",
                    text_string(&refs), ""));
}

static void remove_all(struct hub *hub, const char *plural)
{
    const struct node *all = list_of(hub, plural);

    for (size_t i = 0; i < node_count(all); i++)
        drop(hub, plural, meta_namespace(node_item(all, i)), meta_name(node_item(all, i)));
    let_works_go(hub);
}

static size_t count_taken(struct hub *hub, const char *plural)
{
    const struct node *all = list_of(hub, plural);
    size_t count = 0;

    for (size_t i = 0; i < node_count(all); i++)
        count += says_taken(node_item(all, i));
    return count;
}

static void one_step(struct hub *hub)
{
    size_t which = chance(count_of(things));
    const char *one = words[chance(count_of(words))], *other = words[chance(count_of(words))];
    char *name = fill(hub, things[which].name, one, other);
    const struct node *there = get(hub, things[which].plural, things[which].namespace, name);

    if (chance(3) == 0)
        drop(hub, things[which].plural, things[which].namespace, name);
    else if (!there || (!things[which].by_hand && !*owner_of(there)))
        apply(hub, fill(hub, things[which].yaml, one, other));
    let_works_go(hub);
}

static void check_random(struct hub *hub, unsigned seed, size_t steps)
{
    scoped_arena struct arena *kept = arena_new();
    scoped_map struct map *owners = map_new();
    scoped_map struct map *contents = map_new();
    struct past past = {owners, contents};
    size_t swaps = 0, silent = 0, taken = 0;

    chance_state = seed;
    make_profiles(hub);
    for (size_t i = 0; i < steps && !swaps && !silent; i++) {
        one_step(hub);
        swaps += count_swaps(hub, &past, kept);
        silent += count_silent(hub);
        taken += count_taken(hub, "aiworkloads") + count_taken(hub, "computepools");
        if (i % 16 == 15) {
            hub_close(hub);
            hub_open(hub);
            swaps += count_swaps(hub, &past, kept);
        }
    }
    CHECK(taken > 0, "seed %u: some names met", seed);
    CHECK(!swaps, "seed %u: nothing changes hands", seed);
    CHECK(!silent, "seed %u: each has what it needs, or says that it has not", seed);
    for (size_t i = 0; i < count_of(things); i++)
        if (things[i].by_hand)
            remove_all(hub, things[i].plural);
    CHECK(!count_taken(hub, "aiworkloads") && !count_taken(hub, "workloaddeployments"),
          "seed %u: where nobody is in the way, each has its own", seed);
    remove_all(hub, "aiworkloads");
    remove_all(hub, "computepools");
    remove_all(hub, "environments");
    CHECK(!node_count(list_of(hub, "workloaddeployments")) &&
              !node_count(list_of(hub, "manifestworks")) && !node_count(list_of(hub, "workloads")),
          "seed %u: and nothing is left", seed);
}

int main(int argc, char **argv)
{
    struct store_disk *disk = store_disk_new("sim");
    struct hub hub = {0};
    unsigned first = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;

    world = loop_world_new(1);
    hub_open(&hub);
    make_world(&hub);
    for (size_t i = 0; i < count_of(cases); i++)
        check_case(&hub, i);
    check_revision(&hub);
    check_binding(&hub);
    check_both(&hub);
    check_spoke_of_two(&hub);
    check_repository(&hub);
    check_rollout(&hub);
    check_many(&hub);
    check_content(&hub);
    for (unsigned seed = first; seed < first + (getenv("DEEP") ? 100 : 2); seed++) {
        check_random(&hub, seed, 50);
        apply(&hub, KIND_ID_ENVIRONMENT("here"));
    }
    hub_close(&hub);
    loop_world_free(&world);
    store_disk_free(&disk);
    return check_done();
}
