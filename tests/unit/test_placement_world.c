/* SPDX-License-Identifier: Apache-2.0 */
/* Checks what placements know of the world, and what is written of a decision. */
#include "check.h"

#include "base/clock.h"
#include "placement/placement.h"

#include <stdlib.h>

#define NOW (1640995200 * CLOCK_SECOND) /* 2022-01-01T00:00:00Z */

static struct arena *arena;

static struct node *read_yaml(const char *text)
{
    struct err err = {0};
    struct node *node = document_read_yaml(arena, text, strlen(text), DOCUMENT_KEYS_ONCE,
                                           &document_limits_own, &err);

    if (!node) {
        printf("Bail out! %s in %s\n", err.text, text);
        exit(1);
    }
    return node;
}

static void put(struct placement_world *world, const char *kind, const char *yaml)
{
    CHECK(placement_world_put(world, kind, read_yaml(yaml)), "a %s is put", kind);
}

static struct placement_result decide(struct placement_world *world, const char *spec)
{
    struct node *placement =
        read_yaml(arena_printf(arena, "{metadata: {name: p, namespace: ns}, spec: {%s}}", spec));
    struct placement_result result;

    placement_decide(world, placement, NOW, arena, &result);
    return result;
}

/* "a=100 b=0 | 1 not": who is chosen, best first, and how many are not. */
static const char *chosen(struct placement_world *world, const char *spec)
{
    struct placement_result result = decide(world, spec);
    scoped_text struct text out = {0};

    for (size_t i = 0; i < result.chosen_count; i++)
        text_addf(&out, "%s=%lld ", result.chosen[i]->name, (long long)result.chosen[i]->total);
    text_addf(&out, "| %zu not%s%s", result.cluster_count - result.chosen_count,
              *result.message ? ": " : "", result.message);
    return arena_string(arena, text_string(&out));
}

#define SET_LABEL "cluster.open-cluster-management.io/clusterset"
#define BY_LABELS(labels)                                                                          \
    "clusterSelector: {selectorType: LabelSelector, labelSelector: {" labels "}}"

static void put_global(struct placement_world *world)
{
    put(world, "ManagedClusterSet", "{metadata: {name: global}, spec: {" BY_LABELS("") "}}");
    put(world, "ManagedClusterSetBinding", "{metadata: {name: global, namespace: ns}}");
}

/* ---- Objects come, change and go ---------------------------------------------- */

#define EXACT(what)                                                                                \
    "prioritizerPolicy: {mode: Exact, configurations: [{scoreCoordinate: {" what "}}]}"
#define BY_CPU EXACT("builtIn: ResourceAllocatableCPU")
#define BY_DEMO EXACT("type: AddOn, addOn: {resourceName: demo, scoreName: s}")

static void check_clusters(void)
{
    scoped_placement_world struct placement_world *world = placement_world_new();

    put_global(world);
    put(world, "ManagedCluster",
        "{metadata: {name: b}, status: {allocatable: {cpu: 2}, capacity: {cpu: 4}}}");
    put(world, "ManagedCluster",
        "{metadata: {name: a}, status: {allocatable: {cpu: 3}, capacity: {cpu: 4}}}");
    CHECK_TEXT(chosen(world, BY_CPU), "a=100 b=-100 | 0 not", "two clusters");
    put(world, "ManagedCluster",
        "{metadata: {name: b}, status: {allocatable: {cpu: 4}, capacity: {cpu: 4}}}");
    CHECK_TEXT(chosen(world, BY_CPU), "b=100 a=-100 | 0 not", "one that is put again is another");
    put(world, "ManagedCluster",
        "{metadata: {name: b, labels: {x: one}}, spec: {taints: [{key: x, effect: NoSelect}]}}");
    CHECK_TEXT(chosen(world, BY_CPU), "a=100 | 1 not", "its taints count");
    put(world, "ManagedCluster", "{metadata: {name: b}}");
    CHECK_TEXT(chosen(world, BY_CPU), "a=100 b=0 | 0 not", "until they are gone");
    put(world, "ManagedCluster",
        "{metadata: {name: c, labels: {" SET_LABEL ": t.pool}}, status: {clusterClaims: [{name: r, "
        "value: eu}]}}");
    CHECK_TEXT(chosen(world, ""), "a=100 b=100 | 1 not", "one of a pool is out of reach");
    put(world, "ManagedCluster", "{metadata: {name: c}}");
    CHECK_TEXT(chosen(world, ""), "a=100 b=100 c=100 | 0 not", "until it has left it");
    placement_world_remove(world, "ManagedCluster", "", "b");
    CHECK_TEXT(chosen(world, ""), "a=100 c=100 | 0 not", "a cluster is removed");
    placement_world_remove(world, "ManagedCluster", "", "b");
    placement_world_remove(world, "ManagedCluster", "", "never");
    CHECK_TEXT(chosen(world, ""), "a=100 c=100 | 0 not", "once");
    put(world, "ManagedCluster", "{metadata: {name: b}}");
    CHECK_TEXT(chosen(world, ""), "a=100 b=100 c=100 | 0 not", "and comes back in its place");
    placement_world_remove(world, "ManagedCluster", "", "a");
    placement_world_remove(world, "ManagedCluster", "", "c");
    CHECK_TEXT(chosen(world, ""), "b=100 | 0 not", "the first and the last are removed");
}

