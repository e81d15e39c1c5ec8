/* SPDX-License-Identifier: Apache-2.0 */
/* Checks rollouts through the hub's own controllers, with histories by chance. */
#include "base/clock.h"
#include "controllers/controllers.h"
#include "document/document.h"
#include "kinds/kinds.h"
#include "loop/loop.h"
#include "objects/objects.h"
#include "pki/pki.h"
#include "sim/disk.h"
#include "sim/world.h"
#include "store/store.h"

#include "check.h"

#include <stdlib.h>

#define MOST 6
#define WORK_NAME "mw.set"

/* ---- A hub, and spokes as far as it can see --------------------------------------------- */

struct spoke {
    char name[8];
    bool exists, silent, fails;
};

struct hub {
    struct loop_world *world;
    struct store_disk *disk;
    struct loop *loop;
    struct store *store;
    struct kinds *kinds;
    struct objects *objects;
    struct controllers *controllers;
    struct pki_authority *authority;
    struct arena *arena;
    struct spoke spokes[MOST];
    int content, window;
    const char *trouble;
};

static uint64_t chance_state;

static unsigned chance(unsigned below)
{
    chance_state ^= chance_state << 13;
    chance_state ^= chance_state >> 7;
    chance_state ^= chance_state << 17;
    return (unsigned)((chance_state * 0x2545f4914f6cdd1dull) >> 33) % below;
}

static void must(int result, const struct err *err)
{
    if (result < 0) {
        printf("Bail out! %s\n", err->text);
        exit(1);
    }
}

static void hub_open(struct hub *hub, unsigned seed)
{
    struct store_options options = {.vfs = "sim"};
    struct controllers_settings settings = {0};
    struct err err = {0};

    *hub = (struct hub){
        .arena = arena_new(), .disk = store_disk_new("sim"), .world = loop_world_new(seed)};
    hub->loop = loop_world_host(hub->world, "hub");
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
    arena_free(&hub->arena);
    loop_world_free(&hub->world);
    store_disk_free(&hub->disk);
}

static struct node *yaml(struct hub *hub, const char *text)
{
    struct err err = {0};
    struct node *node =
        document_read_yaml(hub->arena, text, strlen(text), true, &document_limits_own, &err);

    must(node ? 0 : -1, &err);
    return node;
}

static void apply(struct hub *hub, const char *text)
{
    struct err err = {0};

    must(objects_ensure(hub->objects, "kubectl", yaml(hub, text), NULL, &err), &err);
}

