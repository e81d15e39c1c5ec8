/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what each identity sends, and bounds its bodies before they are read. */
#include "limits/internal.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/text.h"
#include "http/http.h"
#include "kinds/kinds.h"
#include "loop/loop.h"
#include "meta/meta.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many seconds of its rate a spoke may use at once: it may report many works
   together, or reconnect after a while. */
#define BURST 20
#define BURST_BYTES 32
/* Accounts that were not used for so long are deleted, when there are many. */
#define MANY ((size_t)1024)
#define UNUSED (120 * CLOCK_SECOND)
/* The size of bodies that one account may have in flight: they wait in memory. */
#define MOST_COMING ((int64_t)32 << 20)
/* A byte of a stored object is charged as this share of a received byte. */
#define STORED_SHARE 4
/* So many requests of an administrator at a time never wait for others. */
#define FEW 8

/* The limits of a role as multiples of a spoke's. Many machines may join at the
   same time with one token, or from one address. */
static const struct class
{
    enum auth_role role;
    int rates, in_flight;
} classes[] = {
    {AUTH_SPOKE, 1, 1},
    {AUTH_JOIN, 8, 8},
    {AUTH_ANONYMOUS, 0, 8},
};

/* The largest bodies that machines may send to each resource; all others are small. */
static const struct body {
    const char *group, *plural, *subresource;
    size_t most;
} bodies[] = {
    {"", "events", "", 16384},
    {META_GROUP_EVENTS, "events", "", 16384},
    {META_GROUP_COORDINATION, "leases", "", 8192},
    {META_GROUP_CLUSTER, "managedclusters", "", 16384},
    {META_GROUP_CLUSTER, "managedclusters", "status", 131072},
    {META_GROUP_AXLE, "workloads", "status", 163840},
    {META_GROUP_WORK, "manifestworks", "", 786432},
    {META_GROUP_WORK, "manifestworks", "status", 786432},
};
#define MOST_OTHER ((size_t)16384)

/* ---- Accounts ------------------------------------------------------------- */

static void account_free(struct account *account)
{
    free(account->key);
    free(account);
}

static void forget_unused(struct limits *limits, int64_t now)
{
    struct account *account;
    size_t at = 0;

    while ((account = map_next(limits->accounts, &at, NULL)))
        if (!account->in_flight && !account->waiting && now - account->used > UNUSED) {
            map_remove(limits->accounts, account->key);
            account_free(account);
        }
}

/* The host of an address: "10.1.2.3" of "10.1.2.3:40112". */
static char *host_of(const char *remote)
{
    char host[LOOP_HOST];
    int port;

    return mem_copy_string(loop_address_split(remote, 0, host, &port, NULL) == 0 ? host : remote);
}

static char *key_of(const struct auth_user *user, const char *remote)
{
    scoped_mem char *host = host_of(remote);

    switch (user->role) {
    case AUTH_SPOKE:
        return mem_printf("cluster \"%s\"", user->cluster);
    case AUTH_JOIN:
        return mem_printf("join token \"%s\" at %s", user->token, host);
    case AUTH_ANONYMOUS:
        return mem_printf("anonymous client at %s", host);
    default:
        return mem_printf("user \"%s\"", user->name);
    }
}

/* Remembers the hosts that a spoke's last requests came from; its endpoints may
   lead there. */
static void note_remote(struct account *account, const char *remote)
{
    scoped_mem char *host = host_of(remote);

    for (size_t i = 0; i < REMOTES; i++)
        if (!strcmp(account->remotes[i], host))
            return;
    snprintf(account->remotes[account->next_remote++ % REMOTES], sizeof account->remotes[0], "%s",
             host);
}

static struct account *account_of_user(struct limits *limits, const struct auth_user *user,
                                       const char *remote)
{
    scoped_mem char *key = key_of(user, remote);
    struct account *account = map_get(limits->accounts, key);
    int64_t now = clock_steady();

    if (!account) {
        if (map_count(limits->accounts) % MANY == MANY - 1)
            forget_unused(limits, now);
        account = mem_alloc(sizeof *account);
        account->key = take(key);
        map_put(limits->accounts, account->key, account);
    }
    account->used = now;
    return account;
}

void limits_charge(struct limits *limits, const struct auth_user *user, size_t bytes)
{
    scoped_mem char *key = key_of(user, "");
    struct account *account = map_get(limits->accounts, key);

    if (account)
        account->bytes.level -= (double)bytes / STORED_SHARE;
}

