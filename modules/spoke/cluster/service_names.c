/* SPDX-License-Identifier: Apache-2.0 */
/* Gives Services and pods addresses and names that workloads here can use. */

#include "cluster/service.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

/* At most so many members of one headless Service have names: a hosts file is read as a whole. */
#define MOST_HOSTS 256

/* ---- Addresses ------------------------------------------------------------------ */

static void write_address(uint64_t hash, char ret[20])
{
    unsigned low = (unsigned)(hash % 254) + 1;

    snprintf(ret, 20, "127.%u.%u.%u", 64 + (unsigned)(hash / 254 % 64),
             (unsigned)(hash / 254 / 64 % 256), low);
}

/*
 * The address follows from the name and the spoke's folder, so that it is the same after
 * a restart, and another spoke of this machine has another one.
 */
const char *names_address(struct services *services, const char *project, const char *namespace,
                          const char *name)
{
    scoped_mem char *key =
        mem_printf("=%s/%s", pods_place(services->cluster->pods, project, namespace), name);
    const char *known = map_get(services->addresses, key);
    uint64_t hash = pods_hash(services->salt, key, strlen(key));
    char address[20];
    char *kept;

    if (known)
        return known;
    do
        write_address(hash++, address);
    while (map_get(services->addresses, address));
    kept = mem_copy_string(address);
    map_put(services->addresses, key, kept);
    map_put(services->addresses, address, mem_copy_string(key));
    return kept;
}

/* ---- Who belongs to a Service ------------------------------------------------------ */

bool names_are_headless(const struct cluster_object *service)
{
    return !strcmp(node_get_text(node_get(service->object, "spec"), "clusterIP"), "None");
}

/* An empty selector selects nothing. */
bool names_select(const struct cluster_object *service, const struct node *template)
{
    const struct node *selector = node_at(service->object, "spec", "selector", NULL);
    const struct node *labels = node_at(template, "metadata", "labels", NULL);

    if (!node_count(selector))
        return false;
    node_each(label, selector) if (!node_is(node_get(labels, label->key), NODE_STRING) ||
                                   strcmp(node_text(label->value),
                                          node_get_text(labels, label->key)) != 0) return false;
    return true;
}

static bool has_indexed_hosts(const struct cluster_object *object)
{
    return manifest_is_indexed(object->row, node_get(object->object, "spec"));
}

/* ---- Hosts files --------------------------------------------------------------------- */

struct hosts_writer {
    struct cluster *cluster;
    struct arena *arena;
    const char *project, *namespace; /* of the pod that reads the file */
    const struct cluster_object *service;
    struct node *lines;
};

/* The short name is for readers of the same namespace only. */
static void add_host_line(struct hosts_writer *w, const char *address, const char *host)
{
    const char *dot = host ? "." : "", *name = w->service->name, *namespace = w->service->namespace;
    bool own = !strcmp(namespace, w->namespace);

    if (!host)
        host = "";
    if (node_count(w->lines) >= 4096)
        return;
    node_add(w->arena, w->lines,
             node_format(w->arena, "%s %s%s%s%s%s%s%s.%s %s%s%s.%s.svc %s%s%s.%s.svc.cluster.local",
                         address, own ? host : "", own ? dot : "", own ? name : "", own ? " " : "",
                         host, dot, name, namespace, host, dot, name, namespace, host, dot, name,
                         namespace));
}

static const char *subdomain_of(const struct cluster_object *object)
{
    const struct node *spec = node_get(object->object, "spec");

    return object->row->role == MANIFEST_STATEFUL
               ? node_get_text(spec, "serviceName")
               : node_get_text(node_get(object->template, "spec"), "subdomain");
}

static int count_of_indexes(const struct cluster_object *object)
{
    const struct node *spec = node_get(object->object, "spec");
    bool job = object->row->role == MANIFEST_JOB;
    int64_t count = number_get(spec, job ? "completions" : "replicas", NUMBER_COUNT, 1);

    return count > MOST_HOSTS ? MOST_HOSTS : (int)count;
}

