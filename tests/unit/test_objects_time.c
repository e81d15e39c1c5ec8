/* SPDX-License-Identifier: Apache-2.0 */
/* What objects do by themselves in a loop: commits, calls, bookmarks, pages that expire, Events. */

#include "check.h"
#include "objects_verbs.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"
#include "objects/objects.h"
#include "sim/disk.h"
#include "sim/world.h"
#include "store/store.h"

#include <stdlib.h>

static struct loop_world *world;
static struct loop *loop;

static void open_in_loop(void)
{
    store = store_open(database, &store_how, &err);
    objects = store ? objects_open_sealed(loop, store, kinds, key, &err) : NULL;
    if (!objects)
        printf("Bail out! %s\n", err.text);
}

static void run(int64_t nanoseconds)
{
    loop_world_run(world, nanoseconds);
}

/* ---- Commits ---------------------------------------------------------------------- */

static void count_call(void *arg, const struct err *why)
{
    *(int *)arg += why ? 100 : 1;
}

static void test_commits(void)
{
    int calls = 0;

    create("configmaps", "{'metadata':{'name':'c'}}");
    objects_when_durable(objects, count_call, &calls);
    CHECK(!see("configmaps", "c") && !calls, "nothing is committed within a turn");
    run(CLOCK_MS);
    CHECK(see("configmaps", "c") && calls == 1, "in the next one it is, and who waits is called");
    run(CLOCK_SECOND);
    CHECK_INT(calls, 1, "once");
    objects_when_durable(objects, count_call, &calls);
    CHECK_INT(calls, 2, "with nothing to wait for at once");
    store_disk_fail_after(disk, 0);
    create("configmaps", "{'metadata':{'name':'d'}}");
    objects_when_durable(objects, count_call, &calls);
    objects_when_durable(objects, count_call, &calls);
    run(CLOCK_SECOND);
    store_disk_fail_after(disk, -1);
    CHECK_INT(calls, 202, "each who waits hears of a failure");
    CHECK(!see("configmaps", "d"), "and nothing is there");
}

static struct text followed;

static void note_change(void *arg, const struct object *before, const struct object *after,
                        bool published)
{
    text_addf(&followed, "%s%s%s ", before ? after ? "~" : "-" : "+",
              after ? after->name : before->name, published ? "!" : "");
}

static void note_commit(void *arg)
{
    int *writes = arg;

    text_add(&followed, "commit ");
    if ((*writes)-- > 0)
        create("configmaps", "{'metadata':{'name':'more'}}");
}

static void test_follower(void)
{
    static const struct objects_follower follower = {note_change, note_commit};
    int writes = 1;

    objects_follow(objects, &follower, &writes);
    create("configmaps", "{'metadata':{'name':'f'}}");
    CHECK_TEXT(text_string(&followed), "+f ", "a follower sees what is staged");
    run(CLOCK_SECOND);
    CHECK_TEXT(text_string(&followed), "+f commit +more ",
               "is asked before the commit, which takes what it writes then");
    CHECK(see("configmaps", "more"), "as well");
    text_cut(&followed, 0);
    merge("configmaps", "f", "{'data':{'a':'1'}}");
    drop("configmaps", "f", NULL);
    create("leases", "{'metadata':{'name':'l'},'spec':{'holderIdentity':'a','renewTime':"
                     "'2026-01-01T00:00:00.000000Z'}}");
    run(CLOCK_SECOND);
    CHECK_TEXT(text_string(&followed), "~f -f +l commit ", "changes and ends too");
    text_cut(&followed, 0);
    merge("leases", "l", "{'spec':{'renewTime':'2026-01-01T00:00:09.000000Z'}}");
    CHECK_TEXT(text_string(&followed), "~l! ", "a renewal is published as it comes");
    objects_follow(objects, NULL, NULL);
    text_cut(&followed, 0);
    create("configmaps", "{'metadata':{'name':'g'}}");
    run(CLOCK_SECOND);
    CHECK_TEXT(text_string(&followed), "", "who follows no longer sees nothing");
    text_free(&followed);
}

static struct text heard;

static void hear_change(void *arg, const struct object *before, const struct object *after)
{
    text_addf(&heard, "%s%s%s ", (const char *)arg, before ? after ? "~" : "-" : "+",
              after ? after->name : before->name);
}

/* All that a commit changes can be read before the first listener hears of it. */
static void hear_last(void *arg, const struct object *before, const struct object *after)
{
    text_addf(&heard, "%s ", see("configmaps", "h2") ? "both" : "one");
}

