/* SPDX-License-Identifier: Apache-2.0 */
/* Runs each key that a change woke, once, in turns of the loop. */
#include "controllers/controller.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "base/text.h"
#include "loop/loop.h"
#include "placement/placement.h"

#include <assert.h>
#include <string.h>

#define TURN (8 * CLOCK_MS)
#define CLOCK_JUMP (30 * CLOCK_SECOND)
#define RETRY_LEAST CLOCK_SECOND
#define RETRY_MOST (300 * CLOCK_SECOND)
/* A chain that never settles is a mistake of ours; it must not eat the hub. */
#define BUSY_RUNS 64

/* A key that waits: for its turn (queued), or for a time (at). */
struct key {
    const struct controller *controller;
    char *space, *name; /* owned */
    bool queued;
    struct key *next;
    uint64_t round; /* in which it ran last */
    bool resting;   /* kept until the end of that round */
    struct key *next_resting;
    int64_t at; /* steady time; 0: none */
    struct loop_backoff backoff;
    unsigned runs; /* since the queue was empty last */
};

static void plan_turn(struct controllers *all);

/* ---- Keys ------------------------------------------------------------------ */

static char *key_text(const struct controller *controller, const char *space,
                      const char *name)
{
    return mem_printf("%s %s/%s", controller->name, space, name);
}

static void key_free(struct key *key)
{
    mem_free(&key->space);
    mem_free(&key->name);
    mem_free(&key);
}

static struct key *key_find(struct controllers *all,
                            const struct controller *controller,
                            const char *space, const char *name)
{
    scoped_mem char *text = key_text(controller, space, name);
    struct key *key = map_get(all->keys, text);

    if (key)
        return key;
    key = mem_alloc(sizeof *key);
    key->controller = controller;
    key->space = mem_copy_string(space);
    key->name = mem_copy_string(name);
    key->backoff = (struct loop_backoff) { RETRY_LEAST, RETRY_MOST, 0 };
    map_put(all->keys, text, key);
    return key;
}

/* A key that waits for nothing is forgotten, once its round is over. */
static void key_settle(struct controllers *all, struct key *key)
{
    if (key->resting)
        return;
    key->resting = true;
    key->next_resting = all->resting;
    all->resting = key;
}

static void end_round(struct controllers *all)
{
    struct key *key;

    while ((key = all->resting)) {
        all->resting = key->next_resting;
        key->resting = false;
        if (!key->queued && !key->at) {
            scoped_mem char *text = key_text(key->controller, key->space, key->name);

            map_remove(all->keys, text);
            key_free(key);
        }
    }
    all->round++;
}

static void append(struct key_queue *queue, struct key *key)
{
    key->next = NULL;
    if (queue->last)
        queue->last->next = key;
    else
        queue->first = key;
    queue->last = key;
}

/*
 * Whoever ran already waits until all others of the chain did: most of what is
 * reported back to it then comes at once, and it sums it up once.
 */
static void enqueue(struct controllers *all, struct key *key)
{
    if (key->queued)
        return;
    key->queued = true;
    append(key->round == all->round ? &all->again : &all->waiting, key);
    plan_turn(all);
}

static bool is_waiting(const struct controllers *all)
{
    return all->waiting.first || all->again.first;
}

static struct key *take_next(struct controllers *all)
{
    struct key *key;

    if (!all->waiting.first) {
        all->waiting = all->again;
        all->again = (struct key_queue){ NULL, NULL };
        end_round(all);
    }
    key = all->waiting.first;
    if (!key)
        return NULL;
    all->waiting.first = key->next;
    if (!all->waiting.first)
        all->waiting.last = NULL;
    key->queued = false;
    key->round = all->round;
    return key;
}

void controllers_wake(struct controllers *all, const struct controller *to,
                      const char *space, const char *name)
{
    if (!all->stopped && *name)
        enqueue(all, key_find(all, to, space, name));
}

struct waking {
    struct controllers *all;
    const struct controller *to;
};

void controllers_render_again(struct controllers *all, const char *repository)
{
    scoped_mem char *space = mem_copy_string(repository);
    char *slash = strrchr(space, '/');

    if (!slash)
        return;
    *slash = '\0';
    controllers_wake(all, &controller_deployment, space, slash + 1);
}

