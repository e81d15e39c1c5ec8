/* SPDX-License-Identifier: Apache-2.0 */
/* Says who may join as what, counts the uses of join tokens, and makes of what a
   joiner sends the cluster that the hub wants. */
#include "controllers/joining.h"
#include "controllers/joins.h"
#include "controllers/namespaces.h"
#include "controllers/parse.h"
#include "controllers/rules.h"

#include "base/clock.h"
#include "meta/meta.h"
#include "render/render.h"
#include "work/work.h"

#include <string.h>

#define LEASE_SECONDS 60
#define MOST_LEASE_SECONDS 86400
#define HEX_PIN 64

/* ---- Tokens ---------------------------------------------------------------- */

const struct node *joining_token(struct controllers *all, struct arena *arena, const char *id)
{
    scoped_object struct object *token =
        objects_get(all->objects, OBJECTS_STAGED, all->kinds[KIND_ID_JOIN_TOKEN], "", id, NULL);

    return token ? controllers_parse(all, arena, token) : NULL;
}

bool joining_token_names(const struct node *token, const char *cluster)
{
    const struct node *names = node_at(token, "spec", "names", NULL);

    for (size_t i = 0; i < node_count(names); i++)
        if (!strcmp(node_text(node_item(names, i)), cluster))
            return true;
    return false;
}

static bool is_among_left(const struct node *left, const char *uid)
{
    for (size_t i = 0; i < node_count(left); i++)
        if (!strcmp(node_text(node_item(left, i)), uid))
            return true;
    return false;
}

/* The clusters that are there, and those that have left. */
int64_t joining_count(struct controllers *all, const struct node *token)
{
    const struct node *status = node_get(token, "status");
    int64_t told = node_get_int(status, "used", 0);
    int64_t count = (int64_t)joins_uses(all, meta_name(token), node_get(status, "left"));

    return count > told ? count : told;
}

/* A use is spent by the write that makes the cluster, because it is counted from
   what is staged; here it stays spent when the cluster goes. */
int joining_note_left(struct reconcile_run *run, const struct node *cluster, struct err *err)
{
    const char *id = meta_annotation(cluster, META_ANNOTATION_JOIN_TOKEN);
    struct seen token;
    struct node *status, *left;

    if (!*id || !reconcile_get(run, KIND_ID_JOIN_TOKEN, "", id, &token))
        return 0;
    status = meta_copy_status(run->arena, token.node);
    left = node_make_list(run->arena, status, "left");
    if (is_among_left(left, meta_uid(cluster)))
        return 0;
    node_add(run->arena, left, node_string(run->arena, meta_uid(cluster)));
    return reconcile_status(run, &token, status, NULL, err);
}

int joining_check_token(struct controllers *all, struct arena *arena, const char *id,
                        const char *cluster, struct err *err)
{
    const struct node *token = joining_token(all, arena, id);
    int64_t used, uses = node_get_int(node_get(token, "spec"), "uses", 1);

    if (!token)
        return err_set(
            err, ERR_FORBIDDEN,
            "the join token \"%s\" does not exist any more: make a new one with `axle token create`",
            id);
    if (node_count(node_at(token, "spec", "names", NULL)) && !joining_token_names(token, cluster))
        return err_set(err, ERR_FORBIDDEN,
                       "the join token is not for a spoke named \"%s\": start it with the --name "
                       "that the token was made for",
                       cluster);
    used = joining_count(all, token);
    if (used >= uses)
        return err_set(
            err, ERR_FORBIDDEN,
            "the join token has been used %lld times, which is its limit: make a new one with "
            "`axle token create`",
            (long long)used);
    return 0;
}

/* ---- A name that is there ----------------------------------------------------- */

const char *joining_trouble(struct controllers *all, struct arena *arena, const char *id,
                            const struct node *cluster)
{
    const char *name = meta_name(cluster);

    if (meta_is_deleting(cluster))
        return arena_printf(arena, "a cluster named \"%s\" is being deleted; wait for it", name);
    if (strcmp(meta_annotation(cluster, META_ANNOTATION_JOIN_TOKEN), id) &&
        !joining_token_names(joining_token(all, arena, id), name))
        return arena_printf(
            arena,
            "the name \"%s\" belongs to another machine: use another name; or, if this is that "
            "machine, make a token for it on the hub: axle "
            "token create --name %s",
            name, name);
    return NULL;
}

/* Whether the key is the one that this cluster came with, or one of its own. */
bool joining_key_is_own(const struct node *cluster, const char *pin)
{
    const char *keys = meta_annotation(cluster, META_ANNOTATION_CLIENT_KEYS);
    const char *first = meta_annotation(cluster, META_ANNOTATION_JOIN_KEY);

    if (*keys)
        return strstr(keys, pin) != NULL;
    return !*first || !strcmp(first, pin);
}

