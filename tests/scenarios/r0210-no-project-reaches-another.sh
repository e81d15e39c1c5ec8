#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What an editor and an administrator of one project try to get at another project's
# spokes, namespaces and Secrets is refused in words when it is applied.
. "$(dirname "$0")/lib.sh"

start_hub
find_kubectl
apply >/dev/null <<'YAML'
apiVersion: axle.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
---
apiVersion: axle.dev/v1alpha1
kind: Tenant
metadata: {name: rivals}
---
apiVersion: axle.dev/v1alpha1
kind: Project
metadata: {name: research}
spec: {tenant: acme, editors: [ed], admins: [ada]}
---
apiVersion: axle.dev/v1alpha1
kind: Project
metadata: {name: rival}
spec: {tenant: rivals, admins: [rita]}
YAML
wait_for projects/research .status.phase Ready
wait_for projects/rival .status.phase Ready
kubectl -n rival create secret generic crown --from-literal=jewel=ruby-$$ >/dev/null
start_spoke edge-1

as() { local who=$1; shift; kubectl --as "$who" "$@"; }
environment() { # NAME SPEC: as JSON, for whichever verb follows
    printf '{"apiVersion":"axle.dev/v1alpha1","kind":"Environment","metadata":{"name":"%s","namespace":"research"},"spec":%s}' "$1" "$2"
}
try() { environment "$1" "$2" | as ed "${@:3}" -f -; }
placed() { printf '{"topology":{"properties":{"placement":{"clusterSets":["%s"]}}}}' "$1"; }

# Another's namespace, by create, by both kinds of apply, by patch and by replace.
for target in rival kube-system tenant-rivals edge-1; do
    expect_refused 'spec.targetNamespace: "'$target'" is neither' try reach "{\"targetNamespace\":\"$target\"}" create
    expect_refused 'spec.targetNamespace: "'$target'" is neither' try reach "{\"targetNamespace\":\"$target\"}" apply
    expect_refused 'spec.targetNamespace: "'$target'" is neither' try reach "{\"targetNamespace\":\"$target\"}" apply --server-side
done
try all "$(placed default)" create >/dev/null
for type in merge json; do
    patch='{"spec":{"targetNamespace":"rival"}}'
    [ $type = merge ] || patch='[{"op":"add","path":"/spec/targetNamespace","value":"rival"}]'
    expect_refused 'spec.targetNamespace: "rival" is neither' as ed -n research patch environment all --type $type -p "$patch"
done
expect_refused 'spec.targetNamespace: "rival" is neither' try all '{"targetNamespace":"rival"}' replace
try all "$(placed default)" replace >/dev/null

# Sets that the tenant has not, and what a pool would lend.
expect_refused '"global" is not a set of spokes that the project "research" may place on; it has: default' try wide "$(placed global)" create
expect_refused '"rival.rack" is not a set' try wide "$(placed rival.rack)" create
pool() { printf '{"apiVersion":"axle.dev/v1alpha1","kind":"ComputePool","metadata":{"name":"%s","namespace":"%s"},"spec":%s}' "$1" "$2" "$3"; }
pool rack rival '{}' | as rita apply -f - >/dev/null
wait_for -n rival computepools/rack .status.phase Ready
expect_refused 'spec.sharedWith[0]: there is no project "research" in the tenant "rivals"' as rita -n rival patch computepool rack --type merge -p '{"spec":{"sharedWith":["research"]}}'
kubectl label managedcluster edge-1 --overwrite cluster.open-cluster-management.io/clusterset=rival.rack >/dev/null
wait_for -n rival computepools/rack .status.spokes 1
pool every research '{"clusterSelector":{}}' | as ada apply -f - >/dev/null
wait_for -n research computepools/every .status.phase Ready
expect "what a selector lends" "$(object -n research computepools/every | jq .status.spokes)" 0
expect "who is told of it" "$(object -n research placements/every | jq -c '[.status.clusters[]?]')" '[]'
for name in rival edge-1 kube-x Bad_Name; do
    expect_refused 'spec.spokes[0]: ' as ada -n research patch computepool every --type merge -p "{\"spec\":{\"spokes\":[\"$name\"]}}"
done

# Kinds that are not theirs, and statuses: what they may write, by the hub's own list.
writes() {
    request POST /apis/authorization.k8s.io/v1/selfsubjectrulesreviews -H "Impersonate-User: $1" -H 'Content-Type: application/json' \
        -d '{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectRulesReview","spec":{"namespace":"research"}}' |
        jq -r '[.status.resourceRules[] | select(.verbs | any(IN("*", "create", "update", "patch", "delete", "deletecollection"))) | .resources[]] | unique[]'
}
for who in ed ada; do
    expect_contains "what $who writes" "$(writes $who | paste -sd' ')" environments
    expect "what $who writes of others'" "$(writes $who | grep -E '^(\*|.*/status|manifestwork.*|placement.*|managedcluster.*|workloads|workloaddeployments|definitionrevisions|jointokens|tenants|projects|namespaces|cluster.*)$' || true)" ''
