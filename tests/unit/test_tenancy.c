/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that no project reaches another, and that controllers lend nobody their rights. */
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
    struct controllers_settings settings = {.prove_wake_ups = true};
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
}

static void hub_close(struct hub *hub)
{
    CHECK(controllers_missed(hub->controllers) == 0, "every change has woken whom it concerns");
    controllers_stop(&hub->controllers);
    objects_close(&hub->objects);
    kinds_close(&hub->kinds);
    store_close(&hub->store);
    loop_free(&hub->loop);
    pki_authority_free(&hub->authority);
    arena_free(&hub->arena);
}

/* ---- As somebody, or as it was stored before there were rules ----------------------- */

static int write_one(struct hub *hub, const struct node *body, bool trusted, struct err *err)
{
    struct objects_result result = {.arena = hub->arena};
    const struct node *metadata = node_get(body, "metadata");
    struct objects_write write = {
        .who = {"somebody", "kubectl", trusted},
        .grace = -1,
        .body = body,
        .kind = kinds_by_kind(hub->kinds, node_get_text(body, "apiVersion"),
                              node_get_text(body, "kind")),
        .namespace = node_get_text(metadata, "namespace"),
        .name = node_get_text(metadata, "name"),
        .patch = OBJECTS_PATCH_APPLY,
        .force = true,
    };

    if (objects_patch(hub->objects, &write, &result, err) < 0)
        return -1;
    object_drop(&result.object);
    loop_world_run(world, 10 * CLOCK_MS);
    return 0;
}

static struct node *documents(struct hub *hub, const char *yaml)
{
    struct err err = {0};
    struct node *all =
        document_read_all(hub->arena, yaml, strlen(yaml), &document_limits_own, &err);

    must(all ? 0 : -1, &err);
    return all;
}

static void store(struct hub *hub, const char *yaml)
{
    struct node *all = documents(hub, yaml);
    struct err err = {0};

    for (size_t i = 0; i < node_count(all); i++)
        must(write_one(hub, node_item(all, i), true, &err), &err);
}

static void taken(struct hub *hub, const char *yaml, const char *what)
{
    struct node *all = documents(hub, yaml);
    struct err err = {0};

    for (size_t i = 0; i < node_count(all); i++)
        CHECK(!write_one(hub, node_item(all, i), false, &err), "%s is taken: %s", what, err.text);
}

static void refused(struct hub *hub, const char *yaml, const char *words, const char *what)
{
    struct err err = {0};
    bool failed = write_one(hub, node_item(documents(hub, yaml), 0), false, &err) < 0;

    if (!CHECK(failed && strstr(err.text, words), "%s is refused", what))
        printf("#  got: %s\n# want: %s\n", err.text, words);
}

static const struct kind *kind_of(struct hub *hub, const char *plural)
{
    static const char *const groups[] = {"axle.dev", "cluster.open-cluster-management.io",
                                         "work.open-cluster-management.io",
                                         "rbac.authorization.k8s.io", ""};

    for (size_t i = 0; i < count_of(groups); i++)
        if (kinds_find(hub->kinds, groups[i], plural))
            return kinds_find(hub->kinds, groups[i], plural);
    abort();
}

static struct node *get(struct hub *hub, const char *plural, const char *namespace,
                        const char *name)
{
    scoped_object struct object *object =
        objects_get(hub->objects, OBJECTS_PUBLISHED, kind_of(hub, plural), namespace, name, NULL);

    return object ? object_read(hub->arena, object) : NULL;
}

static void drop(struct hub *hub, const char *plural, const char *namespace, const char *name)
{
    struct err err = {0};

    must(objects_remove(hub->objects, "kubectl", kind_of(hub, plural), namespace, name, &err),
         &err);
    loop_world_run(world, 10 * CLOCK_MS);
}

static const char *reason(const struct node *object, const char *type)
{
    return node_get_text(meta_condition_find(node_at(object, "status", "conditions", NULL), type),
                         "reason");
}

