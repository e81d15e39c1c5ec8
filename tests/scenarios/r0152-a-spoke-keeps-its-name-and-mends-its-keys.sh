#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A spoke keeps the name and the hub that it has joined, whatever the host is called
# later; damage to its keys is undone, or told with the way out, and what runs stays.
. "$(dirname "$0")/lib.sh"

mark=1520$$
start_hub
start_spoke edge-1
state=$TEST_DIR/edge-1/spoke
apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: web, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: Pod
      metadata: {name: web, namespace: lab}
      spec: {terminationGracePeriodSeconds: 0, containers: [{name: c, command: [sleep, "$mark"]}]}
YAML
wait_for -n edge-1 manifestworks/web '.status.conditions[]? | select(.type == "Available") | .status' True
processes() { pgrep -x -f "sleep $mark" | xargs; }
before=$(processes)
[ -n "$before" ] || fail "nothing runs"

connected() { tail -n "+$seen" "$TEST_DIR/edge-1.log" | grep -q -e "edge-1: listing -> watching"; }
restart() {
    seen=$(($(wc -l <"$TEST_DIR/edge-1.log") + 1))
    start edge-1 --mode=spoke --data-dir "$TEST_DIR/edge-1" --log-level debug "$@"
}
is_back() { until_true 20 connected || fail "$1: not connected: $(tail -n 3 "$TEST_DIR/edge-1.log")"; expect "$1" "$(processes)" "$before"; }

# Neither --name nor --join: as it has joined, not as the machine is called.
stop edge-1
restart
is_back "without flags"
stop edge-1

# Another name is refused in words, and changes nothing.
if "$AXLE" --mode=spoke --data-dir "$TEST_DIR/edge-1" --name edge-2 >"$TEST_DIR/refused" 2>&1; then fail "another name was taken"; fi
expect_contains "why" "$(cat "$TEST_DIR/refused")" 'has joined its hub as "edge-1" and keeps that name'

# As an older program left it: the name is in the certificate.
rm -f "$state"/name* "$state"/*.copy "$state"/pki/*.copy
restart
is_back "an older program's state"
until_true 10 test -s "$state/pki/client.key.copy"
stop edge-1

# One bit, or the rest, of each file of the identity.
harm() { # FILE flip|cut PERMILLE
    python3 - "$@" <<'PY'
import os, sys
path, harm, share = sys.argv[1], sys.argv[2], int(sys.argv[3])
at = os.path.getsize(path) * share // 1000
with open(path, "r+b") as file:
    if harm == "cut":
        file.truncate(at)
    else:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << at % 8]))
PY
}
count=${DEEP:+200}
for file in name hub pki/client.crt pki/client.key pki/hub-ca.crt pki/client.crt.copy; do
    for ((i = 0; i < ${count:-1}; i++)); do
        for how in flip cut; do
            harm "$state/$file" "$how" $((i * 1000 / ${count:-1} + 4 * (i == 0) * 100))
            restart
            is_back "$how of $file"
            stop edge-1
        done
    done
done

# A file that is gone comes back from its copy; without that, the way out is said.
for file in client.key client.crt hub-ca.crt; do rm "$state/pki/$file"; done
restart
is_back "files that are gone"
until_true 10 test -s "$state/pki/client.key"
stop edge-1
cp -a "$state/pki" "$TEST_DIR/pki.whole"
rm "$state"/pki/client.key*
if timeout 60 "$AXLE" --mode=spoke --data-dir "$TEST_DIR/edge-1" >"$TEST_DIR/refused" 2>&1; then fail "it started without a key"; fi
expect_contains "a lost key" "$(cat "$TEST_DIR/refused")" 'axle token create --name edge-1'
rm -r "$state/pki"
mv "$TEST_DIR/pki.whole" "$state/pki"

# Beyond mending: said with the way out, and what runs stays.
for file in pki/client.crt pki/client.crt.copy; do harm "$state/$file" cut 500; done
restart
says() { tail -n "+$seen" "$TEST_DIR/edge-1.log" | grep -q "join again with a new token"; }
until_true 20 says || fail "the way out is not said: $(tail -n 3 "$TEST_DIR/edge-1.log")"
expect "beyond mending" "$(processes)" "$before"
stop edge-1
token_create --name edge-1 >"$TEST_DIR/edge-1.token"
restart --token-file "$TEST_DIR/edge-1.token"
is_back "joined again"
if grep -E "Sanitizer|runtime error" "$TEST_DIR/edge-1.log"; then fail "the agent crashed"; fi
