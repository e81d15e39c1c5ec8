# SPDX-License-Identifier: Apache-2.0
"""Does everything that a stolen key of a spoke lets one try, while others use the hub.

usage: hostile_spoke.py SERVER FOLDER SECONDS HUB-PID. What must hold is said by
check() lines; figures are printed. Run by s0001.
"""

import http.client
import json
import os
import re
import ssl
import sys
import threading
import time
import urllib.parse

SERVER, DIR, SECONDS, HUB = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
HOST = urllib.parse.urlparse(SERVER).netloc
OCM, WORK = "cluster.open-cluster-management.io", "work.open-cluster-management.io"
# Words that lie in what is not this spoke's; none may ever come back to it.
SECRETS = [line.strip() for line in open(f"{DIR}/secret-words")]
stop = threading.Event()
seen_words, statuses, failures = set(), {}, []


def context_of(cert=None):
    context = ssl.create_default_context(cafile=f"{DIR}/certificate-authority.pem")
    if cert:
        context.load_cert_chain(*cert)
    return context


def spoke_context(name):
    pki = f"{DIR}/{name}/spoke/pki"
    return context_of((f"{pki}/client.crt", f"{pki}/client.key"))


HOSTILE, GOOD = spoke_context("edge-1"), spoke_context("edge-2")
ADMIN = context_of((f"{DIR}/client-certificate.pem", f"{DIR}/client-key.pem"))


class Client:
    """Keeps a connection, and dials again when it was cut."""

    def __init__(self, context, note=False):
        self.context, self.note, self.connection = context, note, None

    def ask(self, method, path, body=None, kind="application/json", headers=None):
        if self.connection is None:
            self.connection = http.client.HTTPSConnection(HOST, context=self.context, timeout=20)
        try:
            send = {"Content-Type": kind} if body is not None else {}
            self.connection.request(method, path, body=body, headers={**send, **(headers or {})})
            answer = self.connection.getresponse()
            text = answer.read().decode("utf-8", "replace")
        except (http.client.HTTPException, OSError):
            self.close()
            return 0, ""
        if self.note:
            statuses[answer.status] = statuses.get(answer.status, 0) + 1
            for word in SECRETS:
                if word in text:
                    seen_words.add(f"{word} in the answer to {method} {path}")
        return answer.status, text

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


def works_path(name=""):
    return f"/apis/{WORK}/v1/namespaces/edge-1/manifestworks" + (f"/{name}" if name else "")


# ---- What it tries ------------------------------------------------------------

def look_around():
    """Reads whatever a name can be guessed for, in every form."""
    client = Client(HOSTILE, note=True)
    kinds = ["/api/v1/%ssecrets", "/api/v1/%sconfigmaps", "/api/v1/%sevents", "/api/v1/namespaces", "/api/v1/%sserviceaccounts",
             f"/apis/{OCM}/v1/managedclusters", f"/apis/{WORK}/v1/%smanifestworks", "/apis/axle.dev/v1alpha1/%sworkloads",
             "/apis/axle.dev/v1alpha1/%saiworkloads", "/apis/certificates.k8s.io/v1/certificatesigningrequests",
             "/apis/coordination.k8s.io/v1/%sleases", "/apis/axle.dev/v1alpha1/jointokens", "/apis/axle.dev/v1alpha1/projects"]
    forms = ["", "/token", "/edge-2", "/edge-1?watch=true&timeoutSeconds=1", "/token?watch=1&timeoutSeconds=1",
             "?watch=true&timeoutSeconds=1&resourceVersion=0", "?fieldSelector=metadata.name=edge-1&watch=true&timeoutSeconds=1",
             "?fieldSelector=metadata.name=edge-1&fieldSelector=metadata.name=edge-2", "?limit=1",
             "?labelSelector=open-cluster-management.io/cluster-name=edge-1", "?labelSelector=open-cluster-management.io/cluster-name=edge-2"]
    while not stop.is_set():
        for kind in kinds:
            for namespace in ("", "namespaces/edge-1/", "namespaces/edge-2/", "namespaces/lab/", "namespaces/%2e%2e/edge-2/"):
                for form in forms:
                    client.ask("GET", (kind % namespace if "%s" in kind else kind) + form)
                    if stop.is_set():
                        return


