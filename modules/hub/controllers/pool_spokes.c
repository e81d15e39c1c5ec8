/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the spokes that a pool expects ahead of their joining. */
#include "controllers/pool_spokes.h"
#include "controllers/index.h"
#include "controllers/namespaces.h"

#include "auth/auth.h"
#include "base/clock.h"
#include "base/map.h"
#include "controllers/claim.h"
#include "meta/meta.h"
#include "pki/pki.h"
#include "placement/placement.h"
#include "query/query.h"
#include "render/render.h"

#include <string.h>

#define LIFETIME (INT64_C(30) * 86400 * CLOCK_SECOND)
#define MOST_SPOKES 1000

struct expected {
    struct reconcile_run *run;
    const struct node *pool;
    const char *set, *name, *secret;
    struct map *tokens; /* the pool's, by the label that says for which spoke */
    struct seen cluster;
};

/* ---- The token and the Secret that holds it ------------------------------------- */

/* Read once for all spokes of the pool; the caller frees. */
static struct map *tokens_of(struct reconcile_run *run, const char *set)
{
    const struct node *all = reconcile_list(run, KIND_ID_JOIN_TOKEN, NULL, META_LABEL_POOL, set);
    struct map *tokens = map_new();

    for (size_t i = node_count(all); i-- > 0;)
        map_put(tokens, meta_label(node_item(all, i), META_LABEL_SPOKE), node_item(all, i));
    return tokens;
}

static struct node *find_token(const struct expected *e)
{
    return map_get(e->tokens, render_label(e->run->arena, e->name));
}

static int remove_token(const struct expected *e, const struct node *token, struct err *err)
{
    map_remove(e->tokens, render_label(e->run->arena, e->name));
    return reconcile_remove(e->run, KIND_ID_JOIN_TOKEN, "", meta_name(token), err);
}

static const char *random_word(struct arena *arena, size_t bytes)
{
    scoped_text struct text hex = {0};
    unsigned char random[32];

    random_bytes(random, bytes);
    text_add_hex(&hex, random, bytes);
    return arena_string(arena, text_string(&hex));
}

/* The Secret lies among the project's own: one of this pool says for which spoke it is. */
static bool is_own_secret(const struct expected *e, const char *name)
{
    const struct node *there = reconcile_read_own(e->run, KIND_ID_SECRET, e->run->namespace, name);

    return there &&
           !strcmp(meta_label(there, META_LABEL_SPOKE), render_label(e->run->arena, e->name));
}

/*
 * POOL-SPOKE-join. The pool "gpu" with the spoke "a-1" and "gpu-a" with "1" want the same:
 * the second one's is told apart by a hash. One of a person's is not got round: whoever
 * made it expects to find the token there, or did not think of the pool.
 */
static const char *secret_name(const struct expected *e)
{
    struct reconcile_run *run = e->run;
    const char *end = arena_printf(run->arena, "%s-join", e->name);
    char *name = render_name(run->arena, run->name, end, 253);
    char *apart = render_name_apart(run->arena, run->name, end, 253);
    const struct node *there = reconcile_read(run, KIND_ID_SECRET, run->namespace, name);
    bool others = there && !is_own_secret(e, name) && *meta_owner_name(there, "ComputePool");

    return others || is_own_secret(e, apart) ? apart : name;
}

/* Words if the name is a person's or another controller's. */
static const char *secret_trouble(const struct expected *e)
{
    if (!reconcile_read(e->run, KIND_ID_SECRET, e->run->namespace, e->secret) ||
        is_own_secret(e, e->secret))
        return NULL;
    claim_wait(e->run, KIND_ID_SECRET, e->run->namespace, e->secret);
    return arena_printf(
        e->run->arena,
        "its token needs the Secret \"%s\", but that Secret exists and is not this pool's; delete "
        "it, or give the pool another name",
        e->secret);
}

