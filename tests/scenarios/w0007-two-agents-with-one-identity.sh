#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 240
# A copied disk: of two agents with one identity the later start goes on, the
# other keeps what runs, says so and follows the hub no more.
. "$(dirname "$0")/lib.sh"

mark=1006$$
start_hub
start_spoke edge-1
kubectl patch managedcluster edge-1 --type=merge -p '{"spec": {"leaseDurationSeconds": 3}}' >/dev/null
apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: web, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, namespace: lab}
      spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, command: [sleep, "$mark"]}]}}}
YAML
wait_for -t 60 -n edge-1 manifestworks/web '.status.conditions[] | select(.type == "Available") | .status' True
stop edge-1
mkdir -p "$TEST_DIR/copy/spoke"
cp -a "$TEST_DIR"/edge-1/spoke/{pki,hub,axle.db*} "$TEST_DIR/copy/spoke/"

state() { "$AXLE" status spoke --data-dir "$TEST_DIR/$1" -o json 2>/dev/null | jq -r .state; }
is() { [ "$(state "$1")" = "$2" ]; }
start edge-1 --mode=spoke --name edge-1 --data-dir "$TEST_DIR/edge-1"
until_true 60 is edge-1 connected || fail "the first is $(state edge-1)"
start copy --mode=spoke --name edge-1 --data-dir "$TEST_DIR/copy"
until_true 60 is copy connected || fail "the copy is $(state copy)"
until_true 60 is edge-1 "no connection" || fail "the first goes on"
until_true 30 grep -q "another agent that started later uses this identity" "$TEST_DIR/edge-1.log" || fail "it does not say why"
duplicate() { echo '.status.conditions[] | select(.type == "DuplicateIdentity") | .status'; }
wait_for managedclusters/edge-1 "$(duplicate)" True
is copy connected || fail "the later one is $(state copy)"
pgrep -f "^sleep $mark" >/dev/null || fail "what ran has ended"

# The one that stays takes it back when it starts.
stop edge-1
stop copy
start copy --mode=spoke --name edge-1 --data-dir "$TEST_DIR/copy"
wait_for -t 60 managedclusters/edge-1 "$(duplicate)" False
until_true 60 is copy connected || fail "alone it is $(state copy)"
