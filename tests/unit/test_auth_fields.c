/* SPDX-License-Identifier: Apache-2.0 */
/* A machine changes those fields of an object that are its own, and no others. */
#include "auth_fixture.h"

#define WORK "work.open-cluster-management.io"
#define OCM "cluster.open-cluster-management.io"
#define OWN_FINALIZER OCM "/manifest-work-cleanup"
#define HERE "edge-1"

static struct place place;

struct sent {
    const char *group, *plural, *name, *subresource;
    enum objects_patch patch;
    bool wide; /* its kind has no namespaces */
};

/* A patch as the spoke edge-1: "" or the refusal. */
static const char *patch_as_spoke(const struct sent *sent, const char *change)
{
    struct objects_result result = {.arena = place.arena};
    const struct auth_user *spoke = spoke_of(&place, HERE);
    struct err err = {0};
    struct objects_write write = {.who = {spoke->name, "agent", false, spoke},
                                  .kind = kind_of(&place, sent->group, sent->plural),
                                  .namespace = sent->wide ? "" : HERE,
                                  .name = sent->name,
                                  .subresource = sent->subresource,
                                  .patch = sent->patch,
                                  .force = true,
                                  .grace = -1,
                                  .body = document_read_yaml(place.arena, change, strlen(change),
                                                             true, &document_limits_own, &err)};
    int failed;

    must(write.body, &err);
    failed = objects_patch(place.objects, &write, &result, &err);
    object_drop(&result.object);
    settle(&place);
    return !failed ? "" : *err.text ? arena_string(place.arena, err.text) : "refused without words";
}

static const struct node *stored(const struct sent *sent)
{
    struct err err = {0};
    scoped_object struct object *object =
        objects_get(place.objects, OBJECTS_STAGED, kind_of(&place, sent->group, sent->plural), HERE,
                    sent->name, &err);

    must(object, &err);
    return object_read(place.arena, object);
}

/* ---- Changes ------------------------------------------------------------------- */

static const struct sent work = {WORK, "manifestworks", "w", NULL, OBJECTS_PATCH_MERGE};
static const struct sent status = {WORK, "manifestworks", "w", "status", OBJECTS_PATCH_MERGE};
static const struct sent cluster = {OCM, "managedclusters", HERE, NULL, OBJECTS_PATCH_MERGE, true};
static const struct sent cluster_status = {OCM,      "managedclusters",   HERE,
                                           "status", OBJECTS_PATCH_MERGE, true};
static const struct sent workload = {"axle.dev", "workloads", "x", NULL, OBJECTS_PATCH_MERGE};
static const struct sent workload_status = {"axle.dev", "workloads", "x", "status",
                                            OBJECTS_PATCH_MERGE};
static const struct sent lease = {"coordination.k8s.io", "leases", "l", NULL, OBJECTS_PATCH_MERGE};
static const struct sent event = {"", "events", "e", NULL, OBJECTS_PATCH_MERGE};

#define MAY_NOT(which, name, may, field)                                                           \
    which " \"" name "\" is forbidden: User \"system:open-cluster-management:" HERE                \
          ":agent\" may change " may ", and this write would change " field
#define WORK_MAY_NOT(field)                                                                        \
    MAY_NOT("manifestworks." WORK, "w", "its own finalizer (" OWN_FINALIZER ") only", field)
#define LEASE_MAY_NOT(field) MAY_NOT("leases.coordination.k8s.io", "l", "its spec only", field)