static int keep_secret(const struct expected *e, const char *id, const char *word, struct err *err)
{
    struct arena *arena = e->run->arena;
    struct node *secret = reconcile_new(e->run, KIND_ID_SECRET, e->run->namespace, e->secret);
    scoped_text struct text token = {0};
    scoped_text struct text coded = {0};

    pki_join_token_add(&token, pki_authority_pin(e->run->all->settings.authority), id, word);
    text_add_base64(&coded, token.bytes, token.len, false);
    meta_add_controller(arena, secret, e->pool);
    meta_set_label(arena, secret, META_LABEL_SPOKE, render_label(arena, e->name));
    node_set_text(arena, node_make(arena, secret, "data"), "token", text_string(&coded));
    return reconcile_ensure(e->run, secret, NULL, err);
}

static int make_token(const struct expected *e, const char **ret_id, struct err *err)
{
    struct arena *arena = e->run->arena;
    const char *id = random_word(arena, 5), *salt = random_word(arena, 16);
    const char *word = random_word(arena, 16);
    struct node *token = reconcile_new(e->run, KIND_ID_JOIN_TOKEN, "", id);
    struct node *spec = node_make(arena, token, "spec");
    char expires[CLOCK_TEXT];

    clock_format(e->run->now + LIFETIME, false, expires);
    meta_set_label(arena, token, META_LABEL_POOL, e->set);
    meta_set_label(arena, token, META_LABEL_SPOKE, render_label(arena, e->name));
    node_set(arena, spec, "pool", node_format(arena, "%s/%s", e->run->namespace, e->run->name));
    node_add(arena, node_make_list(arena, spec, "names"), node_string(arena, e->name));
    node_set_int(arena, spec, "uses", 1);
    node_set_text(arena, spec, "expiresAt", expires);
    node_set_text(arena, spec, "salt", salt);
    node_set_text(arena, spec, "hash", pki_join_token_hash(arena, salt, word));
    *ret_id = id;
    map_put(e->tokens, render_label(arena, e->name), token);
    return reconcile_ensure(e->run, token, NULL, err) < 0 ? -1 : keep_secret(e, id, word, err);
}

/* One that holds: not expired, and somebody can still read it. */
static int settle_token(const struct expected *e, const char **ret_id, struct err *err)
{
    const struct node *token = find_token(e);
    int64_t expires = 0;

    clock_parse(node_get_text(node_get(token, "spec"), "expiresAt"), &expires);
    if (token && expires > e->run->now && is_own_secret(e, e->secret)) {
        reconcile_wake_at(e->run, expires);
        *ret_id = meta_name(token);
        return 0;
    }
    if (token && remove_token(e, token, err) < 0)
        return -1;
    return make_token(e, ret_id, err);
}

static int drop_token(const struct expected *e, struct err *err)
{
    const struct node *token = find_token(e);

    if (token && remove_token(e, token, err) < 0)
        return -1;
    return is_own_secret(e, e->secret)
               ? reconcile_remove(e->run, KIND_ID_SECRET, e->run->namespace, e->secret, err)
               : 0;
}

/* ---- The cluster ------------------------------------------------------------------- */

static bool has_certificate(const struct expected *e)
{
    return *meta_annotation(e->cluster.node, META_ANNOTATION_CLIENT_KEYS);
}

static bool is_pools_cluster(const struct expected *e)
{
    return !strcmp(meta_label(e->cluster.node, META_LABEL_POOL), e->set);
}

/* Accepted by the pool, in its set, and not to be chosen before it is there. */
static int make_cluster(struct expected *e, const char *token, struct err *err)
{
    struct arena *arena = e->run->arena;
    struct node *cluster = reconcile_new(e->run, KIND_ID_CLUSTER, "", e->name);
    struct node *spec = node_make(arena, cluster, "spec"), *taint = node_map(arena);
    char now[CLOCK_TEXT];

    clock_format(e->run->now, false, now);
    meta_set_label(arena, cluster, META_LABEL_POOL, e->set);
    meta_set_label(arena, cluster, META_LABEL_CLUSTERSET, e->set);
    meta_set_annotation(arena, cluster, META_ANNOTATION_JOIN_TOKEN, token);
    node_set_bool(arena, spec, "hubAcceptsClient", true);
    node_set_int(arena, spec, "leaseDurationSeconds", 60);
    node_set_text(arena, taint, "key", META_TAINT_PENDING);
    node_set_text(arena, taint, "effect", "NoSelect");
    node_set_text(arena, taint, "timeAdded", now);
    node_add(arena, node_make_list(arena, spec, "taints"), taint);
    return reconcile_ensure(e->run, cluster, NULL, err);
}

