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
    { KIND_ID_PROFILE, "wp" }, { KIND_ID_BUNDLE, "pb" }, { KIND_ID_COMPONENT, "cd" }, { KIND_ID_TRAIT, "td" },
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
    scoped_text struct text bytes = { 0 }, hex = { 0 };
    unsigned char sum[PKI_SHA256];

    document_write_canonical(&bytes, snapshot);
    pki_sha256(bytes.bytes, bytes.len, sum);
    text_add_hex(&hex, sum, sizeof sum);
    return arena_string(arena, text_string(&hex));
}

/* The newest of an object's revisions, or NULL. */
static const struct node *find_newest(struct pass *pass, enum kind_id kind)
{
    const struct node *all = pass_list(pass, KIND_ID_REVISION, pass->space, META_LABEL_DEFINITION,
                                       revision_object_label(pass->arena, kind, pass->name));
    const struct node *best = NULL;

    for (size_t i = 0; i < node_count(all); i++) {
        const struct node *one = node_item(all, i), *spec = node_get(one, "spec");

        /* A long label is cut and hashed; the spec says the name whole. */
        if (strcmp(node_get_text(spec, "name"), pass->name) ||
            strcmp(node_get_text(spec, "kind"), kind_id_rows[kind].kind))
            continue;
        if (!best || node_get_int(node_get(one, "spec"), "revision", 0) >
                         node_get_int(node_get(best, "spec"), "revision", 0))
            best = one;
    }
    return best;
}

/* It has no owner: it is kept as long as it is used (retention.c). */
static int make_revision(struct pass *pass, enum kind_id kind, int64_t number,
                         const struct node *snapshot, const char *hash,
                         struct err *err)
{
    struct arena *arena = pass->arena;
    struct node *wanted, *spec;

    wanted = pass_new(pass, KIND_ID_REVISION, pass->space,
                      revision_object_name(arena, kind, pass->name,
                                           revision_text(arena, number)));
    meta_set_label(arena, wanted, META_LABEL_DEFINITION,
                     revision_object_label(arena, kind, pass->name));
    spec = node_make(arena, wanted, "spec");
    node_set_text(arena, spec, "kind", kind_id_rows[kind].kind);
    node_set_text(arena, spec, "name", pass->name);
    node_set_int(arena, spec, "revision", number);
    node_set_text(arena, spec, "hash", hash);
    node_set(arena, spec, "snapshot", node_copy(arena, snapshot));
    return pass_ensure(pass, wanted, NULL, err);
}

/* A definition that cannot be read renders nothing, whoever uses it. */
static const char *trouble_of(struct pass *pass, const struct seen *definition)
{
    const char *kind = node_get_text(definition->node, "kind");

    if (strcmp(kind, kind_id_rows[KIND_ID_COMPONENT].kind) != 0 && strcmp(kind, kind_id_rows[KIND_ID_TRAIT].kind) != 0)
        return NULL;
    return render_definition_trouble(pass->arena, pass->name, node_get(definition->node, "spec"));
}

/* Without a number it waits for what `message` says; with one that is a remark. */
static int write_definition_status(struct pass *pass, const struct seen *definition,
                  int64_t number, const char *message, struct err *err)
{
    struct arena *arena = pass->arena;
    struct node *status = meta_copy_status(arena, definition->node);
    const char *broken = trouble_of(pass, definition);

    if (number)
        node_set_text(arena, status, "latestRevision", revision_text(arena, number));
    node_set_text(arena, status, "phase", broken ? "Failed" : number ? "Ready" : "Pending");
    if (broken || *message)
        node_set_text(arena, status, "message", broken ? broken : message);
    else
        node_remove(status, "message");
    if (broken && strcmp(node_get_text(node_get(definition->node, "status"), "message"), broken) != 0)
        pass_event(pass, definition, true, "DefinitionBroken", "%s", broken);
    if (number)
        node_set_int(arena, status, "observedGeneration",
                     meta_generation(definition->node));
    return pass_status(pass, definition, status, NULL, err);
}

