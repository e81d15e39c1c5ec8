#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A spoke asked for certificates in the names of other spokes and of people. They
# waited for somebody to approve them who could not tell who asked.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
kubectl create -f - >/dev/null <<'YAML'
apiVersion: cluster.open-cluster-management.io/v1
kind: ManagedCluster
metadata: {name: edge-2}
spec: {hubAcceptsClient: true}
YAML
agent=system:open-cluster-management
openssl ecparam -name prime256v1 -genkey -noout -out "$TEST_DIR/k.pem"
# asks HTTP-STATUS CLUSTER-LABEL SUBJECT
asks() {
    local request
    request=$(openssl req -new -key "$TEST_DIR/k.pem" -subj "$3" | base64 -w0)
    expect "$3, label $2" "$1" "$(status_of POST /apis/certificates.k8s.io/v1/certificatesigningrequests \
        -H "Impersonate-User: $agent:edge-1:a" -H "Impersonate-Group: $agent:managed-clusters" \
        -H "Impersonate-Group: $agent:edge-1" -H 'Content-Type: application/json' -d "{\"metadata\":{\"generateName\":\"c-\",
        \"labels\":{\"open-cluster-management.io/cluster-name\":\"$2\"}},\"spec\":{\"request\":\"$request\",
        \"signerName\":\"kubernetes.io/kube-apiserver-client\",\"usages\":[\"client auth\"]}}")"
}
asks 403 edge-2 "/O=$agent:edge-2/O=$agent:managed-clusters/CN=$agent:edge-2:a"
asks 403 edge-1 "/O=$agent:edge-2/O=$agent:managed-clusters/CN=$agent:edge-2:a"
expect_contains "it says" "$(cat "$TEST_DIR/answer")" "may request $agent:edge-1:AGENT only"
asks 403 edge-2 "/O=$agent:edge-1/O=$agent:managed-clusters/CN=$agent:edge-1:a"
asks 403 edge-1 /CN=alice
asks 403 edge-1 "/CN=$agent:edge-12:a"
asks 201 edge-1 "/O=$agent:edge-1/O=$agent:managed-clusters/CN=$agent:edge-1:a"
asks 201 edge-1 "/O=$agent:cluster:edge-1:addon:x/CN=$agent:cluster:edge-1:addon:x:agent:y"
