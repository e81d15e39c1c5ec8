/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps owners and their objects: applied, kept on disk, pruned, loaded again. */

#include "cluster/service.h"
#include "work/work.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

#define OWNER_ROW "cluster/owner/"
#define STATE_ROW "cluster/state/"

/* ---- Owners and objects in memory ----------------------------------------------------- */

struct local_owner *owner_get(struct cluster *cluster, const char *name)
{
    struct local_owner *owner = map_get(cluster->owners, name);

    if (owner)
        return owner;
    owner = mem_alloc(sizeof *owner);
    owner->cluster = cluster;
    owner->name = mem_copy_string(name);
    map_put(cluster->owners, name, owner);
    return owner;
}

void owner_free(struct local_owner *owner)
{
    map_remove(owner->cluster->owners, owner->name);
    mem_free(&owner->name);
    mem_free(&owner->kept);
    mem_free(&owner);
}

void object_free(struct local_object *object)
{
    struct arena *arena = object->arena;

    map_remove(object->cluster->objects, object->key);
    if (!object->cluster->closing && object->row && object->row->role == ROLE_SERVICE)
        services_touch(object->cluster);
    service_free(object);
    loop_timer_free(&object->timer);
    mem_free(&object->key);
    arena_free(&arena);
    mem_free(&object);
}

static void on_object_timer(void *arg)
{
    struct local_object *object = arg;

    local_touch(object);
}

static struct local_object *object_new(struct local_owner *owner, const char *key)
{
    struct local_object *object = mem_alloc(sizeof *object);

    object->cluster = owner->cluster;
    object->owner = owner;
    object->key = mem_copy_string(key);
    object->timer = loop_timer_new(owner->cluster->options.loop, on_object_timer, object);
    object->created = clock_wall();
    object->health = LOCAL_IN_PROGRESS; /* nobody has looked yet */
    object->uid = (int64_t)(random_number() >> 1);
    map_put(owner->cluster->objects, key, object);
    return object;
}