def pull_artifacts():
    client = Client(HOSTILE, note=True)
    while not stop.is_set():
        for path in ("/v2/_catalog", "/v2/lab/app/tags/list", "/v2/lab/app/manifests/latest", "/v2/lab/../lab/app/manifests/latest",
                     "/v2/edge-1/x/manifests/latest", "/v2/lab/app/blobs/sha256:" + "0" * 64):
            client.ask("GET", path)
            client.ask("POST", "/v2/edge-1/x/blobs/uploads/?mount=sha256:" + "0" * 64 + "&from=lab/app", "")


def flood(make):
    """Writes as fast as it can, big and small."""
    client, number = Client(HOSTILE, note=True), 0
    while not stop.is_set():
        number += 1
        method, path, body, kind = make(number)
        client.ask(method, path, json.dumps(body), kind)


def make_event(number):
    size = (200, 20_000, 900_000, 2_500_000)[number % 4]
    return "POST", "/api/v1/namespaces/edge-1/events", {
        "metadata": {"generateName": "e-", "namespace": "edge-1"}, "reason": "R", "message": "m" * size,
        "involvedObject": {"kind": "ManagedCluster", "name": f"x{number}", "namespace": "edge-1"}}, "application/json"


def make_csr(number):
    return "POST", "/apis/certificates.k8s.io/v1/certificatesigningrequests", {
        "metadata": {"name": f"edge-1-{number}", "labels": {"open-cluster-management.io/cluster-name": "edge-2"}},
        "spec": {"request": "QUFB" * 5000, "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"]}}, "application/json"


def make_status(number):
    conditions = [{"type": f"T{i}", "status": "True", "reason": "R", "message": "\x1b[31m" + "m" * 300,
                   "lastTransitionTime": "2026-01-01T00:00:00Z"} for i in range(number % 2000)]
    return "PATCH", works_path("w") + "/status", {"status": {"conditions": conditions}}, "application/merge-patch+json"


def make_spec(number):
    kinds = ["application/merge-patch+json", "application/strategic-merge-patch+json"]
    return "PATCH", works_path("w") + "?fieldManager=x", {
        "metadata": {"finalizers": [f"example.com/{number}"]}, "spec": {"workload": {"manifests": [
            {"apiVersion": "axle.dev/v1alpha1", "kind": "Workload", "metadata": {"name": "x", "namespace": "lab"},
             "spec": {"secretRefs": [{"name": "token", "namespace": "lab"}], "targetNamespace": "lab"}}]}}}, kinds[number % 2]


def make_lease(number):
    return "PATCH", "/apis/coordination.k8s.io/v1/namespaces/edge-1/leases/managed-cluster-lease", {
        "spec": {"leaseDurationSeconds": 2147483647 - number, "renewTime": "9999-01-01T00:00:00.000000Z"}}, "application/merge-patch+json"


