/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps trees for long: equal parts of all interned trees are one part, with a count of uses. */
#include "document/node.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * One part of interned trees. Behind it lies what its node points to: the bytes of a
 * string, the items of a list, the members of a map. A key is the bytes of a string part.
 */
struct part {
    struct part *next; /* of the same slot */
    uint32_t hash;
    uint32_t uses; /* by other parts, and by those who interned it */
    struct node node;
    _Alignas(struct node_member) unsigned char content[];
};

/* Chained; as many slots as parts, a power of two. */
static struct {
    struct part **slots; /* owned, with the parts */
    size_t room, count, bytes;
} interned;

static struct part *part_of_node(const struct node *node)
{
    return (struct part *)((char *)(uintptr_t)node - offsetof(struct part, node));
}

static struct part *part_of_key(const char *key)
{
    return (struct part *)((char *)(uintptr_t)key - offsetof(struct part, content));
}

static size_t content_size(const struct node *node)
{
    switch (node->type) {
    case NODE_STRING:
        return node->len + 1;
    case NODE_LIST:
        return node->len * sizeof *node->items;
    case NODE_MAP:
        return node->len * sizeof *node->members;
    default:
        return 0;
    }
}

static const void *content_of(const struct node *node)
{
    switch (node->type) {
    case NODE_STRING:
        return node->string;
    case NODE_LIST:
        return node->items;
    case NODE_MAP:
        return node->members;
    default:
        return NULL;
    }
}

/* ---- The table ------------------------------------------------------------------- */

/* Salted with an address, which the kernel chooses at random, as key_hash() is. Children are
   interned before, so that their addresses stand for what they hold. */
