/* SPDX-License-Identifier: Apache-2.0 */
/* Allocates memory that never fails quietly, alone or in arenas. */
#include "base/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *or_die(void *memory)
{
    if (!memory) {
        fputs("axle: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *mem_alloc(size_t size)
{
    return or_die(calloc(1, size ? size : 1));
}

void *mem_resize(void *old, size_t size)
{
    return or_die(realloc(old, size ? size : 1));
}

void *mem_resize_array(void *old, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        or_die(NULL);
    return mem_resize(old, count * size);
}

void *mem_copy(const void *bytes, size_t len)
{
    void *copy = mem_alloc(len);

    if (len)
        memcpy(copy, bytes, len);
    return copy;
}

char *mem_copy_string(const char *string)
{
    return mem_copy(string, strlen(string) + 1);
}

char *mem_printf(const char *format, ...)
{
    va_list args;
    char *made;
    int len;

    va_start(args, format);
    len = vasprintf(&made, format, args);
    va_end(args);
    return or_die(len < 0 ? NULL : made);
}

void mem_free(void *p)
{
    void **at = p;

    free(*at);
    *at = NULL;
}

void mem_trim(void)
{
    malloc_trim(0);
}

/* Blocks double from 1 kB to 64 kB; anything larger gets a block of its own. */
#define BLOCK_FIRST ((size_t)1024)
#define BLOCK_LAST ((size_t)64 * 1024)
#define ALIGN _Alignof(max_align_t)

struct block {
    struct block *next;
    size_t size, used;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct block *blocks; /* owned; the first is the one being filled */
    size_t next_size;
    size_t used;
};

struct arena *arena_new(void)
{
    struct arena *arena = mem_alloc(sizeof *arena);

    arena->next_size = BLOCK_FIRST;
    return arena;
}

void arena_free(struct arena **at)
{
    struct arena *arena = take(*at);

    if (!arena)
        return;
    while (arena->blocks) {
        struct block *block = arena->blocks;

        arena->blocks = block->next;
        free(block);
    }
    free(arena);
}

static struct block *block_new(size_t size)
{
    struct block *block = mem_resize(NULL, sizeof *block + size);

    *block = (struct block){.size = size};
    return block;
}

static struct block *block_for(struct arena *arena, size_t size)
{
    struct block *first = arena->blocks;
    struct block *block;

    if (first && first->size - first->used >= size)
        return first;
    if (first && size > arena->next_size / 4) {
        /* A large one goes behind, so that the present block is filled up. */
        block = block_new(size);
        block->next = first->next;
        first->next = block;
        return block;
    }
    block = block_new(size > arena->next_size ? size : arena->next_size);
    if (arena->next_size < BLOCK_LAST)
        arena->next_size *= 2;
    block->next = first;
    arena->blocks = block;
    return block;
}

/* Not zeroed: most blocks are freed before they are full. */
static void *arena_take(struct arena *arena, size_t size)
{
    struct block *block;
    void *memory;

    if (size > SIZE_MAX / 2)
        or_die(NULL);
    size = size ? (size + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
    block = block_for(arena, size);
    memory = block->bytes + block->used;
    block->used += size;
    arena->used += size;
    return memory;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return memset(arena_take(arena, size), 0, size);
}

char *arena_bytes(struct arena *arena, const void *bytes, size_t len)
{
    char *copy = arena_take(arena, len + 1);

    if (len)
        memcpy(copy, bytes, len);
    copy[len] = '\0';
    return copy;
}

char *arena_string(struct arena *arena, const char *string)
{
    return arena_bytes(arena, string, strlen(string));
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    char *made;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0)
        or_die(NULL);
    made = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(made, (size_t)len + 1, format, args);
    return made;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    char *made;

    va_start(args, format);
    made = arena_vprintf(arena, format, args);
    va_end(args);
    return made;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}
