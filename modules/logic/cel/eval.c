/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluates a checked expression and counts what it costs. */
#include "cel/internal.h"

#include <assert.h>
#include <string.h>

/* The prices of making a list or a map in cel-go. */
#define COST_LIST 10
#define COST_MAP 30

/* ---- Names and fields -------------------------------------------------- */

static int eval_expr(struct cel_run *run, const struct cel_expr *expr, struct cel_value *ret);

/* Resolves a name in the same order as check_ident(). */
static int eval_ident(struct cel_run *run, const struct cel_expr *expr, struct cel_value *ret)
{
    for (const struct cel_scope *scope = run->scope; scope; scope = scope->up)
        if (!strcmp(scope->name, expr->name)) {
            *ret = scope->value;
            return cel_pay(run, 1);
        }
    for (size_t i = 0; i < run->input->variable_count; i++)
        if (!strcmp(run->input->variables[i].name, expr->name)) {
            *ret = cel_from_node(run->arena, run->input->variables[i].value);
            return cel_pay(run, 1);
        }
    for (enum cel_type type = CEL_NULL; type <= CEL_TYPE; type++)
        if (!strcmp(cel_type_name(type), expr->name)) {
            *ret = (struct cel_value){CEL_TYPE, {.of = type}};
            return cel_pay(run, 1);
        }
    return cel_fail(run, "no such attribute: %s", expr->name);
}

/*
 * Reads an item of a list or a member of a map. With `maybe` (x.?f, x[?i]), or if
 * `from` is an optional, the result is an optional, and absence is
 * optional.none() instead of an error.
 */
static int find_field(struct cel_run *run, const struct cel_value *from,
                      const struct cel_value *key, bool maybe, struct cel_value *ret)
{
    const struct cel_value *whole = from;
    struct cel_value found = {0};
    bool there;

    if (from->type == CEL_OPTIONAL) {
        maybe = true;
        whole = from->inner;
    }
    if (whole && whole->type == CEL_LIST) {
        there =
            key->type == CEL_INT && key->integer >= 0 && (uint64_t)key->integer < whole->list->len;
        if (there)
            found = cel_item(run->arena, whole->list, (size_t)key->integer);
        else if (!maybe)
            return key->type == CEL_INT
                       ? cel_fail(run, "index out of bounds: %lld", (long long)key->integer)
                       : cel_fail(run, "no such overload");
    } else if (whole && whole->type == CEL_MAP) {
        there = cel_find(run->arena, whole->map, key, &found);
        if (!there && !maybe)
            return key->type == CEL_STRING
                       ? cel_fail(run, "no such key: %.*s", (int)(key->len < 200 ? key->len : 200),
                                  key->bytes)
                       : cel_fail(run, "no such key");
    } else if (whole && !(maybe && whole->type == CEL_NULL)) {
        return cel_fail(run, "no such overload");
    } else {
        there = false;
    }
    *ret = maybe ? cel_some(run->arena, there ? &found : NULL) : found;
    return 0;
}

static int eval_select(struct cel_run *run, const struct cel_expr *expr, struct cel_value *ret)
{
    struct cel_value from, key = {.type = CEL_STRING};
    const struct cel_value *whole = &from;

    if (eval_expr(run, expr->args[0], &from) < 0 || cel_pay(run, 1) < 0)
        return -1;
    key.bytes = expr->name;
    key.len = strlen(expr->name);
    if (!expr->test)
        return find_field(run, &from, &key, expr->maybe, ret);
    /* has(x.f): absence is the result, not an error. */
    if (from.type == CEL_OPTIONAL)
        whole = from.inner;
    if (whole && whole->type != CEL_MAP)
        return cel_fail(run, "no such overload");
    *ret = cel_bool(whole && cel_find(run->arena, whole->map, &key, &from));
    return 0;
}

/* ---- Calls ------------------------------------------------------------- */

/* No overload has more parameters. The checker has matched the number of
   arguments, so they fit on the stack. */
#define MOST_ARGS 5

static int no_overload(struct cel_run *run, const struct cel_expr *expr)
{
    return cel_fail(run, "no such overload");
}

/* Evaluates all operands first, because CEL's functions are strict. Only && || ?:
   and the macros are not, and those have nodes of their own. */
