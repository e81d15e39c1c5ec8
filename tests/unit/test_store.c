/* SPDX-License-Identifier: Apache-2.0 */
/* The store keeps what it acknowledged, and says so when it cannot. */

#include "check.h"

#include "base/clock.h"
#include "base/text.h"
#include "sim/disk.h"
#include "store/internal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s.db", folder, name);
    return path;
}

static struct store_key key_of(const char *name)
{
    return (struct store_key){"axle.dev/things", "space", name};
}

static void on_done(void *arg, const struct err *err)
{
    *(struct err *)arg = err ? *err : (struct err){0};
}

static enum err_code commit(struct store *store)
{
    struct err err = {.code = ERR_TIMEOUT};

    store_commit(store, on_done, &err);
    return err.code;
}

static int64_t put(struct store *store, const char *name, const char *body)
{
    struct store_key key = key_of(name);

    return store_put(store, &key, body, strlen(body));
}

static int64_t drop(struct store *store, const char *name, const char *last)
{
    struct store_key key = key_of(name);

    return store_delete(store, &key, last, strlen(last));
}

static int add_row(void *arg, const struct store_row *row, struct err *err)
{
    text_addf(arg, "%s%s@%lld=%.*s ", row->deleted ? "-" : "", row->key.name,
              (long long)row->revision, (int)row->len, (const char *)row->body);
    return 0;
}

static int add_loaded(void *arg, const struct store_row *row, struct err *err)
{
    text_addf(arg, "%lld:", (long long)row->place);
    return add_row(arg, row, err);
}

/* What a start reads, as one line. */
static const char *loaded_of(struct store *store)
{
    static struct text text;
    struct err err;

    text_cut(&text, 0);
    if (store_load(store, add_loaded, &text, &err) < 0)
        text_addf(&text, "%s: %s", err_reason(err.code), err.text);
    return text_string(&text);
}

/* All rows, or all changes since, as one line. */
static const char *rows_of(struct store *store, int64_t since)
{
    static struct text text;
    struct err err;
    int failed;

    text_cut(&text, 0);
    failed = since < 0 ? store_each(store, add_row, &text, &err)
                       : store_changes(store, since, add_row, &text, &err);
    if (failed)
        text_addf(&text, "%s: %s", err_reason(err.code), err.text);
    return text_string(&text);
}

static void test_rows(void)
{
    struct err err;
    struct store *store = store_open(path_of("rows"), NULL, &err);
    size_t len;
    scoped_mem char *value = NULL;

    CHECK_INT(put(store, "b", "one"), 1, "the first write has revision 1");
    CHECK_INT(put(store, "a", "two"), 2, "the next one is higher");
    CHECK(store_is_staged(store), "writes are staged");
    CHECK_INT(commit(store), ERR_NONE, "and committed together");
    put(store, "b", "three");
    drop(store, "a", "gone");
    store_value_put(store, "epoch", "e1", 2);
    CHECK_INT(commit(store), ERR_NONE, "replaced, deleted");
    CHECK_TEXT(rows_of(store, -1), "b@3=three ", "one row is left");
    CHECK_TEXT(rows_of(store, 1), "a@2=two b@3=three -a@4=gone ",
               "the log has all changes in order");
    put(store, "never", "seen");
    store_close(&store);
    store = store_open(path_of("rows"), NULL, &err);
    CHECK_TEXT(rows_of(store, -1), "b@3=three ", "what was not committed is not there");
    CHECK_INT(store_revision(store), 4, "the counter goes on");
    value = store_value_get(store, "epoch", &len);
    CHECK_TEXT(value, "e1", "named values stay");
    store_skip_revisions(store, 1000000000);
    commit(store);
    store_close(&store);
    store = store_open(path_of("rows"), NULL, &err);
    CHECK_INT(store_revision(store), 1000000004, "a skip stays");
    store_close(&store);
}

static void test_second_process(void)
{
    struct err err;
    scoped_store struct store *store = store_open(path_of("alone"), NULL, &err);
    int status;
    pid_t child = fork();

    CHECK(store != NULL, "the first one has it");
    if (child == 0) {
        struct store *second = store_open(path_of("alone"), NULL, &err);

        _exit(!second && err.code == ERR_CONFLICT && strstr(err.text, "in use by another process")
                  ? 7
                  : 1);
    }
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7, "a second process is refused in words");
}

