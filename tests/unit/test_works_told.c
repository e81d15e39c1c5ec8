/* SPDX-License-Identifier: Apache-2.0 */
/* What the hub is told of works: a status with a row for each manifest, Events, the inventory. */
#include "works_fixture.h"

#include "work/work.h"
#include "base/map.h"
#include "works/gather.h"

static const char *kept_in(struct arena *arena, const char *work, const char *name, const char *key)
{
    return node_get_text(
        node_get(cluster_read(works_cluster(works), arena, work, "v1", "ConfigMap", "lab", name),
                 "data"),
        key);
}

/* ---- Rows -------------------------------------------------------------------------- */

#define MAP(name, value)                                                                           \
    "{apiVersion: v1, kind: ConfigMap, metadata: {name: " name                                     \
    ", namespace: lab}, data: {a: '" value "'}}"
#define WEB                                                                                        \
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: lab}, spec: "        \
    "{selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: " \
    "[{name: c, command: [run]}]}}}}"
#define CONFIG(name, option)                                                                       \
    "{resourceIdentifier: {resource: configmaps, namespace: lab, name: " name "}, " option "}"

/* What each spec makes of the status: words that it has, and words that it has not. */
static const struct {
    const char *name, *spec, *has, *has_not;
} rows[] = {
    {"a manifest that is applied", "workload: {manifests: [" MAP("m", "1") "]}",
     "{\"resourceMeta\":{\"ordinal\":0,\"group\":\"\",\"version\":\"v1\",\"kind\":\"ConfigMap\","
     "\"resource\":\"configmaps\",\"name\":\"m\",\"namespace\":\"lab\"},\"conditions\":[{\"type\":"
     "\"Applied\",\"status\":\"True\",\"reason\":\"AppliedManifestComplete\",\"message\":\"Apply "
     "manifest complete\",\"observedGeneration\":GENERATION",
     "is not available"},
    {"and available", "workload: {manifests: [" MAP("m", "1") "]}",
     "\"type\":\"Available\",\"status\":\"True\",\"reason\":\"ResourceAvailable\",\"message\":"
     "\"Resource is available\",\"observedGeneration\":GENERATION",
     "\"Degraded\",\"status\":\"True\""},
    {"which is settled", "workload: {manifests: [" MAP("m", "1") "]}",
     "\"Progressing\",\"status\":\"False\",\"reason\":\"Settled\"", "Starting"},
    {"without feedback rules", "workload: {manifests: [" MAP("m", "1") "]}",
     "\"type\":\"StatusFeedbackSynced\",\"status\":\"True\",\"reason\":\"NoStatusFeedbackSynced\"",
     "StatusFeedbackSyncFailed"},
    {"whose health is told", "workload: {manifests: [" MAP("m", "1") "]}",
     "\"statusFeedback\":{\"values\":[{\"name\":\"Health\",\"fieldValue\":{\"type\":\"String\","
     "\"string\":\"Current\"}}]}",
     "NotFound"},
    {"feedback of a kind that is known",
     "workload: {manifests: [" WEB "]}, manifestConfigs: [{resourceIdentifier: {group: apps, "
     "resource: deployments, namespace: lab, name: web}, feedbackRules: [{type: "
     "WellKnownStatus}]}]",
     "{\"name\":\"ReadyReplicas\",\"fieldValue\":{\"type\":\"Integer\",\"integer\":1}}",
     "StatusFeedbackSyncFailed"},
    {"that is synced",
     "workload: {manifests: [" WEB "]}, manifestConfigs: [{resourceIdentifier: {group: apps, "
     "resource: deployments, namespace: lab, name: web}, feedbackRules: [{type: JSONPaths, "
     "jsonPaths: [{name: Health, path: .status.replicas}]}]}]",
     "\"type\":\"StatusFeedbackSynced\",\"status\":\"True\",\"reason\":"
     "\"StatusFeedbackSynced\"",
     "NoStatusFeedbackSynced"},
    {"which may have the name of the spoke's own",
     "workload: {manifests: [" WEB "]}, manifestConfigs: [{resourceIdentifier: {group: apps, "
     "resource: deployments, namespace: lab, name: web}, feedbackRules: [{type: JSONPaths, "
     "jsonPaths: [{name: Health, path: .status.replicas}]}]}]",
     "\"statusFeedback\":{\"values\":[{\"name\":\"Health\",\"fieldValue\":{\"type\":"
     "\"Integer\",\"integer\":1}}]}",
     "\"string\":\"Current\""},
    {"feedback of a kind that is not",
     "workload: {manifests: [" MAP("m", "1") "]}, manifestConfigs: [" CONFIG(
         "m", "feedbackRules: [{type: WellKnownStatus}, {type: Other}]") "]",
     "\"StatusFeedbackSynced\",\"status\":\"False\",\"reason\":\"StatusFeedbackSyncFailed\","
     "\"message\":\"cannot find the wellknown statuses",
     "a feedback rule is of type"},
    {"feedback of what is not here",
     "workload: {manifests: [" MAP("ghost", "1") "]}, manifestConfigs: [" CONFIG(
         "ghost", "updateStrategy: {type: ReadOnly}, feedbackRules: [{type: WellKnownStatus}], "
                  "conditionRules: [{condition: Hot, type: CEL, celExpressions: ['true']}]") "]",
     "\"StatusFeedbackSyncFailed\",\"message\":\"the object is not on this spoke\"",
     "\"Hot\",\"status\":\"True\""},
    {"which is not available",
     "workload: {manifests: [" MAP("ghost", "1") "]}, manifestConfigs: [" CONFIG(
         "ghost", "updateStrategy: {type: ReadOnly}, feedbackRules: [{type: WellKnownStatus}], "
                  "conditionRules: [{condition: Hot, type: CEL, celExpressions: ['true']}]") "]",
     "\"reason\":\"ResourceNotAvailable\",\"message\":\"the object is not on this spoke\"",
     "\"ResourcesAvailable\""},
    {"and whose rule is unknown",
     "workload: {manifests: [" MAP("ghost", "1") "]}, manifestConfigs: [" CONFIG(
         "ghost", "updateStrategy: {type: ReadOnly}, feedbackRules: [{type: WellKnownStatus}], "
                  "conditionRules: [{condition: Hot, type: CEL, celExpressions: ['true']}]") "]",
     "\"type\":\"Hot\",\"status\":\"Unknown\",\"reason\":\"ConditionRuleInternalError\"",
     "\"Hot\",\"status\":\"True\""},
    {"a Job that does not run yet",
     "workload: {manifests: [{apiVersion: batch/v1, kind: Job, metadata: {name: later, namespace: "
     "lab}, spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: c, "
     "command: [run]}]}}}}]}",
     "\"type\":\"Available\",\"status\":\"False\",\"reason\":\"ResourceNotAvailable\"",
     "\"reason\":\"ResourceAvailable\""},
    {"a Job that runs",
     "workload: {manifests: [{apiVersion: batch/v1, kind: Job, metadata: {name: j, namespace: "
     "lab}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, command: "
     "[run]}]}}}}]}",
     "\"type\":\"Available\",\"status\":\"True\",\"reason\":\"ResourceAvailable\"",
     "ResourceNotAvailable"},
    {"a condition rule that holds",
     "workload: {manifests: [" MAP("m", "1") "]}, manifestConfigs: [" CONFIG(
         "m", "conditionRules: [{condition: Loaded, type: CEL, celExpressions: [\"object.data.a == "
              "'1'\"], message: it is one}]") "]",
     "\"type\":\"Loaded\",\"status\":\"True\"", "\"Loaded\",\"status\":\"False\""},
    {"one that does not",
     "workload: {manifests: [" MAP("m", "1") "]}, manifestConfigs: [" CONFIG(
         "m", "conditionRules: [{condition: Loaded, type: CEL, celExpressions: [\"object.data.a == "
              "'2'\"], message: it is two}]") "]",
     "\"type\":\"Loaded\",\"status\":\"False\"", "\"Loaded\",\"status\":\"True\""},
    {"a rule about what is the spoke's to say",
     "workload: {manifests: [" MAP("m", "1") "]}, manifestConfigs: [" CONFIG(
         "m", "conditionRules: [{condition: Applied, type: CEL, celExpressions: ['false']}, "
              "{condition: Available, type: CEL, celExpressions: ['false']}]") "]",
     "\"type\":\"Applied\",\"status\":\"True\"", "ConditionRule"},
    {"a rule that the work has no more", "workload: {manifests: [" MAP("m", "1") "]}",
     "\"type\":\"Applied\"", "Loaded"},
    {"a kind that there is not",
     "workload: {manifests: [" MAP("m",
                                   "1") ", {apiVersion: v1, kind: Toaster, metadata: {name: t, "
                                        "namespace: lab}}]}",
     "1 of 2 manifests are not applied: Toaster lab/t: ",
     "\"Applied\",\"status\":\"True\",\"reason\":"
     "\"AppliedManifestWorkComplete\""},
    {"which is degraded",
     "workload: {manifests: [" MAP("m",
                                   "1") ", {apiVersion: v1, kind: Toaster, metadata: {name: t, "
                                        "namespace: lab}}]}",
     "\"type\":\"Degraded\",\"status\":\"True\"", "AsExpected"},
    {"and not available",
     "workload: {manifests: [" MAP("m",
                                   "1") ", {apiVersion: v1, kind: Toaster, metadata: {name: t, "
                                        "namespace: lab}}]}",
     "1 of 2 resources are not available: Toaster lab/t: ", "ResourcesAvailable"},
    {"a fact that there is not", "workload: {manifests: [" MAP("m", "${spoke.moon}") "]}",
     "\"type\":\"Applied\",\"status\":\"False\",\"reason\":\"AppliedManifestFailed\"",
     "AppliedManifestComplete\""},
    {"which is named", "workload: {manifests: [" MAP("m", "${spoke.moon}") "]}",
     "\"type\":\"Degraded\",\"status\":\"True\",\"reason\":\"ManifestInvalid\",\"message\":"
     "\"ConfigMap lab/m: ",
     "AsExpected"},
    {"ignored fields by jq",
     "workload: {manifests: [" MAP("m", "2") "]}, manifestConfigs: [" CONFIG(
         "m",
         "updateStrategy: {type: ServerSideApply, serverSideApply: {ignoreFields: [{condition: "
         "OnSpokePresent, jqPathExpressions: ['.data']}]}}") "]",
     "ignoreFields: jqPathExpressions are not supported on this spoke; use jsonPaths or "
     "jsonPointers",
     "AppliedManifestWorkComplete"},
    {"a pointer of ignored fields that is none",
     "workload: {manifests: [" MAP("m", "2") "]}, manifestConfigs: [" CONFIG(
         "m",
         "updateStrategy: {type: ServerSideApply, serverSideApply: {ignoreFields: [{condition: "
         "OnSpokeChange, jsonPointers: [data]}]}}") "]",
     "does not begin with /", "AppliedManifestWorkComplete"},
    {"a path of ignored fields that is none",
     "workload: {manifests: [" MAP("m", "2") "]}, manifestConfigs: [" CONFIG(
         "m",
         "updateStrategy: {type: ServerSideApply, serverSideApply: {ignoreFields: [{condition: "
         "OnSpokePresent, jsonPaths: ['[']}]}}") "]",
     "\"type\":\"Applied\",\"status\":\"False\",\"reason\":\"AppliedManifestSSAIgnoreFieldError\"",
     "AppliedManifestWorkComplete"},
};

