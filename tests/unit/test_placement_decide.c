/* SPDX-License-Identifier: Apache-2.0 */
/* Checks decisions of Placements in whole: who is chosen, why others are not, in which groups. */
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

/* "- KIND: {object}", one after the other. */
static void put_all(struct placement_world *world, const char *text)
{
    const struct node *list = *text ? read_yaml(text) : NULL;

    for (size_t i = 0; i < node_count(list); i++)
        node_each(one, node_item(list, i))
            CHECK(placement_world_put(world, one->key, one->value), "a %s is put", one->key);
}

/* ---- A decision in one text ---------------------------------------------- */

/* "a=100(1,2)": total, and the scores of each prioritizer, "-" for none. */
static void add_cluster(struct text *out, const struct placement_result *result,
                        const struct placement_cluster *row)
{
    text_addf(out, " %s=%lld", row->name, (long long)row->total);
    for (size_t k = 0; k < result->prioritizer_count; k++)
        if (row->scores[k] == PLACEMENT_NO_SCORE)
            text_addf(out, "%s-", k ? "," : "(");
        else
            text_addf(out, "%s%lld", k ? "," : "(", (long long)row->scores[k]);
    text_add(out, result->prioritizer_count ? ")" : "");
}

/* Who is chosen, best first, and of the others the reason. */
static const char *show_choice(const struct placement_result *result)
{
    scoped_text struct text out = {0};

    text_add(&out, "chosen");
    for (size_t i = 0; i < result->chosen_count; i++)
        add_cluster(&out, result, result->chosen[i]);
    for (size_t i = 0; i < result->cluster_count; i++) {
        const struct placement_cluster *row = &result->clusters[i];

        if (row->why != PLACEMENT_CHOSEN)
            text_addf(&out, "; %s %s", row->name, placement_why_name(row->why));
        if (*row->detail)
            text_addf(&out, " %s", row->detail);
    }
    if (result->unscheduled)
        text_addf(&out, "; %zu more wanted", result->unscheduled);
    return arena_string(arena, text_string(&out));
}

/* The sets, and how many came through each filter. */
static const char *show_filters(const struct placement_result *result)
{
    scoped_text struct text out = {0};

    for (size_t i = 0; i < result->set_count; i++)
        text_addf(&out, "%s%s", i ? "," : "", result->sets[i]);
    text_addf(&out, " of %zu bound: %zu, %zu, %zu", result->bindings, result->available,
              result->matched, result->feasible);
    return arena_string(arena, text_string(&out));
}

/* "first: p-decision-1 a b; : p-decision-2 c". */
static const char *show_groups(const struct placement_result *result)
{
    scoped_text struct text out = {0};

    for (size_t i = 0; i < result->group_count; i++) {
        const struct placement_group *group = &result->groups[i];

        text_addf(&out, "%s%s(%zu):", i ? "; " : "", group->name, group->count);
        for (size_t k = 0; k < group->decisions; k++) {
            const struct placement_decision *decision = &result->decisions[group->first + k];

            text_addf(&out, " %s/%zu", decision->name, decision->group);
            for (size_t n = 0; n < decision->count; n++)
                text_addf(&out, " %s", decision->clusters[n]->name);
        }
    }
    return arena_string(arena, text_string(&out));
}

static const char *show_complaint(const struct placement_result *result)
{
    static const char *const outcomes[] = {"", "warned", "misconfigured", "failed"};

    return arena_printf(arena, "%s%s%s%s%s", outcomes[result->outcome],
                        *result->plugin ? " by " : "", result->plugin, *result->message ? ": " : "",
                        result->message);
}

static struct placement_result decide(struct placement_world *world, const char *spec)
{
    struct node *placement =
        read_yaml(arena_printf(arena, "{metadata: {name: p, namespace: ns}, spec: {%s}}", spec));
    struct placement_result result;

    placement_decide(world, placement, NOW, arena, &result);
    return result;
}

/* ---- Sets ----------------------------------------------------------------- */

#define BOUND(set) "- ManagedClusterSetBinding: {metadata: {name: " set ", namespace: ns}}\n"
#define GLOBAL                                                                                     \
    "- ManagedClusterSet: {metadata: {name: global}, spec: {clusterSelector: {selectorType: "      \
    "LabelSelector, labelSelector: {}}}}\n" BOUND("global")
#define IN_SET(name, set)                                                                          \
    "- ManagedCluster: {metadata: {name: " name                                                    \
    ", labels: {cluster.open-cluster-management.io/clusterset: " set "}}}\n"
#define SET(name, type)                                                                            \
    "- ManagedClusterSet: {metadata: {name: " name "}, spec: {clusterSelector: {selectorType: "    \
    "" type "}}}\n"

