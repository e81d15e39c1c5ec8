#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 180
# A hub that is told what a kube-apiserver was told gives the same answers, and
# no leaf of them could be another one without being noticed.
. "$(dirname "$0")/lib.sh"

cases=${AXLE_CASES:-$repo/../shared/cases}
[ -d "$cases" ] || skip "no case files: set AXLE_CASES to their folder"

# Reviews and tokens, which are not answered by kinds' rows (docs/API.md).
left='talk-109 talk-111'

TMPDIR=$TEST_DIR "$repo/build/debug/axle-cases" --poison talk "$cases/talk.json" \
    >"$TEST_DIR/talk.log" 2>&1 || true
grep -qE '^[0-9]+ passed, [0-9]+ failed, 0 skipped$' "$TEST_DIR/talk.log" ||
    fail "it did not come to the end"
while read -r _ step; do
    case " $left " in *" $step "*) ;; *) fail "$step: $(tail -n 1 "$TEST_DIR/talk.log")" ;; esac
done < <(grep -E '^(failed|not noticed) ' "$TEST_DIR/talk.log" | sed 's/not noticed \([^:]*\):.*/failed \1/')
