/* SPDX-License-Identifier: Apache-2.0 */
/* Placement: laws that hold for any world, spreading, and the reasons given. */
#include "check.h"

#include "base/clock.h"
#include "placement/placement.h"

#define NOW (1640995200 * CLOCK_SECOND)

static struct node *read_json(struct arena *arena, const char *text)
{
    struct err err = {0};
    struct node *node = document_read_json(arena, text, strlen(text), &document_limits_own, &err);

    if (!node)
        printf("# %s in %s\n", err.text, text);
    return node;
}

static void put(struct placement_world *world, const char *kind, const char *text)
{
    scoped_arena struct arena *arena = arena_new();

    CHECK(placement_world_put(world, kind, read_json(arena, text)), "put %s", kind);
}

/* A small generator of its own, so that a failure can be repeated. */
static unsigned next_random(unsigned *seed, unsigned below)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 16) % below;
}

static void put_sets(struct placement_world *world)
{
    put(world, "ManagedClusterSet",
        "{\"metadata\":{\"name\":\"global\"},\"spec\":{\"clusterSelector\":"
        "{\"selectorType\":\"LabelSelector\",\"labelSelector\":{}}}}");
    put(world, "ManagedClusterSetBinding",
        "{\"metadata\":{\"name\":\"global\",\"namespace\":\"ns\"},"
        "\"spec\":{\"clusterSet\":\"global\"}}");
}

static void put_cluster(struct placement_world *world, int number, unsigned seed)
{
    static const char *const zones[] = {"a", "b", "c"};
    scoped_arena struct arena *arena = arena_new();
    unsigned mine = seed + (unsigned)number * 7919u;
    const char *zone = zones[next_random(&mine, 3)];
    unsigned cpu = next_random(&mine, 9), taint = next_random(&mine, 6);
    char *text = arena_printf(
        arena,
        "{\"metadata\":{\"name\":\"c%03d\",\"labels\":{\"zone\":\"%s\"}},"
        "\"spec\":{\"taints\":[%s]},\"status\":{\"allocatable\":{\"cpu\":\"%u\"},"
        "\"capacity\":{\"cpu\":\"16\"}}}",
        number, zone, taint == 0 ? "{\"key\":\"gpu\",\"effect\":\"NoSelect\",\"value\":\"b\"}" : "",
        cpu);

    placement_world_put(world, "ManagedCluster", read_json(arena, text));
}

/* The decision in one line: who was chosen in order, and every total. */
static char *summary(struct arena *arena, struct placement_world *world, const char *placement)
{
    struct placement_result result;
    scoped_text struct text out = {0};

    placement_decide(world, read_json(arena, placement), NOW, arena, &result);
    for (size_t i = 0; i < result.chosen_count; i++)
        text_addf(&out, "%s=%lld ", result.chosen[i]->name, (long long)result.chosen[i]->total);
    text_addf(&out, "| %zu left, %s", result.unscheduled, result.message);
    return arena_string(arena, text_string(&out));
}

static const char by_cpu[] = "{\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\"},\"spec\":{"
                             "\"numberOfClusters\":5,\"prioritizerPolicy\":{\"configurations\":[{"
                             "\"scoreCoordinate\":{\"builtIn\":\"ResourceAllocatableCPU\"},"
                             "\"weight\":1}]}}}";

static void check_order(void)
{
    int bad = 0;

    for (unsigned seed = 1; seed <= 50; seed++) {
        scoped_arena struct arena *arena = arena_new();
        scoped_placement_world struct placement_world *up = placement_world_new();
        scoped_placement_world struct placement_world *down = placement_world_new();

        for (int i = 0; i < 30; i++) {
            put_cluster(up, i, seed);
            put_cluster(down, 29 - i, seed);
        }
        put_sets(up);
        put_sets(down);
        bad += strcmp(summary(arena, up, by_cpu), summary(arena, down, by_cpu)) != 0;
    }
    CHECK(bad == 0, "the order in which objects come in does not matter");
}

/* Writes the decisions of a placement back, as its controller does. */
static void settle(struct placement_world *world, const char *placement)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *node = read_json(arena, placement);
    struct placement_result result;

    placement_decide(world, node, NOW, arena, &result);
    for (size_t i = 0; i < result.decision_count; i++)
        placement_world_put(world, "PlacementDecision",
                            placement_decision_object(arena, node, &result, i));
}

