/* SPDX-License-Identifier: Apache-2.0 */
/* Holds each key that has to run once, in rounds, and wakes keys at their time. */
#include "controllers/queue.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/object.h"

#define RETRY_LEAST CLOCK_SECOND
#define RETRY_MOST (300 * CLOCK_SECOND)
#define QUEUE_TAG 0x71756575u

struct key_list {
    struct key *first, *last;
};

struct queue {
    uint32_t tag;
    struct controllers *all;
    struct map *keys;         /* struct key by "controller namespace/name" */
    struct key_list waiting;  /* to run now */
    struct key_list again;    /* the same, but they ran in this round */
    struct key *resting;      /* ran in this round */
    uint64_t round;           /* ends when only keys wait that ran in it */
    struct loop_timer *timer; /* the earliest of the keys that wait for a time */
    struct loop_timer *next;  /* the next turn; a timer can be taken back */
    const struct key *muted;
    bool turning, planned, stopped;
};

/* ---- Keys ------------------------------------------------------------------ */

static char *make_key_text(const struct controller *controller, const char *namespace,
                           const char *name)
{
    return mem_printf("%s %s/%s", controller->name, namespace, name);
}

static void free_key(struct key *key)
{
    mem_free(&key->namespace);
    mem_free(&key->name);
    mem_free(&key->published);
    mem_free(&key);
}

struct key *queue_key(struct controllers *all, const struct controller *controller,
                      const char *namespace, const char *name)
{
    scoped_mem char *text = make_key_text(controller, namespace, name);
    struct key *key = map_get(all->queue->keys, text);

    if (key)
        return key;
    key = mem_alloc(sizeof *key);
    key->controller = controller;
    key->namespace = mem_copy_string(namespace);
    key->name = mem_copy_string(name);
    key->backoff = (struct loop_backoff){RETRY_LEAST, RETRY_MOST, 0};
    map_put(all->queue->keys, text, key);
    return key;
}

struct key *queue_each(struct controllers *all, size_t *at)
{
    const char *text;

    return map_next(all->queue->keys, at, &text);
}

/* The key is in no list now. It is forgotten at the end of the round, unless it waits
   for something by then. */
void queue_settle(struct controllers *all, struct key *key)
{
    if (key->resting)
        return;
    key->resting = true;
    key->next_resting = all->queue->resting;
    all->queue->resting = key;
}

/* The proof keeps all keys: it wants to know of every name that there was. */
static void end_round(struct queue *queue)
{
    struct key *key;

    while ((key = queue->resting)) {
        queue->resting = key->next_resting;
        key->resting = false;
        if (!key->queued && !key->at && !queue->all->settings.prove_wake_ups) {
            scoped_mem char *text = make_key_text(key->controller, key->namespace, key->name);

            map_remove(queue->keys, text);
            free_key(key);
        }
    }
    queue->round++;
}

/* ---- Waiting for a turn ----------------------------------------------------- */

static void plan_turn(struct queue *queue)
{
    if (queue->planned || queue->turning)
        return;
    queue->planned = true;
    loop_timer_set(queue->next, 0);
}

static void append_key(struct key_list *list, struct key *key)
{
    key->next = NULL;
    if (list->last)
        list->last->next = key;
    else
        list->first = key;
    list->last = key;
}

/*
 * A key that ran in this round waits until all other keys of the chain have run: most
 * of what they report back to it is there by then, so that it sums up once.
 */
static void enqueue_key(struct queue *queue, struct key *key)
{
    if (key->queued)
        return;
    key->queued = true;
    append_key(key->round == queue->round ? &queue->again : &queue->waiting, key);
    plan_turn(queue);
}

bool queue_is_waiting(const struct controllers *all)
{
    return all->queue->waiting.first || all->queue->again.first;
}

bool queue_is_idle(const struct controllers *all)
{
    return !queue_is_waiting(all) && !all->queue->planned;
}

