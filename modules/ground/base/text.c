/* SPDX-License-Identifier: Apache-2.0 */
/* Builds strings and looks at them. */
#include "base/text.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_free(struct text *text)
{
    mem_free(&text->bytes);
    *text = (struct text){0};
}

char *text_reserve(struct text *text, size_t len)
{
    size_t needed = text->len + len + 1;

    if (needed > text->room) {
        size_t room = text->room ? text->room * 2 : 64;

        text->room = room > needed ? room : needed;
        text->bytes = mem_resize(text->bytes, text->room);
        text->bytes[text->len] = '\0';
    }
    return text->bytes + text->len;
}

/* Drops what is over the limit; how many of `len` more bytes fit below it. */
static size_t fitting_room(struct text *text, size_t len)
{
    size_t left;

    if (!text->limit)
        return len;
    if (text->len > text->limit) {
        text_cut(text, text->limit);
        text->over = true;
    }
    left = text->limit - text->len;
    text->over |= len > left;
    return len > left ? left : len;
}

void text_add_bytes(struct text *text, const void *bytes, size_t len)
{
    char *at;

    len = fitting_room(text, len);
    at = text_reserve(text, len);

    if (len)
        memcpy(at, bytes, len);
    at[len] = '\0';
    text->len += len;
}

void text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

void text_add_char(struct text *text, char c)
{
    text_add_bytes(text, &c, 1);
}

void text_addv(struct text *text, const char *format, va_list args)
{
    va_list again;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0)
        abort();
    if (text->over)
        return;
    vsnprintf(text_reserve(text, (size_t)len), (size_t)len + 1, format, args);
    text->len += (size_t)len;
    fitting_room(text, 0);
}

void text_addf(struct text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    text_addv(text, format, args);
    va_end(args);
}

void text_cut(struct text *text, size_t len)
{
    if (len >= text->len)
        return;
    text->len = len;
    text->bytes[len] = '\0';
}

const char *text_string(const struct text *text)
{
    return text->bytes ? text->bytes : "";
}

char *text_take(struct text *text)
{
    char *bytes = text->bytes ? text->bytes : mem_copy_string("");

    *text = (struct text){0};
    return bytes;
}

bool text_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool text_starts(const char *string, const char *with)
{
    return strncmp(string, with, strlen(with)) == 0;
}

bool text_ends(const char *string, const char *with)
{
    size_t len = strlen(string);
    size_t tail = strlen(with);

    return len >= tail && memcmp(string + len - tail, with, tail) == 0;
}

bool text_has_word(const char *list, const char *word, char between)
{
    const char stops[] = {between, '\0'};
    size_t len = strlen(word);

    while (*list) {
        size_t part = strcspn(list, stops);

        if (part && part == len && !memcmp(list, word, len))
            return true;
        list += part + (list[part] == between);
    }
    return false;
}

size_t text_utf8_next(const unsigned char *at, size_t len, unsigned *ret_rune)
{
    static const struct {
        unsigned char mask, lead;
        unsigned least;
    } forms[] = {
        {0x80, 0x00, 0},
        {0xe0, 0xc0, 0x80},
        {0xf0, 0xe0, 0x800},
        {0xf8, 0xf0, 0x10000},
    };

    for (size_t n = 0; n < count_of(forms); n++) {
        unsigned rune;

        if ((at[0] & forms[n].mask) != forms[n].lead)
            continue;
        if (n + 1 > len)
            return 0;
        rune = at[0] & (unsigned char)~forms[n].mask;
        for (size_t i = 1; i <= n; i++) {
            if ((at[i] & 0xc0) != 0x80)
                return 0;
            rune = rune << 6 | (at[i] & 0x3f);
        }
        if (rune < forms[n].least || rune > 0x10ffff || (rune >= 0xd800 && rune <= 0xdfff))
            return 0;
        if (ret_rune)
            *ret_rune = rune;
        return n + 1;
    }
    return 0;
}

