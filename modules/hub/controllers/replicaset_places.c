/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers what is known of each cluster that a ManifestWorkReplicaSet concerns. */
#include "controllers/replicaset.h"

#include "controllers/allowed.h"
#include "controllers/claim.h"
#include "controllers/decisions.h"

#include "base/clock.h"
#include "base/map.h"
#include "meta/meta.h"
#include "render/render.h"

#include <string.h>

/* So long may a spoke that was accepted take to come for the first time. */
#define TIME_TO_JOIN (300 * CLOCK_SECOND)

/* ---- The work ------------------------------------------------------------------ */

static void note_work(const struct rollout *r, const struct work_row *work,
                      struct placement_place *place)
{
    place->has_work = true;
    place->leaving = work->deleting;
    place->current = !place->leaving && rows_is_wanted(r->run->all, r->set, work);
    place->status = work->rollout;
    place->since = work->since;
    place->created = work->created;
    place->written = work->revised && work->revised <= r->run->now ? work->revised : work->created;
    place->settled = place->current && work->done >= place->written ? work->done : 0;
    if (place->leaving)
        place->blocked = "its former work is being removed there";
}

/* ---- The cluster ---------------------------------------------------------------- */

/* Since when nothing is heard of it; 0: it is heard. */
static int64_t silence_of(const struct rollout *r, const struct node *cluster)
{
    struct reconcile_run *run = r->run;
    const struct node *available = meta_condition(cluster, META_CONDITION_CLUSTER_AVAILABLE);
    int64_t since = 0;

    if (!strcmp(node_get_text(available, "status"), "True"))
        return 0;
    clock_parse(node_get_text(available ? available : node_get(cluster, "metadata"),
                              available ? "lastTransitionTime" : "creationTimestamp"),
                &since);
    if (!available && run->now < since + TIME_TO_JOIN) {
        reconcile_wake_at(run, since + TIME_TO_JOIN);
        return 0;
    }
    return since ? since : run->now;
}

static struct object *get_work_staged(const struct rollout *r, enum kind_id kind,
                                      const char *namespace, const char *name)
{
    return objects_get(r->run->objects, OBJECTS_STAGED, r->run->all->kinds[kind], namespace, name,
                       NULL);
}

/* A decision may be older than what decides whose the cluster is. Namespaces of no
   project are the administrator's. */
bool replicaset_may_use(const struct rollout *r, const char *cluster)
{
    return !r->reach || placement_reach_has(r->reach, cluster);
}

/* A work of that name there that is not this set's: whose it is, and what to do. */
static const char *why_taken(struct rollout *r, const char *cluster)
{
    struct err why = {0};
    bool leave = false;

    if (claim_check(r->run, r->run->all->kinds[KIND_ID_WORK], cluster, r->work_name, NULL, &leave,
                    &why) == 0)
        return NULL;
    r->taken = arena_printf(r->run->arena, "%s: %s", cluster, why.text);
    reconcile_event(r->run, &r->seen, true, "NameTaken", "%s", r->taken);
    return arena_string(r->run->arena, why.text);
}

static const char *why_blocked(struct rollout *r, const struct placement_place *place,
                               const struct node *cluster)
{
    scoped_object struct object *namespace =
        get_work_staged(r, KIND_ID_NAMESPACE, "", place->cluster);

    if (!cluster)
        return "there is no such cluster";
    if (meta_is_deleting(cluster))
        return "it is leaving";
    if (!replicaset_may_use(r, place->cluster))
        return "it is in no set that the project may place on";
    if (!namespace)
        return "it is not accepted yet";
    if (namespace->deleting)
        return "its namespace is being deleted";
    if (place->has_work)
        return place->blocked;
    return why_taken(r, place->cluster);
}

