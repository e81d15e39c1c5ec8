/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts the open connections of a cluster that is let in no more. */
#include "hub/internal.h"

#include "base/log.h"
#include "document/document.h"
#include "http/http.h"
#include "kinds/kinds.h"
#include "loop/loop.h"
#include "meta/meta.h"
#include "objects/objects.h"
#include "pki/pki.h"

static bool is_accepted_cluster(const struct object *object)
{
    scoped_arena struct arena *arena = arena_new();

    return object && !object->deleting &&
           node_get_bool(node_get(object_read(arena, object), "spec"), "hubAcceptsClient", false);
}

/* Asked as if it came with a request now. */
static bool is_revoked_peer(const struct pki_cert *peer, void *arg)
{
    struct hub *hub = arg;
    scoped_arena struct arena *arena = arena_new();
    struct http_request request = {.peer = peer, .arena = arena};
    struct auth_user *user;
    struct err err;

    return auth_identify(hub->auth, &request, arena, &user, &err) < 0;
}

static void cut_revoked_peers(void *arg)
{
    struct hub *hub = arg;
    size_t count = http_server_cut(hub->server, is_revoked_peer, hub);

    if (count)
        log_info("hub", "%zu connections of clusters that are no longer accepted were closed",
                 count);
}

/*
 * A cluster that is being deleted still drains over its connection; once it is
 * gone, or no longer accepted, requests are refused and watches are cut.
 */
static void on_access_change(void *arg, const struct object *before, const struct object *after)
{
    struct hub *hub = arg;

    if (hub->server && is_accepted_cluster(before) && !is_accepted_cluster(after))
        loop_timer_set(hub->revoke, 0);
    if (hub->server && before && !after)
        loop_timer_set(hub->revoke, 0);
}

void revoke_start(struct hub *hub)
{
    hub->revoke = loop_timer_new(hub->loop, cut_revoked_peers, hub);
    objects_on_change(hub->objects, kinds_find(hub->kinds, META_GROUP_CLUSTER, "managedclusters"),
                      on_access_change, hub);
}
