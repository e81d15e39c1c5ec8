/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_KIND_IDS_H
#define CONTROLLERS_KIND_IDS_H

/* Private to controllers: the kinds that they deal in, by number. */
enum which {
    NAMESPACE, SECRET, CONFIG_MAP, LEASE, CSR,
    TENANT, PROJECT, SETTINGS, VARIABLE_SET, PROFILE, COMPONENT, TRAIT, BUNDLE,
    REVISION, JOIN_TOKEN, POOL, ENVIRONMENT, AIWORKLOAD, DEPLOYMENT, WORKLOAD,
    CLUSTER, CLUSTER_SET, BINDING, PLACEMENT, DECISION, SCORE,
    WORK, REPLICA_SET,
    CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE_BINDING, ACCOUNT,
    WHICH_COUNT,
};

/* What each is called; kind_ids.c. */
extern const struct which_row {
    const char *group, *plural, *api_version, *kind;
} which_rows[WHICH_COUNT];

#endif
