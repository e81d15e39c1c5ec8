#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 900
# Every recorded answer of the original programs is ours as well, and no leaf of
# it could be another one without being noticed.
. "$(dirname "$0")/lib.sh"

cases=${AXLE_CASES:-$repo/../shared/cases}
runner=$repo/build/debug/axle-cases

# What must be whole: nothing failed, nothing skipped, each leaf noticed.
whole="write patch selector quantity feedback work
    rollout rollout-more placement placement-more template yaml"

judge() {
    local name=$1 file=$2

    "$runner" --poison "${name%-more}" "$file" >"$TEST_DIR/$name.log" 2>&1 ||
        fail "$name: $(tail -n 1 "$TEST_DIR/$name.log")"
    grep -qE '^[1-9][0-9]* passed, 0 failed, 0 skipped$' "$TEST_DIR/$name.log" ||
        fail "$name: $(tail -n 1 "$TEST_DIR/$name.log")"
    rm "$TEST_DIR/$name.log"
}

# Further answers, to inputs that once were answered wrongly and their like.
for name in template-more yaml-more feedback-more placement-more patch-more; do
    judge $name "$repo/tests/cases/$name.json"
done
[ -d "$cases" ] || skip "no more case files: set AXLE_CASES to their folder"
for name in $whole; do
    judge "$name" "$cases/$name.json"
done
