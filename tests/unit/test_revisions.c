/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that a revision means one content for ever, and is there as long as it is used. */
#include "hub_fixture.h"

#include "controllers/revision.h"

static const char base[] =
    "apiVersion: axle.dev/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec: {displayName: "
    "Acme, clusterSets: [global]}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: Project\nmetadata: {name: lab}\nspec: {tenant: "
    "acme}\n"
    "---\napiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\nmetadata: "
    "{name: s1}\nspec: {hubAcceptsClient: true}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: Environment\nmetadata: {name: all, namespace: lab}\n"
    "spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}\n";
static const char bundle[] =
    "apiVersion: axle.dev/v1alpha1\nkind: ProfileBundle\nmetadata: {name: cfg, namespace: lab}\n"
    "spec: {workloadProfileRefs: [{name: cfg}]}\n";

static void must_apply(struct hub *hub, const char *yaml)
{
    const char *why = hub_apply(hub, yaml);

    CHECK(!*why, "it is taken: %s", why);
}

static void apply_definition(struct hub *hub, const char *namespace, const char *word)
{
    must_apply(
        hub, arena_printf(
                 hub->arena,
                 "apiVersion: axle.dev/v1alpha1\nkind: ComponentDefinition\nmetadata: {name: conf, "
                 "namespace: %s}\n"
                 "spec:\n  template: |\n    apiVersion: v1\n    kind: ConfigMap\n    metadata:\n"
                 "      name: {{ .context.name }}\n    data: {v: \"{{ .properties.v }}\", d: %s}\n",
                 namespace, word));
}

static void apply_profile(struct hub *hub, const char *word)
{
    must_apply(
        hub, arena_printf(
                 hub->arena,
                 "apiVersion: axle.dev/v1alpha1\nkind: WorkloadProfile\nmetadata: {name: cfg, "
                 "namespace: lab}\n"
                 "spec:\n  type: Application\n  variables: [{name: v, type: string, default: %s}]\n"
                 "  components: [{name: c, type: conf, properties: {v: \"{{ .var.v }}\"}}]\n",
                 word));
}

static void apply_workload(struct hub *hub, const char *revision)
{
    must_apply(
        hub,
        arena_printf(
            hub->arena,
            "apiVersion: axle.dev/v1alpha1\nkind: AIWorkload\nmetadata: {name: w, namespace: lab}\n"
            "spec: {profileBundleRef: {name: cfg, revision: \"%s\"}, environmentRef: {name: all}}\n",
            revision));
}

static void hub_with(struct hub *hub)
{
    hub_start(hub);
    must_apply(hub, base);
    apply_definition(hub, "lab", "first");
    apply_profile(hub, "one");
    must_apply(hub, bundle);
    apply_workload(hub, "v1");
    hub_report(hub, "s1", "lab.w-cfg");
    CHECK_TEXT(hub_status(hub, "aiworkloads", "lab", "w", "phase"), "Running", "it runs");
}

static const char *digest(struct hub *hub)
{
    const struct node *there = hub_get(hub, "workloaddeployments", "lab", "w-cfg");

    return node_get_text(node_at(there, "status", "artifact", NULL), "contentDigest");
}

static const char *latest(struct hub *hub, const char *plural)
{
    return hub_status(hub, plural, "lab", "cfg", "latestRevision");
}

static bool has(struct hub *hub, const char *revision)
{
    return hub_get(hub, "definitionrevisions", "lab", revision) != NULL;
}

/* Something makes every controller look at it again. */
static void touch(struct hub *hub)
{
    static int count;

    hub_patch(
        hub, "workloaddeployments", "lab", "w-cfg",
        arena_printf(hub->arena, "{\"metadata\":{\"annotations\":{\"touched\":\"%d\"}}}", count++));
    hub_report(hub, "s1", "lab.w-cfg");
}

