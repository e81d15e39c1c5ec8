/* SPDX-License-Identifier: Apache-2.0 */
/* Renders a deployment into an artifact in the hub's registry. */
#include "controllers/rendition.h"

#include "base/asset.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/meter.h"
#include "base/version.h"
#include "controllers/failure.h"
#include "controllers/revision.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "registry/registry.h"
#include "render/render.h"
#include "store/store.h"

#include <string.h>

/* Changes when what may be rendered does, so that it is judged anew; what comes
   out the same keeps its artifact. */
#define RULES "rules 2"

/* Revisions whose artifacts stay at hand; older ones are rendered again. */
#define KEPT_TAGS 10

#define LOOK_AGAIN (60 * CLOCK_SECOND)

static char *repository_of_pass(struct reconcile_run *run)
{
    return arena_printf(run->arena, "%s/%s", run->namespace, run->name);
}

/* ---- What goes in ------------------------------------------------------------ */

struct inputs {
    const struct node *profile, *bundle;
    struct node *variables;
    struct node *custom; /* definitions of the project and its tenant */
};

static void add_owner_definitions(struct reconcile_run *run, struct node *list,
                                  const char *namespace)
{
    static const enum kind_id kinds[] = {KIND_ID_COMPONENT, KIND_ID_TRAIT};

    for (size_t k = 0; k < count_of(kinds); k++) {
        const struct node *all = reconcile_list(run, kinds[k], namespace, NULL, NULL);

        for (size_t i = 0; i < node_count(all); i++) {
            const struct node *one = node_item(all, i);
            struct node *slim = node_map(run->arena);

            /* What changes without changing the outcome is left out. */
            node_set_text(run->arena, slim, "kind", kind_id_rows[kinds[k]].kind);
            node_set_text(run->arena, node_make(run->arena, slim, "metadata"), "name",
                          meta_name(one));
            node_set(run->arena, slim, "spec", node_get(one, "spec"));
            node_add(run->arena, list, slim);
        }
    }
}

static int gather_inputs(struct reconcile_run *run, const struct rendition_input *input,
                         struct inputs *in, struct err *err)
{
    const struct node *spec = node_get(input->deployment, "spec");
    const struct node *profile = node_get(spec, "workloadProfileRef");
    const struct node *bundle = node_get(spec, "profileBundleRef");
    const struct node *declared;
    bool live;

    in->profile =
        revision_snapshot(run, KIND_ID_PROFILE, run->namespace, node_get_text(profile, "name"),
                          node_get_text(profile, "revision"));
    if (!in->profile)
        return err_set(err, ERR_NOT_FOUND,
                       "there is no revision %s of the "
                       "WorkloadProfile \"%s\"",
                       node_get_text(profile, "revision"), node_get_text(profile, "name"));
    in->bundle =
        revision_snapshot(run, KIND_ID_BUNDLE, run->namespace, node_get_text(bundle, "name"),
                          node_get_text(bundle, "revision"));
    declared = revision_variables(run, run->namespace, input->tenant, in->profile, in->bundle);
    in->variables = render_variables(run->arena, declared, node_get(spec, "variables"), err);
    if (!in->variables)
        return -1;
    in->custom = revision_definitions(run, in->profile, &live, err);
    if (!in->custom)
        return -1;
    /* A revision of before 0.2 names none; it is made with those of now. */
    if (live)
        add_owner_definitions(run, in->custom, run->namespace);
    if (live && *input->tenant)
        add_owner_definitions(run, in->custom,
                              arena_printf(run->arena, "tenant-%s", input->tenant));
    return 0;
}

static int add_asset(const struct asset *asset, void *arg)
{
    pki_sha256_add(arg, asset->bytes, asset->size);
    return 0;
}

/* The built-in definitions never change, so they are hashed once. */
static const struct pki_sha256 *hash_built_in(void)
{
    static struct pki_sha256 hash;
    static bool done;

    if (!done) {
        pki_sha256_start(&hash);
        asset_each("definitions/", add_asset, &hash);
        asset_each("library/", add_asset, &hash);
        done = true;
    }
    return &hash;
}

