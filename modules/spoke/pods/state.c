/* SPDX-License-Identifier: Apache-2.0 */
/* Moves a pod from one state to the next, and knows which moves there are. */

#include "pods/pod.h"

#include "base/log.h"

#include <assert.h>

/*
 * The usual way is from top to bottom. A pod that has ended by itself stays FINISHED until
 * its workload ends it; a pod that is lost while its hooks run is removed without SIGTERM,
 * since nothing of it runs any more. A pod that was never made is freed where it is.
 */
static const struct {
    const char *name;
    unsigned may_become;
} pod_states[] = {
    [POD_PENDING] = {"pending", 1u << POD_FOUND | 1u << POD_RUNNING},
    [POD_FOUND] = {"found", 1u << POD_RUNNING},
    [POD_RUNNING] = {"running", 1u << POD_WINDING | 1u << POD_FINISHED | 1u << POD_HOOKS},
    [POD_WINDING] = {"winding", 1u << POD_FINISHED | 1u << POD_HOOKS},
    [POD_FINISHED] = {"finished", 1u << POD_HOOKS},
    [POD_HOOKS] = {"hooks", 1u << POD_STOPPING | 1u << POD_REMOVING},
    [POD_STOPPING] = {"stopping", 1u << POD_REMOVING},
    [POD_REMOVING] = {"removing", 0},
};

/* No other line assigns `state`. */
void pod_move(struct pod *pod, enum pod_state next)
{
    assert(pod_states[pod->state].may_become & 1u << next);
    log_debug("cluster", "pod %s: %s -> %s", pod->name ? pod->name : pod->id,
              pod_states[pod->state].name, pod_states[next].name);
    pod->state = next;
}

bool pods_is_made(const struct pod *pod)
{
    return pod->state != POD_PENDING;
}

bool pods_is_leaving(const struct pod *pod)
{
    return pod->state == POD_FOUND || pod->state >= POD_HOOKS;
}
