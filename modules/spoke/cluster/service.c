/* SPDX-License-Identifier: Apache-2.0 */
/* Leads the ports of Services to the pods that are ready. */

#include "cluster/service.h"

#include "base/clock.h"
#include "base/log.h"
#include "number/number.h"
#include "cluster/forward.h"

#include <stdio.h>
#include <string.h>

/* ---- What is understood ---------------------------------------------------------- */

void service_read(struct cluster_object *object)
{
    /* "a.b" in a hosts file would be the Service "a" of namespace "b". */
    if (strchr(object->name, '.'))
        manifest_why_set(&object->broken, "Invalid",
                         "metadata.name \"%.100s\" of a Service has no dots", object->name);
    else
        manifest_check_service(pods_bounds(object->cluster->pods), node_get(object->object, "spec"),
                               &object->broken);
}

/* ---- Ports that are listened on ------------------------------------------------------- */

#define NODE_ADDRESSES 16

struct slot {
    struct forward *forward; /* owned */
    char *service, *project; /* owned; the key of the one that it belongs to */
    int port;
    bool wanted, failed;
    char why[300];
};

static void slot_free(struct slot *slot)
{
    forward_close(&slot->forward);
    mem_free(&slot->service);
    mem_free(&slot->project);
    mem_free(&slot);
}

/* A pod that declares the port and is not ready yet: it is about to listen there itself and must
   find the port free. */
static const struct pod *find_claimant(const struct cluster *cluster, int port)
{
    const struct pod *pod;
    size_t at = 0;

    while ((pod = pods_next(cluster->pods, &at)))
        if (!pod->finished && !pods_is_leaving(pod) && !pods_is_ready(pod) &&
            pods_declares(pod, port))
            return pod;
    return NULL;
}

struct service_run {
    struct services *services;
    struct cluster_object *service;
    struct arena *arena;
    const struct node *spec;
    struct node *status, *ports, *endpoints;
    bool headless;
    struct manifest_why why;
    int ready;
};

struct targets {
    int ports[FORWARD_PORTS];
    size_t count;
};

static bool all_targets_equal(const struct targets *targets, int port)
{
    for (size_t i = 0; i < targets->count; i++)
        if (targets->ports[i] != port)
            return false;
    return true;
}

/* Listens on the slot's port unless a pod is about to, and leads it to the ready pods. */
static void slot_open(struct services *services, struct slot *slot, const char *address,
                      const struct targets *targets)
{
    const struct pod *pod = find_claimant(services->cluster, slot->port);
    struct err err = {0};

    slot->failed = false;
    if (pod) {
        forward_close(&slot->forward);
        slot->failed = !all_targets_equal(targets, slot->port);
        if (strcmp(pod->project, slot->project) != 0)
            snprintf(slot->why, sizeof slot->why,
                     "port %d is kept free for a pod of another project", slot->port);
        else
            snprintf(slot->why, sizeof slot->why, "port %d is kept free for pod %.100s/%.100s",
                     slot->port, pod->namespace, pod->name);
        return;
    }
    if (!slot->forward)
        slot->forward = forward_open(services->pool, address, &err);
    if (slot->forward) {
        forward_lead(slot->forward, targets->ports, targets->count);
        return;
    }
    /* The pod itself listens on that port at every address, so it is reached without a forward. */
    if (strstr(err.text, "in use") && all_targets_equal(targets, slot->port))
        return;
    slot->failed = true;
    snprintf(slot->why, sizeof slot->why, "%.290s", err.text);
}

static struct slot *find_slot(const struct services *services, const char *host, int port)
{
    scoped_mem char *address = mem_printf(strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port);

    return map_get(services->slots, address);
}

static bool is_served(const struct cluster_object *object);

/* A port belongs to the first Service that wants it, for as long as that Service is served. */
static struct slot *take_slot(struct services *services, const char *address, int port,
                              const struct cluster_object *service)
{
    struct slot *slot = map_get(services->slots, address);
    const struct cluster_object *holder;

    if (!slot) {
        slot = mem_alloc(sizeof *slot);
        slot->port = port;
        map_put(services->slots, address, slot);
    }
    holder = slot->service ? map_get(services->cluster->objects, slot->service) : NULL;
    /* Two headless Services may lead to one pod by the same address. */
    if (holder && holder != service && is_served(holder) && !names_are_headless(service))
        return NULL;
    mem_free(&slot->service);
    mem_free(&slot->project);
    slot->service = mem_copy_string(service->key);
    slot->project = mem_copy_string(service->project);
    return slot;
}

