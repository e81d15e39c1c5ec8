/* SPDX-License-Identifier: Apache-2.0 */
/* Lists, pages and watches show each object once, at the revision that was asked for. */

#include "check.h"
#include "objects_verbs.h"

#include "base/text.h"
#include "document/document.h"
#include "objects/objects.h"
#include "query/query.h"
#include "sim/disk.h"
#include "store/store.h"

#include <stdlib.h>

static void put_in(const char *namespace, const char *name, const char *value)
{
    struct objects_write write = write_of(
        "configmaps", name,
        arena_printf(arena, "{'metadata':{'name':'%s','labels':{'v':'%s'}}}", name, value));

    write.namespace = namespace;
    if (objects_patch(objects, &write, &result, &err) < 0 &&
        objects_create(objects, &write, &result, &err) < 0)
        printf("# %s\n", err.text);
}

static void drop_in(const char *namespace, const char *name)
{
    struct objects_write write = write_of("configmaps", name, NULL);

    write.namespace = namespace;
    if (objects_delete(objects, &write, &result, &err) < 0)
        printf("# %s\n", err.text);
}

static char *revision_now(void)
{
    return arena_printf(arena, "%lld", (long long)objects_revision(objects));
}

/* ---- Lists ---------------------------------------------------------------------- */

/* A list as "NAMESPACE/NAME=v …", then " +REST" if a page follows; or the refusal. */
static const char *list_of(struct objects_query query, char **ret_token)
{
    scoped_page struct objects_page page = {0};
    scoped_text struct text out = {0};

    query.kind = kind_of("configmaps");
    err = (struct err){0};
    if (objects_list(objects, &query, &page, &err) < 0) {
        if (ret_token)
            *ret_token = page.continue_token ? arena_string(arena, page.continue_token) : NULL;
        return arena_string(arena, err.text);
    }
    for (size_t i = 0; i < page.count; i++) {
        const struct node *object = object_read(arena, page.items[i]);

        text_addf(&out, "%s%s/%s=%s", i ? " " : "", page.items[i]->namespace, page.items[i]->name,
                  node_text(node_at(object, "metadata", "labels", "v", NULL)));
    }
    if (page.continue_token)
        text_addf(&out, " +%lld", (long long)page.remaining);
    if (ret_token)
        *ret_token = page.continue_token ? arena_string(arena, page.continue_token) : NULL;
    return arena_string(arena, text_string(&out));
}

#define LIST(want, what, ...)                                                                      \
    CHECK_TEXT(list_of((struct objects_query){__VA_ARGS__}, NULL), want, what)

