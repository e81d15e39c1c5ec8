/* SPDX-License-Identifier: Apache-2.0 */
/* A store with a thread commits while its loop goes on, and says the same as one without. */

#include "check.h"
#include "held_disk.h"

#include "base/clock.h"
#include "base/text.h"
#include "loop/loop.h"
#include "store/internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static struct loop *loop;
static struct store *store;
static struct err err;

static struct store_key key_of(const char *name)
{
    return (struct store_key){"axle.dev/things", "space", name};
}

static int64_t put(const char *name, const char *body)
{
    struct store_key key = key_of(name);

    return store_put(store, &key, body, strlen(body));
}

/* What commits ended with, in the order in which they did: "a b!" when b failed. */
static struct text told;

static void on_done(void *arg, const struct err *why)
{
    text_addf(&told, "%s%s%s", told.len ? " " : "", (const char *)arg, why ? "!" : "");
}

static void commit(const char *name)
{
    store_commit(store, on_done, (void *)(uintptr_t)name);
}

static const char *told_now(void)
{
    static char copy[256];

    snprintf(copy, sizeof copy, "%s", text_string(&told));
    text_cut(&told, 0);
    return copy;
}

/* Turns the loop until so many commits have been told. */
static const char *told_after(size_t count)
{
    size_t seen = 0;

    while (seen < count) {
        loop_turn(loop, CLOCK_SECOND);
        seen = told.len ? 1 : 0;
        for (size_t i = 0; i < told.len; i++)
            seen += told.bytes[i] == ' ';
    }
    return told_now();
}

static int add_row(void *arg, const struct store_row *row, struct err *why)
{
    text_addf(arg, "%s%s@%lld=%.*s ", row->deleted ? "-" : "", row->key.name,
              (long long)row->revision, (int)row->len, (const char *)row->body);
    return 0;
}

static const char *rows(void)
{
    static struct text text;

    text_cut(&text, 0);
    if (store_each(store, add_row, &text, &err) < 0)
        text_add(&text, err.text);
    return text_string(&text);
}

static const char *value(const char *name)
{
    static char *last;

    free(last);
    last = store_value_get(store, name, NULL);
    return last ? last : "none";
}

static const char *blob(const char *digest)
{
    static char bytes[64];
    int64_t got = store_blob_read(store, digest, 0, bytes, sizeof bytes - 1, &err);

    bytes[got < 0 ? 0 : got] = '\0';
    return got < 0 ? "none" : bytes;
}

static void open_store(const char *name)
{
    struct store_options options = {.loop = loop, .vfs = "held", .noted = true};

    store = store_open(name, &options, &err);
    CHECK(store != NULL, "%s opens: %s", name, store ? "" : err.text);
}

static void reopen(const char *name)
{
    store_close(&store);
    open_store(name);
}

static int64_t commits(void)
{
    struct store_facts facts;

    store_facts(store, &facts);
    return facts.commits;
}

/* ---- Committing ------------------------------------------------------------------ */

static void on_timer(void *arg)
{
    *(bool *)arg = true;
}

static void test_goes_on(void)
{
    bool fired = false;
    struct loop_timer *timer = loop_timer_new(loop, on_timer, &fired);

    open_store("on.db");
    commit("nothing");
    CHECK_TEXT(told_now(), "nothing", "with nothing staged it is told at once");
    CHECK_INT(put("a", "1"), 1, "a revision is given at once");
    CHECK(store_is_staged(store), "it is staged");
    held_set(true, SQLITE_OK);
    commit("first");
    CHECK(!store_is_staged(store), "and then it is on its way");
    held_wait();
    loop_timer_set(timer, 0);
    while (!fired)
        loop_turn(loop, CLOCK_SECOND);
    CHECK_TEXT(told_now(), "", "the loop goes on while the disk syncs");
    CHECK_INT(put("b", "2"), 2, "the next write is staged meanwhile");
    CHECK_INT(store_revision(store), 2, "and has the newest revision");
    commit("empty");
    held_set(false, SQLITE_OK);
    CHECK_TEXT(told_after(2), "first empty", "both are told, in order");
    reopen("on.db");
    CHECK_TEXT(rows(), "a@1=1 b@2=2 ", "and both are there");
    CHECK_INT(store_revision(store), 2, "with their revisions");
    loop_timer_free(&timer);
    store_close(&store);
}

