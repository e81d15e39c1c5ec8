#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A key of the hub that is missing, empty, cut, damaged or another one is told by
# name, with the way out, and nothing is made in its place.
. "$(dirname "$0")/lib.sh"

pki=$hub_dir/hub/pki
refused() { expect_refused "$1" timeout 60 "$AXLE" --mode=hub --data-dir "$hub_dir" --listen 127.0.0.1:0; }

start_hub
expect "a Secret" "$(status_of POST /api/v1/namespaces/default/secrets -H 'Content-Type: application/json' --data-binary \
    '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"word"},"data":{"a":"Yg=="}}')" 201
stop hub
cp -a "$pki" "$TEST_DIR/whole"

for file in ca.key ca.crt sealing.key service-accounts.key; do
    for damage in missing empty cut changed; do
        case $damage in
        missing) rm "$pki/$file" ;;
        empty) : >"$pki/$file" ;;
        cut) truncate -s -9 "$pki/$file" ;;
        changed)
            # The middle letter becomes another.
            middle=$(($(stat -c %s "$pki/$file") / 2))
            for letter in A B; do
                printf %s $letter | dd of="$pki/$file" bs=1 seek=$middle conv=notrunc status=none
                cmp -s "$pki/$file" "$TEST_DIR/whole/$file" || break
            done ;;
        esac
        cp -a "$pki" "$TEST_DIR/damaged"
        refused "$file"
        refused "--accept-loss"
        diff -r "$pki" "$TEST_DIR/damaged" || fail "$file, $damage: something was written"
        rm -r "$TEST_DIR/damaged"
        cp -a "$TEST_DIR/whole/$file" "$pki/$file"
    done
done

# All of them gone, the database there.
rm -r "$pki"
refused "ca.crt is missing"
[ ! -e "$pki/ca.crt" ] || fail "an authority was made"
rm -rf "$pki"
cp -a "$TEST_DIR/whole" "$pki"
start_hub
expect "the Secret is there" "$(get_raw /api/v1/namespaces/default/secrets/word | jq -r .data.a)" "Yg=="
stop hub

# A loss that is accepted: Secrets that no key opens are given up by name.
# The key of tokens is sealed with the sealing key, and lost with it.
rm "$pki/sealing.key"
start_hub --accept-loss
grep -q "service-accounts.key.*renamed to" "$TEST_DIR/hub.log" || fail "the key of tokens is not told of"
expect "the Secret is gone" "$(status_of GET /api/v1/namespaces/default/secrets/word)" 404
grep -q "word.*given up" "$TEST_DIR/hub.log" || fail "which is told"
stop hub
start_hub