done
expect_refused 'is attempting to grant RBAC permissions not currently held' as ada -n research create rolebinding more --clusterrole cluster-admin --user ada
# Members of the system's, and names that belong to others.
project() { kubectl apply -f - <<<"{\"apiVersion\":\"axle.dev/v1alpha1\",\"kind\":\"Project\",\"metadata\":{\"name\":\"$1\"},\"spec\":$2}"; }
for member in group:system:masters group:system:authenticated system:admin 'system:open-cluster-management:edge-1:a' ''; do
    expect_refused 'spec.editors[1]: ' project research "{\"tenant\":\"acme\",\"editors\":[\"ed\",\"$member\"],\"admins\":[\"ada\"]}"
done
expect_refused 'belongs to the ManagedCluster' project edge-1 '{"tenant":"acme"}'
expect_refused 'metadata.name: the name "kube-system" is reserved' project kube-system '{"tenant":"acme"}'
expect_refused 'spec.targetNamespaces[0]: "rival" is the namespace of another project' project research '{"tenant":"acme","editors":["ed"],"admins":["ada"],"targetNamespaces":["rival"]}'

# Who may write Projects does not thereby use what a Tenant has, nor does who may write
# one Tenant become admin of its projects.
kubectl create clusterrole projects --verb get,create,patch --resource projects.axle.dev >/dev/null
kubectl create clusterrolebinding projects --clusterrole projects --user pam >/dev/null
for spec in '{"targetNamespaces":["free-1"]}' '{"clusterScopedKinds":["ClusterRoleBinding"]}' '{"limits":{"cpu":"9"}}'; do
    expect_refused 'may not update the Tenant "acme", which is needed' as pam patch project research --type merge -p "{\"spec\":$spec}"
done
expect_refused 'may not update the Tenant "rivals", which is needed' as pam create -f - <<<'{"apiVersion":"axle.dev/v1alpha1","kind":"Project","metadata":{"name":"pams"},"spec":{"tenant":"rivals"}}'
as pam patch project research --type merge -p '{"spec":{"displayName":"Research"}}' >/dev/null
kubectl create clusterrole tenants --verb get,patch --resource tenants.axle.dev --resource-name acme >/dev/null
kubectl create clusterrolebinding tenants --clusterrole tenants --user tom >/dev/null
kubectl -n tenant-acme create rolebinding tom --clusterrole admin --user tom >/dev/null
expect_refused 'is attempting to grant RBAC permissions not currently held' as tom patch tenant acme --type merge -p '{"spec":{"admins":["tom"]}}'

# A template that writes a Workload of its own, so that its spoke fetches what it names.
kubectl label managedcluster edge-1 --overwrite cluster.open-cluster-management.io/clusterset=default >/dev/null
as ed -n research apply -f - >/dev/null <<'YAML'
apiVersion: axle.dev/v1alpha1
kind: ComponentDefinition
metadata: {name: thief}
spec:
  template: |
    apiVersion: axle.dev/v1alpha1
    kind: Workload
    metadata: {name: hole}
    spec: {secretRefs: [{name: crown, namespace: rival}]}
---
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: loot}
spec: {type: Application, components: [{name: bag, type: thief}]}
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: loot}
spec: {type: Application, workloadProfileRefs: [{name: loot}]}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: heist}
spec: {profileBundleRef: {name: loot}, environmentRef: {name: all}}
YAML
wait_for -n research workloaddeployments/heist-loot '.status.conditions[]? | select(.type == "Rendered") | .reason' RenderFailed
expect_contains "why" "$(object -n research workloaddeployments/heist-loot | jq -r '.status.conditions[] | select(.type == "Rendered") | .message')" \
    "Axle's own kinds are made by the hub"
pki=$TEST_DIR/edge-1/spoke/pki
expect "the spoke reads it" "$(curl -s -o "$TEST_DIR/answer" -w '%{http_code}' --cacert "$pki/hub-ca.crt" --cert "$pki/client.crt" --key "$pki/client.key" "$SERVER/api/v1/namespaces/rival/secrets/crown")" 403

# The same through a namespace that the Project lists and that then becomes a project's.
expect_refused 'belongs to the project "research", which lists it' eval 'project research "{\"tenant\":\"acme\",\"editors\":[\"ed\"],\"admins\":[\"ada\"],\"targetNamespaces\":[\"later\"]}" >/dev/null; project later "{\"tenant\":\"rivals\"}"'
try all '{"targetNamespace":"later"}' apply --server-side --force-conflicts >/dev/null
