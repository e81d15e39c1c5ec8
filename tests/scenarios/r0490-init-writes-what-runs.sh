#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `axle init` writes what the API takes as it is: a service that answers, in an
# Environment and in a pool, whatever it is named. It overwrites nothing, and a name
# that cannot be is refused before anything is written. `axle explain` lists the types.
. "$(dirname "$0")/lib.sh"

start_all_in_one
find_kubectl
mkdir -p "$TEST_DIR/bin"
ln -s "$KUBECTL" "$TEST_DIR/bin/kubectl"
ln -s "$AXLE" "$TEST_DIR/bin/axle"
export PATH=$TEST_DIR/bin:$PATH AXLE_DATA_DIR=$hub_dir
unset -f kubectl
cd "$TEST_DIR"
export KUBECTL_CACHE_DIR=$TEST_DIR/kube-cache

# What it prints is run as printed.
next_of() { sed -n 's/^  //p' <<<"$1"; }
said=$(axle init first </dev/null)
expect "what comes next is four lines" "$(next_of "$said" | wc -l)" 4
unset KUBECONFIG
answer=$(bash -eu -c "$(next_of "$said")" 2>"$TEST_DIR/first.log" | tail -n 1) || fail "$(cat "$TEST_DIR/first.log")"
expect_contains "the service answers" "$answer" "Hello from hello-server-"
export KUBECONFIG=$hub_dir/hub/admin.kubeconfig

# Names that YAML takes for something else, a command, a pool and its machine.
said=$(axle init second --tenant 123 --project 1e3 --app "true" --pool "null" --spoke edge-1 \
    --command 'echo "$PORT:" >note; exec python3 -m http.server $PORT')
expect "without an export, for \$KUBECONFIG is there" "$(next_of "$said" | wc -l)" 3
expect_contains "it says what the pool waits for" "$said" "Secret null-SPOKE-join"
bash -eu -c "$(next_of "$said" | sed -n 1p)"
has_token() { kubectl get secret -n 1e3 null-edge-1-join >/dev/null 2>&1; }
until_true 20 has_token || fail "the pool has no token for edge-1"
(umask 077 && kubectl get secret -n 1e3 null-edge-1-join -o jsonpath='{.data.token}' | base64 -d >"$TEST_DIR/edge-1.token")
start edge-1 --mode=spoke --name edge-1 --data-dir "$TEST_DIR/edge-1" --join "$SERVER" --token-file "$TEST_DIR/edge-1.token"
answer=$(bash -eu -c "$(next_of "$said")" 2>"$TEST_DIR/second.log") || fail "$(cat "$TEST_DIR/second.log")"
expect_contains "its command runs in a shell" "$answer" "note"

# An image: dry, for there may be no engine here.
axle init -o yaml --project research --app web --image docker.io/library/nginx:1.27 |
    kubectl apply --dry-run=server -f - >"$TEST_DIR/dry" || fail "an image: $(cat "$TEST_DIR/dry")"
expect_contains "with a port of its own" "$(axle init -o yaml --image a/b --port 8080)" "port: 8080"

# Nothing is overwritten, and nothing is written by halves.
expect_refused "first/project.yaml exists already" axle init first
mkdir third
echo mine >third/app.yaml
expect_refused "third/app.yaml exists already" axle init third
expect "nothing is written beside it" "$(ls third)" app.yaml
expect "and it is as it was" "$(cat third/app.yaml)" mine

refused() {
    expect_refused "$1" axle init fourth "${@:2}"
    [ ! -e fourth ] || fail "$* leaves something behind"
}
refused '--project: "kube-x": is reserved' --project kube-x
refused '--project: "a.b": must not contain dots' --project a.b
refused '--tenant: "'"$(printf 'a%.0s' {1..57})"'": must be no more than 56 characters' --tenant "$(printf 'a%.0s' {1..57})"
refused '--app: "Big": a lowercase RFC 1123 label' --app Big
refused '--image: "a b": must be' --image "a b"
refused '--port: "x": must be a number' --port x
refused '--spoke is a machine of a pool' --spoke edge-1
refused 'leave one of them out' --pool a --environment b

# On a terminal it asks, and asks again.
command -v python3 >/dev/null || skip "python3 is not installed"
cat >asked.py <<'PYTHON'
import os, pty, sys
lines = sys.argv[1].encode().decode("unicode_escape").encode()
pid, fd = pty.fork()
if pid == 0:
    os.execvp("axle", ["axle", "init"])
os.write(fd, lines)
out = b""
try:
    while True:
        got = os.read(fd, 4096)
        if not got:
            break
        out += got
except OSError:
    pass
sys.stdout.write(out.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
mkdir fifth
said=$(cd fifth && python3 ../asked.py '\nkube-y\nlabs\n\nchat\n\n') || fail "it does not end well: $said"
expect_contains "a wrong name is asked for again" "$said" '"kube-y": is reserved'
expect_contains "what is said" "$(cat fifth/project.yaml)" "metadata: {name: labs}"
expect_contains "what is not said" "$(cat fifth/project.yaml)" "metadata: {name: institute}"
expect_contains "the application" "$(cat fifth/app.yaml)" "metadata: {name: chat, namespace: labs}"
mkdir sixth
if (cd sixth && python3 ../asked.py '\n\x04') >sixth.out; then fail "an end in between is well"; fi
expect_contains "an end in between" "$(cat sixth.out)" "nothing was written"
expect "and nothing is" "$(ls sixth)" ""

# What types there are.
listed=$(axle explain)
for type in webservice worker task scaler service; do expect_contains "axle explain" "$listed" "$type"; done
expect_contains "what one takes" "$(axle explain webservice)" "volumeMounts"
expect_contains "what is inside" "$(axle explain webservice.volumeMounts.pvc)" "claimName"
expect_refused "did you mean webservice?" axle explain webservise
expect_refused "did you mean replicas?" axle explain worker.replica
kubectl apply -f - <<'YAML'
apiVersion: axle.dev/v1alpha1
kind: ComponentDefinition
metadata: {name: mine, namespace: research}
spec:
  description: One of our own.
  schema: {type: object, properties: {depth: {type: integer, default: 3, description: How deep.}}}
  template: "{apiVersion: v1, kind: ConfigMap}"
YAML
expect_contains "a type of one's own" "$(axle explain mine --project research)" "How deep. Default: 3."