static int remember_token(struct expected *e, const char *token, struct err *err)
{
    struct node *patch = node_map(e->run->arena);

    if (!strcmp(meta_annotation(e->cluster.node, META_ANNOTATION_JOIN_TOKEN), token))
        return 0;
    meta_set_annotation(e->run->arena, patch, META_ANNOTATION_JOIN_TOKEN, token);
    return reconcile_patch(e->run, &e->cluster, patch, err);
}

static int let_choose(struct expected *e, struct err *err)
{
    const struct node *taints = node_at(e->cluster.node, "spec", "taints", NULL);
    struct arena *arena = e->run->arena;
    struct node *patch = node_map(arena), *rest;

    rest = node_make_list(arena, node_make(arena, patch, "spec"), "taints");
    for (size_t i = 0; i < node_count(taints); i++)
        if (strcmp(node_get_text(node_item(taints, i), "key"), META_TAINT_PENDING) != 0)
            node_add(arena, rest, node_item(taints, i));
    return node_count(rest) < node_count(taints) ? reconcile_patch(e->run, &e->cluster, patch, err)
                                                 : 0;
}

/* ---- One that is expected ------------------------------------------------------------ */

static void set_row(const struct expected *e, struct node *row, const char *phase,
                    const char *message)
{
    node_set_text(e->run->arena, row, "name", e->name);
    node_set_text(e->run->arena, row, "phase", phase);
    if (!strcmp(phase, "PendingJoin"))
        node_set_text(e->run->arena, row, "secret", e->secret);
    if (*message)
        node_set_text(e->run->arena, row, "message", message);
}

static bool cluster_condition_is(const struct expected *e, const char *condition)
{
    return meta_condition_is_true(e->cluster.node, condition);
}

/* Until it has come with its certificate it fetches that with its token. */
static int settle_joined(struct expected *e, struct node *row, struct err *err)
{
    if (is_pools_cluster(e) && !cluster_condition_is(e, META_CONDITION_CLUSTER_JOINED)) {
        set_row(e, row, "PendingJoin", "its certificate is signed, and not used yet");
        return 0;
    }
    set_row(e, row,
            cluster_condition_is(e, META_CONDITION_CLUSTER_AVAILABLE) ? "Available" : "Joined", "");
    if (!is_pools_cluster(e))
        return 0;
    return let_choose(e, err) < 0 ? -1 : drop_token(e, err);
}

static int settle_pending(struct expected *e, struct node *row, struct err *err)
{
    const char *token = NULL;

    set_row(e, row, "PendingJoin", "");
    if (settle_token(e, &token, err) < 0)
        return -1;
    return e->cluster.node ? remember_token(e, token, err) : make_cluster(e, token, err);
}

/* The spoke or namespace that has the name now may go. */
static void wait_for_name(const struct expected *e)
{
    static const enum kind_id holders[] = {KIND_ID_CLUSTER, KIND_ID_NAMESPACE, KIND_ID_PROJECT,
                                           KIND_ID_TENANT};

    for (size_t i = 0; i < count_of(holders); i++)
        claim_wait(e->run, holders[i], "", e->name);
}

static const char *find_spoke_trouble(struct expected *e)
{
    char why[NAME_WHY];

    if (!name_is_dns_label(e->name, why))
        return arena_printf(e->run->arena, "\"%.80s\" is not a valid name of a spoke: %s", e->name,
                            why);
    wait_for_name(e);
    if (!e->cluster.node)
        return namespace_trouble(e->run->all, e->run->arena, e->name, "ManagedCluster");
    return pool_spoke_trouble(e->run, e->name, e->set);
}