static void check_kind(struct local_object *object)
{
    const struct node *meta = node_get(object->object, "metadata");

    object->broken = (struct local_why){ 0 };
    if (!*object->kind || !*object->api_version || !*object->name)
        why_set(&object->broken, "Invalid", "apiVersion, kind and metadata.name are needed");
    else if (!object->row)
        why_set(&object->broken, "UnsupportedKind", "%.80s %.80s is not supported on this spoke",
                object->api_version, object->kind);
    else if (object->row->refused)
        why_set(&object->broken, "UnsupportedKind", "%s is not supported on this spoke: %s",
                object->kind, object->row->refused);
    else if (strlen(object->name) > 253 || strlen(object->space) > 63 ||
             strspn(object->name, "abcdefghijklmnopqrstuvwxyz0123456789.-") != strlen(object->name) ||
             strspn(object->space, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(object->space))
        why_set(&object->broken, "Invalid", "metadata.name \"%.100s\" or namespace \"%.80s\" is no "
                "Kubernetes name", node_get_text(meta, "name"), object->space);
    else
        (void)shape_check(object->row, object->object, &object->broken);
}

static void object_fill(struct local_object *object, const struct cluster_manifest *item)
{
    struct arena *old = object->arena;
    const struct node *meta;

    object->arena = arena_new();
    object->object = node_copy(object->arena, item->object);
    meta = node_get(object->object, "metadata");
    object->api_version = node_get_text(object->object, "apiVersion");
    object->kind = node_get_text(object->object, "kind");
    object->name = node_get_text(meta, "name");
    object->row = local_kind_find(object->api_version, object->kind);
    object->space = object->row && object->row->cluster_wide ? "" : node_get_text(meta, "namespace");
    if (!*object->space && (!object->row || !object->row->cluster_wide))
        object->space = "default";
    object->generation++;
    object->template = NULL;
    if (object->done)
        object->done = node_copy(object->arena, object->done);
    check_kind(object);
    if (!*object->broken.reason && object->row->role == ROLE_SERVICE)
        service_read(object);
    else if (!*object->broken.reason)
        workload_read(object);
    arena_free(&old);
}

/* ---- Applying --------------------------------------------------------------------------- */

static char *key_of(struct arena *arena, struct local_owner *owner, const struct node *object,
                    size_t ordinal)
{
    const char *api_version = node_get_text(object, "apiVersion");
    const char *kind = node_get_text(object, "kind");
    const char *name = node_get_text(node_get(object, "metadata"), "name");
    const char *space = node_get_text(node_get(object, "metadata"), "namespace");
    const struct local_kind *row = local_kind_find(api_version, kind);
    char group[128];
    struct local_object *there;
    char *key;

    if (!*name || !*kind)
        return arena_printf(arena, "%s|invalid/%zu", owner->name, ordinal);
    if (row && row->cluster_wide) /* a namespace may be named by many */
        return arena_printf(arena, "%s|%s/%s", owner->name, kind, name);
    key = arena_printf(arena, "%s/%s/%s/%s", local_group(api_version, group, sizeof group), kind,
                       *space ? space : "default", name);
    there = map_get(owner->cluster->objects, key);
    return there && there->owner != owner && strcmp(there->owner->name, ORPHANS) != 0
               ? arena_printf(arena, "%s|%s", owner->name, key) : key;
}

static bool is_config(const struct local_object *object)
{
    return object->row && (object->row->role == ROLE_CONFIG || object->row->role == ROLE_CLAIM);
}

static void apply_one(struct local_owner *owner, const struct cluster_manifest *item,
                      size_t ordinal, struct map *seen)
{
    scoped_arena struct arena *arena = arena_new();
    char *key = key_of(arena, owner, item->object, ordinal);
    struct local_object *object = map_get(owner->cluster->objects, key);
    bool there = object != NULL, same;

    if (item->strategy == CLUSTER_READ_ONLY) {
        if (object && object->owner == owner && !object->removing)
            map_put(seen, key, object);
        return;
    }
    if (!object)
        object = object_new(owner, key);
    same = there && !object->removing && node_same(object->object, item->object);
    object->owner = owner;
    object->removing = false;
    object->strategy = item->strategy;
    object->phase = item->phase;
    object->orphan = item->orphan;
    map_put(seen, key, object);
    if (same || (there && item->strategy == CLUSTER_CREATE_ONLY))
        return;
    object_fill(object, item);
    if (strchr(key, '|') && object->row && !object->row->cluster_wide && !*object->broken.reason)
        why_set(&object->broken, "OwnedByOther", "%s %.100s/%.100s belongs to another work on this "
                "spoke", object->kind, object->space, object->name);
    object->dirty = true;
    services_touch(owner->cluster);
    if (is_config(object))
        local_touch_space(owner->cluster, object->space);
}

static void keep_owner(struct local_owner *owner, const char *bytes, size_t len)
{
    const struct cluster_keep *keep = &owner->cluster->options.keep;
    scoped_mem char *name = mem_printf(OWNER_ROW "%s", owner->name);

    if (bytes)
        keep->put(keep->arg, name, bytes, len);
    else
        keep->remove(keep->arg, name);
}

/* Lost with a full disk it is learnt again: the job's pods are still there. */
static void on_state_kept(void *arg, const struct err *err)
{
    if (err && err->code)
        log_warn("cluster", "a job's end cannot be kept: %s", err->text);
}

void local_keep_state(struct local_object *object)
{
    const struct cluster_keep *keep = &object->cluster->options.keep;
    scoped_mem char *name = mem_printf(STATE_ROW "%s", object->key);
    scoped_text struct text out = { 0 };

    if (object->done)
        document_write_json(&out, object->done);
    if (object->done)
        keep->put(keep->arg, name, out.bytes, out.len);
    else
        keep->remove(keep->arg, name);
    keep->commit(keep->arg, on_state_kept, NULL);
}

static void add_item(struct arena *arena, struct node *items, const struct cluster_manifest *item)
{
    struct node *row = node_map(arena);

    node_set(arena, row, "object", (struct node *)item->object);
    if (item->strategy)
        node_set_int(arena, row, "strategy", item->strategy);
    if (item->phase)
        node_set_int(arena, row, "phase", item->phase);
    if (item->orphan)
        node_set_bool(arena, row, "orphan", true);
    node_add(arena, items, row);
}

/* What will be there: where an item does not write, the object as it is. */
static bool effective(struct local_owner *owner, const struct cluster_manifest *item,
                      size_t ordinal, struct cluster_manifest *ret)
{
    scoped_arena struct arena *arena = arena_new();
    const struct local_object *there =
        map_get(owner->cluster->objects, key_of(arena, owner, item->object, ordinal));

    *ret = *item;
    if (item->strategy == CLUSTER_UPDATE)
        return true;
    if (!there || there->owner != owner || there->removing)
        return item->strategy == CLUSTER_CREATE_ONLY;
    ret->object = there->object;
    ret->strategy = CLUSTER_CREATE_ONLY;
    return true;
}

static void write_set(struct local_owner *owner, const struct cluster_set *set, struct text *out)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *kept = node_map(arena), *items = node_make_list(arena, kept, "items");
    struct cluster_manifest item;

    for (size_t i = 0; i < set->count; i++)
        if (effective(owner, &set->items[i], i, &item))
            add_item(arena, items, &item);
    if (set->no_prune)
        node_set_bool(arena, kept, "noPrune", true);
    document_write_json(out, kept);
}

