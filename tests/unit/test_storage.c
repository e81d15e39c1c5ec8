/* SPDX-License-Identifier: Apache-2.0 */
/* The storage of a spoke: encrypted rows, files kept twice, a store that is damaged or gone. */
#include "storage/storage.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "check.h"
#include "descriptors.h"
#include "loop/loop.h"
#include "store/memory.h"
#include "store/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECRET "a password that must not lie in the database"

static struct loop *loop;
static char directory[256];

static void ignore(void *arg)
{
}

static struct storage *open_storage(struct err *err)
{
    struct storage_settings settings = {
        .loop = loop, .directory = directory, .keep_again = ignore, .pressure_changed = ignore};
    struct storage *storage = NULL;

    return storage_open(&settings, &storage, err) < 0 ? NULL : storage;
}

static void on_committed(void *arg, const struct err *err)
{
    *(bool *)arg = !err || !err->code;
}

static void put_secret(struct storage *storage)
{
    struct store_key key = {STORAGE_WORK, "", "chat"};
    bool committed = false;

    storage_put(storage, &key, SECRET, strlen(SECRET));
    storage_commit(storage, on_committed, &committed);
    CHECK(committed, "a row is committed");
}

/* A folder without folders in it. */
static void remove_folder(const char *path)
{
    DIR *open = opendir(path);
    struct dirent *entry;

    while (open && (entry = readdir(open))) {
        scoped_mem char *file = mem_printf("%s/%s", path, entry->d_name);

        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlink(file);
    }
    if (open)
        closedir(open);
    rmdir(path);
}

/* ---- Rows ------------------------------------------------------------------- */

struct found {
    const struct storage *storage;
    struct text plain;
    size_t rows;
    bool open; /* a row holds the secret as it is */
};

static int read_row(void *arg, const struct store_row *row, struct err *err)
{
    struct found *found = arg;

    found->rows++;
    found->open |= memmem(row->body, row->len, SECRET, strlen(SECRET)) != NULL;
    text_cut(&found->plain, 0);
    return storage_read(found->storage, row, &found->plain, err);
}

static void check_rows(struct storage *storage, size_t rows, const char *sentence)
{
    struct found found = {.storage = storage};
    struct err err = {0};

    CHECK_INT(store_each(storage_store(storage), read_row, &found, &err), 0,
              "%s: the rows are read: %s", sentence, err.text);
    CHECK_INT((long long)found.rows, (long long)rows, "%s: how many rows there are", sentence);
    CHECK(!found.open, "%s: the database does not hold the secret as it is", sentence);
    if (rows)
        CHECK_TEXT(text_string(&found.plain), SECRET, "%s: the row says what was put", sentence);
    text_free(&found.plain);
}

/* ---- Starts ------------------------------------------------------------------ */

static void check_first_start(void)
{
    struct err err = {0}, second = {0};
    struct storage *storage = open_storage(&err);

    CHECK(storage != NULL, "an empty folder becomes a storage: %s", err.text);
    CHECK(!storage_damage(storage), "nothing was wrong with it");
    CHECK(!storage_pressure(storage), "the disk can be written");
    put_secret(storage);
    check_rows(storage, 1, "after the commit");
    CHECK(!open_storage(&second), "a second agent does not get the same folder");
    CHECK_INT(second.code, ERR_CONFLICT, "because the first one has it");
    storage_close(&storage);
    CHECK(!storage, "closing leaves no pointer");
}

static void check_second_start(void)
{
    struct err err = {0};
    struct storage *storage = open_storage(&err);

    CHECK(storage && !storage_damage(storage), "the next start finds all well: %s", err.text);
    check_rows(storage, 1, "after a start");
    storage_close(&storage);
}

static void remove_database(void)
{
    static const char *const endings[] = {"", "-wal", "-shm"};

    for (size_t i = 0; i < count_of(endings); i++) {
        scoped_mem char *path = mem_printf("%s/axle.db%s", directory, endings[i]);

        unlink(path);
    }
}

