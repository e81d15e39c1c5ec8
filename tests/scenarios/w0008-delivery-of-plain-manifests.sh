#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 240
# With `delivery: manifests` the rendered objects travel in the work itself, Secrets
# too, as a klusterlet needs it; Axle's own spoke takes them just so.
. "$(dirname "$0")/lib.sh"

mark=1007$$
start_hub
start_spoke edge-1
make_project research acme "clusterSets: [global]"
apply <<YAML >/dev/null
apiVersion: v1
kind: Secret
metadata: {name: own, namespace: research}
stringData: {token: token-$mark}
---
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: plain, namespace: research}
spec:
  type: Application
  variables: [{name: image, type: string, default: ""}]
  components:
  - name: server
    type: worker
    properties:
      command: [sleep, "$mark"]
      env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: own, key: token}}}, {name: WHERE, value: "\${spoke.name}"}]
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: plain, namespace: research}
spec: {type: Application, workloadProfileRefs: [{name: plain}]}
---
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: everywhere, namespace: research}
spec: {delivery: manifests, topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: app, namespace: research}
spec: {profileBundleRef: {name: plain}, environmentRef: {name: everywhere}}
YAML
wait_for -t 60 -n research aiworkloads/app .status.phase Running
expect "kinds in the work" "$(object -n edge-1 manifestworks/research.app-plain | jq -r '[.spec.workload.manifests[].kind] | sort | join(" ")')" "Deployment Namespace Secret"
env=$(tr '\0' '\n' <"/proc/$(pgrep -f "^sleep $mark" | head -n 1)/environ")
expect_contains "its environment" "$env" "TOKEN=token-$mark"
expect_contains "its environment" "$env" "WHERE=edge-1"
if grep -rlaF -e "token-$mark" -e "$(printf 'token-%s' "$mark" | base64 -w0 | cut -c1-14)" "$hub_dir" "$TEST_DIR/edge-1/spoke"/axle.db* "$TEST_DIR"/*.log; then fail "the secret lies about"; fi

# What the spoke refuses makes it Degraded, and says why.
kubectl patch workloadprofile plain -n research --type=json -p '[{"op": "add", "path": "/spec/components/0/properties/image", "value": "nginx"}]' >/dev/null
wait_for -t 60 -n research aiworkloads/app .status.phase Degraded
expect_contains "the message" "$(object -n research aiworkloads/app | jq -r .status.message)" "image nginx"
kubectl delete aiworkload app -n research --timeout=60s >/dev/null
if pgrep -f "^sleep $mark" >/dev/null; then fail "it still runs"; fi
