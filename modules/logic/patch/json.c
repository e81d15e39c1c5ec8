/* SPDX-License-Identifier: Apache-2.0 */
/* Applies a JSON patch (RFC 6902), with the leniencies of kube-apiserver's
   library, evanphx/json-patch. */
#include "patch/internal.h"

#include <stdlib.h>
#include <string.h>

#define OPERATIONS_MAX 10000
#define GROWTH_MAX ((size_t)16 << 20) /* of copies */

/* A place in the document: what holds it, and its name there. */
struct place {
    struct node *holder; /* map or list; NULL: the root itself */
    const char *key;
    size_t index; /* in a list; its length: after the end */
};

struct run {
    struct arena *arena;
    struct node *root;
    size_t used; /* of the arena, when it began */
    struct err *why;
};

static int refuse_operation(struct run *r, const char *what, const char *path)
{
    return err_set(r->why, ERR_INVALID, "%s \"%.200s\"", what, path);
}

/* RFC 6901: "~1" stands for "/", "~0" for "~". */
static char *unescape_pointer(struct arena *arena, const char *part, size_t len)
{
    char *key = arena_bytes(arena, part, len), *to = key;

    for (const char *from = key; *from; from++) {
        if (from[0] == '~' && (from[1] == '0' || from[1] == '1'))
            *to++ = *++from == '0' ? '~' : '/';
        else
            *to++ = *from;
    }
    *to = '\0';
    return key;
}

/* As Go's Atoi(): a sign and leading zeros are allowed. A negative index counts
   from the end, which is `len`. */
static bool read_array_index(const char *key, size_t len, size_t *ret)
{
    const char *digits = *key == '+' || *key == '-' ? key + 1 : key;
    long long index;

    if (!*digits || digits[strspn(digits, "0123456789")] || strlen(digits) > 15)
        return false;
    index = strtoll(key, NULL, 10);
    if (index < 0)
        index += (long long)len;
    if (index < 0)
        return false;
    *ret = (size_t)index;
    return true;
}

static struct node *child_of(struct node *holder, const char *key)
{
    size_t index;

    if (node_is(holder, NODE_MAP))
        return node_get(holder, key);
    if (node_is(holder, NODE_LIST) && read_array_index(key, holder->len, &index))
        return node_item(holder, index);
    return NULL;
}

/* Walks to the map or list that holds the last part of the path. */
static int find_place(struct run *r, const char *path, struct place *ret)
{
    struct node *holder = r->root;
    const char *part = path;

    *ret = (struct place){0};
    if (!*path)
        return 0;
    if (*path != '/')
        return refuse_operation(r, "a path must begin with /, not be", path);
    while (1) {
        size_t len = strcspn(++part, "/");
        const char *key = unescape_pointer(r->arena, part, len);

        if (!part[len]) {
            if (!node_is(holder, NODE_MAP) && !node_is(holder, NODE_LIST))
                return refuse_operation(r, "there is nothing to hold", path);
            ret->holder = holder;
            ret->key = key;
            return 0;
        }
        holder = child_of(holder, key);
        part += len;
    }
}

static struct node *value_at_place(struct run *r, const struct place *place)
{
    return place->holder ? child_of(place->holder, place->key) : r->root;
}

static int apply_add(struct run *r, const char *path, struct node *value)
{
    struct place place;
    size_t index;

    if (find_place(r, path, &place) < 0)
        return -1;
    if (!place.holder)
        return refuse_operation(r, "cannot add at the root", path);
    if (place.holder->type == NODE_MAP) {
        node_set(r->arena, place.holder, place.key, value);
        return 0;
    }
    index = place.holder->len;
    /* "-" is the end. A negative index counts in the list that includes the new item. */
    if (strcmp(place.key, "-") != 0 &&
        (!read_array_index(place.key, place.holder->len + 1, &index) || index > place.holder->len))
        return refuse_operation(r, "no such index:", path);
    node_insert(r->arena, place.holder, index, value);
    return 0;
}

static int apply_remove(struct run *r, const char *path)
{
    struct place place;
    size_t index;

    if (find_place(r, path, &place) < 0)
        return -1;
    if (!place.holder || !value_at_place(r, &place))
        return refuse_operation(r, "there is no", path);
    if (place.holder->type == NODE_MAP) {
        node_remove(place.holder, place.key);
    } else if (read_array_index(place.key, place.holder->len, &index)) {
        node_remove_item(place.holder, index);
    }
    return 0;
}

static int apply_replace(struct run *r, const char *path, struct node *value)
{
    struct place place;
    size_t index;

    if (find_place(r, path, &place) < 0)
        return -1;
    /* The library replaces a member that is absent, but not an item. */
    if (node_is(place.holder, NODE_LIST) && !value_at_place(r, &place))
        return refuse_operation(r, "there is no", path);
    if (!place.holder)
        r->root = value;
    else if (place.holder->type == NODE_MAP)
        node_set(r->arena, place.holder, place.key, value);
    else if (read_array_index(place.key, place.holder->len, &index))
        place.holder->items[index] = value;
    return 0;
}

