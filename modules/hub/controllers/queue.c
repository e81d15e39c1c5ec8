/* SPDX-License-Identifier: Apache-2.0 */
/* Runs each key that a change woke, once, in turns of the loop. */
#include "controllers/queue.h"

#include "controllers/claim.h"
#include "controllers/collector.h"
#include "controllers/failure.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "base/text.h"
#include "placement/placement.h"

#include <assert.h>
#include <string.h>

#define TURN (8 * CLOCK_MS)
#define CLOCK_JUMP (30 * CLOCK_SECOND)
#define RETRY_LEAST CLOCK_SECOND
#define RETRY_MOST (300 * CLOCK_SECOND)
/* How often a conflict is tried again at once. */
#define CONFLICTS 3

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
    mem_free(&key->said);
    mem_free(&key);
}

struct key *queue_key(struct controllers *all, const struct controller *controller,
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
        if (!key->queued && !key->at && !all->proof) {
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

bool queue_is_waiting(const struct controllers *all)
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
    struct key *key;

    if (all->stopped || !*name)
        return;
    key = queue_key(all, to, space, name);
    if (key != all->muted)
        enqueue(all, key);
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

#ifdef __SANITIZE_ADDRESS__
#define LINT true
#else
#define LINT false
#endif

/*
 * Says at the object that its run failed. That write does not wake the key that
 * failed: nothing of what it reads has changed. -1 if it could not be said.
 */
static int publish_failure(struct controllers *all, struct key *key, const struct err *why)
{
    struct err err = { 0 };
    int published = 0;

    all->muted = key;
    if (key->controller->condition || !key->said || strcmp(key->said, why->text))
        published = failure_publish(all, key->controller, key->space, key->name, why, &err);
    all->muted = NULL;
    if (published < 0) {
        all->counts->unpublished++;
        log_warn("controllers", "%s %s%s%s: that it failed cannot be said there: %s",
                 key->controller->name, key->space, *key->space ? "/" : "", key->name, err.text);
        return -1;
    }
    assert(!LINT || failure_is_published(all, key->controller, key->space, key->name, why));
    mem_free(&key->said);
    key->said = mem_copy_string(why->text);
    return 0;
}

/* A user's error waits for a change, unless it could not be published. */
static void after_failure(struct controllers *all, struct key *key, int64_t wake_at,
                          const struct err *err)
{
    enum failure_retry retry = failure_retry(err->code);
    bool at_once = retry == FAILURE_AT_ONCE && key->backoff.tries < CONFLICTS;
    bool published = at_once || publish_failure(all, key, err) == 0;
    int64_t wait = 0;

    all->counts->failures++;
    if (retry == FAILURE_ON_CHANGE && published) {
        loop_backoff_reset(&key->backoff);
        key->at = wake_at;
    } else {
        if (at_once)
            key->backoff.tries++;
        else
            wait = loop_backoff_next(&key->backoff);
        key->at = clock_steady() + wait;
    }
    log_write(key->backoff.tries == 2 ? LOG_WARN : LOG_DEBUG, "controllers",
              "%s %s%s%s: %s; %s", key->controller->name, key->space, *key->space ? "/" : "",
              key->name, err->text,
              retry == FAILURE_ON_CHANGE ? "until something changes" : "tried again");
}

static void after_success(struct controllers *all, struct key *key, int64_t wake_at)
{
    struct err err = { 0 };

    loop_backoff_reset(&key->backoff);
    mem_free(&key->said);
    key->at = wake_at;
    if (failure_clear(all, key->controller, key->space, key->name, &err) < 0) {
        key->at = clock_steady() + loop_backoff_next(&key->backoff);
        all->counts->unpublished++;
        log_warn("controllers", "%s %s%s%s: that it succeeds again cannot be said there: %s",
                 key->controller->name, key->space, *key->space ? "/" : "", key->name, err.text);
    }
}

int queue_run(struct controllers *all, const struct key *key, int64_t now,
              int64_t *ret_wake_at, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct pass pass = {
        .all = all, .self = key->controller, .objects = all->objects,
        .arena = arena, .space = key->space, .name = key->name, .now = now,
    };
    int result = key->controller->run(&pass, err);

    /* A name that is another's is told, and waited for; there is nothing to try again. */
    if (result < 0 && claim_report(&pass, err) == 0)
        result = 0;
    *ret_wake_at = 0;
    if (pass.wake_at) {
        int64_t wait = pass.wake_at - pass.now;

        *ret_wake_at = clock_steady() + (wait > CLOCK_MS ? wait : CLOCK_MS);
    }
    return result;
}

/* The hub's clock was set forward: that is not silence of the spokes. */
static void mind_clock(struct controllers *all)
{
    int64_t now = clock_wall() - clock_steady();

    if (now - all->clock > CLOCK_JUMP)
        all->started = clock_wall();
    all->clock = now;
}

static void run_key(struct controllers *all, struct key *key)
{
    struct err err = { 0 };
    int64_t wake_at;

    mind_clock(all);
    all->counts->runs++;
    key->at = 0;
    key->ran_at = clock_wall();
    if (queue_run(all, key, key->ran_at, &wake_at, &err) < 0)
        after_failure(all, key, wake_at, &err);
    else
        after_success(all, key, wake_at);
    key_settle(all, key);
}

static void on_durable(void *arg, const struct err *err);

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
    if (queue_is_waiting(all))
        plan_turn(all);
    else if (all->proof)
        proof_plan(all->proof);
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
    claim_note(all, before, after);
    if (all->proof && any->kind != all->kinds[LEASE] && strcmp(any->kind->kind, "Event") != 0)
        proof_note_change(all->proof);
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

    if (queue_is_waiting(all) && !all->turning && !all->stopped)
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

static void note_each(void *arg, const struct object *object)
{
    struct controllers *all = arg;

    controllers_world_note(all, NULL, object);
    controllers_index_note(all, NULL, object);
}

static void tell_each(void *arg, const struct object *object)
{
    tell(arg, NULL, object);
}

static void for_each_object(struct controllers *all, objects_each_fn *each)
{
    const struct kinds *kinds = objects_kinds(all->objects);

    for (size_t i = 0; i < kinds_count(kinds); i++)
        if (!kinds_at(kinds, i)->is_question)
            objects_each(all->objects, OBJECTS_STAGED, kinds_at(kinds, i), "", each, all);
}

static void read_all(struct controllers *all)
{
    placement_world_free(&all->world);
    all->world = placement_world_new();
    controllers_index_free(all);
    all->index = map_new();
    for_each_object(all, note_each);
}

/* Looks at everything once; from then on changes wake. */
static void start_all(void *arg)
{
    struct controllers *all = object_from(controllers, CONTROLLERS_TAG, arg);

    for_each_object(all, tell_each);
}

/*
 * What was staged did not reach the disk: everything is looked at again, at once
 * and then, while the disk stays full, as errors of the world are tried again.
 */
static void on_durable(void *arg, const struct err *err)
{
    struct controllers *all = object_from(controllers, CONTROLLERS_TAG, arg);
    bool first = !all->disk.tries;
    int64_t wait;

    if (all->stopped)
        return;
    all->writing = false;
    if (!err) {
        loop_backoff_reset(&all->disk);
        return;
    }
    log_warn("controllers", "nothing of the last turn was kept: %s", err->text);
    map_free(&all->noticed);
    all->noticed = map_new();
    read_all(all);
    wait = loop_backoff_next(&all->disk);
    loop_timer_set(all->restart, first ? 0 : wait);
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

/* Those that are missing come as the hub starts; one that is deleted, at once (clusterset.c). */
static int make_sets(struct controllers *all, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *set;

    for (size_t i = 0; (set = clusterset_first(arena, i)); i++)
        if (objects_ensure(all->objects, "axle-clusterset", set, NULL, err) < 0)
            return -1;
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
    all->restart = loop_timer_new(loop, start_all, all);
    all->disk = (struct loop_backoff) { RETRY_LEAST, RETRY_MOST, 0 };
    all->started = clock_wall();
    joining_rules(all);
    token_rules(all);
    spoke_write_rules(all);
    admission_rules(all);
    size_rules(all);
    boundary_rules(all);
    aiworkload_rules(all);
    csr_rules(all);
    if (all->settings.prove_wake_ups)
        all->proof = proof_new(all);
    watch_kinds(all);
    objects_follow_stage(objects, &stage, all);
    read_all(all);
    start_all(all);
    all->collector = collector_new(objects, loop);
    controllers_wake(all, &controller_sweep, "", "registry");
    controllers_wake(all, &controller_event_expiry, "", "events");
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
    proof_free(&all->proof);
    collector_free(&all->collector);
    while ((key = map_next(all->keys, &at, &text)))
        key_free(key);
    map_free(&all->keys);
    map_free(&all->noticed);
    mem_free(&all->counts);
    loop_timer_free(&all->timer);
    loop_timer_free(&all->next);
    loop_timer_free(&all->restart);
    placement_world_free(&all->world);
    controllers_index_free(all);
    claim_free(all);
    all->tag = 0;
    mem_free(&all);
}

bool controllers_idle(const struct controllers *controllers)
{
    return !queue_is_waiting(controllers) && !controllers->planned;
}

unsigned controllers_missed(const struct controllers *controllers)
{
    return controllers->proof ? proof_missed(controllers->proof) : 0;
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
              "# TYPE axle_controller_unpublished_failures_total counter\n"
              "axle_controller_unpublished_failures_total %llu\n"
              "# TYPE axle_controller_queue gauge\n"
              "axle_controller_queue %zu\n"
              "# TYPE axle_controller_waited_names gauge\n"
              "axle_controller_waited_names %zu\n",
              (unsigned long long)controllers->counts->runs,
              (unsigned long long)controllers->counts->failures,
              (unsigned long long)controllers->counts->unpublished, queued,
              claim_names(controllers));
}