/* More resources than stand in the seat itself, and fewer again. */
static void check_resources(void)
{
    scoped_placement_world struct placement_world *world = placement_world_new();
    static const char many[] = "{metadata: {name: a}, status: {allocatable: {r1: 1, r2: 2, r3: 3, "
                               "r4: 4, r5: 5, r6: 6, r7: 7}, capacity: {r1: 1, r2: 2, r3: 3, r4: "
                               "4, r5: 5, r6: 6, r7: 7}}}";

    put_global(world);
    put(world, "ManagedCluster", "{metadata: {name: b}}");
    put(world, "ManagedCluster", many);
    CHECK_TEXT(chosen(world, EXACT("builtIn: ResourceAllocatabler7")), "a=100 b=0 | 0 not",
               "the seventh resource counts");
    CHECK_TEXT(chosen(world, EXACT("builtIn: ResourceAllocatabler1")), "a=100 b=0 | 0 not",
               "and the first");
    CHECK_TEXT(chosen(world, EXACT("builtIn: ResourceAllocatabler8")), "a=0 b=0 | 0 not",
               "and none else");
}

static void check_sets(void)
{
    scoped_placement_world struct placement_world *world = placement_world_new();

    put_global(world);
    put(world, "ManagedCluster", "{metadata: {name: a, labels: {x: one}}}");
    put(world, "ManagedCluster", "{metadata: {name: b}}");
    put(world, "ManagedClusterSet",
        "{metadata: {name: global}, spec: {" BY_LABELS("matchLabels: {x: one}") "}}");
    CHECK_TEXT(chosen(world, ""), "a=100 | 1 not", "a set that is put again is another");
    put(world, "ManagedClusterSetBinding",
        "{metadata: {name: global, namespace: ns}, spec: {clusterSet: other}}");
    CHECK_TEXT(chosen(world, ""), "| 2 not", "so is a binding");
    put(world, "ManagedClusterSetBinding", "{metadata: {name: global, namespace: ns}}");
    CHECK_TEXT(chosen(world, ""), "a=100 | 1 not", "by its own name, if it says no set");
    placement_world_remove(world, "ManagedClusterSetBinding", "other", "global");
    CHECK_TEXT(chosen(world, ""), "a=100 | 1 not", "a binding elsewhere is another one");
    placement_world_remove(world, "ManagedClusterSetBinding", "ns", "global");
    CHECK_TEXT(chosen(world, ""), "| 2 not", "a binding is removed");
    put(world, "ManagedClusterSetBinding", "{metadata: {name: global, namespace: ns}}");
    placement_world_remove(world, "ManagedClusterSet", "", "global");
    CHECK_TEXT(chosen(world, ""), "| 2 not", "a set is removed");
}

