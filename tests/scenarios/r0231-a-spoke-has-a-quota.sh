#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What was met: a spoke wrote 54 MB in 6 s, an Event of 2.5 MB, and drove the hub
# to 690 MB. Now bytes, writes, requests, connections and objects of a spoke are
# bounded, and it is told which limit and which setting; others are not touched.
# limit: 180
. "$(dirname "$0")/lib.sh"

start_hub --spoke-writes 5 --spoke-rate 16Ki --spoke-objects 150 --spoke-in-flight 4 --spoke-connections 12 --spoke-requests 200
start_spoke edge-1
stop edge-1 # from here on, somebody else holds its key
pki=$TEST_DIR/edge-1/spoke/pki
events=/api/v1/namespaces/edge-1/events

as_spoke() {
    local method=$1 path=$2
    shift 2
    curl -sS --max-time 30 -X "$method" --cacert "$pki/hub-ca.crt" --cert "$pki/client.crt" --key "$pki/client.key" \
        -H "Content-Type: application/${type:-json}" "$@" "$SERVER$path"
}
# refuses CODE WORDS METHOD PATH [CURL ARGUMENT…]
refuses() {
    local code=$1 words=$2 got
    shift 2
    got=$(as_spoke "$@" -D "$TEST_DIR/head" -o "$TEST_DIR/answer" -w '%{http_code}' || true)
    [ "$got" = "$code" ] || fail "$* is answered $got, not $code: $(head -c 500 "$TEST_DIR/answer")"
    grep -qF -- "$words" "$TEST_DIR/answer" || fail "$*: nothing of \"$words\" in $(head -c 500 "$TEST_DIR/answer")"
}
event() { # event NAME LETTERS
    printf '{"metadata":{"name":"%s"},"involvedObject":{"namespace":"edge-1","kind":"Workload","name":"x"},"reason":"R","type":"Normal","message":"%s"}' \
        "$1" "$(head -c "$2" /dev/zero | tr '\0' x)"
}

# How large: seen before the body is read, announced or not.
event big 2500000 >"$TEST_DIR/big"
refuses 413 'at most 16384' POST $events -d @"$TEST_DIR/big"
refuses 413 '16384 bytes' POST $events -d @"$TEST_DIR/big" -H 'Transfer-Encoding: chunked'
refuses 413 'at most 8192' PUT /apis/coordination.k8s.io/v1/namespaces/edge-1/leases/managed-cluster-lease -d @"$TEST_DIR/big"
type=merge-patch+json refuses 413 'at most 131072' PATCH /apis/cluster.open-cluster-management.io/v1/managedclusters/edge-1/status -d @"$TEST_DIR/big"
# Small, but it would make something large.
load=/apis/axle.dev/v1alpha1/namespaces/edge-1/workloads
request POST $load -H 'Content-Type: application/json' -o /dev/null -d '{"metadata":{"name":"w"},"spec":{}}'
copies=$(for n in {1..60}; do printf ',{"op":"copy","from":"/status/a","path":"/status/b%d"}' $n; done)
type=json-patch+json refuses 413 'at most 73728' PATCH $load/w/status \
    -d "[{\"op\":\"add\",\"path\":\"/status\",\"value\":{\"a\":\"$(head -c 2000 /dev/zero | tr '\0' x)\"}}$copies]"

# How often: then it is told when to come again, and the setting.
urls=()
for n in {1..120}; do urls+=("$SERVER$events"); done
curl -sS -i --cacert "$pki/hub-ca.crt" --cert "$pki/client.crt" --key "$pki/client.key" -H 'Content-Type: application/json' \
    -d "$(event '' 10 | sed 's/"name":"",*/"generateName":"n-"/')" "${urls[@]}" >"$TEST_DIR/burst"
grep -q '^HTTP/1.1 429' "$TEST_DIR/burst" || fail "nothing was refused: $(grep ^HTTP "$TEST_DIR/burst" | sort | uniq -c)"
grep -qi '^retry-after: [0-9]' "$TEST_DIR/burst" || fail 'it is not told when to come again'
grep -q 'more than 5 writes a second (the hub.s setting spoke-writes)' "$TEST_DIR/burst" || fail 'it is not told why'
[ "$(status_of POST $events -H 'Content-Type: application/json' -d "$(event of-others 10)")" = 201 ] || fail 'an administrator is counted with it'

# How many. It may write again in a moment.
may_write() { ! as_spoke POST $events -d "$(event "more-$RANDOM" 10)" | grep -q spoke-writes; }
until_true 30 may_write || fail 'it never may write again'
for n in {1..60}; do request POST $events -H 'Content-Type: application/json' -o /dev/null -d "$(event "fill-$n" 10)"; done
exceeded() { as_spoke POST $events -d "$(event over 10)" | grep -q 'exceeded quota.*spoke-objects'; }
until_true 30 exceeded || fail 'the number of its Events is not bounded'

# How many at once: watches, and connections without a request.
held=()
for n in {1..4}; do
    as_spoke GET "/apis/work.open-cluster-management.io/v1/namespaces/edge-1/manifestworks?watch=true" -N >"$TEST_DIR/watch-$n" 2>&1 &
    held+=($!)
done
too_many() { as_spoke GET /version | grep -q spoke-in-flight; }
until_true 20 too_many || fail 'the number of its watches is not bounded'
kill "${held[@]}"
free_again() { as_spoke GET /version | grep -q gitVersion; }
until_true 20 free_again || fail 'what has ended still counts'
idle=()
for n in {1..30}; do
    (sleep 60 | openssl s_client -connect "${SERVER#https://}" -CAfile "$pki/hub-ca.crt" -cert "$pki/client.crt" -key "$pki/client.key" -quiet >/dev/null 2>&1) &
    idle+=($!)
done
open_connections() { get_raw /metrics | sed -n 's/^axle_http_connections //p'; }
shut_out() { ! as_spoke GET /version 2>/dev/null | grep -q gitVersion; }
until_true 20 shut_out || fail 'the number of its connections is not bounded'
[ "$(open_connections)" -le 14 ] || fail "it holds $(open_connections) connections"
[ "$(status_of GET /api/v1/namespaces/default)" = 200 ] || fail 'others are kept out too'
