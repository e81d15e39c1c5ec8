/* SPDX-License-Identifier: Apache-2.0 */
/* Sprig's defaults, choices and questions about types. */
#include "sprig/groups.h"

static bool run_default(struct call *call)
{
    bool given = call->count > 1 && value_true(call->args[1]);

    return call_give(call, call->args[given ? 1 : 0]);
}

static bool run_empty(struct call *call)
{
    return call_give(call, value_bool(!value_true(call->args[0])));
}

static bool run_coalesce(struct call *call)
{
    for (size_t i = 0; i < call->count; i++) {
        if (value_true(call->args[i]))
            return call_give(call, call->args[i]);
    }
    return call_give(call, value_nil());
}

static bool run_all_true(struct call *call)
{
    bool all = true;

    for (size_t i = 0; i < call->count; i++)
        all = all && value_true(call->args[i]);
    return call_give(call, value_bool(all));
}

static bool run_any(struct call *call)
{
    bool any = false;

    for (size_t i = 0; i < call->count; i++)
        any = any || value_true(call->args[i]);
    return call_give(call, value_bool(any));
}

static bool run_ternary(struct call *call)
{
    return call_give(call, call->args[call->args[2].truth ? 0 : 1]);
}

static bool run_type_of(struct call *call)
{
    return call_give_str(call, str_of(value_type(call->args[0])));
}

static bool run_kind_of(struct call *call)
{
    return call_give_str(call, str_of(value_kind(call->args[0])));
}

static bool run_type_is(struct call *call)
{
    return call_give(
        call, value_bool(str_same(call_arg_str(call, 0), str_of(value_type(call->args[1])))));
}

/* Also when the type asked for is what a pointer points to. */
static bool run_type_is_like(struct call *call)
{
    struct str wanted = call_arg_str(call, 0);
    struct str type = str_of(value_type(call->args[1]));
    struct str behind = {type.at + 1, type.len - 1};

    return call_give(call, value_bool(str_same(wanted, type) ||
                                      (type.at[0] == '*' && str_same(wanted, behind))));
}

static bool run_kind_is(struct call *call)
{
    return call_give(
        call, value_bool(str_same(call_arg_str(call, 0), str_of(value_kind(call->args[1])))));
}

static bool run_deep_equal(struct call *call)
{
    return call_give(call, value_bool(value_same(call->args[0], call->args[1], PRINT_DEPTH)));
}

const struct function functions_types[] = {
    {"default", "aa*", 'a', run_default, COST_NONE},
    {"empty", "a", 'b', run_empty, COST_NONE},
    {"coalesce", "a*", 'a', run_coalesce, COST_NONE},
    {"all", "a*", 'b', run_all_true, COST_NONE},
    {"any", "a*", 'b', run_any, COST_NONE},
    {"ternary", "aab", 'a', run_ternary, COST_NONE},
    {"typeOf", "a", 's', run_type_of, COST_NONE},
    {"typeIs", "sa", 'b', run_type_is, COST_NONE},
    {"typeIsLike", "sa", 'b', run_type_is_like, COST_NONE},
    {"kindOf", "a", 's', run_kind_of, COST_NONE},
    {"kindIs", "sa", 'b', run_kind_is, COST_NONE},
    {"deepEqual", "aa", 'b', run_deep_equal, 2},
    {0},
};
