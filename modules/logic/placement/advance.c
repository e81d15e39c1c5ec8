/* SPDX-License-Identifier: Apache-2.0 */
/* Takes the next step of a replica set: who gets the wanted version, and what goes. */
#include "placement/placement.h"

#include "base/clock.h"
#include "query/query.h"

#include <stdlib.h>
#include <string.h>

/* One placementRef and the places that are its own. */
struct roll {
    struct placement_advance *all;
    struct placement_ref *ref;
    struct arena *arena;
    const struct node *options;
    bool slow;       /* not all at once */
    bool one_by_one; /* within maxConcurrency, rather than by groups */
    bool mandatory_done;
    int64_t deadline, soak;
    struct placement_rollout_group *groups;
    size_t group_count;
    struct member {
        struct placement_place *place;
        size_t group;
        bool mandatory;
    } *members; /* by group, then as decided */
    size_t count, mandatory_count;
    struct placement_rollout_cluster *known; /* for OCM's rollout */
    size_t known_count;
};

/* ---- Whose a cluster is ------------------------------------------------------ */

static int by_cluster(const void *a, const void *b)
{
    return strcmp(((const struct placement_place *)a)->cluster,
                  ((const struct placement_place *)b)->cluster);
}

static struct placement_place *find_place(const struct placement_advance *all,
                                          const char *cluster)
{
    struct placement_place key = { .cluster = cluster };

    return all->place_count ? bsearch(&key, all->places, all->place_count, sizeof key,
                                      by_cluster) : NULL;
}

static bool is_mandatory(const struct node *options, const struct placement_rollout_group *group)
{
    const struct node *keys = node_get(options, "mandatoryDecisionGroups");

    for (size_t i = 0; i < node_count(keys); i++) {
        const char *name;
        int64_t index;

        placement_rollout_group_key(node_item(keys, i), &name, &index);
        if (*name ? !strcmp(name, group->name) : group->index == index)
            return true;
    }
    return false;
}

/* The groups of this ref, without what a ref before it has chosen. */
static void claim_places(struct roll *roll, size_t index)
{
    struct placement_ref *ref = roll->ref;
    size_t most = 0;

    for (size_t i = 0; i < ref->group_count; i++)
        most += ref->groups[i].count;
    roll->members = arena_alloc(roll->arena, (most + 1) * sizeof *roll->members);
    roll->known = arena_alloc(roll->arena, (most + 1) * sizeof *roll->known);
    roll->groups = arena_alloc(roll->arena, (ref->group_count + 1) * sizeof *roll->groups);
    roll->group_count = ref->group_count;
    for (size_t i = 0; i < ref->group_count; i++) {
        struct placement_rollout_group *group = &roll->groups[i];
        const char **names = arena_alloc(roll->arena, (ref->groups[i].count + 1) * sizeof *names);
        bool mandatory = roll->slow && is_mandatory(roll->options, &ref->groups[i]);

        *group = (struct placement_rollout_group){ ref->groups[i].name, ref->groups[i].index,
                                                   names, 0 };
        for (size_t k = 0; k < ref->groups[i].count; k++) {
            struct placement_place *place = find_place(roll->all, ref->groups[i].clusters[k]);

            if (!place || place->ref != PLACEMENT_NO_REF)
                continue;
            place->ref = index;
            place->member = roll->count;
            names[group->count++] = place->cluster;
            roll->members[roll->count++] = (struct member){ place, i, mandatory };
            roll->mandatory_count += mandatory;
        }
    }
    ref->chosen = roll->count;
}

/* ---- How one place stands ------------------------------------------------------ */

/* The spoke's clock is its own: what it says lies between the hub's write and now. */
static int64_t began(const struct placement_place *place, int64_t now)
{
    if (place->since > now || place->since < place->written)
        return place->written;
    return place->since;
}

static int64_t ends_at(int64_t from, int64_t wait)
{
    int64_t at;

    if (!from || wait == INT64_MAX || __builtin_add_overflow(from, wait, &at))
        return 0;
    return at;
}

/*
 * When progressDeadline is over. It counts from the spoke's last change, but until a
 * place was done once no going back and forth makes that later than the deadline,
 * and then minSuccessTime, after it was given its version: else one that fails and
 * recovers in turns would hold its slot for ever.
 */
