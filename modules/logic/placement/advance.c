/* SPDX-License-Identifier: Apache-2.0 */
/* Decides the next step of a replica set: which clusters get the wanted version, which works go. */
#include "placement/placement.h"

#include "base/clock.h"
#include "query/query.h"

#include <stdlib.h>
#include <string.h>

/* The rollout of one placementRef, over the clusters that no ref before it chooses. */
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
    } * members; /* by group, then as decided */
    size_t count, mandatory_count;
    struct placement_rollout_cluster *known; /* for OCM's rollout */
    size_t known_count;
};

/* ---- Which placementRef a cluster belongs to ---- */

static int compare_places(const void *a, const void *b)
{
    return strcmp(((const struct placement_place *)a)->cluster,
                  ((const struct placement_place *)b)->cluster);
}

static struct placement_place *find_cluster_place(const struct placement_advance *all,
                                                  const char *cluster)
{
    struct placement_place key = {.cluster = cluster};

    return all->place_count
               ? bsearch(&key, all->places, all->place_count, sizeof key, compare_places)
               : NULL;
}

/* Whether mandatoryDecisionGroups of the strategy name this group, by name or by index. */
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

/*
 * Reads the decision groups of this ref and takes their places. A cluster that several
 * refs choose belongs to the first of them, so that two rollouts never write the same
 * work.
 */
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

        *group =
            (struct placement_rollout_group){ref->groups[i].name, ref->groups[i].index, names, 0};
        for (size_t k = 0; k < ref->groups[i].count; k++) {
            struct placement_place *place =
                find_cluster_place(roll->all, ref->groups[i].clusters[k]);

            if (!place || place->ref != PLACEMENT_NO_REF)
                continue;
            place->ref = index;
            place->member = roll->count;
            names[group->count++] = place->cluster;
            roll->members[roll->count++] = (struct member){place, i, mandatory};
            roll->mandatory_count += mandatory;
        }
    }
    ref->chosen = roll->count;
}

/* ---- The state of one place ---- */

/*
 * Since when the place has its status. The time comes from the spoke, whose clock may
 * be wrong: one before the hub's write, or in the future, counts as the time of that
 * write.
 */
static int64_t find_start_time(const struct placement_place *place, int64_t now)
{
    if (place->since > now || place->since < place->written)
        return place->written;
    return place->since;
}

/* When a wait that began at `from` is over; 0: never, or it has not begun. */
static int64_t add_wait(int64_t from, int64_t wait)
{
    int64_t at;

    if (!from || wait == INT64_MAX || __builtin_add_overflow(from, wait, &at))
        return 0;
    return at;
}

/*
 * When progressDeadline ends for the place. It counts from the spoke's last change of
 * status. Until the place has been done once, the deadline lies between
 * progressDeadline after the hub's write and minSuccessTime later: otherwise a place
 * that fails and recovers in turn would move its deadline for ever, and keep its slot.
 */
static int64_t find_deadline(const struct roll *roll, const struct placement_place *place)
{
    int64_t late = add_wait(find_start_time(place, roll->all->now), roll->deadline), least, most;

    if (place->settled || !place->written || !late)
        return late;
    least = add_wait(place->written, roll->deadline);
    most = add_wait(least, roll->soak);
    return late < least ? least : most && late > most ? most : late;
}

/*
 * Whether the rollout goes on without this place: its spoke is silent, and without a
 * progressDeadline the wait would never end. A mandatory group is waited for all the
 * same.
 */
static bool is_passed_over(const struct roll *roll, const struct member *member)
{
    return member->place->silent_since && roll->slow && roll->deadline == INT64_MAX &&
           !member->mandatory;
}

