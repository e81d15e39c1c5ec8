/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REGISTRY_INDEX_H
#define REGISTRY_INDEX_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>

struct node;
struct store;

/*
 * What belongs to a repository: {"tags": {TAG: DIGEST}, "manifests": {DIGEST:
 * MEDIA-TYPE}, "blobs": {DIGEST: 1}, "kept": {DIGEST: 1}, "subjects": {DIGEST:
 * {"subject": DIGEST, "artifactType": TYPE}}}
 *
 * "kept" are manifests that the hub made itself; "claimed": true marks a
 * repository that the hub keeps for a deployment. "subjects" are manifests that
 * refer to another manifest; an index that an older version wrote has no such
 * member. Never NULL; empty if there is no such repository.
 */
/* Whether index_read() would not wait for a disk that hangs. */
int index_check_read(struct arena *arena, struct store *store, const char *repository,
                     struct err *err) MUST_CHECK;
struct node *index_read(struct arena *arena, struct store *store, const char *repository);
/* Stages the index, unless it is equal to the stored one. */
void index_write(struct arena *arena, struct store *store, const char *repository,
                 const struct node *index);
/* The names of all repositories, as a map. */
struct node *index_all(struct arena *arena, struct store *store);

/* Forgets a repository. Staged. */
void index_drop(struct arena *arena, struct store *store, const char *repository);
/* ERR_FORBIDDEN: the repository names as many manifests, blobs and tags as it may. */
int index_check_room(const struct node *index, const char *repository, struct err *err) MUST_CHECK;
/* The map "subjects"; made by reading every manifest where it is not there yet. */
struct node *index_subjects(struct arena *arena, struct store *store, struct node *index);
/* A manifest's bytes as a tree; NULL: they are not there, or damaged. */
struct node *index_manifest(struct arena *arena, struct store *store, const char *digest);
/* Adds an entry to "subjects" if the manifest has a subject. */
void index_set_subject(struct arena *arena, struct node *subjects, const char *digest,
                       const struct node *manifest);

/* Each digest that a manifest names: of its config, layers, blobs and manifests. False
   from `each` ends the walk and is the response. `foreign`: a layer that may stay
   outside the registry. */
typedef bool index_named_fn(void *arg, const char *digest, bool foreign);
bool index_each_named(const struct node *manifest, index_named_fn *each, void *arg);

#endif
