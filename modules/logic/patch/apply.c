/* SPDX-License-Identifier: Apache-2.0 */
/* Applies configurations and tracks who owns which field of an object. */
#include "patch/internal.h"

#include "meta/meta.h"

#include <stdlib.h>
#include <string.h>

/* One write: who writes, who owned which field before, and the conflicts found. */
struct write {
    struct arena *arena;
    const struct patch_writer *writer;
    const struct schema *schema;
    struct managed managed;
    struct field_set *conflicts; /* of all others together */
    struct node *causes;
    struct text said;
    size_t count;
    const struct managed_entry *other; /* whose conflicts are being reported */
};

/* Fields without an owner, because the server sets them. As upstream, `metadata`
   itself is one of them, but not what is below it. */
static const char *const server_fields[] = {
    "metadata.name",
    "metadata.namespace",
    "metadata.creationTimestamp",
    "metadata.selfLink",
    "metadata.uid",
    "metadata.clusterName",
    "metadata.generation",
    "metadata.managedFields",
    "metadata.resourceVersion",
    "metadata",
    "apiVersion",
    "kind",
};

/* Removes what a manager must not own: the server's fields, and those that this
   endpoint resets. */
static struct field_set *strip_reset_fields(struct write *w, struct field_set *set)
{
    const char *const *reset = w->writer->reset;

    for (size_t i = 0; i < count_of(server_fields); i++)
        set = field_set_without(w->arena, set, server_fields[i], false);
    for (; reset && *reset; reset++)
        set = field_set_without(w->arena, set, *reset, true);
    return set;
}

static struct field_set *apply_changed_fields(struct write *w, const struct typed_change *change)
{
    struct field_set *set = field_set_union(w->arena, change->modified, change->added);
    const char *const *reset = w->writer->reset;

    for (; reset && *reset; reset++)
        set = field_set_without(w->arena, set, *reset, true);
    return set;
}

/* Removes changed and removed fields from the sets of all managers but `self`. */
static void take_from_others(struct write *w, const char *self, const struct typed_change *change)
{
    struct field_set *new = apply_changed_fields(w, change);

    for (size_t i = 0; i < w->managed.count; i++) {
        struct managed_entry *entry = &w->managed.entries[i];

        if (!strcmp(entry->id, self))
            continue;
        entry->set = field_set_difference(w->arena, entry->set,
                                          field_set_intersection(w->arena, entry->set, new));
        entry->set = field_set_difference(w->arena, entry->set, change->removed);
    }
}

/* ---- Conflicts ---------------------------------------------------------- */

static void print_manager(struct text *out, const struct managed_entry *entry)
{
    text_addf(out, "\"%s\"", entry->manager);
    if (*entry->subresource)
        text_addf(out, " with subresource \"%s\"", entry->subresource);
    if (!entry->applied)
        text_addf(out, " using %s", entry->api_version);
}

static void add_conflict(void *arg, const char *path)
{
    struct write *w = arg;
    scoped_text struct text message = {0};
    struct node *cause = node_map(w->arena);

    text_add(&message, "conflict with ");
    print_manager(&message, w->other);
    node_set_text(w->arena, cause, "reason", "FieldManagerConflict");
    node_set_text(w->arena, cause, "message", text_string(&message));
    node_set_text(w->arena, cause, "field", path);
    if (w->causes)
        node_add(w->arena, w->causes, cause);
    text_addf(&w->said, "\n- %s", path);
    w->count++;
}

/* Conflicts are reported in the order of the managers' ids, as upstream. */
static int compare_ids(const void *a, const void *b)
{
    return strcmp((*(struct managed_entry *const *)a)->id, (*(struct managed_entry *const *)b)->id);
}

static struct field_set *conflicts_with(struct write *w, const char *self,
                                        const struct managed_entry *entry, struct field_set *new)
{
    if (!strcmp(entry->id, self))
        return NULL;
    return field_set_intersection(w->arena, entry->set, new);
}

