/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps owners and their objects: applied, kept on disk, pruned, loaded again. */

#include "cluster/service.h"
#include "query/query.h"
#include "work/work.h"

#include "base/clock.h"
#include "base/log.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

#define OWNER_ROW "cluster/owner/"
#define STATE_ROW "cluster/state/" /* see revision.c */
#define OWNED "OwnedByOther"

/* ---- Owners and objects in memory ----------------------------------------------------- */

struct local_owner *owner_get(struct cluster *cluster, const char *name)
{
    struct local_owner *owner = map_get(cluster->owners, name);

    if (owner)
        return owner;
    owner = mem_alloc(sizeof *owner);
    owner->cluster = cluster;
    owner->name = mem_copy_string(name);
    owner->project = mem_copy_string("");
    map_put(cluster->owners, name, owner);
    return owner;
}

void owner_free(struct local_owner *owner)
{
    map_remove(owner->cluster->owners, owner->name);
    mem_free(&owner->name);
    mem_free(&owner->kept);
    mem_free(&owner->unkept);
    mem_free(&owner->project);
    mem_free(&owner);
}

void object_free(struct local_object *object)
{
    struct arena *arena = object->arena;

    map_remove(object->cluster->objects, object->key);
    if (!object->cluster->closing && object->row && object->row->role == MANIFEST_SERVICE)
        services_touch(object->cluster);
    service_free(object);
    loop_timer_free(&object->timer);
    revision_free(object);
    mem_free(&object->key);
    mem_free(&object->plain);
    mem_free(&object->project);
    arena_free(&arena);
    mem_free(&object);
}

/* How an object is found; the texts live in an arena. */
struct naming {
    const char *plain, *key;
    bool second; /* the name is another work's */
};

static void on_object_timer(void *arg)
{
    struct local_object *object = arg;

    local_touch(object);
}

static struct local_object *object_new(struct local_owner *owner, const struct naming *naming)
{
    struct local_object *object = mem_alloc(sizeof *object);

    object->cluster = owner->cluster;
    object->owner = owner;
    object->key = mem_copy_string(naming->key);
    object->plain = mem_copy_string(naming->plain);
    object->project = mem_copy_string(owner->project);
    object->second = naming->second;
    object->timer = loop_timer_new(owner->cluster->options.loop, on_object_timer, object);
    object->created = clock_wall();
    object->health = LOCAL_IN_PROGRESS; /* nobody has looked yet */
    object->uid = (int64_t)(random_number() >> 1);
    map_put(owner->cluster->objects, object->key, object);
    return object;
}

struct local_object *owner_add_adopted(struct local_owner *owner, const char *plain)
{
    scoped_mem char *key = local_key(owner->project, plain, NULL);
    struct naming naming = { plain, key, false };
    struct local_object *object = object_new(owner, &naming);

    object->arena = arena_new();
    object->adopted = object->dirty = true;
    return object;
}

static void check_kind(struct local_object *object)
{
    const struct node *meta = node_get(object->object, "metadata");
    char refused[NAME_WHY];

    object->broken = (struct manifest_why){ 0 };
    if (!*object->kind || !*object->api_version || !*object->name)
        manifest_why_set(&object->broken, "Invalid", "apiVersion, kind and metadata.name are needed");
    else if (!object->row)
        manifest_why_set(&object->broken, "UnsupportedKind", "%.80s %.80s is not supported on this spoke",
                object->api_version, object->kind);
    else if (object->row->refused)
        manifest_why_set(&object->broken, "UnsupportedKind", "%s is not supported on this spoke: %s",
                object->kind, object->row->refused);
    else if (strlen(object->name) > 253 || strlen(object->space) > 63 ||
             !name_is_dns_subdomain(object->name, refused) ||
             (*object->space && !name_is_dns_label(object->space, refused)))
        manifest_why_set(&object->broken, "Invalid", "metadata.name \"%.100s\" or namespace \"%.80s\" is no "
                "Kubernetes name", node_get_text(meta, "name"), object->space);
    else
        (void)manifest_check_shape(object->row, object->object, &object->broken);
}

