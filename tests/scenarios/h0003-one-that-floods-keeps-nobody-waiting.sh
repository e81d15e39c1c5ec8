#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 300
# One identity floods the hub over 64 connections, with writes of 200 kB and lists of
# everything. Another one, who reads and applies something small ten times a second, is served
# each time and about as fast as before; the flood hears 429 with Retry-After, which kubectl
# obeys; the hub's memory stays bounded, and afterwards all is as before.
. "$(dirname "$0")/lib.sh"

start_hub
for who in noisy quiet; do
    kubectl create namespace $who >/dev/null
    kubectl -n $who create serviceaccount $who >/dev/null
    kubectl -n $who create rolebinding $who --clusterrole=edit --serviceaccount=$who:$who >/dev/null
    kubectl -n $who create token $who --duration=1h >"$TEST_DIR/$who.jwt"
done

cat >"$TEST_DIR/client.py" <<'PYTHON'
import http.client, json, os, ssl, sys, threading, time

server, folder, who, what = sys.argv[1:5]
host, port = server.removeprefix("https://").rsplit(":", 1)
context = ssl.create_default_context(cafile=folder + "/certificate-authority.pem")
token = open(folder + "/" + who + ".jwt").read().strip()
maps = f"/api/v1/namespaces/{who}/configmaps"
heads = {"Authorization": "Bearer " + token}


def connect():
    return http.client.HTTPSConnection(host, int(port), context=context, timeout=60)


def ask(line, method, path, body=None, kind="application/json"):
    line.request(method, path, body, {**heads, "Content-Type": kind} if body else heads)
    answer = line.getresponse()
    return answer.status, answer.headers, answer.read()


def flood(nth):
    """Writes and lists, and does not do what Retry-After says."""
    line, n = connect(), 0
    text = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"m{nth}"}}
    while not os.path.exists(folder + "/enough"):
        n += 1
        text["data"] = {"x": str(n) + "x" * 200000}
        try:
            if n == 1:
                status, head, _ = ask(line, "POST", maps, json.dumps(text))
            elif n % 3:
                status, head, _ = ask(line, "PUT", maps + f"/m{nth}", json.dumps(text))
            else:
                status, head, _ = ask(line, "GET", maps)
        except (OSError, http.client.HTTPException):
            line.close()
            line = connect()
            counts["cut"] = counts.get("cut", 0) + 1
            continue
        if status == 429 and not 1 <= int(head["Retry-After"]) <= 60:
            raise SystemExit("Retry-After is " + head["Retry-After"])
        n -= n == 1 and status == 429
        counts[status] = counts.get(status, 0) + 1


def be_quiet():
    """Each 100 ms one get and one apply; how long each took."""
    line, took, bad = connect(), [], 0
    for n in range(100):
        body = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "small"},
                           "data": {"n": str(n)}})
        start = time.monotonic()
        for method, path, text, kind in (
            ("PATCH", maps + "/small?fieldManager=t&force=true", body, "application/apply-patch+yaml"),
            ("GET", maps + "/small", None, ""),
        ):
            before = time.monotonic()
            status, _, answer = ask(line, method, path, text, kind)
            took.append(time.monotonic() - before)
            if status > 201:
                bad += 1
                print(status, answer[:300], file=sys.stderr)
        time.sleep(max(0, 0.1 - (time.monotonic() - start)))
    took.sort()
    print(json.dumps({"bad": bad, "p50": round(took[len(took) // 2] * 1000),
                      "p99": round(took[len(took) * 99 // 100] * 1000)}))


counts = {}
if what == "quiet":
    be_quiet()
else:
    crowd = [threading.Thread(target=flood, args=(i,)) for i in range(64)]
    [t.start() for t in crowd]
    [t.join() for t in crowd]
    print(json.dumps(counts))
PYTHON
client() { python3 "$TEST_DIR/client.py" "$SERVER" "$TEST_DIR" "$@"; }
metric() { get_raw /metrics | sed -n "s/^$1 //p"; }
resident() { awk '/^VmHWM/ {print int($2 / 1024)}' "/proc/$(pid_of hub)/status"; }

metric() { get_raw /metrics | sed -n "s/^$1 //p"; }
json() { jq -r "$2" "$TEST_DIR/$1.json"; }

client quiet quiet >"$TEST_DIR/before.json"
expect "refused without a flood" "$(json before .bad)" 0

client noisy flood >"$TEST_DIR/flood.json" 2>"$TEST_DIR/flood.log" &
echo $! >"$TEST_DIR/flood.pid"
flood_is_there() { [ "$(metric 'axle_requests_waited_total{class="users"}')" -gt 20 ]; }
until_true 120 flood_is_there
client quiet quiet >"$TEST_DIR/during.json"

# kubectl with the flood's own identity is refused like the flood, waits and asks again.
sed '/client-certificate-data\|client-key-data/d' "$hub_dir/hub/admin.kubeconfig" >"$TEST_DIR/noisy.kubeconfig"
as_noisy() {
    "$KUBECTL" --kubeconfig "$TEST_DIR/noisy.kubeconfig" --cache-dir "$TEST_DIR/kube-cache" \
        --token "$(cat "$TEST_DIR/noisy.jwt")" -n noisy -v=8 "$@" >>"$TEST_DIR/kubectl.out" 2>&1
}
# Who is alone is not refused: so the quiet one asks on meanwhile.
obeys() {
    client quiet quiet >/dev/null &
    as_noisy create configmap "k$RANDOM" --from-literal=a=b
    wait $!
    grep -q 'Got a Retry-After' "$TEST_DIR/kubectl.out"
}
until_true 120 obeys

touch "$TEST_DIR/enough"
reap flood 0
echo "note: ms without and with a flood: $(jq -c . "$TEST_DIR/before.json") $(jq -c . "$TEST_DIR/during.json"); the flood: $(jq -c . "$TEST_DIR/flood.json")"

expect "refused of what the quiet one asked" "$(json during .bad)" 0
[ "$(json flood '."429" // 0')" -gt 0 ] || fail "the flood was not refused"
[ "$(json flood '."200" // 0')" -gt 0 ] || fail "the flood has no share"
most=$((3000 + 10 * $(json before .p99)))
[ "$(json during .p99)" -le $most ] || fail "p99 is $(json during .p99) ms in the flood and $(json before .p99) ms without it"
[ "$(metric axle_bodies_bytes)" -le 67108864 ] || fail "bodies take $(metric axle_bodies_bytes) bytes"

# All is as before.
nothing_waits() { [ "$(metric 'axle_requests_waiting{class="users"}')" = 0 ] && [ "$(metric axle_bodies_bytes)" = 0 ]; }
until_true 30 nothing_waits
before=$(metric 'axle_requests_refused_total{class="users"}')
client quiet quiet >"$TEST_DIR/after.json"
expect "refused after the flood" "$(json after .bad) $(metric 'axle_requests_refused_total{class="users"}')" "0 $before"
