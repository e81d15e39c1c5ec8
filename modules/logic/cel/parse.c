/* SPDX-License-Identifier: Apache-2.0 */
/* Reads tokens into an expression tree; macros become nodes of their own. */
#include "cel/internal.h"

#include <stdlib.h>
#include <string.h>

/* cel-go's limit of recursion, here for parser, checker and evaluator. */
#define DEEPEST 250

struct parser {
    struct arena *arena;
    const char *text;
    struct cel_token token;
    unsigned depth;
    struct err *err;
};

static struct cel_expr *parse_expr(struct parser *parser);

/* ---- Tokens ------------------------------------------------------------ */

static int next_token(struct parser *parser)
{
    return cel_next_token(parser->arena, parser->text, parser->token.end, &parser->token,
                          parser->err);
}

static bool at_mark(const struct parser *parser, const char *mark)
{
    return parser->token.kind == TOKEN_MARK && !strcmp(parser->token.mark, mark);
}

static bool at_word(const struct parser *parser, const char *word)
{
    return parser->token.kind == TOKEN_NAME && !strcmp(parser->token.name, word);
}

static struct cel_expr *report_unexpected(struct parser *parser, const char *wanted)
{
    const struct cel_token *token = &parser->token;

    if (token->kind == TOKEN_END)
        cel_report_at(parser->err, parser->text, token->at,
                      "Syntax error: mismatched input '<EOF>' expecting %s", wanted);
    else
        cel_report_at(parser->err, parser->text, token->at,
                      "Syntax error: extraneous input '%.*s' expecting %s",
                      (int)(token->end - token->at < 60 ? token->end - token->at : 60),
                      parser->text + token->at, wanted);
    return NULL;
}

static int expect_mark(struct parser *parser, const char *mark)
{
    if (!at_mark(parser, mark)) {
        report_unexpected(parser, arena_printf(parser->arena, "'%s'", mark));
        return -1;
    }
    return next_token(parser);
}

/* ---- Nodes ------------------------------------------------------------- */

static struct cel_expr *make_expr(struct parser *parser, enum cel_kind kind, size_t at,
                                  const char *name)
{
    struct cel_expr *expr = arena_alloc(parser->arena, sizeof *expr);

    expr->kind = kind;
    expr->at = at;
    expr->name = name;
    expr->depth = 1;
    return expr;
}

/*
 * Returns NULL for a tree deeper than DEEPEST. parser->depth alone cannot ensure
 * that: a chain such as a.b.c.d is read by a loop, but checked and evaluated by
 * recursion.
 */
static struct cel_expr *with_args(struct parser *parser, struct cel_expr *expr,
                                  struct cel_expr **args, size_t count)
{
    expr->args = arena_alloc(parser->arena, (count + 1) * sizeof *args);
    expr->count = count;
    for (size_t i = 0; i < count; i++) {
        expr->args[i] = args[i];
        if (args[i]->depth >= expr->depth)
            expr->depth = args[i]->depth + 1;
    }
    if (expr->depth <= DEEPEST)
        return expr;
    cel_report_at(parser->err, parser->text, expr->at, "expression recursion limit exceeded: %d",
                  DEEPEST);
    return NULL;
}

/* An operand is NULL if parsing it failed; the error is already set then. Names
   of binary operators start with "_", those of unary ones do not. */
static struct cel_expr *make_call(struct parser *parser, size_t at, const char *name,
                                  struct cel_expr *a, struct cel_expr *b)
{
    struct cel_expr *args[2] = {a, b};

    if (!a || (b == NULL && name[0] == '_' && name[1] != '['))
        return NULL;
    return with_args(parser, make_expr(parser, EXPR_CALL, at, name), args, b ? 2 : 1);
}

/* ---- Lists of expressions ---------------------------------------------- */

struct exprs {
    struct cel_expr **items; /* in malloc while it grows */
    bool *optional;
    size_t count, room;
};

static void exprs_free(struct exprs *list)
{
    mem_free(&list->items);
    mem_free(&list->optional);
}

static void exprs_add(struct exprs *list, struct cel_expr *expr, bool optional)
{
    if (list->count == list->room) {
        list->room = list->room ? list->room * 2 : 8;
        list->items = mem_resize_array(list->items, list->room, sizeof *list->items);
        list->optional = mem_resize_array(list->optional, list->room, sizeof(bool));
    }
    list->optional[list->count] = optional;
    list->items[list->count++] = expr;
}

/* Reads up to and including `close`, before which a comma is allowed. With
   `pairs` each entry is `key: value`; with `optionals` it may start with "?". */
