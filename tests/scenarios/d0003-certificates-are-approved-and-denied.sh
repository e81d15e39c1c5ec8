#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kubectl certificate approve makes a person of a request, deny does not; names
# that the hub gives are not to be had; approving takes a right on the signer.
. "$(dirname "$0")/lib.sh"

command -v openssl >/dev/null || skip "openssl is not installed"
start_hub
find_kubectl

# ask NAME SUBJECT [KUBECTL ARGUMENT…]: a request as Kubernetes' page tells it.
ask() {
    local name=$1 subject=$2
    shift 2
    [ -s "$TEST_DIR/$name.key" ] || openssl ecparam -name prime256v1 -genkey -noout -out "$TEST_DIR/$name.key"
    openssl req -new -key "$TEST_DIR/$name.key" -subj "$subject" -out "$TEST_DIR/$name.csr"
    kubectl create "$@" -f - <<YAML
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: $name}
spec:
  request: $(base64 -w0 <"$TEST_DIR/$name.csr")
  signerName: kubernetes.io/kube-apiserver-client
  expirationSeconds: 86400
  usages: [client auth]
  username: somebody-else
YAML
}
columns() { kubectl get csr "$1" --no-headers | awk '{print $3, $4, $5, $6}'; }

ask alice /O=devs/CN=alice >/dev/null
expect "it waits" "$(columns alice)" "kubernetes.io/kube-apiserver-client system:admin 24h Pending"
kubectl certificate approve alice >/dev/null
wait_for certificatesigningrequests.certificates.k8s.io/alice '.status.certificate != null' true
expect "it is issued" "$(columns alice)" "kubernetes.io/kube-apiserver-client system:admin 24h Approved,Issued"
kubectl get csr alice -o jsonpath='{.status.certificate}' | base64 -d >"$TEST_DIR/alice.crt"

# as_person NAME ARG…
as_person() {
    local name=$1
    shift
    "$KUBECTL" --kubeconfig /dev/null --server "$SERVER" --certificate-authority "$TEST_DIR/certificate-authority.pem" \
        --client-certificate "$TEST_DIR/$name.crt" --client-key "$TEST_DIR/$name.key" --cache-dir "$TEST_DIR/cache-$name" "$@"
}
expect "who alice is" "$(as_person alice auth whoami -o jsonpath='{.status.userInfo.username} {.status.userInfo.groups}')" 'alice ["devs","system:authenticated"]'
expect_refused 'User "alice" cannot list resource "tenants"' as_person alice get tenants
kubectl create clusterrolebinding devs --clusterrole view --group devs >/dev/null
as_person alice get workloadprofiles -A >/dev/null

# A request that is denied stays so.
ask bob /CN=bob >/dev/null
kubectl certificate deny bob >/dev/null
expect "it is denied" "$(columns bob | awk '{print $4}')" Denied
expect_refused 'is already Denied' kubectl certificate approve bob
approval() {
    request PATCH /apis/certificates.k8s.io/v1/certificatesigningrequests/bob/approval \
        -H 'Content-Type: application/merge-patch+json' -d "$1" | jq -r .message
}
expect_contains "both" "$(approval '{"status":{"conditions":[{"type":"Denied","status":"True","reason":"x"},{"type":"Approved","status":"True","reason":"x"}]}}')" \
    'status.conditions[1].type: Invalid value: "Approved": Approved and Denied conditions are mutually exclusive'
expect_contains "undone" "$(approval '{"status":{"conditions":[]}}')" 'updates may not remove a condition of type "Denied"'
approval '{"status":{"certificate":"LS0tLS1CRUdJTi0="}}' >/dev/null
expect "an approval brings no certificate" "$(kubectl get csr bob -o jsonpath='{.status.certificate}')" ""

# What the hub writes itself cannot be asked for.
expect_refused 'use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed' ask root /O=system:masters/CN=root
ask thief /O=system:open-cluster-management:managed-clusters/CN=system:open-cluster-management:edge-1:agent >/dev/null
kubectl certificate approve thief >/dev/null
wait_for certificatesigningrequests.certificates.k8s.io/thief '[.status.conditions[].type] | sort | join(",")' Approved,Failed
expect "what it says" "$(kubectl get csr thief -o jsonpath='{.status.certificate}')" ""

# Asking, approving and the signer are three rights.
kubectl create clusterrole asker --verb create,get --resource certificatesigningrequests >/dev/null
kubectl create clusterrolebinding asker --clusterrole asker --group devs >/dev/null
ask carol /CN=carol --as alice --as-group devs >/dev/null
expect "who asked" "$(kubectl get csr carol -o jsonpath='{.spec.username} {.spec.groups[0]}')" "alice devs"
expect_refused 'cannot update resource "certificatesigningrequests/approval"' as_person alice certificate approve carol
kubectl create clusterrole approver --verb update --resource certificatesigningrequests/approval >/dev/null
kubectl create clusterrolebinding approver --clusterrole approver --user alice >/dev/null
expect_refused 'user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client"' as_person alice certificate approve carol
kubectl apply -f - >/dev/null <<'YAML'
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: approver}
rules:
- {apiGroups: [certificates.k8s.io], resources: [certificatesigningrequests/approval], verbs: [update]}
- {apiGroups: [certificates.k8s.io], resources: [signers], resourceNames: [kubernetes.io/*], verbs: [approve]}
YAML
as_person alice certificate approve carol >/dev/null
wait_for certificatesigningrequests.certificates.k8s.io/carol '.status.certificate != null' true
