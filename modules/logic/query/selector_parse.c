/* SPDX-License-Identifier: Apache-2.0 */
/* Parses label and field selectors by Kubernetes' grammar (pkg/labels, pkg/fields). */
#include "query/internal.h"

#include <string.h>

enum token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_IN,
    TOKEN_NOT_IN,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_COMMA,
    TOKEN_NOT,
    TOKEN_EQUAL,
    TOKEN_NOT_EQUAL,
    TOKEN_GREATER,
    TOKEN_LESS,
};

struct token {
    enum token_kind kind;
    const char *text;
};

struct parse {
    struct arena *arena;
    const char *at;
    struct token next; /* already read */
    struct selector *selector;
    struct err *err;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const struct {
    const char *text;
    enum token_kind kind;
    /* Longer symbols come first, so that "==" is not two of "=". */
} symbols[] = {
    {"==", TOKEN_EQUAL}, {"!=", TOKEN_NOT_EQUAL}, {"=", TOKEN_EQUAL},
    {"!", TOKEN_NOT},    {"(", TOKEN_OPEN},       {")", TOKEN_CLOSE},
    {",", TOKEN_COMMA},  {">", TOKEN_GREATER},    {"<", TOKEN_LESS},
};

static struct token lex_token(struct parse *p)
{
    struct token token = {TOKEN_END, ""};
    size_t len = 0;

    while (is_blank(*p->at))
        p->at++;
    if (!*p->at)
        return token;
    for (size_t i = 0; i < count_of(symbols); i++)
        if (text_starts(p->at, symbols[i].text)) {
            p->at += strlen(symbols[i].text);
            return (struct token){symbols[i].kind, symbols[i].text};
        }
    while (p->at[len] && !is_blank(p->at[len]) && !strchr("=!(),<>", p->at[len]))
        len++;
    token.text = arena_bytes(p->arena, p->at, len);
    p->at += len;
    token.kind = !strcmp(token.text, "in")      ? TOKEN_IN
                 : !strcmp(token.text, "notin") ? TOKEN_NOT_IN
                                                : TOKEN_WORD;
    return token;
}

/* `in` and `notin` are ordinary words in the place of a key or a value. */
static enum token_kind as_value(const struct token *token)
{
    return token->kind == TOKEN_IN || token->kind == TOKEN_NOT_IN ? TOKEN_WORD : token->kind;
}

static struct token consume_token(struct parse *p)
{
    struct token token = p->next;

