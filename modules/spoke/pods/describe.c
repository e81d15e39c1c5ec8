/* SPDX-License-Identifier: Apache-2.0 */
/* Describes a pod as trees: a row of the report, and an object of kind Pod. */

#include "pods/pod.h"

#include "base/clock.h"

#include <string.h>

/* Times that are not known, 0, are left out. */
static void write_time(struct arena *arena, struct node *map, const char *key, int64_t wall)
{
    char when[CLOCK_TEXT];

    if (wall <= 0)
        return;
    clock_format(wall, false, when);
    node_set_text(arena, map, key, when);
}

/* The words of a containerStatus: a container that backs off is waiting, not terminated. */
static const char *container_state_word(const struct pod_container *c)
{
    if (c->backing_off || c->state == CONTAINER_WAITING)
        return "waiting";
    return c->state == CONTAINER_RUNNING ? "running" : "terminated";
}

static int64_t count_restarts(const struct pod_container *c)
{
    return c->run > 1 ? c->run - 1 : 0;
}

static struct node *describe_container(struct arena *arena, const struct pod_container *c)
{
    struct node *row = node_map(arena);

    node_set_text(arena, row, "name", c->name);
    node_set_text(arena, row, "state", container_state_word(c));
    node_set_bool(arena, row, "ready", c->ready);
    node_set_int(arena, row, "restarts", count_restarts(c));
    if (c->pid)
        node_set_int(arena, row, "pid", c->pid);
    if (c->backing_off)
        write_time(arena, row, "nextStart", c->next_start);
    if (c->state == CONTAINER_EXITED) {
        node_set_int(arena, row, "exitCode", c->signal ? 128 + c->signal : c->code);
        if (c->signal)
            node_set_int(arena, row, "signal", c->signal);
    }
    if (c->state != CONTAINER_RUNNING || c->run > 1)
        manifest_write_why(arena, row, container_why(c));
    return row;
}

struct node *pods_describe(const struct pod *pod, struct arena *arena, int64_t *ret_restarts)
{
    struct node *row = node_map(arena), *list;
    struct manifest_why trouble = {0};
    bool final = false;
    int64_t restarts = 0;

    for (size_t i = 0; i < pod->count; i++)
        restarts += count_restarts(&pod->containers[i]);
    node_set_text(arena, row, "namespace", pod->namespace);
    node_set_text(arena, row, "name", pod->name);
    node_set_text(arena, row, "phase", pods_is_leaving(pod) ? "Terminating" : pods_phase(pod));
    node_set_bool(arena, row, "ready", pods_is_ready(pod));
    node_set_int(arena, row, "restarts", restarts);
    if (!pods_is_leaving(pod) && (pods_trouble(pod, &trouble, &final) || pods_waits(pod, &trouble)))
        manifest_write_why(arena, row, &trouble);
    write_time(arena, row, "startedAt", pod->created);
    list = node_make_list(arena, row, "containers");
    for (size_t i = 0; i < pod->count; i++)
        node_add(arena, list, describe_container(arena, &pod->containers[i]));
    *ret_restarts += restarts;
    return row;
}

void pods_add_endpoints(const struct pod *pod, struct arena *arena, struct node *list)
{
    const char *address = pod->pods->options.address;
    const struct node *port;

    for (size_t i = 0; (port = pods_port(pod, i)); i++) {
        const char *name = node_get_text(port, "name"), *protocol = node_get_text(port, "protocol");
        struct node *row = node_map(arena);

        if (*name)
            node_set_text(arena, row, "name", name);
        node_set_text(arena, row, "address", address ? address : "127.0.0.1");
        node_set_int(arena, row, "port", pods_port_number(pod, port));
        node_set_text(arena, row, "protocol", *protocol ? protocol : "TCP");
        node_set_text(arena, row, "pod", pod->name);
        node_add(arena, list, row);
    }
}

/* ---- As kind Pod ----------------------------------------------------------------------- */

void pods_write_status(const struct pod *pod, struct arena *arena, struct node *status)
{
    struct node *list = node_make_list(arena, status, "containerStatuses"), *conditions;
    bool ready = pods_is_ready(pod);

    node_set_text(arena, status, "phase", pods_phase(pod));
    node_set_text(arena, status, "podIP", "127.0.0.1");
    write_time(arena, status, "startTime", pod->created);
    for (size_t i = 0; i < pod->count; i++) {
        const struct pod_container *c = &pod->containers[i];
        struct node *row = node_map(arena), *state = node_make(arena, row, "state");
        struct node *now = node_make(arena, state, container_state_word(c));

        node_set_text(arena, row, "name", c->name);
        node_set_bool(arena, row, "ready", c->ready);
        node_set_int(arena, row, "restartCount", count_restarts(c));
        manifest_write_why(arena, now, container_why(c));
        if (c->state == CONTAINER_RUNNING)
            write_time(arena, now, "startedAt", c->began);
        else if (c->state == CONTAINER_EXITED && !c->backing_off)
            node_set_int(arena, now, "exitCode", c->signal ? 128 + c->signal : c->code);
        node_add(arena, list, row);
    }
    conditions = node_make_list(arena, status, "conditions");
    manifest_add_condition(arena, conditions, "PodScheduled", true, "", "");
    manifest_add_condition(arena, conditions, "ContainersReady", ready, "", "");
    manifest_add_condition(arena, conditions, "Ready", ready, "", "");
}

/* What a kubectl would show of the pod, made of its template and what is known of it here. */
struct node *pods_object(const struct pod *pod, struct arena *arena)
{
    struct node *object = node_map(arena), *meta = node_make(arena, object, "metadata");
    const struct node *from = node_get(pod->template, "metadata");

    node_set_text(arena, object, "apiVersion", "v1");
    node_set_text(arena, object, "kind", "Pod");
    node_set_text(arena, meta, "name", pod->name);
    node_set_text(arena, meta, "namespace", pod->namespace);
    node_set_text(arena, meta, "uid", pod->uid);
    if (node_get(from, "labels"))
        node_set(arena, meta, "labels", node_copy(arena, node_get(from, "labels")));
    write_time(arena, meta, "creationTimestamp", pod->created);
    node_set(arena, object, "spec", node_copy(arena, node_get(pod->template, "spec")));
    pods_write_status(pod, arena, node_make(arena, object, "status"));
    return object;
}
