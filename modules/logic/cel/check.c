/* SPDX-License-Identifier: Apache-2.0 */
/* Checks names and operand types before anything runs. */
#include "cel/internal.h"

#include <string.h>

/* ---- The overloads, all tables together -------------------------------- */

/* One name may have overloads in several tables (`string`, `indexOf`), so each
   search goes through all of them. */
static const struct cel_table *const tables[] = {
    &cel_operators,   &cel_standard,   &cel_strings, &cel_times,
    &cel_collections, &cel_kubernetes, &cel_network, &cel_regex,
};

bool cel_function_exists(const char *name)
{
    for (size_t t = 0; t < count_of(tables); t++)
        for (size_t i = 0; i < tables[t]->count; i++)
            if (!strcmp(tables[t]->rows[i].name, name))
                return true;
    return false;
}

static bool is_member_overload(const struct cel_overload *overload)
{
    return overload->args[0] && overload->args[1] == '.';
}

/* The letter of argument `index`, 0 past the end. */
static char overload_letter(const struct cel_overload *overload, size_t index)
{
    const char *args = overload->args;

    if (!args[0] || index == 0)
        return args[0];
    return is_member_overload(overload) ? args[index + 1] : args[index];
}

static size_t overload_arity(const struct cel_overload *overload)
{
    return strlen(overload->args) - (is_member_overload(overload) ? 1 : 0);
}

static enum cel_type type_of_letter(char one)
{
    return (enum cel_type)(strchr(CEL_TYPE_LETTERS, one) - CEL_TYPE_LETTERS);
}

bool cel_overload_fits(const struct cel_overload *overload, const struct cel_value *args,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        enum cel_type wanted = type_of_letter(overload_letter(overload, i));

        if (wanted != CEL_DYN && wanted != args[i].type)
            return false;
    }
    return true;
}

/* ---- The walk ---------------------------------------------------------- */

struct scope {
    const char *name;
    enum cel_type type;
    const struct scope *up;
};

struct checker {
    struct arena *arena;
    const char *text;
    const char *const *variables;
    const struct scope *scope;
    struct err *err;
};

static int check_expr(struct checker *checker, struct cel_expr *expr, enum cel_type *ret);

static const char *const type_words[] = {"bool",  "int",  "uint", "double",    "string",
                                         "bytes", "list", "map",  "null_type", "type"};

/*
 * Resolves a name in the order that CEL demands: the innermost loop variable, the
 * variables of the input, the names of types. Input variables are documents, so
 * their type is unknown.
 */
static int check_ident(struct checker *checker, struct cel_expr *expr, enum cel_type *ret)
{
    for (const struct scope *scope = checker->scope; scope; scope = scope->up)
        if (!strcmp(scope->name, expr->name)) {
            *ret = scope->type;
            return 0;
        }
    for (size_t i = 0; checker->variables && checker->variables[i]; i++)
        if (!strcmp(checker->variables[i], expr->name)) {
            *ret = CEL_DYN;
            return 0;
        }
    for (size_t i = 0; i < count_of(type_words); i++)
        if (!strcmp(type_words[i], expr->name)) {
            *ret = CEL_TYPE;
            return 0;
        }
    return cel_report_at(checker->err, checker->text, expr->at,
                         "undeclared reference to '%s' (in container '')", expr->name);
}

/* Documents have no declared types: only has(x.f) and x.?f have a static type. */
static int check_select(struct checker *checker, struct cel_expr *expr, enum cel_type *ret)
{
    enum cel_type type;

    if (check_expr(checker, expr->args[0], &type) < 0)
        return -1;
    *ret = expr->test ? CEL_BOOL : expr->maybe ? CEL_OPTIONAL : CEL_DYN;
    if (type == CEL_DYN || type == CEL_MAP || type == CEL_OPTIONAL)
        return 0;
    return cel_report_at(checker->err, checker->text, expr->at,
                         "type '%s' does not support field selection", cel_type_name(type));
}

/*
 * Whether an overload may be the right one as far as types are known. A dynamic
 * operand fits every parameter; cel_overload_fits() decides again when its value
 * is known.
 */
static bool may_fit(const struct cel_overload *overload, const struct cel_expr *expr,
                    const enum cel_type *types)
{
    if (strcmp(overload->name, expr->name) || overload_arity(overload) != expr->count ||
        is_member_overload(overload) != expr->member)
        return false;
    for (size_t i = 0; i < expr->count; i++) {
        enum cel_type wanted = type_of_letter(overload_letter(overload, i));

        if (wanted != CEL_DYN && types[i] != CEL_DYN && types[i] != wanted)
            return false;
    }
    return true;
}

static int report_no_overload(struct checker *checker, const struct cel_expr *expr,
                              const enum cel_type *types)
{
    scoped_text struct text list = {0};

    if (!cel_function_exists(expr->name))
        return cel_report_at(checker->err, checker->text, expr->at,
                             "undeclared reference to '%s' (in container '')", expr->name);
    for (size_t i = 0; i < expr->count; i++)
        text_addf(&list, "%s%s", i == 0 || (i == 1 && expr->member) ? "" : ", ",
                  i == 0 && expr->member
                      ? arena_printf(checker->arena, "%s.(", cel_type_name(types[i]))
                      : cel_type_name(types[i]));
    return cel_report_at(checker->err, checker->text, expr->at,
                         "found no matching overload for '%s' applied to '%s%s)'", expr->name,
                         expr->member ? "" : "(", text_string(&list));
}

/* Keeps every overload that may fit; the evaluator chooses among them by the
   types of the values. The static type is known only if all of them agree on it. */
