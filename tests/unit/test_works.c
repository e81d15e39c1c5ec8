/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a work: gathered, applied, troubled, leaving; with a hub that is this test. */
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

#define EVICTION (120 * CLOCK_SECOND)
#define FINALIZER "cluster.open-cluster-management.io/manifest-work-cleanup"

/* ---- The hub ------------------------------------------------------------------- */

struct sent {
    char *method, *target, *body; /* owned */
    works_reply_fn *done;
    void *arg;
};

static struct sent sent[64];
static size_t sent_count;
static enum works_contact contact = WORKS_WATCHING;
static bool withheld;
static int removed, finalizers_removed, lost;

static enum works_contact find_contact(void *arg)
{
    return contact;
}

static bool is_withheld(void *arg)
{
    return withheld;
}

static bool is_removed(void *arg)
{
    return false;
}

static struct node *make_facts(void *arg, struct arena *arena)
{
    return node_map(arena);
}

static void take_request(void *arg, const char *method, const char *target, const char *type,
                         const struct node *body, works_reply_fn *done, void *done_arg)
{
    scoped_text struct text json = {0};

    if (body)
        document_write_json(&json, body);
    if (sent_count < count_of(sent))
        sent[sent_count++] = (struct sent){mem_copy_string(method), mem_copy_string(target),
                                           mem_copy_string(text_string(&json)), done, done_arg};
}

static void take_fetch(void *arg, const struct http_client_request *request, works_reply_fn *done,
                       void *done_arg)
{
    take_request(arg, "GET", request->target, NULL, NULL, done, done_arg);
}

static void on_lost(void *arg, const char *doing, const struct err *why)
{
    lost++;
}

static void on_finalizer_removed(void *arg, int status, const struct err *why)
{
    finalizers_removed += status == 200;
}

static void on_applied(void *arg)
{
}

static void on_removed(void *arg)
{
    removed++;
}

/* Responds to the oldest request whose target ends so; false: there is none. */
static bool respond(const char *ending, int status)
{
    struct http_response response = {.status = status, .body = "{}", .len = 2};
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
        if (one.done)
            one.done(one.arg, status, status ? &response : NULL, &why);
        return true;
    }
    return false;
}

static const char *find_body(const char *ending)
{
    for (size_t i = 0; i < sent_count; i++)
        if (text_ends(sent[i].target, ending))
            return sent[i].body;
    return "";
}

/* Those that nobody of this test cares for. */
static void respond_to_all(void)
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

static void keep_again(void *arg)
{
}

static void on_pressure(void *arg)
{
}

static bool open_works(void)
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

static void close_works(void)
{
    /* As the agent does when it closes its connection. */
    contact = WORKS_NO_LINK;
    while (sent_count)
        respond("", 0);
    works_close(&works);
    storage_close(&storage);
    contact = WORKS_WATCHING;
}

static void run(int64_t duration)
{
    loop_world_run(world, duration);
}

/* A work of one ConfigMap, as the hub has it; its uid begins with its name. */
static void take_incarnation(const char *name, const char *uid, int generation, int revision,
                             const char *metadata)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    const char *text =
        arena_printf(arena,
                     "apiVersion: work.open-cluster-management.io/v1\n"
                     "kind: ManifestWork\n"
                     "metadata: {name: %s, namespace: edge-1, uid: %s-%s, generation: %d, "
                     "resourceVersion: '%d'%s}\n"
                     "spec: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, "
                     "metadata: {name: %s, namespace: lab}, data: {revision: '%d'}}]}}\n",
                     name, name, uid, generation, revision, metadata, name, revision);
    struct node *object =
        document_read_yaml(arena, text, strlen(text), false, &document_limits_own, &err);

    CHECK(object != NULL, "the test's own work is read: %s", err.text);
    works_take(works, name, object);
}

static void take_work(const char *name, int generation, const char *metadata)
{
    take_incarnation(name, "uid", generation, 10 + generation, metadata);
}

static bool is_in_cluster(const char *name)
{
    scoped_arena struct arena *arena = arena_new();

    return cluster_report(works_cluster(works), arena, name) != NULL;
}

/* ---- Cases ------------------------------------------------------------------------- */

static void check_finalizer_first(void)
{
    take_work("chat", 1, "");
    CHECK(strstr(find_body("/manifestworks/chat"), FINALIZER) != NULL,
          "a work without our finalizer gets it first");
    CHECK(!is_in_cluster("chat"), "and is not applied before the hub has that");
    CHECK(respond("/manifestworks/chat", 200), "the hub takes it");
    run(CLOCK_SECOND);
    CHECK(is_in_cluster("chat"), "then the work is applied");
    CHECK(strstr(find_body("/chat/status"), "AppliedManifestWorkComplete") != NULL,
          "and its status says so");
    CHECK(respond("/chat/status", 200), "the hub takes the status");
    run(CLOCK_SECOND);
    CHECK_TEXT(find_body("/chat/status"), "", "which is not sent again, since nothing changed");
}

/* The hub deleted the work and created it anew while the spoke was away. */
static void check_recreated(void)
{
    take_incarnation("phoenix", "first", 1, 11, "");
    respond("/manifestworks/phoenix", 200);
    run(CLOCK_SECOND);
    respond_to_all();
    take_incarnation("phoenix", "second", 1, 12, "");
    CHECK(strstr(find_body("/manifestworks/phoenix"), FINALIZER) != NULL,
          "a work created anew begins anew, though its generation is the former one's");
    CHECK_TEXT(find_body("/phoenix/status"), "",
               "its status does not speak of it before it is applied");
    respond("/manifestworks/phoenix", 200);
    run(CLOCK_SECOND);
    CHECK(strstr(find_body("/phoenix/status"), "AppliedManifestWorkComplete") != NULL,
          "then it is applied, and its status says so");
    respond_to_all();
}

