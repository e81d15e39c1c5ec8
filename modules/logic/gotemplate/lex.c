/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts the text of a template into tokens. */
#include "gotemplate/tree.h"

#include <stdarg.h>

#define END_OF_TEXT 0xffffffffu
#define MARKER 2 /* "- " and " -" */

void lexer_start(struct lexer *lexer, const char *text, size_t len)
{
    *lexer = (struct lexer){.text = text, .len = (uint32_t)len, .line = 1, .start_line = 1};
}

static bool is_template_space(unsigned rune)
{
    return rune == ' ' || rune == '\t' || rune == '\r' || rune == '\n';
}

/* What names and keywords consist of. */
static bool is_alphanumeric(unsigned rune)
{
    if (rune < 0x80)
        return rune == '_' || (rune >= '0' && rune <= '9') ||
               ((rune | 0x20) >= 'a' && (rune | 0x20) <= 'z');
    return rune != END_OF_TEXT && (unicode_is_letter(rune) || unicode_is_digit(rune));
}

/* Does the text go on with these bytes? */
static bool looking_at(const struct lexer *lexer, uint32_t at, const char *what)
{
    size_t len = strlen(what);

    return at <= lexer->len && lexer->len - at >= len && memcmp(lexer->text + at, what, len) == 0;
}

/* Lines are counted as runes are taken; whatever skips bytes counts them itself. */
static unsigned take_rune(struct lexer *lexer)
{
    unsigned rune;

    if (lexer->at >= lexer->len) {
        lexer->at_end = true;
        return END_OF_TEXT;
    }
    lexer->at += (uint32_t)rune_next(lexer->text + lexer->at, lexer->len - lexer->at, &rune);
    lexer->line += rune == '\n';
    return rune;
}

/* Steps back over the rune just read, unless that was the end. */
static void step_back(struct lexer *lexer)
{
    uint32_t at = lexer->at;
    unsigned rune;

    if (lexer->at_end || !at)
        return;
    for (unsigned back = 1; back <= 4 && back <= at; back++) {
        if (rune_next(lexer->text + at - back, back, &rune) == back) {
            lexer->at = at - back;
            break;
        }
    }
    if (lexer->at == at)
        lexer->at = at - 1;
    lexer->line -= lexer->text[lexer->at] == '\n';
}

/* The next rune, which stays where it is. At the end it notes that, for step_back(). */
static unsigned peek_rune(struct lexer *lexer)
{
    unsigned rune;

    if (lexer->at >= lexer->len) {
        lexer->at_end = true;
        return END_OF_TEXT;
    }
    rune_next(lexer->text + lexer->at, lexer->len - lexer->at, &rune);
    return rune;
}

/* The text since the last token becomes a token of the type. */
static struct token emit_token(struct lexer *lexer, enum token_type type)
{
    struct token token = {.type = type,
                          .at = lexer->start,
                          .line = lexer->start_line,
                          .text = {lexer->text + lexer->start, lexer->at - lexer->start}};

    lexer->start = lexer->at;
    lexer->start_line = lexer->line;
    return token;
}

static struct token fail_lexing(struct lexer *lexer, const char *format, ...) PRINTF(2, 3);

/* An error is the last token: the text counts as read, as in Go. */
static struct token fail_lexing(struct lexer *lexer, const char *format, ...)
{
    struct token token = {.type = TOKEN_ERROR, .at = lexer->start, .line = lexer->start_line};
    va_list args;

    va_start(args, format);
    vsnprintf(lexer->words, sizeof lexer->words, format, args);
    va_end(args);
    token.text = str_of(lexer->words);
    lexer->failed = true;
    lexer->at = lexer->start = lexer->len = 0;
    return token;
}

/* "…syntax: "spelling"", the spelling quoted and kept short. */
static struct token fail_spelling(struct lexer *lexer, const char *words)
{
    scoped_text struct text quoted = {0};
    struct str spelt = {lexer->text + lexer->start, lexer->at - lexer->start};

    literal_quote(&quoted, spelt, '"', false);
    return fail_lexing(lexer, "%s: %.120s", words, text_string(&quoted));
}

/* Go prints a rune as U+0040 '@', and the end of the text as a rune of -1. */
static struct token fail_rune(struct lexer *lexer, const char *words, unsigned rune)
{
    char bytes[5] = {0};

    if (rune == END_OF_TEXT)
        return fail_lexing(lexer, "%s U+FFFFFFFFFFFFFFFF", words);
    text_utf8_put(rune, bytes);
    if (!unicode_is_printable(rune))
        return fail_lexing(lexer, "%s U+%04X", words, rune);
    return fail_lexing(lexer, "%s U+%04X '%s'", words, rune, bytes);
}

