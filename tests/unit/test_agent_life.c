/* SPDX-License-Identifier: Apache-2.0 */
/* A spoke's life at its hub: it joins, starts again, is removed, leaves, is reset, is copied. */
#include "agent_fixture.h"

#include "agent/departure.h"
#include "agent/status.h"
#include "agent/internal.h"
#include "base/file.h"
#include "meta/meta.h"
#include "works/works.h"

#include <dirent.h>

static void run(int seconds)
{
    loop_world_run(world, seconds * CLOCK_SECOND);
}

/* Opens the agent anew; NULL with the reason if that fails. */
static struct agent *open_again(const char *token, struct err *err)
{
    struct agent_settings settings = first_settings(token);

    agent_close(&spoke);
    settings.name = settings.hub = NULL; /* as it has joined */
    spoke = agent_open(spoke_host.loop, &settings, err);
    return spoke;
}

static bool has_file(const char *name)
{
    scoped_mem char *path = mem_printf("%s/%s", spoke_host.directory, name);

    return file_exists(path);
}

/* A file of the folder whose name begins so. */
static bool has_file_like(const char *folder, const char *start)
{
    scoped_mem char *path = mem_printf("%s/%s", spoke_host.directory, folder);
    DIR *dir = opendir(path);
    struct dirent *entry;
    bool found = false;

    while (dir && (entry = readdir(dir)))
        found |= !strncmp(entry->d_name, start, strlen(start));
    if (dir)
        closedir(dir);
    return found;
}

static void put_file(const char *name, const char *text)
{
    scoped_mem char *path = mem_printf("%s/%s", spoke_host.directory, name);
    struct err err = {0};

    must(file_write(path, text, strlen(text), 0600, &err) == 0, &err);
}

static void put_work(const char *name)
{
    scoped_arena struct arena *arena = arena_new();
    const char *text = arena_printf(
        arena,
        "{apiVersion: work.open-cluster-management.io/v1, kind: ManifestWork, metadata: {name: %s, "
        "namespace: edge-1}, spec: {workload: {manifests: [{apiVersion: v1, kind: Pod, metadata: "
        "{name: %s, namespace: lab}, spec: {terminationGracePeriodSeconds: 60, containers: [{name: "
        "c, command: [run], lifecycle: {preStop: {sleep: {seconds: 20}}}}]}}]}}}",
        name, name);
    struct objects_result result = {.arena = arena};
    struct err err = {0};
    struct objects_write write = {
        .who = {"root", "test", true},
        .namespace = "edge-1",
        .kind = kinds_find(hub->kinds, "work.open-cluster-management.io", "manifestworks"),
        .body = document_read_yaml(arena, text, strlen(text), true, &document_limits_own, &err),
        .grace = -1};

    must(objects_create(hub->objects, &write, &result, &err) == 0, &err);
    object_drop(&result.object);
}

/* ---- Before it has joined ------------------------------------------------------------- */

static const struct {
    const char *sentence, *name, *hub, *token, *says;
} refusals[] = {
    {"a name that is none", "Edge 1", "https://hub:6443", "t", "--name \"Edge 1\": "},
    {"no hub", "edge-1", NULL, "t", "no hub is given: start with --join https://HOST:PORT"},
    {"a hub without TLS", "edge-1", "http://hub", "t", "--join \"http://hub\" is not https://"},
    {"a hub without a name", "edge-1", "https://", "t", "is not https://HOST:PORT"},
    {"no token", "edge-1", "https://hub:6443", NULL, "has not joined yet and needs a token"},
    {"a token that is none", "edge-1", "https://hub:6443", "x", "token"},
};

static void check_refusals(void)
{
    for (size_t i = 0; i < count_of(refusals); i++) {
        struct agent_settings settings = first_settings(refusals[i].token);
        struct err err = {0};

        settings.name = refusals[i].name;
        settings.hub = refusals[i].hub;
        spoke = agent_open(spoke_host.loop, &settings, &err);
        CHECK(!spoke && strstr(err.text, refusals[i].says), "%s: a spoke does not start (%s)",
              refusals[i].sentence, err.text);
        agent_close(&spoke);
    }
}

/* ---- Member ----------------------------------------------------------------------------- */

