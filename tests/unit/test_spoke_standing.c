/* SPDX-License-Identifier: Apache-2.0 */
/* Why a spoke's certificate is refused, in one word: it decides whether what runs ends. */
#include "auth_fixture.h"

#include "base/mem.h"
#include "sim/world.h"

#include <string.h>

#define PIN_A 0xaa
#define PIN_B 0xbb
#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define MANAGED "system:open-cluster-management:managed-clusters"
#define GROUP "cluster.open-cluster-management.io"
/* pki dates certificates back by this much. */
#define BACKDATED (300 * CLOCK_SECOND)

static char managed_group[] = MANAGED;
static char *managed[] = {managed_group};

static const char *word(struct place *place, const char *name, unsigned char pin, int64_t issued)
{
    char *common = arena_printf(place->arena, "system:open-cluster-management:%s:agent", name);
    struct pki_cert cert = {.common_name = common,
                            .organizations = managed,
                            .organization_count = 1,
                            .not_before = issued - BACKDATED,
                            .not_after = INT64_MAX};
    struct http_request request = {.peer = &cert, .arena = place->arena};

    memset(cert.pin, pin, sizeof cert.pin);
    return auth_refusal(place->auth, &request, place->arena) ?: "good";
}

/* The sentence with which such a certificate is refused; "": it is not. */
static const char *said(struct place *place, const char *name, unsigned char pin, int64_t issued)
{
    struct pki_cert cert = {
        .common_name = arena_printf(place->arena, "system:open-cluster-management:%s:agent", name),
        .organizations = managed,
        .organization_count = 1,
        .not_before = issued - BACKDATED,
        .not_after = INT64_MAX};
    struct http_request request = {.peer = &cert, .arena = place->arena, .remote = ""};
    struct auth_user *user;
    struct err err = {0};

    memset(cert.pin, pin, sizeof cert.pin);
    return auth_identify(place->auth, &request, place->arena, &user, &err) < 0
               ? arena_string(place->arena, err.text)
               : "";
}

static void make_cluster(struct place *place, const char *name, const char *more)
{
    apply(place,
          arena_printf(place->arena,
                       "{apiVersion: " GROUP
                       "/v1, kind: ManagedCluster, metadata: {name: %s, annotations: "
                       "{axle.dev/client-keys: '" KEY_A "'%s}}, spec: {hubAcceptsClient: true}}",
                       name, more));
}

static bool has_record(struct place *place, const char *name, const char *reason)
{
    scoped_object struct object *record =
        objects_get(place->objects, OBJECTS_PUBLISHED, kind_of(place, "", "configmaps"),
                    AUTH_RECORDS, arena_printf(place->arena, AUTH_RECORD "%s", name), NULL);

    return record && strstr(record->body, reason);
}

static void check_removed(struct place *place)
{
    int64_t before = clock_wall();

    make_cluster(place, "e1", "");
    CHECK_TEXT(word(place, "e1", PIN_A, before), "good", "a key of an accepted cluster");
    CHECK_TEXT(word(place, "e1", PIN_B, before), "unknown", "another key");
    loop_world_run(place->world, 5 * CLOCK_SECOND);
    forget(place, GROUP, "managedclusters", "", "e1");
    loop_world_run(place->world, 5 * CLOCK_SECOND);
    CHECK(has_record(place, "e1", "Removed"), "the hub keeps that it was removed");
    CHECK_TEXT(word(place, "e1", PIN_A, before), "removed", "its key, issued before");
    CHECK_TEXT(word(place, "e1", PIN_B, before), "unknown", "a key that never spoke for it");
    CHECK_TEXT(word(place, "e1", PIN_A, clock_wall() + CLOCK_SECOND), "unknown",
               "a certificate of a later life that this hub does not know: it was restored");
    CHECK_TEXT(word(place, "e2", PIN_A, before), "unknown", "a cluster that never was");
    make_cluster(place, "e1", "");
    CHECK_TEXT(word(place, "e1", PIN_A, before), "removed",
               "the certificate of an earlier life, while a new one is there");
    CHECK_TEXT(word(place, "e1", PIN_A, clock_wall()), "good", "the new life's own");
}

/* As the agent writes it. */
static void ask_to_leave(struct place *place, const char *name)
{
    static const char status[] =
        "{conditions: [{type: LeaveRequested, status: 'True', reason: AskedOnSpoke, message: '', "
        "lastTransitionTime: '2026-01-01T00:00:00Z'}]}";
    scoped_object struct object *object =
        objects_get(place->objects, OBJECTS_PUBLISHED, kind_of(place, GROUP, "managedclusters"), "",
                    name, NULL);
    struct err err = {0};
    struct node *node =
        document_read_yaml(place->arena, status, strlen(status), true, &document_limits_own, &err);

    must(object && node, &err);
    must(objects_set_status(place->objects, "test", object, node, NULL, &err) == 0, &err);
    settle(place);
}

