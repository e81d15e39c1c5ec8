/* SPDX-License-Identifier: Apache-2.0 */
/* Objects are kept by Kubernetes' rules, and seen only once they are durable. */

#include "check.h"
#include "objects_verbs.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "objects/objects.h"
#include "pki/pki.h"
#include "query/query.h"
#include "sim/disk.h"
#include "store/store.h"

#include <stdlib.h>

static void test_create(void)
{
    const struct node *map;

    CHECK(create("configmaps", "{'apiVersion':'v1','kind':'ConfigMap',"
                               "'metadata':{'name':'good'},'data':{'a':'1'}}") == 0,
          "create: %s", err.text);
    CHECK(result.created && !see("configmaps", "good"), "not seen before it is durable");
    CHECK(create("configmaps", "{'metadata':{'name':'good'}}") < 0 && err.code == ERR_EXISTS,
          "but it is in the way of another");
    CHECK_TEXT(err.text, "configmaps \"good\" already exists", "in words");
    objects_commit(objects);
    map = see("configmaps", "good");
    CHECK_TEXT(node_text(node_at(map, "data", "a", NULL)), "1", "seen after");
    CHECK_INT((long long)strlen(metadata_of("configmaps", "good", "uid")), 36, "it has a uid");
    CHECK_TEXT(metadata_of("configmaps", "good", "resourceVersion"), "3",
               "the store's revision is in it");
    CHECK(node_count(node_at(map, "metadata", "managedFields", NULL)) == 1, "and who wrote it");
    CHECK(create("configmaps", "{'metadata':{'generateName':'gen-'}}") == 0 &&
              text_starts(result.object->name, "gen-") && strlen(result.object->name) == 9,
          "a name is made");
    objects_commit(objects);
}

static void test_words(void)
{
    static const struct {
        const char *plural, *body;
        enum err_code code;
        const char *text;
    } cases[] = {
        {"configmaps", "{'metadata':{}}", ERR_INVALID,
         "ConfigMap \"\" is invalid: metadata.name: Required value: name or "
         "generateName is required"},
        {"configmaps", "{'metadata':{'name':'other','namespace':'elsewhere'}}", ERR_BAD_REQUEST,
         "the namespace of the provided object does not match the namespace "
         "sent on the request"},
        {"configmaps", "{'metadata':{'name':'d4'},'bogus':1}", ERR_BAD_REQUEST,
         "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict "
         "decoding error: unknown field \"bogus\""},
        {"configmaps", "{'metadata':{'name':'d5','nmae':'x'}}", ERR_BAD_REQUEST,
         "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict "
         "decoding error: unknown field \"metadata.nmae\""},
        {"configmaps", "{'apiVersion':'v2','kind':'ConfigMap','metadata':{'name':'v'}}",
         ERR_BAD_REQUEST,
         "ConfigMap in version \"v2\" cannot be handled as a ConfigMap: no kind "
         "\"ConfigMap\" is registered for version \"v2\" in scheme "
         "\"pkg/runtime/scheme.go:100\""},
        {"configmaps", "{'metadata':{'name':'rv','resourceVersion':'5'}}", ERR_OTHER,
         "resourceVersion should not be set on objects to be created"},
        {"configmaps",
         "{'metadata':{'name':'both'},'data':{'a':'1'},"
         "'binaryData':{'a':'eA=='}}",
         ERR_INVALID,
         "ConfigMap \"both\" is invalid: data[a]: Invalid value: \"a\": "
         "duplicate of key present in binaryData"},
        {"secrets", "{'metadata':{'name':'s'},'type':'kubernetes.io/tls'}", ERR_INVALID,
         "Secret \"s\" is invalid: [data[tls.crt]: Required value, "
         "data[tls.key]: Required value]"},
        {"namespaces", "{'metadata':{'name':'a.b'}}", ERR_INVALID,
         "Namespace \"a.b\" is invalid: metadata.name: Invalid value: \"a.b\": "
         "must not contain dots"},
        {"configmaps",
         "{'metadata':{'name':'o1','ownerReferences':[{'apiVersion':'v1',"
         "'kind':'ConfigMap','name':'x'}]}}",
         ERR_INVALID,
         "ConfigMap \"o1\" is invalid: metadata.ownerReferences.uid: Invalid "
         "value: \"\": uid must not be empty"},
    };
    struct objects_write write;

    for (size_t i = 0; i < count_of(cases); i++) {
        CHECK(create(cases[i].plural, cases[i].body) < 0 && err.code == cases[i].code,
              "refused: %s", cases[i].body);
        CHECK_TEXT(err.text, cases[i].text, "in a kube-apiserver's words");
    }
    write = write_of("configmaps", NULL, "{'metadata':{'name':'x'}}");
    write.namespace = "nowhere";
    CHECK(objects_create(objects, &write, &result, &err) < 0 && err.code == ERR_NOT_FOUND,
          "a namespace must exist");
    CHECK_TEXT(err.text, "namespaces \"nowhere\" not found", "in words");
    CHECK(!store_is_staged(store), "nothing was written");
}

