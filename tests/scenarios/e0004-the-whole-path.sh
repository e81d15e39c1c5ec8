#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From `kubectl apply` to text read from an image, on two spokes of their own,
# and back: status, endpoints, Events; a change of a variable; nothing left.
. "$(dirname "$0")/lib.sh"

command -v tesseract >/dev/null || skip "tesseract-ocr is not installed"
start_hub
start_spoke edge-1
start_spoke edge-2

make_project research acme "clusterSets: [global]"
sed 's/^  name: ocr$/&\n  namespace: research/' "$repo/assets/catalogue/ocr.yaml" | apply >/dev/null
workload() {
    apply <<YAML
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: everywhere, namespace: research}
spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: receipts, namespace: research}
spec:
  profileBundleRef: {name: ocr}
  environmentRef: {name: everywhere}
  variables: {language: $1}
YAML
}
workload eng >/dev/null
wait_for -n research aiworkloads/receipts .status.phase Running
wait_for -n research aiworkloads/receipts .status.ready 2/2

# A real answer from each of the two.
make_image "AXLE READS 2026" "$TEST_DIR/image.png"
for endpoint in $(object -n research aiworkloads/receipts | jq -r '.status.endpoints[].url'); do
    expect "the text in the image" "$(curl -sS --data-binary "@$TEST_DIR/image.png" "$endpoint" | tr -d '\f\n')" "AXLE READS 2026"
done
expect "endpoints" "$(object -n research aiworkloads/receipts | jq '.status.endpoints | length')" 2
kubectl wait --for=condition=Available aiworkload/receipts -n research --timeout=10s >/dev/null

# Every station of the path is there, with its own name.
for what in workloaddeployments/receipts-ocr manifestworkreplicasets/receipts-ocr placements/everywhere; do
    object -n research "$what" | jq -e .metadata.uid >/dev/null || fail "no $what"
done
object -n edge-1 manifestworks/research.receipts-ocr | jq -e '.status.conditions[] | select(.type == "Available" and .status == "True")' >/dev/null
object -n edge-2 workloads/receipts-ocr | jq -e '.status.pods | length == 1' >/dev/null
expect_event receipts Resolved
expect_contains "describe" "$(kubectl describe aiworkload receipts -n research)" "Resolved"

# The same again writes nothing.
revision() { get_raw /api/v1/namespaces | jq -r .metadata.resourceVersion; }
before=$(revision)
workload eng >/dev/null
expect "revision after an unchanged apply" "$(revision)" "$before"

# A variable changes: a new digest, a new process.
digest() { object -n research workloaddeployments/receipts-ocr | jq -r .status.artifact.digest; }
old=$(digest)
workload osd >/dev/null
is_new() { [ "$(digest)" != "$old" ]; }
until_true 20 is_new || fail "the digest stayed"
workload eng >/dev/null
wait_for -n research workloaddeployments/receipts-ocr .status.artifact.digest "$old"
wait_for -n research aiworkloads/receipts .status.phase Running

# A spoke reads the artifact that its work names, by its whole name and no other.
as_spoke() {
    local pki=$TEST_DIR/edge-1/spoke/pki
    curl -s -o /dev/null -w '%{http_code}' --cacert "$pki/hub-ca.crt" --cert "$pki/client.crt" --key "$pki/client.key" "$SERVER$1"
}
expect "its artifact" "$(as_spoke "/v2/research/receipts-ocr/manifests/$old")" 200
expect "the end of its name" "$(as_spoke "/v2/h/receipts-ocr/manifests/$old")" 403

# Gone is gone, on the hub and on the spokes.
kubectl delete aiworkload receipts -n research --timeout=60s >/dev/null
for kind in workloaddeployments manifestworkreplicasets; do
    expect "$kind left" "$(get_raw "/apis" >/dev/null; kubectl get $kind -A -o name)" ""
done
no_works() { [ -z "$(kubectl get manifestworks,workloads -A -o name)" ]; }
until_true 20 no_works || fail "left on the hub: $(kubectl get manifestworks,workloads -A)"
for spoke in edge-1 edge-2; do
    expect "pods left on $spoke" "$(ls "$TEST_DIR/$spoke/spoke/workloads/pods")" ""
done
