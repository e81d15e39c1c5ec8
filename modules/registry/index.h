/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REGISTRY_INDEX_H
#define REGISTRY_INDEX_H

#include "base/mem.h"

struct node;
struct store;

/*
 * What belongs to a repository:
 * {"tags": {TAG: DIGEST}, "manifests": {DIGEST: MEDIA-TYPE}, "blobs": {DIGEST: 1}}
 * Never NULL; empty if there is no such repository.
 */
struct node *index_read(struct arena *arena, struct store *store,
                        const char *repository);
/* Stages it, unless it is what `old` (its JSON before) says. */
void index_write(struct arena *arena, struct store *store,
                 const char *repository, const struct node *index);
/* The names of all repositories, as a map. */
struct node *index_all(struct arena *arena, struct store *store);

#endif
