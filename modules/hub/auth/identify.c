/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out who sent a request, by certificate or token. */
#include "auth/inside.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "http/http.h"
#include "objects/objects.h"
#include "pki/pki.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BOOTSTRAP_USER "system:bootstrap:"
#define BOOTSTRAPPERS "system:bootstrappers"
static const char *const nobody_groups[] = {UNAUTHENTICATED, NULL};
static const char *const admin_groups[] = {MASTERS, AUTHENTICATED, NULL};
static const char *const join_groups[] = {BOOTSTRAPPERS, AUTHENTICATED, NULL};

struct auth_user *user_new(struct arena *arena, enum auth_role role,
                           const char *name, const char *const *groups)
{
    struct auth_user *user = arena_alloc(arena, sizeof *user);

    user->role = role;
    user->name = name;
    user->groups = groups;
    user->uid = user->cluster = user->token = "";
    return user;
}

static bool is_in(const char *const *groups, const char *group)
{
    for (; *groups; groups++)
        if (strcmp(*groups, group) == 0)
            return true;
    return false;
}

struct auth_user *auth_user_named(struct arena *arena, const char *name,
                                  const char *const *groups)
{
    struct auth_user *user = user_new(arena, AUTH_USER, name, groups);
    const char *cluster, *agent;

    if (is_in(groups, MASTERS)) {
        user->role = AUTH_ADMIN;
    } else if (is_in(groups, MANAGED) &&
               auth_parse_agent(arena, name, &cluster, &agent)) {
        user->role = AUTH_SPOKE;
        user->cluster = cluster;
    } else if (is_in(groups, BOOTSTRAPPERS) &&
               text_starts(name, BOOTSTRAP_USER)) {
        user->role = AUTH_JOIN;
        user->token = arena_string(arena, name + strlen(BOOTSTRAP_USER));
    } else if (strcmp(name, "system:anonymous") == 0) {
        user->role = AUTH_ANONYMOUS;
    }
    return user;
}

struct node *auth_user_info(struct arena *arena, const struct auth_user *user)
{
    struct node *info = node_map(arena);
    struct node *groups = node_list(arena);

    node_set_text(arena, info, "username", user->name);
    if (*user->uid)
        node_set_text(arena, info, "uid", user->uid);
    for (size_t i = 0; user->groups[i]; i++)
        node_add(arena, groups, node_string(arena, user->groups[i]));
    if (node_count(groups))
        node_set(arena, info, "groups", groups);
    if (node_count(user->extra))
        node_set(arena, info, "extra", node_copy(arena, user->extra));
    return info;
}

bool auth_parse_agent(struct arena *arena, const char *common_name,
                      const char **ret_cluster, const char **ret_agent)
{
    const char *cluster, *colon;

    if (!text_starts(common_name, AGENT_PREFIX))
        return false;
    cluster = common_name + strlen(AGENT_PREFIX);
    colon = strchr(cluster, ':');
    if (!colon || colon == cluster || !colon[1] || strchr(colon + 1, ':'))
        return false;
    *ret_cluster = arena_bytes(arena, cluster, (size_t)(colon - cluster));
    *ret_agent = colon + 1;
    return true;
}

/* The handshake looked at this once; a connection may be kept for weeks. */
static int check_times(const struct pki_cert *cert, struct err *err)
{
    int64_t now = clock_wall();
    char time[CLOCK_TEXT];

    if (now >= cert->not_before && now < cert->not_after)
        return 0;
    clock_format(now < cert->not_before ? cert->not_before : cert->not_after, false, time);
    return err_set(err, ERR_UNAUTHORIZED, "the certificate of \"%.200s\" %s %s",
                   cert->common_name,
                   now < cert->not_before ? "does not count before" : "ended at", time);
}

/* The names in a certificate are good: the hub signed them. Groups get one
   more, for all who are known. */
