/* SPDX-License-Identifier: Apache-2.0 */
/* Brings one ManifestWork from what the hub says to what the cluster has. */
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
#include "storage/storage.h"

#include <stdlib.h>
#include <string.h>

/*
 * A version of a work is gathered, kept and applied; what fails is tried again from its
 * beginning by a timer. lifecycle_leave() may free the work, and so may all that calls it:
 * lifecycle_take(), _proceed(), _need_ended() and _end(). A caller that goes on with the
 * work after one of these looks it up again by its name.
 */
#define EVICT_LEAST (60 * CLOCK_SECOND)
/* How long what ran before the spoke was removed waits for the hub to want it again. */
#define EARLIER_LIFE (60 * CLOCK_SECOND)

static bool is_withheld(const struct works *works)
{
    return works->hub.is_withheld(works->hub.arg);
}

static bool is_removed_spoke(const struct works *works)
{
    return works->hub.is_removed(works->hub.arg);
}

static bool is_watched(const struct works *works)
{
    return works->hub.contact(works->hub.arg) == WORKS_WATCHING;
}

/* spec.deleteOption as text, to be compared; the caller frees. */
static char *delete_option(const struct work *work)
{
    scoped_text struct text out = {0};
    const struct node *option = node_at(work->object, "spec", "deleteOption", NULL);

    if (option)
        document_write_canonical(&out, option);
    return mem_copy_string(text_string(&out));
}

/* ---- Trying again ---------------------------------------------------------------- */

static void on_retry_timer(void *arg)
{
    struct work *work = object_from(work, WORK_TAG, arg);

    if (work->phase == WORK_TROUBLED)
        lifecycle_begin(work);
}

static void retry_work_later(struct work *work, const char *reason, const char *message)
{
    work_move(work, WORK_TROUBLED);
    work_set_trouble(work, reason, message);
    if (!work->warned || strcmp(work->warned, message) != 0)
        log_warn("spoke", "%s: %s", work->name, message);
    mem_free(&work->warned);
    work->warned = mem_copy_string(message);
    if (!work->retry)
        work->retry = loop_timer_new(work->works->loop, on_retry_timer, work);
    loop_timer_set(work->retry, CLOCK_SECOND + loop_backoff_next(&work->backoff));
    report_work(work);
}

struct read_again {
    struct works *works;
    char *work; /* owned */
};

static void on_read_again(void *arg, int status, const struct http_response *response,
                          const struct err *why);

/* What it names is not on the hub any more: the hub may have another version of it by now. */
static void read_work_again(struct work *work)
{
    struct works *works = work->works;
    struct read_again *again = mem_alloc(sizeof *again);
    scoped_mem char *target = work_path(work);

    *again = (struct read_again){works, mem_copy_string(work->name)};
    works->hub.send(works->hub.arg, "GET", target, NULL, NULL, on_read_again, again);
}

void lifecycle_need_ended(struct work *work, const char *reason, const char *message)
{
    if (work->phase != WORK_GATHERING && work->phase != WORK_TROUBLED)
        return; /* it is leaving meanwhile */
    if (!reason) {
        lifecycle_proceed(work);
        return;
    }
    retry_work_later(work, reason, message);
    if (!strcmp(reason, BUNDLE_GONE))
        read_work_again(work);
}

/* ---- Applying -------------------------------------------------------------------- */

/* Another set than the one that the cluster has would have to be kept first. */
static int check_disk_for_set(struct work *work, const struct cluster_set *set, struct err *err)
{
    const char *words = storage_pressure(work->works->storage);

    if (!words || work->phase == WORK_LEAVING || cluster_has(work->works->cluster, set))
        return 0;
    return err_set(err, ERR_FULL, "waits for the disk of its spoke: %s", words);
}

/* Its row is staged first; the commit of cluster_apply() has both. */
static int apply_set(struct work *work, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct cluster_set set = {.owner = work->name, .project = work_project(work)};
    scoped_mem struct cluster_manifest *items = NULL;

    if (gather_set(work, arena, &items, &set.count, err) < 0)
        return -1;
    set.items = items;
    if (check_disk_for_set(work, &set, err) < 0)
        return -1;
    kept_work_put(work);
    bundle_sweep(work->works);
    cluster_apply(work->works->cluster, &set);
    return 0;
}

/* works_disk_well() begins it again. */
static void wait_for_disk(struct work *work, const char *message)
{
    work_move(work, WORK_TROUBLED);
    work_set_trouble(work, WORKS_DISK_PRESSURE, message);
    log_info("spoke", "%s: %s", work->name, message);
    report_work(work);
}

static void apply_work(struct work *work)
{
    struct works *works = work->works;
    struct err err = {0};

    if (apply_set(work, &err) < 0) {
        if (err.code == ERR_FULL && storage_pressure(works->storage))
            wait_for_disk(work, err.text);
        else
            retry_work_later(work, "ManifestInvalid", err.text);
        return;
    }
    work_set_trouble(work, NULL, NULL);
    mem_free(&work->warned);
    loop_backoff_reset(&work->backoff);
    work_move(work, WORK_APPLIED);
    works->hub.applied(works->hub.arg);
    report_work(work);
}

