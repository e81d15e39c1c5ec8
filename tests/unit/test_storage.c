/* SPDX-License-Identifier: Apache-2.0 */
/* The storage of a spoke: encrypted rows, files kept twice, a store that is damaged or gone. */
#include "storage/storage.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "check.h"
#include "loop/loop.h"
#include "store/store.h"

#include <dirent.h>
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
    CHECK(storage_damage(storage) && strstr(storage_damage(storage), "is gone"),
          "and says that the database is gone");
    check_rows(storage, 0, "in the new database");
    put_secret(storage);
    storage_close(&storage);
}

/* The rows cannot be read with another key, so the store counts as damaged. */
static void check_key_damaged(void)
{
    scoped_mem char *path = mem_printf("%s/pki/sealing.key", directory);
    scoped_mem char *copy = mem_printf("%s.copy", path);
    struct err err = {0};
    struct storage *storage;

    CHECK_INT(file_write(path, "short", 5, 0600, &err), 0, "the key is overwritten: %s", err.text);
    unlink(copy);
    storage = open_storage(&err);
    CHECK(storage != NULL, "a start with a damaged key goes on: %s", err.text);
    CHECK(storage_damage(storage) && strstr(storage_damage(storage), "axle.db.damaged-"),
          "and says under which name the store is put aside");
    check_rows(storage, 0, "after the store was put aside");
    storage_close(&storage);
}

/* ---- Files --------------------------------------------------------------------- */

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
    CHECK(!storage_file_exists(directory, "name"), "and its copy goes with it");
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

int main(void)
{
    char template[] = "/tmp/axle-storage.XXXXXX";
    scoped_mem char *pki = NULL;
    struct err err = {0};

    if (!mkdtemp(template))
        return 1;
    snprintf(directory, sizeof directory, "%s", template);
    pki = mem_printf("%s/pki", directory);
    loop = loop_new(&err);
    if (!loop || file_make_folder(pki, &err) < 0)
        return 1;
    check_first_start();
    check_second_start();
    check_store_gone();
    check_key_damaged();
    check_files();
    loop_free(&loop);
    remove_folder(pki);
    remove_folder(directory);
    return check_done();
}