/* The clusters that have a work of this deployment. */
static const char *places(struct hub *hub, const char *work)
{
    static const char *const clusters[] = {"free", "lab-1", "rack-1", "plain"};
    scoped_text struct text out = {0};

    for (size_t i = 0; i < count_of(clusters); i++) {
        const struct node *found = get(hub, "manifestworks", clusters[i], work);

        if (found && !meta_is_deleting(found))
            text_addf(&out, "%s%s", out.len ? " " : "", clusters[i]);
    }
    return arena_string(hub->arena, text_string(&out));
}

/* ---- The world ------------------------------------------------------------------------ */

#define AXLE "apiVersion: axle.dev/v1alpha1\nkind: "
#define CLUSTER_IN(name, set)                                                                      \
    "---\napiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\n"               \
    "metadata: {name: " name ", labels: {cluster.open-cluster-management.io/clusterset: " set      \
    "}}\n"                                                                                         \
    "spec: {hubAcceptsClient: true}\n"
#define APPLICATION(namespace)                                                                                                                                                     \
    AXLE                                                                                                                                                                           \
        "WorkloadProfile\nmetadata: {name: echo, namespace: " namespace "}\n"                                                                                                      \
                                                                        "spec: {type: Application, components: [{name: s, type: worker, properties: {command: [a]}}]}\n---\n" AXLE \
                                                                        "ProfileBundle\nmetadata: {name: echo, namespace: " namespace "}\n"                                        \
                                                                                                                                      "spec: {type: Application, workloadProfileRefs: [{name: echo}]}\n"
#define ENVIRONMENT_OF(namespace, name, sets)                                                                         \
    AXLE                                                                                                              \
        "Environment\nmetadata: {name: " name                                                                         \
        ", namespace: " namespace "}\n"                                                                               \
                                  "spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: " sets \
                                  "}}}}\n"
#define LOAD(namespace, name, environment)                                                                     \
    AXLE                                                                                                       \
        "AIWorkload\nmetadata: {name: " name                                                                   \
        ", namespace: " namespace "}\n"                                                                        \
                                  "spec: {profileBundleRef: {name: echo}, environmentRef: {name: " environment \
                                  "}}\n"
#define PROJECT_OF(name, tenant, rest)                                                             \
    AXLE "Project\nmetadata: {name: " name "}\nspec: {tenant: " tenant rest "}\n"

static void make_world(struct hub *hub)
{
    taken(hub,
          AXLE "Tenant\nmetadata: {name: acme}\nspec: {}\n---\n" AXLE
               "Tenant\nmetadata: {name: rivals}\nspec: {clusterSets: [global]}\n---\n" PROJECT_OF(
                   "research", "acme", "") "---\n" PROJECT_OF("sister", "acme",
                                                              "") "---\n" PROJECT_OF("rival",
                                                                                     "rivals", ""),
          "a tenant with its projects");
    taken(hub,
          AXLE "ComputePool\nmetadata: {name: lab, namespace: research}\nspec: {}\n---\n" AXLE
               "ComputePool\nmetadata: {name: rack, namespace: rival}\nspec: {}\n",
          "a pool");
    store(hub, CLUSTER_IN("free", "default") CLUSTER_IN("lab-1", "research.lab")
                   CLUSTER_IN("rack-1", "rival.rack") CLUSTER_IN("plain", "tier"));
    taken(hub, APPLICATION("research") "---\n" APPLICATION("sister") "---\n" APPLICATION("rival"),
          "an application");
}

/* ---- Where ------------------------------------------------------------------------------- */