static const struct kind *kind_of(struct hub *hub, const char *plural)
{
    static const char *const groups[] = {"cluster.open-cluster-management.io",
                                         "work.open-cluster-management.io", ""};

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

static void remove_object(struct hub *hub, const char *plural, const char *namespace,
                          const char *name)
{
    scoped_object struct object *object = find(hub, plural, namespace, name);
    struct err err = {0};

    if (object)
        must(objects_remove(hub->objects, "kubectl", object->kind, namespace, name, &err), &err);
}

static void set_status(struct hub *hub, const struct object *object, const char *text)
{
    struct err err = {0};

    must(objects_set_status(hub->objects, "spoke", object, yaml(hub, text), NULL, &err), &err);
}

/* ---- What disturbs ------------------------------------------------------------------------ */

static void put_cluster(struct hub *hub, struct spoke *spoke)
{
    apply(
        hub,
        arena_printf(
            hub->arena,
            "{apiVersion: cluster.open-cluster-management.io/v1, kind: "
            "ManagedCluster, metadata: {name: %s, labels: {zone: z%u}}, spec: {hubAcceptsClient: true}}",
            spoke->name, chance(3)));
    spoke->exists = true;
}

/* The agent's own word; it has no lease that could run out within a history. */
static void say_silent(struct hub *hub, const struct spoke *spoke)
{
    scoped_object struct object *object = find(hub, "managedclusters", "", spoke->name);

    if (object)
        set_status(hub, object,
                   arena_printf(
                       hub->arena,
                       "{conditions: [{type: "
                       "ManagedClusterConditionAvailable, status: '%s', reason: Says, message: '', "
                       "lastTransitionTime: '2020-01-01T00:00:00Z'}]}",
                       spoke->silent ? "False" : "True"));
}

static void put_placement(struct hub *hub, int which)
{
    apply(
        hub,
        arena_printf(
            hub->arena,
            "{apiVersion: cluster.open-cluster-management.io/v1beta1, "
            "kind: Placement, metadata: {name: p%d, namespace: mw}, spec: {clusterSets: [global], "
            "tolerations: [{operator: Exists}], predicates: [{requiredClusterSelector: {labelSelector: "
            "{matchExpressions: [{key: zone, operator: In, values: [z%u, z%u]}]}}}], decisionStrategy: "
            "{groupStrategy: {clustersPerDecisionGroup: %u}}}}",
            which, chance(3), chance(3), 1 + chance(3)));
}

static const char *draw_strategy(struct hub *hub)
{
    static const char *const types[] = {"All", "Progressive", "ProgressivePerGroup"};
    static const char *const options[] = {"all", "progressive", "progressivePerGroup"};
    unsigned type = chance(3), window = 1 + chance(3);

    hub->window = type == 1 ? (int)window : MOST;
    return arena_printf(hub->arena,
                        "rolloutStrategy: {type: %s, %s: {%smaxFailures: %u, "
                        "progressDeadline: %s, minSuccessTime: %us}}",
                        types[type], options[type],
                        type == 1 ? arena_printf(hub->arena, "maxConcurrency: %u, ", window) : "",
                        chance(2), chance(2) ? "None" : "9s", chance(2) * 3);
}

static void put_set(struct hub *hub)
{
    static const char *const refs[] = {"{name: p1, %s}", "{name: p2, %s}",
                                       "{name: p1, %s}, {name: p2, rolloutStrategy: {type: All}}"};
    unsigned which = chance(3);
    const char *strategy = draw_strategy(hub);
    scoped_text struct text list = {0};

    text_add_bytes(&list, refs[which], (size_t)(strstr(refs[which], "%s") - refs[which]));
    text_add(&list, strategy);
    text_add(&list, strstr(refs[which], "%s") + 2);
    if (which == 2)
        hub->window = MOST;
    apply(
        hub,
        arena_printf(
            hub->arena,
            "{apiVersion: work.open-cluster-management.io/v1alpha1, "
            "kind: ManifestWorkReplicaSet, metadata: {name: set, namespace: mw}, spec: {placementRefs: "
            "[%s], manifestWorkTemplate: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, "
            "metadata: {name: cm, namespace: default}, data: {a: '%d'}}]}}}}",
            text_string(&list), hub->content));
}

static void disturb(struct hub *hub)
{
    struct spoke *spoke = &hub->spokes[chance(MOST)];

    switch (chance(9)) {
    case 0:
        hub->content++;
        put_set(hub);
        break;
    case 1:
        put_set(hub);
        break;
    case 2:
        put_placement(hub, 1 + (int)chance(2));
        break;
    case 3:
        remove_object(hub, "placements", "mw", chance(2) ? "p1" : "p2");
        break;
    case 4:
    case 5:
        spoke->silent = !spoke->silent && !chance(2);
        say_silent(hub, spoke);
        break;
    case 6:
        spoke->fails = !spoke->fails;
        break;
    case 7:
        if (!spoke->exists || get(hub, "managedclusters", "", spoke->name))
            put_cluster(hub, spoke);
        say_silent(hub, spoke);
        break;
    default:
        remove_object(hub, "managedclusters", "", spoke->name);
        spoke->exists = false;
    }
}

/* ---- What spokes do -------------------------------------------------------------------------- */

static int64_t generation_of(const struct node *work)
{
    return node_get_int(node_get(work, "metadata"), "generation", 0);
}

static const struct node *condition(const struct node *object, const char *type)
{
    const struct node *list = node_at(object, "status", "conditions", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "type"), type))
            return node_item(list, i);
    return NULL;
}

static bool says(const struct node *work, const char *type, const char *status)
{
    const struct node *found = condition(work, type);

    return found && !strcmp(node_get_text(found, "status"), status) &&
           node_get_int(found, "observedGeneration", 0) == generation_of(work);
}

