/* SPDX-License-Identifier: Apache-2.0 */
/* Aggregated roles gather each rule once; what a pool's spoke joins with is renewed in time. */
#include "auth_fixture.h"

static struct place place;

static struct node *read_of(const char *group, const char *plural, const char *namespace,
                            const char *name)
{
    scoped_object struct object *object = objects_get(
        place.objects, OBJECTS_STAGED, kind_of(&place, group, plural), namespace, name, NULL);

    return object ? object_read(place.arena, object) : NULL;
}

/* ---- Aggregated roles ------------------------------------------------------------- */

#define ROLE "apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole"
#define READ(plural) "{\"apiGroups\":[\"\"],\"resources\":[\"" plural "\"],\"verbs\":[\"get\"]}"

static const char *gathered(void)
{
    const struct node *role = read_of("rbac.authorization.k8s.io", "clusterroles", "", "all");

    return document_json(place.arena, node_get(role, "rules"));
}

static void check_aggregation(void)
{
    apply(&place,
          "{" ROLE ", metadata: {name: all, labels: {to: all}}, aggregationRule: "
          "{clusterRoleSelectors: [{matchLabels: {to: all}}, {matchLabels: {more: all}}]}}");
    CHECK_TEXT(gathered(), "[]", "an aggregated role has no rules of its own");
    apply(&place, "{" ROLE ", metadata: {name: a, labels: {to: all}}, rules: [" READ(
                      "pods") ", " READ("secrets") "]}");
    CHECK_TEXT(gathered(), "[" READ("pods") "," READ("secrets") "]",
               "it has those of the roles that it "
               "selects");
    apply(&place, "{" ROLE ", metadata: {name: b, labels: {to: all}}, rules: [" READ(
                      "secrets") ", " READ("configmaps") "]}");
    CHECK_TEXT(gathered(), "[" READ("pods") "," READ("secrets") "," READ("configmaps") "]",
               "a rule that two of them have is there once");
    apply(&place,
          "{" ROLE ", metadata: {name: c, labels: {more: all}}, rules: [" READ("nodes") "]}");
    CHECK_TEXT(gathered(),
               "[" READ("pods") "," READ("secrets") "," READ("configmaps") "," READ("nodes") "]",
               "each of its selectors selects");
    apply(&place,
          "{" ROLE ", metadata: {name: c, labels: {less: all}}, rules: [" READ("nodes") "]}");
    forget(&place, "rbac.authorization.k8s.io", "clusterroles", "", "a");
    CHECK_TEXT(gathered(), "[" READ("secrets") "," READ("configmaps") "]",
               "rules go with their role, but for those that another one has");
}

/* ---- The account of each namespace ----------------------------------------------------- */

static void check_accounts(void)
{
    apply(&place, "{apiVersion: v1, kind: Namespace, metadata: {name: plain}}");
    CHECK(read_of("", "serviceaccounts", "plain", "default"), "each namespace has an account");
    forget(&place, "", "serviceaccounts", "plain", "default");
    CHECK(read_of("", "serviceaccounts", "plain", "default"), "which is made again");
    apply(&place, "{apiVersion: v1, kind: ConfigMap, metadata: {namespace: plain, name: held, "
                  "finalizers: [x.example/held]}}");
    forget(&place, "", "namespaces", "", "plain");
    CHECK(read_of("", "namespaces", "", "plain") &&
              !read_of("", "serviceaccounts", "plain", "default"),
          "but not in a namespace that goes");
}

/* ---- Tokens of spokes that a pool expects --------------------------------------------- */

static const char *token_now(void)
{
    const struct node *cluster =
        read_of("cluster.open-cluster-management.io", "managedclusters", "", "late");
    const struct node *annotations = node_at(cluster, "metadata", "annotations", NULL);

    return arena_string(place.arena, node_get_text(annotations, "axle.dev/join-token"));
}

/* The Secret's token speaks of the JoinToken of this name. */
static bool secret_is_of(const char *token)
{
    const struct node *secret = read_of("", "secrets", "research", "ahead-late-join");
    scoped_text struct text plain = {0};
    const char *coded = node_get_text(node_get(secret, "data"), "token");

    return *coded && text_add_unbase64(&plain, coded, strlen(coded), false) &&
           strstr(text_string(&plain), arena_printf(place.arena, ".%s.", token));
}

