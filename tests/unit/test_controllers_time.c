/* SPDX-License-Identifier: Apache-2.0 */
/* Checks what controllers do as time passes: what ends, what is kept, and what is said of it. */
#include "hub_fixture.h"

#include "auth/auth.h"

static void pass(struct hub *hub, int64_t seconds)
{
    loop_world_run(hub->world, seconds * CLOCK_SECOND);
}

/* ---- Works that end ------------------------------------------------------------------- */

static void complete(struct hub *hub, const char *work)
{
    scoped_object struct object *object = hub_find(hub, "manifestworks", "h", work);
    struct node *status = node_map(hub->arena), *one = node_map(hub->arena);
    char now[CLOCK_TEXT];
    struct err err = {0};

    clock_format(clock_wall(), false, now);
    node_set_text(hub->arena, one, "type", "Complete");
    node_set_text(hub->arena, one, "status", "True");
    node_set_text(hub->arena, one, "reason", "Done");
    node_set_text(hub->arena, one, "lastTransitionTime", now);
    node_add(hub->arena, node_make_list(hub->arena, status, "conditions"), one);
    hub_must(objects_set_status(hub->objects, "spoke", object, status, NULL, &err), &err);
    hub_settle(hub);
}

#define WORK(name, option)                                                                         \
    "{apiVersion: work.open-cluster-management.io/v1, kind: ManifestWork, metadata: {namespace: "  \
    "h, name: " name "}, spec: {deleteOption: {" option "}, workload: {manifests: [{apiVersion: "  \
    "v1, kind: ConfigMap, metadata: {name: c, namespace: d}}]}}}"

static void check_ttl(struct hub *hub)
{
    CHECK_TEXT(hub_apply(hub, WORK("brief", "ttlSecondsAfterFinished: 60")), "", "a brief work");
    CHECK_TEXT(hub_apply(hub, WORK("kept", "propagationPolicy: Foreground")), "", "another one");
    pass(hub, 120);
    CHECK(hub_get(hub, "manifestworks", "h", "brief"), "what is not complete stays");
    complete(hub, "brief");
    complete(hub, "kept");
    pass(hub, 58);
    CHECK(hub_get(hub, "manifestworks", "h", "brief"), "what is complete can be read for its time");
    pass(hub, 4);
    CHECK(!hub_get(hub, "manifestworks", "h", "brief"), "then it goes");
    CHECK(hub_get(hub, "manifestworks", "h", "kept"), "but not one that says no time");
}

/* ---- Namespaces that do not go ----------------------------------------------------------- */

static void check_remaining(struct hub *hub)
{
    static const char first[] = "{\"metadata\":{\"finalizers\":null}}";
    const char *since;

    hub_apply(hub, "{apiVersion: v1, kind: Namespace, metadata: {name: full}}");
    hub_apply(hub, "{apiVersion: v1, kind: ConfigMap, metadata: {namespace: full, name: a, "
                   "finalizers: [x.example/one, x.example/two]}}\n---\n{apiVersion: v1, kind: "
                   "ConfigMap, metadata: {namespace: full, name: b, finalizers: "
                   "[x.example/one]}}\n---\n{apiVersion: v1, kind: Secret, metadata: {namespace: "
                   "full, name: c, finalizers: [x.example/one]}}\n---\n{apiVersion: v1, kind: "
                   "Secret, metadata: {namespace: full, name: free}}");
    hub_delete(hub, "namespaces", "", "full");
    pass(hub, 1);
    CHECK_TEXT(hub_says(hub, "namespaces", "", "full", "NamespaceContentRemaining"),
               "True SomeResourcesRemain", "a namespace says that something is left in it");
    CHECK_TEXT(
        node_get_text(hub_condition(hub, "namespaces", "", "full", "NamespaceContentRemaining"),
                      "message"),
        "Some resources are remaining: configmaps. has 2 resource instances, secrets. has 1 "
        "resource instances",
        "what, and how many");
    CHECK_TEXT(hub_says(hub, "namespaces", "", "full", "NamespaceFinalizersRemaining"),
               "True SomeFinalizersRemain", "and by which finalizers");
    CHECK(strstr(node_get_text(
                     hub_condition(hub, "namespaces", "", "full", "NamespaceFinalizersRemaining"),
                     "message"),
                 "x.example/one in 3 resource instances"),
          "each is counted");
    CHECK(strstr(node_get_text(
                     hub_condition(hub, "namespaces", "", "full", "NamespaceFinalizersRemaining"),
                     "message"),
                 "x.example/two in 1 resource instances"),
          "the second too");
    since = arena_string(hub->arena, node_get_text(hub_condition(hub, "namespaces", "", "full",
                                                                 "NamespaceContentRemaining"),
                                                   "lastTransitionTime"));
    hub_patch(hub, "secrets", "full", "c", first);
    CHECK_TEXT(
        node_get_text(hub_condition(hub, "namespaces", "", "full", "NamespaceContentRemaining"),
                      "lastTransitionTime"),
        since, "it does not say so again at once");
    pass(hub, 6);
    hub_patch(hub, "configmaps", "full", "a", first);
    pass(hub, 1);
    CHECK_TEXT(
        node_get_text(hub_condition(hub, "namespaces", "", "full", "NamespaceContentRemaining"),
                      "message"),
        "Some resources are remaining: configmaps. has 1 resource instances",
        "but after some seconds");
    hub_patch(hub, "configmaps", "full", "b", first);
    pass(hub, 10);
    CHECK(!hub_get(hub, "namespaces", "", "full"), "with the last object it goes itself");
}

