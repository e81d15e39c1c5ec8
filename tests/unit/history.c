/* SPDX-License-Identifier: Apache-2.0 */
/* Judges what clients saw against the rules of history.h. */
#include "unit/history.h"

#include "base/mem.h"
#include "document/document.h"

#include <stdlib.h>
#include <string.h>

struct history_entry *history_add(struct history *history, enum history_what what)
{
    struct history_entry *entry;

    if (history->count == history->room) {
        history->room = history->room ? history->room * 2 : 256;
        history->entries =
            mem_resize_array(history->entries, history->room, sizeof *history->entries);
    }
    entry = &history->entries[history->count++];
    *entry = (struct history_entry){.what = what};
    return entry;
}

struct history_item *history_add_item(struct history_entry *entry, const char *key,
                                      const char *value, int64_t revision)
{
    struct history_item *item;

    entry->items = mem_resize_array(entry->items, entry->item_count + 1, sizeof *entry->items);
    item = &entry->items[entry->item_count++];
    *item = (struct history_item){.revision = revision};
    snprintf(item->key, sizeof item->key, "%s", key);
    snprintf(item->value, sizeof item->value, "%s", value);
    return item;
}

void history_free(struct history *history)
{
    for (size_t i = 0; i < history->count; i++)
        free(history->entries[i].items);
    free(history->entries);
    *history = (struct history){0};
}

void history_copy(struct history *to, const struct history *from)
{
    *to = (struct history){0};
    for (size_t i = 0; i < from->count; i++) {
        struct history_entry *entry = history_add(to, from->entries[i].what);

        *entry = from->entries[i];
        if (entry->items)
            entry->items = mem_copy(entry->items, entry->item_count * sizeof *entry->items);
    }
}

/* ---- What is known of each revision ---------------------------------------- */

struct truth {
    int64_t revision;
    char key[32], value[32];     /* value "": it was deleted */
    int64_t requested, answered; /* its write was; -1: not known */
    const struct truth *before;  /* of the same key */
};

struct court {
    const struct history *history;
    struct truth *truths; /* owned; by revision */
    size_t count, room;
    struct text *said;
    size_t violations;
};

static void say(struct court *court, const char *format, ...) PRINTF(2, 3);
static void say(struct court *court, const char *format, ...)
{
    va_list args;

    court->violations++;
    va_start(args, format);
    text_addv(court->said, format, args);
    va_end(args);
    text_add(court->said, "\n");
}

static void learn(struct court *court, int64_t revision, const char *key, const char *value,
                  int64_t requested, int64_t answered)
{
    struct truth *truth;

    if (!revision)
        return;
    if (court->count == court->room) {
        court->room = court->room ? court->room * 2 : 256;
        court->truths = mem_resize_array(court->truths, court->room, sizeof *court->truths);
    }
    truth = &court->truths[court->count++];
    *truth = (struct truth){.revision = revision, .requested = requested, .answered = answered};
    snprintf(truth->key, sizeof truth->key, "%s", key);
    snprintf(truth->value, sizeof truth->value, "%s", value);
}

static void learn_all(struct court *court)
{
    for (size_t i = 0; i < court->history->count; i++) {
        const struct history_entry *e = &court->history->entries[i];

        if (e->what == HISTORY_WRITE && e->outcome == HISTORY_OK)
            learn(court, e->revision, e->key, e->value, e->start, e->end);
        if (e->what == HISTORY_EVENT && e->type != 'B')
            learn(court, e->revision, e->key, e->type == 'D' ? "" : e->value, -1, -1);
        for (size_t j = 0; j < e->item_count; j++)
            learn(court, e->items[j].revision, e->items[j].key, e->items[j].value, -1, -1);
    }
}

static int by_revision(const void *a, const void *b)
{
    const struct truth *x = a, *y = b;

    return x->revision != y->revision ? (x->revision > y->revision) * 2 - 1 : 0;
}

