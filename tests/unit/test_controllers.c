/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that what a person writes becomes works, and reports come back. */
#include "controllers/controller.h"

#include "base/clock.h"
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

static void settle(struct hub *hub)
{
    loop_world_run(world, 10 * CLOCK_MS);
}

/* ---- Like kubectl ------------------------------------------------------------ */

static void apply(struct hub *hub, const char *yaml)
{
    struct err err = {0};
    struct node *all =
        document_read_all(hub->arena, yaml, strlen(yaml), &document_limits_own, &err);

    must(all ? 0 : -1, &err);
    for (size_t i = 0; i < node_count(all); i++) {
        must(objects_ensure(hub->objects, "kubectl", node_item(all, i), NULL, &err), &err);
        settle(hub);
    }
}

static struct node *yaml(struct hub *hub, const char *text)
{
    struct err err = {0};
    struct node *node =
        document_read_yaml(hub->arena, text, strlen(text), true, &document_limits_own, &err);

    must(node ? 0 : -1, &err);
    return node;
}

static const struct kind *kind_of(struct hub *hub, const char *plural)
{
    static const char *const groups[] = {
        "axle.dev",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "cluster.open-cluster-management.io",
        "work.open-cluster-management.io",
        "",
    };

    for (size_t i = 0; i < count_of(groups); i++) {
        const struct kind *kind = kinds_find(hub->kinds, groups[i], plural);

        if (kind)
            return kind;
    }
    abort();
}

static struct object *find(struct hub *hub, const char *plural, const char *namespace,
                           const char *name)
{
    return objects_get(hub->objects, OBJECTS_PUBLISHED, kind_of(hub, plural), namespace, name,
                       NULL);
}

static struct node *get(struct hub *hub, const char *plural, const char *namespace,
                        const char *name)
{
    scoped_object struct object *object = find(hub, plural, namespace, name);

    return object ? object_read(hub->arena, object) : NULL;
}

static const char *status_of(struct hub *hub, const char *plural, const char *namespace,
                             const char *name, const char *field)
{
    return node_get_text(node_get(get(hub, plural, namespace, name), "status"), field);
}

static const char *condition(const struct node *object, const char *type)
{
    const struct node *list = node_at(object, "status", "conditions", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "type"), type))
            return node_get_text(node_item(list, i), "status");
    return "";
}

static void remove_object(struct hub *hub, const char *plural, const char *namespace,
                          const char *name)
{
    struct err err = {0};

    must(objects_remove(hub->objects, "kubectl", kind_of(hub, plural), namespace, name, &err),
         &err);
    settle(hub);
}

/* ---- A spoke, as far as the hub can see ----------------------------------------- */

static void report(struct hub *hub, const char *cluster, const char *work, bool degraded)
{
    scoped_object struct object *object = find(hub, "manifestworks", cluster, work);
    struct err err = {0};
    char *json;

    if (!object) {
        CHECK(object != NULL, "%s has the work %s", cluster, work);
        return;
    }
    json = arena_printf(
        hub->arena,
        "{\"conditions\":["
        "{\"type\":\"Applied\",\"status\":\"True\",\"reason\":\"Ok\",\"observedGeneration\":%lld},"
        "{\"type\":\"Available\",\"status\":\"%s\",\"reason\":\"Ok\",\"observedGeneration\":%lld},"
        "{\"type\":\"Progressing\",\"status\":\"False\",\"reason\":\"Ok\",\"observedGeneration\":%lld},"
        "{\"type\":\"Degraded\",\"status\":\"%s\",\"reason\":\"X\",\"message\":\"no such "
        "command\",\"observedGeneration\":%lld}]}",
        (long long)node_get_int(node_get(object_read(hub->arena, object), "metadata"), "generation",
                                0),
        degraded ? "False" : "True",
        (long long)node_get_int(node_get(object_read(hub->arena, object), "metadata"), "generation",
                                0),
        (long long)node_get_int(node_get(object_read(hub->arena, object), "metadata"), "generation",
                                0),
        degraded ? "True" : "False",
        (long long)node_get_int(node_get(object_read(hub->arena, object), "metadata"), "generation",
                                0));
    must(objects_set_status(
             hub->objects, "spoke", object,
             document_read_json(hub->arena, json, strlen(json), &document_limits_own, &err), NULL,
             &err),
         &err);
    settle(hub);
}

