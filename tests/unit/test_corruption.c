/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flips bits and cuts files of a small database everywhere: each time the store
 * says in words that it is damaged, or every acknowledged write still reads
 * back byte for byte. DEEP=1 looks at many more places.
 */
#include "check.h"

#include "base/log.h"
#include "base/text.h"
#include "sim/disk.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#define DB "hub.db"
#define ROWS 40
#define BLOB 5000

static struct store_disk *whole; /* as an ended process leaves it */
static struct store_disk *hurt;

static const struct store_options options = {
    .vfs = "hurt", .noted = true, .expected = true, .history_bytes = 3000};

static void done(void *arg, const struct err *err)
{
    *(bool *)arg = !err;
}

static bool commit(struct store *store)
{
    bool well = false;

    store_commit(store, done, &well);
    return well;
}

/* ---- What was acknowledged --------------------------------------------------- */

static int add_row(void *arg, const struct store_row *row, struct err *err)
{
    text_addf(arg, "%s/%s/%s@%lld%s%s=%.*s\n", row->key.kind, row->key.namespace, row->key.name,
              (long long)row->revision, row->created ? "+" : "", row->deleted ? "-" : "",
              (int)row->len, (const char *)row->body);
    return 0;
}

static const char *const blob_names[] = {"sha256:one", "sha256:two", "sha256:none"};

static int add_blob(struct store *store, const char *name, struct text *all, struct err *err)
{
    char bytes[BLOB];
    int64_t got;

    if (store_blob_size(store, name) < 0) {
        text_addf(all, "%s is missing\n", name);
        return 0;
    }
    got = store_blob_read(store, name, 0, bytes, sizeof bytes, err);
    if (got < 0)
        return -1;
    text_addf(all, "%s: ", name);
    text_add_bytes(all, bytes, (size_t)got);
    return 0;
}

/* Everything that a reader can see; -1: told to be damaged. */
static int read_all(struct store *store, struct text *all, struct err *err)
{
    static const char *const values[] = {"list", "other", "none"};

    text_cut(all, 0);
    text_addf(all, "%lld %lld %lld\n", (long long)store_revision(store),
              (long long)store_epoch(store), (long long)store_compacted(store));
    if (store_each(store, add_row, all, err) < 0 ||
        store_changes(store, store_compacted(store), add_row, all, err) < 0)
        return -1;
    for (size_t i = 0; i < count_of(values); i++) {
        scoped_mem char *value = store_value_get(store, values[i], NULL);

        text_addf(all, "%s: %s\n", values[i], value ? value : "missing");
    }
    for (size_t i = 0; i < count_of(blob_names); i++)
        if (add_blob(store, blob_names[i], all, err) < 0)
            return -1;
    if (store_health(store)->code) {
        *err = *store_health(store);
        return -1;
    }
    return 0;
}

static void write_some(struct store *store, int from, int to)
{
    char name[32], body[900];

    for (int i = from; i < to; i++) {
        struct store_key key = {i % 3 ? "axle.dev/things" : "/secrets", "space", name};

        snprintf(name, sizeof name, "n%d", i * 7 % ROWS);
        snprintf(body, sizeof body, "%0*d", 100 + i * 131 % 700, i);
        if (i % 11 == 10)
            store_delete(store, &key, body, strlen(body));
        else
            store_put(store, &key, body, strlen(body));
        if (i % 5 == 0)
            store_value_put(store, i % 2 ? "list" : "other", body, strlen(body));
        commit(store);
    }
}

static char *big(char fill)
{
    char *bytes = mem_alloc(BLOB + 1);

    for (int i = 0; i < BLOB; i++)
        bytes[i] = (char)(fill + i % 7 + i / 1000);
    return bytes;
}

/* A database with a log behind it, rows, changes, values and blobs in both; the
   last commit has a blob and a value only. */
static struct store *make_whole(struct store_disk *older, struct text *ret)
{
    struct store_options first = options;
    scoped_mem char *one = big('a'), *two = big('A');
    struct err err = {0};
    struct store *store;