static void check_row(size_t i, int generation)
{
    scoped_mem char *number = mem_printf("\"observedGeneration\":%d", generation);
    const char *mark = "\"observedGeneration\":GENERATION", *status;
    scoped_text struct text has = {0};
    const char *at = strstr(rows[i].has, mark);

    text_addf(&has, "%.*s%s%s", at ? (int)(at - rows[i].has) : (int)strlen(rows[i].has),
              rows[i].has, at ? number : "", at ? at + strlen(mark) : "");
    take_spec("rows", generation, rows[i].spec);
    run(2 * CLOCK_SECOND);
    /* The first one may be of a moment before all of it was done. */
    while (find_sent("/status") && !strstr(status_of("rows"), text_string(&has)))
        respond("/status", 200);
    status = status_of("rows");
    CHECK(strstr(status, text_string(&has)), "%s: %s (%s)", rows[i].name, text_string(&has),
          status);
    CHECK(!strstr(status, rows[i].has_not), "%s: and not %s (%s)", rows[i].name, rows[i].has_not,
          status);
    respond_to_all();
}

static void check_rows(void)
{
    for (size_t i = 0; i < count_of(rows); i++) {
        check_row(i, (int)i + 1);
        respond_to_all();
    }
}

/* ---- Options of a manifest ---------------------------------------------------------- */

