#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The controller that says a spoke to be silent had no claim to the spoke's lease: since
# somebody changed leaseDurationSeconds each of its runs failed, and a dead spoke stayed
# available for ever.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke s1
kubectl patch managedcluster s1 --type merge -p '{"spec":{"leaseDurationSeconds":2}}' >/dev/null
wait_for -n s1 leases/managed-cluster-lease .spec.leaseDurationSeconds 2
expect "failed runs" "$(get_raw /metrics | awk '$1 == "axle_controller_failures_total" { print $2 }')" 0
# The agent learns it by its next renewal; one that starts renews at once.
stop s1
renewed=$(object -n s1 leases/managed-cluster-lease | jq .spec.renewTime)
renews() { [ "$(object -n s1 leases/managed-cluster-lease | jq .spec.renewTime)" != "$renewed" ]; }
start_spoke s1
until_true 20 renews || fail "no renewal"
crash s1
wait_for managedclusters/s1 '.status.conditions[] | select(.type == "ManagedClusterConditionAvailable") | .status' Unknown