/* Listens for the Service, or lets go while no pod is ready. NULL: another Service has the port. */
static const struct slot *want_slot(struct services *services, const struct cluster_object *service,
                                    const char *host, int port, const struct targets *targets)
{
    scoped_mem char *address = mem_printf(strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port);
    struct slot *slot = take_slot(services, address, port, service);

    if (!slot)
        return NULL;
    slot->wanted = true;
    if (targets->count && !loop_is_simulated(services->cluster->options.loop)) {
        slot_open(services, slot, address, targets);
    } else { /* no pod is ready: connections are refused, as in Kubernetes */
        forward_close(&slot->forward);
        slot->failed = false;
    }
    return slot;
}

/* Closes the ports that no Service wanted in this round. */
static void drop_unwanted(struct services *services)
{
    struct slot *slot;
    const char *key;
    size_t at = 0;

    while ((slot = map_next(services->slots, &at, &key))) {
        bool wanted = slot->wanted;

        slot->wanted = false;
        if (!wanted) {
            map_remove(services->slots, key);
            slot_free(slot);
        }
    }
}

/* At which address the pod will listen is not known, so the port is let go at every address. */
static void yield_port(struct services *services, int port)
{
    struct slot *slot;
    size_t at = 0;

    while ((slot = map_next(services->slots, &at, NULL)))
        if (slot->port == port && slot->forward) {
            forward_close(&slot->forward);
            cluster_touch_services(services->cluster);
        }
}

/* Called just before a pod starts; the next round opens again what may be open. */
void services_yield(struct services *services, const struct pod *pod)
{
    const struct node *port;

    if (!map_count(services->slots))
        return;
    for (size_t i = 0; (port = pods_port(pod, i)); i++)
        yield_port(services, pods_port_number(pod, port));
}

/* ---- One Service ------------------------------------------------------------------------- */

/* targetPort as a number or by name; without it the port of the Service. 0: the pod has none. */
static int find_target_port(const struct pod *pod, const struct node *port)
{
    const struct node *target = node_get(port, "targetPort"), *declared;

    if (!target || node_is(target, NODE_NULL) || number_value(target, NUMBER_PORT_OR_ANY, 1) == 0)
        return number_as_int(port, "port", NUMBER_PORT, 0);
    if (node_is(target, NODE_INT))
        return (int)number_value(target, NUMBER_PORT, 0);
    for (size_t i = 0; (declared = pods_port(pod, i)); i++)
        if (!strcmp(node_get_text(declared, "name"), node_text(target)))
            return pods_port_number(pod, declared);
    return 0;
}

/* A pod of the Service's namespace and project with the labels that it selects, ready unless it
   asks for pods that are not. */
static bool is_target(const struct service_run *run, const struct pod *pod)
{
    bool all = node_get_bool(run->spec, "publishNotReadyAddresses", false);

    return !strcmp(pod->namespace, run->service->namespace) &&
           !strcmp(pod->project, run->service->project) && !pods_is_leaving(pod) &&
           !pod->finished && pods_is_made(pod) && (all || pods_is_ready(pod)) &&
           names_select(run->service, pod->template);
}

/* The first trouble of a Service is the one that is told. */
static void note_slot(struct service_run *run, const struct slot *slot, int port)
{
    if (!slot && !*run->why.reason)
        manifest_why_set(&run->why, "PortConflict",
                         "port %d is taken by another Service on this spoke", port);
    else if (slot && slot->failed && !*run->why.reason)
        manifest_why_set(&run->why, "PortConflict", "port %d cannot be served: %.300s", port,
                         slot->why);
}

static void add_endpoint(struct service_run *run, const struct pod *pod, const char *address,
                         int number, const char *name)
{
    struct node *row = node_map(run->arena);

    node_set_text(run->arena, row, "pod", pod->name);
    node_set_text(run->arena, row, "address", address);
    node_set_int(run->arena, row, "port", number);
    if (*name)
        node_set_text(run->arena, row, "name", name);
    node_add(run->arena, run->endpoints, row);
}

/* Each pod of a headless Service has an address of its own, and a forward there. */
static void lead_to_pod(struct service_run *run, const struct pod *pod, int port, int target)
{
    const char *host = pods_host(pod, run->arena);
    const char *address =
        names_address(run->services, pod->project, pod->namespace, host ? host : pod->name);
    struct targets one = {{target}, 1};

    note_slot(run, want_slot(run->services, run->service, address, port, &one), port);
}

/* Pods share the machine's ports: a port that no pod declares may be another program's, so a node
   port never leads there. */
static void refuse_undeclared(struct service_run *run, const struct pod *pod, int target)
{
    if (!*run->why.reason)
        manifest_why_set(&run->why, "NotPermitted",
                         "a node port leads to ports that its pods declare only, "
                         "and no container of pod %.100s has containerPort %d",
                         pod->name, target);
}

