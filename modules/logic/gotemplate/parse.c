/* SPDX-License-Identifier: Apache-2.0 */
/* Makes trees from the tokens of a template. */
#include "base/map.h"
#include "gotemplate/function.h"
#include "gotemplate/tree.h"
#include "base/map.h"

#include <stdarg.h>

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

static struct part *parse_pipeline(struct parser *parser, const char *context,
                                   enum token_type end);
static struct part *parse_branch(struct parser *parser, enum part_type type,
                                 uint32_t at);
static struct part *parse_parts(struct parser *parser, struct part **ret_end);

/* ---- Errors ---- */

static void *fail_parsing(struct parser *parser, const char *format, ...) PRINTF(2, 3);

static void *fail_parsing(struct parser *parser, const char *format, ...)
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
    snprintf(err->text, sizeof err->text, "template: %.*s:%u: %s",
             (int)name.len, name.at, err->line, text_string(&words));
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

        head.len +=
            rune_next(head.at + head.len, token.text.len - head.len, &rune);
    }
    if (token.text.len <= 10)
        head.len = token.text.len;
    literal_quote(out, head, '"', false);
    if (token.text.len > 10)
        text_add(out, "...");
}

static void *fail_unexpected(struct parser *parser, struct token token,
                        const char *context)
{
    scoped_text struct text shown = {0};

    add_token(&shown, token);
    if (token.type != TOKEN_ERROR)
        return fail_parsing(parser, "unexpected %s in %s", text_string(&shown), context);
    if (parser->action_line && parser->action_line != token.line)
        text_addf(&shown, "%s started at %.*s:%u",
                  text_ends(text_string(&shown), " action") ? ""
                                                            : " in action",
                  (int)parser->all->source->name.len,
                  parser->all->source->name.at, parser->action_line);
    return fail_parsing(parser, "%s", text_string(&shown));
}

/* ---- Tokens with look-ahead ---- */

static struct token next_token(struct parser *parser)
{
    if (parser->peeked > 0)
        parser->peeked--;
    else
        parser->token[0] = lexer_next(&parser->all->lexer);
    return parser->token[parser->peeked];
}

static void put_token_back(struct parser *parser)
{
    parser->peeked++;
}

static void back_two(struct parser *parser, struct token first)
{
    parser->token[1] = first;
    parser->peeked = 2;
}

static void back_three(struct parser *parser, struct token second,
                       struct token first)
{
    parser->token[1] = first;
    parser->token[2] = second;
    parser->peeked = 3;
}

static struct token peek_token(struct parser *parser)
{
    if (parser->peeked > 0)
        return parser->token[parser->peeked - 1];
    parser->peeked = 1;
    parser->token[0] = lexer_next(&parser->all->lexer);
    return parser->token[0];
}

static struct token next_solid(struct parser *parser)
{
    struct token token;

    do
        token = next_token(parser);
    while (token.type == TOKEN_SPACE);
    return token;
}

static struct token peek_solid(struct parser *parser)
{
    struct token token = next_solid(parser);

    put_token_back(parser);
    return token;
}

/* ---- Parts ---- */

static struct part *part_new(struct parser *parser, enum part_type type,
                             uint32_t at)
{
    struct part *part = arena_alloc(parser->arena, sizeof *part);

    part->type = (unsigned char)type;
    part->at = at;
    part->source = parser->all->source;
    return part;
}

static void parts_add(struct parser *parser, struct parts *parts,
                      struct part *part)
{
    if (parts->len == parts->room) {
        uint32_t room = parts->room ? parts->room * 2 : 2;
        struct part **wider =
            arena_alloc(parser->arena, room * sizeof(struct part *));

        if (parts->len)
            memcpy(wider, parts->at, parts->len * sizeof(struct part *));
        parts->at = wider;
        parts->room = room;
    }
    parts->at[parts->len++] = part;
}

