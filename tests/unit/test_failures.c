/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that each write of a controller that fails is told, and made up for. */
#include "controllers/controller.h"

#include "controllers/failure.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "kinds/kinds.h"
#include "loop/loop.h"
#include "meta/meta.h"
#include "objects/objects.h"
#include "pki/pki.h"
#include "sim/disk.h"
#include "sim/world.h"
#include "store/store.h"

#include "check.h"

#include <stdlib.h>

static struct loop_world *world;

/* One of the hub's own writes fails, once. */
struct fault {
    size_t at; /* which; 0: none */
    enum err_code code;
    size_t seen;       /* writes so far */
    bool met, refused; /* it is time to look whether it is told */
};

struct hub {
    struct store_disk *disk;
    struct loop *loop;
    struct store *store;
    struct kinds *kinds;
    struct objects *objects;
    struct controllers *controllers;
    struct pki_authority *authority;
    struct fault fault;
};

static void must(int result, const struct err *err)
{
    if (result < 0) {
        printf("Bail out! %s\n", err->text);
        exit(1);
    }
}

#define WORDS "an injected fault"

static int before_write(void *arg, const struct objects_review *review, struct err *err)
{
    struct fault *fault = arg;

    if (!text_starts(review->who->manager, "axle-") || !strcmp(review->kind->kind, "Event") ||
        !strcmp(review->who->manager, "axle-collector"))
        return 0;
    if (++fault->seen != fault->at)
        return 0;
    printf("# write %zu: %s %s/%s %s by %s\n", fault->at, review->kind->kind, review->namespace,
           review->name, review->subresource, review->who->manager);
    fault->met = fault->refused = true;
    return err_set(err, fault->code, WORDS);
}

static void hub_open(struct hub *hub)
{
    struct store_options options = {.vfs = "sim"};
    struct controllers_settings settings = {.prove_wake_ups = true};
    struct err err = {0};

    hub->disk = store_disk_new("sim");
    world = loop_world_new(1);
    hub->loop = loop_world_host(world, "hub");
    hub->store = store_open("hub.db", &options, &err);
    must(hub->store ? 0 : -1, &err);
    hub->kinds = kinds_open(&err);
    must(hub->kinds ? 0 : -1, &err);
    hub->objects = objects_open(hub->loop, hub->store, hub->kinds, &err);
    must(hub->objects ? 0 : -1, &err);
    hub->authority = pki_authority_new("test", 3600 * CLOCK_SECOND, &err);
    must(hub->authority ? 0 : -1, &err);
    settings.authority = hub->authority;
    hub->controllers = controllers_start(hub->objects, hub->loop, &settings, &err);
    must(hub->controllers ? 0 : -1, &err);
    /* After the proof's, so that what a proof does is not counted. */
    objects_rule(hub->objects, NULL, NULL, before_write, &hub->fault);
}

static void hub_close(struct hub *hub)
{
    controllers_stop(&hub->controllers);
    objects_close(&hub->objects);
    kinds_close(&hub->kinds);
    store_close(&hub->store);
    loop_free(&hub->loop);
    pki_authority_free(&hub->authority);
    loop_world_free(&world);
    store_disk_free(&hub->disk);
}

/* ---- What is told ------------------------------------------------------------- */

struct search {
    bool in_event, in_condition;
};

static void look_for_words(void *arg, const struct object *object)
{
    struct search *search = arg;

    if (!memmem(object->body, object->len, WORDS, strlen(WORDS)))
        return;
    if (!strcmp(object->kind->kind, "Event"))
        search->in_event = true;
    else
        search->in_condition = true;
}

static struct search search_words(struct hub *hub)
{
    struct search search = {0};

    for (size_t i = 0; i < kinds_count(hub->kinds); i++)
        if (!kinds_at(hub->kinds, i)->is_question)
            objects_each(hub->objects, OBJECTS_PUBLISHED, kinds_at(hub->kinds, i), "",
                         look_for_words, &search);
    return search;
}

