/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps an immutable snapshot of each profile, bundle and definition at every change. */
#include "controllers/revision.h"
#include "controllers/table.h"

#include "base/text.h"
#include "controllers/numbers.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "render/render.h"

#include <stdlib.h>
#include <string.h>

/* What there are revisions of, and how their names begin. */
static const struct {
    enum kind_id kind;
    const char *prefix;
} revisioned[] = {
    {KIND_ID_PROFILE, "wp"},
    {KIND_ID_BUNDLE, "pb"},
    {KIND_ID_COMPONENT, "cd"},
    {KIND_ID_TRAIT, "td"},
};

static const char *prefix_of(enum kind_id kind)
{
    size_t i = 0;

    while (revisioned[i].kind != kind)
        i++;
    return revisioned[i].prefix;
}

enum kind_id revision_kind(const char *kind)
{
    for (size_t i = 0; i < count_of(revisioned); i++)
        if (!strcmp(kind_id_rows[revisioned[i].kind].kind, kind))
            return revisioned[i].kind;
    return KIND_ID_COUNT;
}

/* A name of its own for each object and number, at most 253 letters. */
char *revision_object_name(struct arena *arena, enum kind_id kind, const char *name,
                           const char *revision)
{
    return render_name(arena, prefix_of(kind), arena_printf(arena, "%s-%s", name, revision), 253);
}

char *revision_object_label(struct arena *arena, enum kind_id kind, const char *name)
{
    return render_label(arena, arena_printf(arena, "%s.%s", prefix_of(kind), name));
}

int64_t revision_number(const char *revision)
{
    return *revision == 'v' ? strtoll(revision + 1, NULL, 10) : 0;
}

static char *revision_text(struct arena *arena, int64_t number)
{
    return arena_printf(arena, "v%lld", (long long)number);
}

static char *hash_snapshot(struct arena *arena, const struct node *snapshot)
{
    scoped_text struct text bytes = {0}, hex = {0};
    unsigned char sum[PKI_SHA256];

    document_write_canonical(&bytes, snapshot);
    pki_sha256(bytes.bytes, bytes.len, sum);
    text_add_hex(&hex, sum, sizeof sum);
    return arena_string(arena, text_string(&hex));
}

/* The newest of an object's revisions, or NULL. */
static const struct node *find_newest(struct reconcile_run *run, enum kind_id kind)
{
    const struct node *all =
        reconcile_list(run, KIND_ID_REVISION, run->namespace, META_LABEL_DEFINITION,
                       revision_object_label(run->arena, kind, run->name));
    const struct node *best = NULL;

    for (size_t i = 0; i < node_count(all); i++) {
        const struct node *one = node_item(all, i), *spec = node_get(one, "spec");

        /* A long label is cut and hashed; the spec says the name whole. */
        if (strcmp(node_get_text(spec, "name"), run->name) ||
            strcmp(node_get_text(spec, "kind"), kind_id_rows[kind].kind))
            continue;
        if (!best || node_get_int(node_get(one, "spec"), "revision", 0) >
                         node_get_int(node_get(best, "spec"), "revision", 0))
            best = one;
    }
    return best;
}

/* It has no owner: it is kept as long as it is used (retention.c). */
static int make_revision(struct reconcile_run *run, enum kind_id kind, int64_t number,
                         const struct node *snapshot, const char *hash, struct err *err)
{
    struct arena *arena = run->arena;
    struct node *wanted, *spec;

    wanted =
        reconcile_new(run, KIND_ID_REVISION, run->namespace,
                      revision_object_name(arena, kind, run->name, revision_text(arena, number)));
    meta_set_label(arena, wanted, META_LABEL_DEFINITION,
                   revision_object_label(arena, kind, run->name));
    spec = node_make(arena, wanted, "spec");
    node_set_text(arena, spec, "kind", kind_id_rows[kind].kind);
    node_set_text(arena, spec, "name", run->name);
    node_set_int(arena, spec, "revision", number);
    node_set_text(arena, spec, "hash", hash);
    node_set(arena, spec, "snapshot", node_copy(arena, snapshot));
    return reconcile_ensure(run, wanted, NULL, err);
}

