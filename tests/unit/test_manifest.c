/* SPDX-License-Identifier: Apache-2.0 */
/* What a spoke accepts of manifests, what they want, and what a Job's policies say: pure tables. */

#include "manifest_fixture.h"

#include "meta/meta.h"

static const struct manifest_row workloads[] = {
    {"a Pod with creationTimestamp: null", POD, NULL},
    {"a Pod without containers", POD_HEAD "  containers: []\n",
     "Invalid: spec.containers is missing"},
    {"an unknown field that asks for something", POD "  hostPID: true\n",
     "UnsupportedField: spec.hostPID"},
    {"an unknown field that is false", POD "  hostPID: false\n", NULL},
    {"a process without a command", POD_HEAD "  containers: [{name: c}]\n",
     "spec.containers[c].command is missing"},
    {"an image without an engine", POD_HEAD "  containers: [{name: c, image: x}]\n", "NeedsEngine"},
    {"two containers of one name", POD "  - name: c\n    command: [run]\n",
     "two have the name \"c\""},
    {"an empty line instead of a name", POD_HEAD "  containers: [{command: [run]}]\n",
     "a container has no name"},
    {"replicas as text", DEPLOYMENT TEMPLATE "  replicas: '3'\n",
     "spec.replicas must be an integer, not a string"},
    {"replicas at the limit", DEPLOYMENT TEMPLATE "  replicas: 1000\n", NULL},
    {"replicas beyond the limit", DEPLOYMENT TEMPLATE "  replicas: 1001\n",
     "spec.replicas is 1001: a spoke runs at most 1000"},
    {"a selector of its own labels", DEPLOYMENT TEMPLATE "  selector: {matchLabels: {app: a}}\n",
     NULL},
    {"a selector of other labels", DEPLOYMENT TEMPLATE "  selector: {matchLabels: {app: b}}\n",
     "spec.selector.matchLabels[app] is not among"},
    {"a strategy that there is not", DEPLOYMENT TEMPLATE "  strategy: {type: Fast}\n",
     "spec.strategy.type is RollingUpdate or Recreate"},
    {"a refusal in a template has its whole path",
     DEPLOYMENT "  template: {spec: {containers: [{name: c}]}}\n",
     "spec.template.spec.containers[c]"},
    {"a StatefulSet that deletes claims",
     STATEFUL "  persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}\n",
     "UnsupportedField"},
    {"a StatefulSet OnDelete", STATEFUL "  updateStrategy: {type: OnDelete}\n", NULL},
    {"a Job that restarts always",
     "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n" TEMPLATE,
     "Never or OnFailure"},
    {"a Job", JOB, NULL},
    {"a completionMode that there is not", JOB "  completionMode: Random\n",
     "NonIndexed or Indexed"},
    {"limits per index without indexes", JOB "  backoffLimitPerIndex: 1\n",
     "needs completionMode Indexed"},
    {"a failure policy",
     JOB "  podFailurePolicy: {rules: [{action: FailJob, onExitCodes: "
         "{operator: In, values: [42]}}]}\n",
     NULL},
    {"a failure policy of exit code 0",
     JOB "  podFailurePolicy: {rules: [{action: FailJob, "
         "onExitCodes: {operator: In, values: [0]}}]}\n",
     "with In exit codes are greater than 0"},
    {"a failure policy of another container",
     JOB "  podFailurePolicy: {rules: [{action: FailJob, "
         "onExitCodes: {containerName: x, operator: In, values: [1]}}]}\n",
     "is none of the template's"},
    {"a strategy that there is", DEPLOYMENT TEMPLATE "  strategy: {type: Recreate}\n", NULL},
    {"the usual strategy", DEPLOYMENT TEMPLATE "  strategy: {type: RollingUpdate}\n", NULL},
    {"a strategy with an unknown field", DEPLOYMENT TEMPLATE "  strategy: {wait: 3}\n",
     "UnsupportedField: spec.strategy.wait"},
    {"a Deployment with an unknown field", DEPLOYMENT TEMPLATE "  paused: true\n",
     "UnsupportedField: spec.paused"},
    {"a Deployment with a field without effect", DEPLOYMENT TEMPLATE "  revisionHistoryLimit: 3\n",
     NULL},
    {"an unknown list that is empty", DEPLOYMENT TEMPLATE "  hooks: []\n", NULL},
    {"an unknown list that is not", DEPLOYMENT TEMPLATE "  hooks: [a]\n",
     "UnsupportedField: spec.hooks"},
    {"an unknown field that is null", DEPLOYMENT TEMPLATE "  hooks: null\n", NULL},
    {"Always in a Deployment",
     DEPLOYMENT "  template: {spec: {restartPolicy: Always, containers: [{name: c, command: "
                "[run]}]}}\n",
     NULL},
    {"Never in a Deployment",
     DEPLOYMENT "  template: {spec: {restartPolicy: Never, containers: [{name: c, command: "
                "[run]}]}}\n",
     "Invalid: spec.template.spec.restartPolicy is Always here, not \"Never\""},
    {"a mount in a Deployment has its whole path",
     DEPLOYMENT "  template: {spec: {containers: [{name: c, command: [run], volumeMounts: [{name: "
                "v, mountPath: /v}, {name: v, mountPath: /v}]}]}}\n",
     "Invalid: spec.template.spec.volumeMounts: two have the mountPath \"/v\""},
    {"a StatefulSet with RollingUpdate", STATEFUL "  updateStrategy: {type: RollingUpdate}\n",
     NULL},
    {"a StatefulSet with Recreate", STATEFUL "  updateStrategy: {type: Recreate}\n",
     "spec.updateStrategy.type is RollingUpdate or OnDelete, not \"Recreate\""},
    {"a StatefulSet with an unknown field", STATEFUL "  ordinals: {start: 1}\n",
     "UnsupportedField: spec.ordinals"},
    {"a StatefulSet that selects other pods", STATEFUL "  selector: {matchLabels: {app: b}}\n",
     "spec.selector.matchLabels[app] is not among"},
    {"a StatefulSet that keeps claims",
     STATEFUL "  persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain}\n", NULL},
    {"a Job of too many completions", JOB "  completions: 1001\n", "spec.completions is 1001"},
    {"a Job of too many at once", JOB "  parallelism: 1001\n", "spec.parallelism is 1001"},
    {"a Job with OnFailure",
     JOB_HEAD "  template: {spec: {restartPolicy: OnFailure, containers: [{name: c, command: "
              "[run]}]}}\n",
     NULL},
    {"a Job that says no restartPolicy",
     JOB_HEAD "  template: {spec: {containers: [{name: c, command: [run]}]}}\n",
     "is Never or OnFailure, not \"Always\""},
    {"a Job with an unknown field", JOB "  managedBy: me\n", "UnsupportedField: spec.managedBy"},
    {"a Pod that runs once", POD "  restartPolicy: Never\n", NULL},
    {"a Pod without a spec", "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n",
     "Invalid: spec.containers is missing"},
};

