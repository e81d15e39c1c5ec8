#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a definition gives is no YAML: Rendered is False with component, definition and
# line, and a running AIWorkload is not told to be Running at what was not delivered.
# A controller that cannot write what follows says so at its object, by a condition and
# an Event. And what was taken away and is there again is found again by itself.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
make_project proj acme
write_definition() {
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: ComponentDefinition
metadata: {name: upd, namespace: proj}
spec:
  schema: {type: object, properties: {t: {type: string}}}
  template: |
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: {{ .context.name }}}
    data:
      title: {{ .properties.t }}
YAML
}
write_profile() {
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: upd, namespace: proj}
spec: {type: Application, variables: [{name: t, type: string, default: hello}], components: [{name: c, type: upd, properties: {t: "{{ .var.t }}"}}]}
YAML
}
write_bundle() {
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: upd, namespace: proj}
spec: {workloadProfileRefs: [{name: upd}]}
YAML
}
write_definition
write_profile
write_bundle
apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: here, namespace: proj}
spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [default]}}}}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: upd, namespace: proj}
spec: {profileBundleRef: {name: upd}, environmentRef: {name: here}}
YAML
wait_for -n proj aiworkloads/upd .status.phase Running

# ------------------------------------------------------ an unquoted colon

merge() {
    expect "the patch" "$(status_of PATCH "$(path_of -n proj aiworkloads/upd)" \
        -H 'Content-Type: application/merge-patch+json' -d "$1")" 200
}
generation_of_work() { object -n edge-1 manifestworks/proj.upd-upd | jq .metadata.generation; }
before=$(generation_of_work)
merge '{"spec":{"variables":{"t":"Title: with a colon"}}}'
wait_for -n proj aiworkloads/upd .status.phase Failed
words='component "c": what "upd" gives is no YAML: yaml: line'
expect_contains "the workload's message" "$(object -n proj aiworkloads/upd | jq -r .status.message)" "$words"
expect "its condition" "$(object -n proj aiworkloads/upd | jq -r '.status.conditions[] | select(.type == "Rendered") | "\(.status) \(.reason) \(.observedGeneration == 2)"')" "False RenderFailed true"
expect_contains "the deployment's condition" "$(object -n proj workloaddeployments/upd-upd | jq -r '.status.conditions[] | select(.type == "Rendered") | .message')" "$words"
expect_contains "its Event" "$(get_raw /api/v1/namespaces/proj/events | jq -r '.items[] | select(.reason == "RenderFailed") | .message')" "$words"
expect "what is delivered" "$(generation_of_work)" "$before"
merge '{"spec":{"variables":{"t":"Title without"}}}'
wait_for -n proj aiworkloads/upd .status.phase Running
wait_for -n proj aiworkloads/upd .status.message ""

# ------------------------------------- all of it taken away, and there again

for what in profilebundles/upd workloadprofiles/upd componentdefinitions/upd; do
    expect "delete $what" "$(status_of DELETE "$(path_of -n proj "$what")")" 200
    wait_gone -n proj "$what"
done
write_definition
write_profile
write_bundle
wait_for -n proj aiworkloads/upd .status.phase Running

