/* SPDX-License-Identifier: Apache-2.0 */
/* Notices that the hub lost writes, and then deletes nothing until it is confirmed. */
#include "spoke/inside.h"

#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "meta/meta.h"
#include "store/store.h"
#include "work/work.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * Each answer of the hub names its epoch, which changes when a backup was
 * restored or a loss was accepted. What the hub then says may be older than what
 * runs here, so works that are here stay as they are, neither removed nor
 * changed, until an administrator has looked and says that the hub is right.
 * Works that are new here are applied: they remove nothing.
 */
#define HEADER "axle-epoch"
#define CONDITION "HubEpochConfirmed"
#define KEPT "hub.epoch"

static void on_kept(void *arg, const struct err *err)
{
    if (err)
        log_warn("spoke", "the hub's epoch cannot be kept: %s", err->text);
}

void epoch_keep_again(struct spoke *spoke)
{
    int64_t kept[3] = {spoke->epoch, spoke->epoch_new, spoke->went_back};

    store_value_put(spoke->store, KEPT, kept, sizeof kept);
}

static void keep_epoch(struct spoke *spoke)
{
    epoch_keep_again(spoke);
    store_commit(spoke->store, on_kept, NULL);
}

void epoch_load(struct spoke *spoke)
{
    int64_t kept[3];
    size_t len = 0;
    scoped_mem void *bytes = store_value_get(spoke->store, KEPT, &len);

    if (!bytes || len != sizeof kept)
        return;
    memcpy(kept, bytes, sizeof kept);
    spoke->epoch = kept[0];
    spoke->epoch_new = kept[1];
    spoke->went_back = kept[2];
}

void epoch_forget(struct spoke *spoke)
{
    spoke->epoch = spoke->epoch_new = spoke->went_back = 0;
    keep_epoch(spoke);
}

void epoch_close(struct spoke *spoke)
{
    loop_timer_free(&spoke->epoch_again);
}

bool epoch_withholds(const struct spoke *spoke)
{
    return spoke->epoch_new != 0;
}

/* What an administrator writes: the epoch, and where it is the old one, the revision
   that the hub has lost. */
static void wanted_annotation(const struct spoke *spoke, char *out, size_t room)
{
    if (spoke->went_back)
        snprintf(out, room, "%" PRId64 "-%" PRId64, spoke->epoch_new, spoke->went_back);
    else
        snprintf(out, room, "%" PRId64, spoke->epoch_new);
}

static void explain(const struct spoke *spoke, char *out, size_t room)
{
    char wanted[64], why[128];

    wanted_annotation(spoke, wanted, sizeof wanted);
    if (spoke->went_back)
        snprintf(why, sizeof why, "the hub no longer knows revision %" PRId64
                 ", which this spoke has seen", spoke->went_back);
    else
        snprintf(why, sizeof why, "the hub is in epoch %" PRId64 ", this spoke has "
                 "confirmed %" PRId64, spoke->epoch_new, spoke->epoch);
    snprintf(out, room,
             "%s: it may have lost writes, so works that run here are neither removed nor "
             "changed until the annotation " META_ANNOTATION_CONFIRMED_EPOCH "=%s is set on this ManagedCluster",
             why, wanted);
}

static void tell(struct spoke *spoke)
{
    char message[400];
    struct cluster_event event = {
        .owner = "", .api_version = META_API_CLUSTER,
        .kind = "ManagedCluster", .space = "", .name = spoke->name, .type = "Warning",
        .reason = "EpochChanged", .message = message};

    explain(spoke, message, sizeof message);
    report_event(spoke, &event);
    spoke->epoch_told = true;
}

/* The Event follows with the condition, when the hub can be spoken to. */
static void withhold(struct spoke *spoke, int64_t epoch, int64_t went_back)
{
    char message[400];

    spoke->epoch_new = epoch;
    spoke->went_back = went_back;
    spoke->epoch_told = false;
    keep_epoch(spoke);
    explain(spoke, message, sizeof message);
    log_warn("spoke", "%s", message);
}

/* ---- Confirmed ------------------------------------------------------------- */

static void on_again(void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);

    if (spoke->state != SPOKE_WATCHING)
        return; /* it lists anyway when it is back */
    sync_stop(spoke);
    spoke_move(spoke, SPOKE_LISTING);
}

