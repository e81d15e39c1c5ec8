#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The hub's certificate and its kubeconfig's are new before the old ones end:
# connections that come then see them, and those that are open go on.
. "$(dirname "$0")/lib.sh"

serial_of() {
    openssl s_client -connect "${SERVER#https://}" </dev/null 2>/dev/null |
        openssl x509 -noout -serial 2>/dev/null || true
}

# Two thirds of that: 16 seconds.
start_hub --server-certificate-age=24s
start_spoke edge-1
first=$(serial_of)
[ -n "$first" ] || fail "the hub shows no certificate"
cp "$hub_dir/hub/admin.kubeconfig" "$TEST_DIR/first.kubeconfig"
is_new() { [ "$(serial_of)" != "$first" ] && [ -n "$(serial_of)" ]; }
until_true 120 is_new || fail "the certificate is still the first one"
is_rewritten() { ! cmp -s "$hub_dir/hub/admin.kubeconfig" "$TEST_DIR/first.kubeconfig"; }
until_true 30 is_rewritten || fail "the kubeconfig is still the first one"
read_kubeconfig
is_ready() { [ "$(get_raw /readyz)" = ok ]; }
until_true 30 is_ready || fail "the renewed certificate is no good"
# The spoke has not lost its hub, and nothing had to be said.
expect_contains "what the hub says" "$(cat "$TEST_DIR/hub.log")" "a new certificate"
if grep -q 'warn' "$TEST_DIR/edge-1.log"; then fail "the spoke lost its hub"; fi
