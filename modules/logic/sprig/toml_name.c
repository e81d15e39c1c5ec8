/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the dotted names of TOML, and what is wrong with a text. */
#include "sprig/toml.h"

#include <stdarg.h>

/* Bare where that is possible, else with quotes and escapes, as the decoder shows keys. */
static void add_name_part(struct text *out, struct str part)
{
    bool bare = part.len > 0;

    for (size_t i = 0; i < part.len; i++) {
        char c = part.at[i];

        bare &= ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
                c == '-';
    }
    if (bare) {
        text_add_bytes(out, part.at, part.len);
        return;
    }
    text_add_char(out, '"');
    for (size_t i = 0; i < part.len; i++) {
        static const char shorts[] = "\"\"\\\\\bb\tt\nn\ff\rr";
        unsigned char c = (unsigned char)part.at[i];
        const char *found = c ? strchr(shorts, c) : NULL;

        if (found && (found - shorts) % 2 == 0)
            text_addf(out, "\\%c", found[1]);
        else if (c < ' ' || c == 0x7f)
            text_addf(out, "\\u%04x", c);
        else
            text_add_char(out, (char)c);
    }
    text_add_char(out, '"');
}

/* Parts with dots between them. */
static void add_dotted_name(struct text *out, const struct str *parts, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (i)
            text_add_char(out, '.');
        add_name_part(out, parts[i]);
    }
}

/* The first mistake counts. Its line and the last key stand before the words. */
bool toml_fail(struct toml_reader *reader, long line, const char *format, ...)
{
    scoped_text struct text key = {0}, shown = {0};
    struct text *why = reader->why;
    struct value v;
    va_list args;

    if (why->len)
        return false;
    add_dotted_name(&key, reader->context, reader->context_len);
    if (reader->current.len) {
        if (reader->context_len)
            text_add_char(&key, '.');
        text_add_bytes(&key, reader->current.at, reader->current.len);
    }
    text_addf(why, "toml: line %ld", line);
    if (key.len) {
        v = value_string(key.bytes, key.len);
        print_format(&shown, STR("%q"), &v, 1);
        text_addf(why, " (last key %s)", text_string(&shown));
    }
    text_add(why, ": ");
    va_start(args, format);
    text_addv(why, format, args);
    va_end(args);
    return false;
}

/* Names are made again and again, so they are paid for. */
bool toml_dotted_name(struct toml_reader *reader, const struct str *key, struct text *out)
{
    add_dotted_name(out, reader->context, reader->context_len);
    if (key && reader->context_len)
        text_add_char(out, '.');
    if (key || !reader->context_len)
        add_name_part(out, key ? *key : STR(""));
    return call_spend(reader->call, out->len + 64);
}