static void object_fill(struct local_object *object, const struct cluster_manifest *item)
{
    struct arena *old = object->arena;
    const struct node *meta;

    object->adopted = false;
    /* How the former content stood tells nothing of this one. */
    object->health = LOCAL_IN_PROGRESS;
    manifest_why_set(&object->why, "Progressing", "not looked at yet");
    object->arena = arena_new();
    object->object = node_copy(object->arena, item->object);
    meta = node_get(object->object, "metadata");
    object->api_version = node_get_text(object->object, "apiVersion");
    object->kind = node_get_text(object->object, "kind");
    object->name = node_get_text(meta, "name");
    object->row = manifest_kind_find(object->api_version, object->kind);
    object->space = object->row && object->row->cluster_wide ? "" : node_get_text(meta, "namespace");
    if (!*object->space && (!object->row || !object->row->cluster_wide))
        object->space = "default";
    object->generation++;
    object->template = NULL;
    check_kind(object);
    if (!*object->broken.reason && object->row->role == MANIFEST_SERVICE)
        service_read(object);
    else if (!*object->broken.reason)
        workload_read(object);
    if (object->second && object->row && !*object->broken.reason)
        manifest_why_set(&object->broken, OWNED, "%s %.100s/%.100s belongs to another work on this spoke",
                object->kind, object->space, object->name);
    arena_free(&old);
}

/* ---- Applying --------------------------------------------------------------------------- */

static const char *plain_of(struct arena *arena, const struct node *object, size_t ordinal)
{
    const char *api_version = node_get_text(object, "apiVersion");
    const char *kind = node_get_text(object, "kind");
    const char *name = node_get_text(node_get(object, "metadata"), "name");
    const char *space = node_get_text(node_get(object, "metadata"), "namespace");
    const struct manifest_kind *row = manifest_kind_find(api_version, kind);
    char group[128];

    if (!*name || !*kind || strpbrk(name, "|/") || strpbrk(kind, "|/") || strpbrk(space, "|/"))
        return arena_printf(arena, "invalid/%zu", ordinal);
    if (row && row->cluster_wide)
        space = "";
    else if (!*space)
        space = "default";
    return arena_printf(arena, "%s/%s/%s/%s", manifest_group(api_version, group, sizeof group), kind,
                        space, name);
}

/* What an owner that left it there has, is anybody's of the project. */
static struct naming naming_of(struct arena *arena, const struct local_owner *owner,
                               const struct node *object, size_t ordinal)
{
    const struct manifest_kind *row = manifest_kind_find(node_get_text(object, "apiVersion"),
                                                   node_get_text(object, "kind"));
    struct naming ret = { .plain = plain_of(arena, object, ordinal) };
    bool shared = local_is_shared(owner->project, row) || text_starts(ret.plain, "invalid/");
    scoped_mem char *own = local_key(owner->project, ret.plain, owner->name);
    scoped_mem char *alone = local_key(owner->project, ret.plain, NULL);
    const struct local_object *there = map_get(owner->cluster->objects, alone);

    ret.second = !shared && there && there->owner != owner &&
                 strcmp(there->owner->name, ORPHANS) != 0;
    ret.key = arena_string(arena, shared || ret.second ? own : alone);
    return ret;
}

static struct node *keys_of(const struct local_owner *owner, struct arena *arena)
{
    struct node *keys = node_list(arena);
    struct local_object *object;
    size_t at = 0;

    while ((object = map_next(owner->cluster->objects, &at, NULL)))
        if (object->owner == owner)
            node_add(arena, keys, node_string(arena, object->key));
    return keys;
}

/* Found by another key from now on. */
static void rename_object(struct local_object *object, const struct naming *naming,
                          const char *project)
{
    char *key = mem_copy_string(naming->key), *owned = mem_copy_string(project);
    bool stateful = object->stateful;

    state_forget(object);
    map_remove(object->cluster->objects, object->key);
    mem_free(&object->key);
    mem_free(&object->project);
    object->key = key;
    object->project = owned;
    object->second = naming->second;
    map_put(object->cluster->objects, object->key, object);
    if (stateful)
        state_keep(object, NULL, NULL);
}

/* One that was left behind is taken up again. */
static struct local_object *take_orphan(struct local_owner *owner, const struct naming *naming)
{
    scoped_mem char *key = local_key(owner->project, naming->plain, ORPHANS);
    struct local_object *object = map_get(owner->cluster->objects, key);

