/* SPDX-License-Identifier: Apache-2.0 */
/* Holds each key that has to run once, in rounds, and wakes keys at their time. */
#include "controllers/queue.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/object.h"

#define RETRY_LEAST CLOCK_SECOND
#define RETRY_MOST (300 * CLOCK_SECOND)
#define QUEUE_TAG 0x71756575u
/* Runs over so many places, or more, take up a whole pause. */
#define PARTS 64

struct key_list {
    struct key *first, *last;
};

/* The keys of one namespace. Lanes take turns, a key each, so that none holds up others. */
struct lane {
    char *namespace;         /* owned */
    size_t keys;             /* how many there are, waiting or not */
    struct key_list waiting; /* to run now */
    struct key_list again;   /* the same, but they ran in this round */
    struct key *resting;     /* ran in this round */
    uint64_t round;          /* ends when only keys wait that ran in it */
    bool listed;
    struct lane *next;
};

struct queue {
    uint32_t tag;
    struct controllers *all;
    struct map *keys;          /* struct key by "controller namespace/name" */
    struct map *lanes;         /* struct lane by namespace */
    struct lane *first, *last; /* lanes in which a round is under way, in their order */
    size_t length;             /* keys that wait for their turn */
    size_t paused;             /* keys that wait for the end of a pause */
    struct key_heap times;     /* keys that wait for a time */
    struct loop_timer *timer;  /* the earliest of them */
    struct loop_timer *next;   /* the next turn; a timer can be taken back */
    const struct key *muted, *running;
    bool patient; /* wakes may wait for the end of the key's pause */
    bool turning, planned, stopped;
};

/* ---- Lanes ----------------------------------------------------------------- */

static struct lane *find_or_add_lane(struct queue *queue, const char *namespace)
{
    struct lane *lane = map_get(queue->lanes, namespace);

    if (lane)
        return lane;
    lane = mem_alloc(sizeof *lane);
    *lane = (struct lane){.namespace = mem_copy_string(namespace), .round = 1};
    map_put(queue->lanes, namespace, lane);
    return lane;
}

static void list_lane(struct queue *queue, struct lane *lane)
{
    if (lane->listed)
        return;
    lane->listed = true;
    lane->next = NULL;
    if (queue->last)
        queue->last->next = lane;
    else
        queue->first = lane;
    queue->last = lane;
}

static struct lane *take_lane(struct queue *queue)
{
    struct lane *lane = queue->first;

    if (!lane)
        return NULL;
    queue->first = lane->next;
    if (!queue->first)
        queue->last = NULL;
    lane->listed = false;
    return lane;
}

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

/* One fewer is in the lane, or counts on it. False: it was the last, and the lane is gone. */
static bool leave_lane(struct queue *queue, struct lane *lane)
{
    if (--lane->keys || lane->listed)
        return true;
    map_remove(queue->lanes, lane->namespace);
    mem_free(&lane->namespace);
    mem_free(&lane);
    return false;
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
    key->lane = find_or_add_lane(all->queue, namespace);
    key->lane->keys++;
    map_put(all->queue->keys, text, key);
    return key;
}

struct key *queue_each(struct controllers *all, size_t *at)
{
    const char *text;

    return map_next(all->queue->keys, at, &text);
}

static void forget_key(struct queue *queue, struct key *key)
{
    scoped_mem char *text = make_key_text(key->controller, key->namespace, key->name);

    key_heap_set(&queue->times, key, 0);
    map_remove(queue->keys, text);
    leave_lane(queue, key->lane);
    free_key(key);
}

/* One whose pause is not over is forgotten then. The proof keeps all keys: it wants to
   know of every name that there was. */
static void forget_settled_key(struct queue *queue, struct key *key)
{
    if (key->queued || key->at || queue->all->settings.prove_wake_ups)
        return;
    if (key->free_at > clock_steady()) {
        key->leaving = true;
        key_heap_set(&queue->times, key, key->free_at);
    } else {
        forget_key(queue, key);
    }
}

/* False: nothing is left of the lane. */
static bool end_round(struct queue *queue, struct lane *lane)
{
    struct key *key;

    lane->round++;
    lane->keys++;
    while ((key = lane->resting)) {
        lane->resting = key->next_resting;
        key->resting = false;
        forget_settled_key(queue, key);
    }
    return leave_lane(queue, lane);
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
    struct lane *lane = key->lane;

    if (key->queued)
        return;
    key->queued = true;
    queue->length++;
    append_key(key->round == lane->round ? &lane->again : &lane->waiting, key);
    list_lane(queue, lane);
    plan_turn(queue);
}

bool queue_is_waiting(const struct controllers *all)
{
    return all->queue->length > 0;
}

bool queue_is_quiet(const struct controllers *all)
{
    return !all->queue->length && !all->queue->paused;
}

bool queue_is_idle(const struct controllers *all)
{
    return queue_is_quiet(all) && !all->queue->planned;
}

size_t queue_length(const struct controllers *all)
{
    return all->queue->length + all->queue->paused;
}

