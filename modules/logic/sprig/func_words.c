/* SPDX-License-Identifier: Apache-2.0 */
/* Sprig's functions on words: case, initials, wrapping. */
#include "sprig/groups.h"

/* ---- Case, rune by rune ---- */

/* Roman numbers, letters in circles and a mark of Greek have a case, but are no
   letters. */
static bool is_cased_symbol(unsigned rune)
{
    return (rune >= 0x2160 && rune <= 0x217f) || (rune >= 0x24b6 && rune <= 0x24e9) ||
           rune == 0x345;
}

/* Digraphs whose first letter alone is a capital, and Greek with an iota. */
static bool is_titlecase(unsigned rune)
{
    return (unicode_lower(rune) != rune && unicode_upper(rune) != rune) ||
           (rune >= 0x1f88 && rune <= 0x1faf && rune & 8) || rune == 0x1fbc || rune == 0x1fcc ||
           rune == 0x1ffc;
}

static bool is_upper(unsigned rune)
{
    return unicode_lower(rune) != rune && !is_titlecase(rune) && !is_cased_symbol(rune);
}

static bool is_lower_rune(unsigned rune)
{
    return unicode_upper(rune) != rune && unicode_lower(rune) == rune && !is_cased_symbol(rune);
}

/* What becomes of a rune that follows `before`; `*state` is the caller's. */
typedef unsigned change_fn(unsigned rune, unsigned before, bool *state);

/* Rune by rune; `before` is a space at the beginning, so that the first rune starts a word. */
static bool give_changed(struct call *call, change_fn *change, bool state)
{
    struct str s = call_arg_str(call, 0);
    struct text out = call_text(call);
    unsigned before = ' ';

    for (size_t i = 0; i < s.len;) {
        unsigned rune;

        i += rune_next(s.at + i, s.len - i, &rune);
        rune_put(&out, change(rune, before, &state));
        before = rune;
    }
    return call_give_text(call, &out);
}

static unsigned to_upper(unsigned rune, unsigned before, bool *state)
{
    return unicode_upper(rune);
}

static unsigned to_lower(unsigned rune, unsigned before, bool *state)
{
    return unicode_lower(rune);
}

/* strings.Title's rule: in ASCII whatever is no letter, digit or underscore, elsewhere only
   spaces. */
static bool is_separator(unsigned rune)
{
    if (unicode_is_letter(rune) || unicode_is_digit(rune) || rune == '_')
        return false;
    return rune < 0x80 || rune_is_space(rune);
}

/* Other letters keep their case. */
static unsigned to_title(unsigned rune, unsigned before, bool *state)
{
    return is_separator(before) ? unicode_title(rune) : rune;
}

/* The opposite, by the library's own rule of spaces only. */
static unsigned to_untitle(unsigned rune, unsigned before, bool *state)
{
    return rune_is_space(before) ? unicode_lower(rune) : rune;
}

/* Upper becomes lower; lower becomes title case behind a space, else upper. */
static unsigned to_swapped(unsigned rune, unsigned before, bool *after_space)
{
    bool first = *after_space;

    *after_space = false;
    if (is_upper(rune) || is_titlecase(rune))
        return unicode_lower(rune);
    if (is_lower_rune(rune))
        return first ? unicode_title(rune) : unicode_upper(rune);
    *after_space = rune_is_space(rune);
    return rune;
}

static bool run_upper(struct call *call)
{
    return give_changed(call, to_upper, false);
}

static bool run_lower(struct call *call)
{
    return give_changed(call, to_lower, false);
}

static bool run_title(struct call *call)
{
    return give_changed(call, to_title, false);
}

static bool run_untitle(struct call *call)
{
    return give_changed(call, to_untitle, false);
}

static bool run_swapcase(struct call *call)
{
    return give_changed(call, to_swapped, true);
}

/* The first byte of each word, as goutils gives it. */
static bool run_initials(struct call *call)
{
    struct str s = call_arg_str(call, 0);
    struct text out = call_text(call);
    bool gap = true;

    for (size_t i = 0; i < s.len;) {
        unsigned rune;

        unsigned char first = (unsigned char)s.at[i];

        i += rune_next(s.at + i, s.len - i, &rune);
        if (gap && !rune_is_space(rune))
            rune_put(&out, first); /* a byte for a rune, as in goutils */
        gap = rune_is_space(rune);
    }
    return call_give_text(call, &out);
}

/* ---- camelCase and snake_case ---- */

/* What joins words in snake_case and kebab-case. */
static bool is_connector(unsigned rune)
{
    return rune == '-' || rune == '_' || rune_is_space(rune);
}

static bool is_punctuation(unsigned rune)
{
    if (rune < 0x80)
        return rune && strchr("!\"#%&'()*,-./:;?@[\\]_{}", (int)rune);
    return rune == 0xa1 || rune == 0xa7 || rune == 0xab || rune == 0xb6 || rune == 0xb7 ||
           rune == 0xbb || rune == 0xbf || (rune >= 0x2010 && rune <= 0x2027) ||
           (rune >= 0x2030 && rune <= 0x205e && rune != 0x2044 && rune != 0x2052) ||
           (rune >= 0x3001 && rune <= 0x3003) || (rune >= 0x3008 && rune <= 0x3011);
}