static void test_groups(void)
{
    static const char *const names[] = {"1", "2", "3", "4", "5"};
    int64_t before;

    open_store("group.db");
    held_set(true, SQLITE_OK);
    put("first", "x");
    commit("0");
    held_wait();
    before = store_worker_seen(store)->facts.commits;
    for (size_t i = 0; i < count_of(names); i++) {
        put(names[i], "y");
        commit(names[i]);
    }
    held_set(false, SQLITE_OK);
    CHECK_TEXT(told_after(6), "0 1 2 3 4 5", "all are told in order");
    CHECK_INT(commits() - before, 2, "what was staged during a commit is exactly one more");
    store_close(&store);
}

static void test_close(void)
{
    pthread_t other;

    open_store("close.db");
    held_set(true, SQLITE_OK);
    put("flies", "1");
    commit("flies");
    put("asked", "2");
    commit("asked");
    put("staged", "3");
    pthread_create(&other, NULL, held_release, NULL);
    store_close(&store);
    pthread_join(other, NULL);
    CHECK_TEXT(told_now(), "", "after a close nobody is told");
    open_store("close.db");
    CHECK_TEXT(rows(), "asked@2=2 flies@1=1 ", "what a commit was asked for is there, no more");
    store_close(&store);
}

/* ---- Reading --------------------------------------------------------------------- */

#define VAST ((size_t)5 << 20) /* more than is kept in memory */

static void test_reads(void)
{
    scoped_mem char *vast = mem_alloc(VAST);
    pthread_t other;
    int64_t before;

    open_store("reads.db");
    store_value_put(store, "old", "kept", 4);
    store_value_put(store, "vast", vast, VAST);
    store_blob_put(store, "sha256:old", "bytes", 5);
    commit("before");
    told_after(1);
    reopen("reads.db");
    held_set(true, SQLITE_OK);
    put("row", "1");
    store_value_put(store, "flying", "v1", 2);
    store_value_put(store, "both", "v1", 2);
    store_blob_put(store, "sha256:flying", "b1", 2);
    commit("flying");
    held_wait();
    store_value_put(store, "both", "v2", 2);
    store_value_put(store, "staged", "v2", 2);
    store_blob_put(store, "sha256:staged", "b2", 2);
    store_blob_delete(store, "sha256:flying");
    CHECK_TEXT(value("flying"), "v1", "a value that flies is read");
    CHECK_TEXT(value("staged"), "v2", "and one that is staged");
    CHECK_TEXT(value("both"), "v2", "the newer one of two");
    CHECK_TEXT(value("unknown"), "none", "one that is not there is known not to be");
    CHECK_TEXT(blob("sha256:staged"), "b2", "a staged blob is read");
    CHECK_TEXT(blob("sha256:flying"), "none", "one that is deleted since is not");
    CHECK_INT(store_blob_size(store, "sha256:old"), 5, "the size of an old one needs no disk");
    CHECK_INT(store_blob_size(store, "sha256:none"), -1, "nor does that there is none");
    CHECK_TEXT(told_now(), "", "all of that while the disk hangs");
    CHECK(store_check_read(store, &err) < 0 && err.code == ERR_UNREACHABLE,
          "for what is on disk only it is asked first, which waits a little: %s", err.text);
    before = clock_steady();
    for (int i = 0; i < 100; i++)
        CHECK(store_check_read(store, &err) < 0, "and then no more");
    CHECK(store_check_value(store, "vast", &err) < 0, "nor for a value that is on disk only");
    CHECK_TEXT(value("old"), "kept", "small ones are in memory since the start");
    CHECK_INT(store_check_value(store, "both", &err), 0, "one in memory can be read");
    CHECK_INT(store_check_value(store, "none", &err), 0, "and one that is not there");
    CHECK(clock_steady() - before < CLOCK_SECOND, "in no time");
    pthread_create(&other, NULL, held_release, NULL);
    CHECK_TEXT(value("vast"), "", "what is on disk only waits for the commit");
    pthread_join(other, NULL);
    CHECK_INT(store_check_read(store, &err), 0, "and then it can be read");
    CHECK_TEXT(blob("sha256:old"), "bytes", "as do the bytes of a blob");
    put("row", "2");
    CHECK_TEXT(rows(), "row@2=2 ", "a walk sees what is staged");
    CHECK_TEXT(told_after(1), "flying", "the commit is told by the loop, not by a read");
    commit("last");
    told_after(1);
    reopen("reads.db");
    CHECK_TEXT(rows(), "row@2=2 ", "what a walk has applied is committed with the rest");
    CHECK_TEXT(value("both"), "v2", "in order");
    CHECK_TEXT(blob("sha256:flying"), "none", "deletes too");
    store_close(&store);
}

