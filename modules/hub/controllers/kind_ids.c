/* SPDX-License-Identifier: Apache-2.0 */
/* Names the kinds that controllers deal in. */
#include "controllers/kind_ids.h"

#include "meta/meta.h"

/* clang-format off */
const struct kind_id_row kind_id_rows[KIND_ID_COUNT] = {
    [KIND_ID_NAMESPACE]    = { "", "namespaces", "v1", "Namespace" },
    [KIND_ID_SECRET]       = { "", "secrets", "v1", "Secret" },
    [KIND_ID_CONFIG_MAP]   = { "", "configmaps", "v1", "ConfigMap" },
    [KIND_ID_LEASE]        = { META_GROUP_COORDINATION, "leases", META_API_COORDINATION, "Lease" },
    [KIND_ID_CSR]          = { META_GROUP_CERTIFICATES, "certificatesigningrequests", META_API_CERTIFICATES, "CertificateSigningRequest" },
    [KIND_ID_TENANT]       = { META_GROUP_AXLE, "tenants", META_API_AXLE, "Tenant" },
    [KIND_ID_PROJECT]      = { META_GROUP_AXLE, "projects", META_API_AXLE, "Project" },
    [KIND_ID_SETTINGS]     = { META_GROUP_AXLE, "settings", META_API_AXLE, "Settings" },
    [KIND_ID_VARIABLE_SET] = { META_GROUP_AXLE, "variablesets", META_API_AXLE, "VariableSet" },
    [KIND_ID_PROFILE]      = { META_GROUP_AXLE, "workloadprofiles", META_API_AXLE, "WorkloadProfile" },
    [KIND_ID_COMPONENT]    = { META_GROUP_AXLE, "componentdefinitions", META_API_AXLE, "ComponentDefinition" },
    [KIND_ID_TRAIT]        = { META_GROUP_AXLE, "traitdefinitions", META_API_AXLE, "TraitDefinition" },
    [KIND_ID_BUNDLE]       = { META_GROUP_AXLE, "profilebundles", META_API_AXLE, "ProfileBundle" },
    [KIND_ID_REVISION]     = { META_GROUP_AXLE, "definitionrevisions", META_API_AXLE, "DefinitionRevision" },
    [KIND_ID_JOIN_TOKEN]   = { META_GROUP_AXLE, "jointokens", META_API_AXLE, "JoinToken" },
    [KIND_ID_POOL]         = { META_GROUP_AXLE, "computepools", META_API_AXLE, "ComputePool" },
    [KIND_ID_ENVIRONMENT]  = { META_GROUP_AXLE, "environments", META_API_AXLE, "Environment" },
    [KIND_ID_AIWORKLOAD]   = { META_GROUP_AXLE, "aiworkloads", META_API_AXLE, "AIWorkload" },
    [KIND_ID_DEPLOYMENT]   = { META_GROUP_AXLE, "workloaddeployments", META_API_AXLE, "WorkloadDeployment" },
    [KIND_ID_WORKLOAD]     = { META_GROUP_AXLE, "workloads", META_API_AXLE, "Workload" },
    [KIND_ID_CLUSTER]      = { META_GROUP_CLUSTER, "managedclusters", META_API_CLUSTER, "ManagedCluster" },
    [KIND_ID_CLUSTER_SET]  = { META_GROUP_CLUSTER, "managedclustersets", META_API_CLUSTER_V1BETA2, "ManagedClusterSet" },
    [KIND_ID_BINDING]      = { META_GROUP_CLUSTER, "managedclustersetbindings", META_API_CLUSTER_V1BETA2, "ManagedClusterSetBinding" },
    [KIND_ID_PLACEMENT]    = { META_GROUP_CLUSTER, "placements", META_API_CLUSTER_V1BETA1, "Placement" },
    [KIND_ID_DECISION]     = { META_GROUP_CLUSTER, "placementdecisions", META_API_CLUSTER_V1BETA1, "PlacementDecision" },
    [KIND_ID_SCORE]        = { META_GROUP_CLUSTER, "addonplacementscores", META_API_CLUSTER_V1ALPHA1, "AddOnPlacementScore" },
    [KIND_ID_WORK]         = { META_GROUP_WORK, "manifestworks", META_API_WORK, "ManifestWork" },
    [KIND_ID_CLUSTER_ROLE] = { META_GROUP_RBAC, "clusterroles", META_API_RBAC, "ClusterRole" },
    [KIND_ID_CLUSTER_ROLE_BINDING] = { META_GROUP_RBAC, "clusterrolebindings", META_API_RBAC, "ClusterRoleBinding" },
    [KIND_ID_ROLE_BINDING] = { META_GROUP_RBAC, "rolebindings", META_API_RBAC, "RoleBinding" },
    [KIND_ID_ACCOUNT]      = { "", "serviceaccounts", "v1", "ServiceAccount" },
    [KIND_ID_REPLICA_SET]  = { META_GROUP_WORK, "manifestworkreplicasets", META_API_WORK_V1ALPHA1, "ManifestWorkReplicaSet" },
};
/* clang-format on */