static char *end_hash(struct reconcile_run *run, struct pki_sha256 hash)
{
    scoped_text struct text hex = {0};
    unsigned char sum[PKI_SHA256];

    pki_sha256_end(&hash, sum);
    text_add_hex(&hex, sum, sizeof sum);
    return arena_string(run->arena, text_string(&hex));
}

/*
 * One hash over everything that decides what is rendered. `ret_shared` is one
 * over all but the names of who renders it: the profile, its variables and
 * definitions, and this program.
 */
static char *hash_inputs(struct reconcile_run *run, const struct rendition_input *input,
                         const struct inputs *in, char **ret_shared)
{
    scoped_text struct text bytes = {0};
    struct pki_sha256 hash, shared;

    document_write_canonical(&bytes, in->profile);
    document_write_canonical(&bytes, in->variables);
    document_write_canonical(&bytes, in->custom);
    shared = *hash_built_in();
    pki_sha256_add(&shared, bytes.bytes, bytes.len);
    pki_sha256_add(&shared, run->namespace, strlen(run->namespace) + 1);
    pki_sha256_add(&shared, input->tenant, strlen(input->tenant) + 1);
    pki_sha256_add(&shared, version_commit(), strlen(version_commit()));
    *ret_shared = end_hash(run, shared);
    text_addf(&bytes, "%s/%s %s %s %s", run->namespace, run->name, input->tenant, input->namespace,
              node_get_text(node_get(input->deployment, "spec"), "aiWorkload"));
    if (node_count(input->cluster_kinds))
        document_write_canonical(&bytes, input->cluster_kinds);
    text_add(&bytes, RULES);
    hash = *hash_built_in();
    pki_sha256_add(&hash, bytes.bytes, bytes.len);
    return end_hash(run, hash);
}

/* ---- What has failed is not tried again ---------------------------------------- */

/*
 * A profile that takes too much does so for everyone who renders it with the
 * same variables, so one verdict serves all of them, and all wake-ups. Rendering
 * is a pure function, so it does not matter whose hub found out.
 */
static struct verdict {
    char *shared; /* owned */
    struct err why;
} verdicts[64];
static size_t next_verdict;

static const struct err *find_verdict(const char *shared)
{
    for (size_t i = 0; i < count_of(verdicts); i++)
        if (verdicts[i].shared && !strcmp(verdicts[i].shared, shared))
            return &verdicts[i].why;
    return NULL;
}

static void keep_verdict(const char *shared, const struct err *why)
{
    struct verdict *verdict = &verdicts[next_verdict++ % count_of(verdicts)];

    mem_free(&verdict->shared);
    verdict->shared = mem_copy_string(shared);
    verdict->why = *why;
}

/*
 * Whatever else a user got wrong is remembered in the status, by all inputs and
 * the program that read them. -1 with what it said then.
 */
static int recall_failure(struct reconcile_run *run, const struct rendition_input *input,
                          const struct rendition *r, struct err *err)
{
    const struct node *old = node_at(input->deployment, "status", "renderFailure", NULL);
    const struct err *verdict = find_verdict(r->shared);

    if (verdict) {
        *err = *verdict;
        return -1;
    }
    if (strcmp(node_get_text(old, "inputs"), r->inputs) ||
        strcmp(node_get_text(old, "version"), version_commit()) ||
        node_get_int(old, "generation", meta_generation(input->deployment)) !=
            meta_generation(input->deployment))
        return 0;
    return err_set(err, ERR_INVALID, "%s", node_get_text(old, "message"));
}

static void keep_render_failure(struct reconcile_run *run, struct rendition *r,
                                const struct meter *meter, const struct err *why)
{
    if (failure_retry(why->code) != FAILURE_ON_CHANGE)
        return;
    r->failure = node_map(run->arena);
    node_set_text(run->arena, r->failure, "inputs", r->inputs);
    node_set_text(run->arena, r->failure, "version", version_commit());
    node_set_text(run->arena, r->failure, "message", why->text);
    if (!meter_over(meter))
        return;
    keep_verdict(r->shared, why);
    log_info("deployment", "%s/%s: %s", run->namespace, run->name, why->text);
}

/* ---- Secrets, which never enter an artifact ------------------------------------ */

