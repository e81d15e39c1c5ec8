#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 120
# A Job's pod has failed, and its agent is killed again and again, more often than the pause
# before the next try is long: the try comes nevertheless, and a Job's TTL passes.
. "$(dirname "$0")/lib.sh"

chmod 711 "$TEST_DIR"
start_hub
start_spoke edge-1
apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: tried, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata: {name: tries, namespace: lab}
      spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Mi}}}
    - apiVersion: batch/v1
      kind: Job
      metadata: {name: tried, namespace: lab}
      spec:
        backoffLimit: 1
        ttlSecondsAfterFinished: 5
        template:
          spec:
            restartPolicy: Never
            volumes: [{name: tries, persistentVolumeClaim: {claimName: tries}}]
            containers:
            - name: c
              command: [sh, -c, "echo x >>tries/log; exit 7"]
              volumeMounts: [{name: tries, mountPath: tries}]
YAML
tries() { wc -l 2>/dev/null <"$TEST_DIR/edge-1/spoke/workloads/claims/lab.tries/log" || echo 0; }
status() { "$AXLE" status spoke --data-dir "$TEST_DIR/edge-1" -o json; }
has_failed() { [ "$(tries)" = 1 ]; }
until_true 30 has_failed || fail "it does not begin"
begun=${EPOCHREALTIME/[.,]/}
kill_again() {
    crash edge-1
    start_spoke edge-1
    "$@"
}
is_tried_again() { [ "$(tries)" = 2 ]; }
until_true 60 kill_again is_tried_again || fail "there is no second try after a minute of kills"
[ $((${EPOCHREALTIME/[.,]/} - begun)) -ge 9000000 ] || fail "it was tried again without its pause"
is_tidy() { [ "$(status | jq '[.works[].pods[]?] | length')" = 0 ]; }
until_true 60 kill_again is_tidy || fail "its ttlSecondsAfterFinished never passes: $(status)"
expect "tries" "$(tries)" 2
