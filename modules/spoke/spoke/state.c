/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the spoke's store, and goes on without it when it is lost or damaged. */
#include "spoke/inside.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/kept.h"
#include "base/log.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "meta/meta.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * The store holds nothing that cannot be had again: works come from the hub, and
 * what runs is told by the pods' folders. So a store that cannot be believed as a
 * whole is put aside under a name with the date, a new one begins, and what runs is
 * taken up as it is. A store that is older than it was, because its WAL is gone, is
 * as bad as a damaged one: it would bring back what was replaced since. The newest
 * revision is noted beside it after each commit, which costs no sync.
 */

#define NOTE "newest"
/* For the removal of works, which is what makes room. */
#define RESERVE ((int64_t)1024 * 1024)
#define CONDITION "SpokeStateIntact"

static const char *const parts[] = {"", "-wal", "-shm", "-journal", "-note", ".copy"};

/* ---- The newest revision ---------------------------------------------------------- */

void state_note(struct spoke *spoke)
{
    scoped_mem char *path = spoke_path(spoke, NOTE);
    char text[32];
    struct err err = {0};

    snprintf(text, sizeof text, "%" PRId64 "\n", store_revision(spoke->store));
    if (kept_write(path, text, strlen(text), 0600, false, &err) < 0)
        log_debug("spoke", "%s", err.text);
}

static int64_t noted_revision(const struct spoke *spoke)
{
    scoped_mem char *path = spoke_path(spoke, NOTE);
    size_t len = 0;
    scoped_mem char *text = kept_read(path, 64, &len, NULL, NULL);

    return text ? strtoll(text, NULL, 10) : 0;
}

/* ---- Whether it can be believed ------------------------------------------------------ */

static int on_row(void *arg, const struct store_row *row, struct err *err)
{
    scoped_text struct text open = {0};

    return keep_is_sealed(row) ? keep_read(arg, row, &open, err) : 0;
}

struct blobs {
    struct store *store;
    struct err *err;
};

static void on_blob(void *arg, const char *name, int64_t size, int64_t wall)
{
    struct blobs *blobs = arg;
    scoped_mem char *bytes = mem_alloc((size_t)(size > 0 ? size : 0) + 1);

    if (!blobs->err->code &&
        store_blob_read(blobs->store, name, 0, bytes, (size_t)size, blobs->err) != size &&
        !blobs->err->code)
        err_set(blobs->err, ERR_INTERNAL, "a part of %s is missing", name);
}

static int check_store(struct spoke *spoke, struct err *err)
{
    struct blobs blobs = {spoke->store, err};
    int64_t noted = noted_revision(spoke);

    if (store_revision(spoke->store) < noted)
        return err_set(err, ERR_INTERNAL, "it has lost its newest changes (%" PRId64 " of %"
                       PRId64 " are there)", store_revision(spoke->store), noted);
    if (store_each(spoke->store, on_row, spoke, err) < 0)
        return -1;
    store_blob_each(spoke->store, on_blob, &blobs);
    return err->code ? -1 : 0;
}

/* ---- Aside ----------------------------------------------------------------------------- */

/* "20261129T120618Z" */
void state_date(char ret[])
{
    char text[CLOCK_TEXT];
    size_t len = 0;

    clock_format(clock_wall(), false, text);
    for (const char *at = text; *at; at++)
        if (*at != '-' && *at != ':')
            ret[len++] = *at;
    ret[len] = '\0';
}

int state_set_aside(struct spoke *spoke, const char *file, char **ret, struct err *err)
{
    char date[CLOCK_TEXT];
    scoped_mem char *to = NULL;

    state_date(date);
    to = mem_printf("%s.damaged-%s", file, date);
    for (size_t i = 0; i < count_of(parts); i++) {
        scoped_mem char *old = mem_printf("%s/%s%s", spoke->directory, file, parts[i]);
        scoped_mem char *aside = mem_printf("%s/%s%s", spoke->directory, to, parts[i]);

        if (file_exists(old) && file_move(old, aside, err) < 0)
            return -1;
    }
    if (ret)
        *ret = take(to);
    return 0;
}

static void remember_damage(struct spoke *spoke, const char *words)
{
    free(spoke->damage);
    spoke->damage = mem_copy_string(words);
    log_error("spoke", "%s", words);
}

static int open_anew(struct spoke *spoke, const char *path, const struct store_options *options,
                     const struct err *why, struct err *err)
{
    scoped_mem char *aside = NULL, *words = NULL;

    store_close(&spoke->store);
    if (state_set_aside(spoke, "axle.db", &aside, err) < 0) {
        if (err->code == ERR_INTERNAL)
            err->code = ERR_UNREACHABLE; /* it is the disk that cannot be written */
        return -1;
    }
    words = mem_printf("the spoke's store cannot be believed: %.400s. It is put aside as %s; what "
                       "runs stays as it is, and works are read from the hub again",
                       why->text, aside);
    remember_damage(spoke, words);
    spoke->store = store_open(path, options, err);
    return spoke->store ? 0 : err_wrap(err, "%s", path);
}

