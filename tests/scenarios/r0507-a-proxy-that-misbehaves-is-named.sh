#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 200
# Whatever a proxy answers to CONNECT ends in words that name it, bounded, without the
# password, and the spoke is back by itself when the proxy is well.
. "$(dirname "$0")/lib.sh"

if [ -z "${INSIDE:-}" ]; then
    unshare -rn true 2>/dev/null || skip "no network namespaces here"
    code=0
    INSIDE=1 unshare -rn "$0" || code=$?
    exit $code
fi
ip link set lo up
ip address add 10.77.0.1/24 dev lo
listen=10.77.0.1:0
how=$TEST_DIR/how
start_hub
start_spoke e1
stop e1
echo well >"$how"
: >"$TEST_DIR/connects"
python3 "$repo/tests/scenarios/bad_proxy.py" "$how" "$TEST_DIR/connects" >"$TEST_DIR/proxy.port" &
has_port() { [ -s "$TEST_DIR/proxy.port" ]; }
until_true 20 has_port || fail "no proxy"
proxy=127.0.0.1:$(cat "$TEST_DIR/proxy.port")

answers() { # HOW WORDS
    local before
    echo "$1" >"$how"
    : >"$TEST_DIR/e1.log"
    before=$(wc -l <"$TEST_DIR/connects")
    start e1 --mode=spoke --data-dir "$TEST_DIR/e1" --proxy "http://me:s3cret@$proxy"
    says() { grep -F -e "$2" "$TEST_DIR/e1.log" | grep -q -F -e "$proxy"; }
    until_true 60 says "$@" || fail "$1: '$2' is not said: $(cat "$TEST_DIR/e1.log")"
    [ $(($(wc -l <"$TEST_DIR/connects") - before)) -lt 20 ] || fail "$1: the proxy is stormed"
    echo well >"$how"
    connected() { "$AXLE" status spoke --data-dir "$TEST_DIR/e1" 2>/dev/null | grep -q '^state *connected'; }
    until_true 60 connected || fail "$1: it did not come back"
    stop e1
    if grep -q s3cret "$TEST_DIR/e1.log"; then fail "the password is in the log"; fi
}
answers endless 'is that an HTTP proxy?'
answers interim 'is that an HTTP proxy?'
answers nul 'is that an HTTP proxy?'
answers half 'it ended the connection without an answer'
answers challenge 'it refuses the user and password of its URL (407)'
answers redirect '302: it sends elsewhere, as to a page for logging in'
answers teapot 'TLS handshake'
answers early 'TLS handshake'
answers inspect 'if the proxy opens TLS itself'
answers silent 'it does not answer in time'
