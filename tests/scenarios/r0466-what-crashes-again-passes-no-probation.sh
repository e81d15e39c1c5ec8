#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A process that crashes is well for a moment after each restart. minSuccessTime begins anew
# with each, so that the next spoke does not get the version.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
start_spoke edge-2
apply >/dev/null <<YAML
{apiVersion: axle.dev/v1alpha1, kind: Tenant, metadata: {name: t}, spec: {clusterSets: [global]}}
---
{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: lab}, spec: {tenant: t}}
---
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: slow, namespace: lab}
spec:
  topology:
    type: topology-ocm
    properties:
      placement: {clusterSets: [global]}
      manifestWorkReplicaSet:
        rolloutStrategy: {type: Progressive, progressive: {maxConcurrency: 1, minSuccessTime: 5s, maxFailures: 0}}
---
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: crash, namespace: lab}
spec: {components: [{name: main, type: worker, properties: {command: [sh, -c, "sleep 0.7; exit 1"]}}]}
---
{apiVersion: axle.dev/v1alpha1, kind: ProfileBundle, metadata: {name: crash, namespace: lab}, spec: {workloadProfileRefs: [{name: crash}]}}
---
{apiVersion: axle.dev/v1alpha1, kind: AIWorkload, metadata: {name: crash, namespace: lab}, spec: {profileBundleRef: {name: crash}, environmentRef: {name: slow}}}
YAML
wait_for -n edge-1 workloads/crash-crash .status.restarts 2
wait_for -n edge-1 workloads/crash-crash .status.phase Degraded
expect "the next spoke has nothing of it" "$(kubectl get manifestworks -n edge-2 -o name)" ""
