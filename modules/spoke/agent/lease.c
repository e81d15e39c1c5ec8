/* SPDX-License-Identifier: Apache-2.0 */
/* Says that this spoke is alive, and what it is. */
#include "agent/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/object.h"
#include "base/version.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "work/work.h"

#include <string.h>
#include <unistd.h>

#define CLUSTER_PATH                                                           \
    "/apis/cluster.open-cluster-management.io/v1/managedclusters/%s"
#define LEASE_PATH                                                             \
    "/apis/coordination.k8s.io/v1/namespaces/%s/leases/managed-cluster-lease"
#define MERGE "application/merge-patch+json"
/* The namespace and the lease are made by the hub, a moment after it lets a
   spoke in. */
#define SOON (2 * CLOCK_SECOND)
#define LATEST (30 * CLOCK_SECOND)

static void set_timer(struct agent *agent, int64_t delay)
{
    if (agent->lease)
        loop_timer_set(agent->lease, delay);
}

/* Each answer says how often the hub wants to hear of this spoke from now on. */
static void take_duration(struct agent *agent, const struct http_answer *answer)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *lease = document_read_json(arena, answer->body, answer->len,
                                                  &document_limits_api, NULL);

    agent->lease_seconds = node_get_within(node_get(lease, "spec"), "leaseDurationSeconds", 0,
                                           INT32_MAX, agent->lease_seconds) ?: 60;
}

static void say_once(const struct agent *agent, char said[256], const char *doing, int status,
                     const struct http_answer *answer, const struct err *err)
{
    struct err why = {0};

    if (status == 0 && agent->state != AGENT_WATCHING)
        return; /* that there is no link is said by whoever lost it */
    link_explain(status, answer, err, &why);
    agent_say_once(said, 256, doing, why.text);
}

/* A lease that is not there yet comes in a moment. */
static void on_not_renewed(struct agent *agent, int status, const struct http_answer *answer,
                           const struct err *err)
{
    if (status != 404 || agent->lease_backoff.tries > 2)
        say_once(agent, agent->lease_said, "renewing the lease", status, answer, err);
    set_timer(agent, SOON + loop_backoff_next(&agent->lease_backoff));
}

static void on_renewed(void *arg, int status, const struct http_answer *answer,
                       const struct err *err)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    int64_t whole;

    if (status != 200) {
        on_not_renewed(agent, status, answer, err);
        return;
    }
    if (duplicate_check(agent, answer))
        return;
    loop_backoff_reset(&agent->lease_backoff);
    agent->lease_said[0] = '\0';
    take_duration(agent, answer);
    whole = clock_seconds(agent->lease_seconds);
    set_timer(agent, whole + (int64_t)random_below((uint64_t)whole / 4 + 1));
}

static void renew(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *target = mem_printf(LEASE_PATH, agent->name);
    struct node *body = node_map(arena);
    struct node *spec = node_make(arena, body, "spec");
    char now[CLOCK_TEXT];

    pressure_look(agent);
    if (agent->state == AGENT_WAITING || agent->state == AGENT_JOINING)
        return; /* lease_start() goes on with it */
    duplicate_claim(agent, arena, body);
    clock_format(clock_wall(), true, now);
    node_set_text(arena, spec, "renewTime", now);
    node_set_text(arena, spec, "holderIdentity", agent->name);
    link_send(agent, "PATCH", target, MERGE, body, on_renewed, agent);
}

/* ---- Status --------------------------------------------------------------- */

static struct node *condition(struct arena *arena, const char *type,
                              const char *reason, const char *message)
{
    struct node *made = node_map(arena);

    node_set_text(arena, made, "type", type);
    node_set_text(arena, made, "status", "True");
    node_set_text(arena, made, "reason", reason);
    node_set_text(arena, made, "message", message);
    return made;
}

static struct node *resources(struct arena *arena)
{
    struct node *made = node_map(arena);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGE_SIZE);

    node_set(arena, made, "cpu", node_format(arena, "%ld", cores > 0 ? cores : 1));
    if (pages > 0 && page > 0)
        node_set(arena, made, "memory",
                 node_format(arena, "%ldKi", pages / 1024 * page));
    return made;
}

static void add_claim(struct arena *arena, struct node *list, const char *name,
                      const char *value)
{
    struct node *claim = node_map(arena);

    if (!*value)
        return;
    node_set_text(arena, claim, "name", name);
    node_set_text(arena, claim, "value", value);
    node_add(arena, list, claim);
}

/* "mount,pid,ipc", or "none". */
static const char *join_words(struct arena *arena, const struct node *list)
{
    scoped_text struct text words = {0};

    for (size_t i = 0; i < node_count(list); i++)
        text_addf(&words, "%s%s", i ? "," : "", node_text(node_item(list, i)));
    return node_count(list) ? arena_string(arena, text_string(&words)) : "none";
}

/*
 * What the machine cannot do is said here, once, and not at each pod that would have
 * needed it; a placement can choose by the claims beside it.
 */
static struct node *machine_condition(struct arena *arena, const struct node *facts)
{
    const struct node *notes = node_get(facts, "notes");
    scoped_text struct text words = {0};
    struct node *made;

