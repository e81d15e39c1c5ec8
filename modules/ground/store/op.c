/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a write until the store's thread applies it. */

#include "store/internal.h"

#include <assert.h>
#include <string.h>

static const char *copy_word(char **at, const char *word)
{
    size_t len = strlen(word) + 1;
    char *copy = memcpy(*at, word, len);

    *at += len;
    return copy;
}

static size_t word_size(const char *word)
{
    return strlen(word) + 1;
}

struct store_op *store_op_new(enum store_op_kind kind, int64_t revision,
                              const struct store_key *key, const void *bytes, size_t len)
{
    size_t words = word_size(key->kind) + word_size(key->namespace) + word_size(key->name);
    struct store_op *op = mem_resize(NULL, sizeof *op + words + len);
    char *at = (char *)(op + 1);

    *op = (struct store_op){.kind = kind, .revision = revision, .len = len};
    op->key.kind = copy_word(&at, key->kind);
    op->key.namespace = copy_word(&at, key->namespace);
    op->key.name = copy_word(&at, key->name);
    op->bytes = at;
    if (len)
        memcpy(at, bytes, len);
    return op;
}

/* Revisions are handed out when a write is staged; the database counts again. */
static void apply_put(struct store_db *db, const struct store_op *op)
{
    int64_t given = store_db_put(db, &op->key, op->bytes, op->len);

    assert(given == op->revision);
}

static void apply_delete(struct store_db *db, const struct store_op *op)
{
    int64_t given = store_db_delete(db, &op->key, op->bytes, op->len);

    assert(given == op->revision);
}

static void apply_value_put(struct store_db *db, const struct store_op *op)
{
    store_db_value_put(db, op->key.name, op->bytes, op->len);
}

static void apply_value_delete(struct store_db *db, const struct store_op *op)
{
    store_db_value_delete(db, op->key.name);
}

static void apply_blob_put(struct store_db *db, const struct store_op *op)
{
    store_db_blob_put(db, op->key.name, op->bytes, op->len);
}

static void apply_blob_delete(struct store_db *db, const struct store_op *op)
{
    store_db_blob_delete(db, op->key.name);
}

void store_op_apply(struct store_db *db, const struct store_op *op)
{
    static void (*const apply[])(struct store_db * db, const struct store_op *op) = {
        [STORE_OP_PUT] = apply_put,
        [STORE_OP_DELETE] = apply_delete,
        [STORE_OP_VALUE_PUT] = apply_value_put,
        [STORE_OP_VALUE_DELETE] = apply_value_delete,
        [STORE_OP_BLOB_PUT] = apply_blob_put,
        [STORE_OP_BLOB_DELETE] = apply_blob_delete,
    };

    apply[op->kind](db, op);
}

void store_ops_add(struct store_ops *ops, struct store_op *op)
{
    if (!ops->first)
        ops->end = &ops->first;
    *ops->end = op;
    ops->end = &op->next;
}

void store_ops_join(struct store_ops *ops, struct store_ops *from)
{
    if (!from->first)
        return;
    store_ops_add(ops, from->first);
    ops->end = from->end;
    *from = (struct store_ops){0};
}

struct store_op *store_ops_take(struct store_ops *ops)
{
    struct store_op *op = ops->first;

    if (!op)
        return NULL;
    ops->first = op->next;
    op->next = NULL;
    return op;
}
