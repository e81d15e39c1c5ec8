#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 240
# A pod tries every escape that docs/RUNTIME.md lists, under a spoke that is root
# and under one that is not: each is refused, and so is what it planted for root.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || skip "not root: nothing could be run as two users"
type -P setpriv >/dev/null || skip "no setpriv on this machine"
# Not below /tmp, of which each pod has its own: what hides it there must be ours.
place=$(mktemp -d /var/tmp/axle-hostile-XXXXXX)
at_end 'rm -rf "$place"'
chmod 755 "$place" "$TEST_DIR"
open_program "$place"
mkdir -p "$place/shared/real" "$place/victim"
chmod 777 "$place/shared"
echo precious >"$place/victim/conf"
shared=$place/shared

abstract=axle-hostile-$$
python3 - "$abstract" <<'PYTHON' &
import socket, sys, time
one = socket.socket(socket.AF_UNIX)
one.bind("\0" + sys.argv[1])
one.listen()
time.sleep(600)
PYTHON
holder=$!
# Who still writes there ends first.
clean_up() {
    kill "$holder" 2>/dev/null || true
    for name in root nobody; do kill_left "$name"; done
    for pid in $(pgrep -f "axle shim .*$place/"); do kill -KILL "$pid" || true; done
    for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$place" 2>/dev/null && break || sleep 0.2; done
}
at_end clean_up

start_hub

# hostile NAME: its spoke is root or nobody, its data in $place/NAME.
start_as() {
    local name=$1 directory=$place/$1
    shift
    token_create >"$TEST_DIR/$name.token"
    chmod 644 "$TEST_DIR/$name.token"
    mkdir -p "$directory"
    if [ "$name" = nobody ]; then
        chown 65534:65534 "$directory"
        setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all env HOME="$directory" \
            "$AXLE" --mode=spoke --name "$name" --data-dir "$directory" --join "$SERVER" \
            --token-file "$TEST_DIR/$name.token" "$@" >"$TEST_DIR/$name.log" 2>&1 &
        echo $! >"$TEST_DIR/$name.pid"
    else
        start "$name" --mode=spoke --name "$name" --data-dir "$directory" --join "$SERVER" \
            --token-file "$TEST_DIR/$name.token" "$@"
    fi
    wait_for managedclusters/"$name" \
        '.status.conditions[]? | select(.type == "ManagedClusterConditionAvailable") | .status' True
}
code=$(sed 's/^/          /' "$repo/tests/scenarios/hostile_pod.py")
# work SPOKE ROOT: the pod that tries everything. It waits until it is told who is who.
work() {
    cat <<YAML
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: hostile, namespace: $1}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: ConfigMap
      metadata: {name: code, namespace: lab}
      data:
        hostile.py: |
$code
    - apiVersion: v1
      kind: Pod
      metadata: {name: hostile, namespace: lab}
      spec:
        restartPolicy: Never
        terminationGracePeriodSeconds: 0
        volumes: [{name: code, configMap: {name: code}}]
        containers:
        - name: main
          env: [{name: DATA, value: $place/$1}, {name: ABSTRACT, value: $abstract}, {name: ROOT, value: "$2"}]
          command: [sh, -c, 'while ! [ -s told ]; do sleep 0.1; done; . ./told; exec /usr/bin/python3 code/hostile.py']
          volumeMounts: [{name: code, mountPath: code}]
YAML
}
log_of() { cat "$place/$1"/spoke/workloads/pods/lab.hostile/logs/main.log 2>/dev/null; }
is_over() { log_of "$1" | grep -q ' F over$'; }
runs() { [ -d "$place/$1/spoke/workloads/pods/lab.hostile/work" ] && pgrep -f "sh -c while ! \[ -s told" >/dev/null; }
shim_of() { pgrep -f "axle shim .*$place/$1/" | head -n 1; }
documented() { sed -n '/^## Hostile pods/,/^## /s/^| `\([a-z_]*\)` |.*/\1/p' "$repo/docs/RUNTIME.md" | sort; }