static void check_scores(void)
{
    scoped_placement_world struct placement_world *world = placement_world_new();

    put_global(world);
    put(world, "AddOnPlacementScore",
        "{metadata: {name: demo, namespace: b}, status: {scores: [{name: s, value: 5}]}}");
    put(world, "AddOnPlacementScore",
        "{metadata: {name: next, namespace: b}, status: {scores: [{name: s, value: 6}]}}");
    CHECK_TEXT(chosen(world, BY_DEMO), "| 0 not", "a score makes no cluster");
    put(world, "ManagedCluster", "{metadata: {name: a}}");
    put(world, "ManagedCluster", "{metadata: {name: b}}");
    CHECK_TEXT(chosen(world, BY_DEMO), "b=5 a=0 | 0 not", "but may come before it");
    put(world, "AddOnPlacementScore",
        "{metadata: {name: demo, namespace: b}, status: {scores: [{name: s, value: 7}]}}");
    CHECK_TEXT(chosen(world, BY_DEMO), "b=7 a=0 | 0 not", "one that is put again is another");
    placement_world_remove(world, "AddOnPlacementScore", "a", "demo");
    placement_world_remove(world, "AddOnPlacementScore", "never", "demo");
    placement_world_remove(world, "AddOnPlacementScore", "b", "next");
    CHECK_TEXT(chosen(world, BY_DEMO), "b=7 a=0 | 0 not", "others are removed");
    placement_world_remove(world, "AddOnPlacementScore", "b", "demo");
    CHECK_TEXT(chosen(world, BY_DEMO), "a=0 b=0 | 0 not", "it is removed");
    placement_world_remove(world, "AddOnPlacementScore", "b", "demo");
    put(world, "AddOnPlacementScore",
        "{metadata: {name: demo, namespace: a}, status: {validUntil: never, scores: [{name: s, "
        "value: 3}]}}");
    CHECK_TEXT(chosen(world, BY_DEMO), "a=3 b=0 | 0 not", "a time that is none is no end");
    put(world, "AddOnPlacementScore",
        "{metadata: {name: demo, namespace: a}, status: {scores: [{name: s}]}}");
    CHECK_TEXT(chosen(world, BY_DEMO), "a=0 b=0 | 0 not", "a score without a value is 0");
}

#define DECIDED(name, head, clusters)                                                              \
    "{metadata: {name: " name ", namespace: ns, " head "}, status: {decisions: [" clusters "]}}"
#define OF(placement) "labels: {cluster.open-cluster-management.io/placement: " placement "}"
#define OWNED(placement) "ownerReferences: [{kind: Placement, name: " placement "}]"

/* Balance of p: 100 where no other placement has chosen, -100 where most have. */
static void check_decisions(void)
{
    scoped_placement_world struct placement_world *world = placement_world_new();

    put_global(world);
    put(world, "ManagedCluster", "{metadata: {name: a}}");
    put(world, "ManagedCluster", "{metadata: {name: b}}");
    put(world, "PlacementDecision", DECIDED("q-1", OF("q"), "{clusterName: a}"));
    CHECK_TEXT(chosen(world, ""), "b=100 a=-100 | 0 not", "another's decision counts against a");
    put(world, "PlacementDecision", DECIDED("r-1", OF("r"), "{clusterName: a}, {clusterName: b}"));
    CHECK_TEXT(chosen(world, ""), "b=0 a=-100 | 0 not", "and so do all");
    put(world, "PlacementDecision", DECIDED("q-1", OF("q"), "{clusterName: b}"));
    CHECK_TEXT(chosen(world, ""), "a=0 b=-100 | 0 not", "one that is put again is another");
    put(world, "PlacementDecision", DECIDED("p-1", OF("p"), "{clusterName: b}"));
    CHECK_TEXT(chosen(world, ""), "a=0 b=0 | 0 not", "the own decision counts for whom it names");
    put(world, "PlacementDecision", DECIDED("p-2", OWNED("p") ", " OF("q"), "{clusterName: a}"));
    CHECK_TEXT(chosen(world, ""), "a=100 b=0 | 0 not", "the owner says whose it is, not the label");
    placement_world_remove(world, "PlacementDecision", "ns", "p-1");
    CHECK_TEXT(chosen(world, ""), "a=100 b=-100 | 0 not", "one of two is removed");
    placement_world_remove(world, "PlacementDecision", "ns", "p-2");
    placement_world_remove(world, "PlacementDecision", "ns", "p-2");
    placement_world_remove(world, "PlacementDecision", "other", "q-1");
    CHECK_TEXT(chosen(world, ""), "a=0 b=-100 | 0 not", "then the other");
    placement_world_remove(world, "PlacementDecision", "ns", "q-1");
    placement_world_remove(world, "PlacementDecision", "ns", "r-1");
    CHECK_TEXT(chosen(world, ""), "a=100 b=100 | 0 not", "at last nothing is counted");
}

/* The busiest is known by how many clusters are chosen how often: up to any number. */
static void check_busy_clusters(void)
{
    scoped_placement_world struct placement_world *world = placement_world_new();

    put_global(world);
    put(world, "ManagedCluster", "{metadata: {name: a}}");
    put(world, "ManagedCluster", "{metadata: {name: b}}");
    for (int i = 0; i < 40; i++)
        put(world, "PlacementDecision",
            arena_printf(arena,
                         "{metadata: {name: q%d, namespace: other}, status: {decisions: "
                         "[{clusterName: a}%s]}}",
                         i, i < 20 ? ", {clusterName: b}" : ""));
    CHECK_TEXT(chosen(world, ""), "b=0 a=-100 | 0 not", "40 times and 20 times");
    for (int i = 0; i < 30; i++)
        placement_world_remove(world, "PlacementDecision", "other", arena_printf(arena, "q%d", i));
    CHECK_TEXT(chosen(world, ""), "b=100 a=-100 | 0 not", "10 times and never");
    for (int i = 30; i < 40; i++)
        placement_world_remove(world, "PlacementDecision", "other", arena_printf(arena, "q%d", i));
    CHECK_TEXT(chosen(world, ""), "a=100 b=100 | 0 not", "neither");
}

