/* SPDX-License-Identifier: Apache-2.0 */
/* Parses the texts and actions of a template into trees. */
#include "gotemplate/parser.h"

static struct part *parse_branch(struct parser *parser, enum part_type type, uint32_t at);
static struct part *parse_parts(struct parser *parser, struct part **ret_end);

/* ---- Trees of one text ---- */

/* Twice one name in one text is an error, unless one of the two has an empty body. */
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
        return parser_fail(parser, "template: multiple definition of template %s",
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

    parser_add_name(&parser, &parser.variables, STR("$"));
    return parser;
}

/* The name of a definition is a string constant. */
static bool quoted_name(struct parser *parser, struct token token, const char *context,
                        struct str *ret)
{
    if (token.type != TOKEN_STRING && token.type != TOKEN_RAW_STRING) {
        parser_unexpected(parser, token, context);
        return false;
    }
    if (literal_unquote(parser->arena, token.text, ret))
        return true;
    parser_fail(parser, "invalid syntax");
    return false;
}

static void show_end(struct text *out, const struct part *end)
{
    text_add(out, end->type == PART_END ? "{{end}}" : "{{else}}");
}

/* Definitions and blocks end with {{end}} only. */
static bool ends_here(struct parser *parser, const struct part *end, const char *context)
{
    scoped_text struct text shown = {0};

    if (!end || end->type == PART_END)
        return end;
    show_end(&shown, end);
    parser_fail(parser, "unexpected %s in %s", text_string(&shown), context);
    return false;
}

/* {{define}} has variables of its own and sees none outside. */
static bool parse_definition(const struct parser *outer)
{
    static const char context[] = "define clause";
    struct parser parser = parser_inside(outer);
    struct token token = parser_next_solid(&parser);
    struct part *root, *end;

    if (!quoted_name(&parser, token, context, &parser.name))
        return false;
    token = parser_next_solid(&parser);
    if (token.type != TOKEN_RIGHT)
        return parser_unexpected(&parser, token, context);
    root = parse_parts(&parser, &end);
    return root && ends_here(&parser, end, context) && add_tree(&parser, root);
}

/* ---- Actions ---- */

/* A block is a definition and a call of it in one place. */
static struct part *template_call(struct parser *parser, struct token token, struct str name,
                                  struct part *pipe)
{
    struct part *part = parser_part(parser, PART_TEMPLATE, token.at);

    part->name = name;
    part->pipe = pipe;
    return part;
}

static struct part *parse_block(struct parser *parser)
{
    static const char context[] = "block clause";
    struct token token = parser_next_solid(parser);
    struct parser inside = parser_inside(parser);
    struct part *pipe, *root, *end;

    if (!quoted_name(parser, token, context, &inside.name))
        return NULL;
    pipe = parse_pipeline(parser, context, TOKEN_RIGHT);
    if (!pipe || !parser_enter(parser))
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
    struct token token = parser_next_solid(parser);
    struct part *pipe = NULL;
    struct str name;

    if (!quoted_name(parser, token, context, &name))
        return NULL;
    if (parser_next_solid(parser).type != TOKEN_RIGHT) {
        parser_back(parser);
        pipe = parse_pipeline(parser, context, TOKEN_RIGHT);
        if (!pipe)
            return NULL;
    }
    return template_call(parser, token, name, pipe);
}

/* {{break}} and {{continue}} stand inside a range only. */
static struct part *parse_jump(struct parser *parser, enum part_type type, struct token word)
{
    const char *shown = type == PART_BREAK ? "{{break}}" : "{{continue}}";
    struct token token = parser_next_solid(parser);

    if (token.type != TOKEN_RIGHT)
        return parser_unexpected(parser, token, shown);
    if (!parser->ranges)
        return parser_fail(parser, "%s outside {{range}}", shown);
    return parser_part(parser, type, word.at);
}

static struct part *parse_end(struct parser *parser)
{
    struct token token = parser_next_solid(parser);

    if (token.type != TOKEN_RIGHT)
        return parser_unexpected(parser, token, "end");
    return parser_part(parser, PART_END, token.at);
}

/* "{{else if" and "{{else with" are left for whoever opened the branch. */
static struct part *parse_else(struct parser *parser)
{
    struct token token = parser_peek_solid(parser);

    if (token.type != TOKEN_IF && token.type != TOKEN_WITH) {
        token = parser_next_solid(parser);
        if (token.type != TOKEN_RIGHT)
            return parser_unexpected(parser, token, "else");
    }
    return parser_part(parser, PART_ELSE, token.at);
}

