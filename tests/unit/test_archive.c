/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that packing is the same everywhere and unpacking stays in its box. */
#include "archive/archive.h"

#include "check.h"

#include <stdlib.h>

static const struct archive_file files[] = {
    {"b.yaml", "b: 1\n", 5},
    {"a/deep.yaml", "x", 1},
    {"empty", "", 0},
};

static int unpack(struct arena *arena, const struct text *tar, struct archive_file **ret,
                  size_t *count, struct err *err)
{
    return archive_untar(arena, tar->bytes, tar->len, &archive_limits_bundle, ret, count, err);
}

static void check_round_trip(void)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text tar = {0}, other = {0}, gzip = {0};
    scoped_text struct text back = {0};
    struct archive_file turned[] = {files[2], files[0], files[1]}, *got;
    struct err err = {0};
    size_t count = 0;

    CHECK(!archive_tar(&tar, files, 3, &err), "three files are packed");
    CHECK(!archive_tar(&other, turned, 3, &err), "and in another order");
    CHECK(tar.len == other.len && !memcmp(tar.bytes, other.bytes, tar.len),
          "the order of the files does not show");
    CHECK_INT(tar.len, 512 * 7, "three headers, two blocks, the end");
    archive_gzip(&gzip, tar.bytes, tar.len);
    CHECK(!memcmp(gzip.bytes, "\x1f\x8b\x08\0\0\0\0\0", 8),
          "the gzip header has no time and no name");
    CHECK(!archive_gunzip(&back, gzip.bytes, gzip.len, 1 << 20, &err), "what was packed unpacks");
    CHECK(back.len == tar.len && !memcmp(back.bytes, tar.bytes, tar.len), "to the same bytes");
    CHECK(!unpack(arena, &back, &got, &count, &err), "the tar is read");
    CHECK_INT(count, 3, "three files");
    CHECK_TEXT(got[0].name, "a/deep.yaml", "sorted by name");
    CHECK_TEXT(got[1].bytes, "b: 1\n", "with their bytes");
    text_cut(&back, 0);
    CHECK(archive_gunzip(&back, gzip.bytes, gzip.len, 100, &err) < 0 && err.code == ERR_TOO_LARGE,
          "a bomb is stopped at the limit");
    text_cut(&back, 0);
    CHECK(archive_gunzip(&back, gzip.bytes, gzip.len - 9, 1 << 20, &err) < 0,
          "a stream that is cut off is refused");
}

static void check_names(void)
{
    static const struct {
        const char *name;
        bool clean;
    } names[] = {
        {"a", true},       {"a/b.c", true}, {"", false},     {"/a", false},
        {"a/", false},     {"a//b", false}, {".", false},    {"../a", false},
        {"a/../b", false}, {"a\\b", false}, {"a\nb", false}, {"..a", true},
    };
    scoped_text struct text tar = {0};
    struct archive_file bad = {"../x", "", 0};
    struct archive_file twice[] = {{"a", "1", 1}, {"a", "2", 1}};
    struct err err = {0};

    for (size_t i = 0; i < count_of(names); i++)
        CHECK(archive_name_is_clean(names[i].name) == names[i].clean, "\"%s\" is %s",
              i == 10 ? "a newline" : names[i].name, names[i].clean ? "clean" : "not clean");
    CHECK(archive_tar(&tar, &bad, 1, &err) < 0, "a name with .. is not packed");
    CHECK(archive_tar(&tar, twice, 2, &err) < 0, "nor one that is there twice");
}

/* Changes one byte of a header and puts its checksum right again. */
static void forge(struct text *tar, size_t at, char byte)
{
    unsigned sum = 0;

    tar->bytes[at] = byte;
    memset(tar->bytes + 148, ' ', 8);
    for (size_t i = 0; i < 512; i++)
        sum += (unsigned char)tar->bytes[i];
    snprintf(tar->bytes + 148, 7, "%06o", sum);
}

static void check_hostile(void)
{
    static const struct {
        const char *what;
        size_t at;
        char byte;
    } forged[] = {
        {"a symbolic link", 156, '2'},          {"a device", 156, '3'},
        {"an absolute name", 0, '/'},           {"a size beyond the end", 124, '7'},
        {"a size that is no number", 124, 'x'},
    };
    struct archive_file file = {"ab", "12", 2};

    for (size_t i = 0; i < count_of(forged); i++) {
        scoped_arena struct arena *arena = arena_new();
        scoped_text struct text tar = {0};
        struct archive_file *got;
        struct err err = {0};
        size_t count;

        if (archive_tar(&tar, &file, 1, &err) < 0)
            abort();
        forge(&tar, forged[i].at, forged[i].byte);
        CHECK(unpack(arena, &tar, &got, &count, &err) < 0 && err.text[0], "%s is refused",
              forged[i].what);
        tar.bytes[5] = 'x';
        CHECK(unpack(arena, &tar, &got, &count, &err) < 0, "a wrong checksum is refused");
    }
}

int main(void)
{
    CHECK(archive_adler32("Wikipedia", 9) == 0x11e60398 && archive_adler32("", 0) == 1,
          "Adler-32 as in RFC 1950");
    check_round_trip();
    check_names();
    check_hostile();
    return check_done();
}