static void check_refusals(void)
{
    scoped_placement_world struct placement_world *world = placement_world_new();

    CHECK(!placement_world_put(world, "Secret", read_yaml("{metadata: {name: a}}")),
          "another kind is not taken");
    CHECK(!placement_world_put(world, "ManagedCluster", read_yaml("{metadata: {}}")),
          "nor what has no name");
    CHECK_TEXT(chosen(world, ""), "| 0 not", "and leaves nothing");
}

/* Many clusters are sorted by counting, and as few are: by total, then by name. */
static void check_ranks(const char *values, long long least, long long most)
{
    scoped_placement_world struct placement_world *world = placement_world_new();
    struct placement_result result;
    size_t wrong = 0;

    put_global(world);
    for (int i = 0; i < 90; i++) {
        const char *name = arena_printf(arena, "c%02d", i * 7 % 90);
        long long value = i % 3 == 0 ? least : i % 3 == 1 ? most : 3;

        put(world, "ManagedCluster", arena_printf(arena, "{metadata: {name: %s}}", name));
        put(world, "AddOnPlacementScore",
            arena_printf(arena,
                         "{metadata: {name: demo, namespace: %s}, status: {scores: [{name: s, "
                         "value: %lld}]}}",
                         name, value));
    }
    result = decide(world, BY_DEMO);
    for (size_t i = 1; i < result.chosen_count; i++) {
        const struct placement_cluster *one = result.chosen[i - 1], *next = result.chosen[i];

        wrong += one->total < next->total ||
                 (one->total == next->total && strcmp(one->name, next->name) >= 0) ||
                 one->rank != i || next->rank != i + 1;
    }
    CHECK_INT(result.chosen_count, 90, "%s: all are chosen", values);
    CHECK_INT(wrong, 0, "%s: by total, then by name", values);
    CHECK_INT(result.chosen[0]->total, most, "%s: the best first", values);
    CHECK_INT(result.chosen[89]->total, least, "%s: the worst last", values);
}

/* ---- Within reach ----------------------------------------------------------------- */

static void put_pools(struct placement_world *world)
{
    put(world, "ManagedClusterSet",
        "{metadata: {name: t.one, labels: {axle.dev/pool: t.one}}, spec: {clusterSelector: "
        "{selectorType: ExclusiveClusterSetLabel}}}");
    put(world, "ManagedClusterSet",
        "{metadata: {name: t.gpu, labels: {axle.dev/pool: t.gpu}}, spec: {" BY_LABELS(
            "matchLabels: {gpu: h200}") "}}");
    put(world, "ManagedClusterSet", "{metadata: {name: lab}, spec: {clusterSelector: {}}}");
    put(world, "ManagedClusterSet",
        "{metadata: {name: bad}, spec: {clusterSelector: {selectorType: Near}}}");
    put(world, "ManagedClusterSet",
        "{metadata: {name: worse}, spec: {" BY_LABELS(
            "matchExpressions: [{key: x, operator: Near}]") "}}");
    put(world, "ManagedCluster",
        "{metadata: {name: a, labels: {" SET_LABEL ": t.one, gpu: h200}}}");
    put(world, "ManagedCluster", "{metadata: {name: b, labels: {" SET_LABEL ": lab, gpu: h200}}}");
    put(world, "ManagedCluster", "{metadata: {name: c, labels: {gpu: h200}}}");
    put(world, "ManagedCluster", "{metadata: {name: d, labels: {" SET_LABEL ": t.gpu}}}");
    put(world, "ManagedCluster", "{metadata: {name: e, labels: {" SET_LABEL ": bad}}}");
    put(world, "ManagedCluster", "{metadata: {name: f, labels: {" SET_LABEL ": worse}}}");
}

static const char *const pool_sets[] = {"global", "t.one", "t.gpu", "lab", "bad", "worse", "never"};

