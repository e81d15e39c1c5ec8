/* SPDX-License-Identifier: Apache-2.0 */
/* What a start makes of a store: of unknown kinds, of damage, and of a log that was trimmed. */

#include "check.h"
#include "objects_verbs.h"

#include "base/text.h"
#include "document/document.h"
#include "objects/objects.h"
#include "query/query.h"
#include "sim/disk.h"
#include "store/store.h"

#include <stdlib.h>

static void on_stored(void *arg, const struct err *why)
{
    if (why)
        printf("# %s\n", why->text);
}

/* Writes a row past the objects. */
static void put_row(const char *kind, const char *name, const char *body)
{
    struct store_key row = {kind, "talk", name};

    store_put(store, &row, body, strlen(body));
    store_commit(store, on_stored, NULL);
}

static void test_unknown_kind(void)
{
    create("configmaps", "{'metadata':{'name':'u'}}");
    objects_commit(objects);
    put_row("widgets.example.org", "w", "{\"of\":\"a newer version\"}");
    put_row("widgets.example.org", "w", "no JSON");
    reopen();
    CHECK(objects, "rows of a kind that is not known are left alone: %s", err.text);
    CHECK(see("configmaps", "u"), "and all else is there");
    CHECK(update("configmaps", "u", "{'metadata':{'name':'u'},'data':{'a':'1'}}") == 0,
          "to be written: %s", err.text);
    objects_commit(objects);
}

static void trim_log(void)
{
    close_all();
    store_how.history_age = 1;
    open_all();
    while (store && store_compact(store))
        ;
    store_how.history_age = 0;
}

/* A row that is whole by now, and of which an earlier state in the log is not. */
static void test_damaged_log(void)
{
    const char *kind = kind_of("configmaps")->store_kind;

    put_row(kind, "odd", "{");
    put_row(kind, "odd",
            "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
            "\"odd\",\"namespace\":\"talk\"}}");
    reopen();
    CHECK(!objects && strstr(err.text, arena_printf(arena, "%s talk/odd", kind)),
          "a state in the log that cannot be read is named: %s", err.text);
    close_all();
    store_how.history_age = 1;
    store = store_open(database, &store_how, &err);
    while (store_compact(store))
        ;
    store_how.history_age = 0;
    reopen();
    CHECK(objects && see("configmaps", "odd"), "until it has left the log: %s", err.text);
    CHECK(drop("configmaps", "odd", NULL) == 0, "and the object is as good as any: %s", err.text);
    objects_commit(objects);
}

static int count_rows(void *arg, const struct store_row *row, struct err *why)
{
    *(int *)arg += !strcmp(row->key.name, "bad") || !strcmp(row->key.name, "worse");
    return 0;
}

static void test_damage(void)
{
    const char *kind = kind_of("configmaps")->store_kind;
    int rows = 0;

    put_row(kind, "bad", "{");
    put_row(kind, "worse", "[");
    reopen();
    CHECK(!objects && strstr(err.text, arena_printf(arena, "%s talk/bad", kind)),
          "a row that cannot be read is named, and the hub does not start: %s", err.text);
    close_all();
    store_how.accept_loss = true;
    open_all();
    CHECK(objects, "unless its loss is accepted: %s", err.text);
    CHECK(!see("configmaps", "bad") && see("configmaps", "u"), "then the others are there");
    create("configmaps", "{'metadata':{'name':'after'}}");
    objects_commit(objects);
    store_how.accept_loss = false;
    reopen();
    CHECK(objects, "from then on it starts as ever: %s", err.text);
    CHECK(see("configmaps", "after") && see("configmaps", "u"), "with what came since");
    CHECK(store_each(store, count_rows, &rows, &err) == 0 && !rows, "and the rows are gone");
}

/* ---- Encryption ------------------------------------------------------------------- */

static int find_text(void *arg, const struct store_row *row, struct err *why)
{
    return memmem(row->body, row->len, arg, strlen(arg)) ? err_set(why, ERR_EXISTS, "found") : 0;
}

static bool is_readable(const char *text)
{
    return store_each(store, find_text, (void *)(uintptr_t)text, &err) < 0;
}

