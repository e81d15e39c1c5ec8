#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A project that took the name of one that had gone read that one's Secrets by asking
# for an older resourceVersion (list, page, watch), and its artifacts in the registry.
. "$(dirname "$0")/lib.sh"

start_hub
project() {
    make_project lab "$1" '' "editors: [$2]"
}
secrets=/api/v1/namespaces/lab/secrets
# asks HTTP-STATUS QUERY: as the editor of the project that there is now.
asks() {
    expect "$2" "$(status_of GET "$secrets?$2" -H "Impersonate-User: $editor")" "$1"
    ! grep -q cGFzcw== "$TEST_DIR/answer" || fail "$2 shows the Secret of the project before"
}

project red ann
editor=ann
for name in a b; do
    request POST "$secrets" -H 'Impersonate-User: ann' -H 'Content-Type: application/json' \
        -d "{\"metadata\":{\"name\":\"$name\"},\"data\":{\"word\":\"cGFzcw==\"}}" >/dev/null
done
page=$(request GET "$secrets?limit=1" -H 'Impersonate-User: ann')
version=$(jq -r .metadata.resourceVersion <<<"$page")
token=$(jq -r .metadata.continue <<<"$page")
digest=sha256:$(printf model | sha256sum | cut -d' ' -f1)
expect "a push" "$(status_of POST "/v2/lab/models/blobs/uploads/?digest=$digest" -H 'Content-Type: application/octet-stream' -d model)" 201
expect "of another name" "$(status_of POST "/v2/lab-2/models/blobs/uploads/?digest=$digest" -H 'Content-Type: application/octet-stream' -d model)" 201
expect "its own history" "$(status_of GET "$secrets?resourceVersion=$version&resourceVersionMatch=Exact" -H 'Impersonate-User: ann')" 200

kubectl delete project lab >/dev/null
wait_gone projects/lab
project blue bob
editor=bob
asks 410 "resourceVersion=$version&resourceVersionMatch=Exact"
asks 410 "resourceVersion=$version&limit=1"
asks 410 "continue=$token"
asks 410 "watch=1&timeoutSeconds=1&resourceVersion=$version"
asks 200 "limit=1"
expect "an artifact of the project before" "$(status_of GET "/v2/lab/models/blobs/$digest")" 404
expect "one of a longer name" "$(status_of GET "/v2/lab-2/models/blobs/$digest")" 200

# It is remembered over a restart as well.
stop hub
start_hub
asks 410 "resourceVersion=$version&resourceVersionMatch=Exact"
asks 410 "watch=1&timeoutSeconds=1&resourceVersion=$version"