/* "global:3/6": how many members a namespace may have, and how many there are at all. */
static const char *members_for(struct placement_world *world, const char *namespace)
{
    scoped_text struct text out = {0};

    for (size_t i = 0; i < count_of(pool_sets); i++)
        text_addf(&out, "%s%s:%zu/%zu", i ? " " : "", pool_sets[i],
                  placement_count_members(world, namespace, pool_sets[i]).count,
                  placement_count_set(world, pool_sets[i]).count);
    return arena_string(arena, text_string(&out));
}

static void check_members(void)
{
    scoped_placement_world struct placement_world *world = placement_world_new();
    struct placement_result result;

    put_global(world);
    put_pools(world);
    CHECK_TEXT(members_for(world, "ns"),
               "global:4/6 t.one:0/1 t.gpu:2/3 lab:1/1 bad:0/0 worse:0/0 never:0/0",
               "global reaches whoever is no pool's");
    CHECK_TEXT(members_for(world, "other"),
               "global:0/6 t.one:0/1 t.gpu:0/3 lab:0/1 bad:0/0 worse:0/0 never:0/0",
               "without a binding nothing is within reach");
    put(world, "ManagedClusterSetBinding", "{metadata: {name: t.one, namespace: ns}}");
    put(world, "ManagedClusterSetBinding", "{metadata: {name: t.gpu, namespace: ns}}");
    CHECK_TEXT(members_for(world, "ns"),
               "global:6/6 t.one:1/1 t.gpu:4/3 lab:1/1 bad:0/0 worse:0/0 never:0/0",
               "a pool's own spokes are within reach where its set is bound");
    put(world, "ManagedClusterSetBinding", "{metadata: {name: lab, namespace: third}}");
    put(world, "ManagedClusterSetBinding", "{metadata: {name: bad, namespace: third}}");
    put(world, "ManagedClusterSetBinding", "{metadata: {name: worse, namespace: third}}");
    CHECK_TEXT(members_for(world, "third"),
               "global:1/6 t.one:0/1 t.gpu:1/3 lab:1/1 bad:0/0 worse:0/0 never:0/0",
               "a set that cannot be read gives nobody");
    placement_world_remove(world, "ManagedCluster", "", "c");
    CHECK(!placement_reach_has(placement_reach_read(world, "ns", arena), "c"),
          "a cluster that is gone is not within reach");
    CHECK(placement_reach_has(placement_reach_read(world, "ns", arena), "b"), "one that is, is");
    CHECK(!placement_reach_has(placement_reach_read(world, "ns", arena), "never"),
          "one that never was is not");
    result = decide(world, "clusterSets: [lab]");
    CHECK(result.clusters[0].within && result.clusters[0].why == PLACEMENT_NOT_IN_SETS,
          "who is within reach and in no set that is asked for is told apart");
}

/* ---- In words ----------------------------------------------------------------------- */

static void check_words(void)
{
    static const char *const names[] = {"Chosen",  "NotInClusterSets", "Leaving",   "NotMatched",
                                        "Tainted", "WouldSkew",        "RankedLow", "Undecided"};
    static const char *const sentences[] = {
        "chosen; rank 2 with score -5",
        "member of no cluster set that is bound to the namespace and asked for",
        "the cluster is being deleted",
        "no predicate matches",
        "taint DETAIL is not tolerated",
        "one more would break the spread over DETAIL; rank 2 with score -5",
        "numberOfClusters others rank higher; rank 2 with score -5",
        "the placement could not be decided: MESSAGE",
    };
    struct placement_result result = {.message = "MESSAGE"}, silent = {.message = ""};
    struct placement_cluster undecided = {.why = PLACEMENT_UNDECIDED, .detail = ""};
    scoped_text struct text plain = {0};

    for (size_t i = 0; i < count_of(names); i++) {
        bool ranked = strstr(sentences[i], "rank 2") != NULL;
        struct placement_cluster row = {
            .why = (enum placement_why)i, .detail = "DETAIL", .rank = ranked ? 2 : 0, .total = -5};
        scoped_text struct text out = {0};

        placement_explain(&result, &row, &out);
        CHECK_TEXT(text_string(&out), sentences[i], "%s in a sentence", names[i]);
        CHECK_TEXT(placement_why_name((enum placement_why)i), names[i], "%s in a word", names[i]);
    }
    placement_explain(&silent, &undecided, &plain);
    CHECK_TEXT(text_string(&plain), "the placement could not be decided", "without a message");
}

/* ---- What is written ---------------------------------------------------------------- */

static const char *as_json(const struct node *node)
{
    scoped_text struct text out = {0};

    document_write_json(&out, node);
    return arena_string(arena, text_string(&out));
}