bool text_is_utf8(const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    while (len) {
        size_t step = *at < 0x80 ? 1 : text_utf8_next(at, len, NULL);

        if (!step)
            return false;
        at += step;
        len -= step;
    }
    return true;
}

static bool is_shown(unsigned rune)
{
    if (rune < 0xa0)
        return (rune >= 0x20 && rune < 0x7f) || rune == '\n' || rune == '\t';
    return rune != 0x200e && rune != 0x200f && rune != 0x2028 && rune != 0x2029 &&
           !(rune >= 0x202a && rune <= 0x202e) && !(rune >= 0x2066 && rune <= 0x2069) &&
           rune != 0xfeff;
}

void text_make_printable(char *text)
{
    const char *from = text;
    size_t len = strlen(text);
    char *to = text;

    while (len) {
        unsigned rune = (unsigned char)*from;
        size_t step = rune < 0x80 ? 1 : text_utf8_next((const unsigned char *)from, len, &rune);

        if (step && is_shown(rune)) {
            memmove(to, from, step);
            to += step;
        } else {
            *to++ = '?';
        }
        from += step ? step : 1;
        len -= step ? step : 1;
    }
    *to = '\0';
}

size_t text_utf8_put(unsigned rune, char out[4])
{
    if (rune < 0x80) {
        out[0] = (char)rune;
        return 1;
    }
    if (rune < 0x800) {
        out[0] = (char)(0xc0 | rune >> 6);
        out[1] = (char)(0x80 | (rune & 0x3f));
        return 2;
    }
    if (rune < 0x10000) {
        out[0] = (char)(0xe0 | rune >> 12);
        out[1] = (char)(0x80 | (rune >> 6 & 0x3f));
        out[2] = (char)(0x80 | (rune & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | rune >> 18);
    out[1] = (char)(0x80 | (rune >> 12 & 0x3f));
    out[2] = (char)(0x80 | (rune >> 6 & 0x3f));
    out[3] = (char)(0x80 | (rune & 0x3f));
    return 4;
}

/* Runes that are not shown, but change how others are. */
static bool is_hidden(unsigned rune)
{
    static const struct {
        unsigned from, to;
    } hidden[] = {
        {0x00, 0x1f},     {0x7f, 0x9f},     {0xad, 0xad},       {0x61c, 0x61c},   {0x180e, 0x180e},
        {0x200b, 0x200b}, {0x200e, 0x200f}, {0x2028, 0x202e},   {0x2060, 0x206f}, {0xfeff, 0xfeff},
        {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe0fff},
    };

    for (size_t i = 0; i < count_of(hidden); i++)
        if (rune >= hidden[i].from && rune <= hidden[i].to)
            return true;
    return false;
}

/* The length of what can be shown at `at`; 0 if it cannot. */
static size_t printable_next(const char *at, size_t len, bool lines)
{
    unsigned rune = 0;
    size_t part = text_utf8_next((const unsigned char *)at, len, &rune);

    if (part == 1 && (*at == '\n' || *at == '\t'))
        return lines;
    return part && !is_hidden(rune) ? part : 0;
}

void text_add_printable(struct text *text, const char *bytes, size_t len, bool lines)
{
    while (len) {
        size_t part = printable_next(bytes, len, lines), skipped = part;

        if (part)
            text_add_bytes(text, bytes, part);
        else
            text_add(text, "\xef\xbf\xbd");
        if (!skipped)
            skipped = text_utf8_next((const unsigned char *)bytes, len, NULL);
        skipped += !skipped;
        bytes += skipped;
        len -= skipped;
    }
}

bool text_is_printable(const char *bytes, size_t len, bool lines)
{
    for (size_t part; len; bytes += part, len -= part)
        if (!(part = printable_next(bytes, len, lines)))
            return false;
    return true;
}

bool text_to_int(const char *string, long long *ret)
{
    char *end;
    long long value;

    if (!string || (*string != '-' && (*string < '0' || *string > '9')))
        return false;
    errno = 0;
    value = strtoll(string, &end, 10);
    if (errno || end == string || *end)
        return false;
    *ret = value;
    return true;
}