static int check_call(struct checker *checker, struct cel_expr *expr, enum cel_type *ret)
{
    enum cel_type *types = arena_alloc(checker->arena, (expr->count + 1) * sizeof *types);
    size_t found = 0, total = 0;

    for (size_t i = 0; i < expr->count; i++)
        if (check_expr(checker, expr->args[i], &types[i]) < 0)
            return -1;
    for (size_t t = 0; t < count_of(tables); t++)
        for (size_t i = 0; i < tables[t]->count; i++)
            total += may_fit(&tables[t]->rows[i], expr, types);
    if (!total)
        return report_no_overload(checker, expr, types);
    expr->overloads = arena_alloc(checker->arena, (total + 1) * sizeof *expr->overloads);
    for (size_t t = 0; t < count_of(tables); t++)
        for (size_t i = 0; i < tables[t]->count; i++)
            if (may_fit(&tables[t]->rows[i], expr, types))
                expr->overloads[found++] = &tables[t]->rows[i];
    *ret = type_of_letter(expr->overloads[0]->returns);
    for (size_t i = 1; i < found; i++)
        if (type_of_letter(expr->overloads[i]->returns) != *ret)
            *ret = CEL_DYN;
    if (expr->maybe)
        *ret = CEL_OPTIONAL;
    return 0;
}

static int wants_bool(struct checker *checker, const struct cel_expr *expr, enum cel_type type)
{
    if (type == CEL_DYN || type == CEL_BOOL)
        return 0;
    return cel_report_at(checker->err, checker->text, expr->at,
                         "expected type 'bool' but found '%s'", cel_type_name(type));
}

static int check_logic(struct checker *checker, struct cel_expr *expr, enum cel_type *ret)
{
    for (size_t i = 0; i < 2; i++) {
        enum cel_type type;

        if (check_expr(checker, expr->args[i], &type) < 0 ||
            wants_bool(checker, expr->args[i], type) < 0)
            return -1;
    }
    *ret = CEL_BOOL;
    return 0;
}

static int check_conditional(struct checker *checker, struct cel_expr *expr, enum cel_type *ret)
{
    enum cel_type test, yes, no;

    if (check_expr(checker, expr->args[0], &test) < 0 ||
        wants_bool(checker, expr->args[0], test) < 0 ||
        check_expr(checker, expr->args[1], &yes) < 0 || check_expr(checker, expr->args[2], &no) < 0)
        return -1;
    *ret = yes == no ? yes : CEL_DYN;
    return 0;
}

static int check_collection(struct checker *checker, struct cel_expr *expr, enum cel_type *ret)
{
    enum cel_type ignored;

    for (size_t i = 0; i < expr->count; i++)
        if (check_expr(checker, expr->args[i], &ignored) < 0)
            return -1;
    *ret = expr->kind == EXPR_LIST ? CEL_LIST : CEL_MAP;
    return 0;
}

static int check_macro_range(struct checker *checker, const struct cel_expr *expr,
                             enum cel_type type)
{
    bool optional = expr->macro == MACRO_OPT_MAP || expr->macro == MACRO_OPT_FLAT_MAP;

    if (type == CEL_DYN || (optional ? type == CEL_OPTIONAL : type == CEL_LIST || type == CEL_MAP))
        return 0;
    return cel_report_at(checker->err, checker->text, expr->at,
                         "expression of type '%s' cannot be range of a comprehension "
                         "(must be list, map, or dynamic)",
                         cel_type_name(type));
}

/*
 * Checks the range outside of the loop variable's scope and the bodies inside it.
 * After an error checker->scope may point at a frame that has been left; it is
 * not read again, because the first error ends the check.
 */
static int check_macro(struct checker *checker, struct cel_expr *expr, enum cel_type *ret)
{
    struct scope scope = {expr->name, CEL_DYN, checker->scope};
    enum cel_type type;

    if (check_expr(checker, expr->args[0], &type) < 0 || check_macro_range(checker, expr, type) < 0)
        return -1;
    checker->scope = &scope;
    for (size_t i = 1; i < expr->count; i++) {
        bool is_test = expr->macro <= MACRO_EXISTS_ONE || expr->macro == MACRO_FILTER ||
                       (expr->macro == MACRO_MAP && expr->count == 3 && i == 1);

        if (check_expr(checker, expr->args[i], &type) < 0 ||
            (is_test && wants_bool(checker, expr->args[i], type) < 0))
            return -1;
    }
    checker->scope = scope.up;
    /* The order of enum cel_macro: quantifiers, makers of lists, optionals. */
    *ret = expr->macro <= MACRO_EXISTS_ONE ? CEL_BOOL
           : expr->macro <= MACRO_FILTER   ? CEL_LIST
                                           : CEL_OPTIONAL;
    return 0;
}

static int check_expr(struct checker *checker, struct cel_expr *expr, enum cel_type *ret)
{
    switch (expr->kind) {
    case EXPR_LITERAL:
        *ret = expr->literal.type;
        return 0;
    case EXPR_IDENT:
        return check_ident(checker, expr, ret);
    case EXPR_SELECT:
        return check_select(checker, expr, ret);
    case EXPR_CALL:
        return check_call(checker, expr, ret);
    case EXPR_AND:
    case EXPR_OR:
        return check_logic(checker, expr, ret);
    case EXPR_COND:
        return check_conditional(checker, expr, ret);
    case EXPR_LIST:
    case EXPR_MAP:
        return check_collection(checker, expr, ret);
    case EXPR_MACRO:
        return check_macro(checker, expr, ret);
    }
    return -1;
}

int cel_check(struct arena *arena, const char *text, struct cel_expr *root,
              const char *const *variables, struct err *err)
{
    struct checker checker = {arena, text, variables, NULL, err};
    enum cel_type ignored;

    return check_expr(&checker, root, &ignored);
}
