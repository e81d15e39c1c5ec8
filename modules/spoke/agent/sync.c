/* SPDX-License-Identifier: Apache-2.0 */
/* Follows the ManifestWorks in this spoke's namespace on the hub. */
#include "agent/departure.h"
#include "agent/identity.h"
#include "agent/internal.h"
#include "agent/link.h"
#include "agent/session.h"
#include "agent/status.h"
#include "agent/sync.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "document/document.h"
#include "meta/meta.h"
#include "query/query.h"
#include "works/works.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* So many works that are passed over are logged, each once. */
#define STRANGE_MOST 100
#define WORKS_PATH "/apis/" META_API_WORK "/namespaces/%s/manifestworks"

struct sync {
    struct http_call *watch; /* borrowed while it runs */
    struct http_lines lines;
    int64_t revision; /* resourceVersion to go on from; 0: a list is needed */
    bool resumed;     /* the watch goes on from before this connection, without a list */
    bool unproven;    /* a resumed watch has begun, and nothing has come on it since */
    struct loop_timer *list_again; /* owned; a list that does not wait for the watch's end */
    struct loop_backoff list_backoff;
    char list_said[256]; /* why, as was logged */
    struct map *strange; /* owned: what was passed over, each logged once */
    bool rejoin_told;
};

void sync_open(struct agent *agent)
{
    agent->sync = mem_alloc(sizeof *agent->sync);
    agent->sync->list_backoff = (struct loop_backoff){2 * CLOCK_SECOND, 60 * CLOCK_SECOND, 0};
    agent->sync->strange = map_new();
}

void sync_stop(struct agent *agent)
{
    if (agent->sync->watch)
        http_call_cancel(&agent->sync->watch);
    http_lines_free(&agent->sync->lines);
}

void sync_close(struct agent *agent)
{
    sync_stop(agent);
    loop_timer_free(&agent->sync->list_again);
    map_free(&agent->sync->strange);
    mem_free(&agent->sync);
}

static const char *work_name(const struct node *object)
{
    return meta_name(object);
}

static int64_t object_revision(const struct node *object)
{
    return strtoll(node_get_text(node_get(object, "metadata"), "resourceVersion"), NULL, 10);
}

/* ---- What is taken --------------------------------------------------------------- */

/* Why it is passed over: a hub that is not well may send any object. NULL: it is not. */
static const char *explain_strange(const struct agent *agent, const struct node *object)
{
    const struct node *metadata = node_get(object, "metadata");
    char why[NAME_WHY];

    if (strcmp(node_get_text(metadata, "namespace"), agent->name) != 0)
        return "it is in another namespace";
    if (!name_is_dns_subdomain(node_get_text(metadata, "name"), why))
        return "its name is not valid";
    if (!*node_get_text(metadata, "uid"))
        return "it has no uid";
    return NULL;
}

static bool is_own_work(struct agent *agent, const struct node *object)
{
    const char *why = explain_strange(agent, object);
    scoped_mem char *words = NULL;

    if (!why)
        return true;
    words =
        mem_printf("the hub's works hold \"%.100s\" of namespace \"%.100s\", which is ignored: %s",
                   work_name(object), meta_namespace(object), why);
    if (map_count(agent->sync->strange) < STRANGE_MOST && !map_get(agent->sync->strange, words)) {
        map_put(agent->sync->strange, words, agent);
        log_warn("spoke", "%s", words);
    }
    return false;
}

/* A response that is no list of works must not be read as an empty one, which would remove
   all that runs. */
static int check_work_list(const struct node *list, struct err *err)
{
    const struct node *items = node_get(list, "items");
    scoped_map struct map *there = map_new();

    if (strcmp(node_get_text(list, "kind"), "ManifestWorkList") != 0 ||
        (items && !node_is(items, NODE_LIST) && !node_is(items, NODE_NULL)) ||
        object_revision(list) <= 0)
        return err_set(err, ERR_INVALID,
                       "the answer is no ManifestWorkList (its kind is \"%.60s\", "
                       "its revision \"%.40s\"): check that the URL is the hub's",
                       node_get_text(list, "kind"),
                       node_get_text(node_get(list, "metadata"), "resourceVersion"));
    for (size_t i = 0; i < node_count(items); i++) {
        if (map_get(there, work_name(node_item(items, i))))
            return err_set(err, ERR_INVALID, "the hub's list holds the work \"%.100s\" twice",
                           work_name(node_item(items, i)));
        map_put(there, work_name(node_item(items, i)), (void *)list);
    }
    return 0;
}

/* ---- Watch ----------------------------------------------------------------------- */

static bool is_change(const char *type)
{
    return !strcmp(type, "ADDED") || !strcmp(type, "MODIFIED") || !strcmp(type, "DELETED");
}