static void names_add(struct parser *parser, struct names *names,
                      struct str text)
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
static void names_split(struct parser *parser, struct names *names,
                        struct str text)
{
    while (text.len) {
        const char *dot = memchr(text.at + 1, '.', text.len - 1);
        size_t len = dot ? (size_t)(dot - text.at) : text.len;
        size_t skip = text.at[0] == '.';

        names_add(parser, names, (struct str){text.at + skip, len - skip});
        text = (struct str){text.at + len, text.len - len};
    }
}

static struct part *part_with_name(struct parser *parser, enum part_type type,
                          struct token token)
{
    struct part *part = part_new(parser, type, token.at);

    names_split(parser, &part->names, token.text);
    return part;
}

static bool enter_nesting(struct parser *parser)
{
    if (++parser->all->depth <= parser->all->request->nesting)
        return true;
    fail_parsing(parser, "nested more than %u levels deep",
         parser->all->request->nesting);
    return false;
}

/* ---- Operands ---- */

static struct part *parse_identifier(struct parser *parser, struct token token)
{
    const struct map *functions = parser->all->request->functions;
    const char *name =
        arena_bytes(parser->arena, token.text.at, token.text.len);
    const struct function *function = map_get(functions, name);
    struct part *part;

    if (!function)
        return fail_parsing(parser, "function \"%s\" not defined", name);
    if (function->refused)
        return fail_parsing(parser, "function \"%s\" not defined here: it %s", name,
                    function->refused);
    part = part_new(parser, PART_IDENTIFIER, token.at);
    names_add(parser, &part->names, token.text);
    part->function = function;
    return part;
}

static struct part *use_variable(struct parser *parser, struct token token)
{
    struct part *part = part_with_name(parser, PART_VARIABLE, token);

    /* So many that looking for one is dear: each look is paid for. */
    if (!meter_spend(parser->all->request->meter, parser->variables.len * 4))
        return fail_parsing(parser, "too many variables: the template does too much");
    for (uint32_t i = 0; i < parser->variables.len; i++) {
        if (str_same(parser->variables.at[i].text, part->names.at[0].text))
            return part;
    }
    scoped_text struct text quoted = {0};

    literal_quote(&quoted, part->names.at[0].text, '"', false);
    return fail_parsing(parser, "undefined variable %s", text_string(&quoted));
}

static struct part *parse_number(struct parser *parser, struct token token)
{
    struct part *part = part_new(parser, PART_NUMBER, token.at);
    enum literal_type type = token.type == TOKEN_CHARACTER ? LITERAL_CHARACTER
                             : token.type == TOKEN_COMPLEX ? LITERAL_COMPLEX
                                                           : LITERAL_NUMBER;
    char words[700];

    part->number = arena_alloc(parser->arena, sizeof *part->number);
    part->spelt = token.text;
    if (!literal_number(token.text, type, part->number, words,
                        sizeof words))
        return fail_parsing(parser, "%s", words);
    return part;
}

static struct part *parse_string(struct parser *parser, struct token token)
{
    struct part *part = part_new(parser, PART_STRING, token.at);

    part->spelt = token.text;
    if (!literal_unquote(parser->arena, token.text, &part->value))
        return fail_parsing(parser, "invalid syntax");
    return part;
}

/* NULL without a failure if no operand is here. */
static struct part *parse_single_word(struct parser *parser)
{
    struct token token = next_solid(parser);
    struct part *part;

    switch (token.type) {
    case TOKEN_IDENTIFIER:
        return parse_identifier(parser, token);
    case TOKEN_DOT:
        return part_new(parser, PART_DOT, token.at);
    case TOKEN_NIL:
        return part_new(parser, PART_NIL, token.at);
    case TOKEN_VARIABLE:
        return use_variable(parser, token);
    case TOKEN_FIELD:
        return part_with_name(parser, PART_FIELD, token);
    case TOKEN_BOOL:
        part = part_new(parser, PART_BOOL, token.at);
        part->truth = token.text.at[0] == 't';
        return part;
    case TOKEN_CHARACTER:
    case TOKEN_COMPLEX:
    case TOKEN_NUMBER:
        return parse_number(parser, token);
    case TOKEN_LEFT_PAREN:
        if (!enter_nesting(parser))
            return NULL;
        part = parse_pipeline(parser, "parenthesized pipeline",
                              TOKEN_RIGHT_PAREN);
        parser->all->depth--;
        return part;
    case TOKEN_STRING:
    case TOKEN_RAW_STRING:
        return parse_string(parser, token);
    default:
        put_token_back(parser);
        return NULL;
    }
}

