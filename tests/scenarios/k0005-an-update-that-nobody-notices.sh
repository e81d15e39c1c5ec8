#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two copies behind a Service are replaced one after the other while a client
# asks without a pause: no request fails. Then the name leads nowhere when there
# is no copy, and back when there is; and so when the agent goes and comes.
# limit: 240
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/catalogue.sh"

start_lab
port=$(free_port)
# work VERSION REPLICAS: by a ManifestWork, as another control plane would.
work() {
    apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: web, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: Service
      metadata: {name: web, namespace: lab}
      spec: {selector: {app: web}, ports: [{port: $port, targetPort: http}]}
    - apiVersion: v1
      kind: ConfigMap
      metadata: {name: programs, namespace: lab}
      data:
        server.py: |
          import os, signal, threading
          from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
          class Handler(BaseHTTPRequestHandler):
              def do_GET(self):
                  self.send_response(200)
                  self.end_headers()
                  self.wfile.write(os.environ["VERSION"].encode())
              def log_message(self, *words): pass
          server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
          signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
          server.serve_forever()
        client.py: |
          import os, time, urllib.request
          url = "http://%s:%s/" % (os.environ["WEB_SERVICE_HOST"], os.environ["WEB_SERVICE_PORT"])
          opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
          last = ""
          while True:
              try:
                  with opener.open(url, timeout=60) as answer:
                      now = answer.read().decode()
              except OSError as error:
                  now = "none" if "refused" in str(error) or "reset" in str(error) or "closed" in str(error) else str(error)
              if now != last:
                  print(now, flush=True)
                  last = now
              time.sleep(0.005)
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, namespace: lab}
      spec:
        replicas: $2
        strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec:
            runtimeClassName: process
            volumes: [{name: programs, configMap: {name: programs}}]
            containers:
            - name: server
              command: [python3, server.py]
              env: [{name: VERSION, value: "$1"}]
              ports: [{name: http, containerPort: 0}]
              readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
              lifecycle: {preStop: {sleep: {seconds: 1}}}
              volumeMounts: [{name: programs, mountPath: server.py, subPath: server.py}]
$3
YAML
}
client() {
    cat <<'YAML'
    - apiVersion: v1
      kind: Pod
      metadata: {name: client, namespace: lab}
      spec:
        terminationGracePeriodSeconds: 0
        volumes: [{name: programs, configMap: {name: programs}}]
        containers:
        - name: client
          command: [python3, client.py]
          volumeMounts: [{name: programs, mountPath: client.py, subPath: client.py}]
YAML
}
available() { wait_for -n edge-1 -t 120 manifestworks/web '.status.conditions[]? | select(.type == "Available") | [.status, .observedGeneration] | @tsv' "True	$1"; }
heard() { sed -n 's/.*stdout F //p' "$TEST_DIR/edge-1/spoke/workloads/pods/lab.client/logs/client.log" 2>/dev/null | paste -sd' '; }
hears() { [ "$(heard)" = "$1" ]; }
begins() { case $(heard) in "$1"*) return 0 ;; *) return 1 ;; esac; }
ends() { case $(heard) in *"$1") return 0 ;; *) return 1 ;; esac; }
generation() { object -n edge-1 manifestworks/web | jq .metadata.generation; }

work one 2 ''
available "$(generation)"
work one 2 "$(client)"
until_true 60 hears one || fail "the client hears '$(heard)'"

work two 2 "$(client)"
available "$(generation)"
# Both may answer for a while; what must not be there is none.
until_true 60 ends two || fail "the client hears '$(heard)'"
begins one || fail "the client heard '$(heard)'"
case $(heard) in *none* | *rror*) fail "a request failed: '$(heard)'" ;; esac

work two 0 "$(client)"
until_true 60 ends none || fail "somebody answers: '$(heard)'"
work two 1 "$(client)"
until_true 60 ends two || fail "nobody answers: '$(heard)'"

# The agent carries the bytes: without it nobody answers, but the pods run on.
pods() { (cd "$TEST_DIR/edge-1/spoke/workloads/pods" && echo *); }
settled() { [ "$(pods | wc -w)" = 2 ]; } # the preStop hooks of the others take a second
until_true 60 settled || fail "pods that are to go stay: $(pods)"
before=$(pods)
crash edge-1
until_true 60 ends none || fail "somebody answers without an agent: '$(heard)'"
start_spoke edge-1
until_true 60 ends two || fail "nobody answers after the agent came back: '$(heard)'"
# The folder of a pod that has ended may stay for a moment.
same_pods() { [ "$(pods)" = "$before" ]; }
until_true 60 same_pods || fail "pods after the agent came back: $(pods), before: $before"
