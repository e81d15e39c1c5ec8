/* SPDX-License-Identifier: Apache-2.0 */
/* Notices that the hub lost writes, and then deletes nothing until it is confirmed. */
#include "agent/inside.h"

#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "document/document.h"
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
#define CONFIRMED "axle.dev/confirmed-epoch"
#define CONDITION "HubEpochConfirmed"
#define KEPT "hub.epoch"

static void on_kept(void *arg, const struct err *err)
{
    if (err)
        log_warn("spoke", "the hub's epoch cannot be kept: %s", err->text);
}

void epoch_keep_again(struct agent *agent)
{
    int64_t kept[3] = {agent->epoch, agent->epoch_new, agent->went_back};

    store_value_put(agent->store, KEPT, kept, sizeof kept);
}

static void keep_epoch(struct agent *agent)
{
    epoch_keep_again(agent);
    store_commit(agent->store, on_kept, NULL);
}

void epoch_load(struct agent *agent)
{
    int64_t kept[3];
    size_t len = 0;
    scoped_mem void *bytes = store_value_get(agent->store, KEPT, &len);

    if (!bytes || len != sizeof kept)
        return;
    memcpy(kept, bytes, sizeof kept);
    agent->epoch = kept[0];
    agent->epoch_new = kept[1];
    agent->went_back = kept[2];
}

void epoch_forget(struct agent *agent)
{
    agent->epoch = agent->epoch_new = agent->went_back = 0;
    keep_epoch(agent);
}

void epoch_close(struct agent *agent)
{
    loop_timer_free(&agent->epoch_again);
}

bool epoch_withholds(const struct agent *agent)
{
    return agent->epoch_new != 0;
}

/* What an administrator writes: the epoch, and where it is the old one, the revision
   that the hub has lost. */
static void wanted_annotation(const struct agent *agent, char *out, size_t room)
{
    if (agent->went_back)
        snprintf(out, room, "%" PRId64 "-%" PRId64, agent->epoch_new, agent->went_back);
    else
        snprintf(out, room, "%" PRId64, agent->epoch_new);
}

static void explain(const struct agent *agent, char *out, size_t room)
{
    char wanted[64], why[128];

    wanted_annotation(agent, wanted, sizeof wanted);
    if (agent->went_back)
        snprintf(why, sizeof why, "the hub no longer knows revision %" PRId64
                 ", which this spoke has seen", agent->went_back);
    else
        snprintf(why, sizeof why, "the hub is in epoch %" PRId64 ", this spoke has "
                 "confirmed %" PRId64, agent->epoch_new, agent->epoch);
    snprintf(out, room,
             "%s: it may have lost writes, so works that run here are neither removed nor "
             "changed until the annotation " CONFIRMED "=%s is set on this ManagedCluster",
             why, wanted);
}

static void tell(struct agent *agent)
{
    char message[400];
    struct cluster_event event = {
        .owner = "", .api_version = "cluster.open-cluster-management.io/v1",
        .kind = "ManagedCluster", .space = "", .name = agent->name, .type = "Warning",
        .reason = "EpochChanged", .message = message};

    explain(agent, message, sizeof message);
    events_send(agent, &event);
    agent->epoch_told = true;
}

/* The Event follows with the condition, when the hub can be spoken to. */
static void withhold(struct agent *agent, int64_t epoch, int64_t went_back)
{
    char message[400];

    agent->epoch_new = epoch;
    agent->went_back = went_back;
    agent->epoch_told = false;
    keep_epoch(agent);
    explain(agent, message, sizeof message);
    log_warn("spoke", "%s", message);
}

/* ---- Confirmed ------------------------------------------------------------- */

static void on_again(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    if (agent->state != AGENT_WATCHING)
        return; /* it lists anyway when it is back */
    sync_stop(agent);
    agent_move(agent, AGENT_LISTING);
}

