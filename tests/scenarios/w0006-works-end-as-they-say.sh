#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 300
# Phases wait for health; a finished work goes after its time; one that vanished
# stays for a while; one with an executor is refused; orphans stay.
. "$(dirname "$0")/lib.sh"

mark=1005$$
start_hub
start_spoke edge-1 --eviction 8s

# work NAME DELETE-OPTION MANIFEST…
work() {
    local name=$1 option=$2
    shift 2
    cat <<YAML
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: $name, namespace: edge-1}
spec:
  deleteOption: {$option}
  workload:
    manifests:
$(printf '    - %s\n' "$@")
YAML
}
# job NAME PHASE SHELL; server NAME PHASE
job() { echo "{apiVersion: batch/v1, kind: Job, metadata: {name: $1, namespace: lab, annotations: {axle.dev/phase: '$2'}}, spec: {backoffLimit: 0, template: {spec: {restartPolicy: Never, containers: [{name: main, command: [sh, -c, '$3']}]}}}}"; }
server() { echo "{apiVersion: apps/v1, kind: Deployment, metadata: {name: $1, namespace: lab, annotations: {axle.dev/phase: '$2'}}, spec: {selector: {matchLabels: {app: $1}}, template: {metadata: {labels: {app: $1}}, spec: {containers: [{name: main, command: [sleep, '$mark'], env: [{name: OF, value: $1}]}]}}}}"; }
condition() { echo ".status.conditions[] | select(.type == \"$1\") | .status"; }
runs() {
    local pid
    for pid in $(pgrep -f "^sleep $mark" || true); do
        [ "$(tr "\0" "\n" 2>/dev/null <"/proc/$pid/environ" | grep -cx "OF=$1" || true)" = 1 ] && return 0
    done
    return 1
}
runs_not() { ! runs "$1"; }

# The server of phase 1 waits for the job of phase 0.
work phases 'propagationPolicy: Foreground' "$(server late 1)" "$(job first 0 "until [ -e go ]; do sleep 0.1; done")" | apply >/dev/null
row='.status.resourceStatus.manifests[] | select(.resourceMeta.name == "late") | .conditions[] | select(.type == "Available") | .message'
wait_for -t 60 -n edge-1 manifestworks/phases "$row" "waits for what comes before it to be healthy"
runs_not late || fail "it does not wait"
touch "$(find "$TEST_DIR/edge-1/spoke/workloads/pods" -path "*first*" -name work -type d | head -n 1)/go"
until_true 60 runs late || fail "it waits for ever"

# Complete, and gone from the hub and the spoke after its time.
work finished 'ttlSecondsAfterFinished: 2' "$(job once 0 true)" | apply >/dev/null
wait_gone -n edge-1 manifestworks/finished
until_true 60 sh -c "! '$AXLE' status spoke --data-dir '$TEST_DIR/edge-1' -o json | grep -q '\"name\": \"finished\"'"

# With the rights of another it is not applied, and nothing runs.
work executor 'propagationPolicy: Foreground' "$(server foreign 0)" | sed 's/^spec:/spec:\n  executor: {subject: {type: ServiceAccount, serviceAccount: {namespace: lab, name: other}}}/' | apply >/dev/null
wait_for -t 60 -n edge-1 manifestworks/executor "$(condition Applied)" False
wait_for -n edge-1 manifestworks/executor '.status.conditions[] | select(.type == "Degraded") | .reason' ExecutorNotSupported
expect_event executor ExecutorNotSupported
runs_not foreign || fail "a refused work runs"

# Said together with the end: what shall stay stays.
work staying 'propagationPolicy: Foreground' "$(server stays 0)" "$(server goes 0)" | apply >/dev/null
until_true 60 runs stays || fail "stays does not start"
until_true 60 runs goes || fail "goes does not start"
kubectl patch manifestwork staying -n edge-1 --type=merge -p '{"spec": {"deleteOption": {"propagationPolicy": "SelectivelyOrphan",
    "selectivelyOrphans": {"orphaningRules": [{"group": "apps", "resource": "deployments", "namespace": "lab", "name": "stays"}]}}}}' >/dev/null
kubectl delete manifestwork staying -n edge-1 --timeout=60s >/dev/null
until_true 60 runs_not goes || fail "what shall go stays"
runs stays || fail "what shall stay goes"

# Vanished without a word, while the spoke was away: it runs on, and comes back or goes.
work lost 'propagationPolicy: Foreground' "$(server lost 0)" | apply >/dev/null
until_true 60 runs lost || fail "it does not start"
wait_for -t 60 -n edge-1 manifestworks/lost "$(condition Available)" True
stop edge-1
kubectl delete manifestwork lost -n edge-1 --wait=false >/dev/null
kubectl patch manifestwork lost -n edge-1 --type=merge -p '{"metadata": {"finalizers": null}}' >/dev/null
wait_gone -n edge-1 manifestworks/lost
start edge-1 --mode=spoke --name edge-1 --data-dir "$TEST_DIR/edge-1" --eviction 8s
until_true 60 grep -q "lost has disappeared from the hub without a deletion" "$TEST_DIR/edge-1.log" || fail "nothing is said of it"
until_true 60 runs_not lost || fail "it stays for ever"
grep -q "lost: the hub has not had it for 8 s" "$TEST_DIR/edge-1.log" || fail "it went before its time"
