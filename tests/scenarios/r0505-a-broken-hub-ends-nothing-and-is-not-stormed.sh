#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 200
# A hub under the right authority that is broken or lies: what runs goes on as the same
# process, the spoke does not storm it, says what is wrong once, and is back soon
# after it is well.
. "$(dirname "$0")/lib.sh"

marker=5050$$
asked=$TEST_DIR/asked rules=$TEST_DIR/rules pki=$TEST_DIR/e1/spoke/pki
echo '[]' >"$rules"
: >"$asked"
start_hub
start_spoke e1
apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: nap, namespace: e1}
spec:
  workload:
    manifests:
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: nap, namespace: lab}
      spec:
        selector: {matchLabels: {a: b}}
        template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, command: [sleep, "$marker"]}]}}
YAML
wait_for -n e1 manifestworks/nap '.status.conditions[]? | select(.type == "Available") | .status' True
pid=$(pgrep -x -f "sleep $marker")
stop e1
python3 "$repo/tests/scenarios/liar.py" "${SERVER#https://}" "$hub_dir/hub/pki" "$pki" "$rules" "$asked" >"$TEST_DIR/liar.port" &
has_port() { [ -s "$TEST_DIR/liar.port" ]; }
until_true 20 has_port || fail "no liar"

since() { tail -n "+$((from + 1))" "$asked"; }
heard() { since | grep -q "$1"; }
said() { tail -n "+$((line + 1))" "$TEST_DIR/e1.log" | grep -c -F -e "$1" || true; }
# lie WORDS REQUESTS RULE: for three seconds; WORDS are said once, REQUESTS are the most there are.
lie() {
    from=$(wc -l <"$asked") line=$(wc -l <"$TEST_DIR/e1.log")
    echo "[$3]" >"$rules"
    start e1 --mode=spoke --data-dir "$TEST_DIR/e1" --join "https://127.0.0.1:$(cat "$TEST_DIR/liar.port")"
    heard_a_lie() { heard LIE; }
    until_true 20 heard_a_lie || fail "$1: nothing was asked"
    sleep 3
    [ "$(since | wc -l)" -le "$2" ] || fail "$1: $(since | wc -l) requests in three seconds"
    expect "how often '$1' is said" "$(said "$1")" 1
    expect "what runs ($1)" "$(pgrep -x -f "sleep $marker")" "$pid"
    from=$(wc -l <"$asked")
    echo '[]' >"$rules"
    well() { heard "$4"; }
    until_true 60 well "$@" || fail "$1: it did not come back: $(since)"
    stop e1
}
list='GET [^?]*/namespaces/e1/manifestworks$' watch='manifestworks.watch' back='manifestworks?watch'
lie 'is no ManifestWorkList' 25 "{\"request\":\"$list\",\"body\":{}}" "$back"
lie 'holds the work "a" twice' 25 "{\"request\":\"$list\",\"body\":{\"kind\":\"ManifestWorkList\",\"metadata\":{\"resourceVersion\":\"9999\"},
    \"items\":[{\"metadata\":{\"name\":\"a\",\"namespace\":\"e1\",\"uid\":\"u\"}},{\"metadata\":{\"name\":\"a\",\"namespace\":\"e1\",\"uid\":\"v\"}}]}}" "$back"
lie 'closes each watch right after it starts' 45 "{\"request\":\"$watch\",\"body\":\"\"}" "$back"
lie 'not you' 35 "{\"request\":\"$watch\",\"status\":403,\"body\":{\"kind\":\"Status\",\"message\":\"not you\"}}" "$back"
lie 'the watch is out of date' 45 "{\"request\":\"$watch\",\"body\":{\"type\":\"ERROR\",\"object\":{}}}" "$back"
lie 'status of nap: HTTP 500' 25 "{\"request\":\"PATCH .*manifestworks/nap/status\",\"status\":500}" 'manifestworks/nap/status'
lie 'status of this spoke: HTTP 503' 25 "{\"request\":\"managedclusters/e1\",\"status\":503}" 'managedclusters/e1/status'
grep -q "HubEpochConfirmed\|lost writes" "$TEST_DIR/e1.log" && fail "a bad answer was taken for a hub that lost writes"

# "removed" from a hub that names no epoch of its own ends nothing.
for epoch in 0 -1 nonsense; do
    lie 'may have lost writes' 25 "{\"request\":\".\",\"status\":401,\"headers\":{\"axle-spoke\":\"removed\",\"axle-epoch\":\"$epoch\"}}" "$back"
done
