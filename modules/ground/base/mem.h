/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

#include "base/err.h"

/*
 * Memory: scoped locals, and arenas.
 *
 * No memory left ends the process; sizes that come from outside are limited
 * before they get here. A destroyer takes the address of the pointer, frees,
 * leaves NULL and accepts NULL, so it serves the hand and the scope alike.
 */
#define SCOPED(destroy) __attribute__((cleanup(destroy)))

/* Hands a scoped pointer on: its value, leaving NULL for the scope. */
#define take(p)                                                                                    \
    __extension__({                                                                                \
        __typeof__(p) *from_ = &(p);                                                               \
        __typeof__(p) held_ = *from_;                                                              \
        *from_ = NULL;                                                                             \
        held_;                                                                                     \
    })

#define count_of(table) (sizeof(table) / sizeof((table)[0]))

/* Zeroed memory; never NULL. */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_resize(void *old, size_t size) __attribute__((returns_nonnull));
/* Like mem_resize for `count` items; ends the process on overflow. */
void *mem_resize_array(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
char *mem_copy_string(const char *string) __attribute__((returns_nonnull));
void *mem_copy(const void *bytes, size_t len) __attribute__((returns_nonnull));
char *mem_printf(const char *format, ...) PRINTF(1, 2) __attribute__((returns_nonnull));
/* `p` is the address of any pointer that mem_alloc and friends gave. */
void mem_free(void *p);
#define scoped_mem SCOPED(mem_free)
/* Gives what is free back to the system: after much was read and let go. */
void mem_trim(void);

/*
 * An arena hands out memory that is freed all at once: one per request or
 * reconcile run. What outlives it is copied out.
 */
struct arena;

struct arena *arena_new(void) __attribute__((returns_nonnull));
void arena_free(struct arena **arena);
#define scoped_arena SCOPED(arena_free)

/* Zeroed, aligned for anything; never NULL. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
char *arena_string(struct arena *arena, const char *string) __attribute__((returns_nonnull));
/* Copies `len` bytes and puts a NUL after them. */
char *arena_bytes(struct arena *arena, const void *bytes, size_t len)
    __attribute__((returns_nonnull));
char *arena_printf(struct arena *arena, const char *format, ...) PRINTF(2, 3)
    __attribute__((returns_nonnull));
char *arena_vprintf(struct arena *arena, const char *format, va_list args) PRINTF(2, 0)
    __attribute__((returns_nonnull));
/* Bytes handed out so far: what a budget is compared with. */
size_t arena_used(const struct arena *arena);

#endif
