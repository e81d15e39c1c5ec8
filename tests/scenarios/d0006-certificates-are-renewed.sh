#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The hub's certificate, its kubeconfig's and the spoke's are new before the old
# ones end: connections that come then see them, and what runs is not disturbed.
# A spoke that was away for too long comes back with a token, and nobody else by
# its name does.
# limit: 600
. "$(dirname "$0")/lib.sh"

serial_of() {
    openssl s_client -connect "${SERVER#https://}" </dev/null 2>/dev/null |
        openssl x509 -noout -serial 2>/dev/null || true
}

# Two thirds of these are less than half a minute.
start_hub --server-certificate-age=40s --certificate-age=40s
start_spoke edge-1
first=$(serial_of)
[ -n "$first" ] || fail "the hub shows no certificate"
cp "$hub_dir/hub/admin.kubeconfig" "$TEST_DIR/first.kubeconfig"
cp "$TEST_DIR/edge-1/spoke/pki/client.crt" "$TEST_DIR/first.crt"
is_new() { [ "$(serial_of)" != "$first" ] && [ -n "$(serial_of)" ]; }
until_true 120 is_new || fail "the certificate is still the first one"
is_rewritten() { ! cmp -s "$hub_dir/hub/admin.kubeconfig" "$TEST_DIR/first.kubeconfig"; }
until_true 30 is_rewritten || fail "the kubeconfig is still the first one"
is_renewed() { ! cmp -s "$TEST_DIR/edge-1/spoke/pki/client.crt" "$TEST_DIR/first.crt"; }
until_true 120 is_renewed || fail "the spoke's certificate is still the first one"
read_kubeconfig
is_ready() { [ "$(get_raw /readyz)" = ok ]; }
until_true 30 is_ready || fail "the renewed certificate is no good"
expect_contains "what the hub says" "$(cat "$TEST_DIR/hub.log")" "get the renewed certificate"
expect_contains "what the spoke says" "$(cat "$TEST_DIR/edge-1.log")" "certificate was renewed"
joins() { grep -c 'joined https' "$TEST_DIR/edge-1.log"; }
expect "how often it joined" "$(joins)" 1

# Away until the certificate has ended.
stop edge-1
is_over() { ! openssl x509 -checkend 0 -noout -in "$TEST_DIR/edge-1/spoke/pki/client.crt" >/dev/null; }
until_true 120 is_over || fail "the certificate does not end"
read_kubeconfig
until_true 30 is_ready || fail "the hub is not ready"
token_create --name edge-1 >"$TEST_DIR/edge-1.token"
start edge-1 --mode=spoke --name edge-1 --data-dir "$TEST_DIR/edge-1" \
    --join "$SERVER" --token-file "$TEST_DIR/edge-1.token"
has_joined_again() { [ "$(joins)" = 2 ]; }
until_true 60 has_joined_again || fail "it does not come back with a token"
