/* SPDX-License-Identifier: Apache-2.0 */
/* What a spoke accepts of manifests, what they want, and what a Job's policies say: pure tables. */

#include "check.h"

#include "base/text.h"
#include "document/document.h"
#include "manifest/manifest.h"

#include <string.h>

/* ---- A spoke's bounds ------------------------------------------------------------------ */

static int check_id(const void *arg, uint32_t id, bool group, struct err *err)
{
    return id == 2000 ? 0 : err_set(err, ERR_FORBIDDEN, "%u is not one of 2000", id);
}

static int find_capability(const char *name)
{
    return !strcmp(name, "NET_ADMIN") ? 12 : -1;
}

static const char *const roots[] = {"/srv/models", NULL};
static const struct manifest_bounds bounds = {
    .host_paths = roots,
    .host_ports = {1024, 65535},
    .node_ports = {30000, 30002},
    .disk = 1000000,
    .check_id = check_id,
    .capability = find_capability,
};

static struct node *read_yaml(struct arena *arena, const char *yaml)
{
    struct err err = {0};
    struct node *all = document_read_all(arena, yaml, strlen(yaml), &document_limits_api, &err);

    if (!all)
        printf("# %s\n", err.text);
    return node_item(all, 0);
}

/* ---- Workloads ---------------------------------------------------------------------------- */

#define POD_HEAD "apiVersion: v1\nkind: Pod\nmetadata: {name: p, creationTimestamp: null}\nspec:\n"
#define ONE "  containers:\n  - name: c\n    command: [run]\n"
#define POD POD_HEAD ONE
#define DEPLOYMENT "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n"
#define TEMPLATE                                                                                   \
    "  template:\n    metadata: {labels: {app: a}}\n"                                              \
    "    spec: {containers: [{name: c, command: [run]}]}\n"
#define STATEFUL "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\nspec:\n" TEMPLATE
#define JOB                                                                                        \
    "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n  template:\n"                   \
    "    spec: {restartPolicy: Never, containers: [{name: c, command: [run]}]}\n"

/* `says` NULL: the manifest is accepted; else a part of "REASON: MESSAGE". */
static const struct {
    const char *name, *manifest, *says;
} workloads[] = {
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
    {"hostPath inside a root", POD "  volumes: [{name: v, hostPath: {path: /srv/models/a}}]\n",
     NULL},
    {"hostPath beside a root", POD "  volumes: [{name: v, hostPath: {path: /srv/models2}}]\n",
     "NotPermitted: spec.volumes[v].hostPath"},
    {"hostPath out of a root", POD "  volumes: [{name: v, hostPath: {path: /srv/models/../x}}]\n",
     "NotPermitted"},
    {"a volume of two kinds", POD "  volumes: [{name: v, emptyDir: {}, configMap: {name: m}}]\n",
     "is of 2 kinds"},
    {"a user that is allowed", POD "  securityContext: {runAsUser: 2000}\n", NULL},
    {"a user that is not", POD "  securityContext: {runAsUser: 2001}\n",
     "NotPermitted: spec.securityContext.runAsUser: 2001"},
    {"uid 0 and runAsNonRoot",
     POD_HEAD "  containers:\n  - name: c\n    command: [run]\n"
              "    securityContext: {privileged: true}\n",
     "this spoke gives no privileges"},
    {"the lowest port", POD "    ports: [{containerPort: 1024}]\n", NULL},
    {"a port below the range", POD "    ports: [{containerPort: 1023}]\n", "NotPermitted"},
    {"a hostPort of another number", POD "    ports: [{containerPort: 2000, hostPort: 2001}]\n",
     "so they are the same"},
    {"a disk limit at the bound", POD "    resources: {limits: {ephemeral-storage: 1000000}}\n",
     NULL},
    {"a disk limit beyond it", POD "    resources: {limits: {ephemeral-storage: 1000001}}\n",
     "at most 1000000"},
    {"a device", POD "    resources: {limits: {nvidia.com/gpu: 1}}\n",
     "devices are not handed out"},
    {"a probe that asks nothing", POD "    readinessProbe: {periodSeconds: 1}\n", "asks nothing"},
    {"a mount without its volume", POD "    volumeMounts: [{name: v, mountPath: /v}]\n",
     "there is no volume \"v\""},
    {"a mount over /proc",
     POD "    volumeMounts: [{name: v, mountPath: //proc/./x}]\n"
         "  volumes: [{name: v, emptyDir: {}}]\n",
     "is the pod's own"},
};

static void check_workloads(void)
{
    for (size_t i = 0; i < count_of(workloads); i++) {
        scoped_arena struct arena *arena = arena_new();
        struct node *object = read_yaml(arena, workloads[i].manifest);
        const struct manifest_kind *kind =
            manifest_kind_find(node_get_text(object, "apiVersion"), node_get_text(object, "kind"));
        struct manifest_why why = {0};
        scoped_text struct text said = {0};
        int refused;

        if (!kind) {
            CHECK(false, "%s: the kind is known", workloads[i].name);
            continue;
        }
        refused = manifest_check_workload(&bounds, kind, object,
                                          manifest_template(kind, object, arena), &why);
        text_addf(&said, "%s: %s", why.reason, why.message);
        if (workloads[i].says)
            CHECK(refused < 0 && strstr(text_string(&said), workloads[i].says),
                  "%s is refused (%s)", workloads[i].name, text_string(&said));
        else
            CHECK(refused == 0, "%s is accepted (%s)", workloads[i].name, text_string(&said));
    }
}

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

/* ---- What is wanted
 * ------------------------------------------------------------------------------ */

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
    CHECK(want.unavailable == 1 && !want.partition, "a StatefulSet goes one after the other");
    want = manifest_want_job(read_yaml(arena, "{parallelism: 4}"), arena);
    CHECK(want.replicas == -1 && want.parallelism == 4 && want.backoff_limit == 6,
          "a Job with parallelism alone is a work queue");
    want = manifest_want_job(read_yaml(arena, "{completions: 5}"), arena);
    CHECK(want.replicas == 5 && want.parallelism == 1 && want.index_limit == -1,
          "a Job with completions has a number to reach");
    CHECK(manifest_is_indexed(stateful, NULL) && !manifest_is_indexed(deployment, NULL),
          "pods of a StatefulSet have an index, those of a Deployment have none");
}

/* ---- A Job's policies
 * ----------------------------------------------------------------------------- */

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
        {{"main", 42}, true, PLAN_IGNORE},
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
}

int main(void)
{
    struct manifest_why why = {0};

    check_workloads();
    check_services();
    check_wants();
    check_verdicts();
    check_success();
    CHECK(manifest_check_sub_path("v", "a/b", &why) == 0, "a subPath may go down");
    CHECK(manifest_check_sub_path("v", "a/../../b", &why) < 0, "a subPath may not go up");
    CHECK(manifest_check_sub_path("v", "/a", &why) < 0, "a subPath does not begin at the root");
    return check_done();
}
