#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The console said "none yet" while it was loading and whenever the hub failed, and took any
# text for a token. Before a hub that fails in each way it says what is not known, and why.
# limit: 300
. "$(dirname "$0")/lib.sh"

browser=$(command -v chromium || true)
[ -n "$browser" ] || skip "chromium is not installed"
command -v node >/dev/null || skip "nodejs is not installed"
[ -d "$repo/build/browser/node_modules/playwright-core" ] ||
    skip "playwright-core could not be fetched"
[ -s "$repo/build/console/console.js" ] || skip "the console is not built"

CHROMIUM=$browser BROWSER_MODULES=$repo/build/browser node "$repo/tests/browser/states.mjs" \
    "$repo/build/console" ${PICTURE:+"$PICTURE"} >"$TEST_DIR/states" 2>"$TEST_DIR/browser.log" ||
    fail "$(grep -A 12 '^not ok' "$TEST_DIR/states" || echo 'it does not come to an end')"
[ "$(grep -c '^ok' "$TEST_DIR/states")" -gt 50 ] || fail "few sentences: $(cat "$TEST_DIR/states")"
