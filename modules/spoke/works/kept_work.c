/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps each work as one row of the store, from which a restart goes on. */
#include "works/gather.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "document/document.h"
#include "storage/storage.h"
#include "store/store.h"

#include <string.h>

static struct store_key work_row_key(const struct work *work)
{
    return (struct store_key){STORAGE_WORK, "", work->name};
}

void kept_work_put(struct work *work)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text json = {0};
    struct store_key key = work_row_key(work);
    struct node *kept = node_map(arena);

    if (work->object)
        node_set(arena, kept, "object", (struct node *)work->object);
    if (work->values)
        node_set_text(arena, kept, "values", work->values);
    if (node_count(work->secrets))
        node_set(arena, kept, "secrets", (struct node *)work->secrets);
    if (work->evicting)
        node_set_int(arena, kept, "evicting", work->evicting / CLOCK_SECOND);
    document_write_json(&json, kept);
    storage_put(work->works->storage, &key, json.bytes, json.len);
}

void kept_work_delete(struct work *work)
{
    struct store_key key = work_row_key(work);

    store_delete(storage_store(work->works->storage), &key, "", 0);
}

static void on_forgotten(void *arg, const struct err *err)
{
    if (err)
        log_warn("spoke", "forgetting a work: %s", err->text);
}

void kept_work_commit(struct works *works)
{
    storage_commit(works->storage, on_forgotten, NULL);
}

/* ---- Loading --------------------------------------------------------------------- */

static void load_work(struct work *work, const struct node *kept)
{
    const struct node *secrets = node_get(kept, "secrets");

    if (node_get(kept, "object")) {
        /* A row is written together with what the cluster keeps, so the cluster has it too. */
        work_move(work, WORK_APPLIED);
        work_set_object(work, node_get(kept, "object"));
    }
    if (node_get(kept, "values"))
        work->values = mem_copy_string(node_get_text(kept, "values"));
    if (secrets)
        work->secrets = document_intern(secrets);
    gather_bind(work);
    work->evicting = clock_seconds(node_get_int(kept, "evicting", 0));
}

static int load_work_row(void *arg, const struct store_row *row, struct err *err)
{
    struct works *works = arg;
    scoped_arena struct arena *arena = NULL;
    scoped_text struct text plain = {0};
    struct node *kept;

    if (strcmp(row->key.kind, STORAGE_WORK) != 0)
        return 0;
    if (storage_read(works->storage, row, &plain, err) < 0)
        return -1;
    arena = arena_new();
    kept = document_read_own(arena, text_string(&plain), plain.len, err);
    if (!kept)
        return -1;
    load_work(work_new(works, row->key.name), kept);
    return 0;
}

int kept_work_load_all(struct works *works, struct err *err)
{
    return store_each(storage_store(works->storage), load_work_row, works, err);
}

/* ---- Rows of works that are gone ------------------------------------------------- */

static int delete_stale_row(void *arg, const struct store_row *row, struct err *err)
{
    struct works *works = arg;

    if (!strcmp(row->key.kind, STORAGE_WORK) && !work_find(works, row->key.name))
        store_delete(storage_store(works->storage), &row->key, "", 0);
    return 0;
}

void kept_work_delete_stale(struct works *works)
{
    struct err err = {0};

    if (store_each(storage_store(works->storage), delete_stale_row, works, &err) < 0)
        log_warn("spoke", "%s", err.text);
}