static void test_update(void)
{
    struct objects_write write;
    const char *old;

    CHECK(update("configmaps", "nope", "{'metadata':{'name':'nope'}}") < 0, "what is not there");
    CHECK_TEXT(err.text, "configmaps \"nope\" not found", "is not found");
    CHECK(update("configmaps", "good", "{'metadata':{'name':'other'}}") < 0, "another name");
    CHECK_TEXT(err.text,
               "the name of the object (other) does not match the name on the "
               "URL (good)",
               "is refused");
    CHECK(update("configmaps", "good", "{'metadata':{'name':'good','resourceVersion':'1'}}") < 0 &&
              err.code == ERR_CONFLICT,
          "W8: a conditional write fails if its revision is old");
    CHECK_TEXT(err.text,
               "Operation cannot be fulfilled on configmaps \"good\": the "
               "object has been modified; please apply your changes to the "
               "latest version and try again",
               "in words");
    old = metadata_of("configmaps", "good", "resourceVersion");
    CHECK(update("configmaps", "good", "{'metadata':{'name':'good'},'data':{'a':'1'}}") == 0 &&
              result.unchanged && !store_is_staged(store),
          "what changes nothing writes nothing");
    write = write_of("configmaps", "good", "{'metadata':{'name':'good'},'data':{'a':'2'}}");
    node_set_text(arena, node_get((struct node *)write.body, "metadata"), "resourceVersion", old);
    CHECK(objects_update(objects, &write, &result, &err) == 0 && !result.unchanged,
          "W8: and succeeds if it is current");
    object_drop(&result.object);
    CHECK(objects_update(objects, &write, &result, &err) < 0 && err.code == ERR_CONFLICT,
          "but not twice, even before the commit");
    objects_commit(objects);
    CHECK_TEXT(node_text(node_at(see("configmaps", "good"), "data", "a", NULL)), "2", "changed");
    write = write_of("configmaps", "good", "{'data':{'a':'3'}}");
    write.dry_run = true;
    CHECK(objects_patch(objects, &write, &result, &err) == 0 &&
              strstr(result.object->body, "\"3\"") && !store_is_staged(store),
          "a dry run answers and leaves nothing");
}

static void test_generation(void)
{
    CHECK(create("environments", "{'apiVersion':'axle.dev/v1alpha1','kind':'Environment',"
                                 "'metadata':{'name':'e'},'spec':{'topology':"
                                 "{'type':'topology-ocm'}},'status':{'phase':'x'}}") == 0,
          "create: %s", err.text);
    objects_commit(objects);
    CHECK(!node_get(see("environments", "e"), "status"), "status is not the creator's to write");
    CHECK_TEXT(metadata_of("environments", "e", "generation"), "1", "first");
    CHECK(merge_status("environments", "e",
                       "{'metadata':{'labels':{'l':'1'}},'status':"
                       "{'observedGeneration':1}}") == 0,
          "status: %s", err.text);
    objects_commit(objects);
    CHECK_TEXT(metadata_of("environments", "e", "generation"), "1",
               "a status raises no generation");
    CHECK_TEXT(metadata_of("environments", "e", "labels"), "", "and changes nothing else");
    CHECK(merge("environments", "e", "{'metadata':{'labels':{'l':'1'}},'status':null}") == 0,
          "merge: %s", err.text);
    objects_commit(objects);
    CHECK_TEXT(metadata_of("environments", "e", "generation"), "1", "labels raise no generation");
    CHECK(node_at(see("environments", "e"), "status", "observedGeneration", NULL),
          "and the status stays");
    CHECK(merge("environments", "e", "{'spec':{'topology':{'type':'topology-ocm-byop'}}}") == 0,
          "merge: %s", err.text);
    objects_commit(objects);
    CHECK_TEXT(metadata_of("environments", "e", "generation"), "2", "a spec does");
}