    first.vfs = "whole";
    first.expected = false;
    store = store_open(DB, &first, &err);
    CHECK(store != NULL, "a new database: %s", err.text);
    write_some(store, 0, 20);
    store_close(&store);
    store_disk_copy(older, whole, NULL);
    store = store_open(DB, &first, &err);
    CHECK(store != NULL, "opened again: %s", err.text);
    write_some(store, 20, 90);
    store_blob_put(store, blob_names[0], one, BLOB);
    commit(store);
    while (store_compact(store))
        ;
    write_some(store, 90, 120);
    store_blob_put(store, blob_names[1], two, BLOB);
    store_value_put(store, "list", "of the last commit", 18);
    CHECK(commit(store), "the last commit");
    CHECK_INT(read_all(store, ret, &err), 0, "all of it can be read");
    return store;
}

/* ---- What comes of it ----------------------------------------------------------- */

enum outcome { TOLD, HARMLESS, SILENT };

static enum outcome outcome_of(const struct text *wanted, struct err *err)
{
    scoped_store struct store *store = store_open(DB, &options, err);
    scoped_text struct text all = {0};

    if (!store || read_all(store, &all, err) < 0)
        return strstr(err->text, DB) ? TOLD : SILENT;
    if (all.len != wanted->len || memcmp(all.bytes, wanted->bytes, all.len) != 0) {
        err_set(err, ERR_INTERNAL, "%.300s", text_string(&all));
        return SILENT;
    }
    /* And it goes on. */
    write_some(store, 200, 202);
    store_close(&store);
    store = store_open(DB, &options, err);
    return store ? HARMLESS : SILENT;
}

static size_t places(void)
{
    return getenv("DEEP") ? 5000 : 200;
}

static void try_all(const char *what, const char *file, bool cuts, const struct text *wanted)
{
    int64_t size = store_disk_size(whole, file), last = -1;
    size_t count[3] = {0}, most = places();

    for (size_t i = 0; i < most; i++) {
        /* Evenly spread, and at another bit each time. */
        int64_t range = cuts ? size : size * 8;
        int64_t at = (int64_t)((double)range / (double)most * (double)i);
        struct err err = {0};
        enum outcome outcome;

        at = cuts ? at : at + (int64_t)(i * 5 % 8);
        if (at == last || at >= range)
            continue;
        last = at;
        store_disk_copy(hurt, whole, NULL);
        if (cuts)
            store_disk_cut(hurt, file, at);
        else
            store_disk_flip(hurt, file, at);
        outcome = outcome_of(wanted, &err);
        count[outcome]++;
        if (outcome == SILENT)
            printf("# %s of %s at %lld of %lld: %s\n", what, file, (long long)at, (long long)range,
                   err.text);
    }
    printf("# %s of %s (%lld bytes): %zu told, %zu harmless\n", what, file, (long long)size,
           count[TOLD], count[HARMLESS]);
    CHECK_INT(count[SILENT], 0, "%s of %s: nothing is lost in silence", what, file);
    CHECK(count[TOLD] + count[HARMLESS] > 0, "and something was tried");
}

static enum outcome without(const char *file, const struct text *wanted, struct err *err)
{
    store_disk_copy(hurt, whole, NULL);
    store_disk_remove(hurt, file);
    *err = (struct err){0};
    return outcome_of(wanted, err);
}

static void test_missing(const struct text *wanted, bool has_log)
{
    struct err err;

    CHECK_INT(without(DB "-note", wanted, &err), HARMLESS, "no note is harmless");
    CHECK_INT(without(DB "-shm", wanted, &err), HARMLESS, "nor is there a -shm");
    CHECK_INT(without(DB, wanted, &err), TOLD, "a lost database is told");
    CHECK(strstr(err.text, "is missing or empty") && strstr(err.text, "--accept-loss"),
          "in words: %s", err.text);
    if (!has_log)
        return;
    CHECK_INT(without(DB "-wal", wanted, &err), TOLD, "a lost log is told");
    CHECK(strstr(err.text, "has lost acknowledged writes") && strstr(err.text, "--accept-loss"),
          "in words: %s", err.text);
    store_disk_copy(hurt, whole, NULL);
    store_disk_remove(hurt, DB "-wal");
    outcome_of(wanted, &err);
    CHECK(store_disk_size(hurt, DB) == store_disk_size(whole, DB) &&
              store_disk_size(hurt, DB "-wal") <= 0,
          "and nothing is written");
}

