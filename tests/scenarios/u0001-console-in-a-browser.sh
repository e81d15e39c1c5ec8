#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The console in a real browser: a wrong token is refused in words, the right
# one shows the spoke and the workload, and what changes on the hub appears
# and goes by itself. PICTURE=FILE keeps a screenshot.
# limit: 300
. "$(dirname "$0")/lib.sh"

need_console
browser=$(command -v chromium || true)
[ -n "$browser" ] || skip "chromium is not installed"
command -v node >/dev/null || skip "nodejs is not installed"
[ -d "$repo/build/browser/node_modules/playwright-core" ] ||
    skip "playwright-core could not be fetched"

start_all_in_one --allow-root
wait_for -t 60 managedclusters/local-cluster \
    '.status.conditions[]? | select(.type == "ManagedClusterConditionAvailable") | .status' True
apply_sample
wait_for -n sample -t 60 aiworkloads/receipts .status.phase Running

token=$("$AXLE" token create --admin --kubeconfig "$hub_dir/hub/admin.kubeconfig")
create() { "$AXLE" token create --kubeconfig "$hub_dir/hub/admin.kubeconfig" "$@" 2>/dev/null; }
gone=$(create --admin --name gone)
"$AXLE" token revoke gone --kubeconfig "$hub_dir/hub/admin.kubeconfig"
old=$(create --admin --ttl 1s)
is_old() { curl -sS --cacert "$TEST_DIR/certificate-authority.pem" -H "Authorization: Bearer $old" "$SERVER/version" | grep -q expired; }
until_true 20 is_old || fail "a token of one second is good for longer"
WRONG="$(create --output token) This is a join token
$gone This token is not taken: the
$old token expired at"
coproc BROWSER {
    WRONG=$WRONG CHROMIUM=$browser BROWSER_MODULES=$repo/build/browser exec node \
        "$repo/tests/browser/console.mjs" "$SERVER" "$token" "${PICTURE:--}" \
        2>"$TEST_DIR/browser.log"
}
browser_pid=$BROWSER_PID
browser_says() {
    local answer
    read -r -t 120 answer <&"${BROWSER[0]}" || fail "the browser does not $1"
    expect "what the browser says of '$1'" "$answer" ok
}
in_browser() {
    echo "$*" >&"${BROWSER[1]}"
    browser_says "$*"
}

browser_says "log in"
in_browser see "local-cluster.*Available"
in_browser see "receipts.*Running"
[ -z "${PICTURE:-}" ] || in_browser picture
expect "status of the delete" \
    "$(status_of DELETE "$(path_of -n sample aiworkloads/receipts)")" 200
in_browser gone receipts
echo end >&"${BROWSER[1]}"
wait "$browser_pid" || fail "the browser met an error"
