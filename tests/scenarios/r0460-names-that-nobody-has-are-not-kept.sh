#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# For each spoke that a pool had ever named, the hub went on keeping two names for which the
# pool waited, for ever: the project and the tenant that might have had it.
. "$(dirname "$0")/lib.sh"

start_hub
apply >/dev/null <<'YAML'
{apiVersion: axle.dev/v1alpha1, kind: Tenant, metadata: {name: t}, spec: {}}
---
{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: lab}, spec: {tenant: t}}
YAML
wait_for projects/lab .status.phase Ready

pool() {
    apply >/dev/null <<YAML
{apiVersion: axle.dev/v1alpha1, kind: ComputePool, metadata: {name: p, namespace: lab}, spec: {spokes: [$(seq -s, -f "\"$1%g\"" 1 20)]}}
YAML
    wait_for -n lab computepools/p .status.observedGeneration "$2"
}
waits_for_none() { [ "$(get_raw /metrics | awk '$1 == "axle_controller_waited_names" { print $2 }')" = 0 ]; }

pool a 1
pool b 2
# Of the second twenty there are a cluster and a namespace each, and of the first nothing.
until_true 20 is_missing "$(path_of managedclusters/a20)" || fail "the first spokes are still expected"
kubectl -n lab delete computepool p >/dev/null
wait_gone managedclusters/b20
until_true 20 waits_for_none || fail "names are still waited for: $(get_raw /metrics | grep waited_names)"

# Who has a name is waited for: the spoke comes as soon as the project of its name is gone.
apply >/dev/null <<'YAML'
{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: c1}, spec: {tenant: t}}
YAML
wait_for projects/c1 .status.phase Ready
pool d 1
kubectl -n lab patch computepool p --type json -p '[{"op": "replace", "path": "/spec/spokes", "value": ["c1"]}]' 2>"$TEST_DIR/said" &&
    fail "a project's name is taken for a spoke"
expect_contains "the refusal" "$(cat "$TEST_DIR/said")" c1
kubectl delete project c1 >/dev/null
wait_gone projects/c1
until_true 20 is_missing "$(path_of namespaces/c1)" || fail "the namespace stays"
kubectl -n lab patch computepool p --type json -p '[{"op": "replace", "path": "/spec/spokes", "value": ["c1"]}]' >/dev/null
until_true 20 object managedclusters/c1 >/dev/null
