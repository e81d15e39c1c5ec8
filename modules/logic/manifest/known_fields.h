/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MANIFEST_KNOWN_FIELDS_H
#define MANIFEST_KNOWN_FIELDS_H

struct node;
struct manifest_why;

/*
 * Private to manifest: which fields of Kubernetes' kinds are understood here.
 * What is in no table is refused by its name, unless it is null or false and
 * so asks for nothing. docs/LOCAL-CLUSTER.md tells what they do.
 */
enum fields {
    FIELDS_DEPLOYMENT,
    FIELDS_STRATEGY,
    FIELDS_STATEFUL,
    FIELDS_UPDATE,
    FIELDS_JOB,
    FIELDS_POD,
    FIELDS_POD_SECURITY,
    FIELDS_CONTAINER,
    FIELDS_SECURITY,
    FIELDS_LIFECYCLE,
    FIELDS_HOOK,
    FIELDS_PROBE,
    FIELDS_MOUNT,
    FIELDS_VOLUME,
    FIELDS_EMPTY,
    FIELDS_HOST,
    FIELDS_FILES,
    FIELDS_DOWNWARD,
    FIELDS_SOURCES,
    FIELDS_PROJECTED,
    FIELDS_CLAIM,
    FIELDS_CLAIM_REF,
    FIELDS_PORT,
    FIELDS_SERVICE,
    FIELDS_COUNT
};
int fields_check(const struct node *map, enum fields fields, const char *path,
                 struct manifest_why *why);

#endif