static void collect_conflicts(struct write *w, const char *self, struct field_set *new)
{
    size_t count = w->managed.count;
    struct managed_entry **order = arena_alloc(w->arena, (count + 1) * sizeof *order);
    scoped_text struct text path = {0};

    for (size_t i = 0; i < count; i++)
        order[i] = &w->managed.entries[i];
    qsort(order, count, sizeof *order, compare_ids);
    for (size_t i = 0; i < count; i++) {
        struct field_set *set = conflicts_with(w, self, order[i], new);

        if (field_set_empty(set))
            continue;
        w->other = order[i];
        text_addf(&w->said, "%sconflicts with ", w->said.len ? "\n" : "");
        print_manager(&w->said, w->other);
        text_add_char(&w->said, ':');
        field_set_each(set, &path, add_conflict, w);
        w->conflicts = field_set_union(w->arena, w->conflicts, set);
    }
}

/* kube-apiserver has one sentence for a single conflict and another for several. */
static void set_conflict(struct write *w, struct err *err)
{
    if (w->count == 1) {
        const char *path = strstr(text_string(&w->said), ":\n- ");
        scoped_text struct text who = {0};

        print_manager(&who, w->other);
        err_set(err, ERR_CONFLICT, "Apply failed with 1 conflict: conflict with %s: %s",
                text_string(&who), path ? path + strlen(":\n- ") : "");
        return;
    }
    err_set(err, ERR_CONFLICT, "Apply failed with %zu conflicts: %s", w->count,
            text_string(&w->said));
}

/* ---- Tracking ----------------------------------------------------------- */

/* Brings ownership up to date after `manager` changed `live` to `next` by an update. */
static void track_update(struct write *w, const char *manager, const struct node *live,
                         const struct node *next)
{
    struct managed_entry self = managed_entry_make(w->arena, w->writer, manager, false);
    struct typed_change change = typed_compare(w->arena, w->schema, live, next);
    struct managed_entry *before;

    /* The manager's own earlier entry loses the fields too: it is joined with the
       new set below. */
    take_from_others(w, "", &change);
    self.set = strip_reset_fields(
        w, field_set_difference(w->arena, apply_changed_fields(w, &change), change.removed));
    managed_drop_empty(&w->managed);
    if (field_set_empty(self.set))
        return;
    before = managed_find(&w->managed, self.id);
    if (before)
        self.set = field_set_union(w->arena, self.set, before->set);
    managed_put(w->arena, &w->managed, &self);
}

/* A client resets all ownership by writing managedFields as [{}]. */
static bool is_reset(const struct node *list)
{
    return node_count(list) == 1 && !node_count(node_item(list, 0));
}

/* The list in the request counts, unless it is empty or invalid. A subresource
   cannot change metadata. */
static void read_managed(struct write *w, const struct node *live, const struct node *next)
{
    const struct node *said = node_at(next, "metadata", "managedFields", NULL);
    bool subresource = w->writer->subresource && *w->writer->subresource;

    if (!subresource && node_count(said)) {
        if (is_reset(said))
            return;
        managed_read(w->arena, next, &w->managed);
        if (w->managed.count)
            return;
    }
    managed_read(w->arena, live, &w->managed);
}

struct node *patch_track(struct arena *arena, const struct patch_writer *writer,
                         const struct node *live, const struct node *next)
{
    struct write w = {.arena = arena, .writer = writer, .schema = writer->schema};
    struct node *before = managed_without(arena, live);
    struct node *after = managed_without(arena, next);
    scoped_text struct text why = {0};

    read_managed(&w, live, next);
    /* An object without managedFields gets none before its first apply, as upstream. */
    if (!w.managed.count && live)
        return after;
    if (typed_check(arena, w.schema, before, false, &why) &&
        typed_check(arena, w.schema, after, false, &why)) {
        track_update(&w, writer->manager, before, after);
        managed_cap(arena, &w.managed);
    }
    managed_write(arena, &w.managed, after);
    return after;
}

/* ---- Applying ----------------------------------------------------------- */

/*
 * Restores fields that were cut although another manager owns them, and fields
 * that the applier did not own before (upstream: addBackOwnedItems,
 * addBackDanglingItems).
 */
static struct node *add_back(struct write *w, const struct node *merged, struct node *cut,
                             struct field_set *last, struct node *hole)
{
    struct field_set *all = typed_fields(w->arena, w->schema, merged);
    struct field_set *kept = typed_fields(w->arena, w->schema, cut);
    struct field_set *owned = NULL;

