/* SPDX-License-Identifier: Apache-2.0 */
/* Reads podFailurePolicy and successPolicy: which end of a pod means what for its Job. */

#include "manifest/checks.h"

#include "document/document.h"
#include "number/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word;
    enum plan_verdict verdict;
} actions[] = {
    {"FailJob", PLAN_FAIL_JOB},
    {"FailIndex", PLAN_FAIL_INDEX},
    {"Ignore", PLAN_IGNORE},
    {"Count", PLAN_COUNT},
};

bool manifest_has(const struct node *map, const char *key)
{
    const struct node *node = node_get(map, key);

    return node && node->type != NODE_NULL;
}

/* A rule may name a container, which must be one of the template. */
static bool has_container(const struct node *spec, const char *name)
{
    static const char *const lists[] = {"containers", "initContainers"};
    const struct node *pod = node_at(spec, "template", "spec", NULL);

    for (size_t l = 0; l < count_of(lists); l++)
        for (size_t i = 0; i < node_count(node_get(pod, lists[l])); i++)
            if (!strcmp(node_get_text(node_item(node_get(pod, lists[l]), i), "name"), name))
                return true;
    return false;
}

/* ---- Checking podFailurePolicy ----------------------------------------------------- */

static int check_exit_codes(const struct node *spec, const struct node *codes, const char *path,
                            struct manifest_why *why)
{
    const char *operator= node_get_text(codes, "operator");
    const char *container = node_get_text(codes, "containerName");
    const struct node *values = node_get(codes, "values");

    if (strcmp(operator, "In") != 0 && strcmp(operator, "NotIn") != 0)
        return manifest_why_set(why, "Invalid", "%s.operator is In or NotIn, not \"%.40s\"",
                                path, operator);
    if (!node_count(values))
        return manifest_why_set(why, "Invalid", "%s.values must name at least one exit code", path);
    for (size_t i = 0; i < node_count(values); i++)
        if (!number_value(node_item(values, i), NUMBER_COUNT, 0) && !strcmp(operator, "In"))
            return manifest_why_set(
                why, "Invalid", "%s.values[%zu]: with In exit codes are greater than 0", path, i);
    if (*container && !has_container(spec, container))
        return manifest_why_set(why, "Invalid",
                                "%s.containerName \"%.80s\" is none of the template's "
                                "containers",
                                path, container);
    return 0;
}

static int check_pod_conditions(const struct node *conditions, const char *path,
                                struct manifest_why *why)
{
    for (size_t i = 0; i < node_count(conditions); i++) {
        const char *type = node_get_text(node_item(conditions, i), "type");
        const char *status = node_get_text(node_item(conditions, i), "status");

        if (strcmp(type, "DisruptionTarget") != 0)
            return manifest_why_set(why, "UnsupportedField",
                                    "%s[%zu].type \"%.60s\": of a pod that failed, "
                                    "this spoke knows the condition DisruptionTarget only",
                                    path, i, type);
        if (*status && strcmp(status, "True") != 0 && strcmp(status, "False") != 0 &&
            strcmp(status, "Unknown") != 0)
            return manifest_why_set(why, "Invalid",
                                    "%s[%zu].status is True, False or Unknown, not \"%.40s\"", path,
                                    i, status);
    }
    return 0;
}

/* A rule that could never match is refused, so that it is not relied on. */
static int check_failure_rule(const struct node *spec, const struct node *rule, size_t at,
                              struct manifest_why *why)
{
    const struct node *codes = node_get(rule, "onExitCodes");
    const struct node *conditions = node_get(rule, "onPodConditions");
    const char *action = node_get_text(rule, "action");
    bool known = false;
    char path[120];

    snprintf(path, sizeof path, "spec.podFailurePolicy.rules[%zu]", at);
    for (size_t i = 0; i < count_of(actions); i++)
        known |= !strcmp(actions[i].word, action);
    if (!known)
        return manifest_why_set(why, "Invalid",
                                "%s.action is FailJob, FailIndex, Ignore or Count, not "
                                "\"%.40s\"",
                                path, action);
    if (!strcmp(action, "FailIndex") && !manifest_has(spec, "backoffLimitPerIndex"))
        return manifest_why_set(why, "Invalid",
                                "%s.action FailIndex needs spec.backoffLimitPerIndex", path);
    if (manifest_has(rule, "onExitCodes") == (node_count(conditions) > 0))
        return manifest_why_set(why, "Invalid", "%s has either onExitCodes or onPodConditions",
                                path);
    snprintf(path, sizeof path, "spec.podFailurePolicy.rules[%zu].%s", at,
             node_count(conditions) ? "onPodConditions" : "onExitCodes");
    return !node_count(conditions) ? check_exit_codes(spec, codes, path, why)
                                   : check_pod_conditions(conditions, path, why);
}

