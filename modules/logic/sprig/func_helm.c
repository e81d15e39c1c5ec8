/* SPDX-License-Identifier: Apache-2.0 */
/* Helm's own functions: include, tpl, required, fail, lookup. */
#include "sprig/groups.h"

static bool run_include(struct call *call)
{
    struct str out;

    return call_include(call, call_arg_str(call, 0), call->args[1], &out) &&
           call_give_str(call, out);
}

static bool run_tpl(struct call *call)
{
    struct str out;

    return call_tpl(call, call_arg_str(call, 0), call->args[1], &out) && call_give_str(call, out);
}

/* Helm finds these words again between its marks, however deep they stand. */
static bool fail_marked(struct call *call, struct str words)
{
    return call_fail(call, "HELM_ERR_START%.*sHELM_ERR_END", (int)words.len, words.at);
}

static bool run_required(struct call *call)
{
    struct value v = call->args[1];

    if (v.kind == KIND_NIL || (v.kind == KIND_STRING && !v.len))
        return fail_marked(call, call_arg_str(call, 0));
    return call_give(call, v);
}

static bool run_fail(struct call *call)
{
    return fail_marked(call, call_arg_str(call, 0));
}

/* There is no cluster to look in, as with `helm template`. */
static bool run_lookup(struct call *call)
{
    return call_give(call, value_dict(dict_new(call->heap, ELEMENT_ANY)));
}

const struct function functions_helm[] = {
    {"include", "sa", 's', run_include, COST_NONE},   {"tpl", "sa", 's', run_tpl, COST_NONE},
    {"required", "sa", 'a', run_required, COST_NONE}, {"fail", "s", 's', run_fail, COST_FLAT},
    {"lookup", "ssss", 'd', run_lookup, COST_NONE},   {0},
};