static void check_strategies(void)
{
    scoped_arena struct arena *arena = arena_new();

    take_spec(
        "once", 1,
        "workload: {manifests: [" MAP("o", "1") ", " MAP("p", "1") "]}, manifestConfigs: [" CONFIG(
            "o", "updateStrategy: {type: CreateOnly}") "]");
    run(CLOCK_SECOND);
    CHECK_TEXT(kept_in(arena, "once", "o", "a"), "1", "CreateOnly creates");
    close_works();
    if (!open_works())
        return;
    CHECK_TEXT(kept_in(arena, "once", "o", "a"), "1", "after a restart without a hub it is there");
    take_spec(
        "once", 2,
        "workload: {manifests: [" MAP("o", "2") ", " MAP("p", "2") "]}, manifestConfigs: [" CONFIG(
            "o", "updateStrategy: {type: CreateOnly}") "]");
    run(CLOCK_SECOND);
    CHECK_TEXT(kept_in(arena, "once", "o", "a"), "1", "and is not changed");
    CHECK_TEXT(kept_in(arena, "once", "p", "a"), "2", "while another object is");
    take_spec(
        "once", 3,
        "workload: {manifests: [" MAP("o", "3") ", " MAP("p", "3") "]}, manifestConfigs: [" CONFIG(
            "o", "updateStrategy: {type: ReadOnly}") "]");
    run(CLOCK_SECOND);
    CHECK_TEXT(kept_in(arena, "once", "o", "a"), "1", "ReadOnly changes nothing either");
    take_spec("once", 4, "workload: {manifests: [" MAP("o", "4") "]}");
    run(CLOCK_SECOND);
    CHECK_TEXT(kept_in(arena, "once", "o", "a"), "4", "without an option it is");
    respond_to_all();

    take_spec("once", 5,
              "workload: {manifests: [" MAP("o", "5") "]}, manifestConfigs: [" CONFIG(
                  "o", "updateStrategy: {type: ServerSideApply, serverSideApply: {ignoreFields: "
                       "[{condition: OnSpokePresent, jsonPaths: [.data.a]}]}}") "]");
    run(CLOCK_SECOND);
    CHECK_TEXT(kept_in(arena, "once", "o", "a"), "4", "an ignored field that is there stays");
    take_spec("once", 6,
              "workload: {manifests: [" MAP("o", "6") "]}, manifestConfigs: [" CONFIG(
                  "o", "updateStrategy: {type: ServerSideApply, serverSideApply: {ignoreFields: "
                       "[{condition: OnSpokeChange, jsonPaths: [.data.a]}]}}") "]");
    run(CLOCK_SECOND);
    CHECK_TEXT(kept_in(arena, "once", "o", "a"), "4",
               "where only an ignored field is another, nothing is applied");
    CHECK(!strstr(status_of("once"), "AppliedManifestSSAIgnoreFieldError"),
          "and that is no failure");
    take_spec("once", 7,
              "workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: o, "
              "namespace: lab}, data: {a: '7', b: '7'}}]}, manifestConfigs: [" CONFIG(
                  "o", "updateStrategy: {type: ServerSideApply, serverSideApply: {ignoreFields: "
                       "[{condition: OnSpokeChange, jsonPaths: [.data.a]}]}}") "]");
    run(CLOCK_SECOND);
    CHECK(!strcmp(kept_in(arena, "once", "o", "a"), "7") &&
              !strcmp(kept_in(arena, "once", "o", "b"), "7"),
          "where another field is, all of it is");
    respond_to_all();
}