/* One port of the Service: the pods behind it become targets, and endpoints of the report. */
static void gather_targets(struct service_run *run, const struct node *port, bool outside,
                           struct targets *ret)
{
    int number = number_as_int(port, "port", NUMBER_PORT, 0);
    struct pod *pod;
    size_t at = 0;

    while ((pod = pods_next(run->services->cluster->pods, &at))) {
        int target = is_target(run, pod) ? find_target_port(pod, port) : 0;

        if (!target)
            continue;
        if (outside && !pods_declares(pod, target)) {
            refuse_undeclared(run, pod, target);
            continue;
        }
        add_endpoint(run, pod, "127.0.0.1", target, node_get_text(port, "name"));
        if (run->headless)
            lead_to_pod(run, pod, number, target);
        if (ret->count < FORWARD_PORTS)
            ret->ports[ret->count++] = target;
    }
}

/* ---- Node ports ----------------------------------------------------------------------- */

/* Where node ports listen: the administrator's addresses, else loopback and the machine's own
   address. */
static size_t node_addresses(const struct cluster *cluster, const char *ret[NODE_ADDRESSES])
{
    const char *const *given = cluster->options.bounds.node_addresses;
    const char *own = cluster->options.address;
    size_t count = 0;

    for (; given && given[count] && count < NODE_ADDRESSES; count++)
        ret[count] = given[count];
    if (count)
        return count;
    ret[count++] = "127.0.0.1";
    if (own && strcmp(own, "127.0.0.1") != 0 &&
        (strchr(own, ':') || strspn(own, "0123456789.") == strlen(own)))
        ret[count++] = own;
    return count;
}

/* A number is given out only if no other Service has it at any of the addresses. */
static bool is_node_port_free(const struct service_run *run, int port)
{
    const char *addresses[NODE_ADDRESSES];
    size_t count = node_addresses(run->services->cluster, addresses);

    for (size_t i = 0; i < count; i++) {
        const struct slot *slot = find_slot(run->services, addresses[i], port);

        if (slot && slot->service && strcmp(slot->service, run->service->key) != 0)
            return false;
    }
    return true;
}

/* The node port that the manifest names, or a free one of the range, found by a hash of the name so
   that it stays the same. 0: none. */
static int node_port_of(const struct service_run *run, const struct node *port)
{
    scoped_mem char *key = mem_printf(
        "/Service/%s/%s",
        pods_place(run->services->cluster->pods, run->service->project, run->service->namespace),
        run->service->name);
    uint64_t hash = pods_hash(0, key, strlen(key) + 1);
    const struct runtime_range range = run->services->cluster->options.bounds.node_ports;
    int number = number_as_int(port, "port", NUMBER_PORT, 0);
    int requested = number_as_int(port, "nodePort", NUMBER_PORT, 0);
    uint32_t count = range.last - range.first + 1;

    if (strcmp(node_get_text(run->spec, "type"), "NodePort") != 0 || run->headless || requested)
        return run->headless ? 0 : requested;
    hash = pods_hash(hash, &number, sizeof number);
    for (uint32_t i = 0; i < count; i++) {
        int one = (int)(range.first + (hash + i) % count);

        if (is_node_port_free(run, one))
            return one;
    }
    return 0;
}

static void serve_node_port(struct service_run *run, int node_port, const struct targets *targets)
{
    const char *addresses[NODE_ADDRESSES];
    size_t count = node_addresses(run->services->cluster, addresses);

    for (size_t i = 0; i < count; i++)
        note_slot(run, want_slot(run->services, run->service, addresses[i], node_port, targets),
                  node_port);
}

/* One port of the Service: at its own address, and at the node port if it is of type NodePort. */
static void serve_port(struct service_run *run, const struct node *port, const char *address)
{
    int number = number_as_int(port, "port", NUMBER_PORT, 0);
    bool outside = !strcmp(node_get_text(run->spec, "type"), "NodePort") && !run->headless;
    int node_port = outside ? node_port_of(run, port) : 0;
    const char *name = node_get_text(port, "name");
    struct node *row = node_map(run->arena);
    struct targets targets = {.count = 0};

    gather_targets(run, port, outside, &targets);
    if (!run->headless)
        note_slot(run, want_slot(run->services, run->service, address, number, &targets), number);
    if (node_port)
        serve_node_port(run, node_port, &targets);
    if ((int)targets.count > run->ready)
        run->ready = (int)targets.count;
    if (*name)
        node_set_text(run->arena, row, "name", name);
    node_set_int(run->arena, row, "port", number);
    if (node_port)
        node_set_int(run->arena, row, "nodePort", node_port);
    node_add(run->arena, run->ports, row);
}

