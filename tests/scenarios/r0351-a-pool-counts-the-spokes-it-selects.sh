#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A pool with a clusterSelector counts the spokes that it chooses, from the moment on
# that they have the labels; one that awaits a spoke is not Ready.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
make_project lab acme
apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: ComputePool
metadata: {name: fast, namespace: lab}
spec: {clusterSelector: {matchLabels: {disk: nvme}}}
---
apiVersion: axle.dev/v1alpha1
kind: ComputePool
metadata: {name: rack, namespace: lab}
spec: {spokes: [node-7]}
YAML
counts='[.status.spokes, .status.readySpokes] | @csv'
wait_for -n lab computepools/fast "$counts" 0,0
kubectl label managedcluster edge-1 disk=nvme >/dev/null
wait_for -n lab computepools/fast "$counts" 1,1
kubectl label managedcluster edge-1 disk- >/dev/null
wait_for -n lab computepools/fast "$counts" 0,0
wait_for -n lab computepools/rack '.status.conditions[0] | [.status, .reason, .observedGeneration] | @csv' \
    '"False","PendingJoin",1'
