/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of any length from the agent to a shim. */
#include "shim/pod.h"

#include "base/mem.h"
#include "unit/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int agent, shim;

static void test_lengths(void)
{
    static const struct {
        size_t len;
        const char *name;
    } cases[] = {
        {1, "one byte"},
        {65536, "as much as one packet carries"},
        {65537, "a byte more"},
        {(size_t)8 * 1024 * 1024, "the longest"},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_mem char *bytes = mem_alloc(cases[i].len);
        scoped_text struct text got = {0};
        ssize_t result;

        for (size_t k = 0; k < cases[i].len; k++)
            bytes[k] = (char)('a' + k % 23);
        CHECK_INT(shim_message_send(agent, bytes, cases[i].len), 0, "%s is sent", cases[i].name);
        result = shim_message_receive(shim, &got);
        CHECK(result > 0 && got.len == cases[i].len && !memcmp(got.bytes, bytes, got.len),
              "%s arrives as it was", cases[i].name);
    }
}

static void test_too_long(void)
{
    size_t len = (size_t)9 * 1024 * 1024;
    scoped_mem char *bytes = mem_alloc(len);
    scoped_text struct text got = {0};

    CHECK_INT(shim_message_send(agent, bytes, len), 0, "what is too long is sent");
    CHECK(shim_message_receive(shim, &got) > 0 && got.len == (size_t)8 * 1024 * 1024,
          "and cut by the receiver");
}

/* The number of the next descriptor shows whether one was left open. */
static int next_descriptor(void)
{
    int fd = dup(0);

    close(fd);
    return fd;
}

static void test_ends(void)
{
    scoped_mem char *bytes = mem_alloc(70000);
    scoped_text struct text got = {0};
    int before = next_descriptor(), sent = 0, number;

    CHECK_INT((int)shim_message_receive(shim, &got), -1, "when nothing has come");
    CHECK_INT(errno, EAGAIN, "it does not wait");
    CHECK(shim_message_send(agent, bytes, 70000) == 0 && shim_message_receive(shim, &got) > 0,
          "a long one");
    CHECK_INT(next_descriptor(), before, "leaves no file open");
    while (sent < 100000 && shim_message_send(agent, bytes, 1000) == 0)
        sent++;
    number = errno;
    CHECK(sent > 0 && sent < 100000 && number == EAGAIN, "a shim that does not read stops it");
    CHECK_INT(shim_message_send(agent, bytes, 70000), -1, "for long ones as well");
    CHECK_INT(next_descriptor(), before, "and that leaves no file open");
    close(agent);
    while (shim_message_receive(shim, &got) > 0)
        continue;
    CHECK_INT((int)shim_message_receive(shim, &got), 0, "the end is told");
    close(shim);
}

static void test_must(void)
{
    static const struct {
        const char *must;
        mode_t mode;
        bool good;
    } cases[] = {
        {"", S_IFREG, true},
        {"Directory", S_IFDIR | 0755, true},
        {"Directory", S_IFREG, false},
        {"File", S_IFREG | 0600, true},
        {"File", S_IFSOCK, false},
        {"Socket", S_IFSOCK, true},
        {"Socket", S_IFDIR, false},
        {"CharDevice", S_IFCHR, true},
        {"CharDevice", S_IFBLK, false},
        {"BlockDevice", S_IFBLK, true},
        {"BlockDevice", S_IFCHR, false},
    };

    for (size_t i = 0; i < count_of(cases); i++)
        CHECK(shim_is_as_it_must(cases[i].must, cases[i].mode) == cases[i].good,
              "\"%s\" and mode %o", cases[i].must, (unsigned)cases[i].mode);
}

static void test_sooner(void)
{
    static const struct {
        int64_t a, b, sooner;
    } cases[] = {{0, 0, 0}, {5, 0, 5}, {0, 5, 5}, {3, 5, 3}, {5, 3, 3}, {4, 4, 4}};

    for (size_t i = 0; i < count_of(cases); i++)
        CHECK_INT(shim_sooner(cases[i].a, cases[i].b), cases[i].sooner, "the sooner of %d and %d",
                  (int)cases[i].a, (int)cases[i].b);
}

int main(void)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return 1;
    agent = pair[0];
    shim = pair[1];
    test_lengths();
    test_too_long();
    test_ends();
    test_must();
    test_sooner();
    return check_done();
}