static void note_names(struct service_run *run)
{
    struct cluster *cluster = run->services->cluster;

    if (*run->why.reason || !cluster->names_in_env_only)
        return;
    manifest_why_set(
        &run->why, "NamesUnavailable",
        "pods see no /etc/hosts of their own on this machine; "
        "they find the Service by $NAME_SERVICE_HOST and $NAME_SERVICE_PORT, or in the file "
        "$AXLE_HOSTS");
}

/* The status is made anew each time; only where it differs is the object touched. */
static void serve_service(struct services *services, struct cluster_object *object)
{
    struct service_run run = {services, object, arena_new(),
                              .spec = node_get(object->object, "spec")};
    const struct node *ports = node_get(run.spec, "ports");
    const char *type = node_get_text(run.spec, "type");
    struct object_service *old = object->service;
    const char *address;

    run.headless = names_are_headless(object);
    run.status = node_map(run.arena);
    run.ports = node_list(run.arena);
    run.endpoints = node_list(run.arena);
    address = run.headless
                  ? "None"
                  : names_address(services, object->project, object->namespace, object->name);
    for (size_t i = 0; i < node_count(ports); i++)
        serve_port(&run, node_item(ports, i), address);
    note_names(&run);
    node_set_text(run.arena, run.status, "namespace", object->namespace);
    node_set_text(run.arena, run.status, "name", object->name);
    node_set_text(run.arena, run.status, "type", *type ? type : "ClusterIP");
    node_set_text(run.arena, run.status, "address", address);
    node_set(run.arena, run.status, "ports", run.ports);
    node_set_int(run.arena, run.status, "ready", run.ready);
    node_set(run.arena, run.status, "endpoints", run.endpoints);
    if (*run.why.reason)
        node_set_text(run.arena, run.status, "reason", run.why.reason);
    if (*run.why.message)
        node_set_text(run.arena, run.status, "message", run.why.message);
    if (!old || !node_same(old->status, run.status))
        object_touch(object);
    service_free(object);
    object->service = mem_alloc(sizeof *object->service);
    *object->service = (struct object_service){run.arena, run.status, run.why};
}

void service_free(struct cluster_object *object)
{
    if (!object->service)
        return;
    arena_free(&object->service->arena);
    mem_free(&object->service);
}

/* ---- All of them ----------------------------------------------------------------------------- */

static bool is_served(const struct cluster_object *object)
{
    return object->row && object->row->role == MANIFEST_SERVICE && !object->removing &&
           !object->waiting && !*object->broken.reason;
}

struct names {
    struct node *lines;
    uint64_t hash;
};

static const struct names *find_host_names(struct cluster *cluster, struct arena *arena,
                                           struct map *known, const struct pod *pod)
{
    const char *place = pods_place(cluster->pods, pod->project, pod->namespace);
    struct names *names = map_get(known, place);

    if (names)
        return names;
    names = arena_alloc(arena, sizeof *names);
    names->lines = names_hosts(cluster, arena, pod->project, pod->namespace);
    names->hash = pods_hash_hosts(names->lines);
    map_put(known, place, names);
    return names;
}

/* The pod's Services are not known yet, so it keeps the hosts file that it has. */
static bool is_adopted(const struct cluster *cluster, const struct pod *pod)
{
    const struct cluster_object *object = object_of_pod(cluster, pod);

    return object && object->adopted;
}

/* The names are the same for all pods of a namespace: written once, delivered where they differ. */
static void tell_host_names(struct cluster *cluster)
{
    scoped_map struct map *known = map_new();
    scoped_arena struct arena *arena = arena_new();
    struct pod *pod;
    size_t at = 0;

    while ((pod = pods_next(cluster->pods, &at))) {
        const struct names *names;

        if (!pods_is_made(pod) || pods_is_leaving(pod) || pod->lost || is_adopted(cluster, pod))
            continue;
        names = find_host_names(cluster, arena, known, pod);
        pods_tell_hosts(pod, names->lines, names->hash);
    }
}

/* Serves all Services anew. A port that cannot be listened on is tried again in two seconds. */
void services_reconcile(struct cluster *cluster)
{
    struct services *services = cluster->services;
    struct cluster_object *object;
    bool failed = false;
    size_t at = 0;

    if (!cluster->services_dirty)
        return;
    cluster->services_dirty = false;
    while ((object = map_next(cluster->objects, &at, NULL)))
        if (is_served(object)) {
            serve_service(services, object);
            failed |= !strcmp(object->service->why.reason, "PortConflict");
        }
    drop_unwanted(services);
    tell_host_names(cluster);
    if (failed)
        loop_timer_set(services->retry, 2 * CLOCK_SECOND);
}

