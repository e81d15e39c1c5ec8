/* SPDX-License-Identifier: Apache-2.0 */
/* Checks what the hub says of a spoke, a replica set and an AIWorkload: pure functions. */
#include "controllers/standing.h"
#include "controllers/sums.h"

#include "document/document.h"

#include "check.h"

static struct node *read(struct arena *arena, const char *json)
{
    return *json ? document_read_own(arena, json, strlen(json), NULL) : NULL;
}

/* A work of generation 3, uid "w", whose spec says `spec`; Applied and so on as told. */
static struct node *work_of(struct arena *arena, const char *text)
{
    struct node *work = read(arena, "{\"metadata\":{\"name\":\"w\",\"uid\":\"w\",\"generation\":3},"
                                    "\"spec\":{\"x\":1}}");
    struct node *conditions = node_make_list(arena, node_make(arena, work, "status"), "conditions");
    char spec[8] = "", type[24], status[8];
    int generation, used = 0;

    if (!*text)
        return NULL;
    sscanf(text, "%7s%n", spec, &used);
    node_set_int(arena, node_get(work, "spec"), "v", strtol(spec + 1, NULL, 10));
    if (strchr(spec, '!'))
        node_set_text(arena, node_get(work, "metadata"), "deletionTimestamp",
                      "2026-01-01T00:00:00Z");
    for (text += used;
         sscanf(text, " %23[A-Za-z]=%7[A-Za-z]@%d%n", type, status, &generation, &used) == 3;
         text += used) {
        struct node *one = node_map(arena);

        node_set_text(arena, one, "type", type);
        node_set_text(arena, one, "status", status);
        node_set_text(arena, one, "message", type);
        node_set_int(arena, one, "observedGeneration", generation);
        node_add(arena, conditions, one);
    }
    return work;
}

/* By their rows; v2 is wanted. */
static struct standing judge(struct arena *arena, const struct node *cluster,
                             const struct node *work, const struct node *load)
{
    scoped_mem struct work_row *work_row = work ? row_of_work(work) : NULL;
    scoped_mem struct load_row *load_row = load ? row_of_load(load) : NULL;
    struct standing_input input = {
        .cluster = cluster,
        .work = work_row,
        .load = load_row,
        .wanted = work && standing_is_wanted(work, read(arena, "{\"v\":2}")),
    };
    struct standing ret = standing_judge(arena, &input);

    ret.message = arena_string(arena, ret.message);
    ret.now = NULL;
    return ret;
}

/* `work`: vN[!] and conditions TYPE=STATUS@GENERATION; wanted is v2, the generation 3. */
static const struct {
    const char *name, *cluster, *work, *load, *phase;
    bool updated, ready;
} spokes[] = {
    {"no work yet", "True", "", "", "Pending", false, false},
    {"taken and running", "True", "v2 Applied=True@3 Available=True@3 Progressing=False@3", "",
     "Running", true, true},
    {"a klusterlet without Progressing", "True", "v2 Applied=True@3 Available=True@3", "",
     "Running", true, true},
    {"the new spec, the status of the old one", "True",
     "v2 Applied=True@2 Available=True@2 Progressing=False@2", "", "Deploying", false, false},
    {"the old spec, with a status of it", "True",
     "v1 Applied=True@3 Available=True@3 Progressing=False@3", "", "Pending", false, false},
    {"Applied of now, Available of before", "True",
     "v2 Applied=True@3 Available=True@2 Progressing=False@2", "", "Deploying", true, false},
    {"Progressing of before is not over", "True",
     "v2 Applied=True@3 Available=True@3 Progressing=False@2", "", "Deploying", true, false},
    {"Degraded of before concerns the former version", "True",
     "v2 Applied=True@3 Available=True@3 Progressing=False@3 Degraded=True@2", "", "Running", true,
     true},
    {"Degraded now, Applied of before", "True", "v2 Applied=True@2 Degraded=True@3", "", "Degraded",
     false, false},
    {"not applied", "True", "v2 Applied=False@3", "", "Degraded", true, false},
    {"not applied, of before", "True", "v2 Applied=False@2", "", "Deploying", false, false},
    {"Complete of now", "True", "v2 Applied=True@3 Complete=True@3", "", "Completed", true, true},
    {"Complete of before", "True", "v2 Applied=True@3 Complete=True@2", "", "Deploying", true,
     false},
    {"a Workload's Completed is no word of this generation", "True", "v2 Applied=True@3",
     "{\"status\":{\"phase\":\"Completed\",\"work\":{\"uid\":\"w\",\"generation\":2}}}",
     "Deploying", true, false},
    {"a silent spoke is not ready", "Unknown",
     "v2 Applied=True@3 Available=True@3 Progressing=False@3", "", "Unknown", true, false},
    {"one that goes", "True", "v2! Applied=True@3 Available=True@3 Progressing=False@3", "",
     "Deleting", false, false},
};

