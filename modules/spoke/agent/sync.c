/* SPDX-License-Identifier: Apache-2.0 */
/* Follows the ManifestWorks in this spoke's namespace on the hub. */
#include "agent/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "document/document.h"
#include "query/query.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What was passed over is said so often, each once. */
#define STRANGE_MOST 100
#define WORKS_PATH "/apis/" WORKS "/namespaces/%s/manifestworks"

static const char *name_of(const struct node *object)
{
    return node_get_text(node_get(object, "metadata"), "name");
}

static int64_t revision_of(const struct node *object)
{
    return strtoll(node_get_text(node_get(object, "metadata"), "resourceVersion"),
                   NULL, 10);
}

/* ---- What is believed ------------------------------------------------------- */

/* The list and the watch of a hub that is not well may hold anything. */
static const char *why_strange(const struct agent *agent, const struct node *object)
{
    const struct node *metadata = node_get(object, "metadata");
    char why[NAME_WHY];

    if (strcmp(node_get_text(metadata, "namespace"), agent->name) != 0)
        return "it is of another namespace";
    if (!name_is_dns_subdomain(node_get_text(metadata, "name"), why))
        return "its name is none";
    if (!*node_get_text(metadata, "uid"))
        return "it has no uid";
    return NULL;
}

static bool is_own_work(struct agent *agent, const struct node *object)
{
    const char *why = why_strange(agent, object);
    scoped_mem char *words = NULL;

    if (!why)
        return true;
    words = mem_printf("the hub's works hold \"%.100s\" of namespace \"%.100s\", which is passed "
                       "over: %s", name_of(object),
                       node_get_text(node_get(object, "metadata"), "namespace"), why);
    if (map_count(agent->strange) < STRANGE_MOST && !map_get(agent->strange, words)) {
        map_put(agent->strange, words, agent);
        log_warn("spoke", "%s", words);
    }
    return false;
}

/* What is no list of works says nothing of works, above all not that there are none. */
static int check_list(const struct node *list, struct err *err)
{
    const struct node *items = node_get(list, "items");
    scoped_map struct map *there = map_new();

    if (strcmp(node_get_text(list, "kind"), "ManifestWorkList") != 0 ||
        (items && !node_is(items, NODE_LIST) && !node_is(items, NODE_NULL)) ||
        revision_of(list) <= 0)
        return err_set(err, ERR_INVALID, "the answer is no ManifestWorkList (its kind is \"%.60s\", "
                       "its revision \"%.40s\"): is that the hub?", node_get_text(list, "kind"),
                       node_get_text(node_get(list, "metadata"), "resourceVersion"));
    for (size_t i = 0; i < node_count(items); i++) {
        if (map_get(there, name_of(node_item(items, i))))
            return err_set(err, ERR_INVALID, "the hub's list holds the work \"%.100s\" twice",
                           name_of(node_item(items, i)));
        map_put(there, name_of(node_item(items, i)), (void *)list);
    }
    return 0;
}

/* ---- Watch ---------------------------------------------------------------- */

static bool is_change(const char *type)
{
    return !strcmp(type, "ADDED") || !strcmp(type, "MODIFIED") || !strcmp(type, "DELETED");
}

/* Sets `agent->revision` to 0 where the watch cannot be gone on with. */
static bool refuse_event(struct agent *agent, struct err *ret, const char *words)
{
    agent->revision = 0;
    err_set(ret, ERR_INVALID, "%s; listing again", words);
    return false;
}

struct watched {
    struct agent *agent;
    struct err err;
};

static bool on_line(const char *line, size_t len, void *arg)
{
    struct watched *watched = arg;
    struct agent *agent = watched->agent;
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    const struct node *event = document_read_json(arena, line, len,
                                                  &document_limits_own, &err);
    const struct node *object = node_get(event, "object");
    const char *type = node_get_text(event, "type");

    if (!len)
        return true;
    if (!event)
        return refuse_event(agent, &watched->err, "the hub's watch says what is no JSON");
    if (strcmp(type, "ERROR") == 0)
        return refuse_event(agent, &watched->err, "the watch is out of date");
    if (!is_change(type) && strcmp(type, "BOOKMARK") != 0)
        return refuse_event(agent, &watched->err, "the hub's watch holds what is no event");
    if (revision_of(object) <= 0 || revision_of(object) < agent->revision)
        return refuse_event(agent, &watched->err, "the hub's watch goes back");
    agent->revision = revision_of(object);
    if (agent->revision > agent->seen)
        agent->seen = agent->revision;
    if (is_change(type) && is_own_work(agent, object))
        work_take(agent, name_of(object), strcmp(type, "DELETED") == 0 ? NULL : object);
    return true;
}

static void on_data(struct http_call *call, const char *bytes, size_t len,
                    void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    struct watched watched = {agent, {0}};
    struct err err = {0};

    agent->contact = clock_wall();
    if (http_lines_feed(&agent->lines, bytes, len, on_line, &watched, &err) < 0)
        agent_lost(agent, "watching", &err);
    else if (!agent->revision)
        agent_lost(agent, "watching", &watched.err);
}