static void wake_each(void *arg, const struct object *object)
{
    struct waking *waking = arg;

    controllers_wake(waking->all, waking->to, object->space, object->name);
}

void controllers_wake_all(struct controllers *all, const struct controller *to,
                          enum which kind, const char *space)
{
    struct waking waking = { all, to };

    objects_each(all->objects, OBJECTS_STAGED, all->kinds[kind],
                 space ? space : "", wake_each, &waking);
}

/* ---- Time ------------------------------------------------------------------- */

static void set_timer(struct controllers *all)
{
    int64_t first = 0, now = clock_steady();
    const char *text;
    struct key *key;
    size_t at = 0;

    while ((key = map_next(all->keys, &at, &text)))
        if (key->at && (!first || key->at < first))
            first = key->at;
    if (first)
        loop_timer_set(all->timer, first > now ? first - now : 0);
    else
        loop_timer_stop(all->timer);
}

static void on_timer(void *arg)
{
    struct controllers *all = object_from(controllers, CONTROLLERS_TAG, arg);
    int64_t now = clock_steady();
    const char *text;
    struct key *key;
    size_t at = 0;

    while ((key = map_next(all->keys, &at, &text)))
        if (key->at && key->at <= now) {
            key->at = 0;
            enqueue(all, key);
        }
    set_timer(all);
}

/* ---- Turns -------------------------------------------------------------------- */

static void after_failure(struct controllers *all, struct key *key,
                          const struct err *err)
{
    int64_t wait = 0;

    all->counts[0].failures++;
    if (err->code != ERR_CONFLICT || key->backoff.tries > 3)
        wait = loop_backoff_next(&key->backoff);
    else
        key->backoff.tries++;
    log_write(key->backoff.tries > 2 ? LOG_WARN : LOG_DEBUG, "controllers",
              "%s %s%s%s: %s; again in %lld ms", key->controller->name,
              key->space, *key->space ? "/" : "", key->name, err->text,
              (long long)(wait / CLOCK_MS));
    key->at = clock_steady() + wait;
}

/* When the hub's clock is set forward nobody has been silent by that. */
static void mind_clock(struct controllers *all)
{
    int64_t now = clock_wall() - clock_steady();

    if (now - all->clock > CLOCK_JUMP)
        all->started = clock_wall();
    all->clock = all->started - clock_steady();
    all->clock = now;
}

static void run_key(struct controllers *all, struct key *key)
{
    scoped_arena struct arena *arena = arena_new();
    struct pass pass = {
        .all = all, .self = key->controller, .objects = all->objects,
        .arena = arena, .space = key->space, .name = key->name,
        .now = clock_wall(),
    };
    struct err err = { 0 };

    mind_clock(all);
    all->counts[0].runs++;
    key->at = 0;
    if (key->controller->run(&pass, &err) < 0) {
        after_failure(all, key, &err);
    } else {
        loop_backoff_reset(&key->backoff);
        if (pass.wake_at) {
            int64_t wait = pass.wake_at - pass.now;

            key->at = clock_steady() + (wait > CLOCK_MS ? wait : CLOCK_MS);
        }
    }
    key_settle(all, key);
}

/* What was staged did not reach the disk: everything is looked at again. */
static void on_durable(void *arg, const struct err *err);

static void start_all(struct controllers *all);

static void turn(void *arg)
{
    struct controllers *all = object_from(controllers, CONTROLLERS_TAG, arg);
    int64_t until;
    struct key *key;

    all->planned = false;
    all->turning = true;
    until = clock_steady() + (all->settings.turn ? all->settings.turn : TURN);
    while ((key = take_next(all))) {
        run_key(all, key);
        if (clock_steady() >= until)
            break;
    }
    all->turning = false;
    set_timer(all);
    if (is_waiting(all))
        plan_turn(all);
}

static void plan_turn(struct controllers *all)
{
    if (all->planned || all->turning)
        return;
    all->planned = true;
    loop_timer_set(all->next, 0);
}

/* ---- Changes -------------------------------------------------------------------- */