/* ---- A Job's policies, as they are written ------------------------------------------------- */

#define INDEXED JOB "  completionMode: Indexed\n  completions: 5\n"
#define RULES "  podFailurePolicy: {rules: "
#define EXITS RULES "[{action: FailJob, onExitCodes: "
#define CONDITIONS RULES "[{action: Ignore, onPodConditions: "
#define SUCCESS INDEXED "  successPolicy: {rules: "
#define INDEXES SUCCESS "[{succeededIndexes: "

static const struct manifest_row policies[] = {
    {"completionMode NonIndexed", JOB "  completionMode: NonIndexed\n", NULL},
    {"completionMode Indexed", INDEXED, NULL},
    {"podReplacementPolicy Failed", JOB "  podReplacementPolicy: Failed\n", NULL},
    {"podReplacementPolicy TerminatingOrFailed",
     JOB "  podReplacementPolicy: TerminatingOrFailed\n", NULL},
    {"a podReplacementPolicy that there is not", JOB "  podReplacementPolicy: Never\n",
     "TerminatingOrFailed or Failed, not \"Never\""},
    {"limits per index", INDEXED "  backoffLimitPerIndex: 1\n  maxFailedIndexes: 2\n", NULL},
    {"maxFailedIndexes alone", INDEXED "  maxFailedIndexes: 2\n",
     "maxFailedIndexes needs spec.backoffLimitPerIndex"},

    {"exit codes of an init container",
     JOB_HEAD "  template: {spec: {restartPolicy: Never, initContainers: [{name: i, command: "
              "[run]}], containers: [{name: c, command: [run]}]}}\n" EXITS
              "{containerName: i, operator: In, values: [1]}}]}\n",
     NULL},
    {"exit codes of the one container",
     JOB EXITS "{containerName: c, operator: In, values: [1]}}]}\n", NULL},
    {"exit code 0 with NotIn", JOB EXITS "{operator: NotIn, values: [0]}}]}\n", NULL},
    {"an operator that there is not", JOB EXITS "{operator: Is, values: [1]}}]}\n",
     "rules[0].onExitCodes.operator is In or NotIn, not \"Is\""},
    {"no exit code at all", JOB EXITS "{operator: In, values: []}}]}\n",
     "must name at least one exit code"},
    {"a condition that is met", JOB CONDITIONS "[{type: DisruptionTarget}]}]}\n", NULL},
    {"one that is True", JOB CONDITIONS "[{type: DisruptionTarget, status: 'True'}]}]}\n", NULL},
    {"one that is False", JOB CONDITIONS "[{type: DisruptionTarget, status: 'False'}]}]}\n", NULL},
    {"one that is Unknown", JOB CONDITIONS "[{type: DisruptionTarget, status: Unknown}]}]}\n",
     NULL},
    {"one that is of no such status", JOB CONDITIONS "[{type: DisruptionTarget, status: Odd}]}]}\n",
     "Invalid: spec.podFailurePolicy.rules[0].onPodConditions[0].status is True, False or Unknown, "
     "not \"Odd\""},
    {"a condition that is not known", JOB CONDITIONS "[{type: ConfigIssue}]}]}\n",
     "UnsupportedField: spec.podFailurePolicy.rules[0].onPodConditions[0].type \"ConfigIssue\""},
    {"an action that there is not",
     JOB RULES "[{action: Retry, onExitCodes: {operator: In, values: [1]}}]}\n",
     "rules[0].action is FailJob, FailIndex, Ignore or Count, not \"Retry\""},
    {"FailIndex without a limit per index",
     INDEXED RULES "[{action: FailIndex, onExitCodes: {operator: In, values: [1]}}]}\n",
     "FailIndex needs spec.backoffLimitPerIndex"},
    {"FailIndex with one",
     INDEXED "  backoffLimitPerIndex: 1\n" RULES
             "[{action: FailIndex, onExitCodes: {operator: In, values: [1]}}]}\n",
     NULL},
    {"Count", JOB RULES "[{action: Count, onExitCodes: {operator: In, values: [1]}}]}\n", NULL},
    {"a rule of nothing", JOB RULES "[{action: Count}]}\n",
     "rules[0] has either onExitCodes or onPodConditions"},
    {"a rule of both",
     JOB EXITS "{operator: In, values: [1]}, onPodConditions: [{type: DisruptionTarget}]}]}\n",
     "has either onExitCodes or onPodConditions"},
    {"a second rule is checked as well",
     JOB EXITS "{operator: In, values: [1]}}, {action: Retry}]}\n", "rules[1].action"},
    {"a failure policy where pods are restarted",
     JOB_HEAD "  template: {spec: {restartPolicy: OnFailure, containers: [{name: c, command: "
              "[run]}]}}\n" EXITS "{operator: In, values: [1]}}]}\n",
     "needs restartPolicy Never"},
    {"a failure policy that replaces pods on their way out",
     JOB "  podReplacementPolicy: TerminatingOrFailed\n" EXITS "{operator: In, values: [1]}}]}\n",
     "podReplacementPolicy is Failed where there is a podFailurePolicy"},
    {"a failure policy that replaces failed ones",
     JOB "  podReplacementPolicy: Failed\n" EXITS "{operator: In, values: [1]}}]}\n", NULL},

    {"a success policy without indexes", JOB "  successPolicy: {rules: [{succeededCount: 1}]}\n",
     "successPolicy needs completionMode Indexed"},
    {"a success policy of no rule", SUCCESS "[]}\n", "must have at least one rule"},
    {"a success rule that says nothing", SUCCESS "[{}]}\n",
     "rules[0] has succeededIndexes, succeededCount or both"},
    {"a count of successes", SUCCESS "[{succeededCount: 1}]}\n", NULL},
    {"a count of none", SUCCESS "[{succeededCount: 0}]}\n",
     "rules[0].succeededCount must be greater than 0"},
    {"both", INDEXES "'0', succeededCount: 1}]}\n", NULL},
    {"the first index", INDEXES "'0'}]}\n", NULL},
    {"the last index", INDEXES "'4'}]}\n", NULL},
    {"an index beyond it", INDEXES "'5'}]}\n",
     "succeededIndexes is a list such as \"0,2-4\" of rising indexes below 5, not \"5\""},
    {"a list and a range", INDEXES "'0,2-4'}]}\n", NULL},
    {"an index of two digits and a nine",
     JOB "  completionMode: Indexed\n  completions: 100\n  successPolicy: {rules: "
         "[{succeededIndexes: '9,10,19-90,99'}]}\n",
     NULL},
    {"a range to beyond it", INDEXES "'2-5'}]}\n", "not \"2-5\""},
    {"a range of one", INDEXES "'2-2'}]}\n", "not \"2-2\""},
    {"a range that falls", INDEXES "'3-2'}]}\n", "not \"3-2\""},
    {"a range from nothing", INDEXES "'-2'}]}\n", "not \"-2\""},
    {"a range to nothing", INDEXES "'2-'}]}\n", "not \"2-\""},
    {"a range from nothing to less", INDEXES "'0--1'}]}\n", "not \"0--1\""},
    {"a range to a word", INDEXES "'2-x'}]}\n", "not \"2-x\""},
    {"a range that is followed by one of its own", INDEXES "'1-3,3'}]}\n", "not \"1-3,3\""},
    {"the same twice", INDEXES "'1,1'}]}\n", "not \"1,1\""},
    {"a list that falls", INDEXES "'2,1'}]}\n", "not \"2,1\""},
    {"a list that ends with a comma", INDEXES "'2,'}]}\n", "not \"2,\""},
    {"a list with another stop", INDEXES "'1;2'}]}\n", "not \"1;2\""},
    {"a list with spaces", INDEXES "'0, 1'}]}\n", "not \"0, 1\""},
    {"a range with spaces", INDEXES "'0- 1'}]}\n", "not \"0- 1\""},
    {"a word", INDEXES "'x'}]}\n", "not \"x\""},
};