static const char *const *groups_of(struct arena *arena,
                                    const struct pki_cert *cert)
{
    size_t count = cert->organization_count;
    const char **groups = arena_alloc(arena, (count + 2) * sizeof *groups);

    for (size_t i = 0; i < count; i++)
        groups[i] = arena_string(arena, cert->organizations[i]);
    groups[count] = AUTHENTICATED;
    return groups;
}

static int by_certificate(const struct pki_cert *cert, struct objects *objects,
                          struct arena *arena, struct auth_user **ret,
                          struct err *err)
{
    const char *name = arena_string(arena, cert->common_name);
    struct auth_user *user;

    if (!*name)
        return err_set(err, ERR_UNAUTHORIZED,
                       "the certificate names nobody (it has no CN)");
    if (check_times(cert, err) < 0)
        return -1;
    user = auth_user_named(arena, name, groups_of(arena, cert));
    if (user->role == AUTH_SPOKE &&
        standing_of(objects, arena, cert, user->cluster, err) != STANDING_GOOD)
        return -1;
    /* Names that the hub gives in other ways are nobody's by certificate. */
    if (user->role == AUTH_JOIN || user->role == AUTH_ANONYMOUS ||
        text_starts(name, ACCOUNT_USER) || text_starts(name, BOOTSTRAP_USER) ||
        (user->role == AUTH_USER && pki_cert_in(cert, MANAGED)))
        return err_set(err, ERR_UNAUTHORIZED,
                       "the certificate of \"%s\" gives no rights here", name);
    user->expires = cert->not_after;
    *ret = user;
    return 0;
}

#define MAKE_ONE                                                                                   \
    "`axle token create --admin` makes one for the console and the API, `axle token create` one "  \
    "for a machine that joins"

static bool is_administrator_token(const struct node *spec)
{
    return strcmp(node_get_text(spec, "purpose"), AUTH_TOKEN_ADMINISTRATOR) == 0;
}

/* Without a token `spec` is NULL, and what is shown is hashed all the same: how
   long an answer takes tells no more than its words which ids there are. */
static int check_token(const struct node *spec, struct arena *arena,
                       const struct pki_join_token *token, int64_t *ret_expires,
                       struct err *err)
{
    char *hash =
        pki_join_token_hash(arena, node_get_text(spec, "salt"), token->secret);
    const char *kept = node_get_text(spec, "hash");
    const char *ends = node_get_text(spec, "expiresAt");
    bool admin = is_administrator_token(spec);
    int64_t expires = 0;

    if (strlen(kept) != strlen(hash) || !pki_same(kept, hash, strlen(hash)))
        return err_set(err, ERR_UNAUTHORIZED, "the token is not valid: it was revoked, or is of "
                       "another hub; " MAKE_ONE);
    if (clock_parse(ends, &expires) && expires <= clock_wall())
        return err_set(err, ERR_UNAUTHORIZED, "the %s token expired at %s: make a new one with "
                       "`axle token create%s`", admin ? "administrator's" : "join", ends,
                       admin ? " --admin" : "");
    *ret_expires = expires;
    return 0;
}

/* Whom a token makes of its bearer: a machine that joins, or an administrator of
   the token's name, so that the audit tells one token from another. */
static struct auth_user *token_user(struct arena *arena, const struct node *spec,
                                    const char *id)
{
    struct auth_user *user;

    if (is_administrator_token(spec))
        return user_new(arena, AUTH_ADMIN, arena_printf(arena, ADMIN_USER ":%s", id),
                        admin_groups);
    user = user_new(arena, AUTH_JOIN, arena_printf(arena, BOOTSTRAP_USER "%s", id),
                    join_groups);
    user->token = arena_string(arena, id);
    return user;
}

static int by_join_token(const char *text, struct objects *objects,
                         struct arena *arena, struct auth_user **ret,
                         struct err *err)
{
    const struct kind *kind =
        kinds_find(objects_kinds(objects), "axle.dev", "jointokens");
    struct pki_join_token token;
    scoped_object struct object *object = NULL;
    const struct node *spec;
    int64_t expires;

