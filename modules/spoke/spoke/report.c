/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the hub how works stand here, when that has changed. */
#include "spoke/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "work/work.h"

#include <stdlib.h>
#include <string.h>

#define ON_THE_WAY (100 * CLOCK_MS)
/* And this much later again what the hub had no room for. */
#define BUSY (2 * CLOCK_SECOND)

/* ---- Fit to be read ------------------------------------------------------------------ */

/* Whatever a program of a pod, a name in an artifact or a feedback rule put there. */
#define TEXT_MOST 4096

struct node *report_printable(struct arena *arena, const struct node *from)
{
    struct node *made;
    char *text;

    if (node_is(from, NODE_STRING)) {
        text = arena_bytes(arena, from->string, from->len < TEXT_MOST ? from->len : TEXT_MOST);
        text_make_printable(text);
        return node_string(arena, text);
    }
    if (node_is(from, NODE_LIST)) {
        made = node_list(arena);
        for (size_t i = 0; i < node_count(from); i++)
            node_add(arena, made, report_printable(arena, node_item(from, i)));
        return made;
    }
    if (!node_is(from, NODE_MAP))
        return node_copy(arena, from);
    made = node_map(arena);
    node_each(member, from)
        node_set(arena, made, member->key, report_printable(arena, member->value));
    return made;
}

/* ---- Sending -------------------------------------------------------------------- */

struct report_sent {
    struct spoke *spoke;
    char *work; /* owned */
    bool last;  /* of the two patches */
    int64_t revision; /* that it was conditional on; 0: none */
};

static void on_patience(void *arg);

/* The hub takes no more of us for the moment, or not this. */
static void retry_later(struct work *work)
{
    if (!work->patience)
        work->patience = loop_timer_new(work->spoke->loop, on_patience, work);
    loop_timer_set(work->patience, BUSY + loop_backoff_next(&work->tell_backoff));
}

/* That one status is not taken is no fault of the link, which others use: it is told
   again in a while, and why once. Only a link that failed is made anew. */
static void on_untold(struct work *work, int status, const struct http_answer *answer,
                      const struct err *err)
{
    struct err why = {0};

    link_explain(status, answer, err, &why);
    mem_free(&work->sent_work);
    mem_free(&work->sent_workload);
    if (status == 0) { /* all is told when there is another link */
        spoke_lost(work->spoke, "sending a status", &why);
        return;
    }
    if (!work->untold || strcmp(work->untold, why.text) != 0)
        log_warn("spoke", "status of %s: %s", work->name, why.text);
    mem_free(&work->untold);
    work->untold = mem_copy_string(why.text);
    retry_later(work);
}

/*
 * The work has changed since that status was made, so it may speak of what is not
 * wanted any more. If the change is known here already it is told anew; else the
 * watch brings it, and should that fail the timer tries with what is known.
 */
static void tell_anew(struct work *work, int64_t revision)
{
    if (work->revision == revision) {
        work->revision = work_revision(work);
        retry_later(work);
        return;
    }
    work->dirty = true;
}

static void take_revision(struct work *work, const struct http_answer *answer)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *object = document_read_json(arena, answer->body, answer->len,
                                                   &document_limits_own, NULL);
    int64_t revision = strtoll(node_get_text(node_get(object, "metadata"), "resourceVersion"),
                               NULL, 10);

    if (revision > work->revision)
        work->revision = revision;
}

static void on_sent(void *arg, int status, const struct http_answer *answer,
                    const struct err *err)
{
    struct report_sent *sent = arg;
    struct work *work = map_get(sent->spoke->works, sent->work);
    int64_t revision = sent->revision;
    bool last = sent->last;

    free(sent->work);
    free(sent);
    if (!work)
        return;
    if (status == 409) {
        mem_free(&work->sent_work);
        tell_anew(work, revision);
    } else if (status != 200 && status != 404) {
        on_untold(work, status, answer, err);
    } else if (status == 200 && revision) {
        take_revision(work, answer);
    }
    if (status == 200 && last && work->sent_work) {
        loop_backoff_reset(&work->tell_backoff);
        mem_free(&work->untold);
    }
    if (!last)
        return;
    work->sending = false;
    if (work->dirty) {
        work->dirty = false;
        report_work(work);
    }
}

/* `revision`: of the object that the status is about; 0: whichever is there. */
static void send_patch(struct work *work, const char *target, const struct node *status,
                       bool last, int64_t revision)
{
    scoped_arena struct arena *arena = arena_new();
    struct report_sent *sent = mem_alloc(sizeof *sent);
    struct node *body = node_map(arena);

    *sent = (struct report_sent){work->spoke, mem_copy_string(work->name), last, revision};
    node_set(arena, body, "status", report_printable(arena, status));
    if (revision)
        node_set(arena, node_make(arena, body, "metadata"), "resourceVersion",
                 node_format(arena, "%lld", (long long)revision));
    link_send(work->spoke, "PATCH", target, META_PATCH_MERGE, body, on_sent, sent);
}

/* Conditions carry times, so what is compared is the text without new ones:
   work_merge_conditions keeps the old time where nothing changed. */
static bool is_news(char **sent, struct arena *arena, const struct node *status)
{
    char *json = document_json(arena, status);

    if (*sent && strcmp(*sent, json) == 0)
        return false;
    free(*sent);
    *sent = mem_copy_string(json);
    return true;
}

static const struct node *workload_in(const struct work *work)
{
    const struct node *manifests =
        node_at(work->object, "spec", "workload", "manifests", NULL);

    for (size_t i = 0; i < node_count(manifests); i++) {
        if (gather_is_workload(node_item(manifests, i)))
            return node_item(manifests, i);
    }
    return NULL;
}

