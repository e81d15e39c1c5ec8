/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_COMPILE_H
#define CLUSTER_COMPILE_H

#include "cluster/local.h"

/*
 * Private to cluster: from a pod template to a pod of the runtime. source.c reads ConfigMaps and Secrets, env.c makes the
 * environment, compile.c puts it together.
 */

/* ---- source.c ------------------------------------------------------------------ */

struct source {
    const char *kind, *name, *key;
    bool optional;
    const struct node *object;
};
bool source_find(const struct cluster *cluster, struct local_viewer viewer, const char *space,
                 const char *kind, const struct node *ref, struct source *ret);
/* "waits for ..."; always -1. */
int source_missing(const struct source *source, const char *space, struct manifest_why *why);
/* The value of a key as bytes; false: it has none. */
bool source_value(const struct source *source, const char *key, struct text *ret);

/* ---- rights.c ------------------------------------------------------------------- */

/* Privileges and capabilities of a container, for the runtime. */
void rights_compile(struct arena *arena, const struct node *pod, const struct node *own,
                    struct node *ret);

/* ---- env.c ------------------------------------------------------------------------- */

struct env {
    struct arena *arena;
    struct local_pod *pod;
    const struct node *container;
    struct node *values; /* map: the last of equal names wins */
};
int env_resolve(struct env *env, struct manifest_why *why);
/* $(NAME) of what was set before; $$(NAME) is $(NAME); unknown ones stay. */
char *env_expand(struct env *env, const char *text);
/* The value of a fieldRef; NULL: there is no such field here. */
const char *env_field(const struct local_pod *pod, struct arena *arena, const char *path);

/* The value of a resourceFieldRef, in units of its divisor, rounded up. */
const char *env_resource(struct arena *arena, const struct node *container,
                         const struct node *ref);

#endif