/* Passes over the text since the last token; its line breaks count. */
static void drop_text(struct lexer *lexer)
{
    for (uint32_t i = lexer->start; i < lexer->at; i++)
        lexer->line += lexer->text[i] == '\n';
    lexer->start = lexer->at;
    lexer->start_line = lexer->line;
}

static void count_lines(struct lexer *lexer)
{
    for (uint32_t i = lexer->start; i < lexer->at; i++)
        lexer->line += lexer->text[i] == '\n';
}

/* "{{- ": the marker is a dash and a space, so that {{-1}} is a number. */
static bool trims_left(const struct lexer *lexer, uint32_t at)
{
    return at + MARKER <= lexer->len && lexer->text[at] == '-' &&
           is_template_space((unsigned char)lexer->text[at + 1]);
}

/* " -}}", the same from the other side. */
static bool trims_right(const struct lexer *lexer, uint32_t at)
{
    return at + MARKER <= lexer->len && is_template_space((unsigned char)lexer->text[at]) &&
           lexer->text[at + 1] == '-';
}

/* Is a closing delimiter here, and does it trim? */
static bool at_right(const struct lexer *lexer, bool *ret_trims)
{
    *ret_trims = trims_right(lexer, lexer->at) && looking_at(lexer, lexer->at + MARKER, "}}");
    return *ret_trims || looking_at(lexer, lexer->at, "}}");
}

static void skip_spaces(struct lexer *lexer)
{
    while (lexer->at < lexer->len && is_template_space((unsigned char)lexer->text[lexer->at]))
        lexer->at++;
}

/* A comment with its delimiters; false with a token if it is broken. */
static bool skip_comment(struct lexer *lexer, struct token *ret)
{
    const char *end;
    bool trims;

    lexer->at += 2;
    end = memmem(lexer->text + lexer->at, lexer->len - lexer->at, "*/", 2);
    if (!end) {
        *ret = fail_lexing(lexer, "unclosed comment");
        return false;
    }
    lexer->at = (uint32_t)(end - lexer->text) + 2;
    if (!at_right(lexer, &trims)) {
        *ret = fail_lexing(lexer, "comment ends before closing delimiter");
        return false;
    }
    lexer->at += (trims ? MARKER : 0) + 2;
    if (trims)
        skip_spaces(lexer);
    drop_text(lexer);
    return true;
}

/* "{{", or a comment, after which lexing of text goes on. */
static bool left_delimiter(struct lexer *lexer, struct token *ret)
{
    uint32_t marker = trims_left(lexer, lexer->at + 2) ? MARKER : 0;

    lexer->at += 2;
    if (looking_at(lexer, lexer->at + marker, "/*")) {
        lexer->at += marker;
        drop_text(lexer);
        return !skip_comment(lexer, ret);
    }
    *ret = emit_token(lexer, TOKEN_LEFT);
    lexer->inside = true;
    lexer->at += marker;
    drop_text(lexer);
    lexer->parens = 0;
    return true;
}

/* Text before a delimiter, without the spaces that a marker trims. */
static bool text_before(struct lexer *lexer, uint32_t delimiter, struct token *ret)
{
    uint32_t end = delimiter;

    if (trims_left(lexer, delimiter + 2)) {
        while (end > lexer->start && is_template_space((unsigned char)lexer->text[end - 1]))
            end--;
    }
    lexer->at = end;
    count_lines(lexer);
    *ret = emit_token(lexer, TOKEN_TEXT);
    lexer->at = delimiter;
    drop_text(lexer);
    return ret->text.len > 0;
}

/* Text up to the next delimiter. Text that trimming leaves empty gives no token. */
static struct token lex_text(struct lexer *lexer)
{
    struct token token;

    for (;;) {
        const char *found = memmem(lexer->text + lexer->at, lexer->len - lexer->at, "{{", 2);

        if (!found)
            break;
        if (found != lexer->text + lexer->at &&
            text_before(lexer, (uint32_t)(found - lexer->text), &token))
            return token;
        if (left_delimiter(lexer, &token))
            return token;
    }
    lexer->at = lexer->len;
    if (lexer->at == lexer->start)
        return emit_token(lexer, TOKEN_EOF);
    count_lines(lexer);
    return emit_token(lexer, TOKEN_TEXT);
}

/* A trimming delimiter takes the white space behind it along. */
static struct token right_delimiter(struct lexer *lexer)
{
    struct token token;
    bool trims;

