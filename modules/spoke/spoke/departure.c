/* SPDX-License-Identifier: Apache-2.0 */
/* Ends a spoke's life at its hub: it asked to leave, was removed, or is reset. */
#include "spoke/inside.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/kept.h"
#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "meta/meta.h"
#include "pki/pki.h"

#include <stdlib.h>
#include <string.h>

/*
 * One small file says which end this spoke is at, so that a crash at any point is
 * gone on from. What runs is ended on three words only: a person's on this machine
 * (leave, reset), or its own hub's explicit "removed", "lost" or "left", said over TLS
 * under the authority that it joined with, by a hub that has lost nothing (epoch.c).
 * Silence, a 401 for another reason, another authority or a restored hub end nothing.
 */
#define FILE_NAME "departure"
#define LIMIT 16384
#define HEADER "axle-spoke"
/* How long what ran in an earlier life waits for the hub to want it again. */
#define EARLIER_LIFE (60 * CLOCK_SECOND)
#define ASK_AGAIN (5 * CLOCK_SECOND)

static const char *const names[] = {
    [DEPARTURE_NONE] = "", [DEPARTURE_LEAVING] = "leaving", [DEPARTURE_REMOVED] = "removed",
    [DEPARTURE_LEFT] = "left", [DEPARTURE_RESETTING] = "resetting",
};

static const struct {
    const char *word;
    enum refusal refusal;
} refusals[] = {
    {"unknown", REFUSAL_UNKNOWN}, {"not-accepted", REFUSAL_NOT_ACCEPTED},
    {"removed", REFUSAL_REMOVED}, {"lost", REFUSAL_LOST}, {"left", REFUSAL_LEFT},
};

/* ---- The file --------------------------------------------------------------------- */

static enum departure departure_of(const struct node *file)
{
    const char *state = node_get_text(file, "state");

    for (size_t i = 1; i < count_of(names); i++)
        if (!strcmp(names[i], state))
            return (enum departure)i;
    return DEPARTURE_NONE;
}

/* NULL: there is none (ERR_NOT_FOUND), or it says nothing any more. */
static const struct node *read_file(const struct spoke *spoke, struct arena *arena, struct err *err)
{
    scoped_mem char *path = spoke_path(spoke, FILE_NAME);
    bool damaged = false;
    size_t len = 0;
    scoped_mem char *text = kept_read(path, LIMIT, &len, &damaged, err);
    const struct node *file = text ? document_read_json(arena, text, len, &document_limits_own, err) : NULL;

    if (text && !file)
        err_wrap(err, "%s", path);
    if (!file)
        return NULL;
    if (departure_of(file) == DEPARTURE_NONE) {
        err_set(err, ERR_INVALID, "%s says nothing that this program knows", path);
        return NULL;
    }
    if (damaged && kept_write(path, text, len, 0600, true, NULL) == 0)
        log_warn("spoke", "%s was damaged and is mended from its copy", path);
    return file;
}

static int set_departure(struct spoke *spoke, enum departure departure, const char *message,
                         const char *token, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *path = spoke_path(spoke, FILE_NAME);
    scoped_text struct text json = {0};
    struct node *made = node_map(arena);
    char now[CLOCK_TEXT];

    if (departure == DEPARTURE_NONE) {
        kept_remove(path);
        spoke->departure = departure;
        return 0;
    }
    clock_format(clock_wall(), false, now);
    node_set_text(arena, made, "state", names[departure]);
    node_set_text(arena, made, "name", spoke->name);
    node_set_text(arena, made, "hub", spoke->hub);
    node_set_text(arena, made, "at", now);
    node_set_text(arena, made, "message", message);
    node_set_text(arena, made, "token", token);
    document_write_json(&json, made);
    if (identity_write(spoke, FILE_NAME, json.bytes, json.len, err) < 0)
        return -1;
    spoke->departure = departure;
    return 0;
}

static void set_or_warn(struct spoke *spoke, enum departure departure, const char *message)
{
    struct err err = {0};

    if (set_departure(spoke, departure, message, "", &err) < 0)
        log_warn("spoke", "%s", err.text);
}

/* ---- Identity ------------------------------------------------------------------------ */

static const char *const identity[] = {"pki/client.crt", "pki/client.key", "pki/hub-ca.crt",
                                       "joined-with", "hub", "name"};

