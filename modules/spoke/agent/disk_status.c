/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the hub that the store was replaced, and that the disk cannot be written. */
#include "agent/internal.h"
#include "agent/session.h"
#include "agent/status.h"

#include "cluster/cluster.h"
#include "document/document.h"
#include "meta/meta.h"
#include "storage/storage.h"
#include "works/works.h"

#include <string.h>

#define STORE_CONDITION "SpokeStateIntact"
#define PRESSURE_CONDITION "DiskPressure"

struct disk_status {
    bool damage_told;    /* an Event about the store was sent since this start */
    bool pressure_told;  /* one about the present pressure was sent */
    bool pressure_known; /* the hub has heard of a pressure, so it hears of its end too */
};

void disk_status_open(struct agent *agent)
{
    agent->disk_status = mem_alloc(sizeof *agent->disk_status);
}

void disk_status_close(struct agent *agent)
{
    mem_free(&agent->disk_status);
}

/* ---- Events ---------------------------------------------------------------------- */

static void send_disk_event(struct agent *agent, const char *type, const char *reason,
                            const char *message)
{
    struct cluster_event event = {.owner = "",
                                  .api_version = META_API_CLUSTER,
                                  .kind = "ManagedCluster",
                                  .namespace = "",
                                  .name = agent->name,
                                  .type = type,
                                  .reason = reason,
                                  .message = message};

    works_event(agent->works, &event);
}

static void send_damage(struct agent *agent)
{
    const char *damage = storage_damage(agent->storage);

    if (!damage || agent->disk_status->damage_told)
        return;
    agent->disk_status->damage_told = true;
    send_disk_event(agent, "Warning", "StoreReplaced", damage);
}

static void send_pressure(struct agent *agent)
{
    const char *words = storage_pressure(agent->storage);

    if (!words || agent->disk_status->pressure_told || !session_is_watching(agent))
        return;
    agent->disk_status->pressure_told = true;
    send_disk_event(agent, "Warning", PRESSURE_CONDITION, words);
}

void disk_status_send(struct agent *agent)
{
    send_damage(agent);
    send_pressure(agent);
}

/* It may begin while the agent is still being opened: then there are no works yet. */
void disk_status_changed(struct agent *agent)
{
    if (!agent->storage || !agent->works)
        return;
    if (storage_pressure(agent->storage)) {
        agent->disk_status->pressure_told = false;
        send_pressure(agent);
        session_status_changed(agent);
        return;
    }
    send_disk_event(agent, "Normal", "DiskHasRoom",
                    "the disk can be written again; waiting work continues");
    session_status_changed(agent);
    works_disk_well(agent->works);
}

/* ---- Conditions ------------------------------------------------------------------ */

static bool has_condition(const struct node *cluster, const char *type)
{
    const struct node *list = meta_conditions(cluster);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "type"), type))
            return true;
    return false;
}

static void add_disk_condition(struct arena *arena, struct node *news, const char *type,
                               const char *status, const char *reason, const char *message)
{
    struct node *made = node_map(arena);

    node_set_text(arena, made, "type", type);
    node_set_text(arena, made, "status", status);
    node_set_text(arena, made, "reason", reason);
    node_set_text(arena, made, "message", message);
    node_add(arena, news, made);
}

/* True again with the first start that finds the store well. */
static void add_store_condition(struct agent *agent, struct arena *arena,
                                const struct node *cluster, struct node *news)
{
    const char *damage = storage_damage(agent->storage);

    if (damage)
        add_disk_condition(arena, news, STORE_CONDITION, "False", "StoreReplaced", damage);
    else if (has_condition(cluster, STORE_CONDITION))
        add_disk_condition(arena, news, STORE_CONDITION, "True", "AsKept", "");
}

/* False again when the pressure is over, and absent where there never was one. */
static void add_pressure_condition(struct agent *agent, struct arena *arena,
                                   const struct node *cluster, struct node *news)
{
    const char *words = storage_pressure(agent->storage);
    struct disk_status *status = agent->disk_status;

    status->pressure_known |= words || has_condition(cluster, PRESSURE_CONDITION);
    if (words)
        add_disk_condition(arena, news, PRESSURE_CONDITION, "True", "DiskUnwritable", words);
    else if (status->pressure_known)
        add_disk_condition(arena, news, PRESSURE_CONDITION, "False", "DiskHasRoom",
                           "the disk can be written");
}

void disk_status_add_conditions(struct agent *agent, struct arena *arena,
                                const struct node *cluster, struct node *news)
{
    add_store_condition(agent, arena, cluster, news);
    add_pressure_condition(agent, arena, cluster, news);
}