static const char steady[] = "{\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\"},\"spec\":{"
                             "\"numberOfClusters\":5}}";

static void check_steady(void)
{
    int moved = 0;

    for (unsigned seed = 1; seed <= 50; seed++) {
        scoped_arena struct arena *arena = arena_new();
        scoped_placement_world struct placement_world *world = placement_world_new();
        char *before;

        put_sets(world);
        for (int i = 10; i < 40; i++)
            put_cluster(world, i, seed);
        settle(world, steady);
        settle(world, steady);
        before = summary(arena, world, steady);
        for (int i = 0; i < 10; i++)
            put_cluster(world, i, seed + 1); /* sort before all others */
        moved += strcmp(before, summary(arena, world, steady)) != 0;
        placement_world_remove(world, "ManagedCluster", "", "c005");
        moved += strcmp(before, summary(arena, world, steady)) != 0;
    }
    CHECK(moved == 0, "a cluster that comes or goes moves no steady decision");
}

/* Most minus least over the zones that any feasible cluster is in. */
static int skew(const struct placement_result *result, const char *zones)
{
    int counts[3] = {0}, most = 0, least = 1 << 20;

    for (size_t i = 0; i < result->chosen_count; i++)
        counts[zones[result->chosen[i] - result->clusters] - 'a']++;
    for (int i = 0; i < 3; i++) {
        most = counts[i] > most ? counts[i] : most;
        least = counts[i] < least ? counts[i] : least;
    }
    return most - least;
}

static void check_spread(const char *when, bool hard)
{
    static const char zones[] = "aaaaaaaabbbc";
    scoped_arena struct arena *arena = arena_new();
    scoped_placement_world struct placement_world *world = placement_world_new();
    struct placement_result result;
    char *placement =
        arena_printf(arena,
                     "{\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\"},\"spec\":{"
                     "\"numberOfClusters\":6,\"spreadPolicy\":{\"spreadConstraints\":[{"
                     "\"topologyKey\":\"zone\",\"maxSkew\":1,\"whenUnsatisfiable\":\"%s\"}]}}}",
                     when);

    put_sets(world);
    for (int i = 0; zones[i]; i++) {
        char *text = arena_printf(arena,
                                  "{\"metadata\":{\"name\":\"c%02d\",\"labels\":"
                                  "{\"zone\":\"%c\"}}}",
                                  i, zones[i]);

        placement_world_put(world, "ManagedCluster", read_json(arena, text));
    }
    placement_decide(world, read_json(arena, placement), NOW, arena, &result);
    CHECK(result.chosen_count == (hard ? 5 : 6), "%s chooses %zu", when, result.chosen_count);
    CHECK(result.unscheduled == (hard ? 1 : 0), "and leaves %zu", result.unscheduled);
    CHECK(!hard || skew(&result, zones) <= 1, "skew is bounded");
    CHECK(result.clusters[7].why == PLACEMENT_WOULD_SKEW, "the eighth of zone a: %s",
          placement_why_name(result.clusters[7].why));
}

