#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 300
# A spoke's own configuration bounds every work, and bad input is named: a
# condition and an Event with object and field. What can run, runs.
. "$(dirname "$0")/lib.sh"

mark=1004$$
start_hub
mkdir -p "$TEST_DIR/shared" "$TEST_DIR/other"
start_spoke edge-1 --host-path "$TEST_DIR/shared"
port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

# pod NAME CONTAINER-YAML [SPEC-YAML]: one Deployment with a single container.
pod() {
    cat <<YAML
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: $1, namespace: lab}
      spec:
        selector: {matchLabels: {app: $1}}
        template:
          metadata: {labels: {app: $1}}
          spec:
            containers: [{name: main, $2}]
            ${3:-}
YAML
}
sleep_="command: [sleep, \"$mark\"]"
many=$(for i in $(seq 10000); do printf '{name: V%d, value: v}, ' "$i"; done)
{
    cat <<YAML
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: bad, namespace: edge-1}
spec:
  workload:
    manifests:
YAML
    pod good "$sleep_"
    pod shared "$sleep_, volumeMounts: [{name: v, mountPath: v}]" "volumes: [{name: v, hostPath: {path: $TEST_DIR/shared}}]"
    pod many "$sleep_, env: [$many]"
    # beyond what this spoke allows
    pod root "$sleep_, securityContext: {runAsUser: 0}"
    pod root-of-pod "$sleep_" "securityContext: {runAsUser: 0}"
    pod privileged "$sleep_, securityContext: {privileged: true}"
    pod capable "$sleep_, securityContext: {capabilities: {add: [SYS_ADMIN]}}"
    pod outside "$sleep_, volumeMounts: [{name: v, mountPath: v}]" "volumes: [{name: v, hostPath: {path: $TEST_DIR/other}}]"
    pod climbing "$sleep_, volumeMounts: [{name: v, mountPath: v}]" "volumes: [{name: v, hostPath: {path: $TEST_DIR/shared/../other}}]"
    # what makes no sense
    pod wrong-type "$sleep_, env: 7"
    pod no-volume "$sleep_, volumeMounts: [{name: nowhere, mountPath: v}]"
    pod directory "command: [/usr]"
    pod imaged "image: nginx, $sleep_"
    pod no-memory "$sleep_, resources: {limits: {memory: 0}}"
    pod no-settings "$sleep_, envFrom: [{configMapRef: {name: later}}]"
    pod taken "$sleep_, ports: [{containerPort: $port}]"
    cat <<YAML
    - apiVersion: example.com/v1
      kind: Balloon
      metadata: {name: red, namespace: lab}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: three, namespace: lab}
      spec: {replicas: three, selector: {matchLabels: {app: x}}, template: {metadata: {labels: {app: x}}, spec: {containers: [{name: main, $sleep_}]}}}
YAML
} >"$TEST_DIR/bad.yaml"
python3 - "$port" <<'PYTHON' &
import socket, sys, time
s = socket.socket()
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen()
time.sleep(600)
PYTHON
holder=$!
at_end 'kill $holder 2>/dev/null'
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
until_true 30 listening
# Too large for what kubectl apply notes down.
kubectl create -f "$TEST_DIR/bad.yaml" >/dev/null

message() { object -n edge-1 manifestworks/bad | jq -r --arg name "$1" '.status.resourceStatus.manifests[] | select(.resourceMeta.name == $name) | .conditions[] | select(.type == "Available") | .status + ": " + .message'; }
# refused NAME REASON TEXT…: not available, for this reason, in these words, and an Event.
refused() {
    local name=$1 reason=$2
    shift 2
    says_all() { local text word; text=$(message "$name"); for word in "False: " "$@"; do case $text in *"$word"*) ;; *) return 1 ;; esac; done; }
    until_true 60 says_all "$@" || fail "$name says '$(message "$name")', not $*"
    until_true 30 has_event "$name" "$reason" || fail "no Event $reason about $name: $(get_raw /api/v1/events | jq -r --arg name "$name" '.items[] | select(.involvedObject.name == $name) | .reason + ": " + .message')"
}
available() { [ "$(message "$1")" = "True: Resource is available" ]; }
until_true 60 available good || fail "good: $(message good)"
until_true 60 available many || fail "many: $(message many)"
until_true 60 available shared || fail "shared: $(message shared)"
# A spoke that is not root has no other user to give.
no_root="uid 0"
[ "$(id -u)" = 0 ] || no_root="this spoke is not root"
refused root NotPermitted "containers[main].securityContext.runAsUser" "$no_root"
refused root-of-pod NotPermitted "spec.securityContext.runAsUser" "$no_root"
refused privileged NotPermitted "containers[main].securityContext.privileged"
refused capable NotPermitted "containers[main].securityContext.capabilities.add"
refused outside NotPermitted "spec.volumes[v].hostPath $TEST_DIR/other" "outside"
refused climbing NotPermitted "spec.volumes[v].hostPath"
refused wrong-type Invalid "containers[main].env"
refused no-volume Invalid "volumeMounts" '"nowhere"'
refused directory BackOff "/usr"
refused imaged NeedsEngine "containers[main].image nginx"
refused no-memory Invalid "containers[main].resources.limits.memory"
refused no-settings MissingConfigMap "waits for ConfigMap lab/later"
refused taken PortConflict "$port"
refused red UnsupportedKind "example.com/v1 Balloon"
refused three Invalid "spec.replicas"
kill "$holder"