static int64_t late_at(const struct roll *roll, const struct placement_place *place)
{
    int64_t late = ends_at(began(place, roll->all->now), roll->deadline), least, most;

    if (place->settled || !place->written || !late)
        return late;
    least = ends_at(place->written, roll->deadline);
    most = ends_at(least, roll->soak);
    return late < least ? least : most && late > most ? most : late;
}

/* Where no deadline is set, a place that nothing is heard of is passed over. */
static bool is_passed_over(const struct roll *roll, const struct member *member)
{
    return member->place->silent_since && roll->slow && roll->deadline == INT64_MAX &&
           !member->mandatory;
}

/* It has the wanted version. */
static void judge_current(const struct roll *roll, const struct member *member)
{
    struct placement_place *place = member->place;
    int64_t now = roll->all->now, at = began(place, now);
    int64_t late = late_at(roll, place), soaked = ends_at(at, roll->soak);

    if (place->status == ROLLOUT_SUCCEEDED) {
        bool soaking = roll->slow && soaked > now;

        place->state = soaking ? PLACE_SOAKING : PLACE_DONE;
        place->until = soaking ? soaked : 0;
    } else if (late && now >= late) {
        place->state = PLACE_TIMED_OUT;
    } else if (place->status == ROLLOUT_FAILED) {
        place->state = PLACE_FAILED;
        place->until = late;
    } else if (is_passed_over(roll, member)) {
        place->state = PLACE_SILENT;
    } else {
        place->state = PLACE_IN_PROGRESS;
        place->until = late;
    }
}

static void judge(const struct roll *roll, const struct member *member)
{
    struct placement_place *place = member->place;

    if (place->blocked)
        place->state = PLACE_BLOCKED;
    else if (place->current)
        judge_current(roll, member);
    else if (is_passed_over(roll, member))
        place->state = PLACE_SILENT;
    else
        place->state = PLACE_WAITING;
}

static bool has_failed(const struct placement_place *place)
{
    return place->state == PLACE_FAILED || place->state == PLACE_TIMED_OUT;
}

/* ---- What OCM's rollout is told -------------------------------------------------- */

static void tell_known(struct roll *roll, const struct placement_place *place,
                       enum placement_rollout_status status, int64_t since)
{
    roll->known[roll->known_count++] = (struct placement_rollout_cluster){
        .name = place->cluster, .group_name = "", .status = status, .since = since,
    };
}

/*
 * A place that has another version is not known, as in OCM: it queues as a new one.
 * Outside the mandatory groups what has failed for good frees its slot and counts
 * as a failure; in them it holds the rollout, whatever the reason.
 */
static void tell_member(struct roll *roll, const struct member *member)
{
    const struct placement_place *place = member->place;
    int64_t at = began(place, roll->all->now);

    switch (place->state) {
    case PLACE_DONE:
    case PLACE_SOAKING:
        tell_known(roll, place, ROLLOUT_SUCCEEDED, at);
        break;
    case PLACE_IN_PROGRESS:
        tell_known(roll, place, ROLLOUT_PROGRESSING, at);
        break;
    case PLACE_FAILED:
        tell_known(roll, place, member->mandatory || place->until ? ROLLOUT_FAILED
                                                                  : ROLLOUT_TIMED_OUT, at);
        break;
    case PLACE_TIMED_OUT:
        tell_known(roll, place, member->mandatory ? ROLLOUT_PROGRESSING : ROLLOUT_TIMED_OUT, at);
        break;
    case PLACE_SILENT:
        tell_known(roll, place, ROLLOUT_SKIP, 0);
        break;
    case PLACE_BLOCKED:
        tell_known(roll, place, member->mandatory ? ROLLOUT_FAILED : ROLLOUT_SKIP, 0);
        break;
    case PLACE_WAITING:
    case PLACE_UNWANTED:
        break;
    }
}

/* ---- A newer version in mid-rollout ------------------------------------------------ */

static void write_place(const struct roll *roll, struct placement_place *place)
{
    place->step = STEP_WRITE;
    if (place->state == PLACE_SILENT)
        return;
    place->state = PLACE_IN_PROGRESS;
    place->until = ends_at(roll->all->now, roll->deadline);
}