static void check_reasons(void)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_placement_world struct placement_world *world = placement_world_new();
    static const struct {
        const char *cluster, *reason;
    } expected[] = {
        {"{\"metadata\":{\"name\":\"a\",\"labels\":{\"ok\":\"1\"}}}",
         "chosen; rank 1 with score 100"},
        {"{\"metadata\":{\"name\":\"b\",\"labels\":{\"ok\":\"1\"}}}",
         "numberOfClusters others rank higher; rank 2 with score 100"},
        {"{\"metadata\":{\"name\":\"c\"}}", "no predicate matches"},
        {"{\"metadata\":{\"name\":\"d\",\"labels\":{\"ok\":\"1\"}},\"spec\":"
         "{\"taints\":[{\"key\":\"gpu\",\"value\":\"x\",\"effect\":"
         "\"NoSelect\"}]}}",
         "taint gpu=x:NoSelect is not tolerated"},
        {"{\"metadata\":{\"name\":\"e\",\"labels\":{\"ok\":\"1\"},"
         "\"deletionTimestamp\":\"2022-01-01T00:00:00Z\"}}",
         "the cluster is being deleted"},
        {"{\"metadata\":{\"name\":\"f\",\"labels\":{\"ok\":\"1\"}},\"spec\":"
         "{\"taints\":[{\"key\":\"gpu\",\"effect\":\"PreferNoSelect\"}]}}",
         "numberOfClusters others rank higher; rank 3 with score 100"},
    };
    struct placement_result result;

    put_sets(world);
    for (size_t i = 0; i < count_of(expected); i++)
        put(world, "ManagedCluster", expected[i].cluster);
    placement_decide(world,
                     read_json(arena,
                               "{\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\"},\"spec\":{"
                               "\"numberOfClusters\":1,\"predicates\":[{"
                               "\"requiredClusterSelector\":{\"celSelector\":{"
                               "\"celExpressions\":[\"managedCluster.metadata.labels.ok == "
                               "'1'\"]}}}]}}"),
                     NOW, arena, &result);
    for (size_t i = 0; i < count_of(expected); i++) {
        scoped_text struct text text = {0};

        placement_explain(&result, &result.clusters[i], &text);
        CHECK_TEXT(text_string(&text), expected[i].reason, "why %s", result.clusters[i].name);
    }
}

/* ---- Rollout: the window holds whatever the clusters do ----------------- */

static void check_window(void)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct placement_rollout_group group = {"", 0, names, 8};
    int too_many = 0, stuck = 0;

    for (unsigned seed = 1; seed <= 200; seed++) {
        scoped_arena struct arena *arena = arena_new();
        struct placement_rollout_cluster works[8];
        unsigned rolls = seed;
        size_t count = 0, done = 0;
        struct placement_rollout_input input = {
            .strategy = read_json(arena, "{\"type\":\"Progressive\",\"progressive\":{"
                                         "\"maxConcurrency\":3,\"minSuccessTime\":\"10s\"}}"),
            .groups = &group,
            .group_count = 1,
            .existing = works,
            .now = NOW,
        };

        for (int turn = 0; turn < 200 && done < 8; turn++) {
            struct placement_rollout out;

            input.existing_count = count;
            if (placement_rollout(&input, arena, &out, NULL) < 0)
                break;
            too_many += out.count > 3;
            for (size_t i = 0; i < out.count; i++) {
                size_t k = 0;

                while (k < count && strcmp(works[k].name, out.clusters[i].name))
                    k++;
                if (k == count)
                    works[count++] = out.clusters[i];
                if (works[k].status == ROLLOUT_TO_APPLY)
                    works[k].status = ROLLOUT_PROGRESSING;
                else if (works[k].status == ROLLOUT_PROGRESSING && next_random(&rolls, 2))
                    works[k].status = ROLLOUT_SUCCEEDED;
                works[k].since = input.now;
            }
            input.now += 11 * CLOCK_SECOND;
            done = 0;
            for (size_t k = 0; k < count; k++)
                done += works[k].status == ROLLOUT_SUCCEEDED;
        }
        stuck += done != 8;
    }
    CHECK(too_many == 0, "never more than maxConcurrency in flight");
    CHECK(stuck == 0, "and every rollout comes to its end");
}

/* ---- Pools: whose spokes they are ---------------------------------------- */

