#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Twenty thousand editors of a Project, compared each with each, stopped the whole hub
# for half a minute, at every change again.
. "$(dirname "$0")/lib.sh"

start_hub
tenants=/apis/axle.dev/v1alpha1/tenants projects=/apis/axle.dev/v1alpha1/projects
# send PATH FIELD COUNT ORDER: a list of so many names at spec.FIELD.
send() {
    jq -cn --arg field "$2" --argjson n "$3" "{spec: {(\$field): [range(\$n) | \"n\\(.)\"] $4}}" >"$TEST_DIR/body"
    expect "$2" "$(status_of PATCH "$1" -H 'Content-Type: application/merge-patch+json' --data-binary @"$TEST_DIR/body")" 200
}
subjects() { get_raw "/apis/rbac.authorization.k8s.io/v1/namespaces/lab/rolebindings/axle:$1" | jq '.subjects | length'; }
has_subjects() { [ "$(subjects "$1")" = "$2" ]; }
apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
---
apiVersion: axle.dev/v1alpha1
kind: Project
metadata: {name: lab}
spec: {tenant: acme}
YAML
until_true 60 kubectl get ns lab >/dev/null 2>&1 || fail "no namespace lab"

began=$SECONDS
for list in viewers editors targetNamespaces sharedTargetNamespaces; do
    send "$projects/lab" "$list" 20000 ''
    send "$projects/lab" "$list" 20000 '| reverse'
done
until_true 60 has_subjects editors 20000 || fail "editors: $(subjects editors)"
# Who is named twice is bound once.
send "$projects/lab" editors 3 '| . + .'
until_true 60 has_subjects editors 3 || fail "editors: $(subjects editors)"
send "$projects/lab" viewers 0 ''
send "$tenants/acme" admins 5000 ''
send "$tenants/acme" admins 5000 '| reverse'
until_true 60 has_subjects admins 5000 || fail "admins: $(subjects admins)"
[ $((SECONDS - began)) -lt 60 ] || fail "the hub was busy for $((SECONDS - began)) s"