/* What an older version is doing there: 2: it is under way, 1: it has failed. */
static int disturbance(const struct roll *roll, const struct placement_place *place)
{
    int64_t late = late_at(roll, place);

    if (!place->has_work || place->current || place->status == ROLLOUT_SUCCEEDED)
        return 0;
    return place->status == ROLLOUT_FAILED || (late && roll->all->now >= late) ? 1 : 2;
}

/* How many more may begin, beside those that are under way with the wanted version. */
static int64_t free_slots(const struct roll *roll)
{
    int64_t window, rest = (int64_t)(roll->count - roll->mandatory_count);

    if (placement_rollout_size(node_get(roll->options, "maxConcurrency"), rest, rest, &window,
                               NULL) < 0)
        return 0;
    for (size_t i = 0; i < roll->count; i++) {
        const struct placement_place *place = roll->members[i].place;

        window -= place->state == PLACE_IN_PROGRESS || place->state == PLACE_SOAKING ||
                  (place->state == PLACE_FAILED && place->until);
    }
    return window;
}

/*
 * What is under way with an older version gets the newest at once and keeps its
 * slot; then come those that failed with an older one. So a place that runs well
 * is not disturbed while another one is already. By groups the order of groups
 * counts for more: no group gets a version before those in front of it.
 */
static void supersede(struct roll *roll)
{
    int64_t left;

    if (!roll->one_by_one || !roll->mandatory_done || roll->ref->stopped)
        return;
    left = free_slots(roll);
    for (int wanted = 2; wanted > 0; wanted--)
        for (size_t i = 0; i < roll->count; i++) {
            struct placement_place *place = roll->members[i].place;
            bool waits = place->state == PLACE_WAITING;

            if (disturbance(roll, place) != wanted)
                continue;
            if (place->state == PLACE_SILENT && wanted == 2)
                write_place(roll, place);
            else if (waits && left > 0 && left--)
                write_place(roll, place);
            else if (!waits || wanted == 1)
                continue;
            if (waits)
                tell_known(roll, place, ROLLOUT_PROGRESSING, roll->all->now);
        }
}

/* ---- One placementRef ---------------------------------------------------------------- */

static const struct {
    const char *type, *options;
    bool slow, one_by_one;
} strategies[] = {
    { "All", "all", false, false },
    { "Progressive", "progressive", true, true },
    { "ProgressivePerGroup", "progressivePerGroup", true, false },
};

/* What is wrong with it is said by the rollout itself. */
static void read_strategy(struct roll *roll)
{
    const char *type = node_get_text(roll->ref->strategy, "type"), *soak;
    struct err ignored;

    roll->deadline = INT64_MAX;
    for (size_t i = 0; i < count_of(strategies); i++) {
        if (strcmp(strategies[i].type, *type ? type : "All"))
            continue;
        roll->options = node_get(roll->ref->strategy, strategies[i].options);
        roll->slow = strategies[i].slow;
        roll->one_by_one = strategies[i].one_by_one;
    }
    soak = node_get_text(roll->options, "minSuccessTime");
    if (placement_rollout_deadline(node_get_text(roll->options, "progressDeadline"),
                                   &roll->deadline, &ignored) < 0)
        roll->deadline = INT64_MAX;
    if (*soak && duration_parse(soak, &roll->soak, &ignored) < 0)
        roll->soak = 0;
}

/* How many failures a number of places may have; 0 where it cannot be read. */
static int64_t tolerated(const struct roll *roll, size_t count)
{
    int64_t ret;

    return placement_rollout_failures(node_get(roll->options, "maxFailures"), (int64_t)count,
                                      &ret, NULL) < 0 ? 0 : ret;
}

static void stop(struct roll *roll, size_t failed, size_t count, const char *where)
{
    int64_t most = tolerated(roll, count);

    if (!roll->ref->stopped && (int64_t)failed > most)
        roll->ref->stopped = arena_printf(roll->arena, "%zu of %zu%s failed, and maxFailures is "
                                          "%lld", failed, count, where, (long long)most);
}

/* More have failed than may: no other place is begun until that changes. */
static void stop_where_too_many_failed(struct roll *roll)
{
    struct { size_t failed, count; } *sums;

    if (roll->one_by_one)
        stop(roll, roll->ref->failed, roll->count, "");
    if (!roll->slow || roll->one_by_one)
        return;
    sums = arena_alloc(roll->arena, (roll->group_count + 1) * sizeof *sums);
    memset(sums, 0, (roll->group_count + 1) * sizeof *sums);
    for (size_t i = 0; i < roll->count; i++) {
        sums[roll->members[i].group].count++;
        sums[roll->members[i].group].failed += has_failed(roll->members[i].place);
    }
    for (size_t g = 0; g < roll->group_count; g++)
        stop(roll, sums[g].failed, sums[g].count, arena_printf(roll->arena, " in group %lld",
                                                  (long long)roll->groups[g].index));
}

