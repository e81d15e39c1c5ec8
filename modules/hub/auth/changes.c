/* SPDX-License-Identifier: Apache-2.0 */
/* Notices when somebody's rights or credentials may have become fewer. */
#include "auth/inside.h"

#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "objects/objects.h"

#include <string.h>

static void tell(struct auth *auth)
{
    if (auth->changed)
        auth->changed(auth->changed_arg);
}

/* Roles and bindings: a new one takes nothing from anybody. */
static void on_role(void *arg, const struct object *before,
                    const struct object *after)
{
    if (before)
        tell(arg);
}

/* Of a token the spec counts: its status changes at each join. */
static void on_token(void *arg, const struct object *before,
                     const struct object *after)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *old, *new;

    if (!before)
        return;
    old = node_get(object_read(arena, before), "spec");
    new = after ? node_get(object_read(arena, after), "spec") : NULL;
    if (!old || !new || !node_same(old, new))
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

/* Every key that spoke for the cluster before still does. */
static bool keeps_keys(const char *old, const char *new)
{
    scoped_mem char *keys = mem_copy_string(old);
    char *rest = keys;

    for (char *key; (key = strsep(&rest, ","));)
        if (*key && !strstr(new, key))
            return false;
    return true;
}

/*
 * What a spoke's certificate is compared with at each request has become less. A
 * fleet that joins is accepted and given keys one by one: that takes nothing away,
 * and must not have all that is held judged again each time.
 */
static bool has_lost(const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *old = object_read(arena, before);
    const struct node *new = object_read(arena, after);

    return (node_get_bool(node_get(old, "spec"), "hubAcceptsClient", false) &&
            !node_get_bool(node_get(new, "spec"), "hubAcceptsClient", false)) ||
           !keeps_keys(meta_annotation(old, META_ANNOTATION_CLIENT_KEYS),
                       meta_annotation(new, META_ANNOTATION_CLIENT_KEYS));
}

static void on_cluster(void *arg, const struct object *before,
                       const struct object *after)
{
    if (before && (!after || strcmp(before->uid, after->uid) != 0 ||
                   has_lost(before, after)))
        tell(arg);
}

void changes_open(struct auth *auth)
{
    static const struct {
        const char *group, *plural;
        objects_change_fn *change;
    } sources[] = {
        {META_GROUP_RBAC, "roles", on_role},
        {META_GROUP_RBAC, "clusterroles", on_role},
        {META_GROUP_RBAC, "rolebindings", on_role},
        {META_GROUP_RBAC, "clusterrolebindings", on_role},
        {META_GROUP_AXLE, "jointokens", on_token},
        {"", "namespaces", on_end},
        {"", "serviceaccounts", on_end},
        {"", "secrets", on_end},
        {META_GROUP_CLUSTER, "managedclusters", on_cluster},
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
