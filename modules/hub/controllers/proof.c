/* SPDX-License-Identifier: Apache-2.0 */
/* Proves in tests that every change wakes the keys that it concerns. */
#include "controllers/proof.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/object.h"
#include "base/text.h"
#include "controllers/queue.h"
#include "controllers/joins.h"
#include "controllers/rows.h"
#include "controllers/table.h"
#include "controllers/turns.h"

#include <string.h>

#define PROOF_TAG 0x50724f66u
/* At most an eleventh of the time is spent proving. */
#define PAUSE 10
#define SLICE (8 * CLOCK_MS)

struct proof {
    uint32_t tag;
    struct controllers *all;
    struct loop_timer *timer;
    bool changed;      /* since the last proof began */
    struct key **keys; /* owned array, the keys are the queue's: to be run */
    size_t count, room, next;
    const struct key *running; /* its run is under way … */
    bool refused;              /* … and wanted to write something */
    int64_t began;             /* steady time */
    int64_t not_before;        /* steady time */
    unsigned missed;
};

static void proof_turn(void *arg);
static objects_rule_fn refuse_write;

struct proof *proof_new(struct controllers *all)
{
    struct proof *proof = mem_alloc(sizeof *proof);

    proof->tag = PROOF_TAG;
    proof->all = all;
    proof->timer = loop_timer_new(all->loop, proof_turn, proof);
    objects_rule(all->objects, NULL, NULL, refuse_write, proof);
    return proof;
}

void proof_free(struct proof **proof)
{
    if (!*proof)
        return;
    loop_timer_free(&(*proof)->timer);
    mem_free(&(*proof)->keys);
    (*proof)->tag = 0;
    mem_free(proof);
}

void proof_note_change(struct proof *proof)
{
    proof->changed = true;
}

unsigned proof_missed(const struct proof *proof)
{
    return proof->missed;
}

void proof_plan(struct proof *proof)
{
    int64_t wait = proof->not_before - clock_steady();

    if (proof->changed && !loop_timer_is_set(proof->timer))
        loop_timer_set(proof->timer, wait > 0 ? wait : 0);
}

/* ---- Which keys ------------------------------------------------------------------ */

static void add_key(struct proof *proof, struct key *key)
{
    /* One that failed wants to write what could not be written, and more. */
    if (key->backoff.tries || key->published)
        return;
    if (proof->count == proof->room) {
        proof->room = proof->room ? 2 * proof->room : 256;
        proof->keys = mem_resize_array(proof->keys, proof->room, sizeof *proof->keys);
    }
    proof->keys[proof->count++] = key;
}

struct finding {
    struct proof *proof;
    const struct controller *controller;
};

static void make_key(void *arg, const struct object *object)
{
    struct finding *finding = arg;

    queue_key(finding->proof->all, finding->controller, object->namespace, object->name);
}

/* Every object that is there, and every name that was, since keys are kept. */
static void find_keys(struct proof *proof)
{
    struct controllers *all = proof->all;
    struct key *key;
    size_t at = 0;

    for (size_t i = 0; i < controller_count; i++) {
        struct finding finding = {proof, controller_table[i]};

        if (controller_table[i]->about != ABOUT_NOTHING)
            objects_each(all->objects, OBJECTS_STAGED, all->kinds[controller_table[i]->about], "",
                         make_key, &finding);
    }
    proof->count = proof->next = 0;
    while ((key = queue_each(all, &at)))
        if (key->controller->about != ABOUT_NOTHING)
            add_key(proof, key);
}

/* ---- What must not happen ----------------------------------------------------------- */

/* What every write changes says nothing. */
static bool changes_at_each_write(const char *field)
{
    return !strcmp(field, "managedFields") || !strcmp(field, "resourceVersion");
}

/* The path of the first field that differs; false: none does. */
static bool find_difference(const struct node *a, const struct node *b, struct text *path)
{
    size_t len = path->len;

    if (!node_is(a, NODE_MAP) || !node_is(b, NODE_MAP))
        return !a || !b || !node_same(a, b);
    node_each(member, b)
    {
        if (changes_at_each_write(member->key))
            continue;
        text_addf(path, ".%s", member->key);
        if (find_difference(node_get(a, member->key), member->value, path))
            return true;
        text_cut(path, len);
    }
    node_each(member, a) if (!node_get(b, member->key))
    {
        text_addf(path, ".%s", member->key);
        return true;
    }
    return false;
}

static void report_missed(struct proof *proof, const char *what)
{
    const struct key *key = proof->running;

    proof->missed++;
    log_error("controllers", "missed wake-up: %s %s%s%s %s", key->controller->name, key->namespace,
              *key->namespace ? "/" : "", key->name, what);
}

