/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps owners and their objects on this machine as they should be. */

#include "cluster/local.h"

#include "base/clock.h"
#include "base/log.h"
#include "cluster/service.h"
#include "work/work.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWNER_ROW "cluster/owner/"
#define STATE_ROW "cluster/state/"
/* Whose objects nobody owns any more but somebody wanted to stay. */
#define ORPHANS "~orphans"

const char *const local_health_names[] = {
    [LOCAL_CURRENT] = "Current",
    [LOCAL_IN_PROGRESS] = "InProgress",
    [LOCAL_FAILED] = "Failed",
    [LOCAL_TERMINATING] = "Terminating",
};

static const struct local_kind kinds[] = {
    { "", "Namespace", ROLE_RECORD, NULL, true },
    { "", "ConfigMap", ROLE_CONFIG, NULL, false },
    { "", "Secret", ROLE_CONFIG, NULL, false },
    { "", "Service", ROLE_SERVICE, NULL, false },
    { "", "ServiceAccount", ROLE_RECORD, NULL, false },
    { "", "PersistentVolumeClaim", ROLE_CLAIM, NULL, false },
    { "", "Pod", ROLE_POD, NULL, false },
    { "apps", "Deployment", ROLE_DEPLOYMENT, NULL, false },
    { "apps", "StatefulSet", ROLE_STATEFUL, NULL, false },
    { "batch", "Job", ROLE_JOB, NULL, false },
    { "apps", "DaemonSet", ROLE_RECORD, "not built yet; a Deployment with replicas: 1 does the "
                                        "same on one machine", false },
    { "batch", "CronJob", ROLE_RECORD, "not built yet", false },
};

static const char *group_of(const char *api_version, char *into, size_t room)
{
    const char *slash = strchr(api_version, '/');

    snprintf(into, room, "%.*s", slash ? (int)(slash - api_version) : 0, api_version);
    return into;
}

const struct local_kind *local_kind_find(const char *api_version, const char *kind)
{
    char group[128];

    group_of(api_version, group, sizeof group);
    for (size_t i = 0; i < count_of(kinds); i++)
        if (!strcmp(kinds[i].group, group) && !strcmp(kinds[i].kind, kind))
            return &kinds[i];
    return NULL;
}

/* ---- Looking up ------------------------------------------------------------------ */

struct local_object *local_find(const struct cluster *cluster, const char *group,
                                const char *kind, const char *space, const char *name)
{
    scoped_mem char *key = mem_printf("%s/%s/%s/%s", group, kind, space, name);

    return map_get(cluster->objects, key);
}

struct local_object *local_workload_of(const struct local_pod *pod)
{
    return map_get(pod->cluster->objects, pod->workload);
}

void local_event(struct cluster *cluster, const struct local_object *object, const char *type,
                 const char *reason, const char *format, ...)
{
    char text[600];
    struct cluster_event event = { .type = type, .reason = reason, .message = text };
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!object || !cluster->options.on_event)
        return;
    event.owner = object->owner->name;
    event.api_version = object->api_version;
    event.kind = object->kind;
    event.space = object->space;
    event.name = object->name;
    cluster->options.on_event(cluster->options.arg, &event);
}

void local_wake(struct cluster *cluster)
{
    if (!cluster->closing)
        loop_timer_set(cluster->pass, 0);
}

void local_touch(struct local_object *object)
{
    object->dirty = true;
    object->owner->dirty = true;
    local_wake(object->cluster);
}

/* A ConfigMap or Secret has changed: files are updated, environments roll. */
void local_touch_space(struct cluster *cluster, const char *space)
{
    struct local_object *object;
    struct local_pod *pod;
    size_t at = 0;

    while ((object = map_next(cluster->objects, &at, NULL)))
        if (object->row && !strcmp(object->space, space) && object->row->role >= ROLE_DEPLOYMENT &&
            object->row->role <= ROLE_POD) {
            workload_read(object);
            local_touch(object);
        }
    at = 0;
    while ((pod = map_next(cluster->pods, &at, NULL)))
        if (!strcmp(pod->space, space) && !pod->terminating)
            pod_refresh_files(pod);
}

/* ---- Owners and objects in memory ----------------------------------------------------- */

static struct local_owner *owner_get(struct cluster *cluster, const char *name)
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

static void owner_free(struct local_owner *owner)
{
    map_remove(owner->cluster->owners, owner->name);
    mem_free(&owner->name);
    mem_free(&owner->kept);
    mem_free(&owner);
}

