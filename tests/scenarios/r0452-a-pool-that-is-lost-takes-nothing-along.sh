#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A pool that chooses its spokes by labels is taken away by force while it is in use, in a
# project that reaches the same spokes by another set, too: what runs stays, over a
# restart, and goes with the pool's decision or the user's.
. "$(dirname "$0")/lib.sh"
find_kubectl

start_hub
start_spoke s1
start_spoke s2
kubectl label managedcluster s1 zone=b >/dev/null
make_project lab acme "clusterSets: [global]"
pool() {
    apply >/dev/null <<YAML
apiVersion: axle.dev/v1alpha1
kind: ComputePool
metadata: {name: byo, namespace: lab}
spec: {clusterSelector: {matchLabels: {zone: $1}}}
YAML
}
pool b
apply >/dev/null <<'YAML'
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: all, namespace: lab}
spec: {topology: {properties: {placement: {clusterSets: [global], predicates: [{requiredClusterSelector: {labelSelector: {matchLabels: {zone: a}}}}]}}}}
---
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
spec: {profileBundleRef: {name: idle}, environmentRef: {name: byo}}
YAML
wait_for -n lab aiworkloads/w .status.phase Running
work() { object -n "$1" manifestworks/lab.w-idle | jq -r '.metadata.uid // "none"'; }
before=$(work s1)

kubectl delete computepool byo -n lab --wait=false >/dev/null
wait_for -n lab computepools/byo .status.phase Deleting
kubectl patch computepool byo -n lab --type=merge -p '{"metadata":{"finalizers":null}}' >/dev/null
wait_gone -n lab computepools/byo
wait_gone -n lab managedclustersetbindings/lab.byo
expect "the work" "$(work s1)" "$before"
crash hub
start_hub
wait_for -n lab placements/byo '.status.conditions[] | select(.type == "PlacementSatisfied") | .reason' NoIntersection
expect "the work after a restart" "$(work s1)" "$before"

# A change of the labels is a decision; so is another place.
kubectl label managedcluster s1 zone=c --overwrite >/dev/null
wait_gone -n s1 manifestworks/lab.w-idle
kubectl label managedcluster s2 zone=a >/dev/null
kubectl patch aiworkload w -n lab --type=merge -p '{"spec":{"environmentRef":{"name":"all"}}}' >/dev/null
wait_for -n lab aiworkloads/w '.status.phase + " " + .status.ready' "Running 1/1"
[ "$(work s2)" != none ] || fail "it did not move"