/* ---- Services ---------------------------------------------------------------------- */

static void check_services(void)
{
    static const struct {
        const char *spec;
        bool accepted;
    } services[] = {
        {"{ports: [{port: 80, nodePort: 30000}], type: NodePort}", true},
        {"{ports: [{port: 80, nodePort: 30002}], type: NodePort}", true},
        {"{ports: [{port: 80, nodePort: 29999}], type: NodePort}", false},
        {"{ports: [{port: 80, nodePort: 30003}], type: NodePort}", false},
        {"{ports: [{port: 80, nodePort: null, protocol: TCP}], type: ClusterIP}", true},
        {"{externalName: x}", false},
        {"{ports: [{port: 80, protocol: UDP}]}", false},
        {"{ports: [{name: web}]}", false},
        {"{type: LoadBalancer}", false},
        {"{sessionAffinity: ClientIP}", false},
        {"{sessionAffinity: None, clusterIP: None}", true},
    };

    for (size_t i = 0; i < count_of(services); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct manifest_why why = {0};
        int refused = manifest_check_service(&bounds, read_yaml(arena, services[i].spec), &why);

        CHECK((refused == 0) == services[i].accepted, "a Service %s is %s (%s)", services[i].spec,
              services[i].accepted ? "accepted" : "refused", why.message);
    }
}