/* ---- Clusters that leave --------------------------------------------------------------------- */

#define CLUSTER(name, more)                                                                            \
    "{apiVersion: cluster.open-cluster-management.io/v1, kind: ManagedCluster, metadata: {name: " name \
        more "}, spec: {hubAcceptsClient: true}}"
#define KEYS ", annotations: {axle.dev/client-keys: abcd"

static const char *record_of(struct hub *hub, const char *cluster, const char *field)
{
    const struct node *record = hub_get(hub, "configmaps", AUTH_RECORDS,
                                        arena_printf(hub->arena, AUTH_RECORD "%s", cluster));

    return record ? node_get_text(node_get(record, "data"), field) : "no record";
}

static void ask_to_leave(struct hub *hub, const char *cluster)
{
    scoped_object struct object *object = hub_find(hub, "managedclusters", "", cluster);
    struct node *status = meta_copy_status(hub->arena, object_read(hub->arena, object));
    struct meta_condition leave = {META_CONDITION_LEAVE_REQUESTED, "True", "Test", "it goes"};
    struct err err = {0};

    meta_condition_set(hub->arena, status, meta_conditions(object_read(hub->arena, object)), &leave,
                       1, clock_wall());
    hub_must(objects_set_status(hub->objects, "spoke", object, status, NULL, &err), &err);
    hub_settle(hub);
}

/* As the hub itself: what only it may write is taken. */
static void apply_own(struct hub *hub, const char *yaml)
{
    struct err err = {0};
    struct node *all =
        document_read_all(hub->arena, yaml, strlen(yaml), &document_limits_own, &err);

    hub_must(all ? 0 : -1, &err);
    for (size_t i = 0; i < node_count(all); i++)
        hub_must(objects_ensure(hub->objects, "test", node_item(all, i), NULL, &err), &err);
    hub_settle(hub);
}

/* The record of a cluster that was removed so many days ago. */
static void put_record(struct hub *hub, const char *cluster, int days)
{
    char time[CLOCK_TEXT];

    clock_format(clock_wall() - days * (int64_t)86400 * CLOCK_SECOND, true, time);
    apply_own(hub, arena_printf(hub->arena,
                                "{apiVersion: v1, kind: ConfigMap, metadata: {namespace: "
                                "axle-system, name: " AUTH_RECORD
                                "%s, labels: {" META_LABEL_REMOVED_SPOKE
                                ": 'true'}}, data: {reason: Removed, removedAt: '%s'}}",
                                cluster, time));
}

