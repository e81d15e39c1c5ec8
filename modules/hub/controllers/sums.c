/* SPDX-License-Identifier: Apache-2.0 */
/* Sums the deployments of an AIWorkload up in one status. */
#include "controllers/sums.h"

#include "controllers/failure.h"
#include "controllers/standing.h"
#include "meta/meta.h"

#include <string.h>

static const struct node *status_of_deployment(const struct node *deployment)
{
    return node_get(deployment, "status");
}

/* Its status is of what it is now. */
static bool is_told(const struct node *deployment)
{
    return node_get_int(status_of_deployment(deployment), "observedGeneration", 0) ==
           meta_generation(deployment);
}

/* ---- The phase --------------------------------------------------------------------- */

/* By how much they matter; the first that a deployment has holds. */
static const char *const phases[] = {"Failed",  "Degraded",  "Rendering",
                                     "Placing", "Deploying", "Unknown"};

static const char *phase_of_deployment(const struct node *deployment)
{
    const char *phase = node_get_text(status_of_deployment(deployment), "phase");

    /* One that is no longer wanted is on its way out. */
    if (meta_is_deleting(deployment) || !strcmp(phase, "Deleting"))
        return "Deploying";
    return is_told(deployment) ? phase : "Rendering";
}

static const char *sum_phase(const struct node *deployments)
{
    size_t completed = 0, running = 0, count = node_count(deployments);

    for (size_t p = 0; p < count_of(phases); p++)
        for (size_t i = 0; i < count; i++)
            if (!strcmp(phase_of_deployment(node_item(deployments, i)), phases[p]))
                return phases[p];
    for (size_t i = 0; i < count; i++) {
        const char *phase = phase_of_deployment(node_item(deployments, i));

        completed += !strcmp(phase, "Completed");
        running += !strcmp(phase, "Running");
    }
    if (count && completed == count)
        return "Completed";
    return count && completed + running == count ? "Running" : "Pending";
}

/* ---- Spokes ------------------------------------------------------------------------- */

static enum spoke_phase rank_of(const struct node *row)
{
    size_t i = 0;

    while (i + 1 < SPOKE_PHASES && strcmp(node_get_text(row, "phase"), spoke_phase_names[i]))
        i++;
    return (enum spoke_phase)i;
}

static bool is_ready(enum spoke_phase phase)
{
    return phase == SPOKE_RUNNING || phase == SPOKE_COMPLETED;
}

/* What a deployment says of a spoke; one that changes says nothing good. */
static struct node *row_now(struct arena *arena, const struct node *deployment,
                            const struct node *row)
{
    struct node *made = node_copy(arena, row);

    if (is_told(deployment) || !is_ready(rank_of(row)))
        return made;
    node_set_text(arena, made, "phase", spoke_phase_names[SPOKE_PENDING]);
    node_set_text(arena, made, "message", "the previous version runs");
    return made;
}

struct counting {
    struct arena *arena;
    struct node *by_name; /* of each spoke, the worst row */
    int64_t unseen;       /* spokes that are not ready, and have no row */
};

/* A status names 200 spokes at most, those that are not ready first. */
static void add_spoke_rows(struct counting *to, const struct node *deployment)
{
    const struct node *status = status_of_deployment(deployment);
    const struct node *list = node_get(status, "spokes");
    int64_t bad = node_get_int(status, "totalSpokes", 0) -
                  (is_told(deployment) ? node_get_int(status, "readySpokes", 0) : 0);

    for (size_t k = 0; k < node_count(list); k++) {
        struct node *row = row_now(to->arena, deployment, node_item(list, k));
        const char *name = node_get_text(row, "name");
        const struct node *old = node_get(to->by_name, name);

        bad -= !is_ready(rank_of(row));
        if (!old || rank_of(row) < rank_of(old))
            node_set(to->arena, to->by_name, name, row);
    }
    to->unseen += bad > 0 ? bad : 0;
}

static void sum_spokes(struct sums *sums, struct counting *counting)
{
    int64_t bad = counting->unseen;

    for (int rank = 0; rank < SPOKE_PHASES; rank++)
        node_each(member, counting->by_name) if ((int)rank_of(member->value) == rank)
        {
            node_add(counting->arena, sums->spokes, member->value);
            bad += !is_ready((enum spoke_phase)rank);
        }
    sums->ready = sums->total > bad ? sums->total - bad : 0;
}

struct sums sums_of(struct arena *arena, const struct node *deployments)
{
    struct sums ret = {.phase = sum_phase(deployments),
                       .message = "",
                       .spokes = node_list(arena),
                       .endpoints = node_list(arena)};
    struct counting counting = {.arena = arena, .by_name = node_map(arena)};

    for (size_t i = 0; i < node_count(deployments); i++) {
        const struct node *one = node_item(deployments, i), *status = status_of_deployment(one);
        const struct node *endpoints = node_get(status, "endpoints");
        int64_t total = node_get_int(status, "totalSpokes", 0);

        add_spoke_rows(&counting, one);
        for (size_t k = 0; k < node_count(endpoints); k++)
            node_add(arena, ret.endpoints, node_copy(arena, node_item(endpoints, k)));
        if (!*ret.message)
            ret.message = node_get_text(status, "message");
        ret.total = total > ret.total ? total : ret.total;
        ret.copies += node_get_int(status, "copies", 0);
        ret.copies_ready += is_told(one) ? node_get_int(status, "readyCopies", 0) : 0;
    }
    sum_spokes(&ret, &counting);
    return ret;
}

/* ---- Conditions ------------------------------------------------------------------------- */

struct meta_condition sums_condition(const struct node *deployments, const char *type)
{
    struct meta_condition ret = {type, "Unknown", "NotJudged", "there is no deployment yet"};
    bool decided = false;

    for (size_t i = 0; i < node_count(deployments); i++) {
        const struct node *one = node_item(deployments, i);
        const struct node *found =
            meta_condition_find(node_get(status_of_deployment(one), "conditions"), type);

        if (meta_is_deleting(one))
            continue;
        if (!is_told(one) || node_get_int(found, "observedGeneration", 0) != meta_generation(one)) {
            struct failure failure = failure_of(one);

            return (struct meta_condition){type, "Unknown",
                                           failure.reason ? failure.reason : "Progressing",
                                           failure.reason ? failure.message : "not known yet"};
        }
        if (decided)
            continue;
        decided = strcmp(node_get_text(found, "status"), "True") != 0;
        ret = (struct meta_condition){type, node_get_text(found, "status"),
                                      node_get_text(found, "reason"),
                                      node_get_text(found, "message")};
    }
    return ret;
}
