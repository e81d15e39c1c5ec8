#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A hub whose database lost acknowledged writes, is missing, or is an older copy
# refuses to start, in words, and changes nothing; with --accept-loss it starts
# in a new epoch, above every revision that anybody has seen.
. "$(dirname "$0")/lib.sh"

configmaps=/api/v1/namespaces/default/configmaps
add() {
    expect "POST of $1" "$(status_of POST "$configmaps" -H 'Content-Type: application/json' --data-binary \
        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"$1\"},\"data\":{\"k\":\"$1\"}}")" 201
}
there() { get_raw "$configmaps" | jq -r '[.items[].metadata.name] | sort | join(" ")'; }
epoch() { request GET /api -D - -o /dev/null | tr -d '\r' | sed -n 's/^[Aa]xle-[Ee]poch: //p'; }
refused() { expect_refused "$1" timeout 60 "$AXLE" --mode=hub --data-dir "$hub_dir" --listen 127.0.0.1:0; }
db=$hub_dir/hub/axle.db

start_hub
expect "the first epoch" "$(epoch)" 1
add one
stop hub
cp "$db" "$TEST_DIR/older.db"
start_hub
add two
crash hub
[ -s "$db-wal" ] || fail "what is new is in the log"

# The log is gone; put back, all is there.
mv "$db-wal" "$TEST_DIR/wal"
refused "has lost acknowledged writes"
refused "--accept-loss"
cp "$TEST_DIR/wal" "$db-wal"
# One bit of it flips, in the middle.
size=$(stat -c %s "$db-wal")
printf '\377' | dd of="$db-wal" bs=1 seek=$((size / 2)) conv=notrunc status=none
cmp -s "$db-wal" "$TEST_DIR/wal" && printf '\0' | dd of="$db-wal" bs=1 seek=$((size / 2)) conv=notrunc status=none
refused "has lost acknowledged writes"
cp "$TEST_DIR/wal" "$db-wal"
start_hub
expect "everything is back" "$(there)" "one two"
stop hub

# The database is gone, or empty, or an older copy.
mv "$db" "$TEST_DIR/db"
refused "is missing or empty"
[ ! -e "$db" ] || fail "nothing is made in its place"
: >"$db"
refused "is missing or empty"
cp "$TEST_DIR/older.db" "$db"
refused "an older copy was put in place"
cp "$TEST_DIR/db" "$db"
rm "$db-note"
start_hub
expect "without the note all is there" "$(there)" "one two"
seen=$(get_raw "$configmaps" | jq -r .metadata.resourceVersion)
stop hub

# Accepted.
cp "$TEST_DIR/older.db" "$db"
start_hub --accept-loss
expect "what is left" "$(there)" "one"
expect "a new epoch" "$(epoch)" 2
now=$(get_raw "$configmaps" | jq -r .metadata.resourceVersion)
[ "$now" -ge $((seen + 1000000000)) ] || fail "revision $now after $seen"
expect "a watch from before" "$(status_of GET "$configmaps?watch=true&resourceVersion=$seen&timeoutSeconds=1")" 410
add three
stop hub
start_hub
expect "the next start needs no acceptance" "$(there)" "one three"
expect "and stays in its epoch" "$(epoch)" 2
expect "a revision from a future" \
    "$(status_of GET "$configmaps?watch=true&resourceVersion=$((now * 2))&timeoutSeconds=1" | grep -cE '410|504')" 1
grep -q "a client has seen revision $((now * 2))" "$TEST_DIR/hub.log" || fail "it is told"