/* ---- What a joiner makes ------------------------------------------------------- */

static bool is_pin(const char *text)
{
    return strlen(text) == HEX_PIN && strspn(text, "0123456789abcdef") == HEX_PIN;
}

static void keep_member(struct arena *arena, struct node *to, const struct node *from,
                        const char *key)
{
    struct node *value = node_get(from, key);

    if (value)
        node_set(arena, to, key, value);
}

/* It chooses its name, and says which key will speak for it: all else is the hub's. */
static int settle_joiner(struct arena *arena, struct node *cluster, const char *token,
                         struct err *err)
{
    static const char *const kept[] = {"name", "uid", "creationTimestamp", "generation"};
    const char *key = meta_annotation(cluster, META_ANNOTATION_JOIN_KEY);
    const struct node *sent = node_get(cluster, "metadata");
    struct node *metadata = node_map(arena), *spec = node_map(arena);

    if (*key && !is_pin(key))
        return err_set(err, ERR_INVALID,
                       "ManagedCluster.cluster.open-cluster-management.io "
                       "\"%s\" is invalid: metadata.annotations[" META_ANNOTATION_JOIN_KEY
                       "]: Invalid value: "
                       "\"%.100s\": must be the SHA-256 of a public key as 64 lower-case hex "
                       "digits",
                       meta_name(cluster), key);
    for (size_t i = 0; i < count_of(kept); i++)
        keep_member(arena, metadata, sent, kept[i]);
    node_set(arena, cluster, "metadata", metadata);
    meta_add_finalizer(arena, cluster, META_FINALIZER_CLUSTER);
    meta_set_annotation(arena, cluster, META_ANNOTATION_JOIN_TOKEN, token);
    if (*key)
        meta_set_annotation(arena, cluster, META_ANNOTATION_JOIN_KEY, key);
    node_set_bool(arena, spec, "hubAcceptsClient", false);
    node_set_int(arena, spec, "leaseDurationSeconds", LEASE_SECONDS);
    node_set(arena, cluster, "spec", spec);
    return 0;
}

/* Whether somebody with this token may become this cluster. Of one that is there
   already it is told that it is there, which costs no further use. */
static int check_joiner(struct controllers *all, struct arena *arena, const char *token,
                        const char *name, struct err *err)
{
    scoped_object struct object *there =
        objects_get(all->objects, OBJECTS_STAGED, all->kinds[KIND_ID_CLUSTER], "", name, NULL);
    const char *trouble =
        there ? joining_trouble(all, arena, token, controllers_parse(all, arena, there))
              : namespace_trouble(all, arena, name, "ManagedCluster");

    if (!there && !trouble && !strcmp(name, "local-cluster") &&
        !joining_token_names(joining_token(all, arena, token), name))
        trouble =
            "the name \"local-cluster\" is reserved for the hub's own machine; use another one";
    if (trouble)
        return err_set(err, ERR_FORBIDDEN,
                       "managedclusters.cluster.open-cluster-management.io "
                       "\"%s\" is forbidden: %s",
                       name, trouble);
    return there ? 0 : joining_check_token(all, arena, token, name, err);
}

/* ---- Rules before each write ------------------------------------------------- */

static void keep_annotation(struct arena *arena, struct node *after, const struct node *before,
                            const char *name)
{
    const char *was = meta_annotation(before, name);
    struct node *annotations = node_at(after, "metadata", "annotations", NULL);

    if (*was)
        meta_set_annotation(arena, after, name, was);
    else if (annotations)
        node_remove(annotations, name);
}

static int check_lease_seconds(const struct node *cluster, const struct node *before,
                               struct err *err)
{
    int64_t seconds = node_get_int(node_get(cluster, "spec"), "leaseDurationSeconds", 0);
    int64_t old = node_get_int(node_get(before, "spec"), "leaseDurationSeconds", 0);

    if ((seconds >= 0 && seconds <= MOST_LEASE_SECONDS) || (before && seconds == old))
        return 0;
    return err_set(err, ERR_INVALID,
                   "ManagedCluster.cluster.open-cluster-management.io \"%s\" is "
                   "invalid: spec.leaseDurationSeconds: Invalid value: %lld: must be between 0 "
                   "(which means %d) and %d",
                   meta_name(cluster), (long long)seconds, LEASE_SECONDS, MOST_LEASE_SECONDS);
}

/* The hub's own finalizer is how it empties the namespace and remembers the use of
   a token. An update that forgets it means nothing by that. */
static int keep_cleanup(struct arena *arena, struct node *after, const struct node *before,
                        struct err *err)
{
    if (!meta_has_finalizer(before, META_FINALIZER_CLUSTER) ||
        meta_has_finalizer(after, META_FINALIZER_CLUSTER))
        return 0;
    if (meta_is_deleting(before))
        return err_set(
            err, ERR_FORBIDDEN,
            "managedclusters.cluster.open-cluster-management.io "
            "\"%s\" is forbidden: the finalizer " META_FINALIZER_CLUSTER
            " belongs to the hub, which removes it within two minutes after the deletion, "
            "whatever the spoke does",
            meta_name(after));
    meta_add_finalizer(arena, after, META_FINALIZER_CLUSTER);
    return 0;
}

