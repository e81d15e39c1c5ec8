/* SPDX-License-Identifier: Apache-2.0 */
/* Tells how an application stands on each of its spokes. */
#include "controllers/spokes.h"
#include "controllers/decisions.h"

#include "base/map.h"
#include "meta/meta.h"
#include "placement/placement.h"
#include "render/render.h"

#include <string.h>

#define MOST_ROWS 200

struct node *spokes_chosen(struct reconcile_run *run, const char *namespace, const char *placement)
{
    const struct node *decisions;
    struct node *list = node_list(run->arena);

    decisions = decisions_of(run, namespace, placement);
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

struct work_rows spokes_works(struct reconcile_run *run, const char *namespace, const char *name)
{
    struct work_rows works =
        rows_works(run->all, run->arena, arena_printf(run->arena, "%s.%s", namespace, name));

    reconcile_walk(run, works.count);
    return works;
}

/* ---- One spoke after the other ------------------------------------------------ */

static void add_reported_endpoint(struct arena *arena, struct spokes *spokes, const char *cluster,
                                  const struct node *from)
{
    struct node *one = node_copy(arena, from);
    const char *address = node_get_text(one, "address");
    bool v6 = strchr(address, ':');

    node_set_text(arena, one, "spoke", cluster);
    if (!*node_get_text(one, "url") && *address)
        node_set(arena, one, "url",
                 node_format(arena, "http://%s%s%s:%lld", v6 ? "[" : "", address, v6 ? "]" : "",
                             (long long)node_get_int(one, "port", 80)));
    node_add(arena, spokes->endpoints, one);
}

/* Only of the few that are reported. */
static void add_work_endpoints(struct arena *arena, struct spokes *spokes,
                               const struct load_row *load)
{
    const struct node *list;

    if (!load || !*load->endpoints || node_count(spokes->endpoints) >= MOST_ROWS)
        return;
    list = document_read_own(arena, load->endpoints, strlen(load->endpoints), NULL);
    for (size_t i = 0; i < node_count(list) && node_count(spokes->endpoints) < MOST_ROWS; i++)
        add_reported_endpoint(arena, spokes, load->head.cluster, node_item(list, i));
}

/* How one stands, in the order in which they were found. */
struct judged {
    const char *cluster;
    struct standing standing;
    struct judged *next; /* of the same phase */
};

struct gathering {
    struct reconcile_run *run;
    struct spokes *spokes;
    const struct node *replica_set;
    const char *work_name, *load_name;
    struct {
        struct judged *first, **end;
    } by_phase[SPOKE_PHASES];
};

/* Another project's tells nothing here. */
static const struct load_row *own_load(const struct gathering *to, const char *cluster)
{
    const struct load_row *load = rows_load(to->run->all, to->load_name, cluster);

    return load && *load->project && strcmp(load->project, meta_namespace(to->replica_set)) != 0
               ? NULL
               : load;
}

static void count_spoke(struct gathering *to, bool chosen, const struct standing *standing)
{
    struct spokes *spokes = to->spokes;

    spokes->count[standing->phase]++;
    spokes->total++;
    spokes->chosen += chosen;
    spokes->updated += chosen && standing->updated;
    spokes->chosen_ready += chosen && standing->ready;
    spokes->copies += standing->copies;
    spokes->copies_ready += standing->copies_ready;
    if (standing->ready) {
        spokes->ready++;
        add_work_endpoints(to->run->arena, spokes, standing->now);
    }
}

/* `work` is any of that name; one that is not the replica set's has its name. */
static void add_spoke(struct gathering *to, const char *cluster, const struct work_row *work,
                      bool chosen)
{
    struct controllers *all = to->run->all;
    const struct work_row *own = work && work->labelled ? work : NULL;
    struct standing_input input = {
        .cluster = placement_world_cluster(all->world, cluster),
        .work = own,
        .load = own_load(to, cluster),
        .wanted = own && rows_is_wanted(all, to->replica_set, own),
        .taken = work && !own,
    };
    struct judged *judged = arena_alloc(to->run->arena, sizeof *judged);

    *judged = (struct judged){cluster, standing_judge(to->run->arena, &input), NULL};
    *to->by_phase[judged->standing.phase].end = judged;
    to->by_phase[judged->standing.phase].end = &judged->next;
    count_spoke(to, chosen, &judged->standing);
}

static struct node *make_spoke_row(struct arena *arena, const struct judged *judged)
{
    struct node *row = node_map(arena);

    node_set_text(arena, row, "name", judged->cluster);
    node_set_text(arena, row, "phase", spoke_phase_names[judged->standing.phase]);
    if (*judged->standing.message)
        node_set_text(arena, row, "message", judged->standing.message);
    return row;
}

static void put_in_order(struct gathering *from)
{
    struct arena *arena = from->run->arena;
    struct spokes *spokes = from->spokes;

    for (size_t i = 0; i < SPOKE_PHASES; i++)
        for (const struct judged *one = from->by_phase[i].first;
             one && node_count(spokes->rows) < MOST_ROWS; one = one->next) {
            if (!*spokes->worst && i < SPOKE_RUNNING)
                spokes->worst = arena_printf(arena, "%s: %s", one->cluster, one->standing.message);
            node_add(arena, spokes->rows, make_spoke_row(arena, one));
        }
}

static void gather_each(struct gathering *to, const struct node *chosen)
{
    struct work_rows works =
        spokes_works(to->run, meta_namespace(to->replica_set), meta_name(to->replica_set));
    scoped_map struct map *known = map_new();

    for (size_t i = 0; i < node_count(chosen); i++) {
        const char *cluster = node_text(node_item(chosen, i));

        map_put(known, cluster, to);
        add_spoke(to, cluster, rows_work(to->run->all, to->work_name, cluster), true);
    }
    for (size_t i = 0; i < works.count; i++)
        if (!map_get(known, works.rows[i]->head.cluster))
            add_spoke(to, works.rows[i]->head.cluster, works.rows[i], false);
}

void spokes_gather(struct reconcile_run *run, const struct node *replica_set,
                   const struct node *chosen, struct spokes *ret)
{
    const char *name = meta_name(replica_set);
    const char *load = meta_annotation(replica_set, META_ANNOTATION_WORKLOAD);
    struct gathering to = {
        .run = run,
        .spokes = ret,
        .replica_set = replica_set,
        .work_name = arena_printf(run->arena, "%s.%s", meta_namespace(replica_set), name),
        .load_name = *load ? load : name,
    };

    *ret = (struct spokes){
        .rows = node_list(run->arena), .endpoints = node_list(run->arena), .worst = ""};
    for (size_t i = 0; i < SPOKE_PHASES; i++)
        to.by_phase[i].end = &to.by_phase[i].first;
    gather_each(&to, chosen);
    reconcile_walk(run, ret->total);
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
