/* SPDX-License-Identifier: Apache-2.0 */
/* Sends the status of a work to the hub, when it has changed. */
#include "works/gather.h"
#include "works/report.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "http/http.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "work/work.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* How long a status that says "on the way" waits for a better one. */
#define ON_THE_WAY (100 * CLOCK_MS)
/* How much later a status that the hub did not take is sent again. */
#define BUSY (2 * CLOCK_SECOND)

/* ---- Sending --------------------------------------------------------------------- */

struct report_sent {
    struct works *works;
    char *work;       /* owned */
    bool last;        /* of the two patches */
    int64_t revision; /* that it was conditional on; 0: none */
};

static void on_patience_over(void *arg);

/* No other line assigns work->report. */
static void move_report(struct work *work, enum report_phase phase)
{
    static const unsigned may_become[] = {
        [REPORT_IDLE] = 1u << REPORT_SENDING,
        [REPORT_SENDING] = 1u << REPORT_OUTDATED | 1u << REPORT_IDLE,
        [REPORT_OUTDATED] = 1u << REPORT_OUTDATED | 1u << REPORT_IDLE,
    };

    assert(may_become[work->report] & 1u << phase);
    work->report = phase;
}

/* The hub takes nothing more from this spoke for the moment, or not this status. */
static void send_again_later(struct work *work)
{
    if (!work->timeout)
        work->timeout = loop_timer_new(work->works->loop, on_patience_over, work);
    loop_timer_set(work->timeout, BUSY + loop_backoff_next(&work->tell_backoff));
}

/* That the hub does not take one status is no fault of the link, which others use: the
   status is sent again in a while, and the reason is logged once. Only for want of a
   response the link is given up; all statuses are sent over the next one. */
static void on_status_refused(struct work *work, int status, const struct err *why)
{
    struct works_hub *hub = &work->works->hub;

    document_release(&work->sent_work);
    document_release(&work->sent_workload);
    if (status == 0) {
        hub->lost(hub->arg, "sending a status", why);
        return;
    }
    if (!work->untold || strcmp(work->untold, why->text) != 0)
        log_warn("spoke", "status of %s: %s", work->name, why->text);
    mem_free(&work->untold);
    work->untold = mem_copy_string(why->text);
    send_again_later(work);
}

/*
 * The hub refused the status because the work has changed since: the status may be of a
 * version that is not wanted any more. If this spoke has heard of the change meanwhile, a
 * new status is sent at once. Else the watch brings the change; should that fail, the timer
 * sends the status with what is known.
 */
static void send_anew(struct work *work, int64_t revision)
{
    if (work->revision == revision) {
        work->revision = work_revision(work);
        send_again_later(work);
        return;
    }
    if (work->report == REPORT_IDLE)
        send_again_later(work);
    else
        move_report(work, REPORT_OUTDATED);
}

static void take_revision(struct work *work, const struct http_response *response)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *object =
        document_read_json(arena, response->body, response->len, &document_limits_own, NULL);
    int64_t revision =
        strtoll(node_get_text(node_get(object, "metadata"), "resourceVersion"), NULL, 10);

    if (revision > work->revision)
        work->revision = revision;
}

static void on_status_answer(void *arg, int status, const struct http_response *response,
                             const struct err *why)
{
    struct report_sent *sent = arg;
    struct work *work = work_find(sent->works, sent->work);
    int64_t revision = sent->revision;
    bool last = sent->last, outdated;

    mem_free(&sent->work);
    mem_free(&sent);
    if (!work)
        return;
    if (status == 409) {
        document_release(&work->sent_work);
        send_anew(work, revision);
    } else if (status != 200 && status != 404) {
        on_status_refused(work, status, why);
    } else if (status == 200 && revision) {
        take_revision(work, response);
    }
    if (status == 200 && last && work->sent_work) {
        loop_backoff_reset(&work->tell_backoff);
        mem_free(&work->untold);
    }
    /* Idle: it was a response to a former work of this name. */
    if (!last || work->report == REPORT_IDLE)
        return;
    outdated = work->report == REPORT_OUTDATED;
    move_report(work, REPORT_IDLE);
    if (outdated)
        report_work(work);
}

/* `revision`: of the object that the status is about; 0: whichever is there. */
static void send_status(struct work *work, const char *target, const struct node *status, bool last,
                        int64_t revision)
{
    scoped_arena struct arena *arena = arena_new();
    struct works_hub *hub = &work->works->hub;
    struct report_sent *sent = mem_alloc(sizeof *sent);
    struct node *body = node_map(arena);

    *sent = (struct report_sent){work->works, mem_copy_string(work->name), last, revision};
    node_set(arena, body, "status", printable_copy(arena, status));
    if (revision)
        node_set(arena, node_make(arena, body, "metadata"), "resourceVersion",
                 node_format(arena, "%lld", (long long)revision));
    hub->send(hub->arg, "PATCH", target, META_PATCH_MERGE, body, on_status_answer, sent);
}