static void report(struct hub *hub, const struct object *object, const struct node *work, bool done,
                   bool failed)
{
    char now[CLOCK_TEXT];
    scoped_text struct text text = {0};
    const struct {
        const char *type;
        bool value;
    } all[] = {
        {"Applied", true},
        {"Available", done && !failed},
        {"Progressing", !done},
        {"Degraded", failed},
    };

    clock_format(clock_wall(), false, now);
    text_add(&text, "{conditions: [");
    for (size_t i = 0; i < count_of(all); i++)
        text_addf(&text,
                  "{type: %s, status: '%s', reason: Says, message: '', observedGeneration: "
                  "%lld, lastTransitionTime: '%s'},",
                  all[i].type, all[i].value ? "True" : "False", (long long)generation_of(work),
                  now);
    text_add(&text, "]}");
    set_status(hub, object, text_string(&text));
}

/* The next thing that this spoke does; false: nothing is left to do. */
static bool react(struct hub *hub, const struct spoke *spoke)
{
    scoped_object struct object *object = find(hub, "manifestworks", spoke->name, WORK_NAME);
    const struct node *work;
    struct err err = {0};

    if (!object || spoke->silent)
        return false;
    work = object_read(hub->arena, object);
    if (object->deleting)
        must(objects_set_finalizer(hub->objects, "spoke", object,
                                   "cluster.open-cluster-management.io/manifest-work-cleanup",
                                   false, &err),
             &err);
    else if (!says(work, "Applied", "True"))
        report(hub, object, work, false, false);
    else if (spoke->fails ? says(work, "Degraded", "True") : says(work, "Available", "True"))
        return false;
    else
        report(hub, object, work, true, spoke->fails);
    return true;
}

/* ---- What must hold -------------------------------------------------------------------------- */

static void demand(struct hub *hub, bool good, const char *what)
{
    const struct node *set = get(hub, "manifestworkreplicasets", "mw", "set");

    if (good || hub->trouble)
        return;
    hub->trouble = what;
    printf("# %s\n# refs %s\n# status %s\n", what,
           document_json(hub->arena, node_at(set, "spec", "placementRefs", NULL)),
           document_json(hub->arena, node_get(set, "status")));
    for (size_t i = 0; i < MOST; i++) {
        const struct node *work = get(hub, "manifestworks", hub->spokes[i].name, WORK_NAME);

        printf("# %s%s%s%s: %s\n", hub->spokes[i].name, hub->spokes[i].silent ? " silent" : "",
               hub->spokes[i].fails ? " fails" : "", hub->spokes[i].exists ? "" : " gone",
               work ? document_json(hub->arena, node_get(work, "status")) : "no work");
    }
}

static void check_status(struct hub *hub)
{
    const struct node *set = get(hub, "manifestworkreplicasets", "mw", "set");
    const struct node *rows = node_at(set, "status", "placementSummary", NULL);
    int64_t total = 0;

    for (size_t i = 0; i < node_count(rows); i++) {
        const struct node *sum = node_get(node_item(rows, i), "summary");
        int64_t desired = node_get_int(sum, "desiredTotal", 0);

        total += desired;
        demand(hub,
               node_get_int(sum, "updated", 0) <= desired &&
                   node_get_int(sum, "total", 0) <= desired,
               "more have it than should");
    }
    demand(hub,
           total <= MOST &&
               total == node_get_int(node_at(set, "status", "summary", NULL), "desiredTotal", 0),
           "a cluster counts twice");
}

