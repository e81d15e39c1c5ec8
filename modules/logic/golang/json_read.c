/* SPDX-License-Identifier: Apache-2.0 */
/* Makes values of JSON as Go does; document's scanner says what is wrong with a text. */
#include "document/document.h"
#include "golang/float.h"
#include "golang/json.h"
#include "golang/runes.h"

/* Values are read recursively, so they may be nested less deep than Go's 10,000. */
#define JSON_DEPTH 500

/* In a text that document_complaint() has nothing against. So only values are left
   to be refused, and the NUL behind the text is the only end to look for. */
struct json_reader {
    struct heap *heap;
    const char *at, *end;
    struct text *why; /* a value that is refused; the first one counts */
    bool too_deep;
};

static struct value read_json_value(struct json_reader *reader, unsigned depth);

static void skip_white(struct json_reader *reader)
{
    while (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\n' || *reader->at == '\r')
        reader->at++;
}

/* Takes the byte if it comes next. */
static bool take_byte(struct json_reader *reader, char c)
{
    skip_white(reader);
    if (*reader->at != c)
        return false;
    reader->at++;
    return true;
}

static struct value read_json_number(struct json_reader *reader)
{
    struct str spelt = {reader->at, strspn(reader->at, "+-.0123456789eE")};
    bool fine;
    double number = float_parse(spelt, &fine);

    reader->at += spelt.len;
    if (fine)
        return value_float(number);
    if (!reader->why->len)
        text_addf(reader->why, "json: cannot unmarshal number %.*s into Go value of type float64",
                  (int)(spelt.len > 400 ? 400 : spelt.len), spelt.at);
    return value_nil();
}

/* The four digits of a \u; false if that is not what comes next. */
static bool peek_unicode_escape(const char *at, unsigned *ret)
{
    *ret = 0;
    if (at[0] != '\\' || at[1] != 'u')
        return false;
    for (int i = 2; i < 6; i++) {
        char c = at[i];

        *ret = *ret << 4 | (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return true;
}

/* A \u and, of a surrogate pair, the second; a half without the other is U+FFFD. */
static void read_unicode_escape(struct json_reader *reader, struct text *out)
{
    unsigned rune, low;

    peek_unicode_escape(reader->at, &rune);
    reader->at += 6;
    if (rune >= 0xd800 && rune <= 0xdfff) {
        bool pair = rune < 0xdc00 && peek_unicode_escape(reader->at, &low) && low >= 0xdc00 &&
                    low <= 0xdfff;

        reader->at += pair ? 6 : 0;
        rune = pair ? 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
    }
    rune_put(out, rune);
}

static struct str read_json_string(struct json_reader *reader)
{
    static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    scoped_text struct text out = {0};

    for (skip_white(reader), reader->at++; *reader->at != '"';) {
        unsigned rune;

        if (*reader->at != '\\') {
            reader->at += rune_next(reader->at, (size_t)(reader->end - reader->at), &rune);
            rune_put(&out, rune);
        } else if (reader->at[1] == 'u') {
            read_unicode_escape(reader, &out);
        } else {
            text_add_char(&out, strchr(escapes, reader->at[1])[1]);
            reader->at += 2;
        }
    }
    reader->at++;
    return str_take(reader->heap->arena, &out);
}

static struct value read_json_list(struct json_reader *reader, unsigned depth)
{
    struct list *list = list_new(reader->heap, ELEMENT_ANY);

    if (take_byte(reader, ']'))
        return value_list(list);
    do
        list_add(list, read_json_value(reader, depth + 1));
    while (!reader->too_deep && take_byte(reader, ','));
    take_byte(reader, ']');
    return value_list(list);
}

static struct value read_json_dict(struct json_reader *reader, unsigned depth)
{
    struct dict *dict = dict_new(reader->heap, ELEMENT_ANY);

    if (take_byte(reader, '}'))
        return value_dict(dict);
    do {
        struct str key = read_json_string(reader);

        take_byte(reader, ':');
        dict_set(dict, key, read_json_value(reader, depth + 1));
    } while (!reader->too_deep && take_byte(reader, ','));
    take_byte(reader, '}');
    return value_dict(dict);
}

static struct value read_json_value(struct json_reader *reader, unsigned depth)
{
    reader->too_deep |= depth > JSON_DEPTH;
    if (reader->too_deep)
        return value_nil();
    skip_white(reader);
    switch (*reader->at) {
    case '{':
        reader->at++;
        return read_json_dict(reader, depth);
    case '[':
        reader->at++;
        return read_json_list(reader, depth);
    case '"':
        return value_of_str(read_json_string(reader));
    case 't':
        reader->at += strlen("true");
        return value_bool(true);
    case 'f':
        reader->at += strlen("false");
        return value_bool(false);
    case 'n':
        reader->at += strlen("null");
        return value_nil();
    default:
        return read_json_number(reader);
    }
}

bool json_read(struct heap *heap, struct str text, struct value *ret, struct text *why)
{
    const char *wrong = document_complaint(heap->arena, text.at, text.len);
    scoped_text struct text copy = {0};
    struct json_reader reader = {.heap = heap, .why = why};

    *ret = value_nil();
    if (wrong) {
        text_add(why, wrong);
        return false;
    }
    text_add_bytes(&copy, text.at, text.len);
    reader.at = text_string(&copy);
    reader.end = reader.at + copy.len;
    *ret = read_json_value(&reader, 0);
    if (reader.too_deep) {
        *ret = value_nil();
        text_cut(why, 0);
        text_add(why, "exceeded max depth");
    }
    return !why->len;
}
