#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A body is not read before its sender is known and may send it; a machine that
# joins may send little; and what one user has under way at once is bounded, so
# that nobody fills the hub's memory with bodies.
# limit: 150
. "$(dirname "$0")/lib.sh"

start_hub
token=$(token_create)
json='Content-Type: application/json'
head -c 3000000 /dev/zero | tr '\0' ' ' >"$TEST_DIR/big"

# said CODE WORDS CURL-ARGUMENT…
said() {
    local code=$1 words=$2 got
    shift 2
    got=$(curl -sS --max-time 20 --cacert "$TEST_DIR/certificate-authority.pem" -H "$json" -o "$TEST_DIR/answer" -w '%{http_code}' "$@" || true)
    [ "$got" = "$code" ] || fail "$* is answered $got, not $code: $(head -c 300 "$TEST_DIR/answer")"
    grep -qF -- "$words" "$TEST_DIR/answer" || fail "$*: nothing of \"$words\" in $(head -c 500 "$TEST_DIR/answer")"
}

# Nobody: answered before the body, which is never asked for.
said 403 'system:anonymous' -d @"$TEST_DIR/big" "$SERVER/api/v1/namespaces"
said 401 'token' -H 'Authorization: Bearer axle1.x.y.z' -d @"$TEST_DIR/big" "$SERVER/api/v1/namespaces"
(
    printf 'POST /api/v1/namespaces HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3000000\r\n\r\n'
    sleep 30
) | openssl s_client -connect "${SERVER#https://}" -CAfile "$TEST_DIR/certificate-authority.pem" -quiet >"$TEST_DIR/early" 2>/dev/null &
has_answer() { grep -q '^HTTP/1.1 403' "$TEST_DIR/early"; }
until_true 20 has_answer || fail "the body is waited for: $(cat "$TEST_DIR/early")"
! grep -q '100 Continue' "$TEST_DIR/early" || fail 'the body is asked for'

# One that joins.
said 413 'at most 16384' -H "Authorization: Bearer $token" -d @"$TEST_DIR/big" \
    "$SERVER/apis/cluster.open-cluster-management.io/v1/managedclusters"
said 413 'at most 16384' -H "Authorization: Bearer $token" -d @"$TEST_DIR/big" \
    "$SERVER/apis/certificates.k8s.io/v1/certificatesigningrequests"
said 413 '16384 bytes' -H "Authorization: Bearer $token" -H 'Transfer-Encoding: chunked' -d @"$TEST_DIR/big" \
    "$SERVER/apis/certificates.k8s.io/v1/certificatesigningrequests"

# A user: many large bodies at once are too much, one after the other they are not.
request POST /api/v1/namespaces -H "$json" -o /dev/null -d '{"metadata":{"name":"lab"}}'
has_account() { [ "$(status_of GET /api/v1/namespaces/lab/serviceaccounts/default)" = 200 ]; }
until_true 20 has_account
request POST /apis/rbac.authorization.k8s.io/v1/namespaces/lab/rolebindings -H "$json" -o /dev/null \
    -d '{"metadata":{"name":"e"},"roleRef":{"kind":"ClusterRole","name":"edit","apiGroup":"rbac.authorization.k8s.io"},"subjects":[{"kind":"ServiceAccount","name":"default","namespace":"lab"}]}'
user=$(request POST /api/v1/namespaces/lab/serviceaccounts/default/token -H "$json" -d '{"spec":{}}' | jq -r .status.token)
# Twelve are announced and held back; the thirteenth is refused with words.
announce() {
    python3 - "${SERVER##*:}" "$TEST_DIR/certificate-authority.pem" "$user" <<'PYTHON'
import socket, ssl, sys
port, roots, token = sys.argv[1:]
context = ssl.create_default_context(cafile=roots)
kept = []
for _ in range(13):
    raw = socket.create_connection(("127.0.0.1", int(port)))
    kept.append(context.wrap_socket(raw, server_hostname="localhost"))
    kept[-1].sendall(("POST /api/v1/namespaces/lab/configmaps HTTP/1.1\r\nHost: localhost\r\n"
                      "Authorization: Bearer %s\r\nContent-Length: 3000000\r\n\r\n" % token).encode())
kept[-1].settimeout(10)
print(kept[-1].recv(65536).decode())
PYTHON
}
too_many() { announce 2>&1 | grep -q 'bodies of .* in flight'; }
until_true 60 too_many || fail 'bodies under way are not bounded'
[ "$(status_of GET /api/v1/namespaces/lab)" = 200 ] || fail 'others are kept out'
