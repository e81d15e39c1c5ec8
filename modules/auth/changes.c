/* SPDX-License-Identifier: Apache-2.0 */
/* Notices when somebody's rights or credentials may have become fewer. */
#include "auth/inside.h"

#include "base/text.h"
#include "document/document.h"
#include "objects/objects.h"

#include <string.h>

static void tell(struct auth *auth)
{
    if (auth->changed)
        auth->changed(auth->changed_arg);
}

static void on_any(void *arg, const struct object *before,
                   const struct object *after)
{
    tell(arg);
}

/* A ServiceAccount, or a Secret that a token is bound to: the token ends with
   it, and one made anew under the same name is another. */
static void on_end(void *arg, const struct object *before,
                   const struct object *after)
{
    if (before && (!after || strcmp(before->uid, after->uid) != 0))
        tell(arg);
}

/* What a spoke's certificate is compared with at each request. */
static bool same_admission(const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *old = object_read(arena, before);
    const struct node *new = object_read(arena, after);

    return node_get_bool(node_get(old, "spec"), "hubAcceptsClient", false) ==
               node_get_bool(node_get(new, "spec"), "hubAcceptsClient", false) &&
           strcmp(node_get_text(node_at(old, "metadata", "annotations", NULL),
                                CLIENT_KEYS),
                  node_get_text(node_at(new, "metadata", "annotations", NULL),
                                CLIENT_KEYS)) == 0;
}

static void on_cluster(void *arg, const struct object *before,
                       const struct object *after)
{
    if (before && (!after || strcmp(before->uid, after->uid) != 0 ||
                   !same_admission(before, after)))
        tell(arg);
}

void changes_open(struct auth *auth)
{
    static const struct {
        const char *group, *plural;
        objects_change_fn *change;
    } sources[] = {
        {RBAC, "roles", on_any},
        {RBAC, "clusterroles", on_any},
        {RBAC, "rolebindings", on_any},
        {RBAC, "clusterrolebindings", on_any},
        {"axle.dev", "jointokens", on_any},
        {"", "namespaces", on_end},
        {"", "serviceaccounts", on_end},
        {"", "secrets", on_end},
        {"cluster.open-cluster-management.io", "managedclusters", on_cluster},
    };
    struct objects *objects = auth->settings.objects;

    for (size_t i = 0; i < count_of(sources); i++)
        objects_on_change(objects,
                          kinds_find(objects_kinds(objects), sources[i].group,
                                     sources[i].plural),
                          sources[i].change, auth);
}

void auth_on_change(struct auth *auth, auth_change_fn *changed, void *arg)
{
    auth->changed = changed;
    auth->changed_arg = arg;
}