static void check_orphans(void)
{
    scoped_arena struct arena *arena = arena_new();

    take_spec(
        "parent", 1,
        "deleteOption: {propagationPolicy: Orphan}, workload: {manifests: [" MAP("left", "1") "]}");
    run(CLOCK_SECOND);
    respond_to_all();
    works_take(works, "parent", NULL);
    run(3 * EVICTION);
    CHECK(!is_in_cluster("parent"), "a work that orphans its objects goes");
    respond_to_all();
    take_spec("second", 1, "workload: {manifests: [" MAP("left", "2") "]}");
    run(CLOCK_SECOND);
    CHECK_TEXT(kept_in(arena, "second", "left", "a"), "2", "what it left can be taken by another");
    respond_to_all();
}

/* ---- Sending a status --------------------------------------------------------------- */

static void change(const char *name, int generation)
{
    scoped_mem char *spec =
        mem_printf("workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: %s, "
                   "namespace: lab}, data: {a: '%d'}}]}",
                   name, generation);

    take_spec(name, generation, spec);
    run(CLOCK_SECOND);
}

static void check_sending(void)
{
    static const char taken[] = "{\"metadata\": {\"resourceVersion\": \"500\"}}";

    lost = 0;
    change("sent", 1);
    CHECK(strstr(status_of("sent"), "\"resourceVersion\":\"101\""),
          "a status is of the revision that this spoke knows");
    change("sent", 2);
    respond("/sent/status", 200);
    CHECK(strstr(status_of("sent"), "\"observedGeneration\":2"),
          "what changes meanwhile is sent when the response comes");
    respond_with("/sent/status", 200, taken, strlen(taken));
    change("sent", 3);
    CHECK(strstr(status_of("sent"), "\"resourceVersion\":\"500\""),
          "the response says which revision is the next");
    respond("/sent/status", 409);
    run(CLOCK_SECOND);
    CHECK_TEXT(status_of("sent"), "", "one that the hub refuses as outdated waits for the watch");
    run(10 * CLOCK_SECOND);
    CHECK(strstr(status_of("sent"), "\"resourceVersion\":\"103\""),
          "and is sent with what is known, should that bring nothing");
    respond("/sent/status", 500);
    run(CLOCK_SECOND);
    CHECK_TEXT(status_of("sent"), "", "one that the hub does not take is not sent again at once");
    run(10 * CLOCK_SECOND);
    CHECK(*status_of("sent"), "but a while later");
    CHECK_INT(lost, 0, "and the connection stays");
    respond("/sent/status", 0);
    CHECK_INT(lost, 1, "without a response the connection is given up");
    run(10 * CLOCK_SECOND);
    CHECK_TEXT(status_of("sent"), "", "and nothing is sent");
    works_report(works);
    CHECK(*status_of("sent"), "before there is another one");
    respond("/sent/status", 404);
    works_report(works);
    CHECK_TEXT(status_of("sent"), "", "a work that the hub has no more is not told again");
    contact = WORKS_LINK;
    change("sent", 4);
    CHECK_TEXT(status_of("sent"), "", "nothing is told before the works are listed");
    contact = WORKS_LISTING;
    works_report(works);
    CHECK(strstr(status_of("sent"), "\"observedGeneration\":4"), "from then on it is");
    contact = WORKS_WATCHING;
    respond_to_all();
    change("sent", 40);
    CHECK_INT(works_newest_revision(works), 140, "the newest revision of all works is known");
    works_take(works, "sent", NULL);
    CHECK(works_newest_revision(works) < 140, "but not of one that the hub has no more");
}

