#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The commands that are printed to be pasted said `axle …`, which is in nobody's PATH
# after a build. They name the program as it was called, and quote what a shell splits.
. "$(dirname "$0")/lib.sh"

tree="$TEST_DIR/a tree"
data="$TEST_DIR/its data"
mkdir -p "$tree/build"
ln -s "$AXLE" "$tree/build/axle"
ln -s "$AXLE" "$tree/ax le"
cd "$tree"
export AXLE_DATA_DIR=$data
"./ax le" --mode=hub --listen 127.0.0.1:0 2>"$TEST_DIR/hub.log" &
is_ready() { grep -q 'prints the command' "$TEST_DIR/hub.log"; }
until_true 30 is_ready || fail "the hub is not ready"

# What the hub prints at its start makes a token, from this folder, without the variable.
line=$(sed -n 's/^  a spoke   \(.*\)  prints the command.*/\1/p' "$TEST_DIR/hub.log")
expect_contains "the program's name" "$line" "'./ax le' token create"
command=$(env -u AXLE_DATA_DIR sh -c "$line") || fail "cannot be pasted: $line"
expect_contains "its own words" "$command" "  './ax le' --mode=spoke --join=https://"

# `build/axle`, from the folder where it lies, joins as printed.
printed=$(build/axle token create --name edge-1)
expect_contains "a relative path" "$printed" "  build/axle --mode=spoke --join=https://"
AXLE_DATA_DIR="$TEST_DIR/edge" sh -c "$printed" >"$TEST_DIR/edge.log" 2>&1 &
has_joined() { grep -q 'joined https' "$TEST_DIR/edge.log"; }
until_true 60 has_joined || fail "does not join as printed: $printed"

# Out of the PATH the bare name is right.
PATH=$tree/build:$PATH
expect_contains "from the PATH" "$(axle token create)" "  axle --mode=spoke --join=https://"
