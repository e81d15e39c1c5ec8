/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HISTORY_H
#define HISTORY_H

#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * What clients of one kind in one namespace asked, were answered and were told,
 * and one pure judge of it.
 *
 * A value is written once only, so that a revision is one state of one key
 * wherever it is seen. The judge puts together what every writer, list and
 * watch knows of each revision and then looks for what cannot be:
 *
 * W1 revisions told to a watch strictly increase, and begin behind its start
 * W2 what happened between a watch's start and the last it was told, was told,
 *    once, and as what it was (added, modified, deleted)
 * W3 a bookmark at r means that all up to r was told
 * W4 a list at r is the state at r
 * W5 no revision means two things, and none seen later is smaller
 * W6 an acknowledged write is in every later read
 * W7 who asks for what was compacted away is told so
 * W8 a conditional write succeeds if and only if its revision was current
 */
enum history_what {
    HISTORY_WRITE,  /* key, value ("": deleted), expected, revision */
    HISTORY_READ,   /* items: what was there; key: of one, "": a list */
    HISTORY_OPEN,   /* of `watch`, from `expected` on */
    HISTORY_EVENT,  /* told to `watch`: type, key, value, revision */
    HISTORY_CLOSE,  /* of `watch`; revision: it was waited for up to there */
    HISTORY_COMPACT /* what is older than `revision` is gone since `start` */
};
enum history_outcome {
    HISTORY_OK,
    HISTORY_REFUSED, /* 409: the revision was not current, or the name taken */
    HISTORY_MISSING, /* 404 */
    HISTORY_GONE,    /* 410 */
    HISTORY_UNKNOWN  /* no answer came: it may have happened or not */
};

struct history_item {
    char key[32], value[32];
    int64_t revision;
};
struct history_entry {
    enum history_what what;
    enum history_outcome outcome;
    int64_t start, end; /* asked and answered, on one clock */
    int watch;
    char type;    /* 'A', 'M', 'D', 'B'ookmark */
    bool created; /* a write that wanted no such key to be there */
    char key[32], value[32];
    int64_t revision;           /* of the answer; 0: it does not say */
    int64_t expected;           /* revision it was based on; 0: on none */
    struct history_item *items; /* owned */
    size_t item_count;
};
struct history {
    struct history_entry *entries; /* owned */
    size_t count, room;
};

/* The new entry, zeroed but for `what`; moves with the next one. */
struct history_entry *history_add(struct history *history, enum history_what what);
struct history_item *history_add_item(struct history_entry *entry, const char *key,
                                      const char *value, int64_t revision);
void history_free(struct history *history);
void history_copy(struct history *to, const struct history *from);

/* One line a violation, each beginning with its rule; their number. */
size_t history_judge(const struct history *history, struct text *ret);

/* One JSON object a line, and back. */
void history_write(const struct history *history, FILE *file);
bool history_read(struct history *history, FILE *file);

#endif