/* One truth a revision; two that differ are a violation. */
static void settle_truths(struct court *court)
{
    size_t kept = 0;

    if (!court->count)
        return;
    qsort(court->truths, court->count, sizeof *court->truths, by_revision);
    for (size_t i = 0; i < court->count; i++) {
        struct truth *t = &court->truths[i];
        struct truth *last = kept ? &court->truths[kept - 1] : NULL;

        if (!last || last->revision != t->revision) {
            court->truths[kept++] = *t;
            continue;
        }
        if (strcmp(last->key, t->key) || strcmp(last->value, t->value))
            say(court, "W5: revision %lld is %s=%s and %s=%s", (long long)t->revision, last->key,
                last->value, t->key, t->value);
        if (t->answered >= 0) {
            last->requested = t->requested;
            last->answered = t->answered;
        }
    }
    court->count = kept;
    for (size_t i = 0; i < kept; i++)
        for (size_t j = i; j-- > 0 && !court->truths[i].before;)
            if (!strcmp(court->truths[j].key, court->truths[i].key))
                court->truths[i].before = &court->truths[j];
}

/* The first truth behind a revision. */
static size_t behind(const struct court *court, int64_t revision)
{
    size_t low = 0, high = court->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (court->truths[middle].revision <= revision)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct truth *state_at(const struct court *court, const char *key, int64_t revision)
{
    for (size_t at = behind(court, revision); at-- > 0;)
        if (!strcmp(court->truths[at].key, key))
            return &court->truths[at];
    return NULL;
}

/* ---- W1, W2, W3, W7: watches ------------------------------------------------- */

struct told {
    int64_t from, last, until;
    size_t next; /* of the truths, the one that must come next */
    bool lost;   /* one loss is said once */
};

/* All truths up to `revision` are behind us; what was skipped was lost. */
static void pass_to(struct court *court, struct told *told, int watch, int64_t revision,
                    const char *rule)
{
    for (; told->next < court->count && court->truths[told->next].revision <= revision;
         told->next++)
        if (!told->lost) {
            const struct truth *t = &court->truths[told->next];

            say(court, "%s: watch %d was told up to %lld but not of %s=%s at %lld", rule, watch,
                (long long)revision, t->key, t->value, (long long)t->revision);
            told->lost = true;
        }
}

static void judge_event(struct court *court, struct told *told, const struct history_entry *e)
{
    const struct truth *truth;
    char type;

    if (e->type == 'B') {
        if (e->revision < told->last)
            say(court, "W1: watch %d: a bookmark at %lld after %lld", e->watch,
                (long long)e->revision, (long long)told->last);
        pass_to(court, told, e->watch, e->revision, "W3");
        return;
    }
    if (e->revision <= told->last) {
        say(court, "W1: watch %d: %lld after %lld", e->watch, (long long)e->revision,
            (long long)told->last);
        return;
    }
    told->last = e->revision;
    pass_to(court, told, e->watch, e->revision - 1, "W2");
    if (told->next == court->count)
        return;
    truth = &court->truths[told->next++];
    type = !*truth->value ? 'D' : truth->before && *truth->before->value ? 'M' : 'A';
    /* What was there before the first thing that anybody saw is not known. */
    if (truth->before && e->type != type)
        say(court, "W2: watch %d: %s at %lld told as %c, it was %c", e->watch, e->key,
            (long long)e->revision, e->type, type);
}

static void judge_watch(struct court *court, size_t open)
{
    const struct history_entry *all = court->history->entries;
    struct told told = {.from = all[open].expected, .last = all[open].expected};

    if (all[open].outcome != HISTORY_OK)
        return;
    told.next = behind(court, told.from);
    for (size_t i = open + 1; i < court->history->count; i++) {
        if (all[i].watch != all[open].watch)
            continue;
        if (all[i].what == HISTORY_EVENT)
            judge_event(court, &told, &all[i]);
        if (all[i].what == HISTORY_CLOSE) {
            pass_to(court, &told, all[i].watch, all[i].revision, "W2");
            return;
        }
    }
}

static void judge_compacted(struct court *court, const struct history_entry *open)
{
    for (size_t i = 0; i < court->history->count; i++) {
        const struct history_entry *e = &court->history->entries[i];

        if (e->what == HISTORY_COMPACT && e->end < open->start && open->expected < e->revision &&
            open->outcome == HISTORY_OK) {
            say(court, "W7: watch %d begins at %lld, which was compacted to %lld", open->watch,
                (long long)open->expected, (long long)e->revision);
            return;
        }
    }
}

/* ---- W4, W6: reads ------------------------------------------------------------- */

static const struct history_item *item_of(const struct history_entry *e, const char *key)
{
    for (size_t i = 0; i < e->item_count; i++)
        if (!strcmp(e->items[i].key, key))
            return &e->items[i];
    return NULL;
}

static void judge_list(struct court *court, const struct history_entry *e)
{
    for (size_t i = 0; i < e->item_count; i++)
        if (e->items[i].revision > e->revision)
            say(court, "W4: a list at %lld has %s at %lld", (long long)e->revision, e->items[i].key,
                (long long)e->items[i].revision);
    for (size_t at = behind(court, e->revision); at-- > 0;) {
        const struct truth *t = &court->truths[at];
        const struct history_item *item = item_of(e, t->key);
        bool wrong = *t->value ? !item || item->revision != t->revision : item != NULL;

        if (state_at(court, t->key, e->revision) == t && wrong)
            say(court, "W4: a list at %lld has %s at %lld, it was %s at %lld",
                (long long)e->revision, t->key, item ? (long long)item->revision : 0,
                *t->value ? t->value : "deleted", (long long)t->revision);
    }
}

/* Whether a key may have been deleted by a write that does not say when. */
static bool may_be_deleted(const struct court *court, const char *key, int64_t before)
{
    for (size_t i = 0; i < court->history->count; i++) {
        const struct history_entry *e = &court->history->entries[i];

        if (e->what == HISTORY_WRITE && !*e->value && !e->revision &&
            (e->outcome == HISTORY_OK || e->outcome == HISTORY_UNKNOWN) && e->start < before &&
            !strcmp(e->key, key))
            return true;
    }
    return false;
}

static void judge_read_of(struct court *court, const struct history_entry *read,
                          const struct history_entry *write)
{
    const struct history_item *item = item_of(read, write->key);

    if (*read->key && strcmp(read->key, write->key))
        return;
    if (!*write->value) {
        const struct truth *seen = item ? state_at(court, item->key, item->revision) : NULL;

        /* It has no revision of its own: was what is read there before it? */
        if (seen && seen->answered >= 0 && seen->answered < write->start)
            say(court, "W6: %s at %lld is read after it was deleted", write->key,
                (long long)item->revision);
        return;
    }
    if (item ? item->revision >= write->revision : may_be_deleted(court, write->key, read->end))
        return;
    for (size_t at = behind(court, write->revision); !item && at < court->count; at++)
        if (!strcmp(court->truths[at].key, write->key) && !*court->truths[at].value)
            return;
    say(court, "W6: %s=%s at %lld was acknowledged, a later read has %lld", write->key,
        write->value, (long long)write->revision, item ? (long long)item->revision : 0);
}

static void judge_read(struct court *court, const struct history_entry *read)
{
    const struct history_entry *all = court->history->entries;

    for (size_t i = 0; i < court->history->count; i++)
        if (all[i].what == HISTORY_WRITE && all[i].outcome == HISTORY_OK &&
            all[i].end < read->start)
            judge_read_of(court, read, &all[i]);
}

/* ---- W5: time ------------------------------------------------------------------- */

static bool has_revision(const struct history_entry *e)
{
    return (e->what == HISTORY_WRITE || (e->what == HISTORY_READ && !*e->key)) &&
           e->outcome == HISTORY_OK && e->revision;
}

static void judge_time(struct court *court, const struct history_entry *later)
{
    const struct history_entry *all = court->history->entries;

    for (size_t i = 0; has_revision(later) && i < court->history->count; i++) {
        if (!has_revision(&all[i]) || all[i].end >= later->start ||
            all[i].revision < later->revision + (later->what == HISTORY_READ))
            continue;
        say(court, "W5: %lld was answered after %lld", (long long)later->revision,
            (long long)all[i].revision);
        return;
    }
}

/* ---- W8: conditions --------------------------------------------------------------- */

static bool may_have_changed(const struct court *court, const struct history_entry *e)
{
    for (size_t at = behind(court, e->expected); at < court->count; at++)
        if (!strcmp(court->truths[at].key, e->key) && court->truths[at].requested < e->end)
            return true;
    for (size_t i = 0; i < court->history->count; i++) {
        const struct history_entry *other = &court->history->entries[i];

        if (other != e && other->what == HISTORY_WRITE && !strcmp(other->key, e->key) &&
            (other->outcome == HISTORY_UNKNOWN ||
             (other->outcome == HISTORY_OK && !other->revision)) &&
            other->start < e->end)
            return true;
    }
    return false;
}

static void judge_condition(struct court *court, const struct history_entry *e)
{
    const struct truth *before;

    if (!e->expected)
        return;
    if (e->outcome == HISTORY_OK && e->revision) {
        before = state_at(court, e->key, e->revision - 1);
        if (before && before->revision != e->expected)
            say(court, "W8: %s was written at %lld on the condition of %lld, it was at %lld",
                e->key, (long long)e->revision, (long long)e->expected,
                (long long)before->revision);
    }
    if (e->outcome == HISTORY_REFUSED && !may_have_changed(court, e))
        say(court, "W8: %s was refused on the condition of %lld, which was current", e->key,
            (long long)e->expected);
}

size_t history_judge(const struct history *history, struct text *ret)
{
    struct court court = {.history = history, .said = ret};

    learn_all(&court);
    settle_truths(&court);
    for (size_t i = 0; i < history->count; i++) {
        const struct history_entry *e = &history->entries[i];

        judge_time(&court, e);
        if (e->what == HISTORY_WRITE)
            judge_condition(&court, e);
        if (e->what == HISTORY_OPEN) {
            judge_compacted(&court, e);
            judge_watch(&court, i);
        }
        if (e->what == HISTORY_READ && e->outcome == HISTORY_OK) {
            if (!*e->key)
                judge_list(&court, e);
            judge_read(&court, e);
        }
    }
    free(court.truths);
    return court.violations;
}

/* ---- JSON lines ---------------------------------------------------------------------- */

void history_write(const struct history *history, FILE *file)
{
    for (size_t i = 0; i < history->count; i++) {
        const struct history_entry *e = &history->entries[i];

        fprintf(file,
                "{\"what\":%d,\"outcome\":%d,\"start\":%lld,\"end\":%lld,\"watch\":%d,"
                "\"type\":\"%c\",\"created\":%s,\"key\":\"%s\",\"value\":\"%s\","
                "\"revision\":%lld,\"expected\":%lld,\"items\":[",
                e->what, e->outcome, (long long)e->start, (long long)e->end, e->watch,
                e->type ? e->type : ' ', e->created ? "true" : "false", e->key, e->value,
                (long long)e->revision, (long long)e->expected);
        for (size_t j = 0; j < e->item_count; j++)
            fprintf(file, "%s[\"%s\",\"%s\",%lld]", j ? "," : "", e->items[j].key,
                    e->items[j].value, (long long)e->items[j].revision);
        fputs("]}\n", file);
    }
}

static void read_entry(struct history *history, const struct node *line)
{
    struct history_entry *e =
        history_add(history, (enum history_what)node_get_int(line, "what", 0));
    const struct node *items = node_get(line, "items");

    e->outcome = (enum history_outcome)node_get_int(line, "outcome", 0);
    e->start = node_get_int(line, "start", 0);
    e->end = node_get_int(line, "end", 0);
    e->watch = (int)node_get_int(line, "watch", 0);
    e->type = *node_get_text(line, "type");
    e->created = node_get_bool(line, "created", false);
    snprintf(e->key, sizeof e->key, "%s", node_get_text(line, "key"));
    snprintf(e->value, sizeof e->value, "%s", node_get_text(line, "value"));
    e->revision = node_get_int(line, "revision", 0);
    e->expected = node_get_int(line, "expected", 0);
    for (size_t j = 0; j < node_count(items); j++) {
        const struct node *item = node_item(items, j), *last = node_item(item, 2);

        history_add_item(e, node_text(node_item(item, 0)), node_text(node_item(item, 1)),
                         node_is(last, NODE_INT) ? last->integer : 0);
    }
}

bool history_read(struct history *history, FILE *file)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    bool good = true;

    while (good && (len = getline(&line, &room, file)) > 0) {
        scoped_arena struct arena *arena = arena_new();
        struct node *node =
            document_read_json(arena, line, (size_t)len, &document_limits_own, NULL);

        good = node != NULL;
        if (node)
            read_entry(history, node);
    }
    free(line);
    return good;
}
