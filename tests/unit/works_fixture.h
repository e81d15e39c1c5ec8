/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKS_FIXTURE_H
#define WORKS_FIXTURE_H

/* The works of a spoke on a simulated machine, with a hub that is the test. */

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
#include "store/store.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Not every test needs all of it. */
#define UNUSED __attribute__((unused))
#define EVICTION (120 * CLOCK_SECOND)
#define FINALIZER "cluster.open-cluster-management.io/manifest-work-cleanup"

/* ---- The hub ------------------------------------------------------------------- */

struct sent {
    char *method, *target, *body; /* owned */
    char *range;                  /* owned: its Range header; NULL: none */
    void (*head)(struct http_call *call, const struct http_response *response, void *arg);
    void (*data)(struct http_call *call, const char *bytes, size_t len, void *arg);
    void *call_arg;
    works_reply_fn *done;
    void *arg;
};

static struct sent sent[512];
static size_t sent_count;
static enum works_contact contact = WORKS_WATCHING;
static bool withheld;
static int removed, finalizers_removed, lost, applications;

UNUSED static enum works_contact find_contact(void *arg)
{
    return contact;
}

UNUSED static bool is_withheld(void *arg)
{
    return withheld;
}

UNUSED static bool is_removed(void *arg)
{
    return false;
}

static const char *fact; /* what ${spoke.site} is; NULL: no such fact */

UNUSED static struct node *make_facts(void *arg, struct arena *arena)
{
    struct node *facts = node_map(arena);

    if (fact)
        node_set_text(arena, facts, "site", fact);
    return facts;
}

UNUSED static void take_request(void *arg, const char *method, const char *target, const char *type,
                                const struct node *body, works_reply_fn *done, void *done_arg)
{
    scoped_text struct text json = {0};

    if (body)
        document_write_json(&json, body);
    if (sent_count < count_of(sent))
        sent[sent_count++] = (struct sent){.method = mem_copy_string(method),
                                           .target = mem_copy_string(target),
                                           .body = mem_copy_string(text_string(&json)),
                                           .done = done,
                                           .arg = done_arg};
}

UNUSED static void take_fetch(void *arg, const struct http_client_request *request,
                              works_reply_fn *done, void *done_arg)
{
    struct sent *one = &sent[sent_count];

    if (sent_count == count_of(sent))
        return;
    take_request(arg, "GET", request->target, NULL, NULL, done, done_arg);
    one->head = request->head;
    one->data = request->data;
    one->call_arg = request->arg;
    for (size_t i = 0; i < request->header_count; i++)
        if (!strcmp(request->headers[i].name, "Range"))
            one->range = mem_copy_string(request->headers[i].value);
}

UNUSED static void on_lost(void *arg, const char *doing, const struct err *why)
{
    lost++;
}

UNUSED static void on_finalizer_removed(void *arg, int status, const struct err *why)
{
    finalizers_removed += status == 200;
}

UNUSED static void on_applied(void *arg)
{
    applications++;
}

UNUSED static void on_removed(void *arg)
{
    removed++;
}

static const char *content_range; /* of the next response; NULL: it has none */

/* Responds to the oldest request whose target ends so; false: there is none. */
UNUSED static bool respond_with(const char *ending, int status, const void *body, size_t len)
{
    struct http_field range = {"content-range", content_range};
    struct http_response response = {.status = status,
                                     .headers = &range,
                                     .header_count = content_range ? 1 : 0,
                                     .body = body,
                                     .len = len};
    struct err why = {0};

    err_set(&why, ERR_UNREACHABLE, "the hub says %d", status);
    for (size_t i = 0; i < sent_count; i++) {
        struct sent one = sent[i];

        if (!text_ends(one.target, ending))
            continue;
        memmove(&sent[i], &sent[i + 1], (--sent_count - i) * sizeof *sent);
        mem_free(&one.method);
        mem_free(&one.target);
        mem_free(&one.body);
        mem_free(&one.range);
        if (status && one.head)
            one.head(NULL, &response, one.call_arg);
        if (one.data && (status == 200 || status == 206))
            one.data(NULL, body, len, one.call_arg);
        content_range = NULL;
        if (one.done)
            one.done(one.arg, status, status ? &response : NULL, &why);
        return true;
    }
    return false;
}

UNUSED static bool respond(const char *ending, int status)
{
    return respond_with(ending, status, "{}", 2);
}

UNUSED static const struct sent *find_sent(const char *ending)
{
    for (size_t i = 0; i < sent_count; i++)
        if (text_ends(sent[i].target, ending))
            return &sent[i];
    return NULL;
}

UNUSED static const char *find_body(const char *ending)
{
    return find_sent(ending) ? find_sent(ending)->body : "";
}

UNUSED static void take_statuses(void)
{
    while (find_sent("/status"))
        respond("/status", 200);
}

/* The status of a work that was sent first and has no response yet. */
UNUSED static const char *status_of(const char *name)
{
    static char target[100];

    snprintf(target, sizeof target, "/manifestworks/%s/status", name);
    return find_body(target);
}

