/* SPDX-License-Identifier: Apache-2.0 */
/* Loads every object, stages writes, and publishes them once they are durable. */

#include "objects/inside.h"

#include "base/clock.h"
#include "base/object.h"
#include "base/text.h"
#include "document/document.h"
#include "loop/loop.h"
#include "store/store.h"

#include <assert.h>
#include <string.h>

#define RECENT_BYTES ((size_t)32 << 20)
#define RECENT_COUNT ((size_t)100000)
#define QUIET (25 * CLOCK_SECOND)
#define SLICE (20 * CLOCK_MS)
#define SWEEP (300 * CLOCK_SECOND)
#define EVENT_AGE (3600 * CLOCK_SECOND)

/* ---- An object ---------------------------------------------------------- */

struct object *object_hold(const struct object *object)
{
    struct object *held = (struct object *)(uintptr_t)object;

    held->references++;
    return held;
}

void object_drop(struct object **object)
{
    if (!*object)
        return;
    assert((*object)->references > 0);
    if (--(*object)->references == 0)
        mem_free(object);
    *object = NULL;
}

struct node *object_read(struct arena *arena, const struct object *object)
{
    struct err err = {0};
    struct node *tree = document_read_own(arena, object->body, object->len, &err);

    if (!tree) {
        fprintf(stderr, "axle: %s %s/%s was kept and cannot be read: %s\n",
                object->kind->store_kind, object->space, object->name,
                err.text);
        abort();
    }
    return tree;
}

static char *append(char **at, const char *string)
{
    size_t len = strlen(string) + 1;
    char *copy = *at;

    memcpy(copy, string, len);
    *at += len;
    return copy;
}

/* Lays out an object with its owners, strings and body in one allocation. */
static struct object *lay_out(const struct kind *kind, const struct node *tree,
                              int64_t revision, const char *body, size_t len)
{
    const struct node *metadata = node_get(tree, "metadata");
    const struct node *owners = node_get(metadata, "ownerReferences");
    const char *space = node_get_text(metadata, "namespace");
    const char *name = node_get_text(metadata, "name");
    const char *uid = node_get_text(metadata, "uid");
    size_t count = node_count(owners), size;
    struct held *held;
    struct owner *owner;
    char *at;

    size = sizeof(*held) + count * sizeof(*owner) + strlen(space) +
           strlen(name) + strlen(uid) + 3 + len + 1;
    for (size_t i = 0; i < count; i++)
        size += strlen(node_get_text(node_item(owners, i), "uid")) + 1;
    held = mem_alloc(size);
    owner = (struct owner *)(held + 1);
    at = (char *)(owner + count);
    held->owners = owner;
    held->owner_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct node *item = node_item(owners, i);

        owner[i].uid = append(&at, node_get_text(item, "uid"));
        owner[i].blocks = node_get_bool(item, "blockOwnerDeletion", false);
    }
    held->finalizers = node_count(node_get(metadata, "finalizers"));
    held->object = (struct object){
        .references = 1,
        .kind = kind,
        .space = append(&at, space),
        .name = append(&at, name),
        .uid = append(&at, uid),
        .revision = revision,
        .deleting = node_get(metadata, "deletionTimestamp") != NULL,
        .len = len,
        .body = at,
    };
    memcpy(at, body, len);
    return &held->object;
}

struct object *object_make(struct arena *arena, const struct kind *kind,
                           struct node *tree, int64_t revision)
{
    scoped_text struct text body = {0};
    struct node *metadata = node_make(arena, tree, "metadata");

    if (revision)
        node_set(arena, metadata, "resourceVersion",
                 node_format(arena, "%lld", (long long)revision));
    else
        node_remove(metadata, "resourceVersion");
    document_write_json(&body, tree);
    return lay_out(kind, tree, revision, text_string(&body), body.len);
}

/* ---- Tables ------------------------------------------------------------- */

struct table *table_of(const struct objects *objects, const struct kind *kind)
{
    return map_get(objects->tables, kind->store_kind);
}

static int compare_key(const struct object *object, const char *space,
                       const char *name)
{
    int order = strcmp(object->space, space);

    return order ? order : strcmp(object->name, name);
}

