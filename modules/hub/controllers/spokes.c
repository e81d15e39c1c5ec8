/* SPDX-License-Identifier: Apache-2.0 */
/* Tells how an application stands on each of its spokes. */
#include "controllers/spokes.h"

#include "meta/meta.h"
#include "render/render.h"

#include <string.h>

#define MOST_ROWS 200

struct node *spokes_decisions(struct reconcile_run *run, const char *namespace,
                              const char *placement)
{
    const struct node *labelled =
        reconcile_list(run, KIND_ID_DECISION, namespace, META_LABEL_PLACEMENT,
                       render_label(run->arena, placement));
    struct node *list = node_list(run->arena);

    /* The owner's name is whole; what another scheduler wrote has a label only. */
    for (size_t i = 0; i < node_count(labelled); i++) {
        const char *owner = meta_owner_name(node_item(labelled, i), "Placement");

        if (!*owner || !strcmp(owner, placement))
            node_add(run->arena, list, node_item(labelled, i));
    }
    return list;
}

struct node *spokes_chosen(struct reconcile_run *run, const char *namespace, const char *placement)
{
    const struct node *decisions;
    struct node *list = node_list(run->arena);

    decisions = spokes_decisions(run, namespace, placement);
    for (size_t i = 0; i < node_count(decisions); i++) {
        const struct node *rows = node_at(node_item(decisions, i), "status", "decisions", NULL);

        for (size_t k = 0; k < node_count(rows); k++)
            node_add(run->arena, list,
                     node_string(run->arena, node_get_text(node_item(rows, k), "clusterName")));
    }
    return list;
}

char *spokes_replica_set_label(struct arena *arena, const char *namespace, const char *name)
{
    return render_label(arena, arena_printf(arena, "%s.%s", namespace, name));
}

struct node *spokes_works(struct reconcile_run *run, const char *namespace, const char *name)
{
    const struct node *labelled =
        reconcile_list(run, KIND_ID_WORK, NULL, META_LABEL_REPLICASET,
                       spokes_replica_set_label(run->arena, namespace, name));
    char *whole = arena_printf(run->arena, "%s.%s", namespace, name);
    struct node *list = node_list(run->arena);

    /* A long label is cut and hashed; the name is whole, and never another's. */
    for (size_t i = 0; i < node_count(labelled); i++)
        if (!strcmp(meta_name(node_item(labelled, i)), whole))
            node_add(run->arena, list, node_item(labelled, i));
    return list;
}

bool spokes_work_is(const struct node *work, const char *condition)
{
    return meta_condition_holds(work, condition);
}

/* ---- One spoke after the other ------------------------------------------------ */

static const struct node *work_of(const struct node *works, const char *cluster)
{
    for (size_t i = 0; i < node_count(works); i++)
        if (!strcmp(meta_namespace(node_item(works, i)), cluster))
            return node_item(works, i);
    return NULL;
}

static void add_work_endpoints(struct arena *arena, struct spokes *spokes, const char *cluster,
                               const struct node *load_status)
{
    const struct node *list = node_get(load_status, "endpoints");

    for (size_t i = 0; i < node_count(list); i++) {
        struct node *one = node_copy(arena, node_item(list, i));
        const char *address = node_get_text(one, "address");
        bool v6 = strchr(address, ':');

        if (node_count(spokes->endpoints) >= MOST_ROWS)
            return;
        node_set_text(arena, one, "spoke", cluster);
        if (!*node_get_text(one, "url") && *address)
            node_set(arena, one, "url",
                     node_format(arena, "http://%s%s%s:%lld", v6 ? "[" : "", address, v6 ? "]" : "",
                                 (long long)node_get_int(one, "port", 80)));
        node_add(arena, spokes->endpoints, one);
    }
}

/* Another project's tells nothing here. */
static const struct node *own_load(struct reconcile_run *run, const struct node *replica_set,
                                   const char *cluster)
{
    const char *name = meta_annotation(replica_set, META_ANNOTATION_WORKLOAD);
    const struct node *load =
        reconcile_read(run, KIND_ID_WORKLOAD, cluster, *name ? name : meta_name(replica_set));
    const char *project = meta_label(load, META_LABEL_PROJECT);

    return *project && strcmp(project, meta_namespace(replica_set)) != 0 ? NULL : load;
}

