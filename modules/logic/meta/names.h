/* SPDX-License-Identifier: Apache-2.0 */
#ifndef META_NAMES_H
#define META_NAMES_H

/*
 * The strings that others read too, each typed once: API groups and versions, keys
 * of labels, annotations and taints, finalizers, condition types, media types.
 *
 * They are macros so that a table can begin with one and a path can be put together
 * of them: "/apis/" META_API_CLUSTER "/managedclusters". `tests/strings.sh` fails
 * where the value of one is typed elsewhere under modules/.
 */

// clang-format off

/* ---- API groups, and the apiVersion of the kinds in them ---- */

#define META_GROUP_AXLE           "axle.dev"
#define META_GROUP_CLUSTER        "cluster.open-cluster-management.io"
#define META_GROUP_WORK           "work.open-cluster-management.io"
#define META_GROUP_ADDON          "addon.open-cluster-management.io"
#define META_GROUP_RBAC           "rbac.authorization.k8s.io"
#define META_GROUP_AUTHENTICATION "authentication.k8s.io"
#define META_GROUP_AUTHORIZATION  "authorization.k8s.io"
#define META_GROUP_CERTIFICATES   "certificates.k8s.io"
#define META_GROUP_COORDINATION   "coordination.k8s.io"
#define META_GROUP_EVENTS         "events.k8s.io"
/* Groups of Open Cluster Management are this one, or end with "." and it. */
#define META_GROUP_OCM            "open-cluster-management.io"
#define META_GROUP_META           "meta.k8s.io" /* of options and lists, which are not stored */

#define META_API_AXLE            META_GROUP_AXLE "/v1alpha1"
#define META_API_CLUSTER         META_GROUP_CLUSTER "/v1"
#define META_API_CLUSTER_V1BETA1 META_GROUP_CLUSTER "/v1beta1" /* Placement, PlacementDecision */
#define META_API_CLUSTER_V1BETA2 META_GROUP_CLUSTER "/v1beta2" /* sets and their bindings */
#define META_API_CLUSTER_V1ALPHA1 META_GROUP_CLUSTER "/v1alpha1" /* AddOnPlacementScore */
#define META_API_WORK            META_GROUP_WORK "/v1"
#define META_API_WORK_V1ALPHA1   META_GROUP_WORK "/v1alpha1" /* ManifestWorkReplicaSet */
#define META_API_RBAC            META_GROUP_RBAC "/v1"
#define META_API_AUTHENTICATION  META_GROUP_AUTHENTICATION "/v1"
#define META_API_AUTHORIZATION   META_GROUP_AUTHORIZATION "/v1"
#define META_API_CERTIFICATES    META_GROUP_CERTIFICATES "/v1"
#define META_API_COORDINATION    META_GROUP_COORDINATION "/v1"
#define META_API_META            META_GROUP_META "/v1"

/* ---- Labels ---- */

/* What an object was made for: on what a project owns, on works and on pods. */
#define META_LABEL_TENANT     META_GROUP_AXLE "/tenant"
#define META_LABEL_PROJECT    META_GROUP_AXLE "/project"
#define META_LABEL_AIWORKLOAD META_GROUP_AXLE "/aiworkload"
#define META_LABEL_DEPLOYMENT META_GROUP_AXLE "/workload-deployment"
#define META_LABEL_COMPONENT  META_GROUP_AXLE "/component"
#define META_LABEL_REVISION   META_GROUP_AXLE "/revision"
#define META_LABEL_DEFINITION META_GROUP_AXLE "/definition" /* of a DefinitionRevision */
/* Kind and name of the object that a namespace belongs to. */
#define META_LABEL_OWNER_KIND META_GROUP_AXLE "/owner-kind"
#define META_LABEL_OWNER      META_GROUP_AXLE "/owner"
#define META_LABEL_MADE_BY    META_GROUP_AXLE "/made-by" /* "project", "pool", "binding", … */
#define META_LABEL_POOL       META_GROUP_AXLE "/pool"
#define META_LABEL_SPOKE      META_GROUP_AXLE "/spoke"
#define META_LABEL_REMOVED_SPOKE META_GROUP_AXLE "/removed-spoke" /* what is kept of it */
/* On the containers that the engine driver makes. */
#define META_LABEL_POD        META_GROUP_AXLE "/pod"
#define META_LABEL_CONTAINER  META_GROUP_AXLE "/container"
#define META_LABEL_RUN        META_GROUP_AXLE "/run"
#define META_LABEL_CRASHES    META_GROUP_AXLE "/crashes"

#define META_LABEL_CLUSTER_NAME "open-cluster-management.io/cluster-name" /* of a spoke's CSR */
#define META_LABEL_CLUSTERSET META_GROUP_CLUSTER "/clusterset"
#define META_LABEL_PLACEMENT  META_GROUP_CLUSTER "/placement" /* of a PlacementDecision */
#define META_LABEL_DECISION_GROUP_INDEX META_GROUP_CLUSTER "/decision-group-index"
#define META_LABEL_DECISION_GROUP_NAME META_GROUP_CLUSTER "/decision-group-name"
#define META_LABEL_REPLICASET META_GROUP_WORK "/manifestworkreplicaset" /* NAMESPACE.NAME */
#define META_LABEL_PLACEMENT_NAME META_GROUP_WORK "/placementname" /* of a work of a set */