static void check_sets(struct hub *hub)
{
    CHECK_TEXT(document_json(hub->arena,
                             node_at(get(hub, "tenants", "", "acme"), "spec", "clusterSets", NULL)),
               "[\"default\"]", "a tenant has the spokes that joined without a pool");
    refused(hub, ENVIRONMENT_OF("research", "all", "[global]"),
            "spec.topology.properties.placement.clusterSets[0]: \"global\" is not a set of spokes "
            "that the "
            "project \"research\" may place on; it has: default, research.lab.",
            "a set that it has not");
    refused(hub, ENVIRONMENT_OF("research", "all", "[default, rival.rack]"),
            "clusterSets[1]: \"rival.rack\"", "another project's pool");
    taken(hub, ENVIRONMENT_OF("research", "all", "[default, research.lab, research.to-come]"),
          "its own");
    taken(hub, ENVIRONMENT_OF("rival", "all", "[global]"), "global by a tenant that has it");
    taken(hub, LOAD("research", "hi", "all") "---\n" LOAD("rival", "hi", "all"), "a workload");
    CHECK_TEXT(places(hub, "research.hi-echo"), "free lab-1", "it runs on these");
    CHECK_TEXT(places(hub, "rival.hi-echo"), "free rack-1 plain",
               "global has its own pool's spokes "
               "and no other's");
}

static void check_selector(struct hub *hub)
{
    const struct node *placement;

    taken(hub,
          AXLE "ComputePool\nmetadata: {name: every, namespace: research}\nspec: {clusterSelector: "
               "{}}\n---\n" LOAD("research", "grab", "every"),
          "a pool that selects everything");
    CHECK_TEXT(places(hub, "research.grab-echo"), "free lab-1",
               "it gets what the project had before");
    CHECK_INT(node_get_int(node_get(get(hub, "computepools", "research", "every"), "status"),
                           "spokes", 0),
              2, "and says so");
    placement = node_get(get(hub, "placements", "research", "every"), "status");
    CHECK(strstr(document_json(hub->arena, placement), "lab-1") &&
              !strstr(document_json(hub->arena, placement), "rack-1") &&
              !strstr(document_json(hub->arena, placement), "plain"),
          "nobody is told of spokes that are not his");
    drop(hub, "aiworkloads", "research", "grab");
}

static void check_sharing(struct hub *hub)
{
    refused(hub, ENVIRONMENT_OF("sister", "lent", "[research.lab]"),
            "\"research.lab\" is not a set", "a pool that is not shared");
    refused(
        hub,
        AXLE
        "ComputePool\nmetadata: {name: lab, namespace: research}\nspec: {sharedWith: [rival]}\n",
        "spec.sharedWith[0]: there is no project \"rival\" in the tenant \"acme\"",
        "sharing over the tenant's border");
    refused(hub,
            AXLE "ComputePool\nmetadata: {name: lab, namespace: research}\n"
                 "spec: {variant: Dedicated, sharedWith: [sister]}\n",
            "spec.sharedWith: a Dedicated pool", "sharing one's own");
    taken(hub,
          AXLE "ComputePool\nmetadata: {name: lab, namespace: research}\nspec: {sharedWith: "
               "[sister]}\n---\n" ENVIRONMENT_OF("sister", "lent", "[research.lab]") "---\n" LOAD(
                   "sister", "hi", "lent"),
          "sharing by name");
    CHECK_TEXT(places(hub, "sister.hi-echo"), "lab-1", "who it is shared with places on it");
    taken(hub,
          AXLE "ComputePool\nmetadata: {name: lab, namespace: research}\nspec: {sharedWith: []}\n",
          "taking it back");
    CHECK_TEXT(places(hub, "sister.hi-echo"), "", "and its works go");
    CHECK_TEXT(reason(get(hub, "environments", "sister", "lent"), "Ready"), "ClusterSetNotAllowed",
               "which is told");
    /* A selector lends nothing, shared or not. */
    taken(hub,
          AXLE "ComputePool\nmetadata: {name: every, namespace: research}\n"
               "spec: {clusterSelector: {}, sharedWith: [sister]}\n---\n" ENVIRONMENT_OF(
                   "sister", "lent", "[research.every]"),
          "a selector that is shared");
    CHECK_TEXT(places(hub, "sister.hi-echo"), "free", "gives what the other had before");
    store(hub, AXLE "Tenant\nmetadata: {name: rivals}\nspec: {clusterSets: [global, research.lab, "
                    "research.every]}\n");
    CHECK_TEXT(places(hub, "rival.hi-echo"), "free lab-1 rack-1 plain",
               "a tenant that lists a pool's set has its spokes");
    store(hub, AXLE "Tenant\nmetadata: {name: rivals}\nspec: {clusterSets: [global]}\n");
    CHECK_TEXT(places(hub, "rival.hi-echo"), "free rack-1 plain", "until it does not");
}

