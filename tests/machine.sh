#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Boots a folder with Debian and systemd in it as a machine of its own, in
# namespaces, and stays until that machine has powered off: machine.sh FOLDER
# The first line on standard output is the machine's process 1, for nsenter.

set -eu
if [ "${2:-}" != inside ]; then
    group=/sys/fs/cgroup
    [ -f $group/cgroup.controllers ] || group=$group/unified
    [ -f $group/cgroup.controllers ] || { echo "no cgroup version 2 here" >&2; exit 77; }
    group=$group/axle-machine.$$
    mkdir "$group"
    trap 'find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true' EXIT
    sh -c 'echo 0 >"$1/cgroup.procs"; shift; exec "$@"' - "$group" \
        unshare --mount --uts --ipc --net --pid --cgroup --fork --kill-child \
        sh "$0" "$1" inside
    exit
fi

root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sys "$root/sys"
mount -t cgroup2 cgroup "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=755 dev "$root/dev"
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 pts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
for one in null:3 zero:5 full:7 random:8 urandom:9; do
    mknod -m 666 "$root/dev/${one%:*}" c 1 "${one#*:}"
done
mknod -m 666 "$root/dev/tty" c 5 0
ln -s /proc/self/fd "$root/dev/fd"
: >"$root/dev/console"
ip link set lo up
ip link add eth0 type veth peer name eth1
ip address add 192.0.2.7/24 dev eth0
ip link set eth0 up
cd "$root"
mkdir -p .before
pivot_root . .before
umount -l /.before
exec env -i container=axle-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /sbin/init --log-target=journal --show-status=no