static void check_reasons(struct place *place)
{
    int64_t before = clock_wall();

    loop_world_run(place->world, 5 * CLOCK_SECOND);
    make_cluster(place, "e3", ", axle.dev/lost: 'true'");
    CHECK_TEXT(word(place, "e3", PIN_A, clock_wall()), "good", "declared lost, yet not deleted");
    loop_world_run(place->world, 5 * CLOCK_SECOND);
    before = clock_wall();
    forget(place, GROUP, "managedclusters", "", "e3");
    CHECK_TEXT(word(place, "e3", PIN_A, before - CLOCK_SECOND), "lost",
               "deleted and declared lost");
    CHECK(has_record(place, "e3", "Lost"), "and the hub keeps that");

    make_cluster(place, "e4", "");
    before = clock_wall();
    loop_world_run(place->world, 5 * CLOCK_SECOND);
    ask_to_leave(place, "e4");
    loop_world_run(place->world, 5 * CLOCK_SECOND);
    CHECK_TEXT(word(place, "e4", PIN_A, before), "left", "a spoke that asked to leave is let go");

    apply(place,
          "{apiVersion: " GROUP "/v1, kind: ManagedCluster, metadata: {name: e5, annotations: "
          "{axle.dev/client-keys: '" KEY_A "'}}, spec: {hubAcceptsClient: false}}");
    CHECK_TEXT(word(place, "e5", PIN_A, clock_wall()), "not-accepted", "one that is not let in");
    CHECK_TEXT(word(place, "e5", PIN_B, clock_wall()), "unknown",
               "a stranger's key does not learn that it is there");
    forget(place, GROUP, "managedclusters", "", "e5");
}

/* What an administrator, or damage, may have put into a record ends nothing. */
static void check_records(struct place *place)
{
    static const struct {
        const char *data, *want, *sentence;
    } rows[] = {
        {"{}", "unknown", "an empty record"},
        {"{keys: '" KEY_A "'}", "unknown", "one without a time"},
        {"{keys: '" KEY_A "', removedAt: soon}", "unknown", "one whose time is none"},
        {"{removedAt: '2099-01-01T00:00:00Z'}", "unknown", "one without keys"},
        {"{keys: '" KEY_B "', removedAt: '2099-01-01T00:00:00Z'}", "unknown", "another key's"},
        {"{keys: '" KEY_A "', removedAt: '1990-01-01T00:00:00Z'}", "unknown", "one of before"},
        {"{keys: '" KEY_B "," KEY_A "', removedAt: '2099-01-01T00:00:00Z', reason: What}",
         "removed", "one of this key, for a reason that is none"},
        {"{keys: '" KEY_A "', removedAt: '2099-01-01T00:00:00Z', reason: Lost}", "lost",
         "one of a spoke that was lost"},
        {"{keys: '" KEY_A "', removedAt: '2099-01-01T00:00:00Z', reason: Left}", "left",
         "one of a spoke that left"},
    };

    for (size_t i = 0; i < count_of(rows); i++) {
        const char *name = arena_printf(place->arena, "r%zu", i);

        apply(place, arena_printf(place->arena,
                                  "{apiVersion: v1, kind: ConfigMap, metadata: {name: " AUTH_RECORD
                                  "%s, namespace: " AUTH_RECORDS "}, data: %s}",
                                  name, rows[i].data));
        CHECK_TEXT(word(place, name, PIN_A, clock_wall()), rows[i].want, "%s", rows[i].sentence);
    }
}

/* ---- Sentences ------------------------------------------------------------------- */

#define AGAIN(name)                                                                                      \
    ": to let it join again, start it once with a new token (on the hub: axle token create --name " name \
    "; on the spoke: --token-file FILE or $AXLE_TOKEN)"

static void put_record(struct place *place, const char *name, const char *reason)
{
    apply(place, arena_printf(place->arena,
                              "{apiVersion: v1, kind: ConfigMap, metadata: {name: " AUTH_RECORD
                              "%s, namespace: " AUTH_RECORDS "}, data: {keys: '" KEY_A
                              "', removedAt: '2099-01-01T00:00:00Z', reason: %s}}",
                              name, reason));
}

