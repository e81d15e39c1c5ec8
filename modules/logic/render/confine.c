/* SPDX-License-Identifier: Apache-2.0 */
/* Refuses rendered manifests that reach beyond their project. */
#include "render/confine.h"

#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"

#include <ctype.h>
#include <string.h>

/* The manifest that is checked, for the words of an error. */
struct confine {
    struct arena *arena;
    const struct component_meta *meta;
    const char *kind, *name;
    struct err *err;
};

static int refuse_manifest(const struct confine *in, const char *field, const char *why)
{
    return err_set(in->err, ERR_INVALID, "component \"%s\": %s \"%s\": %s: %s", in->meta->component,
                   in->kind, in->name, field, why);
}

/* ---- Kinds ------------------------------------------------------------------- */

static const char *const cluster_kinds[] = {
    "APIService",
    "CSIDriver",
    "CSINode",
    "CertificateSigningRequest",
    "ComponentStatus",
    "CustomResourceDefinition",
    "DeviceClass",
    "FlowSchema",
    "GatewayClass",
    "IngressClass",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PodSecurityPolicy",
    "PriorityClass",
    "PriorityLevelConfiguration",
    "ResourceSlice",
    "RuntimeClass",
    "SelfSubjectAccessReview",
    "StorageClass",
    "SubjectAccessReview",
    "TokenReview",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
    "VolumeAttributesClass",
    "VolumeSnapshotClass",
};

bool confine_is_cluster_kind(const char *kind)
{
    for (size_t i = 0; i < count_of(cluster_kinds); i++)
        if (!strcmp(kind, cluster_kinds[i]))
            return true;
    /* By convention the name of a cluster-scoped kind begins so: ClusterRole, ClusterIssuer. */
    return text_starts(kind, "Cluster") && isupper((unsigned char)kind[strlen("Cluster")]);
}

/*
 * An agent that meets one of these does what it says with its own rights: fetches
 * the Secrets that it names, applies what lies elsewhere. They are made by
 * controllers only. A group also stands for those that end with "." and it.
 */
static const struct {
    const char *group, *kind, *why;
} acting[] = {
    {META_GROUP_AXLE, NULL, "Axle's own kinds are made by the hub"},
    {META_GROUP_OCM, NULL, "OCM's kinds are made by the hub"},
    {"kustomize.toolkit.fluxcd.io", NULL, "Flux would apply it with rights of its own"},
    {"helm.toolkit.fluxcd.io", NULL, "Flux would apply it with rights of its own"},
    {"argoproj.io", "Application", "Argo CD would apply it with rights of its own"},
    {"argoproj.io", "ApplicationSet", "Argo CD would apply it with rights of its own"},
    {"argoproj.io", "AppProject", "Argo CD would apply it with rights of its own"},
    {"helm.cattle.io", NULL, "the cluster would install it with rights of its own"},
    {"k3s.cattle.io", NULL, "the cluster would install it with rights of its own"},
};

/* Whether a group is the other one, or ends with "." and it. */
static bool group_belongs_to(const char *group, const char *of)
{
    size_t len = strlen(group), tail = strlen(of);

    return !strcmp(group, of) ||
           (len > tail && group[len - tail - 1] == '.' && text_ends(group, of));
}

/* Refuses `$`, spaces and other signs: a spoke replaces ${spoke.NAME} later, and what is
   checked here must be what is applied. */
static bool is_plain_word(const char *word, const char *signs)
{
    if (!isalnum((unsigned char)*word))
        return false;
    for (; *word; word++)
        if (!isalnum((unsigned char)*word) && !strchr(signs, *word))
            return false;
    return true;
}

static int check_manifest_kind(const struct confine *in, const struct node *manifest)
{
    const char *version = node_get_text(manifest, "apiVersion");
    const char *slash = strchr(version, '/');
    const char *group = slash ? arena_bytes(in->arena, version, (size_t)(slash - version)) : "";

    if (!is_plain_word(in->kind, ""))
        return refuse_manifest(in, "kind",
                               "is no kind; it must be there before a spoke fills anything in");
    if (!is_plain_word(version, "./-") || (slash && strchr(slash + 1, '/')))
        return refuse_manifest(in, "apiVersion",
                               "is no version; it must be there before a spoke fills "
                               "anything in");
    if (node_is(node_get(manifest, "items"), NODE_LIST) && text_ends(in->kind, "List"))
        return refuse_manifest(in, "items", "a list of objects is not taken; write each by itself");
    for (size_t i = 0; i < count_of(acting); i++)
        if (group_belongs_to(group, acting[i].group) &&
            (!acting[i].kind || !strcmp(acting[i].kind, in->kind)))
            return refuse_manifest(in, "kind", acting[i].why);
    if (confine_is_cluster_kind(in->kind) &&
        !meta_list_has(in->meta->input->cluster_kinds, in->kind))
        return refuse_manifest(in, "kind",
                               "it concerns the whole cluster; an administrator allows it by "
                               "spec.clusterScopedKinds of the Project");
    return 0;
}

/* ---- References into other namespaces ------------------------------------------- */

/* The path of the walk, linked upwards; it becomes text only in an error. */
struct step {
    const struct step *up;
    const char *key; /* NULL: an item of a list */
    size_t index;
};

/* Maps whose keys are the user's own (labels, data): a key there that ends with
   "namespace" names no namespace. */
static bool has_free_keys(const struct confine *in, const struct step *up, const char *key)
{
    static const char *const always[] = {"labels", "annotations", "matchLabels", "nodeSelector"};
    static const char *const data[] = {"data", "stringData", "binaryData"};
    bool keeps_data = !strcmp(in->kind, "ConfigMap") || !strcmp(in->kind, "Secret");

    for (size_t i = 0; i < count_of(always); i++)
        if (!strcmp(key, always[i]))
            return true;
    for (size_t i = 0; !up && keeps_data && i < count_of(data); i++)
        if (!strcmp(key, data[i]))
            return true;
    return !strcmp(in->kind, "Service") && up && !up->up && up->key && !strcmp(up->key, "spec") &&
           !strcmp(key, "selector");
}

