/* SPDX-License-Identifier: Apache-2.0 */
/* Notices that another agent, as on a copied disk, speaks with this identity. */
#include "agent/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/object.h"
#include "document/document.h"
#include "work/work.h"

#include <stdio.h>
#include <string.h>

/*
 * Each start of an agent has a name that sorts by time, and claims the lease with
 * it. The answer to each renewal says who holds it now: whoever started later goes
 * on, the other one parks: it keeps what runs, says so, and follows the hub no
 * more, so that nothing is done twice or back and forth.
 */
#define INSTANCE "axle.dev/instance"
#define CLUSTER_PATH                                                           \
    "/apis/cluster.open-cluster-management.io/v1/managedclusters/%s"
#define MERGE "application/merge-patch+json"

static const char *instance_of(const struct agent *agent, const char *name)
{
    return *name ? name : agent->instance;
}

void duplicate_open(struct agent *agent)
{
    snprintf(agent->instance, sizeof agent->instance, "%020lld-%08x",
             (long long)(clock_wall() / CLOCK_MS),
             (unsigned)random_below(UINT32_MAX));
    agent->claims = true;
}

void duplicate_claim(struct agent *agent, struct arena *arena, struct node *lease)
{
    if (!agent->claims)
        return;
    node_set_text(arena,
                  node_make(arena, node_make(arena, lease, "metadata"), "annotations"),
                  INSTANCE, agent->instance);
    agent->claims = false;
}

/* ---- The older one -------------------------------------------------------------- */

static void on_cluster(void *arg, int status, const struct http_answer *answer,
                       const struct err *err)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *target = mem_printf(CLUSTER_PATH "/status", agent->name);
    struct node *body = node_map(arena), *news = node_list(arena), *one;
    const struct node *old;
    struct err why = {0};

    err_set(&why, ERR_CONFLICT, "another agent that started later uses this identity; this one "
            "keeps what runs and follows the hub no more. Give one of the two a name and a "
            "token of its own, or start this one again to take over");
    if (status == 200 && agent->http) {
        old = document_read_json(arena, answer->body, answer->len, &document_limits_api, NULL);
        one = node_map(arena);
        node_set_text(arena, one, "type", "DuplicateIdentity");
        node_set_text(arena, one, "status", "True");
        node_set_text(arena, one, "reason", "TwoAgents");
        node_set(arena, one, "message",
                 node_format(arena, "two agents use this identity; the one at %s is parked, "
                             "the one that started later goes on", agent->address));
        node_add(arena, news, one);
        node_set(arena, node_make(arena, body, "status"), "conditions",
                 work_merge_conditions(arena, node_at(old, "status", "conditions", NULL), news,
                                       clock_wall()));
        link_send(agent, "PATCH", target, MERGE, body, NULL, NULL);
    }
    agent_lost(agent, "renewing the lease", &why);
}

static void park(struct agent *agent)
{
    scoped_mem char *target = mem_printf(CLUSTER_PATH, agent->name);

    agent->parked = true;
    link_send(agent, "GET", target, NULL, NULL, on_cluster, agent);
}

bool duplicate_check(struct agent *agent, const struct http_answer *answer)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *lease = document_read_json(arena, answer->body, answer->len,
                                                  &document_limits_api, NULL);
    const char *holder =
        node_text(node_at(lease, "metadata", "annotations", INSTANCE, NULL));
    int order = strcmp(instance_of(agent, holder), agent->instance);

    if (agent->parked)
        return true;
    /* None, after a restart of the hub; or one from before: it is ours to take. */
    agent->claims = !*holder || order < 0;
    if (order > 0)
        park(agent);
    return order > 0;
}

/* The remaining one, when it starts, takes the word back. */
void duplicate_clear(struct arena *arena, const struct node *cluster, struct node *news)
{
    const struct node *list = node_at(cluster, "status", "conditions", NULL);

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
