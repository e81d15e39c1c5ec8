#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Twenty spokes join, run an application and report it; all of them are cut off and come back,
# and the hub writes nothing for that. It holds the simulated fleet (tests/fleet) to its word too.
. "$(dirname "$0")/lib.sh"

count=20
start_hub
make_project lab acme
apply <<'YAML' >/dev/null
apiVersion: axle.dev/v1alpha1
kind: ComputePool
metadata: {name: farm, namespace: lab}
spec: {variant: Shared}
---
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: beat, namespace: lab}
spec:
  variables: [{name: v, type: string, default: one}]
  components: [{name: beat, type: worker, properties: {command: [sleep, "98765"], env: [{name: V, value: "{{ .var.v }}"}]}}]
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: beat, namespace: lab}
spec: {workloadProfileRefs: [{name: beat}]}
YAML
token_create --pool lab/farm --uses $count >"$TEST_DIR/token"

start_fleet "$TEST_DIR/token" $count
until_true 60 fleet_has watching $count || fail "not all join: $(cat "$TEST_DIR/fleet.events")"
expect "spokes that tell of their join" "$(fleet_events joined)" $count

apply <<'YAML' >/dev/null
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: beat, namespace: lab}
spec: {profileBundleRef: {name: beat}, computePoolRef: {name: farm}}
YAML
wait_for -n lab aiworkloads/beat .status.readySpokes $count
expect "containers that are said to run" "$(fleet_figure running)" $count
reported() { jq -r 'select(.event == "reported" and .available == 1) | .spoke' "$TEST_DIR/fleet.events" | sort -u | wc -l; }
expect "spokes that tell of their report" "$(reported)" $count

# Another version reaches all of them, as one generation more.
kubectl patch -n lab aiworkload beat --type merge -p '{"spec":{"variables":{"v":"two"}}}' >/dev/null
reports_of() { jq -r "select(.event == \"reported\" and .available == 1 and .generation == $1) | .spoke" "$TEST_DIR/fleet.events" | sort -u | wc -l; }
all_report() { [ "$(reports_of "$1")" = $count ]; }
until_true 60 all_report 2 || fail "$(reports_of 2) of $count report the change"
wait_for -n lab aiworkloads/beat .status.readySpokes $count

revision() { get_raw /metrics | sed -n 's/^axle_store_revision //p'; }
# The same for a second: what was on its way when it all looked well is written.
is_quiet() {
    local before
    before=$(revision)
    sleep 1
    [ "$(revision)" = "$before" ]
}
until_true 60 is_quiet || fail "the hub goes on writing"
before=$(revision)
lists=$(fleet_figure lists)
watches=$(fleet_events watching)
statuses=$(fleet_figure statuses)
tell_fleet drop
all_are_back() { [ "$(fleet_events watching)" -ge $((watches + count)) ] && fleet_has watching $count; }
until_true 60 all_are_back || fail "not all come back: $(cat "$TEST_DIR/fleet.events")"
expect "the connections were cut" "$(fleet_events dropped)" 1
until_true 60 is_quiet || fail "the hub goes on writing"
expect "writes of the hub because spokes were away" "$(($(revision) - before))" 0
expect "statuses that are sent again" "$(($(fleet_figure statuses) - statuses))" 0
expect "lists of works because spokes were away" "$(($(fleet_figure lists) - lists))" 0
expect "containers that still run" "$(fleet_figure running)" $count
expect "requests that were refused" "$(fleet_figure refused)" 0

stop fleet
