/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps DefinitionRevisions as long as something is made from them, and no longer. */
#include "controllers/revision.h"
#include "controllers/table.h"

#include "meta/meta.h"

#include <string.h>

/* ---- Who uses one ------------------------------------------------------------------ */

struct wanted {
    enum kind_id kind;
    const char *namespace, *name, *revision;
};

static bool names_revision(const struct node *reference, const struct wanted *wanted)
{
    return !strcmp(node_get_text(reference, "name"), wanted->name) &&
           !strcmp(node_get_text(reference, "revision"), wanted->revision);
}

/* A list that a snapshot has of others: a bundle's profiles, a profile's definitions. */
static bool list_names_it(const struct node *list, const struct wanted *wanted)
{
    for (size_t i = 0; i < node_count(list); i++) {
        const struct node *row = node_item(list, i);
        const char *kind = node_get_text(row, "kind"), *namespace = node_get_text(row, "namespace");

        if (names_revision(row, wanted) &&
            (!*kind || !strcmp(kind, kind_id_rows[wanted->kind].kind)) &&
            (!*namespace || !strcmp(namespace, wanted->namespace)))
            return true;
    }
    return false;
}

/* By the spec of an object of this kind: a pin, or what a deployment is made from. */
static bool is_named_by(struct reconcile_run *run, enum kind_id by, const char *field,
                        const struct wanted *wanted)
{
    const struct node *all = reconcile_list(run, by, wanted->namespace, NULL, wanted->name);

    for (size_t i = 0; i < node_count(all); i++)
        if (names_revision(node_at(node_item(all, i), "spec", field, NULL), wanted))
            return true;
    return false;
}

/* By another revision: pinning a bundle pins its profiles, and those their definitions. */
static bool is_in_a_revision(struct reconcile_run *run, enum kind_id of, const char *field,
                             const struct wanted *wanted)
{
    bool tenant = !strncmp(wanted->namespace, "tenant-", strlen("tenant-"));
    const struct node *all = reconcile_list(run, KIND_ID_REVISION,
                                            tenant ? NULL : wanted->namespace, NULL, wanted->name);

    for (size_t i = 0; i < node_count(all); i++) {
        const struct node *spec = node_get(node_item(all, i), "spec");

        if (!strcmp(node_get_text(spec, "kind"), kind_id_rows[of].kind) &&
            list_names_it(node_at(spec, "snapshot", field, NULL), wanted))
            return true;
    }
    return false;
}

static bool is_revision_used(struct reconcile_run *run, const struct wanted *wanted)
{
    switch (wanted->kind) {
    case KIND_ID_BUNDLE:
        return is_named_by(run, KIND_ID_AIWORKLOAD, "profileBundleRef", wanted) ||
               is_named_by(run, KIND_ID_DEPLOYMENT, "profileBundleRef", wanted);
    case KIND_ID_PROFILE:
        return is_named_by(run, KIND_ID_DEPLOYMENT, "workloadProfileRef", wanted) ||
               is_in_a_revision(run, KIND_ID_BUNDLE, "workloadProfileRefs", wanted);
    default:
        return is_in_a_revision(run, KIND_ID_PROFILE, "definitions", wanted);
    }
}

/* ---- The controller ------------------------------------------------------------------ */

/* One of the newest of an object that is there. */
static bool is_recent(struct reconcile_run *run, const struct wanted *wanted)
{
    const struct node *object = reconcile_read(run, wanted->kind, wanted->namespace, wanted->name);
    int64_t latest = revision_number(node_get_text(node_get(object, "status"), "latestRevision"));

    return object && (!latest || revision_number(wanted->revision) > latest - REVISIONS_KEPT);
}

/* Those of before 0.2 belonged to what they are of, and would be collected with it. */
static int remove_owner(struct reconcile_run *run, const struct seen *revision, struct err *err)
{
    struct node *patch = node_map(run->arena);

    if (!node_at(revision->node, "metadata", "ownerReferences", NULL))
        return 0;
    node_set(run->arena, node_make(run->arena, patch, "metadata"), "ownerReferences",
             node_null(run->arena));
    return reconcile_patch(run, revision, patch, err);
}

static int reconcile_retention(struct reconcile_run *run, struct err *err)
{
    struct wanted wanted = {.namespace = run->namespace};
    const struct node *spec;
    struct seen revision;

    if (!reconcile_get(run, KIND_ID_REVISION, run->namespace, run->name, &revision) ||
        meta_is_deleting(revision.node))
        return 0;
    spec = node_get(revision.node, "spec");
    wanted.kind = revision_kind(node_get_text(spec, "kind"));
    wanted.name = node_get_text(spec, "name");
    wanted.revision =
        arena_printf(run->arena, "v%lld", (long long)node_get_int(spec, "revision", 0));
    /* One that a person made is not the hub's to remove. */
    if (wanted.kind == KIND_ID_COUNT || !*meta_label(revision.node, META_LABEL_DEFINITION))
        return 0;
    if (remove_owner(run, &revision, err) < 0)
        return -1;
    if (is_recent(run, &wanted) || is_revision_used(run, &wanted))
        return 0;
    return reconcile_remove(run, KIND_ID_REVISION, run->namespace, run->name, err);
}

/* ---- Before it is deleted by hand ------------------------------------------------------ */