    at_right(lexer, &trims);
    if (trims) {
        lexer->at += MARKER;
        drop_text(lexer);
    }
    lexer->at += 2;
    token = emit_token(lexer, TOKEN_RIGHT);
    if (trims) {
        skip_spaces(lexer);
        drop_text(lexer);
    }
    lexer->inside = false;
    return token;
}

/* One token for all spaces, less the one that belongs to a trimming delimiter. */
static struct token lex_space(struct lexer *lexer)
{
    unsigned spaces = 0;

    while (is_template_space(peek_rune(lexer))) {
        take_rune(lexer);
        spaces++;
    }
    /* The last space may belong to a closing delimiter that trims. */
    if (trims_right(lexer, lexer->at - 1) && looking_at(lexer, lexer->at - 1 + MARKER, "}}")) {
        lexer->at--;
        lexer->line -= lexer->text[lexer->at] == '\n';
        if (spaces == 1)
            return right_delimiter(lexer);
    }
    return emit_token(lexer, TOKEN_SPACE);
}

/* May a name end here? Anything else behind it is a bad character. */
static bool at_terminator(struct lexer *lexer)
{
    unsigned rune = peek_rune(lexer);

    if (is_template_space(rune) || rune == END_OF_TEXT)
        return true;
    return (rune < 0x80 && rune && strchr(".,|:)(", (int)rune)) ||
           looking_at(lexer, lexer->at, "}}");
}

static const struct {
    const char *word;
    enum token_type type;
} keywords[] = {
    {"block", TOKEN_BLOCK},
    {"break", TOKEN_BREAK},
    {"continue", TOKEN_CONTINUE},
    {"define", TOKEN_DEFINE},
    {"else", TOKEN_ELSE},
    {"end", TOKEN_END},
    {"if", TOKEN_IF},
    {"nil", TOKEN_NIL},
    {"range", TOKEN_RANGE},
    {"template", TOKEN_TEMPLATE},
    {"with", TOKEN_WITH},
    {"true", TOKEN_BOOL},
    {"false", TOKEN_BOOL},
};

/* Keywords are told from functions by their spelling alone. */
static struct token lex_identifier(struct lexer *lexer)
{
    struct str word;

    while (is_alphanumeric(peek_rune(lexer)))
        take_rune(lexer);
    if (!at_terminator(lexer))
        return fail_rune(lexer, "bad character", peek_rune(lexer));
    word = (struct str){lexer->text + lexer->start, lexer->at - lexer->start};
    for (size_t i = 0; i < count_of(keywords); i++) {
        if (str_same(word, str_of(keywords[i].word)))
            return emit_token(lexer, keywords[i].type);
    }
    return emit_token(lexer, TOKEN_IDENTIFIER);
}

/* ".name" and "$name"; the mark alone is the dot or the root variable. */
static struct token lex_name(struct lexer *lexer, enum token_type type)
{
    if (at_terminator(lexer))
        return emit_token(lexer, type == TOKEN_VARIABLE ? type : TOKEN_DOT);
    while (is_alphanumeric(peek_rune(lexer)))
        take_rune(lexer);
    if (!at_terminator(lexer))
        return fail_rune(lexer, "bad character", peek_rune(lexer));
    return emit_token(lexer, type);
}

/* A string or character constant, whose first quote has been read. */
static struct token lex_quoted(struct lexer *lexer, unsigned quote, enum token_type type,
                               const char *unterminated)
{
    for (;;) {
        unsigned rune = take_rune(lexer);

        if (rune == quote)
            return emit_token(lexer, type);
        if (rune == '\\') {
            rune = take_rune(lexer);
            if (rune != END_OF_TEXT && rune != '\n')
                continue;
        }
        if (rune == END_OF_TEXT || rune == '\n')
            return fail_lexing(lexer, "%s", unterminated);
    }
}

/* Between back quotes everything is text, line breaks included. */
static struct token lex_raw(struct lexer *lexer)
{
    for (;;) {
        unsigned rune = take_rune(lexer);

        if (rune == END_OF_TEXT)
            return fail_lexing(lexer, "unterminated raw quoted string");
        if (rune == '`')
            return emit_token(lexer, TOKEN_RAW_STRING);
    }
}

static bool accept_rune(struct lexer *lexer, const char *any)
{
    char c = lexer->at < lexer->len ? lexer->text[lexer->at] : '\0';

    if (!c || !strchr(any, c))
        return false;
    lexer->at++;
    return true;
}

static void accept_run(struct lexer *lexer, const char *any)
{
    while (accept_rune(lexer, any))
        ;
}