def make_cluster(number):
    return "PATCH", f"/apis/{OCM}/v1/managedclusters/edge-1/status", {"status": {
        "clusterClaims": [{"name": f"c{i}", "value": "v" * 200} for i in range(number % 3000)],
        "conditions": [{"type": "HubAcceptedManagedCluster", "status": "True", "reason": "R", "message": "m",
                        "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}, "application/merge-patch+json"


def hold_connections():
    """Watches, and requests that never end."""
    held = []
    while not stop.is_set():
        if len(held) < 150:
            connection = http.client.HTTPSConnection(HOST, context=HOSTILE, timeout=20)
            try:
                if len(held) % 2:
                    connection.request("GET", works_path() + "?watch=true")
                else:
                    connection.putrequest("POST", "/api/v1/namespaces/edge-1/events")
                    connection.putheader("Content-Length", "3000000")
                    connection.endheaders()
                    connection.send(b"{" + b" " * 500_000)
                held.append(connection)
            except (http.client.HTTPException, OSError):
                connection.close()
        time.sleep(0.02)
    for connection in held:
        connection.close()


def pipeline():
    """Many lists in one go, whose answers nobody takes."""
    host, _, port = HOST.rpartition(":")
    import socket
    while not stop.is_set():
        try:
            with HOSTILE.wrap_socket(socket.create_connection((host, int(port)), 20), server_hostname=host) as raw:
                raw.settimeout(5)
                raw.sendall(f"GET {works_path()} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode() * 200)
                time.sleep(1)
        except (OSError, ssl.SSLError):
            time.sleep(0.05)


# ---- What the others feel ---------------------------------------------------------

def memory():
    text = open(f"/proc/{HUB}/status").read()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1))


def others(seconds):
    """(p50, p99 in ms, largest memory in KiB): an administrator and a good spoke at work."""
    times, most, end = [], 0, time.monotonic() + seconds
    admin, good, number = Client(ADMIN), Client(GOOD), 0
    while time.monotonic() < end:
        number += 1
        for client, method, path, body, kind in (
                (admin, "GET", "/api/v1/namespaces/lab/configmaps", None, ""),
                (admin, "PATCH", "/api/v1/namespaces/lab/configmaps/c", {"data": {"n": str(number)}}, "application/merge-patch+json"),
                (good, "GET", works_path().replace("edge-1", "edge-2"), None, ""),
                (good, "PATCH", "/apis/coordination.k8s.io/v1/namespaces/edge-2/leases/managed-cluster-lease",
                 {"spec": {"holderIdentity": f"h{number}"}}, "application/merge-patch+json")):
            began = time.monotonic()
            status, text = client.ask(method, path, None if body is None else json.dumps(body), kind or "application/json")
            times.append((time.monotonic() - began) * 1000)
            if status != 200:
                failures.append(f"another's {method} {path} was answered {status}: {text[:160]}")
        most = max(most, memory())
        time.sleep(0.02)
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100], most


def check(good, what):
    if not good:
        failures.append(what)


def main():
    admin = Client(ADMIN)
    for name in ("c",):
        admin.ask("POST", "/api/v1/namespaces/lab/configmaps", json.dumps({"metadata": {"name": name}, "data": {"n": "0"}}))
    quiet = others(max(3, SECONDS / 4))
    spec_before = json.loads(admin.ask("GET", works_path("w"))[1])["spec"]
    attackers = [look_around, pull_artifacts, hold_connections, pipeline] + [
        lambda make=make: flood(make) for make in (make_event, make_csr, make_status, make_spec, make_lease, make_cluster)]
    threads = [threading.Thread(target=attacker, daemon=True) for attacker in attackers]
    for thread in threads:
        thread.start()
    loud = others(SECONDS)
    # It is put out while it goes on; only the deletion ends the attack.
    began = time.monotonic()
    status, text = admin.ask("DELETE", f"/apis/{OCM}/v1/managedclusters/edge-1")
    check(status in (200, 202), f"DELETE of the spoke: {status} {text[:160]}")
    spec_after = json.loads(admin.ask("GET", works_path("w"))[1]).get("spec", spec_before)
    while time.monotonic() - began < 75:
        if admin.ask("GET", f"/apis/{OCM}/v1/managedclusters/edge-1")[0] == 404 and \
                admin.ask("GET", "/api/v1/namespaces/edge-1")[0] == 404:
            break
        time.sleep(0.1)
    took = time.monotonic() - began
    check(took < 70, "the spoke is still there 70 s after its deletion")
    still, _ = Client(HOSTILE).ask("GET", works_path())
    check(still in (0, 401), f"it is still answered {still} after its deletion")
    stop.set()
    for thread in threads:
        thread.join(25)
    check(spec_after == spec_before, "it changed the spec of its work")
    check(not seen_words, f"it saw {sorted(seen_words)[:5]}")
    # Twice, and what a small machine that is busy with the attackers themselves adds.
    check(loud[2] < 2 * quiet[2] + 32 * 1024, f"memory went from {quiet[2]} to {loud[2]} KiB")
    print(f"others: p50 {quiet[0]:.1f} ms, p99 {quiet[1]:.1f} ms when quiet; {loud[0]:.1f} and {loud[1]:.1f} ms under attack")
    print(f"memory: {quiet[2]} KiB when quiet, {loud[2]} KiB under attack; deletion took {took:.1f} s")
    print(f"what it was answered: {dict(sorted(statuses.items()))}")
    for line in failures[:20]:
        print("FAILED", line)
    sys.exit(1 if failures else 0)


main()
