/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that deleting what others use never empties a spoke, and that it is said. */
#include "hub_fixture.h"

static const char base[] =
    "apiVersion: axle.dev/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec: {displayName: "
    "Acme, clusterSets: [global]}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: Project\nmetadata: {name: lab}\nspec: {tenant: "
    "acme}\n"
    "---\napiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\nmetadata: "
    "{name: s1}\nspec: {hubAcceptsClient: true}\n"
    "---\napiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\nmetadata: "
    "{name: s2}\nspec: {hubAcceptsClient: true}\n"
    "---\napiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\nmetadata: "
    "{name: s3}\nspec: {hubAcceptsClient: true}\n";

static const char definition[] =
    "apiVersion: axle.dev/v1alpha1\nkind: ComponentDefinition\nmetadata: {name: conf, namespace: "
    "lab}\n"
    "spec:\n  schema: {type: object, properties: {v: {type: string}}}\n  template: |\n"
    "    apiVersion: v1\n    kind: ConfigMap\n    metadata:\n      name: {{ .context.name }}\n"
    "    data: {v: \"{{ .properties.v }}\"}\n";
static const char profile[] =
    "apiVersion: axle.dev/v1alpha1\nkind: WorkloadProfile\nmetadata: {name: cfg, namespace: lab}\n"
    "spec:\n  type: Application\n  variables: [{name: v, type: string, default: one}]\n"
    "  components: [{name: c, type: conf, properties: {v: \"{{ .var.v }}\"}}]\n";
static const char bundle[] =
    "apiVersion: axle.dev/v1alpha1\nkind: ProfileBundle\nmetadata: {name: cfg, namespace: lab}\n"
    "spec: {workloadProfileRefs: [{name: cfg}]}\n";
static const char environment[] =
    "apiVersion: axle.dev/v1alpha1\nkind: Environment\nmetadata: {name: two, namespace: lab}\n"
    "spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global], "
    "numberOfClusters: 2}}}}\n";
static const char placement[] =
    "apiVersion: cluster.open-cluster-management.io/v1beta1\nkind: Placement\nmetadata: {name: "
    "mine, namespace: lab}\n"
    "spec: {clusterSets: [global], numberOfClusters: 2, tolerations: [{operator: Exists}]}\n";
static const char byop[] =
    "apiVersion: axle.dev/v1alpha1\nkind: Environment\nmetadata: {name: own, namespace: lab}\n"
    "spec: {topology: {type: topology-ocm-byop, properties: {placementRef: {name: mine}}}}\n";
static const char workload[] =
    "apiVersion: axle.dev/v1alpha1\nkind: AIWorkload\nmetadata: {name: w, namespace: lab}\n"
    "spec: {profileBundleRef: {name: cfg}, environmentRef: {name: two}}\n";

static const char on_own[] =
    "apiVersion: axle.dev/v1alpha1\nkind: AIWorkload\nmetadata: {name: w, namespace: lab}\n"
    "spec: {profileBundleRef: {name: cfg}, environmentRef: {name: own}}\n";

static void must_apply(struct hub *hub, const char *yaml)
{
    const char *why = hub_apply(hub, yaml);

    CHECK(!*why, "it is taken: %s", why);
}

/* "s1=UID s2=UID": which spokes have it, and that it is the same as before. */
static const char *works(struct hub *hub)
{
    static const char *const clusters[] = {"s1", "s2", "s3"};
    const char *all = "";

    for (size_t i = 0; i < count_of(clusters); i++) {
        const char *uid = hub_work_uid(hub, clusters[i], "lab.w-cfg");

        if (*uid)
            all = arena_printf(hub->arena, "%s%s=%s ", all, clusters[i], uid);
    }
    return all;
}

static void run_everywhere(struct hub *hub)
{
    static const char *const clusters[] = {"s1", "s2", "s3"};

    for (size_t i = 0; i < count_of(clusters); i++)
        hub_report(hub, clusters[i], "lab.w-cfg");
}