static void add_secret_name(struct reconcile_run *run, struct node *names, const char *name)
{
    for (size_t i = 0; i < node_count(names); i++)
        if (!strcmp(node_text(node_item(names, i)), name))
            return;
    if (*name)
        node_add(run->arena, names, node_string(run->arena, name));
}

/* Only what a Secret is for: who it belongs to is not the template's to say. */
static struct node *slim_secret(struct reconcile_run *run, const struct node *rendered)
{
    static const char *const fields[] = {"type", "data", "stringData", "immutable"};
    struct node *slim = reconcile_new(run, KIND_ID_SECRET, run->namespace, meta_name(rendered));

    node_each(label, node_at(rendered, "metadata", "labels", NULL))
        meta_set_label(run->arena, slim, label->key, node_text(label->value));
    for (size_t i = 0; i < count_of(fields); i++)
        if (node_get(rendered, fields[i]))
            node_set(run->arena, slim, fields[i], node_get(rendered, fields[i]));
    return slim;
}

static int keep_secrets(struct reconcile_run *run, const struct node *deployment,
                        const struct node *secrets, struct node *names, struct err *err)
{
    for (size_t i = 0; i < node_count(secrets); i++) {
        const struct node *one = node_item(secrets, i);
        struct node *wanted = slim_secret(run, one);

        meta_add_controller(run->arena, wanted, deployment);
        /* One of that name that is a person's, or another deployment's, stays. */
        if (reconcile_ensure(run, wanted, NULL, err) < 0)
            return -1;
        add_secret_name(run, names, meta_name(one));
    }
    return 0;
}

/* Every Secret that a pod's template names: as environment or as a volume. */
static void find_names(struct reconcile_run *run, const struct node *tree, struct node *names)
{
    static const char *const refs[] = {"secretKeyRef", "secretRef", "secret"};

    for (size_t i = 0; node_is(tree, NODE_LIST) && i < node_count(tree); i++)
        find_names(run, node_item(tree, i), names);
    node_each(member, tree)
    {
        for (size_t i = 0; i < count_of(refs); i++)
            if (!strcmp(member->key, refs[i]) && node_is(member->value, NODE_MAP))
                add_secret_name(run, names, node_get_text(member->value, "name"));
        if (!strcmp(member->key, "secretName") && node_is(member->value, NODE_STRING))
            add_secret_name(run, names, node_text(member->value));
        find_names(run, member->value, names);
    }
}

static const struct node *find_ref(const struct node *refs, const char *name)
{
    for (size_t i = 0; i < node_count(refs); i++)
        if (!strcmp(node_get_text(node_item(refs, i), "name"), name))
            return node_item(refs, i);
    return NULL;
}

/*
 * Each with the version that it has now, so that a new one is fetched. One that has
 * been deleted stays as spokes have it: nothing is taken from what runs. What never
 * was there is left out: the pod says what it waits for.
 */
static struct node *refs_of(struct reconcile_run *run, const struct node *names,
                            const struct node *old, struct rendition *ret)
{
    struct node *refs = node_list(run->arena);

    for (size_t i = 0; i < node_count(names); i++) {
        const char *name = node_text(node_item(names, i));
        const struct node *stored = reconcile_read(run, KIND_ID_SECRET, run->namespace, name);
        const struct node *before = stored ? NULL : find_ref(node_get(old, "secretRefs"), name);
        struct node *ref = node_map(run->arena);

        if (before) {
            ret->gone = arena_printf(
                run->arena, "the Secret \"%s\" is deleted; spokes keep the copy that they have",
                name);
            node_add(run->arena, refs, node_copy(run->arena, before));
        }
        if (!stored)
            continue;
        node_set_text(run->arena, ref, "name", name);
        node_set_text(run->arena, ref, "namespace", run->namespace);
        node_set_text(run->arena, ref, "resourceVersion",
                      node_get_text(node_get(stored, "metadata"), "resourceVersion"));
        node_add(run->arena, refs, ref);
    }
    return refs;
}

/* ---- Rendering ------------------------------------------------------------------- */