/* A definition that cannot be read renders nothing, whoever uses it. */
static const char *trouble_of(struct reconcile_run *run, const struct seen *definition)
{
    const char *kind = node_get_text(definition->node, "kind");

    if (strcmp(kind, kind_id_rows[KIND_ID_COMPONENT].kind) != 0 &&
        strcmp(kind, kind_id_rows[KIND_ID_TRAIT].kind) != 0)
        return NULL;
    return render_definition_trouble(run->arena, run->name, node_get(definition->node, "spec"));
}

/* Without a number it waits for what `message` says; with one that is a remark. */
static int write_definition_status(struct reconcile_run *run, const struct seen *definition,
                                   int64_t number, const char *message, struct err *err)
{
    struct arena *arena = run->arena;
    struct node *status = meta_copy_status(arena, definition->node);
    const char *broken = trouble_of(run, definition);

    if (number)
        node_set_text(arena, status, "latestRevision", revision_text(arena, number));
    node_set_text(arena, status, "phase", broken ? "Failed" : number ? "Ready" : "Pending");
    if (broken || *message)
        node_set_text(arena, status, "message", broken ? broken : message);
    else
        node_remove(status, "message");
    if (broken &&
        strcmp(node_get_text(node_get(definition->node, "status"), "message"), broken) != 0)
        reconcile_event(run, definition, true, "DefinitionBroken", "%s", broken);
    if (number)
        node_set_int(arena, status, "observedGeneration", meta_generation(definition->node));
    return reconcile_status(run, definition, status, NULL, err);
}

/* A number that was never given, and whose object's name is free. */
static int64_t next_number(struct reconcile_run *run, enum kind_id kind, int64_t last)
{
    do
        last++;
    while (reconcile_read(
        run, KIND_ID_REVISION, run->namespace,
        revision_object_name(run->arena, kind, run->name, revision_text(run->arena, last))));
    return last;
}

/* Gives the number, so that none comes again. */
static void note_number(struct reconcile_run *run, enum kind_id kind, int64_t number,
                        const char *hash)
{
    if (numbers_write(run, kind, run->name, number, hash))
        controllers_wake(run->all, &controller_sweep, "", "registry");
}

/*
 * The revision that this content is. The newest one if that says the same; the
 * last that was given if that said the same and its object is gone; else a new one.
 */
static int keep_revision(struct reconcile_run *run, enum kind_id kind,
                         const struct seen *definition, const struct node *snapshot,
                         const char *message, struct err *err)
{
    const struct node *last = node_get(find_newest(run, kind), "spec");
    struct number given = numbers_read(run, kind, run->name);
    int64_t number = node_get_int(last, "revision", 0);
    char *hash = hash_snapshot(run->arena, snapshot);

    if (number >= given.last && !strcmp(node_get_text(last, "hash"), hash)) {
        if (number > given.last)
            note_number(run, kind, number, hash);
        return write_definition_status(run, definition, number, message, err);
    }
    if (number < given.last && !strcmp(given.hash, hash))
        number = given.last;
    else
        number = next_number(run, kind, number > given.last ? number : given.last);
    if (make_revision(run, kind, number, snapshot, hash, err) < 0)
        return -1;
    note_number(run, kind, number, hash);
    reconcile_event(run, definition, false, "RevisionCreated", "this is revision v%lld",
                    (long long)number);
    return write_definition_status(run, definition, number, message, err);
}

static int reconcile_definition(struct reconcile_run *run, enum kind_id kind, struct err *err)
{
    struct seen definition;

    if (!reconcile_get(run, kind, run->namespace, run->name, &definition) ||
        meta_is_deleting(definition.node))
        return 0;
    return keep_revision(run, kind, &definition, node_get(definition.node, "spec"), "", err);
}

static int reconcile_component(struct reconcile_run *run, struct err *err)
{
    return reconcile_definition(run, KIND_ID_COMPONENT, err);
}

static int reconcile_trait(struct reconcile_run *run, struct err *err)
{
    return reconcile_definition(run, KIND_ID_TRAIT, err);
}

/* ---- Profiles ------------------------------------------------------------------------- */

