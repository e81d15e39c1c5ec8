#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An option or a label that is taken out of a ManifestWorkReplicaSet goes from its works,
# even if their manifests stay as they are: an executor that spokes refuse, Orphan.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke s1
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
YAML
# set_of LABELS OPTIONS
set_of() {
    apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1alpha1
kind: ManifestWorkReplicaSet
metadata: {name: set1, namespace: mw, labels: {$1}}
spec:
  placementRefs: [{name: all}]
  manifestWorkTemplate: {$2 workload: {manifests: [
    {apiVersion: v1, kind: ConfigMap, metadata: {name: cm1, namespace: default}, data: {a: "1"}}]}}
YAML
}
rolled_out='.status.conditions[] | select(.type == "PlacementRolledOut") | .status'
work() { object -n s1 manifestworks/mw.set1 | jq -c "$1"; }

set_of 'team: red' 'deleteOption: {propagationPolicy: Orphan},
    executor: {subject: {type: ServiceAccount, serviceAccount: {name: a, namespace: b}}},'
wait_for -n s1 manifestworks/mw.set1 '.status.conditions[] | select(.type == "Degraded") | .reason' \
    ExecutorNotSupported
expect "updated" "$(object -n mw manifestworkreplicasets/set1 | jq .status.summary.applied)" 0

set_of 'team: red' 'deleteOption: {propagationPolicy: Orphan},'
wait_for -n mw manifestworkreplicasets/set1 "$rolled_out" True
expect "the executor" "$(work .spec.executor)" null
expect "the other option" "$(work .spec.deleteOption.propagationPolicy)" '"Orphan"'

# What an administrator adds to a work is not the set's to take away, and holds nothing up.
expect "one of one's own" "$(status_of PATCH "$(path_of -n s1 manifestworks/mw.set1)" \
    -H 'Content-Type: application/merge-patch+json' -d '{"metadata":{"labels":{"mine":"yes"}}}')" 200
set_of '' ''
wait_for -n s1 manifestworks/mw.set1 .spec.deleteOption null
wait_for -n s1 manifestworks/mw.set1 '.metadata.labels | [.team, .mine] | @csv' ',"yes"'
wait_for -n mw manifestworkreplicasets/set1 "$rolled_out" True
