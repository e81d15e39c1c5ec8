/* SPDX-License-Identifier: Apache-2.0 */
/* Says that this spoke is alive, and what it is. */
#include "spoke/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/object.h"
#include "base/version.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "meta/meta.h"
#include "work/work.h"

#include <string.h>
#include <unistd.h>

#define CLUSTER_PATH                                                           \
    "/apis/" META_API_CLUSTER "/managedclusters/%s"
#define LEASE_PATH                                                             \
    "/apis/" META_API_COORDINATION "/namespaces/%s/leases/" META_LEASE_CLUSTER
/* The namespace and the lease are made by the hub, a moment after it lets a
   spoke in. */
#define SOON (2 * CLOCK_SECOND)
#define LATEST (30 * CLOCK_SECOND)

static void set_timer(struct spoke *spoke, int64_t delay)
{
    if (spoke->lease)
        loop_timer_set(spoke->lease, delay);
}

/* Each answer says how often the hub wants to hear of this spoke from now on. */
static void take_duration(struct spoke *spoke, const struct http_answer *answer)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *lease = document_read_json(arena, answer->body, answer->len,
                                                  &document_limits_api, NULL);

    spoke->lease_seconds = node_get_within(node_get(lease, "spec"), "leaseDurationSeconds", 0,
                                           INT32_MAX, spoke->lease_seconds) ?: 60;
}

static void say_once(const struct spoke *spoke, char said[256], const char *doing, int status,
                     const struct http_answer *answer, const struct err *err)
{
    struct err why = {0};

    if (status == 0 && spoke->state != SPOKE_WATCHING)
        return; /* that there is no link is said by whoever lost it */
    link_explain(status, answer, err, &why);
    spoke_say_once(said, 256, doing, why.text);
}

/* A lease that is not there yet comes in a moment. */
static void on_not_renewed(struct spoke *spoke, int status, const struct http_answer *answer,
                           const struct err *err)
{
    if (status != 404 || spoke->lease_backoff.tries > 2)
        say_once(spoke, spoke->lease_said, "renewing the lease", status, answer, err);
    set_timer(spoke, SOON + loop_backoff_next(&spoke->lease_backoff));
}

static void on_renewed(void *arg, int status, const struct http_answer *answer,
                       const struct err *err)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    int64_t whole;

    if (status != 200) {
        on_not_renewed(spoke, status, answer, err);
        return;
    }
    if (twin_look(spoke, answer))
        return;
    loop_backoff_reset(&spoke->lease_backoff);
    spoke->lease_said[0] = '\0';
    take_duration(spoke, answer);
    whole = clock_seconds(spoke->lease_seconds);
    set_timer(spoke, whole + (int64_t)random_below((uint64_t)whole / 4 + 1));
}

static void renew(void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *target = mem_printf(LEASE_PATH, spoke->name);
    struct node *body = node_map(arena);
    struct node *spec = node_make(arena, body, "spec");
    char now[CLOCK_TEXT];

    pressure_look(spoke);
    if (spoke->state == SPOKE_WAITING || spoke->state == SPOKE_JOINING)
        return; /* alive_start() goes on with it */
    twin_claim(spoke, arena, body);
    clock_format(clock_wall(), true, now);
    node_set_text(arena, spec, "renewTime", now);
    node_set_text(arena, spec, "holderIdentity", spoke->name);
    link_send(spoke, "PATCH", target, META_PATCH_MERGE, body, on_renewed, spoke);
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

static struct node *claims(struct spoke *spoke, struct arena *arena)
{
    struct node *list = node_list(arena);
    const struct node *facts = node_get(cluster_facts(spoke->cluster, arena), "runtime");

    add_claim(arena, list, "id.k8s.io", spoke->name);
    add_claim(arena, list, "agent.axle.dev", version_number());
    add_claim(arena, list, "address.axle.dev", spoke->address);
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
    alive_tell(object_from(spoke, SPOKE_TAG, arg));
}

static void tell_later(struct spoke *spoke, int status, const struct http_answer *answer,
                       const struct err *err)
{
    if (spoke->state != SPOKE_WATCHING)
        return; /* alive_start() tells it again */
    say_once(spoke, spoke->status_said, "status of this spoke", status, answer, err);
    if (!spoke->status)
        spoke->status = loop_timer_new(spoke->loop, on_status_again, spoke);
    loop_timer_set(spoke->status, SOON + loop_backoff_next(&spoke->status_backoff));
}

static void on_told(void *arg, int status, const struct http_answer *answer,
                    const struct err *err)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);

    if (status != 200) {
        tell_later(spoke, status, answer, err);
        return;
    }
    loop_backoff_reset(&spoke->status_backoff);
    spoke->status_said[0] = '\0';
}

static void on_cluster(void *arg, int status, const struct http_answer *answer,
                       const struct err *err)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *target = mem_printf(CLUSTER_PATH "/status", spoke->name);
    const struct node *old = NULL;
    struct node *body = node_map(arena), *now, *news = node_list(arena);

    if (status != 200) {
        tell_later(spoke, status, answer, err);
        return;
    }
    old = document_read_json(arena, answer->body, answer->len,
                             &document_limits_api, NULL);
    spoke->lease_seconds =
        node_get_within(node_get(old, "spec"), "leaseDurationSeconds", 0, INT32_MAX, 60) ?: 60;
    facts_take(spoke, old);
    node_add(arena, news, condition(arena, META_CONDITION_CLUSTER_JOINED,
                                    META_CONDITION_CLUSTER_JOINED, "Managed cluster joined"));
    node_add(arena, news, condition(arena, META_CONDITION_CLUSTER_AVAILABLE,
                                    "ManagedClusterAvailable",
                                    "Managed cluster is available"));
    node_add(arena, news, machine_condition(arena, node_get(cluster_facts(spoke->cluster, arena),
                                                           "runtime")));
    state_condition(spoke, arena, old, news);
    epoch_condition(spoke, arena, news);
    departure_condition(spoke, arena, news);
    pressure_condition(spoke, arena, old, news);
    if (!spoke->started)
        twin_clear(arena, old, news);
    spoke->started = true;
    now = node_make(arena, body, "status");
    node_set(arena, now, "conditions",
             work_merge_conditions(arena, node_at(old, "status", "conditions", NULL),
                                   news, clock_wall()));
    node_set(arena, now, "capacity", resources(arena));
    node_set(arena, now, "allocatable", resources(arena));
    node_set(arena, now, "clusterClaims", claims(spoke, arena));
    link_send(spoke, "PATCH", target, META_PATCH_MERGE, body, on_told, spoke);
}

void alive_tell(struct spoke *spoke)
{
    scoped_mem char *target = mem_printf(CLUSTER_PATH, spoke->name);

    if (spoke->state == SPOKE_WATCHING)
        link_send(spoke, "GET", target, NULL, NULL, on_cluster, spoke);
}

void alive_start(struct spoke *spoke)
{
    spoke->lease_backoff.most = spoke->status_backoff.most = LATEST;
    spoke->lease_backoff.least = spoke->status_backoff.least = CLOCK_SECOND;
    alive_tell(spoke);
    if (!spoke->lease)
        spoke->lease = loop_timer_new(spoke->loop, renew, spoke);
    loop_timer_set(spoke->lease, 0);
}

void alive_stop(struct spoke *spoke)
{
    loop_timer_free(&spoke->lease);
    loop_timer_free(&spoke->status);
}