/* ---- Kinds and conditions ------------------------------------------------------------- */

static const char *describe_kind(const struct manifest_kind *kind)
{
    if (!kind)
        return "not known";
    if (kind->refused)
        return "refused";
    if (manifest_is_workload(kind))
        return "a workload";
    return kind->cluster_wide ? "a record of all namespaces" : "a record";
}

static void check_kinds(void)
{
    static const struct {
        const char *version, *kind, *is;
    } cases[] = {
        {"v1", "Namespace", "a record of all namespaces"},
        {"v1", "Pod", "a workload"},
        {"apps/v1", "Deployment", "a workload"},
        {"apps/v1", "StatefulSet", "a workload"},
        {"batch/v1", "Job", "a workload"},
        {"v1", "ConfigMap", "a record"},
        {"v1", "PersistentVolumeClaim", "a record"},
        {"v1", "Service", "a record"},
        {"batch/v1", "CronJob", "refused"},
        {"v1", "Deployment", "not known"},
        {"apps/v1", "Pod", "not known"},
        {"appsv1", "Deployment", "not known"},
    };
    char group[4];

    for (size_t i = 0; i < count_of(cases); i++) {
        const struct manifest_kind *kind = manifest_kind_find(cases[i].version, cases[i].kind);

        CHECK(!strcmp(describe_kind(kind), cases[i].is), "%s of %s is %s", cases[i].kind,
              cases[i].version, describe_kind(kind));
    }
    CHECK(!manifest_is_workload(NULL), "no kind is no workload");
    CHECK_TEXT(manifest_group("apps/v1", group, sizeof group), "app", "a group is cut to its room");
}