static int eval_call(struct cel_run *run, const struct cel_expr *expr, struct cel_value *ret)
{
    struct cel_value args[MOST_ARGS];
    bool is_index = !strcmp(expr->name, "_[_]");

    assert(!is_index || expr->count == 2);
    for (size_t i = 0; i < expr->count; i++)
        if (eval_expr(run, expr->args[i], &args[i]) < 0)
            return -1;
    if (cel_pay(run, 1) < 0)
        return -1;
    if (is_index)
        return find_field(run, &args[0], &args[1], expr->maybe, ret);
    for (size_t i = 0; expr->overloads[i]; i++)
        if (cel_overload_fits(expr->overloads[i], args, expr->count))
            return expr->overloads[i]->run(run, args, expr->count, ret);
    return no_overload(run, expr);
}

/* ---- Logic --------------------------------------------------------------- */

static int eval_truth(struct cel_run *run, const struct cel_expr *expr, bool *ret)
{
    struct cel_value value = {0};

    if (eval_expr(run, expr, &value) < 0)
        return -1;
    if (value.type != CEL_BOOL)
        return cel_fail(run, "no such overload");
    *ret = value.boolean;
    return 0;
}

/*
 * The CEL specification makes && and || commutative with regard to errors: an
 * error on one side is dropped if the other side decides. So the left error is
 * kept in `first` until the right side is known. An exceeded cost limit
 * (`stopped`) is returned at once; otherwise an expression could hide it.
 */
static int eval_logic(struct cel_run *run, const struct cel_expr *expr, struct cel_value *ret)
{
    bool decides = expr->kind == EXPR_OR; /* true settles an OR */
    struct err *err = run->err, first = {0};
    bool left = false, right = false;
    int failed;

    *ret = cel_bool(decides);
    run->err = &first;
    failed = eval_truth(run, expr->args[0], &left);
    run->err = err;
    if (run->stopped) {
        if (err)
            *err = first;
        return -1;
    }
    if (!failed && left == decides)
        return 0;
    if (eval_truth(run, expr->args[1], &right) < 0)
        return -1;
    if (right == decides)
        return 0;
    if (failed) {
        if (err)
            *err = first;
        return -1;
    }
    *ret = cel_bool(!decides);
    return 0;
}

static int eval_condition(struct cel_run *run, const struct cel_expr *expr, struct cel_value *ret)
{
    bool test = false;

    if (eval_truth(run, expr->args[0], &test) < 0)
        return -1;
    return eval_expr(run, expr->args[test ? 1 : 2], ret);
}

/* ---- Lists and maps ---------------------------------------------------- */

/* Returns 1 to keep the value, 0 to leave it out because it is optional.none(). */
static int unwrap_optional(struct cel_run *run, bool optional, struct cel_value *value)
{
    if (!optional)
        return 1;
    if (value->type != CEL_OPTIONAL)
        return cel_fail(run, "cannot initialize optional entry '?' from a %s",
                        cel_type_name(value->type));
    if (!value->inner)
        return 0;
    *value = *value->inner;
    return 1;
}

static int eval_list(struct cel_run *run, const struct cel_expr *expr, struct cel_value *ret)
{
    struct cel_value *items = arena_alloc(run->arena, (expr->count + 1) * sizeof *items);
    size_t len = 0;

    if (cel_pay(run, COST_LIST) < 0)
        return -1;
    for (size_t i = 0; i < expr->count; i++) {
        int kept = eval_expr(run, expr->args[i], &items[len]);

        if (kept < 0 || (kept = unwrap_optional(run, expr->optional[i], &items[len])) < 0)
            return -1;
        len += (size_t)kept;
    }
    *ret = cel_list_of(run->arena, items, len);
    return 0;
}

static bool may_be_key(const struct cel_value *key)
{
    return key->type == CEL_STRING || key->type == CEL_INT || key->type == CEL_UINT ||
           key->type == CEL_BOOL || key->type == CEL_DOUBLE;
}

/* CEL forbids a repeated key. Each new key is searched for among the earlier
   ones, so an entry pays for all entries before it. */
static int eval_map(struct cel_run *run, const struct cel_expr *expr, struct cel_value *ret)
{
    size_t most = expr->count / 2 + 1;
    struct cel_value *keys = arena_alloc(run->arena, most * sizeof *keys);
    struct cel_value *values = arena_alloc(run->arena, most * sizeof *values);
    struct cel_map *map = arena_alloc(run->arena, sizeof *map), so_far;
    struct cel_value old = {0};

    *map = (struct cel_map){.keys = keys, .values = values};
    if (cel_pay(run, COST_MAP) < 0)
        return -1;
    for (size_t i = 0; i < expr->count; i += 2) {
        int kept;

        if (eval_expr(run, expr->args[i], &keys[map->len]) < 0 ||
            eval_expr(run, expr->args[i + 1], &values[map->len]) < 0 ||
            (kept = unwrap_optional(run, expr->optional[i], &values[map->len])) < 0 ||
            cel_pay(run, map->len) < 0)
            return -1;
        if (!may_be_key(&keys[map->len]))
            return cel_fail(run, "unsupported key type: %s", cel_type_name(keys[map->len].type));
        /* `so_far` ends before the new key, so the key does not find itself. */
        so_far = *map;
        if (cel_find(run->arena, &so_far, &keys[map->len], &old))
            return cel_fail(run, "Failed with repeated key");
        map->len += (size_t)kept;
    }
    *ret = (struct cel_value){CEL_MAP, {.map = map}};
    return 0;
}

