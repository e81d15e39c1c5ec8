/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RENDER_COMPONENT_META_H
#define RENDER_COMPONENT_META_H

#include "render/render.h"

/* What every object of a component gets: name, namespace, labels, selector. */
struct component_meta {
    const struct render_input *input;
    const char *component; /* its name in the profile */
    const char *name;      /* AIWORKLOAD-COMPONENT */
    int64_t phase;         /* deploymentPriority; 0: none */
};

/* The labels alone, as a map. */
struct node *component_meta_labels(struct arena *arena, const struct component_meta *meta);
/* Completes one manifest in place. ERR_INVALID: it is no object we can send. */
int component_meta_apply(struct arena *arena, const struct component_meta *meta,
                         struct node *manifest, struct err *err) MUST_CHECK;

#endif
