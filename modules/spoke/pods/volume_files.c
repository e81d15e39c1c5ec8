/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the files of a volume out of ConfigMaps, Secrets and the downward API. */

#include "pods/compile.h"
#include "number/number.h"

#include <string.h>

static struct node *make_volume_file(struct arena *arena, const struct text *bytes, int64_t mode)
{
    struct node *file = node_map(arena);

    if (text_is_utf8(text_string(bytes), bytes->len)) {
        node_set(arena, file, "text", node_bytes(arena, text_string(bytes), bytes->len));
    } else {
        scoped_text struct text coded = {0};

        text_add_base64(&coded, bytes->bytes, bytes->len, false);
        node_set_text(arena, file, "base64", text_string(&coded));
    }
    /* The agent owns the file; the processes of the pod read it by their group. */
    node_set_int(arena, file, "mode", (mode & 0755) | 0440);
    return file;
}

/* Only the keys that are listed, each at its own path and with its own mode. */
static int add_item_files(struct arena *arena, struct node *files, const struct source *source,
                          const struct node *items, int64_t mode, const char *namespace,
                          struct manifest_why *why)
{
    for (size_t i = 0; i < node_count(items); i++) {
        const struct node *item = node_item(items, i);
        struct source one = *source;
        scoped_text struct text bytes = {0};

        one.key = node_get_text(item, "key");
        if (source_value(source, one.key, &bytes))
            node_set(arena, files, node_get_text(item, "path"),
                     make_volume_file(arena, &bytes, number_get(item, "mode", NUMBER_MODE, mode)));
        else if (!source->optional)
            return source_missing(&one, namespace, why);
    }
    return 0;
}

/* Every key becomes a file of its name. */
static void add_key_files(struct arena *arena, struct node *files, const struct source *source,
                          int64_t mode)
{
    static const char *const maps[] = {"data", "binaryData", "stringData"};

    for (size_t i = 0; i < count_of(maps); i++)
        node_each(member, node_get(source->object, maps[i]))
        {
            scoped_text struct text bytes = {0};

            if (source_value(source, member->key, &bytes))
                node_set(arena, files, member->key, make_volume_file(arena, &bytes, mode));
        }
}

/* The value of a downwardAPI item; a resource belongs to the container that the item names. */
static const char *downward_value(struct pod *pod, struct arena *arena, const struct node *item)
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

static int add_downward_files(struct pod *pod, struct arena *arena, struct node *files,
                              const struct node *from, struct manifest_why *why)
{
    const struct node *items = node_get(from, "items");
    int64_t mode = number_get(from, "defaultMode", NUMBER_MODE, 0644);

    for (size_t i = 0; i < node_count(items); i++) {
        const struct node *item = node_item(items, i);
        const char *value = downward_value(pod, arena, item);
        scoped_text struct text bytes = {0};

        if (!value)
            return manifest_why_set(why, "UnsupportedField",
                                    "downwardAPI item \"%.80s\": what it refers to "
                                    "is not known on this spoke",
                                    node_get_text(item, "path"));
        text_add(&bytes, value);
        node_set(arena, files, node_get_text(item, "path"),
                 make_volume_file(arena, &bytes, number_get(item, "mode", NUMBER_MODE, mode)));
    }
    return 0;
}

static int add_source_files(struct pod *pod, struct arena *arena, struct node *files,
                            const char *kind, const struct node *from, int64_t mode,
                            struct manifest_why *why)
{
    const char *name = node_get_text(from, "secretName");
    struct pods_viewer viewer = pod_viewer(pod);
    struct node *ref = node_map(arena);
    struct source source;

    node_set_text(arena, ref, "name", *name ? name : node_get_text(from, "name"));
    node_set_bool(arena, ref, "optional", node_get_bool(from, "optional", false));
    if (!source_find(pod->pods, &viewer, kind, ref, &source))
        return source.optional ? 0 : source_missing(&source, pod->namespace, why);
    mode = number_get(from, "defaultMode", NUMBER_MODE, mode);
    if (node_get(from, "items"))
        return add_item_files(arena, files, &source, node_get(from, "items"), mode, pod->namespace,
                              why);
    add_key_files(arena, files, &source, mode);
    return 0;
}

/* One of configMap, secret and downwardAPI, of a volume or of a projection. */
static int add_projection(struct pod *pod, struct arena *arena, struct node *files,
                          const struct node *volume, int64_t mode, struct manifest_why *why)
{
    const struct node *config = node_get(volume, "configMap"), *secret = node_get(volume, "secret");

    if (node_get(volume, "downwardAPI"))
        return add_downward_files(pod, arena, files, node_get(volume, "downwardAPI"), why);
    return add_source_files(pod, arena, files, config ? "ConfigMap" : "Secret",
                            config ? config : secret, mode, why);
}

struct node *compile_files(struct pod *pod, const struct node *volume, struct arena *arena,
                           struct manifest_why *why)
{
    const struct node *projected = node_get(volume, "projected");
    const struct node *sources = node_get(projected, "sources");
    int64_t mode = number_get(projected, "defaultMode", NUMBER_MODE, 0644);
    struct node *files = node_map(arena);

    if (projected) {
        for (size_t i = 0; i < node_count(sources); i++)
            if (add_projection(pod, arena, files, node_item(sources, i), mode, why) < 0)
                return NULL;
        return files;
    }
    if (!node_get(volume, "configMap") && !node_get(volume, "secret") &&
        !node_get(volume, "downwardAPI"))
        return NULL;
    return add_projection(pod, arena, files, volume, 0644, why) < 0 ? NULL : files;
}