/* What cannot be decided anew stays as it was, but not on a spoke that was lost. */
static void check_stuck(struct hub *hub)
{
    taken(hub,
          AXLE "ComputePool\nmetadata: {name: lab, namespace: research}\nspec: {sharedWith: "
               "[sister]}\n---\n" ENVIRONMENT_OF(
                   "sister", "stuck", "[default, research.lab]") "---\n" LOAD("sister", "clings",
                                                                              "stuck"),
          "sharing again");
    CHECK_TEXT(places(hub, "sister.clings-echo"), "free lab-1", "it runs there");
    taken(hub,
          AXLE
          "Environment\nmetadata: {name: stuck, namespace: sister}\n"
          "spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [default, "
          "research.lab],"
          " tolerations: [{operator: Equal, value: a}]}}}}\n",
          "a Placement that nobody can decide");
    CHECK_TEXT(places(hub, "sister.clings-echo"), "free lab-1", "what runs stays");
    taken(hub,
          AXLE "ComputePool\nmetadata: {name: lab, namespace: research}\nspec: {sharedWith: []}\n",
          "taking it back");
    CHECK_TEXT(places(hub, "sister.clings-echo"), "free",
               "it does not cling to what is another's now");
    drop(hub, "aiworkloads", "sister", "clings");
}

/* An external scheduler's decision is bounded too, in the step that writes. */
static void check_decision(struct hub *hub)
{
    store(hub,
          "apiVersion: cluster.open-cluster-management.io/v1beta1\nkind: Placement\n"
          "metadata: {name: hand, namespace: research, annotations: "
          "{cluster.open-cluster-management.io/experimental-scheduling-disable: \"true\"}}\nspec: "
          "{}\n---\n"
          "apiVersion: cluster.open-cluster-management.io/v1beta1\nkind: PlacementDecision\n"
          "metadata: {name: hand-1, namespace: research, labels: "
          "{cluster.open-cluster-management.io/placement: hand}}\n");
    {
        scoped_object struct object *decision =
            objects_get(hub->objects, OBJECTS_PUBLISHED, kind_of(hub, "placementdecisions"),
                        "research", "hand-1", NULL);
        struct err err = {0};

        must(objects_set_status(
                 hub->objects, "scheduler", decision,
                 node_item(
                     documents(
                         hub, "{decisions: [{clusterName: rack-1, reason: x}, {clusterName: lab-1, "
                              "reason: x}]}"),
                     0),
                 NULL, &err),
             &err);
    }
    taken(hub,
          AXLE "Environment\nmetadata: {name: byop, namespace: research}\n"
               "spec: {topology: {type: topology-ocm-byop, properties: {placementRef: {name: "
               "hand}}}}\n---\n" LOAD("research", "byhand", "byop"),
          "a Placement of one's own");
    CHECK_TEXT(places(hub, "research.byhand-echo"), "lab-1",
               "whoever decided, nothing goes to another's spoke");
    drop(hub, "aiworkloads", "research", "byhand");
    taken(hub, ENVIRONMENT_OF("research", "hand", "[default]"),
          "an Environment of an existing Placement's name");
    CHECK_TEXT(reason(get(hub, "environments", "research", "hand"), "Ready"), "NameTaken",
               "does not write it over");
    CHECK(!node_get(node_get(get(hub, "placements", "research", "hand"), "spec"), "clusterSets"),
          "it stays as it was");
}

/* ---- Which namespace ------------------------------------------------------------------------ */

#define TARGET(namespace, name, target)                                                            \
    AXLE "Environment\nmetadata: {name: " name                                                     \
         ", namespace: " namespace "}\nspec: {targetNamespace: " target "}\n"

