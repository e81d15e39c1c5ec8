/* SPDX-License-Identifier: Apache-2.0 */
/* Compares blobs with their digests before their first byte is sent. */
#include "registry/serve.h"

#include "base/log.h"
#include "base/map.h"
#include "document/document.h"
#include "http/http.h"
#include "pki/pki.h"
#include "store/store.h"

#include <string.h>

#define PIECE ((size_t)1 << 20)
#define VERDICTS 1024

/* Returns 1 if the blob is whole, 0 with an error if it is damaged, -1 if it
   could not be read now. */
static int verify_whole_blob(struct store *store, const char *digest, struct err *err)
{
    int64_t size = store_blob_size(store, digest), at = 0;
    scoped_mem char *piece = mem_alloc(PIECE);
    scoped_pki_hash struct pki_hash *hash = pki_hash_new(digest);
    char text[PKI_DIGEST_MOST];

    while (at < size) {
        int64_t got = store_blob_read(store, digest, at, piece, PIECE, err);

        if (got <= 0)
            return got < 0 && err->code != ERR_INTERNAL ? -1 : 0;
        pki_hash_add(hash, piece, (size_t)got);
        at += got;
    }
    pki_hash_end(&hash, text);
    if (strcmp(text, digest) == 0)
        return 1;
    err_set(err, ERR_INTERNAL, "its bytes have the digest %s", text);
    return 0;
}

static void on_blob_dropped(void *arg, const struct err *err)
{
    if (err)
        log_warn("registry", "a damaged blob cannot be removed yet: %s", err->text);
}

/* Removes a damaged blob, so that a push of the same bytes is accepted and the
   controller that made it makes it again. The repository's index still names it. */
static void drop_damaged(struct registry *registry, const char *repository, const char *digest,
                         const struct err *why)
{
    const struct registry_settings *settings = &registry->settings;

    log_error(
        "registry",
        "%s: blob %s is damaged (%s) and was removed: it is rendered again if this hub made it, "
        "otherwise push it again",
        repository, digest, why->text);
    verify_forget(registry, digest);
    store_blob_delete(registry->store, digest);
    settings->commit(settings->arg, on_blob_dropped, NULL);
    if (settings->damaged)
        settings->damaged(settings->arg, repository);
}

void verify_missing(struct registry *registry, const char *repository, const char *digest)
{
    const struct registry_settings *settings = &registry->settings;

    log_error(
        "registry",
        "%s: blob %s is lost: it is rendered again if this hub made it, otherwise push it again",
        repository, digest);
    if (settings->damaged)
        settings->damaged(settings->arg, repository);
}

void verify_forget(struct registry *registry, const char *digest)
{
    map_remove(registry->verified, digest);
}

int verify_blob(struct registry *registry, const char *repository, const char *digest,
                struct err *err)
{
    int whole;

    if (map_get(registry->verified, digest))
        return 0;
    if (store_check_read(registry->store, err) < 0)
        return -1;
    whole = verify_whole_blob(registry->store, digest, err);
    if (whole < 0)
        return -1;
    if (!whole) {
        drop_damaged(registry, repository, digest, err);
        return err_set(err, ERR_INTERNAL,
                       "%s is damaged on the hub's disk; it was "
                       "removed: try again in a moment, or push it again",
                       digest);
    }
    /* The set is emptied when it is full: verifying again is cheaper than keeping
       an order. */
    if (map_count(registry->verified) >= VERDICTS) {
        map_free(&registry->verified);
        registry->verified = map_new();
    }
    map_put(registry->verified, digest, registry);
    return 0;
}
