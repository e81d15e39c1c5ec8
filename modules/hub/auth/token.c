/* SPDX-License-Identifier: Apache-2.0 */
/* Identifies the user of a bearer token, and answers TokenReviews. */
#include "auth/internal.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "objects/objects.h"
#include "pki/pki.h"

#include <string.h>

static const char *const admin_groups[] = {MASTERS, AUTHENTICATED, NULL};
static const char *const join_groups[] = {BOOTSTRAPPERS, AUTHENTICATED, NULL};

/* ---- Join tokens and administrators' tokens ---- */

#define MAKE_ONE                                                                                   \
    "`axle token create --admin` makes one for the console and the API, `axle token create` one "  \
    "for a machine that joins"

static bool is_administrator_token(const struct node *spec)
{
    return strcmp(node_get_text(spec, "purpose"), AUTH_TOKEN_ADMINISTRATOR) == 0;
}

/*
 * If there is no such token, `spec` is NULL and the secret is hashed all the same, so that
 * the response time does not reveal which IDs exist.
 */
static int check_token(const struct node *spec, struct arena *arena,
                       const struct pki_join_token *token, int64_t *ret_expires, struct err *err)
{
    char *hash = pki_join_token_hash(arena, node_get_text(spec, "salt"), token->secret);
    const char *kept = node_get_text(spec, "hash");
    const char *ends = node_get_text(spec, "expiresAt");
    bool admin = is_administrator_token(spec);
    int64_t expires = 0;

    if (strlen(kept) != strlen(hash) || !pki_same(kept, hash, strlen(hash)))
        return err_set(
            err, ERR_UNAUTHORIZED,
            "the token is not valid: it was revoked, or belongs to another hub; " MAKE_ONE);
    if (clock_parse(ends, &expires) && expires <= clock_wall())
        return err_set(err, ERR_UNAUTHORIZED,
                       "the %s token expired at %s: make a new one with "
                       "`axle token create%s`",
                       admin ? "administrator's" : "join", ends, admin ? " --admin" : "");
    *ret_expires = expires;
    return 0;
}

/*
 * The user of a token: a joining machine, or an administrator with the name of the token,
 * so that audit logs distinguish tokens.
 */
static struct auth_user *token_user(struct arena *arena, const struct node *spec, const char *id)
{
    struct auth_user *user;

    if (is_administrator_token(spec))
        return auth_user_new(arena, AUTH_ADMIN, arena_printf(arena, ADMIN_USER ":%s", id),
                             admin_groups);
    user =
        auth_user_new(arena, AUTH_JOIN, arena_printf(arena, BOOTSTRAP_USER "%s", id), join_groups);
    user->token = arena_string(arena, id);
    return user;
}

static int identify_join_token(const char *text, struct objects *objects, struct arena *arena,
                               struct auth_user **ret, struct err *err)
{
    const struct kind *kind = kinds_find(objects_kinds(objects), META_GROUP_AXLE, "jointokens");
    struct pki_join_token token;
    scoped_object struct object *object = NULL;
    const struct node *spec;
    int64_t expires;

    if (pki_join_token_parse(arena, text, &token, NULL) < 0)
        return err_set(err, ERR_UNAUTHORIZED,
                       "this is not a token of an Axle hub "
                       "(axle1.<hash>.<id>.<secret>): " MAKE_ONE);
    object = objects_get(objects, OBJECTS_PUBLISHED, kind, "", token.id, NULL);
    spec = object && !object->deleting ? node_get(object_read(arena, object), "spec") : NULL;
    if (check_token(spec, arena, &token, &expires, err) < 0)
        return -1;
    if (!expires && is_administrator_token(spec))
        return err_set(err, ERR_UNAUTHORIZED,
                       "an administrator's token without an expiry is not accepted");
    *ret = token_user(arena, spec, token.id);
    (*ret)->expires = expires;
    return 0;
}

/* ---- Any token ---- */

int auth_identify_token(const struct auth *auth, struct arena *arena, const char *token,
                        struct auth_user **ret, struct err *err)
{
    if (account_is_token(token))
        return account_identify(auth, arena, token, NULL, NULL, ret, err);
    return identify_join_token(token, auth->settings.objects, arena, ret, err);
}

/* ---- TokenReview ---- */

static const char *const *wanted_audiences(struct arena *arena, const struct node *spec)
{
    const struct node *list = node_get(spec, "audiences");
    size_t count = node_count(list);
    const char **words = arena_alloc(arena, (count + 1) * sizeof *words);

    for (size_t i = 0; i < count; i++)
        words[i] = node_text(node_item(list, i));
    return count ? words : NULL;
}

static int review_token(struct auth *auth, struct arena *arena, const struct node *spec,
                        struct node *audiences, struct auth_user **ret, struct err *err)
{
    const char *token = node_get_text(spec, "token");
    const char *const *wanted = wanted_audiences(arena, spec);

    if (account_is_token(token))
        return account_identify(auth, arena, token, wanted, audiences, ret, err);
    /* Other tokens have the hub as their only audience. */
    for (size_t i = 0; wanted && strcmp(wanted[i], ISSUER) != 0; i++)
        if (!wanted[i + 1])
            return err_set(err, ERR_UNAUTHORIZED, "invalid bearer token");
    node_add(arena, audiences, node_string(arena, ISSUER));
    return auth_identify_token(auth, arena, token, ret, err);
}

struct node *auth_token_review(struct auth *auth, struct arena *arena, const struct node *spec)
{
    struct node *status = node_map(arena), *audiences = node_list(arena);
    struct auth_user *user;
    struct err err = {0};

    if (!*node_get_text(spec, "token") ||
        review_token(auth, arena, spec, audiences, &user, &err) < 0) {
        node_set(arena, status, "user", node_map(arena));
        node_set(arena, status, "error",
                 err.code ? node_format(arena, "[invalid bearer token, %s]", err.text)
                          : node_string(arena, "no token was given"));
        return status;
    }
    node_set_bool(arena, status, "authenticated", true);
    node_set(arena, status, "user", auth_user_info(arena, user));
    node_set(arena, status, "audiences", audiences);
    return status;
}
