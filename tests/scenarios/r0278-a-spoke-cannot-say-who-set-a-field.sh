#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A spoke wrote metadata.managedFields of its works: the hub's account of who set what.
. "$(dirname "$0")/lib.sh"

start_hub
kubectl create -f - >/dev/null <<'YAML'
apiVersion: cluster.open-cluster-management.io/v1
kind: ManagedCluster
metadata: {name: edge-1}
spec: {hubAcceptsClient: true}
YAML
until_true 10 test "$(status_of GET /api/v1/namespaces/edge-1)" = 200
wait_for namespaces/edge-1 .status.phase Active
kubectl apply --server-side --field-manager=theirs -f - >/dev/null <<'YAML'
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: w, namespace: edge-1, annotations: {a: b}}
spec: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: default}}]}}
YAML
work=/apis/work.open-cluster-management.io/v1/namespaces/edge-1/manifestworks/w
managers() { object -n edge-1 manifestworks/w | jq -c '[.metadata.managedFields[] | {manager, subresource, fieldsV1}]'; }
spoke() {
    status_of PATCH "$work$1" -H 'Impersonate-User: system:open-cluster-management:edge-1:a' \
        -H 'Impersonate-Group: system:open-cluster-management:managed-clusters' \
        -H "Content-Type: application/$2" -d "$3"
}
before=$(managers)
expect_contains "who applied it" "$before" theirs
forged='[{"manager":"evil","operation":"Apply","apiVersion":"work.open-cluster-management.io/v1","fieldsType":"FieldsV1","time":"2026-01-01T00:00:00Z","fieldsV1":{"f:metadata":{"f:annotations":{"f:a":{}}}}}]'
for sub in '' /status; do
    for value in '[]' '[{}]' null "$forged"; do
        expect "managedFields $value$sub" "$(spoke "$sub" merge-patch+json "{\"metadata\":{\"managedFields\":$value}}")" 200
        expect "who set what, after $value$sub" "$before" "$(managers)"
    done
done
expect "an apply of the same" "$(spoke '?fieldManager=evil&force=true' apply-patch+yaml '{"apiVersion":"work.open-cluster-management.io/v1","kind":"ManifestWork","metadata":{"name":"w","annotations":{"a":"b"}}}')" 200
expect "who set what, after an apply" "$before" "$(managers)"
# What it may write is counted as its own.
expect "its status" "$(spoke '/status?fieldManager=agent' merge-patch+json '{"status":{"conditions":[]}}')" 200
expect_contains "who set the status" "$(managers)" '"manager":"agent","subresource":"status"'