const char *pool_spoke_trouble(struct reconcile_run *run, const char *name, const char *set)
{
    const struct node *cluster = reconcile_read(run, KIND_ID_CLUSTER, "", name);

    if (!cluster)
        return NULL;
    if (meta_is_deleting(cluster))
        return "a spoke of this name is being deleted; wait for it";
    /* Whose it is, is not for this project to know. */
    if (strcmp(meta_label(cluster, META_LABEL_CLUSTERSET), set) != 0)
        return arena_printf(
            run->arena,
            "\"%s\" is an existing spoke and is not this pool's; use another name, or ask an "
            "administrator to move it",
            name);
    return NULL;
}

static struct expected expect_spoke(struct reconcile_run *run, const char *set, struct map *tokens,
                                    const char *name)
{
    struct expected e = {.run = run, .set = set, .name = name, .tokens = tokens};

    e.secret = secret_name(&e);
    if (!reconcile_get(run, KIND_ID_CLUSTER, "", name, &e.cluster))
        e.cluster = (struct seen){0};
    return e;
}

static int settle_expected(struct expected e, struct node *row, struct err *err)
{
    const char *trouble = find_spoke_trouble(&e);

    if (!trouble)
        trouble = secret_trouble(&e);
    if (trouble) {
        set_row(&e, row, "Failed", trouble);
        node_set_text(e.run->arena, row, "reason", "NameTaken");
        return 0;
    }
    if (e.cluster.node && (has_certificate(&e) || !is_pools_cluster(&e)))
        return settle_joined(&e, row, err);
    return settle_pending(&e, row, err);
}

/* ---- All of them, and those no longer ---------------------------------------------------- */

struct leftovers {
    struct reconcile_run *run;
    const char *set;
    struct map *listed;
    struct node *names; /* of those that are to go */
};

/* Made by the pool, not expected any more, and without a certificate. */
static void find_leftover(void *arg, const char *namespace, const char *name)
{
    struct leftovers *left = arg;
    const struct node *cluster = placement_world_cluster(left->run->all->world, name);

    if (cluster && !strcmp(meta_label(cluster, META_LABEL_POOL), left->set) &&
        !map_get(left->listed, name) && !*meta_annotation(cluster, META_ANNOTATION_CLIENT_KEYS))
        node_add(left->run->arena, left->names, node_string(left->run->arena, name));
}

static int drop_others(struct reconcile_run *run, const char *set, struct map *tokens,
                       const struct node *names, struct err *err)
{
    scoped_map struct map *listed = map_new();
    struct leftovers left = {run, set, listed, node_list(run->arena)};

    for (size_t i = 0; i < node_count(names); i++)
        map_put(listed, node_text(node_item(names, i)), listed);
    index_each_name(run->all, KIND_ID_CLUSTER, META_LABEL_POOL, set, find_leftover, &left);
    for (size_t i = 0; i < node_count(left.names); i++) {
        struct expected e = expect_spoke(run, set, tokens, node_text(node_item(left.names, i)));

        if (drop_token(&e, err) < 0 || reconcile_remove(run, KIND_ID_CLUSTER, "", e.name, err) < 0)
            return -1;
    }
    return 0;
}

int pool_spokes(struct reconcile_run *run, const struct node *pool, const char *set,
                struct node *ret_rows, struct err *err)
{
    const struct node *names = node_at(pool, "spec", "spokes", NULL);
    scoped_map struct map *tokens = tokens_of(run, set);

    for (size_t i = 0; i < node_count(names) && i < MOST_SPOKES; i++) {
        struct node *row = node_map(run->arena);
        struct expected e = expect_spoke(run, set, tokens, node_text(node_item(names, i)));

        e.pool = pool;
        if (settle_expected(e, row, err) < 0)
            return -1;
        node_add(run->arena, ret_rows, row);
    }
    return drop_others(run, set, tokens, names, err);
}

int pool_spokes_drop(struct reconcile_run *run, const char *set, struct err *err)
{
    scoped_map struct map *tokens = tokens_of(run, set);

    return drop_others(run, set, tokens, NULL, err);
}
