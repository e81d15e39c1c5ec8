#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cloud-init's own schema tool takes what `token create -o cloud-init` prints, with and
# without a name.
. "$(dirname "$0")/lib.sh"

tool=$(type -P cloud-init) || skip "no cloud-init here (Debian's package cloud-init): its schema was not asked"
start_hub
for name in '' --name=gpu-1; do
    # shellcheck disable=SC2086 # no name is no word
    "$AXLE" token create --kubeconfig "$hub_dir/hub/admin.kubeconfig" -o cloud-init $name >"$TEST_DIR/user-data"
    "$tool" schema --config-file "$TEST_DIR/user-data" >"$TEST_DIR/said" 2>&1 || fail "cloud-init: $(cat "$TEST_DIR/said")"
    expect_contains "its word" "$(cat "$TEST_DIR/said")" 'Valid'
done