static void check_decision_objects(void)
{
    scoped_placement_world struct placement_world *world = placement_world_new();
    struct node *placement = read_yaml(
        "{metadata: {name: p, namespace: ns, uid: u1}, spec: {decisionStrategy: {groupStrategy: "
        "{decisionGroups: [{groupName: g, groupClusterSelector: {labelSelector: {matchLabels: {x: "
        "one}}}}]}}, prioritizerPolicy: {mode: Exact, configurations: [{scoreCoordinate: {type: "
        "AddOn, addOn: {resourceName: demo, scoreName: s}}}]}}}");
    struct placement_result result;

    put_global(world);
    put(world, "ManagedCluster", "{metadata: {name: a}}");
    put(world, "ManagedCluster", "{metadata: {name: b, labels: {x: one}}}");
    put(world, "AddOnPlacementScore",
        "{metadata: {name: demo, namespace: b}, status: {scores: [{name: s, value: 5}]}}");
    placement_decide(world, placement, NOW, arena, &result);
    CHECK_TEXT(
        as_json(placement_decision_object(arena, placement, &result, 0)),
        "{\"apiVersion\":\"cluster.open-cluster-management.io/v1beta1\",\"kind\":\"PlacementDecision\",\"metadata\":{\"name\":\"p-decision-1\",\"namespace\":\"ns\",\"labels\":{\"cluster.open-cluster-management.io/placement\":\"p\",\"cluster.open-cluster-management.io/decision-group-index\":\"0\",\"cluster.open-cluster-management.io/decision-group-name\":\"g\"},\"ownerReferences\":[{\"apiVersion\":\"cluster.open-cluster-management.io/v1beta1\",\"kind\":\"Placement\",\"name\":\"p\",\"uid\":\"u1\",\"controller\":true,\"blockOwnerDeletion\":true}]},\"status\":{\"decisions\":[{\"clusterName\":\"b\",\"reason\":\"\",\"score\":5}]}}",
        "a decision in full");
    node_remove(node_get(placement, "metadata"), "uid");
    CHECK_TEXT(
        as_json(placement_decision_object(arena, placement, &result, 1)),
        "{\"apiVersion\":\"cluster.open-cluster-management.io/v1beta1\",\"kind\":\"PlacementDecision\",\"metadata\":{\"name\":\"p-decision-2\",\"namespace\":\"ns\",\"labels\":{\"cluster.open-cluster-management.io/placement\":\"p\",\"cluster.open-cluster-management.io/decision-group-index\":\"1\",\"cluster.open-cluster-management.io/decision-group-name\":\"\"}},\"status\":{\"decisions\":[{\"clusterName\":\"a\",\"reason\":\"\"}]}}",
        "one of a placement without a uid");
}

/* 230 clusters in groups of 150: no PlacementDecision has more than 100. */
static void check_large_groups(void)
{
    scoped_placement_world struct placement_world *world = placement_world_new();
    struct placement_result result;
    scoped_text struct text out = {0};

    put_global(world);
    for (int i = 0; i < 230; i++)
        put(world, "ManagedCluster", arena_printf(arena, "{metadata: {name: c%03d}}", i));
    result = decide(world, "decisionStrategy: {groupStrategy: {clustersPerDecisionGroup: 150}}");
    for (size_t i = 0; i < result.group_count; i++)
        text_addf(&out, "%zu in %zu from %zu; ", result.groups[i].count, result.groups[i].decisions,
                  result.groups[i].first);
    for (size_t i = 0; i < result.decision_count; i++)
        text_addf(&out, "%s/%zu: %zu from %s; ", result.decisions[i].name,
                  result.decisions[i].group, result.decisions[i].count,
                  result.decisions[i].clusters[0]->name);
    CHECK_TEXT(text_string(&out),
               "150 in 2 from 0; 80 in 1 from 2; p-decision-1/0: 100 from c000; p-decision-2/0: 50 "
               "from c100; p-decision-3/1: 80 from c150; ",
               "a decision for each hundred");
    result = decide(world, "numberOfClusters: 200");
    CHECK_INT(result.decision_count, 2, "two hundred are two of them");
}

