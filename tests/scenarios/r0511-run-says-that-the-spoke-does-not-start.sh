#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `./build.sh run` with a spoke that cannot start fails with the spoke's own words; it
# does not say that all runs. `axle init DIR` asks on a terminal as `axle init` does.
. "$(dirname "$0")/lib.sh"

mkdir -p "$TEST_DIR/tree/build"
ln -s "$AXLE" "$TEST_DIR/tree/build/axle"
ln -s "$repo/conf" "$repo/assets" "$repo/install" "$TEST_DIR/tree/"
cd "$TEST_DIR/tree"
export AXLE_STATE=$TEST_DIR/state AXLE_LISTEN=127.0.0.1:0
code=0
AXLE_RUNTIME=engine AXLE_ENGINE_SOCKET=$TEST_DIR/none install/sample.sh start >"$TEST_DIR/out" 2>&1 || code=$?
install/sample.sh stop
expect "it fails" "$code" 1
expect_contains "with the reason" "$(cat "$TEST_DIR/out")" "EngineUnavailable: no Podman or Docker responds"
expect_contains "which the log has with an exit code" "$(cat "$TEST_DIR/state/axle.log")" "the spoke ended (exit code 5)"

cd "$TEST_DIR"
printf '\n\n\n\n\n' | python3 -c 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]))' "$AXLE" init asked >"$TEST_DIR/asked.out"
expect_contains "it asks" "$(cat "$TEST_DIR/asked.out")" "Project: the team, and its namespace [research]:"