/* ---- Macros ------------------------------------------------------------ */

/* The state of one comprehension. `made` collects the results of map() and
   filter(), `hits` counts the elements for which a quantifier's test was true. */
struct loop {
    const struct cel_expr *expr;
    size_t len;
    struct cel_value *made;
    size_t made_count, hits;
    bool failed; /* an error that a later answer may overrule */
    struct err first;
};

/*
 * Returns 1 when the result is known and the loop can stop. As with && and ||, an
 * error in all() or exists() is dropped if a later element decides. exists_one()
 * must count every element, so its first error is final.
 */
static int step_quantifier(struct cel_run *run, struct loop *loop)
{
    struct err *err = run->err, here = {0};
    bool truth = false;
    int failed;

    run->err = &here;
    failed = eval_truth(run, loop->expr->args[1], &truth);
    run->err = err;
    if (failed) {
        if (run->stopped || loop->expr->macro == MACRO_EXISTS_ONE) {
            if (err)
                *err = here;
            return -1;
        }
        if (!loop->failed)
            loop->first = here;
        loop->failed = true;
        return 0;
    }
    loop->hits += truth;
    return (loop->expr->macro == MACRO_ALL && !truth) ||
           (loop->expr->macro == MACRO_EXISTS && truth);
}

/* One step of map() or filter(). map() with three arguments filters first. */
static int step_maker(struct cel_run *run, struct loop *loop, const struct cel_value *item)
{
    const struct cel_expr *expr = loop->expr;
    bool keep = true;

    if (expr->macro == MACRO_FILTER || expr->count == 3)
        if (eval_truth(run, expr->args[1], &keep) < 0)
            return -1;
    if (!keep)
        return 0;
    if (cel_pay(run, 1) < 0)
        return -1;
    if (expr->macro == MACRO_FILTER)
        loop->made[loop->made_count] = *item;
    else if (eval_expr(run, expr->args[expr->count - 1], &loop->made[loop->made_count]) < 0)
        return -1;
    loop->made_count++;
    return 0;
}

static int finish_loop(struct cel_run *run, struct loop *loop, bool stopped, struct cel_value *ret)
{
    switch (loop->expr->macro) {
    case MACRO_ALL:
        *ret = cel_bool(!stopped);
        break;
    case MACRO_EXISTS:
        *ret = cel_bool(stopped);
        break;
    case MACRO_EXISTS_ONE:
        *ret = cel_bool(loop->hits == 1);
        break;
    default:
        *ret = cel_list_of(run->arena, loop->made, loop->made_count);
    }
    /* No element decided, so the first error is the result. */
    if (!loop->failed || stopped)
        return 0;
    if (run->err)
        *run->err = loop->first;
    return -1;
}

/* Each element is a scope of its own around the body. The scope is removed after
   an error too, because an enclosing && or || may go on evaluating. */
static int run_loop(struct cel_run *run, const struct cel_expr *expr, const struct cel_value *range,
                    struct cel_value *ret)
{
    struct cel_scope scope = {expr->name, {.type = CEL_NULL}, run->scope};
    struct loop loop = {.expr = expr};
    bool makes = expr->macro == MACRO_MAP || expr->macro == MACRO_FILTER;
    int state = 0;

    loop.len = range->type == CEL_LIST ? range->list->len : range->map->len;
    if (makes) {
        if (cel_pay(run, COST_LIST + loop.len / 8) < 0)
            return -1;
        /* The memory for the longest possible result is allocated before the
           first step, so the step above has already paid for it. */
        loop.made = arena_alloc(run->arena, (loop.len + 1) * sizeof *loop.made);
    }
    for (size_t i = 0; i < loop.len && !state; i++) {
        if (cel_pay(run, 1) < 0)
            return -1;
        scope.value = range->type == CEL_LIST ? cel_item(run->arena, range->list, i)
                                              : cel_key(run->arena, range->map, i);
        run->scope = &scope;
        state = makes ? step_maker(run, &loop, &scope.value) : step_quantifier(run, &loop);
        run->scope = scope.up;
    }
    return state < 0 ? -1 : finish_loop(run, &loop, state == 1, ret);
}