/* What a profile's snapshot is made of, while it is made. */
struct profile {
    struct reconcile_run *run;
    const struct node *spec;
    const char *tenant;      /* its namespace, or "" */
    const struct node *last; /* definitions of the newest revision, if that is of this spec */
    struct node *named;      /* [{kind, name, namespace, revision}] */
    const char *gone, *wait; /* for a person; "" */
};

static const struct node *find_named(const struct node *list, const char *kind, const char *name)
{
    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "kind"), kind) &&
            !strcmp(node_get_text(node_item(list, i), "name"), name))
            return node_item(list, i);
    return NULL;
}

/* A type is the project's own definition, its tenant's, or a built-in one. One that has
   been deleted since stays what it was, until the profile itself is changed. */
static void name_definition(struct profile *p, enum kind_id kind, const char *type)
{
    struct arena *arena = p->run->arena;
    const char *namespace = p->run->namespace, *revision;
    const struct node *there = reconcile_read(p->run, kind, namespace, type), *kept;
    struct node *row = node_map(arena);

    if (find_named(p->named, kind_id_rows[kind].kind, type))
        return;
    if (!there && *p->tenant)
        there = reconcile_read(p->run, kind, namespace = p->tenant, type);
    kept = there ? NULL : find_named(p->last, kind_id_rows[kind].kind, type);
    if (kept) {
        p->gone = arena_printf(
            arena, "the %s \"%s\" is deleted; what was made with it keeps this revision",
            kind_id_rows[kind].kind, type);
        node_add(arena, p->named, node_copy(arena, kept));
        return;
    }
    if (!there)
        return;
    revision = revision_latest(there);
    if (!*revision)
        p->wait =
            arena_printf(arena, "the %s \"%s\" has no revision yet", kind_id_rows[kind].kind, type);
    node_set_text(arena, row, "kind", kind_id_rows[kind].kind);
    node_set_text(arena, row, "name", type);
    node_set_text(arena, row, "namespace", namespace);
    node_set_text(arena, row, "revision", revision);
    node_add(arena, p->named, row);
}

static void name_definitions(struct profile *p)
{
    const struct node *components = node_get(p->spec, "components");

    for (size_t i = 0; i < node_count(components); i++) {
        const struct node *one = node_item(components, i), *traits = node_get(one, "traits");

        name_definition(p, KIND_ID_COMPONENT, node_get_text(one, "type"));
        for (size_t k = 0; k < node_count(traits); k++)
            name_definition(p, KIND_ID_TRAIT, node_get_text(node_item(traits, k), "type"));
    }
}

/* Those that the newest revision names, if the profile says the same since. */
static const struct node *last_definitions(struct reconcile_run *run, const struct node *spec)
{
    const struct node *snapshot =
        node_at(find_newest(run, KIND_ID_PROFILE), "spec", "snapshot", NULL);
    struct node *same = snapshot ? node_copy(run->arena, snapshot) : NULL;

    if (same)
        node_remove(same, "definitions");
    return same && node_same(same, spec) ? node_get(snapshot, "definitions") : NULL;
}

/* A profile's snapshot names the revision of each definition that it uses, so that
   what is made from it is the same whatever becomes of those. */
static int reconcile_profile(struct reconcile_run *run, struct err *err)
{
    const struct node *project = reconcile_read(run, KIND_ID_PROJECT, "", run->namespace);
    const char *tenant = node_get_text(node_get(project, "spec"), "tenant");
    struct profile p = {
        .run = run, .tenant = "", .gone = "", .wait = "", .named = node_list(run->arena)};
    struct node *snapshot;
    struct seen profile;

    if (!reconcile_get(run, KIND_ID_PROFILE, run->namespace, run->name, &profile) ||
        meta_is_deleting(profile.node))
        return 0;
    p.spec = node_get(profile.node, "spec");
    if (*tenant)
        p.tenant = arena_printf(run->arena, "tenant-%s", tenant);
    p.last = last_definitions(run, p.spec);
    name_definitions(&p);
    if (*p.wait)
        return write_definition_status(run, &profile, 0, p.wait, err);
    snapshot = node_copy(run->arena, p.spec);
    node_set(run->arena, snapshot, "definitions", p.named);
    return keep_revision(run, KIND_ID_PROFILE, &profile, snapshot, p.gone, err);
}

