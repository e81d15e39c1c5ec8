#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 120
# While the disk is full, a pod's log loses whole lines and says so; the end of a Job is
# kept. A departure file that is damaged, or no file at all, neither holds up the agent
# nor brings back a spoke that has left.
. "$(dirname "$0")/lib.sh"

if [ -z "${INSIDE:-}" ]; then
    unshare -rm true 2>/dev/null || unshare -m true 2>/dev/null || skip "no mount namespaces here"
    how=-m
    [ "$(id -u)" = 0 ] || how=-rm
    code=0
    INSIDE=1 unshare $how "$0" || code=$?
    exit $code
fi
disk=$TEST_DIR/edge-1
mkdir -p "$disk"
mount -t tmpfs -o size=24m,mode=711 tmpfs "$disk" 2>/dev/null || skip "a tmpfs cannot be mounted here"
start_hub
token_create --uses 5 >"$TEST_DIR/edge-1.token" 2>/dev/null || token_create >"$TEST_DIR/edge-1.token"
begin() { start edge-1 --mode=spoke --data-dir "$disk" --join "$SERVER" --token-file "$TEST_DIR/edge-1.token" "$@"; }
begin --name edge-1
wait_for managedclusters/edge-1 '.status.conditions[]? | select(.type == "ManagedClusterConditionAvailable") | .status' True
apply >/dev/null <<YAML
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: says, namespace: edge-1}
spec:
  workload:
    manifests:
    - apiVersion: batch/v1
      kind: Job
      metadata: {name: says, namespace: lab}
      spec: {backoffLimit: 0, template: {spec: {restartPolicy: Never, containers: [{name: c, command: [bash, -c,
        "until [ -e end ]; do echo line-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; sleep 0.005; done; exit 7"]}]}}}
YAML
log() { cat "$disk"/spoke/workloads/pods/lab.says*/logs/c.log 2>/dev/null; }
says() { log | grep -q "$1"; }
until_true 20 says line- || fail "it says nothing"
dd if=/dev/zero of="$disk/fill" bs=64k status=none 2>/dev/null || true
dd if=/dev/zero of="$disk/fill2" bs=1k status=none 2>/dev/null || true
stands_still() { local n; n=$(log | wc -c); sleep 0.3; [ "$(log | wc -c)" = "$n" ]; }
until_true 20 stands_still || fail "the disk is not full"
rm -f "$disk"/fill*
until_true 20 says 'bytes of output were lost, the disk did not take them' || fail "it does not say what is missing"
for pod in "$disk"/spoke/workloads/pods/lab.says*; do touch "$pod/work/end"; done
status() { "$AXLE" status spoke --data-dir "$disk" -o json; }
has_failed() { status | jq -r '.works[].message' | grep -q "ended with exit code 7"; }
until_true 20 has_failed || fail "how it ended: $(status)"
expect "torn lines" "$(log | grep -cvE '^20[^ ]+Z std(out|err) F (line-a{55}|\[axle: .*\])$' || true)" 0

# A member goes on, and says so; a FIFO is not waited for.
answers() { status >/dev/null 2>&1; }
for what in noise fifo folder; do
    crash edge-1
    rm -rf "$disk"/spoke/departure*
    case $what in
    noise) echo '{"state": "lea' | tee "$disk/spoke/departure" >"$disk/spoke/departure.copy" ;;
    fifo) mkfifo "$disk/spoke/departure" ;;
    folder) mkdir "$disk/spoke/departure" ;;
    esac
    : >"$TEST_DIR/edge-1.log"
    begin
    until_true 20 answers || fail "$what: the agent does not answer"
    grep -q 'departure.*It recorded that this spoke was to leave' "$TEST_DIR/edge-1.log" || fail "$what: not told"
done
# One that has left stays out.
stop edge-1
rm -rf "$disk"/spoke/departure* "$disk"/spoke/pki/client.crt*
mkfifo "$disk/spoke/departure"
expect_refused "axle reset --yes" timeout 30 "$AXLE" --mode=spoke --data-dir "$disk" --join "$SERVER" --token-file "$TEST_DIR/edge-1.token"
