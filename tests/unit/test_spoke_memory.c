/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent holds in memory for each pod: ten works and 510 of them, one pod each. */
#include "works/works.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "check.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "http/http.h"
#include "loop/loop.h"
#include "runtime/runtime.h"
#include "sim/runtime.h"
#include "sim/world.h"
#include "storage/storage.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FEW 10
#define MANY 510
/* Each pod, of the 15 kB of docs/PERFORMANCE.md, row M2: what the real runtime holds of it and
   what the allocator wastes come on top. One tree that is not interned takes 4 to 7 kB. */
#define MOST_BYTES 9000

/* Of sanitizers, whose malloc() mallinfo2() knows nothing of. */
__attribute__((weak)) size_t __sanitizer_get_current_allocated_bytes(void);

static size_t held_bytes(void)
{
    struct mallinfo2 info;

    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* ---- A hub that takes everything, a moment later ---------------------------------------- */

struct taken {
    works_reply_fn *done;
    void *arg;
};

static struct taken taken[4 * MANY];
static size_t taken_count;
static enum works_contact contact;

static enum works_contact find_contact(void *arg)
{
    return contact;
}

static bool never(void *arg)
{
    return false;
}

static struct node *no_facts(void *arg, struct arena *arena)
{
    return node_map(arena);
}

static void take_send(void *arg, const char *method, const char *target, const char *type,
                      const struct node *body, works_reply_fn *done, void *done_arg)
{
    if (done && taken_count < count_of(taken))
        taken[taken_count++] = (struct taken){done, done_arg};
}

static void take_fetch(void *arg, const struct http_client_request *request, works_reply_fn *done,
                       void *done_arg)
{
    take_send(arg, "GET", request->target, NULL, NULL, done, done_arg);
}

static void ignore_lost(void *arg, const char *doing, const struct err *why)
{
}

static void ignore_removed(void *arg, int status, const struct err *why)
{
}

static void ignore(void *arg)
{
}

static void respond_all(int status)
{
    struct http_response response = {.status = status, .body = "{}", .len = 2};
    struct err why = {0};

    err_set(&why, ERR_UNREACHABLE, "the hub says %d", status);
    while (taken_count) {
        struct taken one = taken[--taken_count];

        one.done(one.arg, status, status ? &response : NULL, &why);
    }
}

/* ---- The spoke ---------------------------------------------------------------------------- */

static struct loop_world *world;
static struct loop *loop;
static struct storage *storage;
static struct works *works;
static char directory[] = "/tmp/axle-spoke-memory.XXXXXX";

static bool open_spoke(void)
{
    struct storage_settings disk = {
        .loop = loop, .directory = directory, .keep_again = ignore, .pressure_changed = ignore};
    struct cluster_options options = {
        .loop = loop, .runtime = &runtime_simulated, .runtime_options = {.directory = "edge-1"}};
    struct works_settings settings = {.loop = loop,
                                      .name = "edge-1",
                                      .hub_address = "https://hub:6443",
                                      .eviction = 120 * CLOCK_SECOND,
                                      .hub = {.contact = find_contact,
                                              .is_withheld = never,
                                              .is_removed = never,
                                              .facts = no_facts,
                                              .send = take_send,
                                              .fetch = take_fetch,
                                              .lost = ignore_lost,
                                              .finalizer_removed = ignore_removed,
                                              .applied = ignore,
                                              .removed = ignore},
                                      .cluster = "local",
                                      .cluster_options = &options};
    struct err err = {0};

    contact = WORKS_WATCHING;
    if (storage_open(&disk, &storage, &err) < 0)
        return CHECK(false, "the storage opens: %s", err.text);
    settings.storage = storage;
    return CHECK(works_open(&settings, &works, &err) == 0, "the works open: %s", err.text);
}

static void close_spoke(void)
{
    contact = WORKS_NO_LINK;
    respond_all(0);
    works_close(&works);
    storage_close(&storage);
}

/* As the hub renders a component of one container. */
static void take_work(int nth)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    const char *text = arena_printf(
        arena,
        "apiVersion: work.open-cluster-management.io/v1\n"
        "kind: ManifestWork\n"
        "metadata: {name: chat-%d, namespace: edge-1, uid: 5ea1-%d, generation: 1,\n"
        "  resourceVersion: '%d', labels: {axle.dev/project: lab, axle.dev/aiworkload: chat-%d},\n"
        "  finalizers: [cluster.open-cluster-management.io/manifest-work-cleanup]}\n"
        "spec: {workload: {manifests: [{apiVersion: apps/v1, kind: Deployment,\n"
        "  metadata: {name: chat-%d, namespace: lab, labels: {axle.dev/component: main}},\n"
        "  spec: {replicas: 1, selector: {matchLabels: {app: chat-%d}}, template: {\n"
        "    metadata: {labels: {app: chat-%d, axle.dev/component: main}},\n"
        "    spec: {terminationGracePeriodSeconds: 10, containers: [{name: main,\n"
        "      command: [/opt/chat/serve], args: ['--model', /models/chat.gguf, '--port=$(PORT)'],\n"
        "      env: [{name: PORT, value: '8080'}, {name: MODEL, value: chat},\n"
        "        {name: LOG_LEVEL, value: info}],\n"
        "      ports: [{name: http, containerPort: 0}],\n"
        "      readinessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 10},\n"
        "      resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}}]}}}}]}}\n",
        nth, nth, 10 + nth, nth, nth, nth, nth);
    struct node *object =
        document_read_yaml(arena, text, strlen(text), false, &document_limits_own, &err);
    scoped_mem char *name = mem_printf("chat-%d", nth);

    if (!object)
        CHECK(false, "the test's own work is read: %s", err.text);
    else
        works_take(works, name, object);
}

