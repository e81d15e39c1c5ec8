#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Starts Axle on this machine, hub and spoke, with the OCR sample on it, and
# says how to reach everything. `build.sh run` calls it; again, it restarts
# the program (workloads run on) and applies the same sample.
#
#   sample.sh start | stop

set -eu -o pipefail
cd "$(dirname "$0")/.."
# As the program's own default. Root's home is closed to the users that
# workloads run as, so root's state is not kept there.
if [ "$(id -u)" = 0 ]; then state=/var/lib/axle; else state=${XDG_STATE_HOME:-$HOME/.local/state}/axle; fi
state=${AXLE_STATE:-${AXLE_DATA_DIR:-$state}}
address=${AXLE_LISTEN:-127.0.0.1:6443}
kubeconfig=$state/hub/admin.kubeconfig
log=$state/axle.log

fail() {
    echo "run: $*" >&2
    [ -s "$log" ] && tail -n 15 "$log" >&2
    exit 1
}

# until_true SECONDS COMMAND…
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

# By its command line: after a reboot the number is another process', and one that
# has ended but was not waited for (in a container without an init) has none.
is_running() {
    [ -s "$state/axle.pid" ] &&
        tr '\0' '\n' 2>/dev/null <"/proc/$(cat "$state/axle.pid")/cmdline" | grep -qxF -e "$state"
}
is_stopped() { ! is_running; }

stop() {
    is_running || return 0
    kill "$(cat "$state/axle.pid")"
    until_true 20 is_stopped || fail "process $(cat "$state/axle.pid") does not end"
}

# The address in use by somebody else: let the system choose another one.
choose_address() {
    if ss -Hltn "sport = :${address##*:}" 2>/dev/null | grep -q .; then
        echo "run: ${address##*:} is taken, another port is used" >&2
        address=${address%:*}:0
    fi
}

start() {
    mkdir -p "$state"
    chmod 711 "$state"
    stop
    choose_address
    setsid build/axle --mode=all-in-one --data-dir "$state" --listen "$address" \
        >"$log" 2>&1 </dev/null &
    echo $! >"$state/axle.pid"
    until_true 5 is_running || fail "axle ended by itself"
    until_true 30 is_ready || fail "the hub is not ready"
}

is_ready() {
    is_running || fail "axle ended by itself"
    [ -s "$kubeconfig" ] && server=$(value_of server) &&
        value_of certificate-authority-data | base64 -d >"$state/ca.pem" &&
        value_of client-certificate-data | base64 -d >"$state/admin.pem" &&
        (umask 077 && value_of client-key-data | base64 -d >"$state/admin.key") &&
        [ "$(ask /readyz 2>/dev/null)" = ok ]
}

value_of() { sed -n "s/^[ -]*$1: *\"\{0,1\}\([^\"]*\)\"\{0,1\} *$/\1/p" "$kubeconfig" | head -n 1; }

ask() {
    curl -sS --max-time 20 --cacert "$state/ca.pem" --cert "$state/admin.pem" \
        --key "$state/admin.key" "${@:2}" "$server$1"
}

# apply FILE: every document in it, as kubectl apply --server-side does. The
# namespace of the sample is theirs if they name none.
apply() {
    local folder document
    folder=$(mktemp -d)
    awk -v folder="$folder" '/^---$/ { n++; next } { print >(folder "/" sprintf("%03d", n)) }' "$1"
    for document in "$folder"/*; do
        until_true 20 apply_one "$document" || fail "$1: $(cat "$folder/answer")"
    done
    rm -rf "$folder"
}

apply_one() {
    local kind name plural space=/namespaces/sample status
    kind=$(sed -n 's/^kind: *//p' "$1")
    name=$(sed -n 's/^ *\(metadata: *{\)\{0,1\} *name: *\([a-z0-9-]*\).*/\2/p' "$1" | head -n 1)
    plural=$(tr '[:upper:]' '[:lower:]' <<<"$kind")s
    case $kind in Tenant | Project) space='' ;; esac
    status=$(ask "/apis/axle.dev/v1alpha1$space/$plural/$name?fieldManager=sample&force=true" \
        -X PATCH -H 'Content-Type: application/apply-patch+yaml' --data-binary "@$1" \
        -o "$(dirname "$1")/answer" -w '%{http_code}') || return 1
    # The project's namespace is made by its controller, a moment later.
    [ "$status" = 200 ] || [ "$status" = 201 ]
}

endpoint() {
    ask /apis/axle.dev/v1alpha1/namespaces/sample/aiworkloads/receipts |
        sed -n 's/.*"endpoints": *\[{[^]]*"url": *"\([^"]*\)".*/\1/p'
}
# After a restart the endpoint of before is told until the spoke has looked, so
# the application itself is asked.
has_endpoint() {
    local url
    url=$(endpoint 2>/dev/null)
    [ -n "$url" ] && curl -sS -o /dev/null --max-time 10 "$url/healthz" 2>/dev/null
}

# The hub may be well and its spoke not, as with --runtime=engine and no engine.
spoke_answers() { build/axle status spoke --data-dir "$state" >/dev/null 2>&1; }
check_spoke() {
    until_true 15 spoke_answers && return
    echo "run: the hub runs, its spoke does not start; what it says:" >&2
    grep '^axle: ' "$log" | tail -n 1 >&2
    echo "run: change what it names and repeat, or ./build.sh stop; what ran on this machine runs on" >&2
    exit 1
}

tell() {
    local kubectl=kubectl console=$server/console/
    # The one that build.sh fetched, if no other is on the PATH.
    [ ! -x build/bin/kubectl ] || kubectl=$PWD/build/bin/kubectl
    kubectl="$kubectl --kubeconfig $kubeconfig"
    case $(build/axle version) in *'without console') console="not in this program (built with CONSOLE=no)" ;; esac
    cat <<TEXT

Axle runs: hub and spoke on this machine, process $(cat "$state/axle.pid").
  console   $console
            log in with the token that this prints:
            $PWD/build/axle token create --admin --kubeconfig $kubeconfig
  kubectl   $kubectl get aiworkloads,workloads -A
  state     $state   (log: $log)
  stop      ./build.sh stop   (what it runs goes on running)
  remove    $PWD/build/axle uninstall --data-dir $state   (lists; with --yes it removes all of it)
TEXT
    [ ! -x build/bin/kubectl ] || echo "  PATH      to type just kubectl: export PATH=$PWD/build/bin:\$PATH"
    if until_true 60 has_endpoint; then
        echo "The sample reads text in images:"
        echo "  curl --data-binary @$(printf %q "$PWD")/conf/sample/receipt.png $(endpoint)"
    else
        echo "The sample has no endpoint yet; see why:"
        echo "  $kubectl describe aiworkload receipts -n sample"
    fi
}

case ${1:-start} in
start)
    start
    apply conf/sample/ocr.yaml
    apply assets/catalogue/ocr.yaml
    check_spoke
    tell
    ;;
apply)
    server=${SAMPLE_SERVER:?}
    apply conf/sample/ocr.yaml
    apply assets/catalogue/ocr.yaml
    ;;
stop) stop ;;
*) sed -n '5,10s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
