/* SPDX-License-Identifier: Apache-2.0 */
/* Judges an object by the rules that make up a condition. */
#include "work/work.h"

#include "cel/cel.h"

#include <string.h>

/* Well-known conditions are rules as well, only ours. */
static const struct {
    const char *api_version, *kind, *condition, *expression, *message;
} knowns[] = {
    { "batch/v1", "Job", "Complete",
      "hasConditions(object.status) && object.status.conditions.exists(c, "
      "(c.type == 'Complete' || c.type == 'Failed') && c.status == 'True')",
      "result ? 'Job is finished' : 'Job is not finished'" },
    { "v1", "Pod", "Complete",
      "object.status.phase in ['Succeeded', 'Failed']",
      "'Pod is in phase ' + object.status.phase" },
};

struct judge {
    struct arena *arena;
    const struct node *object;
    uint64_t limit, cost;
    struct err *err; /* the first thing that went wrong */
};

static void complain(struct judge *judge, const struct err *why)
{
    if (judge->err && judge->err->code == ERR_NONE)
        *judge->err = *why;
}

static struct node *condition(struct judge *judge, const struct node *rule,
                              bool yes, const char *reason, const char *message)
{
    struct node *node = node_map(judge->arena);

    node_set_text(judge->arena, node, "type", node_get_text(rule, "condition"));
    node_set_text(judge->arena, node, "status", yes ? "True" : "False");
    node_set_text(judge->arena, node, "reason", reason);
    node_set_text(judge->arena, node, "message", message);
    return node;
}

static struct node *evaluate(struct judge *judge, const char *text,
                             const bool *result, const char **ret_type,
                             struct err *err)
{
    static const char *const names[] = { "object", "result", NULL };
    static const char *const only_object[] = { "object", NULL };
    struct cel_variable variables[] = {
        { "object", judge->object },
        { "result", result ? node_bool(judge->arena, *result) : NULL },
    };
    struct cel_input input = { .variables = variables,
                               .variable_count = result ? 2 : 1,
                               .limit = judge->limit,
                               .cost = &judge->cost };
    struct cel_program *program =
        cel_compile(judge->arena, text, result ? names : only_object, err);

    return program ? cel_eval(program, judge->arena, &input, ret_type, err)
                   : NULL;
}

/* All expressions ANDed; -1 when one is no bool or fails. */
static int judge_all(struct judge *judge, const char *const *texts, size_t count,
                     bool *ret, struct err *err)
{
    *ret = true;
    for (size_t i = 0; i < count; i++) {
        const char *type = "";
        struct node *value = evaluate(judge, texts[i], NULL, &type, err);

        if (!value)
            return -1;
        if (value->type != NODE_BOOL)
            return err_set(err, ERR_INVALID, "expected bool result, got %s",
                           type);
        *ret = *ret && value->boolean;
    }
    return 0;
}

static char *first_line(struct arena *arena, const char *text)
{
    return arena_bytes(arena, text, strcspn(text, "\n"));
}

static const char *message_of(struct judge *judge, const char *text, bool result)
{
    struct err err = { 0 };
    const char *type = "";
    struct node *value = evaluate(judge, text, &result, &type, &err);

    if (value && value->type != NODE_STRING) {
        err_set(&err, ERR_INVALID, "expected string result, got %s", type);
        value = NULL;
    }
    if (value)
        return value->string;
    complain(judge, &err);
    return first_line(judge->arena, err.text);
}

static struct node *judge_rule(struct judge *judge, const struct node *rule,
                               const char *const *texts, size_t count,
                               const char *message_expression)
{
    const char *message = node_get_text(rule, "message");
    struct err err = { 0 };
    bool yes;

    if (judge_all(judge, texts, count, &yes, &err) < 0) {
        complain(judge, &err);
        return condition(judge, rule, false, "ConditionRuleExpressionError",
                         first_line(judge->arena, err.text));
    }
    if (*message_expression)
        message = message_of(judge, message_expression, yes);
    return condition(judge, rule, yes, "ConditionRuleEvaluated", message);
}

static struct node *invalid(struct judge *judge, const struct node *rule,
                            const char *message)
{
    struct err err;

    err_set(&err, ERR_INVALID, "%s", message);
    complain(judge, &err);
    return condition(judge, rule, false, "ConditionRuleInvalid", message);
}

static struct node *judge_known(struct judge *judge, const struct node *rule)
{
    const char *version = node_get_text(judge->object, "apiVersion");
    const char *kind = node_get_text(judge->object, "kind");
    const char *type = node_get_text(rule, "condition");

    for (size_t i = 0; i < count_of(knowns); i++)
        if (text_same(knowns[i].api_version, version) &&
            text_same(knowns[i].kind, kind) &&
            text_same(knowns[i].condition, type))
            return judge_rule(judge, rule, &knowns[i].expression, 1,
                              knowns[i].message);
    return invalid(judge, rule,
                   arena_printf(judge->arena,
                                "there is no well-known condition %s for %s %s",
                                type, version, kind));
}

struct node *work_condition(struct arena *arena, const struct node *object,
                            const struct node *rule, uint64_t cost,
                            struct err *err)
{
    struct judge judge = { arena, object, cost, 0, err };
    const struct node *list = node_get(rule, "celExpressions");
    const char *type = node_get_text(rule, "type");
    const char **texts;

    if (text_same(type, "WellKnownConditions"))
        return judge_known(&judge, rule);
    if (!text_same(type, "CEL") || !node_count(list))
        return invalid(&judge, rule,
                       "a condition rule is of type WellKnownConditions, or CEL "
                       "with celExpressions");
    texts = arena_alloc(arena, node_count(list) * sizeof *texts);
    for (size_t i = 0; i < node_count(list); i++)
        texts[i] = node_text(node_item(list, i));
    return judge_rule(&judge, rule, texts, node_count(list),
                      node_get_text(rule, "messageExpression"));
}
