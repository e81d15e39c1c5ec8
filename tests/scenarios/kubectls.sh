# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# For scenarios that every supported kubectl must pass: each runs the same steps
# against one hub, in a namespace and with a home of its own, all at once.
#
#     . "$(dirname "$0")/kubectls.sh"
#     start_hub
#     steps() { k get cm; … }        # $space is the namespace, $version 1.29 …
#     with_each_kubectl steps

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

kubectl_versions=${KUBECTL_VERSIONS:-1.29 1.32 1.33}

# VERSION PATH of each that is on this machine; what a dispatcher would choose is
# of no use, so the PATH's kubectl counts only where none of these is found.
list_kubectls() {
    local version found
    for version in $kubectl_versions; do
        found=$(find /usr/bin /usr/local /usr/lib -maxdepth 4 -type f -name "kubectl.$version" 2>/dev/null | sort | tail -n 1)
        [ -z "$found" ] || echo "$version $found"
    done
}

with_each_kubectl() {
    local steps=$1 version binary runs=() failed=0 run
    list_kubectls >"$TEST_DIR/kubectls"
    if [ ! -s "$TEST_DIR/kubectls" ]; then
        find_kubectl
        echo "own $KUBECTL" >"$TEST_DIR/kubectls"
    fi
    while read -r version binary; do
        (
            trap 'echo "failed: line $LINENO of $(basename "$0"): $BASH_COMMAND" >&2' ERR
            space=k${version//./} dir=$TEST_DIR/$version
            export HOME=$dir/home
            KUBECTL=$binary
            mkdir -p "$HOME" "$dir"
            cd "$dir"
            k create namespace "$space" >/dev/null
            $steps
        ) >"$TEST_DIR/$version.said" 2>&1 &
        runs+=("$! $version")
    done <"$TEST_DIR/kubectls"
    for run in "${runs[@]}"; do
        if ! wait "${run% *}"; then
            failed=1
            echo "== kubectl ${run#* }" >&2
            tail -n 30 "$TEST_DIR/${run#* }.said" >&2
        fi
    done
    [ $failed = 0 ] || fail "not every kubectl got through"
}

# k ARG…: this kubectl, in this namespace.
k() {
    "$KUBECTL" --kubeconfig "$hub_dir/hub/admin.kubeconfig" \
        --cache-dir "$HOME/cache" -n "$space" "$@"
}

# says WHAT WANTED ARG…: what kubectl prints, both streams, is exactly that.
says() {
    local what=$1 wanted=$2 said
    shift 2
    said=$(k "$@" 2>&1) || true
    expect "$what" "$said" "$wanted"
}

# fails_with WANTED ARG…: it exits with another status than 0, and prints that.
fails_with() {
    local wanted=$1 said
    shift
    if said=$(k "$@" 2>&1); then fail "'$*' succeeded: $said"; fi
    expect_contains "what '$*' says" "$said" "$wanted"
}

# lacks WHAT TEXT PART: it is not in there.
lacks() { case $2 in *"$3"*) fail "$1: '$3' is in '$2'" ;; *) ;; esac; }
