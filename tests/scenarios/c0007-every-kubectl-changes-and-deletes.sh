#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 900
# edit, patch, label, annotate, scale, replace and delete, on a kind built in and
# on one of ours; and what is said when they are refused.
. "$(dirname "$0")/kubectls.sh"

start_hub

make_both() {
    k create configmap "settings$1" --from-literal=color=red >/dev/null
    k apply -f - >/dev/null <<YAML
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: worker$1}
spec:
  components:
  - {name: main, type: worker, properties: {command: [sleep, "1"]}}
  - {name: side, type: worker, properties: {command: [sleep, "2"]}}
YAML
}
color() { k get cm settings -o jsonpath='{.data.color}'; }
generation() { k get wp worker -o jsonpath='{.metadata.generation}'; }

edits() {
    cat >editor <<'SH'
#!/bin/sh
sed -i "$EDIT" "$1"
SH
    chmod +x editor
    export KUBE_EDITOR=$PWD/editor EDIT
    EDIT='s/color: red/color: green/'
    says "edit" "configmap/settings edited" edit cm settings
    expect "it is changed" "$(color)" green
    EDIT='s/- "1"/- "9"/'
    says "edit ours" "workloadprofile.axle.dev/worker edited" edit wp worker
    expect "it is changed" "$(k get wp worker -o jsonpath='{.spec.components[0].properties.command[1]}')" 9
    EDIT='s/nothing/something/'
    says "no change" "Edit cancelled, no changes made." edit cm settings
    expect "no new version" "$(generation)" 2
}

patches() {
    says "strategic" "configmap/settings patched" patch cm settings -p '{"data":{"color":"blue"}}'
    says "strategic, again" "configmap/settings patched (no change)" patch cm settings -p '{"data":{"color":"blue"}}'
    says "merge" "configmap/settings patched" patch cm settings --type=merge -p '{"data":{"size":"big"}}'
    says "json" "configmap/settings patched" patch cm settings --type=json -p '[{"op":"test","path":"/data/size","value":"big"},{"op":"remove","path":"/data/size"}]'
    expect "what is left" "$(k get cm settings -o json | jq -c .data)" '{"color":"blue"}'
    # Ours take strategic ones too: items are found by their name.
    says "strategic, ours" "workloadprofile.axle.dev/worker patched" \
        patch wp worker -p '{"spec":{"components":[{"name":"side","properties":{"command":["true"]}}]}}'
    expect "one of two" "$(k get wp worker -o json | jq -c '[.spec.components[].properties.command[0]]')" '["sleep","true"]'
    says "merge, ours" "workloadprofile.axle.dev/worker patched" patch wp worker --type=merge -p '{"metadata":{"labels":{"a":"b"}}}'
    says "json, ours" "workloadprofile.axle.dev/worker patched" patch wp worker --type=json -p '[{"op":"add","path":"/metadata/labels/c","value":"d"}]'
    expect "no new generation for labels" "$(generation)" 3
    says "dry run" "configmap/settings patched" patch cm settings -p '{"data":{"color":"none"}}' --dry-run=server
    expect "nothing happened" "$(color)" blue

    fails_with 'configmaps "none" not found' patch cm none -p '{}'
    fails_with 'The request is invalid: the server rejected our request due to an error in our request' patch cm settings --type=json -p '[{"op":"test","path":"/data/color","value":"other"}]'
    fails_with 'The ConfigMap "settings" is invalid: metadata.labels: Invalid value: "a b"' patch cm settings -p '{"metadata":{"labels":{"x":"a b"}}}'
    fails_with 'Operation cannot be fulfilled on configmaps "settings": the object has been modified; please apply your changes to the latest version and try again' \
        patch cm settings -p '{"metadata":{"resourceVersion":"1"}}'

    local cluster=spoke-of-$space # a namespace has one owner
    # The status only through its door, and nothing else through it.
    k apply -f - >/dev/null <<YAML
apiVersion: cluster.open-cluster-management.io/v1
kind: ManagedCluster
metadata: {name: $cluster}
YAML
    says "status" "managedcluster.cluster.open-cluster-management.io/$cluster patched" \
        patch mcl "$cluster" --subresource=status --type=merge -p '{"status":{"version":{"kubernetes":"v1"}},"metadata":{"labels":{"not":"this"}}}'
    expect "the status" "$(k get mcl "$cluster" -o json | jq -c '[.status.version.kubernetes, .metadata.labels.not]')" '["v1",null]'
    k patch mcl "$cluster" --type=merge -p '{"status":{"version":{"kubernetes":"v2"}}}' >/dev/null
    expect "not by the other door" "$(k get mcl "$cluster" --subresource=status -o jsonpath='{.status.version.kubernetes}')" v1
    fails_with 'the server could not find the requested resource' patch cm settings --subresource=status --type=merge -p '{}'
    fails_with 'spec.tenant: Invalid value: "b": field is immutable' patch project "$space-project" --type=merge -p '{"spec":{"tenant":"b"}}'
}

labels() {
    says "label" "configmap/settings labeled" label cm settings app=web
    says "the same" "configmap/settings not labeled" label cm settings app=web
    fails_with "error: 'app' already has a value (web), and --overwrite is false" label cm settings app=db
    says "over it" "configmap/settings labeled" label cm settings app=db --overwrite
    says "away" "configmap/settings unlabeled" label cm settings app-
    says "annotate" "workloadprofile.axle.dev/worker annotated" annotate wp worker note=x
    says "all" "configmap/settings labeled" label cm -l '!none' --field-selector=metadata.name=settings every=yes
    says "dry" "configmap/settings labeled (server dry run)" label cm settings dry=yes --dry-run=server
    expect "labels" "$(k get cm settings -o json | jq -c .metadata.labels)" '{"every":"yes"}'
    # Nothing here has replicas, and that is said as for any kind without them.
    fails_with 'the server could not find the requested resource' scale wp/worker --replicas=2
    fails_with 'the server could not find the requested resource' scale wp/worker --replicas=2 --current-replicas=1
}