/* What begins with a keyword; anything else is a pipeline whose value is printed. */
static struct part *parse_action(struct parser *parser)
{
    struct token token = parser_next_solid(parser);
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
    parser_back(parser);
    part = parser_part(parser, PART_ACTION, parser_peek(parser).at);
    part->pipe = parse_pipeline(parser, "command", TOKEN_RIGHT);
    return part->pipe ? part : NULL;
}

/* The next piece at any level of nesting. */
static struct part *text_or_action(struct parser *parser)
{
    struct token token = parser_next_solid(parser);
    struct part *part;

    if (token.type == TOKEN_TEXT) {
        part = parser_part(parser, PART_TEXT, token.at);
        part->text = token.text;
        return part;
    }
    if (token.type != TOKEN_LEFT)
        return parser_unexpected(parser, token, "input");
    parser->action_line = token.line;
    part = parse_action(parser);
    parser->action_line = 0;
    return part;
}

/* A list up to its {{end}} or {{else}}, which is handed back. */
static struct part *parse_parts(struct parser *parser, struct part **ret_end)
{
    struct part *list = parser_part(parser, PART_LIST, parser_peek_solid(parser).at);

    while (parser_peek_solid(parser).type != TOKEN_EOF) {
        struct part *part = text_or_action(parser);

        if (!part)
            return NULL;
        if (part->type == PART_END || part->type == PART_ELSE) {
            *ret_end = part;
            return list;
        }
        parser_add_part(parser, &list->parts, part);
    }
    return parser_fail(parser, "unexpected EOF");
}

/* "{{else if" and "{{else with" are a branch inside the other list; their {{end}} closes both. */
static struct part *parse_otherwise(struct parser *parser, enum part_type type,
                                    const struct part *seen)
{
    enum token_type again = type == PART_IF ? TOKEN_IF : TOKEN_WITH;
    struct part *list, *end, *branch;
    scoped_text struct text shown = {0};

    if (type != PART_RANGE && parser_peek(parser).type == again) {
        struct token token = parser_next(parser);

        list = parser_part(parser, PART_LIST, seen->at);
        branch = parse_branch(parser, type, token.at);
        if (branch)
            parser_add_part(parser, &list->parts, branch);
        return branch ? list : NULL;
    }
    list = parse_parts(parser, &end);
    if (!list || end->type == PART_END)
        return list;
    show_end(&shown, end);
    return parser_fail(parser, "expected end; found %s", text_string(&shown));
}

/* {{if}}, {{with}} and {{range}} are alike but for what they do with the pipeline. Variables
   that it declares are known up to the {{end}}. */
static struct part *parse_branch(struct parser *parser, enum part_type type, uint32_t at)
{
    static const char *const contexts[] = {
        [PART_IF] = "if", [PART_WITH] = "with", [PART_RANGE] = "range"};
    struct part *part = parser_part(parser, type, at);
    uint32_t mark = parser->variables.len;
    struct part *end;

    if (!parser_enter(parser))
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

/* At the top level definitions are allowed, and an {{end}} is not. */
static struct part *parse_text(struct parser *parser)
{
    struct part *root = parser_part(parser, PART_LIST, parser_peek(parser).at);

    while (parser_peek(parser).type != TOKEN_EOF) {
        struct part *part;
        scoped_text struct text shown = {0};

        if (parser_peek(parser).type == TOKEN_LEFT) {
            struct token delimiter = parser_next(parser);

            if (parser_next_solid(parser).type == TOKEN_DEFINE) {
                if (!parse_definition(parser))
                    return NULL;
                continue;
            }
            parser_back_two(parser, delimiter);
        }
        part = text_or_action(parser);
        if (!part)
            return NULL;
        if (part->type == PART_END || part->type == PART_ELSE) {
            show_end(&shown, part);
            return parser_fail(parser, "unexpected %s", text_string(&shown));
        }
        parser_add_part(parser, &root->parts, part);
    }
    return root;
}

/* Trees go into the scope only when the whole text is well-formed. */
struct tree *tree_parse(const struct parse_request *request, struct template_error *err)
{
    struct text_parse all = {.request = request, .heap = {.arena = request->arena}, .err = err};
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
        scope_put(request->scope, (struct tree *)(uintptr_t)all.trees->entries[i].value.string);
    return tree;
}
