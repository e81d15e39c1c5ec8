#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A join command with a loopback address does not work on another machine; `axle token
# create` says so beside it. `axle uninstall` names the folder of what it kept plainly.
. "$(dirname "$0")/lib.sh"

start_all_in_one
AXLE_DATA_DIR=$hub_dir "$AXLE" token create --name edge-1 >"$TEST_DIR/out" 2>"$TEST_DIR/err"
expect "the command is two lines" "$(wc -l <"$TEST_DIR/out")" 2
expect_contains "beside it" "$(cat "$TEST_DIR/err")" "can be reached from this machine only; for other machines start the hub with --listen=0.0.0.0:PORT"
AXLE_DATA_DIR=$hub_dir "$AXLE" token create --name edge-2 -o token 2>"$TEST_DIR/err" >/dev/null
expect "a token alone is for any address" "$(cat "$TEST_DIR/err")" ""

stop hub
data=$TEST_DIR/left
mkdir -p "$data"
cp -r "$hub_dir/." "$data/"
mkdir -p "$data/spoke/workloads/claims/lab.hello-server-data"
said=$("$AXLE" uninstall --data-dir "$data" --yes 2>&1) || fail "$said"
expect_contains "where the data is" "$said" "the data of its claims is in $data/claims-2"
