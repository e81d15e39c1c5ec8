/* SPDX-License-Identifier: Apache-2.0 */
/* Notices that the hub has lost writes, and withholds its changes until they are confirmed. */
#include "agent/departure.h"
#include "agent/internal.h"
#include "agent/session.h"

#include "base/log.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "http/http.h"
#include "meta/meta.h"
#include "storage/storage.h"
#include "store/store.h"
#include "works/works.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*
 * Each response of the hub names its epoch, which changes when a backup was restored or a
 * loss was accepted. The hub's works may then be older than what runs here. So works that
 * are here are neither removed nor changed until an administrator confirms the new epoch by
 * an annotation. Works that are new here are applied, since that removes nothing.
 */
#define HEADER "axle-epoch"
#define CONDITION "HubEpochConfirmed"
#define KEPT "hub.epoch"

struct epoch {
    int64_t confirmed, unconfirmed; /* 0: none */
    bool told;                      /* by an Event, since this start */
    int64_t seen;                   /* newest revision; -1: none counts until the next list */
    int64_t went_back;              /* the revision that the hub lost, or 0 */
    struct loop_timer *again;       /* owned */
};

void epoch_open(struct agent *agent)
{
    agent->epoch = mem_alloc(sizeof *agent->epoch);
}

static void on_epoch_kept(void *arg, const struct err *err)
{
    if (err)
        log_warn("spoke", "the hub's epoch cannot be stored: %s", err->text);
}

void epoch_keep_again(struct agent *agent)
{
    const struct epoch *epoch = agent->epoch;
    int64_t kept[3] = {epoch->confirmed, epoch->unconfirmed, epoch->went_back};

    store_value_put(storage_store(agent->storage), KEPT, kept, sizeof kept);
}

static void keep_epoch(struct agent *agent)
{
    epoch_keep_again(agent);
    store_commit(storage_store(agent->storage), on_epoch_kept, NULL);
}

void epoch_load(struct agent *agent)
{
    int64_t kept[3];
    size_t len = 0;
    scoped_mem void *bytes = store_value_get(storage_store(agent->storage), KEPT, &len);

    if (!bytes || len != sizeof kept)
        return;
    memcpy(kept, bytes, sizeof kept);
    agent->epoch->confirmed = kept[0];
    agent->epoch->unconfirmed = kept[1];
    agent->epoch->went_back = kept[2];
}

void epoch_forget(struct agent *agent)
{
    agent->epoch->confirmed = agent->epoch->unconfirmed = agent->epoch->went_back = 0;
    keep_epoch(agent);
}

void epoch_close(struct agent *agent)
{
    loop_timer_free(&agent->epoch->again);
    mem_free(&agent->epoch);
}

bool epoch_is_withheld(const struct agent *agent)
{
    return agent->epoch->unconfirmed != 0;
}

bool epoch_needs_list(const struct agent *agent)
{
    return !agent->epoch->confirmed || agent->epoch->unconfirmed || agent->epoch->seen < 0;
}

/* The annotation that confirms it: the epoch; where that has not changed, also the revision
   that the hub has lost. */
static void wanted_annotation(const struct agent *agent, char *out, size_t room)
{
    if (agent->epoch->went_back)
        snprintf(out, room, "%" PRId64 "-%" PRId64, agent->epoch->unconfirmed,
                 agent->epoch->went_back);
    else
        snprintf(out, room, "%" PRId64, agent->epoch->unconfirmed);
}

static void explain_epoch(const struct agent *agent, char *out, size_t room)
{
    char wanted[64], why[128];

    wanted_annotation(agent, wanted, sizeof wanted);
    if (agent->epoch->went_back)
        snprintf(why, sizeof why,
                 "the hub no longer knows revision %" PRId64 ", which this spoke has seen",
                 agent->epoch->went_back);
    else
        snprintf(why, sizeof why,
                 "the hub is in epoch %" PRId64 ", this spoke has "
                 "confirmed %" PRId64,
                 agent->epoch->unconfirmed, agent->epoch->confirmed);
    snprintf(out, room,
             "%s: it may have lost writes, so works that run here are neither removed nor "
             "changed until the annotation " META_ANNOTATION_CONFIRMED_EPOCH
             "=%s is set on this ManagedCluster",
             why, wanted);
}

static void send_epoch_event(struct agent *agent)
{
    char message[400];
    struct cluster_event event = {.owner = "",
                                  .api_version = META_API_CLUSTER,
                                  .kind = "ManagedCluster",
                                  .namespace = "",
                                  .name = agent->name,
                                  .type = "Warning",
                                  .reason = "EpochChanged",
                                  .message = message};

    explain_epoch(agent, message, sizeof message);
    works_event(agent->works, &event);
    agent->epoch->told = true;
}

