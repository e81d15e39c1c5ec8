/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a pattern over a text, with all threads at once (Pike's virtual machine). */
#include "base/text.h"
#include "pattern/internal.h"

#include <string.h>

#define NO_RUNE 0xffffffffu

/* The threads by instruction, in order of preference, each at most once. `dense`
   and `sparse` are a sparse set: clearing it costs nothing, whatever it holds. */
struct threads {
    unsigned *dense, *sparse;
    size_t count;
    ptrdiff_t *slots; /* of each, by its place in `dense` */
};

/* What is left to follow: an instruction, or with `restore` the earlier value of a slot. */
struct pending {
    unsigned at;
    bool restore;
    unsigned slot;
    ptrdiff_t old;
};

struct search {
    const struct pattern *pattern;
    const char *text;
    size_t len, slot_count;
    struct threads now, then;
    struct pending *pending;
    ptrdiff_t *slots; /* of the thread being followed */
    struct meter *meter;
    uint64_t cost, paid, each; /* threads, and units for each of them */
};

/* Units for a thread that goes over a rune, and for a slot that it carries. */
#define COST_THREAD 24
#define SLOTS_A_UNIT 8

/* Charges for the threads since the last call. */
static bool pay_steps(struct search *search)
{
    uint64_t threads = search->cost - search->paid;

    search->paid = search->cost;
    return meter_spend(search->meter, threads * search->each);
}

static bool is_word_rune(unsigned rune)
{
    return rune < 0x80 && ((rune >= '0' && rune <= '9') || rune == '_' ||
                           ((rune | 0x20) >= 'a' && (rune | 0x20) <= 'z'));
}

static bool assertion_holds(enum step step, unsigned before, unsigned after)
{
    switch (step) {
    case STEP_BEGIN_TEXT:
        return before == NO_RUNE;
    case STEP_END_TEXT:
        return after == NO_RUNE;
    case STEP_BEGIN_LINE:
        return before == NO_RUNE || before == '\n';
    case STEP_END_LINE:
        return after == NO_RUNE || after == '\n';
    case STEP_WORD_EDGE:
        return is_word_rune(before) != is_word_rune(after);
    default:
        return is_word_rune(before) == is_word_rune(after);
    }
}

static bool was_followed(const struct threads *threads, unsigned at)
{
    unsigned place = threads->sparse[at];

    return place < threads->count && threads->dense[place] == at;
}

/*
 * Follows all instructions that consume no rune, and adds the threads that wait
 * for one. An explicit stack replaces recursion, because an expression can chain
 * thousands of splits.
 */
static void follow_thread(struct search *search, struct threads *threads, unsigned at,
                          ptrdiff_t place, unsigned before, unsigned after)
{
    struct pending *stack = search->pending;
    size_t depth = 0;

    stack[depth++] = (struct pending){.at = at};
    while (depth) {
        struct pending next = stack[--depth];
        const struct instruction *one;

        if (next.restore) {
            search->slots[next.slot] = next.old;
            continue;
        }
        if (was_followed(threads, next.at))
            continue;
        search->cost++;
        threads->sparse[next.at] = (unsigned)threads->count;
        threads->dense[threads->count++] = next.at;
        one = &search->pattern->code[next.at];
        switch (one->step) {
        case STEP_CLASS:
        case STEP_MATCH:
            memcpy(threads->slots + (threads->count - 1) * search->slot_count, search->slots,
                   search->slot_count * sizeof *search->slots);
            break;
        case STEP_SPLIT:
            stack[depth++] = (struct pending){.at = one->other};
            stack[depth++] = (struct pending){.at = one->to};
            break;
        case STEP_JUMP:
            stack[depth++] = (struct pending){.at = one->to};
            break;
        case STEP_SAVE:
            if (one->other >= search->slot_count) {
                stack[depth++] = (struct pending){.at = next.at + 1};
                break;
            }
            stack[depth++] = (struct pending){
                .restore = true, .slot = one->other, .old = search->slots[one->other]};
            search->slots[one->other] = place;
            stack[depth++] = (struct pending){.at = next.at + 1};
            break;
        default:
            if (assertion_holds(one->step, before, after))
                stack[depth++] = (struct pending){.at = next.at + 1};
            break;
        }
    }
}

static unsigned search_rune_at(const struct search *search, size_t at, size_t *step)
{
    unsigned rune = 0xfffd;

    *step = 1;
    if (at >= search->len)
        return NO_RUNE;
    if ((unsigned char)search->text[at] < 0x80)
        return (unsigned char)search->text[at];
    *step = text_utf8_next((const unsigned char *)search->text + at, search->len - at, &rune);
    if (*step)
        return rune;
    *step = 1;
    return 0xfffd;
}

/* Steps back at most four bytes, the longest form of a rune in UTF-8. */
static unsigned rune_before(const struct search *search, size_t at)
{
    size_t step;

    for (size_t back = 1; back <= 4 && back <= at; back++) {
        unsigned rune = search_rune_at(search, at - back, &step);

        if (step == back)
            return rune;
    }
    return at ? 0xfffd : NO_RUNE;
}

/* Moves every thread over one rune. True if one has matched; threads after it are
   less preferred and are dropped. */
static bool advance_threads(struct search *search, size_t place, unsigned rune, size_t step,
                            ptrdiff_t *ret)
{
    size_t after_step;
    unsigned after = search_rune_at(search, place + step, &after_step);

    search->then.count = 0;
    for (size_t i = 0; i < search->now.count; i++) {
        unsigned at = search->now.dense[i];
        const struct instruction *one = &search->pattern->code[at];
        const ptrdiff_t *slots = search->now.slots + i * search->slot_count;

        search->cost++;
        if (one->step == STEP_MATCH) {
            memcpy(ret, slots, search->slot_count * sizeof *ret);
            ret[1] = (ptrdiff_t)place;
            return true;
        }
        if (one->step != STEP_CLASS || rune == NO_RUNE || !class_has(one->class, rune))
            continue;
        memcpy(search->slots, slots, search->slot_count * sizeof *slots);
        follow_thread(search, &search->then, at + 1, (ptrdiff_t)(place + step), rune, after);
    }
    return false;
}

static bool run_search(struct search *search, size_t from, ptrdiff_t *ret)
{
    unsigned before = rune_before(search, from);
    bool matched = false;

    for (size_t place = from;;) {
        size_t step;
        unsigned rune = search_rune_at(search, place, &step);
        struct threads threads;

        /* A match starts at the leftmost place, so no new thread starts after the
           first match. */
        if (!matched) {
            for (size_t i = 0; i < search->slot_count; i++)
                search->slots[i] = -1;
            search->slots[0] = (ptrdiff_t)place;
            follow_thread(search, &search->now, 0, (ptrdiff_t)place, before, rune);
        }
        matched |= advance_threads(search, place, rune, step, ret);
        threads = search->now;
        search->now = search->then;
        search->then = threads;
        if (!pay_steps(search))
            return false;
        if (rune == NO_RUNE || (matched && !search->now.count))
            return matched;
        place += step;
        before = rune;
    }
}

static void threads_init(struct threads *threads, struct arena *arena, size_t count, size_t slots)
{
    threads->dense = arena_alloc(arena, count * sizeof(unsigned));
    threads->sparse = arena_alloc(arena, count * sizeof(unsigned));
    threads->slots = arena_alloc(arena, count * slots * sizeof(ptrdiff_t));
}

bool pattern_find(const struct pattern *pattern, const char *text, size_t len, size_t from,
                  ptrdiff_t *ret, struct meter *meter)
{
    scoped_arena struct arena *arena = arena_new();
    size_t slots = ret ? pattern->groups * 2 : 2;
    struct search search = {.pattern = pattern,
                            .text = text,
                            .len = len,
                            .slot_count = slots,
                            .meter = meter,
                            .each = COST_THREAD + slots / SLOTS_A_UNIT};

    /* The price of starting: memory for every thread that can exist. */
    if (!meter_spend(meter, 300 + pattern->count * (2 + slots)))
        return false;
    threads_init(&search.now, arena, pattern->count, slots);
    threads_init(&search.then, arena, pattern->count, slots);
    search.pending = arena_alloc(arena, (pattern->count * 2 + 2) * sizeof *search.pending);
    search.slots = arena_alloc(arena, slots * sizeof *search.slots);
    return run_search(&search, from, ret ? ret : arena_alloc(arena, slots * sizeof *ret));
}