static void check_store_gone(void)
{
    struct err err = {0};
    struct storage *storage;

    remove_database();
    storage = open_storage(&err);
    CHECK(storage != NULL, "a start without its database goes on: %s", err.text);
    CHECK(storage_damage(storage) && strstr(storage_damage(storage), "is missing"),
          "and says that the database is gone");
    check_rows(storage, 0, "in the new database");
    put_secret(storage);
    storage_close(&storage);
}

/* Whether a folder of the directory has something whose name begins so. */
static bool has_entry(const char *folder, const char *prefix)
{
    scoped_mem char *path = mem_printf("%s/%s", directory, folder);
    DIR *open = opendir(path);
    struct dirent *entry;
    bool found = false;

    while (open && (entry = readdir(open)))
        found |= strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    if (open)
        closedir(open);
    return found;
}

/* One of the two files of the key suffers: the other one has it. */
static void check_key_mended(void)
{
    scoped_mem char *path = mem_printf("%s/pki/sealing.key", directory);
    scoped_mem char *copy = mem_printf("%s.copy", path);
    struct err err = {0};
    struct storage *storage;

    unlink(path);
    storage = open_storage(&err);
    CHECK(storage && !storage_damage(storage), "a start without its key takes the key's copy: %s",
          err.text);
    check_rows(storage, 1, "with the key's copy");
    storage_close(&storage);
    CHECK(file_exists(path), "the key is there again");
    CHECK_INT(file_write(path, "short", 5, 0600, &err), 0, "the key is overwritten: %s", err.text);
    storage = open_storage(&err);
    CHECK(storage && !storage_damage(storage), "which its copy mends too: %s", err.text);
    check_rows(storage, 1, "with the mended key");
    storage_close(&storage);
    unlink(copy);
    storage = open_storage(&err);
    CHECK(storage && !storage_damage(storage), "and the key alone will do: %s", err.text);
    storage_close(&storage);
    CHECK(file_write(copy, "", 0, 0600, &err) == 0 && unlink(copy) == 0, "the copy is gone");
}

/* The rows cannot be read with another key, so the store counts as damaged. */
static void check_key_damaged(size_t len)
{
    scoped_mem char *path = mem_printf("%s/pki/sealing.key", directory);
    scoped_mem char *copy = mem_printf("%s.copy", path);
    struct err err = {0};
    struct storage *storage;

    unlink(copy);
    CHECK_INT(file_write(path, "0123456789012345678901234567890123456789", len, 0600, &err), 0,
              "the key is overwritten: %s", err.text);
    storage = open_storage(&err);
    CHECK(storage != NULL, "a start with a key of %zu bytes goes on: %s", len, err.text);
    CHECK(storage_damage(storage) &&
              text_starts(storage_damage(storage), "the spoke's store is not trusted: ") &&
              strstr(storage_damage(storage), "It was renamed to axle.db.damaged-2"),
          "and says under which name the store is put aside");
    CHECK(has_entry("pki", "sealing.key.damaged-2"), "the key is put aside as well");
    CHECK(has_entry(".", "axle.db.damaged-2"), "as it was said");
    check_rows(storage, 0, "after the store was put aside");
    put_secret(storage);
    storage_close(&storage);
}

static void check_database_damaged(void)
{
    scoped_mem char *path = mem_printf("%s/axle.db", directory);
    struct err err = {0};
    struct storage *storage;

    remove_database();
    CHECK_INT(file_write(path, "no database at all", 18, 0600, &err), 0, "the database is another");
    storage = open_storage(&err);
    CHECK(storage && storage_damage(storage) &&
              strstr(storage_damage(storage), "It was renamed to axle.db.damaged-2"),
          "what is no database is put aside: %s", err.text);
    put_secret(storage);
    storage_close(&storage);
    storage = open_storage(&err);
    CHECK(storage && !storage_damage(storage), "and the new one is well");
    storage_close(&storage);
}

