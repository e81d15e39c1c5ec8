#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Twenty thousand editors of a Project, compared each with each, stopped the whole hub
# for half a minute, at every change again. Ten thousand sets in an Environment took
# four gigabytes of it, because what was read to judge each one stayed until the end, and
# a pool of a thousand spokes one and a half, its tokens being read again for each.
. "$(dirname "$0")/lib.sh"

start_hub
tenants=/apis/axle.dev/v1alpha1/tenants projects=/apis/axle.dev/v1alpha1/projects
# send PATH FIELD COUNT ORDER [HTTP-STATUS]: a list of so many names at spec.FIELD.
send() {
    jq -cn --arg field "$2" --argjson n "$3" "{spec: {(\$field): ([range(\$n) | \"n\\(.)\"] $4)}}" >"$TEST_DIR/body"
    expect "$2" "$(status_of PATCH "$1" -H 'Content-Type: application/merge-patch+json' --data-binary @"$TEST_DIR/body")" "${5:-200}"
}
subjects() { get_raw "/apis/rbac.authorization.k8s.io/v1/namespaces/lab/rolebindings/axle:$1" | jq '.subjects | length'; }
has_subjects() { [ "$(subjects "$1")" = "$2" ]; }
make_project lab acme

# Its own time, so that other tests beside it make no difference.
hub_seconds() { awk -v hertz="$(getconf CLK_TCK)" '{ print int(($14 + $15) / hertz) }' "/proc/$(pid_of hub)/stat"; }
began=$(hub_seconds)
for list in viewers editors; do
    send "$projects/lab" "$list" 20000 ''
    send "$projects/lab" "$list" 20000 '| reverse'
done
until_true 60 has_subjects editors 20000 || fail "editors: $(subjects editors)"
# Who is named twice is bound once.
send "$projects/lab" editors 3 '| . + .'
until_true 60 has_subjects editors 3 || fail "editors: $(subjects editors)"
send "$projects/lab" viewers 0 ''
send "$tenants/acme" admins 5000 ''
send "$tenants/acme" admins 5000 '| reverse'
until_true 60 has_subjects admins 5000 || fail "admins: $(subjects admins)"
send "$tenants/acme" admins 0 ''

# Names that are looked up, each, come in portions.
send "$projects/lab" targetNamespaces 2000 '' 403
expect_contains "it says" "$(cat "$TEST_DIR/answer")" 'spec.targetNamespaces[1000]: at most 1000 names can be added at once'
send "$projects/lab" targetNamespaces 1000 ''
send "$projects/lab" targetNamespaces 1500 ''
# make KIND PLURAL SPEC HTTP-STATUS
make() {
    jq -cn --arg kind "$1" --argjson n 10000 "{apiVersion: \"axle.dev/v1alpha1\", kind: \$kind, metadata: {name: \"many\"}, spec: $3}" >"$TEST_DIR/body"
    expect "$1" "$(status_of POST "/apis/axle.dev/v1alpha1/namespaces/lab/$2" -H 'Content-Type: application/json' --data-binary @"$TEST_DIR/body")" "$4"
}
make Environment environments '{topology: {properties: {placement: {clusterSets: [range($n) | "lab.s\(.)"]}}}}' 403
expect_contains "it says" "$(cat "$TEST_DIR/answer")" 'placement.clusterSets[1000]: at most 1000 names can be added at once'
make ComputePool computepools '{spokes: [range(300) | "w\(.)"]}' 201
tokens() { [ "$(get_raw /apis/axle.dev/v1alpha1/jointokens | jq '.items | length')" = "$1" ]; }
until_true 60 tokens 300 || fail "tokens"
expect "deleted" "$(status_of DELETE /apis/axle.dev/v1alpha1/namespaces/lab/computepools/many)" 200
until_true 60 tokens 0 || fail "tokens are left"
busy=$(($(hub_seconds) - began))
[ $busy -lt 60 ] || fail "the hub was busy for $busy s"
