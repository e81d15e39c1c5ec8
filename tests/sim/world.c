/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated world: hosts, a clock that jumps, chance from a seed. */
#include "sim/hosts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tls/internal.h"

static struct loop_world *the_world; /* of base's clock platform */

/* --------------------------------------------------------- time and chance */

/* Sebastiano Vigna's splitmix64. */
static uint64_t next_random(struct loop_world *world)
{
    uint64_t z = world->random_state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t loop_world_random(struct loop_world *world, uint64_t below)
{
    return below ? next_random(world) % below : 0;
}

bool world_chance(struct loop_world *world, unsigned ppm)
{
    return ppm && loop_world_random(world, 1000000) < ppm;
}

int64_t world_latency(struct loop_world *world)
{
    const struct loop_faults *w = &world->faults;

    return w->latency_least +
           (int64_t)loop_world_random(world, (uint64_t)(w->latency_most - w->latency_least) + 1);
}

static int64_t platform_wall(void)
{
    const struct world_host *host = the_world->current;

    return the_world->wall_start + the_world->now + (host ? host->skew : 0);
}

static int64_t platform_steady(void)
{
    return the_world->now;
}

static void platform_random(void *bytes, size_t len)
{
    unsigned char *at = bytes;

    while (len) {
        uint64_t number = next_random(the_world);
        size_t part = len < sizeof number ? len : sizeof number;

        memcpy(at, &number, part);
        at += part;
        len -= part;
    }
}

/* ------------------------------------------------------------------ events */

static bool is_earlier_event(const struct world_event *a, const struct world_event *b)
{
    return a->when != b->when ? a->when < b->when : a->serial < b->serial;
}

void world_push(struct loop_world *world, struct world_event *event)
{
    size_t place;

    if (world->event_count == world->event_room) {
        world->event_room = world->event_room ? world->event_room * 2 : 64;
        world->events = mem_resize_array(world->events, world->event_room, sizeof *world->events);
    }
    event->serial = ++world->serial;
    place = world->event_count++;
    while (place && is_earlier_event(event, world->events[(place - 1) / 2])) {
        world->events[place] = world->events[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    world->events[place] = event;
}

static struct world_event *pop_event(struct loop_world *world)
{
    struct world_event *first = world->events[0];
    struct world_event *last = world->events[--world->event_count];
    size_t place = 0;

    for (;;) {
        size_t child = 2 * place + 1;

        if (child + 1 < world->event_count &&
            is_earlier_event(world->events[child + 1], world->events[child]))
            child++;
        if (child >= world->event_count || is_earlier_event(last, world->events[child]))
            break;
        world->events[place] = world->events[child];
        place = child;
    }
    if (world->event_count)
        world->events[place] = last;
    return first;
}

struct world_event *world_event_at(struct loop_world *world, int64_t when)
{
    struct world_event *event = mem_alloc(sizeof *event);

    event->when = when < world->now ? world->now : when;
    return event;
}

static void event_free(struct loop_world *world, struct world_event *event)
{
    if (event->link)
        world_link_drop(world, event->link);
    mem_free(&event->bytes);
    mem_free(&event);
}

/* ------------------------------------------------------------------- steps */

/* One of the hosts that have calls waiting; which, chance decides. */
static struct world_host *host_with_calls(struct loop_world *world)
{
    struct world_host *host, *chosen = NULL;
    uint64_t count = 0;

    for (host = world->hosts; host; host = host->next)
        if (!host->crashed && loop_has_calls(&host->loop) && !loop_world_random(world, ++count))
            chosen = host;
    return chosen;
}

static struct world_host *host_with_timer(struct loop_world *world, int64_t *ret)
{
    struct world_host *host, *chosen = NULL;

    *ret = INT64_MAX;
    for (host = world->hosts; host; host = host->next)
        if (!host->crashed && loop_next_timer(&host->loop) < *ret) {
            *ret = loop_next_timer(&host->loop);
            chosen = host;
        }
    return chosen;
}

/* False if nothing happens until `until`. */
static bool step_until(struct loop_world *world, int64_t until)
{
    int64_t timer, event = world->event_count ? world->events[0]->when : INT64_MAX;
    struct world_host *host = host_with_calls(world);
    struct world_event *one;

    if (host) {
        world->count++;
        WORLD_AS(world, host)
        loop_run_call(&host->loop);
        return true;
    }
    host = host_with_timer(world, &timer);
    if ((timer < event ? timer : event) > until || (!host && event == INT64_MAX))
        return false;
    world->count++;
    if (timer < event) {
        world->now = timer > world->now ? timer : world->now;
        WORLD_AS(world, host)
        loop_run_timer(&host->loop);
        return true;
    }
    world->now = event > world->now ? event : world->now;
    one = pop_event(world);
    one->fn(world, one);
    event_free(world, one);
    return true;
}

bool loop_world_step(struct loop_world *world)
{
    bool did = step_until(world, INT64_MAX - 1);

    world->current = NULL;
    return did;
}

void loop_world_run(struct loop_world *world, int64_t duration)
{
    int64_t until = world->now + duration;

    while (step_until(world, until))
        ;
    world->now = until;
    world->current = NULL;
}

bool loop_world_run_until(struct loop_world *world, bool (*is_so)(void *arg), void *arg,
                          int64_t duration)
{
    int64_t until = world->now + duration;

    while (!is_so(arg))
        if (!step_until(world, until)) {
            world->now = until;
            break;
        }
    world->current = NULL;
    return is_so(arg);
}

int64_t loop_world_now(const struct loop_world *world)
{
    return world->now;
}

uint64_t loop_world_events(const struct loop_world *world)
{
    return world->count;
}

/* ------------------------------------------------------------------- hosts */

static void host_turn(struct loop *loop, int64_t wait)
{
    (void)wait;
    if (!loop_world_step(host_of(loop)->world))
        loop_stop(loop);
}

static void host_free(struct loop *loop)
{
    struct world_host *host = host_of(loop), **at;

    loop_end(loop);
    assert(!host->listeners);
    for (at = &host->world->hosts; *at != host; at = &(*at)->next)
        ;
    *at = host->next;
    if (host->world->current == host)
        host->world->current = NULL;
    mem_free(&host->name);
    mem_free(&host);
}

static const struct loop_driver host_driver = {
    .connect = world_connect,
    .listen = world_listen,
    .turn = host_turn,
    .free = host_free,
};

struct world_host *world_find(const struct loop_world *world, const char *name)
{
    struct world_host *host;

    for (host = world->hosts; host; host = host->next)
        if (!host->crashed && !strcmp(host->name, name))
            return host;
    return NULL;
}

struct loop *loop_world_host(struct loop_world *world, const char *name)
{
    struct world_host *host = mem_alloc(sizeof *host);
    struct world_host **at;

    assert(!world_find(world, name));
    loop_start(&host->loop, &host_driver);
    host->world = world;
    host->name = mem_copy_string(name);
    host->next_port = 30000;
    for (at = &world->hosts; *at; at = &(*at)->next)
        ;
    *at = host;
    return &host->loop;
}

void loop_world_skew(struct loop_world *world, const char *name, int64_t skew)
{
    struct world_host *host = world_find(world, name);

    assert(host);
    host->skew = skew;
}

void loop_world_crash(struct loop_world *world, const char *name)
{
    struct world_host *host = world_find(world, name);

    assert(host);
    world_links_crash(host);
    host->crashed = true;
}

/* -------------------------------------------------------------------- cuts */

struct world_cut *world_cut_between(const struct loop_world *world, const char *one,
                                    const char *other)
{
    struct world_cut *cut;

    for (cut = world->cuts; cut; cut = cut->next)
        if ((!strcmp(cut->one, one) && !strcmp(cut->other, other)) ||
            (!strcmp(cut->one, other) && !strcmp(cut->other, one)))
            return cut;
    return NULL;
}

/* What was held goes on its way again, in order. */
static void heal_cut(struct loop_world *world, struct world_cut *cut)
{
    struct world_cut **at;
    size_t i;

    for (at = &world->cuts; *at != cut; at = &(*at)->next)
        ;
    *at = cut->next;
    for (i = 0; i < cut->held_count; i++) {
        cut->held[i]->when = world->now;
        world_push(world, cut->held[i]);
    }
    mem_free(&cut->held);
    mem_free(&cut->one);
    mem_free(&cut->other);
    mem_free(&cut);
}

void loop_world_cut(struct loop_world *world, const char *one, const char *other, bool cut,
                    bool reset)
{
    struct world_cut *now = world_cut_between(world, one, other);

    if (reset)
        world_links_reset(world, one, other);
    if (!cut && now)
        heal_cut(world, now);
    if (!cut || now)
        return;
    now = mem_alloc(sizeof *now);
    now->one = mem_copy_string(one);
    now->other = mem_copy_string(other);
    now->next = world->cuts;
    world->cuts = now;
}

/* ------------------------------------------------------------ begin and end */

struct loop_world *loop_world_new(uint64_t seed)
{
    static const struct clock_platform platform = {platform_wall, platform_steady, platform_random};
    struct loop_world *world = mem_alloc(sizeof *world);

    assert(!the_world);
    world->random_state = seed;
    world->now = CLOCK_SECOND;
    world->wall_start = 1767225600 * CLOCK_SECOND; /* 2026-01-01 */
    world->faults =
        (struct loop_faults){.latency_least = CLOCK_MS / 5, .latency_most = 2 * CLOCK_MS};
    the_world = world;
    clock_set_platform(&platform);
    tls_simulate(&sim_plain_tls);
    return world;
}

void loop_world_free(struct loop_world **at)
{
    struct loop_world *world = take(*at);

    if (!world)
        return;
    assert(!world->hosts);
    while (world->cuts)
        heal_cut(world, world->cuts);
    while (world->event_count)
        event_free(world, pop_event(world));
    mem_free(&world->events);
    clock_set_platform(NULL);
    tls_simulate(NULL);
    the_world = NULL;
    mem_free(&world);
}

void loop_world_set_faults(struct loop_world *world, const struct loop_faults *faults)
{
    assert(faults->latency_most >= faults->latency_least);
    world->faults = *faults;
}