size_t table_seek(const struct table *table, const char *space,
                  const char *name)
{
    size_t low = 0, high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare_key(table->items[middle], space, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct object *find_published(const struct table *table,
                                     const char *space, const char *name)
{
    size_t at = table_seek(table, space, name);

    return at < table->count && !compare_key(table->items[at], space, name)
               ? table->items[at]
               : NULL;
}

struct object *table_find(const struct table *table, enum objects_view view,
                          const char *space, const char *name)
{
    if (view == OBJECTS_STAGED && map_count(table->staged)) {
        scoped_mem char *key = mem_printf("%s/%s", space, name);
        const struct pending *pending = map_get(table->staged, key);

        if (pending)
            return pending->after;
    }
    return find_published(table, space, name);
}

/* Puts or removes; takes `after` (may be NULL) over as its own. */
static void table_set(struct table *table, const char *space, const char *name,
                      struct object *after)
{
    size_t at = table_seek(table, space, name);
    bool there = at < table->count &&
                 !compare_key(table->items[at], space, name);

    if (there && after) {
        object_drop(&table->items[at]);
        table->items[at] = after;
    } else if (there) {
        object_drop(&table->items[at]);
        memmove(table->items + at, table->items + at + 1,
                (table->count - at - 1) * sizeof(*table->items));
        table->count--;
    } else if (after) {
        if (table->count == table->room) {
            table->room = table->room ? table->room * 2 : 16;
            table->items = mem_resize_array(table->items, table->room,
                                            sizeof(*table->items));
        }
        memmove(table->items + at + 1, table->items + at,
                (table->count - at) * sizeof(*table->items));
        table->items[at] = after;
        table->count++;
    }
}

/* One table for each stored kind; the row of its stored version speaks. */
static void make_tables(struct objects *objects)
{
    size_t count = kinds_count(objects->kinds);

    objects->all = mem_alloc((count + 1) * sizeof(*objects->all));
    for (size_t i = 0; i < count; i++) {
        const struct kind *kind = kinds_at(objects->kinds, i);
        struct table *table;

        if (kind->is_question || map_get(objects->tables, kind->store_kind))
            continue;
        table = mem_alloc(sizeof(*table));
        table->objects = objects;
        table->staged = map_new();
        map_put(objects->tables, kind->store_kind, table);
        objects->all[objects->table_count++] = table;
        for (size_t j = i; j < count; j++) {
            const struct kind *row = kinds_at(objects->kinds, j);

            if (text_same(row->store_kind, kind->store_kind) &&
                text_same(row->version, row->stored_version) &&
                text_same(row->group, row->stored_group))
                table->kind = row;
        }
        if (!table->kind)
            table->kind = kind;
    }
}

/* ---- The memory of recent changes --------------------------------------- */

static size_t change_size(const struct change *change)
{
    const struct object *object = change->after ? change->after : change->last;

    return sizeof(*change) + sizeof(struct held) + (object ? object->len : 0);
}

static void change_free(struct change *change)
{
    object_drop(&change->before);
    object_drop(&change->after);
    object_drop(&change->last);
    mem_free(&change);
}

static void forget_oldest(struct objects *objects)
{
    struct change *change = objects->oldest;
    struct table *table = change->table;

    if (change->waiting)
        watch_expire(change);
    objects->oldest = change->next;
    if (!objects->oldest)
        objects->newest = NULL;
    table->first = change->next_here;
    if (!table->first)
        table->last = NULL;
    objects->forgotten = change->revision;
    objects->recent_bytes -= change_size(change);
    objects->recent_count--;
    change_free(change);
}

static void forget(struct objects *objects)
{
    while (objects->oldest != objects->newest &&
           (objects->recent_bytes > objects->most_bytes ||
            objects->recent_count > objects->most_count))
        forget_oldest(objects);
}

void objects_limit_memory(struct objects *objects, size_t bytes, size_t count)
{
    objects->most_bytes = bytes;
    objects->most_count = count;
    forget(objects);
}

/* Takes the objects in `change` over. */
static struct change *remember(struct objects *objects, struct change value)
{
    struct change *change = mem_copy(&value, sizeof(value));
    struct table *table = change->table;

    if (objects->newest)
        objects->newest->next = change;
    else
        objects->oldest = change;
    objects->newest = change;
    if (table->last)
        table->last->next_here = change;
    else
        table->first = change;
    table->last = change;
    objects->recent_bytes += change_size(change);
    objects->recent_count++;
    forget(objects);
    return change;
}

/* ---- Loading ------------------------------------------------------------ */

struct loading {
    struct objects *objects;
    struct arena *arena;
    struct map *seen; /* the newest state of each key in the log */
};

static struct object *read_row(struct loading *loading, struct table *table,
                               const struct store_row *row, struct err *err)
{
    scoped_text struct text open = {0};
    size_t len;
    const char *body = unseal_row(loading->objects, row, &open, &len, err);
    struct node *tree;

    if (!body)
        return NULL;
    tree = document_read_own(loading->arena, body, len, err);
    if (!tree) {
        err_wrap(err, "%s %s/%s", row->key.kind, row->key.space, row->key.name);
        return NULL;
    }
    return lay_out(table->kind, tree, row->revision, body, len);
}

/* After a restart every lease counts as renewed: nobody could renew it. */
static struct object *renew(struct loading *loading, struct object *object)
{
    struct node *tree, *spec;
    struct object *renewed;
    char now[CLOCK_TEXT];

    if (!object->kind->is_volatile)
        return object;
    tree = object_read(loading->arena, object);
    spec = node_get(tree, "spec");
    if (!node_get(spec, "renewTime"))
        return object;
    clock_format(clock_wall(), true, now);
    node_set_text(loading->arena, spec, "renewTime", now);
    renewed = object_make(loading->arena, object->kind, tree, object->revision);
    object_drop(&object);
    return renewed;
}

/* A kind that this program does not know is left in the store as it is. */
static int load_row(void *arg, const struct store_row *row, struct err *err)
{
    struct loading *loading = arg;
    struct objects *objects = loading->objects;
    struct table *table = map_get(objects->tables, row->key.kind);
    struct object *object;

    if (!table)
        return 0;
    if (arena_used(loading->arena) > (size_t)8 << 20) {
        arena_free(&loading->arena);
        loading->arena = arena_new();
    }
    object = read_row(loading, table, row, err);
    if (!object)
        return -1;
    object = renew(loading, object);
    table_set(table, row->key.space, row->key.name, object);
    collect_change(objects, NULL, object);
    return 0;
}

static int load_change(void *arg, const struct store_row *row, struct err *err)
{
    struct loading *loading = arg;
    struct table *table = map_get(loading->objects->tables, row->key.kind);
    struct change change = {.table = table, .revision = row->revision};
    struct object *object, *before;
    scoped_mem char *key = NULL;

    if (!table)
        return 0;
    before = find_published(table, row->key.space, row->key.name);
    object = before && before->revision == row->revision
                 ? object_hold(before)
                 : read_row(loading, table, row, err);
    if (!object)
        return -1;
    key = mem_printf("%s %s/%s", row->key.kind, row->key.space, row->key.name);
    before = map_get(loading->seen, key);
    change.unknown = !before && !row->created;
    change.before = before;
    if (row->deleted) {
        change.last = object;
        map_remove(loading->seen, key);
    } else {
        change.after = object_hold(object);
        map_put(loading->seen, key, object);
    }
    remember(loading->objects, change);
    return 0;
}

static void drop_seen(struct map *seen)
{
    struct object *object;
    size_t at = 0;

    while ((object = map_next(seen, &at, NULL)))
        object_drop(&object);
}

static int load(struct objects *objects, struct err *err)
{
    scoped_map struct map *seen = map_new();
    struct loading loading = {objects, arena_new(), seen};
    int failed;

    objects->revision = store_revision(objects->store);
    objects->forgotten = store_compacted(objects->store);
    failed = store_each(objects->store, load_row, &loading, err) < 0 ||
             store_changes(objects->store, objects->forgotten, load_change,
                           &loading, err) < 0;
    drop_seen(seen);
    arena_free(&loading.arena);
    return failed ? -1 : 0;
}

/* ---- Life --------------------------------------------------------------- */

static void on_commit_timer(void *arg)
{
    struct objects *objects = object_from(objects, OBJECTS_TAG, arg);

    if (objects->stage && !objects->committing)
        objects->stage->before_commit(objects->stage_arg);
    objects_commit(objects);
}

static void on_collect_timer(void *arg)
{
    collect_run(object_from(objects, OBJECTS_TAG, arg));
}

static void on_quiet_timer(void *arg)
{
    struct objects *objects = object_from(objects, OBJECTS_TAG, arg);

    watch_quiet(objects);
    snapshots_free(objects, clock_steady());
    if (clock_steady() - objects->swept > SWEEP) {
        objects->swept = clock_steady();
        events_expire(objects);
    }
    /* Trims the log a slice at a time, between requests. */
    loop_timer_set(objects->quiet_timer,
                   store_compact(objects->store) ? SLICE : QUIET);
}

struct objects *objects_open(struct loop *loop, struct store *store,
                             const struct kinds *kinds, struct err *err)
{
    return objects_open_sealed(loop, store, kinds, NULL, err);
}

struct objects *objects_open_sealed(struct loop *loop, struct store *store,
                                    const struct kinds *kinds,
                                    const unsigned char *key, struct err *err)
{
    struct objects *objects = mem_alloc(sizeof(*objects));

    objects->tag = OBJECTS_TAG;
    objects->loop = loop;
    objects->store = store;
    objects->kinds = kinds;
    objects->most_bytes = RECENT_BYTES;
    objects->most_count = RECENT_COUNT;
    objects->event_age = EVENT_AGE;
    objects->has_key = key != NULL;
    if (key)
        memcpy(objects->key, key, sizeof(objects->key));
    objects->tables = map_new();
    objects->staged.end = &objects->staged.first;
    objects->flying.end = &objects->flying.first;
    objects->waiters_end = &objects->waiters;
    make_tables(objects);
    if (loop) {
        objects->commit_timer = loop_timer_new(loop, on_commit_timer, objects);
        objects->collect_timer = loop_timer_new(loop, on_collect_timer, objects);
        objects->quiet_timer = loop_timer_new(loop, on_quiet_timer, objects);
        loop_timer_set(objects->quiet_timer, QUIET);
    }
    collect_open(objects);
    if (load(objects, err) < 0)
        objects_close(&objects);
    return objects;
}

static void pending_free(struct pending *pending)
{
    object_drop(&pending->before);
    object_drop(&pending->after);
    object_drop(&pending->last);
    mem_free(&pending->key);
    mem_free(&pending);
}

static void queue_free(struct queue_of_pending *queue)
{
    struct pending *pending;

    while ((pending = queue->first)) {
        queue->first = pending->next;
        pending_free(pending);
    }
    queue->end = &queue->first;
}

static void table_free(struct table *table)
{
    struct rule *rule;
    struct listener *listener;

    assert(!table->watches);
    for (size_t i = 0; i < table->count; i++)
        object_drop(&table->items[i]);
    mem_free(&table->items);
    map_free(&table->staged);
    while ((rule = table->rules)) {
        table->rules = rule->next;
        mem_free(&rule);
    }
    while ((listener = table->listeners)) {
        table->listeners = listener->next;
        mem_free(&listener);
    }
    mem_free(&table);
}

void objects_close(struct objects **pointer)
{
    struct objects *objects = *pointer;
    struct waiter *waiter;

    if (!objects)
        return;
    if (objects->loop) {
        loop_timer_free(&objects->commit_timer);
        loop_timer_free(&objects->collect_timer);
        loop_timer_free(&objects->quiet_timer);
    }
    queue_free(&objects->staged);
    queue_free(&objects->flying);
    while ((waiter = objects->waiters)) {
        objects->waiters = waiter->next;
        mem_free(&waiter);
    }
    while (objects->oldest)
        forget_oldest(objects);
    snapshots_free(objects, INT64_MAX);
    collect_close(objects);
    events_close(objects);
    for (size_t i = 0; i < objects->table_count; i++)
        table_free(objects->all[i]);
    mem_free(&objects->all);
    map_free(&objects->tables);
    explicit_bzero(objects->key, sizeof(objects->key));
    objects->tag = 0;
    mem_free(pointer);
}

const struct kinds *objects_kinds(const struct objects *objects)
{
    return objects->kinds;
}

struct store *objects_store(const struct objects *objects)
{
    return objects->store;
}

int64_t objects_revision(const struct objects *objects)
{
    return objects->revision;
}

void objects_rule(struct objects *objects, const struct kind *kind,
                  objects_rule_fn *fn, void *arg)
{
    struct rule **end = &table_of(objects, kind)->rules;
    struct rule *rule = mem_alloc(sizeof(*rule));

    *rule = (struct rule){.fn = fn, .arg = arg};
    while (*end)
        end = &(*end)->next;
    *end = rule;
}

void objects_on_change(struct objects *objects, const struct kind *kind,
                       objects_change_fn *fn, void *arg)
{
    struct listener **end = &table_of(objects, kind)->listeners;
    struct listener *listener = mem_alloc(sizeof(*listener));

    *listener = (struct listener){.fn = fn, .arg = arg};
    while (*end)
        end = &(*end)->next;
    *end = listener;
}

/* ---- The stage ---------------------------------------------------------- */

void objects_follow_stage(struct objects *objects,
                          const struct objects_stage *stage, void *arg)
{
    objects->stage = stage;
    objects->stage_arg = arg;
}

static void tell_stage(struct objects *objects, const struct object *before,
                       const struct object *after)
{
    if (objects->stage)
        objects->stage->staged(objects->stage_arg, before, after);
}

static void want_commit(struct objects *objects)
{
    if (objects->loop && !loop_timer_is_set(objects->commit_timer))
        loop_timer_set(objects->commit_timer, 0);
}

static void add_pending(struct objects *objects, struct table *table,
                        const struct object *subject, struct object *after,
                        struct object *last, int64_t revision)
{
    struct pending *pending = mem_alloc(sizeof(*pending));
    const struct object *before =
        table_find(table, OBJECTS_STAGED, subject->space, subject->name);

    pending->table = table;
    pending->key = mem_printf("%s/%s", subject->space, subject->name);
    pending->before = before ? object_hold(before) : NULL;
    pending->after = after;
    pending->last = last;
    pending->revision = revision;
    *objects->staged.end = pending;
    objects->staged.end = &pending->next;
    map_put(table->staged, pending->key, pending);
    want_commit(objects);
    if (pending->before || after)
        tell_stage(objects, pending->before, after);
}

struct object *stage_put(struct objects *objects, struct table *table,
                         struct arena *arena, struct node *tree)
{
    int64_t revision = store_revision(objects->store) + 1;
    struct object *after = object_make(arena, table->kind, tree, revision);
    struct store_key key = {table->kind->store_kind, after->space, after->name};
    scoped_text struct text sealed = {0};
    size_t len;
    const char *body = seal_body(objects, after, &sealed, &len);
    int64_t given = store_put(objects->store, &key, body, len);

    assert(given == revision);
    add_pending(objects, table, after, after, NULL, revision);
    return after;
}

struct object *stage_delete(struct objects *objects, struct table *table,
                            struct arena *arena, struct node *tree)
{
    int64_t revision = store_revision(objects->store) + 1;
    struct object *last = object_make(arena, table->kind, tree, revision);
    struct store_key key = {table->kind->store_kind, last->space, last->name};
    scoped_text struct text sealed = {0};
    size_t len;
    const char *body = seal_body(objects, last, &sealed, &len);
    int64_t given = store_delete(objects->store, &key, body, len);

    assert(given == revision);
    add_pending(objects, table, last, NULL, last, revision);
    return last;
}

static void tell_listeners(struct table *table, const struct object *before,
                           const struct object *after)
{
    for (struct listener *l = table->listeners; l; l = l->next)
        l->fn(l->arg, before, after);
}

struct object *replace_now(struct objects *objects, struct table *table,
                           struct arena *arena, struct node *tree)
{
    const struct node *metadata = node_get(tree, "metadata");
    const char *space = node_get_text(metadata, "namespace");
    const char *name = node_get_text(metadata, "name");
    struct object *old = find_published(table, space, name);
    scoped_object struct object *before = object_hold(old);
    struct object *after =
        object_make(arena, table->kind, tree, before->revision);

    table_set(table, space, name, after);
    collect_change(objects, before, after);
    tell_listeners(table, before, after);
    return after;
}

/* ---- Publishing --------------------------------------------------------- */

static void publish_one(struct objects *objects, struct pending *pending)
{
    struct table *table = pending->table;
    const struct object *subject = pending->after ? pending->after
                                                  : pending->last;

    table_set(table, subject->space, subject->name,
              pending->after ? object_hold(pending->after) : NULL);
    if (map_get(table->staged, pending->key) == pending)
        map_remove(table->staged, pending->key);
    collect_change(objects, pending->before, pending->after);
}

static void tell_watches(struct objects *objects, struct pending *pending)
{
    struct change *change = remember(
        objects,
        (struct change){
            .table = pending->table,
            .revision = pending->revision,
            .before = pending->before ? object_hold(pending->before) : NULL,
            .after = pending->after ? object_hold(pending->after) : NULL,
            .last = pending->last ? object_hold(pending->last) : NULL,
        });

    watch_wake(pending->table, change);
}

static void tell_waiters(struct objects *objects, struct waiter *waiter,
                         const struct err *err)
{
    while (waiter) {
        struct waiter *next = waiter->next;

        waiter->done(waiter->arg, err);
        mem_free(&waiter);
        waiter = next;
    }
}

static void drop_staged(struct objects *objects)
{
    for (size_t i = 0; i < objects->table_count; i++) {
        map_free(&objects->all[i]->staged);
        objects->all[i]->staged = map_new();
    }
    queue_free(&objects->staged);
}

/*
 * First everything is published, then everybody is told, so that whoever looks
 * sees one step. What they write in turn is staged for the next commit.
 */
static void on_committed(void *arg, const struct err *err)
{
    struct objects *objects = object_from(objects, OBJECTS_TAG, arg);
    struct queue_of_pending done = objects->flying;
    struct waiter *waiters = objects->waiters;

    objects->waiters = NULL;
    objects->waiters_end = &objects->waiters;
    objects->flying.first = NULL;
    objects->flying.end = &objects->flying.first;
    objects->committing = false;
    if (err) {
        drop_staged(objects);
    } else {
        for (struct pending *p = done.first; p; p = p->next) {
            objects->revision = p->revision;
            publish_one(objects, p);
        }
        for (struct pending *p = done.first; p; p = p->next)
            tell_watches(objects, p);
        for (struct pending *p = done.first; p; p = p->next)
            tell_listeners(p->table, p->before, p->after);
    }
    queue_free(&done);
    tell_waiters(objects, waiters, err);
}

void objects_commit(struct objects *objects)
{
    if (objects->committing)
        return;
    if (objects->commit_timer)
        loop_timer_stop(objects->commit_timer);
    objects->committing = true;
    objects->flying = objects->staged;
    if (!objects->flying.first)
        objects->flying.end = &objects->flying.first;
    objects->staged.first = NULL;
    objects->staged.end = &objects->staged.first;
    store_commit(objects->store, on_committed, objects);
    if (objects->loop)
        return;
    collect_run(objects);
    if (store_is_staged(objects->store))
        objects_commit(objects);
}

void objects_when_durable(struct objects *objects, objects_done_fn *done,
                          void *arg)
{
    struct waiter *waiter;

    if (!objects->committing && !store_is_staged(objects->store)) {
        done(arg, NULL);
        return;
    }
    waiter = mem_alloc(sizeof(*waiter));
    *waiter = (struct waiter){.done = done, .arg = arg};
    *objects->waiters_end = waiter;
    objects->waiters_end = &waiter->next;
    want_commit(objects);
}