static void tell(struct controllers *all, const struct object *before,
                 const struct object *after)
{
    const struct object *any = after ? after : before;

    assert(any);
    for (size_t c = 0; c < controller_count; c++) {
        const struct controller *to = controller_table[c];

        for (size_t s = 0; s < to->source_count; s++) {
            const struct controller_source *source = &to->sources[s];

            if (all->kinds[source->kind] != any->kind)
                continue;
            if (source->map)
                source->map(all, to, before, after);
            else
                controllers_wake(all, to, any->space, any->name);
        }
    }
}

static char *notice_key(const struct object *object)
{
    return mem_printf("%s %s/%s", object->kind->store_kind, object->space,
                      object->name);
}

/* A write was staged, by whomever: its chain may join the same commit. */
static void on_staged(void *arg, const struct object *before,
                      const struct object *after)
{
    struct controllers *all = object_from(controllers, CONTROLLERS_TAG, arg);

    if (all->stopped)
        return;
    if (after) {
        scoped_mem char *key = notice_key(after);

        map_put(all->noticed, key, (void *)(intptr_t)after->revision);
    }
    if (!all->writing) {
        all->writing = true;
        objects_when_durable(all->objects, on_durable, all);
    }
    controllers_world_note(all, before, after);
    controllers_index_note(all, before, after);
    tell(all, before, after);
}

/* What is staged is about to be written to disk; the chain is pulled along. */
static void before_commit(void *arg)
{
    struct controllers *all = object_from(controllers, CONTROLLERS_TAG, arg);

    if (is_waiting(all) && !all->turning && !all->stopped)
        turn(all);
}

static const struct objects_stage stage = { on_staged, before_commit };

static void on_change(void *arg, const struct object *before,
                      const struct object *after)
{
    struct controllers *all = object_from(controllers, CONTROLLERS_TAG, arg);
    scoped_mem char *key = notice_key(after ? after : before);
    intptr_t seen = (intptr_t)map_get(all->noticed, key);

    if (all->stopped)
        return;
    /* What was told when it was staged is not told again. A Lease never is. */
    if (after && seen >= after->revision) {
        if (seen == after->revision)
            map_remove(all->noticed, key);
        return;
    }
    if (!after) {
        map_remove(all->noticed, key);
        return;
    }
    controllers_world_note(all, before, after);
    controllers_index_note(all, before, after);
    tell(all, before, after);
}

static void on_durable(void *arg, const struct err *err)
{
    struct controllers *all = object_from(controllers, CONTROLLERS_TAG, arg);

    if (all->stopped)
        return;
    all->writing = false;
    if (!err)
        return;
    log_warn("controllers", "nothing of the last turn was kept: %s", err->text);
    map_free(&all->noticed);
    all->noticed = map_new();
    start_all(all);
}

static void start_each(void *arg, const struct object *object)
{
    struct controllers *all = arg;

    controllers_world_note(all, NULL, object);
    controllers_index_note(all, NULL, object);
    tell(all, NULL, object);
}

/* Looks at everything once; from then on changes wake. */
static void start_all(struct controllers *all)
{
    const struct kinds *kinds = objects_kinds(all->objects);

    placement_world_free(&all->world);
    all->world = placement_world_new();
    controllers_index_free(all);
    all->index = map_new();
    for (size_t i = 0; i < kinds_count(kinds); i++) {
        const struct kind *kind = kinds_at(kinds, i);

        if (!kind->is_question)
            objects_each(all->objects, OBJECTS_STAGED, kind, "", start_each, all);
    }
}

/* ---- Life ------------------------------------------------------------------------- */

static int find_kinds(struct controllers *all, struct err *err)
{
    const struct kinds *kinds = objects_kinds(all->objects);

    for (size_t i = 0; i < WHICH_COUNT; i++) {
        all->kinds[i] = kinds_by_kind(kinds, which_rows[i].api_version,
                                      which_rows[i].kind);
        if (!all->kinds[i])
            return err_set(err, ERR_INTERNAL, "controllers need the kind %s %s",
                           which_rows[i].api_version, which_rows[i].kind);
    }
    return 0;
}