static void test_lists(void)
{
    struct selector *one = selector_parse_labels(arena, "v=1", &err);
    struct selector *named = selector_parse_fields(arena, "metadata.name=b", NULL, &err);
    struct selector *both = selector_parse_fields(arena, "metadata.namespace=two", NULL, &err);
    char *old;

    for (const char *const *space = (const char *const[]){"one", "three", "two", NULL}; *space;
         space++)
        create("namespaces", arena_printf(arena, "{'metadata':{'name':'%s'}}", *space));
    put_in("one", "a", "1");
    put_in("one", "b", "2");
    put_in("two", "a", "1");
    put_in("two", "b", "1");
    objects_commit(objects);
    LIST("one/a=1 one/b=2 two/a=1 two/b=1", "all, in order", );
    LIST("one/a=1 one/b=2", "of a namespace", .namespace = "one");
    LIST("", "of one that is empty", .namespace = "three");
    LIST("", "of one that is not there", .namespace = "on");
    LIST("one/b=2 two/b=1", "of a name", .name = "b");
    LIST("two/b=1", "of both", .name = "b", .namespace = "two");
    LIST("one/a=1 two/a=1 two/b=1", "by label", .labels = one);
    LIST("one/b=2 two/b=1", "by field", .fields = named);
    LIST("two/a=1 two/b=1", "by another field", .fields = both);
    LIST("two/b=1", "by both", .labels = one, .fields = named);
    LIST("one/a=1 one/b=2 +2", "a page", .limit = 2);
    LIST("one/a=1 one/b=2 two/a=1 two/b=1", "a page of all", .limit = 4);
    LIST("one/a=1 one/b=2 two/a=1 +1", "a page of all but one", .limit = 3);
    LIST("one/a=1 +1", "a page of a namespace counts what is there", .limit = 1,
         .namespace = "one");
    LIST("two/a=1 +1", "of the last one too", .limit = 1, .namespace = "two");
    LIST("one/a=1 +-1", "a selector makes the rest unknown", .limit = 1, .labels = one);
    LIST("one/b=2 +-1", "by field as well", .limit = 1, .fields = named);
    LIST("one/b=2 +-1", "and by name", .limit = 1, .name = "b");
    old = revision_now();
    put_in("one", "a", "3");
    put_in("one", "c", "1");
    drop_in("two", "a");
    LIST("one/a=1 one/b=2 two/a=1 two/b=1", "what is staged is not seen", );
    LIST("one/a=3 one/b=2 one/c=1 two/b=1", "but by who looks for it", .view = OBJECTS_STAGED);
    LIST("one/a=3 one/b=2 one/c=1", "in a namespace too", .view = OBJECTS_STAGED,
         .namespace = "one");
    LIST("two/b=1", "and in the other", .view = OBJECTS_STAGED, .namespace = "two");
    LIST("one/a=3 one/b=2 one/c=1 +1", "page by page", .view = OBJECTS_STAGED, .limit = 3);
    objects_commit(objects);
    LIST("one/a=3 one/b=2 one/c=1 two/b=1", "then by all", );
    LIST("one/a=1 one/b=2 two/a=1 two/b=1", "a list at an exact revision is of then",
         .revision = old, .revision_match = "Exact");
    LIST("one/a=1 one/b=2 +2", "so is one with a limit and no match", .revision = old, .limit = 2);
    LIST("one/a=3 one/b=2 one/c=1 two/b=1", "one that is not older is of now", .revision = old,
         .revision_match = "NotOlderThan");
    LIST("one/a=3 one/b=2 +2", "with a limit as well", .revision = old,
         .revision_match = "NotOlderThan", .limit = 2);
    LIST("one/a=3 one/b=2 one/c=1 two/b=1", "and one without a match or a limit", .revision = old);
    LIST("one/a=3 one/b=2 one/c=1 two/b=1", "revision 0 is any", .revision = "0");
    LIST("one/a=3 one/b=2 one/c=1 +1", "exactly the newest is of now", .revision = revision_now(),
         .revision_match = "Exact", .limit = 3);
    LIST("resourceVersion: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": invalid syntax",
         "a revision is a number", .revision = "x");
    LIST(
        "resourceVersion: Invalid value: \"-1\": strconv.ParseUint: parsing \"-1\": invalid syntax",
        "that is not negative", .revision = "-1");
    CHECK(err.code == ERR_OTHER, "which is a mistake of the client");
}

static void test_future(void)
{
    int64_t ahead = objects_ahead(objects);

    LIST(arena_printf(arena, "Too large resource version: 999999, current: %s", revision_now()),
         "a revision of the future is refused", .revision = "999999");
    CHECK(err.code == ERR_TIMEOUT, "and may come");
    LIST("etcdserver: mvcc: required revision is a future revision", "exactly it cannot be",
         .revision = "999999", .revision_match = "Exact");
    CHECK(err.code == ERR_OTHER, "now");
    CHECK_INT(objects_ahead(objects), ahead + 2, "each is counted");
}

static void test_old(void)
{
    char *old, *kept;

    put_in("one", "a", "4");
    objects_commit(objects);
    old = revision_now();
    put_in("one", "a", "5");
    objects_commit(objects);
    kept = revision_now();
    put_in("one", "a", "6");
    objects_commit(objects);
    LIST("one/a=4 one/b=2 one/c=1 two/b=1", "what is remembered is shown", .revision = old,
         .revision_match = "Exact");
    objects_limit_memory(objects, (size_t)1 << 20, 1);
    LIST("The resourceVersion for the provided list is too old.", "what is forgotten is not",
         .revision = old, .revision_match = "Exact");
    CHECK(err.code == ERR_GONE, "and is gone");
    LIST("one/a=5 one/b=2 one/c=1 two/b=1", "the newest that is remembered still is",
         .revision = kept, .revision_match = "Exact");
    objects_limit_memory(objects, (size_t)1 << 20, 1000);
}