/* 1 and 1.0 differ here, because the library compares numbers as texts. */
static bool same_text(const struct node *a, const struct node *b)
{
    if (a->type != b->type || a->len != b->len)
        return false;
    if (a->type == NODE_LIST) {
        for (size_t i = 0; i < a->len; i++)
            if (!same_text(a->items[i], b->items[i]))
                return false;
        return true;
    }
    if (a->type != NODE_MAP)
        return node_same(a, b);
    node_each(member, a)
    {
        const struct node *other = node_get(b, member->key);

        if (!other || !same_text(member->value, other))
            return false;
    }
    return true;
}

static int apply_test(struct run *r, const char *path, const struct node *value)
{
    struct place place;
    struct node *now;

    if (find_place(r, path, &place) < 0)
        return -1;
    now = value_at_place(r, &place);
    if (!now && value->type == NODE_NULL)
        return 0;
    if (!now || !same_text(now, value))
        return refuse_operation(r, "the test fails at", path);
    return 0;
}

/* The limit stops a patch that copies its own copies: each could double the document. */
static int copy_value(struct run *r, const char *from, struct node **ret)
{
    struct place place;
    struct node *value;

    if (find_place(r, from, &place) < 0)
        return -1;
    value = value_at_place(r, &place);
    if (!value && node_is(place.holder, NODE_LIST))
        return refuse_operation(r, "there is no", from);
    if (!value) {
        *ret = node_null(r->arena);
        return 0;
    }
    if (arena_used(r->arena) - r->used > GROWTH_MAX)
        return err_set(r->why, ERR_TOO_LARGE, "the patch copies more than 16 MiB");
    *ret = node_copy(r->arena, value);
    return 0;
}

static int do_add(struct run *r, const struct node *op, const char *path)
{
    const struct node *value = node_get(op, "value");

    return apply_add(r, path, value ? node_copy(r->arena, value) : node_null(r->arena));
}

static int do_remove(struct run *r, const struct node *op, const char *path)
{
    return apply_remove(r, path);
}

static int do_replace(struct run *r, const struct node *op, const char *path)
{
    const struct node *value = node_get(op, "value");

    return apply_replace(r, path, value ? node_copy(r->arena, value) : node_null(r->arena));
}

static int do_move(struct run *r, const struct node *op, const char *path)
{
    const char *from = node_get_text(op, "from");
    struct node *value;

    if (copy_value(r, from, &value) < 0 || apply_remove(r, from) < 0)
        return -1;
    return apply_add(r, path, value);
}

static int do_copy(struct run *r, const struct node *op, const char *path)
{
    struct node *value;

    if (copy_value(r, node_get_text(op, "from"), &value) < 0)
        return -1;
    return apply_add(r, path, value);
}

static int do_test(struct run *r, const struct node *op, const char *path)
{
    const struct node *value = node_get(op, "value");

    return apply_test(r, path, value ? value : node_null(r->arena));
}

static const struct {
    const char *name;
    int (*run)(struct run *r, const struct node *op, const char *path);
} operations[] = {
    {"add", do_add},   {"remove", do_remove}, {"replace", do_replace},
    {"move", do_move}, {"copy", do_copy},     {"test", do_test},
};

static int run_one(struct run *r, const struct node *op)
{
    const char *name = node_get_text(op, "op");

    if (!node_is(node_get(op, "path"), NODE_STRING))
        return refuse_operation(r, "no path in an operation", name);
    for (size_t i = 0; i < count_of(operations); i++)
        if (!strcmp(operations[i].name, name))
            return operations[i].run(r, op, node_get_text(op, "path"));
    return refuse_operation(r, "no such operation:", name);
}

static int check_form(const struct node *patch, struct err *err)
{
    if (!node_is(patch, NODE_LIST))
        return err_set(err, ERR_BAD_REQUEST,
                       "error decoding patch: json: cannot unmarshal %s into Go "
                       "value of type []handlers.jsonPatchOp",
                       patch ? node_type_name(patch->type) : "nothing");
    if (patch->len > OPERATIONS_MAX)
        return err_set(err, ERR_TOO_LARGE,
                       "The allowed maximum operations in a JSON patch is %d, "
                       "got %zu",
                       OPERATIONS_MAX, patch->len);
    for (size_t i = 0; i < patch->len; i++)
        if (!node_is(patch->items[i], NODE_MAP))
            return err_set(err, ERR_BAD_REQUEST,
                           "error decoding patch: json: cannot unmarshal %s "
                           "into Go value of type handlers.jsonPatchOp",
                           node_type_name(patch->items[i]->type));
    return 0;
}

struct node *patch_json(struct arena *arena, const struct node *live, const struct node *patch,
                        struct err *ret_why, struct err *err)
{
    struct err why = {0};
    struct run r = {.arena = arena, .why = ret_why ? ret_why : &why};

    if (check_form(patch, err) < 0)
        return NULL;
    r.used = arena_used(arena);
    r.root = node_copy(arena, live);
    for (size_t i = 0; i < patch->len; i++) {
        if (run_one(&r, patch->items[i]) == 0)
            continue;
        if (r.why->code == ERR_TOO_LARGE)
            err_set(err, ERR_TOO_LARGE, "%s", r.why->text);
        else
            err_set(err, ERR_INVALID, "%s", PATCH_REJECTED);
        return NULL;
    }
    return r.root;
}