/* The spoke has removed what a deleted work brought. */
static void let_go(struct hub *hub, const char *cluster, const char *work)
{
    scoped_object struct object *object = find(hub, "manifestworks", cluster, work);
    struct err err = {0};

    CHECK(object && object->deleting, "%s is told to remove %s", cluster, work);
    if (object)
        must(objects_set_finalizer(hub->objects, "spoke", object,
                                   "cluster.open-cluster-management.io/manifest-work-cleanup",
                                   false, &err),
             &err);
    settle(hub);
}

/* ---- The story -------------------------------------------------------------------- */

static const char place[] =
    "apiVersion: axle.dev/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec: {displayName: "
    "Acme, clusterSets: [global]}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: Project\nmetadata: {name: research}\nspec: "
    "{tenant: acme}\n"
    "---\napiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\nmetadata: "
    "{name: edge-1}\nspec: {hubAcceptsClient: true}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: Environment\nmetadata: {name: all, namespace: "
    "research}\n"
    "spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}\n";

static const char application[] =
    "apiVersion: axle.dev/v1alpha1\nkind: WorkloadProfile\nmetadata: {name: echo, namespace: "
    "research}\n"
    "spec:\n  type: Application\n  variables: [{name: word, type: string, default: hello}]\n"
    "  components:\n  - name: server\n    type: webservice\n"
    "    properties: {command: [echo, \"{{ .var.word }}\"], port: 8080}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: ProfileBundle\nmetadata: {name: echo, namespace: "
    "research}\n"
    "spec: {type: Application, workloadProfileRefs: [{name: echo}]}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: AIWorkload\nmetadata: {name: hi, namespace: "
    "research}\n"
    "spec: {profileBundleRef: {name: echo}, environmentRef: {name: all}}\n";

static void check_way_down(struct hub *hub)
{
    const struct node *work, *load, *deployment;
    const char *digest;

    apply(hub, place);
    CHECK_TEXT(status_of(hub, "projects", "", "research", "phase"), "Ready",
               "a project in a tenant is ready");
    CHECK(get(hub, "namespaces", "", "research") != NULL, "with its namespace");
    CHECK(get(hub, "managedclustersetbindings", "research", "global") != NULL,
          "bound to what its tenant allows");
    CHECK(get(hub, "namespaces", "", "edge-1") != NULL, "an accepted cluster has its namespace");
    apply(hub, application);
    deployment = get(hub, "workloaddeployments", "research", "hi-echo");
    CHECK(deployment != NULL, "one deployment per profile");
    CHECK_TEXT(condition(deployment, "Rendered"), "True", "it is rendered");
    CHECK_TEXT(condition(deployment, "Placed"), "True", "and placed");
    digest = node_get_text(node_at(deployment, "status", "artifact", NULL), "digest");
    CHECK(registry_has(hub->store, "research/hi-echo", digest), "the registry has the artifact");
    work = get(hub, "manifestworks", "edge-1", "research.hi-echo");
    CHECK(work != NULL, "the spoke's namespace has the work");
    load = node_item(node_at(work, "spec", "workload", "manifests", NULL), 1);
    CHECK_TEXT(node_get_text(node_at(load, "spec", "artifact", NULL), "digest"), digest,
               "which names the artifact by digest");
    CHECK(get(hub, "workloads", "edge-1", "hi-echo") != NULL,
          "and there is an object for the spoke to report to");
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "hi", "phase"), "Deploying",
               "until the spoke reports, it is being deployed");
    if (check_failed)
        printf("# %s\n# %s\n", document_json(hub->arena, get(hub, "aiworkloads", "research", "hi")),
               deployment ? document_json(hub->arena, deployment) : "no deployment");
}