/* A namespace that was deleted and made anew does not show what the former one had. */
static void test_former_namespace(void)
{
    char *before, *token = NULL;

    create("namespaces", "{'metadata':{'name':'again'}}");
    objects_commit(objects);
    put_in("again", "a", "1");
    put_in("again", "b", "1");
    objects_commit(objects);
    before = revision_now();
    CHECK_TEXT(list_of((struct objects_query){.namespace = "again", .limit = 1}, &token),
               "again/a=1 +1", "a page of a namespace");
    drop_in("again", "a");
    drop_in("again", "b");
    objects_commit(objects);
    drop("namespaces", "again", NULL);
    objects_commit(objects);
    create("namespaces", "{'metadata':{'name':'again'}}");
    objects_commit(objects);
    LIST("The resourceVersion for the provided list is too old.",
         "an exact list of before it was made anew is refused", .namespace = "again",
         .revision = before, .revision_match = "Exact");
    put_in("again", "c", "1");
    objects_commit(objects);
    before = revision_now();
    merge("namespaces", "again", "{'metadata':{'labels':{'a':'b'}}}");
    put_in("again", "c", "2");
    objects_commit(objects);
    LIST("again/c=1", "one of its own time is shown, whatever is changed in the namespace",
         .namespace = "again", .revision = before, .revision_match = "Exact");
    LIST("The resourceVersion for the provided list is too old.", "its next page as well",
         .namespace = "again", .continue_token = token);
    CHECK(err.code == ERR_GONE, "as gone");
}

/* ---- Continue tokens ------------------------------------------------------------------- */

static const char *token_of(const char *text)
{
    scoped_text struct text out = {0};

    text_add_base64(&out, text, strlen(text), true);
    return arena_string(arena, text_string(&out));
}

#define BAD_TOKEN "invalid continue token: continue key is not valid: "

static void test_tokens(void)
{
    char *token = NULL, *fresh = NULL;

    LIST(BAD_TOKEN "illegal base64 data", "a token is base64", .continue_token = "?");
    LIST(BAD_TOKEN "invalid character 'x' looking for beginning of value", "of JSON",
         .continue_token = token_of("x"));
    LIST(BAD_TOKEN "not one of this server's", "of this server",
         .continue_token = token_of("{\"v\":\"v2\",\"rv\":1,\"start\":\"a/b\"}"));
    LIST(BAD_TOKEN "the start is missing", "with a start",
         .continue_token = token_of("{\"v\":\"meta.k8s.io/v1\",\"rv\":-1,\"start\":\"a\"}"));
    CHECK(err.code == ERR_BAD_REQUEST, "what is not is a bad request");
    LIST("two/b=1", "one without a revision goes on in what is there now",
         .continue_token = token_of("{\"v\":\"meta.k8s.io/v1\",\"rv\":-1,\"start\":\"one/z\"}"));
    list_of((struct objects_query){.limit = 3}, &token);
    put_in("one", "b", "7");
    put_in("one", "zz", "7");
    objects_commit(objects);
    CHECK_TEXT(list_of((struct objects_query){.continue_token = token}, NULL), "two/b=1",
               "a page is of the list that it goes on with");
    list_of((struct objects_query){.limit = 2}, &token);
    put_in("one", "b", "8");
    objects_commit(objects);
    CHECK_TEXT(list_of((struct objects_query){.continue_token = token, .limit = 1}, &token),
               "one/c=1 +2", "with a page after it");
    CHECK_TEXT(list_of((struct objects_query){.continue_token = token}, NULL), "one/zz=7 two/b=1",
               "that ends the same list");
    CHECK(text_starts(list_of(
                          (struct objects_query){
                              .continue_token = token_of(
                                  "{\"v\":\"meta.k8s.io/v1\",\"rv\":1,\"start\":\"one/c\"}")},
                          &fresh),
                      "The provided continue parameter is too old to display a consistent list "
                      "result.") &&
              err.code == ERR_GONE && fresh,
          "a list that is no longer kept is gone, with a token to go on: %s", err.text);
    CHECK_TEXT(list_of((struct objects_query){.continue_token = fresh}, NULL),
               "one/c=1 one/zz=7 two/b=1", "in what is there now");
}

