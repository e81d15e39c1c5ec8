/* SPDX-License-Identifier: Apache-2.0 */
/* Knows which values and blobs there are, so that asking waits for no commit. */

#include "store/internal.h"

#include "base/map.h"

/* Small values are read again and again (the index of a repository, numbers of revisions),
   also while the disk hangs: so many bytes of them stay in memory. */
#define KEPT_MOST ((size_t)4 << 20)

static size_t kept_size(const struct store_op *op)
{
    return sizeof *op + op->len;
}

static void drop_map(struct map **map)
{
    struct store_name *name;
    size_t at = 0;

    if (!*map)
        return;
    while ((name = map_next(*map, &at, NULL))) {
        if (name->kept)
            mem_free(&name->op);
        mem_free(&name);
    }
    map_free(map);
}

void store_names_free(struct store_names *names)
{
    drop_map(&names->values);
    drop_map(&names->blobs);
    names->kept = 0;
}

static struct store_name *add_name(struct map *map, const char *name)
{
    struct store_name *added = map_get(map, name);

    if (!added) {
        added = mem_alloc(sizeof *added);
        map_put(map, name, added);
    }
    return added;
}

static void read_value_name(void *arg, const char *name, const void *bytes, size_t len)
{
    struct store_names *names = arg;
    struct store_name *known = add_name(names->values, name);
    struct store_key key = {"", "", name};
    struct store_op *op = store_op_new(STORE_OP_VALUE_PUT, 0, &key, bytes, len);

    known->op = op;
    store_names_finish(names, op);
}

static void read_blob_name(void *arg, const char *digest, int64_t size, int64_t wall)
{
    add_name(((struct store_names *)arg)->blobs, digest)->size = size;
}

void store_names_read(struct store_names *names, struct store_db *db)
{
    store_names_free(names);
    names->values = map_new();
    names->blobs = map_new();
    store_db_value_each(db, "", read_value_name, names);
    store_db_blob_each(db, read_blob_name, names);
    db->blobs = db->durable_blobs = (int64_t)map_count(names->blobs);
}

const struct store_name *store_names_value(const struct store_names *names, const char *name)
{
    return map_get(names->values, name);
}

const struct store_name *store_names_blob(const struct store_names *names, const char *digest)
{
    return map_get(names->blobs, digest);
}

static void let_go(struct store_names *names, struct store_name *name)
{
    if (name->kept) {
        names->kept -= kept_size(name->op);
        mem_free(&name->op);
    }
    name->kept = false;
    name->op = NULL;
}

static struct map *map_of(struct store_names *names, const struct store_op *op)
{
    switch (op->kind) {
    case STORE_OP_VALUE_PUT:
    case STORE_OP_VALUE_DELETE:
        return names->values;
    case STORE_OP_BLOB_PUT:
    case STORE_OP_BLOB_DELETE:
        return names->blobs;
    default:
        return NULL;
    }
}

void store_names_stage(struct store_names *names, struct store_op *op)
{
    struct map *map = map_of(names, op);
    struct store_name *name;

    if (!map)
        return;
    name = map_get(map, op->key.name);
    op->was_there = name != NULL;
    op->was_size = name ? name->size : 0;
    if (op->kind == STORE_OP_VALUE_DELETE || op->kind == STORE_OP_BLOB_DELETE) {
        name = map_remove(map, op->key.name);
        if (name)
            let_go(names, name);
        mem_free(&name);
        return;
    }
    name = add_name(map, op->key.name);
    let_go(names, name);
    name->size = (int64_t)op->len;
    name->op = op;
}

/* The disk may be failing, so nothing is read from it for this. */
void store_names_undo(struct store_names *names, struct store_op *op)
{
    struct map *map = map_of(names, op);
    struct store_name *name = map ? map_get(map, op->key.name) : NULL;

    if (name)
        let_go(names, name);
    if (map && op->was_there) {
        add_name(map, op->key.name)->size = op->was_size;
    } else if (name) {
        map_remove(map, op->key.name);
        mem_free(&name);
    }
    mem_free(&op);
}

void store_names_finish(struct store_names *names, struct store_op *op)
{
    struct map *map = map_of(names, op);
    struct store_name *name = map ? map_get(map, op->key.name) : NULL;

    if (!name || name->op != op) {
        mem_free(&op);
        return;
    }
    name->kept = op->kind == STORE_OP_VALUE_PUT && names->kept + kept_size(op) <= KEPT_MOST;
    if (name->kept) {
        names->kept += kept_size(op);
        return;
    }
    name->op = NULL;
    mem_free(&op);
}