/* The Event is sent with the next status, since the hub may not be watched now. */
static void withhold_changes(struct agent *agent, int64_t epoch, int64_t went_back)
{
    char message[400];

    agent->epoch->unconfirmed = epoch;
    agent->epoch->went_back = went_back;
    agent->epoch->told = false;
    keep_epoch(agent);
    explain_epoch(agent, message, sizeof message);
    log_warn("spoke", "%s", message);
}

/* ---- Confirming ------------------------------------------------------------------ */

static void on_epoch_confirmed(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    /* Without a link it lists anyway when there is one. */
    if (session_is_watching(agent))
        session_move(agent, SESSION_LISTING);
}

/* Everything that was withheld is in the next list. Generations of another epoch cannot be
   compared, so each work is taken as if it were new. The list comes in a later turn, since
   this may be called while a response is being taken in. */
static void confirm_epoch(struct agent *agent, int64_t epoch)
{
    log_info("spoke",
             "%s: epoch %" PRId64 " of the hub is confirmed: its works are "
             "followed again",
             agent->name, epoch);
    agent->epoch->confirmed = epoch;
    agent->epoch->unconfirmed = agent->epoch->went_back = 0;
    agent->epoch->seen = -1; /* until the next list */
    keep_epoch(agent);
    works_forget_generations(agent->works);
    if (!agent->epoch->again)
        agent->epoch->again = loop_timer_new(agent->loop, on_epoch_confirmed, agent);
    loop_timer_set(agent->epoch->again, 0);
}

void epoch_take_cluster(struct agent *agent, const struct node *cluster)
{
    const char *text = node_text(
        node_at(cluster, "metadata", "annotations", META_ANNOTATION_CONFIRMED_EPOCH, NULL));

    char wanted[64];

    wanted_annotation(agent, wanted, sizeof wanted);
    if (agent->epoch->unconfirmed && strcmp(text, wanted) == 0)
        confirm_epoch(agent, agent->epoch->unconfirmed);
}

/* ---- What the hub says ----------------------------------------------------------- */

/* 0: the response names no epoch, or one that is no number. */
static int64_t answer_epoch(const struct http_response *response)
{
    const char *text = http_response_get(response, HEADER);
    long long epoch = 0;

    return text && text_to_int(text, &epoch) && epoch > 0 ? epoch : 0;
}

bool epoch_is_confirmed(const struct agent *agent, const struct http_response *response)
{
    return answer_epoch(response) && answer_epoch(response) == agent->epoch->confirmed &&
           !epoch_is_withheld(agent);
}

void epoch_take_answer(struct agent *agent, const struct http_response *response)
{
    int64_t epoch = answer_epoch(response);

    if (epoch <= 0 || epoch == agent->epoch->unconfirmed ||
        (epoch == agent->epoch->confirmed && !agent->epoch->unconfirmed))
        return;
    if (!agent->epoch->confirmed) {
        agent->epoch->confirmed = epoch;
        keep_epoch(agent);
    } else if (epoch == agent->epoch->confirmed) {
        confirm_epoch(agent, epoch); /* the hub has its own database again */
    } else {
        withhold_changes(agent, epoch, 0);
    }
}

/* The revisions of the works on disk count too: after a restart of the agent there are no
   others. */
static int64_t newest_seen(const struct agent *agent)
{
    int64_t kept = works_newest_revision(agent->works), seen = agent->epoch->seen;

    return seen < 0 ? 0 : seen > kept ? seen : kept;
}

void epoch_take_event(struct agent *agent, int64_t revision)
{
    if (revision > agent->epoch->seen)
        agent->epoch->seen = revision;
}

void epoch_take_list(struct agent *agent, int64_t revision)
{
    int64_t newest = newest_seen(agent);

    if (agent->epoch->confirmed && !agent->epoch->unconfirmed && revision < newest)
        withhold_changes(agent, agent->epoch->confirmed, newest);
    if (!agent->epoch->unconfirmed)
        agent->epoch->seen = revision;
}

void epoch_add_condition(struct agent *agent, struct arena *arena, struct node *news)
{
    struct node *made = node_map(arena);
    char message[400];

    if (!agent->epoch->confirmed)
        return;
    if (agent->epoch->unconfirmed && !agent->epoch->told)
        send_epoch_event(agent);
    if (agent->epoch->unconfirmed)
        explain_epoch(agent, message, sizeof message);
    else
        snprintf(message, sizeof message, "the hub is in epoch %" PRId64, agent->epoch->confirmed);
    node_set_text(arena, made, "type", CONDITION);
    node_set_text(arena, made, "status", agent->epoch->unconfirmed ? "False" : "True");
    node_set_text(arena, made, "reason", agent->epoch->unconfirmed ? "EpochChanged" : "SameEpoch");
    node_set_text(arena, made, "message", message);
    node_add(arena, news, made);
}