const struct auth_user *limits_machine(const struct objects_review *review)
{
    const struct auth_user *user = review->who->identity;

    if (review->who->trusted || !user)
        return NULL;
    return user->role == AUTH_SPOKE || user->role == AUTH_JOIN ? user : NULL;
}

/* ---- How large a body may be ---------------------------------------------- */

/* The position of the resource in /api/V/… or /apis/G/V/…, after a namespace. */
static size_t plural_at(const struct http_request *request)
{
    const char *const *at = request->segments;
    size_t i = !strcmp(at[0], "apis") ? 3 : 2;

    if (i + 2 < request->segment_count && !strcmp(at[i], "namespaces"))
        i += 2;
    return i;
}

static size_t most_body(const struct http_request *request)
{
    const char *const *at = request->segments;
    size_t count = request->segment_count, i;
    const char *group, *subresource;

    if (!count || (strcmp(at[0], "api") && strcmp(at[0], "apis")))
        return MOST_OTHER;
    i = plural_at(request);
    if (i >= count)
        return MOST_OTHER;
    group = !strcmp(at[0], "apis") ? at[1] : "";
    subresource = i + 2 < count ? at[i + 2] : "";
    for (size_t k = 0; k < count_of(bodies); k++)
        if (!strcmp(bodies[k].group, group) && !strcmp(bodies[k].plural, at[i]) &&
            !strcmp(bodies[k].subresource, subresource))
            return bodies[k].most;
    return MOST_OTHER;
}

static int bound_body(struct http_request *request, const struct account *account, struct err *err)
{
    request->most_body = most_body(request);
    if (request->body_length <= (int64_t)request->most_body)
        return 0;
    return err_set(err, ERR_TOO_LARGE,
                   "%s sends a body of %lld bytes to %.300s; a machine may send at most %zu there",
                   account->key, (long long)request->body_length, request->path,
                   request->most_body);
}

/* ---- One request ------------------------------------------------------------ */

static bool is_write(const struct http_request *request)
{
    return strcmp(request->method, "GET") && strcmp(request->method, "HEAD");
}

/* A limit per second, with the setting that changes it. */
struct rate {
    struct limits_bucket *bucket;
    double rate, burst, cost;
    const char *what, *setting;
};

static int check_rates(struct limits *limits, struct account *account, int times,
                       const struct http_request *request, int *ret_wait, struct err *err)
{
    const struct limits_settings *s = &limits->settings;
    double length = request->body_length > 0 ? (double)request->body_length : 0;
    const struct rate rates[] = {
        {&account->requests, (double)(s->spoke_requests * times), BURST, 1, "requests",
         "spoke-requests"},
        {&account->writes, (double)(s->spoke_writes * times), BURST, 1, "writes", "spoke-writes"},
        {&account->bytes, (double)(s->spoke_rate * times), BURST_BYTES, length, "bytes",
         "spoke-rate"},
    };
    size_t count = is_write(request) ? count_of(rates) : 1;

    for (size_t i = 0; i < count; i++)
        if (!limits_take(rates[i].bucket, rates[i].rate, rates[i].rate * rates[i].burst,
                         rates[i].cost, clock_steady(), ret_wait))
            return err_set(err, ERR_TOO_MANY,
                           "%s sends more than %.0f %s a second (the hub's setting "
                           "%s); try again in %d s",
                           account->key, rates[i].rate, rates[i].what, rates[i].setting, *ret_wait);
    return 0;
}

static int check_in_flight(const struct account *account, int64_t most, const char *setting,
                           int *ret_wait, struct err *err)
{
    if (most <= 0 || (int64_t)(account->in_flight + account->waiting) < most)
        return 0;
    *ret_wait = 1;
    return err_set(
        err, ERR_TOO_MANY,
        "%s has %zu requests in flight, watches included, and may have no more (the hub's setting "
        "%s); end some of them",
        account->key, account->in_flight + account->waiting, setting);
}

static int check_coming(const struct account *account, const struct http_request *request,
                        int *ret_wait, struct err *err)
{
    int64_t more = turns_body_of(request);

    if (!more || !account->coming || account->coming + more <= MOST_COMING)
        return 0;
    *ret_wait = 1;
    return err_set(
        err, ERR_TOO_MANY,
        "%s has request bodies of %lld bytes in flight and may have %lld: wait until some have "
        "ended",
        account->key, (long long)account->coming, (long long)MOST_COMING);
}

