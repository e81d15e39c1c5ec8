/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RENDER_H
#define RENDER_H

#include "base/err.h"
#include "base/mem.h"

#include <stdbool.h>
#include <stddef.h>

struct meter;
struct node;

/*
 * Profile and values to manifests, and manifests to an OCI artifact.
 *
 * A WorkloadProfile names components by type; a ComponentDefinition turns the
 * properties of one into manifests, a TraitDefinition adds to them. Properties
 * are filled in first (`{{ .var.x }}`), then checked against the definition's
 * schema, then handed to its template. Same arguments, same bytes: rendering
 * again without a change gives the same digest.
 *
 * A rendered `kind: Secret` never enters the artifact; it comes back apart.
 * `${spoke.NAME}` is left for the spoke, and so is any other `$`.
 *
 * Errors are the user's: they name the component, the line and the value.
 * Knows no store, clock or network. Everything lives in the arena given.
 */

/* ---- Variables ----------------------------------------------------------- */

/*
 * The map NAME → value that templates see as `.var`. `declared` is a list of
 * {name, type, default or value, locked, required}, weakest first (profile,
 * tenant, project, bundle): a later one of the same name overrides the value
 * unless an earlier one is locked; the type is the first one's. `values` is what the user said;
 * names that are not declared are passed over (render_variables_unknown).
 */
struct node *render_variables(struct arena *arena, const struct node *declared,
                              const struct node *values, struct err *err) MUST_CHECK;
/* The first name in `values` that nothing declares; NULL if all are known. */
const char *render_variables_unknown(const struct node *declared, const struct node *values);

/* ---- Manifests ----------------------------------------------------------- */

struct render_input {
    const struct node *profile;     /* spec of a WorkloadProfile */
    const struct node *definitions; /* list of definitions; the first wins */
    const struct node *variables;   /* from render_variables */
    const char *tenant, *project;
    const char *aiworkload;           /* prefix of the objects' names */
    bool apart;                       /* names as of render_name_apart() */
    const char *deployment;           /* WorkloadDeployment */
    const char *namespace;            /* target namespace on the spoke */
    struct meter *meter;              /* pays for it all; NULL: METER_ANSWER */
    const struct node *cluster_kinds; /* without a namespace, but allowed; or NULL */
};

struct render_result {
    struct node *manifests; /* list, in order of components */
    struct node *secrets;   /* list of rendered Secrets, lifted out */
};

/* ERR_INVALID: what the user must change; also when it takes too much. */
int render_manifests(struct arena *arena, const struct render_input *input,
                     struct render_result *ret, struct err *err) MUST_CHECK;

/* What will not work on a spoke as it is meant, with the way out; NULL: nothing. The
   manifests are good all the same: on a Kubernetes cluster it may work. */
char *render_advice(struct arena *arena, const struct node *manifests);

/* Why the spec of a definition can render nothing: its schema or the line of a template that
   does not parse. NULL: both can be read. */
char *render_definition_trouble(struct arena *arena, const char *name, const struct node *spec);

/* The definitions compiled in, as a list; made anew in the arena. */
struct node *render_builtin(struct arena *arena, struct err *err) MUST_CHECK;

/* Letters of a WorkloadDeployment's and an applied object's name. */
#define RENDER_NAME 52

/* `PREFIX-NAME`; over `most` letters the first part and 8 hex of a hash. */
char *render_name(struct arena *arena, const char *prefix, const char *name, size_t most);
/* The same for where that name is another's: `PREFIX-NAME-` and 8 hex of a hash that
   tells PREFIX from NAME. */
char *render_name_apart(struct arena *arena, const char *prefix, const char *name, size_t most);
/* The text, or if it is over `most` its first part and 8 hex of a hash. */
char *render_fit(struct arena *arena, const char *text, size_t most);
/* A label value of at most 63 bytes: the text, or cut and hashed. */
char *render_label(struct arena *arena, const char *text);

/* ---- Artifact ------------------------------------------------------------ */

#define RENDER_CONFIG "application/vnd.cncf.flux.config.v1+json"
#define RENDER_LAYER "application/vnd.cncf.flux.content.v1.tar+gzip"
#define RENDER_MANIFEST "application/vnd.oci.image.manifest.v1+json"

struct render_blob {
    const char *digest; /* "sha256:…" of the bytes */
    const char *bytes;
    size_t len;
};
/* An OCI artifact in Flux's form. */
struct render_bundle {
    struct render_blob manifest, config, layer;
    const char *content; /* digest of the uncompressed tar: the identity */
};
/* `source` becomes an annotation. ERR_TOO_LARGE: a file over 1 MiB. */
int render_bundle(struct arena *arena, const struct node *manifests, const char *source,
                  struct render_bundle *ret, struct err *err) MUST_CHECK;
/* The other way: the manifests in a layer, in their order. For the spoke. */
struct node *render_unbundle(struct arena *arena, const void *layer, size_t len,
                             struct err *err) MUST_CHECK;

#endif