static void test_walk_while_flying(void)
{
    pthread_t other;

    open_store("walk.db");
    held_set(true, SQLITE_OK);
    put("a", "1");
    commit("a");
    held_wait();
    put("b", "2");
    commit("b");
    put("c", "3");
    pthread_create(&other, NULL, held_release, NULL);
    CHECK_TEXT(rows(), "a@1=1 b@2=2 c@3=3 ", "a walk sees all, in whichever state");
    pthread_join(other, NULL);
    CHECK_TEXT(told_after(2), "a b", "and the commits are told");
    commit("c");
    CHECK_TEXT(told_after(1), "c", "the rest is committed when it is asked for");
    reopen("walk.db");
    CHECK_TEXT(rows(), "a@1=1 b@2=2 c@3=3 ", "and is there");
    store_close(&store);
}

/* ---- Failing --------------------------------------------------------------------- */

static void on_trouble(void *arg)
{
    text_add(&told, told.len ? " trouble" : "trouble");
}

static void test_failure(void)
{
    open_store("fail.db");
    store_on_trouble(store, on_trouble, NULL);
    put("kept", "0");
    store_value_put(store, "v", "kept", 4);
    store_blob_put(store, "sha256:kept", "x", 1);
    commit("kept");
    told_after(1);
    held_set(true, SQLITE_IOERR_FSYNC);
    put("a", "1");
    store_value_put(store, "v", "lost", 4);
    store_blob_delete(store, "sha256:kept");
    commit("a");
    held_wait();
    put("b", "2");
    commit("b");
    put("c", "3");
    store_blob_put(store, "sha256:c", "x", 1);
    held_set(false, SQLITE_IOERR_FSYNC);
    CHECK_TEXT(told_after(3), "trouble a! b!", "a failed commit takes all with it that came after");
    CHECK_INT(store_health(store)->code, ERR_UNREACHABLE, "the store is unwell");
    CHECK(!store_is_staged(store), "nothing is staged any more");
    CHECK_INT(store_revision(store), 1, "revisions are taken back");
    CHECK_TEXT(value("v"), "kept", "a value is what it was");
    CHECK_INT(store_blob_size(store, "sha256:kept"), 1, "a blob is there again");
    CHECK_INT(store_blob_size(store, "sha256:c"), -1, "and another is not");
    held_set(false, SQLITE_OK);
    CHECK_INT(put("d", "4"), 2, "and given again");
    commit("d");
    CHECK_TEXT(told_after(1), "d", "the next commit succeeds");
    CHECK_INT(store_health(store)->code, ERR_NONE, "and all is well");
    reopen("fail.db");
    CHECK_TEXT(rows(), "d@2=4 kept@1=0 ", "nothing of the failed one is there");
    store_close(&store);
}

/* A walk between a failed commit and its news must not put its successors to disk. */
static void test_walk_after_failure(void)
{
    open_store("late.db");
    held_set(true, SQLITE_IOERR_FSYNC);
    put("a", "1");
    commit("a");
    held_wait();
    put("b", "2");
    held_set(false, SQLITE_IOERR_FSYNC);
    CHECK_TEXT(rows(), "", "a walk sees what is durable");
    held_set(false, SQLITE_OK);
    CHECK_TEXT(told_after(1), "a!", "the failure is told");
    commit("none");
    reopen("late.db");
    CHECK_TEXT(rows(), "", "and nothing came to the disk");
    told_now();
    store_close(&store);
}

