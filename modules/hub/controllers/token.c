/* SPDX-License-Identifier: Apache-2.0 */
/* Counts who joined with a token and says when it stops working. */
#include "controllers/joining.h"
#include "controllers/parse.h"
#include "controllers/rules.h"
#include "controllers/table.h"

#include "auth/auth.h"
#include "base/clock.h"
#include "meta/meta.h"
#include "query/query.h"

#include <string.h>

/* ---- Rules before each write ------------------------------------------------- */

static bool is_administrators_token(const struct node *token)
{
    return !strcmp(node_get_text(node_get(token, "spec"), "purpose"), AUTH_TOKEN_ADMINISTRATOR);
}

static int refuse_token_field(const struct node *token, const char *field, const char *value,
                              const char *why, struct err *err)
{
    return err_set(err, ERR_INVALID,
                   "JoinToken.axle.dev \"%s\" is invalid: %s: Invalid value: "
                   "\"%.100s\": %s",
                   meta_name(token), field, value, why);
}

/* It ends, and not in a hundred years. */
static int check_end(const struct node *token, struct err *err)
{
    const char *text = node_get_text(node_get(token, "spec"), "expiresAt");
    int64_t now = clock_wall(), end = 0;

    if (!clock_parse(text, &end) || end <= now)
        return refuse_token_field(token, "spec.expiresAt", text,
                                  "an administrator's token must expire in the future", err);
    if (end > now + AUTH_TOKEN_MOST)
        return refuse_token_field(token, "spec.expiresAt", text,
                                  "an administrator's token is valid for at most one year", err);
    return 0;
}

static bool is_administrator(const struct objects_who *who)
{
    const struct auth_user *user = who->identity;

    return user && user->role == AUTH_ADMIN;
}

/* Who may write tokens may let machines in; an administrator is made by one. */
static int check_purpose(const struct objects_review *review, struct err *err)
{
    const struct node *before = review->before, *after = review->after;
    const char *end = node_get_text(node_get(before, "spec"), "expiresAt");

    if (!is_administrators_token(before) && !is_administrators_token(after))
        return 0;
    if (!is_administrator(review->who))
        return err_set(
            err, ERR_FORBIDDEN,
            "jointokens.axle.dev \"%s\" is forbidden: only administrators (group system:masters) "
            "may create a token that makes its bearer an administrator",
            meta_name(after));
    if (before && is_administrators_token(before) != is_administrators_token(after))
        return refuse_token_field(
            after, "spec.purpose", node_get_text(node_get(after, "spec"), "purpose"),
            "the purpose of a token cannot be changed: make another one", err);
    if (before && !strcmp(end, node_get_text(node_get(after, "spec"), "expiresAt")))
        return 0;
    return check_end(after, err);
}

/* What no machine could join with would only be found out at the machine. */
static int check_token_spec(const struct objects_review *review, struct err *err)
{
    const struct node *spec = node_get(review->after, "spec"), *names = node_get(spec, "names");
    const char *pool = node_get_text(spec, "pool"), *slash = strchr(pool, '/');
    char why[NAME_WHY];

    for (size_t i = 0; i < node_count(names); i++)
        if (!name_is_dns_label(node_text(node_item(names, i)), why))
            return refuse_token_field(review->after, "spec.names", node_text(node_item(names, i)),
                                      why, err);
    if (*pool && (!slash || slash == pool || !slash[1]))
        return refuse_token_field(review->after, "spec.pool", pool, "write it as NAMESPACE/POOL",
                                  err);
    return 0;
}

/* Who made it is written down by the hub. */
static int before_token_write(void *arg, const struct objects_review *review, struct err *err)
{
    const struct objects_who *who = review->who;
    const char *maker = review->before ? meta_annotation(review->before, META_ANNOTATION_MADE_BY)
                        : who->user    ? who->user
                                       : "";
    struct node *annotations;

    (void)arg;
    if (!review->after || who->trusted)
        return 0;
    annotations = node_at(review->after, "metadata", "annotations", NULL);
    if (*maker)
        meta_set_annotation(review->arena, review->after, META_ANNOTATION_MADE_BY, maker);
    else if (annotations)
        node_remove(annotations, META_ANNOTATION_MADE_BY);
    /* An older hub kept such a token; it may still be revoked or given a note. */
    if (!review->before && check_token_spec(review, err) < 0)
        return -1;
    return check_purpose(review, err);
}

void token_rules(struct controllers *all)
{
    objects_rule(all->objects, all->kinds[KIND_ID_JOIN_TOKEN], "", before_token_write, all);
}

/* ---- The controller ------------------------------------------------------------ */

static int reconcile_token(struct reconcile_run *run, struct err *err)
{
    const struct node *spec;
    struct seen token;
    struct node *status;
    int64_t used, expires = 0;
    const char *phase = "Active";

    if (!reconcile_get(run, KIND_ID_JOIN_TOKEN, "", run->name, &token))
        return 0;
    spec = node_get(token.node, "spec");
    status = meta_copy_status(run->arena, token.node);
    used = joining_count(run->all, token.node);
    clock_parse(node_get_text(spec, "expiresAt"), &expires);
    if (!is_administrators_token(token.node) && used >= node_get_int(spec, "uses", 1))
        phase = "UsedUp";
    if (expires && run->now >= expires)
        phase = "Expired";
    else
        reconcile_wake_at(run, expires);
    node_set_int(run->arena, status, "used", used);
    node_set_text(run->arena, status, "phase", phase);
    return reconcile_status(run, &token, status, NULL, err);
}

static void map_cluster_to_tokens(struct controllers *all, const struct controller *to,
                                  const struct object *before, const struct object *after)
{
    const char *now;

    if (!after)
        return;
    now = meta_annotation(controllers_read(all, after), META_ANNOTATION_JOIN_TOKEN);
    if (before &&
        !strcmp(meta_annotation(controllers_read(all, before), META_ANNOTATION_JOIN_TOKEN), now))
        return;
    controllers_wake(all, to, "", now);
}

const struct controller controller_token = {
    .name = "token",
    .run = reconcile_token,
    .about = KIND_ID_JOIN_TOKEN,
    .condition = RECONCILED,
    .sources = {{KIND_ID_JOIN_TOKEN, NULL}, {KIND_ID_CLUSTER, map_cluster_to_tokens}},
    .source_count = 2,
};
