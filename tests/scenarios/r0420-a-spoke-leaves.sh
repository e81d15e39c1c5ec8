#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `axle leave`: the spoke's works end, its ManagedCluster goes, its identity is put
# aside and its agent ends with status 6, also when it is killed in the middle. The
# token that it had joined with brings it not back, a new one does, and the data of
# its claims is there again. Without its hub it says what it waits for.
. "$(dirname "$0")/lib.sh"

data=$TEST_DIR/e1
marker=$((RANDOM + 100000))
cluster=/apis/cluster.open-cluster-management.io/v1/managedclusters/e1
runs() { pgrep -x -f "sleep $marker" >/dev/null; }
ended() { ! runs; }
told() { grep -q -e "$1" "$TEST_DIR/e1.log"; }
spoke() { start e1 --mode=spoke --data-dir "$data" "$@"; }
available() { wait_for managedclusters/e1 '.status.conditions[]? | select(.type == "ManagedClusterConditionAvailable") | .status' True; }
give_work() {
    apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: nap, namespace: e1}
spec:
  workload:
    manifests:
    - {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: kept, namespace: lab}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: nap, namespace: lab}
      spec:
        selector: {matchLabels: {a: b}}
        template:
          metadata: {labels: {a: b}}
          spec:
            volumes: [{name: d, persistentVolumeClaim: {claimName: kept}}]
            containers: [{name: c, command: [sh, -c, 'echo x >>d/note; exec sleep $marker'], volumeMounts: [{name: d, mountPath: d}]}]
YAML
    until_true 30 runs || fail "nothing runs"
}

start_hub
token_create --name e1 --uses 9 >"$TEST_DIR/first"
spoke --join "$SERVER" --name e1 --token-file "$TEST_DIR/first"
available
give_work

# Its hub is away: what runs stays, and it waits.
stop hub
code=0
"$AXLE" leave --data-dir "$data" --timeout 500ms 2>"$TEST_DIR/said" || code=$?
expect "without a hub" "$code" 5
expect_contains "and why" "$(cat "$TEST_DIR/said")" 'has not left yet'
runs || fail "it was ended without its hub"

# Killed before it could: it goes on by itself, and ends with 6.
crash e1
start_hub
code=0
"$AXLE" --mode=spoke --data-dir "$data" >>"$TEST_DIR/e1.log" 2>&1 || code=$?
expect "how the agent ended" "$code" 6
until_true 20 ended || fail "its work runs on"
until_true 20 is_missing $cluster || fail "the hub has it still"
ls "$data"/spoke/left-*/pki/client.key >/dev/null || fail "the key is not put aside"
[ ! -e "$data/spoke/pki/client.crt" ] || fail "the certificate is still in use"
"$AXLE" leave --data-dir "$data" >"$TEST_DIR/said"
expect_contains "left twice" "$(cat "$TEST_DIR/said")" 'has left its hub already'

# Not with the token of before, nor without one.
for token in --log-level=info --token-file="$TEST_DIR/first"; do
    code=0
    "$AXLE" --mode=spoke --data-dir "$data" --join "$SERVER" "$token" 2>"$TEST_DIR/said" || code=$?
    expect "started again with $token" "$code" 6
    expect_contains "and why" "$(cat "$TEST_DIR/said")" 'and a new token'
done

# A new life; this time nothing is in the way.
token_create --name e1 >"$TEST_DIR/second"
spoke --join "$SERVER" --name e1 --token-file "$TEST_DIR/second"
available
told 'joins as a new spoke' || fail "it says nothing of a new life"
give_work
note=$(find "$data/spoke/workloads/claims" -name note)
expect "the data of its claim" "$(wc -l <"$note" | tr -d ' ')" 2
"$AXLE" leave --data-dir "$data" >"$TEST_DIR/said" 2>&1
expect_contains "told" "$(cat "$TEST_DIR/said")" 'has left its hub; the data of its claims is kept'
ends_with e1 6
ended || fail "its work runs on"
is_missing $cluster || fail "the hub has it still"

# Nobody there.
code=0
"$AXLE" leave --data-dir "$TEST_DIR/none" 2>"$TEST_DIR/said" || code=$?
expect "no agent" "$code" 5
"$AXLE" leave --help >"$TEST_DIR/said"
expect_contains "its help" "$(cat "$TEST_DIR/said")" '0   it left'
