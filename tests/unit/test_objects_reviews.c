/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of others see each write, whoever makes it; who wrote what is kept. */

#include "check.h"
#include "objects_verbs.h"

#include "base/text.h"
#include "document/document.h"
#include "objects/objects.h"
#include "sim/disk.h"
#include "store/store.h"

#include <stdlib.h>

/* ---- Rules ------------------------------------------------------------------------ */

static const char *seen_review(const struct objects_review *review)
{
    return arena_printf(arena, "%s %s/%s %s%s%s%s", review->subresource, review->namespace,
                        review->name, review->before ? "b" : "-", review->after ? "a" : "-",
                        review->applied ? " applied" : "", review->by_apply ? " new" : "");
}

static const char *last_review = "";
static int review_count;

static int note_review(void *arg, const struct objects_review *review, struct err *why)
{
    const char *text = node_text(node_at(review->after, "data", "say", NULL));

    last_review = seen_review(review);
    review_count++;
    return *text ? err_set(why, ERR_INVALID, "%s", text) : 0;
}

static void test_reviews(void)
{
    static const struct {
        const char *said, *causes;
    } cases[] = {
        {"ConfigMap \"x\" is invalid: data.say: no word",
         "[{\"reason\":\"FieldValueInvalid\",\"message\":\"no word\",\"field\":\"data.say\"}]"},
        {"ConfigMap \"x\" is invalid: data say: no word", NULL},
        {"ConfigMap \"x\" is invalid: data", NULL},
        {"no word", NULL},
    };

    objects_rule(objects, kind_of("configmaps"), NULL, note_review, NULL);
    create("configmaps", "{'metadata':{'name':'rv'}}");
    CHECK_TEXT(last_review, " talk/ -a", "a rule sees a create");
    merge("configmaps", "rv", "{'data':{'a':'1'}}");
    CHECK_TEXT(last_review, " talk/rv ba", "an update");
    apply("configmaps", "rv", "m", "{'data':{'b':'1'}}");
    CHECK_TEXT(last_review, " talk/rv ba applied", "an apply");
    apply("configmaps", "rw", "m", "{'data':{'b':'1'}}");
    CHECK_TEXT(last_review, " talk/rw -a applied new", "one that creates");
    drop("configmaps", "rv", NULL);
    CHECK_TEXT(last_review, " talk/rv b-", "and a delete");
    objects_commit(objects);
    for (size_t i = 0; i < count_of(cases); i++) {
        struct objects_write write = write_of("configmaps", NULL, "{'metadata':{'name':'say'}}");

        node_set_text(arena, node_make(arena, (struct node *)write.body, "data"), "say",
                      cases[i].said);
        CHECK(objects_create(objects, &write, &result, &err) < 0, "a rule refuses");
        CHECK_TEXT(err.text, cases[i].said, "in its words");
        CHECK_TEXT(result.causes ? document_json(arena, result.causes) : NULL, cases[i].causes,
                   "which are a cause if they name a field");
    }
    review_count = 0;
    CHECK(create("configmaps", "{'metadata':{'name':'bad'},'data':[]}") < 0 && !review_count,
          "rules see nothing that has not the right shape");
    CHECK(create("configmaps", "{'metadata':{'name':'bad'},'binaryData':{'a':'?'}}") < 0,
          "of a kind with Go types only types count: %s", err.text);
}

static int refuse_all(void *arg, const struct objects_review *review, struct err *why)
{
    return err_set(why, ERR_FORBIDDEN, "none of this");
}