static void test_listeners(void)
{
    static char first[] = "1", second[] = "2";

    objects_on_change(objects, kind_of("configmaps"), hear_change, first);
    objects_on_change(objects, kind_of("configmaps"), hear_last, NULL);
    objects_on_change(objects, kind_of("leases"), hear_change, second);
    create("configmaps", "{'metadata':{'name':'h1'}}");
    create("configmaps", "{'metadata':{'name':'h2'}}");
    merge("leases", "l", "{'spec':{'renewTime':'2026-01-01T00:00:19.000000Z'}}");
    CHECK_TEXT(text_string(&heard), "2~l ", "a renewal is told at once");
    run(CLOCK_SECOND);
    CHECK_TEXT(text_string(&heard), "2~l 1+h1 both 1+h2 both ",
               "changes are told in order, to each who listens");
    text_free(&heard);
}

/* ---- Watches ------------------------------------------------------------------------ */

static void count_ready(void *arg)
{
    ++*(int *)arg;
}

static struct objects_watch *watch_maps(bool bookmarks, int *ready)
{
    struct objects_watch_options options = {
        .query = {.kind = kind_of("configmaps"),
                  .namespace = "talk",
                  .revision = arena_printf(arena, "%lld", (long long)objects_revision(objects))},
        .bookmarks = bookmarks};

    return objects_watch(objects, &options, count_ready, ready, &err);
}

/* Events as "+NAME " or "bookmark@REVISION ". */
static const char *told(struct objects_watch *watch)
{
    static const char *const words[] = {"+", "~", "-", "bookmark", "end", "expired"};
    struct objects_event event;
    scoped_text struct text out = {0};

    while (objects_watch_next(watch, &event)) {
        text_addf(&out, "%s%s ", words[event.type], event.object ? event.object->name : "");
        if (event.type == OBJECTS_BOOKMARK && event.revision != objects_revision(objects))
            text_add(&out, "OLD ");
        object_drop(&event.object);
    }
    return arena_string(arena, text_string(&out));
}

static void test_ready(void)
{
    int ready = 0, other = 0;
    struct objects_watch *watch = watch_maps(false, &ready);
    struct objects_watch_options initial = {
        .query = {.kind = kind_of("configmaps"), .namespace = "none"}, .mark_end = true};
    struct objects_watch *empty = objects_watch(objects, &initial, count_ready, &other, &err);

    run(CLOCK_SECOND);
    CHECK_INT(ready, 0, "a watch with nothing to tell calls nobody");
    CHECK_INT(other, 1, "one that has an end to tell does");
    objects_unwatch(&empty);
    create("configmaps", "{'metadata':{'name':'r1'}}");
    run(CLOCK_SECOND);
    create("configmaps", "{'metadata':{'name':'r2'}}");
    run(CLOCK_SECOND);
    CHECK_INT(ready, 1, "changes call once until they are taken");
    CHECK_TEXT(told(watch), "+r1 +r2 ", "all of them");
    create("configmaps", "{'metadata':{'name':'r3'}}");
    run(CLOCK_SECOND);
    CHECK_INT(ready, 2, "then again");
    CHECK_TEXT(told(watch), "+r3 ", "for the next");
    create("secrets", "{'metadata':{'name':'r4'}}");
    run(CLOCK_SECOND);
    CHECK_INT(ready, 2, "other kinds call nobody");
    objects_unwatch(&watch);
}

static void test_bookmarks(void)
{
    int ready = 0, plain_ready = 0;
    struct objects_watch *watch = watch_maps(true, &ready);
    struct objects_watch *plain = watch_maps(false, &plain_ready);

    run(20 * CLOCK_SECOND);
    CHECK_TEXT(told(watch), "", "no bookmark comes before it is quiet");
    create("secrets", "{'metadata':{'name':'b1'}}");
    run(40 * CLOCK_SECOND);
    CHECK(ready == 1 && !plain_ready, "a bookmark calls who wants them");
    CHECK_TEXT(told(watch), "bookmark ", "and says up to where all is told");
    CHECK_TEXT(told(watch), "", "once");
    CHECK_TEXT(told(plain), "", "others get none");
    create("configmaps", "{'metadata':{'name':'b2'}}");
    run(60 * CLOCK_SECOND);
    CHECK_TEXT(told(watch), "+b2 ", "who does not take what there is gets none");
    run(20 * CLOCK_SECOND);
    CHECK_TEXT(told(watch), "", "after an event it is quiet anew");
    run(40 * CLOCK_SECOND);
    CHECK_TEXT(told(watch), "bookmark ", "until the next");
    objects_unwatch(&watch);
    objects_unwatch(&plain);
}

/* ---- Pages ----------------------------------------------------------------------------- */

static char *next_page(const char *token)
{
    struct objects_query query = {
        .kind = kind_of("configmaps"), .limit = 1, .continue_token = token};
    scoped_page struct objects_page page = {0};

    err = (struct err){0};
    if (objects_list(objects, &query, &page, &err) < 0 || !page.continue_token)
        return NULL;
    return arena_string(arena, page.continue_token);
}