/* A work is deleted while the hub has not answered yet, and created anew. */
static void check_late_response_of_former(void)
{
    take_incarnation("reborn", "first", 1, 11, "");
    works_take(works, "reborn", NULL);
    take_incarnation("reborn", "second", 1, 12, "");
    CHECK(respond("/manifestworks/reborn", 200), "the hub answers for the work that was deleted");
    run(CLOCK_SECOND);
    CHECK(!is_in_cluster("reborn"), "which counts for nothing with the new one");
    CHECK(respond("/manifestworks/reborn", 500), "it refuses the finalizer of the new one");
    CHECK(strstr(find_body("/reborn/status"), "FinalizerNotSet") != NULL, "which says so");
    run(10 * CLOCK_SECOND);
    respond("/manifestworks/reborn", 200);
    run(CLOCK_SECOND);
    CHECK(is_in_cluster("reborn"), "and is applied when the hub takes it");
    respond_to_all();
}

static void check_trouble(void)
{
    take_work("sad", 1, "");
    respond("/manifestworks/sad", 500);
    CHECK(!is_in_cluster("sad"), "a work whose finalizer the hub refuses is not applied");
    CHECK(strstr(find_body("/sad/status"), "FinalizerNotSet") != NULL, "its status says why");
    respond("/sad/status", 200);
    CHECK_TEXT(find_body("/manifestworks/sad"), "", "it is not tried again at once");
    run(10 * CLOCK_SECOND);
    CHECK(strstr(find_body("/manifestworks/sad"), FINALIZER) != NULL, "but a while later");
    respond("/manifestworks/sad", 200);
    run(CLOCK_SECOND);
    CHECK(is_in_cluster("sad"), "and is applied when the hub takes it");
    respond_to_all();
}

static void check_late_response(void)
{
    take_work("late", 1, "");
    take_work("late", 2, "");
    respond("/manifestworks/late", 500);
    CHECK_TEXT(find_body("/late/status"), "", "a response to the attempt before says nothing");
    respond("/manifestworks/late", 200);
    run(CLOCK_SECOND);
    CHECK(is_in_cluster("late"), "that to the present one counts");
    respond_to_all();
}

static void check_restart(void)
{
    scoped_arena struct arena *arena = arena_new();

    close_works();
    if (!open_works())
        return;
    CHECK_INT((long long)works_count(works), 3, "after a restart all works are known");
    CHECK(is_in_cluster("chat") && is_in_cluster("sad"), "and what they brought is there");
    CHECK_INT((long long)sent_count, 0, "without a word to the hub");
    CHECK_INT((long long)node_count(works_describe(works, arena)), 3, "each is described");
}

static void check_deletion(void)
{
    int before = removed;

    take_work("late", 3,
              ", finalizers: [" FINALIZER "], deletionTimestamp: '2026-01-01T00:00:00Z'");
    run(CLOCK_SECOND);
    CHECK(!is_in_cluster("late"), "a work that is deleted leaves nothing in the cluster");
    CHECK_INT(removed - before, 1, "it is gone here");
    CHECK(strstr(find_body("/manifestworks/late"), "\"finalizers\":[]") != NULL,
          "and its finalizer is taken off");
    respond("/manifestworks/late", 200);
    CHECK_INT(finalizers_removed, 1, "of which the agent is told");
    respond_to_all();
}

static void check_vanished(void)
{
    withheld = true;
    works_take(works, "chat", NULL);
    run(2 * EVICTION);
    CHECK(is_in_cluster("chat"), "while changes are withheld nothing vanishes");
    withheld = false;
    works_take(works, "chat", NULL);
    run(EVICTION / 2);
    CHECK(is_in_cluster("chat"), "a work that vanished from the hub stays for a while");
    contact = WORKS_NO_LINK;
    run(2 * EVICTION);
    CHECK(is_in_cluster("chat"), "and longer while the hub is away");
    contact = WORKS_WATCHING;
    run(2 * EVICTION);
    CHECK(!is_in_cluster("chat"), "a hub that still does not have it ends it");
    respond_to_all();
}

static void check_end(void)
{
    works_end(works);
    run(CLOCK_SECOND);
    CHECK(works_are_gone(works), "an end without the hub leaves nothing");
    CHECK_INT((long long)sent_count, 0, "and says nothing");
    CHECK_INT(lost, 0, "no connection was given up in all of this");
}

static void remove_folder(const char *path)
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

int main(void)
{
    scoped_mem char *pki = NULL;
    struct err err = {0};

    if (!mkdtemp(directory))
        return 1;
    pki = mem_printf("%s/pki", directory);
    world = loop_world_new(1);
    loop = loop_world_host(world, "edge-1");
    if (file_make_folder(pki, &err) == 0 && open_works()) {
        check_finalizer_first();
        check_trouble();
        check_late_response();
        check_restart();
        check_deletion();
        check_vanished();
        check_end();
        check_recreated();
        check_late_response_of_former();
        close_works();
    }
    loop_free(&loop);
    loop_world_free(&world);
    remove_folder(pki);
    remove_folder(directory);
    return check_done();
}