static void test_log(void)
{
    struct err err;
    struct store_options options = {.history_bytes = 100};
    struct store *store = store_open(path_of("log"), &options, &err);
    char body[64];

    put(store, "quiet", "old");
    for (int i = 0; i < 50; i++) {
        snprintf(body, sizeof(body), "body number %d", i);
        put(store, "busy", body);
        commit(store);
    }
    drop(store, "busy", "last");
    commit(store);
    while (store_compact(store))
        ;
    CHECK(store_compacted(store) > 30, "the log is trimmed to its size");
    CHECK(strstr(rows_of(store, 1), "too old resource version"),
          "what left it is gone, and says so");
    CHECK(strstr(rows_of(store, store_compacted(store)), "-busy@52=last"),
          "what is left can be read");
    CHECK_TEXT(rows_of(store, -1), "quiet@1=old ", "current rows stay");
    put(store, "quiet", "new");
    commit(store);
    store_close(&store);
    store = store_open(path_of("log"), &options, &err);
    CHECK_INT(store_revision(store), 53, "no revision is given out twice");
    CHECK(store_compacted(store) > 30, "the point is remembered");
    CHECK_TEXT(rows_of(store, 52), "quiet@53=new ", "and the log goes on");
    store_close(&store);
}

static void test_age(void)
{
    struct err err;
    struct store_options options = {.history_age = 1};
    scoped_store struct store *store = store_open(path_of("age"), &options, &err);

    for (int i = 0; i < 600; i++)
        put(store, "x", "y");
    commit(store);
    CHECK(store_compact(store), "trimmed by slices");
    while (store_compact(store))
        ;
    CHECK_INT(store_compacted(store), 599, "by age, all but the newest");
    CHECK_TEXT(rows_of(store, -1), "x@600=y ", "which stays");
}

static void test_blobs(void)
{
    struct err err;
    scoped_store struct store *store = store_open(path_of("blobs"), NULL, &err);
    size_t size = 3 * 1024 * 1024 + 17;
    scoped_mem char *bytes = mem_alloc(size), *back = mem_alloc(size);
    struct store_facts facts;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(i * 7 + i / 1000);
    store_blob_put(store, "sha256:aa", bytes, size);
    store_blob_put(store, "sha256:bb", "", 0);
    CHECK_INT(commit(store), ERR_NONE, "blobs are committed");
    CHECK_INT(store_blob_size(store, "sha256:aa"), (long long)size, "size");
    CHECK_INT(store_blob_read(store, "sha256:aa", 0, back, size, &err), (long long)size,
              "read whole");
    CHECK(!memcmp(bytes, back, size), "the same bytes");
    CHECK_INT(store_blob_read(store, "sha256:aa", 1048570, back, 12, &err), 12,
              "read across a seam");
    CHECK(!memcmp(bytes + 1048570, back, 12), "the same bytes");
    CHECK_INT(store_blob_read(store, "sha256:bb", 0, back, 5, &err), 0, "an empty one");
    store_blob_put(store, "sha256:aa", "x", 1);
    CHECK(!store_is_staged(store), "one that is there is no write");
    store_blob_delete(store, "sha256:aa");
    commit(store);
    CHECK_INT(store_blob_size(store, "sha256:aa"), -1, "deleted");
    store_facts(store, &facts);
    CHECK_INT(facts.blobs, 1, "one is left");
    CHECK(facts.fsyncs >= facts.commits && facts.commits == 2, "two commits");
}

