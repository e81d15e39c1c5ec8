/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the steps of rollouts: one by one, and through histories by chance. */
#include "placement/placement.h"

#include "base/clock.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

#define MOST 8
#define REFS 2
#define GROUPS 3
#define START (1000000 * CLOCK_SECOND)

/* ---- A fleet as the hub sees it ---------------------------------------------------- */

enum mood { WELL, FAILS, HANGS, FLAPS };
#define FLAPS_MOST 21 /* then it stays as it is, failed */

struct spoke {
    char name[8];
    bool exists, silent, has_work, leaving, seen, running;
    int64_t silent_since, written, created, since, settled;
    int content; /* of the work */
    int flaps;
    enum placement_rollout_status status;
    enum mood mood;
};

struct fleet {
    struct spoke spokes[MOST];
    size_t count;
    int content; /* wanted */
    size_t ref_count;
    struct {
        char strategy[300];
        bool undecided;
        int group_of[MOST];                       /* -1: not chosen */
        int64_t window, failures, deadline, soak; /* as the strategy says; 0: none */
        int type;
        bool mandatory;
    } refs[REFS];
    int64_t now;
    struct placement_move move;
    /* The last step. */
    struct arena *arena;
    struct placement_advance advance;
    size_t steps;
};

static void fleet_init(struct fleet *fleet, size_t count)
{
    *fleet = (struct fleet){.count = count, .now = START, .ref_count = 1, .content = 1};
    for (size_t i = 0; i < MOST; i++) {
        snprintf(fleet->spokes[i].name, sizeof fleet->spokes[i].name, "s%zu", i);
        fleet->spokes[i].exists = true;
        for (size_t r = 0; r < REFS; r++)
            fleet->refs[r].group_of[i] = r == 0 && i < count ? 0 : -1;
    }
}

static struct spoke *spoke_named(struct fleet *fleet, const char *name)
{
    return &fleet->spokes[name[1] - '0'];
}

static void gather_refs(struct fleet *fleet)
{
    struct arena *arena = fleet->arena;
    struct placement_ref *refs = arena_alloc(arena, REFS * sizeof *refs);
    struct err err;

    for (size_t r = 0; r < fleet->ref_count; r++) {
        struct placement_rollout_group *groups = arena_alloc(arena, GROUPS * sizeof *groups);
        const char *text = fleet->refs[r].strategy;

        for (int g = 0; g < GROUPS; g++) {
            const char **names = arena_alloc(arena, MOST * sizeof *names);

            groups[g] = (struct placement_rollout_group){g ? "" : "first", g, names, 0};
            for (size_t i = 0; i < MOST; i++)
                if (fleet->refs[r].group_of[i] == g && fleet->spokes[i].exists)
                    names[groups[g].count++] = fleet->spokes[i].name;
        }
        refs[r] = (struct placement_ref){
            .name = r ? "p2" : "p1",
            .groups = groups,
            .group_count = GROUPS,
            .undecided = fleet->refs[r].undecided,
            .strategy = *text ? document_read_yaml(arena, text, strlen(text), true,
                                                   &document_limits_own, &err)
                              : NULL,
        };
        if (fleet->refs[r].undecided)
            refs[r].group_count = 0;
    }
    fleet->advance.refs = refs;
    fleet->advance.ref_count = fleet->ref_count;
}

static void gather_places(struct fleet *fleet)
{
    struct placement_place *places = arena_alloc(fleet->arena, MOST * sizeof *places);
    size_t count = 0;

    for (size_t i = 0; i < MOST; i++) {
        const struct spoke *spoke = &fleet->spokes[i];
        bool wanted = false;

        for (size_t r = 0; r < fleet->ref_count; r++)
            wanted = wanted || (fleet->refs[r].group_of[i] >= 0 && !fleet->refs[r].undecided);
        if (!spoke->has_work && (!wanted || !spoke->exists))
            continue;
        places[count++] = (struct placement_place){
            .cluster = spoke->name,
            .has_work = spoke->has_work,
            .leaving = spoke->leaving,
            .current = spoke->has_work && !spoke->leaving && spoke->content == fleet->content,
            .status = spoke->status,
            .since = spoke->since,
            .written = spoke->written,
            .settled = spoke->settled,
            .created = spoke->created / CLOCK_SECOND * CLOCK_SECOND,
            .silent_since = spoke->silent ? spoke->silent_since : 0,
            .lost = !spoke->exists,
            .running = spoke->has_work && spoke->running && spoke->exists,
            .blocked = !spoke->exists   ? "gone"
                       : spoke->leaving ? "leaving"
                                        : NULL,
        };
    }
    fleet->advance.places = places;
    fleet->advance.place_count = count;
}