static void check_records(struct hub *hub)
{
    hub_apply(hub, "{apiVersion: v1, kind: Namespace, metadata: {name: axle-system}}");
    apply_own(hub, CLUSTER("gone", KEYS "}"));
    apply_own(hub, CLUSTER("lost", KEYS ", axle.dev/lost: 'true'}"));
    apply_own(hub, CLUSTER("left", KEYS "}"));
    apply_own(hub, CLUSTER("never", ""));
    put_record(hub, "ancient", 401);
    put_record(hub, "former", 399);
    hub_delete(hub, "managedclusters", "", "gone");
    hub_delete(hub, "managedclusters", "", "lost");
    hub_delete(hub, "managedclusters", "", "never");
    ask_to_leave(hub, "left");
    pass(hub, 70);
    CHECK(!hub_get(hub, "managedclusters", "", "gone") &&
              !hub_get(hub, "managedclusters", "", "lost"),
          "clusters that are deleted are gone");
    CHECK(!hub_get(hub, "managedclusters", "", "left"), "and so is one that asked to leave");
    CHECK(!hub_get(hub, "namespaces", "", "gone"), "with its namespace");
    CHECK_TEXT(record_of(hub, "gone", "reason"), "Removed", "what it is told later is kept");
    CHECK_TEXT(record_of(hub, "gone", "keys"), "abcd", "with its keys");
    CHECK_TEXT(record_of(hub, "gone", "cluster"), "gone", "and its name");
    CHECK(*record_of(hub, "gone", "uid") && *record_of(hub, "gone", "removedAt"),
          "which one, and since when");
    CHECK_TEXT(record_of(hub, "lost", "reason"), "Lost", "of one that was lost");
    CHECK_TEXT(record_of(hub, "left", "reason"), "Left", "and of one that left");
    CHECK_TEXT(record_of(hub, "never", "reason"), "no record",
               "nothing of one that never had a certificate");
    CHECK_TEXT(record_of(hub, "ancient", "reason"), "no record", "after 400 days it goes");
    CHECK_TEXT(record_of(hub, "former", "reason"), "Removed", "and not before");
}

/* ---- Leases -----------------------------------------------------------------------------------
 */

static int64_t lease_seconds(struct hub *hub, const char *cluster)
{
    return node_get_int(node_get(hub_get(hub, "leases", cluster, META_LEASE_CLUSTER), "spec"),
                        "leaseDurationSeconds", 0);
}

static const char *former_of(struct hub *hub, const char *cluster)
{
    const char *text = meta_annotation(hub_get(hub, "leases", cluster, META_LEASE_CLUSTER),
                                       META_ANNOTATION_RENEWED_EVERY_BEFORE);

    return arena_bytes(hub->arena, text, strcspn(text, " "));
}

struct event_count {
    const char *words;
    size_t count;
};

static void count_event(void *arg, const struct object *object)
{
    struct event_count *events = arg;

    events->count +=
        memmem(object->body, object->len, events->words, strlen(events->words)) != NULL;
}

/* Events whose text has these words. */
static size_t count_events(struct hub *hub, const char *words)
{
    struct event_count events = {.words = words};

    objects_each(hub->objects, OBJECTS_PUBLISHED, hub_kind(hub, "events"), "", count_event,
                 &events);
    return events.count;
}

static void check_leases(struct hub *hub)
{
    hub_apply(hub, CLUSTER("rack", ""));
    CHECK_TEXT(hub_says(hub, "managedclusters", "", "rack", META_CONDITION_CLUSTER_ACCEPTED),
               "True HubClusterAdminAccepted", "a cluster says that it is accepted");
    CHECK(!node_get(
              hub_condition(hub, "managedclusters", "", "rack", META_CONDITION_CLUSTER_ACCEPTED),
              "observedGeneration"),
          "of whatever generation");
    CHECK_INT(count_events(hub, "\"HubClusterAdminAccepted\""), 1, "an event says so once");
    CHECK_INT(count_events(hub, "ReconcileFailed"), 0, "and nothing failed");
    CHECK_INT(lease_seconds(hub, "rack"), 60, "a lease is renewed each minute");
    hub_patch(hub, "managedclusters", "", "rack", "{\"spec\":{\"leaseDurationSeconds\":20}}");
    CHECK_INT(lease_seconds(hub, "rack"), 20, "or as the cluster says");
    CHECK_TEXT(former_of(hub, "rack"), "60", "and says how often it was until now");
    hub_patch(hub, "managedclusters", "", "rack", "{\"spec\":{\"leaseDurationSeconds\":40}}");
    CHECK_INT(lease_seconds(hub, "rack"), 40, "when that changes again");
    CHECK_TEXT(former_of(hub, "rack"), "60", "the longest still counts");
    hub_delete(hub, "managedclusters", "", "rack");
    pass(hub, 70);
}

/* ---- Events -------------------------------------------------------------------------------------
 */

