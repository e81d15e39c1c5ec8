/* SPDX-License-Identifier: Apache-2.0 */
/* Checks the second permission that some writes need, as an admission rule of the write. */
#include "auth/internal.h"

#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "objects/objects.h"

#include <string.h>

static bool may_write(const struct auth *auth, const struct objects_review *review,
                      const char *verb)
{
    const struct auth_request request = {.verb = verb,
                                         .group = review->kind->group,
                                         .resource = review->kind->plural,
                                         .subresource = "",
                                         .namespace = review->namespace,
                                         .name = review->name};

    return review->who->identity && auth_may(auth, review->who->identity, &request, NULL);
}

/* ---- Server-side apply that creates ---------------------------------------- */

static int check_create(const struct auth *auth, const struct objects_review *review,
                        struct err *err)
{
    static const char *const none[] = {NULL};
    static const struct auth_user nobody = {
        .name = "", .uid = "", .groups = none, .cluster = "", .token = ""};
    const struct auth_request request = {.verb = "create",
                                         .group = review->kind->group,
                                         .resource = review->kind->plural,
                                         .subresource = "",
                                         .namespace = review->namespace,
                                         .name = review->name};

    return auth_check(auth, review->who->identity ? review->who->identity : &nobody, &request, err);
}

/* ---- Owners ------------------------------------------------------------------ */

static const struct node *same_reference(const struct node *list, const struct node *reference)
{
    for (size_t i = 0; i < node_count(list); i++)
        if (node_same(node_item(list, i), reference))
            return node_item(list, i);
    return NULL;
}

/*
 * blockOwnerDeletion can delay the deletion of the owner, so it needs the right to update
 * the owner or its finalizers.
 */
static bool may_block(const struct auth *auth, const struct objects_review *review,
                      const struct node *reference)
{
    const struct kinds *kinds = objects_kinds(auth->settings.objects);
    const struct kind *kind = kinds_by_kind(kinds, node_get_text(reference, "apiVersion"),
                                            node_get_text(reference, "kind"));
    struct auth_request request = {
        .verb = "update", .subresource = "finalizers", .name = node_get_text(reference, "name")};

    if (!kind || !review->who->identity)
        return false;
    request.group = kind->group;
    request.resource = kind->plural;
    request.namespace = kind->namespaced ? review->namespace : "";
    if (auth_may(auth, review->who->identity, &request, NULL))
        return true;
    request.subresource = "";
    return auth_may(auth, review->who->identity, &request, NULL);
}

static int forbid_write(const struct objects_review *review, const char *why, struct err *err)
{
    return err_set(err, ERR_FORBIDDEN, "%s \"%s\" is forbidden: %s", review->kind->resource,
                   meta_name(review->after), why);
}

/*
 * The rules of kube-apiserver's OwnerReferencesPermissionEnforcement: a dependent of a
 * missing owner is deleted, and blockOwnerDeletion delays the deletion of the owner; so
 * each needs the right to do that directly.
 */
static int check_owner_references(const struct auth *auth, const struct objects_review *review,
                                  struct err *err)
{
    const struct node *was = node_at(review->before, "metadata", "ownerReferences", NULL);
    const struct node *now = node_at(review->after, "metadata", "ownerReferences", NULL);

    if ((!node_count(was) && !node_count(now)) || node_same(was, now))
        return 0;
    if (review->before && !may_write(auth, review, "delete"))
        return forbid_write(
            review,
            "cannot set an ownerRef on a resource you can't delete: get the right to delete it, "
            "or leave metadata.ownerReferences as it is",
            err);
    for (size_t i = 0; i < node_count(now); i++) {
        const struct node *reference = node_item(now, i);

        if (node_get_bool(reference, "blockOwnerDeletion", false) &&
            !same_reference(was, reference) && !may_block(auth, review, reference))
            return forbid_write(
                review,
                "cannot set blockOwnerDeletion if an ownerReference "
                "refers to a resource you can't set finalizers on: leave it out, or get the right "
                "to update the owner",
                err);
    }
    return 0;
}

/* ---- The rule ----------------------------------------------------------------- */

static int admit_write(void *arg, const struct objects_review *review, struct err *err)
{
    const struct auth_user *user = review->who->identity;

    if (!review->after || review->who->trusted || (user && user->role == AUTH_ADMIN))
        return 0;
    if (review->by_apply && check_create(arg, review, err) < 0)
        return -1;
    return check_owner_references(arg, review, err);
}

void admit_open(struct auth *auth)
{
    objects_rule(auth->settings.objects, NULL, "", admit_write, auth);
}
