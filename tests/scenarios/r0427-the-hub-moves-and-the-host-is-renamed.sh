#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A hub that moved is said once, with --join, and kept when it was reached; one that is
# never reached is not kept. A host that is called otherwise changes nothing.
. "$(dirname "$0")/lib.sh"

data=$TEST_DIR/e1
told() { grep -q -e "$1" "$TEST_DIR/e1.log"; }
status() { "$AXLE" status spoke --data-dir "$data"; }
connected_to() { grep -q "^hub       $1\$" <<<"$(status)" && grep -q '^state     connected' <<<"$(status)"; }
spoke() { start e1 --mode=spoke --data-dir "$data" "$@"; }

start_hub
old=$SERVER
token_create --name e1 >"$TEST_DIR/t1"
spoke --join "$SERVER" --name e1 --token-file "$TEST_DIR/t1"
until_true 30 connected_to "$old" || fail "not connected: $(status)"
stop e1

# An address at which nobody answers, or another, is tried and not kept.
spoke --join https://127.0.0.1:1
until_true 30 told 'https://127.0.0.1:1: listing works' || fail "not tried"
stop e1
spoke
until_true 30 connected_to "$old" || fail "a wrong address was kept: $(status)"
stop e1

# The hub moves.
stop hub
listen=127.0.0.1:0
rm "$hub_dir/hub/admin.kubeconfig"
start_hub
[ "$SERVER" != "$old" ] || fail "it has the same port"
spoke --join "$SERVER"
until_true 30 connected_to "$SERVER" || fail "not connected to the new address: $(status)"
until_true 10 told "the URL of the hub is now $SERVER instead of $old" || fail "it does not say that the hub moved"
crash e1
spoke
until_true 30 connected_to "$SERVER" || fail "the new address was forgotten: $(status)"
stop e1

# The host is renamed.
if unshare -u true 2>/dev/null; then
    unshare -u sh -c 'hostname another-host && exec "$@"' sh "$AXLE" --mode=spoke --data-dir "$data" >>"$TEST_DIR/e1.log" 2>&1 &
    echo $! >"$TEST_DIR/e1.pid"
else
    spoke # r0152 starts it without a name as well
fi
until_true 30 connected_to "$SERVER" || fail "not connected: $(status)"
expect_contains "its name" "$(status)" 'spoke     e1 '
expect "how many there are" "$(kubectl get managedclusters -o name)" managedcluster.cluster.open-cluster-management.io/e1
