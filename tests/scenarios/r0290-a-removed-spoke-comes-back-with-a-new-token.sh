#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A spoke that was removed says how it is had back, and comes back with a new token
# and not with the one that it has joined with; so does one whose hub has lost its
# authority. A refused join hides nothing: the certificate is tried again.
. "$(dirname "$0")/lib.sh"

log=$TEST_DIR/edge-1.log
data=$TEST_DIR/edge-1
told() { grep -q -e "$1" "$log"; }
joined() { [ "$(grep -c 'info spoke: joined' "$log")" -ge "$1" ]; }
spoke() { start edge-1 --mode=spoke --data-dir "$data" "$@"; }
new_token() { token_create --name edge-1 --uses 9 >"$TEST_DIR/$1"; }

start_hub
new_token first
spoke --join "$SERVER" --name edge-1 --token-file "$TEST_DIR/first"
until_true 20 joined 1 || fail "did not join"

# Removed: the token that it has joined with, good for more, brings it not back.
expect "removed" "$(status_of DELETE /apis/cluster.open-cluster-management.io/v1/managedclusters/edge-1)" 200
until_true 20 told 'to let it join again, start it once with a new token .*axle token create --name edge-1' || fail "no way out"
stop edge-1
refusals() { grep -c 'was removed from this hub at' "$log" || true; }
before=$(refusals)
refused_again() { [ "$(refusals)" -gt "$before" ]; }
spoke --token-file "$TEST_DIR/first"
until_true 20 refused_again || fail "not refused"
stop edge-1
! joined 2 || fail "it came back by itself"

# A new one does.
new_token second
spoke --token-file "$TEST_DIR/second"
until_true 20 joined 2 || fail "did not come back: $(tail -n 3 "$log")"
wait_for managedclusters/edge-1 '.status.conditions[]? | select(.type == "ManagedClusterConditionAvailable") | .status' True
stop edge-1

# The hub has lost its authority: the token of the new one proves it.
stop hub
rm "$hub_dir"/hub/pki/ca.*
start_hub --accept-loss
new_token third
spoke --join "$SERVER" --token-file "$TEST_DIR/third"
until_true 20 joined 3 || fail "did not follow the new authority: $(tail -n 3 "$log")"
