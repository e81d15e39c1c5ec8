/* SPDX-License-Identifier: Apache-2.0 */
/* Refuses what Open Cluster Management's webhooks refuse, in their words. */
#include "work/work.h"

#include "base/map.h"
#include "base/text.h"
#include "document/document.h"
#include "meta/meta.h"

#include <string.h>

#define MANIFESTS_AT_MOST ((size_t)500 * 1024)

/* Refuses a manifest without a name, and the second one of an object. `seen` maps what
   identifies an object to its manifest. */
static int check_work_manifest(struct map *seen, const struct node *manifest, size_t at,
                               struct err *err)
{
    scoped_mem char *key =
        mem_printf("%s\n%s\n%s\n%s", node_get_text(manifest, "apiVersion"),
                   node_get_text(manifest, "kind"), meta_namespace(manifest), meta_name(manifest));

    if (!*meta_name(manifest))
        return err_set(err, ERR_BAD_REQUEST,
                       "spec.workload.manifests[%zu]: name must be set in "
                       "manifest",
                       at);
    if (*node_get_text(node_get(manifest, "metadata"), "generateName"))
        return err_set(err, ERR_BAD_REQUEST,
                       "spec.workload.manifests[%zu]: generateName must not be "
                       "set in manifest",
                       at);
    if (map_get(seen, key))
        return err_set(err, ERR_BAD_REQUEST,
                       "spec.workload.manifests[%zu]: %s \"%s\" is there "
                       "already",
                       at, node_get_text(manifest, "kind"), meta_name(manifest));
    map_put(seen, key, (void *)(uintptr_t)manifest);
    return 0;
}

int work_check_manifests(const struct node *manifests, struct err *err)
{
    scoped_text struct text json = {0};
    scoped_map struct map *seen = map_new();

    if (!node_count(manifests))
        return err_set(err, ERR_BAD_REQUEST, "Workload manifests should not be empty");
    document_write_json(&json, manifests);
    if (json.len > MANIFESTS_AT_MOST)
        return err_set(err, ERR_BAD_REQUEST,
                       "the size of manifests is %zu bytes which exceeds the "
                       "%zu limit",
                       json.len, MANIFESTS_AT_MOST);
    for (size_t i = 0; i < node_count(manifests); i++)
        if (check_work_manifest(seen, node_item(manifests, i), i, err) < 0)
            return -1;
    return 0;
}

int work_check_binding(const struct node *binding, struct err *err)
{
    const char *set = node_get_text(node_get(binding, "spec"), "clusterSet");

    if (strcmp(set, meta_name(binding)) != 0)
        return err_set(err, ERR_BAD_REQUEST,
                       "The ManagedClusterSetBinding must have the same name as "
                       "the target ManagedClusterSet");
    return 0;
}

int work_check_cluster(const struct node *cluster, struct err *err)
{
    const struct node *configs = node_at(cluster, "spec", "managedClusterClientConfigs", NULL);

    for (size_t i = 0; i < node_count(configs); i++) {
        const char *url = node_get_text(node_item(configs, i), "url");

        if (!text_starts(url, "https://") || !url[strlen("https://")])
            return err_set(err, ERR_BAD_REQUEST, "url \"%.200s\" is invalid in client configs",
                           url);
    }
    return 0;
}
