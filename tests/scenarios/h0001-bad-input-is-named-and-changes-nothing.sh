#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What cannot be is refused with a sentence that names it, and nothing is kept.
. "$(dirname "$0")/lib.sh"

start_hub
settings=/api/v1/namespaces/default/configmaps
tenants=/apis/axle.dev/v1alpha1/tenants

# post STATUS TEXT PATH BODY
post() {
    expect "status of $4" "$(status_of POST "$3" -H 'Content-Type: application/json' --data-binary "$4")" "$1"
    expect_contains "answer to $4" "$(cat "$TEST_DIR/answer")" "$2"
}

revision() { get_raw "$settings" | jq -r .metadata.resourceVersion; }
before=$(revision)

tenant='"apiVersion":"axle.dev/v1alpha1","kind":"Tenant","metadata":{"name":"a"}'
post 400 'unexpected end of JSON input' "$tenants" '{'
post 400 '\\u0000' "$tenants" "{$tenant,\"spec\":{\"displayName\":\"\\u0000\"}}"
post 400 'UTF-8' "$tenants" "{$tenant,\"spec\":{\"displayName\":\"$(printf '\377')\"}}"
post 400 'duplicate field' "$tenants?fieldValidation=Strict" "{$tenant,\"spec\":{\"displayName\":\"a\",\"displayName\":\"b\"}}"
post 400 'unknown field \"spec.bogus\"' "$tenants?fieldValidation=Strict" "{$tenant,\"spec\":{\"bogus\":1}}"
post 422 'spec.displayName' "$tenants" "{$tenant,\"spec\":{\"displayName\":7}}"
post 422 'RFC 1123' "$tenants" '{"apiVersion":"axle.dev/v1alpha1","kind":"Tenant","metadata":{"name":"Not_A_Name"}}'
post 404 'namespaces \"nowhere\" not found' /api/v1/namespaces/nowhere/configmaps \
    '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}'

# A body over the limit, and 64 kB of opening brackets.
head -c 4000000 /dev/zero | tr '\0' ' ' >"$TEST_DIR/large"
expect "too large" "$(status_of POST "$settings" -H 'Content-Type: application/json' -H 'Expect:' --data-binary "@$TEST_DIR/large")" 413
expect_contains "and how large it may be" "$(request POST "$settings" -H 'Content-Type: application/json' -H 'Expect:' \
    --data-binary "@$TEST_DIR/large" | jq -r .message)" "body of 4000000 bytes, and the limit is 3145728 (the hub's setting body-size)"
head -c 65536 /dev/zero | tr '\0' '[' >"$TEST_DIR/deep"
expect "too deep" "$(status_of POST "$settings" -H 'Content-Type: application/json' --data-binary "@$TEST_DIR/deep")" 400
expect "too deep, as YAML" "$(status_of POST "$settings" -H 'Content-Type: application/yaml' --data-binary "@$TEST_DIR/deep")" 400

expect "nothing was kept" "$(get_raw $tenants | jq '.items | length')" 0
expect "no revision was spent on it" "$(revision)" "$before"
expect "and the hub is well" "$(get_raw /readyz)" ok

# Without a credential, and with one that is none.
expect "nobody" "$(curl -s -o /dev/null -w '%{http_code}' --cacert "$TEST_DIR/certificate-authority.pem" "$SERVER$settings")" 403
expect "a wrong token" "$(curl -s -o /dev/null -w '%{http_code}' -H 'Authorization: Bearer nonsense' --cacert "$TEST_DIR/certificate-authority.pem" "$SERVER$settings")" 401