static void test_apply(void)
{
    CHECK(apply("configmaps", "ssa", "m",
                "{'apiVersion':'v1','kind':'ConfigMap','metadata':"
                "{'name':'ssa'},'data':{'a':'1','b':'1'}}") == 0 &&
              result.created,
          "apply creates: %s", err.text);
    objects_commit(objects);
    CHECK(apply("configmaps", "ssa", "m",
                "{'apiVersion':'v1','kind':'ConfigMap','metadata':"
                "{'name':'ssa'},'data':{'a':'1','b':'1'}}") == 0 &&
              result.unchanged && !store_is_staged(store),
          "apply again writes nothing: %s", err.text);
    CHECK(apply("configmaps", "ssa", "o",
                "{'apiVersion':'v1','kind':'ConfigMap','metadata':"
                "{'name':'ssa'},'data':{'a':'2'}}") < 0 &&
              err.code == ERR_CONFLICT && node_count(result.causes) == 1,
          "another manager's field is a conflict");
    CHECK_TEXT(err.text, "Apply failed with 1 conflict: conflict with \"m\": .data.a", "in words");
    CHECK(apply("configmaps", "ssa", "m",
                "{'apiVersion':'v1','kind':'ConfigMap','metadata':"
                "{'name':'ssa'},'data':{'a':'1'}}") == 0,
          "apply less: %s", err.text);
    objects_commit(objects);
    CHECK(!node_at(see("configmaps", "ssa"), "data", "b", NULL), "what is no longer sent goes");
    CHECK(apply("configmaps", "ssa", "", "{'apiVersion':'v1'}") < 0 &&
              strstr(err.text, "fieldManager: Required value"),
          "apply needs a manager");
}

static void test_finalizers(void)
{
    create("configmaps", "{'metadata':{'name':'fin','finalizers':"
                         "['t.example/hold']}}");
    objects_commit(objects);
    CHECK(drop("configmaps", "fin", NULL) == 0 && !result.gone, "a delete waits for finalizers");
    objects_commit(objects);
    CHECK(*metadata_of("configmaps", "fin", "deletionTimestamp"), "marked");
    CHECK(drop("configmaps", "fin", NULL) == 0 && result.unchanged, "again changes nothing");
    CHECK(merge("configmaps", "fin",
                "{'metadata':{'finalizers':['t.example/hold',"
                "'t.example/more']}}") < 0,
          "no new finalizers");
    CHECK_TEXT(err.text,
               "ConfigMap \"fin\" is invalid: metadata.finalizers: Forbidden: "
               "no new finalizers can be added if the object is being deleted, "
               "found new finalizers []string{\"t.example/more\"}",
               "in words");
    CHECK(merge("configmaps", "fin", "{'metadata':{'finalizers':null}}") == 0 && result.gone,
          "let go: %s", err.text);
    objects_commit(objects);
    CHECK(!see("configmaps", "fin"), "gone");
}

/* ---- Watching ----------------------------------------------------------- */

static struct objects_watch *watch_from(const char *revision)
{
    struct objects_watch_options options = {
        .query = {.kind = kind_of("configmaps"), .namespace = "talk", .revision = revision},
    };

    return objects_watch(objects, &options, NULL, NULL, &err);
}

/* What a watch has to tell, as one line; W1 is checked on the way (the initial
   events come in the order of names). */
static const char *told(struct objects_watch *watch)
{
    static const char *const words[] = {"+", "~", "-", "bookmark", "end", "expired"};
    static struct text text;
    struct objects_event event;
    int64_t last = 0;

    text_cut(&text, 0);
    while (objects_watch_next(watch, &event)) {
        text_addf(&text, "%s%s ", words[event.type], event.object ? event.object->name : "");
        if (event.type == OBJECTS_INITIAL_END)
            last = 0;
        if (event.type < OBJECTS_BOOKMARK && event.revision <= last)
            text_add(&text, "BACKWARDS ");
        if (event.type == OBJECTS_DELETED && event.object->revision != event.revision)
            text_add(&text, "OLD ");
        last = event.revision;
        object_drop(&event.object);
    }
    return text_string(&text);
}

static void put_map(const char *name, const char *value)
{
    char *body = arena_printf(arena, "{'metadata':{'name':'%s','labels':{'v':'%s'}},'data':{}}",
                              name, value);

    if (see("configmaps", name))
        merge("configmaps", name, body);
    else
        create("configmaps", body);
}