static bool proof_chooses_some(struct proof *proof, const struct objects_review *review)
{
    const struct key *key = proof->running;
    scoped_object struct object *placement =
        objects_get(proof->all->objects, OBJECTS_STAGED, proof->all->kinds[KIND_ID_PLACEMENT],
                    key->namespace, key->name, NULL);

    return placement &&
           node_at(object_read(review->arena, placement), "spec", "numberOfClusters", NULL);
}

/*
 * OCM's scheduler weighs clusters by what other Placements chose and by what it chose
 * itself. Neither makes a Placement choose again: it would never come to rest. So only
 * what does not hang on weights is proved.
 */
static bool is_weighed(struct proof *proof, const struct objects_review *review)
{
    struct node *old = node_map(review->arena), *new = node_map(review->arena);
    const struct node *lists[2];
    size_t same = 0;

    if (proof->running->controller != &controller_placement || !review->before || !review->after)
        return false;
    if (review->kind == proof->all->kinds[KIND_ID_PLACEMENT]) {
        node_set(review->arena, old, "x",
                 node_share(review->arena, node_get(review->before, "status")));
        node_set(review->arena, new, "x",
                 node_share(review->arena, node_get(review->after, "status")));
        node_remove(node_get(old, "x"), "clusters");
        node_remove(node_get(new, "x"), "clusters");
        return node_same(old, new);
    }
    lists[0] = node_at(review->before, "status", "decisions", NULL);
    lists[1] = node_at(review->after, "status", "decisions", NULL);
    for (size_t i = 0; i < node_count(lists[0]); i++)
        node_set(review->arena, old, node_get_text(node_item(lists[0], i), "clusterName"),
                 node_null(review->arena));
    for (size_t i = 0; i < node_count(lists[1]); i++)
        same += node_get(old, node_get_text(node_item(lists[1], i), "clusterName")) != NULL;
    return node_count(lists[0]) == node_count(lists[1]) &&
           (same == node_count(lists[1]) || proof_chooses_some(proof, review));
}

/* Nothing that the proof finds is written, so it changes no result. */
static int refuse_write(void *arg, const struct objects_review *review, struct err *err)
{
    struct proof *proof = object_from(proof, PROOF_TAG, arg);
    const struct node *before = review->before, *after = review->after;
    scoped_text struct text path = {0};

    if (!proof->running || (before && after && !find_difference(before, after, &path)))
        return 0;
    if (!proof->refused && !is_weighed(proof, review))
        report_missed(proof, arena_printf(review->arena, "would have %s %s %s%s%s%s%s",
                                          before && after ? "changed"
                                          : after         ? "made"
                                                          : "removed",
                                          review->kind->kind, review->namespace,
                                          *review->namespace ? "/" : "", review->name,
                                          path.len ? " " : "", text_string(&path)));
    proof->refused = true;
    return err_set(err, ERR_INTERNAL, "a proof writes nothing");
}

/* ---- Running them --------------------------------------------------------------------- */

static void prove_key(struct proof *proof, const struct key *key)
{
    struct turn_result result;
    struct err err = {0};

    proof->running = key;
    proof->all->proving = true;
    proof->refused = false;
    if (turns_run_controller(proof->all, key, key->ran_at ? key->ran_at : clock_wall(), &result,
                             &err) < 0 &&
        !proof->refused) {
        scoped_mem char *words = mem_printf("failed: %s", err.text);

        report_missed(proof, words);
    }
    proof->all->proving = false;
    proof->running = NULL;
}

static void recount_rows(struct proof *proof)
{
    scoped_text struct text why = {0};

    if (rows_are_true(proof->all, &why) && joins_are_true(proof->all, &why))
        return;
    proof->missed++;
    log_error("controllers", "what is kept is not what a recount gives: %s", text_string(&why));
}

/* A change comes first; then all is proved anew. */
static void proof_turn(void *arg)
{
    struct proof *proof = object_from(proof, PROOF_TAG, arg);
    int64_t until = clock_steady() + SLICE;

    if (!queue_is_quiet(proof->all)) {
        proof->count = proof->next = 0;
        proof->changed = true;
        return;
    }
    if (proof->next == proof->count) {
        recount_rows(proof);
        proof->changed = false;
        proof->began = clock_steady();
        find_keys(proof);
    }
    while (proof->next < proof->count && queue_is_quiet(proof->all) && clock_steady() < until)
        prove_key(proof, proof->keys[proof->next++]);
    if (!queue_is_quiet(proof->all)) {
        proof->count = proof->next = 0;
        proof->changed = true;
    } else if (proof->next < proof->count) {
        loop_timer_set(proof->timer, 0);
    } else {
        proof->count = proof->next = 0;
        proof->not_before = clock_steady() + PAUSE * (clock_steady() - proof->began);
        proof_plan(proof);
    }
}
