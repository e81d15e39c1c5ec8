/* SPDX-License-Identifier: Apache-2.0 */
/* Opens and closes the local cluster, and answers questions. */

#include "cluster/inventory.h"
#include "cluster/service.h"

#include <string.h>

/* ---- Opening and closing -------------------------------------------------------------------- */

/* After the rows are loaded: pods are matched with the objects that are known. */
static void take_over(struct cluster *cluster)
{
    struct cluster_object *object;
    struct pod *pod;
    size_t at = 0;

    pods_take_over(cluster->pods);
    adopted_take_over(cluster);
    while ((pod = pods_next(cluster->pods, &at)))
        pods_refresh_files(pod);
    at = 0;
    while ((object = map_next(cluster->objects, &at, NULL)))
        object_touch(object);
}

static int open_pods(struct cluster *cluster, struct err *err)
{
    const struct cluster_options *options = &cluster->options;

    return pods_open(&(struct pods_options){.loop = options->loop,
                                            .runtime = options->runtime,
                                            .runtime_options = options->runtime_options,
                                            .bounds = options->bounds,
                                            .address = options->address,
                                            .callbacks = pod_event_callbacks(cluster)},
                     &cluster->pods, err);
}

/* There is one driver so far. A driver for Kubernetes will do what is below by other means,
   so the table has only what is needed to refuse it. */
static int check_driver(const char *name, struct err *err)
{
    static const struct {
        const char *name, *refused;
    } drivers[] = {
        {"local", NULL},
        {"kubernetes", "--cluster=kubernetes is not built yet; use --cluster=local, or join the "
                       "cluster with Open Cluster Management's klusterlet"},
    };

    for (size_t i = 0; i < count_of(drivers); i++)
        if (text_same(drivers[i].name, name))
            return drivers[i].refused ? err_set(err, ERR_UNSUPPORTED, "%s", drivers[i].refused) : 0;
    return err_set(err, ERR_INVALID, "--cluster \"%.80s\": it is local or kubernetes", name);
}

int cluster_open(const char *driver, const struct cluster_options *options, struct cluster **ret,
                 struct err *err)
{
    struct cluster *cluster;

    if (check_driver(driver, err) < 0)
        return -1;
    cluster = mem_alloc(sizeof *cluster);
    cluster->options = *options;
    if (runtime_bounds_settle(&cluster->options.bounds, err) < 0 || open_pods(cluster, err) < 0) {
        mem_free(&cluster);
        return -1;
    }
    cluster->owners = map_new();
    cluster->objects = map_new();
    cluster->services = services_new(cluster);
    cluster->names_in_env_only = !pods_have_own_hosts(cluster->pods);
    cluster->reconcile_timer = loop_timer_new(options->loop, pass_run, cluster);
    cluster->retry = loop_timer_new(options->loop, owner_retry, cluster);
    options->keep.each(options->keep.arg, load_owner_row, cluster);
    options->keep.each(options->keep.arg, load_state_row, cluster);
    take_over(cluster);
    *ret = cluster;
    return 0;
}

/* Pods first: what they still ask while they close is answered from the objects. */
void cluster_close(struct cluster **cluster)
{
    struct cluster *c = *cluster;
    struct cluster_object *object;
    struct cluster_owner *owner;
    size_t at = 0;

    if (!c)
        return;
    c->closing = true;
    pods_close(&c->pods);
    while ((object = map_next(c->objects, &at, NULL)))
        object_free(object);
    at = 0;
    while ((owner = map_next(c->owners, &at, NULL)))
        owner_free(owner);
    services_free(&c->services);
    loop_timer_free(&c->reconcile_timer);
    loop_timer_free(&c->retry);
    map_free(&c->objects);
    map_free(&c->owners);
    mem_free(cluster);
}

/* ---- Questions ------------------------------------------------------------------------------- */

struct node *cluster_report(struct cluster *cluster, struct arena *arena, const char *name)
{
    struct cluster_owner *owner = map_get(cluster->owners, name);

    return owner ? report_owner(owner, arena) : NULL;
}

struct node *cluster_objects(struct cluster *cluster, struct arena *arena, const char *name)
{
    struct cluster_owner *owner = map_get(cluster->owners, name);

    return owner ? report_objects(owner, arena) : NULL;
}

/* A Pod that no manifest names, since a workload made it, is found as well. */
struct node *cluster_read(struct cluster *cluster, struct arena *arena, const char *reader,
                          const char *api_version, const char *kind, const char *namespace,
                          const char *name)
{
    const struct manifest_kind *row = manifest_kind_find(api_version, kind);
    const struct cluster_owner *owner = map_get(cluster->owners, reader);
    const char *usual = row && row->cluster_wide ? "" : "default";
    struct pods_viewer viewer = {owner ? owner->project : "", reader,
                                 *namespace ? namespace : usual};
    struct cluster_object *object;
    struct pod *pod;
    char group[128];
    size_t at = 0;

    object =
        object_find(cluster, &viewer, manifest_group(api_version, group, sizeof group), kind, name);
    if (object)
        return report_object(object, arena);
    while (row && row->role == MANIFEST_POD && (pod = pods_next(cluster->pods, &at)))
        if (!strcmp(pod->namespace, namespace) && !strcmp(pod->name, name) &&
            !strcmp(pod->project, viewer.project))
            return pods_object(pod, arena);
    return NULL;
}

struct node *cluster_owners(struct cluster *cluster, struct arena *arena)
{
    struct node *list = node_list(arena);
    struct cluster_owner *owner;
    size_t at = 0;

    while ((owner = map_next(cluster->owners, &at, NULL)))
        if (strcmp(owner->name, CLUSTER_ORPHANS) != 0)
            node_add(arena, list, node_string(arena, owner->name));
    return list;
}

struct node *cluster_facts(struct cluster *cluster, struct arena *arena)
{
    struct node *facts = node_map(arena);

    node_set_text(arena, facts, "cluster", "local");
    node_set(arena, facts, "runtime", pods_facts(cluster->pods, arena));
    return facts;
}

void cluster_sweep(struct cluster *cluster)
{
    struct cluster_object *object;
    size_t at = 0;

    pods_sweep(cluster->pods);
    while ((object = map_next(cluster->objects, &at, NULL)))
        object_touch(object);
    cluster_touch_services(cluster);
    mem_trim(); /* of what was started and told since the last sweep */
}

bool cluster_is_empty(const struct cluster *cluster)
{
    return !pods_count(cluster->pods) && !map_count(cluster->objects);
}
