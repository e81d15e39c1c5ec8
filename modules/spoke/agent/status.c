/* SPDX-License-Identifier: Apache-2.0 */
/* Sends the status of this spoke's ManagedCluster: conditions, capacity and claims. */
#include "agent/status.h"
#include "agent/departure.h"
#include "agent/internal.h"
#include "agent/link.h"
#include "agent/session.h"

#include "base/clock.h"
#include "base/object.h"
#include "base/version.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "meta/meta.h"
#include "work/work.h"
#include "works/works.h"

#include <string.h>
#include <unistd.h>

#define SOON (2 * CLOCK_SECOND)
#define LATEST (30 * CLOCK_SECOND)

struct status {
    struct loop_timer *timer; /* owned; the next attempt after one that failed */
    struct loop_backoff backoff;
    char said[256]; /* the last trouble that was logged */
};

void status_open(struct agent *agent)
{
    agent->status = mem_alloc(sizeof *agent->status);
    agent->status->backoff = (struct loop_backoff){CLOCK_SECOND, LATEST, 0};
}

void status_close(struct agent *agent)
{
    loop_timer_free(&agent->status->timer);
    mem_free(&agent->status);
}

/* ---- What it holds --------------------------------------------------------------- */

static struct node *make_condition(struct arena *arena, const char *type, const char *reason,
                                   const char *message)
{
    struct node *made = node_map(arena);

    node_set_text(arena, made, "type", type);
    node_set_text(arena, made, "status", "True");
    node_set_text(arena, made, "reason", reason);
    node_set_text(arena, made, "message", message);
    return made;
}

static struct node *machine_resources(struct arena *arena)
{
    struct node *made = node_map(arena);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGE_SIZE);

    node_set(arena, made, "cpu", node_format(arena, "%ld", cores > 0 ? cores : 1));
    if (pages > 0 && page > 0)
        node_set(arena, made, "memory", node_format(arena, "%ldKi", pages / 1024 * page));
    return made;
}

static void add_claim(struct arena *arena, struct node *list, const char *name, const char *value)
{
    struct node *claim = node_map(arena);

    if (!*value)
        return;
    node_set_text(arena, claim, "name", name);
    node_set_text(arena, claim, "value", value);
    node_add(arena, list, claim);
}

/* "mount,pid,ipc", or "none". */
static const char *join_with_commas(struct arena *arena, const struct node *list)
{
    scoped_text struct text words = {0};

    for (size_t i = 0; i < node_count(list); i++)
        text_addf(&words, "%s%s", i ? "," : "", node_text(node_item(list, i)));
    return node_count(list) ? arena_string(arena, text_string(&words)) : "none";
}

/*
 * What the machine cannot do is in this condition once, and not at each pod that would have
 * needed it. A placement can choose by the claims of the same facts.
 */
static struct node *machine_condition(struct arena *arena, const struct node *facts)
{
    const struct node *notes = node_get(facts, "notes");
    scoped_text struct text words = {0};
    struct node *made;

    for (size_t i = 0; i < node_count(notes) && words.len < 1024; i++)
        text_addf(&words, "%s%s", i ? "; " : "", node_text(node_item(notes, i)));
    made =
        make_condition(arena, "MachineComplete", node_count(notes) ? "Limited" : "Complete",
                       node_count(notes) ? text_string(&words)
                                         : "limits and isolation of every kind can be given here");
    if (node_count(notes))
        node_set_text(arena, made, "status", "False");
    return made;
}

static struct node *cluster_claims(struct agent *agent, struct arena *arena)
{
    struct node *list = node_list(arena);
    const struct node *facts =
        node_get(cluster_facts(works_cluster(agent->works), arena), "runtime");