/* What another start or another disk would mend is no damage. */
static bool is_damage(const struct err *err)
{
    return err->code == ERR_INTERNAL || err->code == ERR_UNSUPPORTED || err->code == ERR_INVALID;
}

/* The store as it is on its disk, or a new one in the place of one that is damaged. */
static int open_store(struct spoke *spoke, struct err *err)
{
    scoped_mem char *path = spoke_path(spoke, "axle.db");
    const char *vfs = spoke->store_vfs;
    struct store_options options = {.vfs = vfs, .history_age = 60 * CLOCK_SECOND,
                                    .history_bytes = 1024 * 1024, .reserve = vfs ? 0 : RESERVE};
    bool gone = !vfs && !file_exists(path) && noted_revision(spoke) > 0;
    struct err why = {0};

    spoke->store = store_open(path, &options, &why);
    if (gone && spoke->store) {
        remember_damage(spoke, "the spoke's store, axle.db, is gone; what runs stays as it is, and "
                               "works are read from the hub again");
        return 0;
    }
    if (spoke->store && check_store(spoke, &why) == 0)
        return 0;
    if (!vfs && is_damage(&why))
        return open_anew(spoke, path, &options, &why, err);
    *err = why;
    return err_wrap(err, "%s", path);
}

/* What there is in memory: the store as it can be read, else an empty one. */
static int open_copy(struct spoke *spoke, const struct err *why, struct err *err)
{
    scoped_mem char *path = spoke_path(spoke, "axle.db"), *words = NULL;
    struct store_options options = {.vfs = spoke->store_vfs, .history_age = 60 * CLOCK_SECOND,
                                    .history_bytes = 1024 * 1024, .unwritable = why};
    struct err copy = {0};

    store_close(&spoke->store);
    spoke->copied = true;
    spoke->store = store_open(path, &options, &copy);
    if (spoke->store && check_store(spoke, &copy) == 0)
        return 0;
    store_close(&spoke->store);
    words = mem_printf("the spoke's store cannot be read: %.400s. What runs stays as it is, and "
                       "works are read from the hub again", copy.text);
    remember_damage(spoke, words);
    options.empty = true;
    spoke->store = store_open(path, &options, err);
    return spoke->store ? 0 : -1;
}

/* The database's own lock is not there while it is a copy. */
static int lock_folder(struct spoke *spoke, struct err *err)
{
    spoke->lock = file_lock_folder(spoke->directory, err);
    return spoke->lock < 0 && err->code == ERR_CONFLICT ? -1 : 0;
}

static void on_trouble(void *arg)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);

    pressure_begin(spoke, store_health(spoke->store));
}

/* What says that the disk cannot be written now, though nothing is lost. */
static bool is_unwritable(const struct err *err)
{
    return err->code == ERR_FULL || err->code == ERR_FORBIDDEN || err->code == ERR_UNREACHABLE;
}

int state_open(struct spoke *spoke, const char *vfs, struct err *err)
{
    struct err why = {0};

    spoke->store_vfs = vfs ? mem_copy_string(vfs) : NULL;
    if (!vfs && lock_folder(spoke, err) < 0)
        return -1;
    if (open_store(spoke, &why) < 0) {
        if (!is_unwritable(&why) || open_copy(spoke, &why, err) < 0) {
            *err = why;
            return -1;
        }
        pressure_begin(spoke, &why);
    }
    store_on_trouble(spoke->store, on_trouble, spoke);
    return 0;
}

int state_reopen(struct spoke *spoke, struct err *err)
{
    struct store *copy = take(spoke->store);

    if (open_store(spoke, err) < 0) {
        store_close(&spoke->store);
        spoke->store = copy;
        return -1;
    }
    store_close(&copy);
    spoke->copied = false;
    store_on_trouble(spoke->store, on_trouble, spoke);
    return 0;
}

/* ---- Told ------------------------------------------------------------------------------- */

void state_tell(struct spoke *spoke)
{
    struct cluster_event event = {
        .owner = "", .api_version = META_API_CLUSTER,
        .kind = "ManagedCluster", .space = "", .name = spoke->name, .type = "Warning",
        .reason = "StoreReplaced", .message = spoke->damage};

    if (!spoke->damage || spoke->damage_told)
        return;
    spoke->damage_told = true;
    report_event(spoke, &event);
}

/* True again with the first start that finds all well. */
void state_condition(const struct spoke *spoke, struct arena *arena, const struct node *cluster,
                     struct node *news)
{
    bool known = spoke->damage || meta_condition(cluster, CONDITION);
    struct node *made = node_map(arena);

    if (!known)
        return;
    node_set_text(arena, made, "type", CONDITION);
    node_set_text(arena, made, "status", spoke->damage ? "False" : "True");
    node_set_text(arena, made, "reason", spoke->damage ? "StoreReplaced" : "AsKept");
    node_set_text(arena, made, "message", spoke->damage ? spoke->damage : "");
    node_add(arena, news, made);
}