static void check_targets(struct hub *hub)
{
    static const char *const bad[] = {
        "rival",   "kube-system",           "tenant-acme", "lab-1", "default",
        "\"a/b\"", "\"${spoke.x:=rival}\"", "axle-system", "nobody"};

    for (size_t i = 0; i < count_of(bad); i++)
        refused(hub, arena_printf(hub->arena, TARGET("research", "reach", "%s"), bad[i]),
                "spec.targetNamespace: \"", bad[i]);
    taken(hub, TARGET("research", "reach", "research"), "one's own namespace");
    for (size_t i = 0; i < count_of(bad) - 1; i++)
        refused(hub,
                arena_printf(hub->arena, PROJECT_OF("research", "acme", ", targetNamespaces: [%s]"),
                             bad[i]),
                "spec.targetNamespaces[0]: \"", "listing it");
    taken(hub, PROJECT_OF("research", "acme", ", targetNamespaces: [models]"),
          "a namespace of nobody's");
    taken(hub, TARGET("research", "reach", "models") "---\n" LOAD("research", "deep", "reach"),
          "is used then");
    CHECK_TEXT(node_get_text(node_at(node_item(node_at(get(hub, "manifestworks", "free",
                                                           "research.deep-echo"),
                                                       "spec", "workload", "manifests", NULL),
                                               1),
                                     "metadata", NULL),
                             "namespace"),
               "models", "by the work");
    refused(hub, PROJECT_OF("sister", "acme", ", targetNamespaces: [models]"),
            "listed by the project \"research\" already", "the second that lists it");
    refused(hub,
            PROJECT_OF("sister", "acme",
                       ", targetNamespaces: [models], sharedTargetNamespaces: [models]"),
            "listed by the project \"research\" already", "one that says so alone");
    taken(
        hub,
        PROJECT_OF(
            "research", "acme",
            ", targetNamespaces: [models], sharedTargetNamespaces: "
            "[models]") "---\n" PROJECT_OF("sister", "acme",
                                           ", targetNamespaces: [models], sharedTargetNamespaces: [models]"),
        "sharing by both");
    refused(hub, PROJECT_OF("research", "acme", ", targetNamespaces: [models]"),
            "spec.sharedTargetNamespaces", "taking back alone");
    refused(hub, PROJECT_OF("models", "acme", ""),
            "metadata.name: the name \"models\" belongs to the project",
            "a project of a name that others use");
    /* As a hub of before has it. */
    store(hub, TARGET("research", "reach", "rival"));
    CHECK_TEXT(reason(get(hub, "workloaddeployments", "research", "deep-echo"), "Placed"),
               "NamespaceNotAllowed", "what was stored before is judged again");
    CHECK_TEXT(reason(get(hub, "environments", "research", "reach"), "Ready"),
               "NamespaceNotAllowed", "there too");
    CHECK_TEXT(places(hub, "research.deep-echo"), "", "and what ran there goes");
    CHECK_TEXT(reason(get(hub, "aiworkloads", "research", "deep"), "Available"),
               "NamespaceNotAllowed", "as its user is told");
    store(hub, TARGET("research", "reach", "models"));
    CHECK_TEXT(reason(get(hub, "environments", "research", "reach"), "Ready"), "PlacementReady",
               "when it is right it is well");
    store(hub, CLUSTER_IN("models", "default"));
    store(hub, TARGET("research", "reach", "models"));
    CHECK_TEXT(reason(get(hub, "workloaddeployments", "research", "deep-echo"), "Placed"), "Placed",
               "a spoke that is called so takes nothing away");
    drop(hub, "managedclusters", "", "models");
    store(hub, PROJECT_OF("sister", "acme", ", targetNamespaces: [research]") "---\n" TARGET(
                   "sister", "reach", "research") "---\n" LOAD("sister", "deep", "reach"));
    CHECK_TEXT(places(hub, "sister.deep-echo"), "",
               "a Project's list does not open another project");
    drop(hub, "aiworkloads", "sister", "deep");
    drop(hub, "aiworkloads", "research", "deep");
}

/* ---- Who and what names --------------------------------------------------------------------- */

