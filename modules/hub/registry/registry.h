/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REGISTRY_H
#define REGISTRY_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_request;
struct store;

/*
 * An OCI registry: keeps artifacts in the store and serves them.
 *
 * Its one idea: bytes are named by their digest and live in the store's blobs;
 * a repository is only an index, in one named value, of which manifests, tags
 * and blobs belong to it. So a push and the first reference to it can be one
 * commit. An upload lives in memory until it is whole. The protocol is OCI
 * distribution-spec v1.1; digests are sha256 or sha512; manifests are kept byte for byte.
 *
 * Who may pull or push is not known here: a callback decides. One thread;
 * nothing blocks but the store's reads.
 */

/* ---- Keeping --------------------------------------------------------------- */

struct registry_blob {
    const char *digest, *media_type;
    const void *bytes;
    size_t len;
};
/*
 * Stages a manifest, its blobs, and the tag (NULL: none) in `repository`.
 * Nothing is written for what is there already. What is kept this way, requests can
 * neither delete nor move a tag away from: works of spokes may name it.
 */
void registry_keep(struct store *store, const char *repository, const char *tag,
                   const struct registry_blob *manifest, const struct registry_blob *blobs,
                   size_t count);
/*
 * Makes a repository the hub's own, staged: no client pushes to it or deletes from it
 * any more. False, and nothing is done, where a client has pushed to it before;
 * `was_kept`: what is there was kept by the hub, before repositories said so.
 */
bool registry_claim(struct store *store, const char *repository, bool was_kept);
/* Whether it is the hub's own. */
bool registry_is_claimed(struct store *store, const char *repository);
/* The digest a tag stands for, in the arena, or NULL. */
const char *registry_tag(struct arena *arena, struct store *store, const char *repository,
                         const char *tag);
bool registry_has(struct store *store, const char *repository, const char *digest);
/* Whether the digest is this manifest's own, or of something that it names. */
bool registry_manifest_has(struct store *store, const char *manifest, const char *digest);
/* Whether a manifest and all that it names are there. */
bool registry_is_complete(struct store *store, const char *repository, const char *digest);
/* Forgets a repository; its blobs go with registry_sweep(). Staged. */
void registry_drop(struct store *store, const char *repository);
/* Forgets every repository PROJECT/…, for the name of a project that has gone may be
   another's next. Staged. */
void registry_drop_project(struct store *store, const char *project);
/* Forgets all but the newest `tags` tags of what the hub kept and as many of what
   others pushed, what only older ones stood for, and blobs that no manifest left
   there names. Staged. */
void registry_trim(struct store *store, const char *repository, size_t tags);
/* Stages the removal of blobs that no repository names and that are older than
   `before` (wall time); how many. */
size_t registry_sweep(struct store *store, int64_t before);

/* False for a name that distribution-spec does not allow. */
bool registry_name_is_valid(const char *name);
/* "application/json", or "application/…+json": nothing that a browser would show. */
bool registry_type_is_manifest(const char *type);

/* ---- Serving (/v2/) ----------------------------------------------------------- */

struct registry;

/* What is wanted of `repository` ("" for /v2/ itself), by the request's user. */
enum registry_want { REGISTRY_PULL, REGISTRY_PUSH };
struct registry_settings {
    /* False: refused. `digest` is NULL when a tag or a list is asked for. */
    bool (*authorise)(void *arg, const struct http_request *request, enum registry_want want,
                      const char *repository, const char *digest);
    /* Makes what was staged durable, then calls back; as store_commit. */
    void (*commit)(void *arg, void (*done)(void *done_arg, const struct err *err), void *done_arg);
    /* A blob of `repository` was damaged and is removed: whoever made it shall make
       it again. NULL: nobody is told. */
    void (*damaged)(void *arg, const char *repository);
    void *arg;
    size_t most_blob;     /* 0: 64 MiB */
    size_t most_manifest; /* 0: 4 MiB */
};
struct registry *registry_new(struct store *store, const struct registry_settings *settings)
    __attribute__((returns_nonnull));
void registry_free(struct registry **registry);
/* A http_handler_fn for the prefix "/v2"; `arg` is the registry. */
void registry_handle(struct http_request *request, void *arg);

#endif