static uint32_t hash_part(const struct node *node)
{
    static const char here;
    uint64_t hash = 14695981039346656037u ^ (uint64_t)(uintptr_t)&here * 0x9e3779b97f4a7c15u;
    const unsigned char *bytes = content_of(node);
    size_t size = content_size(node);
    uint64_t word;

    hash = (hash ^ (unsigned)node->type ^ (uint64_t)node->len << 8) * 1099511628211u;
    if (!bytes && node->type != NODE_NULL)
        hash =
            (hash ^ (node->type == NODE_BOOL ? (uint64_t)node->boolean : (uint64_t)node->integer)) *
            0x9e3779b97f4a7c15u;
    for (; size >= sizeof word; size -= sizeof word, bytes += sizeof word) {
        memcpy(&word, bytes, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    for (; size; size--)
        hash = (hash ^ *bytes++) * 1099511628211u;
    return (uint32_t)(hash ^ hash >> 29);
}

/* Numbers are compared by their bytes: 0.0 is not -0.0, and 1 is not 1.0. */
static bool is_same_part(const struct node *a, const struct node *b)
{
    size_t size = content_size(a);

    if (a->type != b->type || a->len != b->len)
        return false;
    if (a->type == NODE_BOOL)
        return a->boolean == b->boolean;
    if (a->type == NODE_INT || a->type == NODE_FLOAT)
        return a->integer == b->integer;
    return !size || memcmp(content_of(a), content_of(b), size) == 0;
}

static void resize_table(size_t room)
{
    struct part **slots = mem_alloc(room * sizeof(struct part *));

    for (size_t i = 0; i < interned.room; i++) {
        struct part *part = interned.slots[i], *next;

        for (; part; part = next) {
            next = part->next;
            part->next = slots[part->hash & (room - 1)];
            slots[part->hash & (room - 1)] = part;
        }
    }
    mem_free(&interned.slots);
    interned.slots = slots;
    interned.room = room;
}

static struct part *find_part(const struct node *node, uint32_t hash)
{
    struct part *part = interned.room ? interned.slots[hash & (interned.room - 1)] : NULL;

    while (part && (part->hash != hash || !is_same_part(&part->node, node)))
        part = part->next;
    return part;
}

static struct part *add_part(const struct node *node, uint32_t hash)
{
    size_t size = content_size(node);
    struct part *part = mem_alloc(sizeof *part + size);

    if (interned.count >= interned.room)
        resize_table(interned.room ? interned.room * 2 : 64);
    part->hash = hash;
    part->node = *node;
    part->node.room = (unsigned)node->len;
    part->node.index = NULL;
    if (node->type == NODE_STRING)
        part->node.string = memcpy(part->content, node->string, size);
    else if (node->type == NODE_LIST)
        part->node.items = size ? memcpy(part->content, node->items, size) : NULL;
    else if (node->type == NODE_MAP)
        part->node.members = size ? memcpy(part->content, node->members, size) : NULL;
    node_own_index(&part->node);
    part->next = interned.slots[hash & (interned.room - 1)];
    interned.slots[hash & (interned.room - 1)] = part;
    interned.count++;
    interned.bytes += sizeof *part + size;
    return part;
}

static void remove_part(struct part *part)
{
    struct part **at = &interned.slots[part->hash & (interned.room - 1)];

    while (*at != part)
        at = &(*at)->next;
    *at = part->next;
    interned.count--;
    interned.bytes -= sizeof *part + content_size(&part->node);
    free(part->node.index);
    mem_free(&part);
    if (!interned.count) {
        mem_free(&interned.slots);
        interned.room = 0;
    } else if (interned.room > 64 && interned.count < interned.room / 4) {
        resize_table(interned.room / 2);
    }
}

/* ---- Taking trees apart ---------------------------------------------------------- */

static void drop_use(struct part *part);

static void drop_children(const struct node *node)
{
    for (size_t i = 0; node->type == NODE_LIST && i < node->len; i++)
        drop_use(part_of_node(node->items[i]));
    node_each(member, node)
    {
        drop_use(part_of_key(member->key));
        drop_use(part_of_node(member->value));
    }
}

static void drop_use(struct part *part)
{
    if (--part->uses)
        return;
    drop_children(&part->node);
    remove_part(part);
}

/* One more use of the part that is as `node`, whose children are interned already: a part
   that is there has uses of its own of these. */
static struct part *use_part(const struct node *node)
{
    uint32_t hash = hash_part(node);
    struct part *part = find_part(node, hash);

    if (part)
        drop_children(node);
    else
        part = add_part(node, hash);
    part->uses++;
    return part;
}

static const char *use_key(const char *key)
{
    struct node node = {.type = NODE_STRING, .len = strlen(key), .string = key};

    return use_part(&node)->node.string;
}

static struct node *use_tree(const struct node *from)
{
    struct node node = *from;
    scoped_mem void *content = NULL;

    if (node.type == NODE_LIST) {
        content = mem_alloc(node.len * sizeof *node.items);
        node.items = content;
        for (size_t i = 0; i < node.len; i++)
            node.items[i] = use_tree(from->items[i]);
    } else if (node.type == NODE_MAP) {
        content = mem_alloc(node.len * sizeof *node.members);
        node.members = content;
        for (size_t i = 0; i < node.len; i++)
            node.members[i] = (struct node_member){use_key(from->members[i].key),
                                                   use_tree(from->members[i].value)};
    }
    return &use_part(&node)->node;
}

const struct node *document_intern(const struct node *from)
{
    return from ? use_tree(from) : NULL;
}

void document_release(const struct node **tree)
{
    const struct node *root = take(*tree);

    if (root)
        drop_use(part_of_node(root));
}

const char *document_intern_text(const char *text)
{
    return text ? use_key(text) : NULL;
}

void document_release_text(const char **text)
{
    const char *bytes = take(*text);

    if (bytes)
        drop_use(part_of_key(bytes));
}

size_t document_interned(size_t *ret_bytes)
{
    *ret_bytes = interned.bytes + interned.room * sizeof(struct part *);
    return interned.count;
}
