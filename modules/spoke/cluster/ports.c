/* SPDX-License-Identifier: Apache-2.0 */
/* Gives pods the ports that they declare, the same ones again where it chooses. */

#include "cluster/pod.h"
#include "cluster/service.h"

#include "number/number.h"

#include <string.h>

/*
 * A port that the spoke chooses is the endpoint that clients know, so it follows from
 * what the pod is: an update, a restart of the machine and a new agent lead to the same
 * one, without a record that could be lost. Above the numbers that systems give to
 * outgoing connections, and hardly ever declared by anybody.
 */
#define FIRST 61000
#define COUNT (65536 - FIRST)
#define TRIES 32

static int candidate_of(const struct local_pod *pod, const char *name, int attempt)
{
    const char *const parts[] = { pod->project, pod->space, pod->workload, name };
    uint64_t hash = 14695981039346656037ull ^ pod->cluster->place;

    for (size_t i = 0; i < count_of(parts); i++)
        for (const char *at = parts[i];; at++) {
            hash = (hash ^ (unsigned char)*at) * 1099511628211ull;
            if (!*at)
                break;
        }
    hash = (hash ^ (uint64_t)(pod->index + 1)) * 1099511628211ull;
    return FIRST + (int)(((hash >> 32) + (uint64_t)attempt) % COUNT);
}

static int port_of(const struct local_pod *pod, const struct node *port)
{
    const char *name = node_get_text(port, "name");
    int number = number_as_int(port, "containerPort", NUMBER_PORT, 0);

    return number ? number : number_as_int(pod->ports, *name ? name : "port", NUMBER_PORT, 0);
}

static bool pod_declares(const struct local_pod *pod, int wanted)
{
    for (size_t i = 0; i < pod->count; i++) {
        const struct node *ports = node_get(pod->containers[i].spec, "ports");

        for (size_t j = 0; j < node_count(ports); j++)
            if (port_of(pod, node_item(ports, j)) == wanted)
                return true;
    }
    return false;
}

static const struct local_pod *holder_of(const struct local_pod *pod, int wanted)
{
    const struct local_pod *other;
    size_t at = 0;

    while ((other = map_next(pod->cluster->pods, &at, NULL)))
        if (other != pod && other->made && !other->finished && pod_declares(other, wanted))
            return other;
    return NULL;
}

static int refuse_port(const struct local_pod *pod, const struct local_pod *holder, int wanted,
                       struct manifest_why *why)
{
    if (strcmp(holder->project, pod->project) != 0)
        return manifest_why_set(why, "PortConflict", "port %d is taken by a pod of another project", wanted);
    if (!strcmp(holder->workload, pod->workload))
        return manifest_why_set(why, "PortConflict", "port %d is taken by pod %.100s/%.100s of the same workload: "
                       "pods share this machine's ports, so one replica at a time has a fixed one; with "
                       "containerPort: 0 each gets its own in $PORT, and a Service leads to all", wanted,
                       holder->space, holder->name);
    return manifest_why_set(why, "PortConflict", "port %d is taken by pod %.100s/%.100s", wanted, holder->space,
                   holder->name);
}

static int choose_port(const struct local_pod *pod, const char *name, int *ret, struct err *err)
{
    struct cluster *cluster = pod->cluster;
    struct runtime_range bounds = cluster->options.bounds.host_ports;
    struct err ignored = { 0 };

    for (int i = 0; i < TRIES; i++) {
        int number = candidate_of(pod, name, i);

        if ((bounds.last && ((uint32_t)number < bounds.first || (uint32_t)number > bounds.last)) ||
            pod_declares(pod, number) || holder_of(pod, number))
            continue;
        if (cluster->runtime_driver->port(cluster->runtime, number, ret, &ignored) == 0)
            return 0;
    }
    return cluster->runtime_driver->port(cluster->runtime, 0, ret, err);
}

static int take_port(struct local_pod *pod, const struct node *port, struct manifest_why *why)
{
    struct cluster *cluster = pod->cluster;
    const char *name = *node_get_text(port, "name") ? node_get_text(port, "name") : "port";
    int wanted = port_of(pod, port), got = 0;
    const struct local_pod *holder = wanted ? holder_of(pod, wanted) : NULL;
    struct err err = { 0 };

    if (holder)
        return refuse_port(pod, holder, wanted, why);
    if ((wanted ? cluster->runtime_driver->port(cluster->runtime, wanted, &got, &err)
                : choose_port(pod, name, &got, &err)) < 0)
        return manifest_why_set(why, "PortConflict", "%.380s", err.text);
    if (!wanted)
        node_set_int(pod->arena, pod->ports, name, got);
    return 0;
}

int ports_take(struct local_pod *pod, struct manifest_why *why)
{
    for (size_t i = 0; i < pod->count; i++) {
        const struct node *ports = node_get(pod->containers[i].spec, "ports");

        for (size_t j = 0; j < node_count(ports); j++)
            if (strcmp(node_get_text(node_item(ports, j), "protocol"), "UDP") != 0 &&
                take_port(pod, node_item(ports, j), why) < 0)
                return -1;
    }
    return 0;
}

/* ---- How a workload is updated ----------------------------------------------------------- */

static bool is_behind_service(const struct local_object *object)
{
    const struct local_object *other;
    size_t at = 0;

    while ((other = map_next(object->cluster->objects, &at, NULL)))
        if (other->row && other->row->role == MANIFEST_SERVICE && !other->removing &&
            !strcmp(other->space, object->space) && !strcmp(other->project, object->project) &&
            service_selects(other, object->template))
            return true;
    return false;
}

bool ports_exclusive(const struct local_object *object)
{
    const struct node *containers = node_at(object->template, "spec", "containers", NULL);
    const struct node *rolling = node_at(object->object, "spec", "strategy", "rollingUpdate", NULL);
    bool chosen = false;

    for (size_t i = 0; i < node_count(containers); i++) {
        const struct node *ports = node_get(node_item(containers, i), "ports");

        for (size_t j = 0; j < node_count(ports); j++) {
            if (number_get(node_item(ports, j), "containerPort", NUMBER_PORT, 0) > 0)
                return true;
            chosen = true;
        }
    }
    /* With maxSurge, the pods beside the old ones get other numbers. */
    return chosen && !node_get(rolling, "maxSurge") && !is_behind_service(object);
}