    for (size_t i = 0; i < node_count(notes) && words.len < 1024; i++)
        text_addf(&words, "%s%s", i ? "; " : "", node_text(node_item(notes, i)));
    made = condition(arena, "MachineComplete", node_count(notes) ? "Limited" : "Complete",
                     node_count(notes) ? text_string(&words)
                                       : "limits and isolation of every kind can be given here");
    if (node_count(notes))
        node_set_text(arena, made, "status", "False");
    return made;
}

static struct node *claims(struct agent *agent, struct arena *arena)
{
    struct node *list = node_list(arena);
    const struct node *facts = node_get(cluster_facts(agent->cluster, arena), "runtime");

    add_claim(arena, list, "id.k8s.io", agent->name);
    add_claim(arena, list, "agent.axle.dev", version_number());
    add_claim(arena, list, "address.axle.dev", agent->address);
    add_claim(arena, list, "runtime.axle.dev", node_get_text(facts, "driver"));
    add_claim(arena, list, "cgroup.axle.dev", node_get_text(facts, "cgroup"));
    if (node_get(facts, "namespaces"))
        add_claim(arena, list, "namespaces.axle.dev", join_words(arena, node_get(facts, "namespaces")));
    if (node_get(facts, "seccomp"))
        add_claim(arena, list, "seccomp.axle.dev",
                  node_get_bool(facts, "seccomp", false) ? "filter" : "none");
    add_claim(arena, list, "landlock.axle.dev", node_get_text(facts, "landlock"));
    add_claim(arena, list, "engine.axle.dev",
              *node_get_text(facts, "engine") ? node_get_text(facts, "engine") : "none");
    return list;
}

static void on_status_again(void *arg)
{
    lease_tell_status(object_from(agent, AGENT_TAG, arg));
}

static void tell_later(struct agent *agent, int status, const struct http_answer *answer,
                       const struct err *err)
{
    if (agent->state != AGENT_WATCHING)
        return; /* lease_start() tells it again */
    say_once(agent, agent->status_said, "status of this spoke", status, answer, err);
    if (!agent->status)
        agent->status = loop_timer_new(agent->loop, on_status_again, agent);
    loop_timer_set(agent->status, SOON + loop_backoff_next(&agent->status_backoff));
}

static void on_told(void *arg, int status, const struct http_answer *answer,
                    const struct err *err)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    if (status != 200) {
        tell_later(agent, status, answer, err);
        return;
    }
    loop_backoff_reset(&agent->status_backoff);
    agent->status_said[0] = '\0';
}

static void on_cluster(void *arg, int status, const struct http_answer *answer,
                       const struct err *err)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *target = mem_printf(CLUSTER_PATH "/status", agent->name);
    const struct node *old = NULL;
    struct node *body = node_map(arena), *now, *news = node_list(arena);

    if (status != 200) {
        tell_later(agent, status, answer, err);
        return;
    }
    old = document_read_json(arena, answer->body, answer->len,
                             &document_limits_api, NULL);
    agent->lease_seconds =
        node_get_within(node_get(old, "spec"), "leaseDurationSeconds", 0, INT32_MAX, 60) ?: 60;
    facts_take(agent, old);
    node_add(arena, news, condition(arena, "ManagedClusterJoined",
                                    "ManagedClusterJoined", "Managed cluster joined"));
    node_add(arena, news, condition(arena, "ManagedClusterConditionAvailable",
                                    "ManagedClusterAvailable",
                                    "Managed cluster is available"));
    node_add(arena, news, machine_condition(arena, node_get(cluster_facts(agent->cluster, arena),
                                                           "runtime")));
    state_condition(agent, arena, old, news);
    epoch_condition(agent, arena, news);
    departure_condition(agent, arena, news);
    pressure_condition(agent, arena, old, news);
    if (!agent->started)
        duplicate_clear(arena, old, news);
    agent->started = true;
    now = node_make(arena, body, "status");
    node_set(arena, now, "conditions",
             work_merge_conditions(arena, node_at(old, "status", "conditions", NULL),
                                   news, clock_wall()));
    node_set(arena, now, "capacity", resources(arena));
    node_set(arena, now, "allocatable", resources(arena));
    node_set(arena, now, "clusterClaims", claims(agent, arena));
    link_send(agent, "PATCH", target, MERGE, body, on_told, agent);
}

void lease_tell_status(struct agent *agent)
{
    scoped_mem char *target = mem_printf(CLUSTER_PATH, agent->name);

    if (agent->state == AGENT_WATCHING)
        link_send(agent, "GET", target, NULL, NULL, on_cluster, agent);
}

void lease_start(struct agent *agent)
{
    agent->lease_backoff.most = agent->status_backoff.most = LATEST;
    agent->lease_backoff.least = agent->status_backoff.least = CLOCK_SECOND;
    lease_tell_status(agent);
    if (!agent->lease)
        agent->lease = loop_timer_new(agent->loop, renew, agent);
    loop_timer_set(agent->lease, 0);
}

void lease_stop(struct agent *agent)
{
    loop_timer_free(&agent->lease);
    loop_timer_free(&agent->status);
}
