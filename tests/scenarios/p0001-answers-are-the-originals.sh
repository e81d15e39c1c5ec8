#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 300
# Every recorded answer of the original programs is ours as well, and no leaf of
# it could be another one without being noticed.
. "$(dirname "$0")/lib.sh"

cases=${AXLE_CASES:-$repo/../shared/cases}
runner=$repo/build/debug/axle-cases
[ -d "$cases" ] || skip "no case files: set AXLE_CASES to their folder"

# What must be whole: nothing failed, nothing skipped, each leaf noticed.
whole="write patch selector quantity feedback work
    rollout rollout-more placement placement-more template yaml"

for file in $whole; do
    "$runner" --poison "${file%-more}" "$cases/$file.json" >"$TEST_DIR/$file.log" 2>&1 ||
        fail "$file: $(tail -n 1 "$TEST_DIR/$file.log")"
    grep -qE '^[1-9][0-9]* passed, 0 failed, 0 skipped$' "$TEST_DIR/$file.log" ||
        fail "$file: $(tail -n 1 "$TEST_DIR/$file.log")"
    rm "$TEST_DIR/$file.log"
done