static int parse_exprs(struct parser *parser, const char *close, bool pairs, bool optionals,
                       struct exprs *ret)
{
    while (!at_mark(parser, close)) {
        bool optional = optionals && at_mark(parser, "?");
        struct cel_expr *expr;

        if (optional && next_token(parser) < 0)
            return -1;
        if (!(expr = parse_expr(parser)))
            return -1;
        exprs_add(ret, expr, optional);
        if (pairs) {
            if (expect_mark(parser, ":") < 0 || !(expr = parse_expr(parser)))
                return -1;
            exprs_add(ret, expr, optional);
        }
        if (at_mark(parser, close))
            break;
        if (expect_mark(parser, ",") < 0)
            return -1;
    }
    return next_token(parser);
}

static struct cel_expr *parse_collection(struct parser *parser, enum cel_kind kind)
{
    struct cel_expr *expr = make_expr(parser, kind, parser->token.at, NULL);
    __attribute__((cleanup(exprs_free))) struct exprs list = {0};

    if (next_token(parser) < 0 ||
        parse_exprs(parser, kind == EXPR_MAP ? "}" : "]", kind == EXPR_MAP, true, &list) < 0)
        return NULL;
    expr->optional = arena_alloc(parser->arena, list.count + 1);
    if (list.count)
        memcpy(expr->optional, list.optional, list.count);
    return with_args(parser, expr, list.items, list.count);
}

/* ---- Macros ------------------------------------------------------------ */

static const struct {
    const char *name;
    size_t args; /* with the variable */
    enum cel_macro macro;
} macros[] = {
    {"all", 2, MACRO_ALL},
    {"exists", 2, MACRO_EXISTS},
    {"exists_one", 2, MACRO_EXISTS_ONE},
    {"existsOne", 2, MACRO_EXISTS_ONE},
    {"map", 2, MACRO_MAP},
    {"map", 3, MACRO_MAP},
    {"filter", 2, MACRO_FILTER},
    {"optMap", 2, MACRO_OPT_MAP},
    {"optFlatMap", 2, MACRO_OPT_FLAT_MAP},
};

/*
 * Turns x.all(i, …) into a macro node, whose variable moves from the arguments to
 * `name`. As in cel-go, name and number of arguments decide; any other call is
 * returned unchanged.
 */
static struct cel_expr *expand_macro(struct parser *parser, struct cel_expr *expr)
{
    for (size_t i = 0; i < count_of(macros); i++) {
        struct cel_expr *variable;

        if (strcmp(macros[i].name, expr->name) || expr->count != macros[i].args + 1)
            continue;
        variable = expr->args[1];
        if (variable->kind != EXPR_IDENT) {
            cel_report_at(parser->err, parser->text, variable->at,
                          "argument must be a simple name");
            return NULL;
        }
        expr->kind = EXPR_MACRO;
        expr->macro = macros[i].macro;
        expr->name = variable->name;
        memmove(&expr->args[1], &expr->args[2], (expr->count - 2) * sizeof *expr->args);
        expr->count--;
        return expr;
    }
    return expr;
}

/* has(x.f) is the selection x.f with `test` set: it is not evaluated as a value. */
static struct cel_expr *expand_has(struct parser *parser, struct cel_expr *expr)
{
    if (expr->count != 1 || expr->args[0]->kind != EXPR_SELECT || expr->args[0]->maybe) {
        cel_report_at(parser->err, parser->text, expr->at, "invalid argument to has() macro");
        return NULL;
    }
    expr->args[0]->test = true;
    return expr->args[0];
}

/* ---- Primaries and members --------------------------------------------- */

static struct cel_expr *parse_call(struct parser *parser, struct cel_expr *expr,
                                   struct cel_expr *receiver)
{
    __attribute__((cleanup(exprs_free))) struct exprs list = {0};

    expr->member = receiver != NULL;
    if (receiver)
        exprs_add(&list, receiver, false);
    if (next_token(parser) < 0 || parse_exprs(parser, ")", false, false, &list) < 0 ||
        !with_args(parser, expr, list.items, list.count))
        return NULL;
    if (!receiver && !strcmp(expr->name, "has"))
        return expand_has(parser, expr);
    return receiver ? expand_macro(parser, expr) : expr;
}

static const struct {
    const char *word;
    struct cel_value value;
} words[] = {
    {"true", {CEL_BOOL, {.boolean = true}}},
    {"false", {CEL_BOOL, {.boolean = false}}},
    {"null", {CEL_NULL, {.integer = 0}}},
};

/* Words that the CEL specification reserves. */
static const char *const reserved[] = {
    "as", "break", "const", "continue", "else",      "for",    "function", "if",   "import",
    "in", "let",   "loop",  "package",  "namespace", "return", "var",      "void", "while",
};

static struct cel_expr *parse_name(struct parser *parser)
{
    struct cel_expr *expr = make_expr(parser, EXPR_IDENT, parser->token.at, parser->token.name);