static void hub_with(struct hub *hub, const char *aiworkload)
{
    hub_start(hub);
    must_apply(hub, base);
    must_apply(hub, definition);
    must_apply(hub, profile);
    must_apply(hub, bundle);
    must_apply(hub, environment);
    must_apply(hub, placement);
    must_apply(hub, byop);
    must_apply(hub, aiworkload);
    run_everywhere(hub);
    CHECK_TEXT(hub_status(hub, "aiworkloads", "lab", "w", "phase"), "Running", "it runs");
}

/* ---- Places ------------------------------------------------------------------------------ */

static void check_environment_forced_away(void)
{
    struct hub hub = {0};
    const char *before;

    hub_with(&hub, workload);
    before = works(&hub);
    hub_force_delete(&hub, "environments", "lab", "two");
    CHECK(!hub_get(&hub, "environments", "lab", "two"), "the Environment is gone");
    CHECK(!hub_get(&hub, "placements", "lab", "two"), "and its Placement");
    CHECK_TEXT(works(&hub), before, "what runs stays where it is");
    CHECK_TEXT(hub_status(&hub, "aiworkloads", "lab", "w", "phase"), "Failed", "the user must act");
    CHECK_TEXT(hub_says(&hub, "aiworkloads", "lab", "w", "Resolved"), "False EnvironmentNotFound",
               "and is told for what");
    CHECK_TEXT(hub_says(&hub, "aiworkloads", "lab", "w", "Placed"), "False EnvironmentNotFound",
               "no spokes are said to be chosen");
    CHECK_TEXT(hub_says(&hub, "aiworkloads", "lab", "w", "Available"), "True Available",
               "what runs is said to run");
    hub_stop(&hub);
    hub_start(&hub);
    CHECK_TEXT(works(&hub), before, "over a restart of the hub, too");
    must_apply(&hub, environment);
    CHECK_TEXT(works(&hub), before, "made again, it takes up the same works");
    CHECK_TEXT(hub_status(&hub, "aiworkloads", "lab", "w", "phase"), "Running", "and all is well");
    hub_end(&hub);
}

static void check_placement_of_ones_own(void)
{
    struct hub hub = {0};
    const char *before;

    hub_with(&hub, on_own);
    before = works(&hub);
    hub_delete(&hub, "placements", "lab", "mine");
    CHECK_TEXT(works(&hub), before, "a Placement of one's own goes, the works stay");
    CHECK_TEXT(hub_says(&hub, "aiworkloads", "lab", "w", "Placed"), "False PlacementNotFound",
               "and it is said");
    must_apply(&hub, placement);
    CHECK_TEXT(works(&hub), before, "until it is there again");
    CHECK_TEXT(hub_status(&hub, "aiworkloads", "lab", "w", "phase"), "Running", "as before");
    hub_patch(&hub, "placements", "lab", "mine", "{\"spec\":{\"numberOfClusters\":1}}");
    CHECK(strlen(works(&hub)) < strlen(before), "one that asks for fewer is meant");
    hub_end(&hub);
}

static void check_decisions(void)
{
    struct hub hub = {0};
    const char *before;

    hub_with(&hub, workload);
    before = works(&hub);
    hub_delete(&hub, "placementdecisions", "lab", "two-decision-1");
    CHECK_TEXT(works(&hub), before, "a decision that is deleted is made again");
    CHECK(hub_get(&hub, "placementdecisions", "lab", "two-decision-1") != NULL, "at once");
    hub_delete(&hub, "placements", "lab", "two");
    CHECK_TEXT(works(&hub), before, "so is an Environment's Placement");
    hub_delete_by(&hub, "placements", "lab", "two", "Foreground");
    CHECK_TEXT(works(&hub), before, "decisions first as well");
    CHECK(strstr(hub_delete(&hub, "manifestworkreplicasets", "lab", "w-cfg"),
                 "delete the AIWorkload \"w\""),
          "a deployment's set is not deleted by hand");
    CHECK_TEXT(works(&hub), before, "nor emptied");
    CHECK_TEXT(hub_status(&hub, "aiworkloads", "lab", "w", "phase"), "Running", "nothing happened");
    hub_end(&hub);
}

