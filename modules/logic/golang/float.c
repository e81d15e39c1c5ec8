/* SPDX-License-Identifier: Apache-2.0 */
/* Writes floats as Go's strconv does. */
#include "golang/float.h"
#include "golang/literal.h"
#include "document/document.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Decimal digits and the place of the point: 0.DIGITS x 10^point. */
struct digits {
    char at[1200];
    int len, point;
    bool negative;
};

/* From C's "d.ddde±xx". Trailing zeros go. */
static void digits_from(struct digits *digits, const char *text)
{
    const char *exponent = strchr(text, 'e');
    int len = 0;

    for (const char *at = text; at < exponent; at++) {
        if (*at >= '0' && *at <= '9')
            digits->at[len++] = *at;
    }
    digits->point = (int)strtol(exponent + 1, NULL, 10) + 1;
    while (len > 1 && digits->at[len - 1] == '0')
        len--;
    digits->len = len;
    if (len == 1 && digits->at[0] == '0') {
        digits->len = 0;
        digits->point = 0;
    }
}

/* Zeros beyond the digits that there are. */
static void add_zeros(struct text *out, int count)
{
    for (int i = 0; i < count; i++)
        text_add_char(out, '0');
}

/* Digits beyond those that there are count as zeros. */
static char nth_digit(const struct digits *digits, int i)
{
    return i >= 0 && i < digits->len ? digits->at[i] : '0';
}

/* d.ddde±dd with at least two digits of exponent. */
static void add_exponent(struct text *out, const struct digits *digits, int precision, char verb)
{
    int exponent = digits->len ? digits->point - 1 : 0;

    text_add_char(out, nth_digit(digits, 0));
    if (precision > 0)
        text_add_char(out, '.');
    for (int i = 1; i <= precision; i++)
        text_add_char(out, nth_digit(digits, i));
    text_addf(out, "%c%c%02d", verb, exponent < 0 ? '-' : '+', abs(exponent));
}

/* ddd.ddd without an exponent. */
static void add_fixed(struct text *out, const struct digits *digits, int precision)
{
    if (digits->point > 0) {
        int whole = digits->point < digits->len ? digits->point : digits->len;

        text_add_bytes(out, digits->at, (size_t)whole);
        add_zeros(out, digits->point - whole);
    } else {
        text_add_char(out, '0');
    }
    if (precision > 0)
        text_add_char(out, '.');
    for (int i = 0; i < precision; i++)
        text_add_char(out, nth_digit(digits, digits->point + i));
}

/* %e or %f, whichever Go's %g takes. */
static void add_general(struct text *out, const struct digits *digits, int precision, char verb)
{
    bool short_form = precision < 0;
    int least = short_form ? 6 : precision ? precision : 1;
    int exponent = digits->point - 1;

    if (!short_form && least > digits->len && digits->len >= digits->point)
        least = digits->len;
    if (exponent < -4 || exponent >= least) {
        int places = short_form || precision > digits->len ? digits->len : precision;

        add_exponent(out, digits, (places ? places : 1) - 1, verb == 'g' ? 'e' : 'E');
        return;
    }
    add_fixed(out, digits, digits->len > digits->point ? digits->len - digits->point : 0);
}

/* Mantissa and power of two, as %b. */
static void add_mantissa_binary(struct text *out, double number)
{
    uint64_t bits;
    int exponent;

    memcpy(&bits, &number, sizeof bits);
    exponent = (int)(bits >> 52 & 0x7ff);
    bits &= ((uint64_t)1 << 52) - 1;
    if (exponent)
        bits |= (uint64_t)1 << 52;
    else
        exponent = 1;
    exponent -= 1075;
    text_addf(out, "%llup%+d", (unsigned long long)bits, exponent);
}

/* Mantissa and exponent of two in hexadecimal, rounded half to even where the precision is less
   than what the mantissa has. */