/* A pod with an index has its name before it exists, so that others can wait for it. */
static void add_indexed_hosts(struct hosts_writer *w, const struct cluster_object *object)
{
    if (strcmp(subdomain_of(object), w->service->name) != 0 || !has_indexed_hosts(object))
        return;
    for (int i = 0; i < count_of_indexes(object); i++) {
        char *host = arena_printf(w->arena, "%s-%d", object->name, i);

        if (!names_select(w->service, manifest_label_template(object->row, object->name,
                                                              object->template, w->arena, host, i)))
            continue;
        add_host_line(w, names_address(w->cluster->services, w->project, object->namespace, host),
                      host);
    }
}

/* The name of a headless Service has the addresses of all its ready pods. */
static void add_ready_pods(struct hosts_writer *w)
{
    bool all =
        node_get_bool(node_get(w->service->object, "spec"), "publishNotReadyAddresses", false);
    struct pod *pod;
    size_t at = 0;

    while ((pod = pods_next(w->cluster->pods, &at))) {
        const char *host = NULL;

        if (strcmp(pod->namespace, w->service->namespace) != 0 ||
            strcmp(pod->project, w->project) != 0 || pods_is_leaving(pod) || pod->finished ||
            !(all || pods_is_ready(pod)) || !names_select(w->service, pod->template))
            continue;
        host = pods_host(pod, w->arena);
        add_host_line(w,
                      names_address(w->cluster->services, w->project, pod->namespace,
                                    host ? host : pod->name),
                      NULL);
    }
}

static void add_service(struct hosts_writer *w)
{
    struct cluster_object *object;
    size_t at = 0;

    if (!names_are_headless(w->service)) {
        add_host_line(w,
                      names_address(w->cluster->services, w->project, w->service->namespace,
                                    w->service->name),
                      NULL);
        return;
    }
    while ((object = map_next(w->cluster->objects, &at, NULL)))
        if (object->template && !object->removing && !object->second &&
            !strcmp(object->project, w->project) &&
            !strcmp(object->namespace, w->service->namespace))
            add_indexed_hosts(w, object);
    add_ready_pods(w);
}

static bool is_visible_service(const struct cluster_object *object, const char *project)
{
    return object->row && object->row->role == MANIFEST_SERVICE && !object->removing &&
           !*object->broken.reason && !strcmp(object->project, project);
}

struct node *names_hosts(struct cluster *cluster, struct arena *arena, const char *project,
                         const char *namespace)
{
    struct hosts_writer w = {cluster, arena, project, namespace, NULL, node_list(arena)};
    struct cluster_object *object;
    size_t at = 0;

    while ((object = map_next(cluster->objects, &at, NULL)))
        if (is_visible_service(object, project)) {
            w.service = object;
            add_service(&w);
        }
    return w.lines;
}

/* ---- Environment ------------------------------------------------------------------------- */

static const char *write_env_name(struct arena *arena, const char *name, const char *end)
{
    char *ret = arena_printf(arena, "%s%s", name, end);

    for (char *at = ret; *at; at++)
        *at = (char)(*at == '-' || *at == '.' ? '_' : *at >= 'a' && *at <= 'z' ? *at - 32 : *at);
    return ret;
}

static void add_service_env(struct cluster *cluster, struct arena *arena,
                            struct cluster_object *service, struct node *values)
{
    const struct node *ports = node_at(service->object, "spec", "ports", NULL);

    node_set_text(
        arena, values, write_env_name(arena, service->name, "_SERVICE_HOST"),
        names_address(cluster->services, service->project, service->namespace, service->name));
    for (size_t i = 0; i < node_count(ports); i++) {
        const struct node *port = node_item(ports, i);
        const char *name = node_get_text(port, "name");
        struct node *number =
            node_format(arena, "%lld", (long long)number_get(port, "port", NUMBER_PORT, 0));

        if (i == 0)
            node_set(arena, values, write_env_name(arena, service->name, "_SERVICE_PORT"), number);
        if (*name)
            node_set(arena, values,
                     write_env_name(
                         arena, arena_printf(arena, "%s_SERVICE_PORT_%s", service->name, name), ""),
                     number);
    }
}

void names_env(struct cluster *cluster, struct arena *arena, const char *project,
               const char *namespace, struct node *values)
{
    struct cluster_object *object;
    size_t at = 0;

    while ((object = map_next(cluster->objects, &at, NULL)))
        if (is_visible_service(object, project) && !names_are_headless(object) &&
            !strcmp(object->namespace, namespace))
            add_service_env(cluster, arena, object, values);
}
