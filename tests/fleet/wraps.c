/* SPDX-License-Identifier: Apache-2.0 */
/* Follows what the agents do: the moves of their sessions, and what they ask of the hub. */
#include "fleet/fleet.h"

#include "agent/internal.h"
#include "agent/link.h"
#include "document/document.h"

#include <string.h>

/*
 * The linker puts __wrap_NAME() in the place of these three functions (build.sh), wherever
 * another file calls them. By them go all moves of a session, and all requests of an agent
 * but its watches. So the agents themselves need no change.
 */
void __real_link_send(struct agent *agent, const char *method, const char *target, const char *type,
                      const struct node *body, request_fn *done, void *arg);
void __wrap_link_send(struct agent *agent, const char *method, const char *target, const char *type,
                      const struct node *body, request_fn *done, void *arg);
void __real_session_move(struct agent *agent, enum session_state state);
void __wrap_session_move(struct agent *agent, enum session_state state);
void __real_session_lost(struct agent *agent, const char *doing, const struct err *err);
void __wrap_session_lost(struct agent *agent, const char *doing, const struct err *err);

static struct fleet *followed;

void fleet_follow(struct fleet *fleet)
{
    followed = fleet;
}

/* ---- Moves ----------------------------------------------------------------------- */

/* A move may lead to others from within, which have been told by then. */
void __wrap_session_move(struct agent *agent, enum session_state state)
{
    __real_session_move(agent, state);
    if (followed)
        fleet_session_moved(followed, agent->name, session_state(agent));
}

void __wrap_session_lost(struct agent *agent, const char *doing, const struct err *err)
{
    __real_session_lost(agent, doing, err);
    if (followed)
        fleet_session_moved(followed, agent->name, session_state(agent));
}

/* ---- Requests -------------------------------------------------------------------- */

/* A request that is under way. */
struct fleet_sent {
    char *spoke, *work; /* owned; work NULL: it is no status of a ManifestWork */
    int64_t generation;
    bool available;
    request_fn *done;
    void *arg;
};

static enum fleet_request find_request_kind(const char *method, const char *target)
{
    if (strcmp(method, "GET") == 0)
        return text_ends(target, "/manifestworks") ? FLEET_LIST : FLEET_OTHER;
    if (strstr(target, "/leases/"))
        return FLEET_LEASE;
    return text_ends(target, "/status") &&
                   (strstr(target, "/manifestworks/") || strstr(target, "/workloads/"))
               ? FLEET_STATUS
               : FLEET_OTHER;
}

/* ".../manifestworks/NAME/status" */
static char *find_work_name(const char *target)
{
    const char *at = strstr(target, "/manifestworks/");

    at = at && text_ends(target, "/status") ? at + strlen("/manifestworks/") : NULL;
    return at ? mem_printf("%.*s", (int)strcspn(at, "/"), at) : NULL;
}

static void read_available(struct fleet_sent *sent, const struct node *body)
{
    const struct node *conditions = node_at(body, "status", "conditions", NULL);

    for (size_t i = 0; i < node_count(conditions); i++) {
        const struct node *condition = node_item(conditions, i);

        if (strcmp(node_get_text(condition, "type"), "Available") != 0)
            continue;
        sent->generation = node_get_int(condition, "observedGeneration", 0);
        sent->available = strcmp(node_get_text(condition, "status"), "True") == 0;
    }
}

static void tell_reported(const struct fleet_sent *sent)
{
    scoped_text struct text line = {0};

    fleet_tell(&line, "reported");
    fleet_tell_word(&line, "spoke", sent->spoke);
    fleet_tell_word(&line, "work", sent->work);
    fleet_tell_number(&line, "generation", sent->generation);
    fleet_tell_number(&line, "available", sent->available);
    fleet_tell_end(&line);
}

static void on_fleet_response(void *arg, int status, const struct http_response *response,
                              const struct err *why)
{
    struct fleet_sent *sent = arg;

    if (status == 200 && sent->work)
        tell_reported(sent);
    if (followed && status && (status < 200 || status > 299) && status != 404)
        followed->refused++;
    if (sent->done)
        sent->done(sent->arg, status, response, why);
    mem_free(&sent->spoke);
    mem_free(&sent->work);
    mem_free(&sent);
}

void __wrap_link_send(struct agent *agent, const char *method, const char *target, const char *type,
                      const struct node *body, request_fn *done, void *arg)
{
    struct fleet_sent *sent;

    if (followed)
        followed->requests[find_request_kind(method, target)]++;
    /* Without a sender that waits it may be dropped, and nothing is told of it. */
    if (!done) {
        __real_link_send(agent, method, target, type, body, NULL, NULL);
        return;
    }
    sent = mem_alloc(sizeof *sent);
    *sent = (struct fleet_sent){.spoke = mem_copy_string(agent->name),
                                .work = find_work_name(target),
                                .done = done,
                                .arg = arg};
    if (sent->work)
        read_available(sent, body);
    __real_link_send(agent, method, target, type, body, on_fleet_response, sent);
}
