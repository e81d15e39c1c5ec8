/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps works and what the cluster was told in the spoke's store, sealed. */
#include "agent/inside.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "cluster/cluster.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

#define CLUSTER "cluster"

bool persistence_is_sealed(const struct store_row *row)
{
    return !strcmp(row->key.kind, CLUSTER) || !strcmp(row->key.kind, "work");
}

struct committing {
    struct agent *agent;
    void (*done)(void *arg, const struct err *err);
    void *arg;
};

/* First whoever waits for it: the note is for the next start. */
static void on_committed(void *arg, const struct err *err)
{
    struct committing *committing = arg;
    struct agent *agent = committing->agent;

    committing->done(committing->arg, err);
    free(committing);
    if (!err || !err->code)
        state_note(agent);
}

void persistence_commit(struct agent *agent, void (*done)(void *arg, const struct err *err), void *arg)
{
    struct committing *committing = mem_alloc(sizeof *committing);

    *committing = (struct committing){agent, done, arg};
    store_commit(agent->store, on_committed, committing);
}

/* The key lies outside the database, so that a copy of that says no secrets. */
int persistence_open(struct agent *agent, struct err *err)
{
    scoped_mem char *path = agent_path(agent, "pki/sealing.key");
    scoped_mem char *kept = NULL;
    size_t len = 0;

    if (!file_exists(path)) {
        random_bytes(agent->seal, PKI_SEAL_KEY);
        return identity_write(agent, "pki/sealing.key", agent->seal, PKI_SEAL_KEY, err);
    }
    kept = identity_read(agent, "pki/sealing.key", &len, err);
    if (!kept && err->code != ERR_INVALID)
        return -1;
    /* What it sealed cannot be read any more, and need not be: see state.c. */
    if (!kept || len != PKI_SEAL_KEY) {
        log_error("spoke", "%s is damaged and put aside: it does not hold the %d bytes of a "
                  "sealing key", path, PKI_SEAL_KEY);
        *err = (struct err){0};
        return state_set_aside(agent, "pki/sealing.key", NULL, err) < 0 ? -1
                                                                        : persistence_open(agent, err);
    }
    memcpy(agent->seal, kept, PKI_SEAL_KEY);
    explicit_bzero(kept, len);
    return 0;
}

static char *about(const struct store_key *key)
{
    return mem_printf("%s/%s", key->kind, key->name);
}

void persistence_put(struct agent *agent, const struct store_key *key, const void *bytes,
              size_t len)
{
    scoped_text struct text sealed = {0};
    scoped_mem char *place = about(key);

    pki_seal(agent->seal, place, bytes, len, &sealed);
    store_put(agent->store, key, sealed.bytes, sealed.len);
}

int persistence_read(struct agent *agent, const struct store_row *row, struct text *ret,
              struct err *err)
{
    scoped_mem char *place = about(&row->key);

    if (pki_unseal(agent->seal, place, row->body, row->len, ret, err) < 0)
        return err_wrap(err, "%s in the spoke's store", place);
    return 0;
}

/* ---- The cluster's ------------------------------------------------------------ */

static struct store_key cluster_key(const char *name)
{
    return (struct store_key){CLUSTER, "", name};
}

static void put(void *arg, const char *name, const void *bytes, size_t len)
{
    struct store_key key = cluster_key(name);

    persistence_put(arg, &key, bytes, len);
}

static void remove_one(void *arg, const char *name)
{
    struct agent *agent = arg;
    struct store_key key = cluster_key(name);

    store_delete(agent->store, &key, "", 0);
}

static void commit(void *arg, cluster_kept_fn *done, void *done_arg)
{
    struct agent *agent = arg;

    persistence_commit(agent, done, done_arg);
}

struct each_kept {
    struct agent *agent;
    void (*each)(void *arg, const char *name, const void *bytes, size_t len);
    void *arg;
};

static int on_row(void *arg, const struct store_row *row, struct err *err)
{
    struct each_kept *kept = arg;
    scoped_text struct text open = {0};

    if (strcmp(row->key.kind, CLUSTER) != 0)
        return 0;
    if (persistence_read(kept->agent, row, &open, err) < 0)
        return -1;
    kept->each(kept->arg, row->key.name, text_string(&open), open.len);
    return 0;
}

static void each_row(void *arg,
                     void (*each)(void *each_arg, const char *name,
                                  const void *bytes, size_t len),
                     void *each_arg)
{
    struct each_kept kept = {arg, each, each_arg};
    struct err err = {0};

    if (store_each(kept.agent->store, on_row, &kept, &err) < 0)
        log_error("spoke", "reading the store: %s", err.text);
}

struct cluster_keep persistence_for_cluster(struct agent *agent)
{
    return (struct cluster_keep){agent, put, remove_one, commit, each_row};
}