static void on_services_retry(void *arg)
{
    struct services *services = arg;

    cluster_touch_services(services->cluster);
}

struct services *services_new(struct cluster *cluster)
{
    struct services *services = mem_alloc(sizeof *services);
    const char *folder = cluster->options.runtime_options.directory;

    services->salt = pods_hash(0, folder ? folder : "", folder ? strlen(folder) : 0);
    services->cluster = cluster;
    services->pool = forward_pool_new(cluster->options.loop);
    services->slots = map_new();
    services->addresses = map_new();
    services->retry = loop_timer_new(cluster->options.loop, on_services_retry, services);
    return services;
}

void services_free(struct services **services)
{
    struct services *s = *services;
    struct slot *slot;
    char *text;
    size_t at = 0;

    if (!s)
        return;
    while ((slot = map_next(s->slots, &at, NULL)))
        slot_free(slot);
    at = 0;
    while ((text = map_next(s->addresses, &at, NULL)))
        mem_free(&text);
    map_free(&s->slots);
    map_free(&s->addresses);
    loop_timer_free(&s->retry);
    forward_pool_free(&s->pool);
    mem_free(services);
}

/* ---- Told
 * ----------------------------------------------------------------------------------------- */

/* In Kubernetes a Service without selector leads to Endpoints that others write. There are none on
   a spoke, so such a Service would never lead anywhere. */
static bool selects_nothing(const struct cluster_object *object)
{
    const struct node *spec = node_get(object->object, "spec");

    return !node_count(node_get(spec, "selector")) &&
           strcmp(node_get_text(spec, "type"), "ExternalName") != 0;
}

void service_judge(struct cluster_object *object)
{
    if (selects_nothing(object)) {
        object->health = CLUSTER_FAILED;
        manifest_why_set(&object->why, "NoSelector",
                         "spec.selector is empty, so no pod answers; give it "
                         "the labels of the pods that it stands for");
        return;
    }
    object->why = object->service ? object->service->why : (struct manifest_why){0};
    object->health =
        !strcmp(object->why.reason, "PortConflict") || !strcmp(object->why.reason, "NotPermitted")
            ? CLUSTER_FAILED
            : CLUSTER_CURRENT;
}

const struct node *service_status(const struct cluster_object *object)
{
    return object->service ? object->service->status : NULL;
}

void service_describe(const struct cluster_object *object, struct arena *arena, struct node *ret)
{
    const struct node *status = service_status(object), *rows = node_get(status, "ports");
    struct node *spec = node_share(arena, node_get(object->object, "spec"));
    struct node *addresses = node_list(arena), *ports = node_list(arena);

    if (!status)
        return;
    node_add(arena, addresses, node_string(arena, node_get_text(status, "address")));
    node_set_text(arena, spec, "clusterIP", node_get_text(status, "address"));
    node_set(arena, spec, "clusterIPs", addresses);
    node_set_text(arena, spec, "type", node_get_text(status, "type"));
    for (size_t i = 0; i < node_count(rows); i++) {
        struct node *port = node_share(arena, node_item(node_get(spec, "ports"), i));
        int64_t node_port = number_get(node_item(rows, i), "nodePort", NUMBER_PORT, 0);

        if (node_port)
            node_set_int(arena, port, "nodePort", node_port);
        node_add(arena, ports, port);
    }
    node_set(arena, spec, "ports", ports);
    node_set(arena, ret, "spec", spec);
    node_make(arena, node_make(arena, ret, "status"), "loadBalancer");
}

void service_endpoints(const struct cluster_object *object, struct arena *arena, struct node *list)
{
    const struct node *status = service_status(object), *ports = node_get(status, "ports");
    const char *address = object->cluster->options.address;

    for (size_t i = 0; i < node_count(ports); i++) {
        const struct node *port = node_item(ports, i);
        struct node *row = node_map(arena);

        if (!node_get(port, "nodePort") || !number_get(status, "ready", NUMBER_COUNT, 0))
            continue;
        if (*node_get_text(port, "name"))
            node_set_text(arena, row, "name", node_get_text(port, "name"));
        node_set_text(arena, row, "address", address ? address : "127.0.0.1");
        node_set_int(arena, row, "port", number_get(port, "nodePort", NUMBER_PORT, 0));
        node_set_text(arena, row, "protocol", "TCP");
        node_set_text(arena, row, "service", object->name);
        node_add(arena, list, row);
    }
}