static void check_members(struct hub *hub)
{
    static const char *const bad[] = {"\"group:system:masters\"",
                                      "\"system:admin\"",
                                      "\"group:system:authenticated\"",
                                      "\"group:system:nodes\"",
                                      "\"system:open-cluster-management:lab-1:a\"",
                                      "\"\"",
                                      "\"group:\"",
                                      "\"system:serviceaccount:a\"",
                                      "\"system:serviceaccount::a\"",
                                      "\"group:system:serviceaccount:a:b\"",
                                      "\"a\\nb\""};
    static const char *const lists[] = {"viewers", "editors", "admins"};
    const struct node *binding;

    for (size_t i = 0; i < count_of(bad); i++)
        refused(hub,
                arena_printf(hub->arena, PROJECT_OF("rival", "rivals", ", %s: [ann, %s]"),
                             lists[i % 3], bad[i]),
                arena_printf(hub->arena, "spec.%s[1]: ", lists[i % 3]), bad[i]);
    refused(hub,
            AXLE "Tenant\nmetadata: {name: acme}\nspec: {admins: [\"group:system:masters\"]}\n",
            "spec.admins[0]: ", "a tenant's");
    store(
        hub,
        PROJECT_OF(
            "rival", "rivals",
            ", editors: [ann, \"group:system:authenticated\", \"system:serviceaccount:rival:bot\"]"));
    binding = get(hub, "rolebindings", "rival", "axle:editors");
    CHECK_INT(node_count(node_get(binding, "subjects")), 2,
              "what was stored before binds nobody of the system's");
    CHECK_TEXT(reason(get(hub, "projects", "", "rival"), "MembersAccepted"), "NameRefused",
               "and it is told");
}

static void check_names(struct hub *hub)
{
    static const char *const reserved[] = {
        "default", "kube-system", "axle-x", "tenant-acme", "open-cluster-management-hub", "lab-1"};

    for (size_t i = 0; i < count_of(reserved); i++)
        refused(hub, arena_printf(hub->arena, PROJECT_OF("%s", "acme", ""), reserved[i]),
                "metadata.name: the name", reserved[i]);
    refused(hub,
            AXLE
            "ComputePool\nmetadata: {name: lab, namespace: research}\nspec: {spokes: [rival]}\n",
            "spec.spokes[0]: ", "a spoke named as a project");
    refused(hub,
            AXLE
            "ComputePool\nmetadata: {name: lab, namespace: research}\nspec: {spokes: [rack-1]}\n",
            "\"rack-1\" is an existing spoke and is not this pool's", "another pool's spoke");
    store(hub, AXLE "Tenant\nmetadata: {name: acme}\nspec: {limits: {spokes: 2}}\n");
    taken(hub,
          AXLE "ComputePool\nmetadata: {name: some, namespace: sister}\nspec: {spokes: [s-1]}\n",
          "a spoke within the limit");
    refused(hub,
            AXLE
            "ComputePool\nmetadata: {name: lab, namespace: research}\nspec: {spokes: [s-2, s-3]}\n",
            "spec.spokes: the pools of the tenant \"acme\" would expect 3 spokes",
            "more than the tenant may expect");
    drop(hub, "computepools", "sister", "some");
    refused(hub, PROJECT_OF("research", "rivals", ""), "spec.tenant", "changing the tenant");
    refused(hub,
            AXLE "Tenant\nmetadata: {name: "
                 "a23456789-123456789-123456789-123456789-123456789-1234567}\nspec: {}\n",
            "metadata.name: its namespace would be \"tenant-a2",
            "a tenant whose namespace has too long a name");
    store(hub, "apiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\nmetadata: "
               "{name: waiting}\n"
               "spec: {hubAcceptsClient: false}\n");
    refused(hub, PROJECT_OF("waiting", "acme", ""), "belongs to the ManagedCluster",
            "a project of a waiting spoke's name");
    store(hub, "apiVersion: cluster.open-cluster-management.io/v1beta2\nkind: "
               "ManagedClusterSet\nmetadata: {name: research.mine}\n"
               "spec: {clusterSelector: {selectorType: LabelSelector, labelSelector: {}}}\n");
    taken(hub, AXLE "ComputePool\nmetadata: {name: mine, namespace: research}\nspec: {}\n",
          "a pool of an existing set's name");
    CHECK_TEXT(reason(get(hub, "computepools", "research", "mine"), "Ready"), "NameTaken",
               "does not take the set over");
    CHECK(!get(hub, "managedclustersetbindings", "research", "research.mine"), "nor binds it");
    drop(hub, "computepools", "research", "mine");
    CHECK(get(hub, "managedclustersets", "", "research.mine") != NULL,
          "and leaves it there when it goes");
}

