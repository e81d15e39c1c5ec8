/* SPDX-License-Identifier: Apache-2.0 */
/* Follows the ManifestWorks in this spoke's namespace on the hub. */
#include "spoke/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "document/document.h"
#include "meta/meta.h"
#include "query/query.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What was passed over is said so often, each once. */
#define STRANGE_MOST 100
#define WORKS_PATH "/apis/" META_API_WORK "/namespaces/%s/manifestworks"

static int64_t revision_of(const struct node *object)
{
    return strtoll(node_get_text(node_get(object, "metadata"), "resourceVersion"),
                   NULL, 10);
}

/* ---- What is believed ------------------------------------------------------- */

/* The list and the watch of a hub that is not well may hold anything. */
static const char *why_strange(const struct spoke *spoke, const struct node *object)
{
    const struct node *metadata = node_get(object, "metadata");
    char why[NAME_WHY];

    if (strcmp(node_get_text(metadata, "namespace"), spoke->name) != 0)
        return "it is of another namespace";
    if (!name_is_dns_subdomain(node_get_text(metadata, "name"), why))
        return "its name is none";
    if (!*node_get_text(metadata, "uid"))
        return "it has no uid";
    return NULL;
}

static bool is_own_work(struct spoke *spoke, const struct node *object)
{
    const char *why = why_strange(spoke, object);
    scoped_mem char *words = NULL;

    if (!why)
        return true;
    words = mem_printf("the hub's works hold \"%.100s\" of namespace \"%.100s\", which is passed "
                       "over: %s", meta_name(object),
                       node_get_text(node_get(object, "metadata"), "namespace"), why);
    if (map_count(spoke->strange) < STRANGE_MOST && !map_get(spoke->strange, words)) {
        map_put(spoke->strange, words, spoke);
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
        if (map_get(there, meta_name(node_item(items, i))))
            return err_set(err, ERR_INVALID, "the hub's list holds the work \"%.100s\" twice",
                           meta_name(node_item(items, i)));
        map_put(there, meta_name(node_item(items, i)), (void *)list);
    }
    return 0;
}

/* ---- Watch ---------------------------------------------------------------- */

static bool is_change(const char *type)
{
    return !strcmp(type, "ADDED") || !strcmp(type, "MODIFIED") || !strcmp(type, "DELETED");
}

/* Sets `spoke->revision` to 0 where the watch cannot be gone on with. */
static bool refuse_event(struct spoke *spoke, struct err *ret, const char *words)
{
    spoke->revision = 0;
    err_set(ret, ERR_INVALID, "%s; listing again", words);
    return false;
}

struct watched {
    struct spoke *spoke;
    struct err err;
};

static bool on_line(const char *line, size_t len, void *arg)
{
    struct watched *watched = arg;
    struct spoke *spoke = watched->spoke;
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    const struct node *event = document_read_json(arena, line, len,
                                                  &document_limits_own, &err);
    const struct node *object = node_get(event, "object");
    const char *type = node_get_text(event, "type");

    if (!len)
        return true;
    if (!event)
        return refuse_event(spoke, &watched->err, "the hub's watch says what is no JSON");
    if (strcmp(type, "ERROR") == 0)
        return refuse_event(spoke, &watched->err, "the watch is out of date");
    if (!is_change(type) && strcmp(type, "BOOKMARK") != 0)
        return refuse_event(spoke, &watched->err, "the hub's watch holds what is no event");
    if (revision_of(object) <= 0 || revision_of(object) < spoke->revision)
        return refuse_event(spoke, &watched->err, "the hub's watch goes back");
    spoke->revision = revision_of(object);
    if (spoke->revision > spoke->seen)
        spoke->seen = spoke->revision;
    if (is_change(type) && is_own_work(spoke, object))
        work_take(spoke, meta_name(object), strcmp(type, "DELETED") == 0 ? NULL : object);
    return true;
}

static void on_data(struct http_call *call, const char *bytes, size_t len,
                    void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    struct watched watched = {spoke, {0}};
    struct err err = {0};

    spoke->contact = clock_wall();
    if (http_lines_feed(&spoke->lines, bytes, len, on_line, &watched, &err) < 0)
        spoke_lost(spoke, "watching", &err);
    else if (!spoke->revision)
        spoke_lost(spoke, "watching", &watched.err);
}

static void on_watch_head(struct http_call *call,
                          const struct http_answer *answer, void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);

    struct work *work;
    size_t at = 0;

    epoch_see(spoke, answer);
    if (answer->status != 200)
        return;
    spoke_move(spoke, SPOKE_WATCHING);
    while ((work = map_next(spoke->works, &at, NULL)))
        report_work(work);
}

