/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHECK_H
#define CHECK_H

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * One line of TAP per check; a failed one says where and goes on.
 *
 *     CHECK(list_count(list) == 2, "both are kept");
 *     CHECK_TEXT(err.text, cases[i].text, "%s: what the user reads", cases[i].name);
 *     return check_done();
 */
static int check_count, check_failed;

__attribute__((unused, format(printf, 5, 6))) static int
check_line(int good, const char *file, int line, const char *what, const char *name, ...)
{
    va_list args;

    printf("%sok %d - ", good ? "" : "not ", ++check_count);
    va_start(args, name);
    vprintf(name, args);
    va_end(args);
    if (!good) {
        printf("\n# %s:%d: %s", file, line, what);
        check_failed++;
    }
    putchar('\n');
    fflush(stdout);
    return good;
}

#define CHECK(good, ...) check_line((good) ? 1 : 0, __FILE__, __LINE__, #good, __VA_ARGS__)

#define CHECK_TEXT(got, want, ...)                                                                 \
    __extension__({                                                                                \
        const char *got_ = (got), *want_ = (want);                                                 \
        int same_ = got_ && want_ ? !strcmp(got_, want_) : got_ == want_;                          \
        if (!CHECK(same_, __VA_ARGS__))                                                            \
            printf("#  got: %s\n# want: %s\n", got_ ? got_ : "(none)", want_ ? want_ : "(none)");  \
        same_;                                                                                     \
    })

#define CHECK_INT(got, want, ...)                                                                  \
    __extension__({                                                                                \
        long long got_ = (got), want_ = (want);                                                    \
        if (!CHECK(got_ == want_, __VA_ARGS__))                                                    \
            printf("#  got: %lld\n# want: %lld\n", got_, want_);                                   \
        got_ == want_;                                                                             \
    })

#define CHECK_SKIP(why) printf("ok %d # SKIP %s\n", ++check_count, why)

__attribute__((unused)) static int check_done(void)
{
    printf("1..%d\n", check_count);
    return check_failed ? 1 : 0;
}

#endif