static const struct row {
    const char *name, *world, *spec;
    const char *chosen, *filters, *complaint;
} set_rows[] = {
    {"a namespace without a binding chooses nothing", IN_SET("a", "one") SET("one", ""), "",
     "chosen; a NotInClusterSets", " of 0 bound: 0, 0, 0", ""},
    {"a binding of a set that is not there does not count", IN_SET("a", "one") BOUND("one"), "",
     "chosen; a NotInClusterSets", " of 0 bound: 0, 0, 0", ""},
    {"a binding in another namespace does not count",
     IN_SET("a", "one")
         SET("one", "") "- ManagedClusterSetBinding: {metadata: {name: one, namespace: other}}\n",
     "", "chosen; a NotInClusterSets", " of 0 bound: 0, 0, 0", ""},
    {"sets are named in order, and members of each are taken",
     IN_SET("a", "two") IN_SET("b", "one") IN_SET("c", "three") SET("two", "") SET("one", "")
         BOUND("two") BOUND("one"),
     "", "chosen a=100(100,0) b=100(100,0); c NotInClusterSets", "one,two of 2 bound: 2, 2, 2", ""},
    {"only the sets that are asked for count",
     IN_SET("a", "two") IN_SET("b", "one") SET("two", "") SET("one", "") BOUND("two") BOUND("one"),
     "clusterSets: [one, three]", "chosen b=100(100,0); a NotInClusterSets",
     "one of 2 bound: 1, 1, 1", ""},
    {"a binding may have another name than its set",
     IN_SET("a", "one") SET(
         "one",
         "") "- ManagedClusterSetBinding: {metadata: {name: x, namespace: ns}, spec: {clusterSet: "
             "one}}\n",
     "", "chosen a=100(100,0)", "one of 1 bound: 1, 1, 1", ""},
    {"both names of the type by label are taken",
     IN_SET("a", "one") IN_SET("b", "two") SET("one", "ExclusiveClusterSetLabel")
         SET("two", "LegacyClusterSetLabel") BOUND("one") BOUND("two"),
     "", "chosen a=100(100,0) b=100(100,0)", "one,two of 2 bound: 2, 2, 2", ""},
    {"a set that selects by labels has whom they match",
     "- ManagedCluster: {metadata: {name: a, labels: {x: one}}}\n"
     "- ManagedCluster: {metadata: {name: b, labels: {x: two}}}\n"
     "- ManagedClusterSet: {metadata: {name: s}, spec: {clusterSelector: {selectorType: "
     "LabelSelector, labelSelector: {matchLabels: {x: one}}}}}\n" BOUND("s"),
     "", "chosen a=100(100,0); b NotInClusterSets", "s of 1 bound: 1, 1, 1", ""},
    {"a label that is no text puts a cluster into no set",
     "- ManagedCluster: {metadata: {name: a, labels: "
     "{cluster.open-cluster-management.io/clusterset: "
     "1}}}\n" SET("'1'", "") BOUND("'1'"),
     "", "chosen; a NotInClusterSets", "1 of 1 bound: 0, 0, 0", ""},
    {"a set of an unknown type fails the decision",
     IN_SET("a", "one") SET("one", "Other") BOUND("one"), "", "chosen; a Undecided",
     "one of 1 bound: 0, 0, 0",
     "failed: failed to get clusters from ClusterSet \"one\": selectorType is not right: Other"},
    {"so does a set whose selector cannot be read",
     IN_SET("a", "one") GLOBAL
     "- ManagedClusterSet: {metadata: {name: bad}, spec: {clusterSelector: {selectorType: "
     "LabelSelector, labelSelector: {matchExpressions: [{key: x, operator: Near}]}}}}\n" BOUND(
         "bad"),
     "", "chosen; a Undecided", "bad,global of 2 bound: 0, 0, 0",
     "failed: failed to get clusters from ClusterSet \"bad\": \"Near\" is not a valid label "
     "selector operator"},
    {"a cluster that leaves is not available",
     GLOBAL "- ManagedCluster: {metadata: {name: a, deletionTimestamp: '2022-01-01T00:00:00Z'}}\n"
            "- ManagedCluster: {metadata: {name: b}}\n",
     "", "chosen b=100(100,0); a Leaving", "global of 1 bound: 1, 1, 1", ""},
};

static void check_row(const struct row *row)
{
    scoped_placement_world struct placement_world *world = placement_world_new();
    struct placement_result result;

    put_all(world, row->world);
    result = decide(world, row->spec);
    CHECK_TEXT(show_choice(&result), row->chosen, "%s", row->name);
    CHECK_TEXT(show_filters(&result), row->filters, "%s: the filters", row->name);
    CHECK_TEXT(show_complaint(&result), row->complaint, "%s: the complaint", row->name);
}

/* ---- Predicates ------------------------------------------------------------- */

#define CLUSTER(name, labels, spec, status)                                                        \
    "- ManagedCluster: {metadata: {name: " name ", labels: {" labels "}}, spec: {" spec            \
    "}, status: {" status "}}\n"
#define CLAIM(name, value) "clusterClaims: [{name: " name ", value: " value "}]"
#define PREDICATE(what) "{requiredClusterSelector: {" what "}}"

