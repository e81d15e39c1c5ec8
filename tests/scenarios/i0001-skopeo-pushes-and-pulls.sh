#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# skopeo, which knows nothing of Axle, pushes an image into the hub's registry,
# lists its tags, looks at it, copies it within and out again, byte for byte;
# over TLS with the hub's own authority, a token as password. Without one, or
# with a wrong one, it gets nothing.
# limit: 600
. "$(dirname "$0")/lib.sh"

command -v skopeo >/dev/null || skip "skopeo is not installed"
cd "$TEST_DIR"

# An image made here: one layer with one file, in the layout of OCI.
make_layout() {
    local layer config manifest
    mkdir -p "$1/blobs/sha256" content
    echo "forty two" >content/answer
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C content -cf layer.tar answer
    gzip -n -c layer.tar >layer.tar.gz
    layer=$(put_blob "$1" layer.tar.gz)
    jq -n -c --arg diff "sha256:$(sha256sum <layer.tar | cut -d' ' -f1)" \
        '{architecture: "amd64", os: "linux", config: {}, rootfs: {type: "layers", diff_ids: [$diff]}}' >config.json
    config=$(put_blob "$1" config.json)
    jq -n -c --arg config "$config" --arg layer "$layer" \
        --argjson config_size "$(stat -c %s config.json)" --argjson layer_size "$(stat -c %s layer.tar.gz)" '
        {schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
         config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $config, size: $config_size},
         layers: [{mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: $layer, size: $layer_size}]}' >manifest.json
    manifest=$(put_blob "$1" manifest.json)
    echo '{"imageLayoutVersion":"1.0.0"}' >"$1/oci-layout"
    jq -n -c --arg digest "$manifest" --argjson size "$(stat -c %s manifest.json)" '
        {schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json",
         digest: $digest, size: $size, annotations: {"org.opencontainers.image.ref.name": "v1"}}]}' >"$1/index.json"
    digest=$manifest
}
put_blob() {
    local sum
    sum=$(sha256sum <"$2" | cut -d' ' -f1)
    cp "$2" "$1/blobs/sha256/$sum"
    echo "sha256:$sum"
}

start_hub
make_layout image
registry=${SERVER#https://}
mkdir -p certs
cp certificate-authority.pem certs/ca.crt
secret=$("$AXLE" token create --admin --kubeconfig "$hub_dir/hub/admin.kubeconfig")
# No policy of this machine, no login of this user.
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >policy.json
sk() { skopeo --policy policy.json "$@"; }
to=(--dest-cert-dir certs --dest-creds "token:$secret")
from=(--src-cert-dir certs --src-creds "token:$secret")

sk copy -q --preserve-digests "${to[@]}" oci:image:v1 "docker://$registry/sample/answer:v1" ||
    fail "skopeo cannot push"
expect "the digest in the hub" "$(sk inspect --cert-dir certs --creds "token:$secret" \
    --format '{{.Digest}}' "docker://$registry/sample/answer:v1")" "$digest"
# By digest, to another tag, within the hub: its blobs are there already.
sk copy -q --preserve-digests "${from[@]}" "${to[@]}" \
    "docker://$registry/sample/answer@$digest" "docker://$registry/sample/answer:v2"
expect "the tags" "$(sk list-tags --cert-dir certs --creds "token:$secret" \
    "docker://$registry/sample/answer" | jq -c .Tags)" '["v1","v2"]'
sk copy -q --preserve-digests "${from[@]}" "docker://$registry/sample/answer:v2" dir:pulled
expect "the manifest that came back" "$(sha256sum <pulled/manifest.json | cut -d' ' -f1)" "${digest#sha256:}"
tar -xzf "pulled/$(jq -r '.layers[0].digest | ltrimstr("sha256:")' pulled/manifest.json)" -C "$TEST_DIR"
expect "the file that came back" "$(cat answer)" "forty two"

# skopeo prints the code of the error or, since 1.18, its message.
expect_refused 'auth' skopeo --policy policy.json inspect --cert-dir certs --no-creds \
    "docker://$registry/sample/answer:v1"
expect_refused 'auth' skopeo --policy policy.json inspect --cert-dir certs --creds token:wrong \
    "docker://$registry/sample/answer:v1"
expect_refused 'manifest unknown' skopeo --policy policy.json inspect --cert-dir certs --creds "token:$secret" \
    "docker://$registry/sample/answer:v9"
# What was pushed survives the hub; what is deleted is gone, all its tags too.
crash hub
start_hub
tags_are() {
    [ "$(sk list-tags --cert-dir certs --creds "token:$secret" \
        "docker://$registry/sample/answer" 2>/dev/null | jq -c .Tags)" = "$1" ]
}
tags_are '["v1","v2"]' || fail "the tags did not survive the hub"
sk delete --cert-dir certs --creds "token:$secret" "docker://$registry/sample/answer:v2" ||
    fail "skopeo cannot delete"
expect_refused 'manifest unknown' skopeo --policy policy.json inspect --cert-dir certs \
    --creds "token:$secret" "docker://$registry/sample/answer:v1"