/* What is deleted waits for who uses it, says so, and takes nobody new. */
static void check_environment_waits(const char *propagation)
{
    struct hub hub = {0};
    const char *before;

    hub_with(&hub, workload);
    before = works(&hub);
    hub_delete_by(&hub, "environments", "lab", "two", propagation);
    CHECK(hub_get(&hub, "environments", "lab", "two") != NULL, "an Environment in use waits");
    CHECK_TEXT(hub_says(&hub, "environments", "lab", "two", "Ready"), "False InUse", "and says so");
    CHECK(strstr(hub_status(&hub, "environments", "lab", "two", "message"),
                 "used by AIWorkload \"w\""),
          "naming who uses it");
    CHECK_TEXT(hub_status(&hub, "aiworkloads", "lab", "w", "phase"), "Running", "all goes on");
    must_apply(
        &hub,
        "apiVersion: axle.dev/v1alpha1\nkind: AIWorkload\nmetadata: {name: late, namespace: lab}\n"
        "spec: {profileBundleRef: {name: cfg}, environmentRef: {name: two}}\n");
    CHECK_TEXT(hub_says(&hub, "aiworkloads", "lab", "late", "Resolved"), "False PlaceDeleting",
               "nobody new is taken");
    CHECK_TEXT(works(&hub), before, "what runs stays");
    hub_stop(&hub);
    hub_start(&hub);
    hub_patch(&hub, "aiworkloads", "lab", "w",
              "{\"spec\":{\"environmentRef\":{\"name\":\"own\"}}}");
    CHECK(!hub_get(&hub, "environments", "lab", "two"),
          "it goes when its last user has moved, whoever asks for it");
    hub_end(&hub);
}

static const char pool[] =
    "apiVersion: axle.dev/v1alpha1\nkind: ComputePool\nmetadata: {name: gpu, namespace: "
    "lab}\nspec: {variant: Shared}\n";
static const char in_pool[] =
    "apiVersion: axle.dev/v1alpha1\nkind: AIWorkload\nmetadata: {name: w, namespace: lab}\n"
    "spec: {profileBundleRef: {name: cfg}, computePoolRef: {name: gpu}}\n";
#define INTO_POOL                                                                                  \
    "{\"metadata\":{\"labels\":{\"cluster.open-cluster-management.io/clusterset\":\"lab.gpu\"}}}"

static void hub_with_pool(struct hub *hub)
{
    hub_start(hub);
    must_apply(hub, base);
    must_apply(hub, definition);
    must_apply(hub, profile);
    must_apply(hub, bundle);
    must_apply(hub, pool);
    hub_patch(hub, "managedclusters", "", "s1", INTO_POOL);
    hub_patch(hub, "managedclusters", "", "s2", INTO_POOL);
    must_apply(hub, in_pool);
    run_everywhere(hub);
    CHECK_TEXT(hub_status(hub, "aiworkloads", "lab", "w", "phase"), "Running", "it runs");
    CHECK(*works(hub), "in the pool");
}

