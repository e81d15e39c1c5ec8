#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A machine that lost its power while it joined comes again with another
# token that is made for its name, and is let in; any other token is not. A name for which a key speaks already is not given
# away; a token for another name or into another pool does not do either.
. "$(dirname "$0")/lib.sh"

start_hub
# The first attempt: it made its cluster and got no further.
first=$(token_create --name edge-1)
join_as() {
    local token=$1 method=$2 path=$3
    shift 3
    curl -sS --max-time 30 -k -X "$method" -H "Authorization: Bearer $token" "$@" \
        -o "$TEST_DIR/answer" -w '%{http_code}' "$SERVER$path"
}
clusters=/apis/cluster.open-cluster-management.io/v1/managedclusters
expect "status of the first attempt" "$(join_as "$first" POST $clusters \
    -H 'Content-Type: application/json' --data '{"apiVersion":"cluster.open-cluster-management.io/v1","kind":"ManagedCluster","metadata":{"name":"edge-1"},"spec":{}}')" 201
"$AXLE" token revoke "$(cut -d. -f3 <<<"$first")" --kubeconfig "$hub_dir/hub/admin.kubeconfig"

# The second: a token for anybody does not take the name over, one for it does.
expect "with any token" "$(join_as "$(token_create)" POST $clusters \
    -H 'Content-Type: application/json' --data '{"apiVersion":"cluster.open-cluster-management.io/v1","kind":"ManagedCluster","metadata":{"name":"edge-1"},"spec":{}}')" 403
expect_contains "the way" "$(cat "$TEST_DIR/answer")" 'axle token create --name edge-1'
mkdir -p "$TEST_DIR/edge-1/spoke"
token_create --name edge-1 >"$TEST_DIR/edge-1.token"
start_spoke edge-1
expect_event edge-1 JoinedAgain

# Somebody else by the same name is not let in by a token alone.
token_create --name edge-1 >"$TEST_DIR/thief.token"
start thief --mode=spoke --name edge-1 --data-dir "$TEST_DIR/thief" \
    --join "$SERVER" --token-file "$TEST_DIR/thief.token"
asked() { grep -q 'waiting for the hub to admit' "$TEST_DIR/thief.log"; }
until_true 30 asked || fail "the second edge-1 did not ask"
request=$(sed -n 's/.*(request \(.*\)).*/\1/p' "$TEST_DIR/thief.log")
# What the hub decides it decides at once; another write after it is proof that
# it has looked.
start_spoke edge-2
expect "what the thief got" "$(object certificatesigningrequests/"$request" |
    jq -r '.status.certificate // "nothing"')" nothing

# The machine that lost its key: a person says so.
expect_event edge-1 AnotherKey
kubectl certificate approve "$request" >/dev/null
until_true 30 grep -q 'joined https' "$TEST_DIR/thief.log" || fail "an approved machine is not let in"
