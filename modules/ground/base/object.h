/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_OBJECT_H
#define BASE_OBJECT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Catches stale callbacks. Every struct that is handed to a callback as
 * `void *` starts with `uint32_t tag`, set to its own X_TAG when it is made and
 * cleared when it is freed. A callback that arrives late dies loudly at the
 * line that is wrong.
 */
#define object_from(type, expected, arg)                                                           \
    ((struct type *)object_check((arg), (expected), #type, __FILE__, __LINE__))

static inline void *object_check(void *arg, uint32_t expected, const char *type, const char *file,
                                 int line)
{
    if (!arg || *(uint32_t *)arg != expected) {
        fprintf(stderr, "axle: %s:%d: not a live struct %s\n", file, line, type);
        abort();
    }
    return arg;
}

#endif
