/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

/*
 * Finds the known word that a mistyped one is nearest to, for "did you mean".
 *
 *     struct nearest near = nearest_to("lisst");
 *     for (…) nearest_try(&near, names[i]);
 *     if (near.best) …
 */
struct nearest {
    const char *word; /* borrowed */
    size_t limit;     /* a candidate must be nearer than this */
    const char *best; /* NULL: none is near */
};

struct nearest nearest_to(const char *word);
void nearest_try(struct nearest *nearest, const char *candidate);
/* A candidate that is the first `len` bytes of a longer string, as in "a|b|c"; `best`
   then points at it and is not ended by a NUL. */
void nearest_try_bytes(struct nearest *nearest, const char *candidate, size_t len);

#endif