static void count_members(struct roll *roll)
{
    roll->mandatory_done = true;
    for (size_t i = 0; i < roll->count; i++) {
        const struct member *member = &roll->members[i];

        if (member->mandatory && member->place->state != PLACE_DONE)
            roll->mandatory_done = false;
        if (member->mandatory && has_failed(member->place))
            roll->ref->stopped = arena_printf(roll->arena, "%s of a mandatory group failed",
                                              member->place->cluster);
        roll->ref->failed += has_failed(member->place);
        roll->ref->done += member->place->state == PLACE_DONE ||
                           member->place->state == PLACE_SOAKING;
    }
    stop_where_too_many_failed(roll);
}

/* The order in which groups have their turn: mandatory ones first. */
static int compare_turns(const struct roll *roll, const struct member *a, const struct member *b)
{
    const struct placement_rollout_group *one = &roll->groups[a->group];
    const struct placement_rollout_group *two = &roll->groups[b->group];

    if (a->mandatory != b->mandatory)
        return a->mandatory ? -1 : 1;
    if (one->index != two->index)
        return one->index < two->index ? -1 : 1;
    return strcmp(one->name, two->name);
}

/* The first group that is not as far as it gets. In OCM a failure in it hides
   another place that is still under way. */
static const struct member *first_busy(const struct roll *roll)
{
    const struct member *first = NULL;

    for (size_t i = 0; i < roll->count; i++) {
        const struct member *member = &roll->members[i];
        enum placement_state state = member->place->state;

        if ((state == PLACE_WAITING || state == PLACE_IN_PROGRESS || state == PLACE_SOAKING) &&
            (!first || compare_turns(roll, member, first) < 0))
            first = member;
    }
    return first;
}

static void write_started(struct roll *roll, const struct placement_rollout *out)
{
    const struct member *first = first_busy(roll);
    struct member busy;

    if (!first || (roll->one_by_one && roll->ref->stopped))
        return;
    busy = *first;
    for (size_t i = 0; i < out->count; i++) {
        struct placement_place *place = find_place(roll->all, out->clusters[i].name);
        const struct member *member = &roll->members[place->member];

        if (out->clusters[i].status == ROLLOUT_TO_APPLY && place->state == PLACE_WAITING &&
            (!roll->slow || roll->one_by_one || compare_turns(roll, member, &busy) <= 0))
            write_place(roll, place);
    }
}

static void roll_out(struct roll *roll)
{
    struct placement_rollout out;
    struct placement_rollout_input input = {
        .strategy = roll->ref->strategy, .groups = roll->groups,
        .group_count = roll->group_count, .now = roll->all->now, .failures_saturate = true,
    };
    struct err err = { 0 };

    for (size_t i = 0; i < roll->count; i++) {
        judge(roll, &roll->members[i]);
        tell_member(roll, &roll->members[i]);
    }
    count_members(roll);
    if (roll->ref->undecided)
        return;
    supersede(roll);
    input.existing = roll->known;
    input.existing_count = roll->known_count;
    input.mandatory_done = roll->mandatory_done;
    if (placement_rollout(&input, roll->arena, &out, &err) < 0) {
        roll->ref->wrong = arena_string(roll->arena, err.text);
        return;
    }
    write_started(roll, &out);
}

/* ---- What is no longer wanted ------------------------------------------------------------ */

static bool is_left(const struct placement_place *place)
{
    return place->ref == PLACEMENT_NO_REF && place->has_work && !place->leaving;
}

/* Whether a place that came with the move is as far as it gets by itself. */
static bool is_settled(const struct placement_advance *all, const struct placement_place *place)
{
    switch (place->state) {
    case PLACE_WAITING:
        return all->refs[place->ref].stopped || all->refs[place->ref].wrong;
    case PLACE_IN_PROGRESS:
        return place->silent_since && !place->until && place->step == STEP_NONE;
    case PLACE_SOAKING:
        return false;
    default:
        return true;
    }
}