static void check_restart(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    struct agent_settings settings = first_settings(NULL);

    CHECK_TEXT(available(arena), "True", "a spoke that has joined is available");
    put_work("chat");
    run(30);
    CHECK_INT((int64_t)works_count(spoke->works), 1, "it takes the works that the hub has for it");
    CHECK(open_again(NULL, &err) != NULL, "it starts again without a token, name and hub (%s)",
          err.text);
    run(10);
    CHECK_TEXT(available(arena), "True", "and is available");
    CHECK_INT((int64_t)works_count(spoke->works), 1, "with its works");
    agent_close(&spoke);
    settings.name = "edge-2";
    spoke = agent_open(spoke_host.loop, &settings, &err);
    CHECK(!spoke && strstr(err.text, "has joined its hub as \"edge-1\" and keeps that name"),
          "its name stays (%s)", err.text);
    err = (struct err){0};
    open_again(NULL, &err);
    hub_close(&hub);
    run(120);
    CHECK_INT((int64_t)works_count(spoke->works), 1, "without a hub its works run on");
    open_hub();
    run(200);
    CHECK_TEXT(available(arena), "True", "and when the hub is back, it is there");
    put_work("news");
    run(30);
    CHECK_INT((int64_t)works_count(spoke->works), 2, "and follows it");
}

static const char *condition_reason(struct arena *arena, const char *type)
{
    const struct node *cluster =
        read_of(arena, "cluster.open-cluster-management.io", "managedclusters", "", "edge-1");

    return node_get_text(meta_condition_find(meta_conditions(cluster), type), "reason");
}

/* ---- What it tells of its machine ------------------------------------------------------ */

static const char *claim(const struct node *cluster, const char *name)
{
    const struct node *list = node_at(cluster, "status", "clusterClaims", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "name"), name))
            return node_get_text(node_item(list, i), "value");
    return "";
}

static void check_status(void)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *cluster =
        read_of(arena, "cluster.open-cluster-management.io", "managedclusters", "", "edge-1");
    const struct node *capacity = node_at(cluster, "status", "capacity", NULL);

    CHECK(*node_get_text(capacity, "cpu") && strtol(node_get_text(capacity, "cpu"), NULL, 10) > 0 &&
              text_ends(node_get_text(capacity, "memory"), "Ki"),
          "its capacity has processors and memory");
    CHECK(node_same(capacity, node_at(cluster, "status", "allocatable", NULL)),
          "all of it can be given");
    CHECK(!strcmp(claim(cluster, "id.k8s.io"), "edge-1") && *claim(cluster, "agent.axle.dev") &&
              !strcmp(claim(cluster, "address.axle.dev"), "edge-1") &&
              !strcmp(claim(cluster, "runtime.axle.dev"), "simulated") &&
              !strcmp(claim(cluster, "engine.axle.dev"), "none"),
          "its claims say who, where and how it is");
    CHECK(text_starts(cluster_condition(arena, "ManagedClusterJoined"), "True "), "it has joined");
    CHECK_TEXT(condition_reason(arena, "ManagedClusterConditionAvailable"),
               "ManagedClusterAvailable", "it is available for that reason");
    CHECK(!strcmp(condition_reason(arena, "MachineComplete"), "Complete") ||
              !strcmp(condition_reason(arena, "MachineComplete"), "Limited"),
          "whether its machine can do all is said (%s)",
          cluster_condition(arena, "MachineComplete"));
    CHECK(text_starts(cluster_condition(arena, "HubEpochConfirmed"), "True the hub is in epoch"),
          "and in which epoch it follows");
    CHECK_TEXT(condition_reason(arena, "HubEpochConfirmed"), "SameEpoch", "which is the same");
}

/* ---- Copied ------------------------------------------------------------------------------ */

