#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `./build.sh stop` trusted a number in a file: after a reboot it was another process',
# which was ended instead. It ends the program that runs on this folder, and no other.
. "$(dirname "$0")/lib.sh"

tree=$TEST_DIR/tree
mkdir -p "$tree/build" "$TEST_DIR/state"
ln -s "$AXLE" "$tree/build/axle"
ln -s "$repo/conf" "$repo/assets" "$repo/install" "$tree/"
cd "$tree"
export AXLE_STATE=$TEST_DIR/state AXLE_LISTEN=127.0.0.1:0

sleep 300 &
stranger=$!
echo $stranger >"$AXLE_STATE/axle.pid"
install/sample.sh stop
kill -0 $stranger || fail "a process that is not Axle was ended"

# Nor is another Axle, with a folder of its own.
"$AXLE" --mode=hub --data-dir "$TEST_DIR/state-of-others" --listen 127.0.0.1:0 2>"$TEST_DIR/hub.log" &
other=$!
is_ready() { grep -q 'The hub is ready' "$TEST_DIR/hub.log"; }
until_true 30 is_ready || fail "the other hub does not start"
echo $other >"$AXLE_STATE/axle.pid"
install/sample.sh stop
kill -0 $other || fail "another Axle was ended"

# Its own is ended, even one that nobody waits for.
"$AXLE" --mode=hub --data-dir "$AXLE_STATE" --listen 127.0.0.1:0 2>"$TEST_DIR/own.log" &
own=$!
echo $own >"$AXLE_STATE/axle.pid"
own_is_ready() { grep -q 'The hub is ready' "$TEST_DIR/own.log"; }
until_true 30 own_is_ready || fail "its own hub does not start"
install/sample.sh stop
grep -q 'ending' "$TEST_DIR/own.log" || fail "its own was not told to end"