/* Without a revision the watch does not go on: the works are listed again. */
static bool refuse_event(struct agent *agent, struct err *ret, const char *words)
{
    agent->sync->revision = 0;
    err_set(ret, ERR_INVALID, "%s; listing again", words);
    return false;
}

struct watched {
    struct agent *agent;
    struct err err;
};

/* A line that is refused ends the watch: on_watch_data() sees the revision that is gone. */
static bool on_watch_line(const char *line, size_t len, void *arg)
{
    struct watched *watched = arg;
    struct agent *agent = watched->agent;
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    const struct node *event = document_read_json(arena, line, len, &document_limits_own, &err);
    const struct node *object = node_get(event, "object");
    const char *type = node_get_text(event, "type");

    if (!len)
        return true;
    agent->sync->unproven = false;
    if (!event)
        return refuse_event(agent, &watched->err, "the hub's watch sent a line that is not JSON");
    if (strcmp(type, "ERROR") == 0)
        return refuse_event(agent, &watched->err, "the watch is out of date");
    if (!is_change(type) && strcmp(type, "BOOKMARK") != 0)
        return refuse_event(agent, &watched->err,
                            "the hub's watch sent an object that is not an event");
    if (object_revision(object) <= 0 || object_revision(object) < agent->sync->revision)
        return refuse_event(agent, &watched->err,
                            "the hub's watch sent an older revision than before");
    agent->sync->revision = object_revision(object);
    epoch_take_event(agent, agent->sync->revision);
    if (!strcmp(type, "BOOKMARK"))
        facts_take_bookmark(agent, object);
    else if (is_own_work(agent, object))
        works_take(agent->works, work_name(object), strcmp(type, "DELETED") == 0 ? NULL : object);
    return true;
}

static void on_watch_data(struct http_call *call, const char *bytes, size_t len, void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    struct watched watched = {agent, {0}};
    struct err err = {0};
    bool resumed = agent->sync->resumed;

    session_heard(agent);
    if (http_lines_feed(&agent->sync->lines, bytes, len, on_watch_line, &watched, &err) < 0)
        session_lost(agent, "watching", &err);
    else if (!agent->sync->revision && resumed)
        session_move(agent, SESSION_LISTING); /* the hub does not know so old a revision any more */
    else if (!agent->sync->revision)
        session_lost(agent, "watching", &watched.err);
}

static void list_works(struct agent *agent);

/* Revisions of an epoch that is not confirmed mean nothing, and a hub without epochs may
   have lost some: there it is listed. */
static bool may_resume_at(const struct agent *agent, const struct http_response *response)
{
    return epoch_is_confirmed(agent, response) && !epoch_needs_list(agent);
}

/* With its head a watch has begun: each status that the hub lacks is sent. */
static void on_watch_head(struct http_call *call, const struct http_response *response, void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    epoch_take_answer(agent, response);
    if (response->status != 200)
        return;
    if (agent->sync->resumed && !may_resume_at(agent, response)) {
        http_call_cancel(&agent->sync->watch);
        list_works(agent);
        return;
    }
    agent->sync->unproven = agent->sync->resumed;
    facts_hub_tells(agent, response);
    session_move(agent, SESSION_WATCHING);
    if (agent->sync->resumed)
        works_hub_back(agent->works);
    works_report(agent->works);
}

/* A hub that has too much to do, or is about to go, refuses the list just so. */
static bool is_busy(int status)
{
    return status == 429 || status == 500 || status == 502 || status == 503;
}

static void on_works_watch_done(const struct http_response *response, const struct err *err,
                                void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    struct err why = {0};

    agent->sync->watch = NULL;
    if (session_is_steady(agent))
        agent->sync->unproven = false;
    if (response && response->status != 200 && agent->sync->resumed && !is_busy(response->status)) {
        list_works(agent); /* 410, 504: out of the hub's window; others are said of the list */
        return;
    }
    if (response && response->status == 200 && session_is_steady(agent)) {
        /* The hub ends a watch every hour or two. */
        if (session_state(agent) == SESSION_WATCHING)
            session_move(agent, SESSION_LISTING);
        return;
    }
    if (response && response->status == 200)
        err_set(&why, ERR_UNREACHABLE, "the hub closes each watch right after it starts");
    else
        requests_explain(response, err, &why);
    session_lost(agent, "watching", &why);
}

/* It goes on from the list, or from the last event of the watch before: every change after
   that comes. */
