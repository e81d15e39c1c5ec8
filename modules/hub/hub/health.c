/* SPDX-License-Identifier: Apache-2.0 */
/* Says whether the hub is well, and tries until it is well again. */
#include "hub/internal.h"

#include "base/log.h"
#include "base/text.h"
#include "http/http.h"
#include "loop/loop.h"
#include "objects/objects.h"
#include "store/store.h"

#include <string.h>

#define TRY_EVERY CLOCK_SECOND

/* ---- Answers ---------------------------------------------------------------- */

/* One check of a probe; NULL: it is passed. */
struct check {
    const char *name;
    const char *(*failure)(const struct hub *hub);
    bool live; /* also asked for /livez: a restart would help */
};

static const char *store_failure(const struct hub *hub)
{
    const struct err *err = store_health(hub->store);

    return err->code ? err->text : NULL;
}

static const char *no_failure(const struct hub *hub)
{
    return NULL;
}

static const struct check checks[] = {
    {"ping", no_failure, true},
    {"store", store_failure, false},
    {"objects", no_failure, false},
};

/* As a kube-apiserver: the list with ?verbose or when a check fails. */
void health_handle(struct http_request *request, void *arg)
{
    const struct hub *hub = arg;
    const char *probe = request->path + 1;
    bool live = strcmp(probe, "livez") == 0, failed = false;
    scoped_text struct text list = {0};

    request->label = "health";
    for (size_t i = 0; i < count_of(checks); i++) {
        const char *why = checks[i].failure(hub);

        if (live && !checks[i].live)
            continue;
        failed |= why != NULL;
        /* The reason is in the log: this response is for everybody. */
        text_addf(&list, why ? "[-]%s failed: reason withheld\n" : "[+]%s ok\n", checks[i].name);
    }
    text_addf(&list, "%s check %s\n", probe, failed ? "failed" : "passed");
    if (failed || http_request_query(request, "verbose"))
        http_respond(request, failed ? 503 : 200, "text/plain; charset=utf-8", list.bytes,
                     list.len);
    else
        http_respond(request, 200, "text/plain; charset=utf-8", "ok", 2);
}

void health_tell_epoch(const struct hub *hub, struct http_request *request)
{
    http_response_header(request, "Axle-Epoch",
                         arena_printf(request->arena, "%lld", (long long)store_epoch(hub->store)));
}

/* ---- Becoming well again ----------------------------------------------------- */

static void on_tried(void *arg, const struct err *err)
{
}

/*
 * Commits that nobody asked for are made only while the last one failed, so that
 * the hub is ready again as soon as the disk is.
 */
static void on_try(void *arg)
{
    struct hub *hub = arg;
    const struct err *err = store_health(hub->store);
    bool unwell = err->code != ERR_NONE;

    if (unwell != hub->unwell && unwell)
        log_error("hub", "not ready: a commit of the store failed: %s", err->text);
    else if (unwell != hub->unwell)
        log_info("hub", "ready again: a commit of the store succeeded");
    hub->unwell = unwell;
    store_make_room(hub->store);
    if (unwell || store_is_full(hub->store))
        loop_timer_set(hub->health, TRY_EVERY);
    if (!unwell || store_is_staged(hub->store))
        return;
    store_value_put(hub->store, "hub.tried", "", 0);
    objects_when_durable(hub->objects, on_tried, hub);
}

static void on_commit_failure(void *arg)
{
    struct hub *hub = arg;

    if (!loop_timer_is_set(hub->health))
        loop_timer_set(hub->health, 0);
}

void health_start(struct hub *hub)
{
    hub->health = loop_timer_new(hub->loop, on_try, hub);
    store_on_trouble(hub->store, on_commit_failure, hub);
    on_commit_failure(hub); /* it may have begun before */
}
