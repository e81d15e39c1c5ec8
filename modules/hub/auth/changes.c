/* SPDX-License-Identifier: Apache-2.0 */
/* Calls the listener when a user may have lost rights or credentials. */
#include "auth/internal.h"

#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"
#include "objects/objects.h"

#include <string.h>

static void call_change_listener(struct auth *auth)
{
    if (auth->changed)
        auth->changed(auth->changed_arg);
}

/* A new role or binding takes no right away, so only updates and deletions count. */
static void on_role(void *arg, const struct object *before, const struct object *after)
{
    if (before)
        call_change_listener(arg);
}

/* Only the spec of a JoinToken counts: its status changes at each join. */
static void on_token(void *arg, const struct object *before, const struct object *after)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *old, *new;

    if (!before)
        return;
    old = node_get(object_read(arena, before), "spec");
    new = after ? node_get(object_read(arena, after), "spec") : NULL;
    if (!node_same(old, new))
        call_change_listener(arg);
}

/*
 * A ServiceAccount, or a Secret that a token is bound to. The UID counts: an object
 * created again under the same name does not make old tokens valid.
 */
static void on_credential_change(void *arg, const struct object *before, const struct object *after)
{
    if (before && (!after || strcmp(before->uid, after->uid) != 0))
        call_change_listener(arg);
}

/* Every old key is also a new one. */
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
 * Whether the cluster lost acceptance or a key. Accepting a new spoke and adding a key
 * take nothing away; when a fleet joins, that must not start a check of all open requests
 * each time.
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

static void on_cluster_change(void *arg, const struct object *before, const struct object *after)
{
    if (before && (!after || strcmp(before->uid, after->uid) != 0 || has_lost(before, after)))
        call_change_listener(arg);
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
        {"", "namespaces", on_credential_change},
        {"", "serviceaccounts", on_credential_change},
        {"", "secrets", on_credential_change},
        {META_GROUP_CLUSTER, "managedclusters", on_cluster_change},
    };
    struct objects *objects = auth->settings.objects;

    for (size_t i = 0; i < count_of(sources); i++)
        objects_on_change(objects,
                          kinds_find(objects_kinds(objects), sources[i].group, sources[i].plural),
                          sources[i].change, auth);
}

void auth_on_change(struct auth *auth, auth_change_fn *changed, void *arg)
{
    auth->changed = changed;
    auth->changed_arg = arg;
}
