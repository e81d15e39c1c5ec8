#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 180
# Whatever ttlSecondsAfterFinished says, also when only its ConfigMap changes and when
# agents die in between; and backoffLimit counts restarts in place, of init containers
# and of commands that are not there.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
log() { cat "$TEST_DIR"/edge-1/spoke/workloads/claims/lab.runs/"$1" 2>/dev/null || true; }

# release VERSION: a migration that fails, one that does not, one that reads a ConfigMap.
release() {
    apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: migrate, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata: {name: runs, namespace: lab}
      spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Mi}}}
    - apiVersion: v1
      kind: ConfigMap
      metadata: {name: version, namespace: lab}
      data: {V: "$1"}
$(job good "backoffLimit: 0, ttlSecondsAfterFinished: 0" Never "echo $1 >>runs/good")
$(job bad "backoffLimit: 0, ttlSecondsAfterFinished: 0" Never "echo $1 >>runs/bad; exit 3")
$(job config "backoffLimit: 0, ttlSecondsAfterFinished: 0" Never 'echo $V >>runs/config')
YAML
}
job() {
    cat <<YAML
    - apiVersion: batch/v1
      kind: Job
      metadata: {name: $1, namespace: lab}
      spec:
        {$2, template: {spec: {restartPolicy: $3, volumes: [{name: runs, persistentVolumeClaim: {claimName: runs}}],
          containers: [{name: c, command: [sh, -c, "$4"], envFrom: [{configMapRef: {name: version}}],
          volumeMounts: [{name: runs, mountPath: runs}]}]}}}
YAML
}
has_run() { [ "$(log good)" = "$1" ] && [ "$(log bad)" = "$1" ] && [ "$(log config)" = "$1" ]; }
is_tidy() { [ "$("$AXLE" status spoke --data-dir "$TEST_DIR/edge-1" -o json | jq '[.works[].pods[]?] | length')" = 0 ]; }
runs=
for version in one two three two; do
    release $version
    runs+=${runs:+$'\n'}$version
    until_true 60 has_run "$runs" || fail "$version: not run once: $(log good) / $(log bad) / $(log config)"
    until_true 60 is_tidy || fail "$version: pods stay after ttlSecondsAfterFinished"
    crash edge-1
    start_spoke edge-1
done
has_run "$runs" || fail "something was run twice: $(log good) / $(log bad) / $(log config)"

apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: limits, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata: {name: tries, namespace: lab}
      spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Mi}}}
    - apiVersion: batch/v1
      kind: Job
      metadata: {name: onfailure, namespace: lab}
      spec: {backoffLimit: 1, template: &a {spec: {restartPolicy: OnFailure, volumes: [{name: p, persistentVolumeClaim: {claimName: tries}}],
        containers: [{name: c, command: [sh, -c, "echo x >>p/\$JOB; exit 1"], env: [{name: JOB, valueFrom: {fieldRef: {fieldPath: "metadata.labels['job-name']"}}}], volumeMounts: [{name: p, mountPath: p}]}]}}}
    - apiVersion: batch/v1
      kind: Job
      metadata: {name: none, namespace: lab}
      spec: {backoffLimit: 0, template: *a}
    - apiVersion: batch/v1
      kind: Job
      metadata: {name: indexed, namespace: lab}
      spec: {backoffLimitPerIndex: 1, completions: 2, parallelism: 2, completionMode: Indexed, template: *a}
    - apiVersion: batch/v1
      kind: Job
      metadata: {name: init, namespace: lab}
      spec: {backoffLimit: 1, template: {spec: {restartPolicy: OnFailure, volumes: [{name: p, persistentVolumeClaim: {claimName: tries}}],
        initContainers: [{name: i, command: [sh, -c, "echo x >>p/init; exit 1"], volumeMounts: [{name: p, mountPath: p}]}],
        containers: [{name: c, command: ["true"]}]}}}
    - apiVersion: batch/v1
      kind: Job
      metadata: {name: nofile, namespace: lab}
      spec: {backoffLimit: 1, template: {spec: {restartPolicy: OnFailure, containers: [{name: c, command: [/no/such]}]}}}
YAML
reasons() {
    "$AXLE" status spoke --data-dir "$TEST_DIR/edge-1" -o json | jq -r '[.works[] | select(.name == "limits") | .objects[]? | select(.kind == "Job") | "\(.name) \(.reason)"] | sort | join(", ")'
}
wanted="indexed FailedIndexes, init BackoffLimitExceeded, nofile BackoffLimitExceeded, none BackoffLimitExceeded, onfailure BackoffLimitExceeded"
are_over() { [ "$(reasons)" = "$wanted" ]; }
until_true 60 are_over || fail "not all are over: $(reasons)"
tries() { wc -l <"$TEST_DIR/edge-1/spoke/workloads/claims/lab.tries/$1"; }
expect "tries with backoffLimit 1" "$(tries onfailure)" 2
expect "tries with backoffLimit 0" "$(tries none)" 1
expect "tries of two indexes with backoffLimitPerIndex 1" "$(tries indexed)" 4
expect "tries of an init container" "$(tries init)" 2
