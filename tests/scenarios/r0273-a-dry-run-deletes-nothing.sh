#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A delete whose dryRun was misspelt deleted.
. "$(dirname "$0")/lib.sh"

start_hub
maps=/api/v1/namespaces/default/configmaps
request POST "$maps" -H 'Content-Type: application/json' -d '{"metadata":{"name":"a"}}' >/dev/null
# deletes HTTP-STATUS PATH BODY: and a is there still.
deletes() {
    expect "DELETE $2 $3" "$(status_of DELETE "$maps$2" -H 'Content-Type: application/json' -d "$3")" "$1"
    expect "a, after $2 $3" "$(status_of GET "$maps/a")" 200
}
for path in /a ''; do
    deletes 422 "$path?dryRun=all" ''
    deletes 422 "$path" '{"dryRun":["all"]}'
    deletes 422 "$path" '{"dryRun":["All","x"]}'
    deletes 422 "$path" '{"dryRun":[null]}'
    deletes 422 "$path" '{"dryRun":"All"}'
    deletes 422 "$path?dryRun=All" '{"dryRun":["x"]}'
    deletes 200 "$path" '{"dryRun":["All"]}'
    deletes 200 "$path?dryRun=All" '{"dryRun":[]}'
done
expect "for good" "$(status_of DELETE "$maps/a" -H 'Content-Type: application/json' -d '{"dryRun":[]}')" 200
expect "gone" "$(status_of GET "$maps/a")" 404
