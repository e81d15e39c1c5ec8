/* SPDX-License-Identifier: Apache-2.0 */
/* Says which works this spoke never applies, however often it tries: too much, or not fit. */
#include "works/gather.h"

#include "base/map.h"
#include "document/document.h"
#include "pki/pki.h"

/* What one spoke takes from its hub; a hub that is well stays far below. */
#define WORKS_MOST 2000
#define MANIFESTS_MOST 2000
#define SECRETS_MOST 256

static size_t count_secrets(const struct work *work)
{
    const struct node *manifests = work_manifests(work);
    size_t count = 0;

    for (size_t i = 0; i < node_count(manifests); i++)
        count += node_count(node_at(node_item(manifests, i), "spec", "secretRefs", NULL));
    return count;
}

/* The sentence; NULL: it is not too much. */
static char *explain_size(const struct work *work)
{
    if (map_count(work->works->by_name) > WORKS_MOST)
        return mem_printf("this spoke accepts at most %d works; place some on other spokes",
                          WORKS_MOST);
    if (node_count(work_manifests(work)) > MANIFESTS_MOST)
        return mem_printf("spec.workload.manifests has %zu items; a spoke accepts at most %d",
                          node_count(work_manifests(work)), MANIFESTS_MOST);
    if (count_secrets(work) > SECRETS_MOST)
        return mem_printf(
            "its Workloads name %zu Secrets in spec.secretRefs; a spoke accepts at most %d",
            count_secrets(work), SECRETS_MOST);
    return NULL;
}

/* The first digest of an artifact that no registry can have; NULL: all are well formed. */
static const char *find_bad_digest(const struct work *work)
{
    const struct node *manifests = work_manifests(work);

    for (size_t i = 0; i < node_count(manifests); i++) {
        const char *digest =
            node_get_text(node_at(node_item(manifests, i), "spec", "artifact", NULL), "digest");

        if (works_manifest_is_workload(node_item(manifests, i)) && !pki_digest_is_valid(digest))
            return digest;
    }
    return NULL;
}

const char *refusal_of(const struct work *work, char **ret_message)
{
    char *words = explain_size(work);
    const char *digest = words ? NULL : find_bad_digest(work);

    if (words) {
        *ret_message = words;
        return "TooMuch";
    }
    if (digest) {
        *ret_message =
            mem_printf("spec.artifact.digest of a Workload is \"%.150s\"; it must be sha256: "
                       "and 64, or sha512: and 128 lower-case hex digits",
                       digest);
        return "ArtifactInvalid";
    }
    if (!node_at(work->object, "spec", "executor", "subject", NULL))
        return NULL;
    *ret_message = mem_copy_string(
        "spec.executor: this spoke applies works with its own rights, not as a ServiceAccount; "
        "remove spec.executor");
    return "ExecutorNotSupported";
}