/* The deployment's own name was another's, so its objects' may be, too. */
static bool is_apart(struct reconcile_run *run, const struct rendition_input *input)
{
    const struct node *spec = node_get(input->deployment, "spec");
    const char *profile = node_get_text(node_get(spec, "workloadProfileRef"), "name");

    return !strcmp(run->name, render_name_apart(run->arena, node_get_text(spec, "aiWorkload"),
                                                profile, RENDER_NAME));
}

static int render_all(struct reconcile_run *run, const struct rendition_input *input,
                      const struct inputs *in, struct meter *meter, struct render_result *ret,
                      struct err *err)
{
    struct node *definitions = node_share(run->arena, in->custom);
    const struct node *builtin = render_builtin(run->arena, err);
    struct render_input wanted = {
        .profile = in->profile,
        .variables = in->variables,
        .tenant = input->tenant,
        .project = run->namespace,
        .aiworkload = node_get_text(node_get(input->deployment, "spec"), "aiWorkload"),
        .deployment = run->name,
        .namespace = input->namespace,
        .meter = meter,
        .apart = is_apart(run, input),
        .cluster_kinds = input->cluster_kinds,
    };

    if (!builtin)
        return -1;
    for (size_t i = 0; i < node_count(builtin); i++)
        node_add(run->arena, definitions, node_item(builtin, i));
    wanted.definitions = definitions;
    return render_manifests(run->arena, &wanted, ret, err);
}

/* Packing writes every byte, hashes it twice and compresses it. */
#define COST_PACK 25

static int pack_artifact(struct reconcile_run *run, const struct render_result *result,
                         struct meter *meter, struct render_bundle *ret, struct err *err)
{
    uint64_t weight = node_weight(result->manifests, meter_left(meter) / COST_PACK);

    if (!meter_spend(meter, weight * COST_PACK))
        return err_set(
            err, ERR_TOO_LARGE,
            "the rendered profile is too large: rendering and packing it takes more than " METER_ANSWER_WORDS);
    return render_bundle(run->arena, result->manifests,
                         arena_printf(run->arena, "axle://%s", repository_of_pass(run)), ret, err);
}

static struct node *keep_artifact(struct reconcile_run *run, const char *revision,
                                  const struct render_bundle *bundle)
{
    const struct registry_blob manifest = {
        bundle->manifest.digest,
        RENDER_MANIFEST,
        bundle->manifest.bytes,
        bundle->manifest.len,
    };
    const struct registry_blob blobs[] = {
        {bundle->config.digest, RENDER_CONFIG, bundle->config.bytes, bundle->config.len},
        {bundle->layer.digest, RENDER_LAYER, bundle->layer.bytes, bundle->layer.len},
    };
    char *repository = repository_of_pass(run);
    struct node *facts = node_map(run->arena);

    registry_keep(objects_store(run->objects), repository, revision, &manifest, blobs,
                  count_of(blobs));
    registry_trim(objects_store(run->objects), repository, KEPT_TAGS);
    node_set_text(run->arena, facts, "reference", repository);
    node_set_text(run->arena, facts, "digest", manifest.digest);
    node_set_text(run->arena, facts, "contentDigest", bundle->content);
    node_set_text(run->arena, facts, "layer", bundle->layer.digest);
    return facts;
}

static bool is_artifact_kept(struct reconcile_run *run, const struct node *facts)
{
    return facts && registry_is_complete(objects_store(run->objects), repository_of_pass(run),
                                         node_get_text(facts, "digest"));
}

static bool was_kept(struct reconcile_run *run, const struct node *deployment)
{
    const struct node *old = node_at(deployment, "status", "artifact", NULL);

    return !strcmp(node_get_text(old, "reference"), repository_of_pass(run));
}

/* Of what leaves a repository no object tells, so it is looked at again. */
static int claim_repository(struct reconcile_run *run, const struct node *deployment,
                            struct err *err)
{
    if (registry_claim(objects_store(run->objects), repository_of_pass(run),
                       was_kept(run, deployment)))
        return 0;
    reconcile_wake_at(run, run->now + LOOK_AGAIN);
    return err_set(
        err, ERR_TAKEN,
        "the name is taken: something was pushed to the repository "
        "\"%s\" of the hub's registry; delete the repository's contents, or give the AIWorkload "
        "another name",
        repository_of_pass(run));
}