static void check_way_up(struct hub *hub)
{
    const struct node *status;

    report(hub, "edge-1", "research.hi-echo", false);
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "hi", "phase"), "Running",
               "the spoke's report makes it Running");
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "hi", "ready"), "1/1",
               "on one spoke of one");
    CHECK_TEXT(condition(get(hub, "aiworkloads", "research", "hi"), "Available"), "True",
               "and Available");
    report(hub, "edge-1", "research.hi-echo", true);
    status = node_get(get(hub, "aiworkloads", "research", "hi"), "status");
    CHECK_TEXT(node_get_text(status, "phase"), "Degraded", "what is wrong on a spoke shows");
    CHECK_TEXT(node_get_text(node_item(node_get(status, "spokes"), 0), "message"),
               "no such command", "with its reason");
    report(hub, "edge-1", "research.hi-echo", false);
}

static void check_quiet(struct hub *hub)
{
    int64_t before, after;

    settle(hub);
    before = objects_revision(hub->objects);
    apply(hub, place);
    apply(hub, application);
    after = objects_revision(hub->objects);
    CHECK_INT(after, before, "applying the same again writes nothing");
    CHECK(controllers_idle(hub->controllers), "and nothing is left to do");
}

static void check_change(struct hub *hub)
{
    struct store_facts before, after;
    const char *old, *new;

    store_facts(hub->store, &before);
    old = node_get_text(
        node_at(get(hub, "workloaddeployments", "research", "hi-echo"), "status", "artifact", NULL),
        "digest");
    apply(hub, "apiVersion: axle.dev/v1alpha1\nkind: AIWorkload\n"
               "metadata: {name: hi, namespace: research}\n"
               "spec: {profileBundleRef: {name: echo}, environmentRef: {name: all},"
               " variables: {word: bye}}\n");
    new = node_get_text(
        node_at(get(hub, "workloaddeployments", "research", "hi-echo"), "status", "artifact", NULL),
        "digest");
    store_facts(hub->store, &after);
    CHECK_INT(after.commits - before.commits, 1,
              "a change and all that follows from it is one commit");
    CHECK(strcmp(old, new), "another value of a variable is another artifact");
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "hi", "phase"), "Deploying",
               "which is on its way");
    report(hub, "edge-1", "research.hi-echo", false);
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "hi", "phase"), "Running", "and arrives");
}

/* TYPE=STATUS of all, in order. */
static char *conditions_of(struct hub *hub, const char *plural, const char *name)
{
    static const char *const types[] = {"Resolved", "Rendered", "Placed", "Distributed",
                                        "Available"};
    const struct node *object = get(hub, plural, "research", name);
    scoped_text struct text out = {0};

    for (size_t i = 0; i < count_of(types); i++)
        text_addf(&out, "%s%s", i ? " " : "", condition(object, types[i]));
    return arena_string(hub->arena, text_string(&out));
}

/* What could not be told of the new version is not left standing of the old one. */
static void check_former(struct hub *hub)
{
    static const char changed[] =
        "apiVersion: axle.dev/v1alpha1\nkind: AIWorkload\n"
        "metadata: {name: hi, namespace: research}\n"
        "spec: {profileBundleRef: {name: %s}, environmentRef: {name: all}, variables: {word: "
        "bye}}\n";
    static const char profile[] =
        "apiVersion: axle.dev/v1alpha1\nkind: WorkloadProfile\n"
        "metadata: {name: echo, namespace: research}\n"
        "spec:\n  type: Application\n  variables: [{name: word, type: string, default: hello}]\n"
        "  components:\n  - name: server\n    type: %s\n"
        "    properties: {command: [echo, \"{{ .var.word }}\"], port: 8080}\n";

    apply(hub, arena_printf(hub->arena, changed, "nothing"));
    CHECK_TEXT(conditions_of(hub, "aiworkloads", "hi"), "False Unknown Unknown Unknown Unknown",
               "where the bundle is not there, nothing is known of the rest");
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "hi", "ready"), "0/1",
               "and nothing is ready of it");
    apply(hub, arena_printf(hub->arena, changed, "echo"));
    CHECK_TEXT(conditions_of(hub, "aiworkloads", "hi"), "True True True True True",
               "taken back, it runs as it did");
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "hi", "ready"), "1/1", "at once");
    apply(hub, arena_printf(hub->arena, profile, "nothing-like-it"));
    CHECK_TEXT(conditions_of(hub, "aiworkloads", "hi"), "True False True False False",
               "what cannot be rendered is not distributed and not available");
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "hi", "ready"), "0/1",
               "the former version is not the new one");
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "hi", "phase"), "Failed", "it failed");
    CHECK(get(hub, "manifestworks", "edge-1", "research.hi-echo") != NULL, "and stays where it is");
    apply(hub, arena_printf(hub->arena, profile, "webservice"));
    CHECK_TEXT(conditions_of(hub, "aiworkloads", "hi"), "True True True True True",
               "the same content again is what runs there already");
}

