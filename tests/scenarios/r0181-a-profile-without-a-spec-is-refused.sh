#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An editor who makes or leaves a profile, bundle or workload without a spec is
# told that it is missing, and the hub goes on.
. "$(dirname "$0")/lib.sh"

start_hub
make_project research acme '' "editors: [eve]"
apply <<YAML
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: echo, namespace: research}
spec: {components: [{name: main, type: webservice, properties: {command: [echo]}}]}
YAML

for kind in AIWorkload ComponentDefinition ProfileBundle Repository WorkloadProfile; do
    for spec in '' 'spec: null'; do
        expect_refused "$kind \"none\" is invalid: spec: Required value" \
            kubectl create --as=eve --validate=false -f - <<YAML
{apiVersion: axle.dev/v1alpha1, kind: $kind, metadata: {name: none, namespace: research}${spec:+, $spec}}
YAML
    done
done
for patch in '{"spec":null}' '{"spec":{"components":null}}' '{"spec":{"components":[null]}}'; do
    expect_refused "spec" kubectl -n research patch workloadprofile echo --as=eve --type=merge -p "$patch"
done
expect_refused "spec: Required value" \
    kubectl -n research patch workloadprofile echo --as=eve --type=json -p '[{"op":"remove","path":"/spec"}]'
expect "what was there" "$(object -n research workloadprofiles/echo | jq -r '.spec.components[0].name')" main
is_running hub
