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

int main(void)
{
    struct auth_facts facts = {0};
    struct place place;

    place_open(&place, &facts);
    apply(&place, "{apiVersion: v1, kind: Namespace, metadata: {name: " AUTH_RECORDS "}}");
    check_removed(&place);
    check_reasons(&place);
    check_records(&place);
    place_close(&place);
    return check_done();
}