/* ---- Going on all the same --------------------------------------------------------- */

static void test_accept(const struct text *wanted)
{
    struct store_options accept = options;
    struct err err = {0};
    struct store *store;
    int64_t revision = strtoll(text_string(wanted), NULL, 10), next;

    accept.accept_loss = true;
    store_disk_copy(hurt, whole, NULL);
    store = store_open(DB, &accept, &err);
    CHECK(store && store_epoch(store) == 1 && store_revision(store) == revision,
          "where nothing is lost, nothing is accepted: %s", err.text);
    store_close(&store);
    store_disk_copy(hurt, whole, NULL);
    store_disk_remove(hurt, DB "-wal");
    store = store_open(DB, &accept, &err);
    CHECK(store != NULL, "a loss that is accepted: %s", err.text);
    CHECK_INT(store_epoch(store), 2, "begins a new epoch");
    next = store_revision(store);
    CHECK(next >= revision + 1000000000, "and no revision is used twice");
    CHECK_INT(store_compacted(store), next, "whoever watched must list again");
    store_close(&store);
    store = store_open(DB, &options, &err);
    CHECK(store && store_epoch(store) == 2 && store_revision(store) == next,
          "the next start needs no acceptance: %s", err.text);
    store_close(&store);
    store_disk_copy(hurt, whole, NULL);
    store_disk_remove(hurt, DB);
    store_disk_remove(hurt, DB "-wal");
    store = store_open(DB, &accept, &err);
    CHECK(store && store_epoch(store) == 2 && store_revision(store) >= revision,
          "an empty one goes on above what the note says: %s", err.text);
    store_close(&store);
    store_disk_remove(hurt, DB);
    store_disk_remove(hurt, DB "-note");
    store = store_open(DB, &accept, &err);
    CHECK(store && store_epoch(store) > 1000000 && store_revision(store) > 1000000000000,
          "and without any note above what the clock allows: %s", err.text);
    store_close(&store);
}

/* An older copy of the database beside a newer note, and another database. */
static void test_copies(struct store_disk *older)
{
    struct store_options options_here = {.vfs = "older"};
    struct err err = {0};
    struct store *store;

    store_disk_copy(hurt, whole, NULL);
    store_disk_remove(hurt, DB "-wal");
    store_disk_copy(hurt, older, DB);
    store = store_open(DB, &options, &err);
    CHECK(!store && strstr(err.text, "an older copy was put in place"), "an older copy is told: %s",
          err.text);
    store_disk_remove(older, DB);
    store = store_open(DB, &options_here, &err);
    write_some(store, 0, 200);
    store_close(&store);
    store_disk_copy(hurt, older, DB);
    store_disk_remove(hurt, DB "-wal");
    store = store_open(DB, &options, &err);
    CHECK(!store && strstr(err.text, "is not the database that was here"),
          "and so is another database: %s", err.text);
}

int main(void)
{
    scoped_text struct text wanted = {0}, closed = {0};
    struct store_disk *older = store_disk_new("older");
    struct store *store;
    struct err err = {0};

    log_setup(LOG_ERROR, false); /* a damaged note is a warning each time */
    whole = store_disk_new("whole");
    hurt = store_disk_new("hurt");
    store = make_whole(older, &wanted);
    CHECK(store_disk_size(whole, DB) > 50000, "much of it is in the database");
    CHECK(store_disk_size(whole, DB "-wal") > 50000, "and much in its log only");
    try_all("a flipped bit", DB, false, &wanted);
    try_all("a flipped bit", DB "-wal", false, &wanted);
    try_all("a flipped bit", DB "-note", false, &wanted);
    try_all("a cut", DB, true, &wanted);
    try_all("a cut", DB "-wal", true, &wanted);
    try_all("a cut", DB "-note", true, &wanted);
    test_missing(&wanted, true);
    test_accept(&wanted);
    CHECK_INT(read_all(store, &closed, &err), 0, "the same, closed in order");
    store_close(&store);
    try_all("a flipped bit", DB, false, &closed);
    try_all("a cut", DB, true, &closed);
    test_missing(&closed, false);
    test_copies(older);
    store_disk_free(&older);
    store_disk_free(&hurt);
    store_disk_free(&whole);
    return check_done();
}