/* A letter of a script that has words. */
static bool is_alphabet(unsigned rune)
{
    return unicode_is_letter(rune) && !(rune >= 0x4e00 && rune <= 0x9fcc) &&
           !(rune >= 0x3400 && rune <= 0x4d85) && !(rune >= 0x20000 && rune <= 0x2b81d);
}

/* Of an empty string the replacement character, as in Go. */
static unsigned first_rune(struct str s)
{
    unsigned rune = 0xfffd;

    if (s.len)
        rune_next(s.at, s.len, &rune);
    return rune;
}

/* How many bytes the first rune has; 0 at the end. */
static size_t first_len(struct str s)
{
    unsigned rune;

    return s.len ? rune_next(s.at, s.len, &rune) : 0;
}

/* The string without its first bytes. */
static struct str str_from(struct str s, size_t len)
{
    return (struct str){s.at + len, s.len - len};
}

/* The first letter of each word becomes upper case; connectors in front and doubled ones stay,
   as in xstrings. */
static bool run_camelcase(struct call *call)
{
    struct str s = call_arg_str(call, 0);
    struct text out = call_text(call);
    unsigned before, rune = 0;
    bool shouting = false, any = s.len > 0;

    /* Connectors in front stay as they are. */
    while (s.len) {
        rune = first_rune(s);
        s = str_from(s, first_len(s));
        if (!is_connector(rune)) {
            shouting = is_upper(rune);
            rune = unicode_upper(rune);
            break;
        }
        rune_put(&out, rune);
        any = s.len > 0 || !is_connector(rune);
    }
    while (s.len) {
        before = rune;
        rune = first_rune(s);
        s = str_from(s, first_len(s));
        if (is_connector(rune) && is_connector(before)) {
            rune_put(&out, before);
        } else if (is_connector(before)) {
            shouting = is_upper(rune);
            rune = unicode_upper(rune);
        } else {
            if (shouting && is_upper(rune))
                rune = unicode_lower(rune);
            else
                shouting = false;
            rune_put(&out, before);
        }
    }
    if (any)
        rune_put(&out, rune);
    return call_give_text(call, &out);
}

enum word {
    WORD_NONE,
    WORD_CONNECTOR,
    WORD_PUNCTUATION,
    WORD_UPPER,
    WORD_ALPHABET,
    WORD_NUMBER,
    WORD_OTHER
};

/* The classes between which xstrings finds the borders of words. */
static enum word word_kind(unsigned rune)
{
    return is_connector(rune)       ? WORD_CONNECTOR
           : is_punctuation(rune)   ? WORD_PUNCTUATION
           : is_upper(rune)         ? WORD_UPPER
           : is_alphabet(rune)      ? WORD_ALPHABET
           : unicode_is_digit(rune) ? WORD_NUMBER
                                    : WORD_OTHER;
}

/* The next rune behind bytes that are none, which belong to it; at the end of
   the text they are as what was `before`. */
static unsigned valid_rune(struct str s, unsigned before, size_t *ret_len)
{
    unsigned rune;

    for (*ret_len = 0; *ret_len < s.len;) {
        *ret_len += rune_next(s.at + *ret_len, s.len - *ret_len, &rune);
        if (rune != 0xfffd)
            return rune;
    }
    return before;
}

/* How long the word is of which `len` bytes that end in `rune` are read. */
static size_t word_len(struct str s, enum word word, unsigned rune, size_t len)
{
    size_t step;

    while (len < s.len) {
        rune = valid_rune(str_from(s, len), rune, &step);
        if (word_kind(rune) != word)
            break;
        len += step;
    }
    return len;
}

/* How long the upper-case word is that starts here: "HTTP" of "HTTPStatus",
   "Status" of "StatusCode". */
static size_t upper_len(struct str s, unsigned rune, size_t len)
{
    size_t last = 0, step;

    rune = valid_rune(str_from(s, len), rune, &step);
    if (len >= s.len || !is_upper(rune))
        return word_len(s, WORD_ALPHABET, rune, len);
    while (len < s.len && is_upper(rune)) {
        last = step;
        len += step;
        rune = valid_rune(str_from(s, len), rune, &step);
    }
    if (len < s.len && is_alphabet(rune))
        len -= last;
    return len;
}

static enum word next_word(struct str *rest, struct str *ret)
{
    struct str s = *rest;
    size_t len;
    unsigned rune = valid_rune(s, 0xfffd, &len);
    enum word word = rune == 0xfffd ? WORD_NONE : word_kind(rune);

    if (word == WORD_UPPER)
        len = upper_len(s, rune, len);
    else if (word != WORD_NONE)
        len = word_len(s, word, rune, len);
    *ret = (struct str){s.at, len};
    *rest = str_from(s, len);
    return word;
}