/* A number that was never given, and whose object's name is free. */
static int64_t next_number(struct pass *pass, enum kind_id kind, int64_t last)
{
    do
        last++;
    while (pass_read(pass, KIND_ID_REVISION, pass->space,
                     revision_object_name(pass->arena, kind, pass->name,
                                          revision_text(pass->arena, last))));
    return last;
}

/* Gives the number, so that none comes again. */
static void note_number(struct pass *pass, enum kind_id kind, int64_t number, const char *hash)
{
    if (numbers_write(pass, kind, pass->name, number, hash))
        controllers_wake(pass->all, &controller_sweep, "", "registry");
}

/*
 * The revision that this content is. The newest one if that says the same; the
 * last that was given if that said the same and its object is gone; else a new one.
 */
static int keep_revision(struct pass *pass, enum kind_id kind, const struct seen *definition,
                const struct node *snapshot, const char *message, struct err *err)
{
    const struct node *last = node_get(find_newest(pass, kind), "spec");
    struct number given = numbers_read(pass, kind, pass->name);
    int64_t number = node_get_int(last, "revision", 0);
    char *hash = hash_snapshot(pass->arena, snapshot);

    if (number >= given.last && !strcmp(node_get_text(last, "hash"), hash)) {
        if (number > given.last)
            note_number(pass, kind, number, hash);
        return write_definition_status(pass, definition, number, message, err);
    }
    if (number < given.last && !strcmp(given.hash, hash))
        number = given.last;
    else
        number = next_number(pass, kind, number > given.last ? number : given.last);
    if (make_revision(pass, kind, number, snapshot, hash, err) < 0)
        return -1;
    note_number(pass, kind, number, hash);
    pass_event(pass, definition, false, "RevisionCreated", "this is revision v%lld",
               (long long)number);
    return write_definition_status(pass, definition, number, message, err);
}

static int reconcile_definition(struct pass *pass, enum kind_id kind, struct err *err)
{
    struct seen definition;

    if (!pass_get(pass, kind, pass->space, pass->name, &definition) ||
        meta_is_deleting(definition.node))
        return 0;
    return keep_revision(pass, kind, &definition, node_get(definition.node, "spec"), "", err);
}

static int reconcile_component(struct pass *pass, struct err *err)
{
    return reconcile_definition(pass, KIND_ID_COMPONENT, err);
}

static int reconcile_trait(struct pass *pass, struct err *err)
{
    return reconcile_definition(pass, KIND_ID_TRAIT, err);
}

/* ---- Profiles ------------------------------------------------------------------------- */

/* What a profile's snapshot is made of, while it is made. */
struct profile {
    struct pass *pass;
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
    struct arena *arena = p->pass->arena;
    const char *space = p->pass->space, *revision;
    const struct node *there = pass_read(p->pass, kind, space, type), *kept;
    struct node *row = node_map(arena);

