/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a work: gathered, applied, troubled, leaving; with a hub that is this test. */
#include "works_fixture.h"

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

int main(void)
{
    if (make_spoke() && open_works()) {
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
    drop_spoke();
    return check_done();
}