/* The state of a place whose work has the wanted version. */
static void set_current_state(const struct roll *roll, const struct member *member)
{
    struct placement_place *place = member->place;
    int64_t now = roll->all->now, at = find_start_time(place, now);
    int64_t late = find_deadline(roll, place), soaked = add_wait(at, roll->soak);

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

/* The state of any place: first what blocks it, then the version that its work has. */
static void set_place_state(const struct roll *roll, const struct member *member)
{
    struct placement_place *place = member->place;

    if (place->blocked)
        place->state = PLACE_BLOCKED;
    else if (place->current)
        set_current_state(roll, member);
    else if (is_passed_over(roll, member))
        place->state = PLACE_SILENT;
    else
        place->state = PLACE_WAITING;
}

static bool place_has_failed(const struct placement_place *place)
{
    return place->state == PLACE_FAILED || place->state == PLACE_TIMED_OUT;
}

/* ---- The input of OCM's rollout ---- */

static void add_known_cluster(struct roll *roll, const struct placement_place *place,
                              enum placement_rollout_status status, int64_t since)
{
    roll->known[roll->known_count++] = (struct placement_rollout_cluster){
        .name = place->cluster,
        .group_name = "",
        .status = status,
        .since = since,
    };
}

/*
 * Maps the state of a place to a status of OCM. A place with another version is left
 * out, as in OCM, and queues as a new cluster. Outside of the mandatory groups a place
 * that failed for good frees its slot and counts as a failure; in them it holds up the
 * rollout, whatever the reason.
 */
static void add_known_member(struct roll *roll, const struct member *member)
{
    const struct placement_place *place = member->place;
    int64_t at = find_start_time(place, roll->all->now);

    switch (place->state) {
    case PLACE_DONE:
    case PLACE_SOAKING:
        add_known_cluster(roll, place, ROLLOUT_SUCCEEDED, at);
        break;
    case PLACE_IN_PROGRESS:
        add_known_cluster(roll, place, ROLLOUT_PROGRESSING, at);
        break;
    case PLACE_FAILED:
        add_known_cluster(roll, place,
                          member->mandatory || place->until ? ROLLOUT_FAILED : ROLLOUT_TIMED_OUT,
                          at);
        break;
    case PLACE_TIMED_OUT:
        add_known_cluster(roll, place, member->mandatory ? ROLLOUT_PROGRESSING : ROLLOUT_TIMED_OUT,
                          at);
        break;
    case PLACE_SILENT:
        add_known_cluster(roll, place, ROLLOUT_SKIP, 0);
        break;
    case PLACE_BLOCKED:
        add_known_cluster(roll, place, member->mandatory ? ROLLOUT_FAILED : ROLLOUT_SKIP, 0);
        break;
    case PLACE_WAITING:
    case PLACE_UNWANTED:
        break;
    }
}

/* ---- A newer version in mid-rollout ---- */

/* Gives the place the wanted version now. A silent one stays SILENT: it is written to,
   but the rollout does not wait for it. */
static void write_place(const struct roll *roll, struct placement_place *place)
{
    place->step = STEP_WRITE;
    if (place->state == PLACE_SILENT)
        return;
    place->state = PLACE_IN_PROGRESS;
    place->until = add_wait(roll->all->now, roll->deadline);
}

/* How an older version at the place stands: 2: its rollout is under way, 1: it has
   failed, 0: there is none, or it runs well. */
static int rank_disturbance(const struct roll *roll, const struct placement_place *place)
{
    int64_t late = find_deadline(roll, place);

    if (!place->has_work || place->current || place->status == ROLLOUT_SUCCEEDED)
        return 0;
    return place->status == ROLLOUT_FAILED || (late && roll->all->now >= late) ? 1 : 2;
}

/* How many more places may begin: maxConcurrency less those that are under way with the
   wanted version. */
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
 * A place where an older version is under way gets the newest one at once and keeps
 * its slot; places where an older version failed come next. So a place that runs well
 * is not disturbed while another one is disturbed already. Per group this does not
 * apply, because there the order of the groups counts for more: no group gets a
 * version before the groups in front of it.
 */
static void write_superseded_places(struct roll *roll)
{
    int64_t left;

    if (!roll->one_by_one || !roll->mandatory_done || roll->ref->stopped)
        return;
    left = free_slots(roll);
    for (int wanted = 2; wanted > 0; wanted--)
        for (size_t i = 0; i < roll->count; i++) {
            struct placement_place *place = roll->members[i].place;
            bool waits = place->state == PLACE_WAITING;

            if (rank_disturbance(roll, place) != wanted)
                continue;
            if (place->state == PLACE_SILENT && wanted == 2)
                write_place(roll, place);
            else if (waits && left > 0 && left--)
                write_place(roll, place);
            else if (!waits || wanted == 1)
                continue;
            if (waits)
                add_known_cluster(roll, place, ROLLOUT_PROGRESSING, roll->all->now);
        }
}

/* ---- One placementRef ---- */

static const struct {
    const char *type, *options;
    bool slow, one_by_one;
} strategies[] = {
    {"All", "all", false, false},
    {"Progressive", "progressive", true, true},
    {"ProgressivePerGroup", "progressivePerGroup", true, false},
};

/* Reads the options of the strategy. What cannot be read has its default here;
   placement_rollout() reads the same options and returns the error. */
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

/* maxFailures for this many places; 0, the strictest value, where it cannot be read. */
static int64_t read_max_failures(const struct roll *roll, size_t count)
{
    int64_t ret;

    return placement_rollout_failures(node_get(roll->options, "maxFailures"), (int64_t)count, &ret,
                                      NULL) < 0
               ? 0
               : ret;
}

/* Stops the ref if more places failed than maxFailures allows. The first reason stays. */
static void stop_after_failures(struct roll *roll, size_t failed, size_t count, const char *where)
{
    int64_t most = read_max_failures(roll, count);

    if (!roll->ref->stopped && (int64_t)failed > most)
        roll->ref->stopped = arena_printf(roll->arena,
                                          "%zu of %zu%s failed, and maxFailures is "
                                          "%lld",
                                          failed, count, where, (long long)most);
}

/* Progressive counts failures over all places, ProgressivePerGroup in each group. A
   stopped ref begins no other place until the count changes. */
static void stop_where_too_many_failed(struct roll *roll)
{
    struct {
        size_t failed, count;
    } * sums;

    if (roll->one_by_one)
        stop_after_failures(roll, roll->ref->failed, roll->count, "");
    if (!roll->slow || roll->one_by_one)
        return;
    sums = arena_alloc(roll->arena, (roll->group_count + 1) * sizeof *sums);
    memset(sums, 0, (roll->group_count + 1) * sizeof *sums);
    for (size_t i = 0; i < roll->count; i++) {
        sums[roll->members[i].group].count++;
        sums[roll->members[i].group].failed += place_has_failed(roll->members[i].place);
    }
    for (size_t g = 0; g < roll->group_count; g++)
        stop_after_failures(
            roll, sums[g].failed, sums[g].count,
            arena_printf(roll->arena, " in group %lld", (long long)roll->groups[g].index));
}

/* Sums up the states of the places, and whether the mandatory groups are through. */
static void count_members(struct roll *roll)
{
    roll->mandatory_done = true;
    for (size_t i = 0; i < roll->count; i++) {
        const struct member *member = &roll->members[i];

        if (member->mandatory && member->place->state != PLACE_DONE)
            roll->mandatory_done = false;
        if (member->mandatory && place_has_failed(member->place))
            roll->ref->stopped =
                arena_printf(roll->arena, "%s of a mandatory group failed", member->place->cluster);
        roll->ref->failed += place_has_failed(member->place);
        roll->ref->done +=
            member->place->state == PLACE_DONE || member->place->state == PLACE_SOAKING;
    }
    stop_where_too_many_failed(roll);
}

/* The order in which groups have their turn: mandatory ones, then by index, then by
   name. */
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

/*
 * A member of the first group that is not finished. OCM begins the next group when as
 * many places are left as failed, so that there a failed place can hide one that is
 * still under way.
 */
static const struct member *find_first_busy(const struct roll *roll)
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

/* Writes to the places that OCM's rollout lets begin, but to none behind the first group
   that is not finished. */
static void write_started_places(struct roll *roll, const struct placement_rollout *out)
{
    const struct member *first = find_first_busy(roll);
    struct member busy;

    if (!first || (roll->one_by_one && roll->ref->stopped))
        return;
    busy = *first;
    for (size_t i = 0; i < out->count; i++) {
        struct placement_place *place = find_cluster_place(roll->all, out->clusters[i].name);
        const struct member *member = &roll->members[place->member];

        if (out->clusters[i].status == ROLLOUT_TO_APPLY && place->state == PLACE_WAITING &&
            (!roll->slow || roll->one_by_one || compare_turns(roll, member, &busy) <= 0))
            write_place(roll, place);
    }
}

/* The rollout of one ref: sets the states, hands them to OCM's rollout, and writes to
   the places that may begin. */
static void roll_out_ref(struct roll *roll)
{
    struct placement_rollout out;
    struct placement_rollout_input input = {
        .strategy = roll->ref->strategy,
        .groups = roll->groups,
        .group_count = roll->group_count,
        .now = roll->all->now,
        .failures_saturate = true,
    };
    struct err err = {0};

    for (size_t i = 0; i < roll->count; i++) {
        set_place_state(roll, &roll->members[i]);
        add_known_member(roll, &roll->members[i]);
    }
    count_members(roll);
    if (roll->ref->undecided)
        return;
    write_superseded_places(roll);
    input.existing = roll->known;
    input.existing_count = roll->known_count;
    input.mandatory_done = roll->mandatory_done;
    if (placement_rollout(&input, roll->arena, &out, &err) < 0) {
        roll->ref->wrong = arena_string(roll->arena, err.text);
        return;
    }
    write_started_places(roll, &out);
}

/* ---- Works that are no longer wanted ---- */

/* A work that no placementRef chooses any more, and that is not being deleted yet. */
static bool is_unwanted_work(const struct placement_place *place)
{
    return place->ref == PLACEMENT_NO_REF && place->has_work && !place->leaving;
}

/* Whether a new place of the move has a state that it does not leave by itself, so that
   the old places need not wait for it any longer. */
static bool place_is_settled(const struct placement_advance *all,
                             const struct placement_place *place)
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
    const char *awaited;      /* a new place that does not have the version yet */
    const char *undecided;
};

