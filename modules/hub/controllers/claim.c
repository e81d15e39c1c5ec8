/* SPDX-License-Identifier: Apache-2.0 */
/* Decides whether an object belongs to the one on whose behalf a controller runs. */
#include "controllers/claim.h"

#include "auth/auth.h"
#include "controllers/joining.h"

#include "base/map.h"
#include "controllers/allowed.h"
#include "controllers/parse.h"
#include "controllers/pool_spokes.h"
#include "controllers/spokes.h"
#include "meta/meta.h"

#include <assert.h>
#include <string.h>

/* ---- The subject of a run -------------------------------------------------------- */

/* The kind of the object that the key names. */
static const struct kind *key_kind(struct controllers *all, const struct controller *controller)
{
    return controller && controller->about != ABOUT_NOTHING ? all->kinds[controller->about] : NULL;
}

static const struct kind *subject_kind(const struct reconcile_run *run)
{
    return key_kind(run->all, run->self);
}

static bool is_subject(const struct reconcile_run *run, const struct kind *kind,
                       const char *namespace, const char *name)
{
    const struct kind *own = subject_kind(run);

    return own && own == kind && !strcmp(name, run->name) &&
           !strcmp(namespace, own->namespaced ? run->namespace : "");
}

static const struct node *read_subject(struct reconcile_run *run)
{
    if (!run->subject && subject_kind(run))
        run->subject = reconcile_read(run, run->self->about, run->namespace, run->name);
    return run->subject;
}

/* ---- Ways to see whose an object is ------------------------------------------------ */

typedef bool claim_fn(struct reconcile_run *run, const struct node *subject,
                      const struct node *there);

