#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fifty agents change their version at once. Whatever the hub says of the new
# generation, as a count, a phase or a condition, is so on the machines at that
# instant. (limit: 300; DEEP=1: more agents and changes.)
. "$(dirname "$0")/lib.sh"
# Not the sanitized program: there are fifty of it.
AXLE=$repo/build/release/axle
[ -x "$AXLE" ] || skip "build/release/axle is not built"

agents=${DEEP:+120}
agents=${agents:-50}
changes=${DEEP:+10}
changes=${changes:-2}
marker=9$(($$ % 100000 + 100000)) # sleeps for so long are this test's
chat=/apis/axle.dev/v1alpha1/namespaces/lab/aiworkloads/chat

processes() { pgrep -fc "^sleep $marker$1\$" || true; }

start_hub
token_create --uses "$agents" >"$TEST_DIR/token"
for i in $(seq "$agents"); do
    start "node-$i" --mode=spoke --name "node-$i" --data-dir "$TEST_DIR/node-$i" \
        --join "$SERVER" --token-file "$TEST_DIR/token"
done
are_available() {
    [ "$(get_raw /apis/cluster.open-cluster-management.io/v1/managedclusters | jq '[.items[] |
        select(any(.status.conditions[]?; .type == "ManagedClusterConditionAvailable" and
                   .status == "True"))] | length')" = "$agents" ]
}
until_true 120 are_available || fail "not every agent has joined"

make_project lab acme
apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: echo, namespace: lab}
spec:
  variables: [{name: version, type: int, default: 1}]
  components:
  - name: main
    type: worker
    properties: {command: [sleep, "$marker{{ .var.version }}"]}
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: echo, namespace: lab}
spec: {workloadProfileRefs: [{name: echo}]}
---
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: all, namespace: lab}
spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [default]}}}}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: chat, namespace: lab}
spec:
  profileBundleRef: {name: echo}
  environmentRef: {name: all}
  variables: {version: 1}
YAML

# looks VERSION: one look at the status, then at the processes, which only become more.
looks() {
    local generation observed phase ready available count
    read -r generation observed phase ready available < <(get_raw "$chat" | jq -r '
        .metadata.generation as $g | [$g, (.status.observedGeneration // 0), (.status.phase // "-"),
        (.status.readySpokes // 0), ([.status.conditions[]? | select(.type == "Available" and
        .observedGeneration == $g) | .status][0] // "-")] | @tsv')
    count=$(processes "$1")
    # A phase has no generation beside it: people wait for the word.
    if [ "$phase" = Running ] || [ "$available" = True ]; then
        [ "$count" = "$agents" ] || fail "generation $generation ($observed): phase $phase," \
            "Available $available, $ready ready, and $count of $agents run version $1"
    fi
    if [ "$observed" = "$generation" ] && [ "$count" -lt "$ready" ]; then
        fail "generation $generation: $ready are said to be ready, $count run version $1"
    fi
    [ "$phase" = Running ] && [ "$available" = True ]
}

until_true 90 looks 1 || fail "version 1 never ran everywhere: $(get_raw "$chat")"
for version in $(seq 2 $((changes + 1))); do
    request PATCH "$chat" -H 'Content-Type: application/merge-patch+json' \
        -d "{\"spec\":{\"variables\":{\"version\":$version}}}" >"$TEST_DIR/patched"
    until_true 90 looks "$version" || fail "version $version never ran everywhere: $(get_raw "$chat")"
    expect "what still runs of the former one" "$(processes $((version - 1)))" 0
done
expect "spokes that are ready" "$(get_raw "$chat" | jq -r .status.ready)" "$agents/$agents"
