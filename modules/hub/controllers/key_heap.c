/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the keys that wait for a time in its order. */
#include "controllers/key_heap.h"

#include "controllers/queue.h"

static void place_key(struct key_heap *heap, size_t at, struct key *key)
{
    heap->keys[at] = key;
    key->heap_place = at + 1;
}

static void move_key_up(struct key_heap *heap, size_t at)
{
    struct key *key = heap->keys[at];

    while (at && heap->keys[(at - 1) / 2]->at > key->at) {
        place_key(heap, at, heap->keys[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    place_key(heap, at, key);
}

static void move_key_down(struct key_heap *heap, size_t at)
{
    struct key *key = heap->keys[at];

    for (size_t child; (child = 2 * at + 1) < heap->count; at = child) {
        if (child + 1 < heap->count && heap->keys[child + 1]->at < heap->keys[child]->at)
            child++;
        if (heap->keys[child]->at >= key->at)
            break;
        place_key(heap, at, heap->keys[child]);
    }
    place_key(heap, at, key);
}

static void remove_key(struct key_heap *heap, struct key *key)
{
    size_t at = key->heap_place - 1;
    struct key *last = heap->keys[--heap->count];

    key->heap_place = 0;
    if (last == key)
        return;
    place_key(heap, at, last);
    move_key_up(heap, at);
    move_key_down(heap, last->heap_place - 1);
}

void key_heap_set(struct key_heap *heap, struct key *key, int64_t at)
{
    if (key->heap_place)
        remove_key(heap, key);
    key->at = at;
    if (!at)
        return;
    if (heap->count == heap->room) {
        heap->room = heap->room ? 2 * heap->room : 64;
        heap->keys = mem_resize_array(heap->keys, heap->room, sizeof *heap->keys);
    }
    place_key(heap, heap->count++, key);
    move_key_up(heap, heap->count - 1);
}

struct key *key_heap_first(const struct key_heap *heap)
{
    return heap->count ? heap->keys[0] : NULL;
}

void key_heap_free(struct key_heap *heap)
{
    mem_free(&heap->keys);
    heap->count = heap->room = 0;
}
