#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What uninstall finds that is not Axle's stays: bind mounts of the same file system (their
# device does not tell them), a home directory's own folders "hub" and "spoke", files put
# beside Axle's, what a link leads to, volumes in memory of other spokes that a pod names.
# And it does not say that everything is gone where something is left or has come back.
. "$(dirname "$0")/lib.sh"

cd "$TEST_DIR"
# ends STATUS TEXT FOLDER ARG…
ends() {
    local status=0 said wanted=$1 text=$2 folder=$3
    shift 3
    said=$(timeout 100 "$AXLE" uninstall --yes "$@" --data-dir "$TEST_DIR/$folder" 2>&1) || status=$?
    expect "uninstall of $folder: $said" "$status" "$wanted"
    expect_contains "uninstall of $folder" "$said" "$text"
}
hub_answers() { [ "$(get_raw /readyz)" = ok ]; }
uninstalled() { "$AXLE" uninstall --yes --data-dir "$hub_dir" >/dev/null 2>&1; }
tree() { (cd "$1" && find . | sort | paste -sd' '); }

# A home directory with folders of these names.
mkdir -p home/hub/keys home/spoke/hub
touch home/hub/keys/thesis home/hub/name home/spoke/name home/ca.pem
before=$(tree home)
ends 3 'nothing is touched' home --delete-claims
expect "a home directory" "$(tree home)" "$before"
rm -r home/spoke
ends 3 'nothing is touched' home --delete-claims
mkdir -p mixed/hub/pki mixed/hub.uninstalling
touch mixed/hub/axle.db mixed/hub/thesis
ends 3 'hub/thesis is not Axle' mixed
mv mixed/hub/thesis mixed/hub.uninstalling
ends 3 'hub.uninstalling/thesis is not Axle' mixed
expect "another's file" "$(find mixed -name thesis)" mixed/hub.uninstalling/thesis
rm -r mixed/hub.uninstalling
ln -s ../home mixed/hub.uninstalling
ends 3 'hub.uninstalling is not a folder' mixed

# Deeper than there are descriptors, with a folder of the same name as is used beside.
mkdir -p deep/hub/pki deep/.deep-0 deep/hub/pki/.deep-0/x
(cd deep/hub/pki && for ((i = 0; i < 200; i++)); do mkdir d && cd d; done && touch file)
ends 0 'folders are deleted' deep
expect "what lies beside" "$(tree deep)" '. ./.deep-0'

# A link in place of a folder of the spoke.
mkdir -p linked/spoke/pki elsewhere/claims/data
touch elsewhere/claims/data/precious
ln -s "$TEST_DIR/elsewhere" linked/spoke/workloads
ends 0 'is a symbolic link' linked
ends 0 'nothing of Axle is in' linked --delete-claims
[ -e elsewhere/claims/data/precious ] || fail "what a link leads to was deleted"

# A file that cannot be deleted; another uninstall at work.
if [ "$(id -u)" = 0 ] && mkdir -p kept/hub/pki && touch kept/ca.pem && chattr +i kept/ca.pem 2>/dev/null; then
    ends 1 'ca.pem: Operation not permitted' kept
    chattr -i kept/ca.pem
fi
mkdir -p busy/hub/pki
exec 9<busy
flock 9
ends 1 'another axle uninstall is at work' busy
exec 9<&-
ends 0 'folders are deleted' busy

# A pod's template names a volume in memory of another spoke.
memory=/dev/shm/axle-$(id -u)
victim=victim-$$-e-12345678
mkdir -p "$memory/$victim" shm/spoke/workloads/pods/lab.a
chmod 700 "$memory"
mkdir "$memory/lab.a-e-$$"
cat >shm/spoke/workloads/pods/lab.a/pod.json <<JSON
{"record": {"template": {"env": "$memory/$victim"}}, "volumes": [{"name": "x", "source": "$memory/$victim"},
 {"name": "y", "source": "$memory/lab.a-../$victim"}, {"name": "e", "source": "$memory/lab.a-e-$$"}]}
JSON
ends 0 'folders are deleted' shm
[ ! -e "$memory/lab.a-e-$$" ] || fail "a volume in memory is left"
rmdir "$memory/$victim" || fail "another spoke's volume in memory was deleted"

# Who starts the hub again is named, and it is not said that nothing runs.
start_hub
(while [ ! -e "$TEST_DIR/stop" ]; do sleep 0.5; "$AXLE" --mode=hub --data-dir "$hub_dir" --listen "$listen" >>again.log 2>&1 || true; done) &
crash hub
until_true 30 hub_answers
ends 1 'stop what starts' hub
touch "$TEST_DIR/stop"
until_true 60 uninstalled

# Mounts, in a namespace of their own.
unshare -m true 2>/dev/null || exit 0
mkdir -p mine mounted/hub/pki/there mounted/hub/pki/tmpfs
touch mine/precious
AXLE=$AXLE unshare -m bash -c '
    mount --bind mine mounted/hub/pki/there && mount -t tmpfs none mounted/hub/pki/tmpfs &&
        touch mounted/hub/pki/tmpfs/data || exit 77
    "$AXLE" uninstall --yes --data-dir mounted >said 2>&1
    echo $? >status
    [ -e mounted/hub.uninstalling/pki/tmpfs/data ] && touch tmpfs-kept' || exit 0
expect "mounts inside" "$(cat status)" 1
expect_contains "mounts inside" "$(cat said)" 'pki/there: something is mounted there'
[ -e mine/precious ] || fail "what was mounted by bind was deleted: $(cat said)"
[ -e tmpfs-kept ] || fail "a tmpfs was emptied"
ends 0 'folders are deleted' mounted