/* A database of yesterday in the place of today's. */
static void check_newest_lost(void)
{
    scoped_mem char *path = mem_printf("%s/axle.db", directory);
    scoped_mem char *old = mem_printf("%s/old", directory);
    struct err err = {0};
    struct storage *storage = open_storage(&err);

    CHECK_INT(store_backup(storage_store(storage), old, &err), 0, "a copy is made: %s", err.text);
    put_secret(storage);
    storage_close(&storage);
    remove_database();
    CHECK_INT(file_move(old, path, &err), 0, "the copy takes the database's place: %s", err.text);
    storage = open_storage(&err);
    CHECK(storage && storage_damage(storage) &&
              strstr(storage_damage(storage), "it has lost its newest changes (1 of 2 are there)"),
          "which is noticed: %s",
          storage && storage_damage(storage) ? storage_damage(storage) : "");
    check_rows(storage, 0, "after the old one was put aside");
    put_secret(storage);
    storage_close(&storage);
}

static void check_blob(void)
{
    static const char digest[] = "sha256:abc";
    struct err err = {0};
    struct storage *storage = open_storage(&err);
    bool committed = false;
    char bytes[8] = "";

    store_blob_put(storage_store(storage), digest, "bundle", 6);
    store_blob_put(storage_store(storage), "sha256:none", "", 0);
    storage_commit(storage, on_committed, &committed);
    CHECK(committed, "blobs are committed");
    storage_close(&storage);
    storage = open_storage(&err);
    CHECK(storage && !storage_damage(storage), "a start with blobs finds all well");
    CHECK(store_blob_read(storage_store(storage), digest, 0, bytes, 6, &err) == 6 &&
              !memcmp(bytes, "bundle", 6),
          "and has them");
    storage_close(&storage);
}

static void change_database(const char *statement)
{
    scoped_mem char *path = mem_printf("%s/axle.db", directory);
    sqlite3 *database = NULL;

    CHECK(sqlite3_open(path, &database) == SQLITE_OK &&
              sqlite3_exec(database, statement, NULL, NULL, NULL) == SQLITE_OK,
          "another program changes the database: %s", sqlite3_errmsg(database));
    sqlite3_close(database);
}

/* check_blob() left two blobs. */
static void check_blob_damaged(void)
{
    static const struct {
        const char *statement, *says;
    } cases[] = {
        {"DELETE FROM part", "part 1048576 of a blob"},
        {"UPDATE part SET bytes = x'626162646c65'", "part 1048576 of a blob"},
        {"UPDATE blob SET size = 10 WHERE size > 0", "part 1048576 of a blob"},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        struct err err = {0};
        struct storage *storage;

        change_database(cases[i].statement);
        storage = open_storage(&err);
        CHECK(storage && storage_damage(storage) &&
                  strstr(storage_damage(storage), "is not trusted") &&
                  strstr(storage_damage(storage), cases[i].says),
              "a blob that is damaged makes the store be put aside: %s",
              storage && storage_damage(storage) ? storage_damage(storage) : "");
        store_blob_put(storage_store(storage), "sha256:abc", "bundle", 6);
        put_secret(storage);
        storage_close(&storage);
    }
}

/* A store that is not on the real disk: of that no room is asked, and no file is put aside. */
static void check_other_disk(void)
{
    struct store_memory *memory = store_memory_new("test-storage");
    scoped_mem char *other = mem_printf("%s/other", directory), *pki = mem_printf("%s/pki", other);
    struct storage_settings settings = {.loop = loop,
                                        .directory = other,
                                        .vfs = "test-storage",
                                        .keep_again = ignore,
                                        .pressure_changed = ignore};
    struct storage *storage = NULL, *second = NULL;
    struct err err = {0};

    CHECK_INT(file_make_folder(pki, &err), 0, "a folder for its small files: %s", err.text);
    CHECK_INT(storage_open(&settings, &storage, &err), 0, "a storage on another disk: %s",
              err.text);
    put_secret(storage);
    storage_check_disk(storage);
    CHECK(!storage_pressure(storage), "is under no pressure");
    storage_close(&storage);
    CHECK_INT(storage_open(&settings, &second, &err), 0, "is opened again: %s", err.text);
    CHECK(!storage_damage(second), "and nothing is gone");
    check_rows(second, 1, "on the other disk");
    storage_close(&second);
    store_memory_free(&memory);
    remove_folder(pki);
    remove_folder(other);
}

