/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_KIND_IDS_H
#define CONTROLLERS_KIND_IDS_H

/* Private to controllers: the kinds that they deal in, by number. */
enum kind_id {
    KIND_ID_NAMESPACE,
    KIND_ID_SECRET,
    KIND_ID_CONFIG_MAP,
    KIND_ID_LEASE,
    KIND_ID_CSR,
    KIND_ID_TENANT,
    KIND_ID_PROJECT,
    KIND_ID_SETTINGS,
    KIND_ID_VARIABLE_SET,
    KIND_ID_PROFILE,
    KIND_ID_COMPONENT,
    KIND_ID_TRAIT,
    KIND_ID_BUNDLE,
    KIND_ID_REVISION,
    KIND_ID_JOIN_TOKEN,
    KIND_ID_POOL,
    KIND_ID_ENVIRONMENT,
    KIND_ID_AIWORKLOAD,
    KIND_ID_DEPLOYMENT,
    KIND_ID_WORKLOAD,
    KIND_ID_CLUSTER,
    KIND_ID_CLUSTER_SET,
    KIND_ID_BINDING,
    KIND_ID_PLACEMENT,
    KIND_ID_DECISION,
    KIND_ID_SCORE,
    KIND_ID_WORK,
    KIND_ID_REPLICA_SET,
    KIND_ID_CLUSTER_ROLE,
    KIND_ID_CLUSTER_ROLE_BINDING,
    KIND_ID_ROLE_BINDING,
    KIND_ID_ACCOUNT,
    KIND_ID_COUNT,
};

/* What each is called; kind_ids.c. */
extern const struct kind_id_row {
    const char *group, *plural, *api_version, *kind;
} kind_id_rows[KIND_ID_COUNT];

#endif
