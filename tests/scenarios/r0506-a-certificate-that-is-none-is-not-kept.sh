#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 200
# A renewal that brings another key's certificate, or no certificate, is refused in words:
# the one that works stays, and is renewed once the hub is well.
. "$(dirname "$0")/lib.sh"

asked=$TEST_DIR/asked rules=$TEST_DIR/rules pki=$TEST_DIR/e1/spoke/pki
: >"$asked"
start_hub --certificate-age=45s
token_create --name e1 >"$TEST_DIR/token"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -days 2 -keyout "$TEST_DIR/k" -out "$TEST_DIR/c" 2>/dev/null
brings() { echo "[{\"request\":\"GET .*certificatesigningrequests/e1\",\"body\":$1}]" >"$rules"; }
brings "{\"status\":{\"certificate\":\"$(base64 -w 0 <"$TEST_DIR/c")\"}}"
python3 "$repo/tests/scenarios/liar.py" "${SERVER#https://}" "$hub_dir/hub/pki" "$pki" "$rules" "$asked" >"$TEST_DIR/liar.port" &
has_port() { [ -s "$TEST_DIR/liar.port" ]; }
until_true 20 has_port || fail "no liar"
start e1 --mode=spoke --name e1 --data-dir "$TEST_DIR/e1" --join "https://127.0.0.1:$(cat "$TEST_DIR/liar.port")" --token-file "$TEST_DIR/token"
joined() { [ -s "$pki/client.crt" ]; }
until_true 60 joined || fail "did not join"
cp "$pki/client.crt" "$TEST_DIR/before.crt"
says() { grep -q -F -e "renewing the certificate: $1" "$TEST_DIR/e1.log"; }
refused() { # BODY WORDS
    brings "$1"
    until_true 60 says "$2" || fail "'$2' is not said: $(tail -n 3 "$TEST_DIR/e1.log")"
    cmp -s "$pki/client.crt" "$TEST_DIR/before.crt" || fail "the certificate that works was exchanged ($2)"
}
refused "{\"status\":{\"certificate\":\"$(base64 -w 0 <"$TEST_DIR/c")\"}}" 'the certificate that the hub has sent is for another key'
refused '{"status":{"certificate":"AAAA"}}' 'the certificate that the hub has sent is damaged'
refused '{"status":{"conditions":[{"type":"Denied","message":"not today"}]}}' 'the hub refused it: not today'
echo '[]' >"$rules"
is_renewed() { ! cmp -s "$pki/client.crt" "$TEST_DIR/before.crt"; }
until_true 60 is_renewed || fail "it is not renewed once the hub is well: $(tail -n 3 "$TEST_DIR/e1.log")"
