/* SPDX-License-Identifier: Apache-2.0 */
/* Gives the works what they need of the hub: requests, facts, and how far the session is. */
#include "agent/departure.h"
#include "agent/internal.h"
#include "agent/link.h"
#include "agent/session.h"
#include "agent/status.h"
#include "agent/sync.h"

#include "base/object.h"
#include "works/works.h"

static struct agent *agent_of(void *arg)
{
    return object_from(agent, AGENT_TAG, arg);
}

/* While joining and waiting there may be a connection, over which nothing is known of the
   works. */
static enum works_contact find_contact(void *arg)
{
    static const enum works_contact contacts[] = {[SESSION_JOINING] = WORKS_LINK,
                                                  [SESSION_WAITING] = WORKS_LINK,
                                                  [SESSION_LISTING] = WORKS_LISTING,
                                                  [SESSION_WATCHING] = WORKS_WATCHING};
    const struct agent *agent = agent_of(arg);

    return requests_client(agent) ? contacts[session_state(agent)] : WORKS_NO_LINK;
}

static bool is_hub_withheld(void *arg)
{
    return epoch_is_withheld(agent_of(arg));
}

static bool is_spoke_removed(void *arg)
{
    return departure_is_removed(agent_of(arg));
}

static struct node *make_facts(void *arg, struct arena *arena)
{
    return facts_values(agent_of(arg), arena);
}

static void send_works_document(void *arg, const char *method, const char *target, const char *type,
                                const struct node *body, works_reply_fn *done, void *done_arg)
{
    link_send(agent_of(arg), method, target, type, body, done, done_arg);
}

static void send_works_request(void *arg, const struct http_client_request *request,
                               works_reply_fn *done, void *done_arg)
{
    requests_send(agent_of(arg), request, done, done_arg);
}

static void on_lost(void *arg, const char *doing, const struct err *why)
{
    session_lost(agent_of(arg), doing, why);
}

static void on_work_finalizer_removed(void *arg, int status, const struct err *why)
{
    sync_finalizer_removed(agent_of(arg), status, why);
}

static void on_work_applied(void *arg)
{
    facts_follow(agent_of(arg));
}

static void on_work_removed(void *arg)
{
    departure_proceed(agent_of(arg));
}

/* None of these frees the works: the agent does that in agent_close() only. on_lost() closes
   nothing either, it only stops the watches and sets a timer. */
struct works_hub works_hub_of(struct agent *agent)
{
    return (struct works_hub){.arg = agent,
                              .contact = find_contact,
                              .is_withheld = is_hub_withheld,
                              .is_removed = is_spoke_removed,
                              .facts = make_facts,
                              .send = send_works_document,
                              .fetch = send_works_request,
                              .lost = on_lost,
                              .finalizer_removed = on_work_finalizer_removed,
                              .applied = on_work_applied,
                              .removed = on_work_removed};
}
