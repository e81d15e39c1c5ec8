/* SPDX-License-Identifier: Apache-2.0 */
/* Ends a spoke's membership at its hub: it was asked to leave, was removed, or is reset. */
#include "agent/departure.h"
#include "agent/identity.h"
#include "agent/internal.h"
#include "agent/session.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/kept.h"
#include "base/log.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "http/http.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "storage/storage.h"
#include "works/works.h"

#include <stdlib.h>
#include <string.h>

/*
 * One small file says how far a departure is, so that it goes on after a crash at any point.
 * What runs is ended in two cases only: a person on this machine says so (leave, reset), or
 * the hub says "removed", "lost" or "left", over TLS under the authority that this spoke
 * joined with, and has lost no writes (epoch.c). Silence, a 401 for another reason, another
 * authority or a restored hub end nothing.
 */
#define FILE_NAME "departure"
#define LIMIT 16384
#define HEADER "axle-spoke"
#define ASK_AGAIN (5 * CLOCK_SECOND)

/* As the file says. */
enum departure_state {
    DEPARTURE_NONE,
    DEPARTURE_LEAVING,   /* it was asked to; the hub has not let it go yet */
    DEPARTURE_REMOVED,   /* the hub said so: what ran is ended */
    DEPARTURE_LEFT,      /* nothing runs, its identity is put aside */
    DEPARTURE_RESETTING, /* `axle reset` has begun */
};

/* What the hub said of this spoke when it refused its certificate last. */
enum refusal {
    REFUSAL_NONE,
    REFUSAL_OTHER,
    REFUSAL_UNKNOWN,
    REFUSAL_NOT_ACCEPTED,
    REFUSAL_REMOVED,
    REFUSAL_LOST,
    REFUSAL_LEFT,
};

struct departure {
    enum departure_state state;
    enum refusal refusal;
    bool disbelief_told;
    int64_t removed_since;    /* steady time of the hub's first word of it in this run; 0: none */
    struct loop_timer *timer; /* owned */
    void (*left)(void *arg);  /* may be NULL */
    void *left_arg;
};

static const char *const names[] = {
    [DEPARTURE_NONE] = "",     [DEPARTURE_LEAVING] = "leaving",     [DEPARTURE_REMOVED] = "removed",
    [DEPARTURE_LEFT] = "left", [DEPARTURE_RESETTING] = "resetting",
};

static const struct {
    const char *word;
    enum refusal refusal;
} refusals[] = {
    {"unknown", REFUSAL_UNKNOWN}, {"not-accepted", REFUSAL_NOT_ACCEPTED},
    {"removed", REFUSAL_REMOVED}, {"lost", REFUSAL_LOST},
    {"left", REFUSAL_LEFT},
};

/* ---- The file -------------------------------------------------------------------- */

static enum departure_state departure_state_in(const struct node *file)
{
    const char *state = node_get_text(file, "state");

    for (size_t i = 1; i < count_of(names); i++)
        if (!strcmp(names[i], state))
            return (enum departure_state)i;
    return DEPARTURE_NONE;
}

/* NULL: there is none (ERR_NOT_FOUND), or it is damaged. */
static const struct node *read_departure_file(const struct agent *agent, struct arena *arena,
                                              struct err *err)
{
    scoped_mem char *path = agent_path(agent, FILE_NAME);
    bool damaged = false;
    size_t len = 0;
    scoped_mem char *text = kept_read(path, LIMIT, &len, &damaged, err);
    const struct node *file =
        text ? document_read_json(arena, text, len, &document_limits_own, err) : NULL;

    if (text && !file)
        err_wrap(err, "%s", path);
    if (!file)
        return NULL;
    if (departure_state_in(file) == DEPARTURE_NONE) {
        err_set(err, ERR_INVALID, "the contents of %s are not understood by this version of axle",
                path);
        return NULL;
    }
    if (damaged && kept_write(path, text, len, 0600, true, NULL) == 0)
        log_warn("spoke", "%s was damaged and was restored from its copy", path);
    return file;
}

