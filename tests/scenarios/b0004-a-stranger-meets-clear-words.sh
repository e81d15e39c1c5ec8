#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What goes wrong on a first day: a port in use, a second hub on the same
# directory, a directory that cannot be written, no HOME, no hub to ask, a name
# that is none, a spoke without a token. Each ends at once and says what to do.
. "$(dirname "$0")/lib.sh"

cd "$TEST_DIR"
ends() {
    local status=0 said text=$1
    shift
    said=$(timeout 60 "$@" 2>&1) || status=$?
    [ "$status" != 0 ] && [ "$status" != 124 ] || fail "'$*' ends with $status: $said"
    expect_contains "what '$*' says" "$said" "$text"
    expect "lines of words" "$(grep -c '' <<<"$said")" 1
}

start_hub
ends 'Address already in use' "$AXLE" --mode=hub --data-dir other --listen "$listen"
ends 'another process' "$AXLE" --mode=hub --data-dir "$hub_dir" --listen 127.0.0.1:0
ends 'is no' "$AXLE" --mode=hub --data-dir other --listen nowhere:port
ends '--token-file' "$AXLE" --mode=spoke --data-dir edge --join "$SERVER" --name edge
ends '--join' "$AXLE" --mode=spoke --data-dir edge --name edge
ends 'a lowercase RFC 1123 label' "$AXLE" --mode=spoke --data-dir edge --join "$SERVER" --name Edge_1
ends 'not https://' env AXLE_TOKEN=axle1.x.y.z "$AXLE" --mode=spoke --data-dir edge --join http://x --name edge
ends 'token' env AXLE_TOKEN=nonsense "$AXLE" --mode=spoke --data-dir edge --join "$SERVER" --name edge
ends 'kubeconfig' "$AXLE" status --data-dir empty
touch file
ends 'file' "$AXLE" --mode=hub --data-dir file --listen 127.0.0.1:0
if [ "$(id -u)" != 0 ]; then
    mkdir closed && chmod 500 closed
    ends 'Permission denied' "$AXLE" --mode=hub --data-dir closed/here --listen 127.0.0.1:0
fi
stop hub
# Nobody listens there any more.
ends 'Connection refused' "$AXLE" status --kubeconfig "$hub_dir/hub/admin.kubeconfig"
# Without HOME the data directory is the system's; with one given, nothing is amiss.
env -u HOME -u XDG_STATE_HOME "$AXLE" --mode=hub --data-dir "$hub_dir" --listen "$listen" 2>>again.log &
echo $! >hub.pid
until_true 30 hub_is_ready || fail "the hub does not start without HOME"
