/* SPDX-License-Identifier: Apache-2.0 */
/* Puts the finalizer of a work agent on a work, and takes it off when nothing is left here. */
#include "works/gather.h"

#include "base/object.h"
#include "document/document.h"
#include "meta/meta.h"

#include <string.h>

/* `revision`: of the object, where a change by others meanwhile must refuse this one. */
static void patch_finalizers(struct work *work, struct arena *arena, struct node *list,
                             const char *revision, works_reply_fn *done, void *arg)
{
    struct works *works = work->works;
    scoped_mem char *target = work_path(work);
    struct node *body = node_map(arena);
    struct node *metadata = node_make(arena, body, "metadata");

    node_set(arena, metadata, "finalizers", list);
    if (revision)
        node_set_text(arena, metadata, "resourceVersion", revision);
    works->hub.send(works->hub.arg, "PATCH", target, META_PATCH_MERGE, body, done, arg);
}

/* ---- Put on ---------------------------------------------------------------------- */

static void on_finalizer_added(void *arg, int status, const struct http_response *response,
                               const struct err *why)
{
    struct need *need = arg;
    struct work *work = need_work(need);

    if (status != 200) {
        need_failed(need, "FinalizerNotSet", why->text);
        return;
    }
    if (work)
        work->finalized = true;
    need_met(need);
}

/* Nothing is applied before its removal is sure: a work that a person wrote gets
   the finalizer from this agent. */
void finalizer_add(struct work *work)
{
    scoped_arena struct arena *arena = arena_new();
    const struct node *old = node_at(work->object, "metadata", "finalizers", NULL);
    struct node *list = old ? node_share(arena, old) : node_list(arena);

    node_add(arena, list, node_string(arena, META_FINALIZER_WORK));
    patch_finalizers(work, arena, list,
                     node_get_text(node_get(work->object, "metadata"), "resourceVersion"),
                     on_finalizer_added, need_new(work));
}

/* ---- Taken off ------------------------------------------------------------------- */

/* The work is freed by now. Should this have failed, a list of the hub's works brings it
   back, and it leaves again. */
static void on_finalizer_removed(void *arg, int status, const struct http_response *response,
                                 const struct err *why)
{
    struct works *works = object_from(works, WORKS_TAG, arg);

    works->hub.finalizer_removed(works->hub.arg, status, why);
}

/* Everything of the work is gone here, so the hub may delete the object. */
void finalizer_remove(struct work *work)
{
    struct works *works = work->works;
    scoped_arena struct arena *arena = arena_new();
    const struct node *old = node_at(work->object, "metadata", "finalizers", NULL);
    struct node *left = node_list(arena);
    struct err err = {0};

    /* The next list brings the work back, and it ends then. */
    if (works->hub.contact(works->hub.arg) == WORKS_NO_LINK) {
        err_set(&err, ERR_UNREACHABLE, "there is no connection to the hub");
        works->hub.finalizer_removed(works->hub.arg, 0, &err);
        return;
    }
    for (size_t i = 0; i < node_count(old); i++)
        if (strcmp(node_text(node_item(old, i)), META_FINALIZER_WORK) != 0)
            node_add(arena, left, node_item(old, i));
    patch_finalizers(work, arena, left, NULL, on_finalizer_removed, works);
}
