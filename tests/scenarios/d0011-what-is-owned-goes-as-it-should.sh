#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kubectl delete with each cascade, and of a namespace that holds something back:
# it says what, and goes when that is let go.
. "$(dirname "$0")/lib.sh"

start_hub
find_kubectl
kubectl create namespace lab >/dev/null

# child NAME [METADATA]: owned by the ConfigMap "parent".
child() {
    apply >/dev/null <<YAML
apiVersion: v1
kind: ConfigMap
metadata:
  name: $1
  namespace: lab
  ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: parent, uid: $uid, blockOwnerDeletion: true}]
  ${2:-}
YAML
}
parent() {
    kubectl -n lab create configmap parent >/dev/null
    uid=$(kubectl -n lab get configmap parent -o jsonpath='{.metadata.uid}')
}

parent
child one 'finalizers: [test.example/hold]'
kubectl -n lab delete configmap parent --cascade=foreground --wait=false >/dev/null
wait_for -n lab configmaps/one '.metadata.deletionTimestamp != null' true
expect "the owner waits" "$(kubectl -n lab get configmap parent -o jsonpath='{.metadata.finalizers}')" '["foregroundDeletion"]'
expect "what lets go answers" "$(kubectl -n lab patch configmap one --type merge -p '{"metadata":{"finalizers":null}}')" 'configmap/one patched'
wait_gone -n lab configmaps/parent

parent
child two
kubectl -n lab delete configmap parent --cascade=orphan >/dev/null
wait_gone -n lab configmaps/parent
expect "an orphan has no owner" "$(kubectl -n lab get configmap two -o jsonpath='{.metadata.ownerReferences}')" ""

parent
child three
kubectl -n lab delete configmap parent >/dev/null
wait_gone -n lab configmaps/three

kubectl -n lab patch configmap two --type merge -p '{"metadata":{"finalizers":["test.example/hold"]}}' >/dev/null
kubectl delete namespace lab --wait=false >/dev/null
wait_for namespaces/lab '[.status.phase, (.status.conditions[]? | select(.type == "NamespaceFinalizersRemaining") | .message)] | join(": ")' \
    'Terminating: Some content in the namespace has finalizers remaining: test.example/hold in 1 resource instances'
expect_refused 'unable to create new content in namespace lab because it is being terminated' kubectl -n lab create configmap late
kubectl -n lab patch configmap two --type merge -p '{"metadata":{"finalizers":null}}' >/dev/null
wait_gone namespaces/lab
expect_refused 'this namespace may not be deleted' kubectl delete namespace default
