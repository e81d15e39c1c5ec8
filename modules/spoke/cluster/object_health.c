/* SPDX-License-Identifier: Apache-2.0 */
/* Judges how an object is: whether it is as wanted, on its way, or has failed. */

#include "cluster/workload.h"

#include "base/clock.h"
#include "cluster/service.h"
#include "number/number.h"

#include <stdio.h>
#include <string.h>

/* Progress is more available pods, or fewer old ones, than ever before in this rollout. A pod that
   becomes available and fails again is none. */
static void note_progress(struct cluster_object *object, const struct sight *s, bool done)
{
    if (object->progressed && object->progress_of == object->generation &&
        s->good <= object->most_ready && s->old >= object->fewest_old && !done)
        return;
    if (object->progress_of != object->generation || done) {
        object->most_ready = 0;
        object->fewest_old = INT32_MAX;
    }
    /* The last progress that an agent before saw is not known, but was not before the newest pod.
     */
    object->progressed = !object->progressed && s->newest && !done ? s->newest : clock_wall();
    object->progress_of = object->generation;
    object->most_ready = s->good > object->most_ready ? s->good : object->most_ready;
    object->fewest_old = s->old < object->fewest_old ? s->old : object->fewest_old;
}

/* The deadline fails a rollout, but does not stop it; as in Kubernetes. */
static void judge_progress(struct cluster_object *object, bool done)
{
    int64_t deadline = number_get(node_get(object->object, "spec"), "progressDeadlineSeconds",
                                  NUMBER_SECONDS, 600);
    int64_t end = object->progressed + clock_seconds(deadline);

    object->late = !done && clock_wall() >= end;
    if (object->late && object->health != CLUSTER_FAILED) {
        object->health = CLUSTER_FAILED;
        snprintf(object->why.reason, sizeof object->why.reason, "ProgressDeadlineExceeded");
    } else if (!done && !object->late && !loop_timer_is_set(object->timer)) {
        object_look_again(object, end);
    }
}

/* Every pod that is to be of the present template is. A partition and OnDelete leave the others. */
static bool has_arrived(const struct cluster_object *object, const struct sight *s)
{
    struct plan_workload want = workload_want(object);
    int due = want.on_delete || want.partition > s->wanted ? 0 : s->wanted - want.partition;

    if (object->row->role != MANIFEST_STATEFUL)
        return s->updated == s->wanted && s->ready >= s->wanted && !s->old;
    return s->updated >= due && s->ready >= s->wanted && s->total == s->wanted;
}

static void judge_replicas(struct cluster_object *object)
{
    struct sight s;
    bool done;

    sight_take(object, &s);
    done = has_arrived(object, &s);
    if (done && !s.old && workload_can_plan(object) && !object->adopted)
        revision_settle(object);
    note_progress(object, &s, done);
    object->health = done ? CLUSTER_CURRENT : CLUSTER_IN_PROGRESS;
    object->why = (struct manifest_why){0};
    if (s.troubled && (s.final || !done)) {
        object->why = s.trouble;
        object->health = s.final ? CLUSTER_FAILED : CLUSTER_IN_PROGRESS;
    } else if (!done) {
        manifest_why_set(&object->why, "Progressing", "%d of %d pods are ready%s%s%.300s", s.ready,
                         s.wanted, s.old ? ", old ones still run" : "", *s.wait.message ? "; " : "",
                         s.wait.message);
    }
    judge_progress(object, done);
}

static void judge_pod(struct cluster_object *object)
{
    struct pod *pod = NULL;
    struct sight s;
    const char *phase;

    sight_take(object, &s);
    object_pods(object, &pod, 1);
    phase = pod ? pods_phase(pod) : "Pending";
    object->why = (struct manifest_why){0};
    if (s.troubled)
        object->why = s.trouble;
    else
        object->why = s.wait;
    /* Unlike kstatus, which calls a failed Pod current: a person would not. */
    if (!strcmp(phase, "Failed") || (s.troubled && s.final))
        object->health = CLUSTER_FAILED;
    else if (!strcmp(phase, "Succeeded") || s.ready)
        object->health = CLUSTER_CURRENT;
    else
        object->health = CLUSTER_IN_PROGRESS;
}

/* Refusals and waiting go before what the kind itself would say. */
void object_judge(struct cluster_object *object)
{
    if (object->removing) {
        object->health = CLUSTER_TERMINATING;
        return;
    }
    if (*object->broken.reason) {
        object->health = CLUSTER_FAILED;
        object->why = object->broken;
        return;
    }
    if (object->waiting) {
        object->health = CLUSTER_IN_PROGRESS;
        manifest_why_set(&object->why, "WaitsForPhase",
                         "waits for what comes before it to be healthy");
        return;
    }
    switch (object->row->role) {
    case MANIFEST_DEPLOYMENT:
    case MANIFEST_STATEFUL:
        judge_replicas(object);
        break;
    case MANIFEST_JOB:
        job_set_health(object);
        break;
    case MANIFEST_POD:
        judge_pod(object);
        break;
    case MANIFEST_SERVICE:
        service_judge(object);
        break;
    default:
        object->health = CLUSTER_CURRENT;
        object->why = (struct manifest_why){0};
    }
}
