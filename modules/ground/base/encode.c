/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and reads bytes as base64 and as hexadecimal digits. */
#include "base/text.h"

#include <string.h>

static const char alphabets[2][65] = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

void text_add_base64(struct text *text, const void *bytes, size_t len, bool url)
{
    const unsigned char *in = bytes;
    const char *alphabet = alphabets[url];
    char *out = text_reserve(text, (len + 2) / 3 * 4);
    size_t n = 0;

    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        unsigned group = (unsigned)in[i] << 16 | (left > 1 ? (unsigned)in[i + 1] << 8 : 0) |
                         (left > 2 ? in[i + 2] : 0);

        out[n++] = alphabet[group >> 18 & 63];
        out[n++] = alphabet[group >> 12 & 63];
        if (left > 1)
            out[n++] = alphabet[group >> 6 & 63];
        else if (!url)
            out[n++] = '=';
        if (left > 2)
            out[n++] = alphabet[group & 63];
        else if (!url)
            out[n++] = '=';
    }
    out[n] = '\0';
    text->len += n;
}

bool text_add_unbase64(struct text *text, const char *string, size_t len, bool url)
{
    const char *alphabet = alphabets[url];
    unsigned group = 0;
    size_t digits = 0, pads = 0;

    for (; pads < 2 && len && string[len - 1] == '='; pads++)
        len--;
    /* Padding completes a group of four; one more pad is no base64, nor is half a byte. */
    if (len % 4 == 1 || (pads && (url || (len + pads) % 4)))
        return false;
    text_reserve(text, len);
    for (size_t i = 0; i < len; i++) {
        const char *found = string[i] ? memchr(alphabet, string[i], 64) : NULL;

        if (!found)
            return false;
        group = group << 6 | (unsigned)(found - alphabet);
        if (++digits % 4 == 0) {
            text_add_char(text, (char)(group >> 16));
            text_add_char(text, (char)(group >> 8));
            text_add_char(text, (char)group);
        }
    }
    if (digits % 4 >= 2)
        text_add_char(text, (char)(group >> (digits % 4 == 2 ? 4 : 10)));
    if (digits % 4 == 3)
        text_add_char(text, (char)(group >> 2));
    return true;
}

void text_add_hex(struct text *text, const void *bytes, size_t len)
{
    const unsigned char *in = bytes;
    char *out = text_reserve(text, len * 2);

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = "0123456789abcdef"[in[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[in[i] & 15];
    }
    out[len * 2] = '\0';
    text->len += len * 2;
}

int text_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool text_add_unhex(struct text *text, const char *string, size_t len)
{
    if (len % 2)
        return false;
    for (size_t i = 0; i < len; i += 2) {
        int high = text_hex_value(string[i]);
        int low = text_hex_value(string[i + 1]);

        if (high < 0 || low < 0)
            return false;
        text_add_char(text, (char)(high << 4 | low));
    }
    return true;
}
