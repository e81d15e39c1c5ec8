#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 120
# A container ends between the moment that its probe was begun and the one when the probe
# enters its namespaces (slow, as one of a container that has used its CPU time up): the
# command does not run at all, least of all in the machine's own namespaces.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || skip "not root: what is traced here belongs to the spoke"
type -P strace >/dev/null || skip "no strace to make the probe slow with"
chmod 711 "$TEST_DIR"
mkdir -m 777 "$TEST_DIR/open"
start_hub
start_spoke edge-1
go=$TEST_DIR/edge-1/spoke/workloads/claims/lab.go/go
apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: probed, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata: {name: go, namespace: lab}
      spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Mi}}}
    - apiVersion: batch/v1
      kind: Job
      metadata: {name: probed, namespace: lab}
      spec:
        template:
          spec:
            restartPolicy: Never
            volumes: [{name: go, persistentVolumeClaim: {claimName: go}}]
            containers:
            - name: c
              command: [sh, -c, "touch /pod/work/go/begun; until [ -e /pod/work/go/go ]; do sleep 0.05; done"]
              workingDir: /
              volumeMounts: [{name: go, mountPath: go}]
              livenessProbe: {exec: {command: [sh, -c, "touch $TEST_DIR/open/escaped"]}, periodSeconds: 1, timeoutSeconds: 20, failureThreshold: 99}
YAML
has_begun() { [ -e "${go%go}begun" ]; }
until_true 60 has_begun || fail "it does not begin"
shim=$(pgrep -f "axle shim $TEST_DIR/edge-1/.*probed" | while read -r pid; do
    [ "$(cat "/proc/$pid/comm")" != axle-shim ] || echo "$pid"
done | head -n 1)
init=$(cut -d' ' -f1 "/proc/$shim/task/$shim/children")
[ -d "/proc/$init/ns" ] || fail "no init of the container: shim $shim, $(pgrep -af "axle shim")"
[ "$(readlink "/proc/$init/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ] || skip "pods have no namespaces here"

strace -f -qq -p "$shim" -P "/proc/$init/root" -e inject=openat:delay_enter=5000000 -o "$TEST_DIR/traced" &
tracer=$!
is_slow() { grep -q "/proc/$init/root" "$TEST_DIR/traced" 2>/dev/null; }
until_true 30 is_slow || skip "strace cannot make it slow here"
touch "$go"
is_complete() { "$AXLE" status spoke --data-dir "$TEST_DIR/edge-1" -o json | jq -e '.works[].objects[]? | select(.name == "probed" and .reason == "Completed")' >/dev/null; }
until_true 60 is_complete || fail "it does not end"
guard=$(cut -d' ' -f1 "$TEST_DIR/traced" | head -n 1)
has_answered() { [ ! -d "/proc/$guard" ]; }
until_true 30 has_answered || fail "the probe still waits"
kill $tracer 2>/dev/null || true
wait $tracer 2>/dev/null || true
[ ! -e "$TEST_DIR/open/escaped" ] || fail "the probe's command ran outside: $(cat "$TEST_DIR/traced")"
