#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A spoke whose store is lost, damaged or older than it was takes up what runs as it
# is, with its hub and without: nothing is restarted, doubled or left to nobody.
. "$(dirname "$0")/lib.sh"

mark=1500$$
start_hub
start_spoke edge-1
state=$TEST_DIR/edge-1/spoke

work() {
    apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: web, namespace: edge-1}
spec:
  workload:
    manifests:
    - {apiVersion: v1, kind: Secret, metadata: {name: s, namespace: lab}, stringData: {key: $1}}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, namespace: lab}
      spec:
        replicas: 2
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec:
            terminationGracePeriodSeconds: 0
            containers:
            - name: c
              command: [sleep, "$mark"]
              env: [{name: S, valueFrom: {secretKeyRef: {name: s, key: key}}}]
YAML
}
processes() { pgrep -x -f "sleep $mark" | sort -n | xargs; }
are_two() { [ "$(processes | wc -w)" = 2 ]; }
work first
wait_for -n edge-1 manifestworks/web '.status.conditions[]? | select(.type == "Available") | .status' True
are_two || fail "not two: $(processes)"
before=$(processes)

# Back when it looks for its hub: what runs has been taken up by then.
looks_for_hub() { tail -n "+$seen" "$TEST_DIR/edge-1.log" | grep -q -e "waiting -> listing"; }
restart() {
    seen=$(($(wc -l <"$TEST_DIR/edge-1.log") + 1))
    start edge-1 --mode=spoke --name edge-1 --data-dir "$TEST_DIR/edge-1" --log-level debug
    until_true 20 looks_for_hub || fail "the agent did not start: $(tail -n 3 "$TEST_DIR/edge-1.log")"
}
condition() { object managedclusters/edge-1 | jq -r '.status.conditions[] | select(.type == "SpokeStateIntact") | .status'; }
says() { [ "$(condition)" = "$1" ]; }

# Gone, while the hub is away: a process that is killed comes back all the same.
stop hub
crash edge-1
rm -f "$state"/axle.db*
restart
expect "with the store gone" "$(processes)" "$before"
kill -9 "${before%% *}"
healed() { are_two && [ "$(processes)" != "$before" ]; }
until_true 10 healed || fail "not healed without hub and store: $(processes)"
before=$(processes)
start_hub
until_true 40 says False || fail "the hub was not told: $(condition)"
expect_event edge-1 StoreReplaced
wait_for -n edge-1 manifestworks/web '.status.conditions[]? | select(.type == "Available") | .status' True
expect "told by the hub again" "$(processes)" "$before"
grep -q "axle.db, is missing; what runs keeps running" "$TEST_DIR/edge-1.log" || fail "not said in the log"

# The next start finds all well, and says so.
crash edge-1
restart
until_true 20 says True || fail "the condition stays: $(condition)"

# An older store, since its WAL is gone, brings back nothing that was replaced.
work second
changed() { are_two && [ "$(processes)" != "$before" ]; }
until_true 20 changed || fail "not rolled: $(processes)"
wait_for -n edge-1 manifestworks/web '.status.conditions[]? | select(.type == "Available") | .status' True
until_true 10 are_two
before=$(processes)
crash edge-1
rm -f "$state"/axle.db-wal
stop hub
restart
expect "with the WAL gone" "$(processes)" "$before"
start_hub
wait_for -n edge-1 manifestworks/web '.status.conditions[]? | select(.type == "Available") | .status' True
expect "with the WAL gone, told again" "$(processes)" "$before"
grep -q "it has lost its newest changes" "$TEST_DIR/edge-1.log" || fail "not said in the log"

# One bit, or the rest of the file, at many places of all that the agent keeps.
stop edge-1
mkdir "$TEST_DIR/whole"
cp -a "$state"/axle.db* "$state"/newest* "$state/pki/sealing.key" "$TEST_DIR/whole/"
bring_back() {
    rm -f "$state"/axle.db* "$state/pki"/sealing.key*
    cp -a "$TEST_DIR"/whole/axle.db* "$TEST_DIR"/whole/newest* "$state/"
    cp -a "$TEST_DIR/whole/sealing.key" "$state/pki/"
}
flip() {
    python3 - "$1" "$2" <<'PY'
import os, sys
path, share = sys.argv[1], float(sys.argv[2])
at = int(os.path.getsize(path) * share)
with open(path, "r+b") as file:
    file.seek(at)
    byte = file.read(1)[0]
    file.seek(at)
    file.write(bytes([byte ^ 1 << at % 8]))
PY
}
cut() { truncate -s "$(($(stat -c %s "$1") * $2 / 1000))" "$1"; }
count=${DEEP:+200}
for file in axle.db axle.db-wal newest pki/sealing.key; do
    [ -s "$state/$file" ] || continue
    for ((i = 0; i < ${count:-3}; i++)); do
        place=$((i * 1000 / ${count:-3} + 7))
        for harm in flip cut; do
            if [ "$harm" = flip ]; then flip "$state/$file" "0.$(printf %03d "$place")"; else cut "$state/$file" "$place"; fi
            restart
            expect "$harm of $file at $place/1000" "$(processes)" "$before"
            crash edge-1
            bring_back
        done
    done
done
if grep -E "Sanitizer|runtime error" "$TEST_DIR/edge-1.log"; then fail "the agent crashed"; fi

# In the end all is as it was, and its end is an end.
restart
wait_for -n edge-1 manifestworks/web '.status.conditions[]? | select(.type == "Available") | .status' True
expect "in the end" "$(processes)" "$before"
kubectl -n edge-1 delete manifestwork web >/dev/null
are_none() { [ -z "$(processes)" ]; }
until_true 20 are_none || fail "left to nobody: $(processes)"
