/* SPDX-License-Identifier: Apache-2.0 */
/* Tells how an application stands on each of its spokes. */
#include "controllers/spokes.h"

#include "render/render.h"

#include <string.h>

#define AVAILABLE "ManagedClusterConditionAvailable"
#define MOST_ROWS 200

const char *const spoke_phase_names[] = {
    [SPOKE_FAILED] = "Failed", [SPOKE_DEGRADED] = "Degraded",
    [SPOKE_UNKNOWN] = "Unknown", [SPOKE_DEPLOYING] = "Deploying",
    [SPOKE_PENDING] = "Pending", [SPOKE_DELETING] = "Deleting",
    [SPOKE_RUNNING] = "Running", [SPOKE_COMPLETED] = "Completed",
};

struct node *spokes_decisions(struct pass *pass, const char *space, const char *placement)
{
    const struct node *labelled = pass_list(pass, DECISION, space, PLACEMENT_LABEL,
                                            render_label(pass->arena, placement));
    struct node *list = node_list(pass->arena);

    /* The owner's name is whole; what another scheduler wrote has a label only. */
    for (size_t i = 0; i < node_count(labelled); i++) {
        const char *owner = object_owner(node_item(labelled, i), "Placement");

        if (!*owner || !strcmp(owner, placement))
            node_add(pass->arena, list, node_item(labelled, i));
    }
    return list;
}

struct node *spokes_chosen(struct pass *pass, const char *space,
                           const char *placement)
{
    const struct node *decisions;
    struct node *list = node_list(pass->arena);

    decisions = spokes_decisions(pass, space, placement);
    for (size_t i = 0; i < node_count(decisions); i++) {
        const struct node *rows = node_at(node_item(decisions, i), "status",
                                          "decisions", NULL);

        for (size_t k = 0; k < node_count(rows); k++)
            node_add(pass->arena, list,
                     node_string(pass->arena, node_get_text(node_item(rows, k),
                                                            "clusterName")));
    }
    return list;
}

char *spokes_replica_set_label(struct arena *arena, const char *space,
                               const char *name)
{
    return render_label(arena, arena_printf(arena, "%s.%s", space, name));
}

struct node *spokes_works(struct pass *pass, const char *space,
                          const char *name)
{
    const struct node *labelled = pass_list(pass, WORK, NULL, REPLICA_SET_LABEL,
                                            spokes_replica_set_label(pass->arena, space, name));
    char *whole = arena_printf(pass->arena, "%s.%s", space, name);
    struct node *list = node_list(pass->arena);

    /* A long label is cut and hashed; the name is whole, and never another's. */
    for (size_t i = 0; i < node_count(labelled); i++)
        if (!strcmp(object_name(node_item(labelled, i)), whole))
            node_add(pass->arena, list, node_item(labelled, i));
    return list;
}

bool spokes_work_is(const struct node *work, const char *condition)
{
    return condition_holds(work, condition);
}

static const char *condition_message(const struct node *object, const char *type)
{
    const struct node *list = node_at(object, "status", "conditions", NULL);

    return node_get_text(condition_find(list, type), "message");
}

static bool has_condition(const struct node *object, const char *type)
{
    return condition_find(node_at(object, "status", "conditions", NULL), type);
}

/* False, and about the current generation. */
static bool work_denies(const struct node *work, const char *type)
{
    const struct node *list = node_at(work, "status", "conditions", NULL);
    const struct node *found = condition_find(list, type);

    return !strcmp(node_get_text(found, "status"), "False") &&
           node_get_int(found, "observedGeneration", 0) ==
               object_generation(work);
}

/* The first that holds. */
static enum spoke_phase judge(struct arena *arena, const struct node *cluster,
                              const struct node *work, const struct node *load,
                              const char **message)
{
    const char *said = node_get_text(node_get(load, "status"), "message");

    if (work && object_deleting(work)) {
        *message = "it is being removed there";
        return SPOKE_DELETING;
    }
    if (!strcmp(condition_status(cluster, AVAILABLE), "Unknown")) {
        *message = "the spoke is silent; what runs there runs on";
        return SPOKE_UNKNOWN;
    }
    if (!work) {
        *message = cluster ? "it is not this spoke's turn yet"
                           : "the spoke has not joined";
        return SPOKE_PENDING;
    }
    if (spokes_work_is(work, "Degraded")) {
        *message = *said ? said : condition_message(work, "Degraded");
        return SPOKE_DEGRADED;
    }
    if (work_denies(work, "Applied")) {
        *message = condition_message(work, "Applied");
        return SPOKE_DEGRADED;
    }
    if (!spokes_work_is(work, "Applied")) {
        *message = "the spoke has not taken it yet";
        return SPOKE_DEPLOYING;
    }
    if (spokes_work_is(work, "Complete") ||
        !strcmp(node_get_text(node_get(load, "status"), "phase"), "Completed"))
        return SPOKE_COMPLETED;
    if (spokes_work_is(work, "Available") &&
        (!has_condition(work, "Progressing") ||
         work_denies(work, "Progressing")))
        return SPOKE_RUNNING;
    *message = *said ? said : condition_message(work, "Available");
    return SPOKE_DEPLOYING;
}

