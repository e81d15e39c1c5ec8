#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What was met: endpoints that a spoke forged (javascript:, other hosts, users
# and passwords, escape sequences) reached tenants. Now the hub checks what a
# spoke says: endpoints lead to it, texts can be shown, events are about its own.
# limit: 120
. "$(dirname "$0")/lib.sh"

start_hub --spoke-writes 1000
start_spoke edge-1
stop edge-1
pki=$TEST_DIR/edge-1/spoke/pki
load=/apis/axle.dev/v1alpha1/namespaces/edge-1/workloads
request POST $load -H 'Content-Type: application/json' -o /dev/null -d '{"metadata":{"name":"w"},"spec":{}}'

# says CODE WORDS PATH BODY: merged by the spoke.
says() {
    local got
    got=$(curl -sS --max-time 30 -X "${4:-PATCH}" --cacert "$pki/hub-ca.crt" --cert "$pki/client.crt" --key "$pki/client.key" \
        -H "Content-Type: application/${5:-merge-patch+json}" -d "$3" -o "$TEST_DIR/answer" -w '%{http_code}' "$SERVER$path")
    [ "$got" = "$1" ] || fail "$3 is answered $got, not $1: $(cat "$TEST_DIR/answer")"
    grep -qF -- "$2" "$TEST_DIR/answer" || fail "$3: nothing of \"$2\" in $(cat "$TEST_DIR/answer")"
}

path=$load/w/status
for url in 'javascript:alert(1)' 'https://u:p@127.0.0.1/' 'https://127.0.0.1/\u001b[2J' 'data:text/html,x' '//evil.example/'; do
    says 422 'status.endpoints[0].url' "{\"status\":{\"endpoints\":[{\"url\":\"$url\"}]}}"
done
says 422 'status.endpoints[0].port' '{"status":{"endpoints":[{"address":"127.0.0.1","port":99999}]}}'
says 422 'status.phase' '{"status":{"phase":"\u001b[31mRunning"}}'
says 422 'status.pods[0].name' '{"status":{"pods":[{"name":"a\u202eb"}]}}'
says 413 'at most' "{\"status\":{\"objects\":[$(for _ in {1..60}; do printf '{"x":"%s"},' "$(head -c 1900 /dev/zero | tr '\0' x)"; done)0]}}"
says 200 '"port":8080' '{"status":{"phase":"Running","message":"\u001b[31mred\nline","endpoints":[{"address":"127.0.0.1","port":8080},{"address":"evil.example","port":80}]}}'
[ "$(get_raw $load/w | jq -c '[.status.endpoints[].address]')" = '["127.0.0.1"]' ] || fail "others are shown: $(get_raw $load/w)"
[ "$(get_raw $load/w | jq -r .status.message)" = $'\xef\xbf\xbd[31mred\nline' ] || fail "the message is $(get_raw $load/w | jq .status.message)"
refused() { get_raw /api/v1/events | grep -q 'EndpointRefused.*evil.example\|evil.example.*EndpointRefused'; }
until_true 20 refused || fail 'nobody is told that an endpoint is not shown'
# An administrator may say that it is its own.
path=/apis/cluster.open-cluster-management.io/v1/managedclusters/edge-1
request PATCH $path -H 'Content-Type: application/merge-patch+json' -o /dev/null \
    -d '{"metadata":{"annotations":{"axle.dev/addresses":"gpu.example, Evil.example"}}}'
path=$load/w/status
says 200 '"evil.example"' '{"status":{"endpoints":[{"address":"evil.example","port":80}]}}'

path=/api/v1/namespaces/edge-1/events
says 422 involvedObject.namespace '{"metadata":{"name":"a"},"involvedObject":{"namespace":"default","kind":"Pod","name":"x"},"reason":"R"}' POST json
says 403 axle-placement '{"metadata":{"name":"a"},"involvedObject":{"namespace":"edge-1","kind":"Pod","name":"x"},"reason":"R","source":{"component":"axle-placement"}}' POST json
says 403 axle-hub '{"metadata":{"name":"a"},"involvedObject":{"namespace":"edge-1","kind":"Pod","name":"x"},"reason":"R","reportingComponent":"axle-hub"}' POST json
says 422 reason '{"metadata":{"name":"a"},"involvedObject":{"namespace":"edge-1","kind":"Pod","name":"x"},"reason":"R\u001b"}' POST json
says 201 '"a"' '{"metadata":{"name":"a"},"involvedObject":{"namespace":"edge-1","kind":"Pod","name":"x"},"reason":"R","message":"a\u001b]0;owned\u0007b","source":{"component":"axle-spoke"}}' POST json
[ "$(get_raw $path/a | jq -r .message)" = $'a\xef\xbf\xbd]0;owned\xef\xbf\xbdb' ] || fail "an escape sequence is kept: $(get_raw $path/a)"

# What others wrote does not steer a terminal either.
request POST /api/v1/namespaces/default/events -H 'Content-Type: application/json' -o /dev/null \
    -d '{"metadata":{"name":"b"},"involvedObject":{"namespace":"default","kind":"Pod","name":"x"},"reason":"R","type":"Normal","message":"a\u001b[2Jb"}'
request GET /api/v1/namespaces/default/events -H 'Accept: application/json;as=Table;v=v1;g=meta.k8s.io' | jq -c '[.rows[].cells]' >"$TEST_DIR/cells"
! grep -q u001b "$TEST_DIR/cells" || fail "a cell steers the terminal: $(cat "$TEST_DIR/cells")"
