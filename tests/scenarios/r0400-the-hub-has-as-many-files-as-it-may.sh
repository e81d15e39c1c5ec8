#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A shell gives its children 1,024 open files, though they may take more: the hub kept to
# that and stopped taking connections there. It says so where even all are too few for the
# setting `connections`. And /version names the Kubernetes that the documentation names.
. "$(dirname "$0")/lib.sh"

files() { awk '/^Max open files/ { print $4, $5 }' "/proc/$(pid_of hub)/limits"; }

ulimit -Sn 256
start_hub --connections 400
read -r soft hard <<<"$(files)"
[ "$soft" = "$hard" ] || [ "$soft" -ge 1048576 ] || fail "the hub has $soft files of $hard"
grep 'connections.*are not possible' "$TEST_DIR/hub.log" && fail "$soft files are enough for 400 connections"
version=$(get_raw /version | jq -r '"\(.major).\(.minor) \(.gitVersion)"')
documented=$(sed -n 's/^The hub answers as kube-apiserver \([0-9.]*\) does.*/\1/p' "$repo/docs/API.md")
expect_contains "what /version says" "$version" "$documented v$documented.0+axle-"
stop hub

ulimit -Hn 500
start_hub --connections 20000
expect "with fewer" "$(files)" "500 500"
grep -q 'connections: 20000 are not possible, because this process may have 500 open files .*the limit is 436 connections now' \
    "$TEST_DIR/hub.log" || fail "too few files are not told"
