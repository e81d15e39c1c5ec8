#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The README's tour with a second machine, as it stands there: its blocks are
# read and run in order. What differs is said in one place: two folders instead
# of two machines, and any port.
# limit: 600
. "$(dirname "$0")/lib.sh"

command -v tesseract >/dev/null || skip "tesseract is not installed"
find_kubectl
make_image "Seven times six" "$TEST_DIR/image.png"
mkdir -p "$TEST_DIR/bin" "$TEST_DIR/words"
ln -s "$AXLE" "$TEST_DIR/bin/axle"
ln -s "$KUBECTL" "$TEST_DIR/bin/kubectl"
PATH=$TEST_DIR/bin:$PATH
unset -f kubectl
first=$TEST_DIR/first
second=$TEST_DIR/second

here() {
    sed -e 's/ 0\.0\.0\.0:6443/ 127.0.0.1:0/' -e "s|/var/lib/axle|$first|" \
        -e "s|build/axle|axle|" -e "s|@image.png|@$TEST_DIR/image.png|"
}
# block N: the Nth block of shell in the tour.
block() {
    awk -v wanted="$1" '
        /^## / { tour = /Five minutes/ }
        tour && /^```sh/ { n++; inside = 1; next }
        /^```/ { inside = 0 }
        inside && n == wanted' "$repo/README.md" | here
}
cd "$repo"
expect_contains "the first block" "$(block 1)" "axle --mode=hub --listen 127.0.0.1:0"
expect_contains "the last block" "$(block 4)" "kubectl delete aiw receipts"

# The first machine, first terminal.
AXLE_DATA_DIR=$first bash -c "exec $(block 1)" >"$TEST_DIR/hub.log" 2>&1 &
is_told() { grep -q 'The hub is ready' "$TEST_DIR/hub.log"; }
until_true 60 is_told || fail "the hub does not say that it is ready"

# The second terminal, and what it prints on the second machine.
AXLE_DATA_DIR=$first bash -c "$(block 2)" >"$TEST_DIR/command"
expect_contains "the command for the second machine" "$(cat "$TEST_DIR/command")" "axle --mode=spoke --join="
AXLE_DATA_DIR=$second setsid bash "$TEST_DIR/command" >"$TEST_DIR/edge-1.log" 2>&1 &
has_joined() { grep -q 'joined https' "$TEST_DIR/edge-1.log"; }
until_true 60 has_joined || fail "the second machine does not join"

# A slow machine may wait longer than the tour does.
bash -eu -o pipefail -c "$(block 3 | sed 's/--timeout=2m/--timeout=8m/')" >"$TEST_DIR/tour" 2>"$TEST_DIR/tour.log" ||
    fail "the tour ends with $?: $(cat "$TEST_DIR/tour.log")"
expect_contains "what the tour shows" "$(cat "$TEST_DIR/tour")" "edge-1"
expect "what the sample read" "$(tail -n 1 "$TEST_DIR/tour")" "Seven times six"

KUBECONFIG=$first/hub/admin.kubeconfig bash -eu -c "$(block 4)"
shims() { pgrep -f "shim $second/" || true; }
is_empty() { [ -z "$(shims)" ]; }
until_true 60 is_empty || fail "something runs on"
pods_left() { find "$second/spoke/workloads/pods" -mindepth 1 -maxdepth 1; }
nothing_left() { [ -z "$(pods_left)" ]; }
until_true 30 nothing_left || fail "left behind: $(pods_left)"