/* Everything that was withheld is in the next list. Generations of another epoch
   mean nothing, so each work is taken as if it were new. */
static void confirm(struct agent *agent, int64_t epoch)
{
    struct work *work;
    size_t at = 0;

    log_info("spoke", "%s: epoch %" PRId64 " of the hub is confirmed: its works are "
             "followed again", agent->name, epoch);
    agent->epoch = epoch;
    agent->epoch_new = agent->went_back = 0;
    agent->seen = -1; /* until the next list */
    keep_epoch(agent);
    while ((work = map_next(agent->works, &at, NULL)))
        work->generation = -1;
    if (!agent->epoch_again)
        agent->epoch_again = loop_timer_new(agent->loop, on_again, agent);
    loop_timer_set(agent->epoch_again, 0);
}

void epoch_look(struct agent *agent, const struct node *cluster)
{
    const char *text =
        node_text(node_at(cluster, "metadata", "annotations", CONFIRMED, NULL));

    char wanted[64];

    wanted_annotation(agent, wanted, sizeof wanted);
    if (agent->epoch_new && strcmp(text, wanted) == 0)
        confirm(agent, agent->epoch_new);
}

/* ---- Seen ------------------------------------------------------------------- */

/* 0: it names none, or what is no number. */
static int64_t epoch_of(const struct http_answer *answer)
{
    const char *text = http_answer_get(answer, HEADER);
    long long epoch = 0;

    return text && text_to_int(text, &epoch) && epoch > 0 ? epoch : 0;
}

bool epoch_is_confirmed(const struct agent *agent, const struct http_answer *answer)
{
    return epoch_of(answer) && epoch_of(answer) == agent->epoch && !epoch_withholds(agent);
}

void epoch_see(struct agent *agent, const struct http_answer *answer)
{
    int64_t epoch = epoch_of(answer);

    if (epoch <= 0 || epoch == agent->epoch_new ||
        (epoch == agent->epoch && !agent->epoch_new))
        return;
    if (!agent->epoch) {
        agent->epoch = epoch;
        keep_epoch(agent);
    } else if (epoch == agent->epoch) {
        confirm(agent, epoch); /* the hub has its own database again */
    } else {
        withhold(agent, epoch, 0);
    }
}

/* Also what the works on disk say counts, as after a restart of the agent. */
static int64_t newest_seen(const struct agent *agent)
{
    int64_t newest = agent->seen;
    struct work *work;
    size_t at = 0;

    if (agent->seen < 0)
        return 0;
    while ((work = map_next(agent->works, &at, NULL))) {
        const char *text =
            node_text(node_at(work->object, "metadata", "resourceVersion", NULL));
        int64_t revision = strtoll(text, NULL, 10);

        /* One that vanished is of before: the hub knows it no more. */
        if (revision > newest && !work->evicting)
            newest = revision;
    }
    return newest;
}

void epoch_see_revision(struct agent *agent, int64_t revision)
{
    int64_t newest = newest_seen(agent);

    if (agent->epoch && !agent->epoch_new && revision < newest)
        withhold(agent, agent->epoch, newest);
    if (!agent->epoch_new)
        agent->seen = revision;
}

void epoch_condition(struct agent *agent, struct arena *arena, struct node *news)
{
    struct node *made = node_map(arena);
    char message[400];

    if (!agent->epoch)
        return;
    if (agent->epoch_new && !agent->epoch_told)
        tell(agent);
    if (agent->epoch_new)
        explain(agent, message, sizeof message);
    else
        snprintf(message, sizeof message, "the hub is in epoch %" PRId64, agent->epoch);
    node_set_text(arena, made, "type", CONDITION);
    node_set_text(arena, made, "status", agent->epoch_new ? "False" : "True");
    node_set_text(arena, made, "reason", agent->epoch_new ? "EpochChanged" : "SameEpoch");
    node_set_text(arena, made, "message", message);
    node_add(arena, news, made);
}
