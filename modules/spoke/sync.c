/* SPDX-License-Identifier: Apache-2.0 */
/* Follows the ManifestWorks in this spoke's namespace on the hub. */
#include "spoke/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "document/document.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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

/* ---- Watch ---------------------------------------------------------------- */

static bool on_line(const char *line, size_t len, void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    const struct node *event = document_read_json(arena, line, len,
                                                  &document_limits_own, &err);
    const struct node *object = node_get(event, "object");
    const char *type = node_get_text(event, "type");

    if (!len)
        return true;
    if (!event || strcmp(type, "ERROR") == 0) {
        /* Too old to go on from: begin anew. */
        spoke->revision = 0;
        if (!event)
            log_warn("spoke", "the hub's watch says what is no JSON: %s", err.text);
        return false;
    }
    spoke->revision = revision_of(object);
    if (spoke->revision > spoke->seen)
        spoke->seen = spoke->revision;
    if (strcmp(type, "BOOKMARK") == 0)
        return true;
    work_take(spoke, name_of(object),
              strcmp(type, "DELETED") == 0 ? NULL : object);
    return true;
}

static void on_data(struct http_call *call, const char *bytes, size_t len,
                    void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    struct err err = {0};

    spoke->contact = clock_wall();
    if (http_lines_feed(&spoke->lines, bytes, len, on_line, spoke, &err) < 0)
        spoke_lost(spoke, "watching", &err);
    else if (!spoke->revision) {
        err_set(&err, ERR_GONE, "the watch is out of date, listing again");
        spoke_lost(spoke, "watching", &err);
    }
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
    if (answer && answer->status == 200) {
        /* It ended in order, as it does every hour or two. */
        if (spoke->state == SPOKE_WATCHING)
            spoke_move(spoke, SPOKE_LISTING);
        return;
    }
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
        map_put(there, name_of(node_item(items, i)), spoke);
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
    if (!list) {
        spoke_lost(spoke, "listing works", &why);
        return;
    }
    items = node_get(list, "items");
    epoch_see_revision(spoke, revision_of(list));
    forget_missing(spoke, items);
    for (size_t i = 0; i < node_count(items); i++)
        work_take(spoke, name_of(node_item(items, i)), node_item(items, i));
    departure_listed(spoke);
    spoke->revision = revision_of(list);
    watch(spoke);
}

void sync_start(struct spoke *spoke)
{
    scoped_mem char *target = mem_printf(WORKS_PATH, spoke->name);

    link_send(spoke, "GET", target, NULL, NULL, on_list, spoke);
}

void sync_stop(struct spoke *spoke)
{
    if (spoke->watch)
        http_call_cancel(&spoke->watch);
    http_lines_free(&spoke->lines);
}