static int check_account(struct limits *limits, struct account *account,
                         const struct auth_user *user, struct http_request *request, int *ret_wait,
                         struct err *err)
{
    const struct limits_settings *s = &limits->settings;

    for (size_t i = 0; i < count_of(classes); i++) {
        if (classes[i].role != user->role)
            continue;
        if (check_in_flight(account, s->spoke_in_flight * classes[i].in_flight, "spoke-in-flight",
                            ret_wait, err) < 0)
            return -1;
        if (user->role != AUTH_ANONYMOUS && bound_body(request, account, err) < 0)
            return -1;
        return check_rates(limits, account, classes[i].rates, request, ret_wait, err);
    }
    return check_in_flight(account, s->user_in_flight, "user-in-flight", ret_wait, err);
}

/* ---- Its class ------------------------------------------------------------------ */

static const enum limits_class_id role_classes[] = {
    [AUTH_ANONYMOUS] = LIMITS_ANONYMOUS, [AUTH_USER] = LIMITS_USERS,   [AUTH_ADMIN] = LIMITS_USERS,
    [AUTH_SPOKE] = LIMITS_SPOKES,        [AUTH_JOIN] = LIMITS_JOINING,
};

/* By its lease and its status a spoke says that it lives and what it does: with these
   late, a hub that has much to do would take spokes for lost and do still more. */
static bool is_sign_of_life(const struct http_request *request)
{
    const char *const *at = request->segments;
    size_t count = request->segment_count, i;

    if (!count || strcmp(at[0], "apis"))
        return false;
    i = plural_at(request);
    return (i < count && !strcmp(at[i], "leases")) ||
           (i + 2 < count && !strcmp(at[i + 2], "status"));
}

static enum limits_class_id class_of(const struct auth_user *user, const struct account *account,
                                     const struct http_request *request)
{
    if (user->role == AUTH_SPOKE && is_sign_of_life(request))
        return LIMITS_EXEMPT;
    if (user->role == AUTH_ADMIN && account->in_flight < FEW)
        return LIMITS_EXEMPT;
    return account->class;
}

enum limits_verdict limits_begin(struct limits *limits, struct http_request *request, int *ret_wait,
                                 struct err *err)
{
    const struct auth_user *user = request->user;
    struct account *account = account_of_user(limits, user, request->remote);

    account->class = role_classes[user->role];
    if (user->role != AUTH_ADMIN &&
        (check_account(limits, account, user, request, ret_wait, err) < 0 ||
         check_coming(account, request, ret_wait, err) < 0))
        return LIMITS_REFUSE;
    if (user->role == AUTH_SPOKE)
        note_remote(account, request->remote);
    return turns_begin(&limits->turns, account, class_of(user, account, request), request, ret_wait,
                       err);
}

void limits_end(struct limits *limits, const struct http_access *access)
{
    struct account *account = access->request->account;

    if (!account)
        return;
    turns_let_go(&limits->turns, access->request);
    /* A body without Content-Length is charged after it was received. */
    if (access->request->body_length < 0)
        account->bytes.level -= (double)access->received;
}

void limits_spent(struct limits *limits, void *account, int64_t time)
{
    if (account)
        turns_spent(&limits->turns, account, time);
}

void limits_metrics(const struct limits *limits, struct text *out)
{
    turns_metrics(&limits->turns, out);
}

/* ---- The whole -------------------------------------------------------------- */

struct limits *limits_open(const struct limits_settings *settings)
{
    struct limits *limits = mem_alloc(sizeof *limits);
    const struct kinds *kinds = objects_kinds(settings->objects);

    limits->settings = *settings;
    limits->accounts = map_new();
    limits->namespaces = map_new();
    limits->events = kinds_find(kinds, "", "events");
    limits->clusters = kinds_find(kinds, META_GROUP_CLUSTER, "managedclusters");
    turns_start(&limits->turns, settings);
    limits_rule_machines(limits);
    limits_rule_namespaces(limits);
    return limits;
}

void limits_close(struct limits **at)
{
    struct limits *limits = take(*at);
    struct account *account;
    size_t i = 0;

    if (!limits)
        return;
    turns_stop(&limits->turns);
    while ((account = map_next(limits->accounts, &i, NULL)))
        account_free(account);
    map_free(&limits->accounts);
    limits_close_namespaces(limits);
    free(limits);
}
