#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A spoke that says again and again that it has only just begun is not waited for longer
# than progressDeadline.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke s1
crash s1
apply <<YAML >/dev/null
apiVersion: v1
kind: Namespace
metadata: {name: mw}
---
apiVersion: cluster.open-cluster-management.io/v1beta2
kind: ManagedClusterSetBinding
metadata: {name: global, namespace: mw}
spec: {clusterSet: global}
---
apiVersion: cluster.open-cluster-management.io/v1beta1
kind: Placement
metadata: {name: all, namespace: mw}
spec: {clusterSets: [global]}
---
apiVersion: work.open-cluster-management.io/v1alpha1
kind: ManifestWorkReplicaSet
metadata: {name: set1, namespace: mw}
spec:
  placementRefs:
  - name: all
    rolloutStrategy: {type: Progressive, progressive: {maxConcurrency: 1, progressDeadline: 3s, maxFailures: 1}}
  manifestWorkTemplate: {workload: {manifests: [
    {apiVersion: v1, kind: ConfigMap, metadata: {name: cm1, namespace: default}, data: {a: "1"}}]}}
YAML
wait_for -n s1 manifestworks/mw.set1 .metadata.generation 1
path=$(path_of -n s1 manifestworks/mw.set1)/status
# As the spoke's own key says it.
begins_now() {
    local now
    now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    curl -sS --max-time 30 -X PATCH --cacert "$TEST_DIR/certificate-authority.pem" \
        --cert "$TEST_DIR/s1/spoke/pki/client.crt" --key "$TEST_DIR/s1/spoke/pki/client.key" \
        -H 'Content-Type: application/merge-patch+json' "$SERVER$path" -o "$TEST_DIR/said" -d '{"status":{"conditions":[
        {"type":"Applied","status":"True","reason":"A","message":"","observedGeneration":1,"lastTransitionTime":"'"$now"'"},
        {"type":"Progressing","status":"True","reason":"A","message":"","observedGeneration":1,"lastTransitionTime":"'"$now"'"}]}}'
    object -n mw manifestworkreplicasets/set1 | jq -e '.status.conditions[] |
        select(.type == "PlacementRolledOut") | .message | test("not done within progressDeadline")' >/dev/null
}
until_true 20 begins_now || fail "it is waited for as long as it says"