/* Everything that was withheld is in the next list. Generations of another epoch
   mean nothing, so each work is taken as if it were new. */
static void confirm(struct spoke *spoke, int64_t epoch)
{
    struct work *work;
    size_t at = 0;

    log_info("spoke", "%s: epoch %" PRId64 " of the hub is confirmed: its works are "
             "followed again", spoke->name, epoch);
    spoke->epoch = epoch;
    spoke->epoch_new = spoke->went_back = 0;
    spoke->seen = -1; /* until the next list */
    keep_epoch(spoke);
    while ((work = map_next(spoke->works, &at, NULL)))
        work->generation = -1;
    if (!spoke->epoch_again)
        spoke->epoch_again = loop_timer_new(spoke->loop, on_again, spoke);
    loop_timer_set(spoke->epoch_again, 0);
}

void epoch_look(struct spoke *spoke, const struct node *cluster)
{
    const char *text =
        node_text(node_at(cluster, "metadata", "annotations", META_ANNOTATION_CONFIRMED_EPOCH, NULL));

    char wanted[64];

    wanted_annotation(spoke, wanted, sizeof wanted);
    if (spoke->epoch_new && strcmp(text, wanted) == 0)
        confirm(spoke, spoke->epoch_new);
}

/* ---- Seen ------------------------------------------------------------------- */

/* 0: it names none, or what is no number. */
static int64_t epoch_of(const struct http_answer *answer)
{
    const char *text = http_answer_get(answer, HEADER);
    long long epoch = 0;

    return text && text_to_int(text, &epoch) && epoch > 0 ? epoch : 0;
}

bool epoch_is_confirmed(const struct spoke *spoke, const struct http_answer *answer)
{
    return epoch_of(answer) && epoch_of(answer) == spoke->epoch && !epoch_withholds(spoke);
}

void epoch_see(struct spoke *spoke, const struct http_answer *answer)
{
    int64_t epoch = epoch_of(answer);

    if (epoch <= 0 || epoch == spoke->epoch_new ||
        (epoch == spoke->epoch && !spoke->epoch_new))
        return;
    if (!spoke->epoch) {
        spoke->epoch = epoch;
        keep_epoch(spoke);
    } else if (epoch == spoke->epoch) {
        confirm(spoke, epoch); /* the hub has its own database again */
    } else {
        withhold(spoke, epoch, 0);
    }
}

/* Also what the works on disk say counts, as after a restart of the agent. */
static int64_t newest_seen(const struct spoke *spoke)
{
    int64_t newest = spoke->seen;
    struct work *work;
    size_t at = 0;

    if (spoke->seen < 0)
        return 0;
    while ((work = map_next(spoke->works, &at, NULL))) {
        const char *text =
            node_text(node_at(work->object, "metadata", "resourceVersion", NULL));
        int64_t revision = strtoll(text, NULL, 10);

        /* One that vanished is of before: the hub knows it no more. */
        if (revision > newest && !work->evicting)
            newest = revision;
    }
    return newest;
}

void epoch_see_revision(struct spoke *spoke, int64_t revision)
{
    int64_t newest = newest_seen(spoke);

    if (spoke->epoch && !spoke->epoch_new && revision < newest)
        withhold(spoke, spoke->epoch, newest);
    if (!spoke->epoch_new)
        spoke->seen = revision;
}

void epoch_condition(struct spoke *spoke, struct arena *arena, struct node *news)
{
    struct node *made = node_map(arena);
    char message[400];

    if (!spoke->epoch)
        return;
    if (spoke->epoch_new && !spoke->epoch_told)
        tell(spoke);
    if (spoke->epoch_new)
        explain(spoke, message, sizeof message);
    else
        snprintf(message, sizeof message, "the hub is in epoch %" PRId64, spoke->epoch);
    node_set_text(arena, made, "type", CONDITION);
    node_set_text(arena, made, "status", spoke->epoch_new ? "False" : "True");
    node_set_text(arena, made, "reason", spoke->epoch_new ? "EpochChanged" : "SameEpoch");
    node_set_text(arena, made, "message", message);
    node_add(arena, news, made);
}
