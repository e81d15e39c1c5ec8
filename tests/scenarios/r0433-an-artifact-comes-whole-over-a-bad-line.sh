#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 240
# An artifact comes whole or not at all over a line that resets, ends early, stops or
# trickles: it goes on from where it was cut. One that was collected before it was
# pulled is told in words, and its work runs once the hub has another one.
. "$(dirname "$0")/lib.sh"

start_hub
weather=$TEST_DIR/weather
python3 "$repo/tests/scenarios/relay.py" relay "${SERVER#https://}" "$weather" >"$TEST_DIR/relay.port" &
has_port() { [ -s "$TEST_DIR/relay.port" ]; }
until_true 20 has_port || fail "no relay"
token_create >"$TEST_DIR/edge-1.token"
start edge-1 --mode=spoke --name edge-1 --data-dir "$TEST_DIR/edge-1" --log-level debug \
    --join "https://127.0.0.1:$(cat "$TEST_DIR/relay.port")" --token-file "$TEST_DIR/edge-1.token"
wait_for managedclusters/edge-1 '.status.conditions[]? | select(.type == "ManagedClusterConditionAvailable") | .status' True

mark=4330$$
make_project research acme "clusterSets: [global]"
has_namespace() { [ "$(status_of GET /api/v1/namespaces/research)" = 200 ]; }
until_true 30 has_namespace || fail "no namespace"
apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: everywhere, namespace: research}
spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}
YAML
app() { # NAME SECONDS: bytes that no compression makes smaller give the artifact a size
    local noise
    noise=$(head -c 100000 /dev/urandom | base64 -w 0)
    cat >"$TEST_DIR/$1.yaml" <<YAML
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: $1, namespace: research}
spec:
  type: Application
  components:
  - {name: server, type: worker, properties: {command: [sleep, "$2"], files: {noise: "$noise"}}}
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: $1, namespace: research}
spec: {type: Application, workloadProfileRefs: [{name: $1}]}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: $1, namespace: research}
spec: {profileBundleRef: {name: $1}, environmentRef: {name: everywhere}}
YAML
    kubectl create -f "$TEST_DIR/$1.yaml" >/dev/null
}
runs() { [ "$(pgrep -x -f "sleep $1" | wc -l)" = 1 ]; }
resumed() { grep -c "the download continues from there" "$TEST_DIR/edge-1.log" || true; }

# A connection carries 40 kB and is reset, or ends as if all had been said.
echo "cut 40000" >"$weather"
app reset "${mark}1"
until_true 60 runs "${mark}1" || fail "not over a line that resets: $(tail -n 3 "$TEST_DIR/edge-1.log")"
[ "$(resumed)" -ge 2 ] || fail "it began anew each time"
before=$(resumed)
echo "end 40000" >"$weather"
app early "${mark}2"
until_true 60 runs "${mark}2" || fail "not over a line that ends early: $(tail -n 3 "$TEST_DIR/edge-1.log")"
[ "$(resumed)" -gt "$before" ] || fail "it was not cut"

# Slow, and for a moment not at all.
echo "trickle 3000" >"$weather"
app slow "${mark}3"
echo hole >"$weather"
sleep 1
echo "trickle 3000" >"$weather"
until_true 60 runs "${mark}3" || fail "not over a slow line: $(tail -n 3 "$TEST_DIR/edge-1.log")"
rm "$weather"

# One that is not there: collected before the spoke had pulled it, or never pushed.
apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: gone, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: axle.dev/v1alpha1
      kind: Workload
      metadata: {name: gone, namespace: research}
      spec: {targetNamespace: research, artifact: {reference: research/gone, digest: "sha256:$(printf 'a%.0s' {1..64})"}}
YAML
is_said() { grep -q "was deleted before this spoke pulled it" "$TEST_DIR/edge-1.log"; }
until_true 60 is_said || fail "not said: $(tail -n 3 "$TEST_DIR/edge-1.log")"
if grep -q "has another digest" "$TEST_DIR/edge-1.log"; then fail "half an artifact was looked at"; fi