static void check_words(void)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *map = node_map(arena), *list = node_list(arena);
    const struct node *first, *second;
    struct manifest_why why = {0};

    manifest_write_why(arena, map, &why);
    CHECK(!node_get(map, "reason") && !node_get(map, "message"), "no reason is written as none");
    CHECK_INT(manifest_why_set(&why, "A\x1b", "c\x1b%d", 1), -1, "a refusal is -1");
    manifest_write_why(arena, map, &why);
    CHECK(!strpbrk(node_get_text(map, "reason"), "\x1b") &&
              text_starts(node_get_text(map, "reason"), "A") &&
              !strpbrk(node_get_text(map, "message"), "\x1b") &&
              text_starts(node_get_text(map, "message"), "c"),
          "what a program wrote cannot control a terminal");
    manifest_add_condition(arena, list, "Ready", true, "", "");
    manifest_add_condition(arena, list, "Available", false, "Gone", "it is gone");
    first = node_item(list, 0);
    second = node_item(list, 1);
    CHECK(!strcmp(node_get_text(first, "type"), "Ready") &&
              !strcmp(node_get_text(first, "status"), "True") && !node_get(first, "reason") &&
              !node_get(first, "message"),
          "a condition that holds is True, and has no empty words");
    CHECK(!strcmp(node_get_text(second, "status"), "False") &&
              !strcmp(node_get_text(second, "reason"), "Gone") &&
              !strcmp(node_get_text(second, "message"), "it is gone"),
          "one that does not is False, with its reason and message");
}

/* ---- Types and ranges ------------------------------------------------------------------- */

static void check_shapes(void)
{
    static const struct {
        const char *version, *kind, *object, *says; /* NULL: accepted */
    } cases[] = {
        {"v1", "ConfigMap", "{data: {a: b}}", NULL},
        {"v1", "ConfigMap", "{data: {a: 1}}", "data.a must be a string, not an integer"},
        {"v1", "Secret", "{stringData: [a]}", "stringData must be an object, not a list"},
        {"v1", "Service", "{spec: {ports: [{name: web, port: '80'}]}}",
         "spec.ports[web].port must be an integer, not a string"},
        {"v1", "Service", "{spec: {ports: [{port: 70000}]}}", "spec.ports[0].port is 70000, but"},
        {"v1", "Service", "{spec: {ports: [{port: 1, targetPort: {}}]}}",
         "spec.ports[0].targetPort must be an integer or a string, not an object"},
        {"v1", "Service", "{spec: {publishNotReadyAddresses: 1}}",
         "spec.publishNotReadyAddresses must be true or false, not an integer"},
        {"v1", "Pod", "{spec: {containers: {}}}", "spec.containers must be a list, not an object"},
        {"v1", "Pod", "{spec: {containers: [x]}}", "spec.containers[0] must be an object"},
        {"v1", "Pod", "{spec: {containers: [{command: [a, 2]}]}}",
         "spec.containers[0].command[1] must be a string, not an integer"},
        {"v1", "Pod", "{spec: {containers: [{name: a, resources: {limits: {memory: true}}}]}}",
         "spec.containers[a].resources.limits.memory must be a quantity, not true or false"},
        {"v1", "Pod", "{spec: {containers: [{resources: {limits: {memory: 4294967296}}}]}}", NULL},
        {"v1", "Pod", "{spec: {containers: [{resources: {limits: {cpu: 1.5}}}]}}", NULL},
        {"v1", "Pod", "{spec: {terminationGracePeriodSeconds: -1}}",
         "spec.terminationGracePeriodSeconds is -1, but must be"},
        {"v1", "Pod", "{spec: {terminationGracePeriodSeconds: 1.5}}",
         "spec.terminationGracePeriodSeconds must be an integer, not a number"},
        {"v1", "Pod", "{spec: {containers: null}}", NULL},
        {"apps/v1", "Deployment", "{spec: {replicas: x}}", "spec.replicas must be an integer"},
        {"apps/v1", "StatefulSet", "{spec: {replicas: x}}", "spec.replicas must be an integer"},
        {"batch/v1", "Job", "{spec: {completions: x}}", "spec.completions must be an integer"},
        {"v1", "Namespace", "{metadata: {labels: {a: 1}}}", "metadata.labels.a must be a string"},
        {"v1", "Namespace", "{spec: 3}", NULL},
        {"v1", "PersistentVolumeClaim", "{metadata: []}", "metadata must be an object, not a list"},
    };

    for (size_t i = 0; i < count_of(cases); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct manifest_why why = {0};
        int refused = manifest_check_shape(manifest_kind_find(cases[i].version, cases[i].kind),
                                           read_yaml(arena, cases[i].object), &why);

        if (cases[i].says)
            CHECK(refused == -1 && text_starts(why.message, cases[i].says),
                  "%s %s is refused: %s (%s)", cases[i].kind, cases[i].object, cases[i].says,
                  why.message);
        else
            CHECK(refused == 0, "%s %s is accepted (%s)", cases[i].kind, cases[i].object,
                  why.message);
    }
}

