/* SPDX-License-Identifier: Apache-2.0 */
/* Makes pods: takes their ports, compiles them, hands them to the runtime. */

#include "pods/compile.h"
#include "pods/life.h"

#include "base/clock.h"
#include "meta/meta.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

/* ---- Handed to the runtime ------------------------------------------------------------ */

/* What observe() gives back to the next agent: all that pod_adopt() needs to know the pod again. */
static struct node *record_of(const struct pod *pod, struct arena *arena)
{
    struct node *record = node_map(arena);

    node_set_text(arena, record, "namespace", pod->namespace);
    node_set_text(arena, record, "name", pod->name);
    node_set_text(arena, record, "workload", pod->workload);
    node_set_text(arena, record, "owner", pod->owner);
    node_set_text(arena, record, "project", pod->project);
    node_set_text(arena, record, "uid", pod->uid);
    node_set_text(arena, record, "hash", pod->hash);
    node_set_int(arena, record, "index", pod->index);
    node_set_int(arena, record, "created", pod->created / 1000);
    node_set(arena, record, "template", (struct node *)pod->template);
    node_set(arena, record, "ports", pod->ports ? (struct node *)pod->ports : node_map(arena));
    return record;
}

/* The runtime says "MountUnavailable: what and why" in one text: reason and message part here. */
static void split_reason(const struct err *err, struct manifest_why *why)
{
    const char *colon = strstr(err->text, ": ");
    const char *at = strstr(err->text, "MountUnavailable: ");

    if (at)
        manifest_why_set(why, "MountUnavailable", "%.380s", at + strlen("MountUnavailable: "));
    else if ((at = strstr(err->text, "NotPermitted: ")) != NULL)
        manifest_why_set(why, "NotPermitted", "%.380s", at + strlen("NotPermitted: "));
    else if (colon && colon - err->text < 40 && err->code == ERR_UNSUPPORTED)
        manifest_why_set(why, "Unsupported", "%.380s", err->text);
    else
        manifest_why_set(why, "CannotStart", "%.380s", err->text);
}

/* Ports first: their numbers are part of the environment that is compiled. */
static int make_pod(struct pod *pod, struct manifest_why *why)
{
    struct pods *pods = pod->pods;
    scoped_arena struct arena *arena = arena_new();
    struct err err = {0};
    struct node *made;

    pod_tell(pod, PODS_LISTENS);
    if (ports_take(pod, why) < 0)
        return -1;
    made = compile_pod(pod, arena, why);
    if (!made)
        return -1;
    node_set(arena, made, "record", record_of(pod, arena));
    if (pods->driver->create(pods->runtime, made, &err) < 0) {
        split_reason(&err, why);
        return -1;
    }
    return 0;
}

/* The Event is told once for each cause, not for each try. */
void pod_try_make(struct pod *pod)
{
    struct manifest_why why = {0};
    bool has_init = pod->count && pod->containers[0].init;

    if (make_pod(pod, &why) < 0) {
        if (strcmp(why.message, pod->why.message) != 0)
            pod_note(pod, "Warning", why.reason, "%s", why.message);
        pod->why = why;
        pod->tries++;
        loop_timer_set(pod->timer, plan_backoff(pod->tries + 1));
    } else {
        pod->why = (struct manifest_why){0};
        pod->tries = 0;
        pod_move(pod, POD_RUNNING);
        for (size_t i = 0; i < pod->count; i++)
            if (!has_init || i == 0)
                pod->containers[i].state = CONTAINER_RUNNING;
    }
    pod_tell_changed(pod);
}

/* ---- In memory --------------------------------------------------------------------------- */

static void on_make_timer(void *arg)
{
    struct pod *pod = object_from(pod, POD_TAG, arg);

    if (pod->state == POD_PENDING)
        pod_try_make(pod);
}

void pod_take_containers(struct pod *pod)
{
    const struct node *spec = node_get(pod->template, "spec");
    const struct node *lists[] = {node_get(spec, "initContainers"), node_get(spec, "containers")};
    size_t count = node_count(lists[0]) + node_count(lists[1]);

    pod->containers = mem_alloc(count * sizeof *pod->containers + 1);
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < node_count(lists[l]); i++) {
            struct pod_container *c = &pod->containers[pod->count++];

            c->pod = pod;
            c->spec = node_item(lists[l], i);
            c->name = node_get_text(c->spec, "name");
            c->init = l == 0;
            c->sidecar = c->init && !strcmp(node_get_text(c->spec, "restartPolicy"), "Always");
            c->hook_timer = loop_timer_new(pod->pods->options.loop, hook_slept, c);
            c->timer = loop_timer_new(pod->pods->options.loop, pod_on_restart, c);
        }
}

struct pod *pod_new(struct pods *pods, const char *id)
{
    struct pod *pod = mem_alloc(sizeof *pod);

    pod->tag = POD_TAG;
    pod->pods = pods;
    pod->id = document_intern_text(id);
    pod->timer = loop_timer_new(pods->options.loop, on_make_timer, pod);
    pod->noted = -1;
    map_put(pods->all, id, pod);
    return pod;
}

/* Each volumeClaimTemplate becomes a volume whose claim is named for the pod. */
static void add_claims(struct arena *arena, const struct pods_new *from, struct node *template)
{
    const struct node *claims = from->claims;
    struct node *volumes = NULL, *spec;

    for (size_t i = 0; i < node_count(claims); i++) {
        const char *name = meta_name(node_item(claims, i));
        struct node *volume = node_map(arena), *claim;

        if (!volumes) {
            spec = node_share(arena, node_make(arena, template, "spec"));
            volumes = node_get(spec, "volumes");
            volumes = volumes ? node_share(arena, volumes) : node_list(arena);
            node_set(arena, spec, "volumes", volumes);
            node_set(arena, template, "spec", spec);
        }
        node_set_text(arena, volume, "name", name);
        node_set_bool(arena, volume, "axleTemplate", true);
        claim = node_make(arena, volume, "persistentVolumeClaim");
        node_set(arena, claim, "claimName", node_format(arena, "%s-%s", name, from->name));
        node_add(arena, volumes, volume);
    }
}

void pods_start(struct pods *pods, const struct pods_new *from)
{
    scoped_arena struct arena *arena = arena_new();
    const char *id = places_file(pods->places, arena, from->project, from->namespace, from->name);
    struct node *template;
    struct pod *pod;

    if (map_get(pods->all, id))
        return; /* the pod before it is still being removed */
    pod = pod_new(pods, id);
    pod->namespace = document_intern_text(from->namespace);
    pod->name = document_intern_text(from->name);
    pod->workload = document_intern_text(from->workload);
    pod->project = document_intern_text(from->project);
    pod->owner = document_intern_text(from->owner);
    pod->hash = document_intern_text(from->hash);
    pod->uid = document_intern_text(arena_printf(arena, "%016llx-%llx",
                                                 (unsigned long long)random_number(),
                                                 (unsigned long long)++pods->serial));
    pod->index = from->index;
    pod->created = clock_wall();
    template = node_share(arena, from->template);
    add_claims(arena, from, template);
    pod->template = document_intern(template);
    pod_take_containers(pod);
    pod_try_make(pod);
}
