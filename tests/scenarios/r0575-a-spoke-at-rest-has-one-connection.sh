#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 240
# A spoke at rest has one connection, by which it hears of its works and of its ManagedCluster.
# When the hub is killed it comes back with its ticket, and learns what has changed meanwhile.
. "$(dirname "$0")/lib.sh"

mark=575$$
start_hub
start_spoke edge-1
kubectl label managedcluster edge-1 zone=north >/dev/null
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
          spec:
            containers:
            - {name: main, command: [sleep, "$mark"], env: [{name: OF, value: $1}, {name: FACT, value: "$2"}]}
YAML
}
processes() { pgrep -f "^sleep $mark" || true; }
line_of() { cat "/proc/$1/environ" 2>/dev/null | tr '\0' '\n' | sed -n "s/^$2=//p" || true; }
facts() { local pid; for pid in $(processes); do echo "$(line_of "$pid" OF)=$(line_of "$pid" FACT)"; done | sort | paste -sd' '; }
runs() { [ "$(facts)" = "$1" ]; }
metric() { get_raw /metrics | sed -n "s/^axle_$1 //p"; }
# The other one asks for this number.
rests() { [ "$(metric http_connections)" = 2 ]; }

work zone '${spoke.labels.zone}'
until_true 60 runs zone=north || fail "it runs: $(facts)"
until_true 60 rests || fail "$(metric http_connections) connections, one of which is this question"

# The label comes without a second watch; whoever does not ask for it sees no bookmark.
path=$(path_of -n edge-1 manifestworks)
revision=$(get_raw "$path" | jq -r .metadata.resourceVersion)
get_raw "$path?watch=true&allowWatchBookmarks=true&timeoutSeconds=8&resourceVersion=$revision" >"$TEST_DIR/watch" &
watch=$!
kubectl label managedcluster edge-1 zone=south --overwrite >/dev/null
until_true 60 runs zone=south || fail "it runs: $(facts)"
wait "$watch"
expect "bookmarks of a client that follows no cluster" "$(grep -c own-cluster "$TEST_DIR/watch" || true)" 0
until_true 60 rests || fail "$(metric http_connections) connections after a change of the label"

# The hub is killed while the spoke sleeps, and other works are there when it wakes up.
kill -STOP "$(pid_of edge-1)"
crash hub
start_hub
before=$(metric 'tls_handshakes_total{kind="resumed"}')
work other '${spoke.labels.zone}'
kubectl delete manifestwork -n edge-1 zone --wait=false >/dev/null
kubectl label managedcluster edge-1 zone=west --overwrite >/dev/null
kill -CONT "$(pid_of edge-1)"
until_true 60 runs other=west || fail "it runs: $(facts)"
wait_gone -n edge-1 manifestworks/zone
[ "$(metric 'tls_handshakes_total{kind="resumed"}')" -gt "$before" ] || fail "the spoke came back without its ticket"
until_true 60 rests || fail "$(metric http_connections) connections after the hub was killed"

stop edge-1
stop hub
