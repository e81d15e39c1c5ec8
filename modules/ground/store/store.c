/* SPDX-License-Identifier: Apache-2.0 */
/* Is what callers see: each verb runs inline, or by the store's thread. */

#include "store/internal.h"

#include <string.h>

/* ---- Life ------------------------------------------------------------------- */

struct store *store_open(const char *path, const struct store_options *options, struct err *err)
{
    scoped_store struct store *store = mem_alloc(sizeof *store);

    store->db.trouble = store_worker_trouble;
    store->db.trouble_arg = store;
    if (store_db_open(&store->db, path, options, err) < 0)
        return NULL;
    if (options && options->loop && store_worker_start(store, options->loop, err) < 0)
        return NULL;
    return take(store);
}

void store_close(struct store **store)
{
    if (!*store)
        return;
    if ((*store)->worker)
        store_worker_stop(*store);
    store_db_close(&(*store)->db);
    mem_free(store);
}

void store_on_trouble(struct store *store, store_trouble_fn *trouble, void *arg)
{
    store->trouble = trouble;
    store->trouble_arg = arg;
}

/* ---- What is known ------------------------------------------------------------ */

bool store_accepts_loss(const struct store *store)
{
    return store->db.options.accept_loss;
}

int64_t store_epoch(const struct store *store)
{
    return store->db.mark.epoch;
}

const struct err *store_health(const struct store *store)
{
    if (store->worker)
        return &store_worker_seen(store)->health;
    return store->db.damaged.code ? &store->db.damaged : &store->db.last;
}

int64_t store_revision(const struct store *store)
{
    return store->worker ? store_worker_revision(store) : store->db.revision;
}

int64_t store_compacted(const struct store *store)
{
    return store->worker ? store_worker_seen(store)->facts.compacted : store->db.compacted;
}

bool store_is_full(const struct store *store)
{
    return store->worker ? store_worker_seen(store)->full : store->db.full;
}

int store_check_room(const struct store *store, struct err *err)
{
    if (!store_is_full(store))
        return 0;
    return err_set(err, ERR_FULL,
                   "the disk of %s is full: deletes and changes of what is there are "
                   "possible, new objects are not; delete something or make room on the "
                   "disk",
                   store->db.path);
}

int store_check_backlog(const struct store *store, struct err *err)
{
    int64_t waiting = store->worker ? store_worker_backlog(store) : 0;

    if (!waiting)
        return 0;
    return err_set(err, ERR_TOO_MANY,
                   "the disk of %s is too slow or hangs: a commit is under way for more than a "
                   "second, and %lld MiB of other writes wait for it already; nothing was "
                   "written; try again later",
                   store->db.path, (long long)(waiting >> 20));
}

void store_facts(struct store *store, struct store_facts *ret)
{
    if (!store->worker) {
        store_db_count(&store->db);
        store_db_facts(&store->db, ret);
        return;
    }
    if (store_worker_seen(store)->facts.rows < 0 || store_worker_seen(store)->facts.blobs < 0) {
        store_worker_settle(store);
        store_db_count(&store->db);
        store_worker_wrote(store);
    }
    *ret = store_worker_seen(store)->facts;
    ret->revision = store_worker_revision(store);
}

/* ---- Staging -------------------------------------------------------------------- */

/* A value or blob is staged as a row without kind and namespace. */
static void stage_named(struct store *store, enum store_op_kind kind, const char *name,
                        const void *bytes, size_t len)
{
    struct store_key key = {"", "", name};

    store_worker_stage(store, kind, &key, bytes, len);
}

int64_t store_put(struct store *store, const struct store_key *key, const void *body, size_t len)
{
    if (store->worker)
        return store_worker_stage(store, STORE_OP_PUT, key, body, len);
    return store_db_put(&store->db, key, body, len);
}

int64_t store_delete(struct store *store, const struct store_key *key, const void *body, size_t len)
{
    if (store->worker)
        return store_worker_stage(store, STORE_OP_DELETE, key, body, len);
    return store_db_delete(&store->db, key, body, len);
}

/* Both are rare, at a start or after one: they are written at once. */
void store_forget(struct store *store, const struct store_key *key)
{
    if (store->worker)
        store_worker_settle(store);
    store_db_forget(&store->db, key);
    if (store->worker)
        store_worker_wrote(store);
}

void store_skip_revisions(struct store *store, int64_t count)
{
    if (store->worker)
        store_worker_settle(store);
    store_db_skip_revisions(&store->db, count);
    if (store->worker)
        store_worker_wrote(store);
}

void store_value_put(struct store *store, const char *name, const void *bytes, size_t len)
{
    if (store->worker)
        stage_named(store, STORE_OP_VALUE_PUT, name, bytes, len);
    else
        store_db_value_put(&store->db, name, bytes, len);
}

void store_value_delete(struct store *store, const char *name)
{
    if (store->worker)
        stage_named(store, STORE_OP_VALUE_DELETE, name, NULL, 0);
    else
        store_db_value_delete(&store->db, name);
}

void store_blob_put(struct store *store, const char *digest, const void *bytes, size_t len)
{
    if (!store->worker)
        store_db_blob_put(&store->db, digest, bytes, len);
    else if (!store_names_blob(store_worker_names(store), digest))
        stage_named(store, STORE_OP_BLOB_PUT, digest, bytes, len);
}