static int run_optional(struct cel_run *run, const struct cel_expr *expr,
                        const struct cel_value *range, struct cel_value *ret)
{
    struct cel_scope scope = {expr->name, {.type = CEL_NULL}, run->scope};
    struct cel_value value = {0};
    int state;

    *ret = *range;
    if (!range->inner)
        return 0;
    scope.value = *range->inner;
    run->scope = &scope;
    state = eval_expr(run, expr->args[1], &value);
    run->scope = scope.up;
    if (state < 0)
        return -1;
    if (expr->macro == MACRO_OPT_FLAT_MAP && value.type != CEL_OPTIONAL)
        return cel_fail(run, "no such overload");
    *ret = expr->macro == MACRO_OPT_MAP ? cel_some(run->arena, &value) : value;
    return 0;
}

static int eval_macro(struct cel_run *run, const struct cel_expr *expr, struct cel_value *ret)
{
    bool optional = expr->macro == MACRO_OPT_MAP || expr->macro == MACRO_OPT_FLAT_MAP;
    struct cel_value range = {0};

    if (eval_expr(run, expr->args[0], &range) < 0)
        return -1;
    if (optional && range.type == CEL_OPTIONAL)
        return run_optional(run, expr, &range, ret);
    if (!optional && (range.type == CEL_LIST || range.type == CEL_MAP))
        return run_loop(run, expr, &range, ret);
    return cel_fail(run, "no such overload");
}

/* ---- Entry points ------------------------------------------------------ */

static int eval_expr(struct cel_run *run, const struct cel_expr *expr, struct cel_value *ret)
{
    switch (expr->kind) {
    case EXPR_LITERAL:
        *ret = expr->literal;
        return 0;
    case EXPR_IDENT:
        return eval_ident(run, expr, ret);
    case EXPR_SELECT:
        return eval_select(run, expr, ret);
    case EXPR_CALL:
        return eval_call(run, expr, ret);
    case EXPR_AND:
    case EXPR_OR:
        return eval_logic(run, expr, ret);
    case EXPR_COND:
        return eval_condition(run, expr, ret);
    case EXPR_LIST:
        return eval_list(run, expr, ret);
    case EXPR_MAP:
        return eval_map(run, expr, ret);
    case EXPR_MACRO:
        return eval_macro(run, expr, ret);
    }
    return -1;
}

struct cel_program *cel_compile(struct arena *arena, const char *text, const char *const *variables,
                                struct err *err)
{
    struct cel_program *program = arena_alloc(arena, sizeof *program);

    if (strlen(text) > CEL_LENGTH_LIMIT) {
        err_set(err, ERR_INVALID, "the expression is longer than %d bytes", CEL_LENGTH_LIMIT);
        return NULL;
    }
    program->text = arena_string(arena, text);
    program->root = cel_parse(arena, program->text, err);
    if (!program->root || cel_check(arena, program->text, program->root, variables, err) < 0)
        return NULL;
    return program;
}

/* The cost continues from *input->cost and is written back after an error too, so
   that several expressions share one limit. */
static int run_program(const struct cel_program *program, struct cel_run *run,
                       struct cel_value *ret)
{
    int state;

    run->limit = run->input->limit ? run->input->limit : CEL_COST_LIMIT;
    run->cost = run->input->cost ? *run->input->cost : 0;
    state = eval_expr(run, program->root, ret);
    if (run->input->cost)
        *run->input->cost = run->cost;
    return state;
}

struct node *cel_eval(const struct cel_program *program, struct arena *arena,
                      const struct cel_input *input, const char **ret_type, struct err *err)
{
    struct cel_run run = {.arena = arena, .input = input, .err = err};
    struct cel_value value = {0};

    if (run_program(program, &run, &value) < 0)
        return NULL;
    if (ret_type)
        *ret_type = cel_type_name(value.type);
    return cel_to_node(&run, &value);
}

int cel_eval_bool(const struct cel_program *program, struct arena *arena,
                  const struct cel_input *input, bool *ret, struct err *err)
{
    struct cel_run run = {.arena = arena, .input = input, .err = err};
    struct cel_value value = {0};

    if (run_program(program, &run, &value) < 0)
        return -1;
    if (value.type != CEL_BOOL)
        return err_set(err, ERR_INVALID, "expected bool result, got %s", cel_type_name(value.type));
    *ret = value.boolean;
    return 0;
}