static void on_watch_done(const struct http_answer *answer,
                          const struct err *err, void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    struct err why = {0};

    spoke->watch = NULL;
    if (answer && answer->status == 200 && spoke_is_steady(spoke)) {
        /* It ended in order, as it does every hour or two. */
        if (spoke->state == SPOKE_WATCHING)
            spoke_move(spoke, SPOKE_LISTING);
        return;
    }
    if (answer && answer->status == 200)
        err_set(&why, ERR_UNREACHABLE, "the hub ends the watch as soon as it has begun");
    else
        link_explain(answer ? answer->status : 0, answer, err, &why);
    spoke_lost(spoke, "watching", &why);
}

static void watch(struct spoke *spoke)
{
    scoped_mem char *target = mem_printf(
        WORKS_PATH "?watch=true&allowWatchBookmarks=true&resourceVersion=%" PRId64,
        spoke->name, spoke->revision);
    struct http_ask ask = {.target = target, .head = on_watch_head,
                           .data = on_data, .done = on_watch_done,
                           .silence = WATCH_SILENCE, .arg = spoke};

    http_lines_free(&spoke->lines);
    spoke->watch = http_client_send(spoke->http, &ask);
}

/* ---- List ----------------------------------------------------------------- */

/* Works that the hub has no more are taken leave of. */
static void forget_missing(struct spoke *spoke, const struct node *items)
{
    scoped_map struct map *there = map_new();
    scoped_arena struct arena *arena = arena_new();
    struct node *gone = node_list(arena);
    const char *name;
    size_t at = 0;

    for (size_t i = 0; i < node_count(items); i++)
        if (is_own_work(spoke, node_item(items, i)))
            map_put(there, meta_name(node_item(items, i)), spoke);
    while (map_next(spoke->works, &at, &name)) {
        if (!map_get(there, name))
            node_add(arena, gone, node_string(arena, name));
    }
    for (size_t i = 0; i < node_count(gone); i++)
        work_take(spoke, node_text(node_item(gone, i)), NULL);
}

/* With the token that it was given for that; what is tried in vain is told once. */
static void join_again(struct spoke *spoke, const struct err *why)
{
    if (!spoke->rejoin_told)
        log_warn("spoke", "%s: %.600s; this spoke joins again with its new token", spoke->hub,
                 why->text);
    spoke->rejoin_told = true;
    spoke->rejoin = true;
    spoke_move(spoke, SPOKE_WAITING);
}

static void on_list(void *arg, int status, const struct http_answer *answer,
                    const struct err *err)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    struct err why = {0};
    const struct node *list, *items;

    if (spoke->state != SPOKE_LISTING)
        return;
    if (status != 200) {
        link_explain(status, answer, err, &why);
        if (status == 401)
            departure_refused(spoke, answer, &why);
        if (status == 401 && join_token_is_new(spoke))
            join_again(spoke, &why);
        else
            spoke_lost(spoke, "listing works", &why);
        return;
    }
    list = document_read_json(arena, answer->body, answer->len,
                              &document_limits_own, &why);
    if (!list || check_list(list, &why) < 0) {
        spoke_lost(spoke, "listing works", &why);
        return;
    }
    items = node_get(list, "items");
    epoch_see_revision(spoke, revision_of(list));
    forget_missing(spoke, items);
    for (size_t i = 0; i < node_count(items); i++)
        if (is_own_work(spoke, node_item(items, i)))
            work_take(spoke, meta_name(node_item(items, i)), node_item(items, i));
    departure_listed(spoke);
    spoke->revision = revision_of(list);
    watch(spoke);
}

void sync_start(struct spoke *spoke)
{
    scoped_mem char *target = mem_printf(WORKS_PATH, spoke->name);

    link_send(spoke, "GET", target, NULL, NULL, on_list, spoke);
}

static void on_list_again(void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);

    if (spoke->state == SPOKE_LISTING)
        loop_timer_set(spoke->list_again, CLOCK_SECOND); /* that list may have begun before */
    if (spoke->state != SPOKE_WATCHING)
        return; /* without a link it lists anyway when there is one */
    sync_stop(spoke);
    spoke_move(spoke, SPOKE_LISTING);
}

void sync_list_later(struct spoke *spoke, const char *doing, const struct err *err)
{
    spoke_say_once(spoke->list_said, sizeof spoke->list_said, doing, err->text);
    if (!spoke->list_again)
        spoke->list_again = loop_timer_new(spoke->loop, on_list_again, spoke);
    if (!loop_timer_is_set(spoke->list_again))
        loop_timer_set(spoke->list_again,
                       CLOCK_SECOND + loop_backoff_next(&spoke->list_backoff));
}

void sync_stop(struct spoke *spoke)
{
    if (spoke->watch)
        http_call_cancel(&spoke->watch);
    http_lines_free(&spoke->lines);
}