static struct key *take_first(struct key_list *list)
{
    struct key *key = list->first;

    if (!key)
        return NULL;
    list->first = key->next;
    if (!list->first)
        list->last = NULL;
    return key;
}

static void end_pause(struct queue *queue, struct key *key)
{
    queue->paused -= key->paused;
    key->paused = false;
}

/* A lane stays in the list while its round is under way. */
struct key *queue_take(struct controllers *all)
{
    struct queue *queue = all->queue;
    struct lane *lane;

    while ((lane = take_lane(queue))) {
        struct key *key;

        if (!lane->waiting.first) {
            lane->waiting = lane->again;
            lane->again = (struct key_list){NULL, NULL};
            if (!end_round(queue, lane))
                continue;
        }
        key = take_first(&lane->waiting);
        if (!key)
            continue;
        queue->length--;
        key->queued = false;
        key->round = lane->round;
        end_pause(queue, key);
        queue->running = key;
        list_lane(queue, lane);
        return key;
    }
    return NULL;
}

/* ---- Waiting for a time ------------------------------------------------------- */

void queue_set_time(struct controllers *all, struct key *key, int64_t at)
{
    key_heap_set(&all->queue->times, key, at);
}

static void set_key_timer(struct queue *queue)
{
    const struct key *first = key_heap_first(&queue->times);
    int64_t now = clock_steady();

    if (first)
        loop_timer_set(queue->timer, first->at > now ? first->at - now : 0);
    else
        loop_timer_stop(queue->timer);
}

static void on_key_timer(void *arg)
{
    struct queue *queue = object_from(queue, QUEUE_TAG, arg);
    int64_t now = clock_steady();
    struct key *key;

    while ((key = key_heap_first(&queue->times)) && key->at <= now) {
        key_heap_set(&queue->times, key, 0);
        if (key->leaving)
            forget_key(queue, key);
        else
            enqueue_key(queue, key);
    }
    set_key_timer(queue);
}

/* ---- Waking ------------------------------------------------------------------- */

void queue_mute(struct controllers *all, const struct key *key)
{
    all->queue->muted = key;
}

void queue_let_wait(struct controllers *all, bool patient)
{
    all->queue->patient = patient;
}

/* Runs it at once, or when its pause is over. */
static void pause_key(struct queue *queue, struct key *key)
{
    int64_t ready = key->free_at - key->slack;

    if (key->queued)
        return;
    if (key == queue->running) {
        key->woken = true;
        return;
    }
    if (ready <= clock_steady()) {
        enqueue_key(queue, key);
        return;
    }
    if (!key->at || ready < key->at)
        key_heap_set(&queue->times, key, ready);
    queue->paused += !key->paused;
    key->paused = true;
    if (!queue->turning)
        set_key_timer(queue);
}

/* The key is in no list now. It is forgotten at the end of the round, unless it waits
   for something by then. */
void queue_settle(struct controllers *all, struct key *key)
{
    all->queue->running = NULL;
    if (key->woken)
        pause_key(all->queue, key);
    key->woken = false;
    if (key->resting)
        return;
    key->resting = true;
    key->next_resting = key->lane->resting;
    key->lane->resting = key;
    list_lane(all->queue, key->lane);
}

void controllers_wake(struct controllers *all, const struct controller *to, const char *namespace,
                      const char *name)
{
    struct queue *queue = all->queue;
    struct key *key;

    if (queue->stopped || !*name)
        return;
    key = queue_key(all, to, namespace, name);
    if (key == queue->muted)
        return;
    if (key->leaving)
        key_heap_set(&queue->times, key, 0);
    key->leaving = false;
    if (queue->patient && to->pause) {
        pause_key(queue, key);
    } else {
        key->free_at = 0;
        enqueue_key(queue, key);
    }
}

/*
 * A run over few places takes up a part of the pause, so that what concerns few spokes is
 * told at once, and what concerns many ten times a second. `slack` is by how much the
 * key may run ahead: all but one part.
 */
void queue_note_run(struct controllers *all, struct key *key, size_t places)
{
    int64_t pause = key->controller->pause, now = clock_steady(), cost;
    int64_t parts = places < 1 ? 1 : places < PARTS ? (int64_t)places : PARTS;

    if (!pause)
        return;
    cost = pause * parts / PARTS;
    key->free_at = (key->free_at > now ? key->free_at : now) + cost;
    key->slack = pause - cost;
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
        .lanes = map_new(),
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
    struct lane *lane;
    struct key *key;
    size_t at = 0;

    while ((key = queue_each(all, &at)))
        free_key(key);
    map_free(&queue->keys);
    for (at = 0; (lane = map_next(queue->lanes, &at, NULL));) {
        mem_free(&lane->namespace);
        mem_free(&lane);
    }
    map_free(&queue->lanes);
    key_heap_free(&queue->times);
    loop_timer_free(&queue->timer);
    loop_timer_free(&queue->next);
    queue->tag = 0;
    mem_free(&all->queue);
}