static void decide(struct fleet *fleet)
{
    arena_free(&fleet->arena);
    fleet->arena = arena_new();
    gather_refs(fleet);
    gather_places(fleet);
    fleet->advance.now = fleet->now;
    fleet->advance.move = fleet->move;
    placement_advance(&fleet->advance, fleet->arena);
    fleet->move = fleet->advance.move;
}

static void act(struct fleet *fleet)
{
    fleet->steps = 0;
    for (size_t i = 0; i < fleet->advance.place_count; i++) {
        const struct placement_place *place = &fleet->advance.places[i];
        struct spoke *spoke = spoke_named(fleet, place->cluster);

        fleet->steps += place->step != STEP_NONE;
        if (place->state == PLACE_DONE && place->current && !spoke->settled)
            spoke->settled = fleet->now; /* as the controller notes it */
        if (place->step == STEP_REMOVE)
            spoke->leaving = true;
        if (place->step == STEP_REMOVE && !spoke->exists)
            spoke->has_work = false;
        if (place->step != STEP_WRITE)
            continue;
        if (!spoke->has_work)
            spoke->created = fleet->now;
        spoke->has_work = true;
        spoke->written = fleet->now;
        spoke->settled = 0;
        spoke->content = fleet->content;
        spoke->seen = spoke->running = false;
        spoke->status = ROLLOUT_TO_APPLY;
        spoke->since = 0;
    }
}

/* A spoke does the next thing that it can. */
static bool react(struct fleet *fleet, struct spoke *spoke)
{
    if (spoke->silent || !spoke->has_work || !spoke->exists)
        return false;
    if (spoke->leaving) {
        *spoke = (struct spoke){.exists = true, .mood = spoke->mood};
        snprintf(spoke->name, sizeof spoke->name, "s%zu", (size_t)(spoke - fleet->spokes));
        return true;
    }
    if (!spoke->seen) {
        spoke->seen = true;
        spoke->status = ROLLOUT_PROGRESSING;
    } else if (spoke->mood == WELL && spoke->status != ROLLOUT_SUCCEEDED) {
        spoke->status = ROLLOUT_SUCCEEDED;
        spoke->running = true;
    } else if (spoke->mood == FAILS && spoke->status == ROLLOUT_PROGRESSING) {
        spoke->status = ROLLOUT_FAILED;
    } else if (spoke->mood == FLAPS && spoke->flaps++ < FLAPS_MOST) {
        spoke->running = spoke->status != ROLLOUT_SUCCEEDED;
        spoke->status = spoke->running ? ROLLOUT_SUCCEEDED : ROLLOUT_FAILED;
    } else {
        return false;
    }
    spoke->since = fleet->now;
    return true;
}

/* ---- Sentences ------------------------------------------------------------------------ */

/* "s0=2! s1=1-": content, and ! done, ~ under way, x failed, - being removed. */
static const char *picture(struct fleet *fleet)
{
    static const char marks[] = {[ROLLOUT_TO_APPLY] = '~',
                                 [ROLLOUT_PROGRESSING] = '~',
                                 [ROLLOUT_SUCCEEDED] = '!',
                                 [ROLLOUT_FAILED] = 'x'};
    static char text[200];
    size_t len = 0;

    *text = 0;
    for (size_t i = 0; i < MOST; i++) {
        const struct spoke *spoke = &fleet->spokes[i];

        if (spoke->has_work)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%s=%d%c", len ? " " : "",
                                    spoke->name, spoke->content,
                                    spoke->leaving ? '-' : marks[spoke->status]);
    }
    return text;
}

/* One letter, or a letter and the number of a spoke, per thing that happens. */
static void happen(struct fleet *fleet, const char *script)
{
    for (; *script; script++) {
        struct spoke *spoke = &fleet->spokes[(script[1] - '0') & 7];

        switch (*script) {
        case 'v':
            fleet->content++;
            continue; /* a newer version */
        case '.':
            decide(fleet);
            act(fleet);
            continue; /* the hub's turn */
        case 't':
            fleet->now += 10 * CLOCK_SECOND;
            continue;
        case ' ':
            continue;
        case 'r':
            react(fleet, spoke);
            break; /* the spoke's turn */
        case 'd':
            react(fleet, spoke);
            react(fleet, spoke);
            break;
        case 'f':
            spoke->mood = FAILS;
            break;
        case 'w':
            spoke->mood = WELL;
            break;
        case 'y':
            spoke->mood = FLAPS;
            break; /* by turns well and failed */
        case 'q':
            spoke->silent = true;
            spoke->silent_since = fleet->now;
            break;
        case 'b':
            spoke->silent = false;
            break; /* it is back */
        case 'x':
            spoke->exists = false;
            break;
        case '+':
            fleet->refs[0].group_of[script[1] - '0'] = 0;
            break;
        case '-':
            fleet->refs[0].group_of[script[1] - '0'] = -1;
            break;
        case 'm':
            fleet->refs[0].group_of[script[1] - '0'] = 1;
            break; /* into the group behind */
        case '2':
            fleet->ref_count = 2;
            fleet->refs[1].group_of[script[1] - '0'] = 0;
            break;
        case 'u':
            fleet->refs[0].undecided = script[1] == '1';
            break;
        default:
            abort();
        }
        script++;
    }
}

