#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# viewers, editors and admins of a Project may what they should in its namespace,
# a Tenant's admins in all of its projects; what is taken away is gone.
. "$(dirname "$0")/lib.sh"

start_hub
find_kubectl
apply >/dev/null <<'YAML'
apiVersion: axle.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {admins: [tina]}
---
apiVersion: axle.dev/v1alpha1
kind: Project
metadata: {name: research}
spec:
  tenant: acme
  viewers: [vera, "group:readers"]
  editors: [ed, "system:serviceaccount:research:robot"]
  admins: [ada]
---
apiVersion: axle.dev/v1alpha1
kind: Project
metadata: {name: other}
spec: {tenant: acme}
YAML
wait_for projects/research .status.phase Ready
wait_for projects/other .status.phase Ready

# may WHO VERB WHAT NAMESPACE: yes or no.
may() { kubectl auth can-i "$2" "$3" -n "$4" --as "$1" "${@:5}" 2>/dev/null || true; }
expect "a viewer looks" "$(may vera list aiworkloads research)" yes
expect "and sees no secret" "$(may vera get secrets research)" no
expect "nor another project" "$(may vera list aiworkloads other)" no
expect "a group" "$(may x list aiworkloads research --as-group readers)" yes
expect "an editor writes" "$(may ed create aiworkloads research)" yes
expect "but makes no pools" "$(may ed create computepools research)" no
expect "an account edits" "$(may system:serviceaccount:research:robot create workloadprofiles research)" yes
expect "an admin makes pools" "$(may ada create computepools research)" yes
expect "and gives roles" "$(may ada create rolebindings research)" yes
expect "but writes no works" "$(may ada create manifestworks research)" no
expect "a tenant's admin" "$(may tina create computepools other)" yes
expect "is none of the hub" "$(may tina create tenants '')" no
kubectl --as vera get project research >/dev/null
expect_refused 'projects.axle.dev "other" is forbidden' kubectl --as vera get project other

# A binding of its own is put back; a name that is taken out loses.
kubectl -n research delete rolebinding axle:admins >/dev/null
until_true 30 kubectl -n research get rolebinding axle:admins >/dev/null 2>&1 || fail "the binding is not put back"
kubectl patch project research --type merge -p '{"spec":{"viewers":["group:readers"]}}' >/dev/null
is_out() { [ "$(may vera list aiworkloads research)" = no ]; }
until_true 30 is_out || fail "vera still looks"

# Being put on the list takes what giving the role takes.
kubectl create clusterrole projects --verb get,patch --resource projects.axle.dev >/dev/null
kubectl create clusterrolebinding projects --clusterrole projects --user pam >/dev/null
expect_refused 'is attempting to grant RBAC permissions not currently held' kubectl --as pam patch project research --type merge -p '{"spec":{"admins":["pam"]}}'
kubectl --as pam patch project research --type merge -p '{"spec":{"displayName":"Research"}}' >/dev/null
kubectl delete project research >/dev/null
wait_gone clusterroles.rbac.authorization.k8s.io/axle:project:research
