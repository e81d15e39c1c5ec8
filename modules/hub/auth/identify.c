/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the user of a request, by certificate or token. */
#include "auth/internal.h"

#include "base/clock.h"
#include "base/text.h"
#include "document/document.h"
#include "http/http.h"
#include "meta/meta.h"
#include "objects/objects.h"
#include "pki/pki.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const nobody_groups[] = {UNAUTHENTICATED, NULL};

/* TLS checked the dates at the handshake, but a connection may stay open for weeks. */
static int check_times(const struct pki_cert *cert, struct err *err)
{
    int64_t now = clock_wall();
    char time[CLOCK_TEXT];

    if (now >= cert->not_before && now < cert->not_after)
        return 0;
    clock_format(now < cert->not_before ? cert->not_before : cert->not_after, false, time);
    return err_set(err, ERR_UNAUTHORIZED, "the certificate of \"%.200s\" %s %s", cert->common_name,
                   now < cert->not_before ? "is not valid before" : "ended at", time);
}

/* The hub signed the certificate, so its groups are trusted. Adds system:authenticated. */
static const char *const *groups_of(struct arena *arena, const struct pki_cert *cert)
{
    size_t count = cert->organization_count;
    const char **groups = arena_alloc(arena, (count + 2) * sizeof *groups);

    for (size_t i = 0; i < count; i++)
        groups[i] = arena_string(arena, cert->organizations[i]);
    groups[count] = AUTHENTICATED;
    return groups;
}

static int identify_certificate(const struct pki_cert *cert, struct objects *objects,
                                struct arena *arena, struct auth_user **ret, struct err *err)
{
    const char *name = arena_string(arena, cert->common_name);
    struct auth_user *user;

    if (!*name)
        return err_set(err, ERR_UNAUTHORIZED, "the certificate has no CN, so it names no user");
    if (check_times(cert, err) < 0)
        return -1;
    user = auth_user_named(arena, name, groups_of(arena, cert));
    if (user->role == AUTH_SPOKE &&
        standing_of(objects, arena, cert, user->cluster, err) != STANDING_GOOD)
        return -1;
    /* A certificate must not carry the name of a user that the hub identifies in other ways. */
    if (user->role == AUTH_JOIN || user->role == AUTH_ANONYMOUS ||
        text_starts(name, ACCOUNT_USER) || text_starts(name, BOOTSTRAP_USER) ||
        (user->role == AUTH_USER && pki_cert_in(cert, META_USERS_CLUSTERS)))
        return err_set(err, ERR_UNAUTHORIZED, "the certificate of \"%s\" gives no rights here",
                       name);
    user->expires = cert->not_after;
    *ret = user;
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

/*
 * A valid token is always accepted; the limit is for wrong tokens of one address. Join
 * tokens cost one hash, so they are always checked. A JWT costs a signature check: from an
 * address over the limit, only one with the claims of an existing account is verified.
 */
static int identify_limited_token(struct auth *auth, const struct http_request *request,
                                  const char *token, struct arena *arena, struct auth_user **ret,
                                  struct err *err)
{
    bool allowed = attempts_allow(auth->wrong, request->remote);
    bool look = allowed || !account_is_token(token) || account_is_plausible(auth, arena, token);

    if (look && auth_identify_token(auth, arena, token, ret, err) == 0)
        return 0;
    if (!allowed)
        return err_set(err, ERR_TOO_MANY,
                       "too many wrong tokens came from this address; try again "
                       "in a moment");
    attempts_note(auth->wrong, request->remote);
    return -1;
}

int auth_identify(struct auth *auth, const struct http_request *request, struct arena *arena,
                  struct auth_user **ret, struct err *err)
{
    const char *token = shown_token(arena, http_request_header(request, "authorization"));
    struct auth_user *user;
    int64_t expires;

    if (request->peer) {
        if (identify_certificate(request->peer, auth->settings.objects, arena, &user, err) < 0)
            return -1;
    } else if (token) {
        if (identify_limited_token(auth, request, token, arena, &user, err) < 0)
            return -1;
    } else {
        user = auth_user_new(arena, AUTH_ANONYMOUS, "system:anonymous", nobody_groups);
    }
    expires = user->expires;
    if (auth_impersonate(auth, request, arena, &user, err) < 0)
        return -1;
    /* An impersonated user expires with the real user's credential. */
    user->expires = expires;
    *ret = user;
    return 0;
}