static void check_spokes(void)
{
    for (size_t i = 0; i < count_of(spokes); i++) {
        scoped_arena struct arena *arena = arena_new();
        char *cluster = arena_printf(arena,
                                     "{\"status\":{\"conditions\":[{\"type\":"
                                     "\"ManagedClusterConditionAvailable\",\"status\":\"%s\"}]}}",
                                     spokes[i].cluster);
        struct standing standing =
            judge(arena, read(arena, cluster), work_of(arena, spokes[i].work),
                  read(arena, spokes[i].load));

        CHECK_TEXT(spoke_phase_names[standing.phase], spokes[i].phase, "%s", spokes[i].name);
        CHECK(standing.updated == spokes[i].updated && standing.ready == spokes[i].ready,
              "%s: updated %d, ready %d", spokes[i].name, standing.updated, standing.ready);
    }
}

/* Whose Workload status may be shown. */
static const struct {
    const char *name, *load;
    int64_t copies;
} loads[] = {
    {"of this work and generation",
     "{\"status\":{\"copies\":{\"wanted\":2,\"ready\":2},\"work\":{\"uid\":\"w\",\"generation\":3}}}",
     2},
    {"of an earlier generation",
     "{\"status\":{\"copies\":{\"wanted\":2,\"ready\":2},\"work\":{\"uid\":\"w\",\"generation\":2}}}",
     0},
    {"of an earlier work of that name",
     "{\"status\":{\"copies\":{\"wanted\":2,\"ready\":2},\"work\":{\"uid\":\"v\",\"generation\":3}}}",
     0},
    {"an old agent's, by the artifact",
     "{\"spec\":{\"artifact\":{\"digest\":\"a\"}},\"status\":{"
     "\"copies\":{\"wanted\":2,\"ready\":2},\"artifact\":{\"digest\":\"a\"}}}",
     2},
    {"an old agent's, of another artifact",
     "{\"spec\":{\"artifact\":{\"digest\":\"a\"}},\"status\":{"
     "\"copies\":{\"wanted\":2,\"ready\":2},\"artifact\":{\"digest\":\"b\"}}}",
     0},
    {"more than there are",
     "{\"status\":{\"copies\":{\"wanted\":2,\"ready\":9000000000000},"
     "\"work\":{\"uid\":\"w\",\"generation\":3}}}",
     2},
    {"more than can be",
     "{\"status\":{\"copies\":{\"wanted\":9000000000000,\"ready\":9000000000000},"
     "\"work\":{\"uid\":\"w\",\"generation\":3}}}",
     100000},
    {"fewer than none",
     "{\"status\":{\"copies\":{\"wanted\":-5,\"ready\":-7},"
     "\"work\":{\"uid\":\"w\",\"generation\":3}}}",
     0},
};

static void check_loads(void)
{
    for (size_t i = 0; i < count_of(loads); i++) {
        scoped_arena struct arena *arena = arena_new();
        const struct node *work =
            work_of(arena, "v2 Applied=True@3 Available=True@3 Progressing=False@3");

        CHECK_INT(judge(arena, NULL, work, read(arena, loads[i].load)).copies_ready,
                  loads[i].copies, "copies: %s", loads[i].name);
    }
}

/* The work's spec, and what of it the controller set; the template is {"v":2,"o":{"a":1}}. */
static const struct {
    const char *name, *spec, *owned;
    bool wanted;
} specs[] = {
    {"as it says", "{\"v\":2,\"o\":{\"a\":1}}", "{\"f:v\":{},\"f:o\":{\"f:a\":{}}}", true},
    {"a field that it had", "{\"v\":2,\"o\":{\"a\":1},\"x\":1}",
     "{\"f:v\":{},\"f:o\":{\"f:a\":{}},\"f:x\":{}}", false},
    {"a field below that it had", "{\"v\":2,\"o\":{\"a\":1,\"b\":1}}",
     "{\"f:v\":{},\"f:o\":{\"f:a\":{},\"f:b\":{}}}", false},
    {"another's field", "{\"v\":2,\"o\":{\"a\":1,\"b\":1},\"x\":1}",
     "{\"f:v\":{},\"f:o\":{\"f:a\":{}}}", true},
    {"without managedFields", "{\"v\":2,\"o\":{\"a\":1},\"x\":1}", "", true},
};

static void check_specs(void)
{
    for (size_t i = 0; i < count_of(specs); i++) {
        scoped_arena struct arena *arena = arena_new();
        char *work = arena_printf(arena,
                                  "{\"metadata\":{\"managedFields\":[{\"manager\":"
                                  "\"axle-replicaset\",\"operation\":\"Apply\",\"fieldsV1\":"
                                  "{\"f:spec\":%s}}]},\"spec\":%s}",
                                  *specs[i].owned ? specs[i].owned : "{}", specs[i].spec);

        CHECK(standing_is_wanted(read(arena, work), read(arena, "{\"v\":2,\"o\":{\"a\":1}}")) ==
                  specs[i].wanted,
              "a work with %s", specs[i].name);
    }
}

