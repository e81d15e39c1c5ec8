/* SPDX-License-Identifier: Apache-2.0 */
/* Issues and verifies the short-lived tokens (JWT) of ServiceAccounts (RFC 7519). */
#include "auth/internal.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "objects/objects.h"
#include "pki/pki.h"
#include "schema/schema.h"

#include <string.h>

#define CLAIMS "kubernetes.io"
#define DEFAULT_SECONDS 3600
#define LEAST_SECONDS 600
#define MOST_SECONDS ((int64_t)1 << 32)
#define MOST_AUDIENCES 16
#define AUDIENCE_BYTES 512
#define TOKEN_BYTES 16384

bool account_parse(struct arena *arena, const char *user, const char **ret_namespace,
                   const char **ret_name)
{
    const char *namespace, *colon;

    if (!text_starts(user, ACCOUNT_USER))
        return false;
    namespace = user + strlen(ACCOUNT_USER);
    colon = strchr(namespace, ':');
    if (!colon || colon == namespace || !colon[1] || strchr(colon + 1, ':'))
        return false;
    *ret_namespace = arena_bytes(arena, namespace, (size_t)(colon - namespace));
    *ret_name = colon + 1;
    return true;
}

const char *const *account_groups(struct arena *arena, const char *namespace)
{
    const char **groups = arena_alloc(arena, 4 * sizeof *groups);

    groups[0] = "system:serviceaccounts";
    groups[1] = arena_printf(arena, "system:serviceaccounts:%s", namespace);
    groups[2] = AUTHENTICATED;
    return groups;
}

static struct object *find_account_object(const struct auth *auth, const char *plural,
                                          const char *namespace, const char *name, struct err *err)
{
    struct objects *objects = auth->settings.objects;
    const struct kind *kind = kinds_find(objects_kinds(objects), "", plural);

    return objects_get(objects, OBJECTS_PUBLISHED, kind, namespace, name, err);
}

static char *key_name(const struct auth *auth, struct arena *arena)
{
    unsigned char pin[PKI_SHA256];
    scoped_text struct text out = {0};

    pki_key_pin(auth->settings.token_key, pin);
    text_add_base64(&out, pin, sizeof pin, true);
    return arena_string(arena, text_string(&out));
}

/* ---- Writing ---------------------------------------------------------------- */

static void add_token_part(struct text *out, const struct node *part)
{
    scoped_text struct text json = {0};

    document_write_json(&json, part);
    text_add_base64(out, json.bytes, json.len, true);
}

static char *sign_claims(const struct auth *auth, struct arena *arena, const struct node *claims)
{
    struct node *header = node_map(arena);
    unsigned char signature[PKI_ES256];
    scoped_text struct text out = {0};

    node_set_text(arena, header, "alg", "ES256");
    node_set_text(arena, header, "kid", key_name(auth, arena));
    add_token_part(&out, header);
    text_add_char(&out, '.');
    add_token_part(&out, claims);
    pki_sign_es256(auth->settings.token_key, out.bytes, out.len, signature);
    text_add_char(&out, '.');
    text_add_base64(&out, signature, sizeof signature, true);
    return arena_string(arena, text_string(&out));
}

struct making {
    const struct auth *auth;
    struct arena *arena;
    const struct object *account;
    const struct node *spec;
    const struct node *audiences;
    int64_t seconds;
    struct object *bound; /* owned: the bound object; NULL: bound to the account only */
};

static struct node *object_reference(struct arena *arena, const struct object *object)
{
    struct node *ref = node_map(arena);

    node_set_text(arena, ref, "name", object->name);
    node_set_text(arena, ref, "uid", object->uid);
    return ref;
}

static struct node *claims_of(const struct making *making, int64_t now)
{
    struct arena *arena = making->arena;
    const struct object *account = making->account;
    struct node *claims = node_map(arena), *own = node_map(arena);
    char id[RANDOM_UUID];

