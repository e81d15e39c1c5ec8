#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 900
# On a machine with Debian and systemd the package is installed, upgraded, removed and
# purged; the hub is a user of its own at a low port, and names the machine's address;
# restarts and upgrades of the agent leave pods alone and unmentioned; a poweroff takes
# no longer than their grace period, and the next boot brings them back.
. "$(dirname "$0")/lib.sh"

[ "${DEEP:-0}" = 1 ] || skip "boots a machine with systemd: only in ./build.sh deep"
[ "$(id -u)" = 0 ] || skip "not root: no machine can be booted in namespaces"
for tool in dpkg-deb nsenter unshare ip; do
    type -P "$tool" >/dev/null || skip "no $tool here"
done
[ -f /sys/fs/cgroup/cgroup.controllers ] || [ -f /sys/fs/cgroup/unified/cgroup.controllers ] ||
    skip "no control groups of version 2, which systemd needs in a machine"

# The image is kept: to make it takes a minute and a network.
image=$repo/build/machine/debian
if [ ! -e "$image.done" ]; then
    type -P debootstrap >/dev/null || skip "no debootstrap here, and no image in $image"
    rm -rf "$image"
    mkdir -p "$(dirname "$image")"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,iproute2,procps,curl,ca-certificates \
        bookworm "$image" >"$TEST_DIR/debootstrap.log" 2>&1 || skip "debootstrap cannot make an image: $(tail -n 1 "$TEST_DIR/debootstrap.log")"
    : >"$image.done"
fi
root=$TEST_DIR/machine
cp -a "$image" "$root"
echo vm >"$root/etc/hostname"
rm -f "$root/etc/machine-id" "$root/etc/resolv.conf"
: >"$root/etc/machine-id"
ln -sf /dev/null "$root/etc/systemd/system/console-getty.service"
program=$repo/build/axle
[ -x "$program" ] || program=$AXLE
for version in 1.0 1.1; do
    "$repo/install/package.sh" "$version" "$program" "$TEST_DIR/packages" >/dev/null
    cp "$TEST_DIR/packages/axle_${version}_"*.deb "$root/root/axle-$version.deb"
done

child_of() { [ -z "$1" ] || pgrep -P "$1" | head -n 1; }
inside() { nsenter -t "$init" -m -u -i -n -p -C env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
is_up() {
    kill -0 "$outer" 2>/dev/null || fail "the machine does not boot: $(cat "$TEST_DIR/machine.log")"
    init=$(child_of "$(child_of "$outer")")
    [ -n "$init" ] && [ "$(cat "/proc/$init/comm")" = systemd ] &&
        inside systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded'
}
boot() {
    sh "$repo/tests/machine.sh" "$root" >>"$TEST_DIR/machine.log" 2>&1 &
    outer=$!
    until_true 90 is_up || fail "systemd does not come up"
}
end_machine() {
    [ -z "${init:-}" ] || kill -KILL "$init" 2>/dev/null || true
    wait "${outer:-}" 2>/dev/null || true
    rm -rf "$root"
}
at_end end_machine
journal() { inside journalctl --no-pager -o cat "$@"; }
pods() { inside pgrep -f '^sh -c trap' | sort | paste -sd' '; }
agent() { inside systemctl show -P MainPID axle-spoke; }
is_active() { inside systemctl -q is-active "$@"; }

boot
inside dpkg -i /root/axle-1.0.deb >"$TEST_DIR/dpkg.log" 2>&1 || fail "dpkg: $(cat "$TEST_DIR/dpkg.log")"
inside systemd-analyze verify --man=no axle-hub.service axle-spoke.service axle-pods.service >"$TEST_DIR/verify" 2>&1 ||
    fail "verify: $(cat "$TEST_DIR/verify")"
! is_active axle-hub || fail "an installation starts what was not asked for"

# The hub: a user, a low port, the machine's address in the certificate.
echo 'listen: ["0.0.0.0:443"]' >>"$root/etc/axle/hub.yaml"
inside systemctl enable --now axle-hub 2>/dev/null
hub_is_up() { journal -u axle-hub | grep -q 'ready at https://192.0.2.7:443'; }
until_true 60 hub_is_up || fail "the hub: $(journal -u axle-hub)"
expect "the hub's user" "$(inside ps -o user= -p "$(inside systemctl show -P MainPID axle-hub)")" axle-hub
inside curl -s --cacert /dev/null https://192.0.2.7:443/readyz -k | grep -q ok || fail "the hub does not answer"
level=$(inside systemd-analyze security axle-hub | sed -n 's/.*exposure level for [^:]*: \([0-9.]*\).*/\1/p')
awk "BEGIN { exit !($level <= 4) }" || fail "the hub's exposure is $level"

# The spoke, and pods that only SIGKILL ends, after five seconds.
inside sh -c 'axle token create --output token >/etc/axle/token && chmod 600 /etc/axle/token
    echo "JOIN=\"--join https://192.0.2.7:443 --token-file /etc/axle/token\"" >/etc/axle/spoke.env
    systemctl enable --now axle-spoke 2>/dev/null
    file=/var/lib/axle/hub/admin.kubeconfig
    for word in certificate-authority client-certificate client-key; do
        sed -n "s/^[ -]*$word-data: *\"\{0,1\}\([^\"]*\)\"\{0,1\} *$/\1/p" $file | base64 -d >/root/$word.pem
    done'
cat >"$root/root/work.yaml" <<'YAML'
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: web, namespace: vm}
spec:
  workload:
    manifests:
    - apiVersion: v1
      kind: PersistentVolumeClaim
      metadata: {name: kept, namespace: lab}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, namespace: lab}
      spec:
        replicas: 2
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec:
            terminationGracePeriodSeconds: 5
            containers: [{name: main, command: [sh, -c, "trap '' TERM; while :; do sleep 1; done"]}]
    - apiVersion: v1
      kind: Pod
      metadata: {name: writer, namespace: lab}
      spec:
        terminationGracePeriodSeconds: 1
        containers: [{name: main, command: [sh, -c, "echo precious >/data/file; exec sleep 100000"], volumeMounts: [{name: d, mountPath: /data}]}]
        volumes: [{name: d, persistentVolumeClaim: {claimName: kept}}]
