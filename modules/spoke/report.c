/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the hub how works stand here, when that has changed. */
#include "spoke/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "pki/pki.h"
#include "work/work.h"

#include <stdlib.h>
#include <string.h>

#define MERGE "application/merge-patch+json"

/* ---- Conditions --------------------------------------------------------------- */

static void add_condition(struct arena *arena, struct node *list,
                          const struct work *work, const char *type, bool is,
                          const char *reason, const char *message)
{
    struct node *made = node_map(arena);

    node_set_text(arena, made, "type", type);
    node_set_text(arena, made, "status", is ? "True" : "False");
    node_set_text(arena, made, "reason", reason);
    node_set_text(arena, made, "message", message);
    node_set_int(arena, made, "observedGeneration", work->generation);
    node_add(arena, list, made);
}

static const char *or(const char *text, const char *none)
{
    return *text ? text : none;
}

static struct node *conditions(struct arena *arena, const struct work *work,
                               const struct node *report)
{
    struct node *news = node_list(arena);
    const char *phase = node_get_text(report, "phase");
    const char *reason = node_get_text(report, "reason");
    const char *message = node_get_text(report, "message");
    bool good = work->applied && (strcmp(phase, "Running") == 0 ||
                                  strcmp(phase, "Completed") == 0);
    bool bad = work->trouble || strcmp(phase, "Degraded") == 0;

    add_condition(arena, news, work, "Applied", work->applied,
                  work->applied ? "AppliedManifestWorkComplete"
                                : "AppliedManifestWorkFailed",
                  work->applied ? "Apply manifest work complete"
                                : or(work->trouble ? work->trouble : "",
                                     "fetching what it needs"));
    add_condition(arena, news, work, "Available", good,
                  good ? "ResourcesAvailable" : "ResourcesNotAvailable",
                  good ? "All resources are available"
                       : or(work->trouble ? work->trouble : message,
                            "not ready yet"));
    add_condition(arena, news, work, "Progressing", !good && !bad,
                  good || bad ? "Settled" : or(reason, "Starting"),
                  good || bad ? "" : message);
    add_condition(arena, news, work, "Degraded", bad,
                  bad ? (work->trouble ? work->trouble_reason
                                       : or(reason, "Degraded"))
                      : "AsExpected",
                  bad ? (work->trouble ? work->trouble : message) : "");
    if (strcmp(phase, "Completed") == 0)
        add_condition(arena, news, work, "Complete", true, "Completed", message);
    return work_merge_conditions(arena,
                                 node_at(work->object, "status", "conditions", NULL),
                                 news, clock_wall());
}

/* ---- Manifests ------------------------------------------------------------------ */

static void split_version(struct arena *arena, const char *api_version,
                          const char **ret_group, const char **ret_version)
{
    const char *slash = strchr(api_version, '/');

    *ret_version = slash ? slash + 1 : api_version;
    *ret_group = slash ? arena_bytes(arena, api_version,
                                     (size_t)(slash - api_version))
                       : "";
}

static char *plural_of(struct arena *arena, const char *kind)
{
    char *made = arena_printf(arena, "%ss", kind);

    for (char *at = made; *at; at++)
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
    return made;
}

static struct node *manifest_row(struct arena *arena, const struct work *work,
                                 const struct node *manifest, size_t ordinal,
                                 bool good)
{
    struct node *row = node_map(arena);
    struct node *meta = node_make(arena, row, "resourceMeta");
    const struct node *metadata = node_get(manifest, "metadata");
    const char *kind = node_get_text(manifest, "kind");
    const char *group, *version;

    split_version(arena, node_get_text(manifest, "apiVersion"), &group, &version);
    node_set_int(arena, meta, "ordinal", (int64_t)ordinal);
    node_set_text(arena, meta, "group", group);
    node_set_text(arena, meta, "version", version);
    node_set_text(arena, meta, "kind", kind);
    node_set_text(arena, meta, "resource", plural_of(arena, kind));
    node_set_text(arena, meta, "name", node_get_text(metadata, "name"));
    node_set_text(arena, meta, "namespace", node_get_text(metadata, "namespace"));
    add_condition(arena, node_make_list(arena, row, "conditions"), work, "Applied",
                  work->applied,
                  work->applied ? "AppliedManifestComplete"
                                : "AppliedManifestFailed",
                  work->trouble ? work->trouble : "");
    add_condition(arena, node_get(row, "conditions"), work, "Available", good,
                  good ? "ResourceAvailable" : "ResourceNotAvailable", "");
    return row;
}

static struct node *manifest_rows(struct arena *arena, const struct work *work,
                                  bool good)
{
    const struct node *manifests =
        node_at(work->object, "spec", "workload", "manifests", NULL);
    struct node *rows = node_list(arena);

    for (size_t i = 0; i < node_count(manifests); i++)
        node_add(arena, rows, manifest_row(arena, work, node_item(manifests, i), i,
                                           good));
    return work_merge_manifests(
        arena,
        node_at(work->object, "status", "resourceStatus", "manifests", NULL), rows,
        clock_wall());
}

