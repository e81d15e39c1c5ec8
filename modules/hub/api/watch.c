/* SPDX-License-Identifier: Apache-2.0 */
/* Streams changes of objects to a client until it or the server ends the watch. */
#include "api/internal.h"

#include "base/clock.h"
#include "base/object.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"
#include "meta/meta.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WATCHING_TAG 0x57415443u
#define ENOUGH ((size_t)256 * 1024)
/*
 * Without timeoutSeconds a watch ends after one to two hours, so that forgotten watches go
 * away.
 */
#define LONGEST (3600 * CLOCK_SECOND)

struct watching {
    uint32_t tag;
    struct api_request *request;
    struct open_request open;
    struct objects_watch *watch; /* owned */
    struct own_cluster own;
    struct loop_timer *end; /* owned */
    bool began;             /* a table's columns have been sent */
};

static void watching_free(struct watching *watching)
{
    watching->tag = 0;
    open_request_remove(&watching->open);
    own_cluster_unfollow(&watching->own);
    objects_unwatch(&watching->watch);
    loop_timer_free(&watching->end);
    free(watching);
}

static void on_watch_gone(struct http_request *request, void *arg)
{
    watching_free(object_from(watching, WATCHING_TAG, arg));
}

static void finish_watch(struct watching *watching)
{
    struct http_request *http = watching->request->http;

    watching_free(watching);
    http_response_end(http);
}

static void on_watch_expired(void *arg)
{
    finish_watch(object_from(watching, WATCHING_TAG, arg));
}

/* There is one annotation at most: a watch that follows a cluster has no initial events. */
static void write_bookmark(struct watching *watching, int64_t revision, bool initial_end,
                           struct text *out)
{
    const struct kind *kind = watching->request->kind;
    int64_t cluster = own_cluster_revision(&watching->own);

    text_addf(out,
              "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"%s\",\"apiVersion\":"
              "\"%s\",\"metadata\":{\"resourceVersion\":\"%" PRId64 "\"",
              kind->kind, kind->api_version, revision);
    if (initial_end)
        text_add(out, ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}");
    else if (cluster)
        text_addf(out, ",\"annotations\":{\"" META_ANNOTATION_OWN_CLUSTER "\":\"%" PRId64 "\"}",
                  cluster);
    text_add(out, "}}}\n");
}

static void write_expired(struct watching *watching, struct text *out)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};

    err_set(&err, ERR_GONE, "too old resource version");
    text_add(out, "{\"type\":\"ERROR\",\"object\":");
    document_write_json(out, reply_status(arena, &err, NULL, NULL, NULL));
    text_add(out, "}\n");
}

static void write_event(struct watching *watching, const struct objects_event *event,
                        struct text *out)
{
    switch (event->type) {
    case OBJECTS_BOOKMARK:
    case OBJECTS_INITIAL_END:
        write_bookmark(watching, event->revision, event->type == OBJECTS_INITIAL_END, out);
        return;
    case OBJECTS_EXPIRED:
        write_expired(watching, out);
        return;
    default:
        shared_event_write(watching->request, event, !watching->began, out);
        watching->began = true;
    }
}

/*
 * Sends some events, unless the client has not read the last ones. True if there may be
 * more.
 */
static bool pump_some(struct watching *watching)
{
    struct http_request *http = watching->request->http;
    scoped_text struct text out = {0};
    struct objects_event event;
    bool expired = false;

    if (http_response_pending(http) > ENOUGH)
        return false;
    while (!expired && out.len < ENOUGH && objects_watch_next(watching->watch, &event)) {
        write_event(watching, &event, &out);
        expired = event.type == OBJECTS_EXPIRED;
        object_drop(&event.object);
    }
    if (out.len)
        http_response_write(http, out.bytes, out.len);
    if (expired)
        finish_watch(watching);
    return !expired && out.len >= ENOUGH;
}

static void send_ready_events(struct watching *watching)
{
    while (pump_some(watching))
        ;
}

static void on_watch_ready(void *arg)
{
    send_ready_events(object_from(watching, WATCHING_TAG, arg));
}

static void on_watch_drained(struct http_request *request, void *arg)
{
    send_ready_events(object_from(watching, WATCHING_TAG, arg));
}

static int read_options(const struct api_request *request, struct objects_watch_options *ret,
                        struct err *err)
{
    const struct http_request *http = request->http;
    const char *revision;

    *ret = (struct objects_watch_options){0};
    if (query_read(request, &ret->query, err) < 0)
        return -1;
    revision = ret->query.revision;
    ret->bookmarks = query_flag(http, "allowWatchBookmarks");
    ret->mark_end = query_flag(http, "sendInitialEvents");
    ret->initial = ret->mark_end || !revision || !*revision || strcmp(revision, "0") == 0;
    return 0;
}

/* The duration: timeoutSeconds, or one to two hours; at most until the credential expires. */
static int64_t watch_time(const struct api_request *request)
{
    const char *text = http_request_query(request->http, "timeoutSeconds");
    int64_t time = LONGEST + (int64_t)random_below((uint64_t)LONGEST);
    int64_t left = open_request_time_left(request);
    long long seconds = 0;

    if (text && text_to_int(text, &seconds) && seconds > 0 && seconds < LONGEST / CLOCK_SECOND)
        time = seconds * CLOCK_SECOND;
    return time < left ? time : left;
}

void watch_start(struct api_request *request)
{
    struct watching *watching = mem_alloc(sizeof *watching);
    struct objects_watch_options options;
    struct node *details = NULL;
    struct err err = {0};

    watching->tag = WATCHING_TAG;
    watching->request = request;
    if (options_check_list(request, &details, &err) == 0 &&
        read_options(request, &options, &err) == 0)
        watching->watch =
            objects_watch(request->api->objects, &options, on_watch_ready, watching, &err);
    if (!watching->watch) {
        watching_free(watching);
        reply_failure(request, &err,
                      err.code == ERR_TIMEOUT ? reply_too_new(request->arena) : details);
        return;
    }
    watching->end = loop_timer_new(request->api->loop, on_watch_expired, watching);
    loop_timer_set(watching->end, watch_time(request));
    open_request_add(&watching->open, request, on_watch_expired, watching);
    own_cluster_follow(&watching->own, request, watching->watch);
    http_response_begin(request->http, 200, "application/json", -1);
    http_request_gone(request->http, on_watch_gone, watching);
    http_response_drained(request->http, on_watch_drained, watching);
    send_ready_events(watching);
}