    for (size_t i = 0; i < count_of(words); i++)
        if (at_word(parser, words[i].word)) {
            expr->kind = EXPR_LITERAL;
            expr->literal = words[i].value;
            return next_token(parser) < 0 ? NULL : expr;
        }
    for (size_t i = 0; i < count_of(reserved); i++)
        if (at_word(parser, reserved[i])) {
            cel_report_at(parser->err, parser->text, expr->at, "reserved identifier: %s",
                          expr->name);
            return NULL;
        }
    if (next_token(parser) < 0)
        return NULL;
    if (!at_mark(parser, "("))
        return expr;
    expr->kind = EXPR_CALL;
    return parse_call(parser, expr, NULL);
}

static struct cel_expr *parse_primary(struct parser *parser)
{
    struct cel_expr *expr;

    if (parser->token.kind == TOKEN_NAME)
        return parse_name(parser);
    if (parser->token.kind == TOKEN_LITERAL) {
        expr = make_expr(parser, EXPR_LITERAL, parser->token.at, NULL);
        expr->literal = parser->token.literal;
        return next_token(parser) < 0 ? NULL : expr;
    }
    if (at_mark(parser, "["))
        return parse_collection(parser, EXPR_LIST);
    if (at_mark(parser, "{"))
        return parse_collection(parser, EXPR_MAP);
    if (at_mark(parser, ".")) /* from the root: there is no other container */
        return next_token(parser) < 0 ? NULL : parse_primary(parser);
    if (!at_mark(parser, "("))
        return report_unexpected(parser, "an expression");
    if (next_token(parser) < 0 || !(expr = parse_expr(parser)) || expect_mark(parser, ")") < 0)
        return NULL;
    return expr;
}

/* The name of a function in a namespace, such as optional.of(x); NULL if `left`
   is the receiver of a member function. */
static const char *namespaced_name(struct parser *parser, const struct cel_expr *left,
                                   const char *name)
{
    const char *whole;

    if (left->kind != EXPR_IDENT)
        return NULL;
    whole = arena_printf(parser->arena, "%s.%s", left->name, name);
    return cel_function_exists(whole) ? whole : NULL;
}

static struct cel_expr *parse_dot(struct parser *parser, struct cel_expr *left)
{
    struct cel_expr *expr;
    bool maybe;

    if (next_token(parser) < 0)
        return NULL;
    maybe = at_mark(parser, "?");
    if (maybe && next_token(parser) < 0)
        return NULL;
    if (parser->token.kind != TOKEN_NAME)
        return report_unexpected(parser, "a field name");
    expr = make_expr(parser, EXPR_SELECT, parser->token.at, parser->token.name);
    if (next_token(parser) < 0)
        return NULL;
    if (at_mark(parser, "(") && !maybe) {
        const char *namespaced = namespaced_name(parser, left, expr->name);

        expr->kind = EXPR_CALL;
        if (!namespaced)
            return parse_call(parser, expr, left);
        expr->name = namespaced;
        return parse_call(parser, expr, NULL);
    }
    expr->maybe = maybe;
    return with_args(parser, expr, &left, 1);
}

static struct cel_expr *parse_index(struct parser *parser, struct cel_expr *left)
{
    size_t at = parser->token.at;
    struct cel_expr *expr, *index;
    bool maybe;

    if (next_token(parser) < 0)
        return NULL;
    maybe = at_mark(parser, "?");
    if ((maybe && next_token(parser) < 0) || !(index = parse_expr(parser)) ||
        expect_mark(parser, "]") < 0)
        return NULL;
    expr = make_call(parser, at, "_[_]", left, index);
    if (expr)
        expr->maybe = maybe;
    return expr;
}

static struct cel_expr *parse_member(struct parser *parser)
{
    struct cel_expr *expr = parse_primary(parser);

    while (expr) {
        if (at_mark(parser, "."))
            expr = parse_dot(parser, expr);
        else if (at_mark(parser, "["))
            expr = parse_index(parser, expr);
        else
            return expr;
    }
    return NULL;
}

/* ---- Operators --------------------------------------------------------- */

/* A minus before a number is part of the literal; -9223372036854775808 could not
   be written otherwise. */
static struct cel_expr *make_negated(struct parser *parser, size_t at, struct cel_expr *expr)
{
    if (expr && expr->kind == EXPR_LITERAL && expr->literal.type == CEL_INT) {
        expr->literal.integer = (int64_t)(0 - (uint64_t)expr->literal.integer);
        return expr;
    }
    if (expr && expr->kind == EXPR_LITERAL && expr->literal.type == CEL_DOUBLE) {
        expr->literal.number = -expr->literal.number;
        return expr;
    }
    return make_call(parser, at, "-_", expr, NULL);
}