void store_blob_delete(struct store *store, const char *digest)
{
    if (!store->worker)
        store_db_blob_delete(&store->db, digest);
    else if (store_names_blob(store_worker_names(store), digest))
        stage_named(store, STORE_OP_BLOB_DELETE, digest, NULL, 0);
}

/* ---- Committing ----------------------------------------------------------------- */

bool store_is_staged(const struct store *store)
{
    return store->worker ? store_worker_is_staged(store) : store->db.staged;
}

/* A thread tells it with the commit only. */
int store_check_stage(const struct store *store, struct err *err)
{
    if (store->worker || !store->db.failure.code)
        return 0;
    *err = store->db.failure;
    return -1;
}

/* `done` may stage and commit again: all of the state is settled before. */
void store_finish(struct store *store)
{
    if (store->worker)
        store_worker_finish(store);
}

void store_commit(struct store *store, store_done_fn *done, void *arg)
{
    struct err failure;

    if (store->worker) {
        store_worker_commit(store, done, arg);
        return;
    }
    if (store_db_commit(&store->db, &failure) < 0) {
        done(arg, &failure);
        return;
    }
    store_db_relieve(&store->db);
    done(arg, NULL);
}

bool store_compact(struct store *store)
{
    return store->worker ? store_worker_compact(store) : store_db_compact(&store->db);
}

void store_make_room(struct store *store)
{
    if (store->worker)
        store_worker_make_room(store);
    else
        store_db_make_room(&store->db);
}

/* ---- Reading -------------------------------------------------------------------- */

int store_check_read(struct store *store, struct err *err)
{
    if (!store->worker || store_worker_wait_briefly(store))
        return 0;
    return err_set(err, ERR_UNREACHABLE,
                   "the disk of %s is too slow or hangs, and what is on it cannot be read "
                   "meanwhile; try again later",
                   store->db.path);
}

int store_check_value(struct store *store, const char *name, struct err *err)
{
    const struct store_name *known =
        store->worker ? store_names_value(store_worker_names(store), name) : NULL;

    return known && !known->op ? store_check_read(store, err) : 0;
}

/* What is read by name waits for a commit only if it is in the database alone. */
static const struct store_op *staged_op(struct store *store, const struct store_name *name)
{
    if (!name->op)
        store_worker_wait(store);
    return name->op;
}

void *store_value_get(struct store *store, const char *name, size_t *ret_len)
{
    const struct store_name *known;
    const struct store_op *op;
    char *copy;

    if (!store->worker)
        return store_db_value_get(&store->db, name, ret_len);
    known = store_names_value(store_worker_names(store), name);
    if (!known)
        return NULL;
    op = staged_op(store, known);
    if (!op)
        return store_db_value_get(&store->db, name, ret_len);
    copy = mem_alloc(op->len + 1);
    if (op->len)
        memcpy(copy, op->bytes, op->len);
    if (ret_len)
        *ret_len = op->len;
    return copy;
}

int64_t store_blob_size(struct store *store, const char *digest)
{
    const struct store_name *known;

    if (!store->worker)
        return store_db_blob_size(&store->db, digest);
    known = store_names_blob(store_worker_names(store), digest);
    return known ? known->size : -1;
}

static int64_t read_staged_blob(const struct store_op *op, int64_t offset, void *into, size_t len)
{
    if (offset < 0 || (size_t)offset >= op->len)
        return 0;
    if (len > op->len - (size_t)offset)
        len = op->len - (size_t)offset;
    memcpy(into, op->bytes + offset, len);
    return (int64_t)len;
}

int64_t store_blob_read(struct store *store, const char *digest, int64_t offset, void *into,
                        size_t len, struct err *err)
{
    const struct store_name *known;
    const struct store_op *op;

    if (!store->worker)
        return store_db_blob_read(&store->db, digest, offset, into, len, err);
    known = store_names_blob(store_worker_names(store), digest);
    if (!known)
        return err_set(err, ERR_NOT_FOUND, "blob %s is not here", digest);
    op = staged_op(store, known);
    return op ? read_staged_blob(op, offset, into, len)
              : store_db_blob_read(&store->db, digest, offset, into, len, err);
}

/* The database, with all that is staged in its transaction. */
static struct store_db *settled_db(struct store *store)
{
    if (store->worker)
        store_worker_settle(store);
    return &store->db;
}

int store_each(struct store *store, store_each_fn *each, void *arg, struct err *err)
{
    int result = store_db_each(settled_db(store), each, arg, err);

    if (store->worker)
        store_worker_wrote(store); /* the rows are counted now */
    return result;
}

int store_load(struct store *store, store_each_fn *each, void *arg, struct err *err)
{
    int result = store_db_load(settled_db(store), each, arg, err);

    if (store->worker)
        store_worker_wrote(store);
    return result;
}

int store_changes(struct store *store, int64_t since, store_each_fn *each, void *arg,
                  struct err *err)
{
    return store_db_changes(settled_db(store), since, each, arg, err);
}

void store_blob_each(struct store *store, store_blob_fn *each, void *arg)
{
    store_db_blob_each(settled_db(store), each, arg);
}

void store_value_each(struct store *store, const char *prefix, store_value_fn *each, void *arg)
{
    store_db_value_each(settled_db(store), prefix, each, arg);
}

int store_backup(struct store *store, const char *path, struct err *err)
{
    if (store_is_staged(store))
        return err_set(err, ERR_UNREACHABLE, "backup: a write is under way, try again");
    return store_db_backup(settled_db(store), path, err);
}
