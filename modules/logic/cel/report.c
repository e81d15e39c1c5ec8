/* SPDX-License-Identifier: Apache-2.0 */
/* Reports errors, with their position in the text, and charges the costs of a run. */
#include "cel/internal.h"

#include <stdarg.h>

int cel_report_at(struct err *err, const char *text, size_t at, const char *format, ...)
{
    size_t line = 1, start = 0, len, column;
    scoped_text struct text words = {0}, dots = {0};
    va_list args;

    for (size_t i = 0; i < at; i++)
        if (text[i] == '\n') {
            line++;
            start = i + 1;
        }
    column = at - start;
    len = strcspn(text + start, "\n");
    va_start(args, format);
    text_addv(&words, format, args);
    va_end(args);
    /* A longer line does not fit into the error; its position still does. */
    if (len > 200 || column > 200)
        return err_set(err, ERR_INVALID, "ERROR: <input>:%zu:%zu: %s", line, column + 1,
                       text_string(&words));
    for (size_t i = 0; i < column; i++)
        text_add_char(&dots, '.');
    return err_set(err, ERR_INVALID, "ERROR: <input>:%zu:%zu: %s\n | %.*s\n | %s^", line,
                   column + 1, text_string(&words), (int)len, text + start, text_string(&dots));
}

int cel_fail(struct cel_run *run, const char *format, ...)
{
    scoped_text struct text words = {0};
    va_list args;

    if (run->stopped)
        return -1;
    va_start(args, format);
    text_addv(&words, format, args);
    va_end(args);
    return err_set(run->err, ERR_INVALID, "%s", text_string(&words));
}

/* The cost saturates: a huge price must not wrap around to a small one. */
int cel_pay(struct cel_run *run, uint64_t cost)
{
    run->cost = cost > UINT64_MAX - run->cost ? UINT64_MAX : run->cost + cost;
    if (run->cost <= run->limit)
        return 0;
    run->stopped = true;
    return err_set(run->err, ERR_TOO_MANY, "CEL evaluation budget exceeded");
}

int cel_pay_bytes(struct cel_run *run, size_t bytes)
{
    return cel_pay(run, bytes / 10 + (bytes % 10 != 0));
}
