/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RENDER_CONFINE_H
#define RENDER_CONFINE_H

#include "render/component_meta.h"

#include <stdbool.h>

/*
 * Private to render: what a template gives stays inside the project.
 *
 * Agents on spokes have rights over their whole cluster, and every editor of a
 * project may write a template. So what is rendered is judged as it
 * will be applied: no kind that reaches beyond a namespace (unless the Project
 * lists it), none that would make an agent act in turn, no reference into another
 * namespace, and nothing that `${spoke.…}` could still turn into one of these.
 */
int confine_manifest(struct arena *arena, const struct component_meta *meta,
                     const struct node *manifest, struct err *err) MUST_CHECK;
/* Removes labels of the hub's groups that a template wrote, anywhere in the tree. */
void confine_labels(struct arena *arena, struct node *tree);
bool confine_is_cluster_kind(const char *kind);

#endif
