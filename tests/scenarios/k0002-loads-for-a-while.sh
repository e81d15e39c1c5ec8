#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A model server that loads before it answers: until then it is on its way, says
# what it waits for, is not restarted, and has no endpoint.
# limit: 240
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/catalogue.sh"

start_lab
deploy chat model-server "loadSeconds: 6"
load() { object -n edge-1 workloads/chat-model-server 2>/dev/null; }
says_loading() { load | jq -r '.status.message // ""' | grep -q 'HTTP 503.*loading model'; }
until_true 60 says_loading || fail "nobody says what it waits for: $(load | jq -c .status)"
expect "phase while it loads" "$(load | jq -r .status.phase)" Progressing
expect "endpoints while it loads" "$(load | jq '.status.endpoints | length')" 0

wait_for -n lab -t 120 aiworkloads/chat .status.phase Running
expect "restarts" "$(load | jq .status.restarts)" 0
expect_contains "its completion" \
    "$(curl -sS --noproxy '*' --max-time 60 -d '{"prompt": "be to"}' "$(endpoint_of chat)/completion")" '"to be"'
undeploy chat