/* Fields that follow a term without a space. */
static struct part *parse_operand(struct parser *parser)
{
    struct part *term = parse_single_word(parser);
    struct part *chain;
    scoped_text struct text shown = {0};

    if (!term || peek_token(parser).type != TOKEN_FIELD)
        return term;
    chain = part_new(parser, PART_CHAIN, peek_token(parser).at);
    if (term->type == PART_FIELD || term->type == PART_VARIABLE) {
        chain->type = term->type;
        chain->names = term->names;
    } else {
        chain->inner = term;
    }
    while (peek_token(parser).type == TOKEN_FIELD) {
        struct str text = next_token(parser).text;

        if (text.len < 2)
            return fail_parsing(parser, "empty field name");
        names_split(parser, &chain->names, text);
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

            literal_quote(&quoted,
                          (struct str){text_string(&shown), shown.len}, '"',
                          false);
            return fail_parsing(parser, "unexpected . after term %s",
                        text_string(&quoted));
        }
    default:
        return chain;
    }
}

static struct part *parse_command(struct parser *parser)
{
    struct part *command =
        part_new(parser, PART_COMMAND, peek_solid(parser).at);

    for (;;) {
        struct part *operand;
        struct token token;

        peek_solid(parser);
        operand = parse_operand(parser);
        if (parser->all->failed)
            return NULL;
        if (operand)
            parts_add(parser, &command->parts, operand);
        token = next_token(parser);
        if (token.type == TOKEN_SPACE)
            continue;
        if (token.type == TOKEN_RIGHT || token.type == TOKEN_RIGHT_PAREN)
            put_token_back(parser);
        else if (token.type != TOKEN_PIPE)
            return fail_unexpected(parser, token, "operand");
        break;
    }
    if (!command->parts.len)
        return fail_parsing(parser, "empty command");
    return command;
}

/* ---- Pipelines ---- */

static void declare_variables(struct parser *parser, struct part *pipe,
                    struct token variable)
{
    parts_add(parser, &pipe->variables, part_with_name(parser, PART_VARIABLE, variable));
    names_add(parser, &parser->variables, variable.text);
}

/* "$x :=", "$x =", "$i, $x :=" at the start of a pipeline. */
static bool parse_declarations(struct parser *parser, struct part *pipe,
                               const char *context)
{
    for (;;) {
        struct token variable = peek_solid(parser);
        struct token after, solid;
        enum token_type follows;

        if (variable.type != TOKEN_VARIABLE)
            return true;
        next_token(parser);
        after = peek_token(parser);
        solid = peek_solid(parser);
        if (solid.type == TOKEN_ASSIGN || solid.type == TOKEN_DECLARE) {
            pipe->truth = solid.type == TOKEN_ASSIGN;
            next_solid(parser);
            declare_variables(parser, pipe, variable);
            return true;
        }
        if (solid.type != TOKEN_CHAR || solid.text.at[0] != ',') {
            if (after.type == TOKEN_SPACE)
                back_three(parser, variable, after);
            else
                back_two(parser, variable);
            return true;
        }
        next_solid(parser);
        declare_variables(parser, pipe, variable);
        if (!text_same(context, "range") || pipe->variables.len >= 2) {
            fail_parsing(parser, "too many declarations in %s", context);
            return false;
        }
        follows = peek_solid(parser).type;
        if (follows != TOKEN_VARIABLE && follows != TOKEN_RIGHT &&
            follows != TOKEN_RIGHT_PAREN) {
            fail_parsing(parser, "range can only initialize variables");
            return false;
        }
    }
}

