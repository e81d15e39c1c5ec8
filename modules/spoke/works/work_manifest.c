/* SPDX-License-Identifier: Apache-2.0 */
/* Reads facts of one manifest: its kind, its resource and the options that hold for it. */
#include "works/gather.h"

#include "document/document.h"
#include "meta/meta.h"
#include "work/work.h"

#include <string.h>

bool works_manifest_is_workload(const struct node *manifest)
{
    return strcmp(node_get_text(manifest, "kind"), "Workload") == 0 &&
           strcmp(node_get_text(manifest, "apiVersion"), META_API_AXLE) == 0;
}

/* The resource of a kind, as Kubernetes names them: the English plural in lower case
   (policies, classes, pods). The spoke has no discovery to look it up in. */
static char *make_plural(struct arena *arena, const char *kind)
{
    size_t len = strlen(kind);
    bool y = text_ends(kind, "y") && !text_ends(kind, "ay") && !text_ends(kind, "ey");
    bool s = text_ends(kind, "s") && !text_ends(kind, "Endpoints");
    char *made = y ? arena_printf(arena, "%.*sies", (int)len - 1, kind)
                   : arena_printf(arena, "%s%s", kind,
                                  text_ends(kind, "Endpoints") ? ""
                                  : s || text_ends(kind, "x")  ? "es"
                                                               : "s");

    for (char *at = made; *at; at++)
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
    return made;
}

struct work_resource works_manifest_resource(struct arena *arena, const struct node *manifest)
{
    const struct node *metadata = node_get(manifest, "metadata");
    const char *version = node_get_text(manifest, "apiVersion");
    const char *slash = strchr(version, '/');

    return (struct work_resource){
        .group = slash ? arena_bytes(arena, version, (size_t)(slash - version)) : "",
        .version = slash ? slash + 1 : version,
        .resource = make_plural(arena, node_get_text(manifest, "kind")),
        .namespace = node_get_text(metadata, "namespace"),
        .name = node_get_text(metadata, "name")};
}

struct node *works_manifest_option(struct arena *arena, const struct work *work,
                                   const struct node *manifest)
{
    struct work_resource resource = works_manifest_resource(arena, manifest);

    return work_option(arena, node_at(work->object, "spec", "manifestConfigs", NULL), &resource);
}
