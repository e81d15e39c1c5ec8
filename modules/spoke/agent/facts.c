/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the values of ${spoke.NAME}: those of the ManagedCluster and those of this machine. */
#include "agent/departure.h"
#include "agent/internal.h"
#include "agent/link.h"
#include "agent/session.h"
#include "agent/status.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/object.h"
#include "document/document.h"
#include "meta/meta.h"
#include "storage/storage.h"
#include "store/store.h"
#include "works/works.h"

#include <stdlib.h>
#include <string.h>

#define KEPT "facts"
#define FACT "facts.axle.dev/"

struct facts {
    struct arena *arena, *own_arena; /* owned */
    const struct node *cluster;      /* {labels, claims, annotations}; NULL: not known yet */
    struct node *own;                /* from the command line */
    struct http_call *watch;         /* borrowed while it runs */
    struct http_lines lines;
    struct loop_timer *again; /* owned */
    int64_t told;  /* revision of the ManagedCluster as the hub has told it; 0: it does not tell */
    int64_t known; /* revision that `cluster` was read at */
    bool asking;   /* it is being read */
};

void facts_open(struct agent *agent)
{
    agent->facts = mem_alloc(sizeof *agent->facts);
}

static struct store_key facts_row_key(void)
{
    return (struct store_key){KEPT, "", "cluster"};
}

/* ---- Names and values ------------------------------------------------------------ */

static void add_prefixed_facts(struct arena *arena, struct node *facts, const char *prefix,
                               const struct node *map)
{
    node_each(member, map)
        node_set(arena, facts, arena_printf(arena, "%s%s", prefix, member->key), member->value);
}

/* Annotations on the hub, and flags on this machine, which win over them. */
static void add_own_facts(struct agent *agent, struct arena *arena, struct node *facts)
{
    node_each(note, node_get(agent->facts->cluster, "annotations"))
        node_set(arena, facts, note->key, note->value);
    node_each(own, agent->facts->own) node_set(arena, facts, own->key, own->value);
}

/* The names that the agent itself sets come last and cannot be set by others. */
struct node *facts_values(struct agent *agent, struct arena *arena)
{
    struct node *facts = node_map(arena);

    add_own_facts(agent, arena, facts);
    add_prefixed_facts(arena, facts, "labels.", node_get(agent->facts->cluster, "labels"));
    add_prefixed_facts(arena, facts, "claims.", node_get(agent->facts->cluster, "claims"));
    node_set_text(arena, facts, "name", agent->name);
    node_set_text(arena, facts, "address", agent->address);
    node_set_text(arena, facts, "addresses", agent->addresses);
    return node_copy(arena, facts);
}

/* ---- What the hub says ----------------------------------------------------------- */

static struct node *read_cluster_facts(struct arena *arena, const struct node *object)
{
    struct node *facts = node_map(arena), *notes = node_make(arena, facts, "annotations");
    struct node *claims = node_make(arena, facts, "claims");
    const struct node *list = node_at(object, "status", "clusterClaims", NULL);
    const struct node *labels = node_at(object, "metadata", "labels", NULL);

    node_each(note,
              node_at(object, "metadata", "annotations", NULL)) if (text_starts(note->key, FACT))
        node_set(arena, notes, note->key + strlen(FACT), note->value);
    for (size_t i = 0; i < node_count(list); i++)
        node_set_text(arena, claims, node_get_text(node_item(list, i), "name"),
                      node_get_text(node_item(list, i), "value"));
    if (labels)
        node_set(arena, facts, "labels", (struct node *)labels);
    return node_copy(arena, facts);
}

static void on_facts_kept(void *arg, const struct err *err)
{
    if (err && err->code)
        log_warn("spoke", "the facts of this spoke cannot be stored: %s", err->text);
}

static void set_cluster_facts(struct agent *agent, const struct node *facts)
{
    arena_free(&agent->facts->arena);
    agent->facts->arena = arena_new();
    agent->facts->cluster = node_copy(agent->facts->arena, facts);
}

void facts_keep_again(struct agent *agent)
{
    scoped_text struct text json = {0};
    struct store_key key = facts_row_key();

    if (!agent->facts->cluster)
        return;
    document_write_json(&json, agent->facts->cluster);
    store_put(storage_store(agent->storage), &key, json.bytes, json.len);
}

static int64_t read_revision(const struct node *object)
{
    return strtoll(node_get_text(node_get(object, "metadata"), "resourceVersion"), NULL, 10);
}

/* Works that use a fact that has changed are gathered and applied anew. */
void facts_take_cluster(struct agent *agent, const struct node *object)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *facts = read_cluster_facts(arena, object);

    agent->facts->known = read_revision(object);
    epoch_take_cluster(agent, object);
    if (agent->facts->cluster && node_same(agent->facts->cluster, facts))
        return;
    set_cluster_facts(agent, facts);
    facts_keep_again(agent);
    storage_commit(agent->storage, on_facts_kept, NULL);
    works_facts_changed(agent->works);
}

/* ---- Following ------------------------------------------------------------------- */

#define SOON (5 * CLOCK_SECOND)

static bool on_facts_line(const char *line, size_t len, void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    const struct node *event = document_read_json(arena, line, len, &document_limits_own, NULL);
    const char *type = node_get_text(event, "type");

    if (!strcmp(type, "ADDED") || !strcmp(type, "MODIFIED"))
        facts_take_cluster(agent, node_get(event, "object"));
    return true;
}

static void on_follow_timer(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    facts_follow(agent);
}

