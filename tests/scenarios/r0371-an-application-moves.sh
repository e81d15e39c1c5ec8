#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 200
# An AIWorkload that is given another Environment, and an Environment that is given
# another Placement: the new places first, and then nothing is left in the old ones.
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
make_project red-one red
# environment NAME ZONE
environment() {
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: $1, namespace: red-one}
spec:
  topology:
    type: topology-ocm
    properties:
      placement: {clusterSets: [default], predicates: [{requiredClusterSelector: {labelSelector: {matchLabels: {zone: $2}}}}]}
YAML
}
# byop PLACEMENT
byop() {
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: own, namespace: red-one}
spec: {topology: {type: topology-ocm-byop, properties: {placementRef: {name: $1}}}}
YAML
}
# in_environment NAME
in_environment() {
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: idle, namespace: red-one}
spec: {profileBundleRef: {name: idle}, environmentRef: {name: $1}}
YAML
}
# runs_on N SPOKE…
runs_on() {
    local count=$1 spoke
    shift
    for spoke in s1 s2 s3; do
        case " $* " in
        *" $spoke "*) wait_for -n $spoke workloads/idle-idle .status.phase Running ;;
        *) wait_gone -n $spoke manifestworks/red-one.idle-idle ;;
        esac
    done
    wait_for -n red-one aiworkloads/idle .status.ready "$count/$count"
    wait_for -n red-one aiworkloads/idle .status.phase Running
    wait_for -n red-one workloaddeployments/idle-idle \
        '.status.conditions[] | select(.type == "Distributed") | .message' "$count of $count spokes have it"
}

environment ea a
environment eb b
apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: idle, namespace: red-one}
spec: {components: [{name: idle, type: worker, properties: {command: [sleep, "1000"]}}]}
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: idle, namespace: red-one}
spec: {workloadProfileRefs: [{name: idle}]}
YAML
in_environment ea
runs_on 1 s1
in_environment eb
runs_on 2 s2 s3
byop ea
in_environment own
runs_on 1 s1
byop eb
runs_on 2 s2 s3

# Nothing is left behind while the new place has nothing yet.
crash s1
in_environment ea
wait_for -n red-one manifestworkreplicasets/idle-idle \
    '.status.conditions[] | select(.type == "PlacementRolledOut") | .message | test("s2, which is not chosen any more, keeps it until s1 has it")' true
expect "s2 runs on" "$(object -n s2 manifestworks/red-one.idle-idle | jq -r .metadata.deletionTimestamp)" null
start_spoke s1
runs_on 1 s1
