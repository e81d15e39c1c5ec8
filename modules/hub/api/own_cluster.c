/* SPDX-License-Identifier: Apache-2.0 */
/* Tells a spoke, on its watch of works, that its own ManagedCluster has changed. */
#include "api/internal.h"

#include "auth/auth.h"
#include "base/map.h"
#include "kinds/kinds.h"
#include "meta/meta.h"
#include "objects/objects.h"

#include <inttypes.h>
#include <string.h>

/*
 * So a spoke needs no second connection for a second watch. A watch whose request has the
 * header Axle-Own-Cluster gets the revision of the ManagedCluster in the same header of the
 * response, and later as an annotation of bookmarks, one of which is sent for each change. A
 * client that does not ask sees nothing of it.
 */
#define HEADER "Axle-Own-Cluster"

static const struct kind *clusters_of(const struct api *api)
{
    return kinds_find(api->kinds, META_GROUP_CLUSTER, "managedclusters");
}

/* Watches are told in the middle of a commit and run later; the revision is read then. */
static void on_cluster_change(void *arg, const struct object *before, const struct object *after)
{
    const struct api *api = arg;
    const char *name = after ? after->name : before->name;
    struct own_cluster *own;

    for (own = map_get(api->own_clusters, name); own; own = own->next)
        objects_watch_bookmark(own->works);
}

void own_clusters_start(struct api *api)
{
    const struct kind *kind = clusters_of(api);

    api->own_clusters = map_new();
    if (kind)
        objects_on_change(api->objects, kind, on_cluster_change, api);
}

/* Its watches have ended. */
void own_clusters_stop(struct api *api)
{
    map_free(&api->own_clusters);
}

/* A bookmark would be of no use to a watch that begins with all works. */
static bool wants_cluster(const struct api_request *request)
{
    const char *revision = http_request_query(request->http, "resourceVersion");

    return http_request_header(request->http, "axle-own-cluster") &&
           request->user->role == AUTH_SPOKE && text_same(request->kind->plural, "manifestworks") &&
           text_same(request->user->cluster, request_namespace(request)) && revision && *revision;
}

void own_cluster_follow(struct own_cluster *own, const struct api_request *request,
                        struct objects_watch *works)
{
    struct map *all = request->api->own_clusters;

    if (!wants_cluster(request))
        return;
    *own = (struct own_cluster){request->api, request->user->cluster, works, NULL};
    own->next = map_put(all, own->cluster, own);
    http_response_header(request->http, HEADER,
                         arena_printf(request->arena, "%" PRId64, own_cluster_revision(own)));
}

/* A spoke has one watch, and for a moment two after it has come back. */
void own_cluster_unfollow(struct own_cluster *own)
{
    struct own_cluster *first, **at;

    if (!own->api)
        return;
    first = map_get(own->api->own_clusters, own->cluster);
    for (at = &first; *at != own; at = &(*at)->next)
        ;
    *at = own->next;
    if (first)
        map_put(own->api->own_clusters, first->cluster, first);
    else
        map_remove(own->api->own_clusters, own->cluster);
    own->api = NULL;
}

int64_t own_cluster_revision(const struct own_cluster *own)
{
    scoped_object struct object *cluster = NULL;

    if (!own->api)
        return 0;
    cluster = objects_get(own->api->objects, OBJECTS_PUBLISHED, clusters_of(own->api), "",
                          own->cluster, NULL);
    return cluster ? cluster->revision : 0;
}
