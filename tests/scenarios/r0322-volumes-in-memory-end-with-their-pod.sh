#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 120
# A volume in memory is freed when its pod is gone, and the next pod of that name
# does not find what the last one wrote.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
name=memory-$$
pod() {
    cat <<YAML
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: memory, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: Pod
      metadata: {name: $name, namespace: lab}
      spec:
        terminationGracePeriodSeconds: 0
        volumes: [{name: shm, emptyDir: {medium: Memory}}]
        containers:
        - name: main
          command: [sh, -c, 'ls /m; echo x >/m/$1; touch wrote; exec sleep 1000']
          volumeMounts: [{name: shm, mountPath: /m}]
YAML
}
folder=$TEST_DIR/edge-1/spoke/workloads/pods/lab.$name
volumes() { ls -d "/dev/shm/axle-$(id -u)/lab.$name-"* 2>/dev/null | wc -l; }
wrote() { [ -e "$folder/work/wrote" ]; }
is_freed() { [ ! -e "$folder" ] && [ "$(volumes)" = 0 ]; }
for run in first second; do
    pod "$run" | apply >/dev/null
    until_true 60 wrote || { object -n edge-1 manifestworks/memory | grep -q "needs a mount namespace" && skip "no mount namespace may be made here, so no pod has /m"; fail "it does not run"; }
    [ "$(volumes)" = 1 ] || skip "volumes are not kept in memory here"
    ! grep ' first$' "$folder/logs/main.log" || fail "what the last pod wrote is there"
    kubectl delete -n edge-1 manifestworks/memory >/dev/null
    until_true 60 is_freed || fail "still there: $(echo "/dev/shm/axle-$(id -u)/lab.$name-"*)"
done
