#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 240
# On a full disk writes are refused in words, deletes and status updates go on,
# readiness tells of a commit that failed, and all is well once there is room.
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
mkdir -p "$hub_dir"
mount -t tmpfs -o size=48m tmpfs "$hub_dir" 2>/dev/null || skip "a tmpfs cannot be mounted here"

configmaps=/api/v1/namespaces/default/configmaps
head -c 300000 /dev/zero | tr '\0' x >"$TEST_DIR/large"
add() {
    printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%s"},"data":{"k":"%s"}}' "$1" "$(cat "$TEST_DIR/large")" >"$TEST_DIR/body"
    status_of POST "$configmaps" -H 'Content-Type: application/json' --data-binary @"$TEST_DIR/body"
}
start_hub
expect "healthy" "$(get_raw '/readyz?verbose' | grep -c '\[+\]store ok')" 1
expect "there is room" "$(add n0)" 201
# Somebody else fills the disk.
dd if=/dev/zero of="$hub_dir/fill" bs=64k status=none 2>/dev/null || true

made=0
for i in $(seq 1 200); do
    code=$(add "n$i")
    [ "$code" = 201 ] || break
    made=$i
done
expect "the disk is full" "$code" 507
expect_contains "the refusal" "$(cat "$TEST_DIR/answer")" "is full"
expect "alive" "$(status_of GET /livez)" 200
expect "a status update" "$(status_of PATCH /apis/coordination.k8s.io/v1/namespaces/default/leases/none -H 'Content-Type: application/merge-patch+json' --data-binary '{}')" 404
expect "a change" "$(status_of PATCH "$configmaps/n0" -H 'Content-Type: application/merge-patch+json' --data-binary '{"metadata":{"labels":{"a":"b"}}}')" 200
# A start on the full disk is one.
crash hub
start_hub
for i in $(seq 0 "$made"); do
    expect "DELETE of n$i" "$(status_of DELETE "$configmaps/n$i")" 200
done
expect "and they are gone" "$(get_raw "$configmaps" | jq '.items | length')" 0

# Not even the reserve is left: a commit fails, which readiness tells.
all_taken() {
    dd if=/dev/zero of="$hub_dir/fill2" bs=4k oflag=append conv=notrunc status=none 2>/dev/null || true
    dd if=/dev/zero of="$hub_dir/fill3" bs=1k oflag=append conv=notrunc status=none 2>/dev/null || true
    status_of PATCH /api/v1/namespaces/default -H 'Content-Type: application/merge-patch+json' \
        --data-binary "{\"metadata\":{\"labels\":{\"a\":\"$RANDOM$RANDOM\"}}}" >/dev/null
    [ "$(status_of GET /readyz)" = 503 ]
}
until_true 60 all_taken || fail "readiness never told"
expect_contains "verbose" "$(cat "$TEST_DIR/answer")" "[-]store failed"
expect "alive" "$(status_of GET /livez)" 200
rm "$hub_dir"/fill*
well() { [ "$(status_of GET /readyz)" = 200 ]; }
until_true 30 well || fail "not ready again"
has_room() { [ "$(add "again$RANDOM$RANDOM")" = 201 ]; }
until_true 30 has_room || fail "no room again"
crash hub
start_hub
