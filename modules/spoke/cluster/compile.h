/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_COMPILE_H
#define CLUSTER_COMPILE_H

#include "cluster/local.h"

/*
 * Private to cluster: from a pod template to a pod of the runtime. refuse.c
 * says what cannot be, source.c reads ConfigMaps and Secrets, env.c makes the
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
int source_missing(const struct source *source, const char *space, struct local_why *why);
/* The value of a key as bytes; false: it has none. */
bool source_value(const struct source *source, const char *key, struct text *ret);

/* ---- refuse.c ------------------------------------------------------------------- */

/* A limit as a number, in thousandths if `milli`; 0: there is none. */
int refuse_quantity(const struct node *limits, const char *name, const char *path, int64_t *ret,
                    bool milli, struct local_why *why);

/* A path below a volume that must stay below it. */
int refuse_sub_path(const char *volume, const char *sub, struct local_why *why);

/* Whether a part of it is "..". */
bool refuse_climbs(const char *path);

/* ---- rights.c ------------------------------------------------------------------- */

#define RIGHTS_GROUPS 32
/* A securityContext, of a pod or of a container. */
int rights_check(const struct cluster *cluster, const struct node *context, const char *path,
                 struct local_why *why);
/* Both together: what a container does not say is said by its pod. */
int rights_check_both(const struct node *pod, const struct node *own, const char *path,
                      struct local_why *why);
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
int env_resolve(struct env *env, struct local_why *why);
/* $(NAME) of what was set before; $$(NAME) is $(NAME); unknown ones stay. */
char *env_expand(struct env *env, const char *text);
/* The value of a fieldRef; NULL: there is no such field here. */
const char *env_field(const struct local_pod *pod, struct arena *arena, const char *path);

/* The value of a resourceFieldRef, in units of its divisor, rounded up. */
const char *env_resource(struct arena *arena, const struct node *container,
                         const struct node *ref);

/* Whether containers of such a pod run from their images. */
bool compile_has_engine(const struct cluster *cluster, const struct node *pod_spec);

#endif
