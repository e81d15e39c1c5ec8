/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MUTATE_H
#define MUTATE_H

#include "document/document.h"

#include <stddef.h>

struct schema;

/*
 * Documents with one thing wrong: every place that a schema declares or a
 * sample has, and every value that may stand there instead.
 *
 * A place is a JSON pointer ("/spec/ports/0/name"): the first item stands for
 * all of a list, and "x" for a member that a schema leaves open.
 */
struct mutation_places {
    char **pointers; /* owned, each; in order of the schema, then the sample */
    size_t count;
};
void mutation_places(const struct schema *schema, const struct node *sample,
                     struct mutation_places *ret);
void mutation_places_free(struct mutation_places *places);

/* The values, as JSON. The first few matter most; NULL is none at all (the
   member is removed), and "twice" puts the first item of a list there again. */
extern const char *const mutation_values[];
extern const size_t mutation_value_count, mutation_value_core;

/* A whole copy of `from` in which the value stands at that place; whatever is
   missing on the way is made. */
struct node *mutation_make(struct arena *arena, const struct node *from, const char *pointer,
                           const char *value);
/* The same as a merge patch of `from`: lists are whole. */
struct node *mutation_merge_patch(struct arena *arena, const struct node *changed,
                                  const char *pointer);
/* The same as a JSON patch, of the deepest part of `from` that is there. */
struct node *mutation_json_patch(struct arena *arena, const struct node *from,
                                 const struct node *changed, const char *pointer);

/* The n-th part of a pointer, or NULL. */
char *mutation_part(struct arena *arena, const char *pointer, size_t n);
/* Whether the text names some part of the place (numbers apart). */
bool mutation_is_named(const char *pointer, const char *text);

#endif
