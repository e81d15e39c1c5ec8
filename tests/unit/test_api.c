/* SPDX-License-Identifier: Apache-2.0 */
/* The API as kubectl meets it: which status and which words each request is answered with. */
#include "check.h"

#include "unit/nulls_place.h"

static struct place place;

#define JSON "application/json"
#define YAML "application/yaml"
#define MERGE "application/merge-patch+json"
#define CONFIGMAPS "/api/v1/namespaces/default/configmaps"
#define TABLE "application/json;as=Table;v=v1;g=meta.k8s.io"
#define MAP(name)                                                                                  \
    "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"" name                 \
    "\"},\"data\":{\"a\":\"b\"}}"

/* In this order: later ones see what earlier ones have written. */
static const struct request {
    const char *what; /* a sentence */
    const char *method, *target, *type, *accept, *body;
    int status;
    const char *holds; /* what the answer has in it */
} requests[] = {
    {"the versions of the core group", "GET", "/api", NULL, NULL, NULL, 200,
     "\"versions\":[\"v1\"]"},
    {"the groups", "GET", "/apis", NULL, NULL, NULL, 200, "\"name\":\"axle.dev\""},
    {"one group", "GET", "/apis/axle.dev", NULL, NULL, NULL, 200, "\"preferredVersion\""},
    {"the kinds of a version", "GET", "/apis/axle.dev/v1alpha1", NULL, NULL, NULL, 200,
     "\"name\":\"aiworkloads/status\""},
    {"a group that is not there", "GET", "/apis/example.org", NULL, NULL, NULL, 404, "404"},
    {"a kind that is not there", "GET", "/api/v1/namespaces/lab/nothings", NULL, NULL, NULL, 404,
     "the server could not find the requested resource"},
    {"the version", "GET", "/version", NULL, NULL, NULL, 200, "\"gitVersion\""},

    {"an object is created", "POST", CONFIGMAPS, JSON, NULL, MAP("one"), 201, "\"uid\""},
    {"it is there once only", "POST", CONFIGMAPS, JSON, NULL, MAP("one"), 409,
     "configmaps \\\"one\\\" already exists"},
    {"YAML is as good", "POST", CONFIGMAPS, YAML, NULL,
     "apiVersion: v1\nkind: ConfigMap\nmetadata: "
     "{name: two, labels: {a: b}}\n",
     201, "\"name\":\"two\""},
    {"a dry run says what would be", "POST", CONFIGMAPS "?dryRun=All", JSON, NULL, MAP("dry"), 201,
     "\"name\":\"dry\""},
    {"and writes nothing", "GET", CONFIGMAPS "/dry", NULL, NULL, NULL, 404,
     "configmaps \\\"dry\\\" not found"},
    {"another kind is refused", "POST", CONFIGMAPS, JSON, NULL,
     "{\"apiVersion\":\"v1\",\"kind\":"
     "\"Secret\",\"metadata\":{\"name\":\"x\"}}",
     400, "BadRequest"},
    {"another namespace is refused", "POST", CONFIGMAPS, JSON, NULL,
     "{\"apiVersion\":\"v1\",\"kind\":"
     "\"ConfigMap\",\"metadata\":{\"name\":\"x\",\"namespace\":\"else\"}}",
     400, "the namespace of the provided object does not match the namespace sent on the request"},
    {"a namespace that is not there", "POST", "/api/v1/namespaces/none/configmaps", JSON, NULL,
     MAP("x"), 404, "namespaces \\\"none\\\" not found"},
    {"what is no JSON is refused", "POST", CONFIGMAPS, JSON, NULL, "{\"kind\":", 400, "BadRequest"},
    {"a form that nobody reads is refused", "POST", CONFIGMAPS, "text/plain", NULL, "x", 415,
     "UnsupportedMediaType"},
    {"a name that is none is refused", "POST", CONFIGMAPS, JSON, NULL, MAP("No_Name"), 422,
     "metadata.name"},

    {"an object is read", "GET", CONFIGMAPS "/one", NULL, NULL, NULL, 200,
     "\"data\":{\"a\":\"b\"}"},
    {"as a table", "GET", CONFIGMAPS "/one", NULL, TABLE, NULL, 200, "\"kind\":\"Table\""},
    {"a form that the hub does not write is JSON", "GET", CONFIGMAPS "/one", NULL, "image/png",
     NULL, 200, "\"kind\":\"ConfigMap\""},
    {"a list has its kind", "GET", CONFIGMAPS, NULL, NULL, NULL, 200, "\"kind\":\"ConfigMapList\""},
    {"a list of everything", "GET", "/api/v1/configmaps", NULL, NULL, NULL, 200,
     "\"name\":\"two\""},
    {"a part of it says how it goes on", "GET", CONFIGMAPS "?limit=1", NULL, NULL, NULL, 200,
     "\"continue\":\""},
    {"a token to go on that is none", "GET", CONFIGMAPS "?continue=nonsense", NULL, NULL, NULL, 400,
     "continue"},
    {"a selector chooses", "GET", CONFIGMAPS "?labelSelector=a%3Db", NULL, NULL, NULL, 200,
     "\"name\":\"two\""},
    {"one that is none is refused", "GET", CONFIGMAPS "?labelSelector=a%3D%3D%3Db", NULL, NULL,
     NULL, 400, "BadRequest"},
    {"a field that cannot be selected", "GET", CONFIGMAPS "?fieldSelector=data.a%3Db", NULL, NULL,
     NULL, 400, "is not a known field selector"},
    {"a revision that is no number", "GET", CONFIGMAPS "?resourceVersion=x", NULL, NULL, NULL, 500,
     "resourceVersion"},
    {"a revision that is yet to come", "GET", CONFIGMAPS "?resourceVersion=99999999", NULL, NULL,
     NULL, 504, "Too large resource version"},
    {"a watch that ends by itself", "GET", CONFIGMAPS "?watch=1&timeoutSeconds=1", NULL, NULL, NULL,
     200, "\"type\":\"ADDED\""},

    {"a patch changes", "PATCH", CONFIGMAPS "/one", MERGE, NULL, "{\"data\":{\"a\":\"c\"}}", 200,
     "\"data\":{\"a\":\"c\"}"},
    {"a patch of no known form", "PATCH", CONFIGMAPS "/one", JSON, NULL, "{}", 415,
     "UnsupportedMediaType"},
    {"a patch of what is not there", "PATCH", CONFIGMAPS "/none", MERGE, NULL, "{}", 404,
     "configmaps \\\"none\\\" not found"},
    {"an apply without a manager", "PATCH", CONFIGMAPS "/one", "application/apply-patch+yaml", NULL,
     MAP("one"), 422, "fieldManager"},
    {"an apply with one", "PATCH", CONFIGMAPS "/three?fieldManager=me",
     "application/apply-patch+yaml", NULL, MAP("three"), 201, "\"operation\":\"Apply\""},
    {"an update of an older state", "PUT", CONFIGMAPS "/one", JSON, NULL,
     "{\"apiVersion\":\"v1\",\"kind\":"
     "\"ConfigMap\",\"metadata\":{\"name\":\"one\",\"resourceVersion\":\"1\"}}",
     409,
     "the object has been modified; please apply your changes to the latest version and try again"},
    {"an update under another name", "PUT", CONFIGMAPS "/one", JSON, NULL, MAP("two"), 400,
     "does not match the name on the URL"},
    {"a subresource that is not there", "GET", CONFIGMAPS "/one/status", NULL, NULL, NULL, 404,
     "could not find the requested resource"},
    {"a method that it has not", "POST", CONFIGMAPS "/one", JSON, NULL, MAP("one"), 405,
     "MethodNotAllowed"},

    {"a deletion of another object of the name", "DELETE", CONFIGMAPS "/one", JSON, NULL,
     "{\"preconditions\":{\"uid\":\"other\"}}", 409,
     "the UID in the precondition (other) does not match the UID in record"},
    {"a deletion", "DELETE", CONFIGMAPS "/one", NULL, NULL, NULL, 200, "\"status\":\"Success\""},
    {"after which it is gone", "GET", CONFIGMAPS "/one", NULL, NULL, NULL, 404, "NotFound"},
    {"a deletion of many", "DELETE", CONFIGMAPS "?labelSelector=a%3Db", NULL, NULL, NULL, 200,
     "\"status\":\"Success\""},
    {"takes those that are selected", "GET", CONFIGMAPS "/two", NULL, NULL, NULL, 404, "NotFound"},
    {"leaves the others", "GET", CONFIGMAPS "/three", NULL, NULL, NULL, 200, "\"name\":\"three\""},
};

