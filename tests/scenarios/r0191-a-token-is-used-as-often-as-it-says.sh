#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fifty machines at once, with one token of 1, 2 or 10 uses, on a hub that rests
# and on one that works: never more get in than the token has uses, and never
# fewer. ($DEEP: twenty rounds of each.)
# limit: 600
. "$(dirname "$0")/lib.sh"

[ -x /usr/bin/python3 ] || skip "python3 is not installed"
start_hub
cat >"$TEST_DIR/join.py" <<'PYTHON'
import hashlib, http.client, json, ssl, sys, threading
from urllib.parse import urlparse

server, folder, rounds = urlparse(sys.argv[1]), sys.argv[2], int(sys.argv[3])
MACHINES = 50
TOKENS = "/apis/axle.dev/v1alpha1/jointokens"
CLUSTERS = "/apis/cluster.open-cluster-management.io/v1/managedclusters"

def connect(admin=False):
    context = ssl.create_default_context(cafile=folder + "/certificate-authority.pem")
    if admin:
        context.load_cert_chain(folder + "/client-certificate.pem", folder + "/client-key.pem")
    return http.client.HTTPSConnection(server.hostname, server.port, context=context, timeout=60)

def ask(connection, method, path, body=None, token=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = "Bearer axle1." + "0" * 64 + "." + token + ".secret"
    connection.request(method, path, json.dumps(body) if body else None, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()

admin = connect(True)
idle = [connect() for _ in range(MACHINES)]
for connection in idle:
    connection.connect()

def race(token, uses):
    digest = hashlib.sha256(b"saltsecret").hexdigest()
    status, said = ask(admin, "POST", TOKENS, {"apiVersion": "axle.dev/v1alpha1", "kind": "JoinToken",
        "metadata": {"name": token}, "spec": {"uses": uses, "salt": "salt", "hash": digest}})
    assert status == 201, said
    start, codes = threading.Barrier(MACHINES), [0] * MACHINES

    def join(i):
        start.wait()
        codes[i] = ask(idle[i], "POST", CLUSTERS, {"apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster", "metadata": {"name": f"{token}-{i}"}}, token)[0]

    threads = [threading.Thread(target=join, args=(i,)) for i in range(MACHINES)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    there = [c for c in json.loads(ask(admin, "GET", CLUSTERS)[1])["items"]
             if c["metadata"]["annotations"].get("axle.dev/join-token") == token]
    if codes.count(201) != uses or len(there) != uses or codes.count(403) != MACHINES - uses:
        sys.exit(f"{token}: of {uses} uses {codes.count(201)} were answered, {len(there)} are there: {codes}")
    for cluster in there:
        ask(admin, "DELETE", CLUSTERS + "/" + cluster["metadata"]["name"])
    # Gone, or on its way: a use is spent all the same.
    assert ask(idle[0], "POST", CLUSTERS, {"apiVersion": "cluster.open-cluster-management.io/v1",
        "kind": "ManagedCluster", "metadata": {"name": token + "-late"}}, token)[0] == 403

busy = threading.Event()
def work(n):
    mine, path = connect(True), "/api/v1/namespaces/default/configmaps"
    ask(mine, "POST", path, {"metadata": {"name": f"load-{n}"}})
    i = 0
    while not busy.is_set():
        i += 1
        mine.request("PATCH", f"{path}/load-{n}", json.dumps({"data": {"i": str(i)}}),
                     {"Content-Type": "application/merge-patch+json"})
        mine.getresponse().read()

for load in ("rest", "work"):
    workers = [threading.Thread(target=work, args=(n,)) for n in range(3)] if load == "work" else []
    for worker in workers: worker.start()
    try:
        for turn in range(rounds):
            for uses in (1, 2, 10):
                race(f"{load}-{turn}-{uses}", uses)
    finally:
        busy.set()
        for worker in workers: worker.join()
PYTHON
/usr/bin/python3 "$TEST_DIR/join.py" "$SERVER" "$TEST_DIR" "$([ -n "${DEEP:-}" ] && echo 20 || echo 1)" || fail "the race: see above"
