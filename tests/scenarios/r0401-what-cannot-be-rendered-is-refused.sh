#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Files of more than a mebibyte were taken at apply and failed at the first render; two
# profiles of one bundle with a component of the same name took each other's objects on the
# spoke. Both are said where a person sees them. The built-in types are objects to read.
. "$(dirname "$0")/lib.sh"

start_hub
apply >/dev/null <<YAML
{apiVersion: axle.dev/v1alpha1, kind: Tenant, metadata: {name: t}, spec: {}}
---
{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: lab}, spec: {tenant: t}}
---
{apiVersion: axle.dev/v1alpha1, kind: ComputePool, metadata: {name: pool, namespace: lab}, spec: {variant: Shared}}
YAML
wait_for -n lab computepools/pool .metadata.name pool

profiles=/apis/axle.dev/v1alpha1/namespaces/lab/workloadprofiles
# profile NAME TYPE FIELD BYTES: its answer's status and message.
profile() {
    head -c "$4" /dev/zero | tr '\0' x >"$TEST_DIR/text"
    jq -n --arg name "$1" --arg type "$2" --arg field "$3" --rawfile text "$TEST_DIR/text" '
        {apiVersion: "axle.dev/v1alpha1", kind: "WorkloadProfile", metadata: {name: $name},
         spec: {components: [{name: "c", type: $type, properties: ({port: 0} | setpath($field / "/"; $text))}]}}' >"$TEST_DIR/profile"
    request POST "$profiles" -H 'Content-Type: application/json' --data-binary "@$TEST_DIR/profile" |
        jq -r '"\(.code // 201) \(.details.causes[0].field // "") \(.message // "")"'
}
expect_contains "files of a mebibyte and a byte" "$(profile big webservice files/a $(((1 << 20) + 1)))" \
    '422 spec.components[0].properties.files WorkloadProfile.axle.dev "big" is invalid: spec.components[0].properties.files: Too long: has 1048577 bytes'
expect_contains "another text" "$(profile big worker workingDir $(((1 << 20) + 1)))" '422 spec.components[0].properties '
expect "files that fit" "$(profile fits webservice files/a 1000000)" "201  "
expect "what another type makes of it is not known" "$(profile own mine files/a 1100000)" "201  "
apply >/dev/null <<YAML
{apiVersion: axle.dev/v1alpha1, kind: ComponentDefinition, metadata: {name: webservice, namespace: lab}, spec: {template: "kind: ConfigMap"}}
YAML
expect "nor of a built-in one that the project has anew" "$(profile other webservice files/a 1100000)" "201  "

apply >/dev/null <<YAML
{apiVersion: axle.dev/v1alpha1, kind: WorkloadProfile, metadata: {name: one, namespace: lab}, spec: {components: [{name: server, type: worker, properties: {command: [a]}}]}}
---
{apiVersion: axle.dev/v1alpha1, kind: WorkloadProfile, metadata: {name: two, namespace: lab}, spec: {components: [{name: server, type: worker, properties: {command: [b]}}]}}
---
{apiVersion: axle.dev/v1alpha1, kind: ProfileBundle, metadata: {name: both, namespace: lab}, spec: {type: Application, workloadProfileRefs: [{name: one}, {name: two}]}}
---
{apiVersion: axle.dev/v1alpha1, kind: AIWorkload, metadata: {name: app, namespace: lab}, spec: {profileBundleRef: {name: both}, computePoolRef: {name: pool}}}
YAML
resolved='.status.conditions[]? | select(.type == "Resolved")'
wait_for -n lab aiworkloads/app "$resolved | .reason" ComponentNameTaken
expect "its words" "$(object -n lab aiworkloads/app | jq -r "$resolved | .message")" \
    'the WorkloadProfiles "one" and "two" of the bundle "both" both have a component "server", and their objects would have one name, "app-server": rename one of them'
kubectl patch wp two -n lab --type json -p '[{"op": "replace", "path": "/spec/components/0/name", "value": "other"}]' >/dev/null
wait_for -n lab aiworkloads/app "$resolved | .status" True

expect "the built-in types" "$(kubectl get clustercomponentdefinitions,clustertraitdefinitions -o name | tr '\n' ' ')" \
    "clustercomponentdefinition.axle.dev/task clustercomponentdefinition.axle.dev/webservice clustercomponentdefinition.axle.dev/worker clustertraitdefinition.axle.dev/scaler clustertraitdefinition.axle.dev/service "
expect_contains "one of them" "$(kubectl get ccompdef webservice)" "A long-running service that listens on a port."
expect_contains "explained" "$(kubectl explain clustercomponentdefinition.spec.template)" "A Go template"
for words in "delete ccompdef webservice" "annotate ccompdef webservice a=b" "patch ctraitdef scaler -p {}"; do
    # shellcheck disable=SC2086 # words
    expect_refused 'it is built into the hub; a ' kubectl $words
done
kubectl create serviceaccount reader -n lab >/dev/null
expect "anybody reads them" "$(kubectl auth can-i list clustercomponentdefinitions --as system:serviceaccount:lab:reader)" yes
