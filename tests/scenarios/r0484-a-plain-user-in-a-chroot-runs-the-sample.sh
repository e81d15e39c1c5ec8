#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In a chroot a plain user may make no namespaces, and there no application that brings
# files ran: the built-in types mount them readOnly. They are the pod's own copies, so they
# are linked; a claim that is mounted readOnly is refused in words as before.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || skip "not root: no chroot can be made"
for tool in unshare chroot python3 setsid; do
    type -P $tool >/dev/null || skip "no $tool here"
done
unshare --mount true 2>/dev/null || skip "no mount namespaces here"
# Where another user can reach it.
place=$(mktemp -d /var/tmp/axle-chroot-XXXXXX)
clean_up() {
    local pid
    kill_left edge-1
    for pid in $(pgrep -f "$place/"); do kill -KILL "$pid" 2>/dev/null || true; done
    for _ in 1 2 3 4 5; do rm -rf --one-file-system "$place" 2>/dev/null && break || sleep 0.2; done
}
at_end clean_up
open_program "$place"
start_hub
mkdir "$place/root" "$place/state"
token_create >"$place/token"
chown -R 65534:65534 "$place/state" "$place/token"
chmod 755 "$place"

# The machine's own files once more, below another root.
# shellcheck disable=SC2016 # for the inner shell
unshare --mount --propagation private sh -c '
    mount --rbind / "$1/root" && root=$1/root && shift && exec chroot --userspec=65534:65534 --groups= "$root" "$@"' - \
    "$place" env HOME="$place/state" "$AXLE" --mode=spoke --name edge-1 --data-dir "$place/state" --join "$SERVER" \
    --token-file "$place/token" >"$TEST_DIR/edge-1.log" 2>&1 &
echo $! >"$TEST_DIR/edge-1.pid"
wait_for managedclusters/edge-1 \
    '.status.conditions[]? | select(.type == "ManagedClusterConditionAvailable") | .status' True

apply_sample
wait_for -n sample -t 60 aiworkloads/receipts .status.phase Running
url=$(object -n sample aiworkloads/receipts | jq -r '.status.endpoints[0].url')
expect "the application" "$(curl -sS -o /dev/null -w '%{http_code}' --max-time 20 "$url/healthz")" 200

put_work() {
    request POST /apis/work.open-cluster-management.io/v1/namespaces/edge-1/manifestworks -H 'Content-Type: application/yaml' \
        --data-binary @- >/dev/null
}
put_work <<'YAML'
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: keeps, namespace: edge-1}
spec:
  workload:
    manifests:
    - {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c, namespace: default},
       spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}
    - apiVersion: v1
      kind: Pod
      metadata: {name: reads, namespace: default}
      spec:
        volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]
        containers: [{name: c, command: [sleep, "1000"], volumeMounts: [{name: v, mountPath: data, readOnly: true}]}]
YAML
is_refused() { grep -q 'mountPath data is readOnly, and that needs a mount namespace' "$TEST_DIR/edge-1.log"; }
until_true 60 is_refused || fail "a claim that cannot be mounted read-only is not refused"