/* ---- Bundles --------------------------------------------------------------------------- */

/* Why a profile has no revision of what it says now. */
static const char *profile_trouble(struct reconcile_run *run, const struct node *profile,
                                   const char *name)
{
    const char *why = node_get_text(node_get(profile, "status"), "message");

    if (!profile)
        return arena_printf(run->arena, "there is no WorkloadProfile \"%s\" yet; create it", name);
    return arena_printf(run->arena, "the WorkloadProfile \"%s\" has no revision yet%s%s", name,
                        *why ? ": " : "", why);
}

/* A bundle's snapshot names the revision of each profile, so that pinning the
   bundle pins everything. */
static int reconcile_bundle(struct reconcile_run *run, struct err *err)
{
    const char *remarks = "", *remark;
    struct seen bundle;
    struct node *snapshot, *refs;

    if (!reconcile_get(run, KIND_ID_BUNDLE, run->namespace, run->name, &bundle) ||
        meta_is_deleting(bundle.node))
        return 0;
    snapshot = node_copy(run->arena, node_get(bundle.node, "spec"));
    refs = node_get(snapshot, "workloadProfileRefs");
    for (size_t i = 0; i < node_count(refs); i++) {
        struct node *ref = node_item(refs, i);
        const char *name = node_get_text(ref, "name");
        const struct node *profile = reconcile_read(run, KIND_ID_PROFILE, run->namespace, name);
        const char *revision = revision_latest(profile);

        if (!*revision)
            return write_definition_status(run, &bundle, 0, profile_trouble(run, profile, name),
                                           err);
        node_set_text(run->arena, ref, "revision", revision);
        remark = node_get_text(node_get(profile, "status"), "message");
        remarks = *remark ? remark : remarks;
    }
    return keep_revision(run, KIND_ID_BUNDLE, &bundle, snapshot, remarks, err);
}

/* ---- For others ---------------------------------------------------------------- */

const char *revision_latest(const struct node *definition)
{
    const struct node *status = node_get(definition, "status");

    if (!definition || node_get_int(status, "observedGeneration", 0) != meta_generation(definition))
        return "";
    return node_get_text(status, "latestRevision");
}

struct node *revision_snapshot(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                               const char *name, const char *revision)
{
    const struct node *found;

    if (!*revision)
        return NULL;
    found = reconcile_read(run, KIND_ID_REVISION, namespace,
                           revision_object_name(run->arena, kind, name, revision));
    return node_at(found, "spec", "snapshot", NULL);
}

struct node *revision_definitions(struct reconcile_run *run, const struct node *profile,
                                  bool *ret_live, struct err *err)
{
    const struct node *named = node_get(profile, "definitions");
    struct node *list = node_list(run->arena);

    *ret_live = !named;
    for (size_t i = 0; i < node_count(named); i++) {
        const struct node *row = node_item(named, i);
        const char *kind = node_get_text(row, "kind"), *name = node_get_text(row, "name");
        enum kind_id which = revision_kind(kind);
        struct node *one = node_map(run->arena);
        struct node *snapshot = which == KIND_ID_COUNT
                                    ? NULL
                                    : revision_snapshot(run, which, node_get_text(row, "namespace"),
                                                        name, node_get_text(row, "revision"));

        if (!snapshot) {
            err_set(err, ERR_NOT_FOUND, "there is no revision %s of the %s \"%s\"",
                    node_get_text(row, "revision"), kind, name);
            return NULL;
        }
        node_set_text(run->arena, one, "kind", kind);
        node_set_text(run->arena, node_make(run->arena, one, "metadata"), "name", name);
        node_set(run->arena, one, "spec", snapshot);
        node_add(run->arena, list, one);
    }
    return list;
}

static void add_all_items(struct arena *arena, struct node *list, const struct node *more)
{
    for (size_t i = 0; i < node_count(more); i++)
        node_add(arena, list, node_item(more, i));
}