    for (size_t i = 0; i < w->managed.count; i++)
        owned = field_set_union(w->arena, owned, w->managed.entries[i].set);
    all = field_set_with_named(w->arena, all, w->schema);
    kept = field_set_with_named(w->arena, kept, w->schema);
    owned = field_set_with_named(w->arena, owned, w->schema);
    cut = typed_remove(w->arena, w->schema, merged,
                       field_set_difference(w->arena, all, field_set_union(w->arena, kept, owned)),
                       hole);
    kept = field_set_with_named(w->arena, typed_fields(w->arena, w->schema, cut), w->schema);
    return typed_remove(
        w->arena, w->schema, merged,
        field_set_intersection(w->arena, field_set_difference(w->arena, all, kept), last), hole);
}

/* Removes the holes that cutting has left. Unchanged parts are shared, not copied. */
static struct node *without_holes(struct arena *arena, struct node *node, const struct node *hole)
{
    bool changed_one = false;
    struct node *copy;

    if (node->type != NODE_MAP && node->type != NODE_LIST)
        return node;
    copy = node->type == NODE_MAP ? node_map(arena) : node_list(arena);
    for (size_t i = 0; i < node->len; i++) {
        struct node *old = node->type == NODE_MAP ? node->members[i].value : node->items[i];
        struct node *new = old == hole ? NULL : without_holes(arena, old, hole);

        changed_one |= new != old;
        if (new && node->type == NODE_MAP)
            node_set(arena, copy, node->members[i].key, new);
        else if (new)
            node_add(arena, copy, new);
    }
    return changed_one ? copy : node;
}

/*
 * Removes what the applier owned before, does not send any more, and no other
 * manager owns. A map or list that becomes empty is a hole, a null: while changes
 * are compared its owner keeps it that way; without_holes() removes it
 * afterwards.
 */
static struct node *prune_removed_fields(struct write *w, struct node *merged,
                                         struct field_set *last, struct node *hole)
{
    struct node *cut;

    if (field_set_empty(last))
        return merged;
    last = field_set_with_named(w->arena, last, w->schema);
    cut = typed_remove(w->arena, w->schema, merged, last, hole);
    cut = add_back(w, merged, cut, last, hole);
    return cut == hole ? node_map(w->arena) : cut;
}

static int check_config(struct write *w, const struct node *live, const struct node *config,
                        struct err *err)
{
    const char *version = node_get_text(config, "apiVersion");
    const char *slash = strrchr(version, '/');
    const struct node *metadata = node_get(config, "metadata");
    scoped_text struct text why = {0};

    if (node_get(metadata, "managedFields"))
        return err_set(err, ERR_BAD_REQUEST, "metadata.managedFields must be nil");
    if (*version && strcmp(version, w->writer->api_version) != 0)
        return err_set(err, ERR_BAD_REQUEST,
                       "Incorrect version specified in apply patch. Specified "
                       "patch version: %s, expected: %s",
                       version, w->writer->api_version);
    if (!typed_check(w->arena, w->schema, config, true, &why))
        return err_set(err, ERR_INTERNAL,
                       "failed to create typed patch object (%s/%s; %.*s/%s, "
                       "Kind=%s): %s",
                       node_get_text(metadata, "namespace"), node_get_text(metadata, "name"),
                       slash ? (int)(slash - version) : 0, version, slash ? slash + 1 : version,
                       node_get_text(config, "kind"), text_string(&why));
    if (!typed_check(w->arena, w->schema, live, false, &why))
        return err_set(err, ERR_INTERNAL, "failed to create typed live object: %s",
                       text_string(&why));
    return 0;
}

/* The fields of kubectl's last client-side apply (it is an annotation) that have
   not changed since. */
static struct field_set *last_applied(struct write *w, const struct node *live)
{
    const struct node *annotations = node_at(live, "metadata", "annotations", NULL);
    const char *text = node_get_text(annotations, META_ANNOTATION_LAST_APPLIED);
    struct typed_change change;
    struct node *applied;

    applied =
        *text ? document_read_json(w->arena, text, strlen(text), &document_limits_api, NULL) : NULL;
    if (!node_is(applied, NODE_MAP))
        return NULL;
    change = typed_compare(w->arena, w->schema, applied, live);
    return field_set_difference(
        w->arena,
        field_set_difference(w->arena, typed_fields(w->arena, w->schema, applied), change.modified),
        change.removed);
}

