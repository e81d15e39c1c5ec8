/* SPDX-License-Identifier: Apache-2.0 */
/* Rewrites a YAML text so that libyaml reads it as go-yaml does. */
#include "document/yaml_source.h"

#include "base/text.h"

#include <string.h>
#include <yaml.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"
#define MARK_STAND_IN "\xef\xa3\xbf"  /* U+F8FF, of private use */
#define SLASH_STAND_IN "\xef\xa3\xbe" /* U+F8FE, of private use */
#define QUOTE_STAND_IN "\xd7\xbf"     /* U+05FF, not assigned */

/* Finding one of these escapes means parsing the text up to it; this is the limit
   of bytes for all of them. */
#define MOST_READ ((size_t)8 << 20)

static bool has_bytes(const struct yaml_source *source, const char *word)
{
    return memmem(source->text, source->len, word, strlen(word)) != NULL;
}

/* A byte order mark at the front has no meaning and is dropped. libyaml skips one
   at the start of any line, where go-yaml reads it as a character. */
static void hide_marks(struct yaml_source *source, struct arena *arena)
{
    char *copy, *at;

    if (source->len >= 3 && !memcmp(source->text, BYTE_ORDER_MARK, 3)) {
        source->text += 3;
        source->len -= 3;
    }
    if (!has_bytes(source, BYTE_ORDER_MARK))
        return;
    at = copy = arena_bytes(arena, source->text, source->len);
    while ((at = memmem(at, source->len - (size_t)(at - copy), BYTE_ORDER_MARK, 3)))
        memcpy(at, MARK_STAND_IN, 3);
    source->marks = true;
    source->text = copy;
}

/*
 * "\/" is an escape in libyaml but not in go-yaml. The stand-in makes it an
 * unknown escape for both; outside of escapes yaml_source_restore() puts the
 * slash back.
 */
static void hide_slashes(struct yaml_source *source, struct arena *arena)
{
    scoped_text struct text out = {0};

    if (!has_bytes(source, "\\/") || has_bytes(source, SLASH_STAND_IN))
        return;
    for (size_t i = 0; i < source->len; i++) {
        bool slash = source->text[i] == '/' && i && source->text[i - 1] == '\\';

        text_add_bytes(&out, slash ? SLASH_STAND_IN : source->text + i, slash ? 3 : 1);
    }
    source->text = arena_bytes(arena, out.bytes, out.len);
    source->len = out.len;
    source->slashes = true;
}

/* The offset of a character by its number. */
static size_t offset_of(const char *text, size_t len, size_t number)
{
    size_t at = 0;

    for (; at < len; at++)
        if (((unsigned char)text[at] & 0xc0) != 0x80 && !number--)
            break;
    return at;
}

/* The offset of the first escape that libyaml does not know, `len` if there is none. */
static size_t unknown_escape(const char *text, size_t len)
{
    yaml_parser_t parser;
    yaml_event_t event;
    size_t found = len;
    bool more = true;

    if (!yaml_parser_initialize(&parser))
        abort();
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
    while (more && yaml_parser_parse(&parser, &event)) {
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    if (parser.error == YAML_SCANNER_ERROR &&
        !strcmp(parser.problem, "found unknown escape character"))
        found = offset_of(text, len, parser.problem_mark.index);
    yaml_parser_delete(&parser);
    return found;
}

/* Replaces \' from an escape to the end of its scalar. */
static void hide_quotes_from(char *at, const char *end)
{
    for (; at < end && *at != '"'; at++)
        if (*at == '\\') {
            if (at + 1 < end && at[1] == '\'')
                memcpy(at, QUOTE_STAND_IN, 2);
            at++;
        }
}

/* "\'" is an escape in go-yaml but not in libyaml. Only a parser knows where a
   quoted scalar begins, so libyaml itself is run to find each one. */
static void hide_quotes(struct yaml_source *source, struct arena *arena)
{
    char *copy;

    if (!has_bytes(source, "\\'") || !has_bytes(source, "\"") || has_bytes(source, QUOTE_STAND_IN))
        return;
    copy = arena_bytes(arena, source->text, source->len);
    for (size_t read = 0; read < MOST_READ; read += source->len + 4096) {
        size_t at = unknown_escape(copy, source->len);

        if (at + 2 > source->len || memcmp(copy + at, "\\'", 2) != 0)
            break;
        hide_quotes_from(copy + at, copy + source->len);
        source->quotes = true;
    }
    source->text = copy;
}

void yaml_source_prepare(struct yaml_source *source, struct arena *arena, const char *text,
                         size_t len)
{
    *source = (struct yaml_source){.text = text, .len = len};
    hide_marks(source, arena);
    hide_slashes(source, arena);
    hide_quotes(source, arena);
}

/* Replaces each `word` by `with`, which must not be longer. */
static size_t replace_bytes(char *value, size_t len, const char *word, const char *with)
{
    size_t word_len = strlen(word), with_len = strlen(with), to = 0;

    for (size_t i = 0; i < len;) {
        if (len - i >= word_len && !memcmp(value + i, word, word_len)) {
            memcpy(value + to, with, with_len);
            to += with_len;
            i += word_len;
        } else {
            value[to++] = value[i++];
        }
    }
    value[to] = '\0';
    return to;
}

size_t yaml_source_restore(const struct yaml_source *source, char *value, size_t len)
{
    if (source->marks)
        len = replace_bytes(value, len, MARK_STAND_IN, BYTE_ORDER_MARK);
    if (source->slashes)
        len = replace_bytes(value, len, SLASH_STAND_IN, "/");
    if (source->quotes)
        len = replace_bytes(value, len, QUOTE_STAND_IN, "'");
    return len;
}