    random_uuid(id);
    node_set(arena, claims, "aud", node_copy(arena, making->audiences));
    node_set_int(arena, claims, "exp", now / CLOCK_SECOND + making->seconds);
    node_set_int(arena, claims, "iat", now / CLOCK_SECOND);
    node_set_text(arena, claims, "iss", ISSUER);
    node_set_text(arena, claims, "jti", id);
    node_set_text(arena, own, "namespace", account->namespace);
    if (making->bound)
        node_set(arena, own, "secret", object_reference(arena, making->bound));
    node_set(arena, own, "serviceaccount", object_reference(arena, account));
    node_set(arena, claims, CLAIMS, own);
    node_set_int(arena, claims, "nbf", now / CLOCK_SECOND);
    node_set(arena, claims, "sub",
             node_format(arena, ACCOUNT_USER "%s:%s", account->namespace, account->name));
    return claims;
}

static int refuse_request(const struct making *making, struct node *causes, const char *field,
                          const struct node *value, const char *why, struct err *err)
{
    schema_add_cause(making->arena, causes, "FieldValueInvalid", field, value, "%s", why);
    return err_set(
        err, ERR_INVALID, "%s",
        schema_sentence(making->arena, "TokenRequest", META_GROUP_AUTHENTICATION, "", causes));
}

/*
 * Shortens a duration above the limit, as a kube-apiserver does; the response has the real
 * expiry.
 */
static int settle_seconds(struct making *making, struct node *causes, struct err *err)
{
    int64_t age = making->auth->settings.token_age;
    int64_t most = (age ? age : AUTH_TOKEN_MOST) / CLOCK_SECOND;
    const char *why = NULL;

    if (making->seconds < LEAST_SECONDS)
        why = "may not specify a duration less than 10 minutes";
    else if (making->seconds > MOST_SECONDS)
        why = "may not specify a duration larger than 2^32 seconds";
    if (why)
        return refuse_request(making, causes, "spec.expirationSeconds",
                              node_int(making->arena, making->seconds), why, err);
    if (making->seconds > most)
        making->seconds = most;
    return 0;
}

static int check_wanted(const struct making *making, struct node *causes, struct err *err)
{
    const struct node *list = making->audiences;
    const struct node *seconds = node_get(making->spec, "expirationSeconds");

    if (seconds && !node_is(seconds, NODE_NULL) && !node_is(seconds, NODE_INT))
        return refuse_request(making, causes, "spec.expirationSeconds", seconds,
                              "must be a whole number of seconds", err);
    if (!node_is(list, NODE_LIST))
        return refuse_request(making, causes, "spec.audiences", list, "must be a list of strings",
                              err);
    if (node_count(list) > MOST_AUDIENCES)
        return refuse_request(making, causes, "spec.audiences",
                              node_int(making->arena, (int64_t)node_count(list)),
                              "a token may have at most 16 audiences", err);
    for (size_t i = 0; i < node_count(list); i++) {
        const char *one = node_text(node_item(list, i));

        if (!*one || strlen(one) > AUDIENCE_BYTES)
            return refuse_request(
                making, causes, arena_printf(making->arena, "spec.audiences[%zu]", i),
                node_string(making->arena, one), "an audience has 1 to 512 bytes", err);
    }
    return 0;
}

/* Of the kinds that a token can be bound to, this hub stores Secrets only. */
static int find_bound(struct making *making, struct err *err)
{
    const struct node *ref = node_get(making->spec, "boundObjectRef");
    const char *kind = node_get_text(ref, "kind");
    const char *version = node_get_text(ref, "apiVersion");
    const char *name = node_get_text(ref, "name");
    const char *uid = node_get_text(ref, "uid");

    if (!ref || node_is(ref, NODE_NULL))
        return 0;
    if (strcmp(kind, "Secret") != 0 || strcmp(version, "v1") != 0)
        return err_set(err, ERR_BAD_REQUEST, "cannot bind token to object of type %s, Kind=%s",
                       version, kind);
    making->bound =
        find_account_object(making->auth, "secrets", making->account->namespace, name, err);
    if (!making->bound)
        return -1;
    if (*uid && strcmp(uid, making->bound->uid) != 0)
        return err_set(err, ERR_CONFLICT,
                       "Operation cannot be fulfilled on Secret \"%s\": the UID "
                       "in the bound object reference (%s) does not match the "
                       "UID in record. The object might have been deleted and "
                       "then recreated",
                       name, uid);
    return 0;
}

