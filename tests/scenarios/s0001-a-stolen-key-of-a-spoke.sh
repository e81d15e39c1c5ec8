#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 300
# Somebody has the key of a spoke and tries everything: others' words never come back,
# the hub stays usable and small, and the spoke's deletion ends within a minute.
. "$(dirname "$0")/lib.sh"
# Not the sanitized program: memory and latency are looked at.
AXLE=$repo/build/release/axle
[ -x "$AXLE" ] || skip "build/release/axle is not built"

start_hub
for spoke in edge-1 edge-2; do
    start_spoke $spoke
    stop $spoke
done
word() { head -c 18 /dev/urandom | od -An -tx1 | tr -d " \n" | tr 0-9 g-p | cut -c1-24; }
post() { status_of POST "$1" -H 'Content-Type: application/json' -d "$2" | grep -q 201 || fail "POST $1: $(cat "$TEST_DIR/answer")"; }
works=/apis/work.open-cluster-management.io/v1/namespaces
work() {
    echo '{"metadata":{"name":"'"$1"'"},"spec":{"workload":{"manifests":[{"apiVersion":"v1","kind":"ConfigMap",
        "metadata":{"name":"c","namespace":"default"},"data":{"word":"'"$2"'"}}]}}}'
}
for _ in 1 2 3 4; do word; done >"$TEST_DIR/words"
mapfile -t words <"$TEST_DIR/words"
post /api/v1/namespaces '{"metadata":{"name":"lab"}}'
# A word in base64 keeps its form in an answer: 24 letters are 32 of base64.
post /api/v1/namespaces/lab/secrets '{"metadata":{"name":"token"},"stringData":{"word":"'"${words[0]}"'"}}'
post /api/v1/namespaces/lab/configmaps '{"metadata":{"name":"edge-1"},"data":{"word":"'"${words[1]}"'"}}'
post $works/edge-2/manifestworks "$(work w "${words[2]}")"
post $works/edge-1/manifestworks "$(work w ours)"
post /apis/cluster.open-cluster-management.io/v1/managedclusters '{"metadata":{"name":"'"${words[3]}"'"}}'
{
    printf %s "${words[0]}" | base64
    printf '%s\n%s\n' "${words[1]}" "${words[2]}"
    echo "${words[3]}"
} >"$TEST_DIR/secret-words"

/usr/bin/python3 "$(dirname "$0")/hostile_spoke.py" "$SERVER" "$TEST_DIR" "$([ -n "${DEEP:-}" ] && echo 60 || echo 8)" "$(pid_of hub)" \
    >"$TEST_DIR/hostile.txt" 2>&1 || fail "$(tail -n 60 "$TEST_DIR/hostile.txt")"
cat "$TEST_DIR/hostile.txt"
