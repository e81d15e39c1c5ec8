/* SPDX-License-Identifier: Apache-2.0 */
/* A1 without the network: durable creates per second, beside raw SQLite. */

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "objects/objects.h"
#include "store/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECONDS 2
#define BODY 1000

static char folder[64], path[128];

static const char *file(const char *name)
{
    snprintf(path, sizeof(path), "%s/%s.db", folder, name);
    return path;
}

static void say(const char *what, int group, int64_t rows, int64_t from, const int64_t *slowest)
{
    double seconds = (double)(clock_steady() - from) / (double)CLOCK_SECOND;

    printf("%-24s %3d per commit %9.0f/s   slowest commit %6.2f ms\n", what, group,
           (double)rows / seconds, (double)*slowest / (double)CLOCK_MS);
}

static void take_time(int64_t since, int64_t *slowest)
{
    int64_t took = clock_steady() - since;

    *slowest = took > *slowest ? took : *slowest;
}

/* The floor: one table, one insert a row, the same settings. */
static void bench_raw(int group)
{
    sqlite3 *db;
    sqlite3_stmt *insert;
    char body[BODY] = {0};
    int64_t rows = 0, slowest = 0, from, at;

    sqlite3_open(file(group == 1 ? "raw1" : "raw64"), &db);
    sqlite3_exec(db,
                 "PRAGMA locking_mode=EXCLUSIVE;PRAGMA journal_mode=WAL;"
                 "PRAGMA synchronous=FULL;"
                 "CREATE TABLE t(id INTEGER PRIMARY KEY, body BLOB)",
                 NULL, NULL, NULL);
    sqlite3_prepare_v2(db, "INSERT INTO t VALUES(?,?)", -1, &insert, NULL);
    from = clock_steady();
    while (clock_steady() - from < SECONDS * CLOCK_SECOND) {
        at = clock_steady();
        sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
        for (int i = 0; i < group; i++) {
            sqlite3_bind_int64(insert, 1, ++rows);
            sqlite3_bind_blob(insert, 2, body, sizeof(body), SQLITE_STATIC);
            sqlite3_step(insert);
            sqlite3_reset(insert);
        }
        sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
        take_time(at, &slowest);
    }
    say("raw SQLite", group, rows, from, &slowest);
    sqlite3_finalize(insert);
    sqlite3_close(db);
}

static void on_done(void *arg, const struct err *err)
{
    if (err) {
        printf("%s\n", err->text);
        exit(1);
    }
}

static void bench_store(int group)
{
    struct err err = {0};
    struct store *store = store_open(file(group == 1 ? "store1" : "store64"), NULL, &err);
    int64_t rows = 0, slowest = 0, from, at;
    char name[32], body[BODY] = {0};

    from = clock_steady();
    while (clock_steady() - from < SECONDS * CLOCK_SECOND) {
        at = clock_steady();
        for (int i = 0; i < group; i++) {
            struct store_key key = {"/configmaps", "default", name};

            snprintf(name, sizeof(name), "row-%lld", (long long)++rows);
            store_put(store, &key, body, sizeof(body));
        }
        store_commit(store, on_done, NULL);
        take_time(at, &slowest);
    }
    say("store", group, rows, from, &slowest);
    store_close(&store);
}

static void create(struct objects *objects, const char *plural, const char *namespace,
                   const char *name)
{
    scoped_arena struct arena *arena = arena_new();
    const struct kind *kind = kinds_find(objects_kinds(objects), "", plural);
    struct objects_result result = {.arena = arena};
    struct node *body = node_map(arena);
    char filler[BODY / 2];
    struct objects_write write = {
        .who = {"bench", "bench", false},
        .kind = kind,
        .namespace = namespace,
        .body = body,
    };
    struct err err = {0};

    memset(filler, 'x', sizeof(filler));
    filler[sizeof(filler) - 1] = '\0';
    node_set_text(arena, node_make(arena, body, "metadata"), "name", name);
    if (*namespace)
        node_set_text(arena, node_make(arena, body, "data"), "text", filler);
    if (objects_create(objects, &write, &result, &err) < 0)
        on_done(NULL, &err);
    object_drop(&result.object);
}

static void bench_objects(int group)
{
    struct err err = {0};
    struct kinds *kinds = kinds_open(&err);
    struct store *store = store_open(file(group == 1 ? "objects1" : "objects64"), NULL, &err);
    struct objects *objects = objects_open(NULL, store, kinds, &err);
    int64_t rows = 0, slowest = 0, from, at;
    char name[32];

    create(objects, "namespaces", "", "default");
    from = clock_steady();
    while (clock_steady() - from < SECONDS * CLOCK_SECOND) {
        at = clock_steady();
        for (int i = 0; i < group; i++) {
            snprintf(name, sizeof(name), "row-%lld", (long long)++rows);
            create(objects, "configmaps", "default", name);
        }
        objects_commit(objects);
        take_time(at, &slowest);
    }
    say("objects (ConfigMaps)", group, rows, from, &slowest);
    objects_close(&objects);
    at = clock_steady();
    objects = objects_open(NULL, store, kinds, &err);
    printf("%-24s %lld objects in %.0f ms\n", "objects, loaded", (long long)rows,
           (double)(clock_steady() - at) / (double)CLOCK_MS);
    objects_close(&objects);
    store_close(&store);
    kinds_close(&kinds);
}

int main(void)
{
    static const int groups[] = {1, 64};
    scoped_mem char *clear = NULL;

    snprintf(folder, sizeof(folder), "/tmp/axle-bench-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    for (size_t i = 0; i < count_of(groups); i++) {
        bench_raw(groups[i]);
        bench_store(groups[i]);
        bench_objects(groups[i]);
    }
    clear = mem_printf("rm -r '%s'", folder);
    return system(clear);
}
