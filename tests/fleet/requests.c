/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what the agents ask of the hub, and tells when a status has reached it. */
#include "fleet/fleet.h"

#include "agent/internal.h"
#include "agent/link.h"
#include "document/document.h"

#include <string.h>

/*
 * The linker puts __wrap_link_send() in the place of link_send() (build.sh), by which all
 * requests of an agent but its watches go. So the agents themselves need no change.
 */
void __real_link_send(struct agent *agent, const char *method, const char *target, const char *type,
                      const struct node *body, request_fn *done, void *arg);
void __wrap_link_send(struct agent *agent, const char *method, const char *target, const char *type,
                      const struct node *body, request_fn *done, void *arg);

static struct fleet *counted;

void fleet_count_requests(struct fleet *fleet)
{
    counted = fleet;
}

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
    if (status && (status < 200 || status > 299) && status != 404)
        counted->refused++;
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

    counted->requests[find_request_kind(method, target)]++;
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
