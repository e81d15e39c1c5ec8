/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and reads tar archives in memory. */
#include "archive/archive.h"

#include "base/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 512
#define NAME_MOST 255

const struct archive_limits archive_limits_bundle = {
    .bytes = 64u << 20,
    .file = 1u << 20,
    .files = 10000,
};

/* POSIX.1-1988 ustar, the whole header block. */
struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8];
    char type, link[100], magic[6], version[2], user[32], group[32];
    char major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

bool archive_name_is_clean(const char *name)
{
    size_t len = strlen(name), part = 0;

    if (!len || len > NAME_MOST)
        return false;
    for (size_t i = 0; i <= len; i++) {
        unsigned char c = (unsigned char)name[i];

        if (i == len || c == '/') {
            const char *start = name + i - part;

            if (!part || (part == 1 && start[0] == '.') ||
                (part == 2 && start[0] == '.' && start[1] == '.'))
                return false;
            part = 0;
        } else if (c < 0x20 || c == 0x7f || c == '\\') {
            return false;
        } else {
            part++;
        }
    }
    return true;
}

/* ---- Writing ------------------------------------------------------------ */

/* The sum of all bytes of the header, in which the checksum field counts as spaces. */
static unsigned header_sum(const struct header *h)
{
    const unsigned char *bytes = (const unsigned char *)h;
    size_t at = offsetof(struct header, sum);
    unsigned sum = 0;

    for (size_t i = 0; i < BLOCK; i++)
        sum += i >= at && i < at + sizeof h->sum ? ' ' : bytes[i];
    return sum;
}

/* A name over 100 bytes is split at a slash between prefix and name. */
static bool header_name(struct header *h, const char *name)
{
    size_t len = strlen(name);

    if (len <= sizeof h->name) {
        memcpy(h->name, name, len);
        return true;
    }
    for (size_t i = len - 1; i > 0; i--) {
        if (name[i] != '/' || i > sizeof h->prefix)
            continue;
        if (len - i - 1 > sizeof h->name)
            return false;
        memcpy(h->prefix, name, i);
        memcpy(h->name, name + i + 1, len - i - 1);
        return true;
    }
    return false;
}

/* Fills all but the last byte of a field, which stays NUL. The size field holds
   up to 8 GiB, more than a file in memory has. */
static void write_octal(char *field, size_t size, uint64_t value)
{
    for (size_t i = size - 1; i-- > 0; value >>= 3)
        field[i] = (char)('0' + (value & 7));
}

static void add_block_padding(struct text *out, size_t len)
{
    static const char zeros[BLOCK];

    if (len % BLOCK)
        text_add_bytes(out, zeros, BLOCK - len % BLOCK);
}

static int add_tar_file(struct text *out, const struct archive_file *file, struct err *err)
{
    struct header h = {.type = '0', .magic = "ustar", .version = "00"};

    if (!archive_name_is_clean(file->name) || !header_name(&h, file->name))
        return err_set(err, ERR_INVALID,
                       "file name \"%s\": cannot be packed; "
                       "use a relative name of at most 255 bytes without "
                       "\"..\", parts of at most 100",
                       file->name);
    write_octal(h.mode, sizeof h.mode, 0644);
    write_octal(h.uid, sizeof h.uid, 0);
    write_octal(h.gid, sizeof h.gid, 0);
    write_octal(h.size, sizeof h.size, file->len);
    write_octal(h.mtime, sizeof h.mtime, 0);
    write_octal(h.major, sizeof h.major, 0);
    write_octal(h.minor, sizeof h.minor, 0);
    write_octal(h.sum, sizeof h.sum - 1, header_sum(&h));
    /* Six digits, NUL, space: the form of this one field. */
    h.sum[7] = ' ';
    text_add_bytes(out, &h, sizeof h);
    text_add_bytes(out, file->bytes, file->len);
    add_block_padding(out, file->len);
    return 0;
}

