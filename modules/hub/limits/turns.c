/* SPDX-License-Identifier: Apache-2.0 */
/* Lets requests run, wait or go, turn of the loop by turn, as share.c judges. */
#include "limits/internal.h"

#include "base/clock.h"
#include "base/object.h"
#include "base/text.h"
#include "http/http.h"
#include "loop/loop.h"

#include <inttypes.h>
#include <string.h>

#define TURNS_TAG 0x4c54524eu
/* A unit of share.c. */
#define UNIT (CLOCK_MS / 10)
/* A turn that keeps others waiting for longer is a sign of more than can be done. */
#define LATE (25 * CLOCK_MS)
#define LATE_FOR CLOCK_SECOND
/* Whoever has asked within two of these is active. */
#define WINDOW (CLOCK_SECOND / 2)
/* What is owed of former turns is forgotten when nothing was asked for so long. */
#define FORGIVEN_AFTER (CLOCK_SECOND / 10)
/* Of what a handler took: the machine may have been busy with something else. */
#define MOST_CHARGED 128
#define LONGEST_WAIT (10 * CLOCK_SECOND)
/* Bodies that have come or are coming, of all. */
#define MOST_BODIES ((int64_t)64 << 20)
#define BODY_UNKNOWN ((int64_t)3 << 20)

/* A request that waits; in its arena. */
struct waiting_request {
    struct turns *turns;
    struct account *account;
    struct http_request *request;
    int64_t since, cost, body;
    TAILQ_ENTRY(waiting_request) link;
};

/* ---- Requests in flight ------------------------------------------------------ */

/* The registry keeps its own on disk. */
int64_t turns_body_of(const struct http_request *request)
{
    if (request->segment_count && !strcmp(request->segments[0], "v2"))
        return 0;
    if (request->body_length >= 0)
        return request->body_length;
    return request->most_body ? (int64_t)request->most_body : BODY_UNKNOWN;
}

/* The request runs on the account, until it ends. */
static void take_on_request(struct turns *turns, struct account *account,
                            struct http_request *request)
{
    request->account = account;
    account->in_flight++;
    account->coming += turns_body_of(request);
    turns->bodies += turns_body_of(request);
}

void turns_let_go(struct turns *turns, const struct http_request *request)
{
    struct account *account = request->account;

    account->in_flight--;
    account->coming -= turns_body_of(request);
    turns->bodies -= turns_body_of(request);
    /* There is room for another body: those that wait for it are looked at again. */
    if (turns->waits_for_room)
        loop_timer_set(turns->timer, 0);
    turns->waits_for_room = false;
}

/* ---- Who is active ----------------------------------------------------------- */

static void begin_window(struct turns *turns, int64_t now)
{
    bool follows = now / WINDOW == turns->window + 1;

    for (size_t i = 0; i < LIMITS_CLASSES; i++) {
        turns->classes[i].active_before = follows ? turns->classes[i].active : 0;
        turns->classes[i].active = 0;
    }
    turns->window = now / WINDOW;
}

static void note_active(struct turns *turns, struct account *account, int64_t now)
{
    if (now / WINDOW != turns->window)
        begin_window(turns, now);
    if (account->window == turns->window)
        return;
    account->window = turns->window;
    account->refusals = 0;
    turns->classes[account->class].active++;
}

static size_t active_of(const struct class_turns *class)
{
    return class->active > class->active_before ? class->active : class->active_before;
}

static void count_active(const struct turns *turns, size_t ret[LIMITS_CLASSES])
{
    for (size_t i = 0; i < LIMITS_CLASSES; i++)
        ret[i] = i == LIMITS_EXEMPT ? 0 : active_of(&turns->classes[i]);
}

static bool others_are_active(const size_t active[LIMITS_CLASSES])
{
    size_t sum = 0;

    for (size_t i = 0; i < LIMITS_CLASSES; i++)
        sum += active[i];
    return sum > 1;
}

/* ---- What was used ------------------------------------------------------------- */

/* What was used beyond the share is owed in the turns that follow. */
static int64_t used_by(struct turns *turns, struct account *account, int64_t share, int64_t now)
{
    uint64_t passed = turns->serial - account->turn;

    if (now - account->ran > FORGIVEN_AFTER || passed > 1000)
        account->units = 0;
    else if (passed)
        account->units -= share * (int64_t)passed;
    if (account->units < 0)
        account->units = 0;
    account->turn = turns->serial;
    return account->units;
}

static void use_units(struct turns *turns, struct account *account, int64_t units)
{
    account->units += units;
    turns->used += units;
    turns->classes[account->class].used += units;
}