/* Those that were rendered are the hub's to make again. */
static bool has_made_secrets(struct reconcile_run *run, const struct node *facts)
{
    const struct node *names = node_get(facts, "madeSecrets");

    for (size_t i = 0; i < node_count(names); i++)
        if (!reconcile_read(run, KIND_ID_SECRET, run->namespace, node_text(node_item(names, i))))
            return false;
    return true;
}

/* ---- VariableSets that are gone ------------------------------------------------------ */

static void add_set_names(struct reconcile_run *run, const char *namespace, struct node *names)
{
    const struct node *sets = reconcile_list(run, KIND_ID_VARIABLE_SET, namespace, NULL, NULL);

    for (size_t i = 0; i < node_count(sets); i++)
        node_add(run->arena, names,
                 node_format(run->arena, "%s/%s", namespace, meta_name(node_item(sets, i))));
}

/* Which VariableSets there were for it, "NAMESPACE/NAME", and of which generation it is. */
static void note_sets(struct reconcile_run *run, const struct rendition_input *input,
                      struct node *facts)
{
    struct node *names = node_list(run->arena);

    add_set_names(run, run->namespace, names);
    if (*input->tenant)
        add_set_names(run, arena_printf(run->arena, "tenant-%s", input->tenant), names);
    node_set(run->arena, facts, "variableSets", names);
    node_set_int(run->arena, facts, "generation", meta_generation(input->deployment));
}

/*
 * What was deleted with a VariableSet may be values that this was made with. Where it
 * would be made from others now, it stays as it is until the set is there again or
 * the deployment itself is changed.
 */
static int check_sets(struct reconcile_run *run, const struct rendition_input *input,
                      const struct node *old, const char *content, struct err *err)
{
    const struct node *sets = node_get(old, "variableSets");

    if (!old || !strcmp(node_get_text(old, "contentDigest"), content) ||
        node_get_int(old, "generation", 0) != meta_generation(input->deployment))
        return 0;
    for (size_t i = 0; i < node_count(sets); i++) {
        char *namespace = arena_string(run->arena, node_text(node_item(sets, i)));
        char *name = strchr(namespace, '/');

        if (name)
            *name++ = '\0';
        if (name && !reconcile_read(run, KIND_ID_VARIABLE_SET, namespace, name))
            return err_set(
                err, ERR_INVALID,
                "the VariableSet \"%s\" is deleted, and without it other values would be used; "
                "what runs is not changed: create the set again, or "
                "give the values in spec.variables of the AIWorkload",
                name);
    }
    return 0;
}

static void note_advice(struct reconcile_run *run, const struct node *manifests, struct node *facts)
{
    const char *advice = render_advice(run->arena, manifests);

    node_remove(facts, "advice");
    if (advice)
        node_set_text(run->arena, facts, "advice", advice);
}

int rendition_make(struct reconcile_run *run, const struct rendition_input *input,
                   struct rendition *ret, struct err *err)
{
    const struct node *status = node_get(input->deployment, "status");
    const struct node *old = node_get(status, "artifact");
    const char *revision =
        node_get_text(node_at(input->deployment, "spec", "workloadProfileRef", NULL), "revision");
    struct render_result result;
    struct render_bundle bundle;
    struct inputs in = {0};
    struct meter meter = {.limit = METER_ANSWER};
    struct node *names = node_list(run->arena);

