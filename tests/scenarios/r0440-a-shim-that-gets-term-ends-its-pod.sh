#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The machine shuts down: each shim that gets SIGTERM runs the preStop hooks, stops
# its pod once, kills what stays after the grace period, and ends. What ended so is
# no result: a Job runs again.
. "$(dirname "$0")/lib.sh"

chmod 711 "$TEST_DIR"
start_hub
start_spoke edge-1
pods=$TEST_DIR/edge-1/spoke/workloads/pods
log() { cut -d" " -f4- "$pods/$1/logs/main.log" 2>/dev/null || true; }
says() { log "$1" | grep -qx "$2"; }
# Inits are forks of theirs and have the same arguments.
shims() {
    local pid
    for pid in $(pgrep -f "axle shim $pods/${1:-}"); do
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != axle-shim ] || echo "$pid"
    done
}
apply >/dev/null <<YAML
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: ends, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: Pod
      metadata: {name: polite, namespace: lab}
      spec:
        terminationGracePeriodSeconds: 60
        containers:
        - name: main
          command: [bash, -c, "trap '[ -e over ] && echo term || echo early' TERM; echo up; until [ -e over ]; do sleep 0.1; done; sleep 0.3; echo down"]
          lifecycle: {preStop: {exec: {command: [sh, -c, "echo hook >/proc/1/fd/1 2>/dev/null; : >over.hook; sleep 0.2; : >over"]}}}
    - apiVersion: v1
      kind: Pod
      metadata: {name: stubborn, namespace: lab}
      spec:
        terminationGracePeriodSeconds: 1
        containers: [{name: main, command: [bash, -c, "trap '' TERM; echo up; while :; do sleep 0.2; done"]}]
    - apiVersion: v1
      kind: Pod
      metadata: {name: asked, namespace: lab}
      spec:
        terminationGracePeriodSeconds: 20
        containers:
        - name: main
          command: [/usr/bin/python3, -u, -c, "import http.server as h, os, signal, time; signal.signal(15, lambda *a: (print('term'), os._exit(0)))\nclass S(h.BaseHTTPRequestHandler):\n  def do_GET(s): print(s.path); time.sleep(0.5); print('answered'); s.send_response(200); s.end_headers()\n  def log_message(*a): pass\nprint('up'); h.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), S).serve_forever()"]
          ports: [{name: web, containerPort: 0}]
          lifecycle: {preStop: {httpGet: {path: /drain, port: web}}}
    - apiVersion: batch/v1
      kind: Job
      metadata: {name: once, namespace: lab}
      spec:
        template:
          spec:
            restartPolicy: Never
            containers: [{name: main, command: [bash, -c, "trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done"]}]
YAML
all_run() { says lab.polite up && says lab.stubborn up && says lab.asked up && [ -n "$(log lab.once-000)$(cat "$pods"/lab.once*/logs/main.log 2>/dev/null)" ]; }
until_true 60 all_run || fail "not all run: $(ls "$pods")"

crash edge-1
began=${EPOCHREALTIME/[.,]/}
expect "shims" "$(shims | wc -l)" 4
mapfile -t all < <(shims)
kill -TERM "${all[@]}"
are_gone() { [ -z "$(shims)" ]; }
until_true 60 are_gone || fail "shims stay: $(pgrep -af 'axle shim')"
took=$(((${EPOCHREALTIME/[.,]/} - began) / 1000))
[ "$took" -ge 1000 ] || fail "the grace period was not given: $took ms"
[ "$took" -le 20000 ] || fail "shims end after $took ms"
[ -e "$pods/lab.polite/work/over.hook" ] || fail "the preStop hook did not run"
expect "one SIGTERM, after the hook, and a whole end" "$(log lab.polite | paste -sd' ')" "up term down"
expect "a preStop request before it" "$(log lab.asked | paste -sd' ')" "up /drain answered term"
! ls "$pods"/*/exit-main.json 2>/dev/null || fail "such an end is kept as a result"

start_spoke edge-1
status() { object -n edge-1 manifestworks/ends | jq -c .status; }
run_again() { [ "$(shims | wc -l)" = 4 ]; }
until_true 60 run_again || fail "they do not run again: $(status)"
health() { object -n edge-1 manifestworks/ends | jq -r '.status.resourceStatus.manifests[] | select(.resourceMeta.name == "once") | .statusFeedback.values[] | select(.name == "Health") | .fieldValue.string'; }
expect "a Job that was told to end" "$(health)" InProgress

# One shim alone, while the agent lives: its pod comes back.
before=$(shims lab.stubborn)
is_up_again() { [ -n "$(shims lab.stubborn)" ] && [ "$(shims lab.stubborn)" != "$before" ]; }
kill -TERM "$before"
until_true 60 is_up_again || fail "the pod does not come back: $(status)"
