#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Twenty thousand finalizers, replaced by twenty thousand others, stopped the whole hub
# for seconds: each was looked for among all.
. "$(dirname "$0")/lib.sh"

start_hub
maps=/api/v1/namespaces/default/configmaps
# items COUNT FORM: a list in JSON, FORM with %d for each number.
items() { jq -cn --argjson n "$1" --arg form "$2" '[range($n) | . as $i | $form | sub("%d"; $i | tostring) | fromjson]'; }
# sends HTTP-STATUS METHOD NAME FIELD LIST
sends() {
    printf '{"metadata":{"name":"%s","%s":%s}}' "$3" "$4" "$5" >"$TEST_DIR/body"
    local path=$maps type=json
    [ "$2" = POST ] || { path=$maps/$3 type=merge-patch+json; }
    expect "$2 of $4 of $3" "$(status_of "$2" "$path" -H "Content-Type: application/$type" --data-binary "@$TEST_DIR/body")" "$1"
}
owner='{"apiVersion":"v1","kind":"ConfigMap","name":"o","uid":"u%d"}'
sends 422 POST a finalizers "$(items 20000 '"a.example/f%d"')"
expect_contains "it says" "$(cat "$TEST_DIR/answer")" 'metadata.finalizers: Too many: 20000: must have at most 256 items'
sends 201 POST a finalizers "$(items 256 '"a.example/f%d"')"
sends 422 PATCH a finalizers "$(items 257 '"b.example/f%d"')"
sends 200 PATCH a finalizers "$(items 256 '"b.example/f%d"')"
sends 422 POST b ownerReferences "$(items 8000 "$owner")"
expect_contains "it says" "$(cat "$TEST_DIR/answer")" 'metadata.ownerReferences: Too many: 8000: must have at most 512 items'
