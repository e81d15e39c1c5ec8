/* SPDX-License-Identifier: Apache-2.0 */
/* Takes what pods need out of ConfigMaps and Secrets: values, files, a hash. */

#include "cluster/compile.h"
#include "number/number.h"

#include <string.h>

/* ---- ConfigMaps and Secrets ------------------------------------------------------------ */

bool source_find(const struct cluster *cluster, struct local_viewer viewer, const char *space,
                 const char *kind, const struct node *ref, struct source *ret)
{
    struct local_object *object;

    *ret = (struct source){ .kind = kind, .name = node_get_text(ref, "name"),
                            .key = node_get_text(ref, "key"),
                            .optional = node_get_bool(ref, "optional", false) };
    object = local_find(cluster, viewer, "", kind, space, ret->name);
    ret->object = object && !object->removing ? object->object : NULL;
    return ret->object != NULL;
}

int source_missing(const struct source *source, const char *space, struct manifest_why *why)
{
    char reason[48];

    snprintf(reason, sizeof reason, "Missing%s", source->kind);
    if (source->object)
        return manifest_why_set(why, reason, "waits for key \"%.100s\" in %s %.100s/%.100s", source->key,
                       source->kind, space, source->name);
    return manifest_why_set(why, reason, "waits for %s %.100s/%.100s", source->kind, space, source->name);
}

bool source_value(const struct source *source, const char *key, struct text *ret)
{
    bool secret = !strcmp(source->kind, "Secret");
    const struct node *plain = node_get(node_get(source->object, secret ? "stringData" : "data"), key);
    const struct node *coded = node_get(node_get(source->object, secret ? "data" : "binaryData"), key);

    if (node_is(plain, NODE_STRING)) {
        text_add_bytes(ret, plain->string, plain->len);
        return true;
    }
    return node_is(coded, NODE_STRING) &&
           text_add_unbase64(ret, coded->string, coded->len, false);
}

/* ---- The hash ------------------------------------------------------------------------------ */

uint64_t local_hash(uint64_t hash, const void *bytes, size_t len)
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
    scoped_text struct text out = { 0 };

    if (node)
        document_write_canonical(&out, node);
    return local_hash(hash, text_string(&out), out.len + 1);
}

static uint64_t hash_source(const struct local_object *object, uint64_t hash, const char *kind,
                            const struct node *ref)
{
    struct source source;

    if (!ref || !source_find(object->cluster, local_viewer_of_object(object), object->space, kind,
                             ref, &source))
        return hash;
    if (!*source.key) {
        hash = hash_node(hash, node_get(source.object, "data"));
        return hash_node(hash, node_get(source.object, "stringData"));
    }
    scoped_text struct text bytes = { 0 };

    source_value(&source, source.key, &bytes);
    return local_hash(hash, text_string(&bytes), bytes.len + 1);
}

static uint64_t hash_container(const struct local_object *object, uint64_t hash,
                               const struct node *container)
{
    const struct node *from = node_get(container, "envFrom"), *env = node_get(container, "env");

    for (size_t i = 0; i < node_count(from); i++) {
        hash = hash_source(object, hash, "ConfigMap", node_get(node_item(from, i), "configMapRef"));
        hash = hash_source(object, hash, "Secret", node_get(node_item(from, i), "secretRef"));
    }
    for (size_t i = 0; i < node_count(env); i++) {
        const struct node *value = node_get(node_item(env, i), "valueFrom");

        hash = hash_source(object, hash, "ConfigMap", node_get(value, "configMapKeyRef"));
        hash = hash_source(object, hash, "Secret", node_get(value, "secretKeyRef"));
    }
    return hash;
}

uint64_t compile_hash(const struct local_object *object)
{
    const struct node *template = object->template;
    static const char *const lists[] = { "initContainers", "containers" };
    uint64_t hash = hash_node(0, template);

    for (size_t i = 0; i < count_of(lists); i++) {
        const struct node *list = node_get(node_get(template, "spec"), lists[i]);

        for (size_t j = 0; j < node_count(list); j++)
            hash = hash_container(object, hash, node_item(list, j));
    }
    return hash;
}

/* ---- Files ------------------------------------------------------------------------ */

static struct node *file_of(struct arena *arena, const struct text *bytes, int64_t mode)
{
    struct node *file = node_map(arena);

    if (text_is_utf8(text_string(bytes), bytes->len)) {
        node_set(arena, file, "text", node_bytes(arena, text_string(bytes), bytes->len));
    } else {
        scoped_text struct text coded = { 0 };

        text_add_base64(&coded, bytes->bytes, bytes->len, false);
        node_set_text(arena, file, "base64", text_string(&coded));
    }
    /* The owner is the agent; who runs the pod reads by its group. */
    node_set_int(arena, file, "mode", (mode & 0755) | 0440);
    return file;
}