static const struct {
    const struct sent *sent;
    const char *change, *refusal;
} changes[] = {
    {&work, "{metadata: {finalizers: [t.example/hold, " OWN_FINALIZER "]}}", ""},
    {&work, "{metadata: {finalizers: [t.example/hold, t.example/more]}}",
     WORK_MAY_NOT("metadata.finalizers")},
    {&work, "{metadata: {finalizers: [" OWN_FINALIZER "]}}", WORK_MAY_NOT("metadata.finalizers")},
    {&work, "{metadata: {finalizers: null}}", WORK_MAY_NOT("metadata.finalizers")},
    {&work, "{metadata: {finalizers: [t.example/hold]}}", ""},
    {&work, "{metadata: {labels: {a: b}}}", WORK_MAY_NOT("metadata.labels")},
    {&work, "{metadata: {labels: {l: '2'}}}", WORK_MAY_NOT("metadata.labels")},
    {&work, "{metadata: {labels: null}}", WORK_MAY_NOT("metadata.labels")},
    {&work, "{metadata: {annotations: {a: b}}}", WORK_MAY_NOT("metadata.annotations")},
    {&work, "{spec: {deleteOption: {propagationPolicy: Orphan}}}", WORK_MAY_NOT("spec")},
    {&status, "{status: {conditions: []}}", ""},
    {&lease, "{spec: {holderIdentity: b}}", ""},
    {&lease, "{metadata: {annotations: {axle.dev/instance: two}}}", ""},
    {&lease, "{metadata: {annotations: {axle.dev/instance: three}}}", ""},
    {&lease, "{metadata: {annotations: {axle.dev/instance: null}}}", ""},
    {&lease, "{metadata: {annotations: {a: c}}}", LEASE_MAY_NOT("metadata.annotations")},
    {&lease, "{metadata: {annotations: {b: c}}}", LEASE_MAY_NOT("metadata.annotations")},
    {&lease, "{metadata: {annotations: {a: null, axle.dev/instance: x}}}",
     LEASE_MAY_NOT("metadata.annotations")},
    {&lease, "{metadata: {annotations: null}}", LEASE_MAY_NOT("metadata.annotations")},
    {&lease, "{metadata: {labels: {a: b}}}", LEASE_MAY_NOT("metadata.labels")},
    {&lease, "{metadata: {finalizers: [" OWN_FINALIZER "]}}", LEASE_MAY_NOT("metadata.finalizers")},
    {&cluster_status, "{status: {conditions: []}}", ""},
    {&cluster, "{metadata: {labels: {a: b}}}",
     MAY_NOT("managedclusters." OCM, HERE, "no field of it", "metadata.labels")},
    {&cluster, "{spec: {hubAcceptsClient: true}}",
     MAY_NOT("managedclusters." OCM, HERE, "no field of it", "spec")},
    {&workload_status, "{status: {phase: Running}}", ""},
    {&workload, "{metadata: {labels: {a: b}}}",
     MAY_NOT("workloads.axle.dev", "x", "no field of it", "metadata.labels")},
    {&event, "{count: 2}", ""},
    {&event, "{metadata: {labels: {a: b}}}",
     MAY_NOT("events", "e", "no metadata of it", "metadata.labels")},
    {&event, "{metadata: {annotations: {axle.dev/instance: x}}}",
     MAY_NOT("events", "e", "no metadata of it", "metadata.annotations")},
};

static void check_changes(void)
{
    apply(&place,
          "{apiVersion: v1, kind: Namespace, metadata: {name: " HERE "}}\n---\n"
          "{apiVersion: " WORK "/v1, kind: ManifestWork, metadata: {name: w, namespace: " HERE ", "
          "labels: {l: '1'}, finalizers: [t.example/hold]}, "
          "spec: {workload: {manifests: []}}}\n---\n"
          "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: l, namespace: " HERE
          ", annotations: {a: b}}, spec: {holderIdentity: a, leaseDurationSeconds: 60}}\n---\n"
          "{apiVersion: " OCM "/v1, kind: ManagedCluster, metadata: {name: " HERE "}, spec: "
          "{hubAcceptsClient: false}}\n---\n"
          "{apiVersion: axle.dev/v1alpha1, kind: Workload, metadata: {name: x, namespace: " HERE
          "}, spec: {}}\n---\n"
          "{apiVersion: v1, kind: Event, metadata: {name: e, namespace: " HERE "}, count: 1, "
          "involvedObject: {namespace: " HERE "}}");
    for (size_t i = 0; i < count_of(changes); i++)
        CHECK_TEXT(patch_as_spoke(changes[i].sent, changes[i].change), changes[i].refusal, "%s %s",
                   changes[i].sent->plural, changes[i].change);
    CHECK_TEXT(node_get_text(node_get(stored(&lease), "spec"), "holderIdentity"), "b",
               "what is allowed is written");
    CHECK_INT(node_get_int(stored(&event), "count", 0), 2, "of an Event too");
}