static const char predicate_world[] = GLOBAL CLUSTER("a", "gpu: h200", "", CLAIM("region", "eu"))
    CLUSTER("b", "gpu: h200", "", CLAIM("region", "us"))
        CLUSTER("c", "gpu: l4", "", CLAIM("region", "eu")) CLUSTER(
            "d", "", "",
            "clusterClaims: [{value: nameless}]") "- AddOnPlacementScore: {metadata: {name: demo, "
                                                  "namespace: c}, status: {scores: [{name: s, "
                                                  "value: 7}]}}\n"
                                                  "- AddOnPlacementScore: {metadata: {name: other, "
                                                  "namespace: d}, status: {scores: [{name: s, "
                                                  "value: 7}]}}\n";

static const struct {
    const char *name, *predicates, *matched, *complaint;
} predicate_rows[] = {
    {"by a label", PREDICATE("labelSelector: {matchLabels: {gpu: h200}}"), "a b", ""},
    {"by a claim", PREDICATE("claimSelector: {matchLabels: {region: eu}}"), "a c", ""},
    {"by expressions of claims",
     PREDICATE("claimSelector: {matchExpressions: [{key: region, operator: DoesNotExist}]}"), "d",
     ""},
    {"parts of one predicate all count",
     PREDICATE("labelSelector: {matchLabels: {gpu: h200}}, claimSelector: {matchLabels: {region: "
               "eu}}"),
     "a", ""},
    {"of several predicates one is enough",
     PREDICATE("labelSelector: {matchLabels: {gpu: l4}}") ", " PREDICATE(
         "claimSelector: {matchLabels: {region: us}}"),
     "b c", ""},
    {"an empty predicate matches all", PREDICATE(""), "a b c d", ""},
    {"an empty selector beside another asks nothing",
     PREDICATE("labelSelector: {}, claimSelector: {matchLabels: {region: us}}"), "b", ""},
    {"by an expression; where a field is missing it does not match",
     PREDICATE("celSelector: {celExpressions: [\"managedCluster.metadata.labels.gpu == 'l4'\"]}"),
     "c", ""},
    {"all expressions count",
     PREDICATE("celSelector: {celExpressions: [\"managedCluster.metadata.name != 'a'\", "
               "\"managedCluster.metadata.name != 'c'\"]}"),
     "b d", ""},
    {"and labels beside them",
     PREDICATE("labelSelector: {matchLabels: {gpu: h200}}, celSelector: {celExpressions: "
               "[\"managedCluster.metadata.name != 'a'\"]}"),
     "b", ""},
    {"by an add-on's score",
     PREDICATE("celSelector: {celExpressions: [\"managedCluster.scores('demo').exists(s, s.name "
               "== 's' && s.value > 5)\"]}"),
     "c", ""},
    {"a selector of labels that cannot be read",
     PREDICATE("labelSelector: {matchExpressions: [{key: gpu, operator: Near}]}"), "",
     "misconfigured by Predicate: \"Near\" is not a valid label selector operator"},
    {"a selector of claims that cannot be read",
     PREDICATE("claimSelector: {matchExpressions: [{key: gpu, operator: Near}]}"), "",
     "misconfigured by Predicate: \"Near\" is not a valid label selector operator"},
    {"the second predicate is wrong",
     PREDICATE("labelSelector: {matchLabels: {gpu: l4}}") ", " PREDICATE(
         "celSelector: {celExpressions: ['1 +']}"),
     "",
     "misconfigured by Predicate: compilation failed: ERROR: <input>:1:4: Syntax error: "
     "mismatched input '<EOF>' expecting an expression\n | 1 +\n | ...^"},
};

static void check_predicates(void)
{
    scoped_placement_world struct placement_world *world = placement_world_new();

    put_all(world, predicate_world);
    for (size_t i = 0; i < count_of(predicate_rows); i++) {
        struct placement_result result =
            decide(world, arena_printf(arena, "predicates: [%s]", predicate_rows[i].predicates));
        scoped_text struct text matched = {0};

        for (size_t k = 0; k < result.cluster_count; k++)
            if (result.clusters[k].why == PLACEMENT_CHOSEN)
                text_addf(&matched, "%s%s", matched.len ? " " : "", result.clusters[k].name);
            else
                CHECK(result.clusters[k].why == (result.outcome == PLACEMENT_OK
                                                     ? PLACEMENT_NOT_MATCHED
                                                     : PLACEMENT_UNDECIDED),
                      "%s: why not %s", predicate_rows[i].name, result.clusters[k].name);
        CHECK_TEXT(text_string(&matched), predicate_rows[i].matched, "%s", predicate_rows[i].name);
        CHECK_TEXT(show_complaint(&result), predicate_rows[i].complaint, "%s: the complaint",
                   predicate_rows[i].name);
        CHECK_INT(result.matched, result.chosen_count, "%s: how many", predicate_rows[i].name);
        CHECK(!result.cel_cost == !strstr(predicate_rows[i].predicates, "managedCluster"),
              "%s: what expressions cost is told", predicate_rows[i].name);
    }
}

/* ---- Taints ------------------------------------------------------------------- */

/* By a minute before NOW, and a hundred seconds before. */
#define TAINT(effect)                                                                              \
    "taints: [{key: gpu, value: x, effect: " effect ", timeAdded: '2021-12-31T23:59:00Z'}]"

