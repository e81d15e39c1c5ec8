#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 180
# A template that does not work is stuck; meanwhile every old pod crashes, and one is
# lost with its shim: each is restarted in place or made of its old template again,
# also by an agent that was killed and comes back. Then a third template goes through.
. "$(dirname "$0")/lib.sh"

mark=1041$$
start_hub
start_spoke edge-1

# manifests WORDS-OF-THE-COMMAND: a Deployment that has no room for one less, and a StatefulSet.
manifests() {
    cat <<YAML
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: web, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, namespace: lab}
      spec:
        replicas: 2
        strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
        selector: {matchLabels: {app: web}}
        template: &template
          metadata: {labels: {app: web}}
          spec:
            terminationGracePeriodSeconds: 0
            containers:
            - name: c
              command: [sh, -c, "$1"]
              readinessProbe: {exec: {command: [test, -e, ok]}, periodSeconds: 1, failureThreshold: 1}
    - apiVersion: apps/v1
      kind: StatefulSet
      metadata: {name: set, namespace: lab}
      spec:
        replicas: 2
        serviceName: set
        selector: {matchLabels: {app: set}}
        template:
          metadata: {labels: {app: set}}
          spec:
            terminationGracePeriodSeconds: 0
            containers:
            - name: c
              command: [sh, -c, "$1"]
              readinessProbe: {exec: {command: [test, -e, ok]}, periodSeconds: 1, failureThreshold: 1}
YAML
}
apply <<<"$(manifests "touch ok; exec sleep $mark" | sed 's/ &template//')" >/dev/null
wait_for -n edge-1 manifestworks/web '.status.conditions[] | select(.type == "Available") | .status' True

status() { "$AXLE" status spoke --data-dir "$TEST_DIR/edge-1" -o json; }
# Ready pods whose command is the good one, by their processes.
good() { pgrep -fc "^sleep $mark" || true; }
ready() { status | jq '[.works[].pods[]? | select(.ready)] | length'; }
has_four() { [ "$(good)" = 4 ] && [ "$(ready)" = 4 ]; }
until_true 60 has_four || fail "the good ones do not run: $(status)"

apply <<<"$(manifests "exit 7" | sed 's/ &template//')" >/dev/null
is_stuck() { [ "$(status | jq '[.works[].pods[]? | select(.containers[0].reason == "CrashLoopBackOff")] | length')" = 2 ]; }
until_true 60 is_stuck || fail "it is not stuck: $(status)"
# Of the set the highest one was taken, of the Deployment nothing.
has_three() { [ "$(good)" = 3 ] && [ "$(ready)" = 3 ]; }
until_true 30 has_three || fail "more or less than the budget: $(status)"

names() { status | jq -r '[.works[].pods[]? | select(.ready) | .name] | sort | join(" ")'; }
before=$(names)
pkill -9 -f "^sleep $mark"
until_true 60 has_three || fail "pods that crashed were not restarted: $(status)"
expect "the pods after a crash" "$(names)" "$before"

# A shim is killed with all of its pod, and the agent with it.
crash edge-1
shim=$(ps -o ppid= -p "$(pgrep -f "^sleep $mark" | head -n 1)" | tr -d ' ')
while [ "$(ps -o ppid= -p "$shim" | tr -d ' ')" != 1 ] && ps -o args= -p "$(ps -o ppid= -p "$shim" | tr -d ' ')" | grep -q axle; do
    shim=$(ps -o ppid= -p "$shim" | tr -d ' ')
done
kill -9 "$shim"
start_spoke edge-1
until_true 60 has_three || fail "a lost pod was not made of its old template: $(status)"
is_stuck || until_true 60 is_stuck || fail "the new one is gone: $(status)"

apply <<<"$(manifests "touch ok; exec sleep $mark 1" | sed 's/ &template//')" >/dev/null
wait_for -t 90 -n edge-1 manifestworks/web '.status.conditions[] | select(.type == "Available") | .status' True
is_third() { [ "$(pgrep -fc "^sleep $mark 1" || true)" = 4 ] && [ "$(good)" = 4 ]; }
until_true 60 is_third || fail "the third template does not get through: $(status)"
