/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the spec of Deployments, StatefulSets, Jobs and Pods, and reads from it what is wanted. */

#include "manifest/checks.h"
#include "manifest/known_fields.h"

#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "number/number.h"
#include "query/query.h"

#include <string.h>

/* ---- The template -------------------------------------------------------------------- */

struct node *manifest_template(const struct manifest_kind *kind, const struct node *object,
                               struct arena *arena)
{
    struct node *template, *meta, *from;

    if (kind->role != MANIFEST_POD)
        return node_at(object, "spec", "template", NULL);
    template = node_map(arena);
    meta = node_make(arena, template, "metadata");
    from = node_get(object, "metadata");
    if (node_get(from, "labels"))
        node_set(arena, meta, "labels", node_get(from, "labels"));
    if (node_get(from, "annotations"))
        node_set(arena, meta, "annotations", node_get(from, "annotations"));
    if (node_get(object, "spec"))
        node_set(arena, template, "spec", node_get(object, "spec"));
    return template;
}

/* The labels are those that Kubernetes gives, so that a Service can select one pod. */
struct node *manifest_label_template(const struct manifest_kind *kind, const char *name,
                                     const struct node *template, struct arena *arena,
                                     const char *pod, int index)
{
    struct node *ret = node_share(arena, template), *meta, *labels;
    bool job = kind->role == MANIFEST_JOB;

    if (!job && kind->role != MANIFEST_STATEFUL)
        return ret;
    meta = node_share(arena, node_make(arena, ret, "metadata"));
    labels = node_share(arena, node_make(arena, meta, "labels"));
    node_set(arena, ret, "metadata", meta);
    node_set(arena, meta, "labels", labels);
    if (job) {
        node_set_text(arena, labels, "job-name", name);
        node_set_text(arena, labels, META_LABEL_JOB_NAME, name);
    } else {
        node_set_text(arena, labels, META_LABEL_POD_NAME, pod);
    }
    if (index >= 0)
        node_set(arena, labels, job ? META_LABEL_JOB_INDEX : META_LABEL_POD_INDEX,
                 node_format(arena, "%d", index));
    return ret;
}

bool manifest_is_indexed(const struct manifest_kind *kind, const struct node *spec)
{
    return kind->role == MANIFEST_STATEFUL ||
           (kind->role == MANIFEST_JOB &&
            !strcmp(node_get_text(spec, "completionMode"), "Indexed"));
}

/* ---- Checks ----------------------------------------------------------------------------- */

/* A spoke is one machine: counts that it can never run are refused. */
static int check_counts(const struct node *spec, struct manifest_why *why)
{
    static const char *const counts[] = {"replicas", "completions", "parallelism"};

    for (size_t i = 0; i < count_of(counts); i++) {
        int64_t count = number_get(spec, counts[i], NUMBER_COUNT, 0);

        if (count > MANIFEST_MOST_PODS)
            return manifest_why_set(why, "Invalid",
                                    "spec.%s is %lld: a spoke runs at most %d pods "
                                    "of one workload",
                                    counts[i], (long long)count, MANIFEST_MOST_PODS);
    }
    return 0;
}

static int check_update_type(const struct node *strategy, const char *path, const char *one,
                             const char *other, struct manifest_why *why)
{
    const char *type = node_get_text(strategy, "type");

    if (*type && strcmp(type, one) != 0 && strcmp(type, other) != 0)
        return manifest_why_set(why, "Invalid", "%s.type is %s or %s, not \"%.40s\"", path, one,
                                other, type);
    return 0;
}

/* A Deployment that does not select its own pods would make pods without end. */
static int check_selector(const struct node *spec, const struct node *template,
                          struct manifest_why *why)
{
    const struct node *selector = node_at(spec, "selector", "matchLabels", NULL);
    const struct node *labels = node_at(template, "metadata", "labels", NULL);

    node_each(
        label,
        selector) if (strcmp(node_text(label->value), node_get_text(labels, label->key)) !=
                      0) return manifest_why_set(why, "Invalid",
                                                 "spec.selector.matchLabels[%.80s] is not among "
                                                 "the labels of spec.template",
                                                 label->key);
    return 0;
}

static int check_deployment(const struct node *spec, const struct node *template,
                            struct manifest_why *why)
{
    const struct node *strategy = node_get(spec, "strategy");

    if (fields_check(spec, FIELDS_DEPLOYMENT, "spec", why) < 0 ||
        fields_check(strategy, FIELDS_STRATEGY, "spec.strategy", why) < 0 ||
        check_update_type(strategy, "spec.strategy", "RollingUpdate", "Recreate", why) < 0)
        return -1;
    return check_selector(spec, template, why);
}

static int check_stateful(const struct node *spec, const struct node *template,
                          struct manifest_why *why)
{
    const struct node *retention = node_get(spec, "persistentVolumeClaimRetentionPolicy");

    if (fields_check(spec, FIELDS_STATEFUL, "spec", why) < 0 ||
        check_update_type(node_get(spec, "updateStrategy"), "spec.updateStrategy", "RollingUpdate",
                          "OnDelete", why) < 0)
        return -1;
    node_each(when, retention) if (!strcmp(node_text(when->value), "Delete")) return manifest_why_set(
        why, "UnsupportedField",
        "spec.persistentVolumeClaimRetentionPolicy.%.40s Delete: claims "
        "are only deleted by a person",
        when->key);
    return check_selector(spec, template, why);
}

