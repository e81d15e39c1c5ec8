#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A process that had come up and is killed is back at once, three times; the fourth time
# it waits, and one that cannot run waits from its second end on. The spoke says for how long.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
apply <<'YAML' >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: killed, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: well, namespace: lab}
      spec:
        selector: {matchLabels: {app: well}}
        template:
          metadata: {labels: {app: well}}
          spec: {containers: [{name: c, command: [sleep, "1000492"]}]}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: ill, namespace: lab}
      spec:
        selector: {matchLabels: {app: ill}}
        template:
          metadata: {labels: {app: ill}}
          spec: {containers: [{name: c, command: [sh, -c, "exit 3"]}]}
YAML
status() { "$AXLE" status spoke --data-dir "$TEST_DIR/edge-1" "$@"; }
container() { status -o json | jq -r --arg name "$1" '.works[].pods[] | select(.name | startswith($name)) | .containers[0] | '"$2"; }
waits() { [ "$(container "$1" '.state')" = waiting ]; }
until_true 30 waits ill || fail "what cannot run does not wait: $(status)"
expect "what cannot run has been started" "$(container ill .restarts)" 1
expect_contains "its next start" "$(status)" "next try 10 s after that (next start in "
[ -n "$(container ill '.nextStart // empty')" ] || fail "no time of the next start"

has_run() { [ "$(($(date +%s%N) / 1000000 - born))" -ge 2200 ]; }
runs_again() { pid=$(process_of 'sleep 1000492$') && [ "$pid" != "${killed:-}" ]; }
for n in 1 2 3; do
    until_true 20 runs_again || fail "it does not run"
    born=$(($(date +%s%N) / 1000000))
    until_true 10 has_run
    killed=$pid
    kill -9 "$killed"
    at=$(date +%s%N)
    until_true 20 runs_again || fail "it does not come back"
    [ $(($(date +%s%N) - at)) -lt 8000000000 ] || fail "the end number $n is followed by a pause"
done
born=$(($(date +%s%N) / 1000000))
until_true 10 has_run
kill -9 "$pid"
until_true 20 waits well || fail "it never waits: $(status)"