static void watch_works(struct agent *agent)
{
    scoped_mem char *target =
        mem_printf(WORKS_PATH "?watch=true&allowWatchBookmarks=true&resourceVersion=%" PRId64,
                   agent->name, agent->sync->revision);
    struct http_field header = {FACTS_OWN_CLUSTER, "watch"};
    struct http_client_request request = {.target = target,
                                          .headers = &header,
                                          .header_count = 1,
                                          .head = on_watch_head,
                                          .data = on_watch_data,
                                          .done = on_works_watch_done,
                                          .silence = AGENT_WATCH_SILENCE,
                                          .arg = agent};

    http_lines_free(&agent->sync->lines);
    agent->sync->watch = http_client_send(requests_client(agent), &request);
}

/* ---- List ------------------------------------------------------------------------ */

/* First those that are gone, since their room and names may be needed by the others. */
static void take_list(struct agent *agent, const struct node *items)
{
    scoped_map struct map *listed = map_new();

    for (size_t i = 0; i < node_count(items); i++)
        if (is_own_work(agent, node_item(items, i)))
            map_put(listed, work_name(node_item(items, i)), agent);
    works_take_missing(agent->works, listed);
    for (size_t i = 0; i < node_count(items); i++)
        if (is_own_work(agent, node_item(items, i)))
            works_take(agent->works, work_name(node_item(items, i)), node_item(items, i));
}

/* The hub refuses the certificate, and there is a token that was not used yet. A join that
   fails is tried again and again, so this is logged once. */
static void rejoin_with_token(struct agent *agent, const struct err *why)
{
    if (!agent->sync->rejoin_told)
        log_warn("spoke", "%s: %.600s; this spoke joins again with its new token", agent->hub,
                 why->text);
    agent->sync->rejoin_told = true;
    agent->rejoin = true;
    session_move(agent, SESSION_WAITING);
}

static void on_list_failed(struct agent *agent, int status, const struct http_response *response,
                           const struct err *why)
{
    if (status == 401)
        departure_refused(agent, response, why);
    if (status == 401 && token_is_new(agent) && !departure_is_leaving(agent))
        rejoin_with_token(agent, why);
    else
        session_lost(agent, "listing works", why);
}

static void on_list(void *arg, int status, const struct http_response *response,
                    const struct err *why)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    const struct node *list;

    if (session_state(agent) != SESSION_LISTING)
        return;
    if (status != 200) {
        on_list_failed(agent, status, response, why);
        return;
    }
    list = document_read_json(arena, response->body, response->len, &document_limits_own, &err);
    if (!list || check_work_list(list, &err) < 0) {
        session_lost(agent, "listing works", &err);
        return;
    }
    epoch_take_list(agent, object_revision(list));
    take_list(agent, node_get(list, "items"));
    departure_listed(agent);
    agent->sync->revision = object_revision(list);
    watch_works(agent);
}

static void list_works(struct agent *agent)
{
    scoped_mem char *target = mem_printf(WORKS_PATH, agent->name);

    agent->sync->revision = 0;
    agent->sync->resumed = agent->sync->unproven = false;
    link_send(agent, "GET", target, NULL, NULL, on_list, agent);
}

/* A watch that was cut goes on where it was, which costs the hub nothing. Where watches end
   before anything comes, as behind some proxies, only lists bring works. */
void sync_start(struct agent *agent)
{
    struct sync *sync = agent->sync;

    sync->resumed = sync->revision && !sync->unproven && !epoch_needs_list(agent) &&
                    !departure_is_removed(agent);
    if (sync->resumed)
        watch_works(agent);
    else
        list_works(agent);
}

/* ---- Listing once more ----------------------------------------------------------- */

static void on_list_again(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    if (session_state(agent) == SESSION_LISTING) {
        /* The list under way may have begun before the failure. */
        loop_timer_set(agent->sync->list_again, CLOCK_SECOND);
        return;
    }
    agent->sync->revision = 0;
    /* Without a link it lists anyway when there is one. */
    if (session_is_watching(agent))
        session_move(agent, SESSION_LISTING);
}

/* Something of one work failed, and the link is well. */
static void list_later(struct agent *agent, const char *doing, const struct err *why)
{
    struct sync *sync = agent->sync;

    session_warn_once(sync->list_said, sizeof sync->list_said, doing, why->text);
    if (!sync->list_again)
        sync->list_again = loop_timer_new(agent->loop, on_list_again, agent);
    if (!loop_timer_is_set(sync->list_again))
        loop_timer_set(sync->list_again, CLOCK_SECOND + loop_backoff_next(&sync->list_backoff));
}

void sync_finalizer_removed(struct agent *agent, int status, const struct err *why)
{
    if (status == 200 || status == 404) {
        loop_backoff_reset(&agent->sync->list_backoff);
        agent->sync->list_said[0] = '\0';
    } else if (status == 0) {
        agent->sync->revision = 0; /* the list brings the work back */
        session_lost(agent, "removing a finalizer", why);
    } else {
        list_later(agent, "removing a finalizer", why);
    }
}
