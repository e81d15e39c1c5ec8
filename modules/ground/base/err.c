/* SPDX-License-Identifier: Apache-2.0 */
/* Fills in and extends the description of a failure. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int http;
    const char *reason;
} codes[] = {
    [ERR_NONE] = {200, ""},
#define ERR_CODE(name, http, reason) [ERR_##name] = {http, reason},
#include "base/err_codes.def"
#undef ERR_CODE
};

int(err_set)(struct err *err, enum err_code code, const char *format, ...)
{
    va_list args;

    if (!err)
        return -1;
    err->code = code;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return -1;
}

int(err_wrap)(struct err *err, const char *format, ...)
{
    char words[256];
    char whole[sizeof err->text];
    va_list args;

    if (!err)
        return -1;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    snprintf(whole, sizeof whole, "%s: %.*s", words, (int)(sizeof whole - sizeof words - 3),
             err->text);
    memcpy(err->text, whole, sizeof whole);
    return -1;
}

int err_http(enum err_code code)
{
    return codes[code].http;
}

const char *err_reason(enum err_code code)
{
    return codes[code].reason;
}