static void note_cluster(struct rollout *r, struct placement_place *place,
                         const struct work_row *work)
{
    const struct node *cluster = placement_world_cluster(r->run->all->world, place->cluster);

    place->blocked = why_blocked(r, place, cluster);
    place->lost = !cluster || meta_is_deleting(cluster) ||
                  (!replicaset_may_use(r, place->cluster) &&
                   !(place->has_work && allowed_keeps(r->run, r->run->namespace, place->cluster)));
    place->silent_since = cluster ? silence_of(r, cluster) : r->run->now;
    /* What runs on a silent spoke runs on. */
    place->running = work && !work->degraded && (work->available || work->complete);
}

/* ---- All of them -------------------------------------------------------------------- */

static void add_place(struct rollout *r, struct map *known, const char *cluster,
                      const struct work_row *work)
{
    struct placement_place *place = &r->advance.places[r->advance.place_count];

    if (!*cluster || map_get(known, cluster))
        return;
    *place = (struct placement_place){.cluster = cluster};
    if (work)
        note_work(r, work, place);
    note_cluster(r, place, work);
    map_put(known, cluster, place);
    r->advance.place_count++;
}

/* Where no decision says what a ref chooses: the places that have its works. */
static void gather_held(const struct rollout *r, struct placement_ref *ref)
{
    struct arena *arena = r->run->arena;
    struct placement_rollout_group *group = arena_alloc(arena, sizeof *group);
    const char **names = arena_alloc(arena, (r->works.count + 1) * sizeof *names);
    const char *label = render_label(arena, ref->name);

    *group = (struct placement_rollout_group){.name = "", .clusters = names};
    for (size_t i = 0; i < r->works.count; i++)
        if (!strcmp(r->works.rows[i]->placement, label))
            names[group->count++] = r->works.rows[i]->head.cluster;
    ref->groups = group;
    ref->group_count = 1;
}

static void gather_refs(struct rollout *r)
{
    struct reconcile_run *run = r->run;
    const struct node *refs = node_at(r->set, "spec", "placementRefs", NULL);
    size_t count = node_count(refs);

    r->advance.refs = arena_alloc(run->arena, (count + 1) * sizeof *r->advance.refs);
    r->undecided = arena_alloc(run->arena, (count + 1) * sizeof *r->undecided);
    r->advance.ref_count = count;
    for (size_t i = 0; i < count; i++) {
        struct placement_ref *ref = &r->advance.refs[i];
        struct placement_rollout_group *groups;

        *ref = (struct placement_ref){
            .name = node_get_text(node_item(refs, i), "name"),
            .strategy = node_get(node_item(refs, i), "rolloutStrategy"),
        };
        r->undecided[i] = spokes_undecided(run, run->namespace, ref->name);
        ref->undecided = r->undecided[i] != NULL;
        if (ref->undecided) {
            gather_held(r, ref);
            continue;
        }
        placement_rollout_groups(run->arena, decisions_of(run, run->namespace, ref->name), &groups,
                                 &ref->group_count);
        ref->groups = groups;
    }
}

static size_t count_places(const struct rollout *r)
{
    size_t most = r->works.count;

    for (size_t i = 0; i < r->advance.ref_count; i++)
        for (size_t g = 0; g < r->advance.refs[i].group_count; g++)
            most += r->advance.refs[i].groups[g].count;
    return most;
}

void replicaset_gather(struct rollout *r)
{
    scoped_map struct map *known = map_new();
    struct placement_advance *advance = &r->advance;
    const struct node *move = node_at(r->set, "status", "move", NULL);

    gather_refs(r);
    advance->now = r->run->now;
    advance->places = arena_alloc(r->run->arena, (count_places(r) + 1) * sizeof *advance->places);
    for (size_t i = 0; i < r->works.count; i++)
        add_place(r, known, r->works.rows[i]->head.cluster, r->works.rows[i]);
    for (size_t i = 0; i < advance->ref_count; i++)
        for (size_t g = 0; g < advance->refs[i].group_count; g++)
            for (size_t k = 0; k < advance->refs[i].groups[g].count; k++)
                add_place(r, known, advance->refs[i].groups[g].clusters[k], NULL);
    clock_parse(node_get_text(move, "since"), &advance->move.since);
    advance->move.running = node_get_int(move, "running", 0);
    reconcile_walk(r->run, advance->place_count);
}