/* Keys like namespace, targetNamespace or secretNamespace, and their plurals. */
static bool names_namespace(const char *key)
{
    static const char word[] = "namespace";
    size_t len = strlen(key), tail = strlen(word);

    if (len && (key[len - 1] == 's' || key[len - 1] == 'S'))
        len--;
    return len >= tail && !strncasecmp(key + len - tail, word, tail);
}

static void add_field_path(struct text *out, const struct step *step)
{
    if (!step || out->len > 400)
        return;
    add_field_path(out, step->up);
    if (step->key)
        text_addf(out, "%s%.60s", out->len ? "." : "", step->key);
    else
        text_addf(out, "[%zu]", step->index);
}

static int refuse_other_namespace(const struct confine *in, const char *namespace,
                                  const struct step *step)
{
    scoped_text struct text path = {0};

    add_field_path(&path, step);
    return refuse_manifest(in, text_string(&path),
                           arena_printf(in->arena,
                                        "\"%.80s\" is another namespace; this workload may only "
                                        "use \"%s\"",
                                        namespace, in->meta->input->namespace));
}

/* Walks the whole tree, because any kind may have a field that names a namespace. */
static int check_named_namespaces(const struct confine *in, const struct node *tree,
                                  const struct step *up, bool named)
{
    if (node_is(tree, NODE_STRING))
        return named && tree->len && strcmp(node_text(tree), in->meta->input->namespace)
                   ? refuse_other_namespace(in, node_text(tree), up)
                   : 0;
    for (size_t i = 0; node_is(tree, NODE_LIST) && i < node_count(tree); i++) {
        struct step step = {up, NULL, i};

        if (check_named_namespaces(in, node_item(tree, i), &step, named) < 0)
            return -1;
    }
    node_each(member, tree)
    {
        struct step step = {up, member->key, 0};

        if (!has_free_keys(in, up, member->key) &&
            check_named_namespaces(in, member->value, &step, names_namespace(member->key)) < 0)
            return -1;
    }
    return 0;
}

/* ---- Bindings and owners ---------------------------------------------------------- */

/* A binding may not grant rights to users or groups of the system, nor to a subject that
   a spoke fills in later. */
static int check_bound_subjects(const struct confine *in, const struct node *manifest)
{
    const struct node *subjects = node_get(manifest, "subjects");

    if (!text_ends(in->kind, "RoleBinding"))
        return 0;
    for (size_t i = 0; i < node_count(subjects); i++) {
        const char *name = node_get_text(node_item(subjects, i), "name");

        if (text_starts(name, "system:") || strchr(name, '$'))
            return refuse_manifest(in, arena_printf(in->arena, "subjects[%zu].name", i),
                                   arena_printf(in->arena,
                                                "\"%.80s\" cannot be bound; name people, groups "
                                                "of people, or a ServiceAccount of this namespace",
                                                name));
    }
    return 0;
}

/* These fields of metadata are set by the hub or the cluster, and never by a template. */
static int check_template_metadata(const struct confine *in, const struct node *manifest)
{
    static const char *const fields[] = {"ownerReferences", "uid",          "resourceVersion",
                                         "managedFields",   "generateName", "deletionTimestamp"};

    for (size_t i = 0; i < count_of(fields); i++)
        if (node_get(node_get(manifest, "metadata"), fields[i]))
            return refuse_manifest(in, arena_printf(in->arena, "metadata.%s", fields[i]),
                                   "is not a template's to say");
    return 0;
}

int confine_manifest(struct arena *arena, const struct component_meta *meta,
                     const struct node *manifest, struct err *err)
{
    const struct confine in = {
        .arena = arena,
        .meta = meta,
        .kind = node_get_text(manifest, "kind"),
        .name = meta_name(manifest),
        .err = err,
    };

    if (check_manifest_kind(&in, manifest) < 0 || check_template_metadata(&in, manifest) < 0 ||
        check_bound_subjects(&in, manifest) < 0)
        return -1;
    return check_named_namespaces(&in, manifest, NULL, false);
}

/* ---- Labels ------------------------------------------------------------------------ */

/* Whether the label is in a group whose labels only the hub sets. */
static bool is_hub_label(const char *label)
{
    const char *slash = strchr(label, '/');
    char group[254];

    if (!slash || (size_t)(slash - label) >= sizeof group)
        return false;
    memcpy(group, label, (size_t)(slash - label));
    group[slash - label] = '\0';
    return group_belongs_to(group, META_GROUP_AXLE) || group_belongs_to(group, META_GROUP_OCM);
}

static void drop_hub_labels(struct arena *arena, struct node *metadata)
{
    struct node *kept = node_map(arena);
    const struct node *labels = node_get(metadata, "labels");
    bool hubs = false;

    node_each(label, labels) hubs = hubs || is_hub_label(label->key);
    if (!hubs)
        return;
    node_each(label, labels) if (!is_hub_label(label->key))
        node_set(arena, kept, label->key, label->value);
    node_set(arena, metadata, "labels", kept);
}

void confine_labels(struct arena *arena, struct node *tree)
{
    for (size_t i = 0; node_is(tree, NODE_LIST) && i < node_count(tree); i++)
        confine_labels(arena, node_item(tree, i));
    node_each(member, tree)
    {
        if (!strcmp(member->key, "metadata"))
            drop_hub_labels(arena, member->value);
        confine_labels(arena, member->value);
    }
}
