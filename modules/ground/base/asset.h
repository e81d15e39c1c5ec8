/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ASSET_H
#define BASE_ASSET_H

#include <stddef.h>

/*
 * The files of assets/, carried inside the program.
 *
 * build.sh compiles every file under assets/ in, named by its path there
 * ("definitions/webservice.yaml"); what the console is built to is found
 * under "console/". The table is sorted by path. Nothing is copied and
 * nothing is ever freed: an asset lives as long as the process.
 *
 * Knows no file format. Any thread, no blocking.
 */
struct asset {
    const char *path;
    const unsigned char *bytes; /* a zero byte follows, not counted */
    size_t size;
};

/* NULL if there is no asset of exactly this path. */
const struct asset *asset_find(const char *path);

/* Return 0 to go on, anything else to stop; asset_each returns it. */
typedef int asset_fn(const struct asset *asset, void *arg);

/* Calls for each asset whose path begins with `prefix`, in order of path. */
int asset_each(const char *prefix, asset_fn *fn, void *arg);

#endif
