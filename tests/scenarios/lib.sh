# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What scenarios are written with. Read it first in each one:
#
#     . "$(dirname "$0")/lib.sh"
#     start_hub
#     start_spoke edge-1
#     apply <<YAML … YAML
#     wait_for -n lab aiworkloads/chat .status.phase Running
#
# The first failing command ends the scenario. Everything lives in $TEST_DIR.
# Each program that start() has begun must end with the status that the scenario
# names, 0 after SIGTERM unless it says otherwise: at stop(), ends_with(), or at the
# end, when what still runs gets SIGTERM. What else runs, the runner kills.

set -eEu -o pipefail
trap 'echo "failed: line $LINENO of $(basename "$0"): $BASH_COMMAND" >&2; show_logs' ERR

# `grep -q` stops reading at the first match. In a pipe its writer may then die of SIGPIPE,
# and with pipefail "found" would count as a failure, or as "not found" in an `if`.
grep() {
    local arg quiet='' args=()
    for arg; do
        case $arg in
        -q) quiet=1; continue ;;
        -[a-zA-Z]*) case $arg in *q*) quiet=1; arg=${arg//q/} ;; esac ;;
        esac
        args+=("$arg")
    done
    if [ -n "$quiet" ]; then command grep "${args[@]}" >/dev/null; else command grep "${args[@]}"; fi
}

