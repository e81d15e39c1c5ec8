/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps what ${spoke.NAME} may name here: the hub's words on this spoke and its own. */
#include "spoke/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "meta/meta.h"
#include "store/store.h"
#include "work/work.h"

#include <string.h>

#define KEPT "facts"
#define FACT "facts.axle.dev/"

static struct store_key row_key(void)
{
    return (struct store_key){KEPT, "", "cluster"};
}

/* ---- Names and values ------------------------------------------------------------ */

static void add_prefixed(struct arena *arena, struct node *facts,
                         const char *prefix, const struct node *map)
{
    node_each(member, map)
        node_set(arena, facts, arena_printf(arena, "%s%s", prefix, member->key),
                 member->value);
}

/* What an administrator sets: annotations on the hub, and flags here, which win. */
static void add_own(struct spoke *spoke, struct arena *arena, struct node *facts)
{
    node_each(note, node_get(spoke->facts, "annotations"))
        node_set(arena, facts, note->key, note->value);
    node_each(own, spoke->own_facts)
        node_set(arena, facts, own->key, own->value);
}

struct node *spoke_facts(struct spoke *spoke, struct arena *arena)
{
    struct node *facts = node_map(arena);

    add_own(spoke, arena, facts);
    add_prefixed(arena, facts, "labels.", node_get(spoke->facts, "labels"));
    add_prefixed(arena, facts, "claims.", node_get(spoke->facts, "claims"));
    node_set_text(arena, facts, "name", spoke->name);
    node_set_text(arena, facts, "address", spoke->address);
    node_set_text(arena, facts, "addresses", spoke->addresses);
    return node_copy(arena, facts);
}

/* ---- What the hub says ------------------------------------------------------------ */

static struct node *read_cluster(struct arena *arena, const struct node *object)
{
    struct node *facts = node_map(arena), *notes = node_make(arena, facts, "annotations");
    struct node *claims = node_make(arena, facts, "claims");
    const struct node *list = node_at(object, "status", "clusterClaims", NULL);
    const struct node *labels = node_at(object, "metadata", "labels", NULL);

    node_each(note, node_at(object, "metadata", "annotations", NULL))
        if (text_starts(note->key, FACT))
            node_set(arena, notes, note->key + strlen(FACT), note->value);
    for (size_t i = 0; i < node_count(list); i++)
        node_set_text(arena, claims, node_get_text(node_item(list, i), "name"),
                      node_get_text(node_item(list, i), "value"));
    if (labels)
        node_set(arena, facts, "labels", (struct node *)labels);
    return node_copy(arena, facts);
}

static void on_kept(void *arg, const struct err *err)
{
    if (err && err->code)
        log_warn("spoke", "the facts of this spoke cannot be kept: %s", err->text);
}

static void set_facts(struct spoke *spoke, const struct node *facts)
{
    arena_free(&spoke->facts_arena);
    spoke->facts_arena = arena_new();
    spoke->facts = node_copy(spoke->facts_arena, facts);
}

void facts_keep_again(struct spoke *spoke)
{
    scoped_text struct text json = {0};
    struct store_key key = row_key();

    if (!spoke->facts)
        return;
    document_write_json(&json, spoke->facts);
    store_put(spoke->store, &key, json.bytes, json.len);
}

void facts_take(struct spoke *spoke, const struct node *object)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *facts = read_cluster(arena, object);

    epoch_look(spoke, object);
    if (spoke->facts && node_same(spoke->facts, facts))
        return;
    set_facts(spoke, facts);
    facts_keep_again(spoke);
    keep_commit(spoke, on_kept, NULL);
    works_facts_changed(spoke);
}

/* ---- Following ---------------------------------------------------------------------- */

/* Bookmarks come every minute; three missed ones mean a dead connection. */
#define SILENCE (200 * CLOCK_SECOND)
#define SOON (5 * CLOCK_SECOND)