static struct node *issue_token(const struct making *making, int64_t now)
{
    struct arena *arena = making->arena;
    struct node *token = node_map(arena), *metadata, *spec, *status;
    const struct node *bound = node_get(making->spec, "boundObjectRef");
    char time[CLOCK_TEXT];

    node_set_text(arena, token, "kind", "TokenRequest");
    node_set_text(arena, token, "apiVersion", META_API_AUTHENTICATION);
    metadata = node_make(arena, token, "metadata");
    node_set_text(arena, metadata, "name", making->account->name);
    node_set_text(arena, metadata, "namespace", making->account->namespace);
    clock_format(now, false, time);
    node_set_text(arena, metadata, "creationTimestamp", time);
    spec = node_make(arena, token, "spec");
    node_set(arena, spec, "audiences", node_copy(arena, making->audiences));
    node_set_int(arena, spec, "expirationSeconds", making->seconds);
    node_set(arena, spec, "boundObjectRef", bound ? node_copy(arena, bound) : node_null(arena));
    status = node_make(arena, token, "status");
    node_set_text(arena, status, "token", sign_claims(making->auth, arena, claims_of(making, now)));
    clock_format((now / CLOCK_SECOND + making->seconds) * CLOCK_SECOND, false, time);
    node_set_text(arena, status, "expirationTimestamp", time);
    return token;
}

struct node *auth_token_make(const struct auth *auth, struct arena *arena, const char *namespace,
                             const char *name, const struct node *request, struct node *causes,
                             struct err *err)
{
    const struct node *spec = node_get(request, "spec");
    scoped_object struct object *account = NULL;
    struct making making = {
        .auth = auth, .arena = arena, .spec = spec, .audiences = node_get(spec, "audiences")};
    struct node *own = node_list(arena), *token = NULL;

    account = find_account_object(auth, "serviceaccounts", namespace, name, err);
    if (!account)
        return NULL;
    making.account = account;
    making.seconds = node_get_int(spec, "expirationSeconds", DEFAULT_SECONDS);
    node_add(arena, own, node_string(arena, ISSUER));
    if (!making.audiences || node_is(making.audiences, NODE_NULL) ||
        (node_is(making.audiences, NODE_LIST) && !node_count(making.audiences)))
        making.audiences = own;
    if (check_wanted(&making, causes, err) == 0 && settle_seconds(&making, causes, err) == 0 &&
        find_bound(&making, err) == 0)
        token = issue_token(&making, clock_wall());
    object_drop(&making.bound);
    return token;
}

/* ---- Reading ---------------------------------------------------------------- */

bool account_is_token(const char *text)
{
    const char *first = strchr(text, '.');
    const char *second = first ? strchr(first + 1, '.') : NULL;

    return text_starts(text, "ey") && second && !strchr(second + 1, '.') &&
           strlen(text) < TOKEN_BYTES;
}

/* The claims, not verified. */
static const struct node *read_token_claims(struct arena *arena, const char *text)
{
    const char *first = strchr(text, '.');
    const char *second = strchr(first + 1, '.');
    scoped_text struct text claims = {0};

    if (!text_add_unbase64(&claims, first + 1, (size_t)(second - first - 1), true))
        return NULL;
    return document_read_json(arena, text_string(&claims), claims.len, &document_limits_api, NULL);
}