static struct part *check_pipeline(struct parser *parser, struct part *pipe,
                                   const char *context)
{
    if (!pipe->commands.len)
        return fail_parsing(parser, "missing value for %s", context);
    for (uint32_t i = 1; i < pipe->commands.len; i++) {
        switch (pipe->commands.at[i]->parts.at[0]->type) {
        case PART_BOOL:
        case PART_DOT:
        case PART_NIL:
        case PART_NUMBER:
        case PART_STRING:
            return fail_parsing(parser, "non executable command in pipeline stage %u",
                        i + 1);
        default:
            break;
        }
    }
    return pipe;
}

static struct part *parse_pipeline(struct parser *parser, const char *context,
                                   enum token_type end)
{
    struct part *pipe = part_new(parser, PART_PIPE, peek_solid(parser).at);

    if (!parse_declarations(parser, pipe, context))
        return NULL;
    for (;;) {
        struct token token = next_solid(parser);
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
            put_token_back(parser);
            command = parse_command(parser);
            if (!command)
                return NULL;
            parts_add(parser, &pipe->commands, command);
            break;
        default:
            return fail_unexpected(parser, token, context);
        }
    }
}

/* ---- Trees of one text ---- */

static struct tree *add_tree(struct parser *parser, struct part *root)
{
    struct dict *trees = parser->all->trees;
    struct value *old = dict_get(trees, parser->name);
    struct tree *tree = arena_alloc(parser->arena, sizeof *tree);
    scoped_text struct text quoted = {0};

    *tree = (struct tree){parser->name, parser->all->source, root};
    if (old && !tree_empty(((const struct tree *)old->string)->root)) {
        if (tree_empty(root))
            return tree;
        literal_quote(&quoted, parser->name, '"', false);
        return fail_parsing(parser, "template: multiple definition of template %s",
                    text_string(&quoted));
    }
    dict_set(trees, parser->name,
             (struct value){.kind = KIND_STRING, .string = (const char *)tree});
    return tree;
}

/* A parser for a tree inside this text, with variables of its own. */
static struct parser parser_inside(const struct parser *outer)
{
    struct parser parser = {.all = outer->all, .arena = outer->arena};

    names_add(&parser, &parser.variables, STR("$"));
    return parser;
}

static bool quoted_name(struct parser *parser, struct token token,
                        const char *context, struct str *ret)
{
    if (token.type != TOKEN_STRING && token.type != TOKEN_RAW_STRING) {
        fail_unexpected(parser, token, context);
        return false;
    }
    if (literal_unquote(parser->arena, token.text, ret))
        return true;
    fail_parsing(parser, "invalid syntax");
    return false;
}

static void show_end(struct text *out, const struct part *end)
{
    text_add(out, end->type == PART_END ? "{{end}}" : "{{else}}");
}

static bool ends_here(struct parser *parser, const struct part *end,
                      const char *context)
{
    scoped_text struct text shown = {0};

    if (!end || end->type == PART_END)
        return end;
    show_end(&shown, end);
    fail_parsing(parser, "unexpected %s in %s", text_string(&shown), context);
    return false;
}

static bool parse_definition(const struct parser *outer)
{
    static const char context[] = "define clause";
    struct parser parser = parser_inside(outer);
    struct token token = next_solid(&parser);
    struct part *root, *end;

    if (!quoted_name(&parser, token, context, &parser.name))
        return false;
    token = next_solid(&parser);
    if (token.type != TOKEN_RIGHT)
        return fail_unexpected(&parser, token, context);
    root = parse_parts(&parser, &end);
    return root && ends_here(&parser, end, context) && add_tree(&parser, root);
}

/* ---- Actions ---- */

static struct part *template_call(struct parser *parser, struct token token,
                                  struct str name, struct part *pipe)
{
    struct part *part = part_new(parser, PART_TEMPLATE, token.at);

    part->name = name;
    part->pipe = pipe;
    return part;
}

static struct part *parse_block(struct parser *parser)
{
    static const char context[] = "block clause";
    struct token token = next_solid(parser);
    struct parser inside = parser_inside(parser);
    struct part *pipe, *root, *end;