hostile() {
    local name=$1 pids=shared
    work "$name" "$2" | apply >/dev/null
    until_true 60 runs "$name" || fail "the hostile pod does not run on $name: $(object -n "$name" manifestworks/hostile | jq -c .status)"
    object managedclusters/"$name" >"$TEST_DIR/cluster.json"
    ls "$place/$name/spoke/workloads/pods/lab.hostile" >/dev/null
    [ "$(readlink /proc/self/ns/pid)" = "$(readlink "/proc/$(pgrep -f 'sh -c while ! \[ -s told' | tail -n 1)/ns/pid")" ] || pids=own
    echo "export AGENT=$(pid_of "$name") SHIM=$(shim_of "$name") MACHINE=$holder PIDS=$pids" \
        >"$place/$name/spoke/workloads/pods/lab.hostile/work/told"
    until_true 90 is_over "$name" || fail "on $name it does not end: $(log_of "$name" | tail -n 3)"
    log_of "$name" | sed 's/^[^ ]* [^ ]* [FP] //' >"$TEST_DIR/$name.tries"
    ! grep '^HOLE' "$TEST_DIR/$name.tries" || fail "$name: a pod gets out, see above"
    expect "$name: the list of RUNTIME.md is what is tried" \
        "$(awk '$1 == "refused" || $1 == "skipped" { print $2 }' "$TEST_DIR/$name.tries" | sort | paste -sd' ')" \
        "$(documented | paste -sd' ')"
    is_running "$name" || fail "$name has ended"
    kubectl delete -n "$name" manifestworks/hostile --wait=false >/dev/null
}
start_as root --host-path "$shared" --user-base 810000 --allow-root
hostile root yes

# uid 0, where it was allowed, is root of its files and of nothing else.
zero='files_of_the_machine data_of_the_agent other_pods what_is_kept_of_the_pod devices settings_of_the_kernel
control_groups refused_calls unknown_calls namespaces sockets_of_other_kinds processes_of_the_machine signals the_init
sockets_of_the_agent abstract_sockets core_files bombs'
{
    work root yes | sed "s/name: hostile/name: zero/; s/name: code,/name: code-0,/; s/configMap: {name: code}/configMap: {name: code-0}/
        s/restartPolicy: Never/&\n        securityContext: {runAsUser: 0, runAsGroup: 0}/
        s/command: .*/command: [sh, -c, 'grep Cap \/proc\/self\/status; AGENT=1 SHIM=1 MACHINE=1 PIDS=own exec \/usr\/bin\/python3 code\/hostile.py $(echo $zero | sed 's,/,\\/,g')']/"
} | sed "s/AGENT=1 SHIM=1 MACHINE=1/AGENT=$(pid_of root) SHIM=$holder MACHINE=$holder/" | apply >/dev/null
zero_log() { cat "$place"/root/spoke/workloads/pods/lab.zero/logs/main.log 2>/dev/null; }
zero_is_over() { case $(zero_log) in *" over") ;; *) return 1 ;; esac; }
until_true 60 zero_is_over || fail "uid 0 does not end: $(zero_log) $(object -n root manifestworks/zero | jq -c .status)"
case $(zero_log) in *HOLE*) fail "uid 0 gets out: $(zero_log)" ;; esac
expect "what uid 0 tries" "$(zero_log | grep -cE ' (refused|skipped) ')" "$(wc -w <<<"$zero")"
case $(zero_log) in *CapEff:?00000000000004fb*) ;; *) fail "uid 0 has other capabilities: $(zero_log | grep Cap)" ;; esac

# What a pod plants for root to step on.
cat >"$TEST_DIR/planted.yaml" <<YAML
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: planted, namespace: root}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: ConfigMap
      metadata: {name: conf, namespace: lab}
      data: {conf: delivered}
    - apiVersion: v1
      kind: Pod
      metadata: {name: planter, namespace: lab}
      spec:
        terminationGracePeriodSeconds: 0
        volumes: [{name: s, hostPath: {path: $shared}}, {name: c, configMap: {name: conf}}, {name: e, emptyDir: {}}]
        containers:
        - name: main
          # A link in the place of a folder in which root keeps one of its own,
          # links in a shared folder, and one in the way of a mount.
          command:
          - sh
          - -c
          - |
            ln -s /etc /shared/etc; ln -s real /shared/near; ln -s $place/victim e/out
            mv deep gone; ln -s $place/victim deep; touch planted
            exec sleep 1000
          volumeMounts: [{name: s, mountPath: /shared}, {name: c, mountPath: deep/conf, subPath: conf}, {name: e, mountPath: e}]
