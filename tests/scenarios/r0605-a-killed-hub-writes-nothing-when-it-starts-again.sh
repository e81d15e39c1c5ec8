#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A hub is killed at its first run and started again, alone and with spokes that come back:
# nothing has changed, so nothing is written.
. "$(dirname "$0")/lib.sh"

count=3
revision() { get_raw /metrics | sed -n 's/^axle_store_revision //p'; }
# The same for a second: what was on its way when it all looked well is written.
is_quiet() {
    local before
    before=$(revision)
    sleep 1
    [ "$(revision)" = "$before" ]
}
settle() { until_true 60 is_quiet || fail "the hub goes on writing"; }

start_hub
settle
before=$(revision)
crash hub
start_hub
settle
expect "writes of a hub that starts again" "$(($(revision) - before))" 0

token_create --uses $count >"$TEST_DIR/token"
start_fleet "$TEST_DIR/token" $count
until_true 60 fleet_has watching $count || fail "not all join: $(cat "$TEST_DIR/fleet.events")"
settle
before=$(revision)
watches=$(fleet_events watching)
crash hub
start_hub
all_are_back() { [ "$(fleet_events watching)" -ge $((watches + count)) ] && fleet_has watching $count; }
until_true 60 all_are_back || fail "not all come back: $(cat "$TEST_DIR/fleet.events")"
settle
expect "writes of a hub to which its spokes come back" "$(($(revision) - before))" 0
stop fleet