static int set_departure_state(struct agent *agent, enum departure_state state, const char *message,
                               const char *token, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *path = agent_path(agent, FILE_NAME);
    scoped_text struct text json = {0};
    struct node *made = node_map(arena);
    char now[CLOCK_TEXT];

    if (state == DEPARTURE_NONE) {
        kept_remove(path);
        agent->departure->state = state;
        return 0;
    }
    clock_format(clock_wall(), false, now);
    node_set_text(arena, made, "state", names[state]);
    node_set_text(arena, made, "name", agent->name);
    node_set_text(arena, made, "hub", agent->hub);
    node_set_text(arena, made, "at", now);
    node_set_text(arena, made, "message", message);
    node_set_text(arena, made, "token", token);
    document_write_json(&json, made);
    if (storage_file_write(agent->directory, FILE_NAME, json.bytes, json.len, err) < 0)
        return -1;
    agent->departure->state = state;
    return 0;
}

static void try_set_departure_state(struct agent *agent, enum departure_state state,
                                    const char *message)
{
    struct err err = {0};

    if (set_departure_state(agent, state, message, "", &err) < 0)
        log_warn("spoke", "%s", err.text);
}

/* ---- Identity -------------------------------------------------------------------- */

static const char *const identity_files[] = {
    "pki/client.crt", "pki/client.key", "pki/hub-ca.crt", "joined-with", "hub", "name"};

/* The files move to a folder of their own, so that leaving by mistake can be undone. */
static int put_identity_aside(struct agent *agent, struct err *err)
{
    static const char *const parts[] = {"", ".copy"};
    char date[CLOCK_TEXT];
    scoped_mem char *folder = NULL;

    storage_file_date(date);
    folder = mem_printf("%s/left-%s/pki", agent->directory, date);
    for (size_t i = 0; i < count_of(identity_files) * count_of(parts); i++) {
        const char *file = identity_files[i / count_of(parts)], *part = parts[i % count_of(parts)];
        scoped_mem char *from = mem_printf("%s/%s%s", agent->directory, file, part);
        scoped_mem char *to = mem_printf("%s/left-%s/%s%s", agent->directory, date, file, part);

        if (file_exists(from) &&
            (file_make_folder(folder, err) < 0 || file_move(from, to, err) < 0))
            return -1;
    }
    return 0;
}

/* ---- At the start ---------------------------------------------------------------- */

/* Only a token other than that of the former join lets it join again. One that does not parse
   counts as none, so that the error says that the spoke has left. */
static int open_after_leaving(struct agent *agent, const struct node *file, const char *token,
                              struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    const char *before = node_get_text(file, "token");
    struct pki_join_token parts;
    struct err why = {0};

    if (!token || pki_join_token_parse(arena, token, &parts, &why) < 0 || !strcmp(parts.id, before))
        return err_set(
            err, ERR_GONE,
            "this spoke, \"%s\", has left its hub %s at %s: to let it join again, start it with "
            "--join and a new token (on the hub: axle token "
            "create)",
            node_get_text(file, "name"), node_get_text(file, "hub"), node_get_text(file, "at"));
    log_info("spoke", "this spoke has left %s at %s; with the new token it joins as a new spoke",
             node_get_text(file, "hub"), node_get_text(file, "at"));
    if (put_identity_aside(agent, err) < 0)
        return -1;
    return set_departure_state(agent, DEPARTURE_NONE, "", "", err);
}

/*
 * The file is damaged, so it is not known how far the departure was. A spoke that has a
 * certificate goes on: its hub says if it is no member any more. One without has left, or a
 * reset was under way, and the token of its former join must not bring it back unnoticed.
 */
