/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps pointers under string keys: open addressing over an ordered array. */
#include "base/map.h"

#include "base/clock.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    char *key; /* owned; NULL once removed */
    void *value;
    uint64_t hash;
};

struct map {
    struct entry *entries; /* owned, in order of insertion, with gaps */
    size_t used, room, live;
    uint32_t *slots;   /* owned; index + 1 into entries, 0 is free */
    size_t slot_count; /* a power of two */
    uint64_t seed;
};

/* FNV-1a with a seed of its own per table and a final mix, so that keys from
   outside cannot be chosen to collide. */
static uint64_t hash_key(const struct map *map, const char *key)
{
    uint64_t hash = 14695981039346656037u ^ map->seed;

    for (; *key; key++)
        hash = (hash ^ (unsigned char)*key) * 1099511628211u;
    hash ^= hash >> 32;
    hash *= 0x9e3779b97f4a7c15u ^ map->seed << 1;
    return hash ^ hash >> 29;
}

struct map *map_new(void)
{
    struct map *map = mem_alloc(sizeof *map);

    map->seed = random_number() | 1;
    return map;
}

void map_free(struct map **at)
{
    struct map *map = take(*at);

    if (!map)
        return;
    for (size_t i = 0; i < map->used; i++)
        mem_free(&map->entries[i].key);
    mem_free(&map->entries);
    mem_free(&map->slots);
    mem_free(&map);
}

static void slot_in(struct map *map, size_t index)
{
    size_t mask = map->slot_count - 1;
    size_t slot = map->entries[index].hash & mask;

    while (map->slots[slot])
        slot = (slot + 1) & mask;
    map->slots[slot] = (uint32_t)(index + 1);
}

/* Drops the gaps and makes room for one more. */
static void rebuild_slots(struct map *map)
{
    size_t live = 0;
    size_t slots = 16;

    for (size_t i = 0; i < map->used; i++) {
        if (map->entries[i].key)
            map->entries[live++] = map->entries[i];
    }
    map->used = live;
    while (slots < (live + 1) * 3)
        slots *= 2;
    map->room = slots / 2 + slots / 8;
    map->entries = mem_resize_array(map->entries, map->room, sizeof *map->entries);
    mem_free(&map->slots);
    map->slots = mem_alloc(slots * sizeof *map->slots);
    map->slot_count = slots;
    for (size_t i = 0; i < live; i++)
        slot_in(map, i);
}

/* Linear probing; a removed slot does not end the search. */
static struct entry *find_map_slot(const struct map *map, const char *key)
{
    uint64_t hash = hash_key(map, key);
    size_t mask = map->slot_count - 1;

    if (!map->slot_count)
        return NULL;
    for (size_t slot = hash & mask; map->slots[slot]; slot = (slot + 1) & mask) {
        struct entry *entry = &map->entries[map->slots[slot] - 1];

        if (entry->key && entry->hash == hash && strcmp(entry->key, key) == 0)
            return entry;
    }
    return NULL;
}

void *map_get(const struct map *map, const char *key)
{
    struct entry *entry = find_map_slot(map, key);

    return entry ? entry->value : NULL;
}

void *map_put(struct map *map, const char *key, void *value)
{
    struct entry *entry = find_map_slot(map, key);

    if (!value)
        return map_remove(map, key);
    if (entry) {
        void *before = entry->value;

        entry->value = value;
        return before;
    }
    if (map->used == map->room)
        rebuild_slots(map);
    map->entries[map->used] = (struct entry){mem_copy_string(key), value, hash_key(map, key)};
    slot_in(map, map->used++);
    map->live++;
    return NULL;
}

void *map_remove(struct map *map, const char *key)
{
    struct entry *entry = find_map_slot(map, key);
    void *before;

    if (!entry)
        return NULL;
    before = entry->value;
    /* The slot stays taken, so that probes go on past it; rebuild frees it. */
    mem_free(&entry->key);
    entry->value = NULL;
    map->live--;
    return before;
}

size_t map_count(const struct map *map)
{
    return map->live;
}

void *map_next(const struct map *map, size_t *at, const char **ret_key)
{
    while (*at < map->used) {
        struct entry *entry = &map->entries[(*at)++];

        if (!entry->key)
            continue;
        if (ret_key)
            *ret_key = entry->key;
        return entry->value;
    }
    return NULL;
}
