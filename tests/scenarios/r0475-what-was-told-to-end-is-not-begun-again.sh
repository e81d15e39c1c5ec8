#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 120
# An agent is killed after it told pods to end, and they end without it: the next one neither
# starts them again nor takes them for lost, and a Job that was suspended has not failed.
. "$(dirname "$0")/lib.sh"

mark=1475$$
chmod 711 "$TEST_DIR"
start_hub
start_spoke edge-1
starts=$TEST_DIR/edge-1/spoke/workloads/claims/lab.starts

# work REPLICAS SUSPENDED
work() {
    apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: ending, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata: {name: starts, namespace: lab}
      spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Mi}}}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, namespace: lab}
      spec:
        replicas: $1
        selector: {matchLabels: {app: web}}
        template: {metadata: {labels: {app: web}}, spec: $(spec Always web)}
    - apiVersion: batch/v1
      kind: Job
      metadata: {name: once, namespace: lab}
      spec: {backoffLimit: 0, suspend: $2, template: {spec: $(spec Never once)}}
YAML
}
# It is told to end, waits until it may, and fails; a second start ends well.
spec() {
    cat <<YAML
{restartPolicy: $1, terminationGracePeriodSeconds: 30,
 volumes: [{name: starts, persistentVolumeClaim: {claimName: starts}}],
 containers: [{name: c, volumeMounts: [{name: starts, mountPath: starts}],
  command: [bash, -c, "echo x >>starts/$2; [ $2 = web ] || [ ! -e starts/go ] || exit 0; trap 'touch starts/term-$2; until [ -e starts/go ]; do sleep 0.05; done; exit 3' TERM; while :; do sleep 0.05; : $mark; done"]}]}
YAML
}
work 1 false
have_begun() { [ -s "$starts/web" ] && [ -s "$starts/once" ]; }
until_true 60 have_begun || fail "they do not begin"
sleep_is_seen() { [ "$(pgrep -fc ": $mark")" -ge 2 ]; }
until_true 30 sleep_is_seen || fail "they do not run"

work 0 true
are_told() { [ -e "$starts/term-web" ] && [ -e "$starts/term-once" ]; }
until_true 60 are_told || fail "they are not told to end"
crash edge-1
touch "$starts/go"
is_over() { ! pgrep -f "^bash.*: $mark" >/dev/null; }
until_true 30 is_over || fail "they do not end"
start_spoke edge-1

status() { "$AXLE" status spoke --data-dir "$TEST_DIR/edge-1" -o json; }
is_tidy() { [ "$(status | jq '[.works[].pods[]?] | length')" = 0 ]; }
until_true 60 is_tidy || fail "pods stay: $(status)"
expect "starts of the pod that was scaled away" "$(wc -l <"$starts/web")" 1
said=$(get_raw /api/v1/namespaces/edge-1/events | jq -r '.items[] | select(.reason == "Lost" or .reason == "Restarted") | .message')
expect "what Events say" "$said" ""

work 0 false
once() { status | jq -r '.works[].objects[]? | select(.name == "once") | "\(.health) \(.reason)"'; }
is_complete() { [ "$(once)" = "Current Completed" ]; }
until_true 30 is_complete || fail "a Job that was suspended and went on: $(once)"
expect "starts of the Job" "$(wc -l <"$starts/once")" 2
