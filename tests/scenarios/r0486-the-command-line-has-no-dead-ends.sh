#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each verb has its own help, which docs/COMMANDS.md repeats; what it does not take is
# refused with the verb that does; -o json is JSON or refused; a wrong word says what was
# meant; and an answer that cannot be written is a failure that says so.
. "$(dirname "$0")/lib.sh"

cd "$TEST_DIR"
# says STATUS TEXT ARG…
says() {
    local status=0 said wanted=$1 text=$2
    shift 2
    said=$(timeout 60 "$AXLE" "$@" 2>&1) || status=$?
    expect "exit status of axle $*" "$status" "$wanted"
    expect_contains "what axle $* says" "$said" "$text"
}
verbs() { sed -n '/^Verbs:/,/^$/s/^  \([a-z]\+\( [a-z]\+\)\?\)\( [^ ].*\)\?  .*/\1/p' <<<"$("$AXLE" --help)"; }

[ "$("$AXLE" --help | wc -l)" -le 44 ] || fail "axle --help is longer than a screen"
"$AXLE" --help | awk 'length($0) > 88 { print; exit 1 }' || fail "too wide"
[ "$(verbs | wc -l)" -ge 16 ] || fail "verbs: $(verbs)"
while read -r verb; do
    # shellcheck disable=SC2086 # a verb may be two words
    {
        "$AXLE" $verb --help >one
        "$AXLE" help $verb >two
        "$AXLE" $verb help >three
    }
    cmp -s one two && cmp -s one three || fail "three ways to ask of $verb differ"
    grep -q "^Usage: axle $verb" one && grep -q '^Example:' one && grep -q '^Exit status:' one || fail "help of $verb: $(cat one)"
    says 2 'has no option --listen' $verb --listen=:1
done <<<"$(verbs | grep -v 'config show\|^help$')"
says 0 'Usage: axle --mode=spoke' help spoke
says 0 'axle token VERB --help prints more' token --help

# The page says what the program says.
sed '1,/printed by: install\/manual.sh commands/d' "$repo/docs/COMMANDS.md" >page
bash "$repo/install/manual.sh" commands "$AXLE" >now
cmp -s page now || fail "docs/COMMANDS.md differs from the help; its end is made by install/manual.sh commands build/axle: $(diff page now | head -n 20)"

says 2 'axle leave has no option --lost; axle remove spoke has' leave --lost
says 2 'did you mean axle token list?' token lsit
says 2 'did you mean axle status?' staus
says 2 'did you mean --kubeconfig?' status --kubeconfg=x
says 2 'did you mean yaml?' version -o yml
says 2 'axle config print has no option --output' config print -o json
says 2 'axle --mode=all-in-one has no option --join' --mode=all-in-one --join=https://x:1
says 2 '--uses: is empty' token create --uses=
expect "version" "$("$AXLE" version -o json | jq -r '.version')" "$("$AXLE" --version | cut -d' ' -f2)"
expect "a setting" "$("$AXLE" config show --mode=hub --history-age=2h -o json | jq -r '."history-age" | "\(.value) \(.from)"')" '2h --history-age'

# What cannot be written.
for verb in version --help 'config show' 'help hub'; do
    code=0
    # shellcheck disable=SC2086
    "$AXLE" $verb >/dev/full 2>said || code=$?
    expect "axle $verb to a full disk" "$code" 1
    expect_contains "axle $verb to a full disk" "$(cat said)" 'No space left on device'
    code=0
    # shellcheck disable=SC2086
    "$AXLE" $verb >&- 2>said || code=$?
    expect "axle $verb to nowhere" "$code" 1
    mkfifo pipe
    exec 5<>pipe 6>pipe 5<&- # a pipe that nobody reads
    code=0
    # shellcheck disable=SC2086
    "$AXLE" $verb >&6 2>said || code=$?
    exec 6>&-
    rm pipe
    expect "axle $verb to nobody" "$code" 1
    expect_contains "axle $verb to nobody" "$(cat said)" 'Broken pipe'
done

# A hub, and none.
says 4 'there is no such kubeconfig' status --data-dir none
start_hub
kubeconfig=$hub_dir/hub/admin.kubeconfig
"$AXLE" status -o json --kubeconfig "$kubeconfig" | jq -e '.hub and .spokes == [] and .workloads == []' >/dev/null || fail "status -o json"
says 0 'axle token create prints the command' status --kubeconfig "$kubeconfig"
"$AXLE" token create -o json --name edge-1 --kubeconfig "$kubeconfig" >token
expect "the token" "$(jq -r '"\(.spoke) \(.purpose) \(.token[:6]) \(.server)"' token)" "edge-1 Join axle1. $SERVER"
"$AXLE" token list -o json --kubeconfig "$kubeconfig" >list
expect "the list" "$(jq -r '.items[].metadata.name' list)" "$(jq -r .name token)"
if grep -q '"hash"\|"salt"' list; then fail "the list has hashes"; fi
expect "the kubeconfig" "$("$AXLE" kubeconfig -o json --data-dir "$hub_dir" | jq -r '.clusters[0].cluster.server')" "$SERVER"
# The folder that is named wins over a variable.
expect "the kubeconfig" "$(KUBECONFIG=nowhere "$AXLE" kubeconfig -o json --data-dir "$hub_dir" | jq -r .kind)" Config
expect "the first that is there" "$(KUBECONFIG=nowhere:$kubeconfig "$AXLE" status -o json | jq -r .hub)" "$SERVER"

# A token that could not be printed is not left behind.
code=0
"$AXLE" token create --kubeconfig "$kubeconfig" >/dev/full 2>said || code=$?
expect "a token to a full disk" "$code" 1
expect_contains "a token to a full disk" "$(cat said)" 'is revoked again'
expect "the tokens" "$("$AXLE" token list -o json --kubeconfig "$kubeconfig" | jq '.items | length')" 1

stop hub
says 5 'is it running (axle --mode=hub' status --kubeconfig "$kubeconfig"

# A spoke, and an agent that has no socket to be asked by.
says 5 'the spoke is not running: there is no' status spoke --data-dir none
mkdir -p edge/spoke/pki
says 5 'the spoke is not running' status spoke --data-dir edge
# /proc/locks of a PID namespace names only holders that live.
flock edge/spoke sleep 300 &
holds() { ! flock -n edge/spoke true; }
until_true 10 holds
says 5 'but accepts no requests' status spoke --data-dir edge
says 5 'the agent runs but accepts no requests' leave --data-dir edge
