/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out who sent a request, by certificate or token. */
#include "auth/auth.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "http/http.h"
#include "objects/objects.h"
#include "pki/pki.h"

#include <string.h>
#include <strings.h>

#define CLIENT_KEYS "axle.dev/client-keys" /* set by the csr controller */
#define AGENT_PREFIX "system:open-cluster-management:"
#define MANAGED "system:open-cluster-management:managed-clusters"
/* pki dates certificates back by this much. */
#define BACKDATED (300 * CLOCK_SECOND)

static const char *const nobody_groups[] = {"system:unauthenticated", NULL};
static const char *const admin_groups[] = {"system:masters",
                                           "system:authenticated", NULL};
static const char *const join_groups[] = {"system:bootstrappers",
                                          "system:authenticated", NULL};

static struct auth_user *user_new(struct arena *arena, enum auth_role role,
                                  const char *name, const char *const *groups)
{
    struct auth_user *user = arena_alloc(arena, sizeof *user);

    user->role = role;
    user->name = name;
    user->groups = groups;
    user->cluster = user->token = "";
    return user;
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

/* The hub keeps which public keys it signed for a cluster, newest first. */
static bool key_is_known(const struct node *cluster, const struct pki_cert *cert)
{
    const char *keys = node_get_text(
        node_at(cluster, "metadata", "annotations", NULL), CLIENT_KEYS);
    scoped_text struct text pin = {0};

    text_add_hex(&pin, cert->pin, sizeof cert->pin);
    return strstr(keys, text_string(&pin)) != NULL;
}

/* The cluster is there, let in, not younger than the certificate, and this is
   a key of its own. */
static int check_cluster(struct objects *objects, struct arena *arena,
                         const struct pki_cert *cert, const char *cluster,
                         struct err *err)
{
    const struct kind *kind =
        kinds_find(objects_kinds(objects), "cluster.open-cluster-management.io",
                   "managedclusters");
    scoped_object struct object *object =
        objects_get(objects, OBJECTS_PUBLISHED, kind, "", cluster, NULL);
    const struct node *body;
    int64_t born;

    if (!object)
        return err_set(err, ERR_UNAUTHORIZED,
                       "cluster \"%s\" is not known to this hub any more",
                       cluster);
    body = object_read(arena, object);
    if (!node_get_bool(node_get(body, "spec"), "hubAcceptsClient", false))
        return err_set(err, ERR_UNAUTHORIZED,
                       "cluster \"%s\" is not accepted by this hub", cluster);
    if (clock_parse(node_get_text(node_get(body, "metadata"),
                                  "creationTimestamp"), &born) &&
        cert->not_before + BACKDATED + CLOCK_SECOND < born)
        return err_set(err, ERR_UNAUTHORIZED,
                       "the certificate belongs to an earlier cluster \"%s\"",
                       cluster);
    if (!key_is_known(body, cert))
        return err_set(err, ERR_UNAUTHORIZED,
                       "the key of the certificate is none of cluster \"%s\"",
                       cluster);
    return 0;
}

static int by_certificate(const struct pki_cert *cert, struct objects *objects,
                          struct arena *arena, struct auth_user **ret,
                          struct err *err)
{
    const char *cluster, *agent;
    const char **groups;
    struct auth_user *user;

    if (pki_cert_in(cert, "system:masters")) {
        *ret = user_new(arena, AUTH_ADMIN,
                        arena_string(arena, cert->common_name), admin_groups);
        return 0;
    }
    if (!pki_cert_in(cert, MANAGED) ||
        !auth_parse_agent(arena, cert->common_name, &cluster, &agent))
        return err_set(err, ERR_UNAUTHORIZED,
                       "the certificate of \"%s\" gives no rights here",
                       cert->common_name);
    if (check_cluster(objects, arena, cert, cluster, err) < 0)
        return -1;
    groups = arena_alloc(arena, (cert->organization_count + 2) * sizeof *groups);
    for (size_t i = 0; i < cert->organization_count; i++)
        groups[i] = arena_string(arena, cert->organizations[i]);
    groups[cert->organization_count] = "system:authenticated";
    user = user_new(arena, AUTH_SPOKE, arena_string(arena, cert->common_name),
                    groups);
    user->cluster = cluster;
    *ret = user;
    return 0;
}

int auth_token_parse(struct arena *arena, const char *text,
                     struct auth_token *ret, struct err *err)
{
    char *copy = arena_string(arena, text);
    char *part[4];
    size_t count = 0;

    for (char *at = copy; at && count < count_of(part); count++) {
        part[count] = at;
        at = strchr(at, '.');
        if (at)
            *at++ = '\0';
        if (at && count == count_of(part) - 1)
            count = count_of(part);
    }
    if (count != count_of(part) || strcmp(part[0], "axle1") != 0 ||
        strlen(part[1]) != 64 || !*part[2] || !*part[3])
        return err_set(err, ERR_INVALID,
                       "not a join token (axle1.<hash>.<id>.<secret>): make one "
                       "with `axle token create`");
    ret->pin = part[1];
    ret->id = part[2];
    ret->secret = part[3];
    return 0;
}

char *auth_token_hash(struct arena *arena, const char *salt, const char *secret)
{
    char *both = arena_printf(arena, "%s%s", salt, secret);
    unsigned char digest[PKI_SHA256];
    scoped_text struct text hex = {0};

    pki_sha256(both, strlen(both), digest);
    text_add_hex(&hex, digest, sizeof digest);
    return arena_string(arena, text_string(&hex));
}

static int check_token(const struct node *spec, struct arena *arena,
                       const struct auth_token *token, struct err *err)
{
    char *hash =
        auth_token_hash(arena, node_get_text(spec, "salt"), token->secret);
    const char *kept = node_get_text(spec, "hash");
    int64_t expires;

    if (strlen(kept) != strlen(hash) || !pki_same(kept, hash, strlen(hash)))
        return err_set(err, ERR_UNAUTHORIZED, "the join token is not valid");
    if (clock_parse(node_get_text(spec, "expiresAt"), &expires) &&
        expires < clock_wall())
        return err_set(err, ERR_UNAUTHORIZED,
                       "the join token expired at %s: make a new one with "
                       "`axle token create`",
                       node_get_text(spec, "expiresAt"));
    return 0;
}

static int by_join_token(const char *text, struct objects *objects,
                         struct arena *arena, struct auth_user **ret,
                         struct err *err)
{
    const struct kind *kind =
        kinds_find(objects_kinds(objects), "axle.dev", "jointokens");
    struct auth_token token;
    scoped_object struct object *object = NULL;

    if (auth_token_parse(arena, text, &token, err) < 0) {
        err->code = ERR_UNAUTHORIZED;
        return -1;
    }
    object = objects_get(objects, OBJECTS_PUBLISHED, kind, "", token.id, NULL);
    /* The same words as for a wrong secret: ids are not to be guessed. */
    if (!object)
        return err_set(err, ERR_UNAUTHORIZED, "the join token is not valid");
    if (check_token(node_get(object_read(arena, object), "spec"), arena, &token,
                    err) < 0)
        return -1;
    *ret = user_new(arena, AUTH_JOIN,
                    arena_printf(arena, "system:bootstrap:%s", token.id),
                    join_groups);
    (*ret)->token = arena_string(arena, token.id);
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

int auth_identify(const struct http_request *request, struct objects *objects,
                  const char *console_secret, struct arena *arena,
                  struct auth_user **ret, struct err *err)
{
    const char *token =
        shown_token(arena, http_request_header(request, "authorization"));

    if (request->peer)
        return by_certificate(request->peer, objects, arena, ret, err);
    if (!token) {
        *ret = user_new(arena, AUTH_ANONYMOUS, "system:anonymous",
                        nobody_groups);
        return 0;
    }
    if (console_secret && strlen(token) == strlen(console_secret) &&
        pki_same(token, console_secret, strlen(token))) {
        *ret = user_new(arena, AUTH_ADMIN, "system:admin", admin_groups);
        return 0;
    }
    return by_join_token(token, objects, arena, ret, err);
}
