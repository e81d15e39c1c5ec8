#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 240
# A ManifestWork that an administrator writes: applied, reported by OCM's words,
# with feedback, rules, strategies; and gone again but for what shall stay.
. "$(dirname "$0")/lib.sh"

mark=1000$$ # told apart from what others run
start_hub
start_spoke edge-1 --fact rack=a1

# work REPLICAS GREETING
work() {
    apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: web, namespace: edge-1}
spec:
  deleteOption:
    propagationPolicy: SelectivelyOrphan
    selectivelyOrphans:
      orphaningRules: [{group: "", resource: configmaps, name: kept, namespace: lab}]
  manifestConfigs:
  - resourceIdentifier: {group: apps, resource: deployments, name: "*", namespace: lab}
    feedbackRules:
    - {type: WellKnownStatus}
    - {type: JSONPaths, jsonPaths: [{name: wanted, path: .spec.replicas}]}
    conditionRules:
    - condition: Warm
      type: CEL
      celExpressions: ["object.status.readyReplicas >= 1"]
      messageExpression: "result ? 'is warm' : 'is cold'"
    updateStrategy:
      type: ServerSideApply
      serverSideApply: {ignoreFields: [{condition: OnSpokePresent, jsonPaths: [".spec.replicas"]}]}
  - resourceIdentifier: {resource: configmaps, name: once, namespace: lab}
    updateStrategy: {type: CreateOnly}
  - resourceIdentifier: {resource: configmaps, name: others, namespace: lab}
    updateStrategy: {type: ReadOnly}
  workload:
    manifests:
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, namespace: lab}
      spec:
        replicas: $1
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec:
            containers:
            - name: main
              command: [sh, -c, "echo started; exec sleep $mark"]
              env:
              - {name: RACK, value: "\${spoke.rack} of \${spoke.name}"}
              - name: GREETING
                valueFrom: {configMapKeyRef: {name: words, key: greeting}}
              - {name: LEFT, value: '\$HOME \${other} \$1'}
    - apiVersion: v1
      kind: ConfigMap
      metadata: {name: words, namespace: lab}
      data: {greeting: $2}
    - apiVersion: v1
      kind: ConfigMap
      metadata: {name: once, namespace: lab}
      data: {greeting: $2}
    - apiVersion: v1
      kind: ConfigMap
      metadata: {name: kept, namespace: lab}
    - apiVersion: v1
      kind: ConfigMap
      metadata: {name: others, namespace: lab}
YAML
}
condition() { echo ".status.conditions[] | select(.type == \"$1\") | .status"; }
row() { echo ".status.resourceStatus.manifests[] | select(.resourceMeta.name == \"$1\")"; }
see() { object -n edge-1 manifestworks/web | jq -r "$1"; }
work 2 hello
wait_for -n edge-1 manifestworks/web "$(condition Applied)" True
wait_for -n edge-1 manifestworks/web "$(condition Warm)" True

# OCM's words, row by row; what nobody wrote is not there.
wait_for -n edge-1 manifestworks/web "$(row web) | .statusFeedback.values[] | select(.name == \"ReadyReplicas\") | .fieldValue.integer" 2
expect "a JSONPath" "$(see "$(row web) | .statusFeedback.values[] | select(.name == \"wanted\") | .fieldValue.integer")" 2
expect "own health" "$(see "$(row web) | .statusFeedback.values[] | select(.name == \"Health\") | .fieldValue.string")" Current
expect "the rule's words" "$(see '.status.conditions[] | select(.type == "Warm") | .message')" "is warm"
expect "ordinals" "$(see '[.status.resourceStatus.manifests[].resourceMeta.ordinal] | join(" ")')" "0 1 2 3 4"
expect "resources" "$(see "$(row web) | .resourceMeta | .group + \"/\" + .resource")" apps/deployments
expect "what is only read" "$(see "$(row others) | .conditions[] | select(.type == \"Available\") | .reason")" ResourceNotAvailable
expect "and so the work" "$(see '.status.conditions[] | select(.type == "Available") | .message')" \
    "1 of 5 resources are not available: ConfigMap lab/others: the object is not on this spoke"
expect "nothing is amiss" "$(see "$(condition Degraded)")" False
expect "its finalizer" "$(see '.metadata.finalizers[0]')" cluster.open-cluster-management.io/manifest-work-cleanup

# What only the spoke knows is in its environment; other dollars are as they were.
pid=$(process_of "sleep $mark")
env_of() { tr '\0' '\n' <"/proc/$1/environ"; }
expect_contains "environment" "$(env_of "$pid")" "RACK=a1 of edge-1"
expect_contains "environment" "$(env_of "$pid")" "GREETING=hello"
expect_contains "environment" "$(env_of "$pid")" 'LEFT=$HOME ${other} $1'

# The number of replicas is left to whoever has it; one made once stays; the rest follows.
work 3 goodbye
rolled() { local found; found=$(pgrep -f "sleep $mark") && env_of "$(head -n 1 <<<"$found")" | grep -q GREETING=goodbye; }
until_true 60 rolled || fail "the new greeting does not arrive"
wait_for -n edge-1 manifestworks/web "$(row web) | .statusFeedback.values[] | select(.name == \"wanted\") | .fieldValue.integer" 2
stop edge-1
start edge-1 --mode=spoke --name edge-1 --data-dir "$TEST_DIR/edge-1" --fact rack=b2
moved() { local found; found=$(pgrep -f "sleep $mark") && env_of "$(head -n 1 <<<"$found")" | grep -q "RACK=b2"; }
until_true 60 moved || fail "the new fact does not arrive"

# Gone, but for what shall stay.
kubectl delete manifestwork web -n edge-1 --timeout=60s >/dev/null
if pgrep -f "sleep $mark" >/dev/null; then fail "it still runs"; fi
