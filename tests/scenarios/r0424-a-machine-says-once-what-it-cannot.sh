#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a machine can give workloads is in its ManagedCluster's claims, what it cannot
# in one condition there and in `axle status spoke`, the same words in both.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke e1
claim() { object managedclusters/e1 | jq -r --arg n "$1" '.status.clusterClaims[]? | select(.name == $n) | .value'; }
status() { "$AXLE" status spoke --data-dir "$TEST_DIR/e1" "$@"; }
has_claims() { [ -n "$(claim engine.axle.dev)" ]; }
until_true 20 has_claims || fail "claims: $(object managedclusters/e1 | jq -c .status.clusterClaims)"

for name in cgroup namespaces seccomp landlock engine; do
    [ -n "$(claim $name.axle.dev)" ] || fail "no claim $name.axle.dev"
done
machine=$(status -o json | jq .machine.runtime)
expect "cgroup" "$(claim cgroup.axle.dev)" "$(jq -r .cgroup <<<"$machine")"
expect "namespaces" "$(claim namespaces.axle.dev)" "$(jq -r '.namespaces | if length > 0 then join(",") else "none" end' <<<"$machine")"
expect "seccomp" "$(claim seccomp.axle.dev)" "$(jq -r 'if .seccomp then "filter" else "none" end' <<<"$machine")"
condition=$(object managedclusters/e1 | jq -r '.status.conditions[] | select(.type == "MachineComplete") | .status + " " + .reason + " " + .message')
if [ "$(jq '.notes | length' <<<"$machine")" = 0 ]; then
    expect_contains "complete" "$condition" 'True Complete'
else
    expect "what it cannot" "$condition" "False Limited $(jq -r '.notes | join("; ")' <<<"$machine")"
    expect_contains "for a person" "$(status)" "cannot    $(jq -r '.notes[0]' <<<"$machine")"
fi
expect_contains "for a person" "$(status)" "machine   cgroup $(claim cgroup.axle.dev); limits "
