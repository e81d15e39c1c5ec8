/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unpacks bytes of anybody's: as gzip, and as a tar. What comes out stays in its
 * box, and packed again it unpacks to the same.
 */
#include "archive/archive.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct archive_limits limits = {1 << 20, 1 << 18, 100};

static void must(bool good)
{
    if (!good)
        abort();
}

static void unpack(const void *bytes, size_t len)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text tar = {0};
    struct archive_file *files, *again;
    size_t count, more;

    if (archive_untar(arena, bytes, len, &limits, &files, &count, NULL) < 0)
        return;
    must(count <= limits.files);
    for (size_t i = 0; i < count; i++)
        must(archive_name_is_clean(files[i].name) && files[i].len <= limits.file);
    /* A name that ustar cannot split is refused, and only that. */
    if (archive_tar(&tar, files, count, NULL) < 0)
        return;
    must(!archive_untar(arena, tar.bytes, tar.len, &limits, &again, &more, NULL));
    must(more == count);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++)
            if (!strcmp(files[i].name, again[k].name))
                must(files[i].len == again[k].len &&
                     !memcmp(files[i].bytes, again[k].bytes, files[i].len));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    scoped_text struct text inside = {0};

    unpack(bytes, size);
    if (!archive_gunzip(&inside, bytes, size, limits.bytes, NULL))
        unpack(inside.bytes, inside.len);
    return 0;
}