static void check_pool_waits(const char *propagation)
{
    struct hub hub = {0};
    const char *before;

    hub_with_pool(&hub);
    before = works(&hub);
    hub_delete_by(&hub, "computepools", "lab", "gpu", propagation);
    CHECK_TEXT(hub_says(&hub, "computepools", "lab", "gpu", "Ready"), "False InUse",
               "a pool waits");
    hub_delete(&hub, "environments", "lab", "gpu");
    CHECK_TEXT(hub_says(&hub, "environments", "lab", "gpu", "Ready"), "False InUse",
               "so does its Environment");
    CHECK_TEXT(works(&hub), before, "what runs stays");
    CHECK_TEXT(hub_status(&hub, "aiworkloads", "lab", "w", "phase"), "Running", "and is well");
    hub_delete(&hub, "aiworkloads", "lab", "w");
    hub_patch(&hub, "manifestworks", "s1", "lab.w-cfg", "{\"metadata\":{\"finalizers\":null}}");
    CHECK(hub_get(&hub, "computepools", "lab", "gpu") != NULL, "until the last spoke has let go");
    hub_patch(&hub, "manifestworks", "s2", "lab.w-cfg", "{\"metadata\":{\"finalizers\":null}}");
    CHECK(!hub_get(&hub, "aiworkloads", "lab", "w"), "the workload is gone");
    CHECK(!hub_get(&hub, "computepools", "lab", "gpu"), "and so is the pool");
    CHECK(!hub_get(&hub, "environments", "lab", "gpu"), "with its Environment");
    hub_end(&hub);
}

/* Of which something runs: it is deleted when that has gone, not before. */
static void check_project_goes(void)
{
    struct hub hub = {0};

    hub_with_pool(&hub);
    hub_delete(&hub, "projects", "", "lab");
    hub_patch(&hub, "manifestworks", "s1", "lab.w-cfg", "{\"metadata\":{\"finalizers\":null}}");
    hub_patch(&hub, "manifestworks", "s2", "lab.w-cfg", "{\"metadata\":{\"finalizers\":null}}");
    hub_settle(&hub);
    CHECK(!hub_get(&hub, "projects", "", "lab"), "a project takes all that is in it along");
    CHECK(!hub_get(&hub, "namespaces", "", "lab"), "and waits for no place");
    CHECK_TEXT(works(&hub), "", "that is meant to empty spokes");
    hub_end(&hub);
}

/* Of equal spokes the one that has it is chosen again, not the first. */
static void check_the_same_again(void)
{
    struct hub hub = {0};
    const char *before;

    hub_start(&hub);
    must_apply(&hub, base);
    must_apply(&hub, definition);
    must_apply(&hub, profile);
    must_apply(&hub, bundle);
    hub_patch(&hub, "managedclusters", "", "s1",
              "{\"spec\":{\"taints\":[{\"key\":\"a\",\"effect\":\"NoSelect\"}]}}");
    hub_patch(&hub, "managedclusters", "", "s2",
              "{\"spec\":{\"taints\":[{\"key\":\"a\",\"effect\":\"NoSelect\"}]}}");
    must_apply(
        &hub,
        "apiVersion: axle.dev/v1alpha1\nkind: Environment\nmetadata: {name: two, namespace: lab}\n"
        "spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global], "
        "numberOfClusters: 1}}}}\n");
    must_apply(&hub, workload);
    before = works(&hub);
    CHECK(strstr(before, "s3="), "it is on the third");
    hub_patch(&hub, "managedclusters", "", "s1", "{\"spec\":{\"taints\":null}}");
    hub_patch(&hub, "managedclusters", "", "s2", "{\"spec\":{\"taints\":null}}");
    hub_delete(&hub, "placementdecisions", "lab", "two-decision-1");
    CHECK_TEXT(works(&hub), before, "without its decision it is chosen again");
    hub_delete(&hub, "placements", "lab", "two");
    CHECK_TEXT(works(&hub), before, "without its Placement, too");
    hub_force_delete(&hub, "environments", "lab", "two");
    must_apply(
        &hub,
        "apiVersion: axle.dev/v1alpha1\nkind: Environment\nmetadata: {name: two, namespace: lab}\n"
        "spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global], "
        "numberOfClusters: 1}}}}\n");
    CHECK_TEXT(works(&hub), before, "and with its Environment made anew");
    hub_end(&hub);
}

/* Bindings and sets are how a project reaches spokes; that one is missing for a moment,
   or by mistake, is not that the project has lost the right. */