/* Two Workloads meet on one spoke and on the hub by name alone. */
static void check_workload_names(struct hub *hub)
{
    static const struct {
        const char *namespace, *name;
    } loads[] = {
        {"research", "hi-echo"},
        {"sister", "hi-echo"},
        {"rival", "hi-echo"},
        {"rival", "sister.hi-echo"},
    };
    const char *names[count_of(loads)];

    taken(hub, LOAD("rival", "sister.hi", "all"), "a name like that of another's Workload");
    for (size_t i = 0; i < count_of(loads); i++) {
        names[i] = node_get_text(
            node_get(get(hub, "workloaddeployments", loads[i].namespace, loads[i].name), "status"),
            "workload");
        CHECK(*names[i] != 0, "%s of %s has a Workload", loads[i].name, loads[i].namespace);
        CHECK_TEXT(meta_label(get(hub, "workloads", "free", names[i]), "axle.dev/project"),
                   loads[i].namespace, "whose object on the spoke's side is its own");
        for (size_t k = 0; k < i; k++)
            CHECK(strcmp(names[i], names[k]) != 0, "%s is not %s", names[i], names[k]);
    }
    CHECK(strlen(names[1]) > 52, "a second name is longer than a deployment's may be");
}

/* One that lies there under our name, of whoever made it, is not written over. */
static void check_mirror(struct hub *hub)
{
    store(hub,
          AXLE "Workload\nmetadata: {name: steal-echo, namespace: free, labels: {axle.dev/project: "
               "rival}}\n"
               "spec: {targetNamespace: rival}\n");
    taken(hub, LOAD("research", "steal", "all"), "a workload");
    CHECK_TEXT(node_get_text(node_get(get(hub, "workloads", "free", "steal-echo"), "spec"),
                             "targetNamespace"),
               "rival", "another's Workload object stays as it is");
    drop(hub, "aiworkloads", "research", "steal");
    CHECK(get(hub, "workloads", "free", "steal-echo") != NULL, "to the end");
}

static void check_secrets(struct hub *hub)
{
    const struct node *rows;

    store(hub, "apiVersion: v1\nkind: Secret\nmetadata: {name: trap-node-join, namespace: "
               "research}\nstringData: {token: mine}\n");
    taken(hub,
          AXLE "ComputePool\nmetadata: {name: trap, namespace: research}\nspec: {spokes: [node]}\n",
          "a pool");
    rows = node_at(get(hub, "computepools", "research", "trap"), "status", "expected", NULL);
    CHECK_TEXT(node_get_text(node_item(rows, 0), "phase"), "Failed",
               "a Secret of its token's name is not written over");
    CHECK(!get(hub, "managedclusters", "", "node"), "so the spoke is not made");
    drop(hub, "computepools", "research", "trap");
    CHECK(get(hub, "secrets", "research", "trap-node-join") != NULL, "and the Secret stays");
    taken(
        hub,
        AXLE
        "ComponentDefinition\nmetadata: {name: thief, namespace: research}\nspec: {template: "
        "\"apiVersion: v1\\n"
        "kind: Secret\\nmetadata: {name: trap-node-join, finalizers: [a/b]}\\nstringData: {token: "
        "its}\\n\"}\n---\n" AXLE "WorkloadProfile\nmetadata: {name: echo, namespace: research}\n"
        "spec: {type: Application, components: [{name: s, type: thief}]}\n",
        "a rendered Secret");
    CHECK_TEXT(reason(get(hub, "workloaddeployments", "research", "hi-echo"), "Rendered"),
               "NameTaken", "does not write over another");
}

