/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the ports that pods declare and takes them; a port that is chosen here stays the same. */

#include "pods/compile.h"

#include "number/number.h"

#include <string.h>

/* ---- What is declared ------------------------------------------------------------------- */

const struct node *pods_port(const struct pod *pod, size_t n)
{
    for (size_t i = 0; i < pod->count; i++) {
        const struct node *ports = node_get(pod->containers[i].spec, "ports");

        if (n < node_count(ports))
            return node_item(ports, n);
        n -= node_count(ports);
    }
    return NULL;
}

int pods_port_number(const struct pod *pod, const struct node *port)
{
    const char *name = node_get_text(port, "name");
    int number = number_as_int(port, "containerPort", NUMBER_PORT, 0);

    return number ? number : number_as_int(pod->ports, *name ? name : "port", NUMBER_PORT, 0);
}

bool pods_declares(const struct pod *pod, int number)
{
    const struct node *port;

    for (size_t i = 0; (port = pods_port(pod, i)); i++)
        if (pods_port_number(pod, port) == number)
            return true;
    return false;
}

/* The number of a port that a probe or hook names; an empty name stands for the first port. */
static int resolve_port(const struct pod_container *container, const struct node *port)
{
    const struct node *ports = node_get(container->spec, "ports");
    const char *name = node_text(port);

    if (number_value(port, NUMBER_PORT, 0))
        return (int)number_value(port, NUMBER_PORT, 0);
    for (size_t i = 0; i < node_count(ports); i++) {
        const struct node *each = node_item(ports, i);

        if (!*name || !strcmp(name, node_get_text(each, "name")))
            return pods_port_number(container->pod, each);
    }
    return 0;
}

struct node *ports_resolve_probe(const struct pod_container *c, const struct node *spec,
                                 struct arena *arena)
{
    static const char *const kinds[] = {"httpGet", "tcpSocket", "grpc"};
    struct node *request = node_share(arena, spec);

    for (size_t i = 0; i < count_of(kinds); i++) {
        struct node *where = node_get(request, kinds[i]);

        if (!where)
            continue;
        where = node_share(arena, where);
        node_set_int(arena, where, "port", resolve_port(c, node_get(where, "port")));
        node_set(arena, request, kinds[i], where);
    }
    return request;
}

/* ---- What is taken --------------------------------------------------------------------------- */

/*
 * A port that the spoke chooses is the endpoint that clients know, so it follows from
 * what the pod is: an update, a restart of the machine and a new agent lead to the same
 * one, without a record that could be lost. The range lies above the ports that systems
 * give to outgoing connections, and is hardly ever declared.
 */
#define CHOSEN_FIRST 61000
#define CHOSEN_COUNT (65536 - CHOSEN_FIRST)
#define CHOSEN_TRIES 32

static int port_candidate(const struct pod *pod, const char *name, int attempt)
{
    const char *const parts[] = {pod->project, pod->namespace, pod->workload, name};
    uint64_t hash = 14695981039346656037ull ^ pod->pods->place;

    for (size_t i = 0; i < count_of(parts); i++)
        for (const char *at = parts[i];; at++) {
            hash = (hash ^ (unsigned char)*at) * 1099511628211ull;
            if (!*at)
                break;
        }
    hash = (hash ^ (uint64_t)(pod->index + 1)) * 1099511628211ull;
    return CHOSEN_FIRST + (int)(((hash >> 32) + (uint64_t)attempt) % CHOSEN_COUNT);
}

static const struct pod *find_port_holder(const struct pod *pod, int wanted)
{
    const struct pod *other;
    size_t at = 0;

    while ((other = map_next(pod->pods->all, &at, NULL)))
        if (other != pod && pods_is_made(other) && !other->finished && pods_declares(other, wanted))
            return other;
    return NULL;
}

/* The names of another project's pods are not told. */
static int refuse_port(const struct pod *pod, const struct pod *holder, int wanted,
                       struct manifest_why *why)
{
    if (strcmp(holder->project, pod->project) != 0)
        return manifest_why_set(why, "PortConflict", "port %d is taken by a pod of another project",
                                wanted);
    if (!strcmp(holder->workload, pod->workload))
        return manifest_why_set(
            why, "PortConflict",
            "port %d is taken by pod %.100s/%.100s of the same workload: "
            "pods share this machine's ports, so one replica at a time has a fixed one; with "
            "containerPort: 0 each gets its own in $PORT, and a Service leads to all",
            wanted, holder->namespace, holder->name);
    return manifest_why_set(why, "PortConflict", "port %d is taken by pod %.100s/%.100s", wanted,
                            holder->namespace, holder->name);
}

/* Where all candidates are taken, the machine chooses. */
static int choose_port(const struct pod *pod, const char *name, int *ret, struct err *err)
{
    struct pods *pods = pod->pods;
    struct runtime_range bounds = pods->options.bounds.host_ports;
    struct err ignored = {0};

    for (int i = 0; i < CHOSEN_TRIES; i++) {
        int number = port_candidate(pod, name, i);

        if ((bounds.last && ((uint32_t)number < bounds.first || (uint32_t)number > bounds.last)) ||
            pods_declares(pod, number) || find_port_holder(pod, number))
            continue;
        if (pods->driver->port(pods->runtime, number, ret, &ignored) == 0)
            return 0;
    }
    return pods->driver->port(pods->runtime, 0, ret, err);
}

static void note_chosen_port(struct pod *pod, const char *name, int number)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_interned const struct node *former = pod->ports;
    struct node *ports = node_share(arena, former);

    node_set_int(arena, ports, name, number);
    pod->ports = document_intern(ports);
}

static int take_port(struct pod *pod, const struct node *port, struct manifest_why *why)
{
    struct pods *pods = pod->pods;
    const char *name = *node_get_text(port, "name") ? node_get_text(port, "name") : "port";
    int wanted = pods_port_number(pod, port), got = 0;
    const struct pod *holder = wanted ? find_port_holder(pod, wanted) : NULL;
    struct err err = {0};

    if (holder)
        return refuse_port(pod, holder, wanted, why);
    if ((wanted ? pods->driver->port(pods->runtime, wanted, &got, &err)
                : choose_port(pod, name, &got, &err)) < 0)
        return manifest_why_set(why, "PortConflict", "%.380s", err.text);
    if (!wanted)
        note_chosen_port(pod, name, got);
    return 0;
}

int ports_take(struct pod *pod, struct manifest_why *why)
{
    const struct node *port;

    for (size_t i = 0; (port = pods_port(pod, i)); i++)
        if (strcmp(node_get_text(port, "protocol"), "UDP") != 0 && take_port(pod, port, why) < 0)
            return -1;
    return 0;
}
