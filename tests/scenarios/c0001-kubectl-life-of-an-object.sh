#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kubectl creates, reads, changes, watches, waits for, describes and deletes.
. "$(dirname "$0")/lib.sh"

start_hub

make_project research acme "displayName: Acme"
expect "the project's namespace" "$(kubectl get ns research -o name)" namespace/research

profile() {
    cat <<YAML
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: sleeper, namespace: research}
spec:
  components:
  - {name: main, type: worker, properties: {command: [sleep, "$1"]}}
YAML
}
expect "create" "$(profile 1 | apply)" "workloadprofile.axle.dev/sleeper created"
expect "again" "$(profile 1 | apply)" "workloadprofile.axle.dev/sleeper unchanged"
expect "change" "$(profile 2 | apply)" "workloadprofile.axle.dev/sleeper configured"
expect "read" "$(kubectl get wp sleeper -n research -o jsonpath='{.spec.components[0].properties.command[1]}')" 2
expect_contains "table" "$(kubectl get wp -n research)" sleeper
expect_contains "wide" "$(kubectl get wp -A -o wide)" research

# A watch sees a change that is made while it runs. kubectl drops the first
# event of such a watch, the state that it has printed already; a change between
# its GET and its watch is in that event. So the label changes until one is seen.
kubectl get wp sleeper -n research -w -o jsonpath='{.metadata.labels.seen}{"\n"}' >"$TEST_DIR/watch.out" 2>"$TEST_DIR/watch.err" &
watcher=$!
changes=0
change_is_seen() {
    kubectl label wp sleeper -n research seen=yes-$((++changes)) --overwrite >/dev/null
    grep -q yes "$TEST_DIR/watch.out"
}
until_true 60 change_is_seen || fail "the watch saw nothing: $(cat "$TEST_DIR/watch.err")"
kill $watcher

kubectl annotate wp sleeper -n research note=x >/dev/null
kubectl patch wp sleeper -n research --type merge -p '{"metadata":{"labels":{"seen":null}}}' >/dev/null
expect "label gone" "$(kubectl get wp sleeper -n research -o jsonpath='{.metadata.labels.seen}')" ""
expect_contains "describe" "$(kubectl describe wp sleeper -n research)" "Command"
expect_contains "explain" "$(kubectl explain aiworkload.spec)" profileBundleRef

kubectl create namespace side >/dev/null
kubectl create configmap settings --from-literal=a=b -n side >/dev/null
expect "typed create" "$(kubectl get cm settings -n side -o jsonpath='{.data.a}')" b
expect "who" "$(kubectl auth whoami -o jsonpath='{.status.userInfo.username}')" system:admin

kubectl delete wp sleeper -n research >/dev/null
expect_refused "not found" kubectl get wp sleeper -n research
expect_refused 'workloadprofiles.axle.dev "sleeper" not found' kubectl get wp sleeper -n research
