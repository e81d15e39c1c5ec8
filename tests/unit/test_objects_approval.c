/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions about certificate requests stay; a status is of the very object that was seen. */
#include "auth_fixture.h"

static struct place place;

static struct node *yaml_of(const char *text)
{
    struct err err = {0};
    struct node *node =
        document_read_yaml(place.arena, text, strlen(text), true, &document_limits_own, &err);

    must(node, &err);
    return node;
}

/* ---- Certificate requests ------------------------------------------------------- */

static const struct kind *requests(void)
{
    return kind_of(&place, "certificates.k8s.io", "certificatesigningrequests");
}

static struct node *request_now(void)
{
    struct err err = {0};
    scoped_object struct object *object =
        objects_get(place.objects, OBJECTS_STAGED, requests(), "", "r", &err);

    must(object, &err);
    return object_read(place.arena, object);
}

/* Sends the request back with these conditions: "" or the refusal. */
static const char *send_conditions(const char *subresource, const char *conditions)
{
    struct objects_result result = {.arena = place.arena};
    const struct auth_user *root = administrator(&place);
    struct node *body = request_now();
    struct objects_write write = {.who = {root->name, "test", false, root},
                                  .kind = requests(),
                                  .namespace = "",
                                  .name = "r",
                                  .subresource = subresource,
                                  .body = body,
                                  .grace = -1};
    struct err err = {0};
    int failed;

    node_set(place.arena, node_make(place.arena, body, "status"), "conditions",
             yaml_of(conditions));
    failed = objects_update(place.objects, &write, &result, &err);
    object_drop(&result.object);
    settle(&place);
    return !failed ? "" : *err.text ? arena_string(place.arena, err.text) : "refused without words";
}

static const struct node *condition_now(const char *type)
{
    const struct node *list = node_at(request_now(), "status", "conditions", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "type"), type))
            return node_item(list, i);
    return NULL;
}

static const char *since(const char *type)
{
    return arena_string(place.arena, node_get_text(condition_now(type), "lastTransitionTime"));
}

#define INVALID "CertificateSigningRequest.certificates.k8s.io \"r\" is invalid: "

static void make_request(void)
{
    struct pki_subject subject = {"r", NULL, 0};
    scoped_text struct text pem = {0}, base64 = {0};
    struct err err = {0};

    must(pki_request_write(place.key, &subject, &pem, &err) == 0, &err);
    text_add_base64(&base64, pem.bytes, pem.len, false);
    must(create_as(
             &place, administrator(&place),
             arena_printf(
                 place.arena,
                 "{apiVersion: certificates.k8s.io/v1, kind: CertificateSigningRequest, metadata: "
                 "{name: r}, spec: {request: %s, signerName: example.org/one, usages: [digital "
                 "signature]}}",
                 text_string(&base64)),
             &err) == 0,
         &err);
}

static void check_decisions(void)
{
    make_request();
    CHECK_TEXT(send_conditions("status", "[{type: Approved, status: 'True'}]"),
               INVALID "status.conditions: Forbidden: updates may not add a condition of type "
                       "\"Approved\"",
               "nobody approves by the status");
    CHECK_TEXT(send_conditions("status", "[{type: Denied, status: 'True'}]"),
               INVALID "status.conditions: Forbidden: updates may not add a condition of type "
                       "\"Denied\"",
               "nor denies");
    CHECK_TEXT(send_conditions("approval", "[{type: Approved, status: 'False'}]"),
               INVALID "status.conditions[0].status: Unsupported value: \"False\": supported "
                       "values: \"True\"",
               "an approval is True");
    CHECK_TEXT(send_conditions("approval",
                               "[{type: Other, status: 'True'}, {type: Denied, status: "
                               "'True'}, {type: Approved, status: 'True'}, {type: More, status: "
                               "'True'}]"),
               INVALID
               "status.conditions[2].type: Invalid value: \"Approved\": Approved and Denied "
               "conditions are mutually exclusive",
               "what is approved is not denied: the later "
               "of the two is named");
    CHECK_TEXT(send_conditions("status", "[{type: Failed, status: 'True'}, {type: Other, status: "
                                         "'False'}]"),
               "", "that it failed is said by the status");
    CHECK_TEXT(send_conditions("approval", "[{type: Approved, status: 'True'}, {type: Failed, "
                                           "status: 'True'}, {type: Other, status: 'False'}]"),
               "", "the approval is made where it is meant to be");
    CHECK_TEXT(send_conditions("status", "[{type: Failed, status: 'True'}]"),
               INVALID "status.conditions: Forbidden: updates may not remove a condition of type "
                       "\"Approved\"",
               "and stays");
    CHECK_TEXT(send_conditions("status", "[{type: Approved, status: 'True'}]"),
               INVALID "status.conditions: Forbidden: updates may not remove a condition of type "
                       "\"Failed\"",
               "so does a failure");
}