static void check_bindings_and_sets(void)
{
    struct hub hub = {0};
    struct err err = {0};
    const char *before;

    hub_with(&hub, workload);
    before = works(&hub);
    hub_delete(&hub, "managedclustersetbindings", "lab", "global");
    CHECK_TEXT(works(&hub), before, "a binding that is deleted is made again");
    CHECK(hub_get(&hub, "managedclustersetbindings", "lab", "global") != NULL, "at once");
    CHECK(strstr(hub_delete(&hub, "managedclustersets", "", "global"),
                 "the project \"lab\" places applications on it"),
          "a set that a project places on is not deleted");
    CHECK(!objects_remove(hub.objects, "test", hub_kind(&hub, "managedclustersets"), "", "global",
                          &err),
          "one that is all the same");
    hub_settle(&hub);
    CHECK_TEXT(works(&hub), before, "empties nothing");
    hub_stop(&hub);
    hub_start(&hub);
    CHECK_TEXT(works(&hub), before, "nor after a restart");
    hub_patch(&hub, "tenants", "", "acme", "{\"spec\":{\"clusterSets\":[]}}");
    CHECK_TEXT(works(&hub), "", "a right that is taken back is");
    hub_end(&hub);
}

static void check_pool_forced_away(void)
{
    struct hub hub = {0};
    struct err err = {0};
    const char *before;

    hub_with_pool(&hub);
    before = works(&hub);
    hub_must(objects_remove(hub.objects, "test", hub_kind(&hub, "managedclustersets"), "",
                            "lab.gpu", &err),
             &err);
    hub_settle(&hub);
    CHECK_TEXT(works(&hub), before, "a pool's set is made again");
    hub_delete(&hub, "managedclustersetbindings", "lab", "lab.gpu");
    CHECK_TEXT(works(&hub), before, "and its binding");
    hub_force_delete(&hub, "computepools", "lab", "gpu");
    hub_force_delete(&hub, "environments", "lab", "gpu");
    CHECK(!hub_get(&hub, "computepools", "lab", "gpu"), "the pool is gone");
    CHECK(!hub_get(&hub, "environments", "lab", "gpu"), "and its Environment");
    CHECK_TEXT(works(&hub), before, "what runs stays");
    hub_stop(&hub);
    hub_start(&hub);
    CHECK_TEXT(works(&hub), before, "over a restart");
    must_apply(&hub, pool);
    CHECK_TEXT(works(&hub), before, "made again it has its works again");
    CHECK_TEXT(hub_status(&hub, "aiworkloads", "lab", "w", "phase"), "Running", "and all is well");
    hub_patch(
        &hub, "managedclusters", "", "s1",
        "{\"metadata\":{\"labels\":{\"cluster.open-cluster-management.io/clusterset\":\"other\"}}}");
    CHECK(!strstr(works(&hub), "s1="), "a spoke that is taken out of the pool is meant");
    hub_end(&hub);
}

/* ---- What it is made from ------------------------------------------------------------------ */

static const char *content(struct hub *hub)
{
    const struct node *there = hub_get(hub, "workloaddeployments", "lab", "w-cfg");

    return node_get_text(node_at(there, "status", "artifact", NULL), "contentDigest");
}