    p->next = lex_token(p);
    return token;
}

static int refuse_selector(struct parse *p, const char *found, const char *expected)
{
    return err_set(p->err, ERR_BAD_REQUEST, "found '%.200s'%s", found, expected);
}

static void add_requirement_value(struct parse *p, struct requirement *r, const char *value)
{
    /* Grown by doubling whenever the count is a power of two. */
    if (!(r->count & (r->count - 1))) {
        const char **more = arena_alloc(p->arena, (r->count ? r->count * 2 : 1) * sizeof *more);

        if (r->count)
            memcpy(more, r->values, r->count * sizeof *more);
        r->values = more;
    }
    r->values[r->count++] = value;
}

/* Reads values up to the closing bracket. As upstream, a comma without a word
   beside it stands for an empty value: "a,b,,c". */
static int parse_value_list(struct parse *p, struct requirement *r)
{
    while (1) {
        struct token token = consume_token(p);

        if (as_value(&token) == TOKEN_WORD) {
            add_requirement_value(p, r, token.text);
            if (p->next.kind == TOKEN_CLOSE)
                return 0;
            if (p->next.kind != TOKEN_COMMA)
                return refuse_selector(p, p->next.text, ", expected: ',' or ')'");
        } else if (token.kind == TOKEN_COMMA) {
            if (!r->count)
                add_requirement_value(p, r, "");
            if (p->next.kind == TOKEN_CLOSE) {
                add_requirement_value(p, r, "");
                return 0;
            }
            if (p->next.kind == TOKEN_COMMA) {
                consume_token(p);
                add_requirement_value(p, r, "");
            }
        } else {
            return refuse_selector(p, token.text, ", expected: ',', or identifier");
        }
    }
}

static int parse_values(struct parse *p, struct requirement *r)
{
    struct token token = consume_token(p);

    if (token.kind != TOKEN_OPEN)
        return refuse_selector(p, token.text, " expected: '('");
    if (p->next.kind == TOKEN_CLOSE) {
        consume_token(p);
        return 0;
    }
    if (as_value(&p->next) != TOKEN_WORD && p->next.kind != TOKEN_COMMA)
        return refuse_selector(p, p->next.text, ", expected: ',', ')' or identifier");
    if (parse_value_list(p, r) < 0)
        return -1;
    consume_token(p);
    return 0;
}

static int parse_value(struct parse *p, struct requirement *r)
{
    struct token token;

    if (p->next.kind == TOKEN_END || p->next.kind == TOKEN_COMMA) {
        add_requirement_value(p, r, "");
        return 0;
    }
    token = consume_token(p);
    if (as_value(&token) != TOKEN_WORD)
        return refuse_selector(p, token.text, ", expected: identifier");
    add_requirement_value(p, r, token.text);
    return 0;
}

static int parse_operation(struct parse *p, struct requirement *r)
{
    struct token token = consume_token(p);

    switch (token.kind) {
    case TOKEN_IN:
    case TOKEN_NOT_IN:
        r->kind = token.kind == TOKEN_IN ? REQUIRE_IN : REQUIRE_NOT_IN;
        return parse_values(p, r);
    case TOKEN_EQUAL:
        r->kind = REQUIRE_IN;
        return parse_value(p, r);
    case TOKEN_NOT_EQUAL:
        r->kind = REQUIRE_NOT_IN;
        return parse_value(p, r);
    case TOKEN_GREATER:
    case TOKEN_LESS:
        r->kind = token.kind == TOKEN_GREATER ? REQUIRE_GREATER : REQUIRE_LESS;
        return parse_value(p, r);
    default:
        return refuse_selector(p, token.text, ", expected: in, notin, =, ==, !=, gt, lt");
    }
}

/* The key is checked before the operator is read, so that its error comes first,
   as upstream. */
static int parse_requirement(struct parse *p)
{
    struct requirement *r = selector_add(p->arena, p->selector);
    struct token token = consume_token(p);
    bool missing = token.kind == TOKEN_NOT;

    if (missing)
        token = consume_token(p);
    if (as_value(&token) != TOKEN_WORD)
        return refuse_selector(p, token.text, ", expected: identifier");
    r->key = token.text;
    r->kind = missing ? REQUIRE_MISSING : REQUIRE_EXISTS;
    if (requirement_check(r, true, p->err) < 0)
        return -1;
    if (missing || p->next.kind == TOKEN_END || p->next.kind == TOKEN_COMMA)
        return 0;
    if (parse_operation(p, r) < 0)
        return -1;
    requirement_settle(r);
    return requirement_check(r, true, p->err);
}

static int parse_all(struct parse *p)
{
    p->next = lex_token(p);
    while (p->next.kind != TOKEN_END) {
        if (as_value(&p->next) != TOKEN_WORD && p->next.kind != TOKEN_NOT)
            return refuse_selector(p, p->next.text,
                                   ", expected: !, identifier, or 'end of string'");
        if (parse_requirement(p) < 0)
            return err_wrap(p->err, "unable to parse requirement");
        if (p->next.kind == TOKEN_END)
            return 0;
        if (p->next.kind != TOKEN_COMMA)
            return refuse_selector(p, p->next.text, ", expected: ',' or 'end of string'");
        consume_token(p);
        if (as_value(&p->next) != TOKEN_WORD && p->next.kind != TOKEN_NOT)
            return refuse_selector(p, p->next.text, ", expected: identifier after ','");
    }
    return 0;
}

static int check_selector_length(const char *text, struct err *err)
{
    if (strlen(text) <= SELECTOR_MAX)
        return 0;
    return err_set(err, ERR_BAD_REQUEST, "a selector must be no more than %d bytes", SELECTOR_MAX);
}

struct selector *selector_parse_labels(struct arena *arena, const char *text, struct err *err)
{
    struct parse p = {.arena = arena, .err = err};

