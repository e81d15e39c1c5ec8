#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A ManifestWorkReplicaSet whose NAMESPACE.NAME is longer than a label may be is rolled
# out, says so, and goes when it is deleted.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke s1
name=a-set-with-a-name-that-is-by-itself-as-long-as-a-label-may-be-63
apply <<YAML >/dev/null
apiVersion: v1
kind: Namespace
metadata: {name: mw}
---
apiVersion: cluster.open-cluster-management.io/v1beta2
kind: ManagedClusterSetBinding
metadata: {name: global, namespace: mw}
spec: {clusterSet: global}
---
apiVersion: cluster.open-cluster-management.io/v1beta1
kind: Placement
metadata: {name: all, namespace: mw}
spec: {clusterSets: [global]}
---
apiVersion: work.open-cluster-management.io/v1alpha1
kind: ManifestWorkReplicaSet
metadata: {name: $name, namespace: mw}
spec:
  placementRefs: [{name: all}]
  manifestWorkTemplate:
    workload:
      manifests:
      - {apiVersion: v1, kind: ConfigMap, metadata: {name: cm1, namespace: default}, data: {a: "1"}}
YAML
wait_for -n mw manifestworkreplicasets/$name \
    '.status.conditions[] | select(.type == "PlacementRolledOut") | .message' "1 of 1 clusters have it"
expect "the delete" "$(status_of DELETE "$(path_of -n mw manifestworkreplicasets/$name)")" 200
wait_gone -n mw manifestworkreplicasets/$name
wait_gone -n s1 manifestworks/mw.$name