static void put_pool_world(struct placement_world *world)
{
    static const struct {
        const char *name, *set, *labels;
    } clusters[] = {
        {"free", "default", ""},
        {"lab-1", "research.lab", ",\"gpu\":\"a\""},
        {"rack-1", "rival.rack", ",\"gpu\":\"a\""},
        {"gone-1", "was.there", ""},
        {"own-set", "tier.one", ""},
        {"any-1", "research.any", ""},
    };
    static const struct {
        const char *name, *label, *spec;
    } sets[] = {
        {"default", "", "\"selectorType\":\"ExclusiveClusterSetLabel\""},
        {"global", "", "\"selectorType\":\"LabelSelector\",\"labelSelector\":{}"},
        {"research.lab", "research.lab", "\"selectorType\":\"ExclusiveClusterSetLabel\""},
        {"rival.rack", "rival.rack", "\"selectorType\":\"ExclusiveClusterSetLabel\""},
        {"research.any", "research.any", "\"selectorType\":\"LabelSelector\",\"labelSelector\":{}"},
        {"tier.one", "", "\"selectorType\":\"ExclusiveClusterSetLabel\""},
    };
    scoped_arena struct arena *arena = arena_new();

    for (size_t i = 0; i < count_of(clusters); i++)
        put(world, "ManagedCluster",
            arena_printf(arena,
                         "{\"metadata\":{\"name\":\"%s\",\"labels\":{"
                         "\"cluster.open-cluster-management.io/clusterset\":\"%s\"%s}}}",
                         clusters[i].name, clusters[i].set, clusters[i].labels));
    for (size_t i = 0; i < count_of(sets); i++)
        put(world, "ManagedClusterSet",
            arena_printf(
                arena, "{\"metadata\":{\"name\":\"%s\"%s%s%s},\"spec\":{\"clusterSelector\":{%s}}}",
                sets[i].name, *sets[i].label ? ",\"labels\":{\"axle.dev/pool\":\"" : "",
                sets[i].label, *sets[i].label ? "\"}" : "", sets[i].spec));
}

static void check_pools(void)
{
    static const struct {
        const char *bound, *requested, *chosen, *why;
    } rows[] = {
        {"global", "global", "free,own-set", "global reaches no pool's spokes"},
        {"global", "", "free,own-set", "nor does a placement that names no set"},
        {"default", "default", "free", "default is who joined without a pool"},
        {"default global research.lab", "global", "free,lab-1,own-set", "but the namespace's own"},
        {"default research.lab", "research.lab", "lab-1", "a pool's set is its spokes"},
        {"rival.rack", "", "rack-1", "who is bound to another's pool has it"},
        {"research.any", "research.any", "any-1", "a pool's selector widens nothing"},
        {"default research.any", "research.any", "any-1,free", "what it selects is within reach"},
        {"global research.any", "research.any", "any-1,free,own-set", "of the other sets"},
        {"default", "rival.rack", "", "a set that is not bound gives nothing"},
        {"", "", "", "and nothing is had without a binding"},
        {"was.there global", "", "free,own-set", "a set that is not there gives nothing either"},
    };

    for (size_t i = 0; i < count_of(rows); i++) {
        scoped_placement_world struct placement_world *world = placement_world_new();
        scoped_arena struct arena *arena = arena_new();
        scoped_text struct text chosen = {0}, reach = {0};
        struct placement_result result;

        put_pool_world(world);
        for (const char *word = rows[i].bound; *word; word += *word == ' ') {
            int len = (int)strcspn(word, " ");

            put(world, "ManagedClusterSetBinding",
                arena_printf(arena,
                             "{\"metadata\":{\"name\":\"%.*s\",\"namespace\":\"ns\"},"
                             "\"spec\":{\"clusterSet\":\"%.*s\"}}",
                             len, word, len, word));
            word += len;
        }
        placement_decide(
            world,
            read_json(
                arena,
                arena_printf(
                    arena,
                    "{\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\"},\"spec\":{\"clusterSets\":[%s%s%s]}}",
                    *rows[i].requested ? "\"" : "", rows[i].requested,
                    *rows[i].requested ? "\"" : "")),
            NOW, arena, &result);
        for (size_t k = 0; k < result.cluster_count; k++)
            if (result.clusters[k].why == PLACEMENT_CHOSEN)
                text_addf(&chosen, "%s%s", chosen.len ? "," : "", result.clusters[k].name);
        CHECK_TEXT(text_string(&chosen), rows[i].chosen, "%s", rows[i].why);
        for (size_t k = 0; k < result.cluster_count; k++)
            if (result.clusters[k].why == PLACEMENT_CHOSEN &&
                !placement_reach_has(placement_reach_read(world, "ns", arena),
                                     result.clusters[k].name))
                text_add(&reach, result.clusters[k].name);
        CHECK_TEXT(text_string(&reach), "", "what is chosen is within reach");
        CHECK(!placement_reach_has(placement_reach_read(world, "other", arena), "free"),
              "and nothing is for another namespace");
    }
}

int main(void)
{
    check_order();
    check_steady();
    check_spread("DoNotSchedule", true);
    check_spread("ScheduleAnyway", false);
    check_reasons();
    check_window();
    check_pools();
    return check_done();
}