static void add_variable_sets(struct reconcile_run *run, struct node *list, const char *namespace)
{
    const struct node *sets = reconcile_list(run, KIND_ID_VARIABLE_SET, namespace, NULL, NULL);

    for (size_t i = 0; i < node_count(sets); i++)
        add_all_items(run->arena, list, node_at(node_item(sets, i), "spec", "variables", NULL));
}

struct node *revision_variables(struct reconcile_run *run, const char *namespace,
                                const char *tenant, const struct node *profile,
                                const struct node *bundle)
{
    struct node *list = node_list(run->arena);

    add_all_items(run->arena, list, node_get(profile, "variables"));
    if (*tenant)
        add_variable_sets(run, list, arena_printf(run->arena, "tenant-%s", tenant));
    add_variable_sets(run, list, namespace);
    add_all_items(run->arena, list, node_get(bundle, "variables"));
    return list;
}

/* ---- What wakes them -------------------------------------------------------------- */

static void map_profile(struct controllers *all, const struct controller *to,
                        const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, KIND_ID_BUNDLE, (after ? after : before)->namespace);
}

/* A definition that has come, gone or changed, of the project or of its tenant. */
static void map_definition_to_bundles(struct controllers *all, const struct controller *to,
                                      const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = arena_new();
    const struct object *any = after ? after : before;
    bool tenant = text_starts(any->namespace, "tenant-");

    if (!before || !after ||
        strcmp(revision_latest(object_read(arena, before)),
               revision_latest(object_read(arena, after))) != 0)
        controllers_wake_all(all, to, KIND_ID_PROFILE, tenant ? "" : any->namespace);
}

/* It may have another tenant now. */
static void map_project_to_profiles(struct controllers *all, const struct controller *to,
                                    const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *was = before ? object_read(arena, before) : NULL;
    const struct node *is = after ? object_read(arena, after) : NULL;

    if (strcmp(node_get_text(node_get(was, "spec"), "tenant"),
               node_get_text(node_get(is, "spec"), "tenant")) != 0)
        controllers_wake_all(all, to, KIND_ID_PROFILE, (after ? after : before)->name);
}

/* One that was deleted by hand, though it may be what the object is now. */
static void map_revision_to_definitions(struct controllers *all, const struct controller *to,
                                        const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = NULL;
    const struct node *spec;

    if (after || !before)
        return;
    arena = arena_new();
    spec = node_get(object_read(arena, before), "spec");
    if (!strcmp(node_get_text(spec, "kind"), kind_id_rows[to->about].kind))
        controllers_wake(all, to, before->namespace, node_get_text(spec, "name"));
}

const struct controller controller_component_revision = {
    .name = "component",
    .run = reconcile_component,
    .about = KIND_ID_COMPONENT,
    .condition = RECONCILED,
    .sources = {{KIND_ID_COMPONENT, NULL}, {KIND_ID_REVISION, map_revision_to_definitions}},
    .source_count = 2,
};

const struct controller controller_trait_revision = {
    .name = "trait",
    .run = reconcile_trait,
    .about = KIND_ID_TRAIT,
    .condition = RECONCILED,
    .sources = {{KIND_ID_TRAIT, NULL}, {KIND_ID_REVISION, map_revision_to_definitions}},
    .source_count = 2,
};

const struct controller controller_profile_revision = {
    .name = "profile",
    .run = reconcile_profile,
    .about = KIND_ID_PROFILE,
    .condition = RECONCILED,
    .sources = {{KIND_ID_PROFILE, NULL},
                {KIND_ID_COMPONENT, map_definition_to_bundles},
                {KIND_ID_TRAIT, map_definition_to_bundles},
                {KIND_ID_PROJECT, map_project_to_profiles},
                {KIND_ID_REVISION, map_revision_to_definitions}},
    .source_count = 5,
};

const struct controller controller_bundle_revision = {
    .name = "bundle",
    .run = reconcile_bundle,
    .about = KIND_ID_BUNDLE,
    .condition = RECONCILED,
    .sources = {{KIND_ID_BUNDLE, NULL},
                {KIND_ID_PROFILE, map_profile},
                {KIND_ID_REVISION, map_revision_to_definitions}},
    .source_count = 3,
};
