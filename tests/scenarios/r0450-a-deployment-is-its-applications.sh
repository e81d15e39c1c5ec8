#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What an application made of itself is not taken from under it: its deployment cannot be
# deleted alone. A set that is its own no more, and a work's name that is taken on one
# spoke, are told as what they are, at once.
. "$(dirname "$0")/lib.sh"
find_kubectl

start_hub
start_spoke s1
make_project lab acme
workload() {
    apply >/dev/null <<YAML
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: $1, namespace: lab}
spec: {profileBundleRef: {name: idle}, environmentRef: {name: here}}
YAML
}
apply >/dev/null <<'YAML'
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: here, namespace: lab}
spec: {topology: {properties: {placement: {clusterSets: [default]}}}}
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
YAML
workload w
wait_for -n lab aiworkloads/w .status.phase Running
work() { object -n s1 manifestworks/lab.w-idle | jq -r .metadata.uid; }
before=$(work)

# Its deployment stays as long as it does, the whole list as well.
expect_refused 'it is the AIWorkload "w"'"'"'s, whose works would be removed from every spoke' \
    kubectl delete workloaddeployment w-idle -n lab
expect_refused 'delete the AIWorkload if that is meant' kubectl delete workloaddeployments --all -n lab
expect "the work" "$(work)" "$before"

# Who takes the owner from its set takes the set: that is told without another touch.
owner=$(object -n lab manifestworkreplicasets/w-idle | jq -c '.metadata.ownerReferences')
kubectl patch manifestworkreplicaset w-idle -n lab --type=merge -p '{"metadata":{"ownerReferences":null}}' >/dev/null
distributed='.status.conditions[] | select(.type == "Distributed") | .reason'
wait_for -n lab aiworkloads/w "$distributed" NameTaken
kubectl patch manifestworkreplicaset w-idle -n lab --type=merge \
    -p "{\"metadata\":{\"ownerReferences\":$owner}}" >/dev/null
wait_for -n lab aiworkloads/w .status.phase Running
expect "the work after that" "$(work)" "$before"

# Somebody's work has the name on a spoke: the message says so, and speaks of no turn.
apply >/dev/null <<'YAML'
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: lab.x-idle, namespace: s1}
spec: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: mine, namespace: default}}]}}
YAML
workload x
wait_for -n lab aiworkloads/x "$distributed" NameTaken
wait_for -n lab aiworkloads/x .status.message "s1: a ManifestWork of another owner has its name there"
kubectl delete manifestwork lab.x-idle -n s1 >/dev/null
wait_for -n lab aiworkloads/x .status.phase Running

# With the application its deployment goes.
kubectl delete aiworkload w x -n lab >/dev/null
wait_gone -n lab workloaddeployments/w-idle
wait_gone -n s1 manifestworks/lab.w-idle
