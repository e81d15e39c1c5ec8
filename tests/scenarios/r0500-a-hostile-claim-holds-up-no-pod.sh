#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 120
# A claim that is slow to give to an fsGroup: the pod says what it waits for, the next agent
# does not take it for ready, and it ends at once when it is to. One entry that refuses is
# told in an Event and keeps no pod from its start.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || skip "fsGroup is root's"
chmod 711 "$TEST_DIR"
start_hub
start_spoke edge-1
claim=$TEST_DIR/edge-1/spoke/workloads/claims/lab.data
work() { # GROUP
    apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: given, namespace: edge-1}
spec:
  workload:
    manifests:
    - {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, namespace: lab}, spec: {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Mi}}}}
    - apiVersion: v1
      kind: Pod
      metadata: {name: p, namespace: lab}
      spec:
        terminationGracePeriodSeconds: 600
        securityContext: {fsGroup: $1}
        volumes: [{name: d, persistentVolumeClaim: {claimName: data}}]
        containers: [{name: c, command: [sleep, "1500$$"], volumeMounts: [{name: d, mountPath: d}]}]
YAML
}
status() { "$AXLE" status spoke --data-dir "$TEST_DIR/edge-1" -o json; }
pod() { status | jq -r ".works[].pods[]? | $1"; }
is_ready() { [ "$(pod .ready)" = true ]; }

mkdir -p "$claim"
for i in {1..60}; do mkdir "$claim/$i" && : >"$claim/$i/file"; done
mkdir -p "$claim/deep/$(printf 'd/%.0s' {1..220})"
# Each opening of a folder in it takes a while: what a slow disk or a million files do.
cat >"$TEST_DIR/slow.py" <<'PYTHON'
import ctypes, os, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
fd = libc.fanotify_init(4, os.O_RDONLY)
libc.fanotify_mark.argtypes = [ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p]
if fd < 0 or libc.fanotify_mark(fd, 1, 0x10000 | 0x40000000 | 0x08000000, -100, sys.argv[1].encode()) < 0:
    sys.exit(1)
open(sys.argv[2], "w").close()
while True:
    events = os.read(fd, 4096)
    while events:
        size, _, _, _, _, what, _ = struct.unpack("IBBHQii", events[:24])
        events = events[size:]
        if not os.path.exists(sys.argv[2] + ".fast"):
            time.sleep(0.1)
        os.write(fd, struct.pack("iI", what, 1))
        os.close(what)
PYTHON
/usr/bin/python3 "$TEST_DIR/slow.py" "$claim" "$TEST_DIR/slow" &
begins() { [ -e "$TEST_DIR/slow" ] || ! kill -0 $!; }
until_true 20 begins
[ -e "$TEST_DIR/slow" ] || skip "no fanotify here"

work 700500
says_why() { pod .message | grep -q 'container c: volume d is being given to fsGroup 700500: [0-9]* entries so far'; }
until_true 20 says_why || fail "what it waits for: $(status)"
crash edge-1
start_spoke edge-1
until_true 20 says_why || fail "what it waits for, after the agent's restart: $(status)"
expect "ready" "$(pod .ready)" false
began=$SECONDS
kubectl -n edge-1 delete manifestwork given --wait=false >/dev/null
wait_gone -n edge-1 manifestworks/given
[ $((SECONDS - began)) -lt 20 ] || fail "what had not begun was given its grace period"

touch "$TEST_DIR/slow.fast"
work 700501
until_true 20 is_ready || fail "one folder that is too deep keeps it: $(status)"
says_left() { get_raw /api/v1/events | jq -r '.items[] | select(.reason == "FsGroupIncomplete") | .message' |
    grep -q '1 entries of volume d could not be given to fsGroup 700501.*more than 200 folders deep'; }
until_true 20 says_left || fail "what was left is not told"
expect "the group of the rest" "$(stat -c %g "$claim/60/file")" 700501
