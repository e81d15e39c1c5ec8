/* SPDX-License-Identifier: Apache-2.0 */
/* Renews the lease by which the hub knows that this spoke is alive. */
#include "agent/internal.h"
#include "agent/link.h"
#include "agent/session.h"
#include "agent/status.h"

#include "base/clock.h"
#include "base/object.h"
#include "document/document.h"
#include "meta/meta.h"
#include "storage/storage.h"

#include <string.h>

#define LEASE_PATH "/apis/" META_API_COORDINATION "/namespaces/%s/leases/" META_LEASE_CLUSTER
#define DEFAULT_SECONDS 60
/* The namespace and the lease are made by the hub, a moment after it lets a
   spoke in. */
#define SOON (2 * CLOCK_SECOND)
#define LATEST (30 * CLOCK_SECOND)

struct lease {
    struct loop_timer *timer; /* owned; NULL until the hub was watched once */
    int64_t seconds;
    struct loop_backoff backoff;
    char said[256]; /* the last trouble that was logged */
};

void lease_open(struct agent *agent)
{
    agent->lease = mem_alloc(sizeof *agent->lease);
    agent->lease->seconds = DEFAULT_SECONDS;
    agent->lease->backoff = (struct loop_backoff){CLOCK_SECOND, LATEST, 0};
}

static void set_lease_timer(struct agent *agent, int64_t delay)
{
    if (agent->lease->timer)
        loop_timer_set(agent->lease->timer, delay);
}

/* A hub that names no duration, or 0, means the default. */
static void take_lease_duration(struct agent *agent, const struct node *spec,
                                int64_t default_seconds)
{
    agent->lease->seconds =
        node_get_within(spec, "leaseDurationSeconds", 0, INT32_MAX, default_seconds)
            ?: DEFAULT_SECONDS;
}

void lease_take_cluster(struct agent *agent, const struct node *cluster)
{
    take_lease_duration(agent, node_get(cluster, "spec"), DEFAULT_SECONDS);
}

/* Each response says how often the hub wants to hear of this spoke from now on. */
static void take_lease(struct agent *agent, const struct http_response *response)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *lease =
        document_read_json(arena, response->body, response->len, &document_limits_api, NULL);

    take_lease_duration(agent, node_get(lease, "spec"), agent->lease->seconds);
}

/* A lease that is not there yet comes in a moment. That there is no link is logged where
   it is lost. */
static void on_lease_not_renewed(struct agent *agent, int status, const struct err *why)
{
    struct lease *lease = agent->lease;
    bool is_news = status != 404 || lease->backoff.tries > 2;

    if (is_news && (status != 0 || session_is_watching(agent)))
        session_warn_once(lease->said, sizeof lease->said, "renewing the lease", why->text);
    set_lease_timer(agent, SOON + loop_backoff_next(&lease->backoff));
}

static void on_lease_renewed(void *arg, int status, const struct http_response *response,
                             const struct err *why)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    struct lease *lease = agent->lease;
    int64_t whole;

    if (status != 200) {
        on_lease_not_renewed(agent, status, why);
        return;
    }
    if (duplicate_check(agent, response))
        return;
    loop_backoff_reset(&lease->backoff);
    lease->said[0] = '\0';
    take_lease(agent, response);
    whole = clock_seconds(lease->seconds);
    set_lease_timer(agent, whole + (int64_t)random_below((uint64_t)whole / 4 + 1));
}

static void on_lease_timer(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *target = mem_printf(LEASE_PATH, agent->name);
    struct node *body = node_map(arena);
    struct node *spec = node_make(arena, body, "spec");
    char now[CLOCK_TEXT];

    storage_check_disk(agent->storage);
    if (session_state(agent) == SESSION_WAITING || session_state(agent) == SESSION_JOINING)
        return; /* lease_start() goes on with it */
    duplicate_claim(agent, arena, body);
    clock_format(clock_wall(), true, now);
    node_set_text(arena, spec, "renewTime", now);
    node_set_text(arena, spec, "holderIdentity", agent->name);
    link_send(agent, "PATCH", target, META_PATCH_MERGE, body, on_lease_renewed, agent);
}

void lease_start(struct agent *agent)
{
    if (!agent->lease->timer)
        agent->lease->timer = loop_timer_new(agent->loop, on_lease_timer, agent);
    set_lease_timer(agent, 0);
}

void lease_close(struct agent *agent)
{
    loop_timer_free(&agent->lease->timer);
    mem_free(&agent->lease);
}