/* ---- Each ------------------------------------------------------------------------------- */

static struct text walked;

static void note_object(void *arg, const struct object *object)
{
    text_addf(&walked, "%s/%s ", object->namespace, object->name);
}

static const char *walk(enum objects_view view, const char *namespace)
{
    text_cut(&walked, 0);
    objects_each(objects, view, kind_of("configmaps"), namespace, note_object, NULL);
    return text_string(&walked);
}

static void test_each(void)
{
    CHECK_TEXT(walk(OBJECTS_PUBLISHED, "one"), "one/a one/b one/c one/zz ", "all of a namespace");
    CHECK_TEXT(walk(OBJECTS_PUBLISHED, "two"), "two/b ", "of the last");
    CHECK_TEXT(walk(OBJECTS_PUBLISHED, ""), "one/a one/b one/c one/zz two/b ", "of all");
    put_in("two", "a", "9");
    put_in("two", "c", "9");
    drop_in("one", "zz");
    put_in("three", "x", "9");
    CHECK_TEXT(walk(OBJECTS_STAGED, "one"), "one/a one/b one/c ", "staged: one less");
    CHECK_TEXT(walk(OBJECTS_STAGED, "two"), "two/a two/b two/c ", "before and behind");
    CHECK_TEXT(walk(OBJECTS_STAGED, "three"), "three/x ", "where nothing was");
    CHECK_TEXT(walk(OBJECTS_STAGED, ""), "one/a one/b one/c three/x two/a two/b two/c ", "of all");
    CHECK(!objects_space_is_empty(objects, "three"), "what is staged fills a namespace");
    objects_commit(objects);
    CHECK_TEXT(walk(OBJECTS_PUBLISHED, ""), "one/a one/b one/c three/x two/a two/b two/c ",
               "published: the same");
    drop_in("three", "x");
    objects_commit(objects);
    CHECK(objects_space_is_empty(objects, "three"), "an empty namespace is");
    CHECK(objects_space_is_empty(objects, "thre"), "and one that is not there");
    text_free(&walked);
}

/* ---- Watches ------------------------------------------------------------------------------ */

static struct objects_watch *watch_for(struct objects_watch_options options)
{
    options.query.kind = kind_of("configmaps");
    err = (struct err){0};
    return objects_watch(objects, &options, NULL, NULL, &err);
}

/* Events as "+NAMESPACE/NAME=v ". */
static const char *told(struct objects_watch *watch)
{
    static const char *const words[] = {"+", "~", "-", "bookmark", "end", "expired"};
    struct objects_event event;
    scoped_text struct text out = {0};

    while (objects_watch_next(watch, &event)) {
        text_add(&out, words[event.type]);
        if (event.object)
            text_addf(&out, "%s/%s=%s", event.object->namespace, event.object->name,
                      node_text(node_at(object_read(arena, event.object), "metadata", "labels", "v",
                                        NULL)));
        text_add_char(&out, ' ');
        object_drop(&event.object);
    }
    return arena_string(arena, text_string(&out));
}

