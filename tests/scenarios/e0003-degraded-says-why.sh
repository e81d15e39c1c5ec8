#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What cannot run is Degraded with a reason that a person understands.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1

make_project research acme "clusterSets: [global]"
apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: everywhere, namespace: research}
spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}
YAML

# runs NAME TYPE PROPERTIES
runs() {
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: $1, namespace: research}
spec: {components: [{name: main, type: $2, properties: $3}]}
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: $1, namespace: research}
spec: {workloadProfileRefs: [{name: $1}]}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: $1, namespace: research}
spec: {profileBundleRef: {name: $1}, environmentRef: {name: everywhere}}
YAML
}

# says NAME WORD: Degraded, and the message holds the word.
says() {
    wait_for -n research "aiworkloads/$1" .status.phase Degraded
    expect_contains "why $1 is degraded" \
        "$(object -n research "aiworkloads/$1" | jq -r '.status.message + " " + (.status.spokes[0].message // "")')" "$2"
}

runs absent worker '{command: [no-such-command-here]}'
says absent no-such-command-here

python3 -c 'import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(600)' >"$TEST_DIR/port" &
until_true 10 test -s "$TEST_DIR/port"
port=$(cat "$TEST_DIR/port")
runs taken webservice "{command: [sleep, '600'], port: $port}"
says taken "$port"

runs image worker '{image: docker.io/library/nginx, command: [nginx]}'
says image image

# A reference to what is not there, and a property that is none.
apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: nowhere, namespace: research}
spec: {profileBundleRef: {name: missing}, environmentRef: {name: everywhere}}
YAML
wait_for -n research aiworkloads/nowhere .status.phase Failed
expect_contains "a missing bundle" "$(object -n research aiworkloads/nowhere | jq -r .status.message)" missing
runs wrong worker '{comand: [sleep]}'
wait_for -n research aiworkloads/wrong .status.phase Failed
expect_contains "a wrong property" "$(object -n research aiworkloads/wrong | jq -r .status.message)" comand