int retention_before(void *arg, const struct objects_review *review, struct err *err)
{
    struct controllers *all = arg;
    const struct node *spec = node_get(review->before, "spec");
    struct reconcile_run run = {.all = all,
                                .objects = all->objects,
                                .arena = review->arena,
                                .namespace = review->namespace,
                                .name = review->name};
    struct wanted wanted = {
        .kind = revision_kind(node_get_text(spec, "kind")),
        .namespace = review->namespace,
        .name = node_get_text(spec, "name"),
        .revision =
            arena_printf(review->arena, "v%lld", (long long)node_get_int(spec, "revision", 0)),
    };

    if (review->after || review->who->trusted || wanted.kind == KIND_ID_COUNT ||
        !*meta_label(review->before, META_LABEL_DEFINITION) || !is_revision_used(&run, &wanted))
        return 0;
    return err_set(
        err, ERR_FORBIDDEN,
        "definitionrevisions \"%s\" is forbidden: %s of the %s "
        "\"%s\" is used: an AIWorkload pins it, a WorkloadDeployment is made from it, or "
        "another revision names it. It is deleted when it is no longer used",
        review->name, wanted.revision, node_get_text(spec, "kind"), wanted.name);
}

/* ---- What wakes it -------------------------------------------------------------------- */

static void wake_one(struct controllers *all, const struct controller *to, struct arena *arena,
                     enum kind_id kind, const char *namespace, const struct node *reference)
{
    const char *name = node_get_text(reference, "name");
    const char *revision = node_get_text(reference, "revision");

    if (*name && *revision)
        controllers_wake(all, to, namespace, revision_object_name(arena, kind, name, revision));
}

/* What another revision that goes has named. */
static void wake_named(struct controllers *all, const struct controller *to,
                       const struct object *gone)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *snapshot = node_at(object_read(arena, gone), "spec", "snapshot", NULL);
    const struct node *profiles = node_get(snapshot, "workloadProfileRefs");
    const struct node *definitions = node_get(snapshot, "definitions");

    for (size_t i = 0; i < node_count(profiles); i++)
        wake_one(all, to, arena, KIND_ID_PROFILE, gone->namespace, node_item(profiles, i));
    for (size_t i = 0; i < node_count(definitions); i++) {
        const struct node *row = node_item(definitions, i);
        enum kind_id kind = revision_kind(node_get_text(row, "kind"));

        if (kind != KIND_ID_COUNT)
            wake_one(all, to, arena, kind, node_get_text(row, "namespace"), row);
    }
}

static void map_revision_to_retention(struct controllers *all, const struct controller *to,
                                      const struct object *before, const struct object *after)
{
    if (after)
        controllers_wake(all, to, after->namespace, after->name);
    else
        wake_named(all, to, before);
}

/* A pin that was taken away, or a deployment that is made from another one now. */
static void map_user_to_revisions(struct controllers *all, const struct controller *to,
                                  const struct object *before, const struct object *after)
{
    static const struct {
        const char *field;
        enum kind_id kind;
    } fields[] = {{"profileBundleRef", KIND_ID_BUNDLE}, {"workloadProfileRef", KIND_ID_PROFILE}};
    scoped_arena struct arena *arena = arena_new();
    const struct node *was = before ? node_get(object_read(arena, before), "spec") : NULL;
    const struct node *is = was && after ? node_get(object_read(arena, after), "spec") : NULL;

    for (size_t i = 0; was && i < count_of(fields); i++) {
        const struct node *old = node_get(was, fields[i].field);
        const struct node *now = node_get(is, fields[i].field);

        if (old && (!now || !node_same(old, now)))
            wake_one(all, to, arena, fields[i].kind, before->namespace, old);
    }
}

struct waking {
    struct controllers *all;
    const struct controller *to;
    struct arena *arena;
    const char *label;
};

static void wake_if_of(void *arg, const struct object *revision)
{
    struct waking *waking = arg;

    if (memmem(revision->body, revision->len, waking->label, strlen(waking->label)))
        controllers_wake(waking->all, waking->to, revision->namespace, revision->name);
}

/* What they are of is gone, or has a newer revision, so that the oldest may go. */
static void map_definition_to_retention(struct controllers *all, const struct controller *to,
                                        const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = arena_new();
    const struct object *any = after ? after : before;
    struct waking waking = {.all = all, .to = to, .arena = arena};
    const struct node *was = before ? node_get(object_read(arena, before), "status") : NULL;
    const struct node *is = after ? node_get(object_read(arena, after), "status") : NULL;

    if (!before || (after && !strcmp(node_get_text(was, "latestRevision"),
                                     node_get_text(is, "latestRevision"))))
        return;
    waking.label = revision_object_label(arena, revision_kind(any->kind->kind), any->name);
    objects_each(all->objects, OBJECTS_STAGED, all->kinds[KIND_ID_REVISION], any->namespace,
                 wake_if_of, &waking);
}

const struct controller controller_retention = {
    .name = "retention",
    .run = reconcile_retention,
    .about = KIND_ID_REVISION, /* it has no conditions */
    .sources = {{KIND_ID_REVISION, map_revision_to_retention},
                {KIND_ID_PROFILE, map_definition_to_retention},
                {KIND_ID_BUNDLE, map_definition_to_retention},
                {KIND_ID_COMPONENT, map_definition_to_retention},
                {KIND_ID_TRAIT, map_definition_to_retention},
                {KIND_ID_AIWORKLOAD, map_user_to_revisions},
                {KIND_ID_DEPLOYMENT, map_user_to_revisions}},
    .source_count = 7,
};