    if (!quoted_name(parser, token, context, &inside.name))
        return NULL;
    pipe = parse_pipeline(parser, context, TOKEN_RIGHT);
    if (!pipe || !enter_nesting(parser))
        return NULL;
    root = parse_parts(&inside, &end);
    parser->all->depth--;
    if (!root || !ends_here(parser, end, context) || !add_tree(&inside, root))
        return NULL;
    return template_call(parser, token, inside.name, pipe);
}

static struct part *parse_template(struct parser *parser)
{
    static const char context[] = "template clause";
    struct token token = next_solid(parser);
    struct part *pipe = NULL;
    struct str name;

    if (!quoted_name(parser, token, context, &name))
        return NULL;
    if (next_solid(parser).type != TOKEN_RIGHT) {
        put_token_back(parser);
        pipe = parse_pipeline(parser, context, TOKEN_RIGHT);
        if (!pipe)
            return NULL;
    }
    return template_call(parser, token, name, pipe);
}

static struct part *parse_jump(struct parser *parser, enum part_type type,
                               struct token word)
{
    const char *shown = type == PART_BREAK ? "{{break}}" : "{{continue}}";
    struct token token = next_solid(parser);

    if (token.type != TOKEN_RIGHT)
        return fail_unexpected(parser, token, shown);
    if (!parser->ranges)
        return fail_parsing(parser, "%s outside {{range}}", shown);
    return part_new(parser, type, word.at);
}

static struct part *parse_end(struct parser *parser)
{
    struct token token = next_solid(parser);

    if (token.type != TOKEN_RIGHT)
        return fail_unexpected(parser, token, "end");
    return part_new(parser, PART_END, token.at);
}

/* "{{else if" and "{{else with" are left for whoever opened the branch. */
static struct part *parse_else(struct parser *parser)
{
    struct token token = peek_solid(parser);

    if (token.type != TOKEN_IF && token.type != TOKEN_WITH) {
        token = next_solid(parser);
        if (token.type != TOKEN_RIGHT)
            return fail_unexpected(parser, token, "else");
    }
    return part_new(parser, PART_ELSE, token.at);
}

static struct part *parse_action(struct parser *parser)
{
    struct token token = next_solid(parser);
    struct part *part;

    switch (token.type) {
    case TOKEN_BLOCK:
        return parse_block(parser);
    case TOKEN_BREAK:
        return parse_jump(parser, PART_BREAK, token);
    case TOKEN_CONTINUE:
        return parse_jump(parser, PART_CONTINUE, token);
    case TOKEN_ELSE:
        return parse_else(parser);
    case TOKEN_END:
        return parse_end(parser);
    case TOKEN_IF:
        return parse_branch(parser, PART_IF, token.at);
    case TOKEN_RANGE:
        return parse_branch(parser, PART_RANGE, token.at);
    case TOKEN_TEMPLATE:
        return parse_template(parser);
    case TOKEN_WITH:
        return parse_branch(parser, PART_WITH, token.at);
    default:
        break;
    }
    put_token_back(parser);
    part = part_new(parser, PART_ACTION, peek_token(parser).at);
    part->pipe = parse_pipeline(parser, "command", TOKEN_RIGHT);
    return part->pipe ? part : NULL;
}

static struct part *text_or_action(struct parser *parser)
{
    struct token token = next_solid(parser);
    struct part *part;

    if (token.type == TOKEN_TEXT) {
        part = part_new(parser, PART_TEXT, token.at);
        part->text = token.text;
        return part;
    }
    if (token.type != TOKEN_LEFT)
        return fail_unexpected(parser, token, "input");
    parser->action_line = token.line;
    part = parse_action(parser);
    parser->action_line = 0;
    return part;
}

static struct part *parse_parts(struct parser *parser, struct part **ret_end)
{
    struct part *list = part_new(parser, PART_LIST, peek_solid(parser).at);

