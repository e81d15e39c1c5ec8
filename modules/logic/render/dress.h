/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RENDER_DRESS_H
#define RENDER_DRESS_H

#include "render/render.h"

/* What every object of a component gets: name, namespace, labels, selector. */
struct dress {
    const struct render_input *input;
    const char *component; /* its name in the profile */
    const char *name;      /* AIWORKLOAD-COMPONENT */
    int64_t phase;         /* deploymentPriority; 0: none */
};

/* The labels alone, as a map. */
struct node *dress_labels(struct arena *arena, const struct dress *dress);
/* Completes one manifest in place. ERR_INVALID: it is no object we can send. */
int dress_manifest(struct arena *arena, const struct dress *dress,
                   struct node *manifest, struct err *err) MUST_CHECK;

#endif