replaces() {
    k get cm settings -o yaml >settings.yaml
    sed 's/color: blue/color: white/' settings.yaml >white.yaml
    says "replace" "configmap/settings replaced" replace -f white.yaml
    fails_with 'Operation cannot be fulfilled on configmaps "settings": the object has been modified; please apply your changes to the latest version and try again' \
        replace -f settings.yaml
    sed -i '/resourceVersion/d' settings.yaml
    local uid
    uid=$(k get cm settings -o jsonpath='{.metadata.uid}')
    says "without a version" "configmap/settings replaced" replace -f settings.yaml
    expect "the same object" "$(k get cm settings -o jsonpath='{.metadata.uid}')" "$uid"
    sed -i '/uid/d' settings.yaml
    says "by force" $'configmap "settings" deleted\nconfigmap/settings replaced' replace --force -f settings.yaml
    [ "$(k get cm settings -o jsonpath='{.metadata.uid}')" != "$uid" ] || fail "it is still the same object"
    sed 's/name: settings/name: none/' settings.yaml >none.yaml
    fails_with 'configmaps "none" not found' replace -f none.yaml
    k get wp worker -o yaml | sed 's/- "9"/- "8"/' >worker.yaml
    says "ours" "workloadprofile.axle.dev/worker replaced" replace -f worker.yaml
}

deletes() {
    local i
    for i in 1 2 3 4 5; do k create configmap "d$i" >/dev/null; done
    k label cm d1 d2 group=x >/dev/null
    # Since 1.33 the namespace is named.
    deleted() { k delete "$@" 2>&1 | grep -v '^Warning: deleting cluster-scoped' | sed "s/ from $space namespace//"; }
    expect "dry" "$(deleted cm d5 --dry-run=server)" 'configmap "d5" deleted (server dry run)'
    expect "by name" "$(deleted cm d5)" 'configmap "d5" deleted'
    fails_with 'Error from server (NotFound): configmaps "d5" not found' delete cm d5
    says "it need not be there" "" delete cm d5 --ignore-not-found
    expect "by label" "$(deleted cm -l group=x)" $'configmap "d1" deleted\nconfigmap "d2" deleted'
    k create configmap d6 --dry-run=client -o yaml >d6.yaml
    k create -f d6.yaml >/dev/null
    expect "by file" "$(deleted -f d6.yaml)" 'configmap "d6" deleted'
    k create namespace "$space-all" >/dev/null
    for i in 1 2 3; do k create configmap "e$i" -n "$space-all" >/dev/null; done
    expect "all" "$(k delete cm --all -n "$space-all" 2>&1 | grep -c deleted)" 3
    expect "a namespace" "$(deleted ns "$space-all")" "namespace \"$space-all\" deleted"
    fails_with "namespaces \"$space-all\" not found" get ns "$space-all"
    fails_with 'namespaces "default" is forbidden: this namespace may not be deleted' delete ns default

    # Waits for its finalizer; in the foreground for its dependents as well.
    k patch cm d3 --type=merge -p '{"metadata":{"finalizers":["test.dev/hold"]}}' >/dev/null
    k delete cm d3 --wait=false >/dev/null
    expect "still there" "$(k get cm d3 -o json | jq '.metadata | has("deletionTimestamp")')" true
    fails_with 'Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"test.dev/more"}' \
        patch cm d3 --type=merge -p '{"metadata":{"finalizers":["test.dev/hold","test.dev/more"]}}'
    k patch cm d3 --type=merge -p '{"metadata":{"finalizers":null}}' >/dev/null
    fails_with 'configmaps "d3" not found' get cm d3

    k create configmap child >/dev/null
    k patch cm child --type=merge -p "{\"metadata\":{\"finalizers\":[\"test.dev/hold\"],\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"d4\",\"uid\":\"$(k get cm d4 -o jsonpath='{.metadata.uid}')\",\"blockOwnerDeletion\":true}]}}" >/dev/null
    k delete cm d4 --cascade=foreground --wait=false >/dev/null
    expect "the owner waits" "$(k get cm d4 -o jsonpath='{.metadata.finalizers}')" '["foregroundDeletion"]'
    k wait cm/child --for=jsonpath='{.metadata.deletionTimestamp}' --timeout=120s >/dev/null
    k patch cm child --type=merge -p '{"metadata":{"finalizers":null}}' >/dev/null
    k wait cm/d4 --for=delete --timeout=120s >/dev/null
    fails_with 'configmaps "child" not found' get cm child

    # Orphans stay.
    k create configmap owner >/dev/null
    k create configmap orphan >/dev/null
    k patch cm orphan --type=merge -p "{\"metadata\":{\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"owner\",\"uid\":\"$(k get cm owner -o jsonpath='{.metadata.uid}')\"}]}}" >/dev/null
    k delete cm owner --cascade=orphan >/dev/null
    expect "an orphan" "$(k get cm orphan -o json | jq '.metadata | has("ownerReferences")')" false
}

steps() {
    make_both ''
    k apply -f - >/dev/null <<YAML
apiVersion: axle.dev/v1alpha1
kind: Tenant
metadata: {name: $space-tenant}
spec: {}
---
apiVersion: axle.dev/v1alpha1
kind: Project
metadata: {name: $space-project}
spec: {tenant: $space-tenant}
YAML
    edits
    patches
    labels
    replaces
    deletes
}
with_each_kubectl steps