/* Into a folder of their own, so that leaving by mistake can be undone. */
static int put_identity_aside(struct spoke *spoke, struct err *err)
{
    static const char *const parts[] = {"", ".copy"};
    char date[CLOCK_TEXT];
    scoped_mem char *folder = NULL;

    state_date(date);
    folder = mem_printf("%s/left-%s/pki", spoke->directory, date);
    for (size_t i = 0; i < count_of(identity) * count_of(parts); i++) {
        const char *file = identity[i / count_of(parts)], *part = parts[i % count_of(parts)];
        scoped_mem char *from = mem_printf("%s/%s%s", spoke->directory, file, part);
        scoped_mem char *to = mem_printf("%s/left-%s/%s%s", spoke->directory, date, file, part);

        if (file_exists(from) &&
            (file_make_folder(folder, err) < 0 || file_move(from, to, err) < 0))
            return -1;
    }
    return 0;
}

static char *token_id(const struct spoke *spoke, const char *token)
{
    scoped_arena struct arena *arena = arena_new();
    struct pki_join_token parts;

    if (token && pki_join_token_parse(arena, token, &parts, NULL) == 0)
        return mem_copy_string(parts.id);
    return identity_read(spoke, "joined-with", NULL, NULL) ?: mem_copy_string("");
}

/* ---- At the start -------------------------------------------------------------------- */

/* A token that is none counts as none: what is said then is that it has left. */
static int open_left(struct spoke *spoke, const struct node *file, const char *token,
                     struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    const char *before = node_get_text(file, "token");
    struct pki_join_token parts;
    struct err why = {0};

    if (!token || pki_join_token_parse(arena, token, &parts, &why) < 0 || !strcmp(parts.id, before))
        return err_set(err, ERR_GONE, "this spoke, \"%s\", has left its hub %s at %s: to have it "
                       "join again, start it with --join and a new token (on the hub: axle token "
                       "create)", node_get_text(file, "name"), node_get_text(file, "hub"),
                       node_get_text(file, "at"));
    log_info("spoke", "this spoke has left %s at %s; with the new token it begins a new life",
             node_get_text(file, "hub"), node_get_text(file, "at"));
    if (put_identity_aside(spoke, err) < 0)
        return -1;
    return set_departure(spoke, DEPARTURE_NONE, "", "", err);
}

/*
 * Which end it was at is not known. One with an identity is told by its hub if it is no
 * member any more. One without has left, or a reset was under way: its token of before
 * must not bring it back unseen.
 */
static int open_damaged(const struct spoke *spoke, const struct err *why, struct err *err)
{
    if (!identity_has(spoke, "pki/client.crt"))
        return err_set(err, ERR_INVALID, "%s. It said whether this spoke has left its hub or is being "
                       "reset, and there is no certificate: `axle reset --yes` begins anew; or remove "
                       "%s/" FILE_NAME " and its copy, and start with --join and a new token",
                       why->text, spoke->directory);
    log_warn("spoke", "%s. It said that this spoke was to leave its hub, or was removed: it goes on as a "
             "member, and is told if it is none; `axle leave` says it again", why->text);
    return 0;
}

int departure_open(struct spoke *spoke, const struct spoke_settings *settings, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct err why = {0};
    const struct node *file = read_file(spoke, arena, &why);

    spoke->departure = departure_of(file);
    if (settings->offline)
        return 0;
    if (!file && why.code != ERR_NOT_FOUND)
        return open_damaged(spoke, &why, err);
    if (spoke->departure == DEPARTURE_LEFT)
        return open_left(spoke, file, settings->token, err);
    if (spoke->departure == DEPARTURE_RESETTING)
        return err_set(err, ERR_INVALID, "%s: a reset was begun here and did not finish: "
                       "`axle reset --yes` finishes it", spoke->directory);
    return 0;
}

static void on_timer(void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);

    if (spoke->departure == DEPARTURE_LEAVING && spoke->state == SPOKE_WATCHING)
        alive_start(spoke); /* its status carries the request */
    else if (spoke->departure == DEPARTURE_LEFT) {
        if (spoke->left)
            spoke->left(spoke->left_arg);
        return;
    }
    loop_timer_set(spoke->departing, ASK_AGAIN);
}

