/* SPDX-License-Identifier: Apache-2.0 */
/* Placement decisions and CEL evaluations per second, and how they grow. */
#include "base/clock.h"
#include "cel/cel.h"
#include "placement/placement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW (1640995200 * CLOCK_SECOND)

static struct node *read_json(struct arena *arena, const char *text)
{
    struct err err;
    struct node *node = document_read_json(arena, text, strlen(text), &document_limits_own, &err);

    if (!node) {
        fprintf(stderr, "%s in %s\n", err.text, text);
        exit(1);
    }
    return node;
}

static void put(struct placement_world *world, const char *kind, const char *text)
{
    scoped_arena struct arena *arena = arena_new();

    placement_world_put(world, kind, read_json(arena, text));
}

static struct placement_world *make_world(int clusters)
{
    struct placement_world *world = placement_world_new();

    put(world, "ManagedClusterSet",
        "{\"metadata\":{\"name\":\"global\"},\"spec\":{\"clusterSelector\":"
        "{\"selectorType\":\"LabelSelector\",\"labelSelector\":{}}}}");
    put(world, "ManagedClusterSetBinding",
        "{\"metadata\":{\"name\":\"global\",\"namespace\":\"ns\"},"
        "\"spec\":{\"clusterSet\":\"global\"}}");
    for (int i = 0; i < clusters; i++) {
        scoped_mem char *cluster =
            mem_printf("{\"metadata\":{\"name\":\"cluster-%05d\",\"labels\":{\"env\":\"%s\","
                       "\"region\":\"r%d\",\"tier\":\"%d\"}},\"status\":{\"allocatable\":{"
                       "\"cpu\":\"%dm\",\"memory\":\"%dMi\"},\"capacity\":{\"cpu\":\"64\","
                       "\"memory\":\"256Gi\"},\"clusterClaims\":[{\"name\":\"gpu\","
                       "\"value\":\"%d\"}]}}",
                       i, i % 3 ? "prod" : "dev", i % 7, i % 4, 500 + i * 37 % 60000,
                       512 + i * 91 % 250000, i % 5);
        scoped_mem char *decision =
            mem_printf("{\"metadata\":{\"name\":\"o%d-decision-1\",\"namespace\":\"other\","
                       "\"labels\":{\"cluster.open-cluster-management.io/placement\":"
                       "\"o%d\"}},\"status\":{\"decisions\":[{\"clusterName\":"
                       "\"cluster-%05d\"}]}}",
                       i, i, i * 13 % clusters);

        put(world, "ManagedCluster", cluster);
        put(world, "PlacementDecision", decision);
    }
    return world;
}

static const struct {
    const char *name, *spec;
} shapes[] = {
    {"P1: Balance+Steady, take 10", "\"numberOfClusters\":10"},
    {"P1: +CPU+memory, take 10",
     "\"numberOfClusters\":10,\"prioritizerPolicy\":{\"configurations\":[{"
     "\"scoreCoordinate\":{\"builtIn\":\"ResourceAllocatableCPU\"}},{"
     "\"scoreCoordinate\":{\"builtIn\":\"ResourceAllocatableMemory\"}}]}"},
    {"+ label predicate", "\"numberOfClusters\":10,\"predicates\":[{\"requiredClusterSelector\":{"
                          "\"labelSelector\":{\"matchLabels\":{\"env\":\"prod\"},"
                          "\"matchExpressions\":[{\"key\":\"tier\",\"operator\":\"In\",\"values\":["
                          "\"1\",\"2\"]}]}}}]"},
    {"+ CEL predicate", "\"numberOfClusters\":10,\"predicates\":[{\"requiredClusterSelector\":{"
                        "\"celSelector\":{\"celExpressions\":["
                        "\"managedCluster.metadata.labels['env'] == 'prod'\"]}}}]"},
    {"+ spread over region",
     "\"numberOfClusters\":10,\"spreadPolicy\":{\"spreadConstraints\":[{"
     "\"topologyKey\":\"region\",\"whenUnsatisfiable\":\"DoNotSchedule\"}]}"},
};

static void bench_shape(struct placement_world *world, size_t shape)
{
    scoped_arena struct arena *texts = arena_new();
    struct node *placement =
        read_json(texts, arena_printf(texts,
                                      "{\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\"},"
                                      "\"spec\":{%s}}",
                                      shapes[shape].spec));
    int64_t start = clock_steady(), spent, best = INT64_MAX;
    size_t rounds = 0;

    do {
        scoped_arena struct arena *arena = arena_new();
        struct placement_result result;
        int64_t before = clock_steady();

        placement_decide(world, placement, NOW, arena, &result);
        if (!result.chosen_count) {
            fprintf(stderr, "nothing chosen\n");
            exit(1);
        }
        rounds++;
        spent = clock_steady();
        best = spent - before < best ? spent - before : best;
        spent -= start;
    } while (spent < 200 * CLOCK_MS);
    printf("  %-30s %9.0f decisions/s, %8.1f us each, %8.1f us at best\n", shapes[shape].name,
           (double)rounds * 1e9 / (double)spent, (double)spent / 1e3 / (double)rounds,
           (double)best / 1e3);
}

static void bench_cel(const char *text)
{
    static const char *const variables[] = {"managedCluster", NULL};
    scoped_arena struct arena *texts = arena_new();
    struct cel_variable variable = {
        "managedCluster",
        read_json(texts, "{\"metadata\":{\"labels\":{\"env\":\"prod\",\"version\":"
                         "\"1.30.2\"}},\"status\":{\"clusterClaims\":[{\"name\":"
                         "\"a\",\"value\":\"1\"},{\"name\":\"gpu\",\"value\":"
                         "\"8\"}]}}")};
    struct cel_input input = {.variables = &variable, .variable_count = 1};
    struct cel_program *program = cel_compile(texts, text, variables, NULL);
    int64_t start = clock_steady(), spent;
    size_t rounds = 0;

    do {
        scoped_arena struct arena *arena = arena_new();
        bool yes;

        for (int i = 0; i < 100; i++, rounds++)
            if (!program || cel_eval_bool(program, arena, &input, &yes, NULL) < 0 || !yes) {
                fprintf(stderr, "%s fails\n", text);
                exit(1);
            }
        spent = clock_steady() - start;
    } while (spent < 200 * CLOCK_MS);
    printf("  %12.0f evaluations/s  %s\n", (double)rounds * 1e9 / (double)spent, text);
}

int main(void)
{
    static const int sizes[] = {10, 100, 1000, 10000};

    for (size_t i = 0; i < count_of(sizes); i++) {
        struct placement_world *world = make_world(sizes[i]);

        printf("placement over %d clusters\n", sizes[i]);
        for (size_t shape = 0; shape < count_of(shapes); shape++)
            bench_shape(world, shape);
        placement_world_free(&world);
    }
    printf("cel\n");
    bench_cel("managedCluster.metadata.labels['env'] == 'prod'");
    bench_cel("semver(managedCluster.metadata.labels['version'])"
              ".isLessThan(semver('1.31.0'))");
    bench_cel("managedCluster.status.clusterClaims.exists(c, c.name == 'gpu' && "
              "int(c.value) >= 4)");
    return 0;
}
