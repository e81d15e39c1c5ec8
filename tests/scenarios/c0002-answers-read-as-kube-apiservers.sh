#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 180
# A hub that is told what a kube-apiserver was told gives the same answers, and
# no leaf of them could be another one without being noticed.
. "$(dirname "$0")/lib.sh"

cases=${AXLE_CASES:-$repo/../shared/cases}
[ -d "$cases" ] || skip "no case files: set AXLE_CASES to their folder"

TMPDIR=$TEST_DIR "$repo/build/debug/axle-cases" --poison talk "$cases/talk.json" \
    >"$TEST_DIR/talk.log" 2>&1 || fail "$(tail -n 1 "$TEST_DIR/talk.log")"
grep -qE '^116 passed, 0 failed, 0 skipped$' "$TEST_DIR/talk.log" ||
    fail "$(tail -n 1 "$TEST_DIR/talk.log")"
