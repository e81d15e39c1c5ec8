/* SPDX-License-Identifier: Apache-2.0 */
/* Hands every call to the driver that was opened. */

#include "cluster/cluster.h"

#include "base/text.h"
#include "cluster/local.h"

static const struct cluster_driver *const drivers[] = { &cluster_local, &cluster_kubernetes };

const struct cluster_driver *cluster_find(const char *name)
{
    for (size_t i = 0; i < count_of(drivers); i++)
        if (text_same(drivers[i]->name, name))
            return drivers[i];
    return NULL;
}

int cluster_open(const char *name, const struct cluster_options *options, struct cluster **ret,
                 struct err *err)
{
    const struct cluster_driver *driver = cluster_find(name);

    if (!driver)
        return err_set(err, ERR_INVALID, "--cluster \"%.80s\": it is local or kubernetes", name);
    return driver->open(options, ret, err);
}

void cluster_close(struct cluster **cluster)
{
    if (*cluster)
        (*cluster)->driver->close(cluster);
}

void cluster_apply(struct cluster *cluster, const struct cluster_set *set)
{
    cluster->driver->apply(cluster, set);
}

void cluster_remove(struct cluster *cluster, const char *owner)
{
    cluster->driver->remove(cluster, owner);
}

struct node *cluster_report(struct cluster *cluster, struct arena *arena, const char *owner)
{
    return cluster->driver->report(cluster, arena, owner);
}

struct node *cluster_objects(struct cluster *cluster, struct arena *arena, const char *owner)
{
    return cluster->driver->objects(cluster, arena, owner);
}

struct node *cluster_read(struct cluster *cluster, struct arena *arena, const char *owner,
                          const char *api_version, const char *kind, const char *space,
                          const char *name)
{
    return cluster->driver->read(cluster, arena, owner, api_version, kind, space, name);
}

struct node *cluster_owners(struct cluster *cluster, struct arena *arena)
{
    return cluster->driver->owners(cluster, arena);
}

struct node *cluster_facts(struct cluster *cluster, struct arena *arena)
{
    return cluster->driver->facts(cluster, arena);
}

void cluster_end(struct cluster *cluster)
{
    cluster->driver->end(cluster);
}

bool cluster_is_empty(const struct cluster *cluster)
{
    return cluster->driver->is_empty(cluster);
}

bool cluster_has(struct cluster *cluster, const struct cluster_set *set)
{
    return cluster->driver->has(cluster, set);
}

void cluster_keep_again(struct cluster *cluster)
{
    cluster->driver->keep_again(cluster);
}

void cluster_sweep(struct cluster *cluster)
{
    cluster->driver->sweep(cluster);
}