static bool on_line(const char *line, size_t len, void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    const struct node *event = document_read_json(arena, line, len,
                                                  &document_limits_own, NULL);
    const char *type = node_get_text(event, "type");

    if (!strcmp(type, "ADDED") || !strcmp(type, "MODIFIED"))
        facts_take(spoke, node_get(event, "object"));
    return true;
}

static void on_soon(void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);

    facts_follow(spoke);
}

static void follow_soon(struct spoke *spoke)
{
    if (!spoke->own_again)
        spoke->own_again = loop_timer_new(spoke->loop, on_soon, spoke);
    loop_timer_set(spoke->own_again, SOON + (int64_t)random_below(SOON));
}

static void give_up(struct spoke *spoke, const struct err *err)
{
    log_warn("spoke", "watching this spoke's own object: %s", err->text);
    http_call_cancel(&spoke->own_watch);
    follow_soon(spoke);
}

static void on_data(struct http_call *call, const char *bytes, size_t len, void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    struct err err = {0};

    if (http_lines_feed(&spoke->own_lines, bytes, len, on_line, spoke, &err) < 0)
        give_up(spoke, &err);
}

static void on_done(const struct http_answer *answer, const struct err *err, void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);

    spoke->own_watch = NULL;
    follow_soon(spoke);
}

static bool is_used(const struct spoke *spoke)
{
    struct work *work;
    size_t at = 0;

    if (epoch_withholds(spoke))
        return true;
    while ((work = map_next(spoke->works, &at, NULL)))
        if (work->values || node_count(work->failed))
            return true;
    return false;
}

/* A second held connection, so only where something depends on it. */
void facts_follow(struct spoke *spoke)
{
    scoped_mem char *target = NULL;
    struct http_ask ask = {.data = on_data, .done = on_done, .silence = SILENCE,
                           .arg = spoke};

    if (spoke->own_watch || spoke->state != SPOKE_WATCHING || !is_used(spoke))
        return;
    target = mem_printf("/apis/" META_API_CLUSTER "/managedclusters"
                        "?watch=true&allowWatchBookmarks=true"
                        "&fieldSelector=metadata.name%%3D%s", spoke->name);
    ask.target = target;
    http_lines_free(&spoke->own_lines);
    spoke->own_watch = http_client_send(spoke->http, &ask);
}

void facts_stop(struct spoke *spoke)
{
    if (spoke->own_watch)
        http_call_cancel(&spoke->own_watch);
    http_lines_free(&spoke->own_lines);
    loop_timer_free(&spoke->own_again);
}

/* ---- Kept and given ------------------------------------------------------------------ */

static int on_row(void *arg, const struct store_row *row, struct err *err)
{
    struct spoke *spoke = arg;
    scoped_arena struct arena *arena = NULL;
    struct node *facts;

    if (strcmp(row->key.kind, KEPT) != 0)
        return 0;
    arena = arena_new();
    facts = document_read_json(arena, row->body, row->len, &document_limits_own, err);
    if (!facts)
        return -1;
    set_facts(spoke, facts);
    return 0;
}

/* "NAME=VALUE", as on the command line. */
static int read_own(struct spoke *spoke, const char *const *list, struct err *err)
{
    spoke->own_arena = arena_new();
    spoke->own_facts = node_map(spoke->own_arena);
    for (; list && *list; list++) {
        const char *equals = strchr(*list, '=');
        size_t len = equals ? (size_t)(equals - *list) : 0;

        if (!len || strspn(*list, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_.-/") < len)
            return err_set(err, ERR_INVALID, "--fact \"%s\" is not NAME=VALUE with a "
                           "name of letters, digits, \"_\", \".\", \"-\" and \"/\"", *list);
        node_set_text(spoke->own_arena, spoke->own_facts,
                      arena_bytes(spoke->own_arena, *list, len), equals + 1);
    }
    return 0;
}

int facts_load(struct spoke *spoke, const char *const *own, struct err *err)
{
    if (read_own(spoke, own, err) < 0)
        return -1;
    return store_each(spoke->store, on_row, spoke, err);
}

void facts_free(struct spoke *spoke)
{
    arena_free(&spoke->facts_arena);
    arena_free(&spoke->own_arena);
}