static void check_copy(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct machine other;
    struct agent_settings settings = first_settings(NULL);
    struct agent *copy;
    struct err err = {0};
    scoped_mem char *command = NULL;

    make_machine(&other, "edge-2");
    command = mem_printf("mkdir %s && cp -r %s/pki %s/name %s/hub %s", other.directory,
                         spoke_host.directory, spoke_host.directory, spoke_host.directory,
                         other.directory);
    CHECK(system(command) == 0, "the test copies a spoke's identity");
    settings.directory = other.directory;
    settings.name = settings.hub = NULL;
    settings.store_vfs = settings.address = "edge-2";
    copy = agent_open(other.loop, &settings, &err);
    must(copy, &err);
    run(200);
    CHECK(strstr(cluster_condition(arena, "DuplicateIdentity"),
                 "True two agents use this identity; "
                 "the one at edge-1 is inactive"),
          "the one that started earlier is parked, and the hub knows (%s)",
          cluster_condition(arena, "DuplicateIdentity"));
    CHECK_TEXT(condition_reason(arena, "DuplicateIdentity"), "TwoAgents", "with a reason");
    CHECK(duplicate_is_parked(spoke) && !duplicate_is_parked(copy), "each of them knows it");
    CHECK_INT((int64_t)works_count(spoke->works), 2, "what it runs stays");
    put_work("more");
    run(60);
    CHECK(works_count(spoke->works) == 2 && works_count(copy->works) == 3,
          "only the one that started later follows the hub");
    agent_close(&copy);
    open_again(NULL, &err);
    run(200);
    CHECK(!duplicate_is_parked(spoke) && works_count(spoke->works) == 3,
          "started again, the former one goes on");
    CHECK(strstr(cluster_condition(arena, "DuplicateIdentity"), "False"), "and the hub knows that");
    CHECK_TEXT(condition_reason(arena, "DuplicateIdentity"), "OneAgent", "and why");
    loop_free(&other.loop);
    store_disk_free(&other.disk);
}

/* ---- Its key is lost; its facts -------------------------------------------------------- */

static void move_key(const char *from, const char *to)
{
    scoped_mem char *command =
        mem_printf("cd %s && mv %s/client.key* %s/", spoke_host.directory, from, to);

    agent_close(&spoke);
    CHECK(system(command) == 0, "the test moves the spoke's key");
}

static void check_lost_key(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};

    move_key("pki", "..");
    CHECK(!open_again(NULL, &err) &&
              strstr(err.text, "this spoke has joined as \"edge-1\", but its key or certificate in "
                               "pki/ is lost"),
          "without its key a spoke does not start (%s)", err.text);
    err = (struct err){0};
    move_key("..", "pki");
    CHECK(open_again(NULL, &err) != NULL, "with its key from a backup it does (%s)", err.text);
    run(60);
    CHECK_INT((int64_t)works_count(spoke->works), 3, "and knows its works");
    CHECK_TEXT(available(arena), "True", "the hub sees it");
}

static void check_facts(void)
{
    static const char *const good[] = {"site=berlin", "rack=7", NULL};
    static const char *const bad[] = {"site", NULL};
    scoped_arena struct arena *arena = arena_new();
    struct agent_settings settings = first_settings(NULL);
    const struct node *facts;
    struct err err = {0};

    agent_close(&spoke);
    settings.facts = bad;
    spoke = agent_open(spoke_host.loop, &settings, &err);
    CHECK(!spoke && strstr(err.text, "site"), "a fact without a value is refused (%s)", err.text);
    err = (struct err){0};
    settings.facts = good;
    spoke = agent_open(spoke_host.loop, &settings, &err);
    must(spoke, &err);
    run(30);
    facts = facts_values(spoke, arena);
    CHECK(!strcmp(node_get_text(facts, "site"), "berlin") &&
              !strcmp(node_get_text(facts, "rack"), "7"),
          "the facts of its settings can be used (%s)", document_json(arena, facts));
    CHECK(!strcmp(node_get_text(facts, "name"), "edge-1"), "beside its own");
}

/* ---- Removed ------------------------------------------------------------------------------ */

