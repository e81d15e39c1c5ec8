/* SPDX-License-Identifier: Apache-2.0 */
/* Says whose an object is, and finds objects for those who may see them. */

#include "cluster/local.h"

#include <string.h>

/*
 * An object's key is "PROJECT|group/kind/namespace/name". Kinds that works of one
 * project have side by side, and an object that another work has already, end in
 * "|OWNER". No part of it can hold a '|'.
 */

struct local_viewer local_viewer_of_object(const struct local_object *object)
{
    return (struct local_viewer){ object->project, object->owner->name };
}

struct local_viewer local_viewer_of_pod(const struct local_pod *pod)
{
    return (struct local_viewer){ pod->project, pod->owner };
}

/* A Namespace may be named by many. A Secret of a project is the same one for all
   its works, but each has the version that it was given. */
bool local_is_shared(const char *project, const struct manifest_kind *kind)
{
    return kind && (kind->cluster_wide ||
                    (*project && (kind->role == MANIFEST_CONFIG || kind->role == MANIFEST_RECORD)));
}

char *local_key(const char *project, const char *plain, const char *owner)
{
    return owner ? mem_printf("%s|%s|%s", project, plain, owner)
                 : mem_printf("%s|%s", project, plain);
}

/* Of several copies always the same one, also after a restart. */
static struct local_object *find_sibling(const struct cluster *cluster, const char *project,
                                         const char *plain)
{
    struct local_object *object, *found = NULL;
    size_t at = 0;

    while ((object = map_next(cluster->objects, &at, NULL)))
        if (!object->removing && !object->second && !strcmp(object->project, project) &&
            !strcmp(object->plain, plain) &&
            (!found || strcmp(object->owner->name, found->owner->name) < 0))
            found = object;
    return found;
}

struct local_object *local_find(const struct cluster *cluster, struct local_viewer viewer,
                                const char *group, const char *kind, const char *space,
                                const char *name)
{
    scoped_mem char *plain = mem_printf("%s/%s/%s/%s", group, kind, space, name);
    scoped_mem char *shared = local_key(viewer.project, plain, viewer.owner);
    scoped_mem char *alone = local_key(viewer.project, plain, NULL);
    struct local_object *object = map_get(cluster->objects, shared);

    if (object && !object->second && !object->removing)
        return object;
    object = map_get(cluster->objects, alone);
    if (object && object->row && object->row->role == MANIFEST_CONFIG && !*viewer.project &&
        strcmp(object->owner->name, viewer.owner) != 0)
        return NULL; /* of another work that has no project either */
    if (object || !*viewer.project)
        return object;
    return find_sibling(cluster, viewer.project, plain);
}