static void watch_kinds(struct controllers *all)
{
    const struct kinds *kinds = objects_kinds(all->objects);

    for (size_t i = 0; i < kinds_count(kinds); i++)
        if (!kinds_at(kinds, i)->is_question)
            objects_on_change(all->objects, kinds_at(kinds, i), on_change, all);
}

/* What OCM has from the start: the sets `default` and `global`. */
static int make_sets(struct controllers *all, struct err *err)
{
    static const char *const sets[] = {
        "{\"apiVersion\":\"cluster.open-cluster-management.io/v1beta2\","
        "\"kind\":\"ManagedClusterSet\",\"metadata\":{\"name\":\"default\"},"
        "\"spec\":{\"clusterSelector\":{\"selectorType\":"
        "\"ExclusiveClusterSetLabel\"}}}",
        "{\"apiVersion\":\"cluster.open-cluster-management.io/v1beta2\","
        "\"kind\":\"ManagedClusterSet\",\"metadata\":{\"name\":\"global\"},"
        "\"spec\":{\"clusterSelector\":{\"selectorType\":\"LabelSelector\","
        "\"labelSelector\":{}}}}",
    };
    scoped_arena struct arena *arena = arena_new();

    for (size_t i = 0; i < count_of(sets); i++) {
        struct node *set = document_read_json(arena, sets[i], strlen(sets[i]),
                                              &document_limits_own, err);

        if (!set || objects_ensure(all->objects, "axle-clusterset", set, NULL,
                                   err) < 0)
            return -1;
    }
    return 0;
}

struct controllers *controllers_start(struct objects *objects,
                                      struct loop *loop,
                                      const struct controllers_settings *settings,
                                      struct err *err)
{
    struct controllers *all = mem_alloc(sizeof *all);

    all->tag = CONTROLLERS_TAG;
    all->objects = objects;
    all->loop = loop;
    all->round = 1;
    if (settings)
        all->settings = *settings;
    if (find_kinds(all, err) < 0 || make_sets(all, err) < 0) {
        mem_free(&all);
        return NULL;
    }
    all->keys = map_new();
    all->noticed = map_new();
    all->counts = mem_alloc(sizeof *all->counts);
    all->timer = loop_timer_new(loop, on_timer, all);
    all->next = loop_timer_new(loop, turn, all);
    all->started = clock_wall();
    joining_rules(all);
    token_rules(all);
    spoke_write_rules(all);
    admission_rules(all);
    boundary_rules(all);
    csr_rules(all);
    watch_kinds(all);
    objects_follow_stage(objects, &stage, all);
    start_all(all);
    controllers_wake(all, &controller_sweep, "", "registry");
    return all;
}

void controllers_stop(struct controllers **controllers)
{
    struct controllers *all = *controllers;
    const char *text;
    struct key *key;
    size_t at = 0;

    if (!all)
        return;
    *controllers = NULL;
    /* What is staged is told of now, while there is somebody to be told. */
    all->stopped = true;
    objects_follow_stage(all->objects, NULL, NULL);
    objects_commit(all->objects);
    while ((key = map_next(all->keys, &at, &text)))
        key_free(key);
    map_free(&all->keys);
    map_free(&all->noticed);
    mem_free(&all->counts);
    loop_timer_free(&all->timer);
    loop_timer_free(&all->next);
    placement_world_free(&all->world);
    controllers_index_free(all);
    all->tag = 0;
    mem_free(&all);
}

bool controllers_idle(const struct controllers *controllers)
{
    return !is_waiting(controllers) && !controllers->planned;
}

void controllers_metrics(const struct controllers *controllers,
                         struct text *out)
{
    size_t queued = 0;

    for (const struct key *key = controllers->waiting.first; key; key = key->next)
        queued++;
    for (const struct key *key = controllers->again.first; key; key = key->next)
        queued++;
    text_addf(out, "# TYPE axle_controller_runs_total counter\n"
              "axle_controller_runs_total %llu\n"
              "# TYPE axle_controller_failures_total counter\n"
              "axle_controller_failures_total %llu\n"
              "# TYPE axle_controller_queue gauge\n"
              "axle_controller_queue %zu\n",
              (unsigned long long)controllers->counts->runs,
              (unsigned long long)controllers->counts->failures, queued);
}