static void check_mistake(struct hub *hub)
{
    apply(hub, "apiVersion: axle.dev/v1alpha1\nkind: AIWorkload\n"
               "metadata: {name: wrong, namespace: research}\n"
               "spec: {profileBundleRef: {name: nothing}, environmentRef: {name: all}}\n");
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "wrong", "phase"), "Failed",
               "a reference to nothing fails");
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "wrong", "message"),
               "spec.profileBundleRef.name: there is no ProfileBundle "
               "\"nothing\" in this namespace; create it",
               "in plain words");
    remove_object(hub, "aiworkloads", "research", "wrong");
    CHECK(!get(hub, "aiworkloads", "research", "wrong"), "and can be deleted");
}

static void check_dedicated(struct hub *hub)
{
    apply(hub, "apiVersion: axle.dev/v1alpha1\nkind: ComputePool\n"
               "metadata: {name: own, namespace: research}\nspec: {variant: Dedicated}\n");
    for (int i = 1; i <= 2; i++)
        apply(hub,
              arena_printf(hub->arena,
                           "apiVersion: axle.dev/v1alpha1\n"
                           "kind: AIWorkload\nmetadata: {name: d%d, namespace: research}\n"
                           "spec: {profileBundleRef: {name: echo}, computePoolRef: {name: own}}\n",
                           i));
    CHECK((!strcmp(status_of(hub, "aiworkloads", "research", "d1", "phase"), "Failed")) +
                  (!strcmp(status_of(hub, "aiworkloads", "research", "d2", "phase"), "Failed")) ==
              1,
          "a Dedicated pool takes one workload");
    remove_object(hub, "aiworkloads", "research", "d1");
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "d2", "phase"), "Placing",
               "and then the next");
    remove_object(hub, "aiworkloads", "research", "d2");
}

static void check_end(struct hub *hub)
{
    remove_object(hub, "aiworkloads", "research", "hi");
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "hi", "phase"), "Deleting",
               "a deleted workload waits for its spokes");
    let_go(hub, "edge-1", "research.hi-echo");
    for (int i = 1; i <= 3; i++)
        let_go(hub, arena_printf(hub->arena, "r%d", i), "research.hi-echo");
    CHECK(!get(hub, "aiworkloads", "research", "hi"), "then it is gone");
    CHECK(!get(hub, "workloaddeployments", "research", "hi-echo"), "its deployment");
    CHECK(!get(hub, "manifestworkreplicasets", "research", "hi-echo"), "its replica set");
    CHECK(!get(hub, "manifestworks", "edge-1", "research.hi-echo"), "its work");
    CHECK(!get(hub, "workloads", "edge-1", "hi-echo"), "and its report");
    remove_object(hub, "projects", "", "research");
    settle(hub);
    CHECK(!get(hub, "projects", "", "research"), "a project can be deleted");
    CHECK(!get(hub, "namespaces", "", "research"), "with its namespace");
    remove_object(hub, "tenants", "", "acme");
    CHECK(!get(hub, "tenants", "", "acme"), "and so can its tenant");
}

/* ---- Silence --------------------------------------------------------------------------- */

/* The spoke says of itself that it is there. */
static void come(struct hub *hub, const char *cluster, const char *type)
{
    scoped_object struct object *object = find(hub, "managedclusters", "", cluster);
    struct err err = {0};
    struct node *status =
        node_copy(hub->arena, node_get(object_read(hub->arena, object), "status"));
    struct node *one = yaml(hub, "{status: 'True', reason: ManagedClusterSays}");

    node_set_text(hub->arena, one, "type", type);
    node_add(hub->arena, node_make_list(hub->arena, status, "conditions"), one);
    must(objects_set_status(hub->objects, "spoke", object, status, NULL, &err), &err);
    settle(hub);
}

