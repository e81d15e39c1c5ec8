#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An editor's profile does too much. It is stopped at its budget, says where and
# why, and is tried once: not for each of its workloads, nor when they wake. Others
# are served meanwhile, and a better profile is rendered.
. "$(dirname "$0")/lib.sh"

start_hub
make_project lab acme "clusterSets: [global]"

profile() {
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: greedy, namespace: lab}
spec:
  type: Application
  components:
  - name: server
    type: webservice
    properties: {port: 0, command: [sleep, '$1']}
YAML
}

profile '{{ range 2000000000 }}{{ $x := sha512sum (nospace (repeat 100000 "x ")) }}{{ end }}'
apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: anywhere, namespace: lab}
spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: greedy, namespace: lab}
spec: {type: Application, workloadProfileRefs: [{name: greedy}]}
YAML
for name in one two three; do
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: $name, namespace: lab}
spec: {profileBundleRef: {name: greedy}, environmentRef: {name: anywhere}}
YAML
done

deployments() { get_raw /apis/axle.dev/v1alpha1/namespaces/lab/workloaddeployments; }
rendered() {
    deployments | jq -r '[.items[].status.conditions[]? |
        select(.type == "Rendered") | .status + " " + .reason] | join(",")'
}
is_rendered() { [ "$(rendered)" = "$1,$1,$1" ]; }
until_true 60 is_rendered "False RenderFailed" || fail "rendered: $(rendered)"
expect "a healthy hub" "$(status_of GET /readyz)" 200

said=$(deployments | jq -r '.items[0].status.conditions[] | select(.type == "Rendered").message')
expect_contains "what failed" "$said" 'component "server"'
expect_contains "the place" "$said" 'properties.command[1]:1:'
expect_contains "the limit" "$said" 'does too much: more than 125000000 units of work'

# A new Secret wakes every deployment of the project.
kubectl create secret generic -n lab wake --from-literal=a=b >/dev/null
kubectl delete secret -n lab wake >/dev/null
expect "a healthy hub" "$(status_of GET /readyz)" 200
expect "renders that went over" "$(grep -c 'does too much' "$TEST_DIR/hub.log")" 1

profile 60
until_true 60 is_rendered "True Rendered" || fail "rendered: $(rendered)"
expect "failures that are remembered" \
    "$(deployments | jq '[.items[].status.renderFailure | select(.)] | length')" 0
expect "a cheap render" "$(deployments | jq '[.items[].status.renderCost < 5000000] | all')" true
