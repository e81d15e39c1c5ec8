/* SPDX-License-Identifier: Apache-2.0 */
/* Reads and writes runes in UTF-8, and tells which are white space. */
#include "golang/runes.h"

bool rune_is_space(unsigned rune)
{
    return (rune >= 0x09 && rune <= 0x0d) || rune == 0x20 || rune == 0x85 || rune == 0xa0 ||
           rune == 0x1680 || (rune >= 0x2000 && rune <= 0x200a) || rune == 0x2028 ||
           rune == 0x2029 || rune == 0x202f || rune == 0x205f || rune == 0x3000;
}

size_t rune_next(const char *at, size_t len, unsigned *ret)
{
    size_t step;

    if (len && (unsigned char)*at < 0x80) {
        *ret = (unsigned char)*at;
        return 1;
    }
    step = text_utf8_next((const unsigned char *)at, len, ret);
    if (step)
        return step;
    *ret = 0xfffd;
    return 1;
}

void rune_put(struct text *out, unsigned rune)
{
    char bytes[4];

    text_add_bytes(out, bytes, text_utf8_put(rune, bytes));
}