static int open_damaged(const struct agent *agent, const struct err *why, struct err *err)
{
    if (!storage_file_exists(agent->directory, "pki/client.crt"))
        return err_set(
            err, ERR_INVALID,
            "%s. It said whether this spoke has left its hub or is being "
            "reset, and there is no certificate: `axle reset --yes` makes this machine ready to "
            "join again; or remove "
            "%s/" FILE_NAME " and its copy, and start with --join and a new token",
            why->text, agent->directory);
    log_warn(
        "spoke",
        "%s. It recorded that this spoke was to leave its hub, or was removed: the spoke "
        "continues as a member, and the hub refuses it if it is not one; run `axle leave` again "
        "if it is to leave",
        why->text);
    return 0;
}

static void make_departure(struct agent *agent, const struct agent_settings *settings)
{
    agent->departure = mem_alloc(sizeof *agent->departure);
    agent->departure->left = settings->left;
    agent->departure->left_arg = settings->left_arg;
}

int departure_open(struct agent *agent, const struct agent_settings *settings, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct err why = {0};
    const struct node *file;

    make_departure(agent, settings);
    file = read_departure_file(agent, arena, &why);
    agent->departure->state = departure_state_in(file);
    if (settings->offline)
        return 0;
    if (!file && why.code != ERR_NOT_FOUND)
        return open_damaged(agent, &why, err);
    if (agent->departure->state == DEPARTURE_LEFT)
        return open_after_leaving(agent, file, settings->token, err);
    if (agent->departure->state == DEPARTURE_RESETTING)
        return err_set(
            err, ERR_INVALID,
            "%s: a reset was started here and is not complete: `axle reset --yes` completes it",
            agent->directory);
    return 0;
}

/* `left` may end the agent, so nothing follows it. */
static void on_departure_timer(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    struct departure *departure = agent->departure;

    if (departure->state == DEPARTURE_LEFT) {
        if (departure->left)
            departure->left(departure->left_arg);
        return;
    }
    if (departure->state == DEPARTURE_LEAVING)
        session_status_changed(agent); /* the status carries the request */
    loop_timer_set(departure->timer, ASK_AGAIN);
}

static void set_departure_timer(struct agent *agent)
{
    struct departure *departure = agent->departure;

    if (!departure->timer)
        departure->timer = loop_timer_new(agent->loop, on_departure_timer, agent);
    loop_timer_set(departure->timer, 0);
}

void departure_resume(struct agent *agent)
{
    if (agent->departure->state == DEPARTURE_LEAVING) {
        log_info("spoke", "%s is leaving %s, as requested", agent->name, agent->hub);
        set_departure_timer(agent);
    }
    if (agent->departure->state != DEPARTURE_REMOVED || token_is_new(agent))
        return;
    log_warn("spoke", "this spoke was removed from %s, and nothing of it runs here any more",
             agent->hub);
    works_end(agent->works);
}

void departure_close(struct agent *agent)
{
    if (agent->departure)
        loop_timer_free(&agent->departure->timer);
    mem_free(&agent->departure);
}

/* ---- Refused --------------------------------------------------------------------- */

static enum refusal read_refusal(const struct http_response *response)
{
    const char *word = http_response_get(response, HEADER);

    for (size_t i = 0; word && i < count_of(refusals); i++)
        if (!strcmp(word, refusals[i].word))
            return refusals[i].refusal;
    return REFUSAL_OTHER;
}

static bool is_final_refusal(enum refusal refusal)
{
    return refusal == REFUSAL_REMOVED || refusal == REFUSAL_LOST || refusal == REFUSAL_LEFT;
}

/* A hub that was restored does not name its epoch, or names another one: then its list of
   members may be older than this spoke's membership. */
static bool is_removal_believed(struct agent *agent, const struct http_response *response)
{
    if (epoch_is_confirmed(agent, response))
        return true;
    if (!agent->departure->disbelief_told)
        log_warn(
            "spoke",
            "%s says that this spoke was removed, but it may have lost writes (it was restored, "
            "or is in another epoch): what runs keeps running. `axle reset` ends it; with a new "
            "token this spoke joins again",
            agent->hub);
    agent->departure->disbelief_told = true;
    return false;
}

