#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 240
# The hub lost a work and goes on in a new epoch: what runs on the spoke stays,
# new works are applied, and only when the epoch is confirmed does the lost work go.
. "$(dirname "$0")/lib.sh"

mark=1010$$
# work NAME SECONDS: a Deployment that sleeps so long.
work() {
    apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: $1, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: $1, namespace: lab}
      spec:
        selector: {matchLabels: {app: $1}}
        template:
          metadata: {labels: {app: $1}}
          spec: {containers: [{name: main, command: [sleep, "$2"]}]}
YAML
}
sleeps() { pgrep -f "^sleep $1\$" >/dev/null; }
ended() { ! sleeps "$1"; }
confirmed='.status.conditions[]? | select(.type == "HubEpochConfirmed") | .status'

start_hub
start_spoke edge-1 --eviction 100ms
wait_for managedclusters/edge-1 "$confirmed" True
stop hub
cp "$hub_dir/hub/axle.db" "$TEST_DIR/older.db"
cp "$hub_dir/hub/axle.db-note" "$TEST_DIR/older.note"
start_hub
work first "${mark}1"
until_true 60 sleeps "${mark}1" || fail "the work does not run"
pid=$(pgrep -f "^sleep ${mark}1\$")
stop hub

# The whole folder of before, its note too: the hub cannot know, but the spoke does.
cp "$TEST_DIR/older.db" "$hub_dir/hub/axle.db"
cp "$TEST_DIR/older.note" "$hub_dir/hub/axle.db-note"
start_hub
wait_for managedclusters/edge-1 "$confirmed" False
wanted=$(object managedclusters/edge-1 | jq -r '.status.conditions[] | select(.type == "HubEpochConfirmed") | .message' |
    sed -n 's/.*axle.dev\/confirmed-epoch=\([0-9-]*\).*/\1/p')
expect "what runs stays" "$(pgrep -f "^sleep ${mark}1\$")" "$pid"
kubectl annotate managedcluster edge-1 "axle.dev/confirmed-epoch=$wanted" >/dev/null
wait_for managedclusters/edge-1 "$confirmed" True
until_true 60 ended "${mark}1" || fail "what was confirmed to be lost is not removed"
work first "${mark}1"
until_true 60 sleeps "${mark}1" || fail "the work does not run again"
pid=$(pgrep -f "^sleep ${mark}1\$")
stop hub

cp "$TEST_DIR/older.db" "$hub_dir/hub/axle.db"
start_hub --accept-loss
wait_for managedclusters/edge-1 "$confirmed" False
expect_event edge-1 EpochChanged
work second "${mark}2"
until_true 60 sleeps "${mark}2" || fail "a new work is not applied"
expect "what the hub lost runs on" "$(pgrep -f "^sleep ${mark}1\$")" "$pid"

# Nor does a restart of the agent forget it.
crash edge-1
"$AXLE" --mode=spoke --name edge-1 --data-dir "$TEST_DIR/edge-1" --eviction 100ms >>"$TEST_DIR/edge-1.log" 2>&1 &
echo $! >"$TEST_DIR/edge-1.pid"
work third "${mark}3"
until_true 60 sleeps "${mark}3" || fail "a new work is not applied"
expect "it runs on" "$(pgrep -f "^sleep ${mark}1\$")" "$pid"

kubectl annotate managedcluster edge-1 axle.dev/confirmed-epoch=2 >/dev/null
wait_for managedclusters/edge-1 "$confirmed" True
until_true 60 ended "${mark}1" || fail "the lost work is not removed"
sleeps "${mark}2" || fail "the second work runs on"
sleeps "${mark}3" || fail "the third work runs on"
