#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 240
# From a work that arrives to its process a spoke waits for its disk once, and not again
# for what it reports.
. "$(dirname "$0")/lib.sh"

type -P strace >/dev/null || skip "no strace to count syncs with"
mark=2000$$ # told apart from what others run
start_hub
start_spoke edge-1

# work NAME SECONDS
work() {
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
        selector: {matchLabels: {app: $1}}
        template:
          metadata: {labels: {app: $1}}
          spec: {terminationGracePeriodSeconds: 0, containers: [{name: main, command: [sleep, "$2"]}]}
YAML
}
is_available() { kubectl -n edge-1 get manifestwork "$1" -o json | jq -e '.status.conditions[]? | select(.type == "Available" and .status == "True")' >/dev/null; }

# The first pod of a namespace makes its place on the disk as well.
work first "${mark}1"
until_true 60 is_available first || fail "the first work does not run"
spare() { pgrep -P "$(pid_of edge-1)" -f 'shim --spare'; }
until_true 30 spare >/dev/null || fail "no spare shim is made"

strace -f -qq -s 200 -e trace=fsync,fdatasync,sync,syncfs,execve -p "$(pid_of edge-1)" -p "$(spare)" \
    -o "$TEST_DIR/traced" 2>"$TEST_DIR/strace.log" &
tracer=$!
is_traced() { grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$(pid_of edge-1)/status" "/proc/$(spare)/status"; }
until_true 30 is_traced || skip "strace may not attach here: $(cat "$TEST_DIR/strace.log")"
work second "${mark}2"
until_true 90 is_available second || fail "the second work does not run"
kill "$tracer"
wait "$tracer" || true

# Lines of syncs that have begun, before the process and after it.
ran=$(grep -n "execve(.*\"${mark}2\".*= 0\|execve(.*\"${mark}2\".*unfinished" "$TEST_DIR/traced" | tail -n 1 | cut -d: -f1)
[ -n "$ran" ] || fail "the process was not seen: $(cat "$TEST_DIR/traced")"
syncs() { grep -c 'sync(\|syncfs(' || true; }
expect "syncs before the process" "$(sed -n "1,${ran}p" "$TEST_DIR/traced" | syncs)" 1
expect "syncs after it" "$(sed -n "$ran,\$p" "$TEST_DIR/traced" | syncs)" 0