/* By a false account of managers a spoke could keep fields that the hub means to remove. */
static void check_managers(void)
{
    static const char forged[] =
        "{count: 3, metadata: {managedFields: [{manager: forged, operation: Update, apiVersion: "
        "v1, time: '2026-01-01T00:00:00Z', fieldsType: FieldsV1, fieldsV1: {'f:message': {}}}]}}";
    struct sent sent = status;
    const char *json;

    CHECK_TEXT(patch_as_spoke(&event, forged), "", "an account of managers may be sent");
    json = document_json(place.arena, node_at(stored(&event), "metadata", "managedFields", NULL));
    CHECK(!strstr(json, "forged") && strstr(json, "agent"), "but the hub keeps its own: %s", json);
    sent.patch = OBJECTS_PATCH_APPLY;
    CHECK_TEXT(patch_as_spoke(&sent, "{apiVersion: " WORK "/v1, kind: ManifestWork, metadata: "
                                     "{name: w}, status: {resourceStatus: {manifests: []}}}"),
               "", "a spoke applies the status of its work");
    json = document_json(place.arena, node_at(stored(&work), "metadata", "managedFields", NULL));
    CHECK(strstr(json, "\"manager\":\"agent\",\"operation\":\"Apply\""),
          "and is the manager of what it applied: %s", json);
}

/* ---- New objects ----------------------------------------------------------------- */

#define NEW_EVENT(more)                                                                            \
    "{apiVersion: v1, kind: Event, metadata: {name: fresh, namespace: " HERE more "}, "            \
    "involvedObject: {namespace: " HERE "}}"

static void check_new_objects(void)
{
    static const struct {
        const char *more, *field;
    } cases[] = {
        {NEW_EVENT(", finalizers: [t.example/hold]"), "finalizers"},
        {NEW_EVENT(", finalizers: [" OWN_FINALIZER "]"), "finalizers"},
        {NEW_EVENT(", ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: c, uid: u}]"),
         "ownerReferences"},
    };
    struct err err = {0};

    for (size_t i = 0; i < count_of(cases); i++) {
        err = (struct err){0};
        CHECK(create_as(&place, spoke_of(&place, HERE), cases[i].more, &err) < 0 &&
                  err.code == ERR_FORBIDDEN,
              "a machine's new object has no %s", cases[i].field);
        CHECK_TEXT(err.text,
                   arena_printf(place.arena,
                                "events \"fresh\" is forbidden: User "
                                "\"system:open-cluster-management:" HERE
                                ":agent\" may not set metadata.%s: leave it out",
                                cases[i].field),
                   "and the refusal says so");
    }
    err = (struct err){0};
    CHECK(create_as(&place, spoke_of(&place, HERE), NEW_EVENT(", labels: {a: b}"), &err) == 0,
          "labels it may have: %s", err.text);
    apply(&place, "{apiVersion: axle.dev/v1alpha1, kind: JoinToken, metadata: {name: t1}, spec: "
                  "{salt: a, hash: b, expiresAt: '2099-01-01T00:00:00Z'}}");
    err = (struct err){0};
    CHECK(create_as(&place, joiner(&place, "t1"),
                    "{apiVersion: " OCM "/v1, kind: ManagedCluster, metadata: {name: edge-7, "
                    "finalizers: [t.example/hold]}, spec: {}}",
                    &err) == 0,
          "what a joining cluster says beside its name is settled by its controller: %s", err.text);
    CHECK(create_as(&place, user_of(&place, "ann", NULL),
                    "{apiVersion: v1, kind: ConfigMap, metadata: {name: m, namespace: " HERE
                    ", finalizers: [t.example/hold]}}",
                    &err) == 0,
          "people are not held to this: %s", err.text);
}

int main(void)
{
    place_open(&place, NULL);
    check_changes();
    check_managers();
    check_new_objects();
    place_close(&place);
    return check_done();
}