/* A user may change from kubectl's client-side to its server-side apply: fields
   that the former set are no conflict. */
static bool may_take_over(struct write *w, const struct node *live)
{
    if (strcmp(w->writer->manager, "kubectl") != 0)
        return false;
    return field_set_empty(field_set_difference(w->arena, w->conflicts, last_applied(w, live)));
}

/* Keeps kubectl's annotation current, so that its client-side apply can be used again. */
static void update_last_applied(struct write *w, struct node *object, const struct node *config)
{
    struct node *metadata = node_get(object, "metadata");
    struct node *annotations = node_get(metadata, "annotations");
    struct node *copy;

    if (strcmp(w->writer->manager, "kubectl") != 0 ||
        !node_get(annotations, META_ANNOTATION_LAST_APPLIED))
        return;
    copy = managed_without(w->arena, config);
    annotations = node_share(w->arena, annotations);
    node_set_text(w->arena, annotations, META_ANNOTATION_LAST_APPLIED,
                  arena_printf(w->arena, "%s\n", document_json(w->arena, copy)));
    node_set(w->arena, metadata, "annotations", annotations);
}

/* An apply that changes nothing keeps the old time, so that it causes no write. */
static const char *entry_time(const struct managed_entry *old, const struct managed_entry *new,
                              bool unchanged)
{
    return unchanged && old && *old->time ? old->time : new->time;
}

/*
 * The order matters: conflicts are compared with the sets from before this apply,
 * and holes are removed only after that comparison. Fields of an object without
 * managedFields belong to the manager "before-first-apply", as upstream.
 */
struct node *patch_apply(struct arena *arena, const struct patch_writer *writer,
                         const struct node *live, const struct node *config, struct node *causes,
                         struct err *err)
{
    struct write w = {.arena = arena, .writer = writer, .schema = writer->schema, .causes = causes};
    struct node *before = managed_without(arena, live), *merged;
    struct node *hole = node_null(arena);
    struct managed_entry self = managed_entry_make(arena, writer, writer->manager, true);
    struct managed_entry old = {0};
    struct typed_change change;

    if (check_config(&w, before, config, err) < 0)
        return NULL;
    managed_read(arena, live, &w.managed);
    if (live && !w.managed.count)
        track_update(&w, "before-first-apply", node_map(arena), before);
    if (managed_find(&w.managed, self.id))
        old = *managed_find(&w.managed, self.id);

    merged = typed_merge(arena, w.schema, before, config);
    self.set = typed_fields(arena, w.schema, config);
    for (const char *const *reset = writer->reset; reset && *reset; reset++)
        self.set = field_set_without(arena, self.set, *reset, true);
    managed_put(arena, &w.managed, &self);
    merged = prune_removed_fields(&w, merged, old.set, hole);
    change = typed_compare(arena, w.schema, before, merged);

    if (!writer->force) {
        collect_conflicts(&w, self.id, apply_changed_fields(&w, &change));
        if (w.count && !may_take_over(&w, before))
            set_conflict(&w, err);
        text_free(&w.said);
        if (w.count && !may_take_over(&w, before))
            return NULL;
    }
    merged = without_holes(arena, merged, hole);
    take_from_others(&w, self.id, &change);
    self.set = strip_reset_fields(&w, self.set);
    self.time = entry_time(old.id ? &old : NULL, &self, node_same(before, merged));
    managed_put(arena, &w.managed, &self);
    managed_cap(arena, &w.managed);
    merged = managed_without(arena, merged);
    update_last_applied(&w, merged, config);
    managed_write(arena, &w.managed, merged);
    return merged;
}

struct node *patch_extract(struct arena *arena, const struct schema *schema,
                           const struct node *object, const char *manager, const char *operation,
                           const char *subresource)
{
    struct managed managed;

    managed_read(arena, object, &managed);
    for (size_t i = 0; i < managed.count; i++) {
        struct managed_entry *entry = &managed.entries[i];

        if (!strcmp(entry->manager, manager) && !strcmp(entry->operation, operation) &&
            !strcmp(entry->subresource, subresource ? subresource : ""))
            return typed_extract(arena, schema, object, entry->set);
    }
    return NULL;
}