static void settle(void)
{
    for (int i = 0; i < 30; i++) {
        loop_world_run(world, CLOCK_SECOND);
        respond_all(200);
    }
}

static void take_works(int from, int to)
{
    for (int i = from; i < to; i++) {
        take_work(i);
        respond_all(200);
    }
    settle();
}

/* ---- Cases ---------------------------------------------------------------------------------- */

/* What the works and the storage hold: freed with them. The simulated machine stays. */
static size_t works_bytes(void)
{
    size_t before = held_bytes();

    close_spoke();
    return before - held_bytes();
}

static void check_growth(const char *when, size_t few, size_t many)
{
    size_t each = (many - few) / (MANY - FEW);

    printf("note: agent, %s: %zu bytes with %d pods, %zu with %d, %zu each\n", when, few, FEW, many,
           MANY, each);
    CHECK(each <= MOST_BYTES, "%s, a pod takes at most %d bytes: %zu", when, MOST_BYTES, each);
}

static void check_pods(size_t wanted)
{
    size_t pods = 0, running = runtime_simulated_running("edge-1", &pods);

    CHECK(running == wanted && pods == wanted, "%zu pods run: %zu of %zu", wanted, running, pods);
}

static void remove_folder(void)
{
    scoped_mem char *command = mem_printf("rm -rf %s", directory);

    if (system(command) != 0)
        printf("# %s is left\n", directory);
}

int main(void)
{
    scoped_mem char *pki = NULL;
    size_t few, few_again, many, many_again;
    struct err err = {0};

    if (!mkdtemp(directory))
        return 1;
    pki = mem_printf("%s/pki", directory);
    world = loop_world_new(1);
    loop = loop_world_host(world, "edge-1");
    if (file_make_folder(pki, &err) < 0 || !open_spoke())
        return 1;
    take_works(0, FEW);
    check_pods(FEW);
    few = works_bytes();
    if (!open_spoke())
        return 1;
    settle();
    few_again = works_bytes();
    if (!open_spoke())
        return 1;
    take_works(FEW, MANY);
    check_pods(MANY);
    many = works_bytes();
    if (!open_spoke())
        return 1;
    settle();
    check_pods(MANY);
    many_again = works_bytes();
    check_growth("started by this agent", few, many);
    check_growth("adopted", few_again, many_again);
    loop_free(&loop);
    loop_world_free(&world);
    runtime_simulated_reset();
    remove_folder();
    return check_done();
}