static void check_pinned(struct hub *hub, const char *before, const char *when)
{
    touch(hub);
    CHECK(!strcmp(digest(hub), before), "the pinned workload is what it was: %s", when);
    CHECK(!strcmp(hub_status(hub, "aiworkloads", "lab", "w", "phase"), "Running"),
          "and runs: %s (%s)", when, hub_status(hub, "aiworkloads", "lab", "w", "phase"));
}

/* ---- The story of a pin ------------------------------------------------------------------ */

static void check_deletes(struct hub *hub)
{
    const char *before = digest(hub);

    apply_profile(hub, "two");
    CHECK_TEXT(latest(hub, "profilebundles"), "v2", "a change is a new revision");
    check_pinned(hub, before, "with a newer one");
    hub_delete(hub, "workloadprofiles", "lab", "cfg");
    check_pinned(hub, before, "without its profile");
    hub_delete(hub, "profilebundles", "lab", "cfg");
    check_pinned(hub, before, "without its bundle");
    CHECK(
        strstr(node_get_text(hub_condition(hub, "aiworkloads", "lab", "w", "Resolved"), "message"),
               "is deleted"),
        "and that is said");
    hub_delete(hub, "componentdefinitions", "lab", "conf");
    check_pinned(hub, before, "without its definition");
    CHECK(has(hub, "pb-cfg-v1") && has(hub, "wp-cfg-v1") && has(hub, "cd-conf-v1"),
          "what it is made from is kept");
    CHECK(!has(hub, "pb-cfg-v2") && !has(hub, "wp-cfg-v2"), "and what nobody uses is not");
    hub_stop(hub);
    hub_start(hub);
    check_pinned(hub, before, "after a restart");
    apply_definition(hub, "lab", "other");
    apply_profile(hub, "OTHER");
    must_apply(hub, bundle);
    CHECK_TEXT(latest(hub, "workloadprofiles"), "v3", "made anew, numbers go on");
    CHECK_TEXT(latest(hub, "profilebundles"), "v3", "those of the bundle too");
    check_pinned(hub, before, "with others of the same names");
    apply_workload(hub, "");
    touch(hub);
    CHECK(strcmp(digest(hub), before) != 0, "not pinned any more, it is the newest");
    CHECK(!has(hub, "cd-conf-v1") || has(hub, "wp-cfg-v1"), "nothing is kept that nobody names");
    apply_workload(hub, "v2");
    CHECK_TEXT(hub_says(hub, "aiworkloads", "lab", "w", "Resolved"), "False RevisionNotFound",
               "what is gone is not something else");
}

/* The same files again give the same numbers; nothing restarts. */
static void check_same_again(void)
{
    struct hub hub = {0};
    const char *before, *work;

    hub_with(&hub);
    apply_workload(&hub, "");
    before = digest(&hub);
    work = hub_work_uid(&hub, "s1", "lab.w-cfg");
    for (int i = 0; i < 3; i++) {
        hub_delete(&hub, "profilebundles", "lab", "cfg");
        hub_delete(&hub, "workloadprofiles", "lab", "cfg");
        hub_delete(&hub, "componentdefinitions", "lab", "conf");
        CHECK_TEXT(digest(&hub), before, "deleted one after the other, it stays");
        apply_definition(&hub, "lab", "first");
        apply_profile(&hub, "one");
        must_apply(&hub, bundle);
        CHECK_TEXT(hub_status(&hub, "aiworkloads", "lab", "w", "phase"), "Running",
                   "applied again it runs, untouched");
        CHECK_TEXT(latest(&hub, "profilebundles"), "v1", "under the same number");
        CHECK_TEXT(digest(&hub), before, "with the same content");
        CHECK_TEXT(hub_work_uid(&hub, "s1", "lab.w-cfg"), work, "as the same work");
    }
    hub_end(&hub);
}

