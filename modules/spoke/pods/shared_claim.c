/* SPDX-License-Identifier: Apache-2.0 */
/* Says whether a claim is there for a pod, and may be mounted beside the pods that have it. */

#include "pods/shared_claim.h"
#include "pods/compile.h"

#include "base/map.h"
#include "number/number.h"

#include <string.h>

static bool has_access_mode(const struct node *modes, const char *mode)
{
    for (size_t i = 0; i < node_count(modes); i++)
        if (!strcmp(node_text(node_item(modes, i)), mode))
            return true;
    return false;
}

/* ReadWriteOnce promises one node; on one machine that becomes one user who writes. */
static bool is_written_once(const struct node *modes)
{
    return has_access_mode(modes, "ReadWriteOnce") && !has_access_mode(modes, "ReadWriteMany");
}

static char *write_user(char *room, size_t size, uint32_t user)
{
    if (user == NUMBER_NO_ID)
        snprintf(room, size, "the namespace's user");
    else
        snprintf(room, size, "user %u", user);
    return room;
}

int shared_claim_check_users(const char *claim, const struct node *modes,
                             const struct claim_user *me, const struct claim_user *others,
                             size_t count, struct manifest_why *why)
{
    char mine[40], theirs[40];

    for (size_t i = 0; i < count; i++) {
        const struct claim_user *other = &others[i];
        bool grouped = me->group != NUMBER_NO_ID && me->group == other->group;

        if (has_access_mode(modes, "ReadWriteOncePod"))
            return manifest_why_set(why, "VolumeInUse",
                                    "waits for pod %.100s to end: PersistentVolumeClaim "
                                    "%.100s is ReadWriteOncePod",
                                    other->pod, claim);
        if (me->same_workload && !strcmp(me->workload, other->workload))
            continue;
        if (me->writes && other->writes && !grouped && me->user != other->user &&
            is_written_once(modes))
            return manifest_why_set(
                why, "VolumeInUse",
                "PersistentVolumeClaim %.80s is ReadWriteOnce, and pod "
                "%.80s writes to it as %s, this one would as %s: give both one runAsUser "
                "or one fsGroup, or make it ReadWriteMany",
                claim, other->pod, write_user(theirs, sizeof theirs, other->user),
                write_user(mine, sizeof mine, me->user));
        if (me->writes && me->group != NUMBER_NO_ID && !grouped)
            return manifest_why_set(
                why, "VolumeInUse",
                "pod %.80s uses PersistentVolumeClaim %.80s without "
                "fsGroup %u, and to give it to that group would change what it has: give "
                "both one fsGroup, or wait for it to end",
                other->pod, claim, me->group);
    }
    return 0;
}

/* ---- Out of pods' templates ------------------------------------------------------ */

static const struct node *find_claim_volume(const struct pod *pod, const char *claim)
{
    const struct node *volumes = node_at(pod->template, "spec", "volumes", NULL);

    for (size_t i = 0; i < node_count(volumes); i++) {
        const struct node *reference = node_get(node_item(volumes, i), "persistentVolumeClaim");

        if (reference && !strcmp(node_get_text(reference, "claimName"), claim))
            return node_item(volumes, i);
    }
    return NULL;
}

/* The container that may write to the volume; NULL: each mounts it read-only. */
static const struct node *find_claim_writer(const struct pod *pod, const struct node *volume)
{
    if (node_get_bool(node_get(volume, "persistentVolumeClaim"), "readOnly", false))
        return NULL;
    for (size_t i = 0; i < pod->count; i++) {
        const struct node *mounts = node_get(pod->containers[i].spec, "volumeMounts");

        for (size_t j = 0; j < node_count(mounts); j++)
            if (!strcmp(node_get_text(node_item(mounts, j), "name"),
                        node_get_text(volume, "name")) &&
                !node_get_bool(node_item(mounts, j), "readOnly", false))
                return pod->containers[i].spec;
    }
    return NULL;
}

static struct claim_user read_claim_user(const struct pod *pod, const struct node *volume)
{
    const struct node *context = node_at(pod->template, "spec", "securityContext", NULL);
    const struct node *writer = find_claim_writer(pod, volume);
    uint32_t own = number_id(node_get(writer, "securityContext"), "runAsUser");

    return (struct claim_user){
        .pod = pod->name,
        .workload = pod->workload,
        .same_workload = *pod->workload,
        .user = own != NUMBER_NO_ID ? own : number_id(context, "runAsUser"),
        .group = number_id(context, "fsGroup"),
        .writes = writer != NULL,
    };
}

/* The others are pods of the same project and namespace that are made and have not finished. */
static int check_users(const struct pod *pod, const struct node *volume, const struct node *claim,
                       struct manifest_why *why)
{
    const char *name = node_get_text(node_get(volume, "persistentVolumeClaim"), "claimName");
    struct claim_user me = read_claim_user(pod, volume), others[CLAIM_USERS];
    struct pod *other;
    size_t count = 0, at = 0;

    while ((other = map_next(pod->pods->all, &at, NULL)) && count < CLAIM_USERS) {
        const struct node *theirs = other == pod || !pods_is_made(other) || other->finished ||
                                            strcmp(other->namespace, pod->namespace) != 0 ||
                                            strcmp(other->project, pod->project) != 0
                                        ? NULL
                                        : find_claim_volume(other, name);

        if (theirs)
            others[count++] = read_claim_user(other, theirs);
    }
    return shared_claim_check_users(name, node_at(claim, "spec", "accessModes", NULL), &me, others,
                                    count, why);
}

/* ---- Of one pod ----------------------------------------------------------------------- */

char *shared_claim_folder(const struct pod *pod, struct arena *arena, const struct node *volume)
{
    return places_file(pod->pods->places, arena, pod->project, pod->namespace,
                       node_get_text(node_get(volume, "persistentVolumeClaim"), "claimName"));
}

int shared_claim_check(struct pod *pod, const struct node *volume, struct manifest_why *why)
{
    const char *name = node_get_text(node_get(volume, "persistentVolumeClaim"), "claimName");
    const struct pods_callbacks *callbacks = &pod->pods->options.callbacks;
    struct pods_viewer viewer = pod_viewer(pod);
    const struct node *claim;

    if (pod_workload(pod).adopted)
        return 0; /* the claim is not known here, but the pod before it had it */
    claim = callbacks->find(callbacks->arg, &viewer, "PersistentVolumeClaim", name);
    if (claim || node_get_bool(volume, "axleTemplate", false))
        return check_users(pod, volume, claim, why);
    return manifest_why_set(why, "MissingPersistentVolumeClaim",
                            "waits for PersistentVolumeClaim %.100s/%.100s", pod->namespace, name);
}
