#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 240
# A spoke whose disk is full or read-only goes on: what runs is restarted, also after
# a restart of the agent; the hub is told in words; new and changed works wait and
# begin when there is room; what is deleted ends.
. "$(dirname "$0")/lib.sh"

if [ -z "${INSIDE:-}" ]; then
    unshare -rm true 2>/dev/null || unshare -m true 2>/dev/null ||
        skip "no mount namespaces here"
    how=-m
    [ "$(id -u)" = 0 ] || how=-rm
    code=0
    INSIDE=1 unshare $how "$0" || code=$?
    exit $code
fi
disk=$TEST_DIR/edge-1
mkdir -p "$disk"
mount -t tmpfs -o size=24m,mode=711 tmpfs "$disk" 2>/dev/null || skip "a tmpfs cannot be mounted here"
touch "$TEST_DIR/edge-1.token"

mark=4300$$
work() { # NAME SECONDS-WITH-MARK
    apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: $1, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: $1, namespace: lab}
      spec:
        replicas: 1
        selector: {matchLabels: {app: $1}}
        template:
          metadata: {labels: {app: $1}}
          spec:
            terminationGracePeriodSeconds: 0
            containers: [{name: c, command: [sleep, "$2"]}]
YAML
}
pid_of_mark() { pgrep -x -f "sleep $1" | xargs; }
runs() { [ "$(pid_of_mark "$1" | wc -w)" = 1 ]; }
is_none() { [ -z "$(pid_of_mark "$1")" ]; }
condition() { # PATH TYPE FIELD
    object "${@:1:$#-2}" | jq -r --arg type "${*: -2:1}" ".status.conditions[]? | select(.type == \$type) | .${*: -1}"
}
pressure_is() { [ "$(condition managedclusters/edge-1 DiskPressure status)" = "$1" ]; }
work_says() { condition -n edge-1 "manifestworks/$1" "$2" message | grep -q -e "$3"; }
work_is() { [ "$(condition -n edge-1 "manifestworks/$1" "$2" status)" = "$3" ]; }
fill() {
    dd if=/dev/zero of="$disk/fill" bs=64k status=none 2>/dev/null || true
    dd if=/dev/zero of="$disk/fill2" bs=1k status=none 2>/dev/null || true
}
heals() { # MARK: a process that is killed comes back
    local before
    before=$(pid_of_mark "$1")
    kill -9 "$before"
    comes_back() { runs "$1" && [ "$(pid_of_mark "$1")" != "$before" ]; }
    until_true 20 comes_back "$1" || fail "sleep $1 was not restarted"
}
restart() {
    start edge-1 --mode=spoke --data-dir "$disk" --log-level debug
}

start_hub
rmdir "$disk/spoke" 2>/dev/null || true
token_create >"$TEST_DIR/edge-1.token"
start edge-1 --mode=spoke --name edge-1 --data-dir "$disk" --join "$SERVER" --token-file "$TEST_DIR/edge-1.token"
wait_for managedclusters/edge-1 '.status.conditions[]? | select(.type == "ManagedClusterConditionAvailable") | .status' True
work web "${mark}1"
work old "${mark}2"
until_true 20 runs "${mark}1" || fail "web does not run"
until_true 20 runs "${mark}2" || fail "old does not run"
until_true 20 work_is web Available True

# Full: what runs is restarted; the hub hears of it; new and changed works wait.
fill
heals "${mark}1"
until_true 20 pressure_is True || fail "the hub was not told of the full disk"
condition managedclusters/edge-1 DiskPressure message | grep -q "is full.*KiB of 24 MiB" ||
    fail "the words: $(condition managedclusters/edge-1 DiskPressure message)"
expect_event edge-1 DiskPressure
work new "${mark}3"
until_true 20 work_is new Applied False || fail "new: Applied is not False"
work_says new Applied "is full" || fail "new, Applied: $(condition -n edge-1 manifestworks/new Applied message)"
work_is new Available False || fail "new is available"
before=$(pid_of_mark "${mark}1")
work web "${mark}4"
until_true 20 work_is web Applied False || fail "web: Applied is not False"
expect "web goes on as it was" "$(pid_of_mark "${mark}1")" "$before"

# What is deleted ends, since that makes room.
kubectl -n edge-1 delete manifestwork old --wait=false >/dev/null
until_true 20 is_none "${mark}2" || fail "old goes on although it is deleted"
wait_gone -n edge-1 manifestworks/old

# An agent that starts on the full disk begins, tells, and heals.
stop edge-1
fill
restart
until_true 40 pressure_is True
says_renewed() { grep -q "listing -> watching" "$TEST_DIR/edge-1.log"; }
until_true 40 says_renewed || fail "the agent did not reach its hub: $(tail -n 3 "$TEST_DIR/edge-1.log")"
heals "${mark}1"
crash edge-1
restart
heals "${mark}1"
expect "new still waits" "$(pid_of_mark "${mark}3")" ""

# Room: what waited begins, within a second and what the processes need.
rm -f "$disk"/fill*
until_true 20 runs "${mark}3" || fail "new does not begin"
until_true 20 runs "${mark}4" || fail "web is not changed"
until_true 20 is_none "${mark}1" || fail "the old web goes on"
until_true 20 pressure_is False || fail "the hub was not told that there is room"
until_true 20 work_is new Applied True
until_true 20 work_is web Available True

# Read-only, as after an I/O error.
crash edge-1
# Another mount above: the first one is busy with logs that are open.
mount --bind "$disk" "$disk" && mount -o remount,bind,ro "$disk" || fail "cannot be made read-only"
restart
until_true 40 pressure_is True || fail "not told that the disk is read-only"
condition managedclusters/edge-1 DiskPressure message | grep -q "is read-only" || fail "the words"
heals "${mark}3"
expect "web is neither doubled nor ended" "$(pid_of_mark "${mark}4" | wc -w)" 1
work late "${mark}5"
until_true 20 work_is late Applied False || fail "late: Applied is not False"
work_says late Applied "read-only" || fail "late: $(condition -n edge-1 manifestworks/late Applied message)"
# One agent for one folder, whatever can be locked.
expect_refused "is in use by another process" timeout 60 "$AXLE" --mode=spoke --data-dir "$disk"
kubectl -n edge-1 delete manifestwork new --wait=false >/dev/null
until_true 20 is_none "${mark}3" || fail "new goes on although it is deleted"
umount -l "$disk"
until_true 20 runs "${mark}5" || fail "late does not begin"
wait_gone -n edge-1 manifestworks/new
until_true 20 pressure_is False

# All of it is on disk now.
crash edge-1
restart
heals "${mark}5"
heals "${mark}4"
if grep -E "Sanitizer|runtime error" "$TEST_DIR/edge-1.log"; then fail "the agent crashed"; fi
