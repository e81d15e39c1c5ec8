/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>

#include "base/mem.h"

/*
 * A hash table from strings to pointers. Keys are copied; values are the
 * caller's. A NULL value is the same as no value. Iteration is in order of
 * insertion as long as nothing was removed; do not rely on more.
 */
struct map;

struct map *map_new(void) __attribute__((returns_nonnull));
/* Frees the table and its keys, not the values. */
void map_free(struct map **map);
#define scoped_map SCOPED(map_free)

void *map_get(const struct map *map, const char *key);
/* Returns the value that stood there before, or NULL. */
void *map_put(struct map *map, const char *key, void *value);
void *map_remove(struct map *map, const char *key);
size_t map_count(const struct map *map);

/*
 * Walks the table: start with *at = 0; NULL at the end. The entry just given
 * may be removed while walking; nothing may be added.
 */
void *map_next(const struct map *map, size_t *at, const char **ret_key);

#endif