static void test_pages(void)
{
    char *first = next_page(NULL), *second;

    merge("configmaps", "c", "{'data':{'a':'1'}}");
    run(50 * CLOCK_SECOND);
    second = next_page(first);
    CHECK(second, "a list is kept for a minute: %s", err.text);
    run(50 * CLOCK_SECOND);
    CHECK(next_page(second), "from its last page on: %s", err.text);
    run(61 * CLOCK_SECOND);
    CHECK(!next_page(second) && err.code == ERR_GONE, "and then no longer");
}

/* ---- Events ------------------------------------------------------------------------------ */

struct sum {
    const char *reason;
    int64_t events, count;
    const char *last;
};

static void sum_event(void *arg, const struct object *object)
{
    struct sum *sum = arg;
    const struct node *event = object_read(arena, object);

    if (strcmp(node_get_text(event, "reason"), sum->reason))
        return;
    sum->events++;
    sum->count += node_get_int(event, "count", 0);
    sum->last = document_json(arena, event);
}

static struct sum sum_of(const char *reason, const char *namespace)
{
    struct sum sum = {.reason = reason, .last = ""};

    run(CLOCK_SECOND);
    objects_each(objects, OBJECTS_PUBLISHED, kind_of("events"), namespace, sum_event, &sum);
    return sum;
}

static struct object *object_of(const char *plural, const char *name)
{
    struct object *object = objects_get(objects, OBJECTS_PUBLISHED, kind_of(plural),
                                        kind_of(plural)->namespaced ? "talk" : "", name, &err);

    if (!object)
        printf("Bail out! %s\n", err.text);
    return object;
}

static void test_event_times(void)
{
    scoped_object struct object *about = object_of("configmaps", "c");
    scoped_object struct object *place = object_of("namespaces", "talk");
    char first[CLOCK_TEXT], last[CLOCK_TEXT];
    struct sum sum;

    clock_format(clock_wall(), false, first);
    objects_event(objects, "part", about, true, "Bad", "it is %d", 7);
    sum = sum_of("Bad", "talk");
    CHECK_INT(sum.events, 1, "an Event is recorded");
    CHECK(
        strstr(
            sum.last,
            arena_printf(
                arena,
                "\"involvedObject\":{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"c\","
                "\"namespace\":\"talk\",\"uid\":\"%s\",\"resourceVersion\":\"%lld\"},\"type\":"
                "\"Warning\",\"reason\":\"Bad\",\"message\":\"it is 7\",\"firstTimestamp\":\"%s\","
                "\"lastTimestamp\":\"%s\",\"count\":1,\"source\":{\"component\":\"part\"},"
                "\"reportingComponent\":\"part\"",
                about->uid, (long long)about->revision, first, first)),
        "whole: %s", sum.last);
    CHECK(text_starts(sum.last,
                      "{\"apiVersion\":\"v1\",\"kind\":\"Event\",\"metadata\":{\"name\":\"c."),
          "under the name of the object");
    run(598 * CLOCK_SECOND);
    clock_format(clock_wall(), false, last);
    objects_event(objects, "part", about, true, "Bad", "it is %d", 7);
    sum = sum_of("Bad", "talk");
    CHECK(sum.events == 1 && sum.count == 2, "the same within ten minutes is counted");
    CHECK(strstr(sum.last, arena_printf(arena, "\"firstTimestamp\":\"%s\",\"lastTimestamp\":\"%s\"",
                                        first, last)),
          "from its first to its last time: %s", sum.last);
    run(602 * CLOCK_SECOND);
    clock_format(clock_wall(), false, last);
    objects_event(objects, "part", about, true, "Bad", "it is %d", 7);
    sum = sum_of("Bad", "talk");
    CHECK(sum.events == 1 && sum.count == 1, "after ten quiet minutes it counts anew");
    CHECK(strstr(sum.last, arena_printf(arena, "\"firstTimestamp\":\"%s\",\"lastTimestamp\":\"%s\"",
                                        last, last)),
          "from then on: %s", sum.last);
    objects_event(objects, "part", about, false, "Bad", "it is %d", 7);
    objects_event(objects, "other", about, true, "Bad", "it is %d", 7);
    objects_event(objects, "part", about, true, "Bad", "it is %d", 8);
    CHECK_INT(sum_of("Bad", "talk").events, 4,
              "another type, component or message is another Event");
    objects_event(objects, "part", place, false, "Good", "all is well");
    sum = sum_of("Good", "default");
    CHECK(sum.events == 1 && strstr(sum.last, "\"type\":\"Normal\""),
          "one about what has no namespace is in \"default\": %s", sum.last);
    CHECK(!strstr(sum.last, "\"name\":\"talk\",\"namespace\""), "and its object has none");
}

