#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Whoever put a finalizer on a binding kept its rights after it was deleted: on that of
# the project's members, after the project had let them go.
. "$(dirname "$0")/lib.sh"

start_hub
make_project lab red '' "admins: [alice], editors: [ed]"

bindings=/apis/rbac.authorization.k8s.io/v1/namespaces/lab/rolebindings
as() { status_of GET /api/v1/namespaces/lab/secrets -H "Impersonate-User: $1"; }
may_not() { [ "$(as "$1")" = 403 ]; }
may() { [ "$(as "$1")" = 200 ]; }
hold() {
    expect "a finalizer on $1" 200 "$(status_of PATCH "$1" -H 'Impersonate-User: alice' \
        -H 'Content-Type: application/merge-patch+json' -d '{"metadata":{"finalizers":["evil.example/x"]}}')"
}
members() { kubectl patch project lab --type=merge -p "$1" >/dev/null; }

until_true 10 may ed || fail "ed is an editor"
hold $bindings/axle:editors
members '{"spec":{"editors":[]}}'
until_true 10 may_not ed || fail "ed has been let go"
wait_gone -n lab rolebindings.rbac.authorization.k8s.io/axle:editors

# Deleted by hand: gone, and put back for those who are members.
members '{"spec":{"editors":["ed"]}}'
until_true 10 may ed || fail "ed is an editor again"
hold $bindings/axle:editors
kubectl -n lab delete rolebinding axle:editors --wait=false >/dev/null
until_true 10 may ed || fail "the binding is put back"
wait_for -n lab rolebindings.rbac.authorization.k8s.io/axle:editors '.metadata.deletionTimestamp // "none"' none

# One of somebody's own, and a role: what is deleted gives nothing while it is held.
kubectl -n lab create role look --verb=list --resource=secrets >/dev/null
kubectl -n lab create rolebinding look --role=look --user=lou >/dev/null
until_true 10 may lou || fail "lou may look"
hold $bindings/look
kubectl -n lab delete rolebinding look --wait=false >/dev/null
until_true 10 may_not lou || fail "the binding was deleted"
expect "it is there still" "$(status_of GET $bindings/look)" 200
kubectl -n lab create rolebinding again --role=look --user=lou >/dev/null
until_true 10 may lou || fail "lou may look again"
hold /apis/rbac.authorization.k8s.io/v1/namespaces/lab/roles/look
kubectl -n lab delete role look --wait=false >/dev/null
until_true 10 may_not lou || fail "the role was deleted"
stop hub
start_hub
expect "after a restart" "$(as lou)" 403
