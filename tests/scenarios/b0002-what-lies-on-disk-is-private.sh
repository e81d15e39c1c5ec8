#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Databases, keys and kubeconfigs are for their owner alone. Where the agent is
# root, the users that workloads run as may pass through its folders, since
# their own files are below, and see nothing else there.
. "$(dirname "$0")/lib.sh"

start_all_in_one
wait_for managedclusters/local-cluster \
    '.status.conditions[]? | select(.type == "ManagedClusterConditionAvailable") | .status' True

mode_of() { stat -c %a "$hub_dir/$1"; }
expect "the hub's folder" "$(mode_of hub)" 700
for file in hub/axle.db hub/admin.kubeconfig spoke/axle.db spoke/pki/client.key; do
    expect "$file" "$(mode_of $file)" 600
done
# The journals that SQLite writes beside them, too.
expect "files that others could read" \
    "$(find "$hub_dir/hub" "$hub_dir/spoke" -maxdepth 1 -type f -perm /077)" ""

if [ "$(id -u)" != 0 ]; then
    expect "the spoke's folder" "$(mode_of spoke)" 700
    exit 0
fi
expect "the spoke's folder" "$(mode_of spoke)" 711
expect "the data folder" "$(mode_of .)" 711
command -v setpriv >/dev/null || exit 0
# Somebody else: as a workload would.
other() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
other test -x "$hub_dir/spoke/workloads"
for path in hub spoke spoke/pki spoke/workloads; do
    if other ls "$hub_dir/$path" >/dev/null 2>&1; then fail "anybody may list $path"; fi
done
for path in hub/axle.db spoke/axle.db; do
    if other head -c 1 "$hub_dir/$path" >/dev/null 2>&1; then fail "anybody may read $path"; fi
done
