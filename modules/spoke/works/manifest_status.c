/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a row for each manifest of a work: its conditions, feedback and condition rules. */
#include "works/gather.h"
#include "works/report.h"

#include "base/clock.h"
#include "base/map.h"
#include "cluster/cluster.h"
#include "document/document.h"
#include "work/work.h"

#include <string.h>

struct rows {
    const struct work *work;
    struct arena *arena;
    struct map *found; /* the cluster's row of an object, by its name */
    const struct node *report;
    struct node *list;
};

static void add_manifest_condition(struct rows *rows, struct node *list, const char *type,
                                   const char *status, const char *reason, const char *message)
{
    struct node *made = node_map(rows->arena);

    node_set_text(rows->arena, made, "type", type);
    node_set_text(rows->arena, made, "status", status);
    node_set_text(rows->arena, made, "reason", reason);
    node_set_text(rows->arena, made, "message", message);
    node_set_int(rows->arena, made, "observedGeneration", rows->work->generation);
    node_add(rows->arena, list, made);
}

/* ---- The cluster's rows ---------------------------------------------------------- */

static char *object_key(struct arena *arena, const char *version, const char *kind,
                        const char *namespace, const char *name)
{
    return arena_printf(arena, "%s|%s|%s|%s", version, kind, namespace, name);
}

static void index_cluster_rows(struct rows *rows, const struct node *objects)
{
    for (size_t i = 0; i < node_count(objects); i++) {
        const struct node *row = node_item(objects, i);

        map_put(rows->found,
                object_key(rows->arena, node_get_text(row, "apiVersion"),
                           node_get_text(row, "kind"), node_get_text(row, "namespace"),
                           node_get_text(row, "name")),
                (void *)row);
    }
}

/* In the namespace that the object names, else in `default`, else without a namespace. */
static const struct node *find_cluster_row(const struct rows *rows, const struct node *object)
{
    const struct node *metadata = node_get(object, "metadata");
    const char *namespace = node_get_text(metadata, "namespace");
    const char *const namespaces[] = {namespace, *namespace ? namespace : "default", ""};
    const struct node *found = NULL;

    for (size_t i = 0; i < count_of(namespaces) && !found; i++)
        found = map_get(rows->found, object_key(rows->arena, node_get_text(object, "apiVersion"),
                                                node_get_text(object, "kind"), namespaces[i],
                                                node_get_text(metadata, "name")));
    return found;
}

/* ---- Applied and Available ------------------------------------------------------- */

/* A Job that runs counts as available: it is never more than that before it ends. */
static bool is_running_task(const struct node *object)
{
    return !strcmp(node_get_text(object, "kind"), "Job") &&
           node_get_int(node_get(object, "status"), "ready", 0) > 0;
}

static void add_workload_conditions(struct rows *rows, struct node *list)
{
    const struct work *work = rows->work;
    const char *phase = node_get_text(rows->report, "phase");
    bool good = work_is_applied(work) && (!strcmp(phase, "Running") || !strcmp(phase, "Completed"));

    add_manifest_condition(rows, list, "Applied", work_is_applied(work) ? "True" : "False",
                           work_is_applied(work) ? "AppliedManifestComplete"
                                                 : "AppliedManifestFailed",
                           work->trouble ? work->trouble : "");
    add_manifest_condition(rows, list, "Available", good ? "True" : "False",
                           good ? "ResourceAvailable" : "ResourceNotAvailable",
                           good ? "" : node_get_text(rows->report, "message"));
}

/* The trouble of the work comes first, since it keeps all manifests from being applied. */
static const char *explain_object(const struct rows *rows, const struct node *failure,
                                  const struct node *row)
{
    if (rows->work->trouble && !work_is_applied(rows->work))
        return rows->work->trouble;
    if (failure)
        return node_get_text(failure, "message");
    return node_get_text(row, "message");
}

static void add_object_conditions(struct rows *rows, struct node *list, size_t ordinal,
                                  const struct node *row, const struct node *object)
{
    const struct node *failure = gather_failure(rows->work, ordinal);
    const char *failed = node_get_text(failure, "reason");
    bool refused = row && !node_get_bool(row, "applied", true);
    bool applied = work_is_applied(rows->work) && !failure && !refused;
    bool healthy = row ? !strcmp(node_get_text(row, "health"), "Current") : object != NULL;
    bool good = work_is_applied(rows->work) && !refused && (healthy || is_running_task(object));
    const char *why = explain_object(rows, failure, row);

    add_manifest_condition(rows, list, "Applied", applied ? "True" : "False",
                           applied ? "AppliedManifestComplete"
                           : !strcmp(failed, "AppliedManifestSSAIgnoreFieldError")
                               ? failed
                               : "AppliedManifestFailed",
                           applied ? "Apply manifest complete" : why);
    add_manifest_condition(rows, list, "Available", good ? "True" : "False",
                           good ? "ResourceAvailable" : "ResourceNotAvailable",
                           good              ? "Resource is available"
                           : !row && !object ? "the object is not on this spoke"
                                             : why);
}

/* ---- Feedback and rules ---------------------------------------------------------- */

/* The cluster's own word on the object, added to the feedback that was asked for. */
static struct node *make_health_value(struct rows *rows, const struct node *row)
{
    struct node *value = node_map(rows->arena), *field;

    node_set_text(rows->arena, value, "name", "Health");
    field = node_make(rows->arena, value, "fieldValue");
    node_set_text(rows->arena, field, "type", "String");
    node_set_text(rows->arena, field, "string", node_get_text(row, "health"));
    return value;
}