/* A definition that changes is a new revision of the profiles that use it, no more. */
static void check_definition_changes(void)
{
    struct hub hub = {0};
    const char *before;

    hub_with(&hub);
    before = digest(&hub);
    apply_definition(&hub, "lab", "second");
    CHECK_TEXT(latest(&hub, "workloadprofiles"), "v2", "a changed definition makes a revision");
    check_pinned(&hub, before, "with a changed definition");
    apply_workload(&hub, "");
    touch(&hub);
    CHECK(strcmp(digest(&hub), before) != 0, "what is not pinned follows");
    before = digest(&hub);
    hub_delete(&hub, "componentdefinitions", "lab", "conf");
    check_pinned(&hub, before, "not pinned, without its definition");
    CHECK(strstr(hub_status(&hub, "workloadprofiles", "lab", "cfg", "message"), "is deleted"),
          "the profile says what is gone");
    CHECK(
        strstr(node_get_text(hub_condition(&hub, "aiworkloads", "lab", "w", "Resolved"), "message"),
               "the ComponentDefinition \"conf\" is deleted"),
        "and so does the workload");
    apply_definition(&hub, "tenant-acme", "tenants");
    touch(&hub);
    CHECK(strcmp(digest(&hub), before) != 0, "its tenant's takes its place");
    before = digest(&hub);
    hub_delete(&hub, "componentdefinitions", "tenant-acme", "conf");
    CHECK(hub_get(&hub, "definitionrevisions", "tenant-acme", "cd-conf-v1") != NULL,
          "a tenant's definition is kept for its projects");
    check_pinned(&hub, before, "not pinned, without its tenant's definition");
    hub_stop(&hub);
    hub_start(&hub);
    check_pinned(&hub, before, "the same after a restart");
    hub_end(&hub);
}

/* A definition that comes to stand before a built-in one changes no old revision. */
static void check_built_in(void)
{
    struct hub hub = {0};
    const char *before;

    hub_start(&hub);
    must_apply(&hub, base);
    must_apply(
        &hub,
        "apiVersion: axle.dev/v1alpha1\nkind: WorkloadProfile\nmetadata: {name: cfg, namespace: "
        "lab}\n"
        "spec: {components: [{name: c, type: worker, properties: {command: [a]}}]}\n");
    must_apply(&hub, bundle);
    apply_workload(&hub, "v1");
    hub_report(&hub, "s1", "lab.w-cfg");
    before = digest(&hub);
    must_apply(&hub,
               "apiVersion: axle.dev/v1alpha1\nkind: ComponentDefinition\nmetadata: {name: worker, "
               "namespace: lab}\n"
               "spec: {template: \"apiVersion: v1\\nkind: ConfigMap\\nmetadata: {name: x}\\n\"}\n");
    CHECK_TEXT(latest(&hub, "profilebundles"), "v2", "it makes a new revision");
    check_pinned(&hub, before, "with a definition before the built-in one");
    apply_workload(&hub, "");
    touch(&hub);
    CHECK(strcmp(digest(&hub), before) != 0, "which is used by what is not pinned");
    hub_end(&hub);
}

/* ---- Names that come again with everything around them ----------------------------------- */

static void drop_project(struct hub *hub)
{
    hub_delete(hub, "projects", "", "lab");
    hub_patch(hub, "manifestworks", "s1", "lab.w-cfg", "{\"metadata\":{\"finalizers\":null}}");
    hub_settle(hub);
    CHECK(!hub_get(hub, "projects", "", "lab"), "the project is gone");
    CHECK(!hub_get(hub, "namespaces", "", "lab"), "with its namespace");
}

static void check_project_again(void)
{
    struct hub hub = {0};

    hub_with(&hub);
    drop_project(&hub);
    must_apply(&hub, base);
    apply_definition(&hub, "lab", "first");
    apply_profile(&hub, "OTHER");
    must_apply(&hub, bundle);
    CHECK_TEXT(latest(&hub, "profilebundles"), "v2", "numbers go on in a project made anew");
    apply_workload(&hub, "v1");
    CHECK_TEXT(hub_says(&hub, "aiworkloads", "lab", "w", "Resolved"), "False RevisionNotFound",
               "an old pin does not mean new content");
    hub_end(&hub);
}

