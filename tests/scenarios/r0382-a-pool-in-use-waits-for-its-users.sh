#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A pool whose spokes run something is deleted: it waits, says for whom, and nothing
# stops; it goes with its last user. Nor do a VariableSet or a Secret that is deleted
# change what runs.
. "$(dirname "$0")/lib.sh"
find_kubectl

start_hub
make_project lab acme
sets() {
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: VariableSet
metadata: {name: site, namespace: lab}
spec: {variables: [{name: seconds, type: int, default: 2000}]}
YAML
}
sets
apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: ComputePool
metadata: {name: gpu, namespace: lab}
spec: {variant: Shared}
---
apiVersion: v1
kind: Secret
metadata: {name: key, namespace: lab}
stringData: {a: b}
---
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: idle, namespace: lab}
spec:
  variables: [{name: seconds, type: int, default: 1000}]
  components:
  - name: idle
    type: worker
    properties:
      command: [sleep, "{{ .var.seconds }}"]
      env: [{name: A, valueFrom: {secretKeyRef: {name: key, key: a}}}]
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: idle, namespace: lab}
spec: {workloadProfileRefs: [{name: idle}]}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: w, namespace: lab}
spec: {profileBundleRef: {name: idle}, computePoolRef: {name: gpu}}
YAML
wait_for -n lab computepools/gpu .status.phase Ready
token_create --pool lab/gpu >"$TEST_DIR/edge-1.token"
mkdir -p "$TEST_DIR/edge-1/spoke"
start_spoke edge-1
wait_for -n lab aiworkloads/w .status.phase Running
work() { object -n edge-1 manifestworks/lab.w-idle | jq -r '.metadata.uid + " " + (.metadata.generation | tostring)'; }
before=$(work)

kubectl delete computepool gpu -n lab --wait=false >/dev/null
wait_for -n lab computepools/gpu .status.phase Deleting
expect_contains "what it says" "$(object -n lab computepools/gpu | jq -r .status.message)" \
    'used by AIWorkload "w"'
expect_event gpu InUse
kubectl delete environment gpu -n lab --wait=false >/dev/null
kubectl delete secret key -n lab >/dev/null
wait_for -n lab aiworkloads/w '.status.conditions[] | select(.type == "Rendered") | .message | test("Secret \"key\" is deleted")' true
expect "the work" "$(work)" "$before"
expect "the phase" "$(object -n lab aiworkloads/w | jq -r .status.phase)" Running
kubectl delete variableset site -n lab >/dev/null
wait_for -n lab aiworkloads/w '.status.conditions[] | select(.type == "Rendered") | .message | test("VariableSet \"site\" is deleted")' true
expect "the work" "$(work)" "$before"
sets
wait_for -n lab aiworkloads/w .status.phase Running
expect "the work" "$(work)" "$before"
if kubectl delete managedclusterset lab.gpu >"$TEST_DIR/refused" 2>&1; then
    fail "the set of a pool that is in use was deleted"
fi
expect_contains "the refusal" "$(cat "$TEST_DIR/refused")" 'the project "lab" places applications on it'

kubectl delete aiworkload w -n lab >/dev/null
wait_gone -n lab computepools/gpu
wait_gone -n lab environments/gpu
expect "whose its spoke is" "$(object managedclusters/edge-1 |
    jq -r '.metadata.labels["cluster.open-cluster-management.io/clusterset"]')" axle-released