static const struct {
    const char *name, *effect, *toleration;
    bool before; /* the cluster is decided for already */
    const char *chosen, *complaint;
    int64_t requeue; /* seconds after NOW; 0: never */
} taint_rows[] = {
    {"without a toleration it keeps away", "NoSelect", "", false, "a Tainted gpu=x:NoSelect", "",
     0},
    {"also whom the placement has chosen", "NoSelect", "", true, "a Tainted gpu=x:NoSelect", "", 0},
    {"NoSelectIfNew keeps away who is new", "NoSelectIfNew", "", false,
     "a Tainted gpu=x:NoSelectIfNew", "", 0},
    {"and not who is chosen", "NoSelectIfNew", "", true, "a", "", 0},
    {"PreferNoSelect keeps nobody away", "PreferNoSelect", "", false, "a", "", 0},
    {"equal key and value tolerate", "NoSelect", "{key: gpu, value: x}", false, "a", "", 0},
    {"also with the operator named", "NoSelect", "{key: gpu, operator: Equal, value: x}", false,
     "a", "", 0},
    {"another value does not", "NoSelect", "{key: gpu, value: y}", false,
     "a Tainted gpu=x:NoSelect", "", 0},
    {"another key does not", "NoSelect", "{key: cpu, value: x}", false, "a Tainted gpu=x:NoSelect",
     "", 0},
    {"Exists tolerates any value", "NoSelect", "{key: gpu, operator: Exists}", false, "a", "", 0},
    {"but of its key only", "NoSelect", "{key: cpu, operator: Exists}", false,
     "a Tainted gpu=x:NoSelect", "", 0},
    {"Exists without a key tolerates all", "NoSelect", "{operator: Exists}", false, "a", "", 0},
    {"the effect counts if there is one", "NoSelect", "{operator: Exists, effect: NoSelectIfNew}",
     false, "a Tainted gpu=x:NoSelect", "", 0},
    {"and fits", "NoSelect", "{operator: Exists, effect: NoSelect}", false, "a", "", 0},
    {"an unknown operator tolerates nothing", "NoSelect", "{key: gpu, operator: Near, value: x}",
     false, "a Tainted gpu=x:NoSelect", "", 0},
    {"the second toleration counts too", "NoSelect", "{key: cpu, value: x}, {key: gpu, value: x}",
     false, "a", "", 0},
    {"for a time that is not over", "NoSelect", "{operator: Exists, tolerationSeconds: 61}", false,
     "a", "", 0},
    {"of who is chosen the end is told", "NoSelect", "{operator: Exists, tolerationSeconds: 61}",
     true, "a", "", 1},
    {"at its end it is over", "NoSelect", "{operator: Exists, tolerationSeconds: 60}", true,
     "a Tainted gpu=x:NoSelect", "", 0},
    {"a time beyond all clocks is no limit", "NoSelect",
     "{operator: Exists, tolerationSeconds: 9223372036854775807}", false, "a", "", 0},
    {"a time below all clocks is over", "NoSelect",
     "{operator: Exists, tolerationSeconds: -9223372036854775807}", false,
     "a Tainted gpu=x:NoSelect", "", 0},
    {"after one whose time is over another may hold", "NoSelect",
     "{operator: Exists, tolerationSeconds: 1}, {operator: Exists, tolerationSeconds: 90}", true,
     "a", "", 30},
    {"neither key nor Exists", "NoSelect", "{value: x}", false, "a Undecided",
     "misconfigured by TaintToleration: If the key is empty, operator must be Exists.", 0},
    {"Exists with a value", "NoSelect", "{key: gpu, operator: Exists, value: x}", false,
     "a Undecided",
     "misconfigured by TaintToleration: If the operator is Exists, the value should be empty.", 0},
};

#define DECIDED(name, placement, clusters)                                                         \
    "- PlacementDecision: {metadata: {name: " name ", namespace: ns, labels: "                     \
    "{cluster.open-cluster-management.io/placement: " placement                                    \
    "}}, status: {decisions: [" clusters "]}}\n"

static void check_taints(void)
{
    for (size_t i = 0; i < count_of(taint_rows); i++) {
        scoped_placement_world struct placement_world *world = placement_world_new();
        struct placement_result result;
        const struct placement_cluster *row;

        put_all(world, GLOBAL);
        put_all(world, arena_printf(arena,
                                    "- ManagedCluster: {metadata: {name: a}, spec: {taints: [{key: "
                                    "gpu, value: x, effect: %s, timeAdded: "
                                    "'2021-12-31T23:59:00Z'}]}}\n",
                                    taint_rows[i].effect));
        if (taint_rows[i].before)
            put_all(world, DECIDED("p-decision-1", "p", "{clusterName: a}"));
        result = decide(world, arena_printf(arena, "tolerations: [%s]", taint_rows[i].toleration));
        row = &result.clusters[0];
        CHECK_TEXT(row->why == PLACEMENT_CHOSEN
                       ? "a"
                       : arena_printf(arena, "a %s%s%s", placement_why_name(row->why),
                                      *row->detail ? " " : "", row->detail),
                   taint_rows[i].chosen, "%s", taint_rows[i].name);
        CHECK_TEXT(show_complaint(&result), taint_rows[i].complaint, "%s: the complaint",
                   taint_rows[i].name);
        CHECK_INT(result.requeue_at ? (result.requeue_at - NOW) / CLOCK_SECOND : 0,
                  taint_rows[i].requeue, "%s: when again", taint_rows[i].name);
        CHECK_INT(result.feasible, row->why == PLACEMENT_CHOSEN, "%s: how many",
                  taint_rows[i].name);
    }
}