/* What a walk has put into the transaction goes with it, and the names are as before. */
static void test_failure_of_settled(void)
{
    open_store("settled.db");
    store_value_put(store, "v", "old", 3);
    store_blob_put(store, "sha256:old", "abc", 3);
    commit("kept");
    told_after(1);
    store_value_put(store, "v", "new", 3);
    store_value_put(store, "v", "newer", 5);
    store_value_put(store, "w", "new", 3);
    store_blob_delete(store, "sha256:old");
    store_blob_put(store, "sha256:old", "x", 1);
    put("a", "1");
    CHECK_TEXT(rows(), "a@1=1 ", "a walk has applied it");
    store_value_delete(store, "v");
    held_set(false, SQLITE_IOERR_FSYNC);
    commit("lost");
    CHECK_TEXT(told_after(1), "lost!", "its commit fails");
    held_set(false, SQLITE_OK);
    CHECK_TEXT(value("v"), "old", "a value is the one of before");
    CHECK_TEXT(value("w"), "none", "one that was new is gone");
    CHECK_INT(store_blob_size(store, "sha256:old"), 3, "a blob has its size of before");
    CHECK_TEXT(blob("sha256:old"), "abc", "and its bytes");
    CHECK_INT(store_revision(store), 0, "and the revision is taken back");
    CHECK_TEXT(rows(), "", "nothing of it is there");
    store_close(&store);
}

static void test_full(void)
{
    struct store_options options = {.loop = loop, .vfs = "held", .reserve = 1 << 20};
    char body[20000];
    int written = 0;

    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    store = store_open("full.db", &options, &err);
    CHECK(store && !store_is_full(store), "opens");
    store_on_trouble(store, on_trouble, NULL);
    held_room(3 << 20);
    while (!store_is_full(store) && written++ < 1000) {
        put("row", body);
        commit("w");
        while (!told.len)
            loop_turn(loop, CLOCK_SECOND);
        if (strchr(told_now(), '!'))
            break;
        held_room(written < 100 ? 3 << 20 : 1 << 20);
    }
    CHECK(store_check_room(store, &err) < 0 || store_health(store)->code == ERR_FULL,
          "a full disk is told by the commit (after %d)", written);
    held_room(-1);
    for (int i = 0; i < 1000 && store_is_full(store); i++) {
        store_make_room(store);
        loop_turn(loop, CLOCK_SECOND);
    }
    CHECK(!store_is_full(store), "and when there is room all is as before");
    told_now();
    put("last", "1");
    commit("last");
    while (!strstr(text_string(&told), "last"))
        loop_turn(loop, CLOCK_SECOND);
    CHECK(!strchr(told_now(), '!'), "commits succeed again");
    store_close(&store);
}

/* Whoever waits for the end of a commit must not keep its news from the hub, which makes
   room because of it. */
static void test_trouble_during_walk(void)
{
    struct store_options options = {.loop = loop, .vfs = "held", .reserve = 1 << 20};

    store = store_open("walked.db", &options, &err);
    CHECK(store && !store_is_full(store), "opens");
    store_on_trouble(store, on_trouble, NULL);
    held_full(1);
    put("a", "1");
    commit("a");
    CHECK_TEXT(rows(), "a@1=1 ", "a walk waits for the commit that finds the disk full");
    CHECK_TEXT(told_after(2), "trouble a", "and the trouble is told all the same");
    CHECK(store_is_full(store), "the store is full");
    store_close(&store);
}

/* ---- A disk that cannot keep up -------------------------------------------------- */

#define MANY ((size_t)33 << 20)

static int64_t ahead; /* of the steady clock, which only the loop's thread reads */

static int64_t read_time(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * CLOCK_SECOND + now.tv_nsec;
}

static int64_t wall_now(void)
{
    return read_time(CLOCK_REALTIME);
}

static int64_t steady_ahead(void)
{
    return read_time(CLOCK_MONOTONIC) + ahead;
}

static void kernel_random(void *bytes, size_t len)
{
    CHECK(getrandom(bytes, len, 0) == (ssize_t)len, "there is chance");
}

static const struct clock_platform clock_ahead = {wall_now, steady_ahead, kernel_random};

static void pass(int64_t time)
{
    ahead += time;
    loop_turn(loop, 0);
}

#define MORE_THAN_A_SECOND (CLOCK_SECOND + 1)