/* What a controller writes may be refused as well, and it hears why. */
static void test_refused_controllers(void)
{
    scoped_object struct object *object = NULL;
    bool changed = true;

    create("environments", "{'metadata':{'name':'rc'},'spec':{}}");
    objects_commit(objects);
    object = objects_get(objects, OBJECTS_STAGED, kind_of("environments"), "talk", "rc", &err);
    objects_rule(objects, kind_of("environments"), NULL, refuse_all, NULL);
    CHECK(objects_set_status(objects, "c", object, json("{'observedGeneration':1}"), &changed,
                             &err) < 0 &&
              !changed && !strcmp(err.text, "none of this"),
          "a status");
    err = (struct err){0};
    CHECK(objects_set_finalizer(objects, "c", object, "a.b/c", true, &err) < 0 &&
              !strcmp(err.text, "none of this"),
          "a finalizer");
    err = (struct err){0};
    CHECK(objects_ensure(objects, "c",
                         json("{'apiVersion':'axle.dev/v1alpha1','kind':'Environment','metadata':"
                              "{'name':'rc','namespace':'talk','labels':{'a':'b'}},'spec':{}}"),
                         &changed, &err) < 0 &&
              !changed && !strcmp(err.text, "none of this"),
          "what it wants to be so");
    err = (struct err){0};
    CHECK(objects_remove(objects, "c", kind_of("environments"), "talk", "rc", &err) < 0 &&
              !strcmp(err.text, "none of this"),
          "and a deletion");
    CHECK_TEXT(document_json(arena, result.details ?: node_map(arena)), "{}",
               "nothing else is said");
    CHECK(create("environments", "{'metadata':{'name':'re'},'spec':{'topology':7}}") < 0 &&
              strstr(err.text, "spec.topology: Invalid value"),
          "of a custom resource rules see only what is valid: %s", err.text);
    CHECK(create("environments", "{'metadata':{'name':'re'},'spec':{}}") < 0 &&
              !strcmp(err.text, "none of this"),
          "and that they refuse: %s", err.text);
    CHECK(merge("environments", "rc", "{'spec':{'topology':{'type':'topology-ocm'}}}") < 0,
          "a user's write");
    CHECK_TEXT(document_json(arena, result.details),
               "{\"name\":\"rc\",\"group\":\"axle.dev\",\"kind\":\"environments\"}",
               "whose answer names the object");
}

/* ---- Managers ------------------------------------------------------------------- */

static void test_managers(void)
{
    struct objects_write write;
    const char *before;

    create("configmaps", "{'metadata':{'name':'mg'},'data':{'a':'1'}}");
    objects_commit(objects);
    before = metadata_of("configmaps", "mg", "managedFields");
    CHECK(update("configmaps", "mg", "{'metadata':{'name':'mg'},'data':{'a':'1'}}") == 0 &&
              result.unchanged,
          "an update without an account of managers keeps it");
    CHECK_TEXT(metadata_of("configmaps", "mg", "managedFields"), before, "as it was");
    CHECK(apply("configmaps", "mg", "one", "{'data':{'s':'1'}}") == 0, "apply: %s", err.text);
    objects_commit(objects);
    CHECK(apply("configmaps", "mg", "two", "{'data':{'s':'1'}}") == 0 && !result.unchanged,
          "a second manager of a field is a change, although the field has its value: %s",
          err.text);
    objects_commit(objects);
    CHECK(strstr(metadata_of("configmaps", "mg", "managedFields"), "\"manager\":\"one\"") &&
              strstr(metadata_of("configmaps", "mg", "managedFields"), "\"manager\":\"two\""),
          "both are noted");
    write = write_of("configmaps", "mg", "{'data':{'b':'2'}}");
    write.patch = OBJECTS_PATCH_MERGE;
    write.who.manager = "other";
    CHECK(objects_patch(objects, &write, &result, &err) == 0, "patch: %s", err.text);
    objects_commit(objects);
    CHECK(strstr(metadata_of("configmaps", "mg", "managedFields"), "\"manager\":\"other\""),
          "who writes is noted");
    CHECK(update("configmaps", "mg",
                 "{'metadata':{'name':'mg','managedFields':[{}]},'data':{'a':'1'}}") == 0,
          "an account with one empty entry takes it away: %s", err.text);
    objects_commit(objects);
    CHECK(!strstr(metadata_of("configmaps", "mg", "managedFields"), "other"), "whole: %s",
          metadata_of("configmaps", "mg", "managedFields"));
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
    test_managers();
    test_reviews();
    test_refused_controllers();
    close_all();
    arena_free(&arena);
    kinds_close(&kinds);
    store_disk_free(&disk);
    return check_done();
}