static void keep_orphans(struct cluster *cluster)
{
    scoped_arena struct arena *arena = arena_new();
    struct local_owner *owner = owner_get(cluster, ORPHANS);
    struct node *kept = node_map(arena), *items = node_make_list(arena, kept, "items");
    scoped_text struct text out = { 0 };
    struct local_object *object;
    size_t at = 0;

    while ((object = map_next(cluster->objects, &at, NULL)))
        if (object->owner == owner && !object->removing)
            add_item(arena, items, &(struct cluster_manifest){ .object = object->object });
    document_write_json(&out, kept);
    owner->committed = true;
    keep_owner(owner, out.bytes, out.len);
}

/* What left the set goes, or stays behind without an owner. */
static void leave(struct local_object *object)
{
    if (object->orphan && !strchr(object->key, '|')) {
        object->owner = owner_get(object->cluster, ORPHANS);
        object->orphan = false;
        keep_orphans(object->cluster);
        return;
    }
    object->removing = true;
    object->dirty = true;
    services_touch(object->cluster);
}

static void prune(struct local_owner *owner, const struct map *seen)
{
    struct local_object *object;
    size_t at = 0;

    while ((object = map_next(owner->cluster->objects, &at, NULL)))
        if (object->owner == owner && !map_get(seen, object->key))
            leave(object);
}

static void on_kept(void *arg, const struct err *err);

struct keeping {
    struct cluster *cluster;
    char *owner; /* owned */
};

static void commit(struct local_owner *owner)
{
    const struct cluster_keep *keep = &owner->cluster->options.keep;
    struct keeping *keeping = mem_alloc(sizeof *keeping);

    *keeping = (struct keeping){ owner->cluster, mem_copy_string(owner->name) };
    owner->committed = false;
    keep->commit(keep->arg, on_kept, keeping);
}

static void on_kept(void *arg, const struct err *err)
{
    struct keeping *keeping = arg;
    struct cluster *cluster = keeping->cluster;
    struct local_owner *owner = cluster->closing ? NULL : map_get(cluster->owners, keeping->owner);

    if (owner && err && err->code) {
        log_warn("cluster", "%s cannot be kept: %s", owner->name, err->text);
        loop_timer_set(cluster->retry, CLOCK_SECOND);
    } else if (owner) {
        owner->committed = true;
        owner->dirty = true;
        local_wake(cluster);
    }
    mem_free(&keeping->owner);
    mem_free(&keeping);
}

void owner_retry(void *arg)
{
    struct cluster *cluster = arg;
    struct local_owner *owner;
    size_t at = 0;

    while ((owner = map_next(cluster->owners, &at, NULL)))
        if (!owner->committed) {
            keep_owner(owner, owner->removing ? NULL : owner->kept,
                       owner->kept ? strlen(owner->kept) : 0);
            commit(owner);
        }
}

