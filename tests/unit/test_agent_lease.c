/* SPDX-License-Identifier: Apache-2.0 */
/* A spoke renews its Lease for as long as it lives, as often as the hub asks; then it is missed. */
#include "agent_fixture.h"

/* When the Lease was renewed last; 0: never, or it is not there. */
static int64_t renewed(void)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *lease =
        read_of(arena, "coordination.k8s.io", "leases", "edge-1", "managed-cluster-lease");
    int64_t at = 0;

    clock_parse(node_get_text(node_get(lease, "spec"), "renewTime"), &at);
    return at;
}

/* Runs for so many seconds; how often the Lease was renewed, and the longest pause. */
static int watch_lease(int seconds, int64_t *ret_longest)
{
    int64_t last = renewed();
    int times = 0;

    *ret_longest = 0;
    for (int i = 0; i < seconds; i++) {
        int64_t now;

        loop_world_run(world, CLOCK_SECOND);
        now = renewed();
        if (now != last) {
            times++;
            *ret_longest = now - last > *ret_longest ? now - last : *ret_longest;
        }
        last = now;
    }
    if (clock_wall() - last > *ret_longest)
        *ret_longest = clock_wall() - last;
    return times;
}

static void set_duration(int seconds)
{
    scoped_mem char *text = mem_printf("{spec: {leaseDurationSeconds: %d}}", seconds);

    patch_cluster(text);
}

static void check_lease(void)
{
    scoped_arena struct arena *arena = arena_new();
    int64_t longest;
    int times;

    CHECK(renewed() > 0, "a spoke that has joined has renewed its Lease");
    CHECK_TEXT(node_get_text(node_get(read_of(arena, "coordination.k8s.io", "leases", "edge-1",
                                              "managed-cluster-lease"),
                                      "spec"),
                             "holderIdentity"),
               "edge-1", "and holds it");
    CHECK_TEXT(available(arena), "True", "and is available");
    times = watch_lease(600, &longest);
    CHECK(times >= 8 && times <= 10,
          "with a duration of 60 s it is renewed 8 to 10 times in ten "
          "minutes: %d",
          times);
    CHECK(longest <= 76 * CLOCK_SECOND, "never later than a quarter after its time: %lld s",
          (long long)(longest / CLOCK_SECOND));
    set_duration(10);
    watch_lease(80, &longest);
    times = watch_lease(120, &longest);
    CHECK(times >= 9 && times <= 12, "a shorter duration is heeded: %d in two minutes", times);
    CHECK_TEXT(available(arena), "True", "it stays available");
    agent_close(&spoke);
    watch_lease(40, &longest);
    CHECK_TEXT(available(arena), "True",
               "one that is gone is missed after five durations, not before");
    watch_lease(30, &longest);
    CHECK_TEXT(available(arena), "Unknown", "and then it is unknown how it is");
}

int main(void)
{
    make_place(1);
    start();
    check_lease();
    drop_place();
    return check_done();
}
