#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A dead agent is Available for five lease durations; when it was heard of last is
# shown all the time, and after two missed renewals it is marked.
. "$(dirname "$0")/lib.sh"


start_hub
start_spoke edge-1
kubectl get managedclusters | grep -q "LAST SEEN" || fail "no column LAST SEEN"
kubectl get managedclusters edge-1 | grep -qE ' [0-9]+s +[0-9]+s' || fail "$(kubectl get managedclusters)"
kubectl patch managedcluster edge-1 --type merge -p '{"spec":{"leaseDurationSeconds":1}}' >/dev/null
stop edge-1
# How late it is follows from what its last renewal promised.
renewed() { object -n edge-1 leases/managed-cluster-lease | jq -r .spec.renewTime; }
before=$(renewed)
start_spoke edge-1
is_renewed() { [ "$(renewed)" != "$before" ] && [ "$(object -n edge-1 leases/managed-cluster-lease | jq -r .spec.leaseDurationSeconds)" = 1 ]; }
until_true 30 is_renewed || fail "not renewed: $(object -n edge-1 leases/managed-cluster-lease)"
before=$(renewed)
until_true 30 is_renewed || fail "not renewed again"
crash edge-1
is_marked() { kubectl get managedclusters edge-1 | grep -q '(late)'; }
until_true 30 is_marked || fail "$(kubectl get managedclusters)"
"$AXLE" status hub --kubeconfig "$hub_dir/hub/admin.kubeconfig" >"$TEST_DIR/status"
grep -q "LAST SEEN" "$TEST_DIR/status" || fail "$(cat "$TEST_DIR/status")"
