/* SPDX-License-Identifier: Apache-2.0 */
/* Ends open requests (watches) whose user has lost the right to them. */
#include "api/internal.h"

#include "base/clock.h"
#include "document/document.h"
#include "http/http.h"
#include "loop/loop.h"

#include <string.h>

/* How many requests are checked in one turn of the loop; takes 1 to 2 ms. */
#define AT_ONCE 128

/*
 * Identifies and authorises again as if the request came now, so that a removed binding,
 * token, account or certificate takes effect.
 */
static bool may_go_on(const struct open_request *open)
{
    scoped_arena struct arena *arena = arena_new();
    const struct api_request *request = open->request;
    struct auth_user *user;
    struct err err = {0};

    return auth_identify(request->api->auth, request->http, arena, &user, &err) == 0 &&
           !strcmp(user->name, request->user->name) &&
           auth_check(request->api->auth, user, &request->what, &err) == 0;
}

static void unlink_request(struct open_request *open)
{
    open->next->prev = open->prev;
    open->prev->next = open->next;
}

static void link_last(struct api *api, struct open_request *open)
{
    open->prev = api->open.prev;
    open->next = &api->open;
    open->prev->next = open;
    api->open.prev = open;
}

/* Checked requests move to the end of the list, so a checked one at the head ends the round. */
static void judge_some(void *arg)
{
    struct api *api = arg;

    for (int i = 0; i < AT_ONCE; i++) {
        struct open_request *first = api->open.next;

        if (first == &api->open || first->judged == api->rights)
            return;
        first->judged = api->rights;
        unlink_request(first);
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

void open_requests_start(struct api *api)
{
    api->open.next = api->open.prev = &api->open;
    api->judge = loop_timer_new(api->loop, judge_some, api);
    auth_on_change(api->auth, on_rights, api);
}

void open_requests_stop(struct api *api)
{
    auth_on_change(api->auth, NULL, NULL);
    loop_timer_free(&api->judge);
}

void open_request_add(struct open_request *open, struct api_request *request,
                      open_request_end_fn *end, void *arg)
{
    *open = (struct open_request){
        .request = request, .end = end, .arg = arg, .judged = request->api->rights};
    link_last(request->api, open);
}

void open_request_remove(struct open_request *open)
{
    if (open->next)
        unlink_request(open);
    open->next = open->prev = NULL;
}

int64_t open_request_time_left(const struct api_request *request)
{
    int64_t left = request->user->expires - clock_wall();

    if (!request->user->expires)
        return INT64_MAX;
    return left > 0 ? left : 0;
}