/* Several taints and clusters: the first that is not tolerated, the first end of all. */
static void check_several_taints(void)
{
    scoped_placement_world struct placement_world *world = placement_world_new();
    struct placement_result result;

    put_all(world, GLOBAL "- ManagedCluster: {metadata: {name: a}, spec: {taints: ["
                          "{key: one, effect: NoSelect, timeAdded: '2021-12-31T23:59:50Z'}, "
                          "{key: two, effect: NoSelect, timeAdded: '2021-12-31T23:59:55Z'}]}}\n"
                          "- ManagedCluster: {metadata: {name: b}, spec: {taints: ["
                          "{key: one, effect: NoSelect, timeAdded: '2021-12-31T23:59:45Z'}]}}\n"
                          "- ManagedCluster: {metadata: {name: c}, spec: {taints: ["
                          "{key: one, effect: NoSelect}, {key: three, effect: NoSelect}]}}\n"
                          "- ManagedCluster: {metadata: {name: d}}\n" DECIDED(
                              "p-decision-1", "p", "{clusterName: a}, {clusterName: d}")
                              DECIDED("p-decision-2", "p", "{clusterName: b}")
                                  DECIDED("q-decision-1", "q", "{clusterName: d}"));
    result = decide(world, "tolerations: [{key: one, operator: Exists, tolerationSeconds: 20}, "
                           "{key: two, operator: Exists, tolerationSeconds: 12}]");
    CHECK_TEXT(show_choice(&result),
               "chosen a=200(100,100) b=200(100,100) d=0(-100,100); c Tainted one:NoSelect",
               "a taint of unknown age is tolerated for no time");
    CHECK_INT((result.requeue_at - NOW) / CLOCK_SECOND, 5, "the first end of all is told");
    result = decide(world, "tolerations: [{key: one, operator: Exists}, {key: two, operator: "
                           "Exists}]");
    CHECK_TEXT(show_choice(&result),
               "chosen a=200(100,100) b=200(100,100) d=0(-100,100); c Tainted three:NoSelect",
               "the first taint that is not tolerated is named");
    CHECK_INT(result.requeue_at, 0, "what is tolerated without end has none");
}

/* ---- Scores --------------------------------------------------------------------- */

#define POLICY(mode, list) "prioritizerPolicy: {mode: " mode ", configurations: [" list "]}"
#define BUILT_IN(name, weight) "{scoreCoordinate: {builtIn: " name "}, weight: " weight "}"
#define ADD_ON(object, score, weight)                                                              \
    "{scoreCoordinate: {type: AddOn, addOn: {resourceName: " object ", scoreName: " score          \
    "}}, weight: " weight "}"
#define HAS(cpu, gpu)                                                                              \
    "allocatable: {cpu: " cpu ", nvidia.com/gpu: " gpu ", pods: 5}, capacity: {pods: 9, cpu: 64, " \
    "nvidia.com/gpu: 8}"
#define SCORE(cluster, name, status)                                                               \
    "- AddOnPlacementScore: {metadata: {name: " name ", namespace: " cluster "}, status: {" status \
    "}}\n"

static const char score_world[] = GLOBAL CLUSTER("a", "", "", HAS("1", "8"))
    CLUSTER("b", "", "", HAS("2", "0")) CLUSTER("c", "", "", HAS("5", "4"))
        CLUSTER("d", "", "", "allocatable: {cpu: 9}") /* no capacity: nothing to score */
    CLUSTER("e", "", "", "allocatable: {cpu: what}, capacity: {cpu: 9}")
        DECIDED("p-decision-1", "p", "{clusterName: a}, {clusterName: b}")
            DECIDED("q-decision-1", "q", "{clusterName: b}, {clusterName: c}") DECIDED(
                "r-decision-1", "r", "{clusterName: c}, {clusterName: e}, {clusterName: c}")
                SCORE("a", "demo", "scores: [{name: other, value: 9}, {name: s, value: 40}]")
                    SCORE("b", "demo",
                          "scores: [{name: s, value: -20}], validUntil: '2022-01-01T00:00:00Z'")
                        SCORE("c", "demo",
                              "scores: [{name: s, value: 60}], validUntil: '2021-12-31T23:59:59Z'")
                            SCORE("d", "demo", "scores: what")
                                SCORE("e", "wrong", "scores: [{name: s, value: 5}]");

