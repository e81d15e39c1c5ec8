/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge of histories finds etcd's consistency bugs, each put into a history
 * that is right without it. With a FILE of JSON lines it judges that instead.
 */
#include "unit/history.h"

#include "base/mem.h"
#include "unit/check.h"

#include <stdlib.h>
#include <string.h>

/* ---- A right history, from a tiny store that makes no mistakes --------------- */

#define KEYS 4
#define STEPS 60

struct model {
    struct history history;
    int64_t now, revision, at[KEYS];
    char value[KEYS][32];
    unsigned random_state;
};

static unsigned roll(struct model *model, unsigned sides)
{
    model->random_state = model->random_state * 1103515245u + 12345u;
    return model->random_state >> 16 & 0x7fff ? (model->random_state >> 16 & 0x7fff) % sides : 0;
}

static void key_name(char out[32], unsigned key)
{
    snprintf(out, 32, "key-%u", key);
}

static struct history_entry *timed(struct model *model, enum history_what what)
{
    struct history_entry *e = history_add(&model->history, what);

    e->start = model->now += 10;
    e->end = model->now += 10;
    return e;
}

static void add_event(struct model *model, int watch, char type, unsigned key)
{
    struct history_entry *e = timed(model, HISTORY_EVENT);

    e->watch = watch;
    e->type = type;
    e->revision = model->revision;
    if (type == 'B')
        return;
    key_name(e->key, key);
    snprintf(e->value, sizeof e->value, "%s", model->value[key]);
}

static void add_write(struct model *model, bool conditional, bool deleted, int watches)
{
    unsigned key = roll(model, KEYS);
    struct history_entry *e = timed(model, HISTORY_WRITE);
    bool there = *model->value[key] != '\0';

    key_name(e->key, key);
    e->expected = conditional && there ? model->at[key] : 0;
    e->revision = ++model->revision;
    if (!deleted || !there)
        snprintf(e->value, sizeof e->value, "v%lld", (long long)e->revision);
    else
        deleted = true;
    if (*e->value) {
        snprintf(model->value[key], sizeof model->value[key], "%s", e->value);
        deleted = false;
    }
    for (int watch = 1; watch <= watches; watch++)
        add_event(model, watch, deleted ? 'D' : there ? 'M' : 'A', key);
    model->at[key] = model->revision;
    if (deleted)
        *model->value[key] = '\0';
}

static void add_list(struct model *model)
{
    struct history_entry *e = timed(model, HISTORY_READ);

    e->revision = model->revision;
    for (unsigned key = 0; key < KEYS; key++) {
        char name[32];

        key_name(name, key);
        if (*model->value[key])
            history_add_item(e, name, model->value[key], model->at[key]);
    }
}

static void open_watch(struct model *model, int watch, int64_t from)
{
    struct history_entry *e = timed(model, HISTORY_OPEN);

    e->watch = watch;
    e->expected = from;
}

/* Watch 1 sees all, watch 2 begins in the middle; one key is refused once. */
static void make(struct model *model)
{
    struct history_entry *e;

    open_watch(model, 1, 0);
    for (int i = 0; i < STEPS; i++) {
        if (i == STEPS / 2) {
            open_watch(model, 2, model->revision);
            e = timed(model, HISTORY_COMPACT);
            e->revision = model->revision - 5;
        }
        add_write(model, roll(model, 2), i % 5 == 4, i < STEPS / 2 ? 1 : 2);
        if (i % 7 == 0)
            add_list(model);
        if (i % 10 == 9)
            add_event(model, 1, 'B', 0);
    }
    for (unsigned key = 0; key < KEYS; key++) {
        if (!*model->value[key])
            continue;
        e = timed(model, HISTORY_WRITE); /* stale, and refused */
        key_name(e->key, key);
        e->expected = model->at[key] - 1;
        e->outcome = HISTORY_REFUSED;
    }
    add_list(model);
    for (int watch = 1; watch <= 2; watch++) {
        e = timed(model, HISTORY_CLOSE);
        e->watch = watch;
        e->revision = model->revision;
    }
}

/* ---- The bugs ------------------------------------------------------------------ */