static void test_watch(void)
{
    char start[32], middle[32];
    struct objects_watch *live, *resumed;

    snprintf(start, sizeof(start), "%lld", (long long)objects_revision(objects));
    live = watch_from(start);
    CHECK(live != NULL, "watch: %s", err.text);
    put_map("w1", "1");
    put_map("w2", "1");
    CHECK_TEXT(told(live), "", "nothing before it is durable");
    objects_commit(objects);
    CHECK_TEXT(told(live), "+w1 +w2 ", "both after");
    snprintf(middle, sizeof(middle), "%lld", (long long)objects_revision(objects));
    put_map("w1", "2");
    drop("configmaps", "w2", NULL);
    objects_commit(objects);
    CHECK_TEXT(told(live), "~w1 -w2 ", "changed, deleted");
    resumed = watch_from(start);
    CHECK_TEXT(told(resumed), "+w1 +w2 ~w1 -w2 ", "W2: resumed from the start, each once");
    objects_unwatch(&resumed);
    resumed = watch_from(middle);
    CHECK_TEXT(told(resumed), "~w1 -w2 ", "W4: from the middle, nothing missed");
    objects_unwatch(&resumed);
    objects_unwatch(&live);
    reopen();
    resumed = watch_from(middle);
    CHECK(resumed != NULL, "resumed after a restart: %s", err.text);
    CHECK_TEXT(told(resumed), "~w1 -w2 ", "the same from the store's log");
    objects_unwatch(&resumed);
    CHECK(!watch_from("999999") && err.code == ERR_TIMEOUT, "a revision of the future is refused");
    CHECK(!watch_from("abc") && err.code == ERR_OTHER, "and nonsense too");
}

static void test_watch_selection(void)
{
    struct objects_watch_options options = {
        .query = {.kind = kind_of("configmaps"),
                  .namespace = "talk",
                  .labels = selector_parse_labels(arena, "v=in", &err)},
        .initial = true,
        .mark_end = true,
    };
    struct objects_watch *watch;

    put_map("s1", "in");
    put_map("s2", "out");
    objects_commit(objects);
    watch = objects_watch(objects, &options, NULL, NULL, &err);
    CHECK_TEXT(told(watch), "+s1 end ", "initial events are selected");
    put_map("s1", "out");
    put_map("s2", "in");
    objects_commit(objects);
    CHECK_TEXT(told(watch), "-s1 +s2 ",
               "leaving the selection is a deletion, entering an addition");
    objects_unwatch(&watch);
}

/* A watcher that never takes falls out of the memory, and is told. */
static void test_slow_watch(void)
{
    struct objects_watch *watch = watch_from(NULL);

    told(watch);
    objects_limit_memory(objects, (size_t)1 << 20, 5);
    for (int i = 0; i < 8; i++) {
        merge("configmaps", "good", arena_printf(arena, "{'data':{'a':'new %d'}}", i));
        objects_commit(objects);
    }
    CHECK_TEXT(told(watch), "expired ", "W7: a slow watcher is told, once");
    CHECK_TEXT(told(watch), "", "and nothing after it");
    objects_unwatch(&watch);
    CHECK(drop("configmaps", "good", "Sideways") < 0 && err.code == ERR_INVALID,
          "a policy that is none: %s", err.text);
    CHECK(!watch_from("1") && err.code == ERR_GONE, "W7: an old revision is gone: %s", err.text);
    merge("configmaps", "good", "{'data':{'a':'1'}}");
    objects_commit(objects);
}

/* ---- Lists -------------------------------------------------------------- */

static const char *names_of(const struct objects_page *page)
{
    static struct text text;

    text_cut(&text, 0);
    for (size_t i = 0; i < page->count; i++)
        text_addf(&text, "%s ", page->items[i]->name);
    return text_string(&text);
}