static bool has_feedback_value(const struct node *values, const char *name)
{
    for (size_t i = 0; i < node_count(values); i++)
        if (!strcmp(node_get_text(node_item(values, i), "name"), name))
            return true;
    return false;
}

static struct node *feedback_values(struct rows *rows, const struct node *rules,
                                    const struct node *object, struct err *err)
{
    struct node *values = node_list(rows->arena);

    for (size_t i = 0; i < node_count(rules); i++) {
        struct err one = {0};
        struct node *some =
            work_feedback(rows->arena, object, node_item(rules, i), false, WORK_RAW_LIMIT, &one);

        for (size_t k = 0; k < node_count(some); k++)
            node_add(rows->arena, values, node_item(some, k));
        if (one.code && !err->code)
            *err = one;
    }
    return values;
}

static void add_feedback(struct rows *rows, struct node *to, struct node *list,
                         const struct node *rules, const struct node *row,
                         const struct node *object)
{
    struct err err = {0};
    struct node *values =
        object ? feedback_values(rows, rules, object, &err) : node_list(rows->arena);

    if (!node_count(rules))
        add_manifest_condition(rows, list, "StatusFeedbackSynced", "True", "NoStatusFeedbackSynced",
                               "");
    else if (!object)
        add_manifest_condition(rows, list, "StatusFeedbackSynced", "False",
                               "StatusFeedbackSyncFailed", "the object is not on this spoke");
    else
        add_manifest_condition(rows, list, "StatusFeedbackSynced", err.code ? "False" : "True",
                               err.code ? "StatusFeedbackSyncFailed" : "StatusFeedbackSynced",
                               err.code ? err.text : "");
    if (row && !has_feedback_value(values, "Health"))
        node_add(rows->arena, values, make_health_value(rows, row));
    if (node_count(values))
        node_set(rows->arena, node_make(rows->arena, to, "statusFeedback"), "values", values);
}

static void add_manifest_rules(struct rows *rows, struct node *list, const struct node *rules,
                               const struct node *object)
{
    for (size_t i = 0; i < node_count(rules); i++) {
        const struct node *rule = node_item(rules, i);
        const char *type = node_get_text(rule, "condition");
        struct err err = {0};
        struct node *made;

        if (!*type || !strcmp(type, "Applied") || !strcmp(type, "Available"))
            continue;
        if (!object) {
            /* What a rule found in it before may not hold any more. */
            add_manifest_condition(rows, list, type, "Unknown", "ConditionRuleInternalError",
                                   "the object is not on this spoke");
            continue;
        }
        made = work_condition(rows->arena, object, rule, 0, &err);
        node_set_int(rows->arena, made, "observedGeneration", rows->work->generation);
        node_add(rows->arena, list, made);
    }
}

/* ---- One manifest ---------------------------------------------------------------- */

static void set_resource_meta(struct rows *rows, struct node *row, size_t ordinal,
                              const struct node *manifest)
{
    struct work_resource resource = works_manifest_resource(rows->arena, manifest);
    struct node *meta = node_make(rows->arena, row, "resourceMeta");

    node_set_int(rows->arena, meta, "ordinal", (int64_t)ordinal);
    node_set_text(rows->arena, meta, "group", resource.group);
    node_set_text(rows->arena, meta, "version", resource.version);
    node_set_text(rows->arena, meta, "kind", node_get_text(manifest, "kind"));
    node_set_text(rows->arena, meta, "resource", resource.resource);
    node_set_text(rows->arena, meta, "name", resource.name);
    node_set_text(rows->arena, meta, "namespace", resource.namespace);
}

static void add_manifest_row(struct rows *rows, size_t ordinal, const struct node *manifest)
{
    struct arena *arena = rows->arena;
    struct node *made = node_map(arena), *list = node_list(arena);
    const struct node *row, *metadata = node_get(manifest, "metadata");
    const struct node *option = works_manifest_option(arena, rows->work, manifest);
    struct node *object;

    set_resource_meta(rows, made, ordinal, manifest);
    node_set(arena, made, "conditions", list);
    node_add(arena, rows->list, made);
    if (works_manifest_is_workload(manifest)) {
        add_workload_conditions(rows, list);
        return;
    }
    row = find_cluster_row(rows, manifest);
    object = cluster_read(rows->work->works->cluster, arena, rows->work->name,
                          node_get_text(manifest, "apiVersion"), node_get_text(manifest, "kind"),
                          node_get_text(metadata, "namespace"), node_get_text(metadata, "name"));
    add_object_conditions(rows, list, ordinal, row, object);
    add_feedback(rows, made, list, node_get(option, "feedbackRules"), row, object);
    add_manifest_rules(rows, list, node_get(option, "conditionRules"), object);
}

/* The bound manifest, in which facts are filled in, is the one that was applied. */
struct node *works_status_rows(const struct work *work, struct arena *arena,
                               const struct node *report, const struct node *objects)
{
    scoped_map struct map *found = map_new();
    struct rows rows = {
        .work = work, .arena = arena, .found = found, .report = report, .list = node_list(arena)};
    const struct node *manifests = work_manifests(work);

    index_cluster_rows(&rows, objects);
    for (size_t i = 0; i < node_count(manifests); i++)
        add_manifest_row(&rows, i,
                         node_item(work->bound, i) ? node_item(work->bound, i)
                                                   : node_item(manifests, i));
    return rows.list;
}
