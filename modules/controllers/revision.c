/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps an immutable snapshot of each profile and bundle at every change. */
#include "controllers/revision.h"

#include "pki/pki.h"
#include "render/render.h"

#include <string.h>

#define DEFINITION "axle.dev/definition"

static const char *prefix_of(enum which kind)
{
    return kind == BUNDLE ? "pb" : "wp";
}

/* A name of its own for each object and number, at most 253 letters. */
static char *revision_name(struct pass *pass, enum which kind, const char *name,
                           const char *revision)
{
    char *tail = arena_printf(pass->arena, "%s-%s", name, revision);

    return render_name(pass->arena, prefix_of(kind), tail, 253);
}

static char *definition_label(struct pass *pass, enum which kind,
                              const char *name)
{
    return render_label(pass->arena, arena_printf(pass->arena, "%s.%s",
                                                  prefix_of(kind), name));
}

static char *hash_of(struct arena *arena, const struct node *snapshot)
{
    scoped_text struct text bytes = { 0 }, hex = { 0 };
    unsigned char sum[PKI_SHA256];

    document_write_canonical(&bytes, snapshot);
    pki_sha256(bytes.bytes, bytes.len, sum);
    text_add_hex(&hex, sum, sizeof sum);
    return arena_string(arena, text_string(&hex));
}

/* The newest of an object's revisions, or NULL. */
static const struct node *newest(struct pass *pass, enum which kind)
{
    const struct node *all = pass_list(pass, REVISION, pass->space, DEFINITION,
                                       definition_label(pass, kind, pass->name));
    const struct node *best = NULL;

    for (size_t i = 0; i < node_count(all); i++) {
        const struct node *one = node_item(all, i);

        if (!best || node_get_int(node_get(one, "spec"), "revision", 0) >
                         node_get_int(node_get(best, "spec"), "revision", 0))
            best = one;
    }
    return best;
}

static int make_revision(struct pass *pass, enum which kind,
                         const struct node *owner, int64_t number,
                         const struct node *snapshot, const char *hash,
                         struct err *err)
{
    struct arena *arena = pass->arena;
    char *revision = arena_printf(arena, "v%lld", (long long)number);
    struct node *wanted, *spec;

    wanted = pass_new(pass, REVISION, pass->space,
                      revision_name(pass, kind, pass->name, revision));
    object_own(arena, wanted, owner);
    object_set_label(arena, wanted, DEFINITION,
                     definition_label(pass, kind, pass->name));
    spec = node_make(arena, wanted, "spec");
    node_set_text(arena, spec, "kind", which_rows[kind].kind);
    node_set_text(arena, spec, "name", pass->name);
    node_set_int(arena, spec, "revision", number);
    node_set_text(arena, spec, "hash", hash);
    node_set(arena, spec, "snapshot", node_copy(arena, snapshot));
    return pass_ensure(pass, wanted, NULL, err);
}

static int report(struct pass *pass, const struct seen *definition,
                  int64_t number, const char *message, struct err *err)
{
    struct arena *arena = pass->arena;
    struct node *status = status_copy(arena, definition->node);

    if (number)
        node_set(arena, status, "latestRevision",
                 node_format(arena, "v%lld", (long long)number));
    node_set_text(arena, status, "phase", *message ? "Pending" : "Ready");
    if (*message)
        node_set_text(arena, status, "message", message);
    else
        node_remove(status, "message");
    if (!*message)
        node_set_int(arena, status, "observedGeneration",
                     object_generation(definition->node));
    return pass_status(pass, definition, status, NULL, err);
}

static int keep(struct pass *pass, enum which kind, const struct seen *definition,
                const struct node *snapshot, struct err *err)
{
    const struct node *last = node_get(newest(pass, kind), "spec");
    int64_t number = node_get_int(last, "revision", 0);
    char *hash = hash_of(pass->arena, snapshot);

    if (strcmp(node_get_text(last, "hash"), hash)) {
        number++;
        if (make_revision(pass, kind, definition->node, number, snapshot, hash,
                          err) < 0)
            return -1;
        pass_event(pass, definition, false, "RevisionCreated",
                   "this is revision v%lld", (long long)number);
    }
    return report(pass, definition, number, "", err);
}