/* At rest: each work is of the wanted version in a wanted place, or status says why. */
static void check_rest(struct hub *hub, bool healed)
{
    const struct node *set = get(hub, "manifestworkreplicasets", "mw", "set");
    bool rolled = !strcmp(node_get_text(condition(set, "PlacementRolledOut"), "status"), "True");
    const char *words = node_get_text(condition(set, "PlacementRolledOut"), "message");
    int64_t desired = node_get_int(node_at(set, "status", "summary", NULL), "desiredTotal", 0);
    int64_t there = 0;

    check_status(hub);
    demand(hub, rolled || strchr(words, ';') || !desired || strstr(words, "Placement"),
           "it is not done and says not why");
    if (!healed)
        return;
    demand(hub, rolled || !desired, "all is well, and it is not done");
    for (size_t i = 0; i < MOST; i++) {
        const struct node *work = get(hub, "manifestworks", hub->spokes[i].name, WORK_NAME);
        const struct node *manifest =
            node_item(node_at(work, "spec", "workload", "manifests", NULL), 0);

        there += work != NULL;
        demand(hub,
               !work || !strcmp(node_get_text(node_get(manifest, "data"), "a"),
                                arena_printf(hub->arena, "%d", hub->content)),
               "a version that nobody wants is left");
    }
    demand(hub, there == desired, "a work is left where nobody wants it");
}

static void settle(struct hub *hub, bool spokes_act)
{
    for (int quiet = 0, turn = 0; quiet < 3 && turn < 300; turn++) {
        bool moved = false;

        loop_world_run(hub->world, quiet ? 15 * CLOCK_SECOND : 10 * CLOCK_MS);
        for (size_t i = 0; i < MOST && spokes_act; i++)
            moved = react(hub, &hub->spokes[i]) || moved;
        quiet = moved ? 0 : quiet + 1;
        demand(hub, turn < 299, "it never comes to rest");
        check_status(hub);
    }
}

static void heal(struct hub *hub)
{
    for (size_t i = 0; i < MOST; i++) {
        hub->spokes[i].fails = hub->spokes[i].silent = false;
        say_silent(hub, &hub->spokes[i]);
    }
    for (int i = 1; i <= 2; i++)
        if (!get(hub, "placements", "mw", i == 1 ? "p1" : "p2"))
            put_placement(hub, i);
}

static bool run_history(unsigned seed)
{
    struct hub hub;
    bool good;

    hub_open(&hub, seed);
    chance_state = seed * 0x9e3779b97f4a7c15ull + 1;
    apply(&hub, "{apiVersion: v1, kind: Namespace, metadata: {name: mw}}");
    apply(
        &hub,
        "{apiVersion: cluster.open-cluster-management.io/v1beta2, kind: "
        "ManagedClusterSetBinding, metadata: {name: global, namespace: mw}, spec: {clusterSet: global}}");
    for (size_t i = 0; i < MOST; i++) {
        snprintf(hub.spokes[i].name, sizeof hub.spokes[i].name, "s%zu", i);
        put_cluster(&hub, &hub.spokes[i]);
        loop_world_run(hub.world, 10 * CLOCK_MS);
        say_silent(&hub, &hub.spokes[i]);
    }
    put_placement(&hub, 1);
    put_placement(&hub, 2);
    put_set(&hub);
    for (int turn = 0; turn < 25 && !hub.trouble; turn++) {
        if (!chance(2))
            disturb(&hub);
        loop_world_run(hub.world, chance(3) ? 10 * CLOCK_MS : 4 * CLOCK_SECOND);
        for (unsigned i = chance(4); i > 0; i--)
            react(&hub, &hub.spokes[chance(MOST)]);
        check_status(&hub);
    }
    settle(&hub, true);
    check_rest(&hub, false);
    heal(&hub);
    settle(&hub, true);
    check_rest(&hub, true);
    good = !hub.trouble;
    if (!good)
        printf("# SEED=%u\n", seed);
    hub_close(&hub);
    return good;
}

/* ROLLOUTS=N histories, or the one of SEED. */
int main(void)
{
    const char *count = getenv("ROLLOUTS"), *seed = getenv("SEED");
    unsigned most = count ? (unsigned)strtoul(count, NULL, 10) : getenv("DEEP") ? 3000 : 40;
    unsigned first = seed ? (unsigned)strtoul(seed, NULL, 10) : 1, bad = 0;

    if (seed)
        most = first;
    for (unsigned i = first; i <= most && bad < 2; i++)
        bad += !run_history(i);
    CHECK_INT(bad, 0, "%u histories end as they should", most - first + 1);
    return check_done();
}