#define PER_GROUP "type: ProgressivePerGroup\nprogressivePerGroup: {minSuccessTime: 0s"
#define PROGRESSIVE "type: Progressive\nprogressive: {maxConcurrency: 1"

static const struct {
    const char *name, *strategy;
    size_t count;
    const char *script, *picture;
} cases[] = {
    {"all at once", "", 3, ".", "s0=1~ s1=1~ s2=1~"},
    {"one at a time", PROGRESSIVE "}", 3, ".r0.", "s0=1~"},
    {"the next when the first is done", PROGRESSIVE "}", 3, ".d0.", "s0=1! s1=1~"},
    {"a newer version goes first to who is under way", PROGRESSIVE "}", 3, ".d0.d1.d2.v.d0.r1 v.",
     "s0=2! s1=3~ s2=1!"},
    {"and then to who failed with the one before", PROGRESSIVE "}", 3, ".d0.d1.d2.v.d0.f1d1.v.",
     "s0=2! s1=3~ s2=1!"},
    {"a silent spoke counts as failed after the deadline",
     PROGRESSIVE ", progressDeadline: 6s, maxFailures: 1}", 3, ".d0.d1.d2.v.d0.q1t.",
     "s0=2! s1=2~ s2=2~"},
    {"and stops the rollout where none may fail", PROGRESSIVE ", progressDeadline: 6s}", 3,
     ".d0.d1.d2.v.d0.q1t.", "s0=2! s1=2~ s2=1!"},
    {"without a deadline a silent spoke is passed over", PROGRESSIVE "}", 3, ".d0.d1.d2.q1v.d0.",
     "s0=2! s1=1! s2=2~"},
    {"also when it falls silent in its turn", PROGRESSIVE "}", 3, ".d0.d1.d2.v.d0.q1.",
     "s0=2! s1=2~ s2=2~"},
    {"and has its turn when it is back", PROGRESSIVE "}", 3, ".d0.d1.d2.q1v.d0.d2b1.",
     "s0=2! s1=2~ s2=2!"},
    {"who comes back waits for who is under way", PROGRESSIVE "}", 3, ".d0.d1.d2.q1v.d0.b1.",
     "s0=2! s1=1! s2=2~"},
    {"what has failed for good leaves its slot", PROGRESSIVE ", maxFailures: 1}", 3,
     ".d0.d1.d2.f0v.d0.", "s0=2x s1=2~ s2=1!"},
    {"who is well and fails by turns has so long and no longer",
     PROGRESSIVE ", progressDeadline: 35s, minSuccessTime: 15s, maxFailures: 1}", 2,
     ".y0d0.tr0.tr0.tr0.tr0.tr0.tr0.", "s0=1! s1=1~"},
    {"but until then the others wait",
     PROGRESSIVE ", progressDeadline: 35s, minSuccessTime: 15s, maxFailures: 1}", 2,
     ".y0d0.tr0.tr0.tr0.", "s0=1x"},
    {"who was done once may recover", PROGRESSIVE ", progressDeadline: 35s, minSuccessTime: 15s}",
     2, ".d0.tt.tttt y0r0.", "s0=1x s1=1~"},
    {"more failures than places are all of them", PROGRESSIVE ", maxFailures: 9}", 3,
     ".d0.d1.d2.f0f1v.d0.d1.", "s0=2x s1=2x s2=2~"},
    {"a place is left when the new one has it", "", 1, ".d0-0+1.r1.", "s0=1! s1=1~"},
    {"and then at once", "", 1, ".d0-0+1.d1.", "s0=1- s1=1!"},
    {"not while the new one fails", "", 1, ".d0-0+1f1.d1.", "s0=1! s1=1x"},
    {"nor while it is silent", "", 1, ".d0-0+1.q1t.", "s0=1! s1=1~"},
    {"as many go as came", "", 2, ".d0d1-0-1+2+3f3.d2d3.", "s0=1- s1=1! s2=1! s3=1x"},
    {"and no more later", "", 2, ".d0d1-0-1+2+3f3.d2d3.r0.", "s1=1! s2=1! s3=1x"},
    {"fewer places need no waiting", "", 3, ".d0d1d2 f0-1-2.", "s0=1! s1=1- s2=1-"},
    {"none is left while nothing is decided", "", 2, ".d0d1u1.", "s0=1! s1=1!"},
    {"a place that is gone waits for nothing", "", 1, ".d0x0+1.", "s1=1~"},
    {"two refs share a cluster", "", 2, "212223.", "s0=1~ s1=1~ s2=1~ s3=1~"},
    {"a group that must come first",
     "type: Progressive\nprogressive: {mandatoryDecisionGroups: [{groupIndex: 1}]}", 2, ".",
     "s0=1~ s1=1~"},
    {"a mandatory group by its name",
     PROGRESSIVE ", mandatoryDecisionGroups: [{groupName: first}]}", 4, "m2m3.", "s0=1~ s1=1~"},
    {"by its index", PROGRESSIVE ", mandatoryDecisionGroups: [{groupIndex: 1}]}", 4, "m2m3.",
     "s2=1~ s3=1~"},
    {"when it is done the others come one by one",
     PROGRESSIVE ", mandatoryDecisionGroups: [{groupIndex: 1}]}", 4, "m2m3.d2d3.",
     "s0=1~ s2=1! s3=1!"},
    {"not before", PROGRESSIVE ", mandatoryDecisionGroups: [{groupIndex: 1}]}", 4, "m2m3.d2.",
     "s2=1! s3=1~"},
    {"in it none may fail",
     PROGRESSIVE ", maxFailures: 9, mandatoryDecisionGroups: [{groupIndex: 1}]}", 4, "m2m3.f2d2d3.",
     "s2=1x s3=1!"},
    {"while it soaks the others wait",
     PROGRESSIVE ", minSuccessTime: 15s, mandatoryDecisionGroups: [{groupIndex: 1}]}", 4,
     "m2m3.d2d3.t.", "s2=1! s3=1!"},
    {"and then no longer",
     PROGRESSIVE ", minSuccessTime: 15s, mandatoryDecisionGroups: [{groupIndex: 1}]}", 4,
     "m2m3.d2d3.t.t.", "s0=1~ s2=1! s3=1!"},
    {"group by group", PER_GROUP "}", 4, "m2m3.", "s0=1~ s1=1~"},
    {"the next when the one before is done", PER_GROUP "}", 4, "m2m3.d0d1.",
     "s0=1! s1=1! s2=1~ s3=1~"},
    {"a failure keeps the next from beginning", PER_GROUP "}", 4, "m2m3.f0d0d1.", "s0=1x s1=1!"},
    {"unless it may be", PER_GROUP ", maxFailures: 1}", 4, "m2m3.f0d0d1.",
     "s0=1x s1=1! s2=1~ s3=1~"},
    {"but two may not", PER_GROUP ", maxFailures: 1}", 4, "m2m3.f0f1d0d1.", "s0=1x s1=1x"},
    {"a silent one under way has the newest at once", PROGRESSIVE "}", 3, ".d0.q1v.",
     "s0=2~ s1=2~"},
    {"one that failed and is silent does not", PROGRESSIVE ", maxFailures: 3}", 3, ".d0.f1d1.q1v.",
     "s0=1! s1=1x s2=2~"},
    {"one whose older version fails waits while another is under way", PROGRESSIVE "}", 3,
     ".d0.d1.d2.v.y1r1.", "s0=2~ s1=1x s2=1!"},
    {"a place is kept while the new one soaks", PROGRESSIVE ", minSuccessTime: 15s}", 1,
     ".d0tt.-0+1.d1.t.", "s0=1! s1=1!"},
    {"and left when it has", PROGRESSIVE ", minSuccessTime: 15s}", 1, ".d0tt.-0+1.d1.t.t.",
     "s0=1- s1=1!"},
};