static void test_full_disk(void)
{
    struct err err = {0};
    struct store_disk *disk = store_disk_new("small");
    struct store_options options = {.vfs = "small"};
    struct store *store = store_open("full.db", &options, &err);
    scoped_mem char *large = mem_alloc(1000001);

    CHECK(store != NULL, "opens: %s", err.text);
    put(store, "a", "fits");
    CHECK_INT(commit(store), ERR_NONE, "there is room");
    memset(large, 'x', 1000000);
    store_disk_limit(disk, 500000);
    CHECK_INT(put(store, "b", large), 2, "a write is staged");
    put(store, "c", "small");
    CHECK_INT(commit(store), ERR_FULL, "and refused: the disk is full");
    CHECK_INT(store_revision(store), 1, "revisions are taken back");
    CHECK_TEXT(rows_of(store, -1), "a@1=fits ", "nothing is half done");
    put(store, "c", "small");
    CHECK_INT(commit(store), ERR_NONE, "what fits is still written");
    store_disk_limit(disk, -1);
    put(store, "d", "more");
    CHECK_INT(commit(store), ERR_NONE, "and all is well with more room");
    store_disk_fail_after(disk, 0);
    put(store, "e", "lost");
    CHECK_INT(commit(store), ERR_UNREACHABLE, "a dead disk is told");
    store_disk_fail_after(disk, -1);
    CHECK_TEXT(rows_of(store, -1), "a@1=fits c@2=small d@3=more ", "and forgotten");
    store_close(&store);
    store = store_open("full.db", &options, &err);
    CHECK_TEXT(rows_of(store, -1), "a@1=fits c@2=small d@3=more ", "the same after opening again");
    store_close(&store);
    store_disk_free(&disk);
}

/* A disk that fills up: what is there can still go, and that makes room. */
static void test_reserve(void)
{
    struct err err = {0};
    struct store_disk *disk = store_disk_new("reserved");
    struct store_options options = {.vfs = "reserved", .noted = true, .reserve = 1 << 20};
    struct store *store = store_open("reserve.db", &options, &err);
    scoped_mem char *large = mem_alloc(20001);
    char name[16];
    int written = 0, deleted = 0, failed = 0;

    CHECK(store && !store_is_full(store), "opens: %s", err.text);
    memset(large, 'x', 20000);
    store_disk_limit(disk, 4 << 20);
    while (written < 1000 && !store_is_full(store)) {
        snprintf(name, sizeof name, "n%d", written);
        put(store, name, large);
        failed += commit(store) != ERR_NONE;
        written++;
    }
    CHECK(written > 50 && written < 1000, "the disk is full at some time (%d)", written);
    CHECK_INT(failed, 0, "but the commit that noticed is a good one");
    for (deleted = 0; deleted < written; deleted++) {
        snprintf(name, sizeof name, "n%d", deleted);
        drop(store, name, large);
        failed += commit(store) != ERR_NONE;
        if (deleted % 10 == 9)
            store_make_room(store);
    }
    CHECK_INT(failed, 0, "every delete is committed on the full disk");
    store_make_room(store);
    CHECK(!store_is_full(store), "and then there is room again");
    CHECK_INT(store_health(store)->code, ERR_NONE, "and all is well");
    store_disk_limit(disk, 0);
    for (int i = 0; i < 60 && commit(store) == ERR_NONE; i++)
        put(store, "more", large);
    CHECK_INT(store_health(store)->code, ERR_FULL, "without any room a commit fails");
    store_disk_limit(disk, -1);
    store_make_room(store);
    put(store, "more", large);
    commit(store);
    CHECK_INT(store_health(store)->code, ERR_NONE, "until there is some");
    store_close(&store);
    store_disk_free(&disk);
}