/* Of a million names that are gone one number is left, and none comes again. */
static void check_folding(void)
{
    struct hub hub = {0};
    scoped_mem char *floor = NULL, *note = NULL;

    hub_with(&hub);
    for (int i = 1; i <= 1200; i++) {
        char *name = arena_printf(hub.arena, "revision lab/WorkloadProfile/gone-%d", i);
        char *text = arena_printf(hub.arena, "%d hash", i % 7 + 1);

        store_value_put(hub.store, name, text, strlen(text));
    }
    hub_stop(&hub);
    hub_start(&hub);
    hub_settle(&hub);
    floor = store_value_get(hub.store, "revision-floor lab", NULL);
    CHECK_TEXT(floor ? floor : "", "7", "the largest number stands for all");
    CHECK(!store_value_get(hub.store, "revision lab/WorkloadProfile/gone-5", NULL),
          "and they are forgotten");
    note = store_value_get(hub.store, "revision lab/WorkloadProfile/cfg", NULL);
    CHECK(note && !strncmp(note, "1 ", 2), "what is there is not");
    must_apply(
        &hub,
        "apiVersion: axle.dev/v1alpha1\nkind: WorkloadProfile\nmetadata: {name: gone-5, "
        "namespace: lab}\n"
        "spec: {type: Application, components: [{name: c, type: worker, properties: {command: "
        "[a]}}]}\n");
    CHECK_TEXT(hub_status(&hub, "workloadprofiles", "lab", "gone-5", "latestRevision"), "v8",
               "a name that is made again begins above it");
    hub_end(&hub);
}

/* ---- How much is kept -------------------------------------------------------------------- */

static void check_history(void)
{
    struct hub hub = {0};

    hub_with(&hub);
    for (int i = 2; i <= REVISIONS_KEPT + 5; i++)
        apply_profile(&hub, arena_printf(hub.arena, "w%d", i));
    CHECK_TEXT(latest(&hub, "workloadprofiles"), "v25", "after many changes");
    CHECK(has(&hub, "wp-cfg-v6") && has(&hub, "pb-cfg-v6"), "the newest twenty are there");
    CHECK(!has(&hub, "wp-cfg-v5") && !has(&hub, "pb-cfg-v5"), "older ones are not");
    CHECK(has(&hub, "wp-cfg-v1") && has(&hub, "pb-cfg-v1"), "but for the one that is pinned");
    check_pinned(&hub, digest(&hub), "with many newer ones");
    apply_workload(&hub, "");
    CHECK(!has(&hub, "wp-cfg-v1") && !has(&hub, "pb-cfg-v1"), "which goes with the pin");
    CHECK(*hub_patch(&hub, "definitionrevisions", "lab", "wp-cfg-v25",
                     "{\"spec\":{\"snapshot\":{\"type\":\"Model\"}}}"),
          "no content is changed");
    hub_end(&hub);
}

/* By hand: what is used stays, and what the object is now is made again. */
static void check_deleted_by_hand(void)
{
    struct hub hub = {0};
    const char *before;

    hub_with(&hub);
    before = digest(&hub);
    CHECK(strstr(hub_delete(&hub, "definitionrevisions", "lab", "pb-cfg-v1"), "is used"),
          "a pinned revision is not deleted");
    CHECK(strstr(hub_delete(&hub, "definitionrevisions", "lab", "cd-conf-v1"), "is used"),
          "nor what it names");
    hub_force_delete(&hub, "aiworkloads", "lab", "w");
    hub_patch(&hub, "manifestworks", "s1", "lab.w-cfg", "{\"metadata\":{\"finalizers\":null}}");
    CHECK(!*hub_delete(&hub, "definitionrevisions", "lab", "pb-cfg-v1"), "one that nobody uses is");
    CHECK(has(&hub, "pb-cfg-v1"), "and is made again, for that is what the bundle is");
    CHECK_TEXT(latest(&hub, "profilebundles"), "v1", "under its number");
    apply_workload(&hub, "v1");
    CHECK_TEXT(digest(&hub), before, "with its content");
    hub_end(&hub);
}