/* ---- Checking successPolicy -------------------------------------------------------- */

/* Reads "0,2-4" and marks these indexes in `into`, which may be NULL. False: the text is no such
   list, or not in rising order. */
static bool read_index_list(const char *text, int completions, bool *into)
{
    long last = -1;
    char *end;

    for (const char *at = text;; at = end + 1) {
        long from = *at >= '0' && *at <= '9' ? strtol(at, &end, 10) : -1, to = from;

        if (from <= last || from >= completions)
            return false;
        if (*end == '-') {
            to = end[1] >= '0' && end[1] <= '9' ? strtol(end + 1, &end, 10) : -1;
            if (to <= from || to >= completions)
                return false;
        }
        for (long i = from; into && i <= to && i < PLAN_INDEXES; i++)
            into[i] = true;
        last = to;
        if (!*end)
            return true;
        if (*end != ',')
            return false;
    }
}

/* A list of indexes is checked against completions, so that a rule can be met. */
static int check_success_policy(const struct node *spec, struct manifest_why *why)
{
    const struct node *rules = node_at(spec, "successPolicy", "rules", NULL);
    int completions = number_as_int(spec, "completions", NUMBER_COUNT, 1);

    if (strcmp(node_get_text(spec, "completionMode"), "Indexed") != 0)
        return manifest_why_set(why, "Invalid", "spec.successPolicy needs completionMode Indexed");
    if (!node_count(rules))
        return manifest_why_set(why, "Invalid",
                                "spec.successPolicy.rules must have at least one rule");
    for (size_t i = 0; i < node_count(rules); i++) {
        const struct node *rule = node_item(rules, i);
        const char *indexes = node_get_text(rule, "succeededIndexes");

        if (!manifest_has(rule, "succeededIndexes") && !manifest_has(rule, "succeededCount"))
            return manifest_why_set(why, "Invalid",
                                    "spec.successPolicy.rules[%zu] has succeededIndexes, "
                                    "succeededCount or both",
                                    i);
        if (*indexes && !read_index_list(indexes, completions, NULL))
            return manifest_why_set(why, "Invalid",
                                    "spec.successPolicy.rules[%zu].succeededIndexes is a list "
                                    "such as \"0,2-4\" of rising indexes below %d, not \"%.60s\"",
                                    i, completions, indexes);
        if (manifest_has(rule, "succeededCount") &&
            number_get(rule, "succeededCount", NUMBER_COUNT, 0) < 1)
            return manifest_why_set(why, "Invalid",
                                    "spec.successPolicy.rules[%zu].succeededCount must be "
                                    "greater than 0",
                                    i);
    }
    return 0;
}

static int check_failure_policy(const struct node *spec, struct manifest_why *why)
{
    const struct node *policy = node_get(spec, "podFailurePolicy");
    const struct node *rules = node_get(policy, "rules");
    const struct node *pod = node_at(spec, "template", "spec", NULL);

    if (strcmp(node_get_text(pod, "restartPolicy"), "Never") != 0)
        return manifest_why_set(why, "Invalid",
                                "spec.podFailurePolicy needs restartPolicy Never in "
                                "spec.template.spec");
    if (!strcmp(node_get_text(spec, "podReplacementPolicy"), "TerminatingOrFailed"))
        return manifest_why_set(why, "Invalid",
                                "spec.podReplacementPolicy is Failed where there is a "
                                "podFailurePolicy");
    for (size_t i = 0; i < node_count(rules); i++)
        if (check_failure_rule(spec, node_item(rules, i), i, why) < 0)
            return -1;
    return 0;
}