static void check_release(struct hub *hub)
{
    drop(hub, "aiworkloads", "rival", "hi");
    drop(hub, "aiworkloads", "research", "hi");
    drop(hub, "aiworkloads", "rival", "sister.hi");
    drop(hub, "computepools", "rival", "rack");
    CHECK_TEXT(meta_label(get(hub, "managedclusters", "", "rack-1"), META_LABEL_CLUSTERSET),
               "axle-released", "a spoke whose pool goes is nobody's");
    taken(hub, ENVIRONMENT_OF("rival", "anywhere", "[]") "---\n" LOAD("rival", "late", "anywhere"),
          "global");
    CHECK_TEXT(places(hub, "rival.late-echo"), "free plain", "does not reach it");
    taken(hub, AXLE "ComputePool\nmetadata: {name: rack, namespace: rival}\nspec: {}\n",
          "a pool of the same name");
    CHECK_INT(
        node_get_int(node_get(get(hub, "computepools", "rival", "rack"), "status"), "spokes", 9), 0,
        "does not get it back");
}

/* A rule sees what was sent before a schema does. */
static void check_types(struct hub *hub)
{
    static const char *const values[] = {"null",   "5",    "\"a\"", "[5, null, {}]",
                                         "{a: 1}", "[[]]", "true"};
    static const struct {
        const char *kind, *metadata, *field;
    } rows[] = {
        {"Tenant", "{name: odd}", "clusterSets"},
        {"Tenant", "{name: odd}", "admins"},
        {"Project", "{name: odd}", "tenant"},
        {"Project", "{name: odd}", "editors"},
        {"Project", "{name: odd}", "targetNamespaces"},
        {"Project", "{name: odd}", "sharedTargetNamespaces"},
        {"Environment", "{name: odd, namespace: research}", "targetNamespace"},
        {"Environment", "{name: odd, namespace: research}", "topology"},
        {"ComputePool", "{name: odd, namespace: research}", "spokes"},
        {"ComputePool", "{name: odd, namespace: research}", "sharedWith"},
        {"ComputePool", "{name: odd, namespace: research}", "clusterSelector"},
    };
    size_t answered = 0;

    for (size_t i = 0; i < count_of(rows); i++)
        for (size_t k = 0; k < count_of(values); k++) {
            struct err err = {0};

            answered +=
                write_one(
                    hub,
                    node_item(documents(hub, arena_printf(hub->arena,
                                                          AXLE "%s\nmetadata: %s\nspec: {%s: %s}\n",
                                                          rows[i].kind, rows[i].metadata,
                                                          rows[i].field, values[k])),
                              0),
                    false, &err) == 0 ||
                *err.text;
            err = (struct err){0};
            answered +=
                write_one(
                    hub,
                    node_item(
                        documents(hub, arena_printf(hub->arena, AXLE "%s\nmetadata: %s\nspec: %s\n",
                                                    rows[i].kind, rows[i].metadata, values[k])),
                        0),
                    false, &err) == 0 ||
                *err.text;
        }
    CHECK_INT(answered, 2 * count_of(rows) * count_of(values),
              "whatever the type of a field, there is an answer");
}

int main(void)
{
    struct store_disk *disk = store_disk_new("sim");
    struct hub hub = {0};

    world = loop_world_new(1);
    hub_open(&hub);
    make_world(&hub);
    check_sets(&hub);
    check_selector(&hub);
    check_sharing(&hub);
    check_stuck(&hub);
    check_decision(&hub);
    check_targets(&hub);
    check_members(&hub);
    check_names(&hub);
    check_workload_names(&hub);
    check_mirror(&hub);
    check_secrets(&hub);
    check_release(&hub);
    check_types(&hub);
    hub_close(&hub);
    loop_world_free(&world);
    store_disk_free(&disk);
    return check_done();
}