struct balance {
    size_t left;              /* works that no placementRef wants */
    size_t wanted, newcomers; /* places; those that came with the move */
    int64_t running;          /* of both */
    const char *awaited;      /* a newcomer that has it not yet */
    const char *undecided;
};

static void weigh(const struct placement_advance *all, struct balance *ret)
{
    *ret = (struct balance){ 0 };
    for (size_t i = 0; i < all->ref_count; i++)
        if (all->refs[i].undecided)
            ret->undecided = all->refs[i].name;
    for (size_t i = 0; i < all->place_count; i++) {
        const struct placement_place *place = &all->places[i];
        bool wanted = place->ref != PLACEMENT_NO_REF;

        ret->left += is_left(place);
        ret->running += place->running && !place->leaving && !place->lost;
        ret->wanted += wanted;
        if (!wanted || (place->has_work && !place->leaving && all->move.since &&
                        place->created < all->move.since))
            continue;
        if (place->has_work && !place->leaving && !all->move.since)
            continue;
        ret->newcomers++;
        if (!ret->awaited && !is_settled(all, place))
            ret->awaited = place->cluster;
    }
}

static void remove_left(struct placement_advance *all, int64_t may_stop)
{
    for (size_t i = 0; i < all->place_count; i++) {
        struct placement_place *place = &all->places[i];

        if (is_left(place) && (!place->running || may_stop-- > 0))
            place->step = STEP_REMOVE;
    }
}

/* As before, new places come first: none of the old ones goes until the new ones
   have it, and then only as many as leave no fewer running than before the move. */
static void clear_up(struct placement_advance *all, struct arena *arena)
{
    struct balance sum;
    int64_t floor;

    weigh(all, &sum);
    if (!sum.left) {
        all->move = (struct placement_move){ 0 };
        return;
    }
    if (!all->move.since) {
        all->move.since = all->now / CLOCK_SECOND * CLOCK_SECOND;
        all->move.running = sum.running;
    }
    floor = all->move.running < (int64_t)sum.wanted ? all->move.running : (int64_t)sum.wanted;
    if (sum.undecided)
        all->kept = arena_printf(arena, "the Placement \"%s\" has decided", sum.undecided);
    else if (sum.awaited)
        all->kept = arena_printf(arena, "%s has it", sum.awaited);
    else if (sum.newcomers)
        remove_left(all, sum.running - floor);
    else
        remove_left(all, INT64_MAX);
    for (size_t i = 0; i < all->place_count && !all->kept; i++)
        if (is_left(&all->places[i]) && all->places[i].step == STEP_NONE)
            all->kept = "as many run in the new places";
}

/* ---- All of it ------------------------------------------------------------------------------ */

static void withdraw_lost(struct placement_advance *all)
{
    for (size_t i = 0; i < all->place_count; i++) {
        struct placement_place *place = &all->places[i];

        if (place->lost)
            place->step = place->has_work && !place->leaving ? STEP_REMOVE : STEP_NONE;
    }
}

static void find_recheck(struct placement_advance *all)
{
    all->recheck_at = 0;
    for (size_t i = 0; i < all->place_count; i++) {
        int64_t until = all->places[i].until;

        if (until > all->now && (!all->recheck_at || until < all->recheck_at))
            all->recheck_at = until;
    }
}

void placement_advance(struct placement_advance *advance, struct arena *arena)
{
    if (advance->place_count)
        qsort(advance->places, advance->place_count, sizeof *advance->places, by_cluster);
    for (size_t i = 0; i < advance->place_count; i++) {
        advance->places[i].ref = PLACEMENT_NO_REF;
        advance->places[i].state = PLACE_UNWANTED;
        advance->places[i].step = STEP_NONE;
        advance->places[i].until = 0;
    }
    advance->kept = NULL;
    for (size_t i = 0; i < advance->ref_count; i++) {
        struct roll roll = { .all = advance, .ref = &advance->refs[i], .arena = arena };

        roll.ref->done = roll.ref->failed = 0;
        roll.ref->stopped = roll.ref->wrong = NULL;
        read_strategy(&roll);
        claim_places(&roll, i);
        roll_out(&roll);
    }
    clear_up(advance, arena);
    withdraw_lost(advance);
    find_recheck(advance);
}
