/* SPDX-License-Identifier: Apache-2.0 */
/* Compares words by how many letters have to be put in, taken out or changed. */
#include "base/nearest.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A longer word is not taken for a mistyped one. */
#define LONGEST 64
/* So many letters of its beginning are an abbreviation of a candidate. */
#define ABBREVIATION 3

static size_t edit_distance(const char *a, const char *b, size_t width)
{
    size_t before[LONGEST], now[LONGEST];

    for (size_t j = 0; j <= width; j++)
        before[j] = j;
    for (size_t i = 0; a[i]; i++) {
        now[0] = i + 1;
        for (size_t j = 0; j < width; j++) {
            size_t changed = before[j] + (a[i] != b[j]);
            size_t less = (before[j + 1] < now[j] ? before[j + 1] : now[j]) + 1;

            now[j + 1] = changed < less ? changed : less;
        }
        memcpy(before, now, sizeof before);
    }
    return before[width];
}

static bool is_abbreviation(const char *word, const char *candidate, size_t len)
{
    size_t letters = strlen(word);

    return letters >= ABBREVIATION && letters < len && memcmp(word, candidate, letters) == 0;
}

struct nearest nearest_to(const char *word)
{
    size_t len = strnlen(word, LONGEST);

    return (struct nearest){word, len < LONGEST ? len / 3 + 2 : 0, NULL};
}

void nearest_try_bytes(struct nearest *nearest, const char *candidate, size_t len)
{
    size_t far =
        nearest->limit && len < LONGEST ? edit_distance(nearest->word, candidate, len) : SIZE_MAX;

    if (nearest->limit && len < LONGEST && is_abbreviation(nearest->word, candidate, len))
        far = 1;
    if (far < nearest->limit && far < len) {
        nearest->limit = far;
        nearest->best = candidate;
    }
}

void nearest_try(struct nearest *nearest, const char *candidate)
{
    nearest_try_bytes(nearest, candidate, strlen(candidate));
}