static void check_removed(void)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *token = NULL;
    struct node *told = node_map(arena);
    struct err err = {0};

    delete_cluster();
    run(300);
    CHECK_INT((int64_t)works_count(spoke->works), 0, "a spoke that is removed ends what it ran");
    CHECK(departure_is_removed(spoke) && has_file("departure"), "it remembers that");
    departure_describe(spoke, arena, told);
    CHECK(!strcmp(node_get_text(node_get(told, "departure"), "state"), "removed") &&
              *node_get_text(node_get(told, "departure"), "since") &&
              *node_get_text(told, "refused") && strstr(node_get_text(told, "wayOut"), "new token"),
          "its status says so, since when, and the way out");
    CHECK(departure_begin(spoke, &err) < 0 && strstr(err.text, "was removed from its hub already"),
          "it cannot leave any more");
    err = (struct err){0};
    CHECK(open_again(NULL, &err) != NULL, "it starts again (%s)", err.text);
    run(60);
    CHECK(departure_is_removed(spoke) && !works_count(spoke->works), "and is still removed");
    token = make_token();
    CHECK(open_again(token, &err) != NULL, "with a new token it starts (%s)", err.text);
    run(120);
    CHECK(!departure_is_removed(spoke) && !has_file("departure"), "and is a member again");
    CHECK(has_file_like("pki", "client.crt.removed-"), "its former certificate is put aside");
    CHECK_TEXT(available(arena), "True", "the hub has it");
    put_work("again");
    run(30);
    CHECK_INT((int64_t)works_count(spoke->works), 1, "and it takes works");
}

/* ---- Leaving -------------------------------------------------------------------------------- */

static void check_leaving(void)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *token = make_token(), *next = NULL;
    struct err err = {0};

    CHECK(open_again(token, &err) != NULL, "a member may be started with a token (%s)", err.text);
    run(30);
    CHECK(departure_begin(spoke, &err) == 0, "a spoke is asked to leave (%s)", err.text);
    CHECK(departure_begin(spoke, &err) == 0, "twice does no harm");
    /* The program ends in the callback, so nothing of what comes later counts. */
    for (int i = 0; i < 30000 && !times_left; i++)
        loop_world_run(world, 10 * CLOCK_MS);
    CHECK_INT(times_left, 1, "it has left");
    CHECK(!spoke->rejoin, "and did not join again meanwhile with a token that it had not used");
    CHECK(departure_is_left(spoke) && !works_count(spoke->works), "and runs nothing");
    CHECK(!read_of(arena, "cluster.open-cluster-management.io", "managedclusters", "", "edge-1"),
          "the hub has no such cluster any more");
    CHECK(!has_file("pki/client.crt") && !has_file("name") && has_file_like("", "left-"),
          "its identity is put aside");
    CHECK(!open_again(NULL, &err) && err.code == ERR_GONE &&
              strstr(err.text, "this spoke, \"edge-1\", has left its hub https://hub:6443 at "),
          "it does not start again (%s)", err.text);
    err = (struct err){0};
    CHECK(!open_again("x", &err) && err.code == ERR_GONE, "nor with a token that is none");
    next = make_token();
    err = (struct err){0};
    {
        struct agent_settings settings = first_settings(next);

        spoke = agent_open(spoke_host.loop, &settings, &err);
    }
    CHECK(spoke != NULL, "but with a new one (%s)", err.text);
    run(60);
    CHECK_TEXT(available(arena), "True", "and is a member again");
}

/* ---- A file that is damaged, a reset ------------------------------------------------------- */

static void check_damaged(void)
{
    struct err err = {0};

    agent_close(&spoke);
    put_file("departure", "{}");
    put_file("departure.copy", "{}");
    CHECK(open_again(NULL, &err) != NULL, "a member whose departure's file is damaged starts (%s)",
          err.text);
    run(30);
    agent_close(&spoke);
}

static int times_ended;

static void on_ended(void *arg)
{
    times_ended++;
}

static void check_reset(void)
{
    struct agent_settings settings = first_settings(NULL);
    struct err err = {0};

    settings.name = settings.hub = NULL;
    settings.offline = true;
    spoke = agent_open(spoke_host.loop, &settings, &err);
    CHECK(spoke != NULL, "a spoke can be opened to be reset (%s)", err.text);
    CHECK(agent_end(spoke, on_ended, NULL, &err) == 0, "and is (%s)", err.text);
    run(60);
    CHECK(times_ended == 1 && !works_count(spoke->works), "until nothing is left");
    CHECK(!open_again(NULL, &err) && strstr(err.text, "`axle reset --yes` completes it"),
          "afterwards it does not start (%s)", err.text);
}

int main(void)
{
    make_place(1);
    check_refusals();
    start();
    check_restart();
    check_status();
    check_copy();
    check_lost_key();
    check_facts();
    check_removed();
    check_leaving();
    check_damaged();
    check_reset();
    drop_place();
    return check_done();
}