static void test_watch_places(void)
{
    struct objects_watch *all, *one, *named, *labelled;

    all = watch_for((struct objects_watch_options){.query = {.revision = revision_now()}});
    one = watch_for(
        (struct objects_watch_options){.query = {.revision = revision_now(), .namespace = "one"}});
    named = watch_for(
        (struct objects_watch_options){.query = {.revision = revision_now(), .name = "w"}});
    labelled = watch_for((struct objects_watch_options){
        .query = {.revision = revision_now(),
                  .labels = selector_parse_labels(arena, "v=1", &err)}});
    put_in("one", "w", "1");
    put_in("two", "w", "2");
    objects_commit(objects);
    put_in("two", "w", "1");
    put_in("two", "x", "1");
    objects_commit(objects);
    put_in("one", "w", "2");
    drop_in("two", "x");
    drop_in("two", "w");
    objects_commit(objects);
    CHECK_TEXT(told(all), "+one/w=1 +two/w=2 ~two/w=1 +two/x=1 ~one/w=2 -two/x=1 -two/w=1 ",
               "a watch of all");
    CHECK_TEXT(told(one), "+one/w=1 ~one/w=2 ", "of a namespace");
    CHECK_TEXT(told(named), "+one/w=1 +two/w=2 ~two/w=1 ~one/w=2 -two/w=1 ", "of a name");
    CHECK_TEXT(told(labelled), "+one/w=1 +two/w=1 +two/x=1 -one/w=1 -two/x=1 -two/w=1 ",
               "of a label: what leaves it is shown as it was in it");
    put_in("two", "y", "3");
    objects_commit(objects);
    CHECK_TEXT(told(one), "", "elsewhere nothing happens to a namespace");
    objects_unwatch(&named);
    put_in("one", "w", "1");
    objects_commit(objects);
    CHECK_TEXT(told(all), "+two/y=3 ~one/w=1 ", "one that stays goes on");
    CHECK_TEXT(told(labelled), "+one/w=1 ", "each by itself");
    objects_unwatch(&all);
    objects_unwatch(&labelled);
    put_in("one", "w", "2");
    objects_commit(objects);
    CHECK_TEXT(told(one), "~one/w=1 ~one/w=2 ", "until it ends");
    objects_unwatch(&one);
    CHECK(!one, "and is gone");
    objects_unwatch(&one);
}

static void test_watch_starts(void)
{
    struct objects_watch *watch;
    char *old = revision_now();

    put_in("one", "s", "1");
    put_in("two", "s", "1");
    put_in("one", "s", "2");
    objects_commit(objects);
    watch =
        watch_for((struct objects_watch_options){.query = {.revision = old, .namespace = "two"}});
    CHECK_TEXT(told(watch), "+two/s=1 ", "a watch from before starts in its namespace");
    objects_unwatch(&watch);
    watch = watch_for((struct objects_watch_options){.query = {.namespace = "two", .name = "s"}});
    CHECK_TEXT(told(watch), "+two/s=1 ", "one without a revision begins with what is there");
    objects_unwatch(&watch);
    watch = watch_for((struct objects_watch_options){
        .query = {.namespace = "two", .name = "s", .revision = "0"}});
    CHECK_TEXT(told(watch), "+two/s=1 ", "so does one of any");
    objects_unwatch(&watch);
    watch = watch_for((struct objects_watch_options){.initial = true});
    objects_unwatch(&watch);
    CHECK(!watch, "one that ends before its first event leaves nothing");
    watch = watch_for((struct objects_watch_options){
        .query = {.namespace = "three"}, .initial = true, .mark_end = true});
    CHECK_TEXT(told(watch), "end ", "where nothing is only the end is told");
    put_in("three", "s", "1");
    objects_commit(objects);
    CHECK_TEXT(told(watch), "+three/s=1 ", "and then what comes");
    objects_unwatch(&watch);
    watch = watch_for((struct objects_watch_options){
        .query = {.namespace = "one", .revision = revision_now()}, .initial = true});
    CHECK(strstr(told(watch), "+one/s=2 "), "initial events come with a revision too");
    objects_unwatch(&watch);
    CHECK(!watch_for((struct objects_watch_options){.query = {.revision = "x"}}), "a bad revision");
    CHECK_TEXT(err.text,
               "resourceVersion: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": invalid "
               "syntax",
               "is refused");
    CHECK(!watch_for((struct objects_watch_options){.query = {.revision = "-1"}}) &&
              err.code == ERR_OTHER,
          "a negative one too");
    watch = watch_for((struct objects_watch_options){.query = {.revision = "999999"}});
    CHECK(!watch, "one of the future");
    CHECK_TEXT(
        err.text,
        arena_printf(arena, "Too large resource version: 999999, current: %s", revision_now()),
        "as well");
}