    if (object)
        rename_object(object, naming, owner->project);
    return object;
}

/*
 * A work is given to a project, or comes from a store that did not know projects:
 * its objects and pods move as they are, and nothing of it is restarted.
 */
static void give_owner(struct local_owner *owner, const char *project)
{
    struct cluster *cluster = owner->cluster;
    scoped_arena struct arena *arena = arena_new();
    struct node *keys = keys_of(owner, arena);
    struct local_pod *pod;
    size_t at = 0;

    if (!strcmp(owner->project, project))
        return;
    mem_free(&owner->project);
    owner->project = mem_copy_string(project);
    for (size_t i = 0; i < node_count(keys); i++) {
        struct local_object *object = map_get(cluster->objects, node_text(node_item(keys, i)));
        struct naming naming = naming_of(arena, owner, object->object, i);

        rename_object(object, &naming, project);
    }
    while ((pod = map_next(cluster->pods, &at, NULL)))
        if (!strcmp(pod->owner, owner->name))
            pod->project = arena_string(pod->arena, project);
    services_touch(cluster);
}

static bool is_config(const struct local_object *object)
{
    return object->row && (object->row->role == MANIFEST_CONFIG || object->row->role == MANIFEST_CLAIM);
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

static struct node *add_item(struct arena *arena, struct node *items,
                             const struct cluster_manifest *item)
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
    return row;
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
            node_set_text(arena,
                          add_item(arena, items,
                                   &(struct cluster_manifest){ .object = object->object }),
                          "project", object->project);
    document_write_json(&out, kept);
    owner->committed = true;
    keep_owner(owner, node_count(items) ? out.bytes : NULL, out.len);
}

static void apply_one(struct local_owner *owner, const struct cluster_manifest *item,
                      size_t ordinal, struct map *seen)
{
    scoped_arena struct arena *arena = arena_new();
    struct naming naming = naming_of(arena, owner, item->object, ordinal);
    struct local_object *object = map_get(owner->cluster->objects, naming.key);
    bool there, same, taken;

    if (item->strategy == CLUSTER_READ_ONLY) {
        if (object && object->owner == owner && !object->removing)
            map_put(seen, naming.key, object);
        return;
    }
    if (!object)
        object = take_orphan(owner, &naming);
    there = object != NULL;
    if (!object)
        object = object_new(owner, &naming);
    same = there && !object->removing && !object->adopted && node_same(object->object, item->object) &&
           (object->second || strcmp(object->broken.reason, OWNED) != 0);
    taken = object->owner != owner;
    object->owner = owner;
    if (taken)
        keep_orphans(owner->cluster);
    object->removing = false;
    object->strategy = item->strategy;
    object->phase = item->phase;
    object->orphan = item->orphan;
    map_put(seen, naming.key, object);
    if (same || (there && !object->adopted && item->strategy == CLUSTER_CREATE_ONLY))
        return;
    object_fill(object, item);
    object->dirty = true;
    services_touch(owner->cluster);
    if (is_config(object))
        local_touch_namespace(owner->cluster, object->project, object->space);
}

/* What will be there: where an item does not write, the object as it is. */
static bool effective(struct local_owner *owner, const struct cluster_manifest *item,
                      size_t ordinal, struct cluster_manifest *ret)
{
    scoped_arena struct arena *arena = arena_new();
    const struct local_object *there =
        map_get(owner->cluster->objects, naming_of(arena, owner, item->object, ordinal).key);

    *ret = *item;
    if (item->strategy == CLUSTER_UPDATE)
        return true;
    if (!there || there->owner != owner || there->removing || there->adopted)
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
    node_set_text(arena, kept, "project", owner->project);
    document_write_json(out, kept);
}

/* False: somebody has it, or left it behind, already. */
static bool leave_behind(struct local_object *object)
{
    struct cluster *cluster = object->cluster;
    bool shared = local_is_shared(object->project, object->row);
    scoped_mem char *key = local_key(object->project, object->plain, shared ? ORPHANS : NULL);
    struct local_object *there = map_get(cluster->objects, key);
    struct naming naming = { object->plain, key, false };

    if (object->second || (object->row && object->row->cluster_wide) ||
        (there && there != object))
        return false;
    rename_object(object, &naming, object->project);
    object->owner = owner_get(cluster, ORPHANS);
    object->orphan = false;
    keep_orphans(cluster);
    return true;
}