static int check_workload_spec(const struct manifest_kind *kind, const struct node *spec,
                               const struct node *template, struct manifest_why *why)
{
    if (check_counts(spec, why) < 0)
        return -1;
    if (kind->role == MANIFEST_DEPLOYMENT)
        return check_deployment(spec, template, why);
    if (kind->role == MANIFEST_STATEFUL)
        return check_stateful(spec, template, why);
    if (kind->role == MANIFEST_JOB)
        return fields_check(spec, FIELDS_JOB, "spec", why) < 0 ? -1 : job_policy_check(spec, why);
    return 0;
}

/* Kubernetes defaults to Always, which a Job may not have. */
static int check_restart_policy(const struct manifest_kind *kind, const struct node *template,
                                struct manifest_why *why)
{
    const char *policy = node_get_text(node_get(template, "spec"), "restartPolicy");
    bool job = kind->role == MANIFEST_JOB;

    if (kind->role == MANIFEST_POD)
        return 0;
    if (job && strcmp(policy, "Never") != 0 && strcmp(policy, "OnFailure") != 0)
        return manifest_why_set(why, "Invalid",
                                "spec.template.spec.restartPolicy of a Job is Never "
                                "or OnFailure, not \"%.40s\"",
                                *policy ? policy : "Always");
    if (!job && *policy && strcmp(policy, "Always") != 0)
        return manifest_why_set(why, "Invalid",
                                "spec.template.spec.restartPolicy is Always here, "
                                "not \"%.40s\"",
                                policy);
    return 0;
}

/* A refusal of a pod's spec begins with a path in that spec: it becomes the path in the object. */
static void lengthen_path(const struct manifest_kind *kind, struct manifest_why *why)
{
    struct manifest_why said = *why;
    bool pod = kind->role == MANIFEST_POD;

    if (text_starts(said.message, "spec.") && !pod)
        manifest_why_set(why, said.reason, "spec.template.%s", said.message);
    else if (!text_starts(said.message, "spec."))
        manifest_why_set(why, said.reason, "spec.%s%s", pod ? "" : "template.spec.", said.message);
}

int manifest_check_workload(const struct manifest_bounds *bounds, const struct manifest_kind *kind,
                            const struct node *object, const struct node *template,
                            struct manifest_why *why)
{
    const struct node *spec = node_get(object, "spec");

    if (manifest_check_shape(kind, object, why) < 0)
        return -1;
    if (pod_spec_check(bounds, node_get(template, "spec"), node_get(spec, "volumeClaimTemplates"),
                       why) < 0) {
        lengthen_path(kind, why);
        return -1;
    }
    if (check_restart_policy(kind, template, why) < 0)
        return -1;
    return check_workload_spec(kind, spec, template, why);
}

/* ---- What is wanted ----------------------------------------------------------------------- */

int manifest_count(const struct node *spec, const char *name, int none, int most)
{
    int64_t value = number_get(spec, name, NUMBER_COUNT, none);

    return value > most ? most : (int)value;
}

/* A count or a percentage of `total`, from 0 to 10,000. */
static int scale_count(const struct node *value, const char *usually, int total, bool up, int none)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *usual = node_string(arena, usually);
    int64_t ret = none;

    if (percent_scale(value ? value : usual, total, up, &ret, NULL) < 0)
        ret = none;
    return ret < 0 ? 0 : ret > 10000 ? 10000 : (int)ret;
}

/* Defaults are those of Kubernetes. */
struct plan_workload manifest_want_replicas(const struct manifest_kind *kind,
                                            const struct node *spec)
{
    const struct node *strategy = node_get(spec, "strategy");
    const struct node *update = node_get(spec, "updateStrategy");
    bool stateful = kind->role == MANIFEST_STATEFUL;
    const struct node *rolling = node_get(stateful ? update : strategy, "rollingUpdate");
    struct plan_workload want = {.replicas =
                                     manifest_count(spec, "replicas", 1, MANIFEST_MOST_PODS)};

    want.recreate = !strcmp(node_get_text(strategy, "type"), "Recreate");
    want.surge = scale_count(node_get(rolling, "maxSurge"), "25%", want.replicas, true, 1);
    want.unavailable = scale_count(node_get(rolling, "maxUnavailable"), stateful ? "1" : "25%",
                                   want.replicas, stateful, stateful);
    want.parallel = !strcmp(node_get_text(spec, "podManagementPolicy"), "Parallel");
    want.on_delete = !strcmp(node_get_text(update, "type"), "OnDelete");
    want.partition = manifest_count(rolling, "partition", 0, MANIFEST_MOST_PODS);
    return want;
}

/* Without completions and with parallelism a Job is a work queue: -1, one success ends it. */
struct plan_workload manifest_want_job(const struct node *spec, struct arena *arena)
{
    bool indexed = !strcmp(node_get_text(spec, "completionMode"), "Indexed");
    bool per_index = manifest_has(spec, "backoffLimitPerIndex");
    struct plan_workload want = {.indexed = indexed};

    want.parallelism = manifest_count(spec, "parallelism", 1, MANIFEST_MOST_PODS);
    want.backoff_limit = manifest_count(spec, "backoffLimit", per_index ? INT32_MAX : 6, INT32_MAX);
    want.index_limit = manifest_count(spec, "backoffLimitPerIndex", -1, INT32_MAX);
    want.failed_indexes = manifest_count(spec, "maxFailedIndexes", -1, INT32_MAX);
    want.suspend = node_get_bool(spec, "suspend", false);
    want.replace_ended = !strcmp(node_get_text(spec, "podReplacementPolicy"), "Failed") ||
                         manifest_has(spec, "podFailurePolicy");
    want.replicas = manifest_has(spec, "completions")
                        ? manifest_count(spec, "completions", 1, MANIFEST_MOST_PODS)
                    : manifest_has(spec, "parallelism") && !indexed ? -1
                                                                    : 1;
    want.success = manifest_job_success(spec, arena, &want.success_count);
    return want;
}
