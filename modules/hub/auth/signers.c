/* SPDX-License-Identifier: Apache-2.0 */
/* Checks whether a user may approve or sign certificate requests of a signer. */
#include "auth/internal.h"

#include "document/document.h"
#include "meta/meta.h"
#include "objects/objects.h"

#include <string.h>

static const struct {
    const char *subresource, *verb;
} needs[] = {{"approval", "approve"}, {"status", "sign"}};

static const char *signer_verb(const struct auth_request *request)
{
    if (request->path || strcmp(request->group, META_GROUP_CERTIFICATES) != 0 ||
        strcmp(request->resource, "certificatesigningrequests") != 0 ||
        (strcmp(request->verb, "update") != 0 && strcmp(request->verb, "patch") != 0))
        return NULL;
    for (size_t i = 0; i < count_of(needs); i++)
        if (strcmp(needs[i].subresource, request->subresource) == 0)
            return needs[i].verb;
    return NULL;
}

static bool may_name(const struct auth *auth, const struct auth_user *user, const char *verb,
                     const char *name)
{
    struct auth_request request = {.verb = verb,
                                   .group = META_GROUP_CERTIFICATES,
                                   .resource = "signers",
                                   .subresource = "",
                                   .namespace = "",
                                   .name = name};

    return auth_may(auth, user, &request, NULL);
}

/* A right for "example.com" with "/" and a star holds for all signers of example.com. */
int signers_check(const struct auth *auth, const struct auth_user *user,
                  const struct auth_request *request, struct err *err)
{
    scoped_arena struct arena *arena = arena_new();
    struct objects *objects = auth->settings.objects;
    const char *verb = signer_verb(request), *signer;
    scoped_object struct object *csr = NULL;

    if (!verb || user->role == AUTH_ADMIN || !objects)
        return 0;
    csr = objects_get(
        objects, OBJECTS_PUBLISHED,
        kinds_find(objects_kinds(objects), META_GROUP_CERTIFICATES, "certificatesigningrequests"),
        "", request->name, NULL);
    if (!csr)
        return 0; /* not found; the write reports that */
    signer = node_get_text(node_get(object_read(arena, csr), "spec"), "signerName");
    if (may_name(auth, user, verb, signer) ||
        may_name(auth, user, verb,
                 arena_printf(arena, "%.*s/*", (int)strcspn(signer, "/"), signer)))
        return 0;
    return err_set(err, ERR_FORBIDDEN,
                   "certificatesigningrequests.certificates.k8s.io \"%s\" is "
                   "forbidden: user not permitted to %s requests with "
                   "signerName \"%s\"",
                   request->name, verb, signer);
}