static void check_variable_set(void)
{
    static const char set[] =
        "apiVersion: axle.dev/v1alpha1\nkind: VariableSet\nmetadata: {name: site, namespace: lab}\n"
        "spec: {variables: [{name: v, type: string, default: ours}]}\n";
    struct hub hub = {0};
    const char *before;

    hub_with(&hub, workload);
    before = content(&hub);
    must_apply(&hub, set);
    run_everywhere(&hub);
    CHECK(strcmp(content(&hub), before) != 0, "a VariableSet gives a value");
    must_apply(
        &hub,
        "apiVersion: axle.dev/v1alpha1\nkind: VariableSet\nmetadata: {name: idle, namespace: lab}\n"
        "spec: {variables: [{name: other, type: string, default: x}]}\n");
    before = content(&hub);
    hub_delete(&hub, "variablesets", "lab", "idle");
    CHECK_TEXT(hub_status(&hub, "aiworkloads", "lab", "w", "phase"), "Running",
               "one that gives nothing can go");
    hub_delete(&hub, "variablesets", "lab", "site");
    CHECK_TEXT(content(&hub), before, "without it nothing is made anew");
    CHECK_TEXT(hub_says(&hub, "aiworkloads", "lab", "w", "Rendered"), "False RenderFailed",
               "which is said");
    CHECK(
        strstr(node_get_text(hub_condition(&hub, "aiworkloads", "lab", "w", "Rendered"), "message"),
               "VariableSet \"site\" is deleted"),
        "with its name");
    hub_stop(&hub);
    hub_start(&hub);
    CHECK_TEXT(content(&hub), before, "nor after a restart");
    must_apply(&hub, set);
    CHECK_TEXT(content(&hub), before, "made again it is as before");
    CHECK_TEXT(hub_status(&hub, "aiworkloads", "lab", "w", "phase"), "Running", "and well");
    hub_delete(&hub, "variablesets", "lab", "site");
    hub_patch(&hub, "aiworkloads", "lab", "w", "{\"spec\":{\"variables\":{\"v\":\"mine\"}}}");
    CHECK(strcmp(content(&hub), before) != 0, "a value of one's own is the way out");
    run_everywhere(&hub);
    CHECK_TEXT(hub_status(&hub, "aiworkloads", "lab", "w", "phase"), "Running", "and all is well");
    hub_end(&hub);
}

static const char keyed[] =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: lab}\nstringData: {a: b}\n";

static void check_secret(const char *delivery)
{
    struct hub hub = {0};
    struct node *before;

    hub_start(&hub);
    must_apply(&hub, base);
    must_apply(&hub, keyed);
    must_apply(
        &hub,
        "apiVersion: axle.dev/v1alpha1\nkind: WorkloadProfile\nmetadata: {name: cfg, namespace: "
        "lab}\n"
        "spec: {components: [{name: c, type: worker, properties: {command: [a], "
        "env: [{name: A, valueFrom: {secretKeyRef: {name: key, key: a}}}]}}]}\n");
    must_apply(&hub, bundle);
    must_apply(
        &hub,
        arena_printf(
            hub.arena,
            "apiVersion: axle.dev/v1alpha1\nkind: Environment\nmetadata: {name: two, namespace: "
            "lab}\n"
            "spec: {delivery: %s, topology: {type: topology-ocm, properties: {placement: "
            "{clusterSets: [global]}}}}\n",
            delivery));
    must_apply(&hub, workload);
    run_everywhere(&hub);
    before = node_get(hub_get(&hub, "manifestworks", "s1", "lab.w-cfg"), "spec");
    CHECK(strstr(document_json(hub.arena, before), "\"key\""), "%s: the work has the Secret",
          delivery);
    hub_delete(&hub, "secrets", "lab", "key");
    CHECK(node_same(node_get(hub_get(&hub, "manifestworks", "s1", "lab.w-cfg"), "spec"), before),
          "%s: it keeps it when it is deleted", delivery);
    CHECK(
        strstr(node_get_text(hub_condition(&hub, "aiworkloads", "lab", "w", "Rendered"), "message"),
               "the Secret \"key\" is deleted"),
        "%s: and that is said", delivery);
    must_apply(&hub, keyed);
    CHECK(!strstr(
              node_get_text(hub_condition(&hub, "aiworkloads", "lab", "w", "Rendered"), "message"),
              "is gone"),
          "%s: until it is there again", delivery);
    hub_end(&hub);
}

int main(void)
{
    check_variable_set();
    check_secret("workload");
    check_secret("manifests");
    check_the_same_again();
    check_bindings_and_sets();
    check_pool_forced_away();
    check_environment_waits(NULL);
    check_environment_waits("Foreground");
    check_pool_waits(NULL);
    check_pool_waits("Foreground");
    check_project_goes();
    check_environment_forced_away();
    check_placement_of_ones_own();
    check_decisions();
    return check_done();
}
