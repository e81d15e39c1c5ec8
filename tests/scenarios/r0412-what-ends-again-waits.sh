#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 150
# A StatefulSet that is evicted again waits, a lone Pod stays ended (also for the next
# agent), what cannot be made is tried with pauses; and a main process that copes with a
# child that was killed for memory has succeeded.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
apply <<'YAML' >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: again, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata: {name: starts, namespace: lab}
      spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Mi}}}
    - apiVersion: apps/v1
      kind: StatefulSet
      metadata: {name: eater, namespace: lab}
      spec:
        serviceName: eater
        selector: {matchLabels: {app: eater}}
        template:
          metadata: {labels: {app: eater}}
          spec:
            terminationGracePeriodSeconds: 0
            volumes: [{name: starts, persistentVolumeClaim: {claimName: starts}}, {name: small, emptyDir: {sizeLimit: 64Ki}}]
            containers:
            - name: c
              command: [sh, -c, "echo x >>starts/set; head -c 1000000 /dev/zero >small/x; exec sleep 1000"]
              volumeMounts: [{name: starts, mountPath: starts}, {name: small, mountPath: small}]
    - apiVersion: v1
      kind: Pod
      metadata: {name: lone, namespace: lab}
      spec:
        terminationGracePeriodSeconds: 0
        volumes: [{name: starts, persistentVolumeClaim: {claimName: starts}}, {name: small, emptyDir: {sizeLimit: 64Ki}}]
        containers:
        - name: c
          command: [sh, -c, "echo x >>starts/pod; head -c 1000000 /dev/zero >small/x; exec sleep 1000"]
          volumeMounts: [{name: starts, mountPath: starts}, {name: small, mountPath: small}]
    - apiVersion: batch/v1
      kind: Job
      metadata: {name: ignores, namespace: lab}
      spec:
        backoffLimit: 0
        podFailurePolicy: {rules: [{action: FailJob, onPodConditions: [{type: DisruptionTarget}]}]}
        template:
          spec:
            restartPolicy: Never
            volumes: [{name: small, emptyDir: {sizeLimit: 64Ki}}]
            containers:
            - {name: c, command: [sh, -c, "head -c 1000000 /dev/zero >small/x; exec sleep 1000"], volumeMounts: [{name: small, mountPath: small}]}
YAML
status() { "$AXLE" status spoke --data-dir "$TEST_DIR/edge-1" -o json; }
says() {
    status | jq -r --arg name "$1" '.works[].objects[]? | select(.name == $name and .kind != "PersistentVolumeClaim") | "\(.health) \(.reason): \(.message)"'
}
starts() { wc -l <"$TEST_DIR/edge-1/spoke/workloads/claims/lab.starts/$1"; }
all_wait() {
    case "$(says eater)/$(says lone)/$(says ignores)" in
    "Failed Evicted: volume small holds"*"next try 10 s after that/Failed Evicted: volume small holds"*/"Failed PodFailurePolicy: condition DisruptionTarget"*) ;;
    *) return 1 ;;
    esac
}
until_true 60 all_wait || fail "they do not wait: $(says eater) / $(says lone) / $(says ignores)"
[ "$(starts set)" -le 3 ] || fail "the set has started $(starts set) times in a moment"
events_of() { get_raw /api/v1/namespaces/edge-1/events | jq -c --arg name "$1" '[.items[] | select(.involvedObject.name == $name and .reason == "Evicted") | .count]'; }
is_counted() { [ "$(events_of eater)" = "[3]" ]; }
until_true 60 is_counted || fail "not one Event that is counted: $(events_of eater)"
crash edge-1
start_spoke edge-1
stays_ended() { case $(says lone) in "Failed Evicted: volume small holds"*) ;; *) return 1 ;; esac; }
until_true 30 stays_ended || fail "the next agent does not know: $(says lone)"
expect "starts of the lone Pod" "$(starts pod)" 1

[ "$(status | jq -r '[.. | objects | .cgroup? // empty | select(. == "v1" or . == "v2")] | length > 0')" = true ] || skip "no control groups to limit memory with"
type -P python3 >/dev/null || skip "no python3 to use memory up"
apply <<'YAML' >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: memory, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: batch/v1
      kind: Job
      metadata: {name: copes, namespace: lab}
      spec:
        backoffLimit: 0
        template:
          spec:
            restartPolicy: Never
            containers:
            - name: c
              resources: {limits: {memory: 40Mi}}
              command: [sh, -c, "python3 -c 'x=[]\nwhile True: x.append(bytearray(1<<20))'; echo child $?; exit 0"]
YAML
copes() { status | jq -r '.works[].objects[]? | select(.name == "copes") | "\(.health) \(.reason)"'; }
is_complete() { [ "$(copes)" = "Current Completed" ]; }
until_true 60 is_complete || fail "it has not succeeded: $(copes)"
expect_event copes OOMKilling
