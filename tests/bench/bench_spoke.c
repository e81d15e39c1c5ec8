/* SPDX-License-Identifier: Apache-2.0 */
/* D1 (repair of a killed process), start rate, and what a shim costs (M2). */

#include "base/clock.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "loop/loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PODS 50

static struct loop *loop;
static struct cluster *cluster;
static char folder[] = "/tmp/axle-bench-XXXXXX";

static void keep_put(void *arg, const char *name, const void *bytes, size_t len) {}
static void keep_remove(void *arg, const char *name) {}

static void keep_commit(void *arg, cluster_kept_fn *done, void *done_arg)
{
    done(done_arg, NULL);
}

static void keep_each(void *arg, void (*each)(void *, const char *, const void *, size_t),
                      void *each_arg) {}

static int64_t pid_of(const char *owner)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *pods = node_get(cluster_report(cluster, arena, owner), "pods");

    return node_get_int(node_item(node_get(node_item(pods, 0), "containers"), 0), "pid", 0);
}

static void apply(const char *name)
{
    scoped_arena struct arena *arena = arena_new();
    char *yaml = arena_printf(arena,
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s}\nspec:\n  template:\n    spec:\n"
        "      terminationGracePeriodSeconds: 0\n"
        "      containers: [{name: c, command: [sleep, '100000']}]\n", name);
    struct cluster_manifest item = { document_read_yaml(arena, yaml, strlen(yaml), true,
                                                        &document_limits_own, NULL) };
    struct cluster_set set = { .owner = name, .items = &item, .count = 1 };

    cluster_apply(cluster, &set);
}

static int64_t wait_pid(const char *owner, int64_t old)
{
    int64_t pid;

    while ((pid = pid_of(owner)) == 0 || pid == old)
        loop_turn(loop, CLOCK_MS);
    return pid;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* The private memory of the processes named axle-shim and axle-init. */
static void print_memory(void)
{
    scoped_mem char *command = mem_printf(
        "for p in /proc/[0-9]*; do grep -qs -a '%s' $p/cmdline && cat $p/smaps_rollup; done |"
        " awk '/^Private/ {s += $2} /^Pss:/ {p += $2} END {printf \"M2 shim and init, per pod: "
        "private %%.0f kB, proportional %%.0f kB\\n\", s / %d, p / %d}'", folder, PODS, PODS);

    fflush(stdout);
    if (system(command) != 0)
        printf("M2 cannot be measured here\n");
}

int main(int argc, char **argv)
{
    struct cluster_options options = {
        .runtime = &runtime_process,
        .keep = { NULL, keep_put, keep_remove, keep_commit, keep_each },
    };
    char names[PODS][16];
    int64_t took[PODS], began;
    struct err err = { 0 };

    if (argc > 1 && !strcmp(argv[1], "shim"))
        return runtime_shim_main(argc - 1, argv + 1);
    loop = loop_new(&err);
    if (!loop || !mkdtemp(folder))
        return 1;
    options.loop = loop;
    options.runtime_options.directory = folder;
    if (cluster_open("local", &options, &cluster, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    began = clock_steady();
    for (int i = 0; i < PODS; i++) {
        snprintf(names[i], sizeof names[i], "pod-%d", i);
        apply(names[i]);
    }
    for (int i = 0; i < PODS; i++)
        wait_pid(names[i], 0);
    printf("start rate: %.0f pods per second\n", PODS / ((double)(clock_steady() - began) / 1e9));
    print_memory();
    for (int i = 0; i < PODS; i++) {
        int64_t pid = wait_pid(names[i], 0);

        began = clock_steady();
        kill((pid_t)pid, SIGKILL);
        wait_pid(names[i], pid);
        took[i] = clock_steady() - began;
    }
    qsort(took, PODS, sizeof took[0], by_size);
    printf("D1 killed to running again: p50 %.2f ms, p99 %.2f ms (goal 2, 10)\n",
           (double)took[PODS / 2] / 1e6, (double)took[PODS - 1] / 1e6);
    for (int i = 0; i < PODS; i++)
        cluster_remove(cluster, names[i]);
    for (;;) {
        scoped_arena struct arena *arena = arena_new();

        if (!node_count(cluster_owners(cluster, arena)))
            break;
        loop_turn(loop, 10 * CLOCK_MS);
    }
    cluster_close(&cluster);
    loop_free(&loop);
    scoped_mem char *command = mem_printf("rm -rf %s", folder);

    return system(command) ? 1 : 0;
}
