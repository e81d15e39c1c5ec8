/* SPDX-License-Identifier: Apache-2.0 */
/* Packs and unpacks gzip streams in memory, and computes zlib's checksum. */
#include "archive/archive.h"

#include <assert.h>
#include <stdint.h>
#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* zlib: 32 kB window, gzip header */
#define SLICE (64u << 10)

/* RFC 1952: system 255 is "unknown" and time 0 is "none", so that the header
   never differs. */
void archive_gzip(struct text *out, const void *bytes, size_t len)
{
    gz_header header = {.os = 255};
    z_stream z = {0};
    int result;

    assert(len < UINT32_MAX);
    result = deflateInit2(&z, 6, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY);
    assert(result == Z_OK);
    result = deflateSetHeader(&z, &header);
    assert(result == Z_OK);
    z.next_in = (void *)(uintptr_t)bytes;
    z.avail_in = (uInt)len;
    do {
        z.next_out = (unsigned char *)text_reserve(out, SLICE);
        z.avail_out = SLICE;
        result = deflate(&z, Z_FINISH);
        out->len += SLICE - z.avail_out;
    } while (result == Z_OK);
    assert(result == Z_STREAM_END);
    out->bytes[out->len] = '\0';
    deflateEnd(&z);
}

/* Checks the limit after each slice: the size that a gzip stream states at its
   end cannot be trusted. */
static int inflate_all(z_stream *z, struct text *out, size_t most, struct err *err)
{
    size_t start = out->len;
    int result;

    do {
        z->next_out = (unsigned char *)text_reserve(out, SLICE);
        z->avail_out = SLICE;
        result = inflate(z, Z_NO_FLUSH);
        out->len += SLICE - z->avail_out;
        out->bytes[out->len] = '\0';
        if (out->len - start > most)
            return err_set(err, ERR_TOO_LARGE,
                           "gzip: holds more than the "
                           "%zu bytes that are allowed",
                           most);
    } while (result == Z_OK && (z->avail_in || !z->avail_out));
    if (result != Z_STREAM_END)
        return err_set(err, ERR_INVALID, "gzip: %s", z->msg ? z->msg : "is cut off");
    if (z->avail_in)
        return err_set(err, ERR_INVALID, "gzip: something follows its end");
    return 0;
}

int archive_gunzip(struct text *out, const void *bytes, size_t len, size_t most, struct err *err)
{
    z_stream z = {0};
    int result;

    if (len >= UINT32_MAX)
        return err_set(err, ERR_TOO_LARGE, "gzip: is too large");
    /* Fails only for wrong arguments, or without memory, which ends the
       process by design. */
    result = inflateInit2(&z, GZIP_WINDOW);
    assert(result == Z_OK);
    z.next_in = (void *)(uintptr_t)bytes;
    z.avail_in = (uInt)len;
    result = inflate_all(&z, out, most, err);
    inflateEnd(&z);
    return result;
}

uint32_t archive_adler32(const void *bytes, size_t len)
{
    return (uint32_t)adler32_z(1, bytes, len);
}
