/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include "base/err.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Deterministic tar and gzip, and unpacking of archives from outside.
 *
 * The same files give the same tar, byte for byte, on every machine: names are
 * sorted, times are 0, there is no owner, modes are 0644. The bytes of gzip
 * depend on zlib, so contents are compared by their tar.
 *
 * Unpacking happens in memory and yields regular files only, with clean relative
 * names. Its limits are checked before memory is allocated for a size that an
 * archive states. The formats are POSIX ustar (GNU's and pax' long names are read
 * as well) and RFC 1952.
 *
 * Knows no disk, and no digest but zlib's own checksum. Pure; any thread.
 */
struct archive_file {
    const char *name; /* relative: "app/deployment.yaml" */
    const void *bytes;
    size_t len;
};

/* Appends the tar of `files`, in whatever order they are given. ERR_INVALID
   for a name that is not clean, too long (255 bytes) or there twice. */
int archive_tar(struct text *out, const struct archive_file *files, size_t count,
                struct err *err) MUST_CHECK;
/* Appends a gzip stream. Its header holds no name, time or system, so that equal
   bytes give an equal stream. */
void archive_gzip(struct text *out, const void *bytes, size_t len);

struct archive_limits {
    size_t bytes; /* unpacked, all together */
    size_t file;  /* of one file */
    size_t files;
};
extern const struct archive_limits archive_limits_bundle; /* 64 MiB, 1 MiB */

/* Appends what a gzip stream holds. ERR_TOO_LARGE above `most` bytes. */
int archive_gunzip(struct text *out, const void *bytes, size_t len, size_t most,
                   struct err *err) MUST_CHECK;
/*
 * The regular files of a tar, in its order; names and bytes live in the arena.
 * Directories are skipped. ERR_INVALID for links, devices, absolute names, `..`,
 * and a name that occurs twice; ERR_TOO_LARGE names the limit.
 */
int archive_untar(struct arena *arena, const void *bytes, size_t len,
                  const struct archive_limits *limits, struct archive_file **ret, size_t *ret_count,
                  struct err *err) MUST_CHECK;

/* The Adler-32 checksum of RFC 1950. */
uint32_t archive_adler32(const void *bytes, size_t len);

/* True for a relative name without empty, `.` and `..` parts, `\` or control
   characters, at most 255 bytes. */
bool archive_name_is_clean(const char *name);

#endif