/* Those that nobody of this test cares for. */
UNUSED static void respond_to_all(void)
{
    while (sent_count)
        respond("", 200);
}

/* ---- The spoke ------------------------------------------------------------------- */

static struct loop_world *world;
static struct loop *loop;
static struct storage *storage;
static struct works *works;
static char directory[] = "/tmp/axle-works.XXXXXX";

UNUSED static void keep_again(void *arg)
{
}

UNUSED static void on_pressure(void *arg)
{
}

UNUSED static bool open_works(void)
{
    struct storage_settings disk = {.loop = loop,
                                    .directory = directory,
                                    .keep_again = keep_again,
                                    .pressure_changed = on_pressure};
    struct cluster_options options = {
        .loop = loop, .runtime = &runtime_simulated, .runtime_options = {.directory = "edge-1"}};
    struct works_settings settings = {.loop = loop,
                                      .name = "edge-1",
                                      .hub_address = "https://hub:6443",
                                      .eviction = EVICTION,
                                      .hub = {.contact = find_contact,
                                              .is_withheld = is_withheld,
                                              .is_removed = is_removed,
                                              .facts = make_facts,
                                              .send = take_request,
                                              .fetch = take_fetch,
                                              .lost = on_lost,
                                              .finalizer_removed = on_finalizer_removed,
                                              .applied = on_applied,
                                              .removed = on_removed},
                                      .cluster = "local",
                                      .cluster_options = &options};
    struct err err = {0};

    if (storage_open(&disk, &storage, &err) < 0)
        return CHECK(false, "the storage opens: %s", err.text);
    settings.storage = storage;
    return CHECK(works_open(&settings, &works, &err) == 0, "the works open: %s", err.text);
}

UNUSED static void close_works(void)
{
    /* As the agent does when it closes its connection. */
    contact = WORKS_NO_LINK;
    while (sent_count)
        respond("", 0);
    works_close(&works);
    storage_close(&storage);
    contact = WORKS_WATCHING;
}

UNUSED static void run(int64_t duration)
{
    loop_world_run(world, duration);
}

UNUSED static void take_yaml(const char *name, const char *text)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    struct node *object =
        document_read_yaml(arena, text, strlen(text), false, &document_limits_own, &err);

    CHECK(object != NULL, "the test's own work is read: %s", err.text);
    works_take(works, name, object);
}

/* A work of one ConfigMap, as the hub has it; its uid begins with its name. */
UNUSED static void take_incarnation(const char *name, const char *uid, int generation, int revision,
                                    const char *metadata)
{
    scoped_mem char *text =
        mem_printf("apiVersion: work.open-cluster-management.io/v1\n"
                   "kind: ManifestWork\n"
                   "metadata: {name: %s, namespace: edge-1, uid: %s-%s, generation: %d, "
                   "resourceVersion: '%d'%s}\n"
                   "spec: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, "
                   "metadata: {name: %s, namespace: lab}, data: {revision: '%d'}}]}}\n",
                   name, name, uid, generation, revision, metadata, name, revision);

    take_yaml(name, text);
}

/* A work that has our finalizer, with this spec. */
UNUSED static void take_spec(const char *name, int generation, const char *spec)
{
    scoped_mem char *text =
        mem_printf("apiVersion: work.open-cluster-management.io/v1\n"
                   "kind: ManifestWork\n"
                   "metadata: {name: %s, namespace: edge-1, uid: %s-uid, generation: %d, "
                   "resourceVersion: '%d', finalizers: [" FINALIZER "]}\n"
                   "spec: {%s}\n",
                   name, name, generation, 100 + generation, spec);

    take_yaml(name, text);
}

UNUSED static void take_work(const char *name, int generation, const char *metadata)
{
    take_incarnation(name, "uid", generation, 10 + generation, metadata);
}

UNUSED static bool is_in_cluster(const char *name)
{
    scoped_arena struct arena *arena = arena_new();

    return cluster_report(works_cluster(works), arena, name) != NULL;
}

/* ---- Its folder ----------------------------------------------------------------------- */

UNUSED static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        scoped_mem char *file = mem_printf("%s/%s", path, entry->d_name);

        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlink(file);
    }
    if (folder)
        closedir(folder);
    rmdir(path);
}

UNUSED static bool make_spoke(void)
{
    scoped_mem char *pki = NULL;
    struct err err = {0};

    if (!mkdtemp(directory))
        return false;
    pki = mem_printf("%s/pki", directory);
    world = loop_world_new(1);
    loop = loop_world_host(world, "edge-1");
    return file_make_folder(pki, &err) == 0;
}

UNUSED static void drop_spoke(void)
{
    scoped_mem char *pki = mem_printf("%s/pki", directory);

    loop_free(&loop);
    loop_world_free(&world);
    remove_folder(pki);
    remove_folder(directory);
}

#endif
