#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 900
# The agent of a spoke is killed at random moments (KILLS of them, 300 with DEEP=1) while
# Deployments and a StatefulSet with claims get new templates and Jobs end with exit codes of
# their own: no pod starts twice, none is doubled, no exit code is lost, no budget broken,
# and nothing is left when all is deleted.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || skip "not root: pods have neither namespaces nor groups"
kills=${KILLS:-$([ -n "${DEEP:-}" ] && echo 300 || echo 12)}
RANDOM=${SEED:=$$}
echo "SEED=$SEED"
mark=kk$$
chmod 711 "$TEST_DIR"
start_hub
start_spoke edge-1 --allow-ids 2000
log=$TEST_DIR/edge-1/spoke/workloads/claims/lab.starts/log

# One line for each start; the name in ps stands for a pod that is ready. A probe may take
# its time: late because the machine is busy is not what this looks for.
# template APP VERSION [MORE-OF-THE-CONTAINER] [MORE-MOUNTS]
template() {
    cat <<YAML
          metadata: {labels: {app: $1}}
          spec:
            terminationGracePeriodSeconds: 1
            volumes: [{name: starts, persistentVolumeClaim: {claimName: starts}}]
            securityContext: {fsGroup: 2000}
            containers:
            - name: c
              env: [{name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: VERSION, value: "$2"}]
              command: [bash, -c, "echo \"\$POD \$VERSION\" >>starts/log; sleep 0.4; exec -a \"$mark \$POD\" python3 -c 'import time; open(\"ok\", \"w\").close(); time.sleep(100000)'"]
              volumeMounts: [{name: starts, mountPath: starts}${4:-}]
              ports: [{name: http, containerPort: 0}]
              readinessProbe: {exec: {command: [test, -e, ok]}, periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 60}
              ${3:-}
YAML
}
deployment() {
    cat <<YAML
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: $1, namespace: lab}
      spec:
        replicas: $2
        strategy: {rollingUpdate: {maxSurge: $3, maxUnavailable: $4}}
        selector: {matchLabels: {app: $1}}
        template:
YAML
    shift 4
    template "$@"
}
work() {
    apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: mixed, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata: {name: starts, namespace: lab}
      spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Mi}}}
    - apiVersion: v1
      kind: Service
      metadata: {name: steady, namespace: lab}
      spec: {selector: {app: steady}, ports: [{port: 80, targetPort: http}]}
$(deployment steady 3 1 0 steady 0 "livenessProbe: {exec: {command: [test, -d, starts]}, periodSeconds: 1, failureThreshold: 2, initialDelaySeconds: 2, timeoutSeconds: 60}")
$(deployment surges 4 1 0 surges "$1")
$(deployment spares 4 0 1 spares "$1")
    - apiVersion: apps/v1
      kind: StatefulSet
      metadata: {name: set, namespace: lab}
      spec:
        replicas: 3
        serviceName: set
        selector: {matchLabels: {app: set}}
        volumeClaimTemplates: [{metadata: {name: own}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}]
        template:
$(template set "$1" "" ", {name: own, mountPath: own}")
    - apiVersion: v1
      kind: Pod
      metadata: {name: lone, namespace: lab}
      spec:
$(template lone 0 | sed '1,2d; s/^    //')
YAML
}
# job NUMBER CODE LIMIT
job() {
    apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: job-$1, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: batch/v1
      kind: Job
      metadata: {name: job-$1, namespace: lab}
      spec:
        backoffLimit: $3
        template:
          spec:
            restartPolicy: Never
            securityContext: {fsGroup: 2000}
            terminationGracePeriodSeconds: 1
            volumes: [{name: starts, persistentVolumeClaim: {claimName: starts}}]
            containers:
            - name: c
              command: [bash, -c, "echo job-$1 >>starts/jobs; sleep 0.$((RANDOM % 10)); exit $2"]
              volumeMounts: [{name: starts, mountPath: starts}]
YAML
}
status() { "$AXLE" status spoke --data-dir "$TEST_DIR/edge-1" -o json; }
pods() { ps -eo args= | sed -n "s/^$mark \([^ ]*\) .*/\1/p" | sort; }
count() { grep -c "^$1-" <<<"$2" || true; }
is_within() {
    seen=$(pods)
    [ "$(count steady "$seen")" = 3 ] && [ "$(count surges "$seen")" -ge 4 ] && [ "$(count spares "$seen")" -ge 3 ] &&
        [ "$(count set "$seen")" -ge 2 ] && grep -qx lone <<<"$seen" && [ -z "$(uniq -d <<<"$seen")" ]
}

