/* SPDX-License-Identifier: Apache-2.0 */
/* Names the kinds that controllers deal in, and the controllers themselves. */
#include "controllers/controller.h"

#define AXLE "axle.dev"
#define AXLE_V "axle.dev/v1alpha1"
#define OCM "cluster.open-cluster-management.io"
#define WORKS "work.open-cluster-management.io"
#define RBAC "rbac.authorization.k8s.io"

/* clang-format off */
const struct which_row which_rows[WHICH_COUNT] = {
    [NAMESPACE]    = { "", "namespaces", "v1", "Namespace" },
    [SECRET]       = { "", "secrets", "v1", "Secret" },
    [CONFIG_MAP]   = { "", "configmaps", "v1", "ConfigMap" },
    [LEASE]        = { "coordination.k8s.io", "leases", "coordination.k8s.io/v1", "Lease" },
    [CSR]          = { "certificates.k8s.io", "certificatesigningrequests", "certificates.k8s.io/v1", "CertificateSigningRequest" },
    [TENANT]       = { AXLE, "tenants", AXLE_V, "Tenant" },
    [PROJECT]      = { AXLE, "projects", AXLE_V, "Project" },
    [SETTINGS]     = { AXLE, "settings", AXLE_V, "Settings" },
    [VARIABLE_SET] = { AXLE, "variablesets", AXLE_V, "VariableSet" },
    [PROFILE]      = { AXLE, "workloadprofiles", AXLE_V, "WorkloadProfile" },
    [COMPONENT]    = { AXLE, "componentdefinitions", AXLE_V, "ComponentDefinition" },
    [TRAIT]        = { AXLE, "traitdefinitions", AXLE_V, "TraitDefinition" },
    [BUNDLE]       = { AXLE, "profilebundles", AXLE_V, "ProfileBundle" },
    [REVISION]     = { AXLE, "definitionrevisions", AXLE_V, "DefinitionRevision" },
    [JOIN_TOKEN]   = { AXLE, "jointokens", AXLE_V, "JoinToken" },
    [POOL]         = { AXLE, "computepools", AXLE_V, "ComputePool" },
    [ENVIRONMENT]  = { AXLE, "environments", AXLE_V, "Environment" },
    [AIWORKLOAD]   = { AXLE, "aiworkloads", AXLE_V, "AIWorkload" },
    [DEPLOYMENT]   = { AXLE, "workloaddeployments", AXLE_V, "WorkloadDeployment" },
    [WORKLOAD]     = { AXLE, "workloads", AXLE_V, "Workload" },
    [CLUSTER]      = { OCM, "managedclusters", OCM "/v1", "ManagedCluster" },
    [CLUSTER_SET]  = { OCM, "managedclustersets", OCM "/v1beta2", "ManagedClusterSet" },
    [BINDING]      = { OCM, "managedclustersetbindings", OCM "/v1beta2", "ManagedClusterSetBinding" },
    [PLACEMENT]    = { OCM, "placements", OCM "/v1beta1", "Placement" },
    [DECISION]     = { OCM, "placementdecisions", OCM "/v1beta1", "PlacementDecision" },
    [SCORE]        = { OCM, "addonplacementscores", OCM "/v1alpha1", "AddOnPlacementScore" },
    [WORK]         = { WORKS, "manifestworks", WORKS "/v1", "ManifestWork" },
    [CLUSTER_ROLE] = { RBAC, "clusterroles", RBAC "/v1", "ClusterRole" },
    [CLUSTER_ROLE_BINDING] = { RBAC, "clusterrolebindings", RBAC "/v1", "ClusterRoleBinding" },
    [ROLE_BINDING] = { RBAC, "rolebindings", RBAC "/v1", "RoleBinding" },
    [ACCOUNT]      = { "", "serviceaccounts", "v1", "ServiceAccount" },
    [REPLICA_SET]  = { WORKS, "manifestworkreplicasets", WORKS "/v1alpha1", "ManifestWorkReplicaSet" },
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
    &controller_ttl,        &controller_event_expiry,
};
/* clang-format on */
const size_t controller_count = count_of(controller_table);