struct gathering {
    struct reconcile_run *run;
    struct spokes *spokes;
    const struct node *replica_set, *works;
    struct node *by_phase[SPOKE_PHASES];
};

static bool is_name_taken(const struct gathering *to, const char *cluster)
{
    const char *name = arena_printf(to->run->arena, "%s.%s", meta_namespace(to->replica_set),
                                    meta_name(to->replica_set));

    return !work_of(to->works, cluster) && reconcile_read(to->run, KIND_ID_WORK, cluster, name);
}

static void add_spoke(struct gathering *to, const char *cluster, bool chosen)
{
    struct arena *arena = to->run->arena;
    struct spokes *spokes = to->spokes;
    struct standing_input input = {
        .template = node_at(to->replica_set, "spec", "manifestWorkTemplate", NULL),
        .cluster = reconcile_read(to->run, KIND_ID_CLUSTER, "", cluster),
        .work = work_of(to->works, cluster),
        .load = own_load(to->run, to->replica_set, cluster),
        .taken = is_name_taken(to, cluster),
    };
    struct standing standing = standing_judge(arena, &input);
    struct node *row = node_map(arena);

    node_set_text(arena, row, "name", cluster);
    node_set_text(arena, row, "phase", spoke_phase_names[standing.phase]);
    if (*standing.message)
        node_set_text(arena, row, "message", standing.message);
    node_add(arena, to->by_phase[standing.phase], row);
    spokes->count[standing.phase]++;
    spokes->total++;
    spokes->chosen += chosen;
    spokes->updated += chosen && standing.updated;
    spokes->chosen_ready += chosen && standing.ready;
    spokes->copies += standing.copies;
    spokes->copies_ready += standing.copies_ready;
    if (standing.ready) {
        spokes->ready++;
        add_work_endpoints(arena, spokes, cluster, standing.now);
    }
}

static void put_in_order(struct gathering *from)
{
    struct arena *arena = from->run->arena;
    struct spokes *spokes = from->spokes;

    for (size_t i = 0; i < SPOKE_PHASES; i++)
        for (size_t k = 0; k < node_count(from->by_phase[i]); k++) {
            struct node *row = node_item(from->by_phase[i], k);

            if (!*spokes->worst && i < SPOKE_RUNNING)
                spokes->worst = arena_printf(arena, "%s: %s", node_get_text(row, "name"),
                                             node_get_text(row, "message"));
            if (node_count(spokes->rows) < MOST_ROWS)
                node_add(arena, spokes->rows, row);
        }
}

void spokes_gather(struct reconcile_run *run, const struct node *replica_set,
                   const struct node *chosen, struct spokes *ret)
{
    struct gathering to = {.run = run, .spokes = ret, .replica_set = replica_set};

    *ret = (struct spokes){
        .rows = node_list(run->arena), .endpoints = node_list(run->arena), .worst = ""};
    for (size_t i = 0; i < SPOKE_PHASES; i++)
        to.by_phase[i] = node_list(run->arena);
    to.works = spokes_works(run, meta_namespace(replica_set), meta_name(replica_set));
    for (size_t i = 0; i < node_count(chosen); i++)
        add_spoke(&to, node_text(node_item(chosen, i)), true);
    for (size_t i = 0; i < node_count(to.works); i++)
        if (!meta_list_has(chosen, meta_namespace(node_item(to.works, i))))
            add_spoke(&to, meta_namespace(node_item(to.works, i)), false);
    put_in_order(&to);
}

void spokes_hold_back(struct arena *arena, struct spokes *spokes)
{
    for (size_t i = 0; i < node_count(spokes->rows); i++) {
        struct node *row = node_item(spokes->rows, i);
        const char *phase = node_get_text(row, "phase");

        if (strcmp(phase, spoke_phase_names[SPOKE_RUNNING]) &&
            strcmp(phase, spoke_phase_names[SPOKE_COMPLETED]))
            continue;
        node_set_text(arena, row, "phase", spoke_phase_names[SPOKE_PENDING]);
        node_set_text(arena, row, "message", "the previous version runs");
    }
    spokes->ready = spokes->chosen_ready = spokes->updated = 0;
    spokes->copies_ready = 0;
}
