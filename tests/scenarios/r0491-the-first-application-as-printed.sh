#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# docs/FIRST-APPLICATION.md as it is printed: its blocks of shell are run in order, by the
# real kubectl. What differs is said in one place. What an image needs is run where podman
# works.
. "$(dirname "$0")/lib.sh"

command -v python3 >/dev/null || skip "python3 is not installed"
find_kubectl
page=$repo/docs/FIRST-APPLICATION.md
mkdir -p "$TEST_DIR/build" "$TEST_DIR/bin"
ln -s "$AXLE" "$TEST_DIR/build/axle"
ln -s "$KUBECTL" "$TEST_DIR/bin/kubectl"
export PATH=$TEST_DIR/bin:$PATH AXLE_DATA_DIR=$hub_dir
unset -f kubectl
cd "$TEST_DIR"

# block HEADING N: the Nth block of shell below the heading that begins so.
block() {
    awk -v heading="## $1" -v wanted="$2" '
        /^## / { here = index($0, heading) == 1 }
        here && /^```sh/ { n++; inside = 1; next }
        /^```/ { inside = 0 }
        inside && n == wanted' "$page" | sed "s|/var/lib/axle|$hub_dir|"
}
# All blocks below a heading, in one shell as in a terminal; its output in OUT.
play() {
    local text='' n one
    for ((n = 1; ; n++)); do
        one=$(block "$1" $n)
        [ -n "$one" ] || break
        text+=$one$'\n'
    done
    [ -n "$text" ] || fail "the page has no commands below \"$1\""
    run_text "$1" "$text"
}
run_text() {
    printf 'exec 2>&1; set -eux -o pipefail\n%s\ndeclare -p url >"%s/url" 2>/dev/null || true\n' \
        "$([ -f "$TEST_DIR/url" ] && cat "$TEST_DIR/url")"$'\n'"$2" "$TEST_DIR" >"$TEST_DIR/blocks"
    bash "$TEST_DIR/blocks" >"$TEST_DIR/out" || fail "\"$1\" ends with $?: $(cat "$TEST_DIR/out")"
    OUT=$(cat "$TEST_DIR/out")
}

start_all_in_one
# The blocks before the first numbered part set the terminal up.
intro=$(awk '/^## / { exit } /^```sh/ { inside = 1; next } /^```/ { inside = 0 } inside' "$page" | sed "s|/var/lib/axle|$hub_dir|")
eval "$(grep '^export' <<<"$intro")"
expect "KUBECONFIG" "$KUBECONFIG" "$hub_dir/hub/admin.kubeconfig"
has_spoke() { command kubectl get managedcluster local-cluster -o json | jq -e '.status.conditions[]? | select(.type == "ManagedClusterConditionAvailable" and .status == "True")' >/dev/null; }
until_true 30 has_spoke || fail "there is no spoke"

play "1."
expect_contains "the project is ready" "$OUT" "Ready"
play "2."
expect_contains "the service answers" "$OUT" "Hello from hello-server-"
expect_contains "its type is explained" "$OUT" "claimName"
play "3."
said=$(awk '/^## / { here = /^## 3/ } here && /^```$/ { n++; next } here && n == 1 && /component/' "$page")
expect_contains "the mistake is told in the words of the page" "$OUT" "$said"
expect_contains "what it printed" "$OUT" "GET / HTTP/1.1"
play "4."
expect_contains "two answers, one count" "$OUT" "Hello, visit 2, 6 letters of password, file: one word per line, by hello-server-"
expect_contains "which outlives its processes" "$OUT" "Hello, visit 3,"
play "5."
expect_contains "changed" "$OUT" "Good morning, visit 4,"
expect_contains "and back" "$OUT" "Good morning from hello-server-"
play "6."
expect_contains "the batch task has counted" "$OUT" "4 visits"

run_text "7." "$(block 7. 1)"
expect_contains "that there is no engine" "$OUT" "this spoke runs processes only; start it with --runtime=engine"

# An engine of its own, and an image of that name which is a static program.
make_engine() {
    if ss -Hltn 'sport = :8080' 2>/dev/null | grep -q .; then return 1; fi
    [ "$(id -u)" = 0 ] && command -v podman >/dev/null && command -v cc >/dev/null || return 1
    cat >"$TEST_DIR/server.c" <<'C'
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void)
{
    const char *port = getenv("PORT");
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port ? atoi(port) : 80)};
    int one = 1, server = socket(AF_INET, SOCK_STREAM, 0);
    const char *text = "HTTP/1.0 200 OK\r\nContent-Length: 14\r\n\r\nfrom an image\n";
    char bytes[4096];
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(server, (struct sockaddr *)&at, sizeof at) || listen(server, 16)) return 1;
    for (;;) {
        int peer = accept(server, 0, 0);
        if (read(peer, bytes, sizeof bytes) > 0) write(peer, text, strlen(text));
        close(peer);
    }
}
C
    # Its path may not have 50 letters.
    runroot=$(mktemp -d /tmp/axle-run.XXXXXX)
    at_end 'rm -rf "$runroot"'
    podman=(podman --root "$TEST_DIR/store" --runroot "$runroot" --cgroup-manager cgroupfs)
    cc -w -static -o "$TEST_DIR/s" "$TEST_DIR/server.c" 2>/dev/null && tar -C "$TEST_DIR" -cf "$TEST_DIR/s.tar" s &&
        "${podman[@]}" import --change 'ENTRYPOINT ["/s"]' "$TEST_DIR/s.tar" docker.io/nginxinc/nginx-unprivileged:1.27 >/dev/null 2>&1
}
start_engine() {
    unshare -m sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"' - \
        "${podman[@]}" system service -t 0 "unix://$TEST_DIR/engine.sock" >"$TEST_DIR/podman.log" 2>&1 &
    has_socket() { [ -S "$TEST_DIR/engine.sock" ]; }
    until_true 30 has_socket
}
if make_engine && start_engine; then
    stop hub
    start_all_in_one --runtime=engine --engine-socket "$TEST_DIR/engine.sock"
    run_text "7." "$(block 7. 2)"
    expect_contains "what the image answers" "$OUT" "from an image"
else
    echo "# the part with an image is left out: no podman that could import an image here, or port 8080 is taken"
fi

play "8."
expect "nothing of it is left" "$(command kubectl get tenants,projects -o name)" ""
expect "nor runs" "$(pgrep -xf 'python3 -u hello.py' || true)" ""
