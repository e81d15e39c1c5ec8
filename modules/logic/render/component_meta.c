/* SPDX-License-Identifier: Apache-2.0 */
/* Gives a rendered manifest its name, namespace, labels and selector. */
#include "render/confine.h"

#include "document/document.h"
#include "meta/meta.h"
#include "query/query.h"

#include <string.h>

/* Where a kind keeps its pod template, and whether it selects by label. */
static const struct {
    const char *kind;
    const char *path[3];
    bool selects;
} pods[] = {
    {"Deployment", {"spec", "template"}, true}, {"StatefulSet", {"spec", "template"}, true},
    {"DaemonSet", {"spec", "template"}, true},  {"ReplicaSet", {"spec", "template"}, true},
    {"Job", {"spec", "template"}, false},       {"CronJob", {"spec", "jobTemplate", "spec"}, false},
};

struct node *component_meta_labels(struct arena *arena, const struct component_meta *meta)
{
    const struct render_input *in = meta->input;
    const struct {
        const char *key, *value;
    } labels[] = {
        {META_LABEL_TENANT, in->tenant},         {META_LABEL_PROJECT, in->project},
        {META_LABEL_AIWORKLOAD, in->aiworkload}, {META_LABEL_DEPLOYMENT, in->deployment},
        {META_LABEL_COMPONENT, meta->component},
    };
    struct node *map = node_map(arena);

    for (size_t i = 0; i < count_of(labels); i++)
        if (labels[i].value && *labels[i].value)
            node_set_text(arena, map, labels[i].key, render_label(arena, labels[i].value));
    return map;
}

/* These labels replace those that the template gave under the same keys. */
static void add_workload_labels(struct arena *arena, const struct component_meta *meta,
                                struct node *object)
{
    struct node *metadata = node_make(arena, object, "metadata");
    struct node *labels = node_make(arena, metadata, "labels");

    node_each(label, component_meta_labels(arena, meta))
        node_set(arena, labels, label->key, label->value);
}

/* Only labels that never change select pods, because Kubernetes forbids a change of the
   selector. */
static void add_selector(struct arena *arena, const struct component_meta *meta,
                         struct node *manifest)
{
    struct node *spec = node_make(arena, manifest, "spec");
    struct node *labels = component_meta_labels(arena, meta);
    struct node *match;

    if (node_get(spec, "selector"))
        return;
    match = node_make(arena, node_make(arena, spec, "selector"), "matchLabels");
    node_set(arena, match, META_LABEL_DEPLOYMENT, node_get(labels, META_LABEL_DEPLOYMENT));
    node_set(arena, match, META_LABEL_COMPONENT, node_get(labels, META_LABEL_COMPONENT));
}

/* The pod template has the labels too, so that pods are found by their workload. */
static void label_pods(struct arena *arena, const struct component_meta *meta,
                       struct node *manifest)
{
    const char *kind = node_get_text(manifest, "kind");

    for (size_t i = 0; i < count_of(pods); i++) {
        struct node *at = manifest;

        if (strcmp(kind, pods[i].kind))
            continue;
        for (size_t k = 0; k < count_of(pods[i].path) && pods[i].path[k]; k++)
            at = node_make(arena, at, pods[i].path[k]);
        if (!strcmp(kind, "CronJob"))
            at = node_make(arena, at, "template");
        add_workload_labels(arena, meta, at);
        if (pods[i].selects)
            add_selector(arena, meta, manifest);
    }
}

/* Sets the namespace of the workload; a template may name no other one. */
static int set_namespace(struct arena *arena, const struct component_meta *meta,
                         struct node *metadata, const char *kind, struct err *err)
{
    const char *namespace = node_get_text(metadata, "namespace");

    if (confine_is_cluster_kind(kind))
        return 0;
    if (*namespace && strcmp(namespace, meta->input->namespace))
        return err_set(err, ERR_INVALID,
                       "component \"%s\": %s \"%s\" names "
                       "the namespace \"%s\"; this workload may only use "
                       "\"%s\"",
                       meta->component, kind, node_get_text(metadata, "name"), namespace,
                       meta->input->namespace);
    node_set_text(arena, metadata, "namespace", meta->input->namespace);
    return 0;
}

int component_meta_apply(struct arena *arena, const struct component_meta *meta,
                         struct node *manifest, struct err *err)
{
    const char *kind = node_get_text(manifest, "kind");
    struct node *metadata;
    char why[NAME_WHY];

    if (!*kind || !*node_get_text(manifest, "apiVersion"))
        return err_set(err, ERR_INVALID,
                       "component \"%s\": its definition "
                       "gave something without apiVersion and kind",
                       meta->component);
    metadata = node_make(arena, manifest, "metadata");
    if (!*node_get_text(metadata, "name"))
        node_set_text(arena, metadata, "name", meta->name);
    if (!name_is_dns_subdomain(node_get_text(metadata, "name"), why))
        return err_set(err, ERR_INVALID, "component \"%s\": %s name \"%s\": %s", meta->component,
                       kind, node_get_text(metadata, "name"), why);
    if (set_namespace(arena, meta, metadata, kind, err) < 0 ||
        confine_manifest(arena, meta, manifest, err) < 0)
        return -1;
    confine_labels(arena, manifest);
    add_workload_labels(arena, meta, manifest);
    label_pods(arena, meta, manifest);
    if (meta->phase)
        node_set(arena, node_make(arena, metadata, "annotations"), META_ANNOTATION_PHASE,
                 node_format(arena, "%lld", (long long)meta->phase));
    return 0;
}
