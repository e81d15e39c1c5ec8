/* SPDX-License-Identifier: Apache-2.0 */
/* Ends held requests whose user may no longer make them. */
#include "api/inside.h"

#include "base/clock.h"
#include "document/document.h"
#include "http/http.h"
#include "loop/loop.h"

#include <string.h>

/* So many are judged in one turn of the loop: a millisecond or two. */
#define AT_ONCE 128

/* Identified and judged as if the request came now; so whatever was taken back
   since (a binding, a token, an account, a certificate's cluster) counts. */
static bool may_go_on(const struct held *held)
{
    scoped_arena struct arena *arena = arena_new();
    const struct api_request *ask = held->ask;
    struct auth_user *user;
    struct err err = {0};

    return auth_identify(ask->api->auth, ask->http, arena, &user, &err) == 0 &&
           !strcmp(user->name, ask->user->name) &&
           auth_check(ask->api->auth, user, &ask->what, &err) == 0;
}

static void unlink_held(struct held *held)
{
    held->next->prev = held->prev;
    held->prev->next = held->next;
}

static void link_last(struct api *api, struct held *held)
{
    held->prev = api->held.prev;
    held->next = &api->held;
    held->prev->next = held;
    api->held.prev = held;
}

/* The judged go to the end of the list; the first that is judged ends the round. */
static void judge_some(void *arg)
{
    struct api *api = arg;

    for (int i = 0; i < AT_ONCE; i++) {
        struct held *first = api->held.next;

        if (first == &api->held || first->judged == api->rights)
            return;
        first->judged = api->rights;
        unlink_held(first);
        link_last(api, first);
        if (!may_go_on(first))
            first->end(first->arg);
    }
    loop_timer_set(api->judge, 0);
}

static void on_rights(void *arg)
{
    struct api *api = arg;

    api->rights++;
    loop_timer_set(api->judge, 0);
}

void held_open(struct api *api)
{
    api->held.next = api->held.prev = &api->held;
    api->judge = loop_timer_new(api->loop, judge_some, api);
    auth_on_change(api->auth, on_rights, api);
}

void held_close(struct api *api)
{
    auth_on_change(api->auth, NULL, NULL);
    loop_timer_free(&api->judge);
}

void held_add(struct held *held, struct api_request *ask, held_end_fn *end, void *arg)
{
    *held = (struct held){.ask = ask, .end = end, .arg = arg, .judged = ask->api->rights};
    link_last(ask->api, held);
}

void held_remove(struct held *held)
{
    if (held->next)
        unlink_held(held);
    held->next = held->prev = NULL;
}

int64_t held_time_left(const struct api_request *ask)
{
    int64_t left = ask->user->expires - clock_wall();

    if (!ask->user->expires)
        return INT64_MAX;
    return left > 0 ? left : 0;
}