/* Not all spokes of a hub at the same moment. */
static void follow_later(struct agent *agent)
{
    if (!agent->facts->again)
        agent->facts->again = loop_timer_new(agent->loop, on_follow_timer, agent);
    loop_timer_set(agent->facts->again, SOON + (int64_t)random_below(SOON));
}

/* From within the watch's own callback, which nothing follows. */
static void give_watch_up(struct agent *agent, const struct err *err)
{
    log_warn("spoke", "watching this spoke's own object: %s", err->text);
    http_call_cancel(&agent->facts->watch);
    follow_later(agent);
}

static void on_facts_data(struct http_call *call, const char *bytes, size_t len, void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    struct err err = {0};

    if (http_lines_feed(&agent->facts->lines, bytes, len, on_facts_line, agent, &err) < 0)
        give_watch_up(agent, &err);
}

static void on_facts_watch_done(const struct http_response *response, const struct err *err,
                                void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    agent->facts->watch = NULL;
    follow_later(agent);
}

static bool are_facts_needed(const struct agent *agent)
{
    return epoch_is_withheld(agent) || works_use_facts(agent->works);
}

/* A second connection that is held open, for hubs that do not tell of changes. */
static void watch_cluster(struct agent *agent)
{
    scoped_mem char *target = NULL;
    struct http_client_request request = {.data = on_facts_data,
                                          .done = on_facts_watch_done,
                                          .silence = AGENT_WATCH_SILENCE,
                                          .arg = agent};

    target = mem_printf(AGENT_CLUSTERS "?watch=true&allowWatchBookmarks=true"
                                       "&fieldSelector=metadata.name%%3D%s",
                        agent->name);
    request.target = target;
    http_lines_free(&agent->facts->lines);
    agent->facts->watch = http_client_send(requests_client(agent), &request);
}

static void on_cluster_read(void *arg, int status, const struct http_response *response,
                            const struct err *why)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    const struct node *cluster =
        status != 200
            ? NULL
            : document_read_json(arena, response->body, response->len, &document_limits_api, NULL);

    agent->facts->asking = false;
    if (cluster)
        facts_take_cluster(agent, cluster);
    if (session_is_watching(agent) && agent->facts->known < agent->facts->told)
        follow_later(agent);
}

static void read_cluster(struct agent *agent)
{
    scoped_mem char *target = mem_printf(AGENT_CLUSTERS "/%s", agent->name);

    agent->facts->asking = true;
    link_send(agent, "GET", target, NULL, NULL, on_cluster_read, agent);
}

/* Only where something depends on the facts. */
void facts_follow(struct agent *agent)
{
    struct facts *facts = agent->facts;

    if (!session_is_watching(agent) || !are_facts_needed(agent))
        return;
    if (!facts->told && !facts->watch)
        watch_cluster(agent);
    else if (facts->told > facts->known && !facts->asking)
        read_cluster(agent);
}

void facts_hub_tells(struct agent *agent, const struct http_response *response)
{
    const char *text = http_response_get(response, FACTS_OWN_CLUSTER);

    agent->facts->told = text ? strtoll(text, NULL, 10) : 0;
    if (agent->facts->told < agent->facts->known)
        agent->facts->known = 0; /* of another epoch */
}

void facts_take_bookmark(struct agent *agent, const struct node *bookmark)
{
    const char *text =
        node_text(node_at(bookmark, "metadata", "annotations", META_ANNOTATION_OWN_CLUSTER, NULL));
    int64_t told = strtoll(text, NULL, 10);

    if (!agent->facts->told || told <= agent->facts->told)
        return;
    agent->facts->told = told;
    facts_follow(agent);
}

void facts_stop(struct agent *agent)
{
    if (agent->facts->watch)
        http_call_cancel(&agent->facts->watch);
    http_lines_free(&agent->facts->lines);
    loop_timer_free(&agent->facts->again);
    agent->facts->told = 0;
}

/* ---- Loading --------------------------------------------------------------------- */

static int load_facts_row(void *arg, const struct store_row *row, struct err *err)
{
    struct agent *agent = arg;
    scoped_arena struct arena *arena = NULL;
    struct node *facts;

    if (strcmp(row->key.kind, KEPT) != 0)
        return 0;
    arena = arena_new();
    facts = document_read_json(arena, row->body, row->len, &document_limits_own, err);
    if (!facts)
        return -1;
    set_cluster_facts(agent, facts);
    return 0;
}

/* "NAME=VALUE", as on the command line. */
static int read_own_facts(struct agent *agent, const char *const *list, struct err *err)
{
    agent->facts->own_arena = arena_new();
    agent->facts->own = node_map(agent->facts->own_arena);
    for (; list && *list; list++) {
        const char *equals = strchr(*list, '=');
        size_t len = equals ? (size_t)(equals - *list) : 0;

        if (!len || strspn(*list, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_.-/") < len)
            return err_set(err, ERR_INVALID,
                           "--fact \"%s\" is not NAME=VALUE with a "
                           "name of letters, digits, \"_\", \".\", \"-\" and \"/\"",
                           *list);
        node_set_text(agent->facts->own_arena, agent->facts->own,
                      arena_bytes(agent->facts->own_arena, *list, len), equals + 1);
    }
    return 0;
}

int facts_load(struct agent *agent, const char *const *own, struct err *err)
{
    if (read_own_facts(agent, own, err) < 0)
        return -1;
    return store_each(storage_store(agent->storage), load_facts_row, agent, err);
}

void facts_close(struct agent *agent)
{
    facts_stop(agent);
    arena_free(&agent->facts->arena);
    arena_free(&agent->facts->own_arena);
    mem_free(&agent->facts);
}