/* ---- What it needs first --------------------------------------------------------- */

/* True if it is not to be applied at all. */
static bool refuse_if_unfit(struct work *work)
{
    scoped_mem char *message = NULL;
    const char *reason = refusal_of(work, &message);

    if (!reason)
        return false;
    work_move(work, WORK_TROUBLED);
    work_set_trouble(work, reason, message);
    work_events_send_trouble(work);
    return true;
}

static void gather_workload(struct work *work, const struct node *workload, const struct node *had)
{
    const struct node *spec = node_get(workload, "spec");
    const struct node *artifact = node_get(spec, "artifact");
    const char *digest = node_get_text(artifact, "digest");

    if (!bundle_is_here(work->works, digest))
        bundle_fetch(work, node_get_text(artifact, "reference"), digest);
    secrets_gather(work, spec, had);
}

/* The responses that a former attempt waits for come to nothing, and its timer does not
   come. */
static void end_attempt(struct work *work)
{
    work->turn = ++work->works->turns;
    work->waiting = 0;
    if (work->retry)
        loop_timer_stop(work->retry);
}

/* Fetches what is not here. With everything here it applies at once. */
void lifecycle_begin(struct work *work)
{
    const struct node *manifests = work_manifests(work);
    scoped_interned const struct node *had = take(work->secrets);

    work_move(work, WORK_GATHERING);
    end_attempt(work);
    work_set_trouble(work, NULL, NULL);
    document_release(&work->bound);
    document_release(&work->failed);
    if (!refuse_if_unfit(work)) {
        if (!work->finalized)
            finalizer_add(work);
        for (size_t i = 0; i < node_count(manifests); i++)
            if (works_manifest_is_workload(node_item(manifests, i)))
                gather_workload(work, node_item(manifests, i), had);
    }
    lifecycle_proceed(work);
}

/* ---- Leaving --------------------------------------------------------------------- */

/* Frees the work. `removed` may close the connection to the hub or put the spoke's
   identity aside, but must not close the works. */
static void finish_leaving(struct work *work)
{
    struct works *works = work->works;

    if (work->object)
        finalizer_remove(work);
    kept_work_delete(work);
    kept_work_commit(works);
    work_free(work);
    works->hub.removed(works->hub.arg);
}

/* What is to stay behind may have changed together with the deletion. */
static void mark_orphans(struct work *work, const char *former)
{
    scoped_mem char *now = delete_option(work);
    struct err err = {0};

    if (work_is_applied(work) && strcmp(former, now) != 0 && apply_set(work, &err) < 0)
        log_warn("spoke", "%s: spec.deleteOption as it is now cannot be had: %s", work->name,
                 err.text);
}

static bool is_in_cluster(const struct work *work)
{
    scoped_arena struct arena *arena = arena_new();

    return cluster_report(work->works->cluster, arena, work->name) != NULL;
}

/* Removes what it runs; the cluster's changes bring lifecycle_proceed() until nothing is
   left. Frees the work if nothing is left now. */
static void leave_work(struct work *work)
{
    work_move(work, WORK_LEAVING);
    end_attempt(work);
    if (!is_in_cluster(work)) {
        finish_leaving(work);
        return;
    }
    cluster_remove(work->works->cluster, work->name);
    report_work(work);
}

/* Without the object nothing is sent: the hub knows nothing of this spoke any more, or is
   not there. */
void lifecycle_end(struct work *work)
{
    if (work->phase == WORK_LEAVING && !work->object)
        return;
    document_release(&work->object);
    work->evicting = 0;
    loop_timer_free(&work->retry);
    loop_timer_free(&work->timeout);
    loop_timer_free(&work->evict);
    leave_work(work);
}

/* ---- Going on -------------------------------------------------------------------- */

void lifecycle_proceed(struct work *work)
{
    if (work->phase == WORK_LEAVING && !is_in_cluster(work))
        finish_leaving(work);
    else if (work->phase == WORK_GATHERING && !work->waiting)
        apply_work(work);
    else
        report_work(work);
}

/* ---- Gone from the hub without a word -------------------------------------------- */

static void on_evict(void *arg)
{
    struct work *work = object_from(work, WORK_TAG, arg);
    int64_t whole = work->works->eviction;

    if (is_withheld(work->works)) {
        loop_timer_set(work->evict, whole);
        return;
    }
    /* Only a hub that can be reached now and does not have the work ends it. */
    if (!is_watched(work->works) && !is_removed_spoke(work->works)) {
        loop_timer_set(work->evict, whole < EVICT_LEAST ? whole : EVICT_LEAST);
        return;
    }
    log_warn("spoke", "%s: the hub has not had it for %lld s, removing it", work->name,
             (long long)(whole / CLOCK_SECOND));
    document_release(&work->object);
    leave_work(work);
}