/* Time for what failed to be tried again, or not. */
static void settle(struct hub *hub)
{
    loop_world_run(world, 20 * CLOCK_MS);
    if (hub->fault.met) {
        struct search told = search_words(hub);

        hub->fault.met = false;
        if (failure_retry(hub->fault.code) != FAILURE_AT_ONCE)
            CHECK(told.in_event, "an Event tells that write %zu failed", hub->fault.at);
    }
    loop_world_run(world, 5 * CLOCK_SECOND);
}

/* ---- The story ------------------------------------------------------------------ */

static const char *const story[] = {
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: default}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: Tenant\nmetadata: {name: acme}\nspec: {displayName: Acme, clusterSets: [global], admins: [ann]}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: Project\nmetadata: {name: research}\nspec: {tenant: acme}\n",
    "apiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\nmetadata: {name: edge-1}\nspec: {hubAcceptsClient: true}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: ComputePool\nmetadata: {name: lab, namespace: research}\nspec: {variant: Shared}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: Environment\nmetadata: {name: all, namespace: research}\n"
    "spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: WorkloadProfile\nmetadata: {name: echo, namespace: research}\n"
    "spec:\n  type: Application\n  variables: [{name: word, type: string, default: hello}]\n"
    "  components:\n  - name: server\n    type: webservice\n"
    "    properties: {command: [echo, \"{{ .var.word }}\"], port: 8080}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: ProfileBundle\nmetadata: {name: echo, namespace: research}\n"
    "spec: {type: Application, workloadProfileRefs: [{name: echo}]}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: AIWorkload\nmetadata: {name: hi, namespace: research}\n"
    "spec: {profileBundleRef: {name: echo}, environmentRef: {name: all}}\n",
    "apiVersion: axle.dev/v1alpha1\nkind: AIWorkload\nmetadata: {name: hi, namespace: research}\n"
    "spec: {profileBundleRef: {name: echo}, environmentRef: {name: all}, variables: {word: changed}}\n",
    "-apiVersion: axle.dev/v1alpha1\nkind: ComputePool\nmetadata: {name: lab, namespace: research}\n",
    "-apiVersion: axle.dev/v1alpha1\nkind: ProfileBundle\nmetadata: {name: echo, namespace: research}\n",
};

static void tell_story(struct hub *hub)
{
    for (size_t i = 0; i < count_of(story); i++) {
        scoped_arena struct arena *arena = arena_new();
        const char *text = story[i] + (*story[i] == '-');
        struct err err = {0};
        const struct node *document =
            document_read_yaml(arena, text, strlen(text), true, &document_limits_own, &err);

        must(document ? 0 : -1, &err);
        if (text == story[i])
            must(objects_ensure(hub->objects, "kubectl", document, NULL, &err), &err);
        else
            must(objects_remove(hub->objects, "kubectl",
                                kinds_by_kind(hub->kinds, node_get_text(document, "apiVersion"),
                                              node_get_text(document, "kind")),
                                meta_namespace(document), meta_name(document), &err),
                 &err);
        settle(hub);
    }
}

/* ---- What came out ---------------------------------------------------------------- */

/* What differs from run to run. */
static void forget_chance(struct node *node)
{
    static const char *const chance[] = {"uid",
                                         "resourceVersion",
                                         "creationTimestamp",
                                         "managedFields",
                                         "axle.dev/revised-at",
                                         "axle.dev/done-at",
                                         "lastTransitionTime",
                                         "generation",
                                         "observedGeneration",
                                         "time",
                                         "deletionTimestamp",
                                         "renewTime"};

    for (size_t i = 0; i < count_of(chance) && node_is(node, NODE_MAP); i++)
        node_remove(node, chance[i]);
    node_each(member, node) forget_chance(member->value);
    for (size_t i = 0; node_is(node, NODE_LIST) && i < node_count(node); i++)
        forget_chance(node_item(node, i));
}

static void add_object(void *arg, const struct object *object)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *node = object_read(arena, object);

    forget_chance(node);
    document_write_canonical(arg, node);
    text_add_char(arg, '\n');
}

