/* SPDX-License-Identifier: Apache-2.0 */
/* The storage of a spoke on a real disk of a few MiB that is full, read-only or out of inodes. */
#include "storage/storage.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "check.h"
#include "descriptors.h"
#include "loop/loop.h"
#include "store/store.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

static struct loop *loop;
static char directory[] = "/tmp/axle-pressure-XXXXXX";

/* An agent that keeps one row, and counts what the storage tells it. */
struct agent {
    struct storage *storage;
    int kept, changed;
    bool committed, failed;
    enum err_code why;
};

static void on_committed(void *arg, const struct err *err)
{
    struct agent *agent = arg;

    agent->failed = err && err->code;
    agent->committed = !agent->failed;
    agent->why = err ? err->code : ERR_NONE;
}

static void stage_row(struct agent *agent, const char *name, size_t len)
{
    struct store_key key = {STORAGE_WORK, "", name};
    scoped_mem char *bytes = mem_alloc(len + 1);

    memset(bytes, 'x', len);
    storage_put(agent->storage, &key, bytes, len);
}

static void keep_again(void *arg)
{
    struct agent *agent = arg;

    agent->kept++;
    stage_row(agent, "again", 10);
}

static void pressure_changed(void *arg)
{
    ((struct agent *)arg)->changed++;
}

static bool open_agent(struct agent *agent)
{
    struct storage_settings settings = {.loop = loop,
                                        .directory = directory,
                                        .keep_again = keep_again,
                                        .pressure_changed = pressure_changed,
                                        .arg = agent};
    struct err err = {0};

    *agent = (struct agent){0};
    if (storage_open(&settings, &agent->storage, &err) == 0)
        return true;
    printf("# %s\n", err.text);
    return false;
}

static const char *words_of(const struct agent *agent)
{
    const char *words = storage_pressure(agent->storage);

    return words ? words : "";
}

static int count_row(void *arg, const struct store_row *row, struct err *err)
{
    ++*(int *)arg;
    return 0;
}

static int rows_of(const struct agent *agent)
{
    struct err err = {0};
    int rows = 0;

    return store_each(storage_store(agent->storage), count_row, &rows, &err) < 0 ? -1 : rows;
}

static void commit_row(struct agent *agent, const char *name, size_t len)
{
    stage_row(agent, name, len);
    storage_commit(agent->storage, on_committed, agent);
}

/* The pressure ends within some of the storage's looks, or does not. */
static bool wait_for_end(struct agent *agent, int64_t most)
{
    int64_t end = clock_steady() + most;

    while (storage_pressure(agent->storage) && clock_steady() < end)
        loop_turn(loop, 20 * CLOCK_MS);
    return !storage_pressure(agent->storage);
}

/* A disk for one story, with `options` of tmpfs(5). */
static bool mount_disk(const char *options)
{
    scoped_mem char *pki = mem_printf("%s/pki", directory);
    struct err err = {0};

    return mount("none", directory, "tmpfs", 0, options) == 0 && file_make_folder(pki, &err) == 0;
}

static void unmount_disk(void)
{
    CHECK_INT(umount(directory), 0, "nothing holds the disk open");
}

static bool remount(bool read_only)
{
    return mount(NULL, directory, NULL, MS_REMOUNT | (read_only ? MS_RDONLY : 0), NULL) == 0;
}

