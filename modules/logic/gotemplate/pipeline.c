/* SPDX-License-Identifier: Apache-2.0 */
/* Parses the operands, commands and pipelines of an action. */
#include "gotemplate/parser.h"
#include "base/map.h"
#include "gotemplate/function.h"

/* ---- Operands ---- */

/* Functions are found while parsing, so that an unknown or refused one is an error there. */
static struct part *parse_identifier(struct parser *parser, struct token token)
{
    const struct map *functions = parser->all->request->functions;
    const char *name = arena_bytes(parser->arena, token.text.at, token.text.len);
    const struct function *function = map_get(functions, name);
    struct part *part;

    if (!function)
        return parser_fail(parser, "function \"%s\" not defined", name);
    if (function->refused)
        return parser_fail(parser, "function \"%s\" not defined here: it %s", name,
                           function->refused);
    part = parser_part(parser, PART_IDENTIFIER, token.at);
    parser_add_name(parser, &part->names, token.text);
    part->function = function;
    return part;
}

/* A variable must be declared before it is used, in the text. */
static struct part *use_variable(struct parser *parser, struct token token)
{
    struct part *part = parser_named_part(parser, PART_VARIABLE, token);

    /* So many that looking for one is dear: each look is paid for. */
    if (!meter_spend(parser->all->request->meter, parser->variables.len * 4))
        return parser_fail(parser, "too many variables: the template does too much");
    for (uint32_t i = 0; i < parser->variables.len; i++) {
        if (str_same(parser->variables.at[i].text, part->names.at[0].text))
            return part;
    }
    scoped_text struct text quoted = {0};

    literal_quote(&quoted, part->names.at[0].text, '"', false);
    return parser_fail(parser, "undefined variable %s", text_string(&quoted));
}

/* Numbers are read once, here, in every type that they can be used as. */
static struct part *parse_number(struct parser *parser, struct token token)
{
    struct part *part = parser_part(parser, PART_NUMBER, token.at);
    enum literal_type type = token.type == TOKEN_CHARACTER ? LITERAL_CHARACTER
                             : token.type == TOKEN_COMPLEX ? LITERAL_COMPLEX
                                                           : LITERAL_NUMBER;
    char words[700];

    part->number = arena_alloc(parser->arena, sizeof *part->number);
    part->spelt = token.text;
    if (!literal_number(token.text, type, part->number, words, sizeof words))
        return parser_fail(parser, "%s", words);
    return part;
}

static struct part *parse_string(struct parser *parser, struct token token)
{
    struct part *part = parser_part(parser, PART_STRING, token.at);

    part->spelt = token.text;
    if (!literal_unquote(parser->arena, token.text, &part->value))
        return parser_fail(parser, "invalid syntax");
    return part;
}

/* NULL without a failure if no operand is here. */
static struct part *parse_single_word(struct parser *parser)
{
    struct token token = parser_next_solid(parser);
    struct part *part;

    switch (token.type) {
    case TOKEN_IDENTIFIER:
        return parse_identifier(parser, token);
    case TOKEN_DOT:
        return parser_part(parser, PART_DOT, token.at);
    case TOKEN_NIL:
        return parser_part(parser, PART_NIL, token.at);
    case TOKEN_VARIABLE:
        return use_variable(parser, token);
    case TOKEN_FIELD:
        return parser_named_part(parser, PART_FIELD, token);
    case TOKEN_BOOL:
        part = parser_part(parser, PART_BOOL, token.at);
        part->truth = token.text.at[0] == 't';
        return part;
    case TOKEN_CHARACTER:
    case TOKEN_COMPLEX:
    case TOKEN_NUMBER:
        return parse_number(parser, token);
    case TOKEN_LEFT_PAREN:
        if (!parser_enter(parser))
            return NULL;
        part = parse_pipeline(parser, "parenthesized pipeline", TOKEN_RIGHT_PAREN);
        parser->all->depth--;
        return part;
    case TOKEN_STRING:
    case TOKEN_RAW_STRING:
        return parse_string(parser, token);
    default:
        parser_back(parser);
        return NULL;
    }
}

/* Fields that follow a term without a space. */
static struct part *parse_operand(struct parser *parser)
{
    struct part *term = parse_single_word(parser);
    struct part *chain;
    scoped_text struct text shown = {0};

    if (!term || parser_peek(parser).type != TOKEN_FIELD)
        return term;
    chain = parser_part(parser, PART_CHAIN, parser_peek(parser).at);
    if (term->type == PART_FIELD || term->type == PART_VARIABLE) {
        chain->type = term->type;
        chain->names = term->names;
    } else {
        chain->inner = term;
    }
    while (parser_peek(parser).type == TOKEN_FIELD) {
        struct str text = parser_next(parser).text;

        if (text.len < 2)
            return parser_fail(parser, "empty field name");
        parser_add_names(parser, &chain->names, text);
    }
    switch (term->type) {
    case PART_BOOL:
    case PART_STRING:
    case PART_NUMBER:
    case PART_NIL:
    case PART_DOT:
        part_print(&shown, term);
        {
            scoped_text struct text quoted = {0};

            literal_quote(&quoted, (struct str){text_string(&shown), shown.len}, '"', false);
            return parser_fail(parser, "unexpected . after term %s", text_string(&quoted));
        }
    default:
        return chain;
    }
}