static void add_hex(struct text *out, double number, char verb, int precision)
{
    const char *digits = verb == 'x' ? "0123456789abcdef" : "0123456789ABCDEF";
    int exponent = 0;
    double part = frexp(number, &exponent); /* 0.5 ≤ part < 1 */
    uint64_t bits = number == 0 ? 0 : (uint64_t)ldexp(part, 61);

    exponent -= number == 0 ? 0 : 1;
    if (precision >= 0 && precision < 15) {
        unsigned shift = 60 - (unsigned)precision * 4;
        uint64_t half = (uint64_t)1 << shift >> 1;
        uint64_t rest = bits & (((uint64_t)1 << shift) - 1);

        bits >>= shift;
        if (rest > half || (rest == half && half && (bits & 1)))
            bits++;
        bits <<= shift;
        if (bits & (uint64_t)1 << 61) {
            bits >>= 1;
            exponent++;
        }
    }
    text_addf(out, "0%c%c", verb, bits >> 60 ? '1' : '0');
    bits <<= 4;
    if (precision < 0 ? bits != 0 : precision > 0)
        text_add_char(out, '.');
    for (int i = 0; precision < 0 ? bits != 0 : i < precision; i++, bits <<= 4)
        text_add_char(out, digits[bits >> 60]);
    text_addf(out, "%c%c%02d", verb == 'x' ? 'p' : 'P', exponent < 0 ? '-' : '+', abs(exponent));
}

/* Rounds to what the verb and precision ask for. */
static void digits_of(struct digits *digits, double number, char verb, int precision)
{
    char text[1200];

    if (precision < 0) {
        digits->len = document_float_digits(number, digits->at, &digits->point);
        if (!digits->len)
            digits->point = 0;
        return;
    }
    if (precision > 1100)
        precision = 1100;
    if (verb == 'f') {
        /* %f of a double has at most 309 digits before the point. */
        char *point;
        int first = 0, len = 0;

        snprintf(text, sizeof text, "%.*f", precision > 800 ? 800 : precision, number);
        point = strchr(text, '.');
        digits->point = (int)(point ? (size_t)(point - text) : strlen(text));
        while (text[first] == '0' || text[first] == '.')
            first++;
        for (int i = 0; text[i]; i++) {
            if (text[i] == '.')
                continue;
            if (i < first) {
                digits->point--;
                continue;
            }
            digits->at[len++] = text[i];
        }
        digits->len = len;
        return;
    }
    if (verb != 'e' && precision > 0)
        precision--;
    snprintf(text, sizeof text, "%.*e", precision, number);
    digits_from(digits, text);
}

/* Small whole numbers, which most are, take no search for the shortest digits. */
void float_print(struct text *out, double number, char verb, int precision)
{
    struct digits digits = {.len = 0};
    char plain = verb == 'E' ? 'e' : verb == 'G' ? 'g' : verb;

    if (isnan(number) || isinf(number)) {
        text_add(out, isnan(number) ? "NaN" : number < 0 ? "-Inf" : "+Inf");
        return;
    }
    if (signbit(number))
        text_add_char(out, '-');
    number = fabs(number);
    if (verb == 'b') {
        add_mantissa_binary(out, number);
    } else if (verb == 'x' || verb == 'X') {
        add_hex(out, number, verb, precision);
    } else if (plain == 'g' && precision < 0 && number < 1e5 &&
               number == (double)(unsigned)number) {
        text_addf(out, "%u", (unsigned)number);
    } else {
        digits_of(&digits, number, plain, precision);
        if (plain == 'e')
            add_exponent(out, &digits,
                         precision < 0 ? (digits.len ? digits.len - 1 : 0) : precision, verb);
        else if (plain == 'f')
            add_fixed(out, &digits,
                      precision >= 0              ? precision
                      : digits.len > digits.point ? digits.len - digits.point
                                                  : 0);
        else
            add_general(out, &digits, precision, verb);
    }
}

/* strtod() without what it takes beyond Go: white space before, hexadecimal without an
   exponent, "nan(…)". */
double float_parse(struct str s, bool *ret_fine)
{
    char digits[400];
    char *end;
    double number;
    struct literal_number parsed;
    char words[8];

    *ret_fine = false;
    if (!s.len || s.len >= sizeof digits || (s.at[0] >= 9 && s.at[0] <= ' '))
        return 0;
    memcpy(digits, s.at, s.len);
    digits[s.len] = '\0';
    if (memchr(s.at, '_', s.len)) {
        *ret_fine = s.at[s.len - 1] != 'i' &&
                    literal_number(s, LITERAL_NUMBER, &parsed, words, sizeof words);
        return *ret_fine ? parsed.number : 0;
    }
    if (strpbrk(digits, "xX") && !strpbrk(digits, "pP"))
        return 0;
    if (strchr(digits, '('))
        return 0;
    number = strtod(digits, &end);
    if (end == digits || *end || strlen(digits) != s.len)
        return 0;
    /* Too large a number is an error; the word "inf" is not. */
    if (isinf(number) && !strpbrk(digits, "iI"))
        return 0;
    *ret_fine = true;
    return number;
}