/* What is said of it: why nothing more begins, why a place is kept, when to look again. */
static const struct {
    const char *name, *strategy;
    size_t count;
    const char *script, *said;
} words[] = {
    {"nothing", "", 2, ".d0d1.", ""},
    {"too many failed", PROGRESSIVE ", maxFailures: 1}", 4, ".f0d0.f1d1.",
     "stopped: 2 of 4 failed, and maxFailures is 1; "},
    {"too many of a group", PER_GROUP "}", 4, "m2m3.f1d0d1.",
     "stopped: 1 of 2 in group 0 failed, and maxFailures is 0; "},
    {"one of a mandatory group",
     PROGRESSIVE ", maxFailures: 3, mandatoryDecisionGroups: [{groupName: first}]}", 4,
     "m2m3.f1d0d1.", "stopped: s1 of a mandatory group failed; "},
    {"a strategy that cannot be read", PROGRESSIVE ", progressDeadline: soon}", 2, ".",
     "wrong: invalid timeout format; "},
    {"an old place waits for a new one", "", 1, ".d0-0+1.r1.", "kept: s1 has it; "},
    {"an old place waits for a decision", "", 2, ".d0d1u1.",
     "kept: the Placement \"p1\" has decided; "},
    {"a silent new place is not waited for", "", 1, ".d0-0+1.q1t.",
     "kept: as many run in the new places; "},
    {"as many go as came", "", 2, ".d0d1-0-1+2+3f3.d2d3.r0.",
     "kept: as many run in the new places; "},
    {"the first that is late", PROGRESSIVE ", progressDeadline: 30s}", 2, ".r0t.",
     "again in 20 s; "},
    {"as soon as it is written to", PROGRESSIVE ", progressDeadline: 30s}", 2, ".",
     "again in 30 s; "},
    {"whoever it is", "type: All\nall: {progressDeadline: 30s}", 3, ".d1d2r0.", "again in 30 s; "},
    {"the end of soaking", PROGRESSIVE ", minSuccessTime: 25s}", 2, ".d0t.", "again in 15 s; "},
};