/* Neither damaged nor a full disk: there is no start, and nothing is put aside. */
static void check_database_held(void)
{
    scoped_mem char *path = mem_printf("%s/axle.db", directory);
    sqlite3 *database = NULL;
    struct err err = {0};

    CHECK(sqlite3_open(path, &database) == SQLITE_OK &&
              sqlite3_exec(database, "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE", NULL, NULL,
                           NULL) == SQLITE_OK,
          "another program holds the database");
    CHECK(!open_storage(&err) && err.code == ERR_CONFLICT && text_starts(err.text, path),
          "there is no start meanwhile: %s", err.text);
    sqlite3_close(database);
}

/* Only rows that may hold secrets are encrypted: what another kind holds is not looked into. */
static void check_other_rows(void)
{
    struct store_key note = {"note", "", "one"}, cluster = {STORAGE_CLUSTER, "", "one"};
    struct err err = {0};
    struct storage *storage = open_storage(&err);
    bool committed = false;

    store_put(storage_store(storage), &note, "plain", 5);
    storage_put(storage, &cluster, SECRET, strlen(SECRET));
    storage_commit(storage, on_committed, &committed);
    storage_close(&storage);
    storage = open_storage(&err);
    CHECK(committed && storage && !storage_damage(storage), "a row of another kind is no damage");
    store_put(storage_store(storage), &cluster, "plain", 5);
    storage_commit(storage, on_committed, &committed);
    storage_close(&storage);
    storage = open_storage(&err);
    CHECK(storage && storage_damage(storage) &&
              strstr(storage_damage(storage), "cluster/one in the spoke's store: "),
          "one that should be encrypted and is not, is: %s",
          storage && storage_damage(storage) ? storage_damage(storage) : "");
    storage_close(&storage);
}

/* `newest` says how far the store is, for the next start. */
static void check_committed(void)
{
    scoped_mem char *path = mem_printf("%s/newest", directory), *text = NULL;
    struct err err = {0};
    struct storage *storage = open_storage(&err);
    char wanted[32];
    size_t len = 0;

    put_secret(storage);
    snprintf(wanted, sizeof wanted, "%lld\n", (long long)store_revision(storage_store(storage)));
    text = storage_file_read(directory, "newest", &len, &err);
    CHECK_TEXT(text, wanted, "after a commit the newest revision is noted");
    storage_close(&storage);
    unlink(path);
    CHECK(storage_file_exists(directory, "newest"), "twice");
}

/* ---- Files --------------------------------------------------------------------- */

/* What lies beside a file goes with it, and keeps its own ending. */
static void check_parts_aside(const char *before)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal", "-note", ".copy"};
    scoped_mem char *aside = NULL;
    struct err err = {0};

    CHECK(has_entry(".", before), "the file has its new name");
    for (size_t i = 0; i < count_of(endings); i++) {
        scoped_mem char *path = mem_printf("%s/part%s", directory, endings[i]);

        CHECK_INT(file_write(path, "x", 1, 0600, &err), 0, "part%s is written", endings[i]);
    }
    CHECK_INT(storage_file_put_aside(directory, "part", &aside, &err), 0, "it was renamed to");
    for (size_t i = 0; i < count_of(endings); i++) {
        scoped_mem char *old = mem_printf("%s/part%s", directory, endings[i]);
        scoped_mem char *now = mem_printf("%s/%s%s", directory, aside, endings[i]);

        CHECK(!file_exists(old) && file_exists(now), "part%s goes with it", endings[i]);
    }
    CHECK_INT(storage_file_put_aside(directory, "no-file", NULL, &err), 0, "nothing is no failure");
}

/* Another last byte. */
static bool spoil_end(const char *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    off_t len = lseek(fd, 0, SEEK_END);
    bool done = pwrite(fd, "?", 1, len - 1) == 1;

    close(fd);
    return done;
}