static char *outcome(struct hub *hub)
{
    struct text all = {0};

    for (size_t i = 0; i < kinds_count(hub->kinds); i++) {
        const struct kind *kind = kinds_at(hub->kinds, i);

        if (!kind->is_question && strcmp(kind->kind, "Event") != 0)
            objects_each(hub->objects, OBJECTS_PUBLISHED, kind, "", add_object, &all);
    }
    return text_take(&all);
}

static char *run_story(struct fault *fault)
{
    struct hub hub = {.fault = *fault};
    char *ret;

    hub_open(&hub);
    tell_story(&hub);
    ret = outcome(&hub);
    CHECK(!controllers_missed(hub.controllers), "every change woke whom it concerns");
    *fault = hub.fault;
    hub_close(&hub);
    return ret;
}

static void print_difference(const char *want, const char *got)
{
    while (*want && *got) {
        size_t a = strcspn(want, "\n"), b = strcspn(got, "\n");

        if (a != b || memcmp(want, got, a) != 0) {
            printf("# wanted %.*s\n# got    %.*s\n", (int)a, want, (int)b, got);
            return;
        }
        want += a + 1;
        got += b + 1;
    }
}

/* ---- A full disk ------------------------------------------------------------------- */

static unsigned long long runs_of(struct hub *hub)
{
    scoped_text struct text metrics = {0};
    const char *at;

    controllers_metrics(hub->controllers, &metrics);
    at = strstr(text_string(&metrics), "\naxle_controller_runs_total ");
    return at ? strtoull(at + strlen("\naxle_controller_runs_total "), NULL, 10) : 0;
}

/* What is not kept is tried again as errors of the world are, not in a circle. */
static void check_full_disk(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct hub hub = {0};
    struct err err = {0};
    const struct kind *projects;
    unsigned long long before;

    hub_open(&hub);
    for (size_t i = 0; i < 4; i++) {
        const struct node *document =
            document_read_yaml(arena, story[i], strlen(story[i]), true, &document_limits_own, &err);

        if (i == 2)
            store_disk_limit(hub.disk, store_disk_size(hub.disk, "hub.db") + 8192);
        must(document ? 0 : -1, &err);
        (void)!objects_ensure(hub.objects, "kubectl", document, NULL, &err);
        loop_world_run(world, CLOCK_SECOND);
    }
    before = runs_of(&hub);
    loop_world_run(world, 600 * CLOCK_SECOND);
    CHECK(runs_of(&hub) - before < 1000, "a full disk keeps nobody busy: %llu runs in ten minutes",
          runs_of(&hub) - before);
    store_disk_limit(hub.disk, INT64_MAX);
    loop_world_run(world, 400 * CLOCK_SECOND);
    tell_story(&hub);
    projects = kinds_find(hub.kinds, "axle.dev", "projects");
    {
        scoped_object struct object *project =
            objects_get(hub.objects, OBJECTS_PUBLISHED, projects, "", "research", NULL);

        CHECK(project && strstr(project->body, "NamespaceReady"),
              "with room again everything goes on");
    }
    hub_close(&hub);
}

int main(void)
{
    struct fault none = {0};
    scoped_mem char *want = run_story(&none);

    printf("# %zu writes\n", none.seen);
    CHECK(none.seen > 40, "the hub writes");
    for (size_t n = 1; n <= none.seen; n++) {
        struct fault world_error = {.at = n, .code = n % 5 ? ERR_INTERNAL : ERR_CONFLICT};
        struct fault users_error = {.at = n, .code = ERR_INVALID};
        scoped_mem char *got = run_story(&world_error), *other = NULL;

        CHECK(world_error.refused, "write %zu fails", n);
        if (!CHECK(!strcmp(got, want), "after write %zu failed once all came out the same", n))
            print_difference(want, got);
        if (n % 3 == 0)
            other = run_story(&users_error);
    }
    check_full_disk();
    return check_done();
}
