#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A blob that is damaged on the hub's disk is never sent: the answer is an error
# in words, the log names it, and what the hub rendered itself is rendered again.
. "$(dirname "$0")/lib.sh"
command -v sqlite3 >/dev/null || skip "no sqlite3 on this machine, to damage a blob with"

start_hub
make_project research acme "clusterSets: [global]"
apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: plain, namespace: research}
spec:
  type: Application
  components: [{name: server, type: worker, properties: {command: [sleep, "1000"]}}]
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: plain, namespace: research}
spec: {type: Application, workloadProfileRefs: [{name: plain}]}
---
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: everywhere, namespace: research}
spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: app, namespace: research}
spec: {profileBundleRef: {name: plain}, environmentRef: {name: everywhere}}
YAML
wait_for -n research workloaddeployments/app-plain '.status.artifact.digest | test("sha256")' true
layer=$(object -n research workloaddeployments/app-plain | jq -r .status.artifact.layer)
blob=/v2/research/app-plain/blobs/$layer
get_raw "$blob" >"$TEST_DIR/whole"
stop hub

sqlite3 "$hub_dir/hub/axle.db" "UPDATE part SET bytes=CAST(substr(bytes,1,20)||x'00'||substr(bytes,22) AS BLOB)
    WHERE id>>20=(SELECT id FROM blob WHERE digest='$layer');"
start_hub
expect "a damaged blob" "$(status_of GET "$blob")" 500
expect_contains "what it says" "$(jq -r '.errors[0].message' "$TEST_DIR/answer")" "damaged on the hub's disk"
grep -q "error registry: research/app-plain: blob $layer is damaged" "$TEST_DIR/hub.log" || fail "it is not logged"
healed() { [ "$(status_of GET "$blob")" = 200 ]; }
until_true 60 healed || fail "it is not made anew"
cmp "$TEST_DIR/answer" "$TEST_DIR/whole" || fail "other bytes than before"
expect "a part of it" "$(status_of GET "$blob" -H 'Range: bytes=2-5')" 206
