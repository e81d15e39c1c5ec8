/* SPDX-License-Identifier: Apache-2.0 */
/* Knows the kinds of Kubernetes that a spoke runs, and writes down why something is refused. */

#include "manifest/manifest.h"

#include "base/text.h"
#include "document/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int manifest_why_set(struct manifest_why *why, const char *reason, const char *format, ...)
{
    va_list args;

    snprintf(why->reason, sizeof why->reason, "%s", reason);
    va_start(args, format);
    vsnprintf(why->message, sizeof why->message, format, args);
    va_end(args);
    text_make_printable(why->reason); /* a program may have written part of it */
    text_make_printable(why->message);
    return -1;
}

void manifest_write_why(struct arena *arena, struct node *map, const struct manifest_why *why)
{
    if (*why->reason)
        node_set_text(arena, map, "reason", why->reason);
    if (*why->message)
        node_set_text(arena, map, "message", why->message);
}

void manifest_add_condition(struct arena *arena, struct node *list, const char *type, bool holds,
                            const char *reason, const char *message)
{
    struct node *row = node_map(arena);

    node_set_text(arena, row, "type", type);
    node_set_text(arena, row, "status", holds ? "True" : "False");
    if (*reason)
        node_set_text(arena, row, "reason", reason);
    if (*message)
        node_set_text(arena, row, "message", message);
    node_add(arena, list, row);
}

/* ---- Kinds ------------------------------------------------------------------------- */

/* A kind that is refused is listed too, so that the refusal can say what to do instead. */
static const struct manifest_kind kinds[] = {
    {"", "Namespace", MANIFEST_RECORD, NULL, true},
    {"", "ConfigMap", MANIFEST_CONFIG, NULL, false},
    {"", "Secret", MANIFEST_CONFIG, NULL, false},
    {"", "Service", MANIFEST_SERVICE, NULL, false},
    {"", "ServiceAccount", MANIFEST_RECORD, NULL, false},
    {"", "PersistentVolumeClaim", MANIFEST_CLAIM, NULL, false},
    {"", "Pod", MANIFEST_POD, NULL, false},
    {"apps", "Deployment", MANIFEST_DEPLOYMENT, NULL, false},
    {"apps", "StatefulSet", MANIFEST_STATEFUL, NULL, false},
    {"batch", "Job", MANIFEST_JOB, NULL, false},
    {"apps", "DaemonSet", MANIFEST_RECORD,
     "not built yet; a Deployment with replicas: 1 does the "
     "same on one machine",
     false},
    {"batch", "CronJob", MANIFEST_RECORD, "not built yet", false},
};

const char *manifest_group(const char *api_version, char *into, size_t room)
{
    const char *slash = strchr(api_version, '/');

    snprintf(into, room, "%.*s", slash ? (int)(slash - api_version) : 0, api_version);
    return into;
}

const struct manifest_kind *manifest_kind_find(const char *api_version, const char *kind)
{
    char group[128];

    manifest_group(api_version, group, sizeof group);
    for (size_t i = 0; i < count_of(kinds); i++)
        if (!strcmp(kinds[i].group, group) && !strcmp(kinds[i].kind, kind))
            return &kinds[i];
    return NULL;
}

bool manifest_is_workload(const struct manifest_kind *kind)
{
    return kind && kind->role >= MANIFEST_DEPLOYMENT && kind->role <= MANIFEST_POD;
}