/* Both are damaged: nothing but a backup or a new token helps. */
static void check_both_damaged(void)
{
    scoped_mem char *path = mem_printf("%s/both", directory);
    scoped_mem char *copy = mem_printf("%s.copy", path), *mended = NULL;
    struct err err = {0};

    CHECK(storage_file_write(directory, "both", "edge-1", 6, &err) == 0 &&
              file_write(path, "edge-2", 6, 0600, &err) == 0,
          "a file is damaged");
    mended = storage_file_read(directory, "both", NULL, &err);
    CHECK_TEXT(mended, "edge-1", "its copy has what it held");
    unlink(copy);
    mem_free(&mended);
    mended = storage_file_read(directory, "both", NULL, &err);
    CHECK_TEXT(mended, "edge-1", "and the file is mended");
    CHECK(storage_file_write(directory, "both", "edge-1", 6, &err) == 0 &&
              file_write(path, "edge-2", 6, 0600, &err) == 0 && spoil_end(copy),
          "both are damaged");
    err = (struct err){0};
    mem_free(&mended);
    mended = storage_file_read(directory, "both", NULL, &err);
    CHECK(!mended && err.code == ERR_INVALID &&
              strstr(err.text, "restore it from a backup, or join again with a new token"),
          "which is told with the way out: %s", err.text);
}

static void check_files(void)
{
    struct err err = {0};
    scoped_mem char *path = mem_printf("%s/name", directory);
    scoped_mem char *aside = NULL, *text = NULL, *mended = NULL;
    size_t len = 0;

    CHECK(!storage_file_exists(directory, "name"), "a file that was never written is not there");
    CHECK(!storage_file_read(directory, "name", NULL, &err), "and cannot be read");
    CHECK_INT(err.code, ERR_NOT_FOUND, "because there is none");
    err = (struct err){0};
    CHECK_INT(storage_file_write(directory, "name", "edge-1", 6, &err), 0, "a file is written");
    text = storage_file_read(directory, "name", &len, &err);
    CHECK_TEXT(text, "edge-1", "and read back");
    CHECK_INT((long long)len, 6, "with its length");
    unlink(path);
    CHECK(storage_file_exists(directory, "name"), "its copy alone counts as the file");
    mended = storage_file_read(directory, "name", NULL, &err);
    CHECK_TEXT(mended, "edge-1", "and has what it held");
    CHECK_INT(storage_file_put_aside(directory, "name", &aside, &err), 0, "it is put aside: %s",
              err.text);
    CHECK(strncmp(aside, "name.damaged-", 13) == 0, "under a name with the date");
    CHECK(strlen(aside) == 13 + 16 && aside[21] == 'T' && aside[28] == 'Z' &&
              strspn(aside + 13, "0123456789TZ") == 16,
          "without what file names should not have: %s", aside);
    check_parts_aside(aside);
    CHECK(!storage_file_exists(directory, "name"), "and its copy goes with it");
}

int main(void)
{
    char template[] = "/tmp/axle-storage.XXXXXX";
    scoped_mem char *pki = NULL;
    struct err err = {0};
    size_t before;

    if (!mkdtemp(template))
        return 1;
    snprintf(directory, sizeof directory, "%s", template);
    pki = mem_printf("%s/pki", directory);
    loop = loop_new(&err);
    if (!loop || file_make_folder(pki, &err) < 0)
        return 1;
    before = count_descriptors();
    check_first_start();
    check_second_start();
    check_store_gone();
    check_key_mended();
    check_key_damaged(5);
    check_key_damaged(40);
    check_database_damaged();
    check_newest_lost();
    check_other_disk();
    check_database_held();
    check_blob();
    check_blob_damaged();
    check_other_rows();
    check_committed();
    check_files();
    check_both_damaged();
    CHECK_INT((int)count_descriptors(), (int)before, "no file was left open");
    loop_free(&loop);
    remove_folder(pki);
    remove_folder(directory);
    return check_done();
}
