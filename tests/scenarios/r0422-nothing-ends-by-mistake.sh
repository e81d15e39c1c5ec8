#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A spoke ends what it runs only when its own hub says that it was removed. A hub that
# does not know it, does not accept it, is another one, or whose epoch is another does
# not make it end anything; each is told in words with the way out. A person on its
# machine does, by `axle reset`, which asks for --yes and keeps the data of claims.
. "$(dirname "$0")/lib.sh"

data=$TEST_DIR/e1
marker=$((RANDOM + 100000))
runs() { pgrep -x -f "sleep $marker" >/dev/null; }
told() { grep -q -e "$1" "$TEST_DIR/e1.log"; }
spoke() { start e1 --mode=spoke --data-dir "$data" "$@"; }
status() { "$AXLE" status spoke --data-dir "$data"; }
is_refused() { status | grep -q "^refused   $1\$"; }
available() { wait_for managedclusters/e1 '.status.conditions[]? | select(.type == "ManagedClusterConditionAvailable") | .status' True; }

start_hub
stop hub
cp -r "$hub_dir" "$TEST_DIR/backup" # it does not know the spoke
start_hub
token_create --name e1 --uses 9 >"$TEST_DIR/t1"
spoke --join "$SERVER" --name e1 --token-file "$TEST_DIR/t1"
available
apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: nap, namespace: e1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: Pod
      metadata: {name: nap, namespace: lab}
      spec: {containers: [{name: c, command: [sleep, "$marker"]}]}
YAML
until_true 30 runs || fail "nothing runs"

# That it wants to leave is the spoke's own to say: who may write a status may not delete.
expect_refused 'only the spoke itself may request to leave' kubectl patch managedcluster e1 --subresource=status --type merge \
    -p '{"status":{"conditions":[{"type":"LeaveRequested","status":"True","reason":"X","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}'

# Not accepted.
kubectl patch managedcluster e1 --type merge -p '{"spec":{"hubAcceptsClient":false}}' >/dev/null
until_true 30 is_refused not-accepted || fail "status: $(status)"
expect_contains "the way out" "$(status)" 'hubAcceptsClient'
kubectl patch managedcluster e1 --type merge -p '{"spec":{"hubAcceptsClient":true}}' >/dev/null
until_true 60 eval "status | grep -q '^state     connected'" || fail "not taken in again: $(status)"

# A hub that was restored from before it joined.
stop hub
mv "$hub_dir" "$TEST_DIR/later"
cp -r "$TEST_DIR/backup" "$hub_dir"
start_hub
until_true 60 is_refused unknown || fail "status: $(status)"
expect_contains "the way out" "$(status)" 'restored from a backup'
runs || fail "an unknown spoke ended what it ran"

# Removed for good, but by a hub in another epoch: nothing either.
stop hub
rm -r "$hub_dir"
mv "$TEST_DIR/later" "$hub_dir"
start_hub
until_true 60 eval "status | grep -q '^state     connected'" || fail "status: $(status)"
crash e1
"$AXLE" remove spoke e1 --lost --kubeconfig "$hub_dir/hub/admin.kubeconfig" >/dev/null
stop hub
cp "$hub_dir/hub/axle.db" "$TEST_DIR/older.db"
start_hub
kubectl create configmap later --from-literal=a=b >/dev/null
stop hub
rm -f "$hub_dir"/hub/axle.db-wal "$hub_dir"/hub/axle.db-shm
cp "$TEST_DIR/older.db" "$hub_dir/hub/axle.db"
start_hub --accept-loss
spoke
until_true 60 is_refused lost || fail "status: $(status)"
until_true 20 told 'removed, but it may have lost writes' || fail "it does not say why it goes on"
runs || fail "a hub that may have lost writes made it end what it ran"

# `axle reset` does, on its own machine's word: it says first what it would do, not
# beside a running agent, and keeps the data of claims.
reset() { "$AXLE" reset --data-dir "$data" "$@"; }
code=0; reset 2>"$TEST_DIR/said" || code=$?
expect "without --yes" "$code" 2
expect_contains "what it would do" "$(cat "$TEST_DIR/said")" 'Add --yes to do it'
code=0; reset --yes 2>"$TEST_DIR/said" || code=$?
expect "a reset beside a running agent" "$code" 3
runs || fail "a refused reset ended something"
stop e1
mkdir -p "$data/spoke/workloads/claims/lab_kept"
echo precious >"$data/spoke/workloads/claims/lab_kept/note"
reset --yes >"$TEST_DIR/said"
runs && fail "what ran goes on after a reset"
[ ! -e "$data/spoke" ] || fail "left: $(find "$data/spoke")"
expect "the data of its claims" "$(cat "$data"/claims-*/lab_kept/note)" precious
expect "once more" "$(reset --yes)" "there is no spoke in $data/spoke"

# It can join as if it had never been there.
token_create --name e1 >"$TEST_DIR/t2"
spoke --join "$SERVER" --name e1 --token-file "$TEST_DIR/t2"
available