/* Takes whatever looks like a number; whether it is one is for literal_number(). */
static bool scan_number(struct lexer *lexer)
{
    static const char decimal[] = "0123456789_";
    static const char hex[] = "0123456789abcdefABCDEF_";
    const char *digits = decimal;

    accept_rune(lexer, "+-");
    if (accept_rune(lexer, "0")) {
        if (accept_rune(lexer, "xX"))
            digits = hex;
        else if (accept_rune(lexer, "oO"))
            digits = "01234567_";
        else if (accept_rune(lexer, "bB"))
            digits = "01_";
    }
    accept_run(lexer, digits);
    if (accept_rune(lexer, "."))
        accept_run(lexer, digits);
    if ((digits == decimal && accept_rune(lexer, "eE")) ||
        (digits == hex && accept_rune(lexer, "pP"))) {
        accept_rune(lexer, "+-");
        accept_run(lexer, decimal);
    }
    accept_rune(lexer, "i");
    if (!is_alphanumeric(peek_rune(lexer)))
        return true;
    take_rune(lexer);
    return false;
}

/* A second sign makes it a complex constant, which must end with i. */
static struct token lex_number(struct lexer *lexer)
{
    unsigned sign;

    if (!scan_number(lexer))
        return fail_spelling(lexer, "bad number syntax");
    sign = peek_rune(lexer);
    if (sign != '+' && sign != '-')
        return emit_token(lexer, TOKEN_NUMBER);
    if (!scan_number(lexer) || lexer->text[lexer->at - 1] != 'i')
        return fail_spelling(lexer, "bad number syntax");
    return emit_token(lexer, TOKEN_COMPLEX);
}

/* Parentheses are counted here, so that an unclosed one is told at the delimiter. */
static struct token lex_paren(struct lexer *lexer, unsigned rune)
{
    lexer->parens += rune == '(' ? 1 : -1;
    if (lexer->parens < 0)
        return fail_lexing(lexer, "unexpected right paren");
    return emit_token(lexer, rune == '(' ? TOKEN_LEFT_PAREN : TOKEN_RIGHT_PAREN);
}

/* ".5" is a number, ".x" a field. */
static bool field_follows(const struct lexer *lexer)
{
    return lexer->at < lexer->len && (lexer->text[lexer->at] < '0' || lexer->text[lexer->at] > '9');
}

static struct token lex_declare(struct lexer *lexer)
{
    if (take_rune(lexer) != '=')
        return fail_lexing(lexer, "expected :=");
    return emit_token(lexer, TOKEN_DECLARE);
}

/* Everything that one rune decides. */
static struct token lex_rune(struct lexer *lexer, unsigned rune)
{
    switch (rune) {
    case '=':
        return emit_token(lexer, TOKEN_ASSIGN);
    case ':':
        return lex_declare(lexer);
    case '|':
        return emit_token(lexer, TOKEN_PIPE);
    case '"':
        return lex_quoted(lexer, '"', TOKEN_STRING, "unterminated quoted string");
    case '\'':
        return lex_quoted(lexer, '\'', TOKEN_CHARACTER, "unterminated character constant");
    case '`':
        return lex_raw(lexer);
    case '$':
        return lex_name(lexer, TOKEN_VARIABLE);
    case '(':
    case ')':
        return lex_paren(lexer, rune);
    default:
        break;
    }
    if (rune > 0x20 && rune < 0x7f)
        return emit_token(lexer, TOKEN_CHAR);
    return fail_rune(lexer, "unrecognized character in action:", rune);
}

/* The order of these questions is that of Go's lexer, and errors depend on it. */
static struct token lex_action(struct lexer *lexer)
{
    unsigned rune;
    bool trims;

    if (at_right(lexer, &trims)) {
        if (lexer->parens == 0)
            return right_delimiter(lexer);
        return fail_lexing(lexer, "unclosed left paren");
    }
    rune = take_rune(lexer);
    if (rune == END_OF_TEXT)
        return fail_lexing(lexer, "unclosed action");
    if (is_template_space(rune)) {
        step_back(lexer);
        return lex_space(lexer);
    }
    if (rune == '.' && field_follows(lexer))
        return lex_name(lexer, TOKEN_FIELD);
    if (rune == '.' || rune == '+' || rune == '-' || (rune >= '0' && rune <= '9')) {
        step_back(lexer);
        return lex_number(lexer);
    }
    if (is_alphanumeric(rune)) {
        step_back(lexer);
        return lex_identifier(lexer);
    }
    return lex_rune(lexer, rune);
}

struct token lexer_next(struct lexer *lexer)
{
    if (lexer->failed)
        return (struct token){.type = TOKEN_EOF, .line = lexer->start_line, .text = STR("EOF")};
    return lexer->inside ? lex_action(lexer) : lex_text(lexer);
}