static bool is_signed(const struct auth *auth, const char *text)
{
    const char *second = strchr(strchr(text, '.') + 1, '.');
    scoped_text struct text signature = {0};

    return text_add_unbase64(&signature, second + 1, strlen(second + 1), true) &&
           signature.len == PKI_ES256 &&
           pki_verify_es256(auth->settings.token_key, text, (size_t)(second - text),
                            (const unsigned char *)signature.bytes);
}

/*
 * A signature costs a millisecond to verify and never changes, so that of the same bytes is
 * verified once. What else makes a token good (time, account, Secret) is looked at each time.
 */
static bool is_signed_or_known(const struct auth *auth, const char *text)
{
    unsigned char digest[PKI_SHA256], *known;

    if (!auth->settings.token_key)
        return false;
    pki_sha256(text, strlen(text), digest);
    known = auth->signed_tokens[(digest[0] << 8 | digest[1]) % AUTH_SIGNED_TOKENS];
    if (!memcmp(known, digest, sizeof digest))
        return true;
    if (!is_signed(auth, text))
        return false;
    memcpy(known, digest, sizeof digest);
    return true;
}

/* The claims, if the hub's key signed them; else NULL. */
static const struct node *open_token(const struct auth *auth, struct arena *arena, const char *text)
{
    return is_signed_or_known(auth, text) ? read_token_claims(arena, text) : NULL;
}

static int check_claim_times(const struct node *claims, struct err *err)
{
    int64_t now = clock_wall() / CLOCK_SECOND;

    if (node_get_int(claims, "exp", 0) <= now)
        return err_set(err, ERR_UNAUTHORIZED, "service account token has expired");
    if (node_get_int(claims, "nbf", 0) > now)
        return err_set(err, ERR_UNAUTHORIZED, "service account token is not valid yet");
    if (strcmp(node_get_text(claims, "iss"), ISSUER) != 0)
        return err_set(err, ERR_UNAUTHORIZED, "invalid bearer token");
    return 0;
}

/* At least one audience must match; `ret` gets all that match. */
static int check_audiences(const struct node *claims, struct arena *arena,
                           const char *const *wanted, struct node *ret, struct err *err)
{
    static const char *const own[] = {ISSUER, NULL};
    const struct node *list = node_get(claims, "aud");
    scoped_text struct text has = {0};
    bool any = false;

    if (!wanted)
        wanted = own;
    for (size_t i = 0; i < node_count(list); i++) {
        const char *audience = node_text(node_item(list, i));

        text_addf(&has, "%s\"%s\"", i ? " " : "", audience);
        for (size_t j = 0; wanted[j]; j++) {
            if (strcmp(wanted[j], audience) != 0)
                continue;
            any = true;
            if (ret)
                node_add(arena, ret, node_string(arena, audience));
        }
    }
    if (any)
        return 0;
    return err_set(err, ERR_UNAUTHORIZED,
                   "token audiences [%s] is invalid for the target audiences", text_string(&has));
}

static int check_living(const struct auth *auth, const struct node *own, struct err *err)
{
    const char *namespace = node_get_text(own, "namespace");
    const struct node *account = node_get(own, "serviceaccount");
    const struct node *secret = node_get(own, "secret");
    scoped_object struct object *there = NULL;
    scoped_object struct object *bound = NULL;

    there = find_account_object(auth, "serviceaccounts", namespace, node_get_text(account, "name"),
                                err);
    if (!there) {
        err->code = ERR_UNAUTHORIZED;
        return -1;
    }
    if (strcmp(there->uid, node_get_text(account, "uid")) != 0)
        return err_set(err, ERR_UNAUTHORIZED, "service account UID (%s) does not match claim (%s)",
                       there->uid, node_get_text(account, "uid"));
    if (there->deleting)
        return err_set(err, ERR_UNAUTHORIZED, "service account %s/%s has been deleted", namespace,
                       there->name);
    if (!secret)
        return 0;
    bound = find_account_object(auth, "secrets", namespace, node_get_text(secret, "name"), NULL);
    if (!bound || bound->deleting || strcmp(bound->uid, node_get_text(secret, "uid")) != 0)
        return err_set(err, ERR_UNAUTHORIZED, "service account token has been invalidated");
    return 0;
}

