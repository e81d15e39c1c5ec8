#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A viewer of one project may list neither all workloads nor spokes. The console used to
# throw them out for that; it shows the project's workloads, and says why no spokes.
# limit: 300
. "$(dirname "$0")/lib.sh"

need_console
browser=$(command -v chromium || true)
[ -n "$browser" ] || skip "chromium is not installed"
command -v node >/dev/null || skip "nodejs is not installed"
[ -d "$repo/build/browser/node_modules/playwright-core" ] ||
    skip "playwright-core could not be fetched"

start_hub
apply >/dev/null <<YAML
{apiVersion: axle.dev/v1alpha1, kind: Tenant, metadata: {name: t}, spec: {}}
---
{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: lab}, spec: {tenant: t, viewers: ["system:serviceaccount:lab:looker"]}}
---
{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: plant}, spec: {tenant: t, viewers: ["system:serviceaccount:lab:looker"]}}
---
{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: other}, spec: {tenant: t}}
YAML
looker_may() { [ "$(kubectl auth can-i list aiworkloads -n "$1" --as system:serviceaccount:lab:looker)" = yes ]; }
until_true 10 looker_may lab && until_true 10 looker_may plant || fail "the viewer has no rights"
for place in lab plant other; do
    apply >/dev/null <<YAML
{apiVersion: axle.dev/v1alpha1, kind: AIWorkload, metadata: {name: work-of-$place, namespace: $place}, spec: {profileBundleRef: {name: none}, environmentRef: {name: none}}}
YAML
done
kubectl create serviceaccount looker -n lab >/dev/null
token=$(kubectl create token looker -n lab)

coproc BROWSER {
    CHROMIUM=$browser BROWSER_MODULES=$repo/build/browser exec node \
        "$repo/tests/browser/console.mjs" "$SERVER" "$token" - 2>"$TEST_DIR/browser.log"
}
browser_pid=$BROWSER_PID
browser_says() {
    local answer
    read -r -t 120 answer <&"${BROWSER[0]}" || fail "the browser does not $1"
    expect "what the browser says of '$1'" "$answer" ok
}
in_browser() {
    echo "$*" >&"${BROWSER[1]}"
    browser_says "$*"
}

browser_says "log in"
in_browser see work-of-lab
in_browser text "Spokes are shown to those who may list them.*cannot list resource"
in_browser press "Project lab"
in_browser text "You may not list the workloads of all projects"
in_browser project plant
in_browser see work-of-plant
in_browser gone work-of-lab
in_browser press "Project plant"
in_browser project other
in_browser text "cannot list resource .aiworkloads. .*in the namespace .other."
echo end >&"${BROWSER[1]}"
wait "$browser_pid" || fail "the browser met an error"