/* Of 0.1.0: owned by what it is of, and of no definitions. */
static void check_old_revisions(void)
{
    struct hub hub = {0};
    const struct node *profile;

    hub_with(&hub);
    profile = hub_get(&hub, "workloadprofiles", "lab", "cfg");
    hub_patch(
        &hub, "definitionrevisions", "lab", "wp-cfg-v1",
        arena_printf(hub.arena,
                     "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"axle.dev/v1alpha1\","
                     "\"kind\":\"WorkloadProfile\",\"name\":\"cfg\",\"uid\":\"%s\"}]}}",
                     meta_uid(profile)));
    hub_delete(&hub, "workloadprofiles", "lab", "cfg");
    CHECK(has(&hub, "wp-cfg-v1"), "it is not collected with its profile");
    hub_end(&hub);
}

/* ---- Anything, in any order -------------------------------------------------------------- */

static uint64_t random_state = 88172645463325252u;

static unsigned roll(unsigned sides)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state % sides);
}

static void do_anything(struct hub *hub)
{
    static const char *const words[] = {"one", "two", "three"};

    switch (roll(14)) {
    case 8:
        hub_delete(hub, "placements", "lab", "all");
        break;
    case 9:
        hub_delete(hub, "placementdecisions", "lab", "all-decision-1");
        break;
    case 10:
        hub_delete(hub, "managedclustersetbindings", "lab", "global");
        break;
    case 11:
        hub_delete(hub, "definitionrevisions", "lab", "wp-cfg-v1");
        break;
    case 12:
        hub_delete_by(hub, "environments", "lab", "all", "Foreground");
        break;
    case 0:
        hub_delete(hub, "workloadprofiles", "lab", "cfg");
        break;
    case 1:
        hub_delete(hub, "profilebundles", "lab", "cfg");
        break;
    case 2:
        hub_delete(hub, "componentdefinitions", "lab", "conf");
        break;
    case 3:
        apply_profile(hub, words[roll(3)]);
        break;
    case 4:
        must_apply(hub, bundle);
        break;
    case 5:
        apply_definition(hub, "lab", words[roll(3)]);
        break;
    case 6:
        hub_force_delete(hub, "environments", "lab", "all");
        break;
    case 7:
        must_apply(hub, base);
        break;
    default:
        hub_stop(hub);
        hub_start(hub);
        break;
    }
}

/* What a number has meant once it means for ever; nothing leaves the spoke. */
static void check_anything(int steps)
{
    struct hub hub = {0};
    struct node *meant;
    const char *before, *work;

    hub_with(&hub);
    meant = node_map(hub.arena);
    before = digest(&hub);
    work = hub_work_uid(&hub, "s1", "lab.w-cfg");
    for (int i = 0; i < steps; i++) {
        struct node *all;
        struct reconcile_run run = {
            .all = hub.controllers, .objects = hub.objects, .arena = hub.arena};

        do_anything(&hub);
        touch(&hub);
        run.all = hub.controllers;
        run.objects = hub.objects;
        CHECK(!strcmp(digest(&hub), before), "step %d: the pinned content is what it was", i);
        CHECK(!strcmp(hub_work_uid(&hub, "s1", "lab.w-cfg"), work), "step %d: it is there", i);
        all = reconcile_list(&run, KIND_ID_REVISION, "lab", NULL, NULL);
        for (size_t k = 0; k < node_count(all); k++) {
            const struct node *one = node_item(all, k);
            const char *hash = node_get_text(node_get(one, "spec"), "hash");
            const char *old = node_get_text(meant, meta_name(one));

            CHECK(!*old || !strcmp(old, hash), "step %d: %s means one thing", i, meta_name(one));
            node_set_text(hub.arena, meant, meta_name(one), hash);
        }
    }
    hub_end(&hub);
}

int main(void)
{
    struct hub hub = {0};

    hub_with(&hub);
    check_deletes(&hub);
    hub_end(&hub);
    check_same_again();
    check_definition_changes();
    check_built_in();
    check_project_again();
    check_folding();
    check_history();
    check_deleted_by_hand();
    check_old_revisions();
    check_anything(getenv("DEEP") ? 2000 : 150);
    return check_done();
}
