/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_FIXTURE_H
#define CLUSTER_FIXTURE_H

/* A local cluster over real processes, with a store and ears, for tests. */

#include "check.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "loop/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Not every test needs all of it. */
#define UNUSED __attribute__((unused))

static struct loop *loop;
static struct cluster *cluster;
static struct map *kept; /* name -> bytes, as a spoke's store would hold them */
static int writes, changes;
static char folder[] = "/tmp/axle-test-cluster-XXXXXX";
static char events[65536];

/* ---- The spoke's side: a store and ears ------------------------------------------ */

static void keep_put(void *arg, const char *name, const void *bytes, size_t len)
{
    char *copy = mem_alloc(len + 1), *old;

    memcpy(copy, bytes, len);
    old = map_put(kept, name, copy);
    mem_free(&old);
    writes++;
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

static void on_change(void *arg, const char *owner)
{
    changes++;
}

static void on_event(void *arg, const struct cluster_event *event)
{
    size_t len = strlen(events);

    snprintf(events + len, sizeof events - len, "%s %s: %s\n", event->name, event->reason,
             event->message);
}

static void open_cluster(void)
{
    static const char *const roots[] = {"/tmp/axle-allowed", NULL};
    static const char *const ids[] = {"2000", "5000-6999", NULL};
    struct cluster_options options = {
        .loop = loop,
        .runtime = &runtime_process,
        .runtime_options = {.directory = folder},
        .keep = {NULL, keep_put, keep_remove, keep_commit, keep_each},
        .bounds = {.host_paths = roots, .allow_ids = ids},
        .on_change = on_change,
        .on_event = on_event,
    };
    struct err err = {0};

    if (cluster_open("local", &options, &cluster, &err) < 0) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
}

static void apply_of(const char *project, const char *owner, const char *yaml)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    struct node *all = document_read_all(arena, yaml, strlen(yaml), &document_limits_api, &err);
    struct cluster_manifest items[32] = {{0}};
    struct cluster_set set = {
        .owner = owner, .project = project, .items = items, .count = node_count(all)};

    if (!all)
        printf("Bail out! %s\n", err.text);
    for (size_t i = 0; i < set.count; i++)
        items[i].object = node_item(all, i);
    cluster_apply(cluster, &set);
}

/* The works of one project. */
UNUSED static void apply(const char *owner, const char *yaml)
{
    apply_of("lab", owner, yaml);
}

/* The report as text, to be looked into by a person and a test alike. */
static const char *report(struct arena *arena, const char *owner)
{
    struct node *node = cluster_report(cluster, arena, owner);

    return node ? document_json(arena, node) : "";
}

UNUSED static bool wait_phase(const char *owner, const char *phase)
{
    int64_t end = clock_steady() + 60 * CLOCK_SECOND;
    bool found = false;

    while (!found && clock_steady() < end) {
        scoped_arena struct arena *arena = arena_new();
        struct node *node = cluster_report(cluster, arena, owner);

        found = phase ? node && !strcmp(node_get_text(node, "phase"), phase) : !node;
        if (!found)
            loop_turn(loop, 20 * CLOCK_MS);
    }
    if (!found) {
        scoped_arena struct arena *arena = arena_new();

        printf("# %s\n", report(arena, owner));
    }
    return found;
}

UNUSED static bool wait_text(const char *owner, const char *wanted)
{
    int64_t end = clock_steady() + 60 * CLOCK_SECOND;

    for (;;) {
        scoped_arena struct arena *arena = arena_new();

        if (strstr(report(arena, owner), wanted))
            return true;
        if (clock_steady() > end) {
            printf("# no %s in %s\n", wanted, report(arena, owner));
            return false;
        }
        loop_turn(loop, 20 * CLOCK_MS);
    }
}

UNUSED static int64_t pid_of(const char *owner)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *pods = node_get(cluster_report(cluster, arena, owner), "pods");
    int64_t pid = 0;

    /* The newest comes last; one on its way out may be before it. */
    for (size_t i = 0; i < node_count(pods); i++)
        if (!strcmp(node_get_text(node_item(pods, i), "phase"), "Running"))
            pid = node_get_int(node_item(node_get(node_item(pods, i), "containers"), 0), "pid", 0);
    return pid;
}

/* Never pid 0, which would be all of us. */
UNUSED static bool end_process(int64_t pid)
{
    return pid > 1 && kill((pid_t)pid, SIGKILL) == 0;
}

UNUSED static bool wait_new_pid(const char *owner, int64_t old)
{
    int64_t end = clock_steady() + 60 * CLOCK_SECOND;

    while (clock_steady() < end) {
        int64_t pid = pid_of(owner);

        if (pid && pid != old)
            return true;
        loop_turn(loop, 1 * CLOCK_MS);
    }
    return false;
}

UNUSED static void remove_owner(const char *owner)
{
    cluster_remove(cluster, owner);
    CHECK(wait_phase(owner, NULL), "%s is gone", owner);
}

static int fixture_start(void)
{
    struct err err = {0};

    loop = loop_new(&err);
    kept = map_new();
    if (!loop || !mkdtemp(folder) || chmod(folder, 0711) < 0) {
        printf("Bail out! %s\n", err.text);
        return -1;
    }
    return 0;
}

static int fixture_end(void)
{
    scoped_mem char *command = mem_printf("rm -rf %s", folder);

    CHECK(map_count(kept) == 0, "nothing is kept of what has gone");
    map_free(&kept);
    loop_free(&loop);
    CHECK(system(command) == 0, "cleaned up");
    return check_done();
}

#endif