static void set_timer(struct spoke *spoke)
{
    if (!spoke->departing)
        spoke->departing = loop_timer_new(spoke->loop, on_timer, spoke);
    loop_timer_set(spoke->departing, 0);
}

/* What was cut short goes on. */
void departure_resume(struct spoke *spoke)
{
    if (spoke->departure == DEPARTURE_LEAVING) {
        log_info("spoke", "%s is leaving %s, as it was asked to", spoke->name, spoke->hub);
        set_timer(spoke);
    }
    if (spoke->departure != DEPARTURE_REMOVED || join_token_is_new(spoke))
        return;
    log_warn("spoke", "this spoke was removed from %s: nothing of it runs here", spoke->hub);
    works_end(spoke);
}

void departure_close(struct spoke *spoke)
{
    loop_timer_free(&spoke->departing);
}

/* ---- Refused --------------------------------------------------------------------------- */

static int64_t grace_of(const struct spoke *spoke)
{
    return spoke->eviction < EARLIER_LIFE ? spoke->eviction : EARLIER_LIFE;
}

static enum refusal read_refusal(const struct http_answer *answer)
{
    const char *word = http_answer_get(answer, HEADER);

    for (size_t i = 0; word && i < count_of(refusals); i++)
        if (!strcmp(word, refusals[i].word))
            return refusals[i].refusal;
    return REFUSAL_OTHER;
}

static bool is_final(enum refusal refusal)
{
    return refusal == REFUSAL_REMOVED || refusal == REFUSAL_LOST || refusal == REFUSAL_LEFT;
}

/* An old hub, or one that is being restored, does not tell its epoch or another one. */
static bool is_to_be_believed(struct spoke *spoke, const struct http_answer *answer)
{
    if (epoch_is_confirmed(spoke, answer))
        return true;
    if (!spoke->disbelief_told)
        log_warn("spoke", "%s says that this spoke was removed, but it may have lost writes (it "
                 "was restored, or is in another epoch): what runs stays. `axle reset` ends it; a "
                 "new token has this spoke join again", spoke->hub);
    spoke->disbelief_told = true;
    return false;
}

static void remember_removal(struct spoke *spoke, const struct err *why)
{
    if (spoke->departure == DEPARTURE_REMOVED)
        return;
    set_or_warn(spoke, DEPARTURE_REMOVED, why->text);
    if (!join_token_is_new(spoke))
        log_warn("spoke", "%s has removed this spoke: what ran here for it is ended (%zu works); the "
                 "data of its claims stays", spoke->hub, map_count(spoke->works));
}

void departure_refused(struct spoke *spoke, const struct http_answer *answer,
                       const struct err *why)
{
    spoke->refusal = answer ? read_refusal(answer) : REFUSAL_NONE;
    if (!is_final(spoke->refusal) && spoke->refusal != REFUSAL_UNKNOWN)
        return;
    /* It asked to go, and the hub has let it. */
    if (spoke->departure == DEPARTURE_LEAVING) {
        works_end(spoke);
        departure_proceed(spoke);
        return;
    }
    if (!is_final(spoke->refusal) || !is_to_be_believed(spoke, answer))
        return;
    remember_removal(spoke, why);
    if (!spoke->removed_since)
        spoke->removed_since = clock_steady();
    /* A new token that lets it in keeps what runs; one that does not is none. */
    if (!join_token_is_new(spoke) || clock_steady() - spoke->removed_since >= grace_of(spoke))
        works_end(spoke);
}

/* ---- Joined again after that ------------------------------------------------------------- */

/* Before the new certificate takes the old one's place. */
int departure_joining(struct spoke *spoke, struct err *err)
{
    scoped_mem char *old = NULL, *path = NULL;
    char date[CLOCK_TEXT];
    size_t len = 0;

    if (spoke->departure != DEPARTURE_REMOVED)
        return 0;
    old = identity_read(spoke, "pki/client.crt", &len, NULL);
    state_date(date);
    path = mem_printf("%s/pki/client.crt.removed-%s", spoke->directory, date);
    if (old && file_write(path, old, len, 0600, err) < 0)
        return -1;
    log_info("spoke", "this spoke was removed from its hub before: with the new token it begins a "
             "new life there. The old certificate is put aside as %s; what still runs of the "
             "earlier life stays if the hub wants it within a minute, else it is ended", path);
    return 0;
}

