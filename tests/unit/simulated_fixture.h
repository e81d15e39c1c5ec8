/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIMULATED_FIXTURE_H
#define SIMULATED_FIXTURE_H

/* A local cluster on an invented machine, with a store, for tests; see test_cluster_rollouts.c.
   `driver` is the simulated one, of which a test may replace functions to watch it. */

#include "check.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "loop/loop.h"

#include <string.h>

static struct map *kept; /* name -> bytes, as a spoke's store would hold them */
static struct runtime_driver driver;
static struct cluster *cluster;
static char told[65536]; /* the Events */

static void keep_put(void *arg, const char *name, const void *bytes, size_t len)
{
    char *copy = mem_alloc(len + 1), *old;

    memcpy(copy, bytes, len);
    old = map_put(kept, name, copy);
    mem_free(&old);
}

static void keep_remove(void *arg, const char *name)
{
    char *old = map_remove(kept, name);

    mem_free(&old);
}

static void keep_commit(void *arg, cluster_kept_fn *done, void *done_arg)
{
    done(done_arg, NULL);
}

static void keep_each(void *arg, void (*each)(void *, const char *, const void *, size_t),
                      void *each_arg)
{
    const char *name;
    size_t at = 0;
    char *bytes;

    while ((bytes = map_next(kept, &at, &name)))
        each(each_arg, name, bytes, strlen(bytes));
}

static void on_cluster_event(void *arg, const struct cluster_event *event)
{
    size_t len = strlen(told);

    snprintf(told + len, sizeof told - len, "%s %s: %s\n", event->name, event->reason,
             event->message);
}

static void open_cluster(struct loop *loop)
{
    struct cluster_options options = {
        .loop = loop,
        .runtime = &driver,
        .runtime_options = {.directory = "edge-1"},
        .keep = {NULL, keep_put, keep_remove, keep_commit, keep_each},
        .on_event = on_cluster_event,
    };
    struct err err = {0};

    if (cluster_open("local", &options, &cluster, &err) < 0)
        printf("Bail out! %s\n", err.text);
}

/* All documents of the text, as the work "w". */
static void apply_text(const char *text)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    struct node *all = document_read_all(arena, text, strlen(text), &document_limits_api, &err);
    struct cluster_manifest items[8] = {{0}};
    struct cluster_set set = {.owner = "w", .items = items, .count = node_count(all)};

    if (!all)
        printf("Bail out! %s\n%s\n", err.text, text);
    for (size_t i = 0; i < set.count && i < 8; i++)
        items[i].object = node_item(all, i);
    cluster_apply(cluster, &set);
}

static bool is_gone(void *arg)
{
    scoped_arena struct arena *arena = arena_new();

    return !cluster_report(cluster, arena, "w");
}

#endif
