/* SPDX-License-Identifier: Apache-2.0 */
/* Starts and stops the controllers, and turns changes of objects into wake-ups. */
#include "controllers/controllers.h"
#include "controllers/joining.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "base/text.h"
#include "controllers/claim.h"
#include "controllers/clusterset.h"
#include "controllers/collector.h"
#include "controllers/decisions.h"
#include "controllers/expected.h"
#include "controllers/index.h"
#include "controllers/joins.h"
#include "controllers/maps.h"
#include "controllers/parse.h"
#include "controllers/proof.h"
#include "controllers/queue.h"
#include "controllers/rows.h"
#include "controllers/rules.h"
#include "controllers/table.h"
#include "controllers/turns.h"
#include "controllers/world.h"
#include "placement/placement.h"
#include "store/store.h"

#include <assert.h>
#include <string.h>

#define RESTART_LEAST CLOCK_SECOND
#define RESTART_MOST (300 * CLOCK_SECOND)

/* What is known of the commits that controllers' writes join. */
struct commits {
    bool waiting;               /* objects_when_durable() will call back */
    struct loop_timer *restart; /* looks at everything: a commit failed */
    struct loop_backoff disk;   /* how often in a row it did */
};

static void on_durable(void *arg, const struct err *err);

/* ---- Turns ---------------------------------------------------------------------- */

static void on_turn(void *arg)
{
    struct controllers *all = object_from(controllers, CONTROLLERS_TAG, arg);

    turns_run(all);
    if (all->proof && queue_is_quiet(all))
        proof_plan(all->proof);
}

/* ---- Changes -------------------------------------------------------------------- */

/* What changes more of the key's own object than its status never waits. */
static bool wake_may_wait(struct controllers *all, const struct controller *to,
                          const struct controller_source *source, const struct object *before,
                          const struct object *after)
{
    return source->haste == WAKE_AFTER_PAUSE &&
           (source->kind != to->about || object_only_status_differs(all, before, after));
}

static void wake_concerned(struct controllers *all, const struct object *before,
                           const struct object *after)
{
    const struct object *any = after ? after : before;

    assert(any);
    claim_note(all, before, after);
    if (all->proof && any->kind != all->kinds[KIND_ID_LEASE] &&
        strcmp(any->kind->kind, "Event") != 0)
        proof_note_change(all->proof);
    for (size_t c = 0; c < controller_count; c++) {
        const struct controller *to = controller_table[c];

        for (size_t s = 0; s < to->source_count; s++) {
            const struct controller_source *source = &to->sources[s];

            if (all->kinds[source->kind] != any->kind)
                continue;
            queue_let_wait(all, wake_may_wait(all, to, source, before, after));
            if (source->map)
                source->map(all, to, before, after);
            else
                controllers_wake(all, to, any->namespace, any->name);
        }
    }
    queue_let_wait(all, false);
}

static void await_commit(struct controllers *all)
{
    if (all->commits->waiting)
        return;
    all->commits->waiting = true;
    objects_when_durable(all->objects, on_durable, all);
}

/*
 * Called once for each change: a write that is staged wakes keys at once, so that the
 * chain of writes which follows from it may join the same commit. Should that commit
 * fail, on_durable() makes everything be looked at again.
 */
static void on_changed(void *arg, const struct object *before, const struct object *after,
                       bool published)
{
    struct controllers *all = object_from(controllers, CONTROLLERS_TAG, arg);

    if (queue_is_stopped(all))
        return;
    if (!published)
        await_commit(all);
    world_note(all, before, after);
    index_note(all, before, after);
    rows_note(all, before, after);
    joins_note(all, before, after);
    expected_note(all, before, after);
    decisions_note(all, before, after);
    wake_concerned(all, before, after);
    controllers_read_done(all);
    if (queue_is_turning(all))
        return;
    rows_retire(all);
    decisions_retire(all);
}

/* Runs what is waiting before staged writes go to disk, so that its writes go along. */
static void before_commit(void *arg)
{
    struct controllers *all = object_from(controllers, CONTROLLERS_TAG, arg);

    if (queue_is_waiting(all) && !queue_is_turning(all) && !queue_is_stopped(all))
        on_turn(all);
}

static const struct objects_follower follower = {on_changed, before_commit};

static void note_each(void *arg, const struct object *object)
{
    struct controllers *all = arg;

    world_note(all, NULL, object);
    index_note(all, NULL, object);
    rows_note(all, NULL, object);
    joins_note(all, NULL, object);
    expected_note(all, NULL, object);
    controllers_read_done(all);
}

static void tell_each(void *arg, const struct object *object)
{
    wake_concerned(arg, NULL, object);
    controllers_read_done(arg);
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
    index_open(all);
    rows_open(all);
    joins_open(all);
    expected_open(all);
    decisions_open(all);
    for_each_object(all, note_each);
}

/* Wakes the keys of every object once; from then on only changes wake keys. */
static void start_all(void *arg)
{
    struct controllers *all = object_from(controllers, CONTROLLERS_TAG, arg);

    for_each_object(all, tell_each);
    if (all->collector)
        collector_wake_all(all->collector);
}

