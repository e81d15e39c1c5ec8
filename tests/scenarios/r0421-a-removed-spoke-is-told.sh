#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `axle remove spoke`: a spoke that is there drains, one that is declared lost is not
# waited for. It comes back, is told, ends what it ran, also when it is killed in the
# middle, and says what to do. With a new token it begins a new life, in which what
# the hub wants runs on as the same process.
. "$(dirname "$0")/lib.sh"

data=$TEST_DIR/e1
marker=$((RANDOM + 100000))
runs() { pgrep -x -f "sleep $marker" >/dev/null; }
ended() { ! runs; }
told() { grep -q -e "$1" "$TEST_DIR/e1.log"; }
spoke() { start e1 --mode=spoke --data-dir "$data" "$@"; }
status() { "$AXLE" status spoke --data-dir "$data"; }
available() { wait_for managedclusters/e1 '.status.conditions[]? | select(.type == "ManagedClusterConditionAvailable") | .status' True; }
joined() { [ "$(grep -c 'info spoke: joined' "$TEST_DIR/e1.log")" -ge "$1" ]; }
remove() { "$AXLE" remove spoke "$@" --kubeconfig "$hub_dir/hub/admin.kubeconfig"; }
give_work() {
    apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: nap, namespace: e1}
spec:
  workload:
    manifests:
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: nap, namespace: lab}
      spec:
        selector: {matchLabels: {a: b}}
        template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, command: [sleep, "$marker"]}]}}
YAML
}

start_hub
token_create --name e1 >"$TEST_DIR/t1"
spoke --join "$SERVER" --name e1 --token-file "$TEST_DIR/t1"
available
give_work
until_true 30 runs || fail "nothing runs"

# Mistakes.
code=0; remove nobody 2>"$TEST_DIR/said" || code=$?
expect "one that is not there" "$code" 4
code=0; remove 2>/dev/null || code=$?
expect "no name" "$code" 2
code=0; remove 'a/b' 2>/dev/null || code=$?
expect "no spoke's name" "$code" 2
remove --help >"$TEST_DIR/said"
expect_contains "its help" "$(cat "$TEST_DIR/said")" 'the machine is lost: the hub does not wait for'

# In order: it drains, and what it ran ends.
said=$(remove e1 2>/dev/null)
expect "removed" "$said" 'spoke e1 is removed'
ended || fail "its work runs on after it was removed in order"
until_true 20 told 'cluster "e1" was removed from this hub at' || fail "it was not told"

# Lost while it is away: at once, though the hub still believes it available.
stop e1
token_create --name e1 >"$TEST_DIR/t2"
spoke --token-file "$TEST_DIR/t2"
until_true 30 joined 2 || fail "did not join again"
told 'removed from its hub before: with the new token it joins as a new spoke' || fail "it says nothing of a new life"
ls "$data"/spoke/pki/client.crt.removed-* >/dev/null || fail "the old certificate is not put aside"
available
give_work
until_true 30 runs || fail "nothing runs in the second life"
crash e1
began=${EPOCHREALTIME/[.,]/}
said=$(remove e1 --lost)
expect "declared lost" "$said" 'spoke e1 is declared lost and removed'
[ $(((${EPOCHREALTIME/[.,]/} - began) / 1000)) -lt 30000 ] || fail "the hub waited for a lost spoke"
runs || fail "what ran on the lost machine ended by itself"

# It comes back, and is killed as soon as it knows.
spoke
until_true 30 told 'was declared lost at' || fail "it was not told that it is lost"
crash e1
spoke
until_true 30 ended || fail "what it ran runs on"
until_true 20 eval "status | grep -q 'refused   lost'" || fail "status: $(status)"
expect_contains "what to do" "$(status)" 'axle token create --name NAME'

# While it runs, it is taken in again: the same process goes on where it is wanted.
stop e1
token_create --name e1 >"$TEST_DIR/t3"
spoke --token-file "$TEST_DIR/t3"
until_true 30 joined 3 || fail "did not join a third time"
available
give_work
until_true 30 runs || fail "nothing runs in the third life"
pid=$(pgrep -x -f "sleep $marker")
stop e1
remove e1 --lost >/dev/null
token_create --name e1 >"$TEST_DIR/t4"
# Made ahead by a person, with the work in it; so a person also lets the machine in.
request POST /apis/cluster.open-cluster-management.io/v1/managedclusters -H 'Content-Type: application/json' -o /dev/null \
    --data '{"apiVersion":"cluster.open-cluster-management.io/v1","kind":"ManagedCluster","metadata":{"name":"e1"},"spec":{"hubAcceptsClient":true}}'
until_true 20 kubectl get ns e1 >/dev/null 2>&1
until_true 20 give_work 2>/dev/null
spoke --token-file "$TEST_DIR/t4"
let_in() { kubectl get csr -o name | xargs -r "$KUBECTL" --kubeconfig "$hub_dir/hub/admin.kubeconfig" certificate approve >/dev/null && joined 4; }
until_true 30 let_in || fail "did not join a fourth time: $(tail -n 3 "$TEST_DIR/e1.log")"
wait_for -n e1 manifestworks/nap '.status.conditions[]? | select(.type == "Available") | .status' True
expect "the process of what is wanted again" "$(pgrep -x -f "sleep $marker")" "$pid"

# A new token that lets nobody in keeps nothing running.
stop e1
remove e1 --lost >/dev/null
runs || fail "it ended before it was told"
sed 's/\.[^.]*\.[^.]*$/.none.none/' "$TEST_DIR/t4" >"$TEST_DIR/t5"
spoke --token-file "$TEST_DIR/t5" --eviction 1s
until_true 30 ended || fail "with a bad token what ran runs on"
