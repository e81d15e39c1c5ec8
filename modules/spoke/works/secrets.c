/* SPDX-License-Identifier: Apache-2.0 */
/* Fetches the Secrets that a Workload names, and no others. */
#include "works/gather.h"

#include "document/document.h"
#include "http/http.h"

#include <string.h>

/* Its type and data; the metadata of the hub, as managedFields, is left out. */
static struct node *copy_parts(struct arena *arena, const struct node *secret)
{
    static const char *const parts[] = {"type", "data", "stringData"};
    const struct node *from = node_get(secret, "metadata");
    struct node *made = node_map(arena), *metadata = node_make(arena, made, "metadata");

    node_set_text(arena, metadata, "name", node_get_text(from, "name"));
    node_set_text(arena, metadata, "resourceVersion", node_get_text(from, "resourceVersion"));
    for (size_t i = 0; i < count_of(parts); i++)
        if (node_get(secret, parts[i]))
            node_set(arena, made, parts[i], node_copy(arena, node_get(secret, parts[i])));
    return made;
}

static void add_fetched_secret(struct work *work, const struct node *secret)
{
    scoped_arena struct arena *arena = arena_new();
    scoped_interned const struct node *former = work->secrets;
    struct node *list = former ? node_share(arena, former) : node_list(arena);

    node_add(arena, list, (struct node *)secret);
    work->secrets = document_intern(list);
}

/* The attempt may have ended meanwhile: then there is no work to give it to. */
static void on_secret(void *arg, int status, const struct http_response *response,
                      const struct err *why)
{
    struct need *need = arg;
    struct work *work = need_work(need);
    scoped_arena struct arena *arena = arena_new();
    const struct node *secret = NULL;
    struct err err = {0};

    if (status != 200) {
        need_failed(need, "SecretFetchFailed", why->text);
        return;
    }
    secret = document_read_json(arena, response->body, response->len, &document_limits_own, &err);
    if (!secret) {
        need_failed(need, "SecretFetchFailed", err.text);
        return;
    }
    if (work)
        add_fetched_secret(work, copy_parts(arena, secret));
    need_met(need);
}

static void fetch_secret(struct work *work, const char *namespace, const char *name)
{
    struct works_hub *hub = &work->works->hub;
    scoped_mem char *target = mem_printf("/api/v1/namespaces/%s/secrets/%s", namespace, name);

    hub->send(hub->arg, "GET", target, NULL, NULL, on_secret, need_new(work));
}

/* The Secret in the version that the reference names; NULL: it is not among them. */
static const struct node *find_secret(const struct node *had, const struct node *ref)
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

/* One that is here in the same version is not fetched again, so that a restart without the
   hub has all it needs. */
void secrets_gather(struct work *work, const struct node *spec, const struct node *had)
{
    const struct node *refs = node_get(spec, "secretRefs");

    for (size_t i = 0; i < node_count(refs); i++) {
        const struct node *ref = node_item(refs, i);
        const char *namespace = node_get_text(ref, "namespace");
        const struct node *secret = find_secret(had, ref);

        if (secret)
            add_fetched_secret(work, secret);
        else
            fetch_secret(work, *namespace ? namespace : node_get_text(spec, "targetNamespace"),
                         node_get_text(ref, "name"));
    }
}