static void make_event(struct hub *hub, const char *namespace, const char *name, int64_t at)
{
    char time[CLOCK_TEXT];
    struct err err = {0};
    struct node *event;
    char *text;

    clock_format(at, false, time);
    text = arena_printf(hub->arena,
                        "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{\"namespace\":"
                        "\"%s\",\"name\":\"%s\"},\"involvedObject\":{\"kind\":\"Namespace\","
                        "\"name\":\"h\",\"namespace\":\"%s\"},\"lastTimestamp\":\"%s\"}",
                        namespace, name, namespace, time);
    event = document_read_json(hub->arena, text, strlen(text), &document_limits_own, &err);
    hub_must(event ? objects_ensure(hub->objects, "test", event, NULL, &err) : -1, &err);
}

static void check_events(struct hub *hub)
{
    hub_apply(hub, "{apiVersion: v1, kind: Namespace, metadata: {name: quiet}}");
    make_event(hub, "h", "old", clock_wall() - 3000 * CLOCK_SECOND);
    make_event(hub, "h", "young", clock_wall());
    hub_settle(hub);
    pass(hub, 299);
    CHECK(hub_get(hub, "events", "h", "old"), "an event is kept for an hour");
    pass(hub, 610);
    CHECK(!hub_get(hub, "events", "h", "old"), "and then no longer");
    CHECK(hub_get(hub, "events", "h", "young"), "by when it happened");
    pass(hub, 3600);
    CHECK(!hub_get(hub, "events", "h", "young"), "each in its turn");
}

/* ---- Tokens
 * ---------------------------------------------------------------------------------------- */

static void put_token(struct hub *hub, const char *name, const char *more)
{
    char time[CLOCK_TEXT];

    clock_format(clock_wall() + 3600 * CLOCK_SECOND, false, time);
    apply_own(hub, arena_printf(hub->arena,
                                "{apiVersion: axle.dev/v1alpha1, kind: JoinToken, metadata: {name: "
                                "%s}, spec: {salt: x, hash: x, expiresAt: '%s'%s}}",
                                name, time, more));
}

static void check_tokens(struct hub *hub)
{
    put_token(hub, "once", "");
    put_token(hub, "twice", ", uses: 2");
    put_token(hub, "root", ", purpose: Administrator");
    CHECK_TEXT(hub_status(hub, "jointokens", "", "once", "phase"), "Active", "a token is active");
    CHECK_TEXT(hub_status(hub, "jointokens", "", "root", "phase"), "Active",
               "an administrator's too");
    apply_own(hub, CLUSTER("joined", ", annotations: {axle.dev/join-token: once}"));
    apply_own(hub, CLUSTER("second", ", annotations: {axle.dev/join-token: twice}"));
    CHECK_TEXT(hub_status(hub, "jointokens", "", "once", "phase"), "UsedUp",
               "until as many have joined with it as may");
    CHECK_TEXT(hub_status(hub, "jointokens", "", "twice", "phase"), "Active", "and not before");
    pass(hub, 3590);
    CHECK_TEXT(hub_status(hub, "jointokens", "", "twice", "phase"), "Active", "for its hour");
    pass(hub, 20);
    CHECK_TEXT(hub_status(hub, "jointokens", "", "twice", "phase"), "Expired", "then it has ended");
    CHECK_TEXT(hub_status(hub, "jointokens", "", "root", "phase"), "Expired", "whosever it is");
    CHECK_TEXT(hub_status(hub, "jointokens", "", "once", "phase"), "Expired", "used up or not");
}

/* ---- The hub's own figures
 * ------------------------------------------------------------------------- */

static void check_metrics(struct hub *hub)
{
    static const char *const names[] = {"axle_controller_runs_total",
                                        "axle_controller_failures_total"};
    scoped_text struct text out = {0};

    controllers_metrics(hub->controllers, &out);
    for (size_t i = 0; i < count_of(names); i++)
        CHECK(strstr(text_string(&out), names[i]), "%s is told: %s", names[i], text_string(&out));
}

int main(void)
{
    struct hub hub = {0};

    hub_start(&hub);
    hub_apply(&hub, "{apiVersion: v1, kind: Namespace, metadata: {name: h}}\n---\n"
                    "{apiVersion: v1, kind: Namespace, metadata: {name: default}}");
    check_ttl(&hub);
    check_remaining(&hub);
    check_leases(&hub);
    check_events(&hub);
    check_metrics(&hub);
    check_records(&hub);
    check_tokens(&hub);
    hub_end(&hub);
    return check_done();
}
