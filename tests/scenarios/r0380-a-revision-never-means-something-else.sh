#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A pinned AIWorkload keeps its content when profile, bundle and definition are deleted
# and made anew with other content, and when the hub is killed meanwhile; numbers go on.
. "$(dirname "$0")/lib.sh"
find_kubectl

start_hub
start_spoke edge-1
definition() {
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: ComponentDefinition
metadata: {name: conf, namespace: lab}
spec:
  template: |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "{{ .context.name }}"}
    data: {v: "{{ .properties.v }}", d: $1}
YAML
}
profile() {
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: cfg, namespace: lab}
spec:
  variables: [{name: v, type: string, default: $1}]
  components: [{name: c, type: conf, properties: {v: "{{ .var.v }}"}}]
YAML
}
bundle() {
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: cfg, namespace: lab}
spec: {workloadProfileRefs: [{name: cfg}]}
YAML
}
workload() {
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: $1, namespace: lab}
spec: {profileBundleRef: {name: cfg, revision: "$2"}, environmentRef: {name: here}}
YAML
}
project() {
    make_project lab acme
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: here, namespace: lab}
spec: {topology: {properties: {placement: {clusterSets: [default]}}}}
YAML
}
digest() { object -n lab "workloaddeployments/$1-cfg" | jq -r .status.artifact.contentDigest; }
latest() { object -n lab "$1/cfg" | jq -r .status.latestRevision; }

project
definition first
profile one
bundle
workload pinned v1
workload free ""
wait_for -n lab aiworkloads/pinned .status.phase Running
wait_for -n lab aiworkloads/free .status.phase Running
pinned=$(digest pinned) free=$(digest free)

# Each goes and comes again as it was: the same numbers, and all runs untouched.
kubectl delete profilebundle,workloadprofile cfg -n lab >/dev/null
kubectl delete componentdefinition conf -n lab >/dev/null
wait_for -n lab aiworkloads/free .status.phase Failed
definition first
profile one
bundle
wait_for -n lab aiworkloads/free .status.phase Running
expect "its number" "$(latest profilebundles)" v1
expect "what is not pinned" "$(digest free)" "$free"

# With other content it is another number, also when the hub dies in between.
kubectl delete workloadprofile cfg -n lab >/dev/null
crash hub
start_hub
kubectl delete profilebundle cfg -n lab >/dev/null
definition second
profile OTHER
bundle
wait_for -n lab profilebundles/cfg .status.latestRevision v2
kubectl annotate workloaddeployment pinned-cfg -n lab touched=1 >/dev/null
wait_for -n lab aiworkloads/free '.status.conditions[] | select(.type == "Resolved") | .message' "cfg v2 in here"
wait_for -n lab aiworkloads/free .status.phase Running
wait_for -n lab aiworkloads/pinned .status.phase Running
expect "the pinned content" "$(digest pinned)" "$pinned"
[ "$(digest free)" != "$free" ] || fail "the new content reached nobody"

# What is kept for the pin goes with it; then the pin is an error, not something else.
kubectl delete aiworkload free -n lab >/dev/null
kubectl delete profilebundle cfg -n lab >/dev/null
kubectl delete workloadprofile cfg -n lab >/dev/null
wait_for -n lab aiworkloads/pinned .status.phase Running
wait_gone -n lab definitionrevisions/pb-cfg-v2
kubectl get definitionrevisions -n lab pb-cfg-v1 wp-cfg-v1 cd-conf-v1 >/dev/null
if kubectl patch definitionrevision wp-cfg-v1 -n lab --type=merge -p '{"spec":{"hash":"x"}}' >/dev/null 2>&1; then
    fail "a revision's content was changed"
fi
if kubectl delete definitionrevision wp-cfg-v1 -n lab >"$TEST_DIR/refused" 2>&1; then
    fail "a revision that is used was deleted"
fi
expect_contains "the refusal" "$(cat "$TEST_DIR/refused")" 'is used'
kubectl delete aiworkload pinned -n lab >/dev/null
wait_gone -n lab definitionrevisions/pb-cfg-v1
wait_gone -n lab definitionrevisions/wp-cfg-v1

# The whole project anew.
kubectl delete project lab >/dev/null
wait_gone projects/lab
project
definition third
profile THIRD
bundle
wait_for -n lab profilebundles/cfg .status.latestRevision v3
workload pinned v1
wait_for -n lab aiworkloads/pinned .status.phase Failed
expect_contains "what it says" "$(object -n lab aiworkloads/pinned | jq -r .status.message)" \
    'there is no v1 of "cfg", the newest is v3'
