#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A spoke and the program's verbs reach the hub through an HTTP proxy, by a setting or
# by the environment, with a user and without; what does not work is said in words.
. "$(dirname "$0")/lib.sh"

if [ -z "${INSIDE:-}" ]; then
    unshare -rn true 2>/dev/null || skip "no network namespaces here"
    code=0
    INSIDE=1 unshare -rn "$0" || code=$?
    exit $code
fi
ip link set lo up
# A hub of this very machine is never reached through a proxy, so it has another address.
ip address add 10.77.0.1/24 dev lo
listen=10.77.0.1:0

proxy() { # NAME [USER:PASSWORD]
    python3 "$repo/tests/scenarios/relay.py" proxy "$TEST_DIR/$1.connects" "${2:-}" >"$TEST_DIR/$1.port" &
    has_port() { [ -s "$TEST_DIR/$1.port" ]; }
    until_true 20 has_port "$1" || fail "no proxy"
    cat "$TEST_DIR/$1.port"
}
connects() { wc -l <"$TEST_DIR/$1.connects" 2>/dev/null || echo 0; }
start_hub
open=$(proxy open)
closed=$(proxy closed 'spoke@site:p/w d')

# By the environment: join, artifacts, status, all of it.
HTTPS_PROXY=http://127.0.0.1:$open start_spoke edge-1
[ "$(connects open)" -gt 0 ] || fail "it went past the proxy"
grep -q "CONNECT ${SERVER#https://} HTTP/1.1" "$TEST_DIR/open.connects" || fail "$(cat "$TEST_DIR/open.connects")"
apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: w, namespace: edge-1}
spec:
  workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: lab}}]}
YAML
wait_for -n edge-1 manifestworks/w '.status.conditions[]? | select(.type == "Available") | .status' True
stop edge-1

# By a setting, with a user, whatever the environment says; the log tells no password.
# (The environment's is no proxy at all, which the verbs do not get past.)
token_create >"$TEST_DIR/edge-2.token"
HTTPS_PROXY=http://127.0.0.1:1 start edge-2 --mode=spoke --name edge-2 --data-dir "$TEST_DIR/edge-2" \
    --join "$SERVER" --token-file "$TEST_DIR/edge-2.token" --proxy "http://spoke%40site:p%2Fw%20d@127.0.0.1:$closed"
wait_for managedclusters/edge-2 '.status.conditions[]? | select(.type == "ManagedClusterConditionAvailable") | .status' True
grep -q "let through" "$TEST_DIR/closed.connects" || fail "it went past the proxy"
if grep -q -e "p%2Fw" -e "p/w d" "$TEST_DIR/edge-2.log"; then fail "the password is in the log"; fi
stop edge-2

# What is reached without: NO_PROXY, and the setting.
before=$(connects open)
HTTPS_PROXY=http://127.0.0.1:$open NO_PROXY=example.org,10.77.0.0/16 start_spoke edge-3
stop edge-3
start_spoke edge-4 --proxy "http://127.0.0.1:$open" --no-proxy 10.77.0.1
stop edge-4
expect "connections through the proxy" "$(connects open)" "$before"

# In words: no user, a wrong one, no proxy there, one that is none, a hub out of its reach.
says() { # WORDS ARG…
    local words=$1
    shift
    start edge-1 --mode=spoke --data-dir "$TEST_DIR/edge-1" "$@"
    in_log() { grep -q -F -e "$words" "$TEST_DIR/edge-1.log"; }
    until_true 20 in_log || fail "'$words' is not said: $(tail -n 3 "$TEST_DIR/edge-1.log")"
    stop edge-1
}
says "it asks for a user and a password (407)" --proxy "http://127.0.0.1:$closed"
says "it refuses the user and password" --proxy "http://who:wrong@127.0.0.1:$closed"
says "through the proxy 127.0.0.1:9 to ${SERVER#https://}" --proxy "http://127.0.0.1:9"
says "is that an HTTP proxy" --proxy "http://${SERVER#https://}"
says "it cannot reach the hub" --join https://10.77.0.1:9 --proxy "http://127.0.0.1:$open"
for url in socks5://127.0.0.1:1080 https://127.0.0.1:3128 http:// http://127.0.0.1:3128/path http://a:b; do
    expect_refused "proxy" timeout 20 "$AXLE" --mode=spoke --data-dir "$TEST_DIR/edge-1" --proxy "$url"
done

# The verbs, as kubectl.
before=$(connects open)
HTTPS_PROXY=http://127.0.0.1:$open token_create >/dev/null
[ "$(connects open)" -gt "$before" ] || fail "token create went past the proxy"
