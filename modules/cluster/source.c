/* SPDX-License-Identifier: Apache-2.0 */
/* Takes what pods need out of ConfigMaps and Secrets: values, files, a hash. */

#include "cluster/compile.h"

#include <string.h>

/* ---- ConfigMaps and Secrets ------------------------------------------------------------ */

bool source_find(const struct cluster *cluster, const char *space, const char *kind,
                        const struct node *ref, struct source *ret)
{
    struct local_object *object;

    *ret = (struct source){ .kind = kind, .name = node_get_text(ref, "name"),
                            .key = node_get_text(ref, "key"),
                            .optional = node_get_bool(ref, "optional", false) };
    object = local_find(cluster, "", kind, space, ret->name);
    ret->object = object && !object->removing ? object->object : NULL;
    return ret->object != NULL;
}

int source_missing(const struct source *source, const char *space, struct local_why *why)
{
    char reason[48];

    snprintf(reason, sizeof reason, "Missing%s", source->kind);
    if (source->object)
        return why_set(why, reason, "waits for key \"%.100s\" in %s %.100s/%.100s", source->key,
                       source->kind, space, source->name);
    return why_set(why, reason, "waits for %s %.100s/%.100s", source->kind, space, source->name);
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

static uint64_t hash_source(const struct cluster *cluster, uint64_t hash, const char *space,
                            const char *kind, const struct node *ref)
{
    struct source source;

    if (!ref || !source_find(cluster, space, kind, ref, &source))
        return hash;
    if (!*source.key) {
        hash = hash_node(hash, node_get(source.object, "data"));
        return hash_node(hash, node_get(source.object, "stringData"));
    }
    scoped_text struct text bytes = { 0 };

    source_value(&source, source.key, &bytes);
    return local_hash(hash, text_string(&bytes), bytes.len + 1);
}

static uint64_t hash_container(const struct cluster *cluster, uint64_t hash, const char *space,
                               const struct node *container)
{
    const struct node *from = node_get(container, "envFrom"), *env = node_get(container, "env");

    for (size_t i = 0; i < node_count(from); i++) {
        hash = hash_source(cluster, hash, space, "ConfigMap", node_get(node_item(from, i), "configMapRef"));
        hash = hash_source(cluster, hash, space, "Secret", node_get(node_item(from, i), "secretRef"));
    }
    for (size_t i = 0; i < node_count(env); i++) {
        const struct node *value = node_get(node_item(env, i), "valueFrom");

        hash = hash_source(cluster, hash, space, "ConfigMap", node_get(value, "configMapKeyRef"));
        hash = hash_source(cluster, hash, space, "Secret", node_get(value, "secretKeyRef"));
    }
    return hash;
}

uint64_t compile_hash(const struct cluster *cluster, const char *space,
                      const struct node *template)
{
    static const char *const lists[] = { "initContainers", "containers" };
    uint64_t hash = hash_node(0, template);

    for (size_t i = 0; i < count_of(lists); i++) {
        const struct node *list = node_get(node_get(template, "spec"), lists[i]);

        for (size_t j = 0; j < node_count(list); j++)
            hash = hash_container(cluster, hash, space, node_item(list, j));
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
                     struct local_why *why)
{
    for (size_t i = 0; i < node_count(items); i++) {
        const struct node *item = node_item(items, i);
        struct source one = *source;
        scoped_text struct text bytes = { 0 };

        one.key = node_get_text(item, "key");
        if (source_value(source, one.key, &bytes))
            node_set(arena, files, node_get_text(item, "path"),
                     file_of(arena, &bytes, node_get_int(item, "mode", mode)));
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

static int add_downward(const struct local_pod *pod, struct arena *arena, struct node *files,
                        const struct node *items, struct local_why *why)
{
    for (size_t i = 0; i < node_count(items); i++) {
        const char *field = node_get_text(node_get(node_item(items, i), "fieldRef"), "fieldPath");
        const char *value = env_field(pod, arena, field);
        scoped_text struct text bytes = { 0 };

        if (!value)
            return why_set(why, "UnsupportedField", "downwardAPI field \"%.80s\" is not supported "
                           "on this spoke", field);
        text_add(&bytes, value);
        node_set(arena, files, node_get_text(node_item(items, i), "path"),
                 file_of(arena, &bytes, 0644));
    }
    return 0;
}

struct node *compile_files(const struct local_pod *pod, const struct node *volume,
                           struct arena *arena, struct local_why *why)
{
    const struct node *config = node_get(volume, "configMap"), *secret = node_get(volume, "secret");
    const struct node *from = config ? config : secret, *down = node_get(volume, "downwardAPI");
    struct node *files = node_map(arena), *ref = node_map(arena);
    struct source source;

    if (down)
        return add_downward(pod, arena, files, node_get(down, "items"), why) < 0 ? NULL : files;
    if (!from)
        return NULL;
    node_set_text(arena, ref, "name", node_get_text(from, config ? "name" : "secretName"));
    node_set_bool(arena, ref, "optional", node_get_bool(from, "optional", false));
    if (!source_find(pod->cluster, pod->space, config ? "ConfigMap" : "Secret", ref, &source)) {
        if (source.optional)
            return files;
        source_missing(&source, pod->space, why);
        return NULL;
    }
    int64_t mode = node_get_int(from, "defaultMode", 0644);

    if (!node_get(from, "items"))
        add_keys(arena, files, &source, mode);
    else if (add_items(arena, files, &source, node_get(from, "items"), mode, pod->space, why) < 0)
        return NULL;
    return files;
}
