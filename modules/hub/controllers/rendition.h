/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_RENDITION_H
#define CONTROLLERS_RENDITION_H

#include "controllers/pass.h"

struct rendition_input {
    const struct node *deployment;    /* WorkloadDeployment */
    const char *tenant, *namespace;   /* target namespace */
    const struct node *cluster_kinds; /* spec.clusterScopedKinds of the Project */
};
struct rendition {
    struct node *facts;   /* {reference, digest, contentDigest, layer, revision,
                             secretRefs, secretNames, madeSecrets, variableSets,
                             generation} as status.artifact */
    const char *inputs;   /* hash of all that went in */
    char *shared;         /* the same without the names of who renders */
    uint64_t cost;        /* in units of base/meter.h; 0: not rendered now */
    const char *gone;     /* what was deleted since and is kept; NULL: nothing */
    struct node *failure; /* {inputs, version, message}, kept in the status so
                             that the same is not tried again; NULL: none */
};

/*
 * The artifact of a deployment, in the registry. Renders only if something that
 * goes in has changed, and keeps the old artifact if what comes out has not.
 * ERR_NOT_FOUND: its profile's revision is not there; ERR_INVALID: the user's
 * mistake.
 */
int rendition_make(struct reconcile_run *run, const struct rendition_input *input,
                   struct rendition *ret, struct err *err) MUST_CHECK;
/* Adds the rendered manifests, and the project's Secrets that they name, for this
   namespace of a spoke. */
int rendition_manifests(struct reconcile_run *run, const char *namespace,
                        const struct rendition *artifact, struct node *into,
                        struct err *err) MUST_CHECK;
/* Forgets the repository of the deployment in hand, if the hub has kept it. */
void rendition_drop(struct reconcile_run *run, const struct node *deployment);

#endif
