#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# leaseDurationSeconds of a ManagedCluster stands in its Lease, from where the spoke takes
# it, and no controller fails on the way. After the hub's restart a spoke that has not been
# heard is not said to have been seen just now.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
kubectl patch managedcluster edge-1 --type merge -p '{"spec":{"leaseDurationSeconds":2}}' >/dev/null
wait_for -n edge-1 leases/managed-cluster-lease .spec.leaseDurationSeconds 2
expect "nothing failed" "$(object managedclusters/edge-1 |
    jq -r '.status.conditions[] | select(.type == "LivenessReconciled") | .message')" ""
# What it promised before holds until the next renewal.
sleepless() { kubectl get managedclusters edge-1 | grep -q '(late)'; }
sleepless && fail "$(kubectl get managedclusters)"

crash edge-1
stop hub
start_hub
kubectl get managedclusters edge-1 | grep -qE ' >[0-9]+s' || fail "$(kubectl get managedclusters)"

# A machine that is awaited has never been seen.
apply >/dev/null <<YAML
{apiVersion: cluster.open-cluster-management.io/v1, kind: ManagedCluster, metadata: {name: awaited}, spec: {hubAcceptsClient: true}}
YAML
wait_for -n awaited leases/managed-cluster-lease .metadata.name managed-cluster-lease
expect "seen" "$(kubectl get managedclusters awaited --no-headers | awk '{print NF}')" 3
"$AXLE" status hub --kubeconfig "$hub_dir/hub/admin.kubeconfig" | grep -qE '^awaited .* -$' || fail "not a dash"
