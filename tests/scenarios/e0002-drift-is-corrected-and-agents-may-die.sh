#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A killed process comes back; an agent that is killed finds its workloads again
# and doubles nothing; without its hub a spoke goes on healing.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
marker=$((RANDOM + 100000))

make_project research acme "clusterSets: [global]"
apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: sleeper, namespace: research}
spec:
  components:
  - {name: main, type: worker, properties: {command: [sleep, "$marker"], files: {note.txt: "as delivered"}}}
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: sleeper, namespace: research}
spec: {workloadProfileRefs: [{name: sleeper}]}
---
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: everywhere, namespace: research}
spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: nap, namespace: research}
spec: {profileBundleRef: {name: sleeper}, environmentRef: {name: everywhere}}
YAML
wait_for -n research aiworkloads/nap .status.phase Running

processes() { pgrep -x -f "sleep $marker" || true; }
is_one_but() { local now; now=$(processes); [ "$(wc -w <<<"$now")" = 1 ] && [ "$now" != "$1" ]; }

# Killed: back, counted, and said.
first=$(processes)
kill -9 "$first"
until_true 10 is_one_but "$first" || fail "not back: $(processes)"
wait_for -n edge-1 workloads/nap-sleeper .status.restarts 1

# A delivered file that is edited or removed is put back.
file=$(find "$TEST_DIR/edge-1/spoke/workloads/pods" -name note.txt | head -n 1)
[ -n "$file" ] || fail "the file was not delivered"
is_as_delivered() { [ "$(cat "$file" 2>/dev/null)" = "as delivered" ]; }
echo changed >"$file" 2>/dev/null || true
until_true 10 is_as_delivered || fail "an edited file stays: $(cat "$file")"

# The agent dies: the process does not, and the next agent takes it over.
second=$(processes)
crash edge-1
expect "the process without its agent" "$(processes)" "$second"
start_spoke edge-1
wait_for -n research aiworkloads/nap .status.phase Running
expect "the process under the next agent" "$(processes)" "$second"

# It ends while no agent is there: the next one knows and starts it again.
crash edge-1
kill -9 "$second"
start_spoke edge-1
until_true 10 is_one_but "$second" || fail "not started again"

# No hub: healing goes on.
third=$(processes)
crash hub
kill -9 "$third"
until_true 20 is_one_but "$third" || fail "without a hub nothing comes back"

# And with the hub back everything is known again.
start_hub
wait_for -n research aiworkloads/nap .status.phase Running
kubectl delete aiworkload nap -n research --timeout=60s >/dev/null
is_none() { [ -z "$(processes)" ]; }
until_true 20 is_none || fail "still running"
