/* SPDX-License-Identifier: Apache-2.0 */
/* Gives the parser of templates its tokens, its parts and its errors. */
#include "gotemplate/parser.h"
#include "gotemplate/function.h"

#include <stdarg.h>

/* ---- Errors ---- */

/* The first mistake counts: those that follow from it are not reported. */
void *parser_fail(struct parser *parser, const char *format, ...)
{
    struct template_error *err = parser->all->err;
    struct str name = parser->all->source->name;
    scoped_text struct text words = {0};
    va_list args;

    if (parser->all->failed)
        return NULL;
    parser->all->failed = true;
    va_start(args, format);
    text_addv(&words, format, args);
    va_end(args);
    err->stage = TEMPLATE_PARSE;
    err->line = parser->token[0].line;
    err->column = -1;
    snprintf(err->name, sizeof err->name, "%.*s", (int)name.len, name.at);
    snprintf(err->text, sizeof err->text, "template: %.*s:%u: %s", (int)name.len, name.at,
             err->line, text_string(&words));
    return NULL;
}

/* As a token shows itself in an error. */
static void add_token(struct text *out, struct token token)
{
    struct str head = token.text;
    size_t runes = 0;

    if (token.type == TOKEN_EOF || token.type == TOKEN_ERROR) {
        text_add(out, token.type == TOKEN_EOF ? "EOF" : token.text.at);
        return;
    }
    if (token.type > TOKEN_KEYWORD) {
        text_addf(out, "<%.*s>", (int)token.text.len, token.text.at);
        return;
    }
    head.len = 0;
    while (token.text.len > 10 && head.len < token.text.len && runes++ < 10) {
        unsigned rune;

        head.len += rune_next(head.at + head.len, token.text.len - head.len, &rune);
    }
    if (token.text.len <= 10)
        head.len = token.text.len;
    literal_quote(out, head, '"', false);
    if (token.text.len > 10)
        text_add(out, "...");
}

/* Errors of the lexer are tokens, and have their words already. Those inside an action name the
   line on which it began. */
void *parser_unexpected(struct parser *parser, struct token token, const char *context)
{
    scoped_text struct text shown = {0};

    add_token(&shown, token);
    if (token.type != TOKEN_ERROR)
        return parser_fail(parser, "unexpected %s in %s", text_string(&shown), context);
    if (parser->action_line && parser->action_line != token.line)
        text_addf(&shown, "%s started at %.*s:%u",
                  text_ends(text_string(&shown), " action") ? "" : " in action",
                  (int)parser->all->source->name.len, parser->all->source->name.at,
                  parser->action_line);
    return parser_fail(parser, "%s", text_string(&shown));
}

/* ---- Tokens with look-ahead ---- */

/* Tokens that were given back come first, the last one of them before the others. */
struct token parser_next(struct parser *parser)
{
    if (parser->peeked > 0)
        parser->peeked--;
    else
        parser->token[0] = lexer_next(&parser->all->lexer);
    return parser->token[parser->peeked];
}

void parser_back(struct parser *parser)
{
    parser->peeked++;
}

/* A variable that begins no declaration is given back with the token behind it. */
void parser_back_two(struct parser *parser, struct token first)
{
    parser->token[1] = first;
    parser->peeked = 2;
}

void parser_back_three(struct parser *parser, struct token second, struct token first)
{
    parser->token[1] = first;
    parser->token[2] = second;
    parser->peeked = 3;
}

struct token parser_peek(struct parser *parser)
{
    if (parser->peeked > 0)
        return parser->token[parser->peeked - 1];
    parser->peeked = 1;
    parser->token[0] = lexer_next(&parser->all->lexer);
    return parser->token[0];
}

struct token parser_next_solid(struct parser *parser)
{
    struct token token;

    do
        token = parser_next(parser);
    while (token.type == TOKEN_SPACE);
    return token;
}

struct token parser_peek_solid(struct parser *parser)
{
    struct token token = parser_next_solid(parser);

    parser_back(parser);
    return token;
}

/* ---- Parts ---- */

struct part *parser_part(struct parser *parser, enum part_type type, uint32_t at)
{
    struct part *part = arena_alloc(parser->arena, sizeof *part);

    part->type = (unsigned char)type;
    part->at = at;
    part->source = parser->all->source;
    return part;
}

void parser_add_part(struct parser *parser, struct parts *parts, struct part *part)
{
    if (parts->len == parts->room) {
        uint32_t room = parts->room ? parts->room * 2 : 2;
        struct part **wider = arena_alloc(parser->arena, room * sizeof(struct part *));

        if (parts->len)
            memcpy(wider, parts->at, parts->len * sizeof(struct part *));
        parts->at = wider;
        parts->room = room;
    }
    parts->at[parts->len++] = part;
}

void parser_add_name(struct parser *parser, struct names *names, struct str text)
{
    if (names->len == names->room) {
        uint32_t room = names->room ? names->room * 2 : 4;
        struct name *wider = arena_alloc(parser->arena, room * sizeof *wider);

        if (names->len)
            memcpy(wider, names->at, names->len * sizeof *wider);
        names->at = wider;
        names->room = room;
    }
    names->at[names->len++] = (struct name){text, str_hash(text)};
}

/* Names of "$x.a.b" or ".a.b". */
void parser_add_names(struct parser *parser, struct names *names, struct str text)
{
    while (text.len) {
        const char *dot = memchr(text.at + 1, '.', text.len - 1);
        size_t len = dot ? (size_t)(dot - text.at) : text.len;
        size_t skip = text.at[0] == '.';

        parser_add_name(parser, names, (struct str){text.at + skip, len - skip});
        text = (struct str){text.at + len, text.len - len};
    }
}

struct part *parser_named_part(struct parser *parser, enum part_type type, struct token token)
{
    struct part *part = parser_part(parser, type, token.at);

    parser_add_names(parser, &part->names, token.text);
    return part;
}

/* Bounds the recursion of the parser. */
bool parser_enter(struct parser *parser)
{
    if (++parser->all->depth <= parser->all->request->nesting)
        return true;
    parser_fail(parser, "nested more than %u levels deep", parser->all->request->nesting);
    return false;
}
