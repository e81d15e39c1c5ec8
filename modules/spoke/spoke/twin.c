/* SPDX-License-Identifier: Apache-2.0 */
/* Notices that another agent, as on a copied disk, speaks with this identity. */
#include "spoke/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/object.h"
#include "document/document.h"
#include "meta/meta.h"
#include "work/work.h"

#include <stdio.h>
#include <string.h>

/*
 * Each start of an agent has a name that sorts by time, and claims the lease with
 * it. The answer to each renewal says who holds it now: whoever started later goes
 * on, the other one parks: it keeps what runs, says so, and follows the hub no
 * more, so that nothing is done twice or back and forth.
 */
#define CLUSTER_PATH                                                           \
    "/apis/" META_API_CLUSTER "/managedclusters/%s"

static const char *instance_of(const struct spoke *spoke, const char *name)
{
    return *name ? name : spoke->instance;
}

void twin_open(struct spoke *spoke)
{
    snprintf(spoke->instance, sizeof spoke->instance, "%020lld-%08x",
             (long long)(clock_wall() / CLOCK_MS),
             (unsigned)random_below(UINT32_MAX));
    spoke->claims = true;
}

void twin_claim(struct spoke *spoke, struct arena *arena, struct node *lease)
{
    if (!spoke->claims)
        return;
    node_set_text(arena,
                  node_make(arena, node_make(arena, lease, "metadata"), "annotations"),
                  META_ANNOTATION_INSTANCE, spoke->instance);
    spoke->claims = false;
}

/* ---- The older one -------------------------------------------------------------- */

static void on_cluster(void *arg, int status, const struct http_answer *answer,
                       const struct err *err)
{
    struct spoke *spoke = object_from(spoke, SPOKE_TAG, arg);
    scoped_arena struct arena *arena = arena_new();
    scoped_mem char *target = mem_printf(CLUSTER_PATH "/status", spoke->name);
    struct node *body = node_map(arena), *news = node_list(arena), *one;
    const struct node *old;
    struct err why = {0};

    err_set(&why, ERR_CONFLICT, "another agent that started later uses this identity; this one "
            "keeps what runs and follows the hub no more. Give one of the two a name and a "
            "token of its own, or start this one again to take over");
    if (status == 200 && spoke->http) {
        old = document_read_json(arena, answer->body, answer->len, &document_limits_api, NULL);
        one = node_map(arena);
        node_set_text(arena, one, "type", "DuplicateIdentity");
        node_set_text(arena, one, "status", "True");
        node_set_text(arena, one, "reason", "TwoAgents");
        node_set(arena, one, "message",
                 node_format(arena, "two agents use this identity; the one at %s is parked, "
                             "the one that started later goes on", spoke->address));
        node_add(arena, news, one);
        node_set(arena, node_make(arena, body, "status"), "conditions",
                 work_merge_conditions(arena, node_at(old, "status", "conditions", NULL), news,
                                       clock_wall()));
        link_send(spoke, "PATCH", target, META_PATCH_MERGE, body, NULL, NULL);
    }
    spoke_lost(spoke, "renewing the lease", &why);
}

static void park(struct spoke *spoke)
{
    scoped_mem char *target = mem_printf(CLUSTER_PATH, spoke->name);

    spoke->parked = true;
    link_send(spoke, "GET", target, NULL, NULL, on_cluster, spoke);
}

bool twin_look(struct spoke *spoke, const struct http_answer *answer)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *lease = document_read_json(arena, answer->body, answer->len,
                                                  &document_limits_api, NULL);
    const char *holder =
        node_text(node_at(lease, "metadata", "annotations", META_ANNOTATION_INSTANCE, NULL));
    int order = strcmp(instance_of(spoke, holder), spoke->instance);

    if (spoke->parked)
        return true;
    /* None, after a restart of the hub; or one from before: it is ours to take. */
    spoke->claims = !*holder || order < 0;
    if (order > 0)
        park(spoke);
    return order > 0;
}

/* The remaining one, when it starts, takes the word back. */
void twin_clear(struct arena *arena, const struct node *cluster, struct node *news)
{
    const struct node *old = meta_condition(cluster, "DuplicateIdentity");
    struct node *one = node_share(arena, old);

    if (!old)
        return;
    node_set_text(arena, one, "status", "False");
    node_set_text(arena, one, "reason", "OneAgent");
    node_set_text(arena, one, "message", "");
    node_add(arena, news, one);
}
