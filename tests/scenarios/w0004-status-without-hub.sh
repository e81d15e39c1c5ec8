#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 240
# What ends, is edited or removed is put right at once, with and without a hub;
# `axle status spoke` tells of it, and says so when no agent runs.
. "$(dirname "$0")/lib.sh"

mark=1003$$
start_hub
start_spoke edge-1
apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: web, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: ConfigMap
      metadata: {name: page, namespace: lab}
      data: {index.html: "as it was told"}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, namespace: lab}
      spec:
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec:
            containers:
            - name: main
              command: [sleep, "$mark"]
              volumeMounts: [{name: page, mountPath: page}]
            volumes: [{name: page, configMap: {name: page}}]
YAML
wait_for -n edge-1 manifestworks/web '.status.conditions[] | select(.type == "Available") | .status' True
crash hub

status() { "$AXLE" status spoke --data-dir "$TEST_DIR/edge-1" "$@"; }
says() { status -o json | jq -r "$1"; }
pid() { pgrep -f "^sleep $mark" | tail -n 1; }
old=$(pid)
kill -9 "$old"
renewed() { local now; now=$(pid) && [ "$now" != "$old" ]; }
until_true 40 renewed || fail "what ended is not started again"
restarted() { [ "$(says '.works[0].restarts')" = 1 ] && [ "$(says '.works[0].pods[0].ready')" = true ]; }
until_true 40 restarted || fail "the status does not tell of it: $(status)"

# A file edited, and one removed.
file() { find "$TEST_DIR/edge-1/spoke/workloads" -name index.html -type f | head -n 1; }
path=$(file)
expect "the file" "$(cat "$path")" "as it was told"
as_told() { [ "$(cat "$(file)" 2>/dev/null)" = "as it was told" ]; }
chmod u+w "$path" && echo "by hand" >"$path"
until_true 40 as_told || fail "the edited file stays: $(cat "$path")"
rm -f "$path"
until_true 40 as_told || fail "the removed file stays away"

# All that a person asks for, without the hub.
expect "its name" "$(says .name)" edge-1
expect "its hub" "$(says .hub)" "$SERVER"
cut_off() { [ "$(says .state)" = "no connection" ]; }
until_true 60 cut_off || fail "state: $(says .state)"
[ "$(says '.lastContact | length')" -ge 20 ] || fail "last contact: $(says .lastContact)"
expect "the inventory" "$(says '[.works[0].applied.status.appliedResources[] | .resource] | sort | join(" ")')" "configmaps deployments"
expect "its name" "$(says .works[0].applied.metadata.name)" "$(printf %s "$SERVER" | sha256sum | cut -d' ' -f1)-web"
for word in edge-1 "no connection" web Running 1/1; do
    expect_contains "the status" "$(status)" "$word"
done

# Without an agent.
stop edge-1
expect_refused "the spoke is not running" status
expect_refused "axle --mode=spoke" status