YAML
send() {
    inside curl -sS --cacert /root/certificate-authority.pem --cert /root/client-certificate.pem --key /root/client-key.pem \
        -o /dev/null -w '%{http_code}' -X POST -H 'Content-Type: application/yaml' --data-binary @/root/work.yaml \
        https://192.0.2.7:443/apis/work.open-cluster-management.io/v1/namespaces/vm/manifestworks | grep -q 201
}
until_true 60 send || fail "the work is not taken: $(journal -u axle-spoke)"
run_two() { [ "$(pods | wc -w)" = 2 ]; }
until_true 60 run_two || fail "no pods: $(inside axle status spoke) $(journal -u axle-spoke)"
in_its_unit() { inside systemctl status --no-pager axle-pods | grep -c 'axle shim /var' || true; }
[ "$(in_its_unit)" -ge 3 ] || fail "pods are not in their unit: $(inside systemd-cgls --no-pager)"

# Restarts, a crash and an upgrade of the agent.
mine=$(pods)
mark=$(inside date '+%F %T')
is_back() { is_active axle-spoke && [ "$(agent)" != "$before" ] && inside axle status spoke 2>/dev/null | grep -q connected; }
for how in restart "kill -s KILL"; do
    before=$(agent)
    # shellcheck disable=SC2086 # words
    inside systemctl $how axle-spoke
    until_true 60 is_back || fail "the agent does not come back after $how"
done
before=$(agent)
inside dpkg -i /root/axle-1.1.deb >"$TEST_DIR/dpkg.log" 2>&1 || fail "upgrade: $(cat "$TEST_DIR/dpkg.log")"
until_true 60 is_back || fail "an upgrade does not restart the agent: $(cat "$TEST_DIR/dpkg.log")"
until_true 60 hub_is_up
expect "pods after restart, crash and upgrade" "$(pods)" "$mine"
! journal --since "$mark" -u axle-spoke -u axle-pods | grep -E 'left-over|remains running|axle-shim' ||
    fail "systemd mentions pods"
# Not even the end of what keeps their group is theirs.
inside pkill -KILL -f 'axle shim --hold'
expect "pods without the holder" "$(pods)" "$mine"
is_active axle-spoke axle-pods || fail "a unit failed: $(journal -u axle-pods)"

# Off, and on again.
began=$SECONDS
inside systemctl poweroff >/dev/null 2>&1 || true
wait "$outer" || true
took=$((SECONDS - began))
[ $took -ge 4 ] || fail "the grace period was not given: $took s"
[ $took -le 40 ] || fail "a poweroff takes $took s"
boot
until_true 90 run_two || fail "no pods after the boot: $(inside axle status spoke) $(journal -b -u axle-spoke)"

# Gone.
inside dpkg -r axle >"$TEST_DIR/dpkg.log" 2>&1 || fail "remove: $(cat "$TEST_DIR/dpkg.log")"
expect "what runs after the removal" "$( (inside pgrep -f 'axle|^sh -c trap' || true) | wc -l)" 0
[ -s "$root/var/lib/axle/hub/axle.db" ] || fail "a removal deletes data"
inside dpkg -P axle >"$TEST_DIR/dpkg.log" 2>&1 || fail "purge: $(cat "$TEST_DIR/dpkg.log")"
grep -q "keeps the claims of workloads" "$TEST_DIR/dpkg.log" || fail "purge says nothing: $(cat "$TEST_DIR/dpkg.log")"
[ ! -e "$root/var/lib/axle/hub" ] && [ ! -e "$root/etc/axle" ] || fail "a purge leaves data"
expect "what stays" "$(find "$root/var/lib/axle" -type f -printf '%f\n')" file
inside systemctl poweroff >/dev/null 2>&1 || true
wait "$outer" || true