static const struct {
    const char *name, *spec, *chosen, *complaint;
} score_rows[] = {
    {"without a policy balance and steadiness count", "",
     "chosen a=200(100,100) b=132(32,100) d=100(100,0) e=32(32,0) c=-100(-100,0)", ""},
    {"with an empty mode too", POLICY("''", ""),
     "chosen a=200(100,100) b=132(32,100) d=100(100,0) e=32(32,0) c=-100(-100,0)", ""},
    {"Exact has only what is named", POLICY("Exact", BUILT_IN("Steady", "3")),
     "chosen a=300(100) b=300(100) c=0(0) d=0(0) e=0(0)", ""},
    {"Additive adds to both", POLICY("Additive", BUILT_IN("ResourceAllocatableCPU", "2")),
     "chosen c=100(-100,100,0) d=100(100,-,0) b=32(32,-50,100) e=32(32,-,0) a=0(100,-100,100)", ""},
    {"what is named again has the later weight",
     POLICY("Additive", BUILT_IN("Steady", "5") ", " BUILT_IN("Balance", "0")),
     "chosen a=500(100) b=500(100) c=0(0) d=0(0) e=0(0)", ""},
    {"no weight is 1", POLICY("Exact", "{scoreCoordinate: {builtIn: ResourceAllocatableGPU}}"),
     "chosen a=100(100) c=0(0) d=0(-) e=0(-) b=-100(-100)", ""},
    {"a resource by its own name, of which all have as much",
     POLICY("Exact", BUILT_IN("ResourceAllocatablepods", "1")),
     "chosen a=100(100) b=100(100) c=100(100) d=0(-) e=0(-)", ""},
    {"a resource that nobody has", POLICY("Exact", BUILT_IN("ResourceAllocatableMemory", "1")),
     "chosen a=0(-) b=0(-) c=0(-) d=0(-) e=0(-)", ""},
    {"a negative weight turns the order", POLICY("Exact", BUILT_IN("ResourceAllocatableCPU", "-1")),
     "chosen a=100(-100) b=50(-50) d=0(-) e=0(-) c=-100(100)", ""},
    {"an add-on's score, of which one is too old", POLICY("Exact", ADD_ON("demo", "s", "2")),
     "chosen a=80(40) c=0(0) d=0(0) e=0(0) b=-40(-20)",
     "warned by AddOn/demo/s: AddOnPlacementScores c/demo expired"},
    {"the first warning stays",
     POLICY("Exact", ADD_ON("demo", "s", "2") ", " ADD_ON("demo", "other", "1")),
     "chosen a=89(9,40) c=0(0,0) d=0(0,0) e=0(0,0) b=-40(0,-20)",
     "warned by AddOn/demo/other: AddOnPlacementScores c/demo expired"},
    {"a type in full", POLICY("Exact", "{scoreCoordinate: {type: BuiltIn, builtIn: Steady}}"),
     "chosen a=100(100) b=100(100) c=0(0) d=0(0) e=0(0)", ""},
    {"an unknown mode", POLICY("Near", ""),
     "chosen; a Undecided; b Undecided; c Undecided; d Undecided; e Undecided",
     "misconfigured: incorrect prioritizer policy mode: Near"},
    {"an unknown type", POLICY("Exact", "{scoreCoordinate: {type: Near, builtIn: Steady}}"),
     "chosen; a Undecided; b Undecided; c Undecided; d Undecided; e Undecided",
     "misconfigured: incorrect score coordinate type: Near"},
    {"an unknown prioritizer", POLICY("Exact", BUILT_IN("Near", "1")),
     "chosen; a Undecided; b Undecided; c Undecided; d Undecided; e Undecided",
     "misconfigured: incorrect builtin prioritizer: Near"},
    {"one without its resource", POLICY("Exact", BUILT_IN("ResourceAllocatable", "1")),
     "chosen; a Undecided; b Undecided; c Undecided; d Undecided; e Undecided",
     "misconfigured: incorrect builtin prioritizer: ResourceAllocatable"},
    {"but not if its weight is 0", POLICY("Exact", BUILT_IN("Near", "0")),
     "chosen a=0 b=0 c=0 d=0 e=0", ""},
    {"the best two", "numberOfClusters: 2",
     "chosen a=200(100,100) b=132(32,100); c RankedLow; d RankedLow; e RankedLow", ""},
    {"more than there are", "numberOfClusters: 7",
     "chosen a=200(100,100) b=132(32,100) d=100(100,0) e=32(32,0) c=-100(-100,0); 2 more wanted",
     ""},
    {"as many as there are", "numberOfClusters: 5",
     "chosen a=200(100,100) b=132(32,100) d=100(100,0) e=32(32,0) c=-100(-100,0)", ""},
    {"none", "numberOfClusters: 0",
     "chosen; a RankedLow; b RankedLow; c RankedLow; d RankedLow; e RankedLow", ""},
    {"fewer than none", "numberOfClusters: -1",
     "chosen; a RankedLow; b RankedLow; c RankedLow; d RankedLow; e RankedLow", ""},
};

static void check_scores(void)
{
    for (size_t i = 0; i < count_of(score_rows); i++) {
        scoped_placement_world struct placement_world *world = placement_world_new();
        struct placement_result result;

        put_all(world, score_world);
        result = decide(world, score_rows[i].spec);
        CHECK_TEXT(show_choice(&result), score_rows[i].chosen, "%s", score_rows[i].name);
        CHECK_TEXT(show_complaint(&result), score_rows[i].complaint, "%s: the complaint",
                   score_rows[i].name);
        /* What is counted for one decision is not left for the next. */
        result = decide(world, score_rows[i].spec);
        CHECK_TEXT(show_choice(&result), score_rows[i].chosen, "%s, once more", score_rows[i].name);
    }
}

