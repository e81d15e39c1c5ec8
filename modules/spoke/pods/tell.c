/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the caller of the module what happens to pods. */

#include "pods/pod.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>

/* While the module is being closed nothing is told: the caller is half taken down itself. */
static void emit_event(const struct pods *pods, const struct pods_event *event)
{
    if (!pods->closing)
        pods->options.callbacks.on_event(pods->options.callbacks.arg, event);
}

void pod_tell(struct pod *pod, enum pods_event_kind kind)
{
    emit_event(pod->pods, &(struct pods_event){.kind = kind, .pod = pod});
}

void pod_tell_lost(struct pod *pod, const char *reason, const char *message)
{
    emit_event(pod->pods, &(struct pods_event){
                              .kind = PODS_LOST, .pod = pod, .reason = reason, .message = message});
}

/* Every message begins with the pod's name, since the Event is its workload's. */
void pod_note(struct pod *pod, const char *type, const char *reason, const char *format, ...)
{
    char text[600];
    size_t len = (size_t)snprintf(text, sizeof text, "pod %.255s: ", pod->name);
    va_list args;

    va_start(args, format);
    vsnprintf(text + len, sizeof text - len, format, args);
    va_end(args);
    text_make_printable(text);
    emit_event(pod->pods,
               &(struct pods_event){
                   .kind = PODS_NOTE, .pod = pod, .type = type, .reason = reason, .message = text});
}

/* ---- Since when it is ready ------------------------------------------------------------- */

/* Since when a pod has been ready that is so at the first look of a new agent. A pod without
   a readiness or startup probe has been ready since its last container began. */
static int64_t ready_before(const struct pod *pod)
{
    int64_t last = 0, now = clock_wall();
    bool requested = false;

    for (size_t i = 0; i < pod->count; i++) {
        const struct pod_container *c = &pod->containers[i];

        if (c->state == CONTAINER_RUNNING && c->began > last)
            last = c->began;
        requested |= c->probes[PROBE_READINESS].spec || c->probes[PROBE_STARTUP].spec;
    }
    if (requested && pod->noted >= 0)
        last = pod->noted >= last ? pod->noted : now;
    return last && last < now ? last : now;
}

void pod_keep_ready(struct pod *pod)
{
    struct pods *pods = pod->pods;

    if (!pods_is_made(pod) || pod->adopting || pods_is_leaving(pod) ||
        pod->noted == pod->ready_since)
        return;
    pod->noted = pod->ready_since;
    pods->driver->note_ready(pods->runtime, pod->id, pod->noted);
}

void pod_tell_changed(struct pod *pod)
{
    bool ready = pods_is_ready(pod);

    if (ready != (pod->ready_since > 0))
        pod->ready_since = !ready ? 0 : pod->adopted ? ready_before(pod) : clock_wall();
    pod->adopted &= !ready;
    if (ready == (pod->unready_since > 0))
        pod->unready_since = ready ? 0 : clock_wall();
    pod_keep_ready(pod);
    pod_tell(pod, PODS_CHANGED);
}
