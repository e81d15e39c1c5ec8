#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A spoke ends what it runs only when its own hub says that it was removed. A hub that
# does not know it, does not accept it, is another one, or whose epoch is another does
# not make it end anything; each is told in words with the way out.
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
crash hub
rm "$hub_dir"/hub/*.db-wal "$hub_dir"/hub/pki/server.* 2>/dev/null || true
find "$hub_dir/hub" -name '*note*' -delete
start_hub --accept-loss
spoke
until_true 60 eval "is_refused removed || is_refused lost || is_refused unknown" || fail "status: $(status)"
if is_refused lost; then
    until_true 20 told 'it may have lost writes' || told 'was declared lost at' || fail "status: $(status)"
fi