static bool send_workload(struct work *work, struct arena *arena,
                          const struct node *report, bool last)
{
    const struct node *workload = workload_in(work);
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
    node_set_text(arena, about, "uid",
                  node_get_text(node_get(work->object, "metadata"), "uid"));
    node_set_int(arena, about, "generation", work->generation);
    if (!is_news(&work->sent_workload, arena, status))
        return false;
    target = mem_printf("/apis/" META_API_AXLE "/namespaces/%s/workloads/%s/status",
                        work->spoke->name,
                        node_get_text(node_get(workload, "metadata"), "name"));
    send_patch(work, target, status, last, 0);
    return true;
}

/* What can never run is worth an Event, once for each reason. */
static void tell_refused(struct work *work, const struct node *objects)
{
    for (size_t i = 0; i < node_count(objects); i++) {
        const struct node *row = node_item(objects, i);
        const char *message = node_get_text(row, "message");
        struct cluster_event event = {
            .owner = work->name, .api_version = node_get_text(row, "apiVersion"),
            .kind = node_get_text(row, "kind"), .space = node_get_text(row, "namespace"),
            .name = node_get_text(row, "name"), .type = "Warning",
            .reason = node_get_text(row, "reason"), .message = message};
        scoped_mem char *key = mem_printf("%s %s/%s: %s", event.kind, event.space,
                                          event.name, message);

        /* A full disk has one Event of its own, not one for each object. */
        if (node_get_bool(row, "applied", true) || !*event.reason ||
            !strcmp(event.reason, "DiskPressure") || map_get(work->said, key))
            continue;
        map_put(work->said, key, work);
        report_event(work->spoke, &event);
    }
}

static void tell_failed(struct work *work)
{
    for (size_t i = 0; i < node_count(work->bound); i++) {
        const struct node *failure = gather_failure(work, i);
        const struct node *manifest = node_item(work->bound, i);
        const struct node *metadata = node_get(manifest, "metadata");
        const char *message = node_get_text(failure, "message");
        struct cluster_event event = {
            .owner = work->name, .api_version = node_get_text(manifest, "apiVersion"),
            .kind = node_get_text(manifest, "kind"),
            .space = node_get_text(metadata, "namespace"),
            .name = node_get_text(metadata, "name"), .type = "Warning",
            .reason = node_get_text(failure, "reason"), .message = message};

        if (!failure || map_get(work->said, message))
            continue;
        map_put(work->said, message, work);
        report_event(work->spoke, &event);
    }
}

void report_trouble(struct work *work)
{
    struct cluster_event event = {
        .owner = work->name, .api_version = META_API_WORK, .kind = "ManifestWork",
        .space = work->spoke->name, .name = work->name, .type = "Warning",
        .reason = work->trouble_reason, .message = work->trouble};

    if (map_get(work->said, work->trouble))
        return;
    map_put(work->said, work->trouble, work);
    report_event(work->spoke, &event);
}

static struct node *status_of(struct work *work, struct arena *arena,
                              const struct node *report)
{
    const struct node *objects =
        cluster_objects(work->spoke->cluster, arena, work->name);

    tell_refused(work, objects);
    tell_failed(work);
    return sum_work(work, arena, report, objects);
}

static void on_patience(void *arg)
{
    struct work *work = object_from(work, WORK_TAG, arg);

    work->waited = true;
    report_work(work);
}

/*
 * What is only on its way is told if it takes longer than a moment. Most of it
 * ends sooner, and then one status says all: one write on the hub, not three.
 */
static bool can_wait(struct work *work, const struct node *report)
{
    const char *phase = node_get_text(report, "phase");

    if (!work->waited && !work->trouble && !work->deleting &&
        (!strcmp(phase, "Progressing") || !strcmp(phase, "Pending"))) {
        if (!work->patience)
            work->patience = loop_timer_new(work->spoke->loop, on_patience, work);
        if (!loop_timer_is_set(work->patience))
            loop_timer_set(work->patience, ON_THE_WAY);
        return true;
    }
    work->waited = false;
    if (work->patience)
        loop_timer_stop(work->patience);
    return false;
}

void report_forget(struct work *work)
{
    mem_free(&work->sent_work);
    mem_free(&work->sent_workload);
}

void report_if_lost(struct work *work)
{
    if (!work->sent_work && !work->sending)
        report_work(work);
}

void report_work(struct work *work)
{
    scoped_arena struct arena *arena = NULL;
    scoped_mem char *target = NULL;
    struct node *report, *status;
    bool workload, news;

    if (!work->spoke->http || !work->object ||
        work->spoke->state == SPOKE_JOINING || work->spoke->state == SPOKE_WAITING)
        return;
    if (work->foreign && epoch_withholds(work->spoke))
        return;
    /* While things are being fetched there is nothing to tell. */
    if (!work->applied && !work->trouble && !work->deleting)
        return;
    if (work->sending) {
        work->dirty = true;
        return;
    }
    arena = arena_new();
    report = cluster_report(work->spoke->cluster, arena, work->name);
    if (can_wait(work, report))
        return;
    status = status_of(work, arena, report);
    /* The Workload first: whoever reads "Available" finds its endpoints. */
    news = is_news(&work->sent_work, arena, status);
    workload = send_workload(work, arena, report, !news);
    if (news) {
        target = mem_printf("/apis/" META_API_WORK "/namespaces/%s/manifestworks/%s/status",
                            work->spoke->name, work->name);
        send_patch(work, target, status, true, work->revision);
    }
    work->sending = news || workload;
}