/* Secrets are encrypted and nothing else is; without a key they are as they came. */
static void test_encryption(void)
{
    create("configmaps", "{'metadata':{'name':'open'},'data':{'a':'cGxhaW4x'}}");
    create("secrets", "{'metadata':{'name':'closed'},'data':{'a':'cGxhaW4y'}}");
    objects_commit(objects);
    CHECK(is_readable("cGxhaW4x"), "a ConfigMap is stored as it is");
    CHECK(!is_readable("cGxhaW4y"), "a Secret is not");
    close_all();
    key = NULL;
    database = "open.db";
    open_all();
    seed();
    create("secrets", "{'metadata':{'name':'bare'},'data':{'a':'cGxhaW4z'}}");
    objects_commit(objects);
    CHECK(is_readable("cGxhaW4z"), "without a key there is nothing to encrypt it with");
    reopen();
    CHECK(see("secrets", "bare"), "and it is there after a start");
    close_all();
    key = seal;
    open_all();
    CHECK(see("secrets", "bare"), "also with a key from then on: %s", err.text);
}

/* ---- A log that was trimmed -------------------------------------------------------- */

/* Events of a watch since the log begins, as "+NAME=v ". */
static const char *told(struct objects_query query)
{
    static const char *const words[] = {"+", "~", "-", "bookmark", "end", "expired"};
    struct objects_watch_options options = {.query = query};
    struct objects_watch *watch;
    struct objects_event event;
    scoped_text struct text out = {0};

    options.query.kind = kind_of("configmaps");
    options.query.revision = arena_printf(arena, "%lld", (long long)store_compacted(store));
    watch = objects_watch(objects, &options, NULL, NULL, &err);
    while (watch && objects_watch_next(watch, &event)) {
        text_addf(&out, "%s%s", words[event.type], event.object ? event.object->name : "");
        if (event.object)
            text_addf(&out, "=%s",
                      node_text(node_at(object_read(arena, event.object), "metadata", "labels", "v",
                                        NULL)));
        text_add_char(&out, ' ');
        object_drop(&event.object);
    }
    objects_unwatch(&watch);
    return arena_string(arena, text_string(&out));
}

static void put_map(const char *name, const char *value)
{
    char *body = arena_printf(arena, "{'metadata':{'name':'%s','labels':{'v':'%s'}}}", name, value);

    if (merge("configmaps", name, body) < 0)
        create("configmaps", body);
    objects_commit(objects);
}

static const struct selector *labelled(const char *text)
{
    return selector_parse_labels(arena, text, &err);
}

/* The state before the first change in the log may have been in a selection or not. */
static void test_trimmed(void)
{
    struct objects_query exact = {.kind = kind_of("configmaps"), .revision_match = "Exact"};
    struct objects_page page;

    put_map("a", "1");
    put_map("b", "1");
    put_map("z", "1"); /* the newest change stays in the log */
    trim_log();
    reopen();
    CHECK(store_compacted(store) > 0, "a log is trimmed");
    put_map("a", "2");
    put_map("c", "1");
    drop("configmaps", "b", NULL);
    objects_commit(objects);
    reopen();
    CHECK_TEXT(told((struct objects_query){0}), "+z=1 ~a=2 +c=1 -b=1 ",
               "without a selector it does not matter what was");
    CHECK_TEXT(told((struct objects_query){.labels = labelled("v=2")}), "~a=2 ",
               "what is in the selection is told as changed");
    CHECK_TEXT(told((struct objects_query){.labels = labelled("v=1")}), "+z=1 expired ",
               "what is not may have left it, so the watch has to begin anew");
    CHECK_TEXT(told((struct objects_query){
                   .fields = selector_parse_fields(arena, "metadata.name!=a", NULL, &err)}),
               "+z=1 expired ", "by field as well");
    CHECK_TEXT(told((struct objects_query){.name = "a"}), "~a=2 ", "a name does not change");
    CHECK_TEXT(told((struct objects_query){.name = "b", .labels = labelled("v=1")}), "-b=1 ",
               "so one that is watched by another name is not missed");
    exact.revision = arena_printf(arena, "%lld", (long long)store_compacted(store));
    CHECK(objects_list(objects, &exact, &page, &err) < 0 && err.code == ERR_GONE,
          "a list of then is not known either: %s", err.text);
    objects_page_free(&page);
}

int main(void)
{
    kinds = kinds_open(&err);
    if (!CHECK(kinds != NULL, "kinds: %s", err.text))
        return 1;
    disk = store_disk_new("test");
    arena = arena_new();
    open_all();
    if (!objects)
        return 1;
    seed();
    test_unknown_kind();
    test_damaged_log();
    test_damage();
    test_trimmed();
    test_encryption();
    close_all();
    arena_free(&arena);
    kinds_close(&kinds);
    store_disk_free(&disk);
    return check_done();
}
