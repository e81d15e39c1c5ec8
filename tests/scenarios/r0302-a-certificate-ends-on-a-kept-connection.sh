#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What was met: an expired certificate lived on on a connection that was kept, and
# in a held watch. Now each request looks at its end, and a watch ends with it.
# limit: 120
. "$(dirname "$0")/lib.sh"
[ -x /usr/bin/python3 ] || skip "python3 is not installed"

start_hub --certificate-age 6s
start_spoke edge-1
stop edge-1 KILL # nobody renews it any more
/usr/bin/python3 - "$SERVER" "$TEST_DIR/edge-1/spoke/pki" <<'PYTHON' || fail "see above"
import http.client, ssl, sys, threading, time
server, pki = sys.argv[1].removeprefix("https://"), sys.argv[2]
context = ssl.create_default_context(cafile=pki + "/hub-ca.crt")
context.load_cert_chain(pki + "/client.crt", pki + "/client.key")
path = "/apis/work.open-cluster-management.io/v1/namespaces/edge-1/manifestworks"
host, port = server.rsplit(":", 1)

def connection():
    return http.client.HTTPSConnection(host, int(port), context=context, timeout=60)

def get(kept):
    kept.request("GET", path)
    answer = kept.getresponse()
    return answer.status, answer.read()

kept, held = connection(), connection()
assert get(kept)[0] == 200, "the certificate is good at first"
held.request("GET", path + "?watch=true")
watch, ended = held.getresponse(), threading.Event()
assert watch.status == 200
threading.Thread(target=lambda: (watch.read(), ended.set()), daemon=True).start()
until = time.monotonic() + 40
while True:
    status, body = get(kept)
    if status != 200:
        break
    assert time.monotonic() < until, "the kept connection is served after the certificate's end"
    time.sleep(0.1)
assert status == 401 and b"ended at" in body, (status, body)
assert ended.wait(20), "the watch outlives its certificate"
PYTHON