static int compare_tar_entries(const void *a, const void *b)
{
    const struct archive_file *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

/* Sorted, so that the order of `files` does not change the bytes. Two blocks of
   zeros end an archive. */
int archive_tar(struct text *out, const struct archive_file *files, size_t count, struct err *err)
{
    static const char end[2 * BLOCK];
    scoped_mem const struct archive_file **sorted = NULL;

    sorted = mem_resize_array(NULL, count + 1, sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &files[i];
    qsort(sorted, count, sizeof *sorted, compare_tar_entries);
    for (size_t i = 0; i < count; i++) {
        if (i && !strcmp(sorted[i]->name, sorted[i - 1]->name))
            return err_set(err, ERR_INVALID, "file name \"%s\": is there twice", sorted[i]->name);
        if (add_tar_file(out, sorted[i], err) < 0)
            return -1;
    }
    text_add_bytes(out, end, sizeof end);
    return 0;
}

/* ---- Reading ------------------------------------------------------------ */

struct untar {
    struct arena *arena;
    const unsigned char *bytes;
    size_t len, at;
    const struct archive_limits *limits;
    struct archive_file *files;
    size_t count, room, total;
    struct map *seen;
    const char *long_name; /* from a GNU or pax entry before this one */
};

/* Reads digits up to a space or NUL, after the spaces that old writers pad with.
   The three top bits must be free before each shift. */
static bool read_octal(const char *field, size_t size, uint64_t *ret)
{
    uint64_t value = 0;
    size_t i = 0;

    while (i < size && field[i] == ' ')
        i++;
    for (; i < size && field[i] && field[i] != ' '; i++) {
        if (field[i] < '0' || field[i] > '7' || value >> 60)
            return false;
        value = value << 3 | (uint64_t)(field[i] - '0');
    }
    *ret = value;
    return true;
}

static bool is_zero_block(const unsigned char *block)
{
    for (size_t i = 0; i < BLOCK; i++)
        if (block[i])
            return false;
    return true;
}

/* A long name from an entry before this one comes first, then ustar's two fields. */
static const char *entry_name(struct untar *u, const struct header *h)
{
    char *name;

    if (u->long_name)
        return u->long_name;
    if (!memcmp(h->magic, "ustar", 5) && h->prefix[0])
        name = arena_printf(u->arena, "%.155s/%.100s", h->prefix, h->name);
    else
        name = arena_printf(u->arena, "%.100s", h->name);
    return name;
}

/* Reads a pax extended header (POSIX.1-2001): records "LENGTH key=value\n", where
   LENGTH counts the whole record. Only `path` is needed here. */
static int read_pax(struct untar *u, const char *bytes, size_t len, struct err *err)
{
    size_t at = 0;

    while (at < len) {
        size_t size = 0, i = at;

        while (i < len && bytes[i] >= '0' && bytes[i] <= '9' && size <= len)
            size = size * 10 + (size_t)(bytes[i++] - '0');
        if (i >= len || bytes[i] != ' ' || size <= i - at + 1 || size > len - at ||
            bytes[at + size - 1] != '\n')
            return err_set(err, ERR_INVALID, "tar: a broken pax header");
        i++;
        if (size - (i - at) > 5 && !memcmp(bytes + i, "path=", 5))
            u->long_name = arena_bytes(u->arena, bytes + i + 5, at + size - 1 - (i + 5));
        at += size;
    }
    return 0;
}

/* Copies a file into the arena, after its name and the limits are checked. */
static int keep_file(struct untar *u, const char *name, const unsigned char *bytes, size_t size,
                     struct err *err)
{
    if (text_starts(name, "./"))
        name += 2;
    if (!archive_name_is_clean(name))
        return err_set(err, ERR_INVALID,
                       "tar: the name \"%.200s\" leaves the "
                       "archive or is no clean relative name",
                       name);
    if (map_put(u->seen, name, u))
        return err_set(err, ERR_INVALID, "tar: \"%s\" is there twice", name);
    u->total += size;
    if (size > u->limits->file || u->total > u->limits->bytes || u->count >= u->limits->files)
        return err_set(err, ERR_TOO_LARGE,
                       "tar: \"%s\" goes over the limit of "
                       "%zu bytes a file, %zu bytes and %zu files in all",
                       name, u->limits->file, u->limits->bytes, u->limits->files);
    if (u->count == u->room) {
        u->room = u->room ? u->room * 2 : 16;
        u->files = mem_resize_array(u->files, u->room, sizeof *u->files);
    }
    u->files[u->count++] = (struct archive_file){
        .name = arena_string(u->arena, name),
        .bytes = arena_bytes(u->arena, bytes, size),
        .len = size,
    };
    return 0;
}

/*
 * Types of entries: 0, NUL and 7 are regular files, 5 is a directory. L is GNU's
 * long name of the next entry, x a pax header of the next entry, g a pax header
 * of all further entries, which holds nothing that is needed.
 */
static int read_tar_entry(struct untar *u, const struct header *h, size_t size, struct err *err)
{
    const char *bytes = (const char *)u->bytes + u->at;
    const char *name;

    switch (h->type) {
    case 'L':
        u->long_name = arena_string(u->arena, arena_bytes(u->arena, bytes, size));
        return 0;
    case 'x':
        return read_pax(u, bytes, size, err);
    case 'g':
        return 0;
    }
    name = entry_name(u, h);
    u->long_name = NULL;
    switch (h->type) {
    case '5':
        return 0;
    case '0':
    case '\0':
    case '7':
        return keep_file(u, name, u->bytes + u->at, size, err);
    default:
        return err_set(err, ERR_INVALID,
                       "tar: \"%.200s\" is neither file nor "
                       "directory; links and devices are not unpacked",
                       name);
    }
}

/* The size in a header is compared with the bytes that are left before it is used. */
static int read_tar(struct untar *u, struct err *err)
{
    while (u->len - u->at >= BLOCK && !is_zero_block(u->bytes + u->at)) {
        struct header h;
        uint64_t size, sum;

        memcpy(&h, u->bytes + u->at, BLOCK);
        u->at += BLOCK;
        if (!read_octal(h.sum, sizeof h.sum, &sum) || sum != header_sum(&h))
            return err_set(err, ERR_INVALID,
                           "tar: a header's checksum is "
                           "wrong at byte %zu",
                           u->at - BLOCK);
        if (!read_octal(h.size, sizeof h.size, &size) || size > u->len - u->at)
            return err_set(err, ERR_INVALID, "tar: is cut off at byte %zu", u->at);
        if (read_tar_entry(u, &h, (size_t)size, err) < 0)
            return -1;
        u->at += (size_t)size;
        if (size % BLOCK)
            u->at += BLOCK - size % BLOCK;
        /* Some writers leave out the padding of the last block. */
        if (u->at > u->len)
            u->at = u->len;
    }
    return 0;
}

int archive_untar(struct arena *arena, const void *bytes, size_t len,
                  const struct archive_limits *limits, struct archive_file **ret, size_t *ret_count,
                  struct err *err)
{
    scoped_map struct map *seen = map_new();
    struct untar u = {.arena = arena, .bytes = bytes, .len = len, .limits = limits, .seen = seen};
    int result = read_tar(&u, err);

    if (!result) {
        *ret = arena_alloc(arena, (u.count + 1) * sizeof *u.files);
        if (u.count)
            memcpy(*ret, u.files, u.count * sizeof *u.files);
        *ret_count = u.count;
    }
    mem_free(&u.files);
    return result;
}