work 0
is_up() { is_within && [ "$(wc -l <<<"$seen")" = 15 ] && [ "$(status | jq '[.works[].pods[]? | select(.ready)] | length')" = 15 ]; }
until_true 60 is_up || fail "it does not begin: $(pods | paste -sd' ')"

# What ps does not show at once may be a moment of its own: twice in a row is a fault.
watch() {
    while [ ! -e "$TEST_DIR/over" ]; do
        is_within || is_within || echo "$EPOCHREALTIME $(paste -sd' ' <<<"$seen")" >>"$TEST_DIR/broken"
    done
}
watch &
watcher=$!
change() {
    local version=0 number=0
    while [ ! -e "$TEST_DIR/over" ]; do
        version=$((version + 1))
        work $version
        for ((i = 0; i < 2; i++)); do
            number=$((number + 1))
            local code=$((number % 3 ? number % 120 + 3 : 0)) limit=$((number % 2))
            echo "$number $code $limit" >>"$TEST_DIR/wanted"
            job $number $code $limit
            sleep 2
        done
    done
    echo $version >"$TEST_DIR/version"
}
change &
changer=$!
for ((killed = 0; killed < kills; killed++)); do
    crash edge-1
    start edge-1 --mode=spoke --name edge-1 --data-dir "$TEST_DIR/edge-1" --allow-ids 2000
    sleep "$((RANDOM % 2 ? 0 : RANDOM % 3)).$(printf %03d $((RANDOM % 500)))"
done
touch "$TEST_DIR/over.soon"
mv "$TEST_DIR/over.soon" "$TEST_DIR/over"
wait $watcher $changer
echo "$killed kills, $(cat "$TEST_DIR/version") versions, $(wc -l <"$TEST_DIR/wanted") jobs, $(wc -l <"$log") starts"
[ ! -s "$TEST_DIR/broken" ] || fail "$(wc -l <"$TEST_DIR/broken") times out of its budget: $(head -n 5 "$TEST_DIR/broken")"

# All comes to rest at the last version, and every Job has the end it should have.
version=$(cat "$TEST_DIR/version")
is_last() { is_up && [ "$(grep -c " $version$" "$log")" = 11 ]; }
until_true 120 is_last || fail "version $version does not get through: $(status)"
expect "starts of what nobody changed" "$(grep -c ' 0$' "$log")" 15
# An ordinal that a rollout had taken when a third template came is made of the first again, as
# in Kubernetes: its next start is of the third. Nothing else starts twice.
twice() {
    awk '$1 in again { if ($2 < again[$1] + 2) print $1, again[$1]; delete again[$1] }
        seen[$0]++ { if ($1 ~ /^set-/) again[$1] = $2; else print }' "$log"
}
expect "what has started twice" "$(twice)" ""
while read -r number code limit; do
    wanted=1
    [ "$code" = 0 ] || wanted=$((limit + 1))
    tried() { [ "$(grep -cx "job-$number" "${log%log}jobs")" -ge "$wanted" ]; }
    ended() { status | jq -c --arg name "job-$number" '.works[].objects[]? | select(.name == $name)'; }
    is_over() { case $code/$(ended) in 0/*Completed*) ;; 0/*) return 1 ;; *BackoffLimitExceeded*) ;; *) return 1 ;; esac; }
    until_true 60 tried || fail "job-$number with $code was not tried $wanted times: $(ended)"
    until_true 60 is_over || fail "job-$number with $code has not ended so: $(ended)"
    expect "runs of job-$number, code $code, limit $limit" "$(grep -cx "job-$number" "${log%log}jobs")" "$wanted"
    [ "$code" = 0 ] || expect_contains "what job-$number says" "$(status | jq -c --arg name "job-$number" '.works[] | select(.name == $name)')" "$code"
done <"$TEST_DIR/wanted"

kubectl delete manifestworks --all -n edge-1 --timeout=120s >/dev/null
is_empty() { [ -z "$(pods)" ] && ! pgrep -f "axle shim $TEST_DIR/edge-1/" >/dev/null; }
until_true 30 is_empty || fail "left at the end: $(pods) $(pgrep -af "axle shim $TEST_DIR/edge-1/")"
expect "folders of pods" "$(ls "$TEST_DIR/edge-1/spoke/workloads/pods")" ""
