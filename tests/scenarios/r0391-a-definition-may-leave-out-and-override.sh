#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A definition reads a property that nobody set as nothing, and what it gives may
# override a key of a merge; so may a body of the API. What `fail` says is told.
. "$(dirname "$0")/lib.sh"

start_hub
make_project lab acme "clusterSets: [global]"
apply <<'YAML' >/dev/null
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: anywhere, namespace: lab}
spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}
---
apiVersion: axle.dev/v1alpha1
kind: ComponentDefinition
metadata: {name: optional, namespace: lab}
spec:
  schema: {type: object, properties: {region: {type: string}, strict: {type: boolean}}}
  template: |
    {{- if .properties.strict }}{{ required "pick a region" .properties.region }}{{ end -}}
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: {{ .context.name }}
      labels: &l {app: x, tier: web}
      annotations:
        <<: *l
        tier: {{ .properties.region | default "eu" }}
YAML
for strict in false true; do
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: is-$strict, namespace: lab}
spec: {type: Application, components: [{name: c, type: optional, properties: {strict: $strict}}]}
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: is-$strict, namespace: lab}
spec: {type: Application, workloadProfileRefs: [{name: is-$strict}]}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: is-$strict, namespace: lab}
spec: {profileBundleRef: {name: is-$strict}, environmentRef: {name: anywhere}}
YAML
done

rendered() { echo ".status.conditions[]? | select(.type == \"Rendered\") | $1"; }
wait_for -n lab aiworkloads/is-false "$(rendered .status)" True
wait_for -n lab aiworkloads/is-true .status.phase Failed
wait_for -n lab aiworkloads/is-true \
    "$(rendered '.message | contains("execution error at (optional:1:31): pick a region")')" true

expect "a body with a merge key" "$(request POST /api/v1/namespaces/lab/configmaps \
    -H 'Content-Type: application/yaml' --data-binary '
apiVersion: v1
kind: ConfigMap
metadata: {name: merged}
data: {<<: {a: "1", b: "2"}, b: "3"}
' | jq -c .data)" '{"a":"1","b":"3"}'
expect "a key written twice" "$(status_of POST /api/v1/namespaces/lab/configmaps \
    -H 'Content-Type: application/yaml' --data-binary '
apiVersion: v1
kind: ConfigMap
metadata: {name: twice}
data: {b: "2", b: "3"}
')" 400