    if (pki_join_token_parse(arena, text, &token, NULL) < 0)
        return err_set(err, ERR_UNAUTHORIZED, "this is no token of an Axle hub "
                       "(axle1.<hash>.<id>.<secret>): " MAKE_ONE);
    object = objects_get(objects, OBJECTS_PUBLISHED, kind, "", token.id, NULL);
    spec = object && !object->deleting ? node_get(object_read(arena, object), "spec") : NULL;
    if (check_token(spec, arena, &token, &expires, err) < 0)
        return -1;
    if (!expires && is_administrator_token(spec))
        return err_set(err, ERR_UNAUTHORIZED,
                       "an administrator's token that never ends is not taken");
    *ret = token_user(arena, spec, token.id);
    (*ret)->expires = expires;
    return 0;
}

/* The token of `Authorization: Bearer` or the password of `Basic`. */
static const char *shown_token(struct arena *arena, const char *header)
{
    scoped_text struct text both = {0};
    const char *colon;

    if (!header)
        return NULL;
    if (strncasecmp(header, "Bearer ", 7) == 0)
        return header + 7 + strspn(header + 7, " ");
    if (strncasecmp(header, "Basic ", 6) != 0)
        return NULL;
    if (!text_add_unbase64(&both, header + 6, strlen(header + 6), false))
        return "";
    colon = strchr(text_string(&both), ':');
    return colon ? arena_string(arena, colon + 1) : "";
}

int identify_token(const struct auth *auth, struct arena *arena,
                   const char *token, struct auth_user **ret, struct err *err)
{
    if (account_is_token(token))
        return account_identify(auth, arena, token, NULL, NULL, ret, err);
    return by_join_token(token, auth->settings.objects, arena, ret, err);
}

/*
 * A good token is always let in; what is limited is how often an address may be
 * wrong. Join tokens cost a hash, so they are looked at whoever sends them. A JWT
 * costs a signature: of an address that is over its limit only those are
 * verified whose claims are an account's that is there.
 */
static int by_token(struct auth *auth, const struct http_request *request,
                    const char *token, struct arena *arena,
                    struct auth_user **ret, struct err *err)
{
    bool allowed = attempts_allow(auth->wrong, request->remote);
    bool look = allowed || !account_is_token(token) ||
                account_is_plausible(auth, arena, token);

    if (look && identify_token(auth, arena, token, ret, err) == 0)
        return 0;
    if (!allowed)
        return err_set(err, ERR_TOO_MANY,
                       "too many wrong tokens came from this address; try again "
                       "in a moment");
    attempts_note(auth->wrong, request->remote);
    return -1;
}

int auth_identify(struct auth *auth, const struct http_request *request,
                  struct arena *arena, struct auth_user **ret, struct err *err)
{
    const char *token =
        shown_token(arena, http_request_header(request, "authorization"));
    struct auth_user *user;
    int64_t expires;

    if (request->peer) {
        if (by_certificate(request->peer, auth->settings.objects, arena, &user,
                           err) < 0)
            return -1;
    } else if (token) {
        if (by_token(auth, request, token, arena, &user, err) < 0)
            return -1;
    } else {
        user = user_new(arena, AUTH_ANONYMOUS, "system:anonymous",
                        nobody_groups);
    }
    expires = user->expires;
    if (impersonate(auth, request, arena, &user, err) < 0)
        return -1;
    /* Whoever is taken for another is so as long as the own credential holds. */
    user->expires = expires;
    *ret = user;
    return 0;
}

/* ---- The whole -------------------------------------------------------------- */

struct auth *auth_open(const struct auth_settings *settings)
{
    struct auth *auth = mem_alloc(sizeof *auth);

    auth->settings = *settings;
    auth->wrong = attempts_new();
    if (settings->objects) {
        auth->roles = roles_open(settings->objects);
        fields_open(auth);
        escalate_open(auth);
        admit_open(auth);
        changes_open(auth);
    }
    return auth;
}

void auth_close(struct auth **at)
{
    struct auth *auth = take(*at);

    if (!auth)
        return;
    roles_close(&auth->roles);
    attempts_free(&auth->wrong);
    free(auth);
}