size_t queue_length(const struct controllers *all)
{
    size_t length = 0;

    for (const struct key *key = all->queue->waiting.first; key; key = key->next)
        length++;
    for (const struct key *key = all->queue->again.first; key; key = key->next)
        length++;
    return length;
}

struct key *queue_take(struct controllers *all)
{
    struct queue *queue = all->queue;
    struct key *key;

    if (!queue->waiting.first) {
        queue->waiting = queue->again;
        queue->again = (struct key_list){NULL, NULL};
        end_round(queue);
    }
    key = queue->waiting.first;
    if (!key)
        return NULL;
    queue->waiting.first = key->next;
    if (!queue->waiting.first)
        queue->waiting.last = NULL;
    key->queued = false;
    key->round = queue->round;
    return key;
}

void queue_mute(struct controllers *all, const struct key *key)
{
    all->queue->muted = key;
}

void controllers_wake(struct controllers *all, const struct controller *to, const char *namespace,
                      const char *name)
{
    struct queue *queue = all->queue;
    struct key *key;

    if (queue->stopped || !*name)
        return;
    key = queue_key(all, to, namespace, name);
    if (key != queue->muted)
        enqueue_key(queue, key);
}

struct waking {
    struct controllers *all;
    const struct controller *to;
};

static void wake_each(void *arg, const struct object *object)
{
    struct waking *waking = arg;

    controllers_wake(waking->all, waking->to, object->namespace, object->name);
}

void controllers_wake_all(struct controllers *all, const struct controller *to, enum kind_id kind,
                          const char *namespace)
{
    struct waking waking = {all, to};

    objects_each(all->objects, OBJECTS_STAGED, all->kinds[kind], namespace ? namespace : "",
                 wake_each, &waking);
}

/* ---- Waiting for a time ------------------------------------------------------- */

static void set_key_timer(struct queue *queue)
{
    int64_t first = 0, now = clock_steady();
    struct key *key;
    size_t at = 0;

    while ((key = queue_each(queue->all, &at)))
        if (key->at && (!first || key->at < first))
            first = key->at;
    if (first)
        loop_timer_set(queue->timer, first > now ? first - now : 0);
    else
        loop_timer_stop(queue->timer);
}

static void on_key_timer(void *arg)
{
    struct queue *queue = object_from(queue, QUEUE_TAG, arg);
    int64_t now = clock_steady();
    struct key *key;
    size_t at = 0;

    while ((key = queue_each(queue->all, &at)))
        if (key->at && key->at <= now) {
            key->at = 0;
            enqueue_key(queue, key);
        }
    set_key_timer(queue);
}

/* ---- Turns ---------------------------------------------------------------------- */

bool queue_is_turning(const struct controllers *all)
{
    return all->queue->turning;
}

void queue_begin_turn(struct controllers *all)
{
    all->queue->planned = false;
    all->queue->turning = true;
}

void queue_end_turn(struct controllers *all)
{
    all->queue->turning = false;
    set_key_timer(all->queue);
    if (queue_is_waiting(all))
        plan_turn(all->queue);
}

/* ---- Life ------------------------------------------------------------------------- */

void queue_open(struct controllers *all, void (*turn)(void *arg))
{
    struct queue *queue = mem_alloc(sizeof *queue);

    *queue = (struct queue){
        .tag = QUEUE_TAG,
        .all = all,
        .keys = map_new(),
        .round = 1,
        .timer = loop_timer_new(all->loop, on_key_timer, queue),
        .next = loop_timer_new(all->loop, turn, all),
    };
    all->queue = queue;
}

void queue_stop(struct controllers *all)
{
    all->queue->stopped = true;
}

bool queue_is_stopped(const struct controllers *all)
{
    return all->queue->stopped;
}

void queue_close(struct controllers *all)
{
    struct queue *queue = all->queue;
    struct key *key;
    size_t at = 0;

    while ((key = queue_each(all, &at)))
        free_key(key);
    map_free(&queue->keys);
    loop_timer_free(&queue->timer);
    loop_timer_free(&queue->next);
    queue->tag = 0;
    mem_free(&all->queue);
}