static void remember_removal(struct agent *agent, const struct err *why)
{
    if (agent->departure->state == DEPARTURE_REMOVED)
        return;
    try_set_departure_state(agent, DEPARTURE_REMOVED, why->text);
    if (!token_is_new(agent))
        log_warn(
            "spoke",
            "%s has removed this spoke: its works were ended (%zu); the data of its claims is kept",
            agent->hub, works_count(agent->works));
}

void departure_refused(struct agent *agent, const struct http_response *response,
                       const struct err *why)
{
    agent->departure->refusal = response ? read_refusal(response) : REFUSAL_NONE;
    if (!is_final_refusal(agent->departure->refusal) &&
        agent->departure->refusal != REFUSAL_UNKNOWN)
        return;
    /* This spoke has asked to leave: each of these words, "unknown" too, means that it may. */
    if (agent->departure->state == DEPARTURE_LEAVING) {
        works_end(agent->works);
        departure_proceed(agent);
        return;
    }
    if (!is_final_refusal(agent->departure->refusal) || !is_removal_believed(agent, response))
        return;
    remember_removal(agent, why);
    if (!agent->departure->removed_since)
        agent->departure->removed_since = clock_steady();
    /* With a new token it may be a member again in a moment, and what runs stays for that long. */
    if (!token_is_new(agent) ||
        clock_steady() - agent->departure->removed_since >= works_grace(agent->works))
        works_end(agent->works);
}

/* ---- Joined again after a removal ------------------------------------------------ */

/* The old certificate is put aside before the new one takes its place. */
int departure_joining(struct agent *agent, struct err *err)
{
    scoped_mem char *old = NULL, *path = NULL;
    char date[CLOCK_TEXT];
    size_t len = 0;

    if (agent->departure->state != DEPARTURE_REMOVED)
        return 0;
    old = storage_file_read(agent->directory, "pki/client.crt", &len, NULL);
    storage_file_date(date);
    path = mem_printf("%s/pki/client.crt.removed-%s", agent->directory, date);
    if (old && file_write(path, old, len, 0600, err) < 0)
        return -1;
    log_info(
        "spoke",
        "this spoke was removed from its hub before: with the new token it joins as a new spoke "
        "there. The old certificate was renamed to %s; what still runs from before keeps running "
        "if the hub has a work for it within a minute, otherwise it is ended",
        path);
    return 0;
}

bool departure_is_removed(const struct agent *agent)
{
    return agent->departure->state == DEPARTURE_REMOVED;
}

bool departure_is_left(const struct agent *agent)
{
    return agent->departure->state == DEPARTURE_LEFT;
}

bool departure_is_leaving(const struct agent *agent)
{
    return agent->departure->state == DEPARTURE_LEAVING || departure_is_left(agent);
}

void departure_accepted(struct agent *agent)
{
    agent->departure->refusal = REFUSAL_NONE;
}

void departure_listed(struct agent *agent)
{
    if (departure_is_removed(agent))
        try_set_departure_state(agent, DEPARTURE_NONE, "");
}

/* ---- Leaving --------------------------------------------------------------------- */

int departure_begin(struct agent *agent, struct err *err)
{
    if (!strcmp(agent->name, "local-cluster"))
        return err_set(
            err, ERR_INVALID,
            "this is the hub's own spoke, which --mode=all-in-one would start again: run the hub "
            "with --mode=hub instead");
    if (agent->departure->state == DEPARTURE_REMOVED)
        return err_set(
            err, ERR_CONFLICT,
            "this spoke was removed from its hub already; `axle reset` deletes what is left of it "
            "here");
    if (!token_join_is_done(agent))
        return err_set(err, ERR_CONFLICT,
                       "this spoke has not joined yet, so it cannot leave: stop it instead");
    if (agent->departure->state == DEPARTURE_NONE) {
        if (set_departure_state(agent, DEPARTURE_LEAVING, "", "", err) < 0)
            return -1;
        log_info("spoke", "%s was requested to leave %s", agent->name, agent->hub);
    }
    set_departure_timer(agent);
    return 0;
}

