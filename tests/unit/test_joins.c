/* SPDX-License-Identifier: Apache-2.0 */
/* A join costs the same whether few or many are there; who may ask how often (limit: 240). */
#include "auth_fixture.h"

#include "base/text.h"
#include "controllers/controller.h"
#include "controllers/joins.h"
#include "meta/meta.h"

#include <math.h>

static struct place place;
static struct pki_key *key; /* one machine's, many times: only names count here */

#define YAML(...) arena_printf(place.arena, __VA_ARGS__)

/* ---- Machines ------------------------------------------------------------------------- */

static const char sky[] =
    "apiVersion: axle.dev/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\n"
    "spec: {displayName: Acme}\n"
    "---\napiVersion: axle.dev/v1alpha1\nkind: Project\nmetadata: {name: sky}\n"
    "spec: {tenant: acme}\n";
static const char farm[] =
    "apiVersion: axle.dev/v1alpha1\nkind: ComputePool\nmetadata: {name: farm, namespace: sky}\n"
    "spec: {variant: Shared}\n";

/* Without the proof, which runs everything after each change. */
static void open_farm(int uses)
{
    place_open_with(&place, NULL, false);
    apply(&place, sky);
    apply(&place, farm);
    apply(&place, YAML("{apiVersion: axle.dev/v1alpha1, kind: JoinToken, metadata: {name: many}, "
                       "spec: {uses: %d, salt: aa, hash: bb, pool: sky/farm}}",
                       uses));
}

/* Asks for a certificate; 0, or -1 with the refusal. */
static int ask(const char *name, const char *cluster, struct err *err)
{
    const char *organizations[] = {YAML("system:open-cluster-management:%s", cluster),
                                   "system:open-cluster-management:managed-clusters"};
    struct pki_subject subject = {YAML("system:open-cluster-management:%s:agent", cluster),
                                  organizations, 2};
    scoped_text struct text pem = {0};
    scoped_text struct text base64 = {0};

    must(pki_request_write(key, &subject, &pem, err) == 0, err);
    text_add_base64(&base64, pem.bytes, pem.len, false);
    return create_as(
        &place, joiner(&place, "many"),
        YAML("{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, metadata: "
             "{name: %s, labels: {open-cluster-management.io/cluster-name: %s}}, spec: "
             "{signerName: kubernetes.io/kube-apiserver-client, request: %s, usages: [client "
             "auth]}}",
             name, cluster, text_string(&base64)),
        err);
}

static int join(size_t i, struct err *err)
{
    const char *cluster = YAML("m%04zu", i);

    if (create_as(&place, joiner(&place, "many"),
                  YAML("{apiVersion: cluster.open-cluster-management.io/v1, kind: ManagedCluster, "
                       "metadata: {name: %s}}",
                       cluster),
                  err) < 0)
        return -1;
    return ask(YAML("%s-1", cluster), cluster, err);
}

static const struct node *find_status(const char *group, const char *plural, const char *namespace,
                                      const char *name)
{
    scoped_object struct object *object = objects_get(
        place.objects, OBJECTS_PUBLISHED, kind_of(&place, group, plural), namespace, name, NULL);

    return object ? node_get(object_read(place.arena, object), "status") : NULL;
}

static int64_t figure(const char *group, const char *plural, const char *namespace,
                      const char *name, const char *field)
{
    return node_get_int(find_status(group, plural, namespace, name), field, -1);
}

/* ---- What N joins cost ------------------------------------------------------------------- */

struct cost {
    double parsed, walked, runs, writes;
};

static struct cost join_all(size_t count)
{
    const struct turn_counts *counts = &place.controllers->counts;
    struct turn_counts before = *counts;
    int64_t revision = objects_revision(place.objects);
    struct err err = {0};
    double n = (double)count;

    for (size_t i = 0; i < count; i++)
        must(join(i, &err) == 0, &err);
    loop_world_run(place.world, CLOCK_SECOND);
    return (struct cost){(double)(counts->parsed - before.parsed) / n,
                         (double)(counts->walked - before.walked) / n,
                         (double)(counts->runs - before.runs) / n,
                         (double)(objects_revision(place.objects) - revision) / n};
}

static struct cost measure_joins(size_t count)
{
    struct err err = {0};
    scoped_text struct text why = {0};
    struct cost ret;

    open_farm((int)count + 1);
    ret = join_all(count);
    printf("# %zu joins, each: %.1f objects parsed, %.1f rows walked, %.1f runs, %.1f writes\n",
           count, ret.parsed, ret.walked, ret.runs, ret.writes);
    CHECK_INT(figure("axle.dev", "computepools", "sky", "farm", "spokes"), count,
              "the pool counts them");
    CHECK_INT(figure("axle.dev", "jointokens", "", "many", "used"), count, "and the token");
    CHECK(joins_are_true(place.controllers, &why), "what is kept is what a recount gives: %s",
          text_string(&why));
    CHECK(join(count, &err) == 0, "the token lets %zu join, as many as it is for: %s", count + 1,
          err.text);
    CHECK(join(count + 1, &err) < 0 && strstr(err.text, "has been used"), "and no more: %s",
          err.text);
    place_close(&place);
    return ret;
}

/* What sums up few spokes runs at each join, and of many ten times a second: so a join among
   few is no measure of one among many, but a bound. */
static void check_costs(void)
{
    struct cost few = measure_joins(10), some = measure_joins(250), many = measure_joins(500);

    CHECK(fabs(many.parsed - some.parsed) <= some.parsed / 10,
          "of 500 joins each parses as many objects as of 250: %.1f, %.1f", many.parsed,
          some.parsed);
    CHECK(fabs(many.runs - some.runs) <= some.runs / 10, "and runs as many keys: %.1f, %.1f",
          many.runs, some.runs);
    CHECK(fabs(many.writes - some.writes) <= some.writes / 10, "and writes as much: %.1f, %.1f",
          many.writes, some.writes);
    CHECK(many.parsed <= few.parsed * 1.1, "and it is no more than of 10: %.1f", few.parsed);
    CHECK(many.runs <= few.runs * 1.1 && many.writes <= few.writes * 1.1, "in all of it");
}

/* ---- Who asks too often -------------------------------------------------------------------- */

static void check_hostile(void)
{
    struct err err = {0};
    size_t count = 0;

    open_farm(2);
    must(join(0, &err) == 0, &err);
    must(join(1, &err) == 0, &err);
    while (count < 1000 && ask(YAML("again-%zu", count), "m0000", &err) == 0)
        count++;
    CHECK(count == 99 && strstr(err.text, "exceeded quota") && strstr(err.text, "m0000"),
          "a machine that asks again and again is held up after %zu: %s", count, err.text);
    CHECK(ask("other", "m0001", &err) == 0, "another machine of the token is not: %s", err.text);
    place_close(&place);
}

int main(void)
{
    key = pki_key_new();
    check_hostile();
    check_costs();
    pki_key_free(&key);
    return check_done();
}
