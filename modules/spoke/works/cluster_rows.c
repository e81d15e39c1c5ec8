/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps what the cluster wants kept as encrypted rows of the spoke's store. */
#include "works/cluster_rows.h"

#include "base/log.h"
#include "cluster/cluster.h"
#include "storage/storage.h"
#include "store/store.h"

#include <string.h>

static struct store_key cluster_key(const char *name)
{
    return (struct store_key){STORAGE_CLUSTER, "", name};
}

static void put_cluster_row(void *arg, const char *name, const void *bytes, size_t len)
{
    struct store_key key = cluster_key(name);

    storage_put(arg, &key, bytes, len);
}

static void remove_cluster_row(void *arg, const char *name)
{
    struct store_key key = cluster_key(name);

    store_delete(storage_store(arg), &key, "", 0);
}

static void commit_cluster_rows(void *arg, cluster_kept_fn *done, void *done_arg)
{
    storage_commit(arg, done, done_arg);
}

struct row_reader {
    struct storage *storage;
    void (*each)(void *arg, const char *name, const void *bytes, size_t len);
    void *arg;
};

static int read_cluster_row(void *arg, const struct store_row *row, struct err *err)
{
    struct row_reader *reader = arg;
    scoped_text struct text plain = {0};

    if (strcmp(row->key.kind, STORAGE_CLUSTER) != 0)
        return 0;
    if (storage_read(reader->storage, row, &plain, err) < 0)
        return -1;
    reader->each(reader->arg, row->key.name, text_string(&plain), plain.len);
    return 0;
}

static void each_cluster_row(void *arg,
                             void (*each)(void *each_arg, const char *name, const void *bytes,
                                          size_t len),
                             void *each_arg)
{
    struct row_reader reader = {arg, each, each_arg};
    struct err err = {0};

    if (store_each(storage_store(reader.storage), read_cluster_row, &reader, &err) < 0)
        log_error("spoke", "reading the store: %s", err.text);
}

/* The storage is the `arg` of all of them, so that works_open() can give it away before the
   works are complete. */
struct cluster_keep cluster_rows_keep(struct storage *storage)
{
    return (struct cluster_keep){storage, put_cluster_row, remove_cluster_row, commit_cluster_rows,
                                 each_cluster_row};
}