/* What left the set goes, or stays behind without an owner. */
static void leave(struct local_object *object)
{
    if (object->orphan && leave_behind(object))
        return;
    object->removing = true;
    object->dirty = true;
    services_touch(object->cluster);
}

/* By key: one that stays behind gets another one. */
static void prune(struct local_owner *owner, const struct map *seen)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *gone = keys_of(owner, arena);

    for (size_t i = 0; i < node_count(gone); i++)
        if (!map_get(seen, node_text(node_item(gone, i))))
            leave(map_get(owner->cluster->objects, node_text(node_item(gone, i))));
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

/* Once for each reason: it is tried again every second. */
static void tell_unkept(struct local_owner *owner, const char *why)
{
    if (owner->unkept && !strcmp(owner->unkept, why))
        return;
    log_warn("cluster", "%s cannot be kept, and waits until it can: %s", owner->name, why);
    mem_free(&owner->unkept);
    owner->unkept = mem_copy_string(why);
    owner->dirty = true;
    local_wake(owner->cluster);
}

static void on_kept(void *arg, const struct err *err)
{
    struct keeping *keeping = arg;
    struct cluster *cluster = keeping->cluster;
    struct local_owner *owner = cluster->closing ? NULL : map_get(cluster->owners, keeping->owner);

    if (owner && err && err->code) {
        tell_unkept(owner, err->text);
        loop_timer_set(cluster->retry, CLOCK_SECOND);
    } else if (owner) {
        mem_free(&owner->unkept);
        owner->committed = true;
        touch_owner(owner); /* a pass may have gone by while it waited */
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

bool owner_has(struct cluster *cluster, const struct cluster_set *set)
{
    struct local_owner *owner = map_get(cluster->owners, set->owner);
    scoped_text struct text out = { 0 };

    if (!owner || !owner->kept || owner->removing ||
        strcmp(owner->project, set->project ? set->project : "") != 0)
        return false;
    write_set(owner, set, &out);
    return text_same(owner->kept, text_string(&out));
}

void owner_apply(struct cluster *cluster, const struct cluster_set *set)
{
    struct local_owner *owner = owner_get(cluster, set->owner);
    scoped_map struct map *seen = map_new();
    scoped_text struct text out = { 0 };

    give_owner(owner, set->project ? set->project : "");
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

/* An object went: the next work that has one of that name gets its turn. */
void owner_promote(struct cluster *cluster, const char *project, const char *plain)
{
    scoped_mem char *key = local_key(project, plain, NULL);
    struct naming naming = { plain, key, false };
    struct local_object *object;
    size_t at = 0;

    while ((object = map_next(cluster->objects, &at, NULL)))
        if (object->second && !object->removing && !strcmp(object->project, project) &&
            !strcmp(object->plain, plain))
            break;
    if (!object || map_get(cluster->objects, key))
        return;
    rename_object(object, &naming, project);
    object_fill(object, &(struct cluster_manifest){ .object = object->object });
    local_touch(object);
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

void owner_remove_all(struct cluster *cluster)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *names = node_list(arena);
    struct local_object *object;
    const char *name;
    size_t at = 0;

    while ((object = map_next(cluster->objects, &at, NULL)))
        object->orphan = false;
    at = 0;
    while (map_next(cluster->owners, &at, &name))
        node_add(arena, names, node_string(arena, name));
    for (size_t i = 0; i < node_count(names); i++)
        owner_remove(cluster, node_text(node_item(names, i)));
}

/* ---- Kept again ----------------------------------------------------------------------- */

struct rows_kept {
    struct cluster *cluster;
    struct arena *arena;
    struct node *stale; /* names of rows whose owner or result is no more */
};

static void find_stale(void *arg, const char *name, const void *bytes, size_t len)
{
    struct rows_kept *rows = arg;
    const struct local_owner *owner = NULL;
    const struct local_object *object = NULL;

    if (text_starts(name, OWNER_ROW))
        owner = map_get(rows->cluster->owners, name + strlen(OWNER_ROW));
    if (text_starts(name, STATE_ROW))
        object = map_get(rows->cluster->objects, name + strlen(STATE_ROW));
    if ((owner && owner->kept && !owner->removing) || (object && object->stateful))
        return;
    node_add(rows->arena, rows->stale, node_string(rows->arena, name));
}

void owner_keep_again(struct cluster *cluster)
{
    const struct cluster_keep *keep = &cluster->options.keep;
    scoped_arena struct arena *arena = arena_new();
    struct rows_kept rows = { cluster, arena, node_list(arena) };
    struct local_owner *owner;
    struct local_object *object;
    size_t at = 0;

    places_keep_again(cluster->places);
    keep->each(keep->arg, find_stale, &rows);
    for (size_t i = 0; i < node_count(rows.stale); i++)
        keep->remove(keep->arg, node_text(node_item(rows.stale, i)));
    while ((owner = map_next(cluster->owners, &at, NULL)))
        if (owner->kept && !owner->removing)
            keep_owner(owner, owner->kept, strlen(owner->kept));
    if (map_get(cluster->owners, ORPHANS))
        keep_orphans(cluster);
    at = 0;
    while ((object = map_next(cluster->objects, &at, NULL)))
        if (object->stateful)
            state_keep(object, NULL, NULL);
}

/* ---- Loading ------------------------------------------------------------------------ */

/* Each is of the project that left it. */
static void take_orphans(struct local_owner *owner, const struct node *items, struct map *seen)
{
    for (size_t i = 0; i < node_count(items); i++) {
        const struct node *item = node_item(items, i);
        struct cluster_manifest manifest = { .object = node_get(item, "object") };

        mem_free(&owner->project);
        owner->project = mem_copy_string(node_get_text(item, "project"));
        apply_one(owner, &manifest, i, seen);
    }
    mem_free(&owner->project);
    owner->project = mem_copy_string("");
}

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

    if (node_get(kept, "project"))
        give_owner(owner, node_get_text(kept, "project"));
    else if (cluster->options.project_of)
        give_owner(owner, cluster->options.project_of(cluster->options.arg, name));
    for (size_t i = 0; i < set.count; i++) {
        const struct node *item = node_item(items, i);

        manifests[i] = (struct cluster_manifest){
            .object = node_get(item, "object"), .phase = number_as_int(item, "phase", NUMBER_SMALL, 0),
            .strategy = (enum cluster_strategy)number_as_int(item, "strategy", NUMBER_SMALL, 0),
            .orphan = node_get_bool(item, "orphan", false),
        };
    }
    set.items = manifests;
    owner->kept = mem_alloc(len + 1);
    memcpy(owner->kept, bytes, len);
    owner->committed = owner->dirty = true;
    if (!strcmp(name, ORPHANS))
        take_orphans(owner, items, seen);
    else
        take_set(owner, &set, seen);
    mem_free(&manifests);
}

void owner_load(void *arg, const char *name, const void *bytes, size_t len)
{
    if (text_starts(name, OWNER_ROW))
        load_owner(arg, name + strlen(OWNER_ROW), bytes, len);
}

static struct local_object *find_plain(const struct cluster *cluster, const char *plain)
{
    struct local_object *object;
    size_t at = 0;

    while ((object = map_next(cluster->objects, &at, NULL)))
        if (!object->second && !strcmp(object->plain, plain))
            break;
    return object;
}

/* After the owners: what is remembered of an object that is there. */
void owner_load_state(void *arg, const char *name, const void *bytes, size_t len)
{
    struct cluster *cluster = arg;
    scoped_arena struct arena *arena = arena_new();
    struct local_object *object;
    const struct node *state;

    if (!text_starts(name, STATE_ROW))
        return;
    object = map_get(cluster->objects, name + strlen(STATE_ROW));
    if (!object && !strchr(name, '|'))
        object = find_plain(cluster, name + strlen(STATE_ROW)); /* an older program's */
    if (!object)
        return;
    state = document_read_json(arena, bytes, len, &document_limits_own, NULL);
    if (state)
        state_load(object, state);
}