static void check_sentences(struct place *place)
{
    int64_t now;

    loop_world_run(place->world, 5 * CLOCK_SECOND);
    now = clock_wall();
    make_cluster(place, "s1", "");
    CHECK_TEXT(said(place, "s1", PIN_A, now), "", "a spoke in good standing is let in");
    CHECK_TEXT(said(place, "s1", PIN_B, now),
               "the key of the certificate does not belong to cluster \"s1\"" AGAIN("s1"),
               "one with another key is told so");
    CHECK_TEXT(said(place, "s1", PIN_A, now - 3 * CLOCK_SECOND),
               "the certificate belongs to an earlier cluster \"s1\"" AGAIN("s1"),
               "one with a certificate of before as well");
    CHECK_TEXT(said(place, "s2", PIN_A, now), "cluster \"s2\" is not known to this hub" AGAIN("s2"),
               "and one that is unknown");
    put_record(place, "s2", "Removed");
    CHECK_TEXT(said(place, "s2", PIN_A, now),
               "cluster \"s2\" was removed from this hub at 2099-01-01T00:00:00Z" AGAIN("s2"),
               "a removed one is told when");
    put_record(place, "s2", "Lost");
    CHECK_TEXT(said(place, "s2", PIN_A, now),
               "cluster \"s2\" was declared lost at 2099-01-01T00:00:00Z" AGAIN("s2"),
               "a lost one too");
    put_record(place, "s2", "Left");
    CHECK_TEXT(said(place, "s2", PIN_A, now),
               "cluster \"s2\" has left this hub at 2099-01-01T00:00:00Z" AGAIN("s2"),
               "and one that left");
    apply(place,
          "{apiVersion: " GROUP "/v1, kind: ManagedCluster, metadata: {name: s3, annotations: "
          "{axle.dev/client-keys: '" KEY_A "'}}, spec: {hubAcceptsClient: false}}");
    CHECK_TEXT(said(place, "s3", PIN_A, now),
               "cluster \"s3\" is not accepted by this hub: its administrator sets "
               "spec.hubAcceptsClient of the ManagedCluster",
               "one that is not accepted is told who can do it");
}

/* Being deleted is no end yet, unless it was declared lost: then no agent shall go on. */
static void check_leaving(struct place *place)
{
    int64_t now = clock_wall();

    make_cluster(place, "s4",
                 ", axle.dev/lost: 'true'}, finalizers: [t.example/hold], labels: {a: b");
    make_cluster(place, "s5",
                 ", axle.dev/lost: 'no'}, finalizers: [t.example/hold], labels: {a: b");
    CHECK_TEXT(said(place, "s4", PIN_A, now), "", "a lost cluster that is not deleted is let in");
    forget(place, GROUP, "managedclusters", "", "s4");
    CHECK_TEXT(said(place, "s4", PIN_A, now),
               "cluster \"s4\" was declared lost and is being removed from this hub" AGAIN("s4"),
               "one in deletion is not");
    CHECK_TEXT(said(place, "s4", PIN_B, now),
               "the key of the certificate does not belong to cluster \"s4\"" AGAIN("s4"),
               "a key that is not its own does not learn of it");
    forget(place, GROUP, "managedclusters", "", "s5");
    CHECK(text_starts(said(place, "s5", PIN_A, now), "cluster \"s5\" is not accepted"),
          "one that is not lost is no longer accepted, which ends nothing");
}

/* A spoke has rights in the namespace of its name only if that is the cluster's. */
static void check_namespaces(struct place *place)
{
    int64_t now = clock_wall();

    apply(place, "{apiVersion: v1, kind: Namespace, metadata: {name: s6, labels: "
                 "{axle.dev/owner-kind: Project}}}\n---\n"
                 "{apiVersion: v1, kind: Namespace, metadata: {name: s7}}");
    make_cluster(place, "s6", "");
    make_cluster(place, "s7", "");
    CHECK_TEXT(said(place, "s6", PIN_A, now),
               "the namespace \"s6\" belongs to Project, so a cluster of that name has no rights "
               "here: join with another name",
               "a project had the name first");
    CHECK_TEXT(word(place, "s6", PIN_A, now), "unknown", "so the cluster is as good as unknown");
    CHECK_TEXT(said(place, "s7", PIN_A, now),
               "the namespace \"s7\" belongs to another owner, so a cluster of that name has no "
               "rights here: join with another name",
               "or somebody else had");
}

/* Only a spoke's certificate is refused for these reasons. */
static void check_others(struct place *place)
{
    char agent[] = "system:open-cluster-management:s9:agent", alice[] = "alice";
    struct pki_cert cert = {.common_name = agent, .not_after = INT64_MAX};
    struct http_request request = {.arena = place->arena};

    CHECK(!auth_refusal(place->auth, &request, place->arena), "no certificate");
    request.peer = &cert;
    CHECK(!auth_refusal(place->auth, &request, place->arena), "one without the group");
    cert.organizations = managed;
    cert.organization_count = 1;
    CHECK_TEXT(auth_refusal(place->auth, &request, place->arena), "unknown", "one with it");
    cert.common_name = alice;
    CHECK(!auth_refusal(place->auth, &request, place->arena), "one of a person in that group");
}

int main(void)
{
    struct auth_facts facts = {0};
    struct place place;

    place_open(&place, &facts);
    apply(&place, "{apiVersion: v1, kind: Namespace, metadata: {name: " AUTH_RECORDS "}}");
    check_removed(&place);
    check_reasons(&place);
    check_records(&place);
    check_sentences(&place);
    check_leaving(&place);
    check_namespaces(&place);
    check_others(&place);
    place_close(&place);
    return check_done();
}
