#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 120
# An agent that comes back with many works tells their statuses as fast as its hub takes
# them: one warning, none lost, and the lease does not wait.
. "$(dirname "$0")/lib.sh"

start_hub --spoke-writes 4
start_spoke edge-1
for i in {1..120}; do
    cat <<YAML
---
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: w$i, namespace: edge-1}
spec: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: c$i, namespace: lab}, data: {a: b}}]}}
YAML
done | apply >/dev/null
applied() { kubectl -n edge-1 get manifestworks -o json | jq '[.items[] | select(.status.conditions[]? | select(.type == "Applied" and .status == "True"))] | length'; }
all_are_applied() { [ "$(applied)" = 120 ]; }
until_true 80 all_are_applied || fail "only $(applied) of 120 are told"
crash edge-1
start_spoke edge-1
warnings() { grep -c ' warn ' "$TEST_DIR/edge-1.log" || true; }
says_so() { grep -q "the hub accepts no more writes for the moment.*spoke-writes.*are sent when it does" "$TEST_DIR/edge-1.log"; }
says_so || fail "it does not say that the hub refused: $(warnings)"
all_are_sent() { [ "$(grep -c 'has taken all' "$TEST_DIR/edge-1.log")" -ge "$(grep -c 'takes no more' "$TEST_DIR/edge-1.log")" ]; }
until_true 80 all_are_sent || fail "some still wait"
[ "$(warnings)" -le 4 ] || fail "$(warnings) warnings: $(grep ' warn ' "$TEST_DIR/edge-1.log" | tail -n 5)"
