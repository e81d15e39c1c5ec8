#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The registry gave a manifest the type that whoever pushed it had chosen: text/html,
# and a browser that holds an administrator's certificate ran it in the hub's name.
# And nine uploads of one project pushed out those of all others.
. "$(dirname "$0")/lib.sh"

start_hub
digest=sha256:$(printf x | sha256sum | cut -d' ' -f1)
uploads=/v2/lab/x/blobs/uploads/
expect "a blob" "$(status_of POST "$uploads?digest=$digest" -H 'Content-Type: application/octet-stream' -d x)" 201
# put HTTP-STATUS CONTENT-TYPE MEDIA-TYPE
put() {
    local body="{\"schemaVersion\":2,\"mediaType\":\"$3\",\"config\":{\"mediaType\":\"a/b\",\"digest\":\"$digest\",\"size\":1},\"layers\":[]}"

    expect "$2 $3" "$(status_of PUT /v2/lab/x/manifests/v1 -H "Content-Type:$2" -d "$body")" "$1"
}
for type in text/html application/xhtml+xml image/svg+xml 'text/html+json' application/javascript application/+json; do
    put 400 " $type" application/vnd.oci.image.manifest.v1+json
    expect_contains "it says" "$(cat "$TEST_DIR/answer")" 'is not the media type of a manifest'
done
put 400 '' text/html
put 201 ' application/vnd.oci.image.manifest.v1+json; charset=utf-8' application/vnd.oci.image.manifest.v1+json
for path in /v2/lab/x/manifests/v1 "/v2/lab/x/blobs/$digest" /v2/lab/x/tags/list /v2/lab/x/manifests/none /v2/; do
    request GET "$path" -D "$TEST_DIR/head" -o /dev/null
    expect "of $path" "$(grep -ci "^content-security-policy: default-src 'none'; sandbox" "$TEST_DIR/head")" 1
done

upload() { request POST "/v2/$1/blobs/uploads/" -D - -o /dev/null | tr -d '\r' | sed -n 's/^[Ll]ocation: //p'; }
theirs=$(upload other/x)
first=$(upload lab/x)
for _ in 1 2 3 4 5 6 7 8; do upload lab/y >/dev/null; done
expect "another project's upload" "$(status_of GET "$theirs")" 204
expect "its own oldest" "$(status_of GET "$first")" 404