void lifecycle_evict_later(struct work *work)
{
    int64_t whole = work->works->eviction, least = whole < EVICT_LEAST ? whole : EVICT_LEAST;
    int64_t left = work->evicting + whole - clock_wall();

    if (!work->evict)
        work->evict = loop_timer_new(work->works->loop, on_evict, work);
    /* The clock may have been set since: never longer than it takes, and always
       long enough to hear from the hub that the work is there. */
    loop_timer_set(work->evict, left > whole ? whole : left < least ? least : left);
}

int64_t works_grace(const struct works *works)
{
    return works->eviction < EARLIER_LIFE ? works->eviction : EARLIER_LIFE;
}

/*
 * A work that was deleted was seen with a deletionTimestamp first. One that vanishes
 * without may have been lost by a hub that was restored from an older copy: what runs
 * goes on for a while.
 */
static void take_vanished(struct work *work)
{
    struct works *works = work->works;
    int64_t passed = is_removed_spoke(works) ? works->eviction - works_grace(works) : 0;

    if (work->phase == WORK_LEAVING || !is_in_cluster(work)) {
        document_release(&work->object);
        leave_work(work);
        return;
    }
    if (work->evicting)
        return;
    log_warn("spoke",
             "%s is gone from the hub without having been deleted; it stays for "
             "%lld s",
             work->name, (long long)((works->eviction - passed) / CLOCK_SECOND));
    work->evicting = clock_wall() - passed;
    kept_work_put(work);
    kept_work_commit(works);
    lifecycle_evict_later(work);
}

/* ---- What the hub says ----------------------------------------------------------- */

/* While changes are withheld: whether the hub has what runs here all the same. */
static bool is_same_version(const struct work *work, const struct node *object)
{
    return work_is_same_generation(work, object) && !meta_is_deleting(object) &&
           node_same(node_get(work->object, "spec"), node_get(object, "spec"));
}

/* The status of what runs here must not stand on another version that the hub has. */
static void withhold_change(struct work *work, const struct node *object)
{
    if (object && is_same_version(work, object))
        work_set_object(work, object);
    else
        work->foreign = true;
}

/* A timer tries it again, or works_disk_well() does: our own status, coming back by the
   watch, must not. A hub that was away and is back is asked at once. */
static bool is_tried_later(const struct work *work)
{
    bool disk = work->trouble && !strcmp(work->trouble_reason, WORKS_DISK_PRESSURE);

    return (disk && storage_pressure(work->works->storage)) ||
           (work->trouble && work->retry && loop_timer_is_set(work->retry) &&
            is_watched(work->works));
}

/* `former_option`: its spec.deleteOption before; NULL: it was not known. */
static void take_deleted(struct work *work, const char *former_option)
{
    if (former_option)
        mark_orphans(work, former_option);
    leave_work(work);
}

static void take_object(struct works *works, struct work *work, const char *name,
                        const struct node *object)
{
    /* An object that was deleted and created anew while the spoke was away has the same
       name, and its generations begin at 1 again. */
    bool recreated = work && work->object && !work_is_same_object(work, object);
    bool same = work && work_is_same_generation(work, object);
    scoped_mem char *former_option = work ? delete_option(work) : NULL;
    bool back = work && (work->evicting || work->phase == WORK_LEAVING);

    if (!work)
        work = work_new(works, name);
    work->evicting = 0;
    loop_timer_free(&work->evict);
    work->finalized = work->finalized && !recreated && !back;
    work_set_object(work, object);
    if (work->phase == WORK_LEAVING) {
        take_deleted(work, former_option);
        return;
    }
    /* Our own status coming back changes nothing. */
    if (same && !back && (work_is_applied(work) || work->waiting || is_tried_later(work))) {
        report_if_lost(work);
        return;
    }
    lifecycle_begin(work);
}

void lifecycle_take(struct works *works, const char *name, const struct node *object)
{
    struct work *work = work_find(works, name);

    if (work && work_is_applied(work) && is_withheld(works))
        withhold_change(work, object);
    else if (object)
        take_object(works, work, name, object);
    else if (work)
        take_vanished(work);
}

static void on_read_again(void *arg, int status, const struct http_response *response,
                          const struct err *why)
{
    struct read_again *again = arg;
    scoped_arena struct arena *arena = arena_new();
    const struct work *work = work_find(again->works, again->work);
    const struct node *object =
        status != 200
            ? NULL
            : document_read_json(arena, response->body, response->len, &document_limits_own, NULL);

    /* The same version waits for its timer; that the work is gone comes by the watch. */
    if (work && work->object && object && !work_is_same_generation(work, object))
        lifecycle_take(again->works, again->work, object);
    mem_free(&again->work);
    mem_free(&again);
}