static void test_watch_memory(void)
{
    struct objects_watch *slow, *late;
    char *old = revision_now();

    slow = watch_for((struct objects_watch_options){.query = {.revision = old}});
    late =
        watch_for((struct objects_watch_options){.query = {.namespace = "two", .revision = old}});
    for (int i = 0; i < 4; i++) {
        put_in("one", "m", arena_printf(arena, "%d", i));
        objects_commit(objects);
    }
    objects_limit_memory(objects, (size_t)1 << 20, 2);
    CHECK_TEXT(told(slow), "expired ", "a watch whose next event is forgotten ends");
    CHECK_TEXT(told(slow), "", "once");
    CHECK_TEXT(told(late), "", "one that waits for nothing does not");
    put_in("two", "m", "1");
    objects_commit(objects);
    CHECK_TEXT(told(late), "+two/m=1 ", "and goes on");
    CHECK(!watch_for((struct objects_watch_options){.query = {.revision = old}}) &&
              err.code == ERR_GONE && text_starts(err.text, "too old resource version: "),
          "from then on nobody starts there: %s", err.text);
    objects_unwatch(&slow);
    objects_unwatch(&late);
    objects_limit_memory(objects, 1, 1000);
    slow = watch_for((struct objects_watch_options){.query = {.revision = revision_now()}});
    put_in("one", "m", "8");
    put_in("one", "m", "9");
    objects_commit(objects);
    CHECK_TEXT(told(slow), "expired ", "so it is when the bytes are too many");
    objects_unwatch(&slow);
    objects_limit_memory(objects, (size_t)1 << 20, 1000);
}

/* After a start the log says what was; an object's state before it may be lost. */
static void test_watch_unknown(void)
{
    struct objects_watch *watch;
    char *old = revision_now();

    put_in("one", "u", "1");
    put_in("one", "u", "2");
    objects_commit(objects);
    drop_in("one", "u");
    objects_commit(objects);
    reopen();
    watch = watch_for((struct objects_watch_options){.query = {.revision = old}});
    CHECK_TEXT(told(watch), "+one/u=1 ~one/u=2 -one/u=2 ", "the log tells the same after a start");
    objects_unwatch(&watch);
    watch = watch_for((struct objects_watch_options){
        .query = {.revision = old, .labels = selector_parse_labels(arena, "v=1", &err)}});
    CHECK_TEXT(told(watch), "+one/u=1 -one/u=1 ", "and what left a selection");
    objects_unwatch(&watch);
}

/* ---- Applied again ---------------------------------------------------------------------- */

/* What a failed commit drops is written again, although it was applied in these words. */
static void test_applied_again(void)
{
    struct node *wanted = json("{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'ens',"
                               "'namespace':'one'},'data':{'a':'1'}}");
    struct node *unknown = json("{'apiVersion':'x/v1','kind':'Widget','metadata':{'name':'w'}}");
    bool changed = false;

    CHECK(objects_ensure(objects, "c", wanted, &changed, &err) == 0 && changed, "applied: %s",
          err.text);
    store_disk_fail_after(disk, 0);
    objects_commit(objects);
    store_disk_fail_after(disk, -1);
    CHECK(objects_ensure(objects, "c", wanted, &changed, &err) == 0 && changed,
          "a write that was lost is made again");
    objects_commit(objects);
    CHECK(objects_ensure(objects, "c", wanted, &changed, &err) == 0 && !changed,
          "but not a third time");
    node_set_text(arena, node_get(wanted, "data"), "a", "2");
    CHECK(objects_ensure(objects, "c", wanted, &changed, &err) == 0 && changed,
          "other words are applied");
    objects_commit(objects);
    put_in("one", "ens", "x");
    CHECK(objects_ensure(objects, "c", wanted, NULL, &err) == 0, "nobody need know of a change");
    objects_commit(objects);
    CHECK(objects_ensure(objects, "c", unknown, &changed, &err) < 0, "a kind that is not known");
    CHECK_TEXT(err.text, "no matches for kind \"Widget\" in version \"x/v1\"",
               "is said to be none");
}

