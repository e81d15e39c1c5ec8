#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A reset that is killed in the middle leaves word of it: the agent does not start on
# what is left, and another reset finishes it, with --delete-claims for good.
. "$(dirname "$0")/lib.sh"

data=$TEST_DIR/e1
marker=$((RANDOM + 100000))
runs() { pgrep -x -f "sleep $marker" >/dev/null; }
start_hub
start_spoke e1
# One that stays behind when its work goes is ended by a reset all the same.
apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: stays, namespace: e1}
spec:
  deleteOption: {propagationPolicy: Orphan}
  workload:
    manifests:
    - apiVersion: v1
      kind: Pod
      metadata: {name: stays, namespace: lab}
      spec: {containers: [{name: c, command: [sleep, "$((marker + 1))"]}]}
YAML
orphan_runs() { pgrep -x -f "sleep $((marker + 1))" >/dev/null; }
until_true 30 orphan_runs || fail "the orphan does not run"
kubectl -n e1 delete manifestwork stays >/dev/null
orphan_runs || fail "the orphan ended with its work"
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
      spec:
        terminationGracePeriodSeconds: 3
        containers: [{name: c, command: [sh, -c, 'trap "" TERM; sleep $marker & while :; do wait; done']}]
YAML
until_true 30 runs || fail "nothing runs"
stop e1
mkdir -p "$data/spoke/workloads/claims/lab_a"

"$AXLE" reset --yes --data-dir "$data" >/dev/null 2>&1 &
reset=$!
begun() { grep -qs resetting "$data/spoke/departure"; }
until_true 20 begun || fail "it does not note that it begins"
kill -9 $reset
wait $reset 2>/dev/null || true
code=0
"$AXLE" --mode=spoke --data-dir "$data" 2>"$TEST_DIR/said" || code=$?
expect "an agent on what is left" "$code" 3
expect_contains "and why" "$(cat "$TEST_DIR/said")" 'a reset was started here and is not complete'
"$AXLE" reset --yes --delete-claims --data-dir "$data" >/dev/null
runs && fail "it runs on"
orphan_runs && fail "what was left behind runs on"
expect "what is left" "$(ls "$data")" ''
