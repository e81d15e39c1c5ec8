#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# oras, which knows nothing of Axle, pushes files as an artifact into the hub's registry,
# lists its repository and tags, pulls them back byte for byte, attaches a signature to
# them and finds it; without a token it gets nothing.
. "$(dirname "$0")/lib.sh"

type -P oras >/dev/null || skip "no oras on this machine, and none could be fetched"
start_hub
mkdir "$TEST_DIR/files" "$TEST_DIR/back"
cd "$TEST_DIR/files"
head -c 100000 /dev/urandom >weights.bin
echo '{"layers": 2}' >model.json
echo signed >signature
registry=${SERVER#https://} ca=$TEST_DIR/certificate-authority.pem
secret=$("$AXLE" token create --admin --kubeconfig "$hub_dir/hub/admin.kubeconfig")
as=(--ca-file "$ca" --username token --password "$secret")

oras push "${as[@]}" --artifact-type application/vnd.example.model "$registry/sample/model:v1" \
    weights.bin:application/octet-stream model.json:application/json >"$TEST_DIR/oras.log" 2>&1 || fail "oras cannot push"
expect "the tags" "$(oras repo tags "${as[@]}" "$registry/sample/model" 2>/dev/null)" v1
expect "the type" "$(oras manifest fetch "${as[@]}" "$registry/sample/model:v1" 2>/dev/null | jq -r .artifactType)" \
    application/vnd.example.model
oras pull "${as[@]}" -o "$TEST_DIR/back" "$registry/sample/model:v1" >"$TEST_DIR/oras.log" 2>&1 || fail "oras cannot pull"
cmp weights.bin "$TEST_DIR/back/weights.bin"
cmp model.json "$TEST_DIR/back/model.json"

oras attach "${as[@]}" --artifact-type application/vnd.example.signature "$registry/sample/model:v1" \
    signature:text/plain >"$TEST_DIR/oras.log" 2>&1 || fail "oras cannot attach"
expect "what is attached" "$(oras discover "${as[@]}" -o json "$registry/sample/model:v1" 2>/dev/null |
    jq -r '.manifests[].artifactType')" application/vnd.example.signature

expect_refused "credential not found" oras pull --ca-file "$ca" -o "$TEST_DIR/none" "$registry/sample/model:v1"
expect_refused nauthorized oras push --ca-file "$ca" --username token --password wrong "$registry/sample/model:v2" model.json