static int add_items(struct arena *arena, struct node *files, const struct source *source,
                     const struct node *items, int64_t mode, const char *space,
                     struct manifest_why *why)
{
    for (size_t i = 0; i < node_count(items); i++) {
        const struct node *item = node_item(items, i);
        struct source one = *source;
        scoped_text struct text bytes = { 0 };

        one.key = node_get_text(item, "key");
        if (source_value(source, one.key, &bytes))
            node_set(arena, files, node_get_text(item, "path"),
                     file_of(arena, &bytes, number_get(item, "mode", NUMBER_MODE, mode)));
        else if (!source->optional)
            return source_missing(&one, space, why);
    }
    return 0;
}

static void add_keys(struct arena *arena, struct node *files, const struct source *source,
                     int64_t mode)
{
    static const char *const maps[] = { "data", "binaryData", "stringData" };

    for (size_t i = 0; i < count_of(maps); i++)
        node_each(member, node_get(source->object, maps[i])) {
            scoped_text struct text bytes = { 0 };

            if (source_value(source, member->key, &bytes))
                node_set(arena, files, member->key, file_of(arena, &bytes, mode));
        }
}

/* A resource is one of a container, which the item names. */
static const char *downward_value(struct local_pod *pod, struct arena *arena,
                                  const struct node *item)
{
    const struct node *resource = node_get(item, "resourceFieldRef");
    const char *name = node_get_text(resource, "containerName");

    if (!resource)
        return env_field(pod, arena, node_get_text(node_get(item, "fieldRef"), "fieldPath"));
    for (size_t i = 0; i < pod->count; i++)
        if (!strcmp(pod->containers[i].name, name))
            return env_resource(arena, pod->containers[i].spec, resource);
    return NULL;
}

static int add_downward(struct local_pod *pod, struct arena *arena, struct node *files,
                        const struct node *from, struct manifest_why *why)
{
    const struct node *items = node_get(from, "items");
    int64_t mode = number_get(from, "defaultMode", NUMBER_MODE, 0644);

    for (size_t i = 0; i < node_count(items); i++) {
        const struct node *item = node_item(items, i);
        const char *value = downward_value(pod, arena, item);
        scoped_text struct text bytes = { 0 };

        if (!value)
            return manifest_why_set(why, "UnsupportedField", "downwardAPI item \"%.80s\": what it refers to "
                           "is not known on this spoke", node_get_text(item, "path"));
        text_add(&bytes, value);
        node_set(arena, files, node_get_text(item, "path"),
                 file_of(arena, &bytes, number_get(item, "mode", NUMBER_MODE, mode)));
    }
    return 0;
}

static int add_source(struct local_pod *pod, struct arena *arena, struct node *files,
                      const char *kind, const struct node *from, int64_t mode,
                      struct manifest_why *why)
{
    const char *name = node_get_text(from, "secretName");
    struct node *ref = node_map(arena);
    struct source source;

    node_set_text(arena, ref, "name", *name ? name : node_get_text(from, "name"));
    node_set_bool(arena, ref, "optional", node_get_bool(from, "optional", false));
    if (!source_find(pod->cluster, local_viewer_of_pod(pod), pod->space, kind, ref, &source))
        return source.optional ? 0 : source_missing(&source, pod->space, why);
    mode = number_get(from, "defaultMode", NUMBER_MODE, mode);
    if (node_get(from, "items"))
        return add_items(arena, files, &source, node_get(from, "items"), mode, pod->space, why);
    add_keys(arena, files, &source, mode);
    return 0;
}

/* One of configMap, secret and downwardAPI, of a volume or of a projection. */
static int add_one(struct local_pod *pod, struct arena *arena, struct node *files,
                   const struct node *volume, int64_t mode, struct manifest_why *why)
{
    const struct node *config = node_get(volume, "configMap"), *secret = node_get(volume, "secret");

    if (node_get(volume, "downwardAPI"))
        return add_downward(pod, arena, files, node_get(volume, "downwardAPI"), why);
    return add_source(pod, arena, files, config ? "ConfigMap" : "Secret", config ? config : secret,
                      mode, why);
}

struct node *compile_files(struct local_pod *pod, const struct node *volume, struct arena *arena,
                           struct manifest_why *why)
{
    const struct node *projected = node_get(volume, "projected");
    const struct node *sources = node_get(projected, "sources");
    int64_t mode = number_get(projected, "defaultMode", NUMBER_MODE, 0644);
    struct node *files = node_map(arena);

    if (projected) {
        for (size_t i = 0; i < node_count(sources); i++)
            if (add_one(pod, arena, files, node_item(sources, i), mode, why) < 0)
                return NULL;
        return files;
    }
    if (!node_get(volume, "configMap") && !node_get(volume, "secret") &&
        !node_get(volume, "downwardAPI"))
        return NULL;
    return add_one(pod, arena, files, volume, 0644, why) < 0 ? NULL : files;
}