/* The nth entry of a sort that fits, or the end of the test. */
static struct history_entry *find(struct history *history, enum history_what what, char type,
                                  int watch, size_t nth)
{
    for (size_t i = 0; i < history->count; i++) {
        struct history_entry *e = &history->entries[i];

        if (e->what == what && (!type || e->type == type) && (!watch || e->watch == watch) &&
            nth-- == 0)
            return e;
    }
    puts("Bail out! the history has no such entry");
    exit(1);
}

static void cut(struct history *history, struct history_entry *e)
{
    size_t at = (size_t)(e - history->entries);

    free(e->items);
    memmove(e, e + 1, (--history->count - at) * sizeof *e);
}

static struct history_entry *last_list(struct history *history)
{
    struct history_entry *last = NULL;

    for (size_t i = 0; i < history->count; i++)
        if (history->entries[i].what == HISTORY_READ)
            last = &history->entries[i];
    return last;
}

/* After the crash the revisions of one more than one thing are given again. */
static void revision_given_twice(struct history *history)
{
    struct history_entry *e = find(history, HISTORY_WRITE, 0, 0, 40);

    e->revision--;
}

static void write_lost_in_crash(struct history *history)
{
    struct history_entry *list = last_list(history);

    list->item_count--;
}

static void revision_back_after_vacuum(struct history *history)
{
    struct history_entry *list = last_list(history);

    list->revision -= 9;
    list->item_count = 0;
}

static void bookmark_ahead(struct history *history)
{
    find(history, HISTORY_EVENT, 'B', 1, 2)->revision += 3;
}

static void back_in_time(struct history *history)
{
    struct history_entry *one = find(history, HISTORY_EVENT, 0, 2, 4);
    struct history_entry *other = find(history, HISTORY_EVENT, 0, 2, 9), swap = *one;

    *one = *other;
    *other = swap;
}

static void told_twice(struct history *history)
{
    struct history_entry copy = *find(history, HISTORY_EVENT, 0, 2, 5);
    struct history_entry *next = find(history, HISTORY_EVENT, 0, 2, 6);

    copy.start = next->start;
    *next = copy;
}

static void lost_when_starved(struct history *history)
{
    for (int i = 0; i < 3; i++)
        cut(history, find(history, HISTORY_EVENT, 0, 1, 20));
}

static void revision_back_after_compaction(struct history *history)
{
    struct history_entry *list = find(history, HISTORY_READ, 0, 0, 6);

    list->revision -= 12;
}

static void delete_lost_in_compaction(struct history *history)
{
    cut(history, find(history, HISTORY_EVENT, 'D', 1, 3));
}

static void delete_lost_at_the_end(struct history *history)
{
    struct history_entry *last = NULL;

    for (size_t i = 0; i < history->count; i++) {
        struct history_entry *e = &history->entries[i];

        if (e->what == HISTORY_EVENT && e->watch == 2 && e->type != 'B')
            last = e;
    }
    cut(history, last);
}

static void compacted_is_read(struct history *history)
{
    struct history_entry *e = history_add(history, HISTORY_OPEN);

    e->watch = 3;
    e->expected = 2;
    e->start = e->end = 1000000;
}

static void old_event_from_the_future(struct history *history)
{
    struct history_entry *open = find(history, HISTORY_OPEN, 0, 2, 0);

    open->expected += 4;
}

static void bookmark_from_the_past(struct history *history)
{
    struct history_entry *e = find(history, HISTORY_EVENT, 0, 2, 3);

    e->type = 'B';
    e->revision = 1;
}

static void stale_read_after_pause(struct history *history)
{
    struct history_entry *list = last_list(history);
    struct history_entry *early = find(history, HISTORY_READ, 0, 0, 4);

    free(list->items);
    list->items = mem_copy(early->items, early->item_count * sizeof *early->items);
    list->item_count = early->item_count;
    list->revision = early->revision;
}

static void written_on_a_stale_condition(struct history *history)
{
    for (size_t nth = 0;; nth++) {
        struct history_entry *e = find(history, HISTORY_WRITE, 0, 0, nth);

        if (e->expected && e->outcome == HISTORY_OK) {
            e->expected--;
            return;
        }
    }
}

