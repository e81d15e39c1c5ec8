/* SPDX-License-Identifier: Apache-2.0 */
/* Small files that are kept twice: damage is noticed, and undone. */

#include "base/file.h"
#include "base/kept.h"
#include "check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/axle-test-kept-XXXXXX";
static char *path, *copy;

static void write_bytes(const char *to, const char *bytes, size_t len)
{
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, bytes, len) != (ssize_t)len)
        printf("Bail out! %s cannot be written\n", to);
    close(fd);
}

static bool reads_as(const char *wanted, size_t len, bool damaged)
{
    size_t got = 0;
    bool said = false;
    scoped_mem char *bytes = kept_read(path, 1 << 20, &got, &said, NULL);

    return bytes && got == len && !memcmp(bytes, wanted, len) && said == damaged;
}

/* Every bit and every length of one of the two. */
static void test_damage(const char *file, const char *wanted, size_t wanted_len)
{
    size_t len = 0;
    scoped_mem char *bytes = file_read(file, 1 << 20, &len, NULL);
    size_t flips = 0, cuts = 0;

    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        write_bytes(file, bytes, len);
        flips += reads_as(wanted, wanted_len, true);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t at = 0; at < len; at++) {
        write_bytes(file, bytes, at);
        cuts += reads_as(wanted, wanted_len, true);
    }
    write_bytes(file, bytes, len);
    CHECK(flips == 8 * len, "%s: %zu of %zu flipped bits are noticed and undone",
          strrchr(file, '/') + 1, flips, 8 * len);
    CHECK(cuts == len, "cut short anywhere, too: %zu of %zu", cuts, len);
}

static void test_absence(void)
{
    struct err err = {0};
    size_t len = 0;

    file_remove(copy);
    CHECK(reads_as("{\"a\": 1}", 8, false), "a file of an older program is taken as it is");
    CHECK(kept_write(path, "{\"a\": 2}", 8, 0600, false, &err) == 0, "written again");
    file_remove(path);
    CHECK(reads_as("{\"a\": 2}", 8, true), "a file that is gone comes back from its copy");
    write_bytes(path, "{\"b\": 2}", 8);
    write_bytes(copy, "axle-sum 0123456789abcdef\n{\"c\": 2}", 34);
    CHECK(!kept_read(path, 100, &len, NULL, &err) && err.code == ERR_INVALID,
          "two that say different things and are both wrong are refused");
    kept_remove(path);
    CHECK(!kept_read(path, 100, &len, NULL, &err) && err.code == ERR_NOT_FOUND,
          "and what is not there is not found");
}

int main(void)
{
    static const char bytes[] = "{\"record\": {\"owner\": \"lab.web\", \"hash\": \"efd7598e\"}}";
    struct err err = {0};

    if (!mkdtemp(folder))
        return 1;
    path = mem_printf("%s/pod.json", folder);
    copy = mem_printf("%s.copy", path);
    CHECK(kept_write(path, bytes, sizeof bytes - 1, 0600, true, &err) == 0, "a file is kept");
    CHECK(reads_as(bytes, sizeof bytes - 1, false), "and read");
    test_damage(path, bytes, sizeof bytes - 1);
    test_damage(copy, bytes, sizeof bytes - 1);
    CHECK(kept_write(path, "{\"a\": 1}", 8, 0600, false, &err) == 0, "replaced");
    test_absence();
    rmdir(folder);
    mem_free(&path);
    mem_free(&copy);
    return check_done();
}