static const struct {
    const char *name;
    struct placement_satisfied facts;
    const char *condition;
} satisfied_rows[] = {
    {"nothing is bound",
     {.wanted = 1, .set_count = 1, .available = 1, .feasible = 1},
     "False NoManagedClusterSetBindings: No valid ManagedClusterSetBindings found in placement "
     "namespace"},
    {"nothing of it is asked for",
     {.wanted = 2, .bindings = 1},
     "False NoIntersection: None of ManagedClusterSets [x,y] is bound to placement namespace"},
    {"the sets are empty",
     {.bindings = 2, .set_count = 2, .feasible = 1},
     "False AllManagedClusterSetsEmpty: All ManagedClusterSets [s,t] have no member ManagedCluster"},
    {"a plugin failed",
     {.bindings = 1, .set_count = 1, .available = 1, .failed = true},
     "False NotAllDecisionsScheduled: MESSAGE"},
    {"none matches",
     {.bindings = 1, .set_count = 1, .available = 1},
     "False NoManagedClusterMatched: No ManagedCluster matches any of the cluster predicate"},
    {"all are had",
     {.bindings = 1, .set_count = 1, .available = 1, .feasible = 1},
     "True AllDecisionsScheduled: All cluster decisions scheduled"},
    {"some are not",
     {.bindings = 1, .set_count = 1, .available = 1, .feasible = 1, .unscheduled = 3},
     "False NotAllDecisionsScheduled: 3 cluster decisions unscheduled"},
};

static void check_satisfied(void)
{
    const char *wanted[] = {"x", "y"}, *sets[] = {"s", "t"};

    for (size_t i = 0; i < count_of(satisfied_rows); i++) {
        struct placement_satisfied facts = satisfied_rows[i].facts;
        struct meta_condition condition;

        facts.sets_wanted = wanted;
        facts.sets = sets;
        facts.message = "MESSAGE";
        condition = placement_satisfied(arena, &facts);
        CHECK_TEXT(condition.type, "PlacementSatisfied", "%s: the type", satisfied_rows[i].name);
        CHECK_TEXT(
            arena_printf(arena, "%s %s: %s", condition.status, condition.reason, condition.message),
            satisfied_rows[i].condition, "%s", satisfied_rows[i].name);
    }
}