static void test_pages(void)
{
    struct objects_query query = {.kind = kind_of("secrets"), .limit = 2};
    struct objects_page page;
    scoped_mem char *token = NULL;
    char name[64];

    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof(name), "{'metadata':{'name':'p%d'}}", i);
        create("secrets", name);
    }
    objects_commit(objects);
    CHECK(objects_list(objects, &query, &page, &err) == 0, "list");
    CHECK_TEXT(names_of(&page), "p1 p2 ", "the first page");
    CHECK_INT(page.remaining, 3, "three remain");
    drop("secrets", "p4", NULL);
    objects_commit(objects);
    token = take(page.continue_token);
    objects_page_free(&page);
    query.continue_token = token;
    CHECK(objects_list(objects, &query, &page, &err) == 0, "go on");
    CHECK_TEXT(names_of(&page), "p3 p4 ", "the state of then");
    mem_free(&token);
    token = take(page.continue_token);
    objects_page_free(&page);
    query.continue_token = token;
    CHECK(objects_list(objects, &query, &page, &err) == 0, "and on");
    CHECK_TEXT(names_of(&page), "p5 ", "to the end");
    CHECK(!page.continue_token, "which says so");
    objects_page_free(&page);
    reopen();
    query.kind = kind_of("secrets");
    CHECK(objects_list(objects, &query, &page, &err) < 0 && err.code == ERR_GONE &&
              page.continue_token,
          "a token that expired is gone, with a fresh one");
    mem_free(&token);
    token = take(page.continue_token);
    objects_page_free(&page);
    query.continue_token = token;
    CHECK(objects_list(objects, &query, &page, &err) == 0, "which works");
    CHECK_TEXT(names_of(&page), "p5 ", "from the same place");
    objects_page_free(&page);
    query.continue_token = "zzz";
    CHECK(objects_list(objects, &query, &page, &err) < 0 && err.code == ERR_BAD_REQUEST,
          "nonsense is refused");
    objects_page_free(&page);
}

/* ---- Kinds with ways of their own --------------------------------------- */

static void test_lease(void)
{
    const char *before;

    create("leases", "{'metadata':{'name':'l'},'spec':{'holderIdentity':'a',"
                     "'renewTime':'2026-01-01T00:00:00.000000Z'}}");
    objects_commit(objects);
    before = metadata_of("leases", "l", "resourceVersion");
    CHECK(update("leases", "l",
                 "{'metadata':{'name':'l'},'spec':{'holderIdentity':'a',"
                 "'renewTime':'2026-01-01T00:00:10.000000Z'}}") == 0,
          "renewed: %s", err.text);
    CHECK(!store_is_staged(store), "without a write");
    CHECK_TEXT(node_text(node_at(see("leases", "l"), "spec", "renewTime", NULL)),
               "2026-01-01T00:00:10.000000Z", "seen at once");
    CHECK_TEXT(metadata_of("leases", "l", "resourceVersion"), before, "with the same version");
    CHECK(merge("leases", "l", "{'spec':{'holderIdentity':'b'}}") == 0 && store_is_staged(store),
          "another holder is a write");
    objects_commit(objects);
}

static void test_secret(void)
{
    CHECK(create("secrets", "{'metadata':{'name':'s'},'stringData':"
                            "{'a':'b'}}") == 0,
          "create: %s", err.text);
    objects_commit(objects);
    CHECK_TEXT(node_text(node_at(see("secrets", "s"), "data", "a", NULL)),
               "Yg==", "stringData becomes data");
    CHECK(!node_get(see("secrets", "s"), "stringData"), "and is never read");
    CHECK(merge("secrets", "s", "{'type':'other'}") < 0, "type");
    CHECK_TEXT(err.text,
               "Secret \"s\" is invalid: type: Invalid value: \"other\": field "
               "is immutable",
               "is immutable");
}

static int find_text(void *arg, const struct store_row *row, struct err *why)
{
    if (!strcmp(row->key.kind, kind_of("secrets")->store_kind) &&
        memmem(row->body, row->len, arg, strlen(arg)))
        return err_set(why, ERR_EXISTS, "it can be read");
    return 0;
}

static void test_seal(void)
{
    char hidden[] = "aGlkZGVu";

    create("secrets", "{'metadata':{'name':'sealed'},'data':{'k':'aGlkZGVu'}}");
    objects_commit(objects);
    CHECK(store_each(store, find_text, hidden, &err) == 0, "no Secret can be read in the store");
    reopen();
    CHECK_TEXT(node_text(node_at(see("secrets", "sealed"), "data", "k", NULL)), hidden,
               "but it can with the key");
    close_all();
    key = NULL;
    open_all();
    CHECK(!objects && strstr(err.text, "the sealing key is missing"),
          "without it the hub says why it does not start: %s", err.text);
    close_all();
    key = seal;
    open_all();
}

static int refuse_blue(void *arg, const struct objects_review *review, struct err *why)
{
    struct node *after = review->after;

    if (text_same(node_text(node_at(after, "data", "colour", NULL)), "blue"))
        return err_set(why, ERR_FORBIDDEN, "no blue");
    if (after)
        node_set_text(review->arena, node_make(review->arena, after, "data"), "seen", "yes");
    return 0;
}

