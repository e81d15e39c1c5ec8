#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A pool names a spoke before there is one: its token waits in a Secret, work
# for the pool waits too, and runs as soon as the machine has joined.
# limit: 240
. "$(dirname "$0")/lib.sh"

start_hub
make_project lab acme
apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: ComputePool
metadata: {name: rack, namespace: lab}
spec: {spokes: [node-7]}
YAML
wait_for -n lab -t 60 computepools/rack .status.phase PendingJoin
expect "who is awaited" "$(object -n lab computepools/rack | jq -c '.status.expected[0] | [.name, .phase, .secret]')" \
    '["node-7","PendingJoin","rack-node-7-join"]'

kubectl apply -n lab -f - <<'YAML' >/dev/null
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: beat}
spec:
  type: Application
  components:
  - {name: heart, type: worker, properties: {command: [sleep, "100000"], stopSeconds: 0}}
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: beat}
spec: {type: Application, workloadProfileRefs: [{name: beat}]}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: life}
spec: {profileBundleRef: {name: beat}, computePoolRef: {name: rack}}
YAML
wait_for -n lab -t 60 aiworkloads/life .status.phase Placing

kubectl get secret -n lab rack-node-7-join -o jsonpath='{.data.token}' | base64 -d >"$TEST_DIR/node-7.token"
mkdir -p "$TEST_DIR/node-7/spoke"
start_spoke node-7
wait_for -n lab -t 60 computepools/rack .status.phase Ready
wait_for -n lab -t 120 aiworkloads/life .status.phase Running
# Not before: with its token the spoke fetches its certificate.
wait_gone -n lab secrets/rack-node-7-join
