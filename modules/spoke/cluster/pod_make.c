/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a pod: has its ports taken, compiles it, hands it to the runtime. */

#include "cluster/pod.h"
#include "cluster/service.h"

#include "base/clock.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

/* ---- Making ------------------------------------------------------------------------------------ */

static struct node *record_of(const struct local_pod *pod, struct arena *arena)
{
    struct node *record = node_map(arena);

    node_set_text(arena, record, "namespace", pod->space);
    node_set_text(arena, record, "name", pod->name);
    node_set_text(arena, record, "workload", pod->workload);
    node_set_text(arena, record, "owner", pod->owner);
    node_set_text(arena, record, "project", pod->project);
    node_set_text(arena, record, "uid", pod->uid);
    node_set_text(arena, record, "hash", pod->hash);
    node_set_int(arena, record, "index", pod->index);
    node_set_int(arena, record, "created", pod->created / 1000);
    node_set(arena, record, "template", (struct node *)pod->template);
    node_set(arena, record, "ports", pod->ports);
    return record;
}

/* "MountUnavailable: what and why" from the runtime, in two parts. */
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

static int make(struct local_pod *pod, struct manifest_why *why)
{
    struct cluster *cluster = pod->cluster;
    scoped_arena struct arena *arena = arena_new();
    struct err err = { 0 };
    struct node *made;

    services_yield(pod);
    if (ports_take(pod, why) < 0)
        return -1;
    made = compile_pod(pod, arena, why);
    if (!made)
        return -1;
    node_set(arena, made, "record", record_of(pod, arena));
    if (cluster->runtime_driver->create(cluster->runtime, made, &err) < 0) {
        split_reason(&err, why);
        return -1;
    }
    return 0;
}

void pod_try_make(struct local_pod *pod)
{
    struct manifest_why why = { 0 };
    bool has_init = pod->count && pod->containers[0].init;

    if (make(pod, &why) < 0) {
        if (strcmp(why.message, pod->why.message) != 0)
            local_event(pod->cluster, local_workload_of(pod), "Warning", why.reason, "pod %s: %s",
                        pod->name, why.message);
        pod->why = why;
        pod->tries++;
        loop_timer_set(pod->timer, plan_backoff(pod->tries + 1));
    } else {
        pod->why = (struct manifest_why){ 0 };
        pod->tries = 0;
        pod->made = true;
        for (size_t i = 0; i < pod->count; i++)
            if (!has_init || i == 0)
                pod->containers[i].state = CONTAINER_RUNNING;
    }
    pod_changed(pod);
}

static const char *make_name(const struct local_object *object, const char *hash, int index,
                             struct arena *arena)
{
    static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
    char random[6] = { 0 };

    for (int i = 0; i < 5; i++)
        random[i] = letters[random_below(sizeof letters - 1)];
    switch (object->row->role) {
    case MANIFEST_POD:
        return object->name;
    case MANIFEST_STATEFUL:
        return arena_printf(arena, "%s-%d", object->name, index);
    case MANIFEST_JOB:
        if (index >= 0)
            return arena_printf(arena, "%s-%d-%s", object->name, index, random);
        return arena_printf(arena, "%s-%s", object->name, random);
    default:
        return arena_printf(arena, "%s-%.8s-%s", object->name, hash, random);
    }
}

/* volumeClaimTemplates become claims of the pod's own. */
static struct node *with_claims(const struct local_object *object, const struct node *from,
                                const struct local_pod *pod, struct arena *arena)
{
    const struct node *claims = node_at(object->object, "spec", "volumeClaimTemplates", NULL);
    struct node *template = node_copy(arena, manifest_label_template(object->row, object->name, from,
                                                                    arena, pod->name, pod->index));
    struct node *volumes = NULL;

    for (size_t i = 0; i < node_count(claims); i++) {
        const char *name = node_get_text(node_get(node_item(claims, i), "metadata"), "name");
        struct node *volume = node_map(arena), *claim;

        if (!volumes)
            volumes = node_make_list(arena, node_make(arena, template, "spec"), "volumes");
        node_set_text(arena, volume, "name", name);
        node_set_bool(arena, volume, "axleTemplate", true);
        claim = node_make(arena, volume, "persistentVolumeClaim");
        node_set(arena, claim, "claimName", node_format(arena, "%s-%s", name, pod->name));
        node_add(arena, volumes, volume);
    }
    return template;
}

void pod_start(struct local_object *object, int index, bool former)
{
    scoped_arena struct arena *arena = arena_new();
    const char *hash = former ? object->former->hash : object->hash;
    const char *name = make_name(object, hash, index, arena);
    const char *id = places_file(object->cluster->places, arena, object->project, object->space,
                                 name);
    struct local_pod *pod;

    if (map_get(object->cluster->pods, id))
        return; /* the one before is still on its way out */
    pod = pod_new(object->cluster, id);
    pod->space = arena_string(pod->arena, object->space);
    pod->name = arena_string(pod->arena, name);
    pod->workload = arena_string(pod->arena, object->plain);
    pod->project = arena_string(pod->arena, object->project);
    pod->owner = arena_string(pod->arena, object->owner->name);
    pod->hash = arena_string(pod->arena, hash);
    pod->uid = arena_printf(pod->arena, "%016llx-%llx", (unsigned long long)random_number(),
                            (unsigned long long)++object->cluster->serial);
    pod->index = index;
    pod->created = clock_wall();
    pod->template = with_claims(object, former ? object->former->template : object->template, pod,
                                pod->arena);
    pod_take_containers(pod);
    pod_try_make(pod);
}
