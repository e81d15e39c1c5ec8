#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A ManifestWorkReplicaSet whose label must be hashed follows its works and can be
# deleted; a pool whose join Secret's name was taken takes it when it is free.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
make_project mw acme

# --------------------------------------------- NAMESPACE.NAME has 64 letters

long=$(printf 'b%.0s' {1..61})
apply <<YAML >/dev/null
apiVersion: cluster.open-cluster-management.io/v1beta1
kind: Placement
metadata: {name: p1, namespace: mw}
spec: {clusterSets: [default]}
---
apiVersion: work.open-cluster-management.io/v1alpha1
kind: ManifestWorkReplicaSet
metadata: {name: $long, namespace: mw}
spec:
  placementRefs: [{name: p1}]
  manifestWorkTemplate: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: mine, namespace: default}, data: {a: "1"}}]}}
YAML
wait_for -n mw "manifestworkreplicasets/$long" .status.summary.available 1
expect "the delete" "$(status_of DELETE "$(path_of -n mw "manifestworkreplicasets/$long")")" 200
wait_gone -n mw "manifestworkreplicasets/$long"

# ------------------------------------------------- a name that becomes free

apply <<YAML >/dev/null
apiVersion: v1
kind: Secret
metadata: {name: one-box-join, namespace: mw}
data: {password: aGk=}
---
apiVersion: axle.dev/v1alpha1
kind: ComputePool
metadata: {name: one, namespace: mw}
spec: {variant: Shared, spokes: [box]}
YAML
wait_for -n mw computepools/one '.status.expected[0].phase' Failed
expect "the delete" "$(status_of DELETE "$(path_of -n mw secrets/one-box-join)")" 200
wait_for -n mw computepools/one '.status.expected[0].phase' PendingJoin