static void object_free(struct local_object *object)
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
    key = arena_printf(arena, "%s/%s/%s/%s", group_of(api_version, group, sizeof group), kind,
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

/* A full disk may have been emptied: what could not be kept is staged again. */
static void on_retry(void *arg)
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

static void local_apply(struct cluster *cluster, const struct cluster_set *set)
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

static void local_remove(struct cluster *cluster, const char *name)
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

/* ---- One pass ------------------------------------------------------------------------------ */

static bool is_workload(const struct local_object *object)
{
    return object->row && !object->row->refused && object->row->role >= ROLE_DEPLOYMENT &&
           object->row->role <= ROLE_POD;
}

/* The lowest phase in which something is not healthy yet. */
static int open_phase(const struct local_owner *owner)
{
    struct local_object *object;
    int lowest = INT32_MAX;
    size_t at = 0;

    while ((object = map_next(owner->cluster->objects, &at, NULL)))
        if (object->owner == owner && !object->removing && object->health != LOCAL_CURRENT &&
            object->phase < lowest)
            lowest = object->phase;
    return lowest;
}

static bool try_free(struct local_object *object)
{
    struct local_object *other;
    struct local_pod *pod = NULL;
    size_t at = 0;

    if (is_workload(object)) {
        if (workload_pods(object, &pod, 1))
            return false;
    } else {
        /* Reverse order: what workloads stand on goes after them. */
        while ((other = map_next(object->cluster->objects, &at, NULL)))
            if (other->owner == object->owner && other->removing && is_workload(other))
                return false;
    }
    if (object->done) {
        object->done = NULL;
        local_keep_state(object);
    }
    object_free(object);
    return true;
}

static void pass_object(struct local_object *object, int phase)
{
    bool waits = object->phase > phase;

    if (waits != object->waiting)
        object->dirty = true;
    object->waiting = waits;
    if (!object->dirty)
        return;
    object->dirty = false;
    if (is_workload(object) && object->owner->committed)
        workload_pass(object);
    workload_judge(object);
}

static void pass_owner(struct local_owner *owner)
{
    struct cluster *cluster = owner->cluster;
    int before = open_phase(owner);
    struct local_object *object;
    size_t at = 0;
    bool freed;

    while ((object = map_next(cluster->objects, &at, NULL)))
        if (object->owner == owner)
            pass_object(object, before);
    do {
        freed = false;
        at = 0;
        while ((object = map_next(cluster->objects, &at, NULL)))
            if (object->owner == owner && object->removing && owner->committed)
                freed |= try_free(object);
    } while (freed);
    if (open_phase(owner) != before) {
        owner->dirty = true;
        local_wake(cluster);
    }
}

static bool has_objects(const struct local_owner *owner)
{
    struct local_object *object;
    size_t at = 0;

    while ((object = map_next(owner->cluster->objects, &at, NULL)))
        if (object->owner == owner)
            return true;
    return false;
}

static void tell_change(struct local_owner *owner)
{
    struct cluster *cluster = owner->cluster;
    scoped_arena struct arena *arena = arena_new();
    scoped_text struct text out = { 0 };
    scoped_mem char *name = mem_copy_string(owner->name);
    struct node *report;
    uint64_t hash;

    if (owner->removing && owner->committed && !has_objects(owner)) {
        owner_free(owner);
    } else {
        report = report_owner(owner, arena);
        document_write_json(&out, report);
        hash = local_hash(0, out.bytes, out.len);
        if (hash == owner->told)
            return;
        owner->told = hash;
    }
    if (strcmp(name, ORPHANS) != 0 && cluster->options.on_change)
        cluster->options.on_change(cluster->options.arg, name);
}

/* By name: whoever is told of a change may apply and remove at once. */
static void on_pass(void *arg)
{
    struct cluster *cluster = arg;
    scoped_arena struct arena *arena = arena_new();
    struct node *names = node_list(arena);
    struct local_owner *owner;
    size_t at = 0;

    services_pass(cluster);
    while ((owner = map_next(cluster->owners, &at, NULL)))
        if (owner->dirty)
            node_add(arena, names, node_string(arena, owner->name));
    for (size_t i = 0; i < node_count(names); i++) {
        owner = map_get(cluster->owners, node_text(node_item(names, i)));
        if (!owner)
            continue;
        owner->dirty = false;
        pass_owner(owner);
        tell_change(owner);
    }
}

/* ---- Opening and closing -------------------------------------------------------------------- */

static void on_event(void *arg, const struct runtime_event *event)
{
    struct cluster *cluster = arg;

    if (!cluster->closing)
        pod_on_event(cluster, event);
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

static void load_row(void *arg, const char *name, const void *bytes, size_t len)
{
    if (text_starts(name, OWNER_ROW))
        load_owner(arg, name + strlen(OWNER_ROW), bytes, len);
}

/* After the owners: what is remembered of an object that is there. */
static void load_state(void *arg, const char *name, const void *bytes, size_t len)
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

static void take_over(struct cluster *cluster)
{
    scoped_arena struct arena *arena = arena_new();
    struct node *found = cluster->runtime_driver->observe(cluster->runtime, arena);
    struct local_object *object;
    struct local_pod *pod;
    size_t at = 0;

    for (size_t i = 0; i < node_count(found); i++)
        pod_adopt(cluster, node_item(found, i));
    while ((pod = map_next(cluster->pods, &at, NULL))) {
        if (!local_workload_of(pod))
            pod_end(pod); /* its work went while no agent looked */
        else
            pod_refresh_files(pod);
    }
    at = 0;
    while ((object = map_next(cluster->objects, &at, NULL)))
        local_touch(object);
}

static void local_close(struct cluster **cluster)
{
    struct cluster *c = *cluster;
    struct local_pod *pod;
    struct local_object *object;
    struct local_owner *owner;
    size_t at = 0;

    if (!c)
        return;
    c->closing = true;
    /* First, so that every question on its way is answered while we are here. */
    c->runtime_driver->close(&c->runtime);
    while ((pod = map_next(c->pods, &at, NULL)))
        pod_free(&pod);
    at = 0;
    while ((object = map_next(c->objects, &at, NULL)))
        object_free(object);
    at = 0;
    while ((owner = map_next(c->owners, &at, NULL)))
        owner_free(owner);
    services_free(&c->services);
    loop_timer_free(&c->pass);
    loop_timer_free(&c->retry);
    map_free(&c->pods);
    map_free(&c->objects);
    map_free(&c->owners);
    mem_free(cluster);
}

/* Without a mount namespace there is one /etc/hosts for all. */
static bool has_own_hosts(struct cluster *cluster)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *facts = cluster->runtime_driver->facts(cluster->runtime, arena);
    const struct node *names = node_get(facts, "namespaces");

    for (size_t i = 0; i < node_count(names); i++)
        if (!strcmp(node_text(node_item(names, i)), "mount"))
            return true;
    return loop_is_simulated(cluster->options.loop);
}

static int local_open(const struct cluster_options *options, struct cluster **ret, struct err *err)
{
    struct cluster *cluster = mem_alloc(sizeof *cluster);
    struct runtime_options runtime = options->runtime_options;

    cluster->driver = &cluster_local;
    cluster->options = *options;
    cluster->runtime_driver = options->runtime;
    runtime.loop = options->loop;
    runtime.on_event = on_event;
    runtime.arg = cluster;
    if (options->runtime->open(&runtime, &cluster->runtime, err) < 0) {
        mem_free(&cluster);
        return -1;
    }
    cluster->owners = map_new();
    cluster->objects = map_new();
    cluster->pods = map_new();
    cluster->services = services_new(cluster);
    cluster->names_in_env_only = !has_own_hosts(cluster);
    cluster->pass = loop_timer_new(options->loop, on_pass, cluster);
    cluster->retry = loop_timer_new(options->loop, on_retry, cluster);
    options->keep.each(options->keep.arg, load_row, cluster);
    options->keep.each(options->keep.arg, load_state, cluster);
    take_over(cluster);
    *ret = cluster;
    return 0;
}

/* ---- Questions ------------------------------------------------------------------------------- */

static struct node *local_report(struct cluster *cluster, struct arena *arena, const char *name)
{
    struct local_owner *owner = map_get(cluster->owners, name);

    return owner ? report_owner(owner, arena) : NULL;
}

static struct node *local_objects(struct cluster *cluster, struct arena *arena, const char *name)
{
    struct local_owner *owner = map_get(cluster->owners, name);

    return owner ? report_objects(owner, arena) : NULL;
}

static struct node *local_read(struct cluster *cluster, struct arena *arena,
                               const char *api_version, const char *kind, const char *space,
                               const char *name)
{
    const struct local_kind *row = local_kind_find(api_version, kind);
    struct local_object *object;
    struct local_pod *pod;
    char group[128];
    size_t at = 0;

    object = local_find(cluster, group_of(api_version, group, sizeof group), kind,
                        *space ? space : "default", name);
    while (!object && row && row->cluster_wide && (object = map_next(cluster->objects, &at, NULL)))
        if (object->row != row || strcmp(object->name, name) != 0)
            object = NULL;
        else
            break;
    if (object)
        return report_object(object, arena);
    at = 0;
    while (row && row->role == ROLE_POD && (pod = map_next(cluster->pods, &at, NULL)))
        if (!strcmp(pod->space, space) && !strcmp(pod->name, name))
            return report_pod_object(pod, arena);
    return NULL;
}

static struct node *local_owners(struct cluster *cluster, struct arena *arena)
{
    struct node *list = node_list(arena);
    struct local_owner *owner;
    size_t at = 0;

    while ((owner = map_next(cluster->owners, &at, NULL)))
        if (strcmp(owner->name, ORPHANS) != 0)
            node_add(arena, list, node_string(arena, owner->name));
    return list;
}

static struct node *local_facts(struct cluster *cluster, struct arena *arena)
{
    struct node *facts = node_map(arena);

    node_set_text(arena, facts, "cluster", "local");
    node_set(arena, facts, "runtime",
             cluster->runtime_driver->facts(cluster->runtime, arena));
    return facts;
}

static void local_sweep(struct cluster *cluster)
{
    struct local_object *object;
    struct local_pod *pod;
    size_t at = 0;

    while ((pod = map_next(cluster->pods, &at, NULL)))
        if (!pod->terminating)
            pod_refresh_files(pod);
    at = 0;
    while ((object = map_next(cluster->objects, &at, NULL)))
        local_touch(object);
    services_touch(cluster);
}

const struct cluster_driver cluster_local = {
    .name = "local",
    .open = local_open,
    .close = local_close,
    .apply = local_apply,
    .remove = local_remove,
    .report = local_report,
    .objects = local_objects,
    .read = local_read,
    .owners = local_owners,
    .facts = local_facts,
    .sweep = local_sweep,
};