bool departure_is_over(const struct spoke *spoke)
{
    return spoke->departure == DEPARTURE_REMOVED;
}

int64_t departure_head_start(const struct spoke *spoke)
{
    return departure_is_over(spoke) ? spoke->eviction - grace_of(spoke) : 0;
}

void departure_listed(struct spoke *spoke)
{
    if (departure_is_over(spoke))
        set_or_warn(spoke, DEPARTURE_NONE, "");
}

/* ---- Leaving -------------------------------------------------------------------------- */

int departure_ask(struct spoke *spoke, struct err *err)
{
    if (!strcmp(spoke->name, "local-cluster"))
        return err_set(err, ERR_INVALID, "this is the hub's own spoke, which --mode=all-in-one "
                       "starts again: run the hub with --mode=hub instead");
    if (spoke->departure == DEPARTURE_REMOVED)
        return err_set(err, ERR_CONFLICT, "this spoke was removed from its hub already; `axle "
                       "reset` forgets it here");
    if (!join_is_done(spoke))
        return err_set(err, ERR_CONFLICT, "this spoke has not joined yet: stop it instead");
    if (spoke->departure == DEPARTURE_NONE) {
        if (set_departure(spoke, DEPARTURE_LEAVING, "", "", err) < 0)
            return -1;
        log_info("spoke", "%s was asked to leave %s", spoke->name, spoke->hub);
    }
    set_timer(spoke);
    return 0;
}

void departure_condition(const struct spoke *spoke, struct arena *arena, struct node *news)
{
    struct node *made = node_map(arena);

    if (spoke->departure != DEPARTURE_LEAVING)
        return;
    node_set_text(arena, made, "type", META_CONDITION_LEAVE_REQUESTED);
    node_set_text(arena, made, "status", "True");
    node_set_text(arena, made, "reason", "AskedOnSpoke");
    node_set_text(arena, made, "message", "`axle leave` was called on the spoke's machine");
    node_add(arena, news, made);
}

/* The last work is gone, and the hub has let it go: who it was is put aside. */
void departure_proceed(struct spoke *spoke)
{
    struct err err = {0};
    scoped_mem char *token = NULL;

    if (spoke->departure != DEPARTURE_LEAVING || map_count(spoke->works) ||
        !(is_final(spoke->refusal) || spoke->refusal == REFUSAL_UNKNOWN))
        return;
    token = token_id(spoke, spoke->token);
    epoch_forget(spoke);
    if (set_departure(spoke, DEPARTURE_LEFT, "", token, &err) < 0 ||
        put_identity_aside(spoke, &err) < 0)
        log_error("spoke", "leaving: %s", err.text);
    else
        log_info("spoke", "%s has left %s; its works are ended, the data of its claims stays",
                 spoke->name, spoke->hub);
    set_timer(spoke);
}

/* ---- Reset ------------------------------------------------------------------------------- */

int departure_reset(struct spoke *spoke, struct err *err)
{
    if (set_departure(spoke, DEPARTURE_RESETTING, "", "", err) < 0)
        return -1;
    /* First, so that nothing is left behind as a work may say. */
    cluster_end(spoke->cluster);
    works_end(spoke);
    return 0;
}

/* ---- Told ---------------------------------------------------------------------------------- */

static const char *way_out(const struct spoke *spoke)
{
    switch (spoke->refusal) {
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

void departure_describe(struct spoke *spoke, struct arena *arena, struct node *made)
{
    struct err ignored = {0};
    const struct node *file = spoke->departure ? read_file(spoke, arena, &ignored) : NULL;

    if (spoke->departure) {
        struct node *one = node_make(arena, made, "departure");

        node_set_text(arena, one, "state", names[spoke->departure]);
        node_set_text(arena, one, "since", node_get_text(file, "at"));
        node_set_text(arena, one, "message", node_get_text(file, "message"));
    }
    for (size_t i = 0; i < count_of(refusals); i++)
        if (spoke->refusal == refusals[i].refusal) {
            node_set_text(arena, made, "refused", refusals[i].word);
            node_set_text(arena, made, "wayOut", way_out(spoke));
        }
}