/* ---- One spoke after the other ------------------------------------------------ */

static const struct node *work_of(const struct node *works, const char *cluster)
{
    for (size_t i = 0; i < node_count(works); i++)
        if (!strcmp(object_space(node_item(works, i)), cluster))
            return node_item(works, i);
    return NULL;
}

static void add_endpoints(struct arena *arena, struct spokes *spokes,
                          const char *cluster, const struct node *load)
{
    const struct node *list = node_at(load, "status", "endpoints", NULL);

    for (size_t i = 0; i < node_count(list); i++) {
        struct node *one = node_copy(arena, node_item(list, i));
        const char *address = node_get_text(one, "address");
        bool v6 = strchr(address, ':');

        if (node_count(spokes->endpoints) >= MOST_ROWS)
            return;
        node_set_text(arena, one, "spoke", cluster);
        if (!*node_get_text(one, "url") && *address)
            node_set(arena, one, "url",
                     node_format(arena, "http://%s%s%s:%lld", v6 ? "[" : "",
                                 address, v6 ? "]" : "", (long long)
                                 node_get_int(one, "port", 80)));
        node_add(arena, spokes->endpoints, one);
    }
}

static void add_spoke(struct pass *pass, struct spokes *spokes,
                      struct node *by_phase[], const struct node *replica_set,
                      const struct node *works, const char *cluster)
{
    struct arena *arena = pass->arena;
    const char *load_name = object_annotation(replica_set, "axle.dev/workload");
    const struct node *work = work_of(works, cluster);
    const struct node *load, *there;
    const char *message = "";
    enum spoke_phase phase;
    struct node *row = node_map(arena);

    there = pass_read(pass, CLUSTER, "", cluster);
    load = pass_read(pass, WORKLOAD, cluster,
                     *load_name ? load_name : object_name(replica_set));
    /* Another project's tells nothing here. */
    if (*object_label(load, "axle.dev/project") &&
        strcmp(object_label(load, "axle.dev/project"), object_space(replica_set)) != 0)
        load = NULL;
    phase = judge(arena, there, work, load, &message);
    node_set_text(arena, row, "name", cluster);
    node_set_text(arena, row, "phase", spoke_phase_names[phase]);
    if (*message)
        node_set_text(arena, row, "message", message);
    node_add(arena, by_phase[phase], row);
    spokes->count[phase]++;
    spokes->total++;
    if (phase == SPOKE_RUNNING || phase == SPOKE_COMPLETED) {
        spokes->ready++;
        add_endpoints(arena, spokes, cluster, load);
    }
}

static bool list_has(const struct node *list, const char *name)
{
    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_text(node_item(list, i)), name))
            return true;
    return false;
}

void spokes_gather(struct pass *pass, const struct node *replica_set,
                   const struct node *chosen, struct spokes *ret)
{
    struct node *by_phase[SPOKE_COMPLETED + 1];
    const struct node *works;

    *ret = (struct spokes) { .rows = node_list(pass->arena),
                             .endpoints = node_list(pass->arena), .worst = "" };
    for (size_t i = 0; i < count_of(by_phase); i++)
        by_phase[i] = node_list(pass->arena);
    works = spokes_works(pass, object_space(replica_set),
                         object_name(replica_set));
    for (size_t i = 0; i < node_count(chosen); i++)
        add_spoke(pass, ret, by_phase, replica_set, works,
                  node_text(node_item(chosen, i)));
    for (size_t i = 0; i < node_count(works); i++)
        if (!list_has(chosen, object_space(node_item(works, i))))
            add_spoke(pass, ret, by_phase, replica_set, works,
                      object_space(node_item(works, i)));
    for (size_t i = 0; i < count_of(by_phase); i++)
        for (size_t k = 0; k < node_count(by_phase[i]); k++) {
            struct node *row = node_item(by_phase[i], k);

            if (!*ret->worst && i < SPOKE_RUNNING)
                ret->worst = arena_printf(pass->arena, "%s: %s",
                                          node_get_text(row, "name"),
                                          node_get_text(row, "message"));
            if (node_count(ret->rows) < MOST_ROWS)
                node_add(pass->arena, ret->rows, row);
        }
}
