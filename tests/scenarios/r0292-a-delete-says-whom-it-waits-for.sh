#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An AIWorkload that is deleted while its spoke is away says which spoke still has it,
# and how one that is gone for good is taken away.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
make_project red-one red
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
---
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: here, namespace: red-one}
spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [default]}}}}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: idle, namespace: red-one}
spec: {profileBundleRef: {name: idle}, environmentRef: {name: here}}
YAML
wait_for -n red-one aiworkloads/idle .status.phase Running
stop edge-1
expect "the delete" "$(status_of DELETE "$(path_of -n red-one aiworkloads/idle)")" 200
wait_for -n red-one aiworkloads/idle .status.phase Deleting
expect_contains "what it says" "$(object -n red-one aiworkloads/idle | jq -r .status.message)" \
    "waiting for 1 spoke to remove it: edge-1; an administrator removes a machine that will not come back"
start_spoke edge-1
wait_gone -n red-one aiworkloads/idle