/* Another version that the hub has is not what runs here. */
static void check_withheld(void)
{
    change("held", 1);
    respond_to_all();
    withheld = true;
    change("held", 2);
    works_report(works);
    CHECK_TEXT(status_of("held"), "",
               "while changes are withheld, nothing is said of another version");
    change("held", 1);
    works_report(works);
    withheld = false;
    change("held", 3);
    CHECK(strstr(status_of("held"), "\"observedGeneration\":3"), "afterwards it is");
    respond_to_all();
}

/* ---- Events -------------------------------------------------------------------------- */

static void tell(const char *namespace, const char *reason, const char *message)
{
    works_event(works, &(struct cluster_event){.owner = "w",
                                               .api_version = "v1",
                                               .kind = "Pod",
                                               .namespace = namespace,
                                               .name = "p",
                                               .type = "Warning",
                                               .reason = reason,
                                               .message = message});
}

static void check_event(void)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *body;
    scoped_mem char *path = NULL;

    contact = WORKS_LINK;
    tell("lab", "BackOff", "3 crashes");
    CHECK_INT((int64_t)sent_count, 0, "no Event is sent before the works are listed");
    contact = WORKS_WATCHING;
    tell("lab", "BackOff", "3 crashes");
    body = document_read_own(arena, find_body("/namespaces/edge-1/events"),
                             strlen(find_body("/namespaces/edge-1/events")), NULL);
    CHECK(!strcmp(node_get_text(body, "kind"), "Event") &&
              !strcmp(node_get_text(body, "apiVersion"), "v1") &&
              !strcmp(node_get_text(body, "type"), "Warning") &&
              !strcmp(node_get_text(body, "reason"), "BackOff") &&
              !strcmp(node_get_text(body, "message"), "3 crashes (in namespace lab)"),
          "an Event has its type, reason and message, with the namespace here");
    CHECK(!strcmp(node_get_text(node_get(body, "involvedObject"), "kind"), "Pod") &&
              !strcmp(node_get_text(node_get(body, "involvedObject"), "apiVersion"), "v1") &&
              !strcmp(node_get_text(node_get(body, "involvedObject"), "name"), "p") &&
              !strcmp(node_get_text(node_get(body, "involvedObject"), "namespace"), "edge-1"),
          "what it is about, in the namespace of the hub");
    CHECK(node_get_int(body, "count", 0) == 1 && *node_get_text(body, "firstTimestamp") &&
              !strcmp(node_get_text(body, "firstTimestamp"), node_get_text(body, "lastTimestamp")),
          "how often and when");
    CHECK(!strcmp(node_get_text(node_get(body, "source"), "component"), "axle-spoke") &&
              !strcmp(node_get_text(body, "reportingComponent"), "axle-spoke") &&
              !strcmp(node_get_text(node_get(body, "metadata"), "namespace"), "edge-1") &&
              text_starts(node_get_text(node_get(body, "metadata"), "name"), "p."),
          "and whose it is");
    path = mem_printf("/namespaces/edge-1/events/%s",
                      node_get_text(node_get(body, "metadata"), "name"));
    respond_to_all();
    tell("lab", "BackOff", "4 crashes");
    CHECK_INT((int64_t)sent_count, 0, "the same but for a number is not sent at once");
    run(10 * CLOCK_SECOND);
    tell("lab", "BackOff", "50 crashes");
    CHECK(strstr(find_body(path), "\"count\":3") &&
              strstr(find_body(path), "50 crashes (in namespace lab)") &&
              !strcmp(find_sent(path)->method, "PATCH"),
          "but counted in the Event there is, after ten seconds (%s)", find_body(path));
    respond_to_all();
    tell("lab", "BackOff", "no memory");
    CHECK(strstr(find_body("/events"), "no memory"), "another message is another Event");
    tell("edge-1", "BackOff", "own");
    CHECK(strstr(find_body("/events"), "no memory") && sent_count == 2, "so is one elsewhere");
    respond_to_all();
    run(599 * CLOCK_SECOND);
    tell("lab", "BackOff", "no memory");
    CHECK_INT(sent_count && text_ends(sent[0].target, "/events"), 0,
              "within ten minutes it is counted");
    respond_to_all();
    run(600 * CLOCK_SECOND);
    tell("lab", "BackOff", "no memory");
    CHECK(find_sent("/events") != NULL, "after them it is a new one");
    respond_to_all();
}

