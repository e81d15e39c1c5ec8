/* SPDX-License-Identifier: Apache-2.0 */
/* Says of rendered manifests what will not work on a spoke, before it gets them. */

#include "render/render.h"

#include "document/document.h"
#include "meta/meta.h"
#include "number/number.h"

#include <string.h>

/* Kinds that start several pods from one template on one spoke. */
static bool kind_has_replicas(const char *kind)
{
    static const char *const kinds[] = {"Deployment", "StatefulSet", "ReplicaSet"};

    for (size_t i = 0; i < count_of(kinds); i++)
        if (!strcmp(kind, kinds[i]))
            return true;
    return false;
}

/* The first TCP port that a container declares by number; 0: none. */
static int64_t find_declared_port(const struct node *object)
{
    const struct node *containers = node_at(object, "spec", "template", "spec", "containers", NULL);

    for (size_t i = 0; i < node_count(containers); i++) {
        const struct node *ports = node_get(node_item(containers, i), "ports");

        for (size_t j = 0; j < node_count(ports); j++) {
            int64_t port = number_get(node_item(ports, j), "containerPort", NUMBER_PORT, 0);

            if (port > 0 && strcmp(node_get_text(node_item(ports, j), "protocol"), "UDP") != 0)
                return port;
        }
    }
    return 0;
}

char *render_advice(struct arena *arena, const struct node *manifests)
{
    for (size_t i = 0; i < node_count(manifests); i++) {
        const struct node *object = node_item(manifests, i);
        const char *kind = node_get_text(object, "kind");
        int64_t replicas = number_get(node_get(object, "spec"), "replicas", NUMBER_COUNT, 1);
        int64_t port = find_declared_port(object);

        if (kind_has_replicas(kind) && replicas > 1 && port)
            return arena_printf(
                arena,
                "%s %s: %lld replicas declare port %lld, which one at a time "
                "has on a spoke whose pods share its machine's ports: with "
                "containerPort: 0 each gets its own in $PORT, and a Service leads to all",
                kind, meta_name(object), (long long)replicas, (long long)port);
    }
    return NULL;
}