static void renew(struct hub *hub, const char *cluster)
{
    struct err err = {0};
    char time[CLOCK_TEXT];

    clock_format(clock_wall(), true, time);
    must(objects_ensure(
             hub->objects, "spoke",
             yaml(hub,
                  arena_printf(hub->arena,
                               "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: "
                               "managed-cluster-lease, namespace: %s}, spec: {renewTime: '%s'}}",
                               cluster, time)),
             NULL, &err),
         &err);
    settle(hub);
}

static void check_silence(struct hub *hub)
{
    const struct node *taint;

    come(hub, "edge-1", "ManagedClusterConditionAvailable");
    CHECK(!node_count(node_at(get(hub, "managedclusters", "", "edge-1"), "spec", "taints", NULL)),
          "a spoke that is well has no taint");
    loop_world_run(world, 310 * CLOCK_SECOND);
    CHECK_TEXT(
        condition(get(hub, "managedclusters", "", "edge-1"), "ManagedClusterConditionAvailable"),
        "Unknown", "five leases without a word are silence");
    taint =
        node_item(node_at(get(hub, "managedclusters", "", "edge-1"), "spec", "taints", NULL), 0);
    CHECK_TEXT(node_get_text(taint, "key"), "cluster.open-cluster-management.io/unreachable",
               "and a taint");
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "hi", "phase"), "Unknown",
               "its workloads are Unknown, not Failed");
    CHECK(
        get(hub, "manifestworks", "edge-1", "research.hi-echo") &&
            !node_get(node_get(get(hub, "manifestworks", "edge-1", "research.hi-echo"), "metadata"),
                      "deletionTimestamp"),
        "and nothing is deleted");
    renew(hub, "edge-1");
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "hi", "phase"), "Running",
               "a renewed lease ends it");
    CHECK(!node_count(node_at(get(hub, "managedclusters", "", "edge-1"), "spec", "taints", NULL)),
          "taint and all");
}

/* ---- Rollout ----------------------------------------------------------------------------- */

static size_t works_of(struct hub *hub, const char *work)
{
    static const char *const clusters[] = {"r1", "r2", "r3"};
    size_t count = 0;

    for (size_t i = 0; i < count_of(clusters); i++)
        count += get(hub, "manifestworks", clusters[i], work) != NULL;
    return count;
}

static void check_rollout(struct hub *hub)
{
    apply(hub, "apiVersion: axle.dev/v1alpha1\nkind: ComputePool\n"
               "metadata: {name: lab, namespace: research}\nspec: {variant: Shared}\n"
               "---\napiVersion: axle.dev/v1alpha1\nkind: Environment\n"
               "metadata: {name: slow, namespace: research}\n"
               "spec: {topology: {properties: {placement: {clusterSets: [research.lab]},"
               " manifestWorkReplicaSet: {rolloutStrategy: {type: Progressive,"
               " progressive: {maxConcurrency: 1}}}}}}\n"
               "---\napiVersion: axle.dev/v1alpha1\nkind: AIWorkload\n"
               "metadata: {name: step, namespace: research}\n"
               "spec: {profileBundleRef: {name: echo}, environmentRef: {name: slow}}\n");
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "step", "phase"), "Placing",
               "a pool without spokes is no place");
    for (int i = 1; i <= 3; i++)
        apply(hub,
              arena_printf(
                  hub->arena,
                  "apiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\n"
                  "metadata: {name: r%d, labels: {cluster.open-cluster-management.io/clusterset: "
                  "research.lab}}\n"
                  "spec: {hubAcceptsClient: true}\n",
                  i));
    CHECK_INT(works_of(hub, "research.step-echo"), 1, "one spoke at a time");
    report(hub, "r1", "research.step-echo", false);
    CHECK_INT(works_of(hub, "research.step-echo"), 2, "the next when the first is well");
    report(hub, "r2", "research.step-echo", true);
    CHECK_INT(works_of(hub, "research.step-echo"), 2, "and no further when one fails");
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "step", "phase"), "Failed",
               "more than maxFailures is for the user to mend");
    report(hub, "r2", "research.step-echo", false);
    report(hub, "r3", "research.step-echo", false);
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "step", "ready"), "3/3",
               "then all have it");
    CHECK_INT(
        node_get_int(node_get(get(hub, "computepools", "research", "lab"), "status"), "spokes", 0),
        3, "the pool counts its spokes");
    remove_object(hub, "aiworkloads", "research", "step");
    for (int i = 1; i <= 3; i++)
        let_go(hub, arena_printf(hub->arena, "r%d", i), "research.step-echo");
    CHECK(!get(hub, "aiworkloads", "research", "step"), "and none has it any more");
}

