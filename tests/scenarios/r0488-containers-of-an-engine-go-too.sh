#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 120
# `axle uninstall` of a spoke whose pods are containers of Podman: it finds out from the
# agent which engine that is, and no container is left, nor one of an agent that died.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || skip "only root can give Podman a store of its own"
for word in podman cc unshare; do type -P $word >/dev/null || skip "no $word here"; done
# A store of its own, so that nothing of the machine's is touched; Podman takes no longer path.
pods=$(mktemp -d /tmp/axle-XXXXXX)
tidy() {
    [ -z "${service:-}" ] || kill "$service" 2>/dev/null || true
    [ -z "${service:-}" ] || wait "$service" 2>/dev/null || true
    rm -rf --one-file-system "$pods"
}
at_end tidy
mkdir -p "$TEST_DIR/image/tmp"
podman_here() { command podman --root "$pods/store" --runroot "$pods/run" --cgroup-manager cgroupfs "$@"; }
printf '#include <unistd.h>\nint main(void) { for (;;) pause(); }\n' >"$TEST_DIR/s.c"
cc -static -o "$TEST_DIR/image/s" "$TEST_DIR/s.c" 2>/dev/null || skip "cc makes no static program here"
tar -C "$TEST_DIR/image" -c . | podman_here import --change 'ENTRYPOINT ["/s"]' - localhost/pause >/dev/null 2>&1 || skip "podman cannot import an image here"
# crun refuses a machine with both versions of control groups.
unshare -m sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec podman --root "$1/store" --runroot "$1/run" --cgroup-manager cgroupfs system service -t 0 "unix://$1/sock" >"$1/log" 2>&1' - "$pods" &
service=$!
answers() { curl -s --unix-socket "$pods/sock" http://d/_ping >/dev/null; }
until_true 20 answers || skip "podman does not serve its API here"
containers() { curl -s --unix-socket "$pods/sock" 'http://d/v1.40/containers/json?all=1' | jq length; }
one_runs() { [ "$(curl -s --unix-socket "$pods/sock" http://d/v1.40/containers/json | jq length)" = 1 ]; }

start_hub
give_work() {
    apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: nap, namespace: $1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: Pod
      metadata: {name: nap, namespace: lab}
      spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: localhost/pause, imagePullPolicy: Never}]}
YAML
}
for spoke in edge-1 edge-2; do
    start_spoke $spoke --runtime=engine --engine-socket="$pods/sock"
    give_work $spoke
    until_true 30 one_runs || skip "podman runs no container here: $("$AXLE" status spoke --data-dir "$TEST_DIR/$spoke" | tail -n 2)"
    case $spoke in
    edge-1) "$AXLE" uninstall --yes --data-dir "$TEST_DIR/$spoke" >"$TEST_DIR/said" 2>&1 || fail "$(cat "$TEST_DIR/said")" ;;
    *)
        # Dead, it cannot be asked which engine it had.
        crash $spoke
        expect_refused '--engine-socket' "$AXLE" uninstall --yes --data-dir "$TEST_DIR/$spoke" --engine-socket "$TEST_DIR/none"
        one_runs || fail "it ended all the same"
        "$AXLE" uninstall --yes --data-dir "$TEST_DIR/$spoke" --engine-socket "$pods/sock" >"$TEST_DIR/said" 2>&1 || fail "$(cat "$TEST_DIR/said")"
        ;;
    esac
    expect "containers" "$(containers)" 0
    [ ! -e "$TEST_DIR/$spoke" ] || fail "left: $(find "$TEST_DIR/$spoke")"
done