/* ---- Templates ---------------------------------------------------------------------------- */

static const char *label_of(const struct node *template, const char *name)
{
    return node_get_text(node_at(template, "metadata", "labels", NULL), name);
}

static void check_templates(void)
{
    scoped_arena struct arena *arena = arena_new();
    const struct manifest_kind *pod = manifest_kind_find("v1", "Pod");
    const struct manifest_kind *set = manifest_kind_find("apps/v1", "StatefulSet");
    const struct manifest_kind *job = manifest_kind_find("batch/v1", "Job");
    const struct manifest_kind *deployment = manifest_kind_find("apps/v1", "Deployment");
    const struct node *object = read_yaml(
        arena, "{metadata: {name: p, labels: {a: b}, annotations: {c: d}}, spec: {hostname: h}}");
    const struct node *template = manifest_template(pod, object, arena), *got;

    CHECK_TEXT(label_of(template, "a"), "b", "a Pod's template has its labels");
    CHECK_TEXT(node_get_text(node_at(template, "metadata", "annotations", NULL), "c"), "d",
               "its annotations");
    CHECK_TEXT(node_get_text(node_get(template, "spec"), "hostname"), "h", "and its spec");
    CHECK(!*meta_name(template), "but not its name");
    CHECK(
        manifest_label_template(pod, "p", template, arena, "p", -1) &&
            node_count(node_at(manifest_label_template(deployment, "p", template, arena, "p-x", 1),
                               "metadata", "labels", NULL)) == 1,
        "pods of a Deployment get no label more");
    got = manifest_label_template(set, "s", template, arena, "s-1", 1);
    CHECK(!strcmp(label_of(got, META_LABEL_POD_NAME), "s-1") &&
              !strcmp(label_of(got, META_LABEL_POD_INDEX), "1") && !strcmp(label_of(got, "a"), "b"),
          "those of a StatefulSet get their name and index");
    got = manifest_label_template(job, "j", template, arena, "j-0-x", 0);
    CHECK(!strcmp(label_of(got, "job-name"), "j") &&
              !strcmp(label_of(got, META_LABEL_JOB_NAME), "j") &&
              !strcmp(label_of(got, META_LABEL_JOB_INDEX), "0"),
          "those of a Job its name and their index");
    got = manifest_label_template(job, "j", template, arena, "j-x", -1);
    CHECK(!*label_of(got, META_LABEL_JOB_INDEX), "if they have one");
    CHECK_INT((int64_t)node_count(node_at(template, "metadata", "labels", NULL)), 1,
              "the template itself stays as it was");
    got = manifest_label_template(set, "s", node_map(arena), arena, "s-0", 0);
    CHECK_TEXT(label_of(got, META_LABEL_POD_INDEX), "0",
               "a template without labels gets them, too");
}

/* ---- What is wanted ---------------------------------------------------------------------- */