static bool is_leaving(struct hub *hub, const char *cluster, const char *work)
{
    scoped_object struct object *object = find(hub, "manifestworks", cluster, work);

    return object && object->deleting;
}

static void check_move(struct hub *hub)
{
    static const char intent[] =
        "apiVersion: axle.dev/v1alpha1\nkind: AIWorkload\n"
        "metadata: {name: mover, namespace: research}\n"
        "spec: {profileBundleRef: {name: echo}, computePoolRef: {name: %s}}\n";
    static const char work[] = "research.mover-echo";

    apply(hub, "apiVersion: axle.dev/v1alpha1\nkind: ComputePool\n"
               "metadata: {name: other, namespace: research}\nspec: {variant: Shared}\n"
               "---\napiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\n"
               "metadata: {name: o1, labels: {cluster.open-cluster-management.io/clusterset: "
               "research.other}}\n"
               "spec: {hubAcceptsClient: true}\n");
    apply(hub, arena_printf(hub->arena, intent, "lab"));
    for (int i = 1; i <= 3; i++)
        report(hub, arena_printf(hub->arena, "r%d", i), work, false);
    apply(hub, arena_printf(hub->arena, intent, "other"));
    CHECK(get(hub, "manifestworks", "o1", work) && !is_leaving(hub, "r1", work),
          "in another pool the new place comes first");
    report(hub, "o1", work, false);
    CHECK(is_leaving(hub, "r1", work) && is_leaving(hub, "r2", work) && is_leaving(hub, "r3", work),
          "and then the old ones go");
    for (int i = 1; i <= 3; i++)
        let_go(hub, arena_printf(hub->arena, "r%d", i), work);
    CHECK_TEXT(status_of(hub, "aiworkloads", "research", "mover", "ready"), "1/1",
               "nothing is counted there any more");
    CHECK_TEXT(condition(get(hub, "manifestworkreplicasets", "research", "mover-echo"),
                         "PlacementRolledOut"),
               "True", "and the move is done");
    remove_object(hub, "aiworkloads", "research", "mover");
    let_go(hub, "o1", work);
    remove_object(hub, "managedclusters", "", "o1");
}

/* ---- Joining ------------------------------------------------------------------------- */

/* "", or why it was refused. */
static const char *create_as(struct hub *hub, const char *user, const char *yaml)
{
    struct err err = {0};
    struct node *body =
        document_read_yaml(hub->arena, yaml, strlen(yaml), true, &document_limits_own, &err);
    struct objects_result result = {.arena = hub->arena};
    struct objects_write write = {
        .who = {user, user, false},
        .namespace = "",
        .grace = -1,
        .body = body,
        .kind = kinds_by_kind(hub->kinds, node_get_text(body, "apiVersion"),
                              node_get_text(body, "kind")),
    };

    must(body ? 0 : -1, &err);
    write.name = node_get_text(node_get(body, "metadata"), "name");
    if (objects_create(hub->objects, &write, &result, &err) < 0)
        return arena_string(hub->arena, err.text);
    object_drop(&result.object);
    settle(hub);
    return "";
}

static const char *request_certificate(struct hub *hub, const char *user, const char *name,
                                       const char *cluster, struct pki_key *key)
{
    const char *organizations[] = {
        arena_printf(hub->arena, "system:open-cluster-management:%s", cluster),
        "system:open-cluster-management:managed-clusters",
    };
    struct pki_subject subject = {
        arena_printf(hub->arena, "system:open-cluster-management:%s:a1", cluster),
        organizations,
        2,
    };
    scoped_text struct text pem = {0}, base64 = {0};
    struct err err = {0};

    must(pki_request_write(key, &subject, &pem, &err), &err);
    text_add_base64(&base64, pem.bytes, pem.len, false);
    return create_as(
        hub, user,
        arena_printf(hub->arena,
                     "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\n"
                     "metadata: {name: %s, labels: {open-cluster-management.io/cluster-name: %s}}\n"
                     "spec: {signerName: kubernetes.io/kube-apiserver-client, request: %s,"
                     " usages: [client auth], username: system:admin}\n",
                     name, cluster, text_string(&base64)));
}

