/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluates the conditionRules of a ManifestWork on an applied object. */
#include "work/work.h"

#include "cel/cel.h"

#include <string.h>

/* The well-known conditions are rules of the same form, built in. */
static const struct {
    const char *api_version, *kind, *condition, *expression, *message;
} knowns[] = {
    {"batch/v1", "Job", "Complete",
     "hasConditions(object.status) && object.status.conditions.exists(c, "
     "(c.type == 'Complete' || c.type == 'Failed') && c.status == 'True')",
     "result ? 'Job is finished' : 'Job is not finished'"},
    {"v1", "Pod", "Complete", "object.status.phase in ['Succeeded', 'Failed']",
     "'Pod is in phase ' + object.status.phase"},
};

struct evaluation {
    struct arena *arena;
    const struct node *object;
    uint64_t limit, cost;
    struct err *err; /* the first thing that went wrong */
};

static void keep_first_error(struct evaluation *evaluation, const struct err *why)
{
    if (evaluation->err && evaluation->err->code == ERR_NONE)
        *evaluation->err = *why;
}

static struct node *make_condition(struct evaluation *evaluation, const struct node *rule, bool yes,
                                   const char *reason, const char *message)
{
    struct node *node = node_map(evaluation->arena);

    node_set_text(evaluation->arena, node, "type", node_get_text(rule, "condition"));
    node_set_text(evaluation->arena, node, "status", yes ? "True" : "False");
    node_set_text(evaluation->arena, node, "reason", reason);
    node_set_text(evaluation->arena, node, "message", message);
    return node;
}

/* The expression of a message sees `result`, the outcome of the condition, as well;
   `result` is NULL for an expression of the condition itself. */
static struct node *evaluate_expression(struct evaluation *evaluation, const char *text,
                                        const bool *result, const char **ret_type, struct err *err)
{
    static const char *const names[] = {"object", "result", NULL};
    static const char *const only_object[] = {"object", NULL};
    struct cel_variable variables[] = {
        {"object", evaluation->object},
        {"result", result ? node_bool(evaluation->arena, *result) : NULL},
    };
    struct cel_input input = {.variables = variables,
                              .variable_count = result ? 2 : 1,
                              .limit = evaluation->limit,
                              .cost = &evaluation->cost};
    struct cel_program *program =
        cel_compile(evaluation->arena, text, result ? names : only_object, err);

    return program ? cel_eval(program, evaluation->arena, &input, ret_type, err) : NULL;
}

/* The expressions are combined by AND; -1 if one of them fails or is no bool. */
static int evaluate_all(struct evaluation *evaluation, const char *const *texts, size_t count,
                        bool *ret, struct err *err)
{
    *ret = true;
    for (size_t i = 0; i < count; i++) {
        const char *type = "";
        struct node *value = evaluate_expression(evaluation, texts[i], NULL, &type, err);

        if (!value)
            return -1;
        if (value->type != NODE_BOOL)
            return err_set(err, ERR_INVALID, "expected bool result, got %s", type);
        *ret = *ret && value->boolean;
    }
    return 0;
}

/* The first line of an error of CEL; the others show the place in the expression. */
static char *copy_first_line(struct arena *arena, const char *text)
{
    return arena_bytes(arena, text, strcspn(text, "\n"));
}

/* A message that cannot be evaluated becomes the words of the error. */
static const char *evaluate_message(struct evaluation *evaluation, const char *text, bool result)
{
    struct err err = {0};
    const char *type = "";
    struct node *value = evaluate_expression(evaluation, text, &result, &type, &err);

    if (value && value->type != NODE_STRING) {
        err_set(&err, ERR_INVALID, "expected string result, got %s", type);
        value = NULL;
    }
    if (value)
        return value->string;
    keep_first_error(evaluation, &err);
    return copy_first_line(evaluation->arena, err.text);
}

/* A rule that cannot be evaluated gives a condition that is False and says why, and not
   none. */
static struct node *apply_rule(struct evaluation *evaluation, const struct node *rule,
                               const char *const *texts, size_t count,
                               const char *message_expression)
{
    const char *message = node_get_text(rule, "message");
    struct err err = {0};
    bool yes;

    if (evaluate_all(evaluation, texts, count, &yes, &err) < 0) {
        keep_first_error(evaluation, &err);
        return make_condition(evaluation, rule, false, "ConditionRuleExpressionError",
                              copy_first_line(evaluation->arena, err.text));
    }
    if (*message_expression)
        message = evaluate_message(evaluation, message_expression, yes);
    return make_condition(evaluation, rule, yes, "ConditionRuleEvaluated", message);
}

static struct node *refuse_rule(struct evaluation *evaluation, const struct node *rule,
                                const char *message)
{
    struct err err;

    err_set(&err, ERR_INVALID, "%s", message);
    keep_first_error(evaluation, &err);
    return make_condition(evaluation, rule, false, "ConditionRuleInvalid", message);
}

/* Finds the built-in rule for the kind of the object and the type of the condition. */
static struct node *apply_known_rule(struct evaluation *evaluation, const struct node *rule)
{
    const char *version = node_get_text(evaluation->object, "apiVersion");
    const char *kind = node_get_text(evaluation->object, "kind");
    const char *type = node_get_text(rule, "condition");

    for (size_t i = 0; i < count_of(knowns); i++)
        if (text_same(knowns[i].api_version, version) && text_same(knowns[i].kind, kind) &&
            text_same(knowns[i].condition, type))
            return apply_rule(evaluation, rule, &knowns[i].expression, 1, knowns[i].message);
    return refuse_rule(evaluation, rule,
                       arena_printf(evaluation->arena,
                                    "there is no well-known condition %s for %s %s", type, version,
                                    kind));
}

struct node *work_condition(struct arena *arena, const struct node *object, const struct node *rule,
                            uint64_t cost, struct err *err)
{
    struct evaluation evaluation = {arena, object, cost, 0, err};
    const struct node *list = node_get(rule, "celExpressions");
    const char *type = node_get_text(rule, "type");
    const char **texts;

    if (text_same(type, "WellKnownConditions"))
        return apply_known_rule(&evaluation, rule);
    if (!text_same(type, "CEL") || !node_count(list))
        return refuse_rule(&evaluation, rule,
                           "a condition rule is of type WellKnownConditions, or CEL "
                           "with celExpressions");
    texts = arena_alloc(arena, node_count(list) * sizeof *texts);
    for (size_t i = 0; i < node_count(list); i++)
        texts[i] = node_text(node_item(list, i));
    return apply_rule(&evaluation, rule, texts, node_count(list),
                      node_get_text(rule, "messageExpression"));
}
