#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The pretended machines of axle-fleet fail when they are told to, and its words are looked at.
. "$(dirname "$0")/lib.sh"

start_hub
make_project lab acme
apply <<'YAML' >/dev/null
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: beat, namespace: lab}
spec: {components: [{name: beat, type: worker, properties: {command: [sleep, "98765"]}}]}
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: beat, namespace: lab}
spec: {workloadProfileRefs: [{name: beat}]}
---
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: all, namespace: lab}
spec: {topology: {type: topology-ocm}}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: beat, namespace: lab}
spec: {profileBundleRef: {name: beat}, environmentRef: {name: all}}
YAML
token_create --uses 3 >"$TEST_DIR/token"

expect_refused "--count" "$FLEET" --hub "$SERVER" --token-file "$TEST_DIR/token" --count 0
expect_refused "count takes a number" "$FLEET" --hub "$SERVER" --token-file "$TEST_DIR/token" --count many
expect_refused "--counts is no option" "$FLEET" --counts 3

# Every start fails with this exit code, and the hub is told so.
start_fleet "$TEST_DIR/token" 3 --fail-percent 100 --exit-code 7 --runtime-delay 5
until_true 60 fleet_has watching 3 || fail "not all join: $(cat "$TEST_DIR/fleet.events")"
told_exit_code() { get_raw "/apis/axle.dev/v1alpha1/namespaces/$1/workloads" | grep -q 'code 7'; }
for spoke in spoke-00001 spoke-00002 spoke-00003; do
    until_true 60 told_exit_code $spoke ||
        fail "$spoke says nothing of exit code 7: $(get_raw "/apis/axle.dev/v1alpha1/namespaces/$spoke/workloads")"
done
expect "works that are said to be available" "$(jq -s 'map(select(.event == "reported" and .available == 1)) | length' "$TEST_DIR/fleet.events")" 0
tell_fleet nonsense
told_unknown() { grep -q '"event":"unknown".*nonsense' "$TEST_DIR/fleet.events"; }
until_true 60 told_unknown || fail "a command that is none is passed over"
stop fleet