    if (check_selector_length(text, err) < 0)
        return NULL;
    p.at = text;
    p.selector = arena_alloc(arena, sizeof *p.selector);
    return parse_all(&p) < 0 ? NULL : p.selector;
}

/* ---- Fields ------------------------------------------------------------- */

static bool is_known_field(const char *const *known, const char *field)
{
    if (!strcmp(field, "metadata.name") || !strcmp(field, "metadata.namespace"))
        return true;
    for (; known && *known; known++)
        if (!strcmp(*known, field))
            return true;
    return false;
}

/* As upstream, there are two messages: one for kinds with selectable fields of
   their own, one for kinds that have only the two of all objects. */
static int refuse_field_name(const char *const *known, const char *field, struct err *err)
{
    if (*known)
        return err_set(err, ERR_BAD_REQUEST, "field label not supported: %.200s", field);
    return err_set(err, ERR_BAD_REQUEST,
                   "\"%.200s\" is not a known field selector: only "
                   "\"metadata.name\", \"metadata.namespace\"",
                   field);
}

/* Removes the backslash before `,`, `=` and `\`, in place. */
static int unescape_value(char *value, struct err *err)
{
    char *to = value;

    for (const char *from = value; *from; from++) {
        if (*from == '\\') {
            from++;
            if (!*from || !strchr("\\,=", *from))
                return err_set(err, ERR_BAD_REQUEST,
                               "invalid field selector: invalid escape "
                               "sequence: \\%.1s",
                               from);
        } else if (*from == ',' || *from == '=') {
            return err_set(err, ERR_BAD_REQUEST,
                           "invalid field selector: unescaped character in "
                           "value: %c",
                           *from);
        }
        *to++ = *from;
    }
    *to = '\0';
    return 0;
}

static int parse_field_term(struct arena *arena, struct selector *selector, const char *whole,
                            char *term, const char *const *known, struct err *err)
{
    char *sign = strpbrk(term, "=!");
    struct requirement *r;
    size_t len;

    /* A "!" that does not begin "!=" belongs to the field. */
    while (sign && *sign == '!' && sign[1] != '=')
        sign = strpbrk(sign + 1, "=!");
    if (!sign)
        return err_set(err, ERR_BAD_REQUEST,
                       "invalid selector: '%.200s'; can't understand '%.200s'", whole, term);
    len = sign[1] == '=' ? 2 : 1;
    r = selector_add(arena, selector);
    r->kind = *sign == '!' ? REQUIRE_NOT_IN : REQUIRE_IN;
    *sign = '\0';
    r->key = term;
    r->values = arena_alloc(arena, sizeof *r->values);
    r->values[0] = sign + len;
    r->count = 1;
    if (unescape_value(sign + len, err) < 0)
        return -1;
    return known && !is_known_field(known, term) ? refuse_field_name(known, term, err) : 0;
}

struct selector *selector_parse_fields(struct arena *arena, const char *text,
                                       const char *const *known, struct err *err)
{
    struct selector *selector = arena_alloc(arena, sizeof *selector);

    if (check_selector_length(text, err) < 0)
        return NULL;
    selector->fields = true;
    while (*text) {
        size_t len = 0;

        while (text[len] && text[len] != ',')
            len += text[len] == '\\' && text[len + 1] ? 2 : 1;
        if (len &&
            parse_field_term(arena, selector, text, arena_bytes(arena, text, len), known, err) < 0)
            return NULL;
        text += len + (text[len] == ',');
    }
    return selector;
}