static void test_event_series(void)
{
    scoped_object struct object *about = object_of("configmaps", "c");
    struct sum sum;

    for (int i = 0; i < 12; i++)
        objects_event(objects, "part", about, true, "Many", "for the %dth time", i);
    sum = sum_of("Many", "talk");
    CHECK_INT(sum.events, 11, "ten Events of a series are Events of their own");
    CHECK_INT(sum.count, 12, "the others are one");
    run(300 * CLOCK_SECOND);
    objects_event(objects, "part", about, true, "Many", "for the %dth time", 12);
    CHECK_INT(sum_of("Many", "talk").events, 11, "also later");
    run(302 * CLOCK_SECOND);
    objects_event(objects, "part", about, true, "Many", "for the %dth time", 13);
    CHECK_INT(sum_of("Many", "talk").events, 12, "ten minutes after its start a series is new");
}

/* ---- The same again, later ------------------------------------------------------------- */

/* Managers are noted with a time, which alone is no change. */
static void test_again(void)
{
    static const char map[] = "{'metadata':{'name':'same'},'data':{'a':'1'}}";
    const char *managers;

    apply("configmaps", "same", "m", map);
    apply("leases", "held", "m",
          "{'spec':{'holderIdentity':'a','renewTime':"
          "'2026-01-01T00:00:00.000000Z'}}");
    run(5 * CLOCK_SECOND);
    CHECK(apply("configmaps", "same", "m", map) == 0 && result.unchanged && !store_is_staged(store),
          "an apply in the same words writes nothing: %s", err.text);
    CHECK(apply("leases", "held", "m",
                "{'spec':{'holderIdentity':'a','renewTime':'2026-01-01T00:00:09.000000Z'}}") == 0 &&
              !store_is_staged(store),
          "a Lease is renewed by an apply without a write: %s", err.text);
    CHECK_TEXT(node_text(node_at(see("leases", "held"), "spec", "renewTime", NULL)),
               "2026-01-01T00:00:09.000000Z", "and is at once");
    managers = metadata_of("leases", "held", "managedFields");
    run(5 * CLOCK_SECOND);
    CHECK(merge("leases", "held", "{'spec':{'renewTime':'2026-01-01T00:00:14.000000Z'}}") == 0 &&
              !store_is_staged(store),
          "or by any other: %s", err.text);
    CHECK_TEXT(metadata_of("leases", "held", "managedFields"), managers,
               "its managers are those who have written it");
    CHECK(apply("leases", "held", "other", "{'spec':{'renewTime':'2026-01-01T00:00:19.000000Z'}}") <
                  0 &&
              err.code == ERR_CONFLICT,
          "but not by another manager: %s", err.text);
}

/* Who waits for a commit that never comes is not called, and nothing is left of it. */
static void test_close_early(void)
{
    int calls = 0;

    create("configmaps", "{'metadata':{'name':'early'}}");
    objects_when_durable(objects, count_call, &calls);
    close_all();
    CHECK_INT(calls, 0, "a close calls nobody");
    open_in_loop();
    CHECK(!see("configmaps", "early"), "what was not committed is not there");
}

/* ---- A start --------------------------------------------------------------------------- */

/* A holder could not renew its Lease while the hub was down: it counts from the start. */
static void test_start(void)
{
    char now[CLOCK_TEXT];
    const char *revision = metadata_of("leases", "l", "resourceVersion");

    create("leases", "{'metadata':{'name':'bare'},'spec':{'holderIdentity':'a'}}");
    run(CLOCK_SECOND);
    close_all();
    run(CLOCK_SECOND);
    open_in_loop();
    clock_format(clock_wall(), true, now);
    CHECK_TEXT(node_text(node_at(see("leases", "l"), "spec", "renewTime", NULL)), now,
               "a Lease is renewed by a start");
    CHECK_TEXT(metadata_of("leases", "l", "resourceVersion"), revision, "which is no write");
    CHECK(!node_at(see("leases", "bare"), "spec", "renewTime", NULL), "one that never was is not");
    run(60 * CLOCK_SECOND);
    CHECK(see("configmaps", "c"), "and all else is there");
}

int main(void)
{
    kinds = kinds_open(&err);
    if (!CHECK(kinds != NULL, "kinds: %s", err.text))
        return 1;
    disk = store_disk_new("test");
    world = loop_world_new(1);
    loop = loop_world_host(world, "hub");
    arena = arena_new();
    open_in_loop();
    if (!objects)
        return 1;
    seed();
    test_commits();
    test_follower();
    test_listeners();
    test_ready();
    test_bookmarks();
    test_pages();
    test_event_times();
    test_event_series();
    test_again();
    test_close_early();
    close_all();
    open_in_loop();
    test_start();
    close_all();
    arena_free(&arena);
    kinds_close(&kinds);
    loop_free(&loop);
    loop_world_free(&world);
    store_disk_free(&disk);
    return check_done();
}
