#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 600
# Every kind, verb, form of asking and place, as everybody, at a real hub: what comes
# back holds nothing that its asker may not read, and what is refused changes nothing.
. "$(dirname "$0")/lib.sh"
# Not the sanitized program: it is asked ten thousand times.
AXLE=$repo/build/release/axle
[ -x "$AXLE" ] || skip "build/release/axle is not built"

# Quotas are another matter (r0231).
start_hub --spoke-requests 100000 --spoke-writes 100000 --spoke-rate 1Gi --spoke-in-flight 1000 --spoke-connections 1000
for spoke in edge-1 edge-2; do
    start_spoke $spoke
    stop $spoke
done
post() { status_of POST "$1" -H 'Content-Type: application/json' -d "$2" | grep -q 201 || fail "POST $1: $(cat "$TEST_DIR/answer")"; }
member() { echo "\"system:serviceaccount:people:$1\""; }

post /api/v1/namespaces '{"metadata":{"name":"people"}}'
for name in none one viewer editor admin viewer2 tenant; do
    post /api/v1/namespaces/people/serviceaccounts '{"metadata":{"name":"'$name'"}}'
done
axle=/apis/axle.dev/v1alpha1
post $axle/tenants '{"apiVersion":"axle.dev/v1alpha1","kind":"Tenant","metadata":{"name":"t1"},"spec":{"admins":['"$(member tenant)"']}}'
post $axle/tenants '{"apiVersion":"axle.dev/v1alpha1","kind":"Tenant","metadata":{"name":"t2"},"spec":{}}'
post $axle/projects '{"apiVersion":"axle.dev/v1alpha1","kind":"Project","metadata":{"name":"p1"},"spec":{"tenant":"t1",
    "viewers":['"$(member viewer)"'],"editors":['"$(member editor)"'],"admins":['"$(member admin)"']}}'
post $axle/projects '{"apiVersion":"axle.dev/v1alpha1","kind":"Project","metadata":{"name":"p2"},"spec":{"tenant":"t2",
    "viewers":['"$(member viewer2)"']}}'
for project in p1 p2; do wait_for projects/$project .status.phase Ready; done
rbac=/apis/rbac.authorization.k8s.io/v1/namespaces/p1
post $rbac/roles '{"metadata":{"name":"one"},"rules":[{"apiGroups":[""],"resources":["secrets"],"resourceNames":["marked"],
    "verbs":["get","list","watch","update","patch","delete","deletecollection"]}]}'
post $rbac/rolebindings '{"metadata":{"name":"one"},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"one"},
    "subjects":[{"kind":"ServiceAccount","name":"one","namespace":"people"}]}'
token_create --uses 1 >"$TEST_DIR/join.token"

/usr/bin/python3 "$(dirname "$0")/access.py" "$SERVER" "$TEST_DIR" >"$TEST_DIR/access.txt" 2>&1 ||
    fail "$(tail -n 150 "$TEST_DIR/access.txt")"
cat "$TEST_DIR/access.txt"
