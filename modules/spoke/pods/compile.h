/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PODS_COMPILE_H
#define PODS_COMPILE_H

#include "pods/pod.h"

/*
 * Private to pods: from a pod template to a pod of the runtime. Documents in,
 * documents out, but for the ports that pod_ports.c takes.
 */

/* ---- place.c: a namespace of a project, on this machine's disk ------------------------ */

struct places *places_open(const char *folder);
void places_free(struct places **places);
void places_keep_again(struct places *places);
const char *places_name(struct places *places, const char *project, const char *namespace);
/* A number of its own below PLACES_MOST, for the user of its processes. */
int places_number(struct places *places, const char *place);
#define PLACES_MOST 60000
/* A name of at most 110 letters: longer ones end in a hash. */
char *places_file(struct places *places, struct arena *arena, const char *project,
                  const char *namespace, const char *name);

/* ---- source.c: ConfigMaps and Secrets --------------------------------------------------- */

struct source {
    const char *kind, *name, *key;
    bool optional;
    const struct node *object; /* NULL: it is not there */
};
bool source_find(const struct pods *pods, const struct pods_viewer *viewer, const char *kind,
                 const struct node *ref, struct source *ret);
/* "waits for ..."; always -1. */
int source_missing(const struct source *source, const char *namespace, struct manifest_why *why);
/* The value of a key as bytes; false: it has none. */
bool source_value(const struct source *source, const char *key, struct text *ret);

/* ---- pod_ports.c --------------------------------------------------------------------------- */

/* Takes the ports that it declares, or says why one is not to be had. */
int ports_take(struct pod *pod, struct manifest_why *why);
/* A probe or hook with numbers for named ports. */
struct node *ports_resolve_probe(const struct pod_container *container, const struct node *spec,
                                 struct arena *arena);

/* ---- shared_claim.c ---------------------------------------------------------------- */

/* Whether its claim is there, and may be mounted beside the other pods that have it. */
int shared_claim_check(struct pod *pod, const struct node *volume, struct manifest_why *why);
/* The claim's folder; a StatefulSet's own claims are named for the pod. */
char *shared_claim_folder(const struct pod *pod, struct arena *arena, const struct node *volume);

/* ---- env.c ------------------------------------------------------------------------------ */

struct env {
    struct arena *arena;
    struct pod *pod;
    const struct node *container;
    struct node *values; /* map: the last of equal names wins */
};
int env_resolve(struct env *env, struct manifest_why *why);
/* $(NAME) of what was set before; $$(NAME) is $(NAME); unknown ones stay. */
char *env_expand(struct env *env, const char *text);
/* The value of a fieldRef; NULL: there is no such field here. */
const char *env_field(const struct pod *pod, struct arena *arena, const char *path);
/* The value of a resourceFieldRef, in units of its divisor, rounded up. */
const char *env_resource(struct arena *arena, const struct node *container, const struct node *ref);

/* ---- volume_files.c ---------------------------------------------------------------- */

/* The files of a "files" volume; NULL if it is none. */
struct node *compile_files(struct pod *pod, const struct node *volume, struct arena *arena,
                           struct manifest_why *why);

/* ---- compile_pod.c -------------------------------------------------------------------------- */

/* A pod of `runtime`; NULL with a reason such as MissingConfigMap. */
struct node *compile_pod(struct pod *pod, struct arena *arena, struct manifest_why *why);
/* Lines of its hosts file: its own name, hostAliases, then names of Services. */
struct node *compile_hosts(const struct pod *pod, struct arena *arena, const struct node *names);

#endif
