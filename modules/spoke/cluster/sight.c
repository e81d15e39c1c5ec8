/* SPDX-License-Identifier: Apache-2.0 */
/* Looks over the pods of a workload: how many are ready, and what is wrong with them. */

#include "cluster/workload.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

/* Pods of the object were lost one soon after the other, and the present ones have not run for long
   enough to show that they stay. */
static bool is_losing(const struct cluster_object *object, const struct sight *s)
{
    int64_t now = clock_wall();

    return workload_held_until(object) ||
           (object->losses > 1 && s->ready < s->wanted && now >= object->lost &&
            now < object->lost + 2 * plan_backoff(object->losses) + CLOCK_SECOND);
}

static void write_wait(const struct pod *pod, struct manifest_why *ret)
{
    struct manifest_why why = {0};

    if (pods_waits(pod, &why))
        manifest_why_set(
            ret, why.reason, "pod %.100s%s%.250s", pod->name,
            text_starts(why.message, "waits") || text_starts(why.message, "is ") ? " " : ": ",
            why.message);
}

/* Pods that are leaving do not count. The first trouble that is final is the one that is told. */
void sight_take(const struct cluster_object *object, struct sight *ret)
{
    struct pod **pods = mem_alloc(OBJECT_PODS * sizeof(struct pod *));
    size_t count = object_pods(object, pods, OBJECT_PODS);

    *ret = (struct sight){.wanted = manifest_count(node_get(object->object, "spec"), "replicas", 1,
                                                   MANIFEST_MOST_PODS)};
    for (size_t i = 0; i < count; i++) {
        bool current = !strcmp(pods[i]->hash, object->hash), final = false, available;
        struct manifest_why trouble = {0};

        if (pods_is_leaving(pods[i]))
            continue;
        ret->total++;
        ret->updated += current;
        ret->newest = current && pods[i]->created > ret->newest ? pods[i]->created : ret->newest;
        ret->old += !current;
        available = workload_is_available(object, pods[i]);
        ret->ready += available;
        ret->good += available && current;
        if (!available && !*ret->wait.message)
            write_wait(pods[i], &ret->wait);
        if (ret->final || !pods_trouble(pods[i], &trouble, &final))
            continue;
        ret->troubled = true;
        ret->trouble = trouble;
        ret->final = final;
    }
    if (!ret->troubled && is_losing(object, ret)) {
        ret->troubled = ret->final = true;
        ret->trouble = *object->lost_why;
    }
    mem_free(&pods);
}

bool sight_trouble(const struct cluster_object *object, struct manifest_why *ret)
{
    struct sight s;

    sight_take(object, &s);
    *ret = s.troubled ? s.trouble : s.wait;
    return s.troubled;
}