static const struct {
    const char *name, *status, *spec, *wanted;
} status_rows[] =
    {
        {"the first status", "null", "",
         "{\"numberOfSelectedClusters\":2,\"decisionGroups\":[{\"decisionGroupIndex\":0,\"decisionGroupName\":\"\",\"decisions\":[\"p-decision-1\"],\"clusterCount\":2}],\"conditions\":[{\"type\":\"PlacementMisconfigured\",\"status\":\"False\",\"reason\":\"Succeedconfigured\",\"message\":\"Placement configurations check pass\",\"observedGeneration\":3,\"lastTransitionTime\":\"2022-01-01T00:00:00Z\"},{\"type\":\"PlacementSatisfied\",\"status\":\"True\",\"reason\":\"AllDecisionsScheduled\",\"message\":\"All cluster decisions scheduled\",\"observedGeneration\":3,\"lastTransitionTime\":\"2022-01-01T00:00:00Z\"}]}"},
        {"a status that is none", "text", "clusterSets: [global, other], numberOfClusters: 4",
         "{\"numberOfSelectedClusters\":2,\"decisionGroups\":[{\"decisionGroupIndex\":0,\"decisionGroupName\":\"\",\"decisions\":[\"p-decision-1\"],\"clusterCount\":2}],\"conditions\":[{\"type\":\"PlacementMisconfigured\",\"status\":\"False\",\"reason\":\"Succeedconfigured\",\"message\":\"Placement configurations check pass\",\"observedGeneration\":3,\"lastTransitionTime\":\"2022-01-01T00:00:00Z\"},{\"type\":\"PlacementSatisfied\",\"status\":\"False\",\"reason\":\"NotAllDecisionsScheduled\",\"message\":\"2 cluster decisions unscheduled\",\"observedGeneration\":3,\"lastTransitionTime\":\"2022-01-01T00:00:00Z\"}]}"},
        {"one that says the same keeps its times",
         "{mine: kept, conditions: [{type: PlacementSatisfied, status: 'True', lastTransitionTime: "
         "'2020-01-01T00:00:00Z'}]}",
         "",
         "{\"mine\":\"kept\",\"conditions\":[{\"type\":\"PlacementSatisfied\",\"status\":\"True\",\"reason\":\"AllDecisionsScheduled\",\"message\":\"All cluster decisions scheduled\",\"observedGeneration\":3,\"lastTransitionTime\":\"2020-01-01T00:00:00Z\"},{\"type\":\"PlacementMisconfigured\",\"status\":\"False\",\"reason\":\"Succeedconfigured\",\"message\":\"Placement configurations check pass\",\"observedGeneration\":3,\"lastTransitionTime\":\"2022-01-01T00:00:00Z\"}],\"numberOfSelectedClusters\":2,\"decisionGroups\":[{\"decisionGroupIndex\":0,\"decisionGroupName\":\"\",\"decisions\":[\"p-decision-1\"],\"clusterCount\":2}]}"},
        {"sets that are not bound", "null", "clusterSets: [other, third]",
         "{\"numberOfSelectedClusters\":0,\"decisionGroups\":[{\"decisionGroupIndex\":0,\"decisionGroupName\":\"\",\"decisions\":[\"p-decision-1\"],\"clusterCount\":0}],\"conditions\":[{\"type\":\"PlacementMisconfigured\",\"status\":\"False\",\"reason\":\"Succeedconfigured\",\"message\":\"Placement configurations check pass\",\"observedGeneration\":3,\"lastTransitionTime\":\"2022-01-01T00:00:00Z\"},{\"type\":\"PlacementSatisfied\",\"status\":\"False\",\"reason\":\"NoIntersection\",\"message\":\"None of ManagedClusterSets [other,third] is bound to placement namespace\",\"observedGeneration\":3,\"lastTransitionTime\":\"2022-01-01T00:00:00Z\"}]}"},
        {"what is misconfigured", "null", "prioritizerPolicy: {mode: Near}",
         "{\"numberOfSelectedClusters\":0,\"decisionGroups\":[{\"decisionGroupIndex\":0,\"decisionGroupName\":\"\",\"decisions\":[\"p-decision-1\"],\"clusterCount\":0}],\"conditions\":[{\"type\":\"PlacementMisconfigured\",\"status\":\"True\",\"reason\":\"Misconfigured\",\"message\":\":incorrect prioritizer policy mode: Near\",\"observedGeneration\":3,\"lastTransitionTime\":\"2022-01-01T00:00:00Z\"},{\"type\":\"PlacementSatisfied\",\"status\":\"False\",\"reason\":\"NoManagedClusterMatched\",\"message\":\"No ManagedCluster matches any of the cluster predicate\",\"observedGeneration\":3,\"lastTransitionTime\":\"2022-01-01T00:00:00Z\"}]}"},
        {"what fails", "null", "clusterSets: [bad]", "{\"numberOfSelectedClusters\":0,\"decisionGroups\":[{\"decisionGroupIndex\":0,\"decisionGroupName\":\"\",\"decisions\":[\"p-decision-1\"],\"clusterCount\":0}],\"conditions\":[{\"type\":\"PlacementMisconfigured\",\"status\":\"False\",\"reason\":\"Succeedconfigured\",\"message\":\"Placement configurations check pass\",\"observedGeneration\":3,\"lastTransitionTime\":\"2022-01-01T00:00:00Z\"},{\"type\":\"PlacementSatisfied\",\"status\":\"False\",\"reason\":\"AllManagedClusterSetsEmpty\",\"message\":\"All ManagedClusterSets [bad] have no member ManagedCluster\",\"observedGeneration\":3,\"lastTransitionTime\":\"2022-01-01T00:00:00Z\"}]}"},
};

static void check_status(void)
{
    scoped_placement_world struct placement_world *world = placement_world_new();

    put_global(world);
    put(world, "ManagedClusterSet",
        "{metadata: {name: bad}, spec: {clusterSelector: {selectorType: Near}}}");
    put(world, "ManagedCluster", "{metadata: {name: a}}");
    put(world, "ManagedCluster", "{metadata: {name: b}}");
    for (size_t i = 0; i < count_of(status_rows); i++) {
        struct node *placement = read_yaml(arena_printf(
            arena, "{metadata: {name: p, namespace: ns, generation: 3}, spec: {%s}, status: %s}",
            status_rows[i].spec, status_rows[i].status));
        struct placement_result result;

        if (strstr(status_rows[i].spec, "bad"))
            put(world, "ManagedClusterSetBinding", "{metadata: {name: bad, namespace: ns}}");
        placement_decide(world, placement, NOW, arena, &result);
        CHECK_TEXT(as_json(placement_status(arena, placement, &result, NOW)), status_rows[i].wanted,
                   "%s", status_rows[i].name);
    }
}

int main(void)
{
    scoped_arena struct arena *whole = arena_new();

    arena = whole;
    check_clusters();
    check_resources();
    check_sets();
    check_scores();
    check_decisions();
    check_busy_clusters();
    check_refusals();
    check_ranks("values near each other", -7, 9);
    check_ranks("values far from each other", -70000, 90);
    check_ranks("values at the ends of all numbers", -4000000000000000000, 4000000000000000000);
    check_members();
    check_words();
    check_decision_objects();
    check_large_groups();
    check_satisfied();
    check_status();
    return check_done();
}