/* A condition has said so since its status changed, whoever writes it again. */
static void check_times(void)
{
    const char *approved = since("Approved"), *other = since("Other");

    CHECK(*approved && *other, "a condition without a time gets one");
    loop_world_run(place.world, 5 * CLOCK_SECOND);
    CHECK_TEXT(
        send_conditions("status",
                        "[{type: Approved, status: 'True'}, {type: Failed, status: "
                        "'True'}, {type: Other, status: 'True'}, {type: New, status: 'True'}]"),
        "", "conditions are written again without their times");
    CHECK_TEXT(since("Approved"), approved, "one of the same status keeps its time");
    CHECK(strcmp(since("Other"), other) > 0, "one of another status has a new one");
    CHECK_TEXT(since("New"), since("Other"), "a new one has that of its writing");
    CHECK_TEXT(send_conditions("status",
                               "[{type: Approved, status: 'True'}, {type: Failed, status: "
                               "'True'}, {type: Other, status: 'True', lastTransitionTime: "
                               "'2001-02-03T04:05:06Z'}]"),
               "", "a time may be sent");
    CHECK_TEXT(since("Other"), "2001-02-03T04:05:06Z", "and is kept as it was sent");
}

/* ---- The status of a former object ------------------------------------------------ */

#define ENVIRONMENT                                                                                \
    "{apiVersion: axle.dev/v1alpha1, kind: Environment, metadata: {name: e, "                      \
    "namespace: lab}, spec: {}}"

static struct object *environment(void)
{
    return objects_get(place.objects, OBJECTS_STAGED, kind_of(&place, "axle.dev", "environments"),
                       "lab", "e", NULL);
}

static const char *phase_now(void)
{
    scoped_object struct object *object = environment();

    return node_get_text(node_get(object_read(place.arena, object), "status"), "phase");
}

static int set_phase(const struct object *object, const char *phase, bool *ret_changed)
{
    struct node *status = node_map(place.arena);
    struct err err = {0};

    node_set_text(place.arena, status, "phase", phase);
    return objects_set_status(place.objects, "test", object, status, ret_changed, &err);
}

static void check_former(void)
{
    scoped_object struct object *former = NULL, *now = NULL;
    bool changed = false;

    apply(&place, "{apiVersion: v1, kind: Namespace, metadata: {name: lab}}\n---\n" ENVIRONMENT);
    former = environment();
    CHECK(set_phase(former, "First", &changed) == 0 && changed, "a controller writes the status");
    CHECK_TEXT(phase_now(), "First", "of what it has seen");
    CHECK(set_phase(former, "First", &changed) == 0 && !changed, "the same again changes nothing");
    CHECK(set_phase(former, "Second", &changed) == 0 && changed,
          "an older state of the object is as good");
    forget(&place, "axle.dev", "environments", "lab", "e");
    CHECK(set_phase(former, "Gone", &changed) == 0 && !changed,
          "of what is gone nothing is written");
    apply(&place, ENVIRONMENT);
    now = environment();
    must(now, &(struct err){.text = "the environment did not come again"});
    CHECK(strcmp(former->uid, now->uid) != 0, "an object that is made anew is another");
    CHECK(set_phase(former, "Former", &changed) == 0 && !changed,
          "it gets no status that was meant for the former one");
    CHECK(strcmp(phase_now(), "Former") != 0, "nor any part of it");
    CHECK(set_phase(now, "Now", &changed) == 0 && changed, "its own it gets");
}

int main(void)
{
    place_open(&place, NULL);
    check_decisions();
    check_times();
    check_former();
    place_close(&place);
    return check_done();
}