static void check_words(void)
{
    for (size_t i = 0; i < count_of(words); i++) {
        struct fleet fleet;
        scoped_text struct text said = {0};

        fleet_init(&fleet, words[i].count);
        snprintf(fleet.refs[0].strategy, sizeof fleet.refs[0].strategy, "%s", words[i].strategy);
        happen(&fleet, words[i].script);
        if (fleet.advance.refs[0].stopped)
            text_addf(&said, "stopped: %s; ", fleet.advance.refs[0].stopped);
        if (fleet.advance.refs[0].wrong)
            text_addf(&said, "wrong: %s; ", fleet.advance.refs[0].wrong);
        if (fleet.advance.kept)
            text_addf(&said, "kept: %s; ", fleet.advance.kept);
        if (fleet.advance.recheck_at)
            text_addf(&said, "again in %d s; ",
                      (int)((fleet.advance.recheck_at - fleet.now) / CLOCK_SECOND));
        CHECK_TEXT(text_string(&said), words[i].said, "what is said: %s", words[i].name);
        arena_free(&fleet.arena);
    }
}

/* How many places a ref has, how many have the version, and how many failed. */
static const struct {
    const char *name, *strategy, *script;
    size_t chosen, done, failed;
} counts[] = {
    {"none yet", PROGRESSIVE "}", ".", 3, 0, 0},
    {"one in progress", PROGRESSIVE "}", ".r0.", 3, 0, 0},
    {"one done", PROGRESSIVE "}", ".d0.", 3, 1, 0},
    {"one soaking", PROGRESSIVE ", minSuccessTime: 60s}", ".d0.", 3, 1, 0},
    {"one failed", PROGRESSIVE ", maxFailures: 1}", ".f0d0.d1.", 3, 1, 1},
    {"one timed out", PROGRESSIVE ", progressDeadline: 6s, maxFailures: 1}", ".r0t.", 3, 0, 1},
};

static void check_each_count(void)
{
    for (size_t i = 0; i < count_of(counts); i++) {
        struct fleet fleet;

        fleet_init(&fleet, 3);
        snprintf(fleet.refs[0].strategy, sizeof fleet.refs[0].strategy, "%s", counts[i].strategy);
        happen(&fleet, counts[i].script);
        CHECK_INT(fleet.advance.refs[0].chosen, counts[i].chosen, "chosen: %s", counts[i].name);
        CHECK_INT(fleet.advance.refs[0].done, counts[i].done, "done: %s", counts[i].name);
        CHECK_INT(fleet.advance.refs[0].failed, counts[i].failed, "failed: %s", counts[i].name);
        arena_free(&fleet.arena);
    }
}

static void check_sentences(void)
{
    for (size_t i = 0; i < count_of(cases); i++) {
        struct fleet fleet;

        fleet_init(&fleet, cases[i].count);
        snprintf(fleet.refs[0].strategy, sizeof fleet.refs[0].strategy, "%s", cases[i].strategy);
        happen(&fleet, cases[i].script);
        CHECK_TEXT(picture(&fleet), cases[i].picture, "%s", cases[i].name);
        arena_free(&fleet.arena);
    }
}

/* ---- Histories by chance ------------------------------------------------------------------ */

static uint64_t chance_state;

static unsigned chance(unsigned below)
{
    chance_state ^= chance_state << 13;
    chance_state ^= chance_state >> 7;
    chance_state ^= chance_state << 17;
    return (unsigned)((chance_state * 0x2545f4914f6cdd1dull) >> 33) % below;
}

static const char *trouble; /* the first thing that is not as it must be */
static struct fleet *subject;

