/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps, in memory, what has come of a layer whose transfer was cut. */
#include "works/gather.h"

#include "base/map.h"

#include <string.h>

/*
 * The next attempt goes on from there, so that a large layer also comes over a line that is
 * cut again and again. Nothing of it is used before all of it is there and has its digest.
 */
#define BYTES_MOST ((size_t)64 * 1024 * 1024) /* of all together */

struct partial {
    char *layer; /* owned; its digest */
    struct text bytes;
};

static void drop_partial(struct works *works, const char *digest)
{
    struct partial *partial = works->partials ? map_get(works->partials, digest) : NULL;

    if (!partial)
        return;
    map_remove(works->partials, digest);
    text_free(&partial->bytes);
    mem_free(&partial->layer);
    mem_free(&partial);
}

void partial_sweep(struct works *works, bool (*is_wanted)(void *arg, const char *digest), void *arg)
{
    size_t at = 0;
    const char *digest;

    while (works->partials && map_next(works->partials, &at, &digest))
        if (!is_wanted(arg, digest))
            drop_partial(works, digest);
}

static bool is_never_wanted(void *arg, const char *digest)
{
    return false;
}

void partial_close(struct works *works)
{
    partial_sweep(works, is_never_wanted, NULL);
    map_free(&works->partials);
}

static size_t total_size(const struct works *works)
{
    struct partial *partial;
    size_t at = 0, size = 0;

    while ((partial = map_next(works->partials, &at, NULL)))
        size += partial->bytes.len;
    return size;
}

void partial_put(struct works *works, const char *digest, const char *layer, struct text *bytes)
{
    struct partial *partial;

    drop_partial(works, digest);
    if (!works->partials)
        works->partials = map_new();
    if (!bytes->len || total_size(works) + bytes->len > BYTES_MOST)
        return;
    partial = mem_alloc(sizeof *partial);
    partial->layer = mem_copy_string(layer);
    partial->bytes = *bytes;
    *bytes = (struct text){0};
    map_put(works->partials, digest, partial);
}

void partial_take(struct works *works, const char *digest, const char *layer, struct text *ret)
{
    struct partial *partial = works->partials ? map_get(works->partials, digest) : NULL;

    if (partial && !strcmp(partial->layer, layer)) {
        *ret = partial->bytes;
        partial->bytes = (struct text){0};
    }
    drop_partial(works, digest);
}