static void test_rule(void)
{
    objects_rule(objects, kind_of("configmaps"), "", refuse_blue, NULL);
    CHECK(create("configmaps", "{'metadata':{'name':'blue'},'data':"
                               "{'colour':'blue'}}") < 0 &&
              err.code == ERR_FORBIDDEN,
          "a rule refuses");
    CHECK(create("configmaps", "{'metadata':{'name':'red'}}") == 0, "or fills");
    objects_commit(objects);
    CHECK_TEXT(node_text(node_at(see("configmaps", "red"), "data", "seen", NULL)), "yes",
               "in what is missing");
}

/* ---- For controllers ---------------------------------------------------- */

static void count_change(void *arg, const struct object *before, const struct object *after)
{
    text_addf(arg, "%s%s ", !before ? "+" : after ? "~" : "-", after ? after->name : before->name);
}

static void test_ease(void)
{
    static struct text changes;
    struct node *wanted = json("{'apiVersion':'v1','kind':'ConfigMap','metadata':{'name':'en',"
                               "'namespace':'talk'},'data':{'a':'1'}}");
    const struct kind *environments = kind_of("environments");
    struct object *object;
    bool changed;

    objects_on_change(objects, kind_of("configmaps"), count_change, &changes);
    CHECK(objects_ensure(objects, "c", wanted, &changed, &err) == 0 && changed, "ensured: %s",
          err.text);
    CHECK(objects_ensure(objects, "c", wanted, &changed, &err) == 0 && !changed,
          "again, before the commit: nothing");
    CHECK_TEXT(text_string(&changes), "", "nobody is told yet");
    objects_commit(objects);
    CHECK_TEXT(text_string(&changes), "+en ", "told");
    CHECK(objects_remove(objects, "c", kind_of("configmaps"), "talk", "en", &err) == 0 &&
              objects_remove(objects, "c", kind_of("configmaps"), "talk", "en", &err) == 0,
          "removed, and once more");
    objects_commit(objects);
    CHECK_TEXT(text_string(&changes), "+en -en ", "told");
    object = objects_get(objects, OBJECTS_STAGED, environments, "talk", "e", &err);
    CHECK(objects_set_status(objects, "c", object, json("{'observedGeneration':2}"), &changed,
                             &err) == 0 &&
              changed,
          "status: %s", err.text);
    CHECK(objects_set_status(objects, "c", object, json("{'observedGeneration':2}"), &changed,
                             &err) == 0 &&
              !changed,
          "again: nothing");
    CHECK(objects_set_finalizer(objects, "c", object, "t.example/f", true, &err) == 0,
          "finalizer: %s", err.text);
    objects_event(objects, "c", object, true, "Broken", "it is %s", "broken");
    objects_event(objects, "c", object, true, "Broken", "it is %s", "broken");
    objects_commit(objects);
    CHECK_TEXT(metadata_of("environments", "e", "finalizers"), "[\"t.example/f\"]", "there it is");
    object_drop(&object);
    text_free(&changes);
}

static void count_events(void *arg, const struct object *object)
{
    const struct node *event = object_read(arena, object);

    if (text_same(node_get_text(event, "reason"), "Broken"))
        *(int64_t *)arg = *(int64_t *)arg * 10 + node_get_int(event, "count", 0);
}

/* How many there are, times a hundred, and how often they say it happened. */
static void sum_events(void *arg, const struct object *object)
{
    const struct node *event = object_read(arena, object);

    if (text_same(node_get_text(event, "reason"), "Broken"))
        *(int64_t *)arg += 100 + node_get_int(event, "count", 0);
}

static void test_event(void)
{
    int64_t counts = 0;

    objects_each(objects, OBJECTS_PUBLISHED, kind_of("events"), "talk", count_events, &counts);
    CHECK_INT(counts, 2, "the same event again raises its count");
    for (int i = 0; i < 25; i++) {
        scoped_object struct object *object =
            objects_get(objects, OBJECTS_STAGED, kind_of("environments"), "talk", "e", NULL);

        objects_event(objects, "c", object, true, "Broken", "for the %dth time", i);
    }
    objects_commit(objects);
    counts = 0;
    objects_each(objects, OBJECTS_PUBLISHED, kind_of("events"), "talk", sum_events, &counts);
    CHECK_INT(counts / 100, 11, "many that differ in their words are one in the end");
    CHECK_INT(counts % 100, 27, "which counts the others");
}