/* A database of 0.1.0: values without checksums, rows with shorter ones. */
static void test_format_1(void)
{
    static const char old[] =
        "CREATE TABLE history(revision INTEGER PRIMARY KEY,kind TEXT NOT NULL,"
        "space TEXT NOT NULL,name TEXT NOT NULL,what INTEGER NOT NULL,"
        "wall INTEGER NOT NULL,sum INTEGER NOT NULL,body BLOB NOT NULL);"
        "CREATE TABLE current(kind TEXT NOT NULL,space TEXT NOT NULL,"
        "name TEXT NOT NULL,revision INTEGER NOT NULL,"
        "PRIMARY KEY(kind,space,name)) WITHOUT ROWID;"
        "CREATE TABLE value(name TEXT PRIMARY KEY,bytes BLOB NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE blob(id INTEGER PRIMARY KEY AUTOINCREMENT,"
        "digest TEXT NOT NULL UNIQUE,size INTEGER NOT NULL,wall INTEGER NOT NULL);"
        "CREATE TABLE part(id INTEGER PRIMARY KEY,sum INTEGER NOT NULL,"
        "bytes BLOB NOT NULL);"
        "INSERT INTO history VALUES(1,'axle.dev/things','space','a',2,5,%lld,'old');"
        "INSERT INTO current VALUES('axle.dev/things','space','a',1);"
        "INSERT INTO value VALUES('name','bytes');"
        "PRAGMA user_version=1;";
    struct store_options noted = {.noted = true};
    scoped_mem char *value = NULL;
    char sql[2000];
    struct err err = {0};
    struct store *store;
    sqlite3 *db;
    int64_t sum = store_sum(1, "axle.dev/things", 16);

    sum = store_sum(store_sum(store_sum(sum, "space", 6), "a", 2), "old", 3);
    snprintf(sql, sizeof sql, old, (long long)sum);
    CHECK(sqlite3_open(path_of("old"), &db) == SQLITE_OK &&
              sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK,
          "an old database");
    sqlite3_close(db);
    for (int i = 0; i < 2; i++) {
        store = store_open(path_of("old"), &noted, &err);
        CHECK(store != NULL, "opens: %s", err.text);
        CHECK_TEXT(store ? rows_of(store, -1) : "", "a@1=old ", "with its rows");
        mem_free(&value);
        value = store ? store_value_get(store, "name", NULL) : NULL;
        CHECK_TEXT(value, "bytes", "and values");
        CHECK_INT(store ? store_epoch(store) : 0, 1, "in the first epoch");
        store_close(&store);
    }
}

/* Writes until the disk dies at a random operation, crashes, and looks. */
static bool survives(struct store_disk *disk, uint64_t seed)
{
    struct store_options options = {.vfs = "crashing", .history_bytes = 2000, .noted = true};
    struct err err;
    char name[16], body[600], wanted[64];
    int acknowledged[8] = {0}, tried[8] = {0};
    int64_t revision = 0;

    for (int life = 0; life < 4; life++) {
        scoped_store struct store *store = store_open("crash.db", &options, &err);

        if (!store || store_revision(store) < revision)
            return false;
        for (int i = 0; i < 8; i++) {
            snprintf(wanted, sizeof(wanted), "n%d@", i);
            const char *rows = rows_of(store, -1), *at = strstr(rows, wanted);
            int found = at ? (int)strtol(strchr(at, '=') + 1, NULL, 10) : 0;

            if (found < acknowledged[i] || found > tried[i])
                return false;
            acknowledged[i] = tried[i] = found;
        }
        revision = store_revision(store);
        store_disk_fail_after(disk, (int64_t)(seed % 97));
        for (int i = 0; i < 60; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            int which = (int)(seed >> 61);

            snprintf(name, sizeof(name), "n%d", which);
            snprintf(body, sizeof(body), "%d%*s", ++tried[which], (int)(seed >> 40 & 511), "");
            put(store, name, body);
            if (i % 7 == 6)
                store_compact(store);
            if (commit(store) != ERR_NONE)
                break;
            acknowledged[which] = tried[which];
            revision = store_revision(store);
        }
        store_disk_crash(disk, seed);
        store_close(&store);
    }
    return true;
}

static void test_crashes(void)
{
    int failed = 0;

    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct store_disk *disk = store_disk_new("crashing");

        if (!survives(disk, seed)) {
            printf("# seed %llu failed\n", (unsigned long long)seed);
            failed++;
        }
        store_disk_free(&disk);
    }
    CHECK_INT(failed, 0, "200 seeds of crashes lose nothing acknowledged");
}