/* Conditions hold times, but work_merge_conditions() keeps the old time where nothing
   changed. */
static bool is_status_news(const struct node **sent, const struct node *status)
{
    scoped_interned const struct node *former = *sent;

    *sent = document_intern(status);
    return *sent != former;
}

static const struct node *find_workload(const struct work *work)
{
    const struct node *manifests = work_manifests(work);

    for (size_t i = 0; i < node_count(manifests); i++) {
        if (works_manifest_is_workload(node_item(manifests, i)))
            return node_item(manifests, i);
    }
    return NULL;
}

static bool send_workload_status(struct work *work, struct arena *arena, const struct node *report,
                                 bool last)
{
    const struct node *workload = find_workload(work);
    scoped_mem char *target = NULL;
    struct node *status, *about;

    if (!workload)
        return false;
    status = report ? node_share(arena, report) : node_map(arena);
    if (work->trouble) {
        node_set_text(arena, status, "phase", "Degraded");
        node_set_text(arena, status, "reason", work->trouble_reason);
        node_set_text(arena, status, "message", work->trouble);
    } else if (!report) {
        node_set_text(arena, status, "phase", "Pending");
    }
    node_set(arena, status, "artifact",
             node_copy(arena, node_at(workload, "spec", "artifact", NULL)
                                  ? node_at(workload, "spec", "artifact", NULL)
                                  : node_map(arena)));
    if (work->values)
        node_set_text(arena, status, "valuesHash", work->values);
    about = node_make(arena, status, "work");
    node_set_text(arena, about, "uid", meta_uid(work->object));
    node_set_int(arena, about, "generation", work->generation);
    if (!is_status_news(&work->sent_workload, status))
        return false;
    target = mem_printf("/apis/" META_API_AXLE "/namespaces/%s/workloads/%s/status",
                        work->works->name, meta_name(workload));
    send_status(work, target, status, last, 0);
    return true;
}

static struct node *make_work_status(struct work *work, struct arena *arena,
                                     const struct node *report)
{
    const struct node *objects = cluster_objects(work->works->cluster, arena, work->name);

    work_events_send(work, objects);
    return work_status(work, arena, report, objects);
}

static void on_patience_over(void *arg)
{
    struct work *work = object_from(work, WORK_TAG, arg);

    work->waited = true;
    report_work(work);
}

/*
 * A status that only says "on the way" is sent if it takes longer than a moment. Mostly it
 * is over sooner, and then one status says everything: one write on the hub, not three.
 */
static bool can_status_wait(struct work *work, const struct node *report)
{
    const char *phase = node_get_text(report, "phase");

    if (!work->waited && work->phase == WORK_APPLIED &&
        (!strcmp(phase, "Progressing") || !strcmp(phase, "Pending"))) {
        if (!work->timeout)
            work->timeout = loop_timer_new(work->works->loop, on_patience_over, work);
        if (!loop_timer_is_set(work->timeout))
            loop_timer_set(work->timeout, ON_THE_WAY);
        return true;
    }
    work->waited = false;
    if (work->timeout)
        loop_timer_stop(work->timeout);
    return false;
}

void report_if_lost(struct work *work)
{
    if (!work->sent_work && work->report == REPORT_IDLE)
        report_work(work);
}

void report_work(struct work *work)
{
    struct works_hub *hub = &work->works->hub;
    scoped_arena struct arena *arena = NULL;
    scoped_mem char *path = NULL, *target = NULL;
    struct node *report, *status;
    bool workload, news;

    if (!work->object || hub->contact(hub->arg) < WORKS_LISTING)
        return;
    if (work->foreign && hub->is_withheld(hub->arg))
        return;
    if (work->phase == WORK_FOUND || work->phase == WORK_GATHERING)
        return;
    if (work->report != REPORT_IDLE) {
        move_report(work, REPORT_OUTDATED);
        return;
    }
    arena = arena_new();
    report = cluster_report(work->works->cluster, arena, work->name);
    if (can_status_wait(work, report))
        return;
    status = make_work_status(work, arena, report);
    /* The Workload first: where the work is Available, its endpoints are there already. */
    news = is_status_news(&work->sent_work, status);
    workload = send_workload_status(work, arena, report, !news);
    if (news) {
        path = work_path(work);
        target = mem_printf("%s/status", path);
        send_status(work, target, status, true, work->revision);
    }
    if (news || workload)
        move_report(work, REPORT_SENDING);
}