/* ---- When the disk fails ------------------------------------------------ */

static void on_durable(void *arg, const struct err *why)
{
    *(struct err *)arg = why ? *why : (struct err){0};
}

static void test_full_disk(void)
{
    struct objects_watch *watch = watch_from(NULL);
    struct err outcome = {.code = ERR_TIMEOUT};
    int64_t revision = objects_revision(objects);

    told(watch);
    store_disk_fail_after(disk, 0);
    create("configmaps", "{'metadata':{'name':'lost'}}");
    objects_when_durable(objects, on_durable, &outcome);
    CHECK_INT(outcome.code, ERR_TIMEOUT, "the answer waits");
    objects_commit(objects);
    CHECK_INT(outcome.code, ERR_UNREACHABLE, "and tells of the failure");
    store_disk_fail_after(disk, -1);
    CHECK(!see("configmaps", "lost") && objects_revision(objects) == revision, "nothing is seen");
    CHECK_TEXT(told(watch), "", "nothing is told");
    CHECK(create("configmaps", "{'metadata':{'name':'lost'}}") == 0, "it can be tried again");
    objects_when_durable(objects, on_durable, &outcome);
    objects_commit(objects);
    CHECK_INT(outcome.code, ERR_NONE, "and succeeds");
    CHECK_TEXT(told(watch), "+lost ", "told once");
    objects_unwatch(&watch);
    outcome.code = ERR_TIMEOUT;
    objects_when_durable(objects, on_durable, &outcome);
    CHECK_INT(outcome.code, ERR_NONE, "nothing staged: at once");
}

static void test_crash(void)
{
    int64_t revision;

    put_map("kept", "1");
    objects_commit(objects);
    revision = objects_revision(objects);
    put_map("unsaid", "1");
    store_disk_crash(disk, 7);
    close_all();
    open_all();
    CHECK(objects != NULL, "opens after a crash: %s", err.text);
    CHECK(see("configmaps", "kept") && !see("configmaps", "unsaid"),
          "W6: what was acknowledged is there, and no more");
    CHECK(objects_revision(objects) >= revision, "W5: the revision holds");
}

/* ---- Histories ---------------------------------------------------------- */

/*
 * Random writes, commits, failures, crashes and watchers that take when they
 * like; what each watcher was told must add up to what a list then says, with
 * revisions that only rise. That is W1 to W6 in one.
 */
#define NAMES 6
#define WATCHERS 4

struct watcher {
    struct objects_watch *watch;
    int64_t has[NAMES]; /* revision it knows, 0: not there */
    int64_t last;
};

struct history {
    uint64_t seed;
    struct watcher watchers[WATCHERS];
    int64_t acknowledged; /* revision */
    const char *wrong;
};

static unsigned roll(struct history *history, unsigned below)
{
    history->seed = history->seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(history->seed >> 33) % below;
}

static void take_events(struct history *history, struct watcher *watcher)
{
    struct objects_event event;

    while (watcher->watch && objects_watch_next(watcher->watch, &event)) {
        int name = event.object ? event.object->name[1] - '0' : 0;

        if (!event.object || event.revision <= watcher->last)
            history->wrong = "W1: revisions must rise";
        else if ((event.type == OBJECTS_ADDED) != (watcher->has[name] == 0))
            history->wrong = "W2: added what is there, or changed what is not";
        else
            watcher->has[name] = event.type == OBJECTS_DELETED ? 0 : event.revision;
        watcher->last = event.revision;
        object_drop(&event.object);
    }
}

/* Starts anew from a list, or goes on from where it was. */
static void watch_again(struct history *history, struct watcher *watcher, bool resume)
{
    struct objects_query query = {.kind = kind_of("configmaps"), .namespace = "h"};
    struct objects_watch_options options = {.query = query};
    struct objects_page page;
    char since[32];

    objects_unwatch(&watcher->watch);
    if (!resume) {
        memset(watcher->has, 0, sizeof(watcher->has));
        if (objects_list(objects, &query, &page, &err) < 0)
            history->wrong = "list";
        for (size_t i = 0; i < page.count; i++)
            watcher->has[page.items[i]->name[1] - '0'] = page.items[i]->revision;
        watcher->last = page.revision;
        objects_page_free(&page);
    }
    snprintf(since, sizeof(since), "%lld", (long long)watcher->last);
    options.query.revision = since;
    watcher->watch = objects_watch(objects, &options, NULL, NULL, &err);
    if (!watcher->watch)
        history->wrong = err.text;
}