/* Damages the database behind the store's back and reads it again. */
static const char *loaded_after(const char *sql)
{
    static char kept[1024];
    struct err err;
    scoped_store struct store *store = store_open(path_of("load"), NULL, &err);

    CHECK_INT(sqlite3_exec(store->db.sqlite, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sql);
    snprintf(kept, sizeof kept, "%s", loaded_of(store));
    return kept;
}

static void test_load(void)
{
    struct store_options options = {.history_bytes = 1};
    struct err err;
    struct store *store = store_open(path_of("load"), &options, &err);
    struct store_facts facts;

    CHECK_TEXT(loaded_of(store), "", "an empty one has nothing to load");
    put(store, "b", "1");
    put(store, "c", "2");
    put(store, "a", "3");
    commit(store);
    put(store, "c", "4");
    put(store, "d", "5");
    drop(store, "d", "5");
    put(store, "a", "7");
    commit(store);
    CHECK_TEXT(loaded_of(store), "1:b@1=1 -1:c@2=2 -1:a@3=3 2:c@4=4 -1:d@5=5 -1:-d@6=5 0:a@7=7 ",
               "rows as they are and the log, oldest first, with their places by key");
    put(store, "e", "8");
    CHECK_TEXT(loaded_of(store),
               "1:b@1=1 -1:c@2=2 -1:a@3=3 2:c@4=4 -1:d@5=5 -1:-d@6=5 0:a@7=7 3:e@8=8 ",
               "and what is staged");
    store_facts(store, &facts);
    CHECK_INT(facts.rows, 4, "rows are counted meanwhile");
    commit(store);
    while (store_compact(store))
        ;
    CHECK_INT(store_compacted(store), 5, "the log is as long as was counted");
    CHECK_TEXT(loaded_of(store), "1:b@1=1 2:c@4=4 -1:-d@6=5 0:a@7=7 3:e@8=8 ",
               "and its beginning is gone");
    store_close(&store);
    CHECK(strstr(loaded_after("UPDATE history SET body='9' WHERE revision=4"), "checksum of"),
          "a changed body is told");
    CHECK(!strstr(loaded_after("UPDATE history SET body='4' WHERE revision=4"), "damaged"),
          "and one that is put right is not");
    CHECK(strstr(loaded_after("DELETE FROM history WHERE revision=4"), "row of revision 4"),
          "a row that is missing is told");
    CHECK(strstr(loaded_after("DELETE FROM current WHERE name='c';"
                              "UPDATE current SET name='x' WHERE name='e'"),
                 "row of revision 8"),
          "and one under another name");
    CHECK(strstr(loaded_after("UPDATE current SET revision=7 WHERE name='x'"), "revision 7"),
          "and two rows that are the same");
    CHECK(strstr(loaded_after("UPDATE current SET revision=99 WHERE name='x'"), "revision 99"),
          "and the last one");
}

/* A child writes and tells what was acknowledged until it is killed. */
static void test_kill(void)
{
    int pipe_ends[2], last = 0, got, status, count = 0;
    struct err err;
    struct store *store;
    pid_t child;

    CHECK(pipe(pipe_ends) == 0, "pipe");
    child = fork();
    if (child == 0) {
        store = store_open(path_of("kill"), NULL, &err);
        for (int i = 1;; i++) {
            char name[16];

            snprintf(name, sizeof(name), "n%d", i);
            put(store, name, "body");
            put(store, "same", name);
            if (commit(store) == ERR_NONE && write(pipe_ends[1], &i, sizeof(i)) < 0)
                _exit(1);
        }
    }
    close(pipe_ends[1]);
    while (last < 100 && read(pipe_ends[0], &got, sizeof(got)) == sizeof(got))
        last = got;
    kill(child, SIGKILL);
    while (read(pipe_ends[0], &got, sizeof(got)) == sizeof(got))
        last = got;
    close(pipe_ends[0]);
    waitpid(child, &status, 0);
    store = store_open(path_of("kill"), NULL, &err);
    CHECK(store != NULL, "opens after a kill");
    for (const char *at = rows_of(store, -1); (at = strstr(at, "=body")); at++)
        count++;
    CHECK(last >= 100 && count >= last, "every acknowledged write is there (%d of %d)", count,
          last);
    CHECK(store_revision(store) == 2 * count, "pairs are whole");
    store_close(&store);
}

/* Changes one byte of a body on the disk. */
static void test_damage(void)
{
    struct err err;
    struct store *store = store_open(path_of("damage"), NULL, &err);
    char *bytes, *at;
    struct stat status;
    int fd;

    put(store, "a", "a body that nobody else has");
    commit(store);
    store_close(&store);
    fd = open(path_of("damage"), O_RDWR);
    fstat(fd, &status);
    bytes = mem_alloc((size_t)status.st_size + 1);
    CHECK(pread(fd, bytes, (size_t)status.st_size, 0) == status.st_size, "the file is read");
    at = memmem(bytes, (size_t)status.st_size, "nobody else", 11);
    CHECK(at && pwrite(fd, "N", 1, at - bytes) == 1, "a bit flips");
    close(fd);
    mem_free(&bytes);
    store = store_open(path_of("damage"), NULL, &err);
    CHECK(strstr(rows_of(store, -1), "is damaged: the checksum of"), "a damaged body is told: %s",
          rows_of(store, -1));
    store_close(&store);
}

static void test_backup(void)
{
    struct err err;
    struct store *store = store_open(path_of("live"), NULL, &err);
    char copy[128];

    snprintf(copy, sizeof(copy), "%s/copy.db", folder);
    put(store, "a", "kept");
    CHECK(store_backup(store, copy, &err) < 0, "not between stage and commit");
    commit(store);
    CHECK(store_backup(store, copy, &err) == 0, "copied while open");
    CHECK(store_backup(store, copy, &err) < 0, "never over another file");
    store_close(&store);
    store = store_open(copy, &(struct store_options){.read_only = true}, &err);
    CHECK(store != NULL, "the copy opens for reading");
    CHECK_TEXT(store ? rows_of(store, -1) : "", "a@1=kept ", "and is whole");
    store_close(&store);
}

/* A spoke's store on a disk that is full, read-only or failing. */
static void test_unwritable(void)
{
    struct err err = {0}, why = {0}, told = {0};
    struct store_options options = {0};
    struct store_disk *disk = store_disk_new("unwritable");
    struct store_key key = {"k", "", "a"};
    struct store *store;

    options.vfs = "unwritable";
    store = store_open("u.db", &options, &err);
    store_put(store, &key, "kept", 4);
    CHECK_INT(commit(store), ERR_NONE, "a row is kept");
    store_close(&store);

    store_disk_fail_after(disk, 0);
    err_set(&why, ERR_FULL, "the disk is full");
    options.unwritable = &why;
    store = store_open("u.db", &options, &err);
    CHECK(store != NULL, "opened as a copy in memory (%s)", err.text);
    CHECK_TEXT(store ? rows_of(store, -1) : "", "a@1=kept ", "which has what there is");
    key.name = "b";
    store_put(store, &key, "new", 3);
    CHECK_TEXT(rows_of(store, -1), "a@1=kept b@2=new ", "what is staged can be read");
    store_commit(store, on_done, &told);
    CHECK_INT(told.code, ERR_FULL, "a commit says why not");
    CHECK_TEXT(told.text, "the disk is full", "in its words");
    CHECK_TEXT(rows_of(store, -1), "a@1=kept ", "and is taken back");
    CHECK_INT(store_revision(store), 1, "with its revision");
    store_close(&store);

    options.empty = true;
    store = store_open("u.db", &options, &err);
    CHECK_TEXT(store ? rows_of(store, -1) : "none", "", "or an empty one");
    store_close(&store);
    store_disk_fail_after(disk, -1);
    options = (struct store_options){.vfs = "unwritable"};
    store = store_open("u.db", &options, &err);
    CHECK_TEXT(store ? rows_of(store, -1) : "", "a@1=kept ", "the disk has what it had");
    store_close(&store);
    store_disk_free(&disk);
}

int main(void)
{
    char *template = folder;

    snprintf(folder, sizeof(folder), "/tmp/axle-store-XXXXXX");
    if (!mkdtemp(template))
        return 1;
    test_rows();
    test_second_process();
    test_log();
    test_age();
    test_blobs();
    test_full_disk();
    test_reserve();
    test_format_1();
    test_load();
    test_crashes();
    test_kill();
    test_damage();
    test_backup();
    test_unwritable();
    return check_done();
}