YAML
apply "$TEST_DIR/planted.yaml" >/dev/null
planter=$place/root/spoke/workloads/pods/lab.planter
planted() { [ -e "$planter/work/planted" ] && [ -L "$shared/near" ]; }
until_true 30 planted || fail "nothing is planted: $(object -n root manifestworks/planted | jq -c .status)"
# Root puts delivered files and links back when they are touched.
touch "$planter/work/deep2" && rm "$planter/work/deep2"
pod() {
    cat <<YAML
    - apiVersion: v1
      kind: Pod
      metadata: {name: $1, namespace: lab}
      spec:
        terminationGracePeriodSeconds: 0
        volumes: [$2]
        containers: [{name: main, command: [sh, -c, '${4:-sleep 1000}'], volumeMounts: [$3]${5:-}}]
YAML
}
{
    sed 's/name: planted/name: follows/;/manifests:/q' "$TEST_DIR/planted.yaml"
    pod linked "{name: v, hostPath: {path: $shared/etc}}" "{name: v, mountPath: v}"
    pod near "{name: v, hostPath: {path: $shared/near, type: Directory}}" "{name: v, mountPath: v}"
    pod through "{name: v, hostPath: {path: $shared/near/made, type: DirectoryOrCreate}}" "{name: v, mountPath: v}"
    pod sub "{name: v, hostPath: {path: $shared}}" "{name: v, mountPath: /v, subPath: near}"
    pod good "{name: v, hostPath: {path: $shared/real, type: Directory}}" "{name: v, mountPath: /v, readOnly: true}"
} | apply >/dev/null
message() { object -n root manifestworks/follows | jq -r --arg name "$1" '.status.resourceStatus.manifests[]? | select(.resourceMeta.name == $name) | .conditions[] | select(.type == "Available") | .status + ": " + .message'; }
says() { case $(message "$1") in *"$2"*) ;; *) return 1 ;; esac; }
until_true 60 says good "True: " || fail "good: $(message good)"
for name in linked near through sub; do
    until_true 60 says "$name" link || fail "$name: $(message "$name")"
done
expect "what another owns" "$(cat "$place/victim/conf")" precious
expect "and nothing else" "$(ls "$place/victim")" conf
[ ! -e "$shared/real/made" ] || fail "root made a folder behind a link"

eaters=0
# It fills its disk: with files that have names, and with one that has none.
{
    sed 's/name: planted/name: eaters/;/manifests:/q' "$TEST_DIR/planted.yaml"
    for how in 'dd if=/dev/zero of=/tmp/x bs=1M count=24' \
        'exec 9>x; rm x; dd if=/dev/zero bs=1M count=24 >&9' 'seq 9000 | xargs -n 500 touch'; do
        eaters=$((eaters + 1))
        pod "eater-$eaters" "{name: v, emptyDir: {}}" "{name: v, mountPath: v}" \
            "$how 2>/dev/null; sleep 1000" ", resources: {limits: {ephemeral-storage: 16Mi}}" |
            sed 's/terminationGracePeriodSeconds: 0/&\n        restartPolicy: Never/'
    done
} | apply >/dev/null
has_evicted() { [ "$(get_raw /api/v1/events | jq '[.items[] | select(.reason == "Evicted" and (.message | contains("ephemeral-storage limit of 16777216"))) | .involvedObject.name] | unique | length')" = 3 ]; }
until_true 60 has_evicted || fail "not all are evicted: $(get_raw /api/v1/events | jq -r '.items[] | .involvedObject.name + " " + .reason + ": " + .message' | grep eater)"

# Where the kernel gives a plain user no namespaces, as in a chroot, RUNTIME.md promises no walls.
setpriv --reuid 65534 --regid 65534 --clear-groups unshare --user --mount true 2>/dev/null ||
    skip "nobody may make no namespaces here (a chroot): its half is not tried; root's is well"
start_as nobody
hostile nobody no
