#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A StatefulSet whose start script takes its ordinal from hostname: the pod's name, for
# its probes too, and it resolves. The machine keeps its own; a bad one is refused.
. "$(dirname "$0")/lib.sh"

chmod 711 "$TEST_DIR"
unshare --uts --mount --pid --fork true 2>/dev/null || skip "not root: no UTS namespace may be made here"
start_hub
start_spoke edge-1
machine=$(hostname)
pods=$TEST_DIR/edge-1/spoke/workloads/pods
apply >/dev/null <<YAML
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: named, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: apps/v1
      kind: StatefulSet
      metadata: {name: db, namespace: lab}
      spec:
        replicas: 2
        selector: {matchLabels: {app: db}}
        serviceName: db
        template:
          metadata: {labels: {app: db}}
          spec:
            terminationGracePeriodSeconds: 0
            containers:
            - name: main
              command: [sh, -c, 'echo "\$(hostname) \$HOSTNAME \$(uname -n) \$(getent hosts \$(hostname) | cut -d" " -f1)" >is; exec sleep 1000']
              readinessProbe: {periodSeconds: 1, exec: {command: [sh, -c, 'hostname >probe; [ "\$(hostname)" = "\$HOSTNAME" ]']}}
    - apiVersion: v1
      kind: Pod
      metadata: {name: given, namespace: lab}
      spec:
        hostname: tester
        terminationGracePeriodSeconds: 0
        containers: [{name: main, command: [sh, -c, 'hostname >is; hostname mine 2>/dev/null; exec sleep 1000']}]
    - apiVersion: v1
      kind: Pod
      metadata: {name: bad, namespace: lab}
      spec:
        hostname: "bank 10.0.0.1"
        containers: [{name: main, command: [sleep, "1000"]}]
YAML
is() { cat "$pods/$1/work/is" 2>/dev/null; }
both() { [ -n "$(is lab.db-1)" ] && [ -e "$pods/lab.db-1/work/probe" ] && [ -n "$(is lab.given)" ]; }
status() { object -n edge-1 manifestworks/named | jq -c .status; }
until_true 60 both || fail "they do not run: $(status)"
expect "the first" "$(is lab.db-0)" "db-0 db-0 db-0 127.0.0.1"
expect "the second" "$(is lab.db-1)" "db-1 db-1 db-1 127.0.0.1"
expect "its probe" "$(cat "$pods/lab.db-1/work/probe")" db-1
expect "spec.hostname" "$(is lab.given)" tester
expect "the machine's" "$(hostname)" "$machine"
is_refused() { case $(status) in *'spec.hostname \"bank 10.0.0.1\" is no DNS label'*) ;; *) return 1 ;; esac; }
until_true 60 is_refused || fail "a bad one is not refused: $(status)"