/* ---- Spread ---------------------------------------------------------------------- */

#define SPREAD(list) "spreadPolicy: {spreadConstraints: [" list "]}"

static const char spread_world[] = GLOBAL CLUSTER("a", "zone: north", "", CLAIM("region", "eu"))
    CLUSTER("b", "zone: north", "", CLAIM("region", "eu"))
        CLUSTER("c", "zone: north", "", CLAIM("region", "us"))
            CLUSTER("d", "zone: south", "", CLAIM("region", "us"))
                CLUSTER("e", "zone: south", "",
                        CLAIM("region", "us") ", allocatable: {cpu: 7}, capacity: {cpu: 7}")
                    CLUSTER("f", "", "", "allocatable: {cpu: 5}, capacity: {cpu: 5}");

static const struct {
    const char *name, *spec, *chosen;
} spread_rows[] = {
    {"by turns over zones",
     "numberOfClusters: 3, " SPREAD("{topologyKey: zone, whenUnsatisfiable: DoNotSchedule}"),
     "chosen a=0 b=0 d=0; c WouldSkew zone; e RankedLow; f RankedLow"},
    {"without a zone none is taken where one must be kept",
     SPREAD("{topologyKey: zone, whenUnsatisfiable: DoNotSchedule, maxSkew: 9}"),
     "chosen a=0 b=0 c=0 d=0 e=0; f WouldSkew zone"},
    {"it may where spreading is only wished", SPREAD("{topologyKey: zone, maxSkew: 9}"),
     "chosen a=0 b=0 c=0 d=0 e=0 f=0"},
    {"within the skew the rank alone decides",
     "numberOfClusters: 3, " SPREAD("{topologyKey: zone, maxSkew: 9}"),
     "chosen a=0 b=0 c=0; d RankedLow; e RankedLow; f RankedLow"},
    {"of whom none fits all are missed",
     "numberOfClusters: 2, predicates: [" PREDICATE(
         "labelSelector: {matchLabels: {zone: west}}") "]",
     "chosen; a NotMatched; b NotMatched; c NotMatched; d NotMatched; e NotMatched; f NotMatched; "
     "2 more wanted"},
    {"a wish orders, but keeps nobody away",
     "numberOfClusters: 5, " SPREAD("{topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}"),
     "chosen a=0 b=0 c=0 d=0 e=0; f RankedLow"},
    {"whom a wish does not concern comes before whom it would rather not have",
     "numberOfClusters: 4, predicates: [" PREDICATE(
         "celSelector: {celExpressions: [\"managedCluster.metadata.name != 'e'\"]}") "], " SPREAD("{topologyKey: zone}"),
     "chosen a=0 b=0 d=0 f=0; c WouldSkew zone; e NotMatched"},
    {"a larger skew",
     "numberOfClusters: 3, " SPREAD(
         "{topologyKey: zone, maxSkew: 2, whenUnsatisfiable: DoNotSchedule}"),
     "chosen a=0 b=0 d=0; c WouldSkew zone; e RankedLow; f RankedLow"},
    {"over claims",
     "numberOfClusters: 2, " SPREAD(
         "{topologyKey: region, topologyKeyType: Claim, whenUnsatisfiable: DoNotSchedule}"),
     "chosen a=0 c=0; b WouldSkew region; d RankedLow; e RankedLow; f RankedLow"},
    {"over both",
     "numberOfClusters: 3, " SPREAD(
         "{topologyKey: region, topologyKeyType: Claim, whenUnsatisfiable: DoNotSchedule}, "
         "{topologyKey: zone, whenUnsatisfiable: DoNotSchedule}"),
     "chosen a=0 b=0 d=0; c WouldSkew zone; e RankedLow; f RankedLow"},
    {"must before wish",
     "numberOfClusters: 4, " SPREAD(
         "{topologyKey: region, topologyKeyType: Claim}, {topologyKey: zone, maxSkew: 2, "
         "whenUnsatisfiable: DoNotSchedule}"),
     "chosen a=0 b=0 c=0 d=0; e RankedLow; f RankedLow"},
    {"two wishes add up",
     "numberOfClusters: 3, " SPREAD(
         "{topologyKey: region, topologyKeyType: Claim}, {topologyKey: zone}"),
     "chosen a=0 b=0 d=0; c WouldSkew region; e RankedLow; f RankedLow"},
    {"a key that nobody has", SPREAD("{topologyKey: rack, whenUnsatisfiable: DoNotSchedule}"),
     "chosen; a WouldSkew rack; b WouldSkew rack; c WouldSkew rack; d WouldSkew rack; e WouldSkew "
     "rack; f WouldSkew rack"},
};