    if (gather_inputs(run, input, &in, err) < 0)
        return -1;
    ret->inputs = hash_inputs(run, input, &in, &ret->shared);
    if (!strcmp(node_get_text(status, "inputs"), ret->inputs) && is_artifact_kept(run, old) &&
        has_made_secrets(run, old)) {
        ret->facts = node_copy(run->arena, old);
        node_set(run->arena, ret->facts, "secretRefs",
                 refs_of(run, node_get(old, "secretNames"), old, ret));
        note_sets(run, input, ret->facts);
        return 0;
    }
    if (recall_failure(run, input, ret, err) < 0 ||
        claim_repository(run, input->deployment, err) < 0)
        return -1;
    if (render_all(run, input, &in, &meter, &result, err) < 0 ||
        pack_artifact(run, &result, &meter, &bundle, err) < 0 ||
        check_sets(run, input, old, bundle.content, err) < 0) {
        keep_render_failure(run, ret, &meter, err);
        if (ret->failure)
            node_set_int(run->arena, ret->failure, "generation",
                         meta_generation(input->deployment));
        return -1;
    }
    ret->cost = meter.spent;
    if (keep_secrets(run, input->deployment, result.secrets, names, err) < 0)
        return -1;
    if (is_artifact_kept(run, old) && !strcmp(node_get_text(old, "contentDigest"), bundle.content))
        ret->facts = node_copy(run->arena, old);
    else
        ret->facts = keep_artifact(run, revision, &bundle);
    node_set_text(run->arena, ret->facts, "revision", revision);
    note_sets(run, input, ret->facts);
    node_set(run->arena, ret->facts, "madeSecrets", node_copy(run->arena, names));
    note_advice(run, result.manifests, ret->facts);
    find_names(run, result.manifests, names);
    node_set(run->arena, ret->facts, "secretNames", names);
    node_set(run->arena, ret->facts, "secretRefs", refs_of(run, names, old, ret));
    return 0;
}

/* ---- Back out of the registry ------------------------------------------------------ */

static void *read_blob(struct reconcile_run *run, const char *digest, size_t *ret_len,
                       struct err *err)
{
    struct store *store = objects_store(run->objects);
    int64_t size = store_blob_size(store, digest), got;
    char *bytes;

    if (size < 0) {
        err_set(err, ERR_NOT_FOUND, "the registry has no %s", digest);
        return NULL;
    }
    if (store_check_read(store, err) < 0)
        return NULL;
    bytes = arena_alloc(run->arena, (size_t)size + 1);
    got = store_blob_read(store, digest, 0, bytes, (size_t)size, err);
    if (got != size) {
        /* Damaged: without it the next run renders it anew. */
        if (got < 0 && err->code == ERR_INTERNAL)
            store_blob_delete(store, digest);
        if (got >= 0)
            err_set(err, ERR_INTERNAL, "%s is incomplete", digest);
        return NULL;
    }
    *ret_len = (size_t)size;
    return bytes;
}

/* As spokes have it, after it was deleted here. */
static struct node *delivered_secret(struct reconcile_run *run, const char *name)
{
    const struct node *set = reconcile_read(run, KIND_ID_REPLICA_SET, run->namespace, run->name);
    const struct node *list =
        node_at(set, "spec", "manifestWorkTemplate", "workload", "manifests", NULL);

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_get_text(node_item(list, i), "kind"), "Secret") &&
            !strcmp(meta_name(node_item(list, i)), name))
            return node_item(list, i);
    return NULL;
}

int rendition_manifests(struct reconcile_run *run, const char *namespace,
                        const struct rendition *artifact, struct node *into, struct err *err)
{
    const struct node *refs = node_get(artifact->facts, "secretRefs"), *list;
    size_t len = 0;
    void *layer = read_blob(run, node_get_text(artifact->facts, "layer"), &len, err);

    list = layer ? render_unbundle(run->arena, layer, len, err) : NULL;
    if (!list)
        return -1;
    for (size_t i = 0; i < node_count(refs); i++) {
        struct node *secret = reconcile_read(run, KIND_ID_SECRET, run->namespace,
                                             node_get_text(node_item(refs, i), "name"));
        struct node *slim;

        if (!secret)
            secret = delivered_secret(run, node_get_text(node_item(refs, i), "name"));
        if (!secret)
            continue;
        slim = reconcile_new(run, KIND_ID_SECRET, namespace, meta_name(secret));
        if (node_get(secret, "data"))
            node_set(run->arena, slim, "data", node_get(secret, "data"));
        if (node_get(secret, "type"))
            node_set(run->arena, slim, "type", node_get(secret, "type"));
        node_add(run->arena, into, slim);
    }
    for (size_t i = 0; i < node_count(list); i++)
        node_add(run->arena, into, node_item(list, i));
    return 0;
}

void rendition_drop(struct reconcile_run *run, const struct node *deployment)
{
    struct store *store = objects_store(run->objects);

    if (was_kept(run, deployment) || registry_is_claimed(store, repository_of_pass(run)))
        registry_drop(objects_store(run->objects), repository_of_pass(run));
}
