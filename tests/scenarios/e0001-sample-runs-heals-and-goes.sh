#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The sample, from apply to an answer: it reads an image, comes back when it is
# killed, outlives the program that started it, and leaves nothing when deleted.
# limit: 240
. "$(dirname "$0")/lib.sh"

command -v tesseract >/dev/null || skip "tesseract is not installed"
make_image "Paid 42 euros" "$TEST_DIR/image.png"

start_all_in_one --allow-root
apply_sample
wait_for -n sample -t 60 aiworkloads/receipts .status.phase Running
endpoint() { object -n sample aiworkloads/receipts | jq -r '.status.endpoints[0].url'; }
read_image() { curl -sS --max-time 60 --data-binary @"$TEST_DIR/image.png" "$(endpoint)"; }
# Ours: its parent is a shim below this test's folder.
server_pid() {
    local shim
    for shim in $(pgrep -f "shim $TEST_DIR/"); do
        pgrep -P "$shim" -f server.py && return
    done
    true
}
expect "the text in the image" "$(read_image)" "Paid 42 euros"

first=$(server_pid)
kill -KILL "$first"
has_another() { [ -n "$(server_pid)" ] && [ "$(server_pid)" != "$first" ]; }
until_true 30 has_another || fail "the killed process did not come back"
answers() { [ "$(read_image 2>/dev/null)" = "Paid 42 euros" ]; }
until_true 60 answers || fail "it does not answer after it came back"

second=$(server_pid)
crash hub
kill -0 "$second" || fail "the workload died with the program"
start_all_in_one --allow-root
until_true 60 answers || fail "it does not answer after the restart"
expect "the process after the restart" "$(server_pid)" "$second"

expect "status of the delete" \
    "$(status_of DELETE "$(path_of -n sample aiworkloads/receipts)")" 200
wait_gone -n sample aiworkloads/receipts
is_quiet() { [ -z "$(server_pid)" ]; }
until_true 30 is_quiet || fail "a process is left behind"
