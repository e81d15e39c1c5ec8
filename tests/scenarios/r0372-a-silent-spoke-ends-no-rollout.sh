#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 200
# A spoke that is away in its turn counts as failed after progressDeadline, and the
# rollout goes on as maxFailures says; status names it; it follows when it is back.
. "$(dirname "$0")/lib.sh"

start_hub
for spoke in s1 s2 s3; do
    start_spoke $spoke
done
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
# set_of VALUE
set_of() {
    apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1alpha1
kind: ManifestWorkReplicaSet
metadata: {name: set1, namespace: mw}
spec:
  placementRefs:
  - name: all
    rolloutStrategy: {type: Progressive, progressive: {maxConcurrency: 1, progressDeadline: 3s, maxFailures: 1}}
  manifestWorkTemplate:
    workload:
      manifests:
      - {apiVersion: v1, kind: ConfigMap, metadata: {name: cm1, namespace: default}, data: {a: "$1"}}
YAML
}
message='.status.conditions[] | select(.type == "PlacementRolledOut") | .message'
value='.spec.workload.manifests[0].data.a'

set_of 1
wait_for -n mw manifestworkreplicasets/set1 "$message" "3 of 3 clusters have it"
crash s2
set_of 2
wait_for -n s2 manifestworks/mw.set1 "$value" 2
wait_for -n mw manifestworkreplicasets/set1 "$message | test(\"s2 received it .*, it counts as failed at \")" true
expect "s3 waits" "$(object -n s3 manifestworks/mw.set1 | jq -r "$value")" 1
wait_for -n s3 manifestworks/mw.set1 "$value" 2
wait_for -n mw manifestworkreplicasets/set1 "$message" \
    "2 of 3 clusters have it; s2 was not done within progressDeadline"

# A newer version in mid-rollout takes the place of the one under way.
set_of 3
wait_for -n s2 manifestworks/mw.set1 "$value" 3
wait_for -n s3 manifestworks/mw.set1 "$value" 3
start_spoke s2
wait_for -n mw manifestworkreplicasets/set1 "$message" "3 of 3 clusters have it"