static void compare_watchers(struct history *history)
{
    for (int w = 0; w < WATCHERS; w++) {
        struct watcher *watcher = &history->watchers[w];

        take_events(history, watcher);
        for (int i = 0; i < NAMES; i++) {
            char name[] = {'n', (char)('0' + i), 0};
            scoped_object struct object *object =
                objects_get(objects, OBJECTS_PUBLISHED, kind_of("configmaps"), "h", name, &err);

            if ((object ? object->revision : 0) != watcher->has[i])
                history->wrong = "W4: a watcher knows something else";
        }
    }
}

static void write_at_random(struct history *history)
{
    char name[] = {'n', (char)('0' + (int)roll(history, NAMES)), 0};
    struct objects_write write =
        write_of("configmaps", name,
                 arena_printf(arena, "{'metadata':{'name':'%s'},'data':{'v':'%u'}}", name,
                              roll(history, 3)));
    unsigned what = roll(history, 4);

    write.namespace = "h";
    if (what == 0 && objects_delete(objects, &write, &result, &err) < 0)
        what = 9;
    if (what == 1 && objects_create(objects, &write, &result, &err) < 0)
        what = 9;
    if (what == 2 && objects_update(objects, &write, &result, &err) < 0)
        what = 9;
    if (what == 3 && objects_patch(objects, &write, &result, &err) < 0)
        what = 9;
    if (what == 9 && err.code != ERR_NOT_FOUND && err.code != ERR_EXISTS)
        history->wrong = err.text;
}

static void crash_and_resume(struct history *history)
{
    for (int w = 0; w < WATCHERS; w++) {
        if (roll(history, 2))
            take_events(history, &history->watchers[w]);
        objects_unwatch(&history->watchers[w].watch);
    }
    store_disk_crash(disk, history->seed | 1);
    reopen();
    if (!objects || objects_revision(objects) < history->acknowledged) {
        history->wrong = "W5: the revision fell";
        return;
    }
    for (int w = 0; w < WATCHERS; w++)
        watch_again(history, &history->watchers[w], true);
}

static void step_history(struct history *history)
{
    struct watcher *watcher = &history->watchers[roll(history, WATCHERS)];
    struct err outcome = {0};
    unsigned what = roll(history, 20);

    if (what < 10)
        write_at_random(history);
    else if (what < 13)
        take_events(history, watcher);
    else if (what == 13)
        watch_again(history, watcher, roll(history, 2));
    else if (what == 14)
        crash_and_resume(history);
    else if (what == 15)
        store_disk_fail_after(disk, roll(history, 4));
    if (what <= 15 && what != 15)
        return;
    objects_when_durable(objects, on_durable, &outcome);
    objects_commit(objects);
    store_disk_fail_after(disk, -1);
    if (!outcome.code)
        history->acknowledged = objects_revision(objects);
}

static void test_histories(void)
{
    int failed = 0;

    close_all();
    database = "histories.db";
    open_all();
    create("namespaces", "{'metadata':{'name':'h'}}");
    objects_commit(objects);
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct history history = {.seed = seed * 7919};

        arena_free(&arena);
        arena = arena_new();
        for (int w = 0; w < WATCHERS; w++)
            watch_again(&history, &history.watchers[w], false);
        for (int i = 0; i < 120 && !history.wrong; i++)
            step_history(&history);
        if (!history.wrong) {
            objects_commit(objects);
            compare_watchers(&history);
        }
        if (history.wrong) {
            printf("# seed %llu: %s\n", (unsigned long long)seed, history.wrong);
            failed++;
        }
        for (int w = 0; w < WATCHERS; w++)
            objects_unwatch(&history.watchers[w].watch);
    }
    CHECK_INT(failed, 0, "60 histories hold W1 to W6");
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
    test_create();
    test_words();
    test_update();
    test_generation();
    test_apply();
    test_finalizers();
    test_watch();
    test_watch_selection();
    test_slow_watch();
    test_pages();
    test_lease();
    test_secret();
    test_seal();
    test_ease();
    test_event();
    test_rule();
    test_full_disk();
    test_crash();
    test_histories();
    close_all();
    arena_free(&arena);
    kinds_close(&kinds);
    store_disk_free(&disk);
    return check_done();
}