# So does `head`: with a file or another option than lines it is the usual one.
head() {
    if [ $# = 2 ] && [[ $1 = -n && $2 =~ ^[0-9]+$ ]]; then sed -n "1,$2p"; else command head "$@"; fi
}

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
AXLE=${AXLE:-$repo/build/debug/axle}
TEST_DIR=${TEST_DIR:-$(mktemp -d)}
hub_dir=$TEST_DIR/hub
export HOME=$TEST_DIR/home
mkdir -p "$HOME"

# Where the sanitizers of every process write, and the runner looks; here if there is none.
if [ -z "${REPORTS:-}" ]; then
    REPORTS=$TEST_DIR/reports
    mkdir -p "$REPORTS"
    chmod 1777 "$REPORTS"
    export ASAN_OPTIONS=log_path=$REPORTS/report:detect_leaks=1
    export UBSAN_OPTIONS=print_stacktrace=1
fi

# The hub proves, whenever it has nothing to do, that every change woke whom it concerns.
# A controller without a claim to what it writes (claim.c) never gets done.
export AXLE_PROVE_WAKE_UPS=1
check_wake_ups() {
    command grep -hE 'missed wake-up|has no claim to any' "$TEST_DIR"/*.log >"$TEST_DIR/missed" 2>/dev/null || return 0
    command head -n 5 "$TEST_DIR/missed" >&2
    return 1
}

# A log in which a sanitizer speaks: it could not reach its folder of reports.
check_reports() {
    local found=("$REPORTS"/*)
    [ ! -e "${found[0]}" ] || {
        echo "failed: ${#found[@]} processes have a report of a sanitizer" >&2
        cat "${found[@]}" >&2
        return 1
    }
    ! command grep -aE 'ERROR: [A-Za-z]+Sanitizer|: runtime error: |ERROR: Can.t open file: .*report' "$TEST_DIR"/*.log >&2 2>/dev/null
}

# at_end COMMAND: runs when the scenario ends, well or not; the last one named comes first.
at_end_commands=()
at_end() { at_end_commands=("$1" "${at_end_commands[@]}"); }
on_end() {
    local status=$? command
    trap - ERR
    set +e
    if [ $status = 0 ]; then
        end_daemons && check_reports && check_wake_ups || status=1
        [ $status = 0 ] || show_logs
    fi
    for command in "${at_end_commands[@]}"; do eval "$command"; done
    exit $status
}
trap on_end EXIT

fail() {
    trap - ERR
    echo "failed: $*" >&2
    show_logs
    exit 1
}

skip() {
    echo "$*" >"$TEST_DIR/skip"
    exit 77
}

# What the console shows cannot be tested where the program has none.
need_console() {
    case $("$AXLE" version) in *'without console') skip "this program was built without the console (CONSOLE=no)" ;; esac
}

show_logs() {
    local log
    for log in "$TEST_DIR"/*.log; do
        [ -s "$log" ] || continue
        echo "== $(basename "$log")" >&2
        tail -n 40 "$log" >&2
    done
}

# until_true SECONDS COMMAND…: looks again every 20 ms. A busy machine is no
# failure: what is expected to come is given a minute at the least.
until_true() {
    local end=$((${EPOCHREALTIME/[.,]/} + ($1 < 60 ? 60 : $1) * 1000000))
    shift
    until "$@"; do
        [ "${EPOCHREALTIME/[.,]/}" -lt $end ] || return 1
        sleep 0.02
    done
}

# ------------------------------------------------------------------ programs

# start NAME ARG…: axle in the background, its words in NAME.log, pid in NAME.pid.
start() {
    local name=$1
    shift
    "$AXLE" "$@" >>"$TEST_DIR/$name.log" 2>&1 &
    echo $! >"$TEST_DIR/$name.pid"
}

# open_program FOLDER: the program is copied to where any user can run it. A clone in root's
# home cannot be entered by others.
open_program() {
    install -m 755 "$AXLE" "$1/axle"
    AXLE=$1/axle
}

pid_of() { cat "$TEST_DIR/$1.pid"; }
is_running() { kill -0 "$(pid_of "$1")" 2>/dev/null; }
is_gone() { ! is_running "$1"; }

# stop NAME [SIGNAL [STATUS]]: ends it (TERM) and waits until it is gone. It must end with
# that status: 0 after TERM, what the signal itself gives after another one.
stop() {
    local signal=${2:-TERM} wanted=0
    [ "$signal" = TERM ] || wanted=$((128 + $(kill -l "$signal")))
    kill -"$signal" "$(pid_of "$1")" 2>/dev/null || true
    reap "$1" "${3:-$wanted}" || exit 1
}
crash() { stop "$1" KILL; }

# ends_with NAME STATUS: it ends by itself, with that status.
ends_with() { reap "$1" "$2" || exit 1; }

# Waits at most a minute: a program that does not end is a failure that says so.
reap() {
    local status=0 pid
    pid=$(pid_of "$1")
    until_true 60 has_ended "$pid" || { trap - ERR; echo "failed: $1 does not end" >&2; show_logs; return 1; }
    wait "$pid" 2>/dev/null || status=$?
    echo "$pid" >"$TEST_DIR/$1.ended"
    [ "$status" = "$2" ] && return
    trap - ERR
    echo "failed: $1 ended with status $status, not $2" >&2
    show_logs
    check_reports
    return 1
}
is_reaped() { cmp -s "$TEST_DIR/$1.pid" "$TEST_DIR/$1.ended"; }
# A child that bash has not waited for yet is a zombie.
has_ended() { case $(sed -n 's/^State:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null || true) in '' | [ZX]*) ;; *) return 1 ;; esac }

# For what tidies up after a failure: ends it if it is there, whatever its state.
kill_left() {
    [ -s "$TEST_DIR/$1.pid" ] && ! is_reaped "$1" || return 0
    kill -KILL "$(pid_of "$1")" 2>/dev/null
    wait "$(pid_of "$1")" 2>/dev/null
    pid_of "$1" >"$TEST_DIR/$1.ended"
}

# The programs with a NAME.pid that nothing has ended: they get SIGTERM at one time.
end_daemons() {
    local file names=() name
    for file in "$TEST_DIR"/*.pid; do
        name=$(basename "$file" .pid)
        [ -s "$file" ] && ! is_reaped "$name" || continue
        names+=("$name")
        kill "$(cat "$file")" 2>/dev/null
    done
    for name in "${names[@]}"; do reap "$name" 0 || return 1; done
}

start_hub() { start_server hub --mode=hub "$@"; }
start_all_in_one() { start_server hub --mode=all-in-one "$@"; }

# Any port the first time, the same one again: spokes know it.
start_server() {
    local name=$1
    shift
    start "$name" --data-dir "$hub_dir" --listen "${listen:-127.0.0.1:0}" "$@"
    until_true 60 hub_is_ready || fail "the hub is not ready after 60 s"
    listen=${SERVER#https://}
}

# After a restart the old kubeconfig is still there: /readyz decides.
hub_is_ready() {
    is_running hub || fail "the hub ended by itself"
    [ -s "$hub_dir/hub/admin.kubeconfig" ] && read_kubeconfig && [ "$(get_raw /readyz)" = ok ]
}

# Takes server, CA, certificate and key of the administrator apart for curl.
read_kubeconfig() {
    local file=$hub_dir/hub/admin.kubeconfig word
    SERVER=$(sed -n 's/^ *server: *"\{0,1\}\([^"]*\)"\{0,1\} *$/\1/p' "$file")
    [ -n "$SERVER" ] || return 1
    for word in certificate-authority client-certificate client-key; do
        sed -n "s/^[ -]*$word-data: *\"\{0,1\}\([^\"]*\)\"\{0,1\} *$/\1/p" "$file" |
            base64 -d >"$TEST_DIR/$word.pem" 2>/dev/null || return 1
    done
}

token_create() {
    "$AXLE" token create --kubeconfig "$hub_dir/hub/admin.kubeconfig" --output token "$@"
}

# start_spoke NAME [ARG…]: with a token of its own the first time.
start_spoke() {
    local name=$1 directory=$TEST_DIR/$1
    shift
    if [ ! -d "$directory/spoke" ]; then
        token_create >"$TEST_DIR/$name.token"
    fi
    start "$name" --mode=spoke --name "$name" --data-dir "$directory" \
        --join "$SERVER" --token-file "$TEST_DIR/$name.token" "$@"
    wait_for managedclusters/"$name" \
        '.status.conditions[]? | select(.type == "ManagedClusterConditionAvailable") | .status' True
}

# start_fleet TOKEN-FILE COUNT [ARG…]: so many pretended spokes (tests/fleet) in one process,
# which joins them. Its events are lines of JSON in fleet.events.
FLEET=${FLEET:-$repo/build/debug/axle-fleet}
start_fleet() {
    local token=$1 count=$2
    shift 2
    [ -p "$TEST_DIR/fleet.commands" ] || mkfifo "$TEST_DIR/fleet.commands"
    exec {fleet_commands}<>"$TEST_DIR/fleet.commands"
    "$FLEET" --hub "$SERVER" --token-file "$token" --count "$count" "$@" \
        <&"$fleet_commands" >"$TEST_DIR/fleet.events" 2>>"$TEST_DIR/fleet.log" &
    echo $! >"$TEST_DIR/fleet.pid"
}
# tell_fleet WORD: a command. fleet_figure NAME: a number of its status, now.
tell_fleet() { echo "$1" >&"$fleet_commands"; }
fleet_figure() {
    local before
    before=$(grep -c '"event":"status"' "$TEST_DIR/fleet.events" || true)
    tell_fleet status
    until_true 60 has_more_statuses "$before" || fail "the fleet does not answer"
    jq -s "map(select(.event == \"status\")) | last | .$1" "$TEST_DIR/fleet.events"
}
has_more_statuses() { [ "$(grep -c '"event":"status"' "$TEST_DIR/fleet.events" || true)" -gt "$1" ]; }
fleet_has() { [ "$(fleet_figure "$1")" = "$2" ]; }
# fleet_events NAME: how many there were.
fleet_events() { grep -c "\"event\":\"$1\"" "$TEST_DIR/fleet.events" || true; }

# ----------------------------------------------------------------------- API

# request METHOD PATH [CURL ARGUMENT…]: body on standard output, as administrator.
request() {
    local method=$1 path=$2
    shift 2
    curl -sS --max-time 30 -X "$method" --cacert "$TEST_DIR/certificate-authority.pem" \
        --cert "$TEST_DIR/client-certificate.pem" --key "$TEST_DIR/client-key.pem" \
        "$@" "$SERVER$path"
}
get_raw() { request GET "$1" 2>/dev/null || true; }
# The HTTP status alone.
status_of() { request "$@" -o "$TEST_DIR/answer" -w '%{http_code}'; }

# The kubectl that a PATH names may be a dispatcher: the real one is called.
# (`command -v` would find the function below.)
find_kubectl() {
    local found
    found=$({ find /usr/bin /usr/local /usr/lib -maxdepth 3 -type f -name "kubectl.${KUBECTL_VERSION:-1.3*}" 2>/dev/null || true; } | sort -V | tail -n 1)
    [ -n "$found" ] || found=$(type -P kubectl || true)
    [ -n "$found" ] || skip "no kubectl on this machine, and none could be fetched"
    # Not through a pipe: grep -q ends early, and kubectl would die of it.
    grep -qE 'v1\.(29|[3-9][0-9])' <<<"$("$found" version --client 2>/dev/null)" ||
        skip "$found is older than 1.29, and no other kubectl is here"
    KUBECTL=$found
}
kubectl() {
    [ -n "${KUBECTL:-}" ] || find_kubectl
    case " $* " in
    *' -f - '*) mark_yaml | run_kubectl "$@" ;;
    *) run_kubectl "$@" ;;
    esac
}
run_kubectl() {
    "$KUBECTL" --kubeconfig "$hub_dir/hub/admin.kubeconfig" --cache-dir "$TEST_DIR/kube-cache" "$@"
}
# kubectl 1.32 takes whatever begins with a brace for JSON; other versions look again.
mark_yaml() { sed '1s/^{[^"}]/---\n&/'; }

apply() { kubectl apply -f "${1:--}"; }

# make_project PROJECT TENANT [FIELDS-OF-THE-TENANT [FIELDS-OF-THE-PROJECT]]: both, and the
# project is ready: make_project lab acme 'clusterSets: [global]' 'editors: [eve]'
make_project() {
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: Tenant
metadata: {name: $2}
spec: {${3:-}}
---
apiVersion: axle.dev/v1alpha1
kind: Project
metadata: {name: $1}
spec: {tenant: $2${4:+, $4}}
YAML
    wait_for projects/"$1" .status.phase Ready
}

# path_of [-n NAMESPACE] PLURAL[.GROUP][/NAME]: its path in the API. What
# kinds there are is asked once.
path_of() {
    local space='' plural name=''
    [ "$1" = -n ] && space=$2 && shift 2
    plural=${1%%/*}
    case $1 in */*) name=/${1#*/} ;; esac
    [ -s "$TEST_DIR/resources" ] || list_resources >"$TEST_DIR/resources"
    awk -v plural="${plural%%.*}" -v group="${plural#*.}" -v space="$space" -v name="$name" -F'\t' '
        $2 == plural && (plural == group || index($1, group "/") == 1) {
            print ($1 == "v1" ? "/api/v1" : "/apis/" $1) \
                ($3 == "true" && space != "" ? "/namespaces/" space : "") "/" plural name
            found = 1
            exit
        }
        END { exit !found }' "$TEST_DIR/resources"
}

list_resources() {
    local version
    for version in /api/v1 $(get_raw /apis | jq -r '.groups[].versions[] | "/apis/" + .groupVersion'); do
        get_raw "$version" | jq -r '.groupVersion as $g | .resources[] |
            select(.name | contains("/") | not) | [$g, .name, .namespaced] | @tsv'
    done
}

# object [-n NAMESPACE] PLURAL/NAME: as JSON.
object() {
    local path
    path=$(path_of "$@") || fail "no kind $*"
    get_raw "$path"
}

# wait_for [-n NAMESPACE] [-t SECONDS] PLURAL/NAME JQ-FILTER VALUE
wait_for() {
    local within=() seconds=30 what filter value seen=
    while true; do
        case $1 in
        -n) within=(-n "$2") && shift 2 ;;
        -t) seconds=$2 && shift 2 ;;
        *) break ;;
        esac
    done
    what=$1 filter=$2 value=$3
    if ! until_true "$seconds" sees_value; then
        object "${within[@]}" "$what" | jq -C . 2>/dev/null | tail -n 60 >&2
        fail "$what: $filter is '$seen' after $seconds s, not '$value'"
    fi
}
sees_value() {
    seen=$(object "${within[@]}" "$what" | jq -r "$filter" 2>/dev/null | paste -sd' ' || true)
    [ "$seen" = "$value" ]
}

