#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fields and kinds that nothing acts on yet are taken with a warning that names them, and a
# definition that cannot be read says so itself, with the line, before anybody uses it.
. "$(dirname "$0")/lib.sh"

start_hub
find_kubectl
apply >/dev/null <<YAML
{apiVersion: axle.dev/v1alpha1, kind: Tenant, metadata: {name: t}}
---
{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: lab}, spec: {tenant: t}}
YAML
# On standard input kubectl takes what begins with { for JSON.
said() { "$KUBECTL" --kubeconfig "$hub_dir/hub/admin.kubeconfig" --cache-dir "$TEST_DIR/kube-cache" apply -n lab -f - 2>&1; }
expect "what means something is not warned of" "$(said <<'YAML'
---
{apiVersion: axle.dev/v1alpha1, kind: Environment, metadata: {name: plain}, spec: {policies: [], variables: {}}}
YAML
)" "environment.axle.dev/plain created"
expect_contains "policies and variables" "$(said <<'YAML'
---
{apiVersion: axle.dev/v1alpha1, kind: Environment, metadata: {name: full}, spec: {policies: [{type: override}], variables: {a: b}}}
YAML
)" "Warning: spec.variables: this field has no effect yet; see kubectl explain environments.spec.variables"
warned=$(said <<'YAML'
---
{apiVersion: axle.dev/v1alpha1, kind: WorkloadProfile, metadata: {name: p}, spec: {policies: [{type: override}], components: [{name: a, type: worker}]}}
---
{apiVersion: axle.dev/v1alpha1, kind: Settings, metadata: {name: s}}
---
{apiVersion: axle.dev/v1alpha1, kind: Repository, metadata: {name: r}, spec: {type: OCI, url: "oci://x"}}
---
{apiVersion: axle.dev/v1alpha1, kind: Compute, metadata: {name: c}}
YAML
)
for words in "spec.policies: this field has no effect" "Settings: this kind has no effect" "Repository: this kind has no effect" "Compute: this kind has no effect"; do
    expect_contains "the warnings" "$warned" "Warning: $words"
done

apply <<'YAML' >/dev/null
apiVersion: axle.dev/v1alpha1
kind: ComponentDefinition
metadata: {name: broken, namespace: lab}
spec:
  template: |
    apiVersion: v1
    kind: ConfigMap
    data: {a: {{ .properties.a }
---
apiVersion: axle.dev/v1alpha1
kind: TraitDefinition
metadata: {name: broken, namespace: lab}
spec: {schema: {type: object, properties: {a: {type: string, pattern: "("}}}, patch: "kind: Deployment"}
YAML
wait_for -n lab componentdefinitions/broken .status.phase Failed
expect_contains "which line" "$(object -n lab componentdefinitions/broken | jq -r .status.message)" "spec.template: template: broken:3:"
expect_event broken DefinitionBroken
wait_for -n lab traitdefinitions/broken .status.phase Failed
expect_contains "which pattern" "$(object -n lab traitdefinitions/broken | jq -r .status.message)" "spec.schema: "
kubectl patch -n lab componentdefinition broken --type=merge -p '{"spec": {"template": "{{ include \"axle.pod\" . }}"}}' >/dev/null
wait_for -n lab componentdefinitions/broken '.status | .phase + (.message // "")' Ready