static void check_spread(void)
{
    scoped_placement_world struct placement_world *world = placement_world_new();

    put_all(world, spread_world);
    for (size_t i = 0; i < count_of(spread_rows); i++) {
        struct placement_result result =
            decide(world, arena_printf(arena, "prioritizerPolicy: {mode: Exact}, %s",
                                       spread_rows[i].spec));

        CHECK_TEXT(show_choice(&result), spread_rows[i].chosen, "%s", spread_rows[i].name);
    }
}

/* ---- Groups ----------------------------------------------------------------------- */

#define GROUPING(what) "decisionStrategy: {groupStrategy: {" what "}}"
#define GROUP(name, selector) "{groupName: " name ", groupClusterSelector: {" selector "}}"

static const struct {
    const char *name, *spec, *groups, *complaint;
} group_rows[] = {
    {"without groups all are in one", "", "(6): p-decision-1/0 a b c d e f", ""},
    {"each in the order of names, whatever the rank",
     POLICY("Exact",
            BUILT_IN("ResourceAllocatableCPU", "1")) ", " GROUPING("clustersPerDecisionGroup: 4"),
     "(4): p-decision-1/0 a b c d; (2): p-decision-2/1 e f", ""},
    {"so many in each", GROUPING("clustersPerDecisionGroup: 4"),
     "(4): p-decision-1/0 a b c d; (2): p-decision-2/1 e f", ""},
    {"a share is rounded up", GROUPING("clustersPerDecisionGroup: 35%"),
     "(3): p-decision-1/0 a b c; (3): p-decision-2/1 d e f", ""},
    {"none is all", GROUPING("clustersPerDecisionGroup: 0"), "(6): p-decision-1/0 a b c d e f", ""},
    {"more than there are is all", GROUPING("clustersPerDecisionGroup: 7"),
     "(6): p-decision-1/0 a b c d e f", ""},
    {"as many as there are is all", GROUPING("clustersPerDecisionGroup: 6"),
     "(6): p-decision-1/0 a b c d e f", ""},
    {"one in each", "numberOfClusters: 2, " GROUPING("clustersPerDecisionGroup: 1"),
     "(1): p-decision-1/0 a; (1): p-decision-2/1 b", ""},
    {"first who is selected, then the others",
     GROUPING(
         "decisionGroups: [" GROUP("south", "labelSelector: {matchLabels: {zone: south}}") ", " GROUP(
             "eu", "claimSelector: {matchLabels: {region: eu}}") "]"),
     "south(2): p-decision-1/0 d e; eu(2): p-decision-2/1 a b; (2): p-decision-3/2 c f", ""},
    {"labels and claims together",
     GROUPING("decisionGroups: [" GROUP(
         "both",
         "labelSelector: {matchLabels: {zone: north}}, claimSelector: {matchLabels: {region: us}}") "]"),
     "both(1): p-decision-1/0 c; (5): p-decision-2/1 a b d e f", ""},
    {"a group that selects nobody is left out",
     GROUPING("decisionGroups: [" GROUP("west", "labelSelector: {matchLabels: {zone: west}}") "]"),
     "(6): p-decision-1/0 a b c d e f", ""},
    {"one that selects all leaves no others",
     GROUPING("decisionGroups: [" GROUP("all", "") "], clustersPerDecisionGroup: 3"),
     "all(3): p-decision-1/0 a b c; all(3): p-decision-2/1 d e f", ""},
    {"who is in no group and chosen by nobody", "numberOfClusters: 0", "(0): p-decision-1/0", ""},
    {"a size that cannot be read", GROUPING("clustersPerDecisionGroup: many"),
     "(0): p-decision-1/0",
     "misconfigured by DecisionStrategy: invalid value for IntOrString: invalid type: string is "
     "not a percentage"},
    {"labels of a group that cannot be read",
     GROUPING("decisionGroups: [" GROUP(
         "g", "labelSelector: {matchExpressions: [{key: x, operator: Near}]}") "]"),
     "(0): p-decision-1/0",
     "misconfigured by DecisionStrategy: \"Near\" is not a valid label selector operator"},
    {"claims of a group that cannot be read",
     GROUPING("decisionGroups: [" GROUP(
         "g", "claimSelector: {matchExpressions: [{key: x, operator: Near}]}") "]"),
     "(0): p-decision-1/0",
     "misconfigured by DecisionStrategy: \"Near\" is not a valid label selector operator"},
};

static void check_groups(void)
{
    scoped_placement_world struct placement_world *world = placement_world_new();

    put_all(world, spread_world);
    for (size_t i = 0; i < count_of(group_rows); i++) {
        struct placement_result result = decide(world, group_rows[i].spec);

        CHECK_TEXT(show_groups(&result), group_rows[i].groups, "%s", group_rows[i].name);
        CHECK_TEXT(show_complaint(&result), group_rows[i].complaint, "%s: the complaint",
                   group_rows[i].name);
    }
}

int main(void)
{
    scoped_arena struct arena *whole = arena_new();

    arena = whole;
    for (size_t i = 0; i < count_of(set_rows); i++)
        check_row(&set_rows[i]);
    check_predicates();
    check_taints();
    check_several_taints();
    check_scores();
    check_spread();
    check_groups();
    return check_done();
}
