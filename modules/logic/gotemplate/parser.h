/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOTEMPLATE_PARSER_H
#define GOTEMPLATE_PARSER_H

#include "gotemplate/tree.h"

/* What is shared by all the trees of one text. */
struct text_parse {
    const struct parse_request *request;
    struct lexer lexer;
    struct source *source;
    struct dict *trees; /* of this text, by name */
    struct heap heap;
    unsigned depth;
    bool failed;
    struct template_error *err;
};

/* One tree in the making. */
struct parser {
    struct text_parse *all;
    struct arena *arena;
    struct token token[3]; /* look-ahead; the next one is the last of `peeked` */
    int peeked;
    struct str name;
    struct names variables; /* in scope */
    unsigned ranges;
    uint32_t action_line;
};

/* Fills the error with Go's sentence, unless there is one already. NULL always. */
void *parser_fail(struct parser *parser, const char *format, ...) PRINTF(2, 3);
void *parser_unexpected(struct parser *parser, struct token token, const char *context);

/* Tokens, of which up to three can be given back. `solid`: no space. */
struct token parser_next(struct parser *parser);
struct token parser_peek(struct parser *parser);
struct token parser_next_solid(struct parser *parser);
struct token parser_peek_solid(struct parser *parser);
void parser_back(struct parser *parser);
void parser_back_two(struct parser *parser, struct token first);
void parser_back_three(struct parser *parser, struct token second, struct token first);

struct part *parser_part(struct parser *parser, enum part_type type, uint32_t at);
/* A part with the names of "$x.a.b" or ".a.b". */
struct part *parser_named_part(struct parser *parser, enum part_type type, struct token token);
void parser_add_part(struct parser *parser, struct parts *parts, struct part *part);
void parser_add_name(struct parser *parser, struct names *names, struct str text);
/* The names of "$x.a.b" or ".a.b". */
void parser_add_names(struct parser *parser, struct names *names, struct str text);
/* One level of nesting more; false when that is one too many. */
bool parser_enter(struct parser *parser);

/* A pipeline up to the token that ends it; `context` is for errors. */
struct part *parse_pipeline(struct parser *parser, const char *context, enum token_type end);

#endif