int job_policy_check(const struct node *spec, struct manifest_why *why)
{
    const char *mode = node_get_text(spec, "completionMode");
    const char *replacement = node_get_text(spec, "podReplacementPolicy");
    bool indexed = !strcmp(mode, "Indexed");

    if (*mode && !indexed && strcmp(mode, "NonIndexed") != 0)
        return manifest_why_set(why, "Invalid",
                                "spec.completionMode is NonIndexed or Indexed, not "
                                "\"%.40s\"",
                                mode);
    if (*replacement && strcmp(replacement, "Failed") != 0 &&
        strcmp(replacement, "TerminatingOrFailed") != 0)
        return manifest_why_set(why, "Invalid",
                                "spec.podReplacementPolicy is TerminatingOrFailed or "
                                "Failed, not \"%.40s\"",
                                replacement);
    if (manifest_has(spec, "backoffLimitPerIndex") && !indexed)
        return manifest_why_set(why, "Invalid",
                                "spec.backoffLimitPerIndex needs completionMode Indexed");
    if (manifest_has(spec, "maxFailedIndexes") && !manifest_has(spec, "backoffLimitPerIndex"))
        return manifest_why_set(why, "Invalid",
                                "spec.maxFailedIndexes needs spec.backoffLimitPerIndex");
    if (manifest_has(spec, "podFailurePolicy") && check_failure_policy(spec, why) < 0)
        return -1;
    return manifest_has(spec, "successPolicy") ? check_success_policy(spec, why) : 0;
}

/* ---- Judging ------------------------------------------------------------------------- */

static bool has_exit_code(const struct node *values, int code)
{
    for (size_t i = 0; i < node_count(values); i++)
        if (number_value(node_item(values, i), NUMBER_COUNT, -1) == code)
            return true;
    return false;
}

/* The first failed container that the rule means; exit code 0 never matches. */
static const struct manifest_exit *matching_exit(const struct node *codes,
                                                 const struct manifest_failure *failure)
{
    const char *container = node_get_text(codes, "containerName");
    bool in = !strcmp(node_get_text(codes, "operator"), "In");

    for (size_t i = 0; i < failure->count; i++) {
        const struct manifest_exit *exit = &failure->exits[i];

        if (exit->code && (!*container || !strcmp(container, exit->container)) &&
            has_exit_code(node_get(codes, "values"), exit->code) == in)
            return exit;
    }
    return NULL;
}

/* A rule without `status` asks for status True. */
static bool matches_condition(const struct node *conditions, bool disrupted)
{
    for (size_t i = 0; i < node_count(conditions); i++) {
        const char *status = node_get_text(node_item(conditions, i), "status");

        if (disrupted && (!*status || !strcmp(status, "True")))
            return true;
    }
    return false;
}

/* The first rule that matches decides, as in Kubernetes. */
enum plan_verdict manifest_job_verdict(const struct node *policy,
                                       const struct manifest_failure *failure,
                                       struct manifest_why *ret_why)
{
    const struct node *rules = node_get(policy, "rules");

    for (size_t i = 0; i < node_count(rules); i++) {
        const struct node *rule = node_item(rules, i);
        const struct node *codes = node_get(rule, "onExitCodes");
        const struct manifest_exit *exit =
            manifest_has(rule, "onExitCodes") ? matching_exit(codes, failure) : NULL;
        const char *action = node_get_text(rule, "action");

        if (!exit && !matches_condition(node_get(rule, "onPodConditions"), failure->disrupted))
            continue;
        if (exit)
            manifest_why_set(ret_why, "PodFailurePolicy",
                             "container %.80s ended with exit code %d, which "
                             "matches rule %zu of podFailurePolicy: %s",
                             exit->container, exit->code, i, action);
        else
            manifest_why_set(ret_why, "PodFailurePolicy",
                             "condition DisruptionTarget matches rule %zu of "
                             "podFailurePolicy: %s",
                             i, action);
        for (size_t a = 0; a < count_of(actions); a++)
            if (!strcmp(actions[a].word, action))
                return actions[a].verdict;
    }
    return PLAN_COUNT;
}

/* The texts were checked before, so they are read without complaint. */
const struct plan_success *manifest_job_success(const struct node *spec, struct arena *arena,
                                                size_t *ret_count)
{
    const struct node *rules = node_at(spec, "successPolicy", "rules", NULL);
    size_t count = node_count(rules);
    struct plan_success *ret = arena_alloc(arena, (count + 1) * sizeof *ret);

    for (size_t i = 0; i < count; i++) {
        const struct node *rule = node_item(rules, i);
        const char *indexes = node_get_text(rule, "succeededIndexes");
        bool *which = *indexes ? arena_alloc(arena, PLAN_INDEXES * sizeof *which) : NULL;

        if (which) {
            memset(which, 0, PLAN_INDEXES * sizeof *which);
            (void)read_index_list(indexes, PLAN_INDEXES, which);
        }
        ret[i] =
            (struct plan_success){which, number_as_int(rule, "succeededCount", NUMBER_COUNT, -1)};
    }
    *ret_count = count;
    return ret;
}