static void check_wants(void)
{
    scoped_arena struct arena *arena = arena_new();
    const struct manifest_kind *deployment = manifest_kind_find("apps/v1", "Deployment");
    const struct manifest_kind *stateful = manifest_kind_find("apps/v1", "StatefulSet");
    struct plan_workload want;

    want = manifest_want_replicas(deployment, read_yaml(arena, "{replicas: 10}"));
    CHECK(want.replicas == 10 && want.surge == 3 && want.unavailable == 2,
          "a Deployment has maxSurge 25 %% up and maxUnavailable 25 %% down (%d, %d)", want.surge,
          want.unavailable);
    want =
        manifest_want_replicas(deployment, read_yaml(arena, "{strategy: {rollingUpdate: "
                                                            "{maxSurge: 0, maxUnavailable: 2}}}"));
    CHECK(want.replicas == 1 && want.surge == 0 && want.unavailable == 2,
          "a Deployment has one replica if it says nothing, and counts as they are written");
    want = manifest_want_replicas(stateful, read_yaml(arena, "{replicas: 3}"));
    CHECK(want.unavailable == 1 && !want.partition && !want.parallel && !want.on_delete,
          "a StatefulSet goes one after the other");
    want = manifest_want_replicas(
        stateful, read_yaml(arena, "{replicas: 10, podManagementPolicy: Parallel, updateStrategy: "
                                   "{type: OnDelete, rollingUpdate: {partition: 2, "
                                   "maxUnavailable: 25%}}}"));
    CHECK(want.parallel && want.on_delete && want.partition == 2 && want.unavailable == 3,
          "but for what it says; of its maxUnavailable a part of a pod is one");
    want = manifest_want_replicas(stateful, read_yaml(arena, "{updateStrategy: {rollingUpdate: "
                                                             "{maxUnavailable: many}}}"));
    CHECK_INT(want.unavailable, 1, "one, where that is no number");
    want = manifest_want_replicas(deployment,
                                  read_yaml(arena, "{strategy: {rollingUpdate: "
                                                   "{maxUnavailable: many, maxSurge: many}}}"));
    CHECK(want.unavailable == 0 && want.surge == 1 && !want.recreate,
          "a Deployment has one more pod and none less then");
    want = manifest_want_replicas(
        deployment, read_yaml(arena, "{replicas: 2000, strategy: {type: Recreate, rollingUpdate: "
                                     "{maxUnavailable: 10001, maxSurge: 10000}}}"));
    CHECK(want.unavailable == 10000 && want.surge == 10000 && want.recreate &&
              want.replicas == MANIFEST_MOST_PODS,
          "what is too much is cut");
    want = manifest_want_job(read_yaml(arena, "{parallelism: 4}"), arena);
    CHECK(want.replicas == -1 && want.parallelism == 4 && want.backoff_limit == 6,
          "a Job with parallelism alone is a work queue");
    want = manifest_want_job(read_yaml(arena, "{completions: 5}"), arena);
    CHECK(want.replicas == 5 && want.parallelism == 1 && want.index_limit == -1,
          "a Job with completions has a number to reach");
    CHECK(want.failed_indexes == -1 && !want.suspend && !want.replace_ended && !want.indexed,
          "and no limits of its indexes");
    want = manifest_want_job(read_yaml(arena, "{}"), arena);
    CHECK(want.replicas == 1 && want.parallelism == 1, "a Job that says nothing has one pod");
    want = manifest_want_job(
        read_yaml(arena, "{completionMode: Indexed, parallelism: 4, backoffLimitPerIndex: 0, "
                         "maxFailedIndexes: 0, suspend: true, podReplacementPolicy: Failed}"),
        arena);
    CHECK(want.replicas == 1 && want.indexed && want.index_limit == 0 && want.failed_indexes == 0,
          "an indexed one has limits of its indexes");
    CHECK(want.backoff_limit == INT32_MAX && want.suspend && want.replace_ended,
          "and no limit of all of them, unless it says so");
    want = manifest_want_job(
        read_yaml(arena, "{podFailurePolicy: {rules: []}, backoffLimit: 0, completions: null}"),
        arena);
    CHECK(want.replace_ended && want.backoff_limit == 0 && want.replicas == 1,
          "with a podFailurePolicy pods are replaced once they have failed");
    CHECK(manifest_is_indexed(manifest_kind_find("batch/v1", "Job"),
                              read_yaml(arena, "{completionMode: Indexed}")) &&
              !manifest_is_indexed(manifest_kind_find("batch/v1", "Job"), NULL) &&
              !manifest_is_indexed(deployment, read_yaml(arena, "{completionMode: Indexed}")),
          "pods of an indexed Job have one");
    CHECK(manifest_is_indexed(stateful, NULL) && !manifest_is_indexed(deployment, NULL),
          "pods of a StatefulSet have an index, those of a Deployment have none");
}

/* ---- A Job's policies, judged -------------------------------------------------------------- */