static void test_finalizer_calls(void)
{
    struct object *object;

    create("environments", "{'metadata':{'name':'fin'},'spec':{}}");
    objects_commit(objects);
    object = objects_get(objects, OBJECTS_STAGED, kind_of("environments"), "talk", "fin", &err);
    CHECK(objects_set_finalizer(objects, "c", object, "a.b/one", true, &err) == 0 &&
              store_is_staged(store),
          "a finalizer is added");
    objects_commit(objects);
    CHECK(objects_set_finalizer(objects, "c", object, "a.b/one", true, &err) == 0 &&
              !store_is_staged(store),
          "once");
    CHECK(objects_set_finalizer(objects, "c", object, "a.b/two", true, &err) == 0,
          "beside another");
    objects_commit(objects);
    CHECK_TEXT(metadata_of("environments", "fin", "finalizers"), "[\"a.b/one\",\"a.b/two\"]",
               "both");
    drop("environments", "fin", NULL);
    objects_commit(objects);
    CHECK(objects_set_finalizer(objects, "c", object, "a.b/three", true, &err) == 0 &&
              !store_is_staged(store),
          "what is being deleted gets no more");
    CHECK(objects_set_finalizer(objects, "c", object, "a.b/one", false, &err) == 0,
          "but loses them");
    objects_commit(objects);
    CHECK_TEXT(metadata_of("environments", "fin", "finalizers"), "[\"a.b/two\"]", "one by one");
    CHECK(objects_set_finalizer(objects, "c", object, "a.b/two", false, &err) == 0, "the last");
    objects_commit(objects);
    CHECK(!see("environments", "fin"), "ends it");
    CHECK(objects_set_finalizer(objects, "c", object, "a.b/two", true, &err) == 0 &&
              objects_set_status(objects, "c", object, json("{}"), NULL, &err) == 0 &&
              !store_is_staged(store),
          "of what is gone nothing is written");
    object_drop(&object);
    CHECK(objects_remove(objects, "c", kind_of("namespaces"), "", "default", &err) < 0 &&
              err.code == ERR_FORBIDDEN,
          "what may not be deleted is not removed either: %s", err.text);
    CHECK(objects_remove(objects, "c", kind_of("namespaces"), "", "default", NULL) < 0,
          "whether or not one wants to know why");
}

/* Questions (SubjectAccessReviews and the like) are answered, and never kept. */
static void test_questions(void)
{
    const struct kind *kind = kinds_find(kinds, "authorization.k8s.io", "selfsubjectaccessreviews");
    struct objects_query query = {.kind = kind};
    struct objects_write write = {.who = {.user = "test", .manager = "test"},
                                  .kind = kind,
                                  .namespace = "",
                                  .body = json("{'spec':{}}"),
                                  .grace = -1};
    struct objects_page page;

    CHECK(objects_list(objects, &query, &page, &err) == 0 && !page.count && !page.continue_token,
          "there is none to be listed");
    objects_page_free(&page);
    objects_each(objects, OBJECTS_PUBLISHED, kind, "", note_object, NULL);
    CHECK(!walked.len, "or walked over");
    CHECK(!objects_get(objects, OBJECTS_PUBLISHED, kind, "", "x", &err) &&
              err.code == ERR_NOT_FOUND,
          "or got");
    CHECK_TEXT(err.text, "selfsubjectaccessreviews.authorization.k8s.io \"x\" not found", "as any");
    err = (struct err){0};
    CHECK(!objects_get(objects, OBJECTS_PUBLISHED, kind_of("configmaps"), NULL, "x", &err) &&
              err.code == ERR_NOT_FOUND && !strcmp(err.text, "configmaps \"x\" not found"),
          "that is not there");
    object_drop(&result.object);
    result = (struct objects_result){.arena = arena};
    CHECK(objects_create(objects, &write, &result, &err) < 0 && err.code == ERR_METHOD, "or made");
    CHECK_TEXT(err.text, "selfsubjectaccessreviews.authorization.k8s.io are answered, not kept",
               "in words");
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
    test_lists();
    test_future();
    test_old();
    test_tokens();
    test_each();
    test_watch_places();
    test_watch_starts();
    test_watch_memory();
    test_watch_unknown();
    test_former_namespace();
    test_applied_again();
    test_finalizer_calls();
    test_questions();
    close_all();
    arena_free(&arena);
    kinds_close(&kinds);
    store_disk_free(&disk);
    return check_done();
}