static void check_lapsed(void)
{
    const int64_t day = INT64_C(86400) * CLOCK_SECOND;
    const char *first, *second;

    apply(&place,
          "{apiVersion: axle.dev/v1alpha1, kind: Tenant, metadata: {name: acme}, spec: {}}\n---\n"
          "{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: research}, spec: "
          "{tenant: acme}}");
    apply(&place, "{apiVersion: axle.dev/v1alpha1, kind: ComputePool, metadata: {name: ahead, "
                  "namespace: research}, spec: {spokes: [late]}}");
    first = token_now();
    CHECK(*first && secret_is_of(first), "a spoke that is expected has a token, in a Secret");
    loop_world_run(place.world, 30 * day - 2 * CLOCK_SECOND);
    CHECK_TEXT(token_now(), first, "for thirty days it is the same");
    CHECK(secret_is_of(first), "and so is the Secret");
    loop_world_run(place.world, 4 * CLOCK_SECOND);
    second = token_now();
    CHECK(*second && strcmp(first, second) != 0, "then there is another, without anybody's doing");
    CHECK(secret_is_of(second), "which the Secret holds");
    CHECK(!read_of("axle.dev", "jointokens", "", first), "the lapsed one is gone");
    CHECK(read_of("axle.dev", "jointokens", "", second) != NULL, "the other one is there");
    forget(&place, "", "secrets", "research", "ahead-late-join");
    CHECK(strcmp(second, token_now()) != 0 && secret_is_of(token_now()),
          "a token that nobody can read any more is replaced as well");
    CHECK(!read_of("axle.dev", "jointokens", "", second), "and removed");
}

/* ---- Spokes that were there before the pool named them --------------------------------- */

static const char *row_of(const char *spoke)
{
    const struct node *pool = read_of("axle.dev", "computepools", "research", "ahead");
    const struct node *list = node_at(pool, "status", "expected", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "name"), spoke))
            return document_json(place.arena, node_item(list, i));
    return "no row";
}

static void set_available(const char *cluster)
{
    static const char text[] = "{\"conditions\":[{\"type\":\"ManagedClusterConditionAvailable\","
                               "\"status\":\"True\",\"reason\":\"Test\",\"message\":\"\"}]}";
    scoped_object struct object *object =
        objects_get(place.objects, OBJECTS_STAGED,
                    kind_of(&place, "cluster.open-cluster-management.io", "managedclusters"), "",
                    cluster, NULL);
    struct err err = {0};
    struct node *status =
        document_read_json(place.arena, text, strlen(text), &document_limits_own, &err);

    must(objects_set_status(place.objects, "test", object, status, NULL, &err) == 0, &err);
    settle(&place);
}

#define CLUSTER(name, set)                                                                             \
    "{apiVersion: cluster.open-cluster-management.io/v1, kind: ManagedCluster, metadata: {name: " name \
    ", labels: {cluster.open-cluster-management.io/clusterset: " set                                   \
    "}}, spec: {hubAcceptsClient: true, taints: [{key: axle.dev/pending-join, effect: "                \
    "NoSelect}]}}"

static void check_there_before(void)
{
    const struct node *hand;

    apply(&place, CLUSTER("hand", "research.ahead"));
    apply(&place, CLUSTER("taken", "default"));
    apply(&place, "{apiVersion: axle.dev/v1alpha1, kind: ComputePool, metadata: {name: ahead, "
                  "namespace: research}, spec: {spokes: [late, hand, taken, Not.good]}}");
    CHECK_TEXT(row_of("hand"), "{\"name\":\"hand\",\"phase\":\"Joined\"}",
               "one that an administrator put into the pool's set is there");
    CHECK(strstr(row_of("taken"), "\"phase\":\"Failed\"") &&
              strstr(row_of("taken"), "is an existing spoke and is not this pool's") &&
              strstr(row_of("taken"), "\"reason\":\"NameTaken\""),
          "one of another set is not the pool's: %s", row_of("taken"));
    CHECK(strstr(row_of("Not.good"), "is not a valid name of a spoke"),
          "what is no name is said: %s", row_of("Not.good"));
    set_available("hand");
    CHECK_TEXT(row_of("hand"), "{\"name\":\"hand\",\"phase\":\"Available\"}",
               "and when it is available");
    hand = read_of("cluster.open-cluster-management.io", "managedclusters", "", "hand");
    CHECK(!node_at(hand, "metadata", "annotations", "axle.dev/join-token", NULL) &&
              !read_of("", "secrets", "research", "ahead-hand-join"),
          "it needs no token");
    CHECK(strstr(document_json(place.arena, node_get(hand, "spec")), "pending-join"),
          "and whose it is not, the pool does not touch");
}

int main(void)
{
    place_open(&place, NULL);
    check_aggregation();
    check_accounts();
    check_lapsed();
    check_there_before();
    place_close(&place);
    return check_done();
}
