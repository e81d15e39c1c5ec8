#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a used token signs for: nothing. A held watch of a spoke that is accepted
# no longer ends within a second, and a silent one leaves at once. (A busy machine
# may take longer; what is not cut stays for a minute.)
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
pki=$TEST_DIR/edge-1/spoke/pki
as_spoke() { curl -sS --cacert "$pki/hub-ca.crt" --cert "$pki/client.crt" --key "$pki/client.key" "$@"; }
works=$SERVER/apis/work.open-cluster-management.io/v1/namespaces/edge-1/manifestworks

# Somebody found the token of edge-1, and asks for a key of his own.
openssl ecparam -name prime256v1 -genkey -noout -out "$TEST_DIR/thief.key" 2>/dev/null
openssl req -new -key "$TEST_DIR/thief.key" -out "$TEST_DIR/thief.csr" -subj \
    "/O=system:open-cluster-management:edge-1/O=system:open-cluster-management:managed-clusters/CN=system:open-cluster-management:edge-1:agent"
jq -n --arg request "$(base64 -w0 <"$TEST_DIR/thief.csr")" '{apiVersion: "certificates.k8s.io/v1", kind: "CertificateSigningRequest",
    metadata: {name: "thief", labels: {"open-cluster-management.io/cluster-name": "edge-1"}},
    spec: {request: $request, signerName: "kubernetes.io/kube-apiserver-client", usages: ["client auth"]}}' >"$TEST_DIR/thief.json"
code=$(curl -sS --cacert "$TEST_DIR/certificate-authority.pem" -H "Authorization: Bearer $(cat "$TEST_DIR/edge-1.token")" \
    -H 'Content-Type: application/json' --data "@$TEST_DIR/thief.json" -o "$TEST_DIR/answer" -w '%{http_code}' \
    "$SERVER/apis/certificates.k8s.io/v1/certificatesigningrequests")
expect "what the thief hears" "$code" 403
expect_contains "and why" "$(jq -r .message "$TEST_DIR/answer")" 'has a key of its own'
expect "the real spoke goes on" "$(as_spoke -o /dev/null -w '%{http_code}' "$works")" 200

as_spoke -N --max-time 60 "$works?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true" >"$TEST_DIR/watch" 2>/dev/null &
watch=$!
until_true 10 test -s "$TEST_DIR/watch" || fail "the watch did not begin"
stop edge-1
kubectl patch managedcluster edge-1 --type merge -p '{"spec":{"hubAcceptsClient":false}}' >/dev/null
began=${EPOCHREALTIME/[.,]/}
wait $watch || true
took=$(((${EPOCHREALTIME/[.,]/} - began) / 1000))
[ $took -lt 10000 ] || fail "the watch was held for $took ms"
expect "asked again" "$(as_spoke -o /dev/null -w '%{http_code}' "$works")" 401
kubectl delete managedcluster edge-1 --timeout=50s >/dev/null