/* What a program wrote cannot control the terminal of who reads it. */
static void check_printable(void)
{
    tell("", "Odd", "a\x1b[31mb");
    CHECK(strstr(find_body("/events"), "a?[31mb"), "an Event has printable letters only (%s)",
          find_body("/events"));
    respond_to_all();
    tell("", "Odd", "a\x1b[31mb");
    run(11 * CLOCK_SECOND);
    tell("", "Odd", "a\x1b[31mb");
    CHECK(sent_count && strstr(sent[0].body, "a?[31mb"), "also when it is counted");
    respond_to_all();
}

static void check_many_events(void)
{
    static const char *const messages[] = {"a", "b", "c", "d", "e", "f", "g",
                                           "h", "i", "j", "k", "l", "m"};
    int first = 0;

    for (size_t i = 0; i < count_of(messages); i++) {
        tell("", "Many", messages[i]);
        first += find_sent("/events") != NULL;
        CHECK(!find_sent("/events") || !strstr(find_body("/events"), "in namespace"),
              "an object without a namespace has none in its message");
        respond_to_all();
    }
    CHECK_INT(first, 11, "ten messages of one reason are told apart, the others are one Event");
}

/* ---- The inventory ------------------------------------------------------------------ */

static const struct node *describe(struct arena *arena, const char *name)
{
    const struct node *all = works_describe(works, arena);

    for (size_t i = 0; i < node_count(all); i++)
        if (!strcmp(node_get_text(node_item(all, i), "name"), name))
            return node_item(all, i);
    return NULL;
}

#define HUB_HASH                                                                                   \
    "9f63aa51ee73742847a1dd584c640c8b579dc14418ab416e3dd716fbe9362d31" /* sha256 of                \
                                                                          https://hub:6443 */

static void check_inventory(void)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *one, *applied, *spec, *resource;

    fact = "berlin";
    take_spec("told", 1, "workload: {manifests: [" MAP("t", "${spoke.site}") "]}");
    run(CLOCK_SECOND);
    one = describe(arena, "told");
    applied = node_get(one, "applied");
    spec = node_get(applied, "spec");
    resource = node_item(node_at(applied, "status", "appliedResources", NULL), 0);
    CHECK(node_get_int(one, "generation", 0) == 1 &&
              !strcmp(node_get_text(one, "phase"), "Running"),
          "a work is described with its generation and phase");
    CHECK(!strcmp(node_get_text(applied, "kind"), "AppliedManifestWork") &&
              !strcmp(node_get_text(applied, "apiVersion"), "work.open-cluster-management.io/v1") &&
              !strcmp(node_get_text(spec, "hubHash"), HUB_HASH) &&
              !strcmp(node_get_text(spec, "agentID"), "edge-1") &&
              !strcmp(node_get_text(spec, "manifestWorkName"), "told") &&
              text_starts(node_get_text(node_get(applied, "metadata"), "name"),
                          node_get_text(spec, "hubHash")) &&
              text_ends(node_get_text(node_get(applied, "metadata"), "name"), "-told"),
          "as OCM's AppliedManifestWork");
    CHECK(!strcmp(node_get_text(resource, "group"), "") &&
              !strcmp(node_get_text(resource, "version"), "v1") &&
              !strcmp(node_get_text(resource, "resource"), "configmaps") &&
              !strcmp(node_get_text(resource, "namespace"), "lab") &&
              !strcmp(node_get_text(resource, "name"), "t") && *node_get_text(resource, "uid"),
          "with what it has brought");
    CHECK(text_starts(node_get_text(node_get(applied, "status"), "valuesHash"), "sha256:") &&
              !node_get(node_get(applied, "status"), "evictionStartTime"),
          "and the values that it uses");
    CHECK(works_use_facts(works), "which is known");
    respond_to_all();
    works_take(works, "told", NULL);
    one = describe(arena, "told");
    CHECK(*node_get_text(node_at(one, "applied", "status", NULL), "evictionStartTime"),
          "one that vanished is described with the time of that");
    close_works();
    if (!open_works())
        return;
    one = describe(arena, "told");
    CHECK(*node_get_text(node_at(one, "applied", "status", NULL), "evictionStartTime") &&
              *node_get_text(node_at(one, "applied", "status", NULL), "valuesHash"),
          "also after a restart");
    run(3 * EVICTION);
    CHECK(!describe(arena, "told"), "after which it goes all the same");
    respond_to_all();
    take_spec("odd", 1, "executor: {subject: {}}, workload: {manifests: [" MAP("odd", "1") "]}");
    CHECK(strstr(status_of("odd"), "\"reason\":\"AppliedManifestFailed\",\"message\":"
                                   "\"spec.executor"),
          "what keeps a work from being applied is told of each manifest (%s)", status_of("odd"));
    one = describe(arena, "odd");
    CHECK(!strcmp(node_get_text(one, "phase"), "Degraded") &&
              !strcmp(node_get_text(one, "reason"), "ExecutorNotSupported") &&
              strstr(node_get_text(one, "message"), "spec.executor"),
          "one that is refused is Degraded, and says why");
    respond_to_all();
}