static void note_running(struct turns *turns, struct account *account, int64_t cost, int64_t now)
{
    use_units(turns, account, cost);
    account->ran = now;
}

void turns_spent(struct turns *turns, struct account *account, int64_t time)
{
    int64_t more = time / UNIT - 1;

    if (more > 0)
        use_units(turns, account, more < MOST_CHARGED ? more : MOST_CHARGED);
}

static void open_turn(struct turns *turns, int64_t now)
{
    if (turns->open)
        return;
    turns->open = true;
    turns->serial++;
    turns->started = now;
    turns->used = 0;
    for (size_t i = 0; i < LIMITS_CLASSES; i++)
        turns->classes[i].used = 0;
    loop_timer_set(turns->timer, 0);
}

/* ---- Waiting ------------------------------------------------------------------- */

static void take_out(struct waiting_request *waiting)
{
    struct account *account = waiting->account;
    struct class_turns *class = &waiting->turns->classes[account->class];

    TAILQ_REMOVE(&account->queue, waiting, link);
    account->waiting--;
    class->waiting--;
    if (!account->waiting)
        TAILQ_REMOVE(&class->queue, account, link);
}

static void on_waiting_gone(struct http_request *request, void *arg)
{
    take_out(arg);
}

static void put_in(struct turns *turns, struct account *account, struct http_request *request,
                   int64_t now)
{
    struct waiting_request *waiting = arena_alloc(request->arena, sizeof *waiting);
    struct class_turns *class = &turns->classes[account->class];

    *waiting = (struct waiting_request){.turns = turns,
                                        .account = account,
                                        .request = request,
                                        .since = now,
                                        .cost = limits_cost(request->body_length),
                                        .body = turns_body_of(request)};
    if (!account->waiting++) {
        TAILQ_INIT(&account->queue);
        TAILQ_INSERT_TAIL(&class->queue, account, link);
    }
    TAILQ_INSERT_TAIL(&account->queue, waiting, link);
    class->waiting++;
    class->waited++;
    http_request_gone(request, on_waiting_gone, waiting);
}

/* Half of the room for bodies is what one identity may have. */
static bool has_room(const struct turns *turns, const struct account *account, int64_t body)
{
    return !body || !account->coming ||
           (turns->bodies + body <= MOST_BODIES && account->coming + body <= MOST_BODIES / 2);
}

/* ---- Serving those that wait ------------------------------------------------------ */

static int refuse_waiting(struct account *account, const char *why, int *ret_wait, struct err *err)
{
    *ret_wait = limits_retry_after(account->refusals++);
    return err_set(err, ERR_TOO_MANY,
                   "the hub has more to do than it can, and %s has more than its share of it: %s; "
                   "try again in %d s",
                   account->key, why, *ret_wait);
}

/* The next of a class whose identity has not used up its share, in turn; NULL: none. */
static struct waiting_request *next_of_class(struct turns *turns, enum limits_class_id id,
                                             const size_t active[LIMITS_CLASSES], int64_t now)
{
    struct class_turns *class = &turns->classes[id];
    int64_t share = limits_share(id, active);
    struct account *account;

    TAILQ_FOREACH(account, &class->queue, link)
    {
        struct waiting_request *first = TAILQ_FIRST(&account->queue);

        if (used_by(turns, account, share, now) >= share) {
            turns->somebody_owes = true;
            continue;
        }
        if (!has_room(turns, account, first->body) && now - first->since <= LONGEST_WAIT)
            continue;
        TAILQ_REMOVE(&class->queue, account, link);
        TAILQ_INSERT_TAIL(&class->queue, account, link);
        return first;
    }
    return NULL;
}

/* No class takes more than its part while another one waits. */
static struct waiting_request *next_waiting(struct turns *turns, int64_t now)
{
    size_t active[LIMITS_CLASSES];
    struct waiting_request *next;

    count_active(turns, active);
    for (int beyond = 0; beyond < 2; beyond++)
        for (size_t i = 0; i < LIMITS_CLASSES; i++) {
            if (!beyond && turns->classes[i].used >= limits_class_share(i, active))
                continue;
            next = next_of_class(turns, i, active, now);
            if (next)
                return next;
        }
    return NULL;
}

