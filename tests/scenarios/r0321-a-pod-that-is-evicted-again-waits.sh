#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 120
# What takes the place of an evicted pod is started at once the first time, and
# after that with the pauses of a container that crashes.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
cat >"$TEST_DIR/work.yaml" <<'YAML'
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: eater, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata: {name: starts, namespace: lab}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: eater, namespace: lab}
      spec:
        selector: {matchLabels: {app: eater}}
        template:
          metadata: {labels: {app: eater}}
          spec:
            terminationGracePeriodSeconds: 0
            volumes:
            - {name: starts, persistentVolumeClaim: {claimName: starts}}
            - {name: small, emptyDir: {sizeLimit: 64Ki}}
            containers:
            - name: main
              command: [sh, -c, 'echo x >>starts/starts; head -c 1000000 /dev/zero >small/x; exec sleep 1000']
              volumeMounts: [{name: starts, mountPath: starts}, {name: small, mountPath: small}]
YAML
apply "$TEST_DIR/work.yaml" >/dev/null
says() {
    object -n edge-1 manifestworks/eater | jq -r '.status.resourceStatus.manifests[]? |
        select(.resourceMeta.kind == "Deployment") | .conditions[] | select(.type == "Available") | .message'
}
waits() { case $(says) in *"volume small holds"*"next try 10 s after that"*) ;; *) return 1 ;; esac; }
until_true 60 waits || fail "it does not wait: $(says)"
expect "starts until then" "$(wc -l <"$(ls "$TEST_DIR"/edge-1/spoke/workloads/claims/lab.starts/starts)")" 2

# Another template may do better, and need not wait.
sed -i 's/head -c 1000000/head -c 1000/' "$TEST_DIR/work.yaml"
apply "$TEST_DIR/work.yaml" >/dev/null
is_well() { [ "$(object -n edge-1 manifestworks/eater | jq -r '[.status.resourceStatus.manifests[]? | select(.resourceMeta.kind == "Deployment") | .conditions[] | select(.type == "Available") | .status][0]')" = True ]; }
until_true 60 is_well || fail "it does not run: $(says)"
