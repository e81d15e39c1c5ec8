#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A port that the spoke chooses is the same after an update, a crash of the pod and a
# loss of the agent's memory; two replicas at one declared port are told what to do.
. "$(dirname "$0")/lib.sh"

chmod 711 "$TEST_DIR"
start_hub
start_spoke edge-1
# Above what systems choose by themselves, below what a pod of this test takes.
fixed=$(python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])')
work() {
    apply >/dev/null <<YAML
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: ports, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, namespace: lab}
      spec:
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec:
            terminationGracePeriodSeconds: 5
            containers:
            - name: main
              env: [{name: VERSION, value: "$1"}]
              command: [python3, -c, 'import os, http.server as h; open("mark", "w").write(os.environ["VERSION"] + " " + os.environ["PORT"] + " " + os.environ["PORT_MORE"]); h.HTTPServer(("", int(os.environ["PORT"])), h.SimpleHTTPRequestHandler).serve_forever()']
              ports: [{name: http, containerPort: 0}, {name: more, containerPort: 0}]
              readinessProbe: {tcpSocket: {port: http}, periodSeconds: 1}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: two, namespace: lab}
      spec:
        replicas: 2
        selector: {matchLabels: {app: two}}
        template:
          metadata: {labels: {app: two}}
          spec:
            terminationGracePeriodSeconds: 0
            containers: [{name: main, command: [sleep, "1000"], ports: [{containerPort: $fixed}]}]
YAML
}
pods=$TEST_DIR/edge-1/spoke/workloads/pods
mark() { cat "$pods"/lab.web-*/work/mark 2>/dev/null || true; }
is_at() { case $(mark) in "$1 "*) [ "$(mark)" != "${2:-}" ] ;; *) return 1 ;; esac; }
status() { object -n edge-1 manifestworks/ports | jq -c .status; }
work one
until_true 60 is_at one || fail "it does not run: $(status)"
first=$(mark)
number=${first#one }
[ "${number% *}" != "${number#* }" ] || fail "two ports of one number: $first"
says_what_to_do() { case $(status) in *"port $fixed is taken by pod lab/two-"*"containerPort: 0"*"a Service distributes to all"*) ;; *) return 1 ;; esac; }
until_true 60 says_what_to_do || fail "two at one port: $(status)"

for version in two three; do
    work $version
    until_true 60 is_at $version || fail "it is not updated: $(status)"
    expect "its ports" "$(mark)" "$version $number"
done

# Nothing is left of it but what it is.
stop edge-1
for pid in $(pgrep -f "axle shim $pods/"); do
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != axle-shim ] || kill -KILL "$pid"
done
rm -f "$pods"/lab.web-*/work/mark
start_spoke edge-1
until_true 60 is_at three || fail "it does not come back: $(status)"
expect "its ports after a loss" "$(mark)" "three $number"