static void check_leaving(void)
{
    take_spec("leaver", 1, "workload: {manifests: [" WEB "]}");
    run(5 * CLOCK_SECOND);
    respond_to_all();
    take_yaml("leaver",
              "apiVersion: work.open-cluster-management.io/v1\nkind: ManifestWork\n"
              "metadata: {name: leaver, namespace: edge-1, uid: leaver-uid, generation: 2, "
              "resourceVersion: '300', deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: "
              "[" FINALIZER "]}\nspec: {workload: {manifests: [" WEB "]}}\n");
    CHECK(strstr(status_of("leaver"), "\"Deleting\",\"status\":\"True\""),
          "a work that leaves says so as long as something of it runs (%s)", status_of("leaver"));
    CHECK(strstr(status_of("leaver"), "\"Applied\",\"status\":\"True\""), "and is applied");
    respond_to_all();
    run(120 * CLOCK_SECOND);
    CHECK(!is_in_cluster("leaver"), "until it is gone");
    respond_to_all();
}

static void check_failed_once(void)
{
    take_spec("moon", 1, "workload: {manifests: [" MAP("m", "${spoke.moon}") "]}");
    run(CLOCK_SECOND);
    CHECK(strstr(find_body("/events"), "ManifestInvalid") != NULL,
          "a manifest that cannot be made out has an Event");
    respond_to_all();
    take_spec("moon", 2, "workload: {manifests: [" MAP("m", "${spoke.moon}") "]}");
    run(20 * CLOCK_SECOND);
    CHECK(*status_of("moon") && !find_sent("/events") &&
              !(sent_count > 1 && strstr(sent[0].target, "/events/")),
          "and not another one for the same");
    respond_to_all();
}

/* ---- What comes again, is kept again, or never was ------------------------------------ */

static void check_again(void)
{
    int before;

    change("echo", 1);
    take_statuses();
    before = applications;
    change("echo", 1);
    CHECK_INT(applications - before, 0, "a work that comes back as it was is not applied again");
    CHECK_INT((int64_t)sent_count, 0, "and nothing is said of it");
    change("echo", 2);
    CHECK_INT(applications - before, 1, "another generation is");
    take_statuses();
    works_facts_changed(works);
    CHECK_INT(applications - before, 1, "facts that change are no matter of a work without any");
    works_forget_generations(works);
    change("echo", 2);
    CHECK_INT(applications - before, 2, "of another epoch each work is taken as new");
    respond_to_all();
}

/* The rows were lost with a disk that could not be written. */
static void check_kept_again(void)
{
    static const char *const names[] = {"echo", "stuck"};
    scoped_arena struct arena *arena = arena_new();

    change("echo", 3);
    take_spec("stuck", 1, "executor: {subject: {}}, workload: {manifests: []}");
    respond_to_all();
    for (size_t i = 0; i < count_of(names); i++)
        store_delete(storage_store(storage), &(struct store_key){STORAGE_WORK, "", names[i]}, "",
                     0);
    kept_work_commit(works);
    run(CLOCK_SECOND);
    works_keep_again(works);
    kept_work_commit(works);
    run(CLOCK_SECOND);
    close_works();
    if (!open_works())
        return;
    CHECK_INT(node_get_int(describe(arena, "echo"), "generation", 0), 3,
              "what is applied is kept once more");
    CHECK(!describe(arena, "stuck"), "what is not has no row");
    CHECK_INT((int64_t)sent_count, 0, "and the hub is not asked");
    works_disk_well(works);
    CHECK_INT((int64_t)sent_count, 0, "nor when nothing has waited for the disk");
}

