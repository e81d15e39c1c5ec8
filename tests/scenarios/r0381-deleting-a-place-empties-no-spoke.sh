#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An Environment, a pool or a Placement that is in use is deleted: it waits and says for
# whom, or what runs stays as it was and the status says what is gone. By force, too.
. "$(dirname "$0")/lib.sh"
find_kubectl

start_hub
start_spoke edge-1
make_project lab acme
environments() {
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: here, namespace: lab}
spec: {topology: {properties: {placement: {clusterSets: [default]}}}}
---
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: mine, namespace: lab}
spec: {topology: {type: topology-ocm-byop, properties: {placementRef: {name: mine}}}}
---
apiVersion: cluster.open-cluster-management.io/v1beta1
kind: Placement
metadata: {name: mine, namespace: lab}
spec: {clusterSets: [default], tolerations: [{operator: Exists}]}
YAML
}
environments
apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: idle, namespace: lab}
spec: {components: [{name: idle, type: worker, properties: {command: [sleep, "1000"]}}]}
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: idle, namespace: lab}
spec: {workloadProfileRefs: [{name: idle}]}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: w, namespace: lab}
spec: {profileBundleRef: {name: idle}, environmentRef: {name: here}}
YAML
wait_for -n lab aiworkloads/w .status.phase Running
work() { object -n edge-1 manifestworks/lab.w-idle | jq -r '.metadata.uid + " " + (.metadata.generation | tostring)'; }
sees_some() { [ -n "$(kubectl get "$1" -n lab -o name)" ]; }
says() { object -n lab aiworkloads/w | jq -r ".status.conditions[] | select(.type == \"$1\") | .status + \" \" + .reason"; }
before=$(work)

# It waits, says for whom, and all goes on.
kubectl delete environment here -n lab --wait=false >/dev/null
wait_for -n lab environments/here .status.phase Deleting
expect_contains "what it says" "$(object -n lab environments/here | jq -r .status.message)" \
    'used by AIWorkload "w"'
expect_event here InUse
expect "the phase" "$(object -n lab aiworkloads/w | jq -r .status.phase)" Running
expect "the work" "$(work)" "$before"

# Whoever takes the finalizer away takes nothing from the spoke.
kubectl patch environment here -n lab --type=merge -p '{"metadata":{"finalizers":null}}' >/dev/null
wait_gone -n lab environments/here
wait_gone -n lab placements/here
wait_for -n lab aiworkloads/w .status.phase Failed
expect "Placed" "$(says Placed)" "False EnvironmentNotFound"
expect "Available" "$(says Available)" "True Available"
expect "the work" "$(work)" "$before"
crash hub
start_hub
expect "the work after a restart" "$(work)" "$before"
environments
wait_for -n lab aiworkloads/w .status.phase Running
expect "the work with the Environment made again" "$(work)" "$before"

# A Placement of one's own.
kubectl patch aiworkload w -n lab --type=merge -p '{"spec":{"environmentRef":{"name":"mine"}}}' >/dev/null
wait_for -n lab workloaddeployments/w-idle .spec.environmentRef.name mine
wait_for -n lab aiworkloads/w .status.phase Running
before=$(work)
kubectl delete placement mine -n lab >/dev/null
wait_for -n lab aiworkloads/w .status.phase Failed
expect "Placed" "$(says Placed)" "False PlacementNotFound"
expect "the work without its Placement" "$(work)" "$before"
environments
wait_for -n lab aiworkloads/w .status.phase Running
for kind in placementdecisions managedclustersetbindings; do
    kubectl delete "$kind" --all -n lab >/dev/null
    expect "the work without $kind" "$(work)" "$before"
    until_true 10 sees_some "$kind" || fail "$kind were not made again"
done
expect "the phase" "$(object -n lab aiworkloads/w | jq -r .status.phase)" Running

# An Environment that nobody uses any more goes by itself.
kubectl delete environment mine -n lab --wait=false >/dev/null
wait_for -n lab environments/mine .status.phase Deleting
kubectl delete aiworkload w -n lab >/dev/null
wait_gone -n lab environments/mine
