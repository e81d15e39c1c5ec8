#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# With --cgroup-parent shims and pods are in that control group, the agent stays in its
# own; one that is not there costs nothing; a word that is no path is refused.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || skip "not root: no control group can be made"
base=/sys/fs/cgroup
[ -f $base/cgroup.controllers ] || base=$base/unified
[ -f $base/cgroup.controllers ] || skip "no control groups of version 2 here"
group=/axle-test-$$
mkdir "$base$group" 2>/dev/null || skip "no control group can be made here"
shims() {
    local pid
    for pid in $(pgrep -f "axle shim $TEST_DIR/$1/spoke/workloads/pods/"); do
        [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != axle-shim ] || echo "$pid"
    done
}
clean_up() {
    for name in edge-1 edge-2; do
        kill_left "$name"
        for pid in $(shims "$name"); do kill -KILL "$pid" 2>/dev/null || true; done
    done
    until_true 20 is_removed || true
}
is_removed() {
    find "$base$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
    [ ! -d "$base$group" ]
}
at_end clean_up

chmod 711 "$TEST_DIR"
start_hub
start_spoke edge-1 --cgroup-parent "$group"
start_spoke edge-2 --cgroup-parent /is/not/there
for name in edge-1 edge-2; do
    apply >/dev/null <<YAML
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: one, namespace: $name}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: Pod
      metadata: {name: one, namespace: lab}
      spec:
        terminationGracePeriodSeconds: 0
        containers: [{name: main, command: [sh, -c, "cat /proc/self/cgroup >mine; exec sleep 1000"]}]
YAML
done
mine() { cat "$TEST_DIR/$1/spoke/workloads/pods/lab.one/work/mine" 2>/dev/null || true; }
runs() { [ -n "$(mine edge-1)" ] && [ -n "$(mine edge-2)" ]; }
until_true 60 runs || fail "they do not run"
of() { sed -n 's/^0:://p' "/proc/$1/cgroup"; }
for pid in $(shims edge-1) "$(pgrep -f "shim --spare" -P "$(pid_of edge-1)" | head -n 1)"; do
    [ -z "$pid" ] || case $(of "$pid") in "$group"*) ;; *) fail "a shim is in $(of "$pid")" ;; esac
done
case $(mine edge-1) in *"0::$group"*) ;; *) fail "a pod is in $(mine edge-1)" ;; esac
case $(of "$(pid_of edge-1)") in "$group"*) fail "the agent is there as well" ;; esac
case $(mine edge-2) in *"/is/not/there"*) fail "it is there" ;; esac
code=0
"$AXLE" --mode=spoke --name x --data-dir "$TEST_DIR/edge-3" --join "$SERVER" --token-file "$TEST_DIR/edge-1.token" \
    --cgroup-parent ../up >"$TEST_DIR/refused" 2>&1 || code=$?
expect "the exit code" $code 3
grep -q 'cgroup-parent "../up" is not a path of a control group' "$TEST_DIR/refused" || fail "it says: $(cat "$TEST_DIR/refused")"
