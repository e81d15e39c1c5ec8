/* SPDX-License-Identifier: Apache-2.0 */
/* Notices that another agent, as on a copied disk, speaks with this identity. */
#include "agent/internal.h"
#include "agent/link.h"
#include "agent/session.h"
#include "agent/status.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/object.h"
#include "document/document.h"
#include "meta/meta.h"
#include "work/work.h"

#include <stdio.h>
#include <string.h>

/*
 * Each start of an agent has a name that sorts by time, and claims the lease with it. The
 * response to each renewal says which start holds the lease now. The agent that started
 * later goes on; the other one parks: it keeps what runs, says so, and follows the hub no
 * more, so that nothing is done twice or back and forth.
 */

struct duplicate {
    char instance[40]; /* this start's name */
    bool claims;       /* the next renewal of the lease is to name it */
    bool parked;       /* a later start of this identity goes on */
    bool cleared;      /* the condition was taken back by this start */
};

static const char *instance_or_own(const struct agent *agent, const char *name)
{
    return *name ? name : agent->duplicate->instance;
}

void duplicate_open(struct agent *agent)
{
    agent->duplicate = mem_alloc(sizeof *agent->duplicate);
    snprintf(agent->duplicate->instance, sizeof agent->duplicate->instance, "%020lld-%08x",
             (long long)(clock_wall() / CLOCK_MS), (unsigned)random_below(UINT32_MAX));
    agent->duplicate->claims = true;
}

void duplicate_close(struct agent *agent)
{
    mem_free(&agent->duplicate);
}

bool duplicate_is_parked(const struct agent *agent)
{
    return agent->duplicate->parked;
}

void duplicate_claim(struct agent *agent, struct arena *arena, struct node *lease)
{
    if (!agent->duplicate->claims)
        return;
    node_set_text(arena, node_make(arena, node_make(arena, lease, "metadata"), "annotations"),
                  META_ANNOTATION_INSTANCE, agent->duplicate->instance);
    agent->duplicate->claims = false;
}

/* ---- The older one --------------------------------------------------------------- */

static void on_cluster_read(void *arg, int status, const struct http_response *response,
                            const struct err *ignored)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *target = mem_printf(AGENT_CLUSTERS "/%s/status", agent->name);
    struct node *body = node_map(arena), *news = node_list(arena), *one;
    const struct node *old;
    struct err why = {0};

    err_set(
        &why, ERR_CONFLICT,
        "another agent that started later uses this identity; this one keeps its pods running and "
        "does not follow the hub any more. Give one of the two a name and a token of its own, or "
        "restart this one to let it take over");
    if (status == 200 && requests_client(agent)) {
        old = document_read_json(arena, response->body, response->len, &document_limits_api, NULL);
        one = node_map(arena);
        node_set_text(arena, one, "type", "DuplicateIdentity");
        node_set_text(arena, one, "status", "True");
        node_set_text(arena, one, "reason", "TwoAgents");
        node_set(
            arena, one, "message",
            node_format(
                arena,
                "two agents use this identity; the one at %s is inactive, the one that started "
                "later is active",
                agent->address));
        node_add(arena, news, one);
        node_set(arena, node_make(arena, body, "status"), "conditions",
                 work_merge_conditions(arena, meta_conditions(old), news, clock_wall()));
        link_send(agent, "PATCH", target, META_PATCH_MERGE, body, NULL, NULL);
    }
    session_lost(agent, "renewing the lease", &why);
}

static void park_agent(struct agent *agent)
{
    scoped_mem char *target = mem_printf(AGENT_CLUSTERS "/%s", agent->name);

    agent->duplicate->parked = true;
    link_send(agent, "GET", target, NULL, NULL, on_cluster_read, agent);
}

bool duplicate_check(struct agent *agent, const struct http_response *response)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *lease =
        document_read_json(arena, response->body, response->len, &document_limits_api, NULL);
    const char *holder =
        node_text(node_at(lease, "metadata", "annotations", META_ANNOTATION_INSTANCE, NULL));
    int order = strcmp(instance_or_own(agent, holder), agent->duplicate->instance);

    if (agent->duplicate->parked)
        return true;
    /* None, after a restart of the hub; or one from before: it is ours to take. */
    agent->duplicate->claims = !*holder || order < 0;
    if (order > 0)
        park_agent(agent);
    return order > 0;
}

static void clear_condition(struct arena *arena, const struct node *cluster, struct node *news)
{
    const struct node *list = meta_conditions(cluster);

    for (size_t i = 0; i < node_count(list); i++) {
        struct node *one;

        if (strcmp(node_get_text(node_item(list, i), "type"), "DuplicateIdentity") != 0)
            continue;
        one = node_share(arena, node_item(list, i));
        node_set_text(arena, one, "status", "False");
        node_set_text(arena, one, "reason", "OneAgent");
        node_set_text(arena, one, "message", "");
        node_add(arena, news, one);
    }
}

void duplicate_add_condition(struct agent *agent, struct arena *arena, const struct node *cluster,
                             struct node *news)
{
    if (!agent->duplicate->cleared)
        clear_condition(arena, cluster, news);
    agent->duplicate->cleared = true;
}