static void describe(void)
{
    static const char *const states[] = {"waiting",   "in progress", "soaking", "done",    "failed",
                                         "timed out", "silent",      "blocked", "unwanted"};
    static const char *const steps[] = {"", ", written", ", removed"};
    const struct placement_advance *all = &subject->advance;

    printf("# %s: %s kept until %s\n", trouble, picture(subject), all->kept ? all->kept : "-");
    for (size_t i = 0; i < all->place_count; i++)
        printf("#   %s: ref %zd, %s%s%s\n", all->places[i].cluster, (ssize_t)all->places[i].ref,
               states[all->places[i].state], steps[all->places[i].step],
               all->places[i].silent_since ? ", not heard" : "");
    for (size_t r = 0; r < subject->ref_count; r++) {
        printf("# %s; groups", subject->refs[r].undecided ? "undecided" : "decided");
        for (size_t i = 0; i < MOST; i++)
            printf(" %d", subject->refs[r].group_of[i]);
        printf("\n# ");
        for (const char *c = subject->refs[r].strategy; *c; c++)
            printf(*c == '\n' ? "\n# " : "%c", *c);
        printf("\n");
    }
}

static void demand(bool good, const char *what)
{
    if (good || trouble)
        return;
    trouble = what;
    describe();
}

static void draw_strategy(struct fleet *fleet, size_t r)
{
    static const char *const types[] = {"All", "Progressive", "ProgressivePerGroup"};
    static const char *const options[] = {"all", "progressive", "progressivePerGroup"};
    char *text = fleet->refs[r].strategy;
    size_t most = sizeof fleet->refs[r].strategy;
    int type = (int)chance(3);
    unsigned window = chance(4), failures = chance(3), deadline = chance(2) ? 0 : 5 + chance(30);
    unsigned soak = chance(3) * 4;
    bool mandatory = type && !chance(4);
    int len = snprintf(text, most, "type: %s\n%s:\n  minSuccessTime: %us\n", types[type],
                       options[type], soak);

    fleet->refs[r].type = type;
    fleet->refs[r].window = type == 1 && window ? window : MOST;
    fleet->refs[r].failures = failures;
    fleet->refs[r].deadline = deadline;
    fleet->refs[r].soak = soak;
    fleet->refs[r].mandatory = mandatory;
    if (window && type == 1)
        len += snprintf(text + len, most - (size_t)len, "  maxConcurrency: %u\n", window);
    if (failures)
        len += snprintf(text + len, most - (size_t)len, "  maxFailures: %u\n", failures);
    if (deadline)
        len += snprintf(text + len, most - (size_t)len, "  progressDeadline: %us\n", deadline);
    if (mandatory)
        snprintf(text + len, most - (size_t)len,
                 "  mandatoryDecisionGroups: [{groupName: first}]\n");
}

static void draw_placement(struct fleet *fleet, size_t r)
{
    for (size_t i = 0; i < MOST; i++)
        fleet->refs[r].group_of[i] = chance(3) ? (int)chance(GROUPS) : -1;
}

/* Somebody or something disturbs it. */
static void disturb(struct fleet *fleet)
{
    size_t r = chance(REFS);
    struct spoke *spoke = &fleet->spokes[chance(MOST)];

    switch (chance(13)) {
    case 0:
        fleet->content++;
        break;
    case 1:
        draw_strategy(fleet, r);
        break;
    case 2:
        draw_placement(fleet, r);
        break;
    case 3:
        fleet->refs[r].group_of[chance(MOST)] = (int)chance(GROUPS);
        break;
    case 4:
        fleet->refs[r].group_of[chance(MOST)] = -1;
        break;
    case 5:
        fleet->ref_count = 1 + chance(REFS);
        break;
    case 6:
        fleet->refs[r].undecided = !chance(3);
        break;
    case 7:
        spoke->silent = true;
        spoke->silent_since = fleet->now;
        break;
    case 8:
        spoke->silent = false;
        break;
    case 9:
        spoke->mood = (enum mood)chance(4);
        break;
    case 10:
        spoke->mood = WELL;
        break;
    case 11:
        spoke->exists = false;
        break;
    default:
        if (!spoke->exists) /* a new one of the name has nothing of the old one's */
            *spoke = (struct spoke){.exists = true};
        snprintf(spoke->name, sizeof spoke->name, "s%zu", (size_t)(spoke - fleet->spokes));
    }
}

/* ---- What must hold at each step ------------------------------------------------------------ */

/* When its time is over: from its last change, but before it was done once no later
   than what it was given in all. */
static int64_t late_by(const struct fleet *fleet, const struct placement_place *place)
{
    int64_t deadline = fleet->refs[place->ref].deadline * CLOCK_SECOND;
    int64_t most = place->written + deadline + fleet->refs[place->ref].soak * CLOCK_SECOND;
    int64_t late = (place->since > place->written ? place->since : place->written) + deadline;

    return !place->settled && late > most ? most : late;
}

/* In progress as the hub can know it: it has the wanted version, has neither ended nor
   run out of time, and is heard or has a deadline. */
