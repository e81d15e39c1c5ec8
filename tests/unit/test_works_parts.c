/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a spoke's works that stand alone: layers that were cut, what an attempt waits
   for, and texts that are shown in a terminal. */
#include "works/gather.h"
#include "works/report.h"

#include "base/map.h"
#include "check.h"
#include "document/document.h"

#include <string.h>

#define MIB ((size_t)1024 * 1024)

static struct works works;

/* ---- Layers that were cut ---------------------------------------------------------- */

/* Bytes that say they are as many as that. */
static struct text claim_bytes(const char *bytes, size_t len)
{
    struct text made = {0};

    text_add(&made, bytes);
    if (len)
        made.len = len;
    return made;
}

/* True: they were moved in. */
static bool put_bytes(const char *digest, const char *layer, const char *bytes, size_t len)
{
    scoped_text struct text text = claim_bytes(bytes, len);

    partial_put(&works, digest, layer, &text);
    return !text.bytes;
}

static void check_taken(const char *digest, const char *layer, const char *want,
                        const char *sentence)
{
    scoped_text struct text got = {0};

    partial_take(&works, digest, layer, &got);
    CHECK_TEXT(got.bytes ? got.bytes : "nothing", want, "%s", sentence);
}

static bool is_one(void *arg, const char *digest)
{
    return !strcmp(digest, "one");
}

static void test_partials(void)
{
    check_taken("one", "layer", "nothing", "there is nothing before anything was cut");
    CHECK(put_bytes("one", "layer", "half", 0), "what has come is kept");
    check_taken("one", "layer", "half", "the next attempt goes on from it");
    check_taken("one", "layer", "nothing", "and then it is the attempt's");
    put_bytes("one", "layer", "half", 0);
    check_taken("one", "other", "nothing", "it does not begin another layer");
    check_taken("one", "layer", "nothing", "and is forgotten when another layer is wanted");
    put_bytes("one", "layer", "half", 0);
    put_bytes("one", "layer", "more", 0);
    check_taken("one", "layer", "more", "the later of two counts");
    put_bytes("one", "layer", "half", 0);
    CHECK(!put_bytes("one", "layer", "", 0), "nothing is not kept");
    check_taken("one", "layer", "nothing", "and it ends what was kept before");
    put_bytes("one", "layer", "first", 0);
    put_bytes("two", "layer", "second", 0);
    partial_sweep(&works, is_one, NULL);
    check_taken("two", "layer", "nothing", "what no work wants is forgotten");
    check_taken("one", "layer", "first", "what one wants is not");
    partial_close(&works);
    CHECK(!works.partials, "nothing is left at the end");
}

/* However many a hub begins and cuts, the spoke keeps 64 MiB of them. */
static void test_partials_bounded(void)
{
    CHECK(put_bytes("one", "layer", "a", 40 * MIB), "40 MiB are kept");
    CHECK(!put_bytes("two", "layer", "b", 24 * MIB + 1), "24 MiB and a byte beside them are not");
    CHECK(put_bytes("two", "layer", "b", 24 * MIB), "24 MiB are");
    CHECK(!put_bytes("three", "layer", "c", 1), "and then not a byte");
    CHECK(put_bytes("one", "layer", "d", 40 * MIB), "as many as were kept of the same are");
    partial_close(&works);
}

/* ---- What an attempt waits for ----------------------------------------------------- */

static int ended;
static char ended_with[100];

static void on_need_ended(struct work *work, const char *reason, const char *message)
{
    ended++;
    snprintf(ended_with, sizeof ended_with, "%s, %s: %s", work->name, reason ? reason : "met",
             message ? message : "");
}

static void test_needs(void)
{
    struct work work = {.works = &works, .name = (char *)"lab/one", .turn = 7};
    struct need *first, *second, *late;

    works.need_ended = on_need_ended;
    works.by_name = map_new();
    map_put(works.by_name, work.name, &work);
    first = need_new(&work);
    second = need_new(&work);
    CHECK_INT(work.waiting, 2, "the work waits for two things");
    CHECK(need_work(first) == &work, "each is of the work");
    need_met(first);
    CHECK_INT(work.waiting, 1, "one is there");
    CHECK_TEXT(ended_with, "lab/one, met: ", "and the work is told");
    late = need_new(&work);
    need_failed(second, "Gone", "it is gone");
    CHECK_INT(work.waiting, 1, "the other cannot be had");
    CHECK_TEXT(ended_with, "lab/one, Gone: it is gone", "and the work is told why");
    work.turn = 8;
    work.waiting = 0;
    CHECK(!need_work(late), "what a former attempt waited for is not of this one");
    need_failed(late, "Gone", "too late");
    CHECK_INT(ended, 2, "its response is not told");
    CHECK_INT(work.waiting, 0, "nor counted");
    late = need_new(&work);
    map_remove(works.by_name, work.name);
    need_met(late);
    CHECK_INT(ended, 2, "nor is one of a work that is no more");
    map_free(&works.by_name);
}

/* ---- Texts that are shown ---------------------------------------------------------- */

static void test_printable(void)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text json = {0};
    struct node *from = node_map(arena), *list = node_list(arena);
    char text[4098];

    node_add(arena, list, node_string(arena, "\x1b[2J"));
    node_add(arena, list, node_int(arena, 3));
    node_set(arena, from, "list", list);
    node_set_text(arena, from, "text", "a\nb");
    document_write_json(&json, printable_copy(arena, from));
    CHECK_TEXT(text_string(&json), "{\"list\":[\"?[2J\",3],\"text\":\"a\\nb\"}",
               "no text, however deep, is a command to a terminal; a line end is none");
    memset(text, 'x', sizeof text);
    text[4097] = '\0';
    CHECK_INT((int)printable_copy(arena, node_string(arena, text))->len, 4096,
              "4,096 bytes of a text are shown");
    text[4095] = '\0';
    CHECK_INT((int)printable_copy(arena, node_string(arena, text))->len, 4095,
              "a shorter one is whole");
}

int main(void)
{
    test_partials();
    test_partials_bounded();
    test_needs();
    test_printable();
    return check_done();
}
