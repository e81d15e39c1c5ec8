#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Wrong, expired and used-up tokens are refused in words; a spoke sees its own
# namespace and nothing else; not accepted means cut off.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
start_spoke edge-2

# The token of a spoke that joined is spent.
start edge-3 --mode=spoke --name edge-3 --data-dir "$TEST_DIR/edge-3" --join "$SERVER" --token-file "$TEST_DIR/edge-1.token"
until_true 20 grep -q 'has been used' "$TEST_DIR/edge-3.log" || fail "a spent token: $(cat "$TEST_DIR/edge-3.log")"
stop edge-3

# One with another secret is not valid.
sed 's/.\{4\}$/0000/' "$TEST_DIR/edge-1.token" >"$TEST_DIR/forged.token"
start edge-4 --mode=spoke --name edge-4 --data-dir "$TEST_DIR/edge-4" --join "$SERVER" --token-file "$TEST_DIR/forged.token"
until_true 20 grep -q 'not valid' "$TEST_DIR/edge-4.log" || fail "a forged token: $(cat "$TEST_DIR/edge-4.log")"
stop edge-4
expect_refused "needs a token" "$AXLE" --mode=spoke --name edge-6 --data-dir "$TEST_DIR/edge-6" --join "$SERVER"

# as_spoke NAME PATH: the status that this spoke's certificate gets.
as_spoke() {
    local pki=$TEST_DIR/$1/spoke/pki
    curl -s -o "$TEST_DIR/answer" -w '%{http_code}' --cacert "$pki/hub-ca.crt" --cert "$pki/client.crt" --key "$pki/client.key" "${@:3}" "$SERVER$2"
}
works=/apis/work.open-cluster-management.io/v1
clusters=/apis/cluster.open-cluster-management.io/v1/managedclusters
expect "its works" "$(as_spoke edge-1 $works/namespaces/edge-1/manifestworks)" 200
expect "another's works" "$(as_spoke edge-1 $works/namespaces/edge-2/manifestworks)" 403
expect "everybody's works" "$(as_spoke edge-1 $works/manifestworks)" 403
expect "itself" "$(as_spoke edge-1 $clusters/edge-1)" 200
expect "another spoke" "$(as_spoke edge-1 $clusters/edge-2)" 403
expect "all spokes" "$(as_spoke edge-1 $clusters)" 403
expect "secrets" "$(as_spoke edge-1 /api/v1/namespaces/default/secrets)" 403
expect "workloads of people" "$(as_spoke edge-1 /apis/axle.dev/v1alpha1/aiworkloads)" 403
expect "an artifact of nobody's" "$(as_spoke edge-1 /v2/research/x/manifests/latest)" 403
expect "creating works" "$(as_spoke edge-1 $works/namespaces/edge-1/manifestworks -X POST -d '{}')" 403

# kubectl, with a spoke's certificate and with a token for joining, hears the same.
spoke_kubectl() {
    local pki=$TEST_DIR/$1/spoke/pki
    "$KUBECTL" --kubeconfig /dev/null --server "$SERVER" --certificate-authority "$pki/hub-ca.crt" \
        --client-certificate "$pki/client.crt" --client-key "$pki/client.key" --cache-dir "$TEST_DIR/cache-$1" "${@:2}"
}
find_kubectl
expect "who a spoke is" "$(spoke_kubectl edge-1 auth whoami -o jsonpath='{.status.userInfo.username}')" "$(openssl x509 -in "$TEST_DIR/edge-1/spoke/pki/client.crt" -noout -subject -nameopt multiline | sed -n 's/^ *commonName *= //p')"
expect "its works" "$(spoke_kubectl edge-1 auth can-i list manifestworks.work.open-cluster-management.io -n edge-1)" yes
expect "another's" "$(spoke_kubectl edge-1 auth can-i list manifestworks.work.open-cluster-management.io -n edge-2 || true)" no
expect_contains "what a spoke may" "$(spoke_kubectl edge-1 auth can-i --list -n edge-1 2>/dev/null)" "manifestworks.work.open-cluster-management.io/status"
expect "requests of all" "$(as_spoke edge-1 /apis/certificates.k8s.io/v1/certificatesigningrequests)" 403
expect "requests of its own" "$(as_spoke edge-1 '/apis/certificates.k8s.io/v1/certificatesigningrequests?labelSelector=open-cluster-management.io%2Fcluster-name%3Dedge-1')" 200
expect "requests of another" "$(as_spoke edge-1 '/apis/certificates.k8s.io/v1/certificatesigningrequests?labelSelector=open-cluster-management.io%2Fcluster-name%3Dedge-2')" 403
token_kubectl() {
    "$KUBECTL" --kubeconfig /dev/null --server "$SERVER" --certificate-authority "$TEST_DIR/certificate-authority.pem" \
        --token "$(token_create)" --cache-dir "$TEST_DIR/cache-token" "$@"
}
expect_contains "who joins" "$(token_kubectl auth whoami -o jsonpath='{.status.userInfo.username}')" system:bootstrap:
expect "may ask for a certificate" "$(token_kubectl auth can-i create certificatesigningrequests.certificates.k8s.io)" yes
expect "may not look around" "$(token_kubectl auth can-i list managedclusters.cluster.open-cluster-management.io || true)" no
expect_refused 'managedclusters.cluster.open-cluster-management.io "edge-1" is forbidden' token_kubectl get managedclusters edge-1

# Refused from now on: nothing that its certificate asks is answered.
kubectl patch managedcluster edge-2 --type merge -p '{"spec":{"hubAcceptsClient":false}}' >/dev/null
expect "a refused spoke" "$(as_spoke edge-2 $works/namespaces/edge-2/manifestworks)" 401
