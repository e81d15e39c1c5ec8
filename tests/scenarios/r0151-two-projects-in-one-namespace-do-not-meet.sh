#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two projects have the same namespace on one spoke: neither reads the other's Secret,
# in the environment, a volume or by a feedback rule; two works of one project do.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1

# work NAME PROJECT [MANIFEST]: a Secret-reading Pod, and a Secret if it brings one.
work() {
    apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: $1, namespace: edge-1, labels: {axle.dev/project: $2}}
spec:
  manifestConfigs:
  - resourceIdentifier: {resource: secrets, name: key, namespace: shared}
    updateStrategy: {type: ReadOnly}
    feedbackRules: [{type: JSONPaths, jsonPaths: [{name: stolen, path: .stringData.word}]}]
  workload:
    manifests:
    - apiVersion: v1
      kind: Pod
      metadata: {name: $1, namespace: shared}
      spec:
        restartPolicy: Never
        volumes: [{name: v, secret: {secretName: key, optional: true}}]
        containers:
        - name: c
          command: [sh, -c, 'echo "saw \${WORD:-nothing} \$(cat v/word 2>/dev/null)"']
          env: [{name: WORD, valueFrom: {secretKeyRef: {name: key, key: word, optional: true}}}]
          volumeMounts: [{name: v, mountPath: v}]
    - {apiVersion: v1, kind: Secret, metadata: {name: key, namespace: shared}, stringData: {word: mine-$1}}
YAML
}
saw() { sed "s/^.* stdout F //" "$TEST_DIR"/edge-1/spoke/workloads/pods/*."$1"/logs/c.log 2>/dev/null; }
has_seen() { [ -n "$(saw "$1")" ]; }

apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: owner, namespace: edge-1, labels: {axle.dev/project: acme}}
spec:
  workload:
    manifests:
    - {apiVersion: v1, kind: Secret, metadata: {name: key, namespace: shared}, stringData: {word: acmes}}
YAML
wait_for -n edge-1 manifestworks/owner '.status.conditions[]? | select(.type == "Available") | .status' True
work thief evil
until_true 20 has_seen thief || fail "the thief's pod did not run"
expect "what another project sees" "$(saw thief)" "saw nothing "
if object -n edge-1 manifestworks/thief | grep -q acmes; then fail "feedback told another project's Secret"; fi
work sibling acme
until_true 20 has_seen sibling || fail "the sibling's pod did not run"
expect "what the same project sees" "$(saw sibling)" "saw acmes acmes"