#define META_LABEL_NAMESPACE_NAME "kubernetes.io/metadata.name"
#define META_LABEL_BOOTSTRAPPING "kubernetes.io/bootstrapping"
#define META_LABEL_JOB_NAME "batch.kubernetes.io/job-name"
#define META_LABEL_JOB_INDEX "batch.kubernetes.io/job-completion-index"
#define META_LABEL_POD_NAME "statefulset.kubernetes.io/pod-name"
#define META_LABEL_POD_INDEX "apps.kubernetes.io/pod-index"

/* ---- Annotations ---- */

#define META_ANNOTATION_PHASE    META_GROUP_AXLE "/phase"    /* of a manifest: when it is applied */
#define META_ANNOTATION_WORKLOAD META_GROUP_AXLE "/workload" /* of a replica set: its Workload */
#define META_ANNOTATION_LOST     META_GROUP_AXLE "/lost"     /* of a cluster: it is gone */
#define META_ANNOTATION_ADDRESSES META_GROUP_AXLE "/addresses" /* of a cluster: its own hosts */
/* Hex SHA-256 of the public keys that may speak for a cluster, newest first, at most two. */
#define META_ANNOTATION_CLIENT_KEYS META_GROUP_AXLE "/client-keys"
/* Hex SHA-256 of the public key of a machine that is joining. */
#define META_ANNOTATION_JOIN_KEY META_GROUP_AXLE "/join-key"
#define META_ANNOTATION_JOIN_TOKEN META_GROUP_AXLE "/join-token" /* that it was created with */
#define META_ANNOTATION_INSTANCE META_GROUP_AXLE "/instance" /* of a lease: which agent renews it */
#define META_ANNOTATION_CONFIRMED_EPOCH META_GROUP_AXLE "/confirmed-epoch"
#define META_ANNOTATION_OWN_CLUSTER META_GROUP_AXLE "/own-cluster" /* of a bookmark: own_cluster.c */
#define META_ANNOTATION_RENEWED_EVERY_BEFORE META_GROUP_AXLE "/renewed-every-before"
#define META_ANNOTATION_REVISED_AT META_GROUP_AXLE "/revised-at" /* of a work: its last change */
#define META_ANNOTATION_DONE_AT  META_GROUP_AXLE "/done-at" /* of a work: when that was done */
#define META_ANNOTATION_ACCEPTED_ON "open-cluster-management.io/automatically-accepted-on"
#define META_ANNOTATION_SCHEDULING_DISABLE META_GROUP_CLUSTER "/experimental-scheduling-disable"
#define META_ANNOTATION_AUTOUPDATE "rbac.authorization.kubernetes.io/autoupdate"
#define META_ANNOTATION_LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

/* Of the set of a pool: NAMESPACE/POOL, whole, because the set's name may be hashed. */
#define META_ANNOTATION_OWNER    META_LABEL_OWNER
#define META_ANNOTATION_MADE_BY  META_LABEL_MADE_BY /* of a JoinToken */

/* ---- Taints of a ManagedCluster ---- */

#define META_TAINT_PREFIX      META_GROUP_CLUSTER "/"
#define META_TAINT_UNAVAILABLE META_TAINT_PREFIX "unavailable"
#define META_TAINT_UNREACHABLE META_TAINT_PREFIX "unreachable"
#define META_TAINT_PENDING     META_GROUP_AXLE "/pending-join"

/* ---- Finalizers ---- */

#define META_FINALIZER_WORK       META_GROUP_CLUSTER "/manifest-work-cleanup" /* of a work */
#define META_FINALIZER_REPLICASET META_GROUP_WORK "/manifest-work-cleanup"    /* of a replica set */
#define META_FINALIZER_CLUSTER    META_GROUP_CLUSTER "/api-resource-cleanup"  /* of a cluster */
#define META_FINALIZER_DRAIN      META_GROUP_AXLE "/drain" /* of what is emptied before it goes */
#define META_FINALIZER_FOREGROUND "foregroundDeletion" /* of what waits for its dependents */
#define META_FINALIZER_ORPHAN     "orphan"             /* of what leaves them */

/* ---- Condition types ---- */

#define META_CONDITION_CLUSTER_ACCEPTED  "HubAcceptedManagedCluster"
#define META_CONDITION_CLUSTER_JOINED    "ManagedClusterJoined"
#define META_CONDITION_CLUSTER_AVAILABLE "ManagedClusterConditionAvailable"
#define META_CONDITION_LEAVE_REQUESTED   "LeaveRequested" /* by a spoke, of its ManagedCluster */

/* ---- Spokes as users, their signer and their lease ---- */

#define META_USER_AGENT     "system:open-cluster-management:" /* and CLUSTER:AGENT */
#define META_USERS_CLUSTERS "system:open-cluster-management:managed-clusters" /* all of them */
#define META_LEASE_CLUSTER  "managed-cluster-lease" /* in the namespace of the cluster */
#define META_SIGNER_CLIENT  "kubernetes.io/kube-apiserver-client"

/* ---- Media types of patches ---- */

#define META_PATCH_MERGE     "application/merge-patch+json"
#define META_PATCH_JSON      "application/json-patch+json"
#define META_PATCH_STRATEGIC "application/strategic-merge-patch+json"
#define META_PATCH_APPLY     "application/apply-patch+yaml"

// clang-format on

#endif