static bool is_signed(struct hub *hub, const char *name)
{
    return *status_of(hub, "certificatesigningrequests", "", name, "certificate");
}

static void check_join(struct hub *hub)
{
    scoped_pki_key struct pki_key *key = pki_key_new();
    scoped_pki_key struct pki_key *other = pki_key_new();
    static const char me[] = "system:open-cluster-management:edge-2:a1";

    apply(hub, "apiVersion: axle.dev/v1alpha1\nkind: JoinToken\nmetadata: {name: t1}\n"
               "spec: {uses: 1, salt: aa, hash: bb}\n");
    CHECK_TEXT(create_as(hub, "system:bootstrap:t1",
                         "apiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\n"
                         "metadata: {name: edge-2, annotations: {axle.dev/client-keys: evil}}\n"
                         "spec: {hubAcceptsClient: true}\n"),
               "", "a token makes its cluster");
    CHECK(get(hub, "namespaces", "", "edge-2") != NULL, "a token's policy lets a cluster in");
    CHECK(get(hub, "leases", "edge-2", "managed-cluster-lease") != NULL, "and gives it a lease");
    CHECK_TEXT(node_get_text(
                   node_at(get(hub, "managedclusters", "", "edge-2"), "metadata", "labels", NULL),
                   "cluster.open-cluster-management.io/clusterset"),
               "default", "without a pool it is in the set default");
    request_certificate(hub, "system:bootstrap:t1", "good", "edge-2", key);
    CHECK(is_signed(hub, "good"), "its request is signed");
    CHECK(strlen(node_get_text(
              node_at(get(hub, "managedclusters", "", "edge-2"), "metadata", "annotations", NULL),
              "axle.dev/client-keys")) == 64,
          "and the hub remembers its key");
    CHECK(strstr(request_certificate(hub, "system:bootstrap:t1", "stolen", "edge-1", other),
                 "the name \"edge-1\" belongs to another machine"),
          "a token does not speak for another cluster");
    CHECK(strstr(request_certificate(hub, "system:bootstrap:t2", "strange", "edge-2", other),
                 "belongs to another machine"),
          "nor another token for this one");
    request_certificate(hub, me, "renewal", "edge-2", other);
    CHECK(is_signed(hub, "renewal"), "a spoke renews its own certificate");
    CHECK_INT(node_get_int(node_get(get(hub, "jointokens", "", "t1"), "status"), "used", 0), 1,
              "the token counts its uses");
    CHECK_TEXT(status_of(hub, "jointokens", "", "t1", "phase"), "UsedUp",
               "and says when it is used up");
    remove_object(hub, "managedclusters", "", "edge-2");
    CHECK(!get(hub, "managedclusters", "", "edge-2") && !get(hub, "namespaces", "", "edge-2"),
          "a cluster leaves nothing behind");
}

/* ---- Spokes that a pool expects ---------------------------------------------------- */

static const char *row_phase(struct hub *hub, const char *name)
{
    const struct node *rows =
        node_at(get(hub, "computepools", "research", "ahead"), "status", "expected", NULL);

    for (size_t i = 0; i < node_count(rows); i++)
        if (!strcmp(node_get_text(node_item(rows, i), "name"), name))
            return node_get_text(node_item(rows, i), "phase");
    return "";
}

static void expect_spokes(struct hub *hub, const char *names)
{
    apply(hub, arena_printf(hub->arena,
                            "apiVersion: axle.dev/v1alpha1\nkind: ComputePool\n"
                            "metadata: {name: ahead, namespace: research}\n"
                            "spec: {spokes: [%s]}\n",
                            names));
}

static const char *token_of(struct hub *hub, const char *spoke)
{
    return meta_annotation(get(hub, "managedclusters", "", spoke), META_ANNOTATION_JOIN_TOKEN);
}

