#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A machine that is given an administrator's token is told which token is meant, at once and
# with nothing left on the hub; the right token then does.
. "$(dirname "$0")/lib.sh"

start_hub
"$AXLE" token create --admin --name me --kubeconfig "$hub_dir/hub/admin.kubeconfig" >"$TEST_DIR/wrong" 2>/dev/null
start edge --mode=spoke --name=edge --data-dir "$TEST_DIR/edge" --join "$SERVER" --token-file "$TEST_DIR/wrong"
says() { grep -q "$1" "$TEST_DIR/edge.log"; }
until_true 20 says 'is an administrator.s token, and no machine can join with it' || fail "it does not say which token is meant"
expect "the ManagedCluster" "$(status_of GET "$(path_of managedclusters)/edge")" 404

# The same where the name is there already.
apply <<YAML >/dev/null
{apiVersion: cluster.open-cluster-management.io/v1, kind: ManagedCluster, metadata: {name: edge-2}, spec: {hubAcceptsClient: true}}
YAML
start edge-2 --mode=spoke --name=edge-2 --data-dir "$TEST_DIR/edge-2" --join "$SERVER" --token-file "$TEST_DIR/wrong"
says_too() { grep -q "$1" "$TEST_DIR/edge-2.log"; }
until_true 20 says_too 'is an administrator.s token, and no machine can join with it' || fail "edge-2 does not say which token is meant"
if grep -F "$(cut -d. -f4 "$TEST_DIR/wrong")" "$TEST_DIR"/*.log; then fail "the token is in a log"; fi

stop edge
token_create >"$TEST_DIR/edge.token"
start_spoke edge