static bool is_under_way(const struct fleet *fleet, const struct placement_place *place)
{
    int64_t deadline = fleet->refs[place->ref].deadline * CLOCK_SECOND;
    bool written = place->step == STEP_WRITE;

    if (!place->current && !written)
        return false;
    if (written)
        return deadline || !place->silent_since;
    if (place->blocked || place->status == ROLLOUT_SUCCEEDED || place->status == ROLLOUT_FAILED)
        return false;
    return deadline ? fleet->now < late_by(fleet, place) : !place->silent_since;
}

static void check_window(const struct fleet *fleet, size_t r)
{
    int64_t under_way = 0, written = 0, failed = 0;

    for (size_t i = 0; i < fleet->advance.place_count; i++) {
        const struct placement_place *place = &fleet->advance.places[i];

        if (place->ref != r)
            continue;
        under_way += is_under_way(fleet, place);
        written += place->step == STEP_WRITE && (fleet->refs[r].deadline || !place->silent_since);
        failed += place->current && !place->blocked && place->status == ROLLOUT_FAILED;
    }
    if (!written || fleet->refs[r].mandatory)
        return;
    demand(under_way <= fleet->refs[r].window, "more than maxConcurrency are in progress");
    demand(failed <= fleet->refs[r].failures, "one is begun though too many have failed");
}

static const struct placement_place *place_of(const struct fleet *fleet, size_t spoke)
{
    for (size_t i = 0; i < fleet->advance.place_count; i++)
        if (!strcmp(fleet->advance.places[i].cluster, fleet->spokes[spoke].name))
            return &fleet->advance.places[i];
    return NULL;
}

/* No group begins before those in front of it are as far as they get. */
static void check_groups(const struct fleet *fleet, size_t r)
{
    int first_behind = GROUPS, last_written = -1;

    for (size_t i = 0; i < MOST; i++) {
        const struct placement_place *place = place_of(fleet, i);
        int group = fleet->refs[r].group_of[i];

        if (!place || place->ref != r)
            continue;
        if (place->step == STEP_WRITE && group > last_written)
            last_written = group;
        if ((place->state == PLACE_WAITING || place->state == PLACE_SOAKING ||
             (place->state == PLACE_IN_PROGRESS)) &&
            group < first_behind)
            first_behind = group;
    }
    if (!fleet->refs[r].mandatory)
        demand(last_written <= first_behind, "a group begins before those in front of it");
}

static void check_removals(const struct fleet *fleet, const struct placement_move *before)
{
    int64_t running = 0, gone = 0, wanted = 0, newcomers = 0;

    for (size_t i = 0; i < fleet->advance.place_count; i++) {
        const struct placement_place *place = &fleet->advance.places[i];
        bool is_wanted = place->ref != PLACEMENT_NO_REF;

        demand(place->step != STEP_REMOVE || !is_wanted || place->lost,
               "a place that is wanted loses its work");
        demand(place->step != STEP_WRITE || (is_wanted && !place->lost && !place->blocked),
               "a place gets a work that should not");
        wanted += is_wanted;
        newcomers += is_wanted && (!place->has_work || place->leaving ||
                                   (before->since && place->created >= before->since));
        if (place->lost || place->leaving)
            continue;
        running += place->running;
        gone += place->running && place->step == STEP_REMOVE;
        for (size_t r = 0; r < fleet->ref_count; r++)
            demand(place->step != STEP_REMOVE || !fleet->refs[r].undecided,
                   "something goes while nothing is decided");
    }
    if (gone && newcomers && before->since)
        demand(running - gone >= (before->running < wanted ? before->running : wanted),
               "a move leaves fewer running than before");
}

static void check_counts(const struct fleet *fleet)
{
    size_t chosen = 0;

    for (size_t r = 0; r < fleet->ref_count; r++) {
        demand(fleet->advance.refs[r].done <= fleet->advance.refs[r].chosen,
               "more have it than should");
        chosen += fleet->advance.refs[r].chosen;
    }
    demand(chosen <= fleet->advance.place_count, "a cluster counts twice");
}

static void step(struct fleet *fleet)
{
    struct placement_move before = fleet->move;

    decide(fleet);
    check_removals(fleet, &before);
    check_counts(fleet);
    for (size_t r = 0; r < fleet->ref_count; r++)
        if (fleet->refs[r].type == 1)
            check_window(fleet, r);
        else if (fleet->refs[r].type == 2)
            check_groups(fleet, r);
    act(fleet);
}

/* ---- What must hold at the end ----------------------------------------------------- */