/* Counts the old and the new places of a move. A wanted place is new if it has no work,
   if its work is being deleted, or if its work was made after the move began. */
static void measure_balance(const struct placement_advance *all, struct balance *ret)
{
    *ret = (struct balance){0};
    for (size_t i = 0; i < all->ref_count; i++)
        if (all->refs[i].undecided)
            ret->undecided = all->refs[i].name;
    for (size_t i = 0; i < all->place_count; i++) {
        const struct placement_place *place = &all->places[i];
        bool wanted = place->ref != PLACEMENT_NO_REF;

        ret->left += is_unwanted_work(place);
        ret->running += place->running && !place->leaving && !place->lost;
        ret->wanted += wanted;
        if (!wanted || (place->has_work && !place->leaving && all->move.since &&
                        place->created < all->move.since))
            continue;
        if (place->has_work && !place->leaving && !all->move.since)
            continue;
        ret->newcomers++;
        if (!ret->awaited && !place_is_settled(all, place))
            ret->awaited = place->cluster;
    }
}

/* Removes the unwanted works that do not run, and of those that run at most `may_stop`. */
static void remove_unwanted_works(struct placement_advance *all, int64_t may_stop)
{
    for (size_t i = 0; i < all->place_count; i++) {
        struct placement_place *place = &all->places[i];

        if (is_unwanted_work(place) && (!place->running || may_stop-- > 0))
            place->step = STEP_REMOVE;
    }
}