    add_claim(arena, list, "id.k8s.io", agent->name);
    add_claim(arena, list, "agent.axle.dev", version_number());
    add_claim(arena, list, "address.axle.dev", agent->address);
    add_claim(arena, list, "runtime.axle.dev", node_get_text(facts, "driver"));
    add_claim(arena, list, "cgroup.axle.dev", node_get_text(facts, "cgroup"));
    if (node_get(facts, "namespaces"))
        add_claim(arena, list, "namespaces.axle.dev",
                  join_with_commas(arena, node_get(facts, "namespaces")));
    if (node_get(facts, "seccomp"))
        add_claim(arena, list, "seccomp.axle.dev",
                  node_get_bool(facts, "seccomp", false) ? "filter" : "none");
    add_claim(arena, list, "landlock.axle.dev", node_get_text(facts, "landlock"));
    add_claim(arena, list, "engine.axle.dev",
              *node_get_text(facts, "engine") ? node_get_text(facts, "engine") : "none");
    return list;
}

/* Two parts send an Event with their condition: epoch and, by the first status, duplicate. */
static struct node *make_conditions(struct agent *agent, struct arena *arena,
                                    const struct node *cluster)
{
    const struct node *machine = cluster_facts(works_cluster(agent->works), arena);
    struct node *news = node_list(arena);

    node_add(arena, news,
             make_condition(arena, META_CONDITION_CLUSTER_JOINED, META_CONDITION_CLUSTER_JOINED,
                            "Managed cluster joined"));
    node_add(arena, news,
             make_condition(arena, META_CONDITION_CLUSTER_AVAILABLE, "ManagedClusterAvailable",
                            "Managed cluster is available"));
    node_add(arena, news, machine_condition(arena, node_get(machine, "runtime")));
    disk_status_add_conditions(agent, arena, cluster, news);
    epoch_add_condition(agent, arena, news);
    departure_add_condition(agent, arena, news);
    duplicate_add_condition(agent, arena, cluster, news);
    return work_merge_conditions(arena, meta_conditions(cluster), news, clock_wall());
}

static struct node *make_cluster_status(struct agent *agent, struct arena *arena,
                                        const struct node *cluster)
{
    struct node *body = node_map(arena), *status = node_make(arena, body, "status");

    node_set(arena, status, "conditions", make_conditions(agent, arena, cluster));
    node_set(arena, status, "capacity", machine_resources(arena));
    node_set(arena, status, "allocatable", machine_resources(arena));
    node_set(arena, status, "clusterClaims", cluster_claims(agent, arena));
    return body;
}

/* ---- Sending --------------------------------------------------------------------- */

static void on_status_timer(void *arg)
{
    status_send(object_from(agent, AGENT_TAG, arg));
}

/* Without a link it is sent when there is one again. */
static void send_status_later(struct agent *agent, const struct err *why)
{
    struct status *status = agent->status;

    if (!session_is_watching(agent))
        return;
    session_warn_once(status->said, sizeof status->said, "status of this spoke", why->text);
    if (!status->timer)
        status->timer = loop_timer_new(agent->loop, on_status_timer, agent);
    loop_timer_set(status->timer, SOON + loop_backoff_next(&status->backoff));
}

static void on_status_sent(void *arg, int status, const struct http_response *response,
                           const struct err *why)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    if (status != 200) {
        send_status_later(agent, why);
        return;
    }
    loop_backoff_reset(&agent->status->backoff);
    agent->status->said[0] = '\0';
}

/* The facts first: taking them may begin works anew, but it does not end the session. */
static void on_own_cluster(void *arg, int status, const struct http_response *response,
                           const struct err *why)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *target = mem_printf(AGENT_CLUSTERS "/%s/status", agent->name);
    const struct node *cluster;

    if (status != 200) {
        send_status_later(agent, why);
        return;
    }
    cluster = document_read_json(arena, response->body, response->len, &document_limits_api, NULL);
    lease_take_cluster(agent, cluster);
    facts_take_cluster(agent, cluster);
    link_send(agent, "PATCH", target, META_PATCH_MERGE, make_cluster_status(agent, arena, cluster),
              on_status_sent, agent);
}

/* Conditions keep the times that they have on the hub, so the ManagedCluster is read first. */
void status_send(struct agent *agent)
{
    scoped_mem char *target = mem_printf(AGENT_CLUSTERS "/%s", agent->name);

    if (session_is_watching(agent))
        link_send(agent, "GET", target, NULL, NULL, on_own_cluster, agent);
}
