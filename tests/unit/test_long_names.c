/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that names of every legal length work from end to end, or are refused by field. */
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
                                         "work.open-cluster-management.io", "coordination.k8s.io",
                                         ""};

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

/* As a person: what is refused gives words. */
static const char *refusal(struct hub *hub, const char *yaml)
{
    struct err err = {0};
    struct node *all =
        document_read_all(hub->arena, yaml, strlen(yaml), &document_limits_own, &err);

    must(all ? 0 : -1, &err);
    for (size_t i = 0; i < node_count(all); i++)
        if (write_one(hub, node_item(all, i), false, &err) < 0)
            return arena_string(hub->arena, err.text);
    return NULL;
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

/* ---- As a spoke ------------------------------------------------------------------------ */

/* Says of each work that it is applied; the sums on the hub must follow. */
static void report_works(struct hub *hub)
{
    const struct node *works = list_of(hub, "manifestworks");
    struct err err = {0};

    for (size_t i = 0; i < node_count(works); i++) {
        const struct node *one = node_item(works, i);
        struct node *status = node_map(hub->arena);
        const struct meta_condition applied = {"Applied", "True", "Done", ""};
        scoped_object struct object *work =
            objects_get(hub->objects, OBJECTS_STAGED, kind_of(hub, "manifestworks"),
                        meta_namespace(one), meta_name(one), NULL);

        meta_condition_set(hub->arena, status, NULL, &applied, meta_generation(one), 1);
        must(objects_set_status(hub->objects, "spoke", work, status, NULL, &err), &err);
    }
    loop_world_run(world, 10 * CLOCK_MS);
}

static void come(struct hub *hub, const char *cluster)
{
    const struct meta_condition here = {"ManagedClusterConditionAvailable", "True", "Here", ""};
    struct node *status = node_map(hub->arena);
    struct err err = {0};
    scoped_object struct object *object = objects_get(
        hub->objects, OBJECTS_STAGED, kind_of(hub, "managedclusters"), "", cluster, NULL);

    meta_condition_set(hub->arena, status, NULL, &here, 0, 1);
    must(objects_set_status(hub->objects, "spoke", object, status, NULL, &err), &err);
    loop_world_run(world, 10 * CLOCK_MS);
}

static int64_t number(struct hub *hub, const char *plural, const char *namespace, const char *name,
                      const char *first, const char *second)
{
    const struct node *status = node_get(get(hub, plural, namespace, name), "status");

    return node_get_int(second ? node_get(status, first) : status, second ? second : first, -1);
}

static bool is_ready(struct hub *hub, const char *plural, const char *namespace, const char *name)
{
    return !strcmp(node_get_text(node_get(get(hub, plural, namespace, name), "status"), "phase"),
                   "Ready");
}

#define AXLE "apiVersion: axle.dev/v1alpha1\nkind: "
#define OCM "apiVersion: cluster.open-cluster-management.io/"
#define WORKS "apiVersion: work.open-cluster-management.io/"

/* ---- Chains ----------------------------------------------------------------------------- */

static const char *namespace; /* the project in which they are tried */

static bool placement_works(struct hub *hub, const char *name)
{
    return number(hub, "placements", namespace, name, "numberOfSelectedClusters", NULL) == 1;
}

static bool environment_works(struct hub *hub, const char *name)
{
    return is_ready(hub, "environments", namespace, name) &&
           number(hub, "environments", namespace, name, "spokes", NULL) == 1;
}

static bool set_works(struct hub *hub, const char *name)
{
    report_works(hub);
    return number(hub, "manifestworkreplicasets", namespace, name, "summary", "applied") == 1;
}

/* All that is named so, up to its Workload on the spoke's side, and back. */
static bool application_works(struct hub *hub, const char *name)
{
    const struct node *all = list_of(hub, "workloaddeployments"), *deployment = NULL;

    report_works(hub);
    for (size_t i = 0; i < node_count(all); i++)
        if (!strcmp(meta_owner_name(node_item(all, i), "AIWorkload"), name))
            deployment = node_item(all, i);
    return deployment && number(hub, "aiworkloads", namespace, name, "totalSpokes", NULL) == 1 &&
           number(hub, "manifestworkreplicasets", namespace, meta_name(deployment), "summary",
                  "applied") == 1 &&
           get(hub, "workloads", "edge", node_get_text(node_get(deployment, "status"), "workload"));
}

/* A machine that joins its set is counted, and what is made ahead has a token. */
static bool pool_works(struct hub *hub, const char *name)
{
    const struct node *pool = get(hub, "computepools", namespace, name);
    const char *set = node_get_text(node_get(pool, "status"), "clusterSet");
    const struct node *expected = node_at(pool, "status", "expected", NULL);
    const char *secret = node_get_text(node_item(expected, 0), "secret");
    bool counted;

    if (!*set || !get(hub, "secrets", namespace, secret) ||
        !get(hub, "managedclusters", "", "ahead"))
        return false;
    apply(
        hub,
        arena_printf(
            hub->arena,
            OCM
            "v1\nkind: ManagedCluster\nmetadata: {name: joined, labels: "
            "{cluster.open-cluster-management.io/clusterset: %s}}\nspec: {hubAcceptsClient: true}\n",
            set));
    come(hub, "joined");
    counted = number(hub, "computepools", namespace, name, "spokes", NULL) == 2 &&
              number(hub, "environments", namespace, name, "spokes", NULL) == 1;
    drop(hub, "managedclusters", "", "joined");
    return counted && number(hub, "computepools", namespace, name, "spokes", NULL) == 1;
}

static bool tenant_works(struct hub *hub, const char *name)
{
    return is_ready(hub, "tenants", "", name) &&
           get(hub, "serviceaccounts", arena_printf(hub->arena, "tenant-%s", name), "default");
}

static bool project_works(struct hub *hub, const char *name)
{
    return is_ready(hub, "projects", "", name) && get(hub, "serviceaccounts", name, "default");
}

static bool cluster_works(struct hub *hub, const char *name)
{
    return get(hub, "leases", name, "managed-cluster-lease") != NULL;
}

static bool cluster_set_works(struct hub *hub, const char *name)
{
    bool counted;

    apply(
        hub,
        arena_printf(
            hub->arena,
            OCM
            "v1\nkind: ManagedCluster\nmetadata: {name: member, labels: "
            "{cluster.open-cluster-management.io/clusterset: %s}}\nspec: {hubAcceptsClient: true}\n",
            name));
    counted =
        !strcmp(meta_condition_status(get(hub, "managedclustersets", "", name), "ClusterSetEmpty"),
                "False");
    drop(hub, "managedclusters", "", "member");
    return counted;
}

static bool binding_works(struct hub *hub, const char *name)
{
    return *meta_condition_status(get(hub, "managedclustersetbindings", namespace, name), "Bound");
}

static bool profile_works(struct hub *hub, const char *name)
{
    return is_ready(hub, "workloadprofiles", namespace, name);
}

#define NAMED "\nmetadata: {name: %1$s, namespace: %2$s}\n"

/* %1$s is the name, %2$s the project. What is made last has the name that is tried. */
static const struct {
    const char *plural, *yaml;
    bool (*works)(struct hub *hub, const char *name);
    size_t most; /* longer ones are refused */
} chains[] = {
    {"placements", OCM "v1beta1\nkind: Placement" NAMED "spec: {clusterSets: [global]}\n",
     placement_works, 253},
    {"environments",
     AXLE
     "Environment" NAMED
     "spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}\n",
     environment_works, 253},
    {"manifestworkreplicasets",
     OCM "v1beta1\nkind: Placement" NAMED "spec: {clusterSets: [global]}\n---\n" WORKS
         "v1alpha1\nkind: ManifestWorkReplicaSet" NAMED
         "spec: {placementRefs: [{name: %1$s}], manifestWorkTemplate: {workload: {manifests: "
         "[{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: default}}]}}}\n",
     set_works, 249},
    {"aiworkloads",
     AXLE
     "WorkloadProfile" NAMED
     "spec: {type: Application, components: [{name: s, type: worker, properties: {command: [a]}}]}\n---\n" AXLE
     "ProfileBundle" NAMED "spec: {workloadProfileRefs: [{name: %1$s}]}\n---\n" AXLE
     "Environment" NAMED
     "spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}\n---\n" AXLE
     "AIWorkload" NAMED "spec: {profileBundleRef: {name: %1$s}, environmentRef: {name: %1$s}}\n",
     application_works, 253},
    {"computepools", AXLE "ComputePool" NAMED "spec: {spokes: [ahead]}\n", pool_works, 253},
    {"workloadprofiles",
     AXLE
     "WorkloadProfile" NAMED
     "spec: {type: Application, components: [{name: s, type: worker, properties: {command: [a]}}]}\n",
     profile_works, 253},
    {"managedclustersetbindings",
     OCM "v1beta2\nkind: ManagedClusterSetBinding" NAMED "spec: {clusterSet: %1$s}\n",
     binding_works, 253},
    {"managedclustersets",
     OCM "v1beta2\nkind: ManagedClusterSet\nmetadata: {name: %1$s}\n"
         "spec: {clusterSelector: {selectorType: ExclusiveClusterSetLabel}}\n",
     cluster_set_works, 63},
    {"tenants", AXLE "Tenant\nmetadata: {name: %1$s}\nspec: {}\n", tenant_works, 56},
    {"projects", AXLE "Project\nmetadata: {name: %1$s}\nspec: {tenant: acme}\n", project_works, 63},
    {"managedclusters",
     OCM "v1\nkind: ManagedCluster\nmetadata: {name: %1$s}\nspec: {hubAcceptsClient: true}\n",
     cluster_works, 63},
};

static const size_t lengths[] = {1, 40, 52, 53, 56, 57, 60, 63, 64, 124, 242, 249, 250, 253, 254};

/* "aaa…", or with dots, which not all kinds have. */
static char *name_of(struct hub *hub, size_t len, bool dots)
{
    char *name = arena_alloc(hub->arena, len + 1);

    for (size_t i = 0; i < len; i++)
        name[i] = dots && i % 7 == 6 && i + 1 < len ? '.' : (char)('a' + i % 26);
    name[len] = '\0';
    return name;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static char *fill(struct hub *hub, const char *format, const char *name)
{
    scoped_text struct text out = {0};

    text_addf(&out, format, name, namespace);
    return arena_string(hub->arena, text_string(&out));
}
#pragma GCC diagnostic pop

static void check_refusal(const char *why, const char *plural, size_t len)
{
    if (!CHECK(why && strstr(why, "metadata.name: "), "%s of %zu letters are refused by field",
               plural, len))
        printf("#  got: %s\n", why ? why : "taken");
}

static void sweep(struct hub *hub, const char *plural, const char *name)
{
    const char *in = kind_of(hub, plural)->namespaced ? namespace : "";

    drop(hub, plural, in, name);
    for (int i = 0; i < 3; i++)
        let_works_go(hub);
}

static void check_chain(struct hub *hub, size_t which, size_t len, bool dots)
{
    static const char *const parts[] = {"environments", "placements", "profilebundles",
                                        "workloadprofiles"};
    const char *plural = chains[which].plural;
    char *name = name_of(hub, len, dots);
    const char *why = refusal(hub, fill(hub, chains[which].yaml, name));
    const char *in = kind_of(hub, plural)->namespaced ? namespace : "";
    bool label = !strcmp(plural, "projects") || !strcmp(plural, "tenants") ||
                 !strcmp(plural, "managedclusters");

    if (len > chains[which].most || (dots && label && strchr(name, '.'))) {
        check_refusal(why, plural, len);
    } else if (CHECK(!why, "%s of %zu letters%s are taken: %s", plural, len,
                     dots ? " and dots" : "", why ? why : "")) {
        if (!CHECK(chains[which].works(hub, name), "%s of %zu letters%s work", plural, len,
                   dots ? " and dots" : ""))
            printf("# %s\n",
                   document_json(hub->arena, node_get(get(hub, plural, in, name), "status")));
        sweep(hub, plural, name);
        CHECK(!get(hub, plural, in, name), "and end");
    }
    for (size_t i = 0; i < count_of(parts); i++)
        sweep(hub, parts[i], name);
}

static bool is_left(struct hub *hub)
{
    static const char *const made[] = {
        "workloaddeployments", "manifestworkreplicasets", "manifestworks", "workloads",
        "placements",          "placementdecisions",      "environments",  "secrets",
        "jointokens"};

    for (size_t i = 0; i < count_of(made); i++)
        if (node_count(list_of(hub, made[i]))) {
            printf("# %s\n", document_json(hub->arena, list_of(hub, made[i])));
            return true;
        }
    return false;
}

static void make_world(struct hub *hub, const char *project)
{
    namespace = project;
    apply(
        hub,
        fill(
            hub,
            AXLE
            "Tenant\nmetadata: {name: acme}\nspec: {clusterSets: [global]}\n---\n" AXLE
            "Project\nmetadata: {name: %2$s}\nspec: {tenant: acme}\n---\n" OCM
            "v1\nkind: ManagedCluster\nmetadata: {name: edge, labels: "
            "{cluster.open-cluster-management.io/clusterset: default}}\nspec: {hubAcceptsClient: true}\n",
            ""));
    come(hub, "edge");
}

/* Names of objects are of 63 letters and the project's, too: all that is made of both. */
static void check_long_project(struct hub *hub)
{
    make_world(hub, "p23456789-123456789-123456789-123456789-123456789-123456789-123");
    for (size_t which = 0; which < count_of(chains); which++)
        if (kind_of(hub, chains[which].plural)->namespaced)
            check_chain(hub, which, chains[which].most == 249 ? 189 : chains[which].most, false);
    check_refusal(
        refusal(
            hub,
            fill(
                hub,
                WORKS
                "v1alpha1\nkind: ManifestWorkReplicaSet" NAMED
                "spec: {placementRefs: [{name: x}], manifestWorkTemplate: {workload: {manifests: "
                "[{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: default}}]}}}\n",
                name_of(hub, 190, false))),
        "manifestworkreplicasets", 190);
    CHECK(!is_left(hub), "nothing is left in a project of 63 letters");
}

int main(void)
{
    struct store_disk *disk = store_disk_new("sim");
    struct hub hub = {0};

    world = loop_world_new(1);
    hub_open(&hub);
    make_world(&hub, "lab");
    for (size_t which = 0; which < count_of(chains); which++)
        for (size_t i = 0; i < count_of(lengths); i++)
            for (int dots = 0; dots < 2; dots++)
                check_chain(&hub, which, lengths[i], dots);
    CHECK(!is_left(&hub), "nothing is left");
    check_long_project(&hub);
    hub_close(&hub);
    loop_world_free(&world);
    store_disk_free(&disk);
    return check_done();
}
