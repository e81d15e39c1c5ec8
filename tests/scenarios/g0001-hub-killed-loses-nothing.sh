#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Killed in the middle of writes, the hub has everything it acknowledged, and a
# second hub on the same folder is refused in words.
. "$(dirname "$0")/lib.sh"

start_hub
configmaps=/api/v1/namespaces/default/configmaps

expect_refused "is in use" "$AXLE" --mode=hub --data-dir "$hub_dir" --listen 127.0.0.1:0

# Writes until the hub is gone; each answered one is noted.
writer() {
    local i
    for ((i = 0; ; i++)); do
        [ "$(status_of POST "$configmaps" -H 'Content-Type: application/json' --data-binary \
            "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"n$i\"}}" 2>/dev/null)" = 201 ] || return 0
        echo "n$i" >>"$TEST_DIR/acknowledged"
    done
}
has_some() { [ -s "$TEST_DIR/acknowledged" ] && [ "$(wc -l <"$TEST_DIR/acknowledged")" -ge 20 ]; }
writer &
until_true 20 has_some
crash hub
wait

start_hub
get_raw "$configmaps" | jq -r '.items[].metadata.name' | sort >"$TEST_DIR/there"
expect "acknowledged and missing" "$(sort "$TEST_DIR/acknowledged" | comm -23 - "$TEST_DIR/there")" ""