static void refused_though_current(struct history *history)
{
    struct history_entry *e = find(history, HISTORY_WRITE, 0, 0, STEPS);

    e->expected++;
}

static void told_as_another_thing(struct history *history)
{
    find(history, HISTORY_EVENT, 'M', 1, 5)->type = 'A';
}

static const struct bug {
    const char *etcd, *words, *rules;
    void (*put_in)(struct history *history);
} bugs[] = {
    {"13766", "a revision is given twice after a crash under load", "W5", revision_given_twice},
    {"14370", "an acknowledged write is lost in a crash", "W4 W6", write_lost_in_crash},
    {"14685", "the revision is wrong after a crash in defragmentation", "W5",
     revision_back_after_vacuum},
    {"15220", "a bookmark runs ahead of events", "W3", bookmark_ahead},
    {"15271", "a watch goes back in time", "W1", back_in_time},
    {"17247", "an event is told twice", "W1", told_twice},
    {"17529", "events are lost when a stream starves", "W2", lost_when_starved},
    {"17780", "the revision decreases after a crash in compaction", "W5",
     revision_back_after_compaction},
    {"18089", "a delete is not told when compaction lands on it", "W2", delete_lost_in_compaction},
    {"19179", "the last delete is not told, and nothing after it", "W2", delete_lost_at_the_end},
    {"18667", "what was compacted away is read without a word", "W7", compacted_is_read},
    {"20221", "a watch from the future is told old events", "W1", old_event_from_the_future},
    {"20221", "a watch from the future is sent an old bookmark", "W1", bookmark_from_the_past},
    {"20418", "a read is stale after the process was stopped", "W5", stale_read_after_pause},
    {"14571", "a write is let through on a condition that does not hold", "W8",
     written_on_a_stale_condition},
    {"", "a write is refused though its condition holds", "W8", refused_though_current},
    {"", "a change is told as a creation", "W2", told_as_another_thing},
};

static bool has_rule(const char *said, const char *rules)
{
    char rule[8];

    for (; *rules; rules += 2 + (rules[2] == ' ')) {
        snprintf(rule, sizeof rule, "%.2s:", rules);
        if (!strstr(said, rule))
            return false;
    }
    return true;
}

static int judge_file(const char *path)
{
    struct history history = {0};
    scoped_text struct text said = {0};
    FILE *file = fopen(path, "r");
    size_t found;

    if (!file || !history_read(&history, file)) {
        fprintf(stderr, "%s is no history\n", path);
        return 2;
    }
    fclose(file);
    found = history_judge(&history, &said);
    printf("%s%zu entries, %zu violations\n", text_string(&said), history.count, found);
    history_free(&history);
    return found ? 1 : 0;
}

static void keeps_lines(const struct history *history)
{
    struct history again = {0};
    FILE *file = tmpfile();
    scoped_text struct text said = {0};

    history_write(history, file);
    rewind(file);
    CHECK(history_read(&again, file), "a history is read from its lines");
    CHECK_INT((long long)again.count, (long long)history->count, "all of it");
    CHECK_INT((long long)history_judge(&again, &said), 0, "and judged alike");
    fclose(file);
    history_free(&again);
}

int main(int argc, char **argv)
{
    struct model model = {.random_state = 7};
    scoped_text struct text said = {0};

    if (argc > 1)
        return judge_file(argv[1]);
    make(&model);
    history_judge(&model.history, &said);
    CHECK_TEXT(text_string(&said), "", "a right history has no violation");
    keeps_lines(&model.history);
    for (size_t i = 0; i < count_of(bugs); i++) {
        struct history history;

        history_copy(&history, &model.history);
        text_cut(&said, 0);
        bugs[i].put_in(&history);
        history_judge(&history, &said);
        if (!CHECK(has_rule(text_string(&said), bugs[i].rules), "%s%s%s%s is found by %s",
                   *bugs[i].etcd ? "etcd " : "", bugs[i].etcd, *bugs[i].etcd ? ": " : "",
                   bugs[i].words, bugs[i].rules))
            printf("# said: %s\n", text_string(&said));
        history_free(&history);
    }
    history_free(&model.history);
    return check_done();
}
