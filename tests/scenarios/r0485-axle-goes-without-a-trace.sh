#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 180
# `axle uninstall`: without --yes it lists what would go and does nothing; with it the
# hub, the agent and their pods end, the folders go, the data of claims is kept beside,
# and a second one finds nothing. What is not Axle's is never touched, whatever a pod or
# an option names.
. "$(dirname "$0")/lib.sh"

marker=$((RANDOM + 100000))
runs() { pgrep -x -f "sleep $marker" >/dev/null; }
uninstall() { local data=$hub_dir; [ "${1:-}" != --data-dir ] || { data=$2; shift 2; }; "$AXLE" uninstall --data-dir "$data" "$@"; }
# ends STATUS TEXT ARG…
ends() {
    local status=0 said wanted=$1 text=$2
    shift 2
    said=$("$AXLE" uninstall "$@" 2>&1) || status=$?
    expect "uninstall $*" "$status" "$wanted"
    expect_contains "uninstall $*" "$said" "$text"
}

# Not Axle's.
mkdir -p "$TEST_DIR/other/hub" "$TEST_DIR/outside"
echo mine >"$TEST_DIR/other/hub/thesis"
echo mine >"$TEST_DIR/outside/file"
ends 3 'nothing is touched' --yes --data-dir "$TEST_DIR/other"
ln -s "$TEST_DIR/outside" "$TEST_DIR/other/spoke"
ends 3 'is not a folder of an Axle' --yes --delete-claims --data-dir "$TEST_DIR/other"
expect "another's file" "$(cat "$TEST_DIR/other/hub/thesis")" mine
ends 3 'is not a data folder of Axle' --yes --data-dir /
ends 3 'is not a data folder of Axle' --yes --data-dir "$TEST_DIR/outside/file"
ends 0 'nothing of Axle is in' --yes --delete-claims --data-dir "$TEST_DIR/outside"
ends 0 'nothing of Axle is in' --yes --data-dir "$TEST_DIR/none"

start_all_in_one
wait_for managedclusters/local-cluster \
    '.status.conditions[]? | select(.type == "ManagedClusterConditionAvailable") | .status' True
start_spoke edge-1
apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: nap, namespace: local-cluster}
spec:
  workload:
    manifests:
    - {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: kept, namespace: lab}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}
    - apiVersion: v1
      kind: Pod
      metadata: {name: nap, namespace: lab}
      spec:
        volumes: [{name: d, persistentVolumeClaim: {claimName: kept}}, {name: e, emptyDir: {}}]
        containers:
        - name: c
          command: [sh, -c, 'echo precious >d/note; ln -s $TEST_DIR/outside e/link; mkdir e/closed; chmod 0 e/closed; exec sleep $marker']
          volumeMounts: [{name: d, mountPath: d}, {name: e, mountPath: e}]
YAML
until_true 30 runs || fail "nothing runs"
touch "$hub_dir/axle.log" "$hub_dir/admin.key"

# Without --yes.
code=0
uninstall >"$TEST_DIR/said" 2>"$TEST_DIR/said2" || code=$?
expect "without --yes" "$code" 2
for word in "process $(pid_of hub)" 'spoke edge-1 loses its hub' "$hub_dir/hub (" claims/ 'ends       pod ' axle.log; do
    expect_contains "the list" "$(cat "$TEST_DIR/said")" "$word"
done
expect_contains "and how" "$(cat "$TEST_DIR/said2")" 'add --yes'
runs || fail "listing ended a pod"
is_running hub || fail "listing ended the hub"

uninstall --yes >"$TEST_DIR/said" 2>&1 || fail "uninstall: $(cat "$TEST_DIR/said")"
is_gone hub || fail "the hub runs"
runs && fail "a pod runs on"
expect "what is left" "$(cd "$hub_dir" && find . -type f -printf '%f ')" 'note '
expect "the data of the claim" "$(cat "$hub_dir"/claims-*/*/note)" precious
expect "what a link named" "$(cat "$TEST_DIR/outside/file")" mine
pgrep -f -- "--data-dir[= ]$hub_dir( |\$)" >/dev/null && fail "a process is left: $(pgrep -af -- "$hub_dir")"
ends 0 'nothing of Axle is in' --yes --data-dir "$hub_dir"
ends 0 'nothing of Axle is in' --data-dir "$hub_dir"
ends 0 'nothing of Axle is in' --yes --delete-claims --data-dir "$hub_dir"
[ ! -e "$hub_dir" ] || fail "left: $(find "$hub_dir")"

# The spoke that lost its hub goes as well; one that was cut short goes on.
mv "$TEST_DIR/edge-1/spoke" "$TEST_DIR/edge-1/spoke.uninstalling"
mkdir "$TEST_DIR/edge-1/hub"
stop edge-1
uninstall --data-dir "$TEST_DIR/edge-1" --yes >"$TEST_DIR/said" 2>&1 || fail "goes on: $(cat "$TEST_DIR/said")"
[ ! -e "$TEST_DIR/edge-1" ] || fail "left: $(find "$TEST_DIR/edge-1")"

# A spoke whose folder cannot be opened still has pods, which end by their shims.
start_hub
start_spoke edge-2
apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: nap, namespace: edge-2}
spec:
  workload:
    manifests:
    - {apiVersion: v1, kind: Pod, metadata: {name: nap, namespace: lab}, spec: {containers: [{name: c, command: [sleep, "$marker"]}]}}
YAML
until_true 30 runs || fail "nothing runs on edge-2"
crash edge-2
rm -r "$TEST_DIR"/edge-2/spoke/axle.db*
mkdir -p "$TEST_DIR/edge-2/spoke/axle.db/x"
uninstall --data-dir "$TEST_DIR/edge-2" --yes >"$TEST_DIR/said" 2>&1 || fail "damaged: $(cat "$TEST_DIR/said")"
runs && fail "a pod of a damaged spoke runs on: $(cat "$TEST_DIR/said")"
[ ! -e "$TEST_DIR/edge-2" ] || fail "left: $(find "$TEST_DIR/edge-2")"