static void check_never_applied(void)
{
    int before = removed;

    take_spec("never", 1, "executor: {subject: {}}, workload: {manifests: []}");
    respond_to_all();
    take_yaml("never",
              "apiVersion: work.open-cluster-management.io/v1\nkind: ManifestWork\n"
              "metadata: {name: never, namespace: edge-1, uid: never-uid, generation: 2, "
              "resourceVersion: '200', deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: "
              "[" FINALIZER "]}\nspec: {workload: {manifests: []}}\n");
    CHECK_INT(removed - before, 1, "a work that was never applied goes at once");
    CHECK(strstr(find_body("/manifestworks/never"), "\"finalizers\":[]"),
          "and its finalizer is taken off");
    respond_to_all();
}

static void check_missing(void)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_map struct map *listed = map_new();

    change("listed", 1);
    change("unlisted", 1);
    respond_to_all();
    map_put(listed, "listed", works);
    works_take_missing(works, listed);
    CHECK(*node_get_text(node_at(describe(arena, "unlisted"), "applied", "status", NULL),
                         "evictionStartTime"),
          "a work that is not in the hub's list is on its way out");
    CHECK(!*node_get_text(node_at(describe(arena, "listed"), "applied", "status", NULL),
                          "evictionStartTime"),
          "one that is stays");
    run(3 * EVICTION);
    CHECK(!describe(arena, "unlisted") && describe(arena, "listed"), "and only the other one goes");
    respond_to_all();
}

/* ---- Finalizers ----------------------------------------------------------------------- */

static void check_finalizers(void)
{
    take_work("shared", 1, ", finalizers: [theirs]");
    CHECK(strstr(find_body("/manifestworks/shared"), "[\"theirs\",\"" FINALIZER "\"]") &&
              strstr(find_body("/manifestworks/shared"), "\"resourceVersion\":\"11\""),
          "our finalizer is added to theirs, unless somebody changes them meanwhile");
    respond("/manifestworks/shared", 200);
    run(CLOCK_SECOND);
    respond_to_all();
    take_work("shared", 2,
              ", finalizers: [theirs, " FINALIZER "], deletionTimestamp: '2026-01-01T00:00:00Z'");
    run(CLOCK_SECOND);
    CHECK(strstr(find_body("/manifestworks/shared"), "{\"finalizers\":[\"theirs\"]}"),
          "at the end only ours is taken off (%s)", find_body("/manifestworks/shared"));
    respond_to_all();
}

static void check_plurals(void)
{
    static const struct {
        const char *version, *kind, *is;
    } cases[] = {
        {"v1", "Pod", "|v1|pods"},
        {"v1", "Endpoints", "|v1|endpoints"},
        {"networking.k8s.io/v1", "NetworkPolicy", "networking.k8s.io|v1|networkpolicies"},
        {"networking.k8s.io/v1", "IngressClass", "networking.k8s.io|v1|ingressclasses"},
        {"networking.k8s.io/v1", "Ingress", "networking.k8s.io|v1|ingresses"},
        {"a/v1", "Gateway", "a|v1|gateways"},
        {"a/v1", "Key", "a|v1|keys"},
        {"a/v1", "Index", "a|v1|indexes"},
        {"a/v1", "ZapA", "a|v1|zapas"},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct node *manifest = node_map(arena);
        struct work_resource resource;

        node_set_text(arena, manifest, "apiVersion", cases[i].version);
        node_set_text(arena, manifest, "kind", cases[i].kind);
        resource = works_manifest_resource(arena, manifest);
        CHECK_TEXT(
            arena_printf(arena, "%s|%s|%s", resource.group, resource.version, resource.resource),
            cases[i].is, "the resource of %s", cases[i].kind);
    }
}

int main(void)
{
    check_plurals();
    if (make_spoke() && open_works()) {
        check_rows();
        check_strategies();
        check_orphans();
        check_sending();
        check_withheld();
        check_event();
        check_printable();
        check_many_events();
        check_inventory();
        check_finalizers();
        check_again();
        check_kept_again();
        check_never_applied();
        check_leaving();
        check_failed_once();
        check_missing();
        close_works();
    }
    drop_spoke();
    return check_done();
}