    if (find_named(p->named, kind_id_rows[kind].kind, type))
        return;
    if (!there && *p->tenant)
        there = pass_read(p->pass, kind, space = p->tenant, type);
    kept = there ? NULL : find_named(p->last, kind_id_rows[kind].kind, type);
    if (kept) {
        p->gone = arena_printf(arena, "the %s \"%s\" is gone; what was made with it keeps it as "
                               "it was", kind_id_rows[kind].kind, type);
        node_add(arena, p->named, node_copy(arena, kept));
        return;
    }
    if (!there)
        return;
    revision = revision_latest(there);
    if (!*revision)
        p->wait = arena_printf(arena, "the %s \"%s\" has no revision yet",
                               kind_id_rows[kind].kind, type);
    node_set_text(arena, row, "kind", kind_id_rows[kind].kind);
    node_set_text(arena, row, "name", type);
    node_set_text(arena, row, "namespace", space);
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
static const struct node *last_definitions(struct pass *pass, const struct node *spec)
{
    const struct node *snapshot = node_at(find_newest(pass, KIND_ID_PROFILE), "spec", "snapshot", NULL);
    struct node *same = snapshot ? node_copy(pass->arena, snapshot) : NULL;

    if (same)
        node_remove(same, "definitions");
    return same && node_same(same, spec) ? node_get(snapshot, "definitions") : NULL;
}

/* A profile's snapshot names the revision of each definition that it uses, so that
   what is made from it is the same whatever becomes of those. */
static int reconcile_profile(struct pass *pass, struct err *err)
{
    const struct node *project = pass_read(pass, KIND_ID_PROJECT, "", pass->space);
    const char *tenant = node_get_text(node_get(project, "spec"), "tenant");
    struct profile p = { .pass = pass, .tenant = "", .gone = "", .wait = "",
                         .named = node_list(pass->arena) };
    struct node *snapshot;
    struct seen profile;

    if (!pass_get(pass, KIND_ID_PROFILE, pass->space, pass->name, &profile) ||
        meta_is_deleting(profile.node))
        return 0;
    p.spec = node_get(profile.node, "spec");
    if (*tenant)
        p.tenant = arena_printf(pass->arena, "tenant-%s", tenant);
    p.last = last_definitions(pass, p.spec);
    name_definitions(&p);
    if (*p.wait)
        return write_definition_status(pass, &profile, 0, p.wait, err);
    snapshot = node_copy(pass->arena, p.spec);
    node_set(pass->arena, snapshot, "definitions", p.named);
    return keep_revision(pass, KIND_ID_PROFILE, &profile, snapshot, p.gone, err);
}

/* ---- Bundles --------------------------------------------------------------------------- */

/* Why a profile has no revision of what it says now. */
static const char *profile_trouble(struct pass *pass, const struct node *profile,
                                   const char *name)
{
    const char *why = node_get_text(node_get(profile, "status"), "message");

    if (!profile)
        return arena_printf(pass->arena, "there is no WorkloadProfile \"%s\" yet; create it",
                            name);
    return arena_printf(pass->arena, "the WorkloadProfile \"%s\" has no revision yet%s%s", name,
                        *why ? ": " : "", why);
}

/* A bundle's snapshot names the revision of each profile, so that pinning the
   bundle pins everything. */
static int reconcile_bundle(struct pass *pass, struct err *err)
{
    const char *remarks = "", *remark;
    struct seen bundle;
    struct node *snapshot, *refs;

    if (!pass_get(pass, KIND_ID_BUNDLE, pass->space, pass->name, &bundle) ||
        meta_is_deleting(bundle.node))
        return 0;
    snapshot = node_copy(pass->arena, node_get(bundle.node, "spec"));
    refs = node_get(snapshot, "workloadProfileRefs");
    for (size_t i = 0; i < node_count(refs); i++) {
        struct node *ref = node_item(refs, i);
        const char *name = node_get_text(ref, "name");
        const struct node *profile = pass_read(pass, KIND_ID_PROFILE, pass->space, name);
        const char *revision = revision_latest(profile);

        if (!*revision)
            return write_definition_status(pass, &bundle, 0, profile_trouble(pass, profile, name), err);
        node_set_text(pass->arena, ref, "revision", revision);
        remark = node_get_text(node_get(profile, "status"), "message");
        remarks = *remark ? remark : remarks;
    }
    return keep_revision(pass, KIND_ID_BUNDLE, &bundle, snapshot, remarks, err);
}

/* ---- For others ---------------------------------------------------------------- */

const char *revision_latest(const struct node *definition)
{
    const struct node *status = node_get(definition, "status");

    if (!definition || node_get_int(status, "observedGeneration", 0) !=
                           meta_generation(definition))
        return "";
    return node_get_text(status, "latestRevision");
}

struct node *revision_snapshot(struct pass *pass, enum kind_id kind,
                               const char *space, const char *name,
                               const char *revision)
{
    const struct node *found;

    if (!*revision)
        return NULL;
    found = pass_read(pass, KIND_ID_REVISION, space,
                      revision_object_name(pass->arena, kind, name, revision));
    return node_at(found, "spec", "snapshot", NULL);
}

struct node *revision_definitions(struct pass *pass, const struct node *profile,
                                  bool *ret_live, struct err *err)
{
    const struct node *named = node_get(profile, "definitions");
    struct node *list = node_list(pass->arena);

    *ret_live = !named;
    for (size_t i = 0; i < node_count(named); i++) {
        const struct node *row = node_item(named, i);
        const char *kind = node_get_text(row, "kind"), *name = node_get_text(row, "name");
        enum kind_id which = revision_kind(kind);
        struct node *one = node_map(pass->arena);
        struct node *snapshot = which == KIND_ID_COUNT ? NULL
            : revision_snapshot(pass, which, node_get_text(row, "namespace"), name,
                                node_get_text(row, "revision"));

        if (!snapshot) {
            err_set(err, ERR_NOT_FOUND, "there is no revision %s of the %s \"%s\"",
                    node_get_text(row, "revision"), kind, name);
            return NULL;
        }
        node_set_text(pass->arena, one, "kind", kind);
        node_set_text(pass->arena, node_make(pass->arena, one, "metadata"), "name", name);
        node_set(pass->arena, one, "spec", snapshot);
        node_add(pass->arena, list, one);
    }
    return list;
}

static void add_all_items(struct arena *arena, struct node *list,
                    const struct node *more)
{
    for (size_t i = 0; i < node_count(more); i++)
        node_add(arena, list, node_item(more, i));
}

static void add_variable_sets(struct pass *pass, struct node *list, const char *space)
{
    const struct node *sets = pass_list(pass, KIND_ID_VARIABLE_SET, space, NULL, NULL);

    for (size_t i = 0; i < node_count(sets); i++)
        add_all_items(pass->arena, list, node_at(node_item(sets, i), "spec",
                                           "variables", NULL));
}

struct node *revision_variables(struct pass *pass, const char *space,
                                const char *tenant, const struct node *profile,
                                const struct node *bundle)
{
    struct node *list = node_list(pass->arena);

    add_all_items(pass->arena, list, node_get(profile, "variables"));
    if (*tenant)
        add_variable_sets(pass, list, arena_printf(pass->arena, "tenant-%s", tenant));
    add_variable_sets(pass, list, space);
    add_all_items(pass->arena, list, node_get(bundle, "variables"));
    return list;
}

/* ---- What wakes them -------------------------------------------------------------- */

static void map_profile(struct controllers *all, const struct controller *to,
                        const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, KIND_ID_BUNDLE, (after ? after : before)->space);
}

