/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_KEY_HEAP_H
#define CONTROLLERS_KEY_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct key;

/*
 * Private to controllers: keys in order of the time that they wait for (key->at), a
 * binary heap. To set a time costs the logarithm of how many wait; the earliest is
 * there at once.
 */
struct key_heap {
    struct key **keys; /* owned; the keys are the queue's */
    size_t count, room;
};

/* Sets when the key wants to run; 0: at no time. */
void key_heap_set(struct key_heap *heap, struct key *key, int64_t at);
/* The key with the earliest time; NULL: none waits. */
struct key *key_heap_first(const struct key_heap *heap);
void key_heap_free(struct key_heap *heap);

#endif
