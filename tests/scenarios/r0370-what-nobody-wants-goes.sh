#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 200
# Whatever takes a place away from a ManifestWorkReplicaSet, its work there goes, after
# the new places have theirs; and clusters that two placementRefs share count once.
. "$(dirname "$0")/lib.sh"

start_hub
for spoke in s1 s2 s3; do
    start_spoke $spoke
done
zone() {
    expect "a label" "$(status_of PATCH "/apis/cluster.open-cluster-management.io/v1/managedclusters/$1" \
        -H 'Content-Type: application/merge-patch+json' \
        -d "{\"metadata\":{\"labels\":{\"zone\":\"$2\"}}}")" 200
}
zone s1 a
zone s2 b
zone s3 b

apply <<YAML >/dev/null
apiVersion: v1
kind: Namespace
metadata: {name: mw}
---
apiVersion: cluster.open-cluster-management.io/v1beta2
kind: ManagedClusterSetBinding
metadata: {name: global, namespace: mw}
spec: {clusterSet: global}
YAML
# placement NAME ZONES
placement() {
    apply <<YAML >/dev/null
apiVersion: cluster.open-cluster-management.io/v1beta1
kind: Placement
metadata: {name: $1, namespace: mw}
spec:
  clusterSets: [global]
  predicates: [{requiredClusterSelector: {labelSelector: {matchExpressions: [{key: zone, operator: In, values: [$2]}]}}}]
YAML
}
# set_of REFS [VALUE]
set_of() {
    apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1alpha1
kind: ManifestWorkReplicaSet
metadata: {name: set1, namespace: mw}
spec:
  placementRefs: [$1]
  manifestWorkTemplate:
    workload:
      manifests:
      - apiVersion: v1
        kind: ConfigMap
        metadata: {name: cm1, namespace: default}
        data: {a: "${2:-1}"}
YAML
}
rolled_out='.status.conditions[] | select(.type == "PlacementRolledOut")'
# is_on WORDS SPOKE…: the set is done, on these and no others.
is_on() {
    local words=$1 spoke
    shift
    wait_for -n mw manifestworkreplicasets/set1 "$rolled_out | .message" "$words"
    wait_for -n mw manifestworkreplicasets/set1 "$rolled_out | .status" True
    for spoke in s1 s2 s3; do
        case " $* " in
        *" $spoke "*) wait_for -n $spoke manifestworks/mw.set1 .metadata.name mw.set1 ;;
        *) wait_gone -n $spoke manifestworks/mw.set1 ;;
        esac
    done
}

placement p1 a
placement p2 b
placement all3 a,b
set_of '{name: p1}'
is_on "1 of 1 clusters have it" s1

# Another Placement.
set_of '{name: p2}'
is_on "2 of 2 clusters have it" s2 s3

# Two that share clusters: each counts once, for the first that chooses it.
set_of '{name: p2}, {name: all3}' 2
is_on "p2: 2 of 2 clusters have it; all3: 1 of 1 clusters have it" s1 s2 s3
summary() { object -n mw manifestworkreplicasets/set1 | jq -c "$1"; }
wait_for -n mw manifestworkreplicasets/set1 .status.summary.available 3
expect "the sum" "$(summary '[.status.summary | .total, .desiredTotal, .updated, .applied]')" "[3,3,3,3]"
expect "the rows" "$(summary '[.status.placementSummary[] | .name, .summary.desiredTotal]')" \
    '["p2",2,"all3",1]'
expect "whose it is" "$(object -n s2 manifestworks/mw.set1 |
    jq -r '.metadata.labels["work.open-cluster-management.io/placementname"]')" p2

# One of them less; the other has all then, and nothing is made anew.
uid=$(object -n s2 manifestworks/mw.set1 | jq -r .metadata.uid)
set_of '{name: all3}' 2
is_on "3 of 3 clusters have it" s1 s2 s3
wait_for -n s2 manifestworks/mw.set1 '.metadata.labels["work.open-cluster-management.io/placementname"]' all3
expect "the work" "$(object -n s2 manifestworks/mw.set1 | jq -r .metadata.uid)" "$uid"
set_of '{name: p2}' 2
is_on "2 of 2 clusters have it" s2 s3

# What the Placement chooses, or how a cluster is labelled.
placement p2 a
is_on "1 of 1 clusters have it" s1
zone s3 a
is_on "2 of 2 clusters have it" s1 s3

# A Placement that is not there is no order to take anything away.
set_of '{name: nowhere}' 2
wait_for -n mw manifestworkreplicasets/set1 '.status.conditions[0].reason' PlacementDecisionNotFound
expect "s1 keeps it" "$(object -n s1 manifestworks/mw.set1 | jq -r .metadata.deletionTimestamp)" null
set_of '{name: p1}' 2
is_on "2 of 2 clusters have it" s1 s3

expect "that goes" "$(status_of DELETE "$(path_of -n mw placements/p1)")" 200
wait_for -n mw manifestworkreplicasets/set1 "$rolled_out | .message" \
    'there is no Placement "p1"; 2 works stay as they are'
expect "s3 keeps it" "$(object -n s3 manifestworks/mw.set1 | jq -r .metadata.deletionTimestamp)" null

# The set itself: what a silent spoke has goes when it is back.
stop s3
expect "the delete" "$(status_of DELETE "$(path_of -n mw manifestworkreplicasets/set1)")" 200
wait_gone -n s1 manifestworks/mw.set1
wait_for -n mw manifestworkreplicasets/set1 "$rolled_out | .message" \
    "it is being deleted; 1 cluster must still remove it: s3"
start_spoke s3
wait_gone -n mw manifestworkreplicasets/set1