/* A definition that has come, gone or changed, of the project or of its tenant. */
static void map_definition_to_bundles(struct controllers *all, const struct controller *to,
                           const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = arena_new();
    const struct object *any = after ? after : before;
    bool tenant = text_starts(any->space, "tenant-");

    if (!before || !after || strcmp(revision_latest(object_read(arena, before)),
                                    revision_latest(object_read(arena, after))) != 0)
        controllers_wake_all(all, to, KIND_ID_PROFILE, tenant ? "" : any->space);
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
        controllers_wake(all, to, before->space, node_get_text(spec, "name"));
}

const struct controller controller_component_revision = {
    .name = "component", .run = reconcile_component, .about = KIND_ID_COMPONENT, .condition = RECONCILED,
    .sources = { { KIND_ID_COMPONENT, NULL }, { KIND_ID_REVISION, map_revision_to_definitions } }, .source_count = 2,
};

const struct controller controller_trait_revision = {
    .name = "trait", .run = reconcile_trait, .about = KIND_ID_TRAIT, .condition = RECONCILED,
    .sources = { { KIND_ID_TRAIT, NULL }, { KIND_ID_REVISION, map_revision_to_definitions } }, .source_count = 2,
};

const struct controller controller_profile_revision = {
    .name = "profile", .run = reconcile_profile, .about = KIND_ID_PROFILE, .condition = RECONCILED,
    .sources = { { KIND_ID_PROFILE, NULL }, { KIND_ID_COMPONENT, map_definition_to_bundles },
                 { KIND_ID_TRAIT, map_definition_to_bundles }, { KIND_ID_PROJECT, map_project_to_profiles },
                 { KIND_ID_REVISION, map_revision_to_definitions } },
    .source_count = 5,
};

const struct controller controller_bundle_revision = {
    .name = "bundle", .run = reconcile_bundle, .about = KIND_ID_BUNDLE, .condition = RECONCILED,
    .sources = { { KIND_ID_BUNDLE, NULL }, { KIND_ID_PROFILE, map_profile }, { KIND_ID_REVISION, map_revision_to_definitions } },
    .source_count = 3,
};