/*
 * A machine that was given an administrator's token says its key as every joiner does, and
 * would wait for ever. What was saved of a spoke and is written back has more than that.
 */
static int check_no_joiner(const struct objects_review *review, struct err *err)
{
    const char *user = review->who->user ? review->who->user : "";

    if (review->before || !text_starts(user, ADMIN_TOKEN_USER) ||
        !*meta_annotation(review->after, META_ANNOTATION_JOIN_KEY) ||
        *meta_annotation(review->after, META_ANNOTATION_JOIN_TOKEN))
        return 0;
    return err_set(
        err, ERR_FORBIDDEN,
        "managedclusters.cluster.open-cluster-management.io "
        "\"%s\" is forbidden: the token \"%.63s\" is an administrator's token, and no machine can "
        "join with it: make a join token with `axle token create`",
        meta_name(review->after), user + strlen(ADMIN_TOKEN_USER));
}

/* What people may not say either: who joined how, and names that are another's. */
static int check_anybodys(struct controllers *all, const struct objects_review *review,
                          struct err *err)
{
    static const char *const own[] = {META_ANNOTATION_JOIN_TOKEN, META_ANNOTATION_JOIN_KEY,
                                      META_ANNOTATION_CLIENT_KEYS, META_ANNOTATION_ACCEPTED_ON};
    const char *trouble = NULL;

    if (check_no_joiner(review, err) < 0)
        return -1;
    for (size_t i = 0; i < count_of(own); i++)
        keep_annotation(review->arena, review->after, review->before, own[i]);
    if (review->before && keep_cleanup(review->arena, review->after, review->before, err) < 0)
        return -1;
    if (!review->before)
        trouble = namespace_trouble(all, review->arena, meta_name(review->after), "ManagedCluster");
    if (trouble)
        return err_set(err, ERR_FORBIDDEN,
                       "managedclusters.cluster.open-cluster-management.io "
                       "\"%s\" is forbidden: %s",
                       meta_name(review->after), trouble);
    return check_lease_seconds(review->after, review->before, err);
}

/* Defaults as in OCM; who joined how is the hub's to say. */
static int before_cluster_write(void *arg, const struct objects_review *review, struct err *err)
{
    struct controllers *all = arg;
    const struct objects_who *who = review->who;
    const char *user = who->user ? who->user : "";
    struct node *after = review->after, *settled;

    /* The hub's own controllers own timeAdded, and leave labels alone. */
    if (!after || (review->before && who->trusted))
        return 0;
    if (!who->trusted && text_starts(user, TOKEN_USER) && !review->before) {
        user += strlen(TOKEN_USER);
        if (check_joiner(all, review->arena, user, meta_name(after), err) < 0 ||
            settle_joiner(review->arena, after, user, err) < 0)
            return -1;
    } else if (!who->trusted && check_anybodys(all, review, err) < 0) {
        return -1;
    }
    settled = work_default_cluster(review->arena, after, review->before, clock_wall(), err);
    if (!settled)
        return -1;
    node_each(member, settled) node_set(review->arena, after, member->key, member->value);
    return 0;
}

void joining_rules(struct controllers *all)
{
    objects_rule(all->objects, all->kinds[KIND_ID_CLUSTER], "", before_cluster_write, all);
}

int joining_set_condition(struct reconcile_run *run, const struct seen *cluster,
                          const struct meta_condition *condition, struct err *err)
{
    struct node *status = meta_copy_status(run->arena, cluster->node);
    const struct node *old = meta_conditions(cluster->node);
    const struct node *before = meta_condition_find(old, condition->type);
    bool news = strcmp(node_get_text(before, "status"), condition->status) ||
                strcmp(node_get_text(before, "reason"), condition->reason);

    meta_condition_set(run->arena, status, old, condition, 0, run->now);
    if (reconcile_status(run, cluster, status, NULL, err) < 0)
        return -1;
    if (news)
        reconcile_event(run, cluster, !strcmp(condition->status, "False"), condition->reason, "%s",
                        condition->message);
    return 0;
}

/* The set of the pool that a token is for: NAMESPACE/POOL. */
char *joining_set_of_token(struct reconcile_run *run, const struct node *token)
{
    const char *pool = node_get_text(node_get(token, "spec"), "pool");
    const char *slash = strchr(pool, '/');

    if (!slash)
        return arena_string(run->arena, "default");
    return render_label(run->arena,
                        arena_printf(run->arena, "%.*s.%s", (int)(slash - pool), pool, slash + 1));
}