static void add_word(struct text *out, enum word word, struct str s, char connector)
{
    if (word != WORD_UPPER && word != WORD_CONNECTOR) {
        text_add_bytes(out, s.at, s.len);
        return;
    }
    for (size_t i = 0; i < s.len;) {
        unsigned rune;

        i += rune_next(s.at + i, s.len - i, &rune);
        rune_put(out, is_connector(rune) ? (unsigned)connector : unicode_lower(rune));
    }
}

static bool is_gap(enum word word)
{
    return word == WORD_CONNECTOR || word == WORD_PUNCTUATION;
}

struct lowering {
    struct text *out;
    struct str rest, text;
    enum word word;
    char connector;
};

static void add_this(struct lowering *all)
{
    add_word(all->out, all->word, all->text, all->connector);
}

/* Letters and digits that follow a number belong to it. */
static void number_tail(struct lowering *all)
{
    while (all->word == WORD_ALPHABET || all->word == WORD_NUMBER) {
        add_this(all);
        all->word = next_word(&all->rest, &all->text);
    }
    if (all->word != WORD_NONE && !is_gap(all->word))
        text_add_char(all->out, all->connector);
}

/* A number after a word: "bld4_floor", but "http_2xx". */
static void word_then_number(struct lowering *all)
{
    struct str number = all->text;

    if (!all->rest.len)
        return;
    all->word = next_word(&all->rest, &all->text);
    if (all->word != WORD_ALPHABET) {
        add_word(all->out, WORD_NUMBER, number, all->connector);
        if (!is_gap(all->word))
            text_add_char(all->out, all->connector);
        return;
    }
    text_add_char(all->out, all->connector);
    add_word(all->out, WORD_NUMBER, number, all->connector);
    number_tail(all);
}

static bool give_lowered(struct call *call, char connector)
{
    struct text out = call_text(call);
    struct lowering all = {.out = &out, .rest = call_arg_str(call, 0), .connector = connector};

    all.word = next_word(&all.rest, &all.text);
    while (all.rest.len) {
        enum word before = all.word;

        add_this(&all);
        all.word = next_word(&all.rest, &all.text);
        if (before == WORD_NUMBER)
            number_tail(&all);
        else if (is_gap(before))
            continue;
        else if (all.word == WORD_NUMBER)
            word_then_number(&all);
        else if (!is_gap(all.word))
            text_add_char(&out, connector);
    }
    add_this(&all);
    return call_give_text(call, &out);
}

static bool run_snakecase(struct call *call)
{
    return give_lowered(call, '_');
}

static bool run_kebabcase(struct call *call)
{
    return give_lowered(call, '-');
}

/* ---- Wrapping ---- */

/* Where a line can be broken, seen from its end. */
static const char *last_space(const char *at, size_t len)
{
    return memrchr(at, ' ', len);
}

static bool wrap_line(struct call *call, struct str s, struct str line, int64_t width,
                      bool cut_words)
{
    struct text out = call_text(call);
    size_t at = 0;

    if (!line.len)
        line = STR("\n");
    if (width < 1)
        width = 1;
    while ((int64_t)(s.len - at) > width) {
        const char *gap;
        size_t end = at + (size_t)width;

        if (s.at[at] == ' ') {
            at++;
            continue;
        }
        gap = last_space(s.at + at, (size_t)width + 1);
        if (!gap && !cut_words)
            gap = memchr(s.at + end, ' ', s.len - end);
        else if (!gap)
            gap = s.at + end;
        if (!gap)
            break;
        text_add_bytes(&out, s.at + at, (size_t)(gap - s.at) - at);
        text_add_bytes(&out, line.at, line.len);
        at = (size_t)(gap - s.at) + (*gap == ' ' || !cut_words);
        if (!call_room(call, out.len)) {
            text_free(&out);
            return false;
        }
    }
    text_add_bytes(&out, s.at + at, s.len - at);
    return call_give_text(call, &out);
}

static bool run_wrap(struct call *call)
{
    return wrap_line(call, call_arg_str(call, 1), STR(""), call->args[0].integer, false);
}

static bool run_wrap_with(struct call *call)
{
    return wrap_line(call, call_arg_str(call, 2), call_arg_str(call, 1), call->args[0].integer,
                     true);
}

const struct function functions_words[] = {
    {"upper", "s", 's', run_upper, 40},          {"lower", "s", 's', run_lower, 40},
    {"title", "s", 's', run_title, 40},          {"untitle", "s", 's', run_untitle, 40},
    {"swapcase", "s", 's', run_swapcase, 40},    {"initials", "s", 's', run_initials, 40},
    {"camelcase", "s", 's', run_camelcase, 40},  {"snakecase", "s", 's', run_snakecase, 40},
    {"kebabcase", "s", 's', run_kebabcase, 40},  {"wrap", "is", 's', run_wrap, 4},
    {"wrapWith", "iss", 's', run_wrap_with, 24}, {0},
};