static const struct node *controller_reference(const struct node *object)
{
    const struct node *list = node_at(object, "metadata", "ownerReferences", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (node_get_bool(node_item(list, i), "controller", false))
            return node_item(list, i);
    return NULL;
}

static bool by_owner(struct reconcile_run *run, const struct node *subject,
                     const struct node *there)
{
    const struct node *reference = controller_reference(there);

    (void)run;
    return *meta_uid(subject) && !strcmp(node_get_text(reference, "uid"), meta_uid(subject)) &&
           !strcmp(node_get_text(reference, "kind"), node_get_text(subject, "kind")) &&
           !strcmp(node_get_text(reference, "name"), meta_name(subject));
}

static char *namespace_of_subject(struct reconcile_run *run, const struct node *subject)
{
    bool tenant = !strcmp(node_get_text(subject, "kind"), "Tenant");

    return arena_printf(run->arena, "%s%s", tenant ? "tenant-" : "", meta_name(subject));
}

/* The Namespace that a Tenant, Project or ManagedCluster has a right to. */
static bool by_namespace_label(struct reconcile_run *run, const struct node *subject,
                               const struct node *there)
{
    return !strcmp(meta_name(there), namespace_of_subject(run, subject)) &&
           !strcmp(meta_label(there, META_LABEL_OWNER_KIND), node_get_text(subject, "kind"));
}

/* Whatever lies in the subject's own namespace. */
static bool in_own_namespace(struct reconcile_run *run, const struct node *subject,
                             const struct node *there)
{
    char *name = namespace_of_subject(run, subject);
    const struct node *namespace = reconcile_read(run, KIND_ID_NAMESPACE, "", name);

    return !strcmp(meta_namespace(there), name) && namespace &&
           by_namespace_label(run, subject, namespace);
}

/* What the hub keeps of removed spokes, in a namespace where only it and administrators
   write, besides what lies in the spoke's own. */
static bool by_record(struct reconcile_run *run, const struct node *subject,
                      const struct node *there)
{
    return (!strcmp(meta_namespace(there), AUTH_RECORDS) &&
            *meta_label(there, META_LABEL_REMOVED_SPOKE)) ||
           in_own_namespace(run, subject, there);
}

static char *set_of_pool(struct reconcile_run *run, const struct node *pool)
{
    return allowed_pool_set(run->arena, meta_namespace(pool), meta_name(pool));
}

/* Sets of before 0.2 do not say for which pool they are, but are labelled. */
static bool by_pool_annotation(struct reconcile_run *run, const struct node *pool,
                               const struct node *there)
{
    const char *owner = meta_annotation(there, META_ANNOTATION_OWNER);
    char *own = arena_printf(run->arena, "%s/%s", meta_namespace(pool), meta_name(pool));

    if (!strcmp(meta_name(there), POOL_RELEASED))
        return true;
    return *owner ? !strcmp(owner, own)
                  : !strcmp(meta_label(there, META_LABEL_POOL), meta_name(there)) &&
                        !strcmp(meta_name(there), set_of_pool(run, pool));
}

/* Made ahead by the pool, or in its set. */
static bool by_pool_label(struct reconcile_run *run, const struct node *pool,
                          const struct node *there)
{
    char *set = set_of_pool(run, pool);

    return !strcmp(meta_label(there, META_LABEL_POOL), set) ||
           !strcmp(meta_label(there, META_LABEL_CLUSTERSET), set);
}

static bool by_project_label(struct reconcile_run *run, const struct node *project,
                             const struct node *there)
{
    (void)run;
    return !strcmp(meta_namespace(there), meta_name(project)) &&
           !strcmp(meta_label(there, META_LABEL_MADE_BY), "project");
}

/* A revision is kept longer than what it is of, so it has no uid to go by. */
static bool by_definition(struct reconcile_run *run, const struct node *subject,
                          const struct node *there)
{
    const struct node *spec = node_get(there, "spec");

    (void)run;
    return !strcmp(node_get_text(spec, "kind"), node_get_text(subject, "kind")) &&
           !strcmp(node_get_text(spec, "name"), meta_name(subject));
}

/* Works and their Workload objects lie in clusters' namespaces, where only the hub
   and administrators write them. The label may be a hash; a work's name is whole. */
static bool by_replica_set(struct reconcile_run *run, const struct node *set,
                           const struct node *there)
{
    const char *namespace = meta_namespace(set), *name = meta_name(set);
    const char *project = meta_label(there, META_LABEL_PROJECT);

    if (!strcmp(node_get_text(there, "kind"), "ManifestWork") &&
        strcmp(meta_name(there), arena_printf(run->arena, "%s.%s", namespace, name)) != 0)
        return false;
    return (!*project || !strcmp(project, namespace)) &&
           !strcmp(meta_label(there, META_LABEL_REPLICASET),
                   spokes_replica_set_label(run->arena, namespace, name));
}

static bool by_anybody(struct reconcile_run *run, const struct node *subject,
                       const struct node *there)
{
    (void)run, (void)subject, (void)there;
    return true;
}

/* ---- The table ---------------------------------------------------------------------- */

#define ANY_KIND KIND_ID_COUNT

/* Which controller writes to which kind, and how it sees that an object is its
   subject's. What is the subject itself needs no row. */
static const struct claim {
    const char *controller;
    enum kind_id kind;
    claim_fn *is_own;
    bool leave;         /* another's is as good, and is left as it is */
    const char *reason; /* of a row that is not by_owner or a label */
    const char *way;    /* out of a name that is taken; NULL: another name for the subject */
} claims[] = {
    /* clang-format off */
    { "tenant",  KIND_ID_NAMESPACE, by_namespace_label },
    { "tenant",  KIND_ID_ROLE_BINDING, by_anybody, .reason = "names with axle: are the hub's (admission.c)" },
    { "tenant",  KIND_ID_CLUSTER_ROLE, by_anybody, .reason = "names with axle: are the hub's" },
    { "tenant",  KIND_ID_CLUSTER_ROLE_BINDING, by_anybody, .reason = "names with axle: are the hub's" },
    { "project", KIND_ID_NAMESPACE, by_namespace_label },
    { "project", KIND_ID_BINDING, by_project_label, .leave = true, .reason = "a binding made by hand says the same" },
    { "project", KIND_ID_ROLE_BINDING, by_anybody, .reason = "names with axle: are the hub's (admission.c)" },
    { "project", KIND_ID_CLUSTER_ROLE, by_anybody, .reason = "names with axle: are the hub's" },
    { "project", KIND_ID_CLUSTER_ROLE_BINDING, by_anybody, .reason = "names with axle: are the hub's" },
    { "project", KIND_ID_AIWORKLOAD, in_own_namespace },
    { "project", KIND_ID_DEPLOYMENT, in_own_namespace },
    { "project", KIND_ID_REPLICA_SET, in_own_namespace },
    { "pool",    KIND_ID_CLUSTER_SET, by_pool_annotation },
    { "pool",    KIND_ID_BINDING, by_owner, .leave = true, .reason = "a binding made by hand says the same" },
    { "pool",    KIND_ID_ENVIRONMENT, by_owner },
    { "pool",    KIND_ID_SECRET, by_owner },
    { "pool",    KIND_ID_JOIN_TOKEN, by_pool_label },
    { "pool",    KIND_ID_CLUSTER, by_pool_label },
    { "environment", KIND_ID_PLACEMENT, by_owner },
    { "profile", KIND_ID_REVISION, by_definition },
    { "bundle",  KIND_ID_REVISION, by_definition },
    { "component", KIND_ID_REVISION, by_definition },
    { "trait",   KIND_ID_REVISION, by_definition },
    { "aiworkload", KIND_ID_DEPLOYMENT, by_owner },
    { "deployment", KIND_ID_REPLICA_SET, by_owner, .way = "delete it, or give the AIWorkload another name" },
    { "deployment", KIND_ID_SECRET, by_owner, .way = "give the rendered Secret another name, with {{ .context.name }} in it" },
    { "placement",  KIND_ID_DECISION, by_owner },
    { "replicaset", KIND_ID_WORK, by_replica_set, .way = "delete it, or give the AIWorkload or ManifestWorkReplicaSet another name" },
    { "replicaset", KIND_ID_WORKLOAD, by_replica_set },
    { "managedcluster", KIND_ID_NAMESPACE, by_namespace_label },
    { "managedcluster", KIND_ID_JOIN_TOKEN, by_anybody, .reason = "the token's count of uses, of the cluster that used it" },
    { "managedcluster", KIND_ID_CONFIG_MAP, by_record },
    { "managedcluster", ANY_KIND, in_own_namespace },
    { "liveness", KIND_ID_LEASE, in_own_namespace },
    { "csr", KIND_ID_CLUSTER, by_anybody, .reason = "the request is for that cluster; csr.c has judged that" },
    { "csr", KIND_ID_JOIN_TOKEN, by_anybody, .reason = "the token's count of uses" },
    { "serviceaccount", KIND_ID_ACCOUNT, by_anybody, .reason = "made only where there is none" },
    /* clang-format on */
};

static const struct claim *find_claim(const struct reconcile_run *run, const struct kind *kind)
{
    for (size_t i = 0; run->self && i < count_of(claims); i++)
        if (!strcmp(claims[i].controller, run->self->name) &&
            (claims[i].kind == ANY_KIND || run->all->kinds[claims[i].kind] == kind))
            return &claims[i];
    return NULL;
}

bool claim_is_own(struct reconcile_run *run, const struct kind *kind, const struct node *there)
{
    const struct claim *claim;

    if (!there)
        return false;
    if (is_subject(run, kind, meta_namespace(there), meta_name(there)))
        return true;
    claim = find_claim(run, kind);
    return claim && read_subject(run) && claim->is_own(run, read_subject(run), there);
}

/* ---- Words -------------------------------------------------------------------------- */

const char *claim_words(struct reconcile_run *run, const struct err *err)
{
    return err->code == ERR_TAKEN ? arena_string(run->arena, err->text) : NULL;
}

/* An owner is named to those who may see it: in the same namespace. */
static int refuse_claim(struct reconcile_run *run, const struct claim *claim,
                        const struct kind *kind, const struct node *there, struct err *err)
{
    const struct node *reference = controller_reference(there);
    const char *subject = node_get_text(read_subject(run), "kind");
    const char *namespace = meta_namespace(there), *owner = node_get_text(reference, "name");
    bool same = !strcmp(namespace, run->namespace);
    const char *where =
        same || !*namespace ? "" : arena_printf(run->arena, " in the namespace \"%s\"", namespace);

    if (meta_is_deleting(there))
        return err_set(err, ERR_TAKEN,
                       "an earlier %s \"%s\"%s is being deleted; the name is taken "
                       "until it is gone",
                       kind->kind, meta_name(there), where);
    if (*owner && same)
        return err_set(
            err, ERR_TAKEN, "the name is taken: the %s \"%s\" belongs to the %s \"%s\"; %s",
            kind->kind, meta_name(there), node_get_text(reference, "kind"), owner,
            claim->way ? claim->way
                       : arena_printf(run->arena, "give this %s another name, or delete that %s",
                                      subject, node_get_text(reference, "kind")));
    return err_set(
        err, ERR_TAKEN, "the name is taken: there is a %s \"%s\"%s that is not this %s's; %s",
        kind->kind, meta_name(there), where, subject,
        claim->way ? claim->way
                   : arena_printf(run->arena, "delete it, or give this %s another name", subject));
}

/* A write that has no row is a mistake of the program; tests end at it. */
#ifdef __SANITIZE_ADDRESS__
#define LINT true
#else
#define LINT false
#endif

/* ---- Before a write ------------------------------------------------------------------ */

static bool add_waiter(struct reconcile_run *run, const struct kind *kind, const char *namespace,
                       const char *name);

/* Once for each name and subject, for people who look at Events. */
static void record_name_taken(struct reconcile_run *run, const struct err *err)
{
    struct seen seen;

    if (reconcile_get(run, run->self->about, run->namespace, run->name, &seen))
        reconcile_event(run, &seen, true, "NameTaken", "%s", err->text);
}

static struct node *read_there(struct reconcile_run *run, const struct kind *kind,
                               const char *namespace, const char *name)
{
    scoped_object struct object *found =
        objects_get(run->objects, OBJECTS_STAGED, kind, namespace, name, NULL);

    return found ? object_read(run->arena, found) : NULL;
}

int claim_check(struct reconcile_run *run, const struct kind *kind, const char *namespace,
                const char *name, const struct node *wanted, bool *ret_leave, struct err *err)
{
    const struct claim *claim;
    const struct node *there;

    *ret_leave = false;
    if (is_subject(run, kind, namespace, name))
        return 0;
    claim = find_claim(run, kind);
    assert(claim || !LINT);
    if (!claim)
        return err_set(err, ERR_INTERNAL, "the controller %s has no claim to any %s (claim.c)",
                       run->self ? run->self->name : "?", kind->kind);
    if (claim->is_own == by_anybody)
        return 0;
    there = read_there(run, kind, namespace, name);
    if (there && !claim_is_own(run, kind, there)) {
        bool news = add_waiter(run, kind, namespace, name);

        *ret_leave = claim->leave;
        if (claim->leave)
            return 0;
        refuse_claim(run, claim, kind, there, err);
        if (news && wanted)
            record_name_taken(run, err);
        return -1;
    }
    if (!there && wanted && !claim_is_own(run, kind, wanted))
        return err_set(err, ERR_INTERNAL,
                       "the controller %s makes the %s \"%s\" without saying for "
                       "whom (claim.c)",
                       run->self->name, kind->kind, name);
    return 0;
}

/* ---- Waiting for a name ----------------------------------------------------------------- */

static char *make_name_key(const char *store_kind, const char *namespace, const char *name)
{
    return mem_printf("%s %s/%s", store_kind, namespace, name);
}

/* "CONTROLLER NAMESPACE/NAME" */
static char *waiter_key(const struct reconcile_run *run)
{
    return mem_printf("%s %s/%s", run->self->name, run->namespace, run->name);
}

static char *split_waiter(const char *waiter, const char **ret_name)
{
    char *namespace = mem_copy_string(strchr(waiter, ' ') + 1);
    char *slash = strchr(namespace, '/');

    *slash = '\0';
    *ret_name = slash + 1;
    return namespace;
}

/* Keys whose objects are gone wait for nothing. Looked at whenever there are twice as
   many as before, so that it costs each key a constant share. */
static void forget_gone(struct controllers *all, struct map *waiters)
{
    size_t count = map_count(waiters), at = 0;
    const struct controller *to;
    const char *waiter;

    if (count < 256 || (count & (count - 1)))
        return;
    while ((to = map_next(waiters, &at, &waiter))) {
        const char *name;
        scoped_mem char *namespace = split_waiter(waiter, &name);
        const struct kind *kind = key_kind(all, to);
        scoped_object struct object *there =
            kind ? objects_get(all->objects, OBJECTS_STAGED, kind, namespace, name, NULL) : NULL;

        if (!there)
            map_remove(waiters, waiter);
    }
}

/* True if it did not wait for this before. */
static bool add_waiter(struct reconcile_run *run, const struct kind *kind, const char *namespace,
                       const char *name)
{
    scoped_mem char *key = make_name_key(kind->store_kind, namespace, name);
    scoped_mem char *waiter = waiter_key(run);
    struct map *waiters;

    if (!run->all->waits)
        run->all->waits = map_new();
    waiters = map_get(run->all->waits, key);
    if (!waiters) {
        waiters = map_new();
        map_put(run->all->waits, key, waiters);
    }
    forget_gone(run->all, waiters);
    return !map_put(waiters, waiter, (void *)(uintptr_t)run->self);
}

/* A name that is free is not waited for: it would stand here for ever, as no end of
   an object takes it out. */
void claim_wait(struct reconcile_run *run, enum kind_id kind, const char *namespace,
                const char *name)
{
    const struct kind *waited = run->all->kinds[kind];
    scoped_object struct object *there =
        run->self ? objects_get(run->objects, OBJECTS_STAGED, waited, namespace, name, NULL) : NULL;

    if (there)
        add_waiter(run, waited, namespace, name);
}

/* By what claims are seen: owners, labels, annotations, and whether it goes. */
static bool owner_differs(struct controllers *all, const struct object *before,
                          const struct object *after)
{
    static const char *const parts[] = {"ownerReferences", "labels", "annotations",
                                        "deletionTimestamp"};
    const struct node *was, *is;

    if (!before || !after)
        return true;
    was = node_get(controllers_read(all, before), "metadata");
    is = node_get(controllers_read(all, after), "metadata");
    for (size_t i = 0; i < count_of(parts); i++) {
        const struct node *old = node_get(was, parts[i]), *now = node_get(is, parts[i]);

        if (old && now ? !node_same(old, now) : old != now)
            return true;
    }
    return false;
}

void claim_note(struct controllers *all, const struct object *before, const struct object *after)
{
    const struct object *any = after ? after : before;
    struct map *waiters = NULL;
    const struct controller *to;
    const char *waiter;
    size_t at = 0;

    if (!all->waits || !map_count(all->waits))
        return;
    {
        scoped_mem char *key = make_name_key(any->kind->store_kind, any->namespace, any->name);

        waiters = map_get(all->waits, key);
        if (!waiters || !owner_differs(all, before, after))
            return;
        /* One that is being deleted is looked at now, and again when it is gone. */
        if (!after)
            map_remove(all->waits, key);
    }
    while ((to = map_next(waiters, &at, &waiter))) {
        const char *name;
        scoped_mem char *namespace = split_waiter(waiter, &name);

        controllers_wake(all, to, namespace, name);
    }
    if (!after)
        map_free(&waiters);
}

size_t claim_names(const struct controllers *all)
{
    return all->waits ? map_count(all->waits) : 0;
}

void claim_free(struct controllers *all)
{
    struct map *waiters;
    size_t at = 0;

    while (all->waits && (waiters = map_next(all->waits, &at, NULL)))
        map_free(&waiters);
    map_free(&all->waits);
}