static void check_expected(struct hub *hub)
{
    scoped_pki_key struct pki_key *key = pki_key_new();
    const struct node *cluster;
    const char *token, *user;

    expect_spokes(hub, "first, second, default, kube-evil");
    cluster = get(hub, "managedclusters", "", "first");
    CHECK(cluster != NULL, "a spoke that is expected is made ahead");
    CHECK_TEXT(meta_label(cluster, META_LABEL_CLUSTERSET), "research.ahead", "in the pool's set");
    CHECK_TEXT(node_get_text(node_item(node_at(cluster, "spec", "taints", NULL), 0), "key"),
               "axle.dev/pending-join", "where nothing chooses it yet");
    CHECK_TEXT(row_phase(hub, "first"), "PendingJoin", "the pool says that it is awaited");
    CHECK_TEXT(row_phase(hub, "default"), "Failed", "a reserved name is refused");
    CHECK_TEXT(row_phase(hub, "kube-evil"), "Failed", "so is another one");
    CHECK(!get(hub, "managedclusters", "", "kube-evil"), "and not made");
    CHECK(get(hub, "secrets", "research", "ahead-first-join") != NULL, "a Secret holds its token");
    token = token_of(hub, "first");
    CHECK(*token && strcmp(token, token_of(hub, "second")) != 0, "each has a token of its own");

    user = arena_printf(hub->arena, "system:bootstrap:%s", token);
    request_certificate(hub, user, "first-join", "first", key);
    CHECK(is_signed(hub, "first-join"), "the token lets it in");
    CHECK_TEXT(row_phase(hub, "first"), "PendingJoin", "it has to come with its certificate yet");
    CHECK(get(hub, "jointokens", "", token) != NULL, "which it fetches with its token");
    come(hub, "first", "ManagedClusterJoined");
    CHECK_TEXT(row_phase(hub, "first"), "Joined", "the pool knows");
    CHECK(!strstr(
              document_json(hub->arena, node_get(get(hub, "managedclusters", "", "first"), "spec")),
              "pending-join"),
          "now it may be chosen");
    CHECK(!get(hub, "secrets", "research", "ahead-first-join") &&
              !get(hub, "jointokens", "", token),
          "token and Secret have gone");
    CHECK(strstr(request_certificate(
                     hub, arena_printf(hub->arena, "system:bootstrap:%s", token_of(hub, "second")),
                     "stolen-join", "first", key),
                 "belongs to another machine"),
          "another's token does not speak for it");

    token = token_of(hub, "second");
    expect_spokes(hub, "first");
    CHECK(!get(hub, "managedclusters", "", "second") && !get(hub, "jointokens", "", token) &&
              !get(hub, "secrets", "research", "ahead-second-join"),
          "one that is no longer expected and never came leaves nothing");
    expect_spokes(hub, "first, third");
    /* A pool waits for what runs on its spokes; an administrator takes it away. */
    apply(hub, "apiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\nmetadata: "
               "{name: first}\n"
               "spec: {hubAcceptsClient: true, taints: [{key: emptied, effect: NoSelect}]}\n");
    remove_object(hub, "computepools", "research", "ahead");
    CHECK(!get(hub, "managedclusters", "", "third"), "nor with the pool");
    CHECK_TEXT(meta_label(get(hub, "managedclusters", "", "first"), META_LABEL_CLUSTERSET),
               "axle-released", "one that has joined stays, and is nobody's");
    remove_object(hub, "managedclusters", "", "first");
}

int main(void)
{
    struct store_disk *disk = store_disk_new("sim");
    struct hub hub = {0};

    world = loop_world_new(1);
    hub_open(&hub);
    check_way_down(&hub);
    check_way_up(&hub);
    check_quiet(&hub);
    check_change(&hub);
    check_former(&hub);
    check_mistake(&hub);
    check_silence(&hub);
    check_rollout(&hub);
    check_move(&hub);
    check_dedicated(&hub);
    check_expected(&hub);
    check_end(&hub);
    check_join(&hub);
    hub_close(&hub);
    loop_world_free(&world);
    store_disk_free(&disk);
    return check_done();
}
