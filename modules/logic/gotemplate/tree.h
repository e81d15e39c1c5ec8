/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOTEMPLATE_TREE_H
#define GOTEMPLATE_TREE_H

#include "golang/golang.h"
#include "gotemplate/gotemplate.h"

#include <stdio.h>

struct function;

/* ---- Tokens ---- */

enum token_type {
    TOKEN_ERROR,
    TOKEN_BOOL,
    TOKEN_CHAR,      /* printable, of no other kind */
    TOKEN_CHARACTER, /* 'a' */
    TOKEN_COMPLEX,
    TOKEN_ASSIGN,
    TOKEN_DECLARE,
    TOKEN_EOF,
    TOKEN_FIELD,
    TOKEN_IDENTIFIER,
    TOKEN_LEFT,
    TOKEN_LEFT_PAREN,
    TOKEN_NUMBER,
    TOKEN_PIPE,
    TOKEN_RAW_STRING,
    TOKEN_RIGHT,
    TOKEN_RIGHT_PAREN,
    TOKEN_SPACE,
    TOKEN_STRING,
    TOKEN_TEXT,
    TOKEN_VARIABLE,
    TOKEN_KEYWORD, /* only marks where keywords begin */
    TOKEN_BLOCK,
    TOKEN_BREAK,
    TOKEN_CONTINUE,
    TOKEN_DOT,
    TOKEN_DEFINE,
    TOKEN_ELSE,
    TOKEN_END,
    TOKEN_IF,
    TOKEN_NIL,
    TOKEN_RANGE,
    TOKEN_TEMPLATE,
    TOKEN_WITH,
};

struct token {
    enum token_type type;
    uint32_t at, line;
    struct str text; /* of an error: the words */
};

struct lexer {
    const char *text;
    uint32_t len, at, start;
    uint32_t line, start_line;
    bool at_end, inside, failed;
    int parens;
    char words[160]; /* of the last error */
};

void lexer_start(struct lexer *lexer, const char *text, size_t len);
struct token lexer_next(struct lexer *lexer);

/* ---- Trees ---- */

enum part_type {
    PART_TEXT,
    PART_ACTION,
    PART_IF,
    PART_WITH,
    PART_RANGE,
    PART_TEMPLATE,
    PART_BREAK,
    PART_CONTINUE,
    PART_LIST,
    PART_PIPE,
    PART_COMMAND,
    PART_FIELD,
    PART_CHAIN,
    PART_IDENTIFIER,
    PART_VARIABLE,
    PART_DOT,
    PART_NIL,
    PART_BOOL,
    PART_NUMBER,
    PART_STRING,
    PART_END, /* never in a tree */
    PART_ELSE,
};

struct name {
    struct str text;
    uint32_t hash;
};

struct parts {
    struct part **at;
    uint32_t len, room;
};

struct names {
    struct name *at;
    uint32_t len, room;
};

/* The text that several trees were parsed from: what positions count in. */
struct source {
    struct str name, text;
};

struct part {
    unsigned char type;
    bool truth;  /* of a bool; of a pipe: it assigns */
    uint32_t at; /* byte offset in the source */
    struct source *source;
    union {
        struct str text;    /* TEXT */
        struct parts parts; /* LIST; COMMAND: its words */
        struct {            /* PIPE */
            struct parts commands;
            struct parts variables;
        };
        struct { /* IF, WITH, RANGE, ACTION, TEMPLATE */
            struct part *pipe;
            struct part *list, *otherwise; /* lists */
            struct str name;
        };
        struct {                /* FIELD, VARIABLE, CHAIN, IDENTIFIER */
            struct names names; /* of a variable: "$x" first */
            struct part *inner; /* CHAIN: what the fields are of */
            const struct function *function;
        };
        struct { /* STRING, NUMBER */
            struct str spelt, value;
            struct literal_number *number;
        };
    };
};

struct tree {
    struct str name;
    struct source *source;
    struct part *root; /* a list */
};

/* Templates by name; a scope sees what its parent defines. */
struct scope {
    struct scope *parent;
    struct arena *arena;
    struct dict *trees; /* values hold trees behind `string` */
    struct heap heap;
};

struct scope *scope_new(struct arena *arena, struct scope *parent);
struct tree *scope_find(const struct scope *scope, struct str name);
/* A later tree replaces an earlier one unless it is empty. */
void scope_put(struct scope *scope, struct tree *tree);
bool tree_empty(const struct part *list);

struct parse_request {
    struct arena *arena;
    struct scope *scope;
    const struct map *functions; /* of struct function */
    struct str name, text;
    unsigned nesting;
    struct meter *meter;
};

/* Parses a text into a scope. NULL with Go's sentence in `err` on failure. */
struct tree *tree_parse(const struct parse_request *request, struct template_error *err);

/* As Go's Node.String: what error contexts and template_set_print show. */
void part_print(struct text *out, const struct part *part);

#endif
