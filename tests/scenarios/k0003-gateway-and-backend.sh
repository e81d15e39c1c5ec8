#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A gateway takes requests with the key of a Secret to both copies of a backend,
# by the name of its Service; it waits for the Secret, and a new key reaches it.
# limit: 240
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/catalogue.sh"

start_lab
deploy door gateway "backendPort: $(free_port), secret: door-key"
message() { object -n lab aiworkloads/door | jq -r '[.status.message, (.status.conditions[]? | .message)] | join(" ")'; }
waits() { case $(message) in *door-key*) return 0 ;; *) return 1 ;; esac; }
until_true 60 waits || fail "nobody says that the Secret is missing: $(message)"

kubectl create secret generic door-key -n lab --from-literal=key=open-sesame >/dev/null
wait_for -n lab -t 120 aiworkloads/door .status.phase Running
url=$(object -n lab aiworkloads/door | jq -r '[.status.endpoints[] | select(.pod | test("front"))][0].url')
ask() { curl -sS --noproxy '*' --max-time 60 -H "Authorization: Bearer $1" -d hello "$url"; }
expect_contains "without the key" "$(ask wrong)" "send the key"
expect_contains "with the key" "$(ask open-sesame)" "HELLO (door-backend-"
both_answer() { [ "$(for _ in 1 2 3 4; do ask open-sesame; done | sort -u | grep -c HELLO)" = 2 ]; }
until_true 60 both_answer || fail "one backend does all the work"

# What is in the environment rolls when the Secret changes.
kubectl create secret generic door-key -n lab --from-literal=key=other --dry-run=client -o yaml | apply >/dev/null
answers_to_other() {
    url=$(object -n lab aiworkloads/door | jq -r '[.status.endpoints[] | select(.pod | test("front"))][0].url')
    [[ $(ask other 2>/dev/null) == HELLO* ]]
}
until_true 120 answers_to_other || fail "the new key does not open"
undeploy door