/*
 * What was staged did not reach the disk: everything is looked at again, at once
 * and then, while the disk stays full, as errors of the world are tried again.
 */
static void on_durable(void *arg, const struct err *err)
{
    struct controllers *all = object_from(controllers, CONTROLLERS_TAG, arg);
    bool first = !all->commits->disk.tries;
    int64_t wait;

    if (queue_is_stopped(all))
        return;
    all->commits->waiting = false;
    if (!err) {
        loop_backoff_reset(&all->commits->disk);
        if (store_is_staged(objects_store(all->objects)))
            await_commit(all); /* of what was staged meanwhile */
        return;
    }
    log_warn("controllers", "nothing of the last reconcile run was stored: %s", err->text);
    read_all(all);
    wait = loop_backoff_next(&all->commits->disk);
    loop_timer_set(all->commits->restart, first ? 0 : wait);
}

/* ---- Life ------------------------------------------------------------------------- */

static int find_kinds(struct controllers *all, struct err *err)
{
    const struct kinds *kinds = objects_kinds(all->objects);

    for (size_t i = 0; i < KIND_ID_COUNT; i++) {
        all->kinds[i] = kinds_by_kind(kinds, kind_id_rows[i].api_version, kind_id_rows[i].kind);
        if (!all->kinds[i])
            return err_set(err, ERR_INTERNAL, "controllers need the kind %s %s",
                           kind_id_rows[i].api_version, kind_id_rows[i].kind);
    }
    return 0;
}

/* Sets that are missing are made at the start; one that is deleted later, at once (clusterset.c).
 */
static int make_sets(struct controllers *all, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *set;

    for (size_t i = 0; (set = clusterset_first(arena, i)); i++)
        if (objects_ensure(all->objects, "axle-clusterset", set, NULL, err) < 0)
            return -1;
    return 0;
}

void controllers_render_again(struct controllers *all, const char *repository)
{
    scoped_mem char *namespace = mem_copy_string(repository);
    char *slash = strrchr(namespace, '/');

    if (!slash)
        return;
    *slash = '\0';
    controllers_wake(all, &controller_deployment, namespace, slash + 1);
}

static void add_rules(struct controllers *all)
{
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
}

static void open_commits(struct controllers *all)
{
    all->commits = mem_alloc(sizeof *all->commits);
    all->commits->restart = loop_timer_new(all->loop, start_all, all);
    all->commits->disk = (struct loop_backoff){RESTART_LEAST, RESTART_MOST, 0};
}

struct controllers *controllers_start(struct objects *objects, struct loop *loop,
                                      const struct controllers_settings *settings, struct err *err)
{
    struct controllers *all = mem_alloc(sizeof *all);

    all->tag = CONTROLLERS_TAG;
    all->objects = objects;
    all->loop = loop;
    if (settings)
        all->settings = *settings;
    if (find_kinds(all, err) < 0 || make_sets(all, err) < 0) {
        mem_free(&all);
        return NULL;
    }
    all->started = clock_wall();
    queue_open(all, on_turn);
    open_commits(all);
    add_rules(all);
    objects_follow(objects, &follower, all);
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

    if (!all)
        return;
    *controllers = NULL;
    /* The last commit publishes to the listeners, so it comes before they are freed. */
    queue_stop(all);
    objects_follow(all->objects, NULL, NULL);
    objects_commit(all->objects);
    proof_free(&all->proof);
    collector_free(&all->collector);
    queue_close(all);
    loop_timer_free(&all->commits->restart);
    mem_free(&all->commits);
    placement_world_free(&all->world);
    index_free(all);
    rows_free(all);
    joins_free(all);
    expected_free(all);
    decisions_free(all);
    claim_free(all);
    all->tag = 0;
    mem_free(&all);
}

bool controllers_idle(const struct controllers *controllers)
{
    return queue_is_idle(controllers);
}

unsigned controllers_missed(const struct controllers *controllers)
{
    return controllers->proof ? proof_missed(controllers->proof) : 0;
}

void controllers_metrics(const struct controllers *controllers, struct text *out)
{
    const struct turn_counts *counts = &controllers->counts;

    text_addf(out,
              "# TYPE axle_controller_runs_total counter\n"
              "axle_controller_runs_total %llu\n"
              "# TYPE axle_controller_failures_total counter\n"
              "axle_controller_failures_total %llu\n"
              "# TYPE axle_controller_unpublished_failures_total counter\n"
              "axle_controller_unpublished_failures_total %llu\n"
              "# TYPE axle_controller_queue gauge\n"
              "axle_controller_queue %zu\n"
              "# TYPE axle_controller_waited_names gauge\n"
              "axle_controller_waited_names %zu\n",
              (unsigned long long)counts->runs, (unsigned long long)counts->failures,
              (unsigned long long)counts->unpublished, queue_length(controllers),
              claim_names(controllers));
}