/* ---- Sending -------------------------------------------------------------------- */

struct report_sent {
    struct spoke *spoke;
    char *work; /* owned */
    bool last;  /* of the two patches */
};

static void on_sent(void *arg, int status, const struct http_answer *answer,
                    const struct err *err)
{
    struct report_sent *sent = arg;
    struct work *work = map_get(sent->spoke->works, sent->work);
    bool last = sent->last;
    struct err why = {0};

    free(sent->work);
    free(sent);
    if (!work)
        return;
    if (status != 200 && status != 404) {
        link_explain(status, answer, err, &why);
        log_warn("spoke", "status of %s: %s", work->name, why.text);
        /* Sent again with the next report, at the latest after reconnecting. */
        mem_free(&work->sent_work);
        mem_free(&work->sent_workload);
    }
    if (!last)
        return;
    work->sending = false;
    if (work->dirty) {
        work->dirty = false;
        report_work(work);
    }
}

static void send_patch(struct work *work, const char *target,
                       const struct node *status, bool last)
{
    scoped_arena struct arena *arena = arena_new();
    struct report_sent *sent = mem_alloc(sizeof *sent);
    struct node *body = node_map(arena);

    *sent = (struct report_sent){work->spoke, mem_copy_string(work->name), last};
    node_set(arena, body, "status", (struct node *)status);
    link_send(work->spoke, "PATCH", target, MERGE, body, on_sent, sent);
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
        if (strcmp(node_get_text(node_item(manifests, i), "kind"), "Workload") == 0)
            return node_item(manifests, i);
    }
    return NULL;
}

static bool send_workload(struct work *work, struct arena *arena,
                          const struct node *report, bool last)
{
    const struct node *workload = workload_in(work);
    scoped_mem char *target = NULL;
    struct node *status;

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
    if (!is_news(&work->sent_workload, arena, status))
        return false;
    target = mem_printf("/apis/axle.dev/v1alpha1/namespaces/%s/workloads/%s/status",
                        work->spoke->name,
                        node_get_text(node_get(workload, "metadata"), "name"));
    send_patch(work, target, status, last);
    return true;
}

void report_work(struct work *work)
{
    scoped_arena struct arena *arena = NULL;
    scoped_mem char *target = NULL;
    struct node *report, *status, *rows;
    bool good, workload, news;

    if (!work->spoke->http || !work->object ||
        work->spoke->state == SPOKE_JOINING || work->spoke->state == SPOKE_WAITING)
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
    status = node_map(arena);
    node_set(arena, status, "conditions", conditions(arena, work, report));
    good = work->applied &&
           (strcmp(node_get_text(report, "phase"), "Running") == 0 ||
            strcmp(node_get_text(report, "phase"), "Completed") == 0);
    rows = manifest_rows(arena, work, good);
    node_set(arena, node_make(arena, status, "resourceStatus"), "manifests", rows);
    /* The Workload first: whoever reads "Available" finds its endpoints. */
    news = is_news(&work->sent_work, arena, status);
    workload = send_workload(work, arena, report, !news);
    if (news) {
        target = mem_printf("/apis/" WORKS "/namespaces/%s/manifestworks/%s/status",
                            work->spoke->name, work->name);
        send_patch(work, target, status, true);
    }
    work->sending = news || workload;
}

/* ---- Events ---------------------------------------------------------------------- */

void report_event(struct spoke *spoke, const struct cluster_event *event)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *target = mem_printf("/api/v1/namespaces/%s/events", spoke->name);
    struct node *body = node_map(arena);
    struct node *metadata = node_make(arena, body, "metadata");
    struct node *about = node_make(arena, body, "involvedObject");
    char now[CLOCK_TEXT];

    log_info("spoke", "%s %s/%s: %s: %s", event->kind, event->space, event->name,
             event->reason, event->message);
    if (!spoke->http || spoke->state != SPOKE_WATCHING)
        return;
    clock_format(clock_wall(), false, now);
    node_set_text(arena, body, "apiVersion", "v1");
    node_set_text(arena, body, "kind", "Event");
    node_set(arena, metadata, "generateName", node_format(arena, "%s.", event->name));
    node_set_text(arena, metadata, "namespace", spoke->name);
    node_set_text(arena, about, "apiVersion", event->api_version);
    node_set_text(arena, about, "kind", event->kind);
    node_set_text(arena, about, "namespace", event->space);
    node_set_text(arena, about, "name", event->name);
    node_set_text(arena, body, "type", event->type);
    node_set_text(arena, body, "reason", event->reason);
    node_set_text(arena, body, "message", event->message);
    node_set_text(arena, body, "firstTimestamp", now);
    node_set_text(arena, body, "lastTimestamp", now);
    node_set_int(arena, body, "count", 1);
    node_set_text(arena, node_make(arena, body, "source"), "component", "axle-spoke");
    node_set_text(arena, body, "reportingComponent", "axle-spoke");
    link_send(spoke, "POST", target, NULL, body, NULL, NULL);
}