/* Leaves `room` bytes free, or as many as there are. */
static void fill_disk(size_t room)
{
    scoped_mem char *path = mem_printf("%s/filler", directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    struct statvfs now;
    off_t size = lseek(fd, 0, SEEK_END), more;

    if (fd >= 0 && fstatvfs(fd, &now) == 0) {
        more = (off_t)(now.f_bavail * now.f_frsize) - (off_t)room;
        if (more > 0 ? posix_fallocate(fd, size, more) != 0 : ftruncate(fd, size + more) < 0)
            printf("# the disk is not filled\n");
    }
    close(fd);
}

static void check_full(void)
{
    struct agent agent;

    if (!mount_disk("size=8m")) {
        CHECK(0, "a disk is mounted");
        return;
    }
    CHECK(open_agent(&agent), "a storage is opened");
    storage_check_disk(agent.storage);
    CHECK(!storage_pressure(agent.storage), "where there is room there is no pressure");
    fill_disk(68 << 10);
    storage_check_disk(agent.storage);
    CHECK_TEXT(words_of(&agent), "", "68 KiB are enough for a commit");
    fill_disk(60 << 10);
    storage_check_disk(agent.storage);
    CHECK(
        text_starts(words_of(&agent), "the disk of /tmp/axle-pressure-") &&
            strstr(
                words_of(&agent),
                " is full: 60 KiB of 8 MiB are free; make room there. What runs keeps running and "
                "is restarted if it ends; new and changed works wait"),
        "60 KiB are not: %s", words_of(&agent));
    CHECK_INT(agent.changed, 1, "the agent is told");
    storage_check_disk(agent.storage);
    CHECK_INT(agent.changed, 1, "once");
    fill_disk(200 << 10);
    CHECK(!wait_for_end(&agent, CLOCK_SECOND), "200 KiB do not end it");
    CHECK_INT(agent.kept, 0, "and nothing is kept again");
    fill_disk(300 << 10);
    CHECK(wait_for_end(&agent, 20 * CLOCK_SECOND), "300 KiB end it");
    CHECK_INT(agent.changed, 2, "the agent is told of the end");
    CHECK_INT(agent.kept, 1, "it kept all that it knows once more");
    CHECK_INT(rows_of(&agent), 1, "which is in the store");
    storage_close(&agent.storage);
    CHECK(open_agent(&agent) && rows_of(&agent) == 1, "and is on the disk");
    storage_close(&agent.storage);
    unmount_disk();
}

/* The disk becomes full by a commit: nobody has looked before. */
static void check_commit_fails(void)
{
    struct agent agent;

    if (!mount_disk("size=8m")) {
        CHECK(0, "a disk is mounted");
        return;
    }
    CHECK(open_agent(&agent), "a storage is opened");
    commit_row(&agent, "first", 100);
    CHECK(agent.committed && !agent.changed, "a row is committed");
    fill_disk(512 << 10);
    commit_row(&agent, "large", 3 << 20);
    CHECK(agent.failed, "a row that is larger than the room fails");
    CHECK_INT(agent.why, ERR_FULL, "because the disk is full");
    CHECK(storage_pressure(agent.storage) && agent.changed == 1, "which begins the pressure: %s",
          words_of(&agent));
    fill_disk(100 << 10);
    CHECK(!wait_for_end(&agent, CLOCK_SECOND), "as much room as failed does not end it");
    CHECK_INT(agent.kept, 0, "and nothing is tried");
    fill_disk(4 << 20);
    CHECK(wait_for_end(&agent, 20 * CLOCK_SECOND), "much more does");
    CHECK_INT(rows_of(&agent), 2, "the first row and what was kept again are there");
    storage_close(&agent.storage);
    unmount_disk();
}

static void check_read_only(void)
{
    struct agent agent, second;

    if (!mount_disk("size=8m")) {
        CHECK(0, "a disk is mounted");
        return;
    }
    CHECK(open_agent(&agent), "a storage is opened");
    commit_row(&agent, "first", 100);
    CHECK(agent.committed, "a row is committed");
    storage_close(&agent.storage);
    CHECK(remount(true), "the disk becomes read-only");
    CHECK(open_agent(&agent), "an agent starts on it");
    CHECK_INT(agent.changed, 1, "and is told of the pressure within its start");
    CHECK(strstr(words_of(&agent),
                 " is read-only, as after an I/O error: look at the kernel's log, "
                 "repair it and mount it read-write. What runs keeps running"),
          "in words: %s", words_of(&agent));
    CHECK(!storage_damage(agent.storage), "the store is not damaged");
    CHECK_INT(rows_of(&agent), 1, "its rows are there");
    commit_row(&agent, "second", 100);
    CHECK(agent.failed, "none can be added");
    CHECK(!open_agent(&second), "a second agent does not get the folder");
    CHECK(!wait_for_end(&agent, CLOCK_SECOND) && !agent.kept, "it waits");
    CHECK(remount(false), "the disk is mended");
    CHECK(wait_for_end(&agent, 20 * CLOCK_SECOND), "which ends the pressure");
    CHECK_INT(agent.kept, 1, "all is kept once more");
    CHECK_INT(rows_of(&agent), 2, "in the store that is on the disk");
    commit_row(&agent, "third", 100);
    CHECK(agent.committed, "others follow");
    CHECK_INT(agent.changed, 2, "and the agent was told of begin and end");
    fill_disk(0);
    commit_row(&agent, "large", 2 << 20);
    CHECK(agent.failed && storage_pressure(agent.storage),
          "the store of the mended disk tells its troubles as well");
    storage_close(&agent.storage);
    unmount_disk();
}

/* What cannot be read cannot be put aside either, so an empty store does until then. */
static void check_damaged_and_read_only(void)
{
    scoped_mem char *path = mem_printf("%s/axle.db", directory);
    struct agent agent;
    struct err err = {0};

    if (!mount_disk("size=8m")) {
        CHECK(0, "a disk is mounted");
        return;
    }
    CHECK(open_agent(&agent), "a storage is opened");
    commit_row(&agent, "first", 100);
    storage_close(&agent.storage);
    CHECK(file_write(path, "no database at all", 18, 0600, &err) == 0 && remount(true),
          "its database is damaged and its disk read-only");
    CHECK(open_agent(&agent), "an agent starts all the same");
    CHECK(storage_damage(agent.storage) &&
              text_starts(storage_damage(agent.storage), "the spoke's store cannot be read: ") &&
              text_ends(storage_damage(agent.storage),
                        ". What runs keeps running, and works are read from the hub again"),
          "and says what is lost: %s", storage_damage(agent.storage));
    CHECK(strstr(words_of(&agent), " is read-only"), "and why it waits");
    CHECK_INT(rows_of(&agent), 0, "it knows of nothing");
    CHECK(remount(false) && wait_for_end(&agent, 20 * CLOCK_SECOND), "the disk is mended");
    CHECK(storage_damage(agent.storage) &&
              strstr(storage_damage(agent.storage), "axle.db.damaged-"),
          "then the damaged one is put aside: %s", storage_damage(agent.storage));
    CHECK_INT(rows_of(&agent), 1, "and a new one has what was kept again");
    storage_close(&agent.storage);
    unmount_disk();
}

static void check_no_inodes(void)
{
    struct agent agent;
    int fd = 0;

    if (!mount_disk("size=8m,nr_inodes=30")) {
        CHECK(0, "a disk is mounted");
        return;
    }
    CHECK(open_agent(&agent), "a storage is opened");
    for (int i = 0; i < 40 && fd >= 0; i++) {
        scoped_mem char *path = mem_printf("%s/file-%d", directory, i);

        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0)
            close(fd);
    }
    storage_check_disk(agent.storage);
    CHECK(strstr(words_of(&agent), " has no room for another file (all its inodes are in use): "
                                   "delete files there. What runs keeps running"),
          "a disk without inodes: %s", words_of(&agent));
    CHECK(!wait_for_end(&agent, CLOCK_SECOND), "stays so");
    for (int i = 0; i < 3; i++) {
        scoped_mem char *path = mem_printf("%s/file-%d", directory, i);

        unlink(path);
    }
    CHECK(wait_for_end(&agent, 20 * CLOCK_SECOND), "until a file is deleted");
    storage_close(&agent.storage);
    unmount_disk();
}

int main(void)
{
    struct err err = {0};

    loop = loop_new(&err);
    if (!loop || !mkdtemp(directory))
        return 1;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
        mount("none", directory, "tmpfs", 0, "size=1m") < 0) {
        CHECK_SKIP("no file system may be mounted here, so no disk of its own can be filled");
    } else {
        size_t before = count_descriptors();

        umount(directory);
        check_full();
        check_commit_fails();
        check_read_only();
        check_damaged_and_read_only();
        check_no_inodes();
        CHECK_INT((int)count_descriptors(), (int)before, "no file was left open");
    }
    loop_free(&loop);
    rmdir(directory);
    return check_done();
}