    while (peek_solid(parser).type != TOKEN_EOF) {
        struct part *part = text_or_action(parser);

        if (!part)
            return NULL;
        if (part->type == PART_END || part->type == PART_ELSE) {
            *ret_end = part;
            return list;
        }
        parts_add(parser, &list->parts, part);
    }
    return fail_parsing(parser, "unexpected EOF");
}

/* What follows {{else}}: a list, or one more branch as in {{else if}}. */
static struct part *parse_otherwise(struct parser *parser, enum part_type type,
                                    const struct part *seen)
{
    enum token_type again = type == PART_IF ? TOKEN_IF : TOKEN_WITH;
    struct part *list, *end, *branch;
    scoped_text struct text shown = {0};

    if (type != PART_RANGE && peek_token(parser).type == again) {
        struct token token = next_token(parser);

        list = part_new(parser, PART_LIST, seen->at);
        branch = parse_branch(parser, type, token.at);
        if (branch)
            parts_add(parser, &list->parts, branch);
        return branch ? list : NULL;
    }
    list = parse_parts(parser, &end);
    if (!list || end->type == PART_END)
        return list;
    show_end(&shown, end);
    return fail_parsing(parser, "expected end; found %s", text_string(&shown));
}

static struct part *parse_branch(struct parser *parser, enum part_type type,
                                 uint32_t at)
{
    static const char *const contexts[] = {
        [PART_IF] = "if", [PART_WITH] = "with", [PART_RANGE] = "range"};
    struct part *part = part_new(parser, type, at);
    uint32_t mark = parser->variables.len;
    struct part *end;

    if (!enter_nesting(parser))
        return NULL;
    part->pipe = parse_pipeline(parser, contexts[type], TOKEN_RIGHT);
    if (!part->pipe)
        return NULL;
    part->at = part->pipe->at;
    parser->ranges += type == PART_RANGE;
    part->list = parse_parts(parser, &end);
    parser->ranges -= type == PART_RANGE;
    if (!part->list)
        return NULL;
    if (end->type == PART_ELSE) {
        part->otherwise = parse_otherwise(parser, type, end);
        if (!part->otherwise)
            return NULL;
    }
    parser->variables.len = mark;
    parser->all->depth--;
    return part;
}

static struct part *parse_text(struct parser *parser)
{
    struct part *root = part_new(parser, PART_LIST, peek_token(parser).at);

    while (peek_token(parser).type != TOKEN_EOF) {
        struct part *part;
        scoped_text struct text shown = {0};

        if (peek_token(parser).type == TOKEN_LEFT) {
            struct token delimiter = next_token(parser);

            if (next_solid(parser).type == TOKEN_DEFINE) {
                if (!parse_definition(parser))
                    return NULL;
                continue;
            }
            back_two(parser, delimiter);
        }
        part = text_or_action(parser);
        if (!part)
            return NULL;
        if (part->type == PART_END || part->type == PART_ELSE) {
            show_end(&shown, part);
            return fail_parsing(parser, "unexpected %s", text_string(&shown));
        }
        parts_add(parser, &root->parts, part);
    }
    return root;
}

struct tree *tree_parse(const struct parse_request *request,
                        struct template_error *err)
{
    struct text_parse all = {.request = request,
                             .heap = {.arena = request->arena},
                             .err = err};
    struct parser outer = {.all = &all, .arena = request->arena};
    struct parser parser;
    struct part *root;
    struct tree *tree;

    all.source = arena_alloc(request->arena, sizeof *all.source);
    *all.source = (struct source){request->name, request->text};
    all.trees = dict_new(&all.heap, ELEMENT_ANY);
    lexer_start(&all.lexer, request->text.at, request->text.len);
    parser = parser_inside(&outer);
    parser.name = request->name;
    root = parse_text(&parser);
    tree = root ? add_tree(&parser, root) : NULL;
    if (!tree)
        return NULL;
    for (uint32_t i = 0; i < all.trees->len; i++)
        scope_put(request->scope,
                  (struct tree *)(uintptr_t)all.trees->entries[i].value.string);
    return tree;
}

/* ---- Scopes ---- */