static void check_request(const struct request *r)
{
    const struct sending sending = {.method = r->method,
                                    .target = r->target,
                                    .type = r->type,
                                    .accept = r->accept,
                                    .body = r->body};
    int status = exchange(&place, &sending);

    settle(&place);
    CHECK_INT(status, r->status, "%s: %s %s", r->what, r->method, r->target);
    if (!CHECK(strstr(text_string(&place.body), r->holds), "%s: the answer holds %s", r->what,
               r->holds))
        printf("# %.600s\n", text_string(&place.body));
}

/* Each refusal is a Status, of which clients read reason and code. */
static void check_status(const struct request *r)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *status =
        document_read_json(arena, place.body.bytes, place.body.len, &document_limits_own, NULL);

    CHECK(!strcmp(node_get_text(status, "kind"), "Status") &&
              !strcmp(node_get_text(status, "status"), "Failure") &&
              node_get_int(status, "code", 0) == r->status && *node_get_text(status, "message"),
          "%s: the refusal is a Status", r->what);
}

int main(void)
{
    open_place(&place, "api");
    for (size_t i = 0; i < count_of(requests); i++) {
        check_request(&requests[i]);
        if (requests[i].status >= 400 && *requests[i].holds != '4')
            check_status(&requests[i]);
    }
    CHECK_INT(
        exchange(&place,
                 &(struct sending){.who = EDITOR, .method = "GET", .target = "/api/v1/nodes"}),
        404, "%s: a kind that is not there is not there for anybody", who_names[EDITOR]);
    CHECK_INT(exchange(&place, &(struct sending){.who = EDITOR,
                                                 .method = "GET",
                                                 .target = "/api/v1/namespaces/else/secrets"}),
              403, "%s: what a user may not is Forbidden", who_names[EDITOR]);
    close_place(&place);
    return check_done();
}
