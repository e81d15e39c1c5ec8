#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The README's tour, as it stands there: its blocks are read and run in order. What
# differs is said in one place: two folders instead of two machines, any port, and
# the program that is tested instead of one built first.
# limit: 600
. "$(dirname "$0")/lib.sh"

command -v tesseract >/dev/null || skip "tesseract is not installed"
find_kubectl
unset -f kubectl
first=$TEST_DIR/first
second=$TEST_DIR/second
tree=$TEST_DIR/tree
mkdir -p "$tree/build/bin"
ln -s "$AXLE" "$tree/build/axle"
ln -s "$KUBECTL" "$tree/build/bin/kubectl"
ln -s "$repo/conf" "$repo/assets" "$repo/install" "$tree/"
cd "$tree"

uninstalls() { "$AXLE" --help | grep -qw uninstall; }
without=$(uninstalls && echo '/~/d' || echo '/uninstall\|~/d')
here() {
    sed -e 's|\./build\.sh|install/sample.sh|' -e 's/sample\.sh run/sample.sh start/' \
        -e 's/0\.0\.0\.0:6443/127.0.0.1:0/' -e "s|/var/lib/axle|$first|" \
        -e "$without" -e 's/--timeout=[0-9]*m/--timeout=8m/'
}
# block N: the Nth block of shell in the README.
block() {
    awk -v wanted="$1" '/^```sh/ { n++; inside = 1; next }
        /^```/ { inside = 0 }
        inside && n == wanted' "$repo/README.md" | here
}
export AXLE_STATE=$first AXLE_DATA_DIR=$first AXLE_LISTEN=127.0.0.1:0
reads() { expect "what the sample reads on $1" "$(grep -c '^1 Apple cake 3.40$' "$TEST_DIR/$2")" "$1"; }
tour() {
    { block 2 | head -n 3; block "$1"; } >"$TEST_DIR/block-$1"
    bash -eu -o pipefail "$TEST_DIR/block-$1" >"$TEST_DIR/tour-$1" 2>"$TEST_DIR/tour-$1.log" ||
        fail "block $1 of the tour ends with $?: $(cat "$TEST_DIR/tour-$1.log")"
}
expect_contains "the first block" "$(block 1)" "install/sample.sh start"

# The first machine.
install/sample.sh start >"$TEST_DIR/start"
expect_contains "what run prints" "$(cat "$TEST_DIR/start")" "conf/sample/receipt.png http://"
tour 2
expect_contains "the spokes" "$(cat "$TEST_DIR/tour-2")" "local-cluster"
tour 3
reads 1 tour-3
# The line that `run` prints works as well.
sh -c "$(grep 'curl --data' "$TEST_DIR/start")" >"$TEST_DIR/printed" 2>"$TEST_DIR/printed.log"
reads 1 printed

# The second one, in whose folder the program has the name that it was called by.
tour 4
tail -n 2 "$TEST_DIR/tour-4" >"$TEST_DIR/command"
expect_contains "the command for the second machine" "$(cat "$TEST_DIR/command")" "  axle --mode=spoke --join="
PATH=$tree/build:$PATH AXLE_DATA_DIR=$second setsid bash "$TEST_DIR/command" >"$TEST_DIR/edge-1.log" 2>&1 &
has_joined() { grep -q 'joined https' "$TEST_DIR/edge-1.log"; }
until_true 60 has_joined || fail "the second machine does not join"
tour 5
reads 2 tour-5

tour 6
shims() { pgrep -f "shim $TEST_DIR/" || true; }
is_empty() { [ -z "$(shims)" ]; }
until_true 60 is_empty || fail "something runs on"
pods_left() { find "$second" "$first" -path '*/spoke/workloads/pods/*' 2>/dev/null; }
nothing_left() { [ -z "$(pods_left)" ]; }
until_true 30 nothing_left || fail "left behind: $(pods_left)"
! uninstalls || [ ! -e "$first" ] || fail "left behind: $(find "$first")"
