/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of registration: a cluster's defaults, a spoke's own CSR. */
#include "work/work.h"

#include "base/clock.h"
#include "meta/meta.h"

#include <string.h>

/* ---- ManagedCluster ---------------------------------------------------- */

/* An equal taint of the stored object, whose time the new one takes over. */
static const struct node *find_same_taint(const struct node *taints, const struct node *taint)
{
    for (size_t i = 0; i < node_count(taints); i++) {
        const struct node *one = node_item(taints, i);

        if (text_same(node_get_text(one, "key"), node_get_text(taint, "key")) &&
            text_same(node_get_text(one, "value"), node_get_text(taint, "value")) &&
            text_same(node_get_text(one, "effect"), node_get_text(taint, "effect")))
            return one;
    }
    return NULL;
}

/* The hub sets timeAdded: now, or the time of an equal taint that was there. A client
   may send back what it has read, and no other time. */
static int set_time_added(struct arena *arena, struct node *taint, const struct node *old,
                          const char *now, bool created, struct err *err)
{
    const char *given = node_get_text(taint, "timeAdded");
    const char *stamp = old ? node_get_text(old, "timeAdded") : now;
    int64_t a = 0, b = 0;

    (void)clock_parse(given, &a);
    (void)clock_parse(stamp, &b);
    if (!created && *given && (!old || a != b))
        return err_set(err, ERR_BAD_REQUEST, "It is not allowed to set TimeAdded of Taint \"%s\".",
                       node_get_text(taint, "key"));
    if (*stamp)
        node_set_text(arena, taint, "timeAdded", stamp);
    return 0;
}

struct node *work_default_cluster(struct arena *arena, const struct node *object,
                                  const struct node *old, int64_t now, struct err *err)
{
    struct node *next = node_copy(arena, object);
    struct node *labels = node_make(arena, node_make(arena, next, "metadata"), "labels");
    struct node *taints = node_at(next, "spec", "taints", NULL);
    char stamp[CLOCK_TEXT];

    clock_format(now, false, stamp);
    if (!*node_get_text(labels, META_LABEL_CLUSTERSET))
        node_set_text(arena, labels, META_LABEL_CLUSTERSET, "default");
    for (size_t i = 0; i < node_count(taints); i++) {
        struct node *taint = node_item(taints, i);

        if (set_time_added(arena, taint,
                           find_same_taint(node_at(old, "spec", "taints", NULL), taint), stamp,
                           !old, err) < 0)
            return NULL;
    }
    return next;
}

/* ---- Certificate requests ---------------------------------------------- */

static bool csr_has_organization(const struct work_csr *csr, const char *name)
{
    for (size_t i = 0; i < csr->organization_count; i++)
        if (text_same(csr->organizations[i], name))
            return true;
    return false;
}

bool work_csr_recognize(struct arena *arena, const struct work_csr *csr, const char **ret_cluster,
                        const char **ret_agent)
{
    const char *name = csr->common_name, *rest, *colon;
    char *cluster;

    *ret_cluster = *ret_agent = "";
    if (!csr->label || !*csr->label || !text_same(csr->signer, META_SIGNER_CLIENT) ||
        !text_same(csr->block_type, "CERTIFICATE REQUEST") || !name ||
        !text_starts(name, META_USER_AGENT) || csr->organization_count != 2)
        return false;
    rest = name + strlen(META_USER_AGENT);
    colon = strchr(rest, ':');
    if (!colon || colon == rest || !colon[1] || strchr(colon + 1, ':'))
        return false;
    cluster = arena_bytes(arena, rest, (size_t)(colon - rest));
    if (!text_same(cluster, csr->label) || !csr_has_organization(csr, META_USERS_CLUSTERS) ||
        !csr_has_organization(csr, arena_printf(arena, META_USER_AGENT "%s", cluster)))
        return false;
    *ret_cluster = cluster;
    *ret_agent = arena_string(arena, colon + 1);
    return true;
}