static void test_backlog(void)
{
    scoped_mem char *many = mem_alloc(MANY);

    open_store("backlog.db");
    store_value_put(store, "first", many, MANY);
    pass(MORE_THAN_A_SECOND);
    CHECK_INT(store_check_backlog(store, &err), 0, "what waits for no commit is no backlog");
    held_set(true, SQLITE_OK);
    commit("first");
    held_wait();
    pass(MORE_THAN_A_SECOND);
    store_blob_put(store, "sha256:large", many, MANY);
    CHECK_INT(store_check_backlog(store, &err), 0, "what flies is none, and blobs have more room");
    store_value_put(store, "second", many, MANY);
    CHECK(store_check_backlog(store, &err) < 0, "many bytes behind a slow commit are refused");
    CHECK_INT(err.code, ERR_TOO_MANY, "as something for later: %s", err.text);
    commit("second");
    CHECK(store_check_backlog(store, &err) < 0, "also when their commit is asked for");
    held_set(false, SQLITE_OK);
    CHECK_TEXT(told_after(2), "first second", "when the disk goes on they are written");
    held_set(true, SQLITE_IOERR_FSYNC);
    store_value_put(store, "third", many, MANY);
    commit("third");
    held_wait();
    store_value_put(store, "fourth", many, MANY);
    held_set(false, SQLITE_IOERR_FSYNC);
    CHECK_TEXT(told_after(1), "third!", "a commit fails");
    held_set(true, SQLITE_OK);
    put("a", "1");
    commit("a");
    held_wait();
    pass(MORE_THAN_A_SECOND);
    CHECK_INT(store_check_backlog(store, &err), 0, "and with it goes what waited");
    held_set(false, SQLITE_OK);
    told_after(1);
    store_close(&store);
}

/* What the log said since the last time. */
static const char *logged(int fd)
{
    static char text[4096];
    ssize_t len = pread(fd, text, sizeof text - 1, 0);

    text[len < 0 ? 0 : len] = '\0';
    if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return "";
    return text;
}

/* An operator must learn why writes hang. */
static void test_slow_is_logged(void)
{
    int fd = memfd_create("log", MFD_CLOEXEC), before = dup(STDERR_FILENO);

    open_store("slow.db");
    dup2(fd, STDERR_FILENO);
    put("a", "1");
    commit("quick");
    told_after(1);
    pass(10 * CLOCK_SECOND);
    CHECK_TEXT(logged(fd), "", "a commit that was quick is not logged");
    held_set(true, SQLITE_OK);
    put("a", "2");
    commit("slow");
    held_wait();
    pass(4 * CLOCK_SECOND);
    CHECK_TEXT(logged(fd), "", "nor is one of four seconds");
    pass(2 * CLOCK_SECOND);
    CHECK(strstr(logged(fd), "slow.db: the disk is slow or hangs"), "one of six is");
    held_set(false, SQLITE_OK);
    told_after(1);
    CHECK(strstr(logged(fd), "slow.db: the disk goes on, after "), "and that it has ended");
    put("a", "3");
    commit("quick");
    told_after(1);
    CHECK_TEXT(logged(fd), "", "once");
    dup2(before, STDERR_FILENO);
    close(before);
    close(fd);
    store_close(&store);
}

/* ---- Compaction ------------------------------------------------------------------ */

static void test_compaction(void)
{
    struct store_options options = {.loop = loop, .vfs = "held", .history_bytes = 2000};
    int calls = 0;

    store = store_open("compact.db", &options, &err);
    for (int i = 0; i < 600; i++)
        put("same", "a body of some length");
    commit("w");
    told_after(1);
    while (store_compact(store) && calls++ < 1000)
        loop_turn(loop, CLOCK_MS);
    CHECK(store_compacted(store) > 400, "the log is trimmed by slices (to %lld, %d calls)",
          (long long)store_compacted(store), calls);
    held_set(true, SQLITE_OK);
    for (int i = 0; i < 300; i++)
        put("same", "a body of some length");
    commit("x");
    held_wait();
    CHECK(store_compact(store), "during a commit it is asked for");
    put("other", "1");
    commit("y");
    held_set(false, SQLITE_OK);
    CHECK_TEXT(told_after(2), "x y", "commits go on between slices");
    while (store_compact(store))
        loop_turn(loop, CLOCK_MS);
    CHECK(store_compacted(store) > 700, "and then it runs");
    store_close(&store);
}