void departure_add_condition(const struct agent *agent, struct arena *arena, struct node *news)
{
    struct node *made = node_map(arena);

    if (agent->departure->state != DEPARTURE_LEAVING)
        return;
    node_set_text(arena, made, "type", META_CONDITION_LEAVE_REQUESTED);
    node_set_text(arena, made, "status", "True");
    node_set_text(arena, made, "reason", "AskedOnSpoke");
    node_set_text(arena, made, "message", "`axle leave` was called on the spoke's machine");
    node_add(arena, news, made);
}

/* When the last work is gone and the hub has let this spoke go, its identity is put aside. */
void departure_proceed(struct agent *agent)
{
    struct err err = {0};
    scoped_mem char *token = NULL;

    if (agent->departure->state != DEPARTURE_LEAVING || works_count(agent->works) ||
        !(is_final_refusal(agent->departure->refusal) ||
          agent->departure->refusal == REFUSAL_UNKNOWN))
        return;
    token = token_id(agent);
    epoch_forget(agent);
    if (set_departure_state(agent, DEPARTURE_LEFT, "", token, &err) < 0 ||
        put_identity_aside(agent, &err) < 0)
        log_error("spoke", "leaving: %s", err.text);
    else
        log_info("spoke", "%s has left %s; its works were ended, the data of its claims is kept",
                 agent->name, agent->hub);
    set_departure_timer(agent);
}

/* ---- Reset ----------------------------------------------------------------------- */

int departure_reset(struct agent *agent, struct err *err)
{
    if (set_departure_state(agent, DEPARTURE_RESETTING, "", "", err) < 0)
        return -1;
    /* The cluster first, so that also what a work says is to stay behind is removed. */
    cluster_end(works_cluster(agent->works));
    works_end(agent->works);
    return 0;
}

/* ---- For `axle status` ----------------------------------------------------------- */

static const char *explain_way_out(const struct agent *agent)
{
    switch (agent->departure->refusal) {
    case REFUSAL_NOT_ACCEPTED:
        return "an administrator of the hub accepts it: kubectl patch managedcluster NAME --type "
               "merge -p '{\"spec\":{\"hubAcceptsClient\":true}}'; what runs here stays";
    case REFUSAL_REMOVED:
    case REFUSAL_LOST:
    case REFUSAL_LEFT:
        return "start it once with a new token (axle token create --name NAME on the hub, "
               "--token-file here), or forget that hub: axle reset";
    case REFUSAL_UNKNOWN:
        return "if the hub was restored from a backup of before it joined, start it once with a "
               "new token (axle token create --name NAME on the hub, --token-file here); what runs "
               "here stays";
    default:
        return "";
    }
}

void departure_describe(struct agent *agent, struct arena *arena, struct node *made)
{
    struct err ignored = {0};
    const struct node *file =
        agent->departure->state ? read_departure_file(agent, arena, &ignored) : NULL;

    if (agent->departure->state) {
        struct node *one = node_make(arena, made, "departure");

        node_set_text(arena, one, "state", names[agent->departure->state]);
        node_set_text(arena, one, "since", node_get_text(file, "at"));
        node_set_text(arena, one, "message", node_get_text(file, "message"));
    }
    for (size_t i = 0; i < count_of(refusals); i++)
        if (agent->departure->refusal == refusals[i].refusal) {
            node_set_text(arena, made, "refused", refusals[i].word);
            node_set_text(arena, made, "wayOut", explain_way_out(agent));
        }
}
