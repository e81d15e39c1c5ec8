#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What `axle token` cannot make it refuses with field, value and way out, before a token
# is there; and a token that is shown at the wrong place is told which one is meant.
. "$(dirname "$0")/lib.sh"

start_hub
kubeconfig=$hub_dir/hub/admin.kubeconfig
count() { "$AXLE" token list -o json --kubeconfig "$kubeconfig" | jq '.items | length'; }
# refused STATUS TEXT ARG…
refused() {
    local code=0 said wanted=$1 text=$2
    shift 2
    said=$("$AXLE" token create "$@" --kubeconfig "$kubeconfig" 2>&1) || code=$?
    expect "exit status of token create $*" "$code" "$wanted"
    expect_contains "token create $*" "$said" "$text"
}
make_project research acme "displayName: Acme"
wait_for namespaces/research '.metadata.labels["axle.dev/owner-kind"]' Project

before=$(count)
long=$(printf 'a%.0s' {1..64})
refused 2 '--name "Bad_Name": ' --name Bad_Name
refused 2 '--name "Bad_Name": ' --admin --name Bad_Name
refused 2 '--name "a.b": ' --admin --name a.b
refused 2 '63' --name "$long"
refused 2 '--ttl=0: the token would have expired' --ttl 0
refused 2 '--ttl=-5m: ' --ttl=-5m
refused 2 '--ttl=999999h: a join token is valid for at most ten years' --ttl 999999h
refused 2 'is not a duration' --ttl 99999999999999999999h
refused 2 '--uses=0 is not a whole number from 1' --uses 0
refused 2 '--uses=99999999999 is not' --uses 99999999999
refused 2 '--uses=1.5 is not' --uses 1.5
refused 3 'the name is reserved' --name kube-system
refused 3 'belongs to Project; choose another name' --name research
refused 4 'there is no namespace "nowhere"' --pool nowhere/pool
refused 4 'has no such pool (kubectl get computepools -n research)' --pool research/pool
refused 3 'write it as NAMESPACE/POOL' --pool research/../x
expect "tokens" "$(count)" "$before"

"$AXLE" token create --admin --name ann --kubeconfig "$kubeconfig" >"$TEST_DIR/ann" 2>/dev/null
refused 3 'there is a token of this name; choose another one, or first axle token revoke ann' --admin --name ann
start_spoke edge-1
"$AXLE" token create --name edge-1 --kubeconfig "$kubeconfig" 2>&1 >/dev/null | grep -q 'has a spoke "edge-1" already' || fail "not told that the spoke is there"
# A variable that names this machine's spoke is not about the token.
expect "its name" "$(AXLE_NAME=edge-9 "$AXLE" token create -o json --kubeconfig "$kubeconfig" | jq -r .spoke)" null

# At the console's door.
shown() { curl -sS --cacert "$TEST_DIR/certificate-authority.pem" -H "Authorization: Bearer $1" "$SERVER/apis/axle.dev/v1alpha1/aiworkloads" | jq -r '"\(.code) \(.message)"'; }
join=$(token_create)
expect_contains "a join token" "$(shown "$join")" '403 '
expect_contains "a join token" "$(shown "$join")" 'this is a join token: it lets a machine join (axle --mode=spoke) and nothing else; `axle token create --admin` makes one'
expect_contains "no token" "$(shown secret)" '401 this is not a token of an Axle hub'
expect_contains "no token" "$(shown secret)" '`axle token create --admin` makes one for the console'
expect_contains "another secret" "$(shown "${join%?????}00000")" '401 the token is not valid'
expect_contains "an administrator's" "$(shown "$(cat "$TEST_DIR/ann")")" 'null null'
short=$("$AXLE" token create --admin --ttl 1s --kubeconfig "$kubeconfig" 2>/dev/null)
is_over() { shown "$short" | grep -q "the administrator's token expired at .* with .axle token create --admin."; }
until_true 30 is_over || fail "an expired one: $(shown "$short")"
# JoinTokens that kubectl makes are judged as well.
for spec in '{names: [Bad_Name]}' '{pool: nowhere}'; do
    expect_refused 'is invalid: spec.' apply - <<YAML
apiVersion: axle.dev/v1alpha1
kind: JoinToken
metadata: {name: odd}
spec: $spec
YAML
done