/*
 * Removes the works of places that are no longer chosen. None of them goes before the
 * new places have the version, and then only so many that no fewer run than before the
 * move, or than are wanted now.
 */
static void remove_after_move(struct placement_advance *all, struct arena *arena)
{
    struct balance sum;
    int64_t floor;

    measure_balance(all, &sum);
    if (!sum.left) {
        all->move = (struct placement_move){0};
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
        remove_unwanted_works(all, sum.running - floor);
    else
        remove_unwanted_works(all, INT64_MAX);
    for (size_t i = 0; i < all->place_count && !all->kept; i++)
        if (is_unwanted_work(&all->places[i]) && all->places[i].step == STEP_NONE)
            all->kept = "as many run in the new places";
}

/* ---- All placementRefs ---- */

/* A lost place is out of the namespace's reach, or its cluster is gone: it keeps
   nothing, whatever the rollout decided. */
static void remove_lost_works(struct placement_advance *all)
{
    for (size_t i = 0; i < all->place_count; i++) {
        struct placement_place *place = &all->places[i];

        if (place->lost)
            place->step = place->has_work && !place->leaving ? STEP_REMOVE : STEP_NONE;
    }
}

/* The earliest time at which the state of a place ends by itself. */
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
        qsort(advance->places, advance->place_count, sizeof *advance->places, compare_places);
    for (size_t i = 0; i < advance->place_count; i++) {
        advance->places[i].ref = PLACEMENT_NO_REF;
        advance->places[i].state = PLACE_UNWANTED;
        advance->places[i].step = STEP_NONE;
        advance->places[i].until = 0;
    }
    advance->kept = NULL;
    for (size_t i = 0; i < advance->ref_count; i++) {
        struct roll roll = {.all = advance, .ref = &advance->refs[i], .arena = arena};

        roll.ref->done = roll.ref->failed = 0;
        roll.ref->stopped = roll.ref->wrong = NULL;
        read_strategy(&roll);
        claim_places(&roll, i);
        roll_out_ref(&roll);
    }
    remove_after_move(advance, arena);
    remove_lost_works(advance);
    find_recheck(advance);
}