# wait_gone [-n NAMESPACE] PLURAL/NAME
wait_gone() {
    local path
    path=$(path_of "$@") || fail "no kind $*"
    until_true 30 is_missing "$path" || fail "$* is still there after 30 s"
}
is_missing() { [ "$(status_of GET "$1")" = 404 ]; }

# expect WHAT GOT WANTED
expect() { [ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"; }
expect_contains() { case $2 in *"$3"*) ;; *) fail "$1: '$3' is not in '$2'" ;; esac; }
# expect_refused TEXT COMMAND…: it fails, and says so.
expect_refused() {
    local text=$1 said
    shift
    if said=$("$@" 2>&1); then fail "'$*' succeeded: $said"; fi
    expect_contains "what '$*' says" "$said" "$text"
}

# expect_event NAME REASON: an Event about an object of that name.
expect_event() { until_true 10 has_event "$1" "$2" || fail "no Event $2 about $1"; }
has_event() {
    get_raw /api/v1/events | jq -e --arg name "$1" --arg reason "$2" \
        '[.items[] | select(.involvedObject.name == $name and .reason == $reason)] | length > 0' >/dev/null
}

# The pid of a workload's process on a spoke: whose environment says so.
process_of() {
    local found
    found=$(pgrep -f -- "$1" | head -n 1) || return 1
    echo "$found"
}