static void on_watch_head(struct http_call *call,
                          const struct http_answer *answer, void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    struct work *work;
    size_t at = 0;

    epoch_see(agent, answer);
    if (answer->status != 200)
        return;
    agent_move(agent, AGENT_WATCHING);
    while ((work = map_next(agent->works, &at, NULL)))
        report_work(work);
}

static void on_watch_done(const struct http_answer *answer,
                          const struct err *err, void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    struct err why = {0};

    agent->watch = NULL;
    if (answer && answer->status == 200 && agent_is_steady(agent)) {
        /* It ended in order, as it does every hour or two. */
        if (agent->state == AGENT_WATCHING)
            agent_move(agent, AGENT_LISTING);
        return;
    }
    if (answer && answer->status == 200)
        err_set(&why, ERR_UNREACHABLE, "the hub ends the watch as soon as it has begun");
    else
        link_explain(answer ? answer->status : 0, answer, err, &why);
    agent_lost(agent, "watching", &why);
}

static void watch(struct agent *agent)
{
    scoped_mem char *target = mem_printf(
        WORKS_PATH "?watch=true&allowWatchBookmarks=true&resourceVersion=%" PRId64,
        agent->name, agent->revision);
    struct http_ask ask = {.target = target, .head = on_watch_head,
                           .data = on_data, .done = on_watch_done,
                           .silence = WATCH_SILENCE, .arg = agent};

    http_lines_free(&agent->lines);
    agent->watch = http_client_send(agent->http, &ask);
}

/* ---- List ----------------------------------------------------------------- */

/* Works that the hub has no more are taken leave of. */
static void forget_missing(struct agent *agent, const struct node *items)
{
    scoped_map struct map *there = map_new();
    scoped_arena struct arena *arena = arena_new();
    struct node *gone = node_list(arena);
    const char *name;
    size_t at = 0;

    for (size_t i = 0; i < node_count(items); i++)
        if (is_own_work(agent, node_item(items, i)))
            map_put(there, name_of(node_item(items, i)), agent);
    while (map_next(agent->works, &at, &name)) {
        if (!map_get(there, name))
            node_add(arena, gone, node_string(arena, name));
    }
    for (size_t i = 0; i < node_count(gone); i++)
        work_take(agent, node_text(node_item(gone, i)), NULL);
}

/* With the token that it was given for that; what is tried in vain is told once. */
static void join_again(struct agent *agent, const struct err *why)
{
    if (!agent->rejoin_told)
        log_warn("spoke", "%s: %.600s; this spoke joins again with its new token", agent->hub,
                 why->text);
    agent->rejoin_told = true;
    agent->rejoin = true;
    agent_move(agent, AGENT_WAITING);
}

static void on_list(void *arg, int status, const struct http_answer *answer,
                    const struct err *err)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    struct err why = {0};
    const struct node *list, *items;

    if (agent->state != AGENT_LISTING)
        return;
    if (status != 200) {
        link_explain(status, answer, err, &why);
        if (status == 401)
            departure_refused(agent, answer, &why);
        if (status == 401 && join_token_is_new(agent))
            join_again(agent, &why);
        else
            agent_lost(agent, "listing works", &why);
        return;
    }
    list = document_read_json(arena, answer->body, answer->len,
                              &document_limits_own, &why);
    if (!list || check_list(list, &why) < 0) {
        agent_lost(agent, "listing works", &why);
        return;
    }
    items = node_get(list, "items");
    epoch_see_revision(agent, revision_of(list));
    forget_missing(agent, items);
    for (size_t i = 0; i < node_count(items); i++)
        if (is_own_work(agent, node_item(items, i)))
            work_take(agent, name_of(node_item(items, i)), node_item(items, i));
    departure_listed(agent);
    agent->revision = revision_of(list);
    watch(agent);
}

void sync_start(struct agent *agent)
{
    scoped_mem char *target = mem_printf(WORKS_PATH, agent->name);

    link_send(agent, "GET", target, NULL, NULL, on_list, agent);
}

static void on_list_again(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    if (agent->state == AGENT_LISTING)
        loop_timer_set(agent->list_again, CLOCK_SECOND); /* that list may have begun before */
    if (agent->state != AGENT_WATCHING)
        return; /* without a link it lists anyway when there is one */
    sync_stop(agent);
    agent_move(agent, AGENT_LISTING);
}

void sync_list_later(struct agent *agent, const char *doing, const struct err *err)
{
    agent_say_once(agent->list_said, sizeof agent->list_said, doing, err->text);
    if (!agent->list_again)
        agent->list_again = loop_timer_new(agent->loop, on_list_again, agent);
    if (!loop_timer_is_set(agent->list_again))
        loop_timer_set(agent->list_again,
                       CLOCK_SECOND + loop_backoff_next(&agent->list_backoff));
}

void sync_stop(struct agent *agent)
{
    if (agent->watch)
        http_call_cancel(&agent->watch);
    http_lines_free(&agent->lines);
}