static void touch_owner(struct local_owner *owner)
{
    struct local_object *object;
    size_t at = 0;

    while ((object = map_next(owner->cluster->objects, &at, NULL)))
        if (object->owner == owner)
            object->dirty = true;
    owner->dirty = true;
    local_wake(owner->cluster);
}

/* `seen` in the order of kinds, so that what others need is there first. */
static void take_set(struct local_owner *owner, const struct cluster_set *set, struct map *seen)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *list = node_list(arena);
    size_t *order = mem_alloc((set->count + 1) * sizeof *order);

    for (size_t i = 0; i < set->count; i++)
        node_add(arena, list, (struct node *)set->items[i].object);
    work_apply_order(list, order);
    for (size_t i = 0; i < set->count; i++)
        apply_one(owner, &set->items[order[i]], order[i], seen);
    mem_free(&order);
}

void owner_apply(struct cluster *cluster, const struct cluster_set *set)
{
    struct local_owner *owner = owner_get(cluster, set->owner);
    scoped_map struct map *seen = map_new();
    scoped_text struct text out = { 0 };

    write_set(owner, set, &out);
    if (owner->kept && !owner->removing && text_same(owner->kept, text_string(&out)))
        return;
    owner->removing = false;
    owner->no_prune = set->no_prune;
    mem_free(&owner->kept);
    owner->kept = mem_copy_string(text_string(&out));
    take_set(owner, set, seen);
    if (!set->no_prune)
        prune(owner, seen);
    keep_owner(owner, out.bytes, out.len);
    commit(owner);
    touch_owner(owner);
}

void owner_remove(struct cluster *cluster, const char *name)
{
    struct local_owner *owner = map_get(cluster->owners, name);
    scoped_map struct map *nothing = map_new();

    if (!owner || owner->removing)
        return;
    owner->removing = true;
    prune(owner, nothing);
    keep_owner(owner, NULL, 0);
    commit(owner);
    touch_owner(owner);
}

/* ---- Loading ------------------------------------------------------------------------ */

static void load_owner(struct cluster *cluster, const char *name, const void *bytes, size_t len)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *kept = document_read_json(arena, bytes, len, &document_limits_own, NULL);
    struct node *items = node_get(kept, "items");
    struct cluster_set set = { .owner = name, .count = node_count(items),
                               .no_prune = node_get_bool(kept, "noPrune", false) };
    struct cluster_manifest *manifests = mem_alloc((set.count + 1) * sizeof *manifests);
    struct local_owner *owner = owner_get(cluster, name);
    scoped_map struct map *seen = map_new();

    for (size_t i = 0; i < set.count; i++) {
        const struct node *item = node_item(items, i);

        manifests[i] = (struct cluster_manifest){
            .object = node_get(item, "object"), .phase = (int)node_get_int(item, "phase", 0),
            .strategy = (enum cluster_strategy)node_get_int(item, "strategy", 0),
            .orphan = node_get_bool(item, "orphan", false),
        };
    }
    set.items = manifests;
    owner->kept = mem_alloc(len + 1);
    memcpy(owner->kept, bytes, len);
    owner->committed = owner->dirty = true;
    take_set(owner, &set, seen);
    mem_free(&manifests);
}

void owner_load(void *arg, const char *name, const void *bytes, size_t len)
{
    if (text_starts(name, OWNER_ROW))
        load_owner(arg, name + strlen(OWNER_ROW), bytes, len);
}

/* After the owners: what is remembered of an object that is there. */
void owner_load_state(void *arg, const char *name, const void *bytes, size_t len)
{
    struct cluster *cluster = arg;
    struct local_object *object;
    struct node *done;

    if (!text_starts(name, STATE_ROW))
        return;
    object = map_get(cluster->objects, name + strlen(STATE_ROW));
    if (!object)
        return;
    done = document_read_json(object->arena, bytes, len, &document_limits_own, NULL);
    if (done && !strcmp(node_get_text(done, "hash"), object->hash))
        object->done = done;
}
