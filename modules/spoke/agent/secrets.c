/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches the Secrets that a Workload names, and no others. */
#include "agent/inside.h"

#include "base/map.h"
#include "document/document.h"

#include <stdlib.h>
#include <string.h>

struct secret_ask {
    struct agent *agent;
    char *work; /* owned */
    unsigned turn;
};

/* What it is and holds; who wrote it when on the hub is no part of it. */
static struct node *trimmed(struct arena *arena, const struct node *secret)
{
    static const char *const parts[] = {"type", "data", "stringData"};
    const struct node *from = node_get(secret, "metadata");
    struct node *made = node_map(arena), *metadata = node_make(arena, made, "metadata");

    node_set_text(arena, metadata, "name", node_get_text(from, "name"));
    node_set_text(arena, metadata, "resourceVersion",
                  node_get_text(from, "resourceVersion"));
    for (size_t i = 0; i < count_of(parts); i++)
        if (node_get(secret, parts[i]))
            node_set(arena, made, parts[i],
                     node_copy(arena, node_get(secret, parts[i])));
    return made;
}

static void on_secret(void *arg, int status, const struct http_answer *answer,
                      const struct err *err)
{
    struct secret_ask *ask = arg;
    struct work *work = map_get(ask->agent->works, ask->work);
    bool wanted = work && work->turn == ask->turn;
    scoped_arena struct arena *arena = arena_new();
    const struct node *secret = NULL;
    struct err why = {0};

    free(ask->work);
    free(ask);
    if (!wanted)
        return;
    work->waiting--;
    if (status == 200)
        secret = document_read_json(arena, answer->body, answer->len,
                                    &document_limits_own, &why);
    else
        link_explain(status, answer, err, &why);
    if (!secret) {
        work_retry_later(work, "SecretFetchFailed", why.text);
        return;
    }
    node_add(work->gathered, work->secrets, trimmed(work->gathered, secret));
    work_proceed(work);
}

static void fetch(struct work *work, const char *space, const char *name)
{
    struct secret_ask *ask = mem_alloc(sizeof *ask);
    scoped_mem char *target =
        mem_printf("/api/v1/namespaces/%s/secrets/%s", space, name);

    *ask = (struct secret_ask){work->agent, mem_copy_string(work->name), work->turn};
    work->waiting++;
    link_send(work->agent, "GET", target, NULL, NULL, on_secret, ask);
}

/* The very version that is asked for. */
static const struct node *find(const struct node *had, const struct node *ref)
{
    const char *version = node_get_text(ref, "resourceVersion");

    for (size_t i = 0; *version && i < node_count(had); i++) {
        const struct node *metadata = node_get(node_item(had, i), "metadata");

        if (!strcmp(node_get_text(metadata, "name"), node_get_text(ref, "name")) &&
            !strcmp(node_get_text(metadata, "resourceVersion"), version))
            return node_item(had, i);
    }
    return NULL;
}

void secrets_gather(struct work *work, const struct node *spec,
                    const struct node *had)
{
    const struct node *refs = node_get(spec, "secretRefs");

    for (size_t i = 0; i < node_count(refs); i++) {
        const struct node *ref = node_item(refs, i);
        const char *space = node_get_text(ref, "namespace");
        const struct node *secret = find(had, ref);

        if (secret)
            node_add(work->gathered, work->secrets,
                     node_copy(work->gathered, secret));
        else
            fetch(work, *space ? space : node_get_text(spec, "targetNamespace"),
                  node_get_text(ref, "name"));
    }
}