static void check_verdicts(void)
{
    static const char policy[] =
        "rules:\n"
        "- {action: Ignore, onPodConditions: [{type: DisruptionTarget}]}\n"
        "- {action: FailJob, onExitCodes: {containerName: main, operator: In, values: [42]}}\n"
        "- {action: Count, onExitCodes: {operator: NotIn, values: [1, 2]}}\n"
        "- {action: FailJob, onExitCodes: {operator: In, values: [2]}}\n";
    static const struct {
        struct manifest_exit exit;
        bool disrupted;
        enum plan_verdict verdict;
    } cases[] = {
        {{"main", 42}, false, PLAN_FAIL_JOB}, {{"side", 42}, false, PLAN_COUNT},
        {{"side", 2}, false, PLAN_FAIL_JOB},  {{"side", 1}, false, PLAN_COUNT},
        {{"main", 42}, true, PLAN_IGNORE},    {{"side", 0}, false, PLAN_COUNT},
    };
    scoped_arena struct arena *arena = arena_new();
    const struct node *rules = read_yaml(arena, policy);

    for (size_t i = 0; i < count_of(cases); i++) {
        struct manifest_failure failure = {&cases[i].exit, 1, cases[i].disrupted};
        struct manifest_why why = {0};

        CHECK(manifest_job_verdict(rules, &failure, &why) == cases[i].verdict,
              "exit code %d of %s%s: the first rule that matches decides (%s)", cases[i].exit.code,
              cases[i].exit.container, cases[i].disrupted ? ", evicted" : "", why.message);
    }
}

static void check_verdict_words(void)
{
    static const char policy[] =
        "rules:\n"
        "- {action: FailJob, onPodConditions: [{type: DisruptionTarget, status: 'False'}]}\n"
        "- {action: FailIndex, onExitCodes: {operator: NotIn, values: [1]}, onPodConditions: "
        "null}\n"
        "- {action: Ignore, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}\n";
    static const struct manifest_exit exits[] = {{"a", 1}, {"b", 0}, {"c", 3}};
    struct manifest_failure failure = {exits, 3, true};
    scoped_arena struct arena *arena = arena_new();
    const struct node *rules = read_yaml(arena, policy);
    struct manifest_why why = {0};

    CHECK(manifest_job_verdict(rules, &failure, &why) == PLAN_FAIL_INDEX,
          "the first container that failed and is meant decides");
    CHECK_TEXT(why.message,
               "container c ended with exit code 3, which matches rule 1 of podFailurePolicy: "
               "FailIndex",
               "and is named");
    failure.count = 2;
    CHECK(manifest_job_verdict(rules, &failure, &why) == PLAN_IGNORE,
          "exit code 0 is no failure, and a condition that is True is none that is False");
    CHECK_TEXT(why.message, "condition DisruptionTarget matches rule 2 of podFailurePolicy: Ignore",
               "the rule is named by its number");
    CHECK_TEXT(why.reason, "PodFailurePolicy", "with a reason");
    failure.disrupted = false;
    CHECK(manifest_job_verdict(rules, &failure, &why) == PLAN_COUNT,
          "what no rule means is counted");
}

static void check_success(void)
{
    scoped_arena struct arena *arena = arena_new();
    size_t count = 0;
    const struct plan_success *success = manifest_job_success(
        read_yaml(arena, "{successPolicy: {rules: [{succeededIndexes: '0,2-3', succeededCount: 2}, "
                         "{succeededCount: 1}]}}"),
        arena, &count);

    CHECK(count == 2, "each rule of a successPolicy is read");
    CHECK(count == 2 && success[0].indexes && success[0].indexes[0] && !success[0].indexes[1] &&
              success[0].indexes[2] && success[0].indexes[3] && !success[0].indexes[4] &&
              success[0].count == 2,
          "\"0,2-3\" marks the indexes 0, 2 and 3");
    CHECK(count == 2 && !success[1].indexes && success[1].count == 1,
          "a rule without indexes counts all of them");
    success = manifest_job_success(
        read_yaml(arena, "{successPolicy: {rules: [{succeededIndexes: '1000-1023'}]}}"), arena,
        &count);
    CHECK(count == 1 && success[0].indexes[1023] && !success[0].indexes[999] &&
              success[0].count == -1,
          "indexes up to the highest there is, and all of them");
    for (int i = 0, others = 0; i < 1000; i++) {
        others += success[0].indexes[i];
        if (i == 999)
            CHECK_INT(others, 0, "no others are marked");
    }
}

int main(void)
{
    check_rows(&bounds, workloads, count_of(workloads));
    check_rows(&bounds, policies, count_of(policies));
    check_templates();
    check_kinds();
    check_shapes();
    check_services();
    check_wants();
    check_verdicts();
    check_verdict_words();
    check_words();
    check_success();
    return check_done();
}