/* 2^63, which the lexer stores as INT64_MIN, is a literal only after a minus. */
static bool is_too_big(const struct cel_expr *expr)
{
    return expr && expr->kind == EXPR_LITERAL && expr->literal.type == CEL_INT &&
           expr->literal.integer == INT64_MIN;
}

/* An even number of signs cancels out, as in cel-go's parser. */
static struct cel_expr *parse_unary(struct parser *parser)
{
    size_t at = parser->token.at;
    bool minus = at_mark(parser, "-"), is_not = at_mark(parser, "!");
    struct cel_expr *expr;
    unsigned times = 0;

    while ((minus && at_mark(parser, "-")) || (is_not && at_mark(parser, "!"))) {
        times++;
        if (next_token(parser) < 0)
            return NULL;
    }
    expr = parse_member(parser);
    if (times % 2 == 0) {
        if (is_too_big(expr) && !times) {
            cel_report_at(parser->err, parser->text, at, "invalid int literal");
            return NULL;
        }
        return expr;
    }
    return minus ? make_negated(parser, at, expr) : make_call(parser, at, "!_", expr, NULL);
}

struct operator
{
    const char *mark, *name;
    unsigned level;
};
/* Higher levels bind tighter; all operators associate to the left. */
static const struct operator operators[] = {
    {"<", "_<_", 1},   {"<=", "_<=_", 1}, {">", "_>_", 1}, {">=", "_>=_", 1},
    {"==", "_==_", 1}, {"!=", "_!=_", 1}, {"+", "_+_", 2}, {"-", "_-_", 2},
    {"*", "_*_", 3},   {"/", "_/_", 3},   {"%", "_%_", 3},
};
#define HIGHEST_LEVEL 3

static const char *operator_at(const struct parser *parser, unsigned level)
{
    if (level == 1 && at_word(parser, "in"))
        return "@in";
    for (size_t i = 0; i < count_of(operators); i++)
        if (operators[i].level == level && at_mark(parser, operators[i].mark))
            return operators[i].name;
    return NULL;
}

static struct cel_expr *parse_binary(struct parser *parser, unsigned level)
{
    struct cel_expr *left =
        level > HIGHEST_LEVEL ? parse_unary(parser) : parse_binary(parser, level + 1);
    const char *name;

    if (level > HIGHEST_LEVEL)
        return left;
    while (left && (name = operator_at(parser, level))) {
        size_t at = parser->token.at;
        struct cel_expr *right;

        if (next_token(parser) < 0 || !(right = parse_binary(parser, level + 1)))
            return NULL;
        left = make_call(parser, at, name, left, right);
    }
    return left;
}

/* && binds tighter than ||. */
static struct cel_expr *parse_logic(struct parser *parser, bool is_and)
{
    struct cel_expr *left = is_and ? parse_binary(parser, 1) : parse_logic(parser, true);

    while (left && at_mark(parser, is_and ? "&&" : "||")) {
        struct cel_expr *expr =
            make_expr(parser, is_and ? EXPR_AND : EXPR_OR, parser->token.at, NULL);
        struct cel_expr *sides[2] = {left};

        if (next_token(parser) < 0)
            return NULL;
        sides[1] = is_and ? parse_binary(parser, 1) : parse_logic(parser, true);
        left = sides[1] ? with_args(parser, expr, sides, 2) : NULL;
    }
    return left;
}

/* The grammar's Expr. Only the last branch of `?:` may be another conditional
   without parentheses. */
static struct cel_expr *parse_expr(struct parser *parser)
{
    struct cel_expr *parts[3] = {NULL}, *expr;

    if (++parser->depth > DEEPEST) {
        cel_report_at(parser->err, parser->text, parser->token.at,
                      "expression recursion limit exceeded: %d", DEEPEST);
        return NULL;
    }
    parts[0] = parse_logic(parser, false);
    if (parts[0] && at_mark(parser, "?")) {
        expr = make_expr(parser, EXPR_COND, parser->token.at, NULL);
        if (next_token(parser) < 0 || !(parts[1] = parse_logic(parser, false)) ||
            expect_mark(parser, ":") < 0 || !(parts[2] = parse_expr(parser)))
            return NULL;
        parts[0] = with_args(parser, expr, parts, 3);
    }
    parser->depth--;
    return parts[0];
}

struct cel_expr *cel_parse(struct arena *arena, const char *text, struct err *err)
{
    struct parser parser = {.arena = arena, .text = text, .err = err};
    struct cel_expr *root;

    if (next_token(&parser) < 0 || !(root = parse_expr(&parser)))
        return NULL;
    return parser.token.kind == TOKEN_END ? root : report_unexpected(&parser, "<EOF>");
}