/* ---- The same as inline ---------------------------------------------------------- */

static unsigned roll(unsigned *state, unsigned sides)
{
    *state = *state * 1103515245u + 12345u;
    return (*state >> 16) % sides;
}

static void random_step(struct store *one, unsigned *state)
{
    char name[16], bytes[16];
    struct store_key key = key_of(name);

    snprintf(name, sizeof name, "n%u", roll(state, 5));
    snprintf(bytes, sizeof bytes, "b%u", roll(state, 1000));
    switch (roll(state, 6)) {
    case 0:
    case 1:
        store_put(one, &key, bytes, strlen(bytes));
        break;
    case 2:
        store_delete(one, &key, bytes, strlen(bytes));
        break;
    case 3:
        store_value_put(one, name, bytes, strlen(bytes));
        break;
    case 4:
        store_value_delete(one, name);
        break;
    default:
        if (roll(state, 2))
            store_blob_put(one, name, bytes, strlen(bytes));
        else
            store_blob_delete(one, name);
    }
}

static void describe(struct store *one, struct text *text)
{
    if (store_each(one, add_row, text, &err) < 0 || store_changes(one, 0, add_row, text, &err) < 0)
        text_add(text, err.text);
    text_addf(text, "%lld ", (long long)store_revision(one));
}

static void describe_names(struct store *one, struct text *text)
{
    for (int i = 0; i < 5; i++) {
        char name[16], bytes[16];
        int64_t got;
        scoped_mem char *is = NULL;

        snprintf(name, sizeof name, "n%d", i);
        is = store_value_get(one, name, NULL);
        got = store_blob_read(one, name, 0, bytes, sizeof bytes, &err);
        text_addf(text, "%s %lld %.*s ", is ? is : "-", (long long)store_blob_size(one, name),
                  got < 0 ? 0 : (int)got, bytes);
    }
}

static void count_done(void *arg, const struct err *why)
{
    ++*(int *)arg;
}

/* The same writes to both; each reads as the other, at any moment. */
static bool same_as_inline(unsigned seed)
{
    struct store_options options = {.vfs = "held"};
    scoped_mem char *name = mem_printf("inline-%u.db", seed);
    scoped_store struct store *other = store_open(name, &options, &err);
    unsigned state = seed;
    int done = 0, asked = 0;

    for (int i = 0; i < 300; i++) {
        scoped_text struct text mine = {0}, theirs = {0};
        unsigned same = state;

        random_step(store, &state);
        random_step(other, &same);
        if (roll(&state, 4) == 0) {
            store_commit(store, count_done, &done);
            store_commit(other, count_done, &done);
            asked += 2;
        }
        if (roll(&state, 8) == 0)
            loop_turn(loop, 0);
        describe_names(store, &mine);
        describe_names(other, &theirs);
        if (roll(&state, 10) == 0) {
            describe(store, &mine);
            describe(other, &theirs);
        }
        if (strcmp(text_string(&mine), text_string(&theirs)) != 0) {
            printf("# seed %u step %d:\n# %s\n# %s\n", seed, i, text_string(&mine),
                   text_string(&theirs));
            return false;
        }
    }
    while (done < asked)
        loop_turn(loop, CLOCK_SECOND);
    return true;
}

static void test_same(void)
{
    int failed = 0;

    for (unsigned seed = 1; seed <= 20; seed++) {
        scoped_mem char *name = mem_printf("same-%u.db", seed);

        open_store(name);
        failed += !same_as_inline(seed);
        store_close(&store);
    }
    CHECK_INT(failed, 0, "reads are those of a store without a thread");
}

int main(void)
{
    clock_set_platform(&clock_ahead);
    loop = loop_new(&err);
    held_open();
    test_goes_on();
    test_groups();
    test_close();
    test_reads();
    test_walk_while_flying();
    test_failure();
    test_walk_after_failure();
    test_failure_of_settled();
    test_full();
    test_trouble_during_walk();
    test_backlog();
    test_slow_is_logged();
    test_compaction();
    test_same();
    held_close();
    text_free(&told);
    loop_free(&loop);
    return check_done();
}