static void check_set(void)
{
    scoped_arena struct arena *arena = arena_new();
    static const char *const works[] = {"v2 Applied=True@3 Available=True@3",
                                        "v2 Applied=True@2 Available=True@2",
                                        "v1 Applied=True@3 Available=True@3 Degraded=True@3"};
    struct standing_summary sum = {0};

    for (size_t i = 0; i < count_of(works); i++) {
        const struct node *work = work_of(arena, works[i]);
        scoped_mem struct work_row *row = row_of_work(work);

        standing_add(&sum, row, standing_is_wanted(work, read(arena, "{\"v\":2}")));
    }
    CHECK_INT(sum.total, 3, "every work is in the total");
    CHECK_INT(sum.updated, 1, "updated: the wanted spec, and a status of it");
    CHECK_INT(sum.available, 1, "available: only of the wanted version");
    CHECK_INT(sum.degraded, 0, "the former version's troubles are not this one's");
}

/* Deployments as GENERATION/OBSERVED:PHASE:READY/TOTAL:SPOKE=PHASE,… */
static struct node *deployments_of(struct arena *arena, const char *text)
{
    struct node *list = node_list(arena);
    int generation, observed, ready, total, used = 0;
    char phase[16], rows[64];

    for (; sscanf(text, " %d/%d:%15[A-Za-z]:%d/%d:%63[^ ]%n", &generation, &observed, phase, &ready,
                  &total, rows, &used) == 6;
         text += used) {
        struct node *one = node_map(arena), *status = node_make(arena, one, "status");
        struct node *spokes_ = node_make_list(arena, status, "spokes");

        node_set_int(arena, node_make(arena, one, "metadata"), "generation", generation);
        node_set_int(arena, status, "observedGeneration", observed);
        node_set_text(arena, status, "phase", phase);
        node_set_int(arena, status, "readySpokes", ready);
        node_set_int(arena, status, "totalSpokes", total);
        for (char *row = rows, *end; *row; row = end) {
            struct node *made = node_map(arena);
            size_t name = strcspn(row, "=,"), len = strcspn(row, ",");

            end = row + len + (row[len] == ',');
            node_set_text(arena, made, "name", arena_bytes(arena, row, name));
            node_set_text(arena, made, "phase", arena_bytes(arena, row + name + 1, len - name - 1));
            node_add(arena, spokes_, made);
        }
        node_add(arena, list, one);
    }
    return list;
}

static const struct {
    const char *name, *deployments, *phase;
    int64_t ready, total;
} sums[] = {
    {"nothing yet", "", "Pending", 0, 0},
    {"one that runs", "1/1:Running:2/2:a=Running,b=Running", "Running", 2, 2},
    {"its status is of before", "2/1:Running:2/2:a=Running,b=Running", "Rendering", 0, 2},
    {"ready is where each is ready",
     "1/1:Deploying:1/2:a=Running,b=Deploying "
     "1/1:Deploying:1/2:a=Deploying,b=Running",
     "Deploying", 0, 2},
    {"one of two changes",
     "1/1:Running:2/2:a=Running,b=Running 2/1:Running:2/2:a=Running,b=Running", "Rendering", 0, 2},
    {"more spokes than rows: none of the others counts as ready that was not said to be",
     "1/1:Degraded:1/5:a=Degraded,b=Degraded", "Degraded", 1, 5},
    {"tasks and servers", "1/1:Completed:1/1:a=Completed 1/1:Running:1/1:a=Running", "Running", 1,
     1},
};

static void check_sums(void)
{
    for (size_t i = 0; i < count_of(sums); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct sums sum = sums_of(arena, deployments_of(arena, sums[i].deployments));

        CHECK_TEXT(sum.phase, sums[i].phase, "sums: %s", sums[i].name);
        CHECK(sum.ready == sums[i].ready && sum.total == sums[i].total, "sums: %s: %lld/%lld",
              sums[i].name, (long long)sum.ready, (long long)sum.total);
    }
}

static void check_conditions(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *none = node_list(arena);
    struct node *one = read(
        arena,
        "[{\"metadata\":{\"generation\":2},\"status\":{\"observedGeneration\":2,\"conditions\":["
        "{\"type\":\"Available\",\"status\":\"True\",\"observedGeneration\":2},"
        "{\"type\":\"Placed\",\"status\":\"True\",\"observedGeneration\":1}]}}]");

    CHECK_TEXT(sums_condition(none, "Available").status, "Unknown", "of nothing, nothing is known");
    CHECK_TEXT(sums_condition(one, "Available").status, "True", "what is said of now holds");
    CHECK_TEXT(sums_condition(one, "Placed").status, "Unknown", "what is said of before does not");
}

int main(void)
{
    check_spokes();
    check_loads();
    check_specs();
    check_set();
    check_sums();
    check_conditions();
    return check_done();
}
