/* SPDX-License-Identifier: Apache-2.0 */
/* Prints why a verb cannot go on, and chooses its exit status. */
#include "cli/internal.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int cli_usage(const char *format, ...)
{
    scoped_text struct text message = {0}, shown = {0};
    va_list args;

    va_start(args, format);
    text_addv(&message, format, args);
    va_end(args);
    text_add_printable(&shown, text_string(&message), message.len, false);
    fprintf(stderr, "axle: %s\n", text_string(&shown));
    return CLI_USAGE;
}

int cli_fail(const struct err *err)
{
    scoped_text struct text shown = {0};

    text_add_printable(&shown, err->text, strlen(err->text), true);
    fprintf(stderr, "axle: %s\n", text_string(&shown));
    switch (err->code) {
    case ERR_INVALID:
    case ERR_CONFLICT:
        return CLI_SETTINGS;
    case ERR_NOT_FOUND:
        return CLI_NOT_FOUND;
    case ERR_UNREACHABLE:
    case ERR_TIMEOUT:
        return CLI_NO_CONNECTION;
    case ERR_GONE:
        return CLI_LEFT;
    default:
        return CLI_FAILED;
    }
}
