/* SPDX-License-Identifier: Apache-2.0 */
/* Makes, changes and frees the record of one ManifestWork, and reads facts of it. */
#include "works/gather.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "document/document.h"
#include "meta/meta.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct work *work_new(struct works *works, const char *name)
{
    struct work *work = mem_alloc(sizeof *work);

    work->tag = WORK_TAG;
    work->works = works;
    work->turn = ++works->turns;
    work->name = mem_copy_string(name);
    work->backoff = (struct loop_backoff){CLOCK_SECOND, 300 * CLOCK_SECOND, 0};
    work->tell_backoff = (struct loop_backoff){CLOCK_SECOND, 60 * CLOCK_SECOND, 0};
    work->events = map_new();
    map_put(works->by_name, name, work);
    return work;
}

void work_free(struct work *work)
{
    map_remove(work->works->by_name, work->name);
    work->tag = 0;
    loop_timer_free(&work->retry);
    loop_timer_free(&work->timeout);
    loop_timer_free(&work->evict);
    document_release(&work->object);
    document_release(&work->secrets);
    document_release(&work->bound);
    document_release(&work->failed);
    mem_free(&work->trouble_reason);
    mem_free(&work->trouble);
    document_release(&work->sent_work);
    document_release(&work->sent_workload);
    mem_free(&work->untold);
    mem_free(&work->warned);
    mem_free(&work->values);
    map_free(&work->events);
    mem_free(&work->name);
    mem_free(&work);
}

/* ---- The phase ------------------------------------------------------------------- */

/* Of a work that leaves, another object of the same name can come: it is gathered then. While
   the hub's changes are withheld, the same object can come back without its deletion. */
static const struct {
    const char *name;
    unsigned may_become;
} phases[] = {
    [WORK_FOUND] = {"found", 1u << WORK_GATHERING | 1u << WORK_APPLIED | 1u << WORK_LEAVING},
    [WORK_GATHERING] = {"gathering", 1u << WORK_GATHERING | 1u << WORK_TROUBLED |
                                         1u << WORK_APPLIED | 1u << WORK_LEAVING},
    [WORK_TROUBLED] = {"troubled", 1u << WORK_GATHERING | 1u << WORK_TROUBLED | 1u << WORK_LEAVING},
    [WORK_APPLIED] = {"applied", 1u << WORK_GATHERING | 1u << WORK_LEAVING},
    [WORK_LEAVING] = {"leaving", 1u << WORK_GATHERING | 1u << WORK_APPLIED | 1u << WORK_LEAVING},
};

void work_move(struct work *work, enum work_phase phase)
{
    assert(phases[work->phase].may_become & 1u << phase);
    if (phase != work->phase)
        log_debug("spoke", "%s: %s -> %s", work->name, phases[work->phase].name,
                  phases[phase].name);
    if (phase == WORK_LEAVING && work->phase != WORK_LEAVING)
        work->left_applied = work->phase == WORK_APPLIED;
    work->phase = phase;
}

bool work_is_applied(const struct work *work)
{
    return work->phase == WORK_APPLIED || (work->phase == WORK_LEAVING && work->left_applied);
}

struct work *work_find(const struct works *works, const char *name)
{
    return map_get(works->by_name, name);
}

/* ---- The object ------------------------------------------------------------------ */

int64_t work_revision(const struct work *work)
{
    return strtoll(node_get_text(node_get(work->object, "metadata"), "resourceVersion"), NULL, 10);
}

bool work_is_same_object(const struct work *work, const struct node *object)
{
    return work->object && text_same(meta_uid(work->object), meta_uid(object));
}

bool work_is_same_generation(const struct work *work, const struct node *object)
{
    return work_is_same_object(work, object) && meta_generation(object) == work->generation;
}

static bool has_work_finalizer(const struct node *metadata)
{
    const struct node *list = node_get(metadata, "finalizers");

    for (size_t i = 0; i < node_count(list); i++)
        if (!strcmp(node_text(node_item(list, i)), META_FINALIZER_WORK))
            return true;
    return false;
}

void work_set_object(struct work *work, const struct node *object)
{
    scoped_interned const struct node *former = work->object;
    const struct node *metadata;
    bool same = work_is_same_object(work, object);

    (void)former; /* it is released at the end: `object` may be a part of it */
    work->object = document_intern(object);
    /* The object was created anew, or its status was emptied: the status is sent again. */
    if (work_revision(work) > work->revision &&
        (!same || !node_count(meta_conditions(work->object)))) {
        document_release(&work->sent_work);
        document_release(&work->sent_workload);
    }
    metadata = node_get(work->object, "metadata");
    work->generation = node_get_int(metadata, "generation", 0);
    work->foreign = false;
    /* An event of before our own last write may come after the response to that write. */
    if (work_revision(work) > work->revision)
        work->revision = work_revision(work);
    work->finalized |= has_work_finalizer(metadata);
    if (node_get(metadata, "deletionTimestamp"))
        work_move(work, WORK_LEAVING);
    else if (work->phase == WORK_LEAVING)
        work_move(work, work->left_applied ? WORK_APPLIED : WORK_GATHERING);
}

const struct node *work_manifests(const struct work *work)
{
    return node_at(work->object, "spec", "workload", "manifests", NULL);
}

/*
 * Whose it is, as the hub's controllers wrote it: the label of the work, else of
 * the Workload in it. Only they and administrators write works.
 */
const char *work_project(const struct work *work)
{
    const struct node *manifests = work_manifests(work);
    const char *project =
        node_text(node_at(work->object, "metadata", "labels", META_LABEL_PROJECT, NULL));

    for (size_t i = 0; !*project && i < node_count(manifests); i++)
        if (works_manifest_is_workload(node_item(manifests, i)))
            project = node_text(
                node_at(node_item(manifests, i), "metadata", "labels", META_LABEL_PROJECT, NULL));
    return project;
}

char *work_path(const struct work *work)
{
    return mem_printf("/apis/" META_API_WORK "/namespaces/%s/manifestworks/%s", work->works->name,
                      work->name);
}

void work_set_trouble(struct work *work, const char *reason, const char *message)
{
    mem_free(&work->trouble_reason);
    mem_free(&work->trouble);
    if (!reason)
        return;
    work->trouble_reason = mem_copy_string(reason);
    work->trouble = mem_copy_string(message);
}
