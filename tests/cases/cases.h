/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CASES_H
#define CASES_H

#include "base/err.h"
#include "base/mem.h"
#include "document/document.h"

#include <stdbool.h>

/*
 * Case files: what the originals answered, against what we answer.
 *
 * A row says which function runs the cases of one list and unit of a kind of
 * file. It is registered by the file that has the function, so a new kind is a
 * new file here and no change elsewhere:
 *
 *     static void run_sum(struct case_run *run) { … }
 *     CASE_ROW(quantity_sum, "quantity", "sum", NULL, run_sum)
 *
 * The function puts the answer that the case expects into run->expected, taken
 * from the file as it stands and without what is not compared, and what the
 * product answers into run->got. The frame compares them, and with --poison it
 * changes each leaf of the expected answer in turn and demands a difference.
 */
struct case_run {
    struct arena *arena; /* of this case */
    const struct node *file, *one;
    struct node *expected, *got;
    const char *skip; /* why it could not be run */
    unsigned differ;  /* texts that differ and need not agree */
    /* NULL: node_same. Neither side may be changed. */
    bool (*same)(struct arena *arena, const struct node *expected, const struct node *got);
};

typedef void case_fn(struct case_run *run);

struct case_row {
    const char *kind;
    const char *list; /* the array of the file: "cases", "sum", "scenarios" */
    const char *unit; /* the case's unit, type or op; NULL: any */
    case_fn *run;
    struct case_row *next;
};

void case_register(struct case_row *row);

#define CASE_ROW(name, kind, list, unit, run)                                                      \
    __attribute__((constructor)) static void register_##name(void)                                 \
    {                                                                                              \
        static struct case_row row = {kind, list, unit, run, NULL};                                \
                                                                                                   \
        case_register(&row);                                                                       \
    }

/* A string of the file with its NULs, which the frame reads as a rune of private
   use, and the other way round: nodes hold no NUL in keys. */
char *case_bytes(struct arena *arena, const struct node *string, size_t *ret_len);
struct node *case_string(struct arena *arena, const char *bytes, size_t len);

/* "error": true on both sides where only that must agree. */
void case_expect_error(struct case_run *run, bool got_error);

#endif
