/* SPDX-License-Identifier: Apache-2.0 */
/* Names the kinds that controllers deal in, and the controllers themselves. */
#include "controllers/controller.h"

#include "meta/meta.h"

/* clang-format off */
const struct which_row which_rows[WHICH_COUNT] = {
    [NAMESPACE]    = { "", "namespaces", "v1", "Namespace" },
    [SECRET]       = { "", "secrets", "v1", "Secret" },
    [CONFIG_MAP]   = { "", "configmaps", "v1", "ConfigMap" },
    [LEASE]        = { META_GROUP_COORDINATION, "leases", META_API_COORDINATION, "Lease" },
    [CSR]          = { META_GROUP_CERTIFICATES, "certificatesigningrequests", META_API_CERTIFICATES, "CertificateSigningRequest" },
    [TENANT]       = { META_GROUP_AXLE, "tenants", META_API_AXLE, "Tenant" },
    [PROJECT]      = { META_GROUP_AXLE, "projects", META_API_AXLE, "Project" },
    [SETTINGS]     = { META_GROUP_AXLE, "settings", META_API_AXLE, "Settings" },
    [VARIABLE_SET] = { META_GROUP_AXLE, "variablesets", META_API_AXLE, "VariableSet" },
    [PROFILE]      = { META_GROUP_AXLE, "workloadprofiles", META_API_AXLE, "WorkloadProfile" },
    [COMPONENT]    = { META_GROUP_AXLE, "componentdefinitions", META_API_AXLE, "ComponentDefinition" },
    [TRAIT]        = { META_GROUP_AXLE, "traitdefinitions", META_API_AXLE, "TraitDefinition" },
    [BUNDLE]       = { META_GROUP_AXLE, "profilebundles", META_API_AXLE, "ProfileBundle" },
    [REVISION]     = { META_GROUP_AXLE, "definitionrevisions", META_API_AXLE, "DefinitionRevision" },
    [JOIN_TOKEN]   = { META_GROUP_AXLE, "jointokens", META_API_AXLE, "JoinToken" },
    [POOL]         = { META_GROUP_AXLE, "computepools", META_API_AXLE, "ComputePool" },
    [ENVIRONMENT]  = { META_GROUP_AXLE, "environments", META_API_AXLE, "Environment" },
    [AIWORKLOAD]   = { META_GROUP_AXLE, "aiworkloads", META_API_AXLE, "AIWorkload" },
    [DEPLOYMENT]   = { META_GROUP_AXLE, "workloaddeployments", META_API_AXLE, "WorkloadDeployment" },
    [WORKLOAD]     = { META_GROUP_AXLE, "workloads", META_API_AXLE, "Workload" },
    [CLUSTER]      = { META_GROUP_CLUSTER, "managedclusters", META_API_CLUSTER, "ManagedCluster" },
    [CLUSTER_SET]  = { META_GROUP_CLUSTER, "managedclustersets", META_API_CLUSTER_V1BETA2, "ManagedClusterSet" },
    [BINDING]      = { META_GROUP_CLUSTER, "managedclustersetbindings", META_API_CLUSTER_V1BETA2, "ManagedClusterSetBinding" },
    [PLACEMENT]    = { META_GROUP_CLUSTER, "placements", META_API_CLUSTER_V1BETA1, "Placement" },
    [DECISION]     = { META_GROUP_CLUSTER, "placementdecisions", META_API_CLUSTER_V1BETA1, "PlacementDecision" },
    [SCORE]        = { META_GROUP_CLUSTER, "addonplacementscores", META_API_CLUSTER_V1ALPHA1, "AddOnPlacementScore" },
    [WORK]         = { META_GROUP_WORK, "manifestworks", META_API_WORK, "ManifestWork" },
    [CLUSTER_ROLE] = { META_GROUP_RBAC, "clusterroles", META_API_RBAC, "ClusterRole" },
    [CLUSTER_ROLE_BINDING] = { META_GROUP_RBAC, "clusterrolebindings", META_API_RBAC, "ClusterRoleBinding" },
    [ROLE_BINDING] = { META_GROUP_RBAC, "rolebindings", META_API_RBAC, "RoleBinding" },
    [ACCOUNT]      = { "", "serviceaccounts", "v1", "ServiceAccount" },
    [REPLICA_SET]  = { META_GROUP_WORK, "manifestworkreplicasets", META_API_WORK_V1ALPHA1, "ManifestWorkReplicaSet" },
};

const struct controller *const controller_table[] = {
    &controller_tenant,     &controller_project,
    &controller_pool,       &controller_environment,
    &controller_component_revision, &controller_trait_revision,
    &controller_profile_revision, &controller_bundle_revision,
    &controller_retention,
    &controller_aiworkload, &controller_deployment,
    &controller_placement,  &controller_replicaset,
    &controller_managedcluster, &controller_clusterset, &controller_binding,
    &controller_liveness,   &controller_csr, &controller_token,
    &controller_sweep,      &controller_aggregation, &controller_account,
    &controller_ttl,
};
/* clang-format on */
const size_t controller_count = count_of(controller_table);
