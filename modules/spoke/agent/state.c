/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the spoke's store, and goes on without it when it is lost or damaged. */
#include "agent/inside.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/kept.h"
#include "base/log.h"
#include "base/object.h"
#include "cluster/cluster.h"
#include "document/document.h"
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

void state_note(struct agent *agent)
{
    scoped_mem char *path = agent_path(agent, NOTE);
    char text[32];
    struct err err = {0};

    snprintf(text, sizeof text, "%" PRId64 "\n", store_revision(agent->store));
    if (kept_write(path, text, strlen(text), 0600, false, &err) < 0)
        log_debug("spoke", "%s", err.text);
}

static int64_t noted_revision(const struct agent *agent)
{
    scoped_mem char *path = agent_path(agent, NOTE);
    size_t len = 0;
    scoped_mem char *text = kept_read(path, 64, &len, NULL, NULL);

    return text ? strtoll(text, NULL, 10) : 0;
}

/* ---- Whether it can be believed ------------------------------------------------------ */

static int on_row(void *arg, const struct store_row *row, struct err *err)
{
    scoped_text struct text open = {0};

    return persistence_is_sealed(row) ? persistence_read(arg, row, &open, err) : 0;
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

static int check_store(struct agent *agent, struct err *err)
{
    struct blobs blobs = {agent->store, err};
    int64_t noted = noted_revision(agent);

    if (store_revision(agent->store) < noted)
        return err_set(err, ERR_INTERNAL, "it has lost its newest changes (%" PRId64 " of %"
                       PRId64 " are there)", store_revision(agent->store), noted);
    if (store_each(agent->store, on_row, agent, err) < 0)
        return -1;
    store_blob_each(agent->store, on_blob, &blobs);
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

int state_set_aside(struct agent *agent, const char *file, char **ret, struct err *err)
{
    char date[CLOCK_TEXT];
    scoped_mem char *to = NULL;

    state_date(date);
    to = mem_printf("%s.damaged-%s", file, date);
    for (size_t i = 0; i < count_of(parts); i++) {
        scoped_mem char *old = mem_printf("%s/%s%s", agent->directory, file, parts[i]);
        scoped_mem char *aside = mem_printf("%s/%s%s", agent->directory, to, parts[i]);

        if (file_exists(old) && file_move(old, aside, err) < 0)
            return -1;
    }
    if (ret)
        *ret = take(to);
    return 0;
}

static void remember_damage(struct agent *agent, const char *words)
{
    free(agent->damage);
    agent->damage = mem_copy_string(words);
    log_error("spoke", "%s", words);
}

static int open_anew(struct agent *agent, const char *path, const struct store_options *options,
                     const struct err *why, struct err *err)
{
    scoped_mem char *aside = NULL, *words = NULL;

    store_close(&agent->store);
    if (state_set_aside(agent, "axle.db", &aside, err) < 0) {
        if (err->code == ERR_INTERNAL)
            err->code = ERR_UNREACHABLE; /* it is the disk that cannot be written */
        return -1;
    }
    words = mem_printf("the spoke's store cannot be believed: %.400s. It is put aside as %s; what "
                       "runs stays as it is, and works are read from the hub again",
                       why->text, aside);
    remember_damage(agent, words);
    agent->store = store_open(path, options, err);
    return agent->store ? 0 : err_wrap(err, "%s", path);
}

/* What another start or another disk would mend is no damage. */
static bool is_damage(const struct err *err)
{
    return err->code == ERR_INTERNAL || err->code == ERR_UNSUPPORTED || err->code == ERR_INVALID;
}

/* The store as it is on its disk, or a new one in the place of one that is damaged. */
static int open_store(struct agent *agent, struct err *err)
{
    scoped_mem char *path = agent_path(agent, "axle.db");
    const char *vfs = agent->store_vfs;
    struct store_options options = {.vfs = vfs, .history_age = 60 * CLOCK_SECOND,
                                    .history_bytes = 1024 * 1024, .reserve = vfs ? 0 : RESERVE};
    bool gone = !vfs && !file_exists(path) && noted_revision(agent) > 0;
    struct err why = {0};

    agent->store = store_open(path, &options, &why);
    if (gone && agent->store) {
        remember_damage(agent, "the spoke's store, axle.db, is gone; what runs stays as it is, and "
                               "works are read from the hub again");
        return 0;
    }
    if (agent->store && check_store(agent, &why) == 0)
        return 0;
    if (!vfs && is_damage(&why))
        return open_anew(agent, path, &options, &why, err);
    *err = why;
    return err_wrap(err, "%s", path);
}

/* What there is in memory: the store as it can be read, else an empty one. */
static int open_copy(struct agent *agent, const struct err *why, struct err *err)
{
    scoped_mem char *path = agent_path(agent, "axle.db"), *words = NULL;
    struct store_options options = {.vfs = agent->store_vfs, .history_age = 60 * CLOCK_SECOND,
                                    .history_bytes = 1024 * 1024, .unwritable = why};
    struct err copy = {0};

    store_close(&agent->store);
    agent->copied = true;
    agent->store = store_open(path, &options, &copy);
    if (agent->store && check_store(agent, &copy) == 0)
        return 0;
    store_close(&agent->store);
    words = mem_printf("the spoke's store cannot be read: %.400s. What runs stays as it is, and "
                       "works are read from the hub again", copy.text);
    remember_damage(agent, words);
    options.empty = true;
    agent->store = store_open(path, &options, err);
    return agent->store ? 0 : -1;
}

/* The database's own lock is not there while it is a copy. */
static int lock_folder(struct agent *agent, struct err *err)
{
    agent->lock = file_lock_folder(agent->directory, err);
    return agent->lock < 0 && err->code == ERR_CONFLICT ? -1 : 0;
}

static void on_trouble(void *arg)
{
    struct agent *agent = object_from(agent, AGENT_TAG, arg);

    pressure_begin(agent, store_health(agent->store));
}

/* What says that the disk cannot be written now, though nothing is lost. */
static bool is_unwritable(const struct err *err)
{
    return err->code == ERR_FULL || err->code == ERR_FORBIDDEN || err->code == ERR_UNREACHABLE;
}

int state_open(struct agent *agent, const char *vfs, struct err *err)
{
    struct err why = {0};

    agent->store_vfs = vfs ? mem_copy_string(vfs) : NULL;
    if (!vfs && lock_folder(agent, err) < 0)
        return -1;
    if (open_store(agent, &why) < 0) {
        if (!is_unwritable(&why) || open_copy(agent, &why, err) < 0) {
            *err = why;
            return -1;
        }
        pressure_begin(agent, &why);
    }
    store_on_trouble(agent->store, on_trouble, agent);
    return 0;
}

int state_reopen(struct agent *agent, struct err *err)
{
    struct store *copy = take(agent->store);

    if (open_store(agent, err) < 0) {
        store_close(&agent->store);
        agent->store = copy;
        return -1;
    }
    store_close(&copy);
    agent->copied = false;
    store_on_trouble(agent->store, on_trouble, agent);
    return 0;
}

/* ---- Told ------------------------------------------------------------------------------- */

void state_tell(struct agent *agent)
{
    struct cluster_event event = {
        .owner = "", .api_version = "cluster.open-cluster-management.io/v1",
        .kind = "ManagedCluster", .space = "", .name = agent->name, .type = "Warning",
        .reason = "StoreReplaced", .message = agent->damage};

    if (!agent->damage || agent->damage_told)
        return;
    agent->damage_told = true;
    events_send(agent, &event);
}

/* True again with the first start that finds all well. */
void state_condition(const struct agent *agent, struct arena *arena, const struct node *cluster,
                     struct node *news)
{
    const struct node *list = node_at(cluster, "status", "conditions", NULL);
    bool known = agent->damage != NULL;
    struct node *made = node_map(arena);

    for (size_t i = 0; i < node_count(list); i++)
        known |= !strcmp(node_get_text(node_item(list, i), "type"), CONDITION);
    if (!known)
        return;
    node_set_text(arena, made, "type", CONDITION);
    node_set_text(arena, made, "status", agent->damage ? "False" : "True");
    node_set_text(arena, made, "reason", agent->damage ? "StoreReplaced" : "AsKept");
    node_set_text(arena, made, "message", agent->damage ? agent->damage : "");
    node_add(arena, news, made);
}
