#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A file, the environment and flags give settings, and the higher one wins. A
# mistake ends the program at once with its place and a way out: 2 for the
# command line, 3 for settings. Help needs no settings at all.
. "$(dirname "$0")/lib.sh"

cd "$TEST_DIR"
# says STATUS TEXT COMMAND…: it ends so, and says that.
says() {
    local status=0 said wanted=$1 text=$2
    shift 2
    said=$("$@" 2>&1) || status=$?
    expect "exit status of '$*'" "$status" "$wanted"
    expect_contains "what '$*' says" "$said" "$text"
}

cat >hub.yaml <<YAML
listen: [127.0.0.1:0]
data-dir: $TEST_DIR/from-file
log-format: json
history-age: 2h
YAML
says 0 'history-age: 2h' "$AXLE" config show --mode=hub --config hub.yaml
says 0 "hub.yaml:4: history-age" "$AXLE" config show --mode=hub --config hub.yaml
says 0 'history-age: 3h' env AXLE_HISTORY_AGE=3h "$AXLE" config show --mode=hub --config hub.yaml
says 0 'history-age: 4h' env AXLE_HISTORY_AGE=3h "$AXLE" config show --mode=hub --config hub.yaml --history-age 4h

says 2 'did you mean --listen?' "$AXLE" --mode=hub --listne=127.0.0.1:0
says 2 'none of hub|spoke|all-in-one' "$AXLE" --mode=cloud
says 2 'needs a value' "$AXLE" --mode=hub --listen
says 2 'unknown verb "frobnicate"' "$AXLE" frobnicate
says 3 '$AXLE_HISTORY_AGE: "soon" is no duration' env AXLE_HISTORY_AGE=soon "$AXLE" --mode=hub
says 3 'No such file' "$AXLE" --mode=hub --config nowhere.yaml
printf 'listen: [127.0.0.1:0]\nhistroy-age: 2h\n' >broken.yaml
says 3 'broken.yaml:2: histroy-age: there is no such setting; did you mean history-age?' \
    "$AXLE" --mode=hub --config broken.yaml
printf 'listen: [127.0.0.1:0\nlog-level: "in' >half.yaml
says 3 'half.yaml' "$AXLE" --mode=hub --config half.yaml
says 0 'Usage: axle' "$AXLE" --help --config broken.yaml
says 0 'axle ' "$AXLE" --version --config broken.yaml
[ ! -e from-file ] || fail "asking made a data directory"
is_wide() { "$AXLE" --help | awk 'length($0) > 80 { print; found = 1 } END { exit !found }'; }
if is_wide; then fail "help is wider than 80 columns"; fi

# The program itself goes by the file.
start hub --mode=hub --config hub.yaml
hub_dir=$TEST_DIR/from-file
until_true 30 hub_is_ready || fail "the hub is not ready"
# Its children too: the spoke of all-in-one reads the same file.
stop hub
printf 'sweep-time: never\n' >>hub.yaml
says 3 'sweep-time: "never" is no duration' "$AXLE" --mode=all-in-one --config hub.yaml
