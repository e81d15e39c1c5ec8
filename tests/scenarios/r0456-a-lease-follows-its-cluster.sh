#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A duration that is set on a ManagedCluster reaches its lease and its agent, and a
# spoke that dies is silent by it: the hub may write the lease (claim.c).
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke s1
expect "a duration" "$(status_of PATCH /apis/cluster.open-cluster-management.io/v1/managedclusters/s1 \
    -H 'Content-Type: application/merge-patch+json' -d '{"spec":{"leaseDurationSeconds":1}}')" 200
wait_for -n s1 leases/managed-cluster-lease .spec.leaseDurationSeconds 1
expect "what is wrong with it" "$(object managedclusters/s1 |
    jq -c '[.status.conditions[] | select(.type == "LivenessReconciled")]')" '[]'
# A restarted agent renews at once, and hears of it.
stop s1
start_spoke s1
renewals() { object -n s1 leases/managed-cluster-lease | jq -r .spec.renewTime; }
first=$(renewals)
renews() { [ "$(renewals)" != "$first" ]; }
until_true 20 renews || fail "it does not renew"
crash s1
wait_for managedclusters/s1 \
    '.status.conditions[] | select(.type == "ManagedClusterConditionAvailable") | .status' Unknown