static struct auth_user *account_user_of(struct arena *arena, const struct node *claims,
                                         const struct node *own)
{
    const char *namespace = node_get_text(own, "namespace");
    const struct node *account = node_get(own, "serviceaccount");
    struct node *extra = node_map(arena);
    struct auth_user *user = auth_user_new(
        arena, AUTH_USER,
        arena_printf(arena, ACCOUNT_USER "%s:%s", namespace, node_get_text(account, "name")),
        account_groups(arena, namespace));

    user->uid = arena_string(arena, node_get_text(account, "uid"));
    node_add(arena, node_make_list(arena, extra, "authentication.kubernetes.io/credential-id"),
             node_format(arena, "JTI=%s", node_get_text(claims, "jti")));
    user->extra = extra;
    return user;
}

bool account_is_plausible(const struct auth *auth, struct arena *arena, const char *text)
{
    const struct node *claims = read_token_claims(arena, text);
    struct err err = {0};

    return claims && check_claim_times(claims, &err) == 0 &&
           check_living(auth, node_get(claims, CLAIMS), &err) == 0;
}

int account_identify(const struct auth *auth, struct arena *arena, const char *text,
                     const char *const *audiences, struct node *ret_audiences,
                     struct auth_user **ret, struct err *err)
{
    const struct node *claims = open_token(auth, arena, text);
    const struct node *own = node_get(claims, CLAIMS);

    if (!claims)
        return err_set(err, ERR_UNAUTHORIZED, "invalid bearer token");
    if (check_claim_times(claims, err) < 0 ||
        check_audiences(claims, arena, audiences, ret_audiences, err) < 0 ||
        check_living(auth, own, err) < 0)
        return -1;
    *ret = account_user_of(arena, claims, own);
    (*ret)->expires = node_get_int(claims, "exp", 0) * CLOCK_SECOND;
    return 0;
}

/* ---- For those who check tokens themselves (RFC 7517, OpenID discovery) --------- */

struct node *auth_token_keys(const struct auth *auth, struct arena *arena)
{
    struct node *keys = node_map(arena), *key = node_map(arena);
    unsigned char point[64];
    scoped_text struct text x = {0};
    scoped_text struct text y = {0};

    pki_key_point(auth->settings.token_key, point);
    text_add_base64(&x, point, 32, true);
    text_add_base64(&y, point + 32, 32, true);
    node_set_text(arena, key, "use", "sig");
    node_set_text(arena, key, "kty", "EC");
    node_set_text(arena, key, "kid", key_name(auth, arena));
    node_set_text(arena, key, "crv", "P-256");
    node_set_text(arena, key, "alg", "ES256");
    node_set_text(arena, key, "x", text_string(&x));
    node_set_text(arena, key, "y", text_string(&y));
    node_add(arena, node_make_list(arena, keys, "keys"), key);
    return keys;
}

struct node *auth_token_issuer(struct arena *arena, const char *url)
{
    static const char *const lists[][2] = {
        {"response_types_supported", "id_token"},
        {"subject_types_supported", "public"},
        {"id_token_signing_alg_values_supported", "ES256"},
    };
    struct node *about = node_map(arena);

    node_set_text(arena, about, "issuer", ISSUER);
    node_set(arena, about, "jwks_uri", node_format(arena, "%s/openid/v1/jwks", url));
    for (size_t i = 0; i < count_of(lists); i++)
        node_add(arena, node_make_list(arena, about, lists[i][0]), node_string(arena, lists[i][1]));
    return about;
}