static int run_profile(struct pass *pass, struct err *err)
{
    struct seen profile;

    if (!pass_get(pass, PROFILE, pass->space, pass->name, &profile) ||
        object_deleting(profile.node))
        return 0;
    return keep(pass, PROFILE, &profile, node_get(profile.node, "spec"), err);
}

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
static int run_bundle(struct pass *pass, struct err *err)
{
    struct seen bundle;
    struct node *snapshot, *refs;

    if (!pass_get(pass, BUNDLE, pass->space, pass->name, &bundle) ||
        object_deleting(bundle.node))
        return 0;
    snapshot = node_copy(pass->arena, node_get(bundle.node, "spec"));
    refs = node_get(snapshot, "workloadProfileRefs");
    for (size_t i = 0; i < node_count(refs); i++) {
        struct node *ref = node_item(refs, i);
        const char *name = node_get_text(ref, "name");
        const struct node *profile = pass_read(pass, PROFILE, pass->space, name);
        const char *revision = revision_latest(profile);

        if (!*revision)
            return report(pass, &bundle, 0, profile_trouble(pass, profile, name), err);
        node_set_text(pass->arena, ref, "revision", revision);
    }
    return keep(pass, BUNDLE, &bundle, snapshot, err);
}

/* ---- For others ---------------------------------------------------------------- */

const char *revision_latest(const struct node *definition)
{
    const struct node *status = node_get(definition, "status");

    if (!definition || node_get_int(status, "observedGeneration", 0) !=
                           object_generation(definition))
        return "";
    return node_get_text(status, "latestRevision");
}

struct node *revision_snapshot(struct pass *pass, enum which kind,
                               const char *space, const char *name,
                               const char *revision)
{
    const struct node *found;

    if (!*revision)
        return NULL;
    found = pass_read(pass, REVISION, space,
                      revision_name(pass, kind, name, revision));
    return node_at(found, "spec", "snapshot", NULL);
}

static void add_all(struct arena *arena, struct node *list,
                    const struct node *more)
{
    for (size_t i = 0; i < node_count(more); i++)
        node_add(arena, list, node_item(more, i));
}

static void add_sets(struct pass *pass, struct node *list, const char *space)
{
    const struct node *sets = pass_list(pass, VARIABLE_SET, space, NULL, NULL);

    for (size_t i = 0; i < node_count(sets); i++)
        add_all(pass->arena, list, node_at(node_item(sets, i), "spec",
                                           "variables", NULL));
}

struct node *revision_variables(struct pass *pass, const char *space,
                                const char *tenant, const struct node *profile,
                                const struct node *bundle)
{
    struct node *list = node_list(pass->arena);

    add_all(pass->arena, list, node_get(profile, "variables"));
    if (*tenant)
        add_sets(pass, list, arena_printf(pass->arena, "tenant-%s", tenant));
    add_sets(pass, list, space);
    add_all(pass->arena, list, node_get(bundle, "variables"));
    return list;
}

/* ---- What wakes them -------------------------------------------------------------- */

static void map_profile(struct controllers *all, const struct controller *to,
                        const struct object *before, const struct object *after)
{
    controllers_wake_all(all, to, BUNDLE, (after ? after : before)->space);
}

/* One that is taken away by hand is made again. */
static void map_revision(struct controllers *all, const struct controller *to,
                         const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = NULL;
    const struct node *spec;

    if (after)
        return;
    arena = arena_new();
    spec = node_get(object_read(arena, before), "spec");
    if (!strcmp(node_get_text(spec, "kind"), which_rows[to->about].kind))
        controllers_wake(all, to, before->space, node_get_text(spec, "name"));
}

const struct controller controller_profile_revision = {
    .name = "profile", .run = run_profile, .about = PROFILE, .condition = RECONCILED,
    .sources = { { PROFILE, NULL }, { REVISION, map_revision } },
    .source_count = 2,
};

const struct controller controller_bundle_revision = {
    .name = "bundle", .run = run_bundle, .about = BUNDLE, .condition = RECONCILED,
    .sources = { { BUNDLE, NULL }, { PROFILE, map_profile }, { REVISION, map_revision } },
    .source_count = 3,
};
