#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# FIFOs, links and folders in place of a log or a kubeconfig: no verb waits for ever or follows
# them, and the exit status says that the kubeconfig is what is wrong.
. "$(dirname "$0")/lib.sh"

cd "$TEST_DIR"
mkfifo fifo
(status=0; timeout 60 "$AXLE" token list --kubeconfig fifo >said-fifo 2>&1 || status=$?; echo $status >status-fifo) &
waiting=$!

pod=$TEST_DIR/data/spoke/workloads/pods/lab.a
mkdir -p "$pod/logs" outside
cat >"$pod/pod.json" <<'JSON'
{"record": {"name": "a", "template": {"spec": {"containers": [{"name": "c"}]}}}}
JSON
echo '2026-01-01T00:00:00Z stdout F hello' >"$pod/logs/c.log"
echo '2026-01-01T00:00:00Z stdout F secret' >outside/c.log
logs() { timeout 5 "$AXLE" logs a --data-dir "$TEST_DIR/data"; }
expect_contains "a log" "$(logs)" hello
rm "$pod/logs/c.log"
mkfifo "$pod/logs/c.log"
expect "a FIFO" "$(logs)" '==> a c'
rm "$pod/logs/c.log"
ln -s "$TEST_DIR/outside/c.log" "$pod/logs/c.log"
expect "a link" "$(logs)" '==> a c'
rm -r "$pod/logs"
ln -s "$TEST_DIR/outside" "$pod/logs"
expect "a linked folder" "$(logs)" '==> a c'

refuses() {
    local status=0 said
    said=$(timeout 20 "$AXLE" token list --kubeconfig "$1" 2>&1) || status=$?
    expect "--kubeconfig=$1: $said" "$status" 3
    expect_contains "--kubeconfig=$1" "$said" "$2"
}
cat >plugin <<'YAML'
current-context: a
contexts: [{name: a, context: {cluster: a, user: a}}]
clusters: [{name: a, cluster: {server: "https://127.0.0.1:1", certificate-authority-data: Zm9v}}]
users: [{name: a, user: {exec: {command: x}}}]
YAML
refuses "$TEST_DIR" 'Is a directory'
refuses /proc/self/mem 'Input/output error'
refuses plugin 'axle accepts certificates only'
refuses <(cat plugin) 'axle accepts certificates only'
wait "$waiting"
expect "a FIFO that nobody writes to: $(cat said-fifo)" "$(cat status-fifo)" 3
