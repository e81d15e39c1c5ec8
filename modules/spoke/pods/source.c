/* SPDX-License-Identifier: Apache-2.0 */
/* Finds what pods take from ConfigMaps and Secrets, and hashes a template with it. */

#include "pods/compile.h"

#include <stdio.h>
#include <string.h>

/* ---- ConfigMaps and Secrets ------------------------------------------------------------ */

bool source_find(const struct pods *pods, const struct pods_viewer *viewer, const char *kind,
                 const struct node *ref, struct source *ret)
{
    const struct pods_callbacks *callbacks = &pods->options.callbacks;

    *ret = (struct source){.kind = kind,
                           .name = node_get_text(ref, "name"),
                           .key = node_get_text(ref, "key"),
                           .optional = node_get_bool(ref, "optional", false)};
    ret->object = callbacks->find(callbacks->arg, viewer, kind, ret->name);
    return ret->object != NULL;
}

/* The reason names the kind: MissingConfigMap, MissingSecret. Such a pod is tried again when an
   object of its namespace changes. */
int source_missing(const struct source *source, const char *namespace, struct manifest_why *why)
{
    char reason[48];

    snprintf(reason, sizeof reason, "Missing%s", source->kind);
    if (source->object)
        return manifest_why_set(why, reason, "waits for the key \"%.100s\" in %s %.100s/%.100s",
                                source->key, source->kind, namespace, source->name);
    return manifest_why_set(why, reason, "waits for %s %.100s/%.100s", source->kind, namespace,
                            source->name);
}

/* Plain text lies in data of a ConfigMap and stringData of a Secret, base64 in the other map. */
bool source_value(const struct source *source, const char *key, struct text *ret)
{
    bool secret = !strcmp(source->kind, "Secret");
    const struct node *plain =
        node_get(node_get(source->object, secret ? "stringData" : "data"), key);
    const struct node *coded =
        node_get(node_get(source->object, secret ? "data" : "binaryData"), key);

    if (node_is(plain, NODE_STRING)) {
        text_add_bytes(ret, plain->string, plain->len);
        return true;
    }
    return node_is(coded, NODE_STRING) && text_add_unbase64(ret, coded->string, coded->len, false);
}

/* ---- The hash ------------------------------------------------------------------------------ */

uint64_t pods_hash(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;

    if (!hash)
        hash = 14695981039346656037ull;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * 1099511628211ull;
    return hash;
}

static uint64_t hash_node(uint64_t hash, const struct node *node)
{
    scoped_text struct text out = {0};

    if (node)
        document_write_canonical(&out, node);
    return pods_hash(hash, text_string(&out), out.len + 1);
}

/* The viewer, and the hash so far. */
struct hashing {
    const struct pods *pods;
    const struct pods_viewer *viewer;
    uint64_t hash;
};

/* An object that is not there adds nothing, so its arrival changes the hash: the workload rolls. */
static void hash_source(struct hashing *hashing, const char *kind, const struct node *ref)
{
    scoped_text struct text bytes = {0};
    struct source source;

    if (!ref || !source_find(hashing->pods, hashing->viewer, kind, ref, &source))
        return;
    if (!*source.key) {
        hashing->hash = hash_node(hashing->hash, node_get(source.object, "data"));
        hashing->hash = hash_node(hashing->hash, node_get(source.object, "stringData"));
        return;
    }
    source_value(&source, source.key, &bytes);
    hashing->hash = pods_hash(hashing->hash, text_string(&bytes), bytes.len + 1);
}

static void hash_container(struct hashing *hashing, const struct node *container)
{
    const struct node *from = node_get(container, "envFrom"), *env = node_get(container, "env");

    for (size_t i = 0; i < node_count(from); i++) {
        hash_source(hashing, "ConfigMap", node_get(node_item(from, i), "configMapRef"));
        hash_source(hashing, "Secret", node_get(node_item(from, i), "secretRef"));
    }
    for (size_t i = 0; i < node_count(env); i++) {
        const struct node *value = node_get(node_item(env, i), "valueFrom");

        hash_source(hashing, "ConfigMap", node_get(value, "configMapKeyRef"));
        hash_source(hashing, "Secret", node_get(value, "secretKeyRef"));
    }
}

uint64_t pods_hash_template(const struct pods *pods, const struct pods_viewer *viewer,
                            const struct node *template)
{
    static const char *const lists[] = {"initContainers", "containers"};
    struct hashing hashing = {pods, viewer, hash_node(0, template)};

    for (size_t i = 0; i < count_of(lists); i++) {
        const struct node *list = node_get(node_get(template, "spec"), lists[i]);

        for (size_t j = 0; j < node_count(list); j++)
            hash_container(&hashing, node_item(list, j));
    }
    return hashing.hash;
}