/* Words up to a pipe or the end; a space must stand between two. */
static struct part *parse_command(struct parser *parser)
{
    struct part *command = parser_part(parser, PART_COMMAND, parser_peek_solid(parser).at);

    for (;;) {
        struct part *operand;
        struct token token;

        parser_peek_solid(parser);
        operand = parse_operand(parser);
        if (parser->all->failed)
            return NULL;
        if (operand)
            parser_add_part(parser, &command->parts, operand);
        token = parser_next(parser);
        if (token.type == TOKEN_SPACE)
            continue;
        if (token.type == TOKEN_RIGHT || token.type == TOKEN_RIGHT_PAREN)
            parser_back(parser);
        else if (token.type != TOKEN_PIPE)
            return parser_unexpected(parser, token, "operand");
        break;
    }
    if (!command->parts.len)
        return parser_fail(parser, "empty command");
    return command;
}

/* ---- Pipelines ---- */

static void declare_variables(struct parser *parser, struct part *pipe, struct token variable)
{
    parser_add_part(parser, &pipe->variables, parser_named_part(parser, PART_VARIABLE, variable));
    parser_add_name(parser, &parser->variables, variable.text);
}

/* "$x :=", "$x =", "$i, $x :=" at the start of a pipeline. */
static bool parse_declarations(struct parser *parser, struct part *pipe, const char *context)
{
    for (;;) {
        struct token variable = parser_peek_solid(parser);
        struct token after, solid;
        enum token_type follows;

        if (variable.type != TOKEN_VARIABLE)
            return true;
        parser_next(parser);
        after = parser_peek(parser);
        solid = parser_peek_solid(parser);
        if (solid.type == TOKEN_ASSIGN || solid.type == TOKEN_DECLARE) {
            pipe->truth = solid.type == TOKEN_ASSIGN;
            parser_next_solid(parser);
            declare_variables(parser, pipe, variable);
            return true;
        }
        if (solid.type != TOKEN_CHAR || solid.text.at[0] != ',') {
            if (after.type == TOKEN_SPACE)
                parser_back_three(parser, variable, after);
            else
                parser_back_two(parser, variable);
            return true;
        }
        parser_next_solid(parser);
        declare_variables(parser, pipe, variable);
        if (!text_same(context, "range") || pipe->variables.len >= 2) {
            parser_fail(parser, "too many declarations in %s", context);
            return false;
        }
        follows = parser_peek_solid(parser).type;
        if (follows != TOKEN_VARIABLE && follows != TOKEN_RIGHT && follows != TOKEN_RIGHT_PAREN) {
            parser_fail(parser, "range can only initialize variables");
            return false;
        }
    }
}

/* Only what can take an argument may stand behind a pipe. */
static struct part *check_pipeline(struct parser *parser, struct part *pipe, const char *context)
{
    if (!pipe->commands.len)
        return parser_fail(parser, "missing value for %s", context);
    for (uint32_t i = 1; i < pipe->commands.len; i++) {
        switch (pipe->commands.at[i]->parts.at[0]->type) {
        case PART_BOOL:
        case PART_DOT:
        case PART_NIL:
        case PART_NUMBER:
        case PART_STRING:
            return parser_fail(parser, "non executable command in pipeline stage %u", i + 1);
        default:
            break;
        }
    }
    return pipe;
}

/* Declarations, then commands with pipes between them. */
struct part *parse_pipeline(struct parser *parser, const char *context, enum token_type end)
{
    struct part *pipe = parser_part(parser, PART_PIPE, parser_peek_solid(parser).at);

    if (!parse_declarations(parser, pipe, context))
        return NULL;
    for (;;) {
        struct token token = parser_next_solid(parser);
        struct part *command;

        if (token.type == end)
            return check_pipeline(parser, pipe, context);
        switch (token.type) {
        case TOKEN_BOOL:
        case TOKEN_CHARACTER:
        case TOKEN_COMPLEX:
        case TOKEN_DOT:
        case TOKEN_FIELD:
        case TOKEN_IDENTIFIER:
        case TOKEN_NUMBER:
        case TOKEN_NIL:
        case TOKEN_RAW_STRING:
        case TOKEN_STRING:
        case TOKEN_VARIABLE:
        case TOKEN_LEFT_PAREN:
            parser_back(parser);
            command = parse_command(parser);
            if (!command)
                return NULL;
            parser_add_part(parser, &pipe->commands, command);
            break;
        default:
            return parser_unexpected(parser, token, context);
        }
    }
}
