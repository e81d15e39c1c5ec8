/* SPDX-License-Identifier: Apache-2.0 */
/* Looks compiled-in files up in the table that build.sh makes. */
#include "base/asset.h"

#include <stdint.h>
#include <string.h>

extern const struct asset asset_table[];
extern const uint64_t asset_count;

/* The index of the first asset whose path is not below `path`. */
static size_t first_from(const char *path)
{
    size_t low = 0, high = asset_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(asset_table[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct asset *asset_find(const char *path)
{
    size_t at = first_from(path);

    if (at < asset_count && !strcmp(asset_table[at].path, path))
        return &asset_table[at];
    return NULL;
}

int asset_each(const char *prefix, asset_fn *fn, void *arg)
{
    size_t length = strlen(prefix);

    for (size_t at = first_from(prefix); at < asset_count; at++) {
        int result;

        if (strncmp(asset_table[at].path, prefix, length))
            return 0;
        result = fn(&asset_table[at], arg);
        if (result)
            return result;
    }
    return 0;
}