/* Something that anybody can name keeps this ref from going on. */
static bool is_held(const struct fleet *fleet, size_t r)
{
    for (size_t i = 0; i < fleet->advance.place_count; i++) {
        const struct placement_place *place = &fleet->advance.places[i];
        const struct spoke *spoke = spoke_named((struct fleet *)fleet, place->cluster);

        if (place->ref == r && !fleet->refs[r].deadline && place->state == PLACE_IN_PROGRESS &&
            (spoke->mood == HANGS || fleet->refs[r].mandatory))
            return true;
        if (place->ref == r && fleet->refs[r].mandatory &&
            (place->state == PLACE_BLOCKED || place->state == PLACE_FAILED ||
             place->state == PLACE_IN_PROGRESS))
            return true;
        /* Hangs with an older version, in every slot. */
        if (place->ref == r && place->state == PLACE_WAITING && spoke->mood == HANGS &&
            place->has_work)
            return true;
    }
    return fleet->advance.refs[r].stopped != NULL;
}

static bool any_awaited(const struct fleet *fleet)
{
    for (size_t r = 0; r < fleet->ref_count; r++)
        if (fleet->refs[r].undecided)
            return true;
    for (size_t i = 0; i < fleet->advance.place_count; i++) {
        const struct placement_place *place = &fleet->advance.places[i];

        if (place->ref != PLACEMENT_NO_REF && place->state != PLACE_DONE)
            return true;
    }
    return false;
}

static void check_rest(const struct fleet *fleet, bool healed)
{
    for (size_t i = 0; i < fleet->advance.place_count; i++) {
        const struct placement_place *place = &fleet->advance.places[i];
        bool wanted = place->ref != PLACEMENT_NO_REF;

        if (healed) {
            demand(wanted ? place->state == PLACE_DONE : false,
                   "when all is well something is left over or undone");
            continue;
        }
        if (!wanted && place->has_work && !place->leaving)
            demand(fleet->advance.kept && any_awaited(fleet), "a work stays where nobody wants it");
        if (wanted && place->state == PLACE_WAITING)
            demand(is_held(fleet, place->ref), "a place waits for nothing");
        if (wanted && place->state == PLACE_IN_PROGRESS)
            demand(place->silent_since ||
                       spoke_named((struct fleet *)fleet, place->cluster)->mood == HANGS,
                   "a place is in progress for ever");
    }
}

static void run_to_rest(struct fleet *fleet)
{
    for (int turn = 0, quiet = 0; quiet < 4; turn++) {
        bool moved = false;

        step(fleet);
        for (size_t i = 0; i < MOST; i++)
            moved = react(fleet, &fleet->spokes[i]) || moved;
        quiet = moved || fleet->steps ? 0 : quiet + 1;
        fleet->now += CLOCK_SECOND;
        if (!moved && !fleet->steps && fleet->advance.recheck_at > fleet->now) {
            fleet->now = fleet->advance.recheck_at;
            quiet = 0;
        }
        if (turn > 2000) {
            demand(false, "it never comes to rest");
            return;
        }
    }
}

static void heal(struct fleet *fleet)
{
    for (size_t i = 0; i < MOST; i++) {
        fleet->spokes[i].mood = WELL;
        fleet->spokes[i].silent = false;
        if (!fleet->spokes[i].exists)
            fleet->spokes[i].has_work = false;
    }
    for (size_t r = 0; r < REFS; r++)
        fleet->refs[r].undecided = false;
}

static void run_history(unsigned seed)
{
    struct fleet fleet;

    subject = &fleet;
    chance_state = seed * 0x9e3779b97f4a7c15ull + 1;
    fleet_init(&fleet, 1 + chance(MOST));
    draw_strategy(&fleet, 0);
    draw_strategy(&fleet, 1);
    draw_placement(&fleet, 1);
    for (int turn = 0; turn < 80 && !trouble; turn++) {
        if (!chance(3))
            disturb(&fleet);
        if (chance(3))
            react(&fleet, &fleet.spokes[chance(MOST)]);
        fleet.now += chance(4) * CLOCK_SECOND;
        step(&fleet);
    }
    run_to_rest(&fleet);
    check_rest(&fleet, false);
    heal(&fleet);
    run_to_rest(&fleet);
    check_rest(&fleet, true);
    if (trouble)
        printf("# SEED=%u\n", seed);
    arena_free(&fleet.arena);
}

/* ROLLOUTS=N histories, or the one of SEED. */
static void check_histories(void)
{
    const char *count = getenv("ROLLOUTS"), *seed = getenv("SEED");
    unsigned most = count ? (unsigned)strtoul(count, NULL, 10) : getenv("DEEP") ? 100000 : 1000;
    unsigned first = seed ? (unsigned)strtoul(seed, NULL, 10) : 1, bad = 0;

    if (seed)
        most = first;
    for (unsigned i = first; i <= most && bad < 3; i++) {
        trouble = NULL;
        run_history(i);
        bad += trouble != NULL;
    }
    CHECK_INT(bad, 0, "%u histories end as they should", most - first + 1);
}

int main(void)
{
    check_sentences();
    check_words();
    check_each_count();
    check_histories();
    return check_done();
}