# ----------------------------------------------------------------- the sample

# The server as the profile delivers it.
ocr_server_from() {
    sed -n '/^        server.py: |$/,/^---$/p' "$1" | sed '1d;$d;s/^          //'
}

# Debian's python3 by name: PIL is installed for that one.
make_image() {
    [ -x /usr/bin/python3 ] && /usr/bin/python3 -c 'import PIL' 2>/dev/null ||
        skip "python3-pil is not installed"
    /usr/bin/python3 - "$@" <<'PYTHON'
import sys
from PIL import Image, ImageDraw, ImageFont
text, path = sys.argv[1:]
font = ImageFont.truetype("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 40)
width = int(font.getlength(text)) + 80
image = Image.new("RGB", (width, 120), "white")
ImageDraw.Draw(image).text((40, 35), text, fill="black", font=font)
image.save(path)
PYTHON
}

# The sample as install/sample.sh applies it, by the same calls.
apply_sample() {
    local state=$TEST_DIR
    cp "$TEST_DIR/certificate-authority.pem" "$TEST_DIR/ca.pem"
    cp "$TEST_DIR/client-certificate.pem" "$TEST_DIR/admin.pem"
    cp "$TEST_DIR/client-key.pem" "$TEST_DIR/admin.key"
    SAMPLE_SERVER=$SERVER AXLE_STATE=$state bash "$repo/install/sample.sh" apply
}