static void serve_one(struct turns *turns, struct waiting_request *waiting, int64_t now)
{
    struct http_request *request = waiting->request;
    struct account *account = waiting->account;
    struct err err = {0};
    int wait = 0;

    take_out(waiting);
    http_request_gone(request, NULL, NULL);
    if (now - waiting->since > LONGEST_WAIT) {
        turns->classes[account->class].refused++;
        refuse_waiting(account, "this request has waited for 10 s", &wait, &err);
        turns->refuse(turns->arg, request, wait, &err);
        return;
    }
    take_on_request(turns, account, request);
    note_running(turns, account, waiting->cost, now);
    turns->go_on(turns->arg, request);
}

static bool somebody_waits(const struct turns *turns)
{
    for (size_t i = 0; i < LIMITS_CLASSES; i++)
        if (turns->classes[i].waiting)
            return true;
    return false;
}

/* The turn is over: those that wait are the first of the next one. */
static void on_turn(void *arg)
{
    struct turns *turns = object_from(turns, TURNS_TAG, arg);
    int64_t now = clock_steady();
    struct waiting_request *next;
    bool served = false;

    if (turns->open && now - turns->started > LATE) {
        turns->late_until = now + LATE_FOR;
        turns->late++;
    }
    turns->open = false;
    if (!somebody_waits(turns))
        return;
    open_turn(turns, now);
    turns->somebody_owes = false;
    while (!limits_turn_is_full(turns->used) && (next = next_waiting(turns, now))) {
        serve_one(turns, next, now);
        now = clock_steady();
        served = true;
    }
    /* Debts are paid by turns that pass at once. Room for bodies comes when a request ends
       (turns_let_go); until then only the longest wait is to be kept. */
    turns->waits_for_room = !served && !turns->somebody_owes;
    if (!turns->waits_for_room)
        return;
    turns->open = false;
    loop_timer_set(turns->timer, LONGEST_WAIT);
}

/* ---- A request comes and ends -------------------------------------------------------- */

static struct limits_load load_of(struct turns *turns, struct account *account, int64_t body,
                                  int64_t now)
{
    size_t active[LIMITS_CLASSES];
    int64_t share;

    count_active(turns, active);
    share = limits_share(account->class, active);
    return (struct limits_load){
        .used = used_by(turns, account, share, now),
        .share = share,
        .turn = turns->used,
        .waiting = account->waiting,
        .others = others_are_active(active),
        .late = now < turns->late_until,
        .bodies_are_full = !has_room(turns, account, body),
    };
}

enum limits_verdict turns_begin(struct turns *turns, struct account *account,
                                enum limits_class_id id, struct http_request *request,
                                int *ret_wait, struct err *err)
{
    int64_t now = clock_steady();
    enum limits_verdict verdict;
    struct limits_load load;

    open_turn(turns, now);
    if (id != LIMITS_EXEMPT)
        note_active(turns, account, now);
    load = load_of(turns, account, turns_body_of(request), now);
    verdict = limits_judge(id, &load);
    if (verdict == LIMITS_REFUSE) {
        turns->classes[account->class].refused++;
        refuse_waiting(account, "many of its requests wait already", ret_wait, err);
    } else if (verdict == LIMITS_WAIT) {
        put_in(turns, account, request, now);
    } else {
        take_on_request(turns, account, request);
        note_running(turns, account, limits_cost(request->body_length), now);
    }
    return verdict;
}

/* ---- The whole --------------------------------------------------------------------------- */

void turns_metrics(const struct turns *turns, struct text *out)
{
    for (size_t i = 0; i < LIMITS_CLASSES; i++) {
        const struct class_turns *class = &turns->classes[i];
        const char *name = limits_class(i)->name;

        if (i == LIMITS_EXEMPT)
            continue;
        text_addf(out,
                  "axle_requests_refused_total{class=\"%s\"} %" PRIu64 "\n"
                  "axle_requests_waited_total{class=\"%s\"} %" PRIu64 "\n"
                  "axle_requests_waiting{class=\"%s\"} %zu\n",
                  name, class->refused, name, class->waited, name, class->waiting);
    }
    text_addf(out, "axle_late_turns_total %" PRIu64 "\naxle_bodies_bytes %" PRId64 "\n",
              turns->late, turns->bodies);
}

void turns_start(struct turns *turns, const struct limits_settings *settings)
{
    turns->tag = TURNS_TAG;
    turns->go_on = settings->go_on;
    turns->refuse = settings->refuse;
    turns->arg = settings->arg;
    for (size_t i = 0; i < LIMITS_CLASSES; i++)
        TAILQ_INIT(&turns->classes[i].queue);
    turns->timer = loop_timer_new(settings->loop, on_turn, turns);
}

void turns_stop(struct turns *turns)
{
    loop_timer_free(&turns->timer);
    turns->tag = 0;
}
