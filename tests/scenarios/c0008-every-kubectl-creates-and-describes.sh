#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 900
# The commands that send protobuf, describe and events, and the words for those
# who may not, are not known, or came to the wrong door.
. "$(dirname "$0")/kubectls.sh"

start_hub

creates() {
    says "namespace" "namespace/$space-made created" create ns "$space-made"
    fails_with "Error from server (AlreadyExists): namespaces \"$space-made\" already exists" create ns "$space-made"
    printf 'one\377two' >bytes
    says "configmap" "configmap/settings created" create configmap settings --from-literal=color=red --from-file=bytes
    expect "text and bytes" "$(k get cm settings -o json | jq -c '[.data, .binaryData]')" '[{"color":"red"},{"bytes":"b25l/3R3bw=="}]'
    printf 'one\0two' >bytes
    fails_with "error: failed to create configmap" create configmap nul --from-file=bytes # what would be cut is refused
    says "secret" "secret/password created" create secret generic password --from-literal=word=hidden
    expect "its data" "$(k get secret password -o jsonpath='{.data.word} {.type}')" "aGlkZGVu Opaque"
    says "registry" "secret/pull created" create secret docker-registry pull --docker-server=r --docker-username=u --docker-password=p
    expect "its type" "$(k get secret pull -o jsonpath='{.type}')" kubernetes.io/dockerconfigjson
    says "account" "serviceaccount/robot created" create sa robot
    says "role" "role.rbac.authorization.k8s.io/reader created" create role reader --verb=get,list --resource=configmaps
    says "binding" "rolebinding.rbac.authorization.k8s.io/robot-reads created" create rolebinding robot-reads --role=reader --serviceaccount="$space:robot"
    says "dry run" "configmap/none created (server dry run)" create configmap none --dry-run=server
    fails_with 'error: failed to create configmap: ConfigMap "a_b" is invalid: metadata.name: Invalid value: "a_b": a lowercase RFC 1123 subdomain' create configmap a_b
    fails_with 'namespaces "nowhere" not found' create configmap x -n nowhere
    expect "who" "$(k auth whoami -o jsonpath='{.status.userInfo.username}')" system:admin
    expect "may" "$(k auth can-i create configmaps)" yes
    expect "account may" "$(k auth can-i list configmaps --as="system:serviceaccount:$space:robot" 2>&1 || true)" yes
    expect_contains "rules" "$(k auth can-i --list)" '*.*'
}

describes() {
    k apply -f - >/dev/null <<YAML
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: worker, labels: {app: web}}
spec:
  components:
  - {name: main, type: worker, properties: {command: [sleep, "1"]}}
YAML
    k wait wp/worker --for=jsonpath='{.status.latestRevision}'=v1 --timeout=120s >/dev/null
    until_true 60 has_event_of worker || fail "there is no Event: $(k get events)"
    k describe wp worker >described
    expect "a name" "$(sed -n 's/^Name: *//p' described)" worker
    expect "labels" "$(sed -n 's/^Labels: *//p' described)" app=web
    expect_contains "a field" "$(cat described)" "Latest Revision:      v1"
    expect_contains "its Events" "$(sed -n '/^Events:/,$p' described)" RevisionCreated
    expect_contains "describe a ConfigMap" "$(k describe cm settings)" $'color:\n----\nred'
    expect_contains "describe a Secret" "$(k describe secret password)" "word:  6 bytes"
    expect_contains "describe a namespace" "$(k describe ns "$space")" "Status:       Active"
    expect_contains "describe an account" "$(k describe sa robot)" robot
    expect_contains "describe a role" "$(k describe role reader)" "[get list]"
    expect_contains "events of one" "$(k events --for=workloadprofile/worker)" RevisionCreated
    expect_contains "events" "$(k events -o json | jq -r '.items[].reason')" RevisionCreated
    says "events of none" "No events found in $space-made namespace." events -n "$space-made"
    expect_contains "get events" "$(k get events)" "workloadprofile/worker"
    expect_contains "by type" "$(k get events --field-selector=type=Normal,involvedObject.name=worker -o name | head -n 1)" event/
}
has_event_of() { [ -n "$(k get events --field-selector="involvedObject.name=$1" -o name)" ]; }

# with_config AUTHORITY TOKEN ARG…: as whoever has that token.
with_config() {
    cat >config <<YAML
apiVersion: v1
kind: Config
clusters: [{name: a, cluster: {server: "$door", certificate-authority: "$1"}}]
users: [{name: a, user: {token: "$2"}}]
contexts: [{name: a, context: {cluster: a, user: a, namespace: "$space"}}]
current-context: a
YAML
    shift 2
    "$KUBECTL" --kubeconfig config --cache-dir "$HOME/other" "$@" 2>&1 || true
}

strangers() {
    local token door=$SERVER authority=$TEST_DIR/certificate-authority.pem who=system:serviceaccount:$space:robot
    token=$(k create token robot --duration=1h)
    expect "it may read" "$(with_config "$authority" "$token" get cm settings -o name)" configmap/settings
    expect "not another kind" "$(with_config "$authority" "$token" get secrets)" \
        "Error from server (Forbidden): secrets is forbidden: User \"$who\" cannot list resource \"secrets\" in API group \"\" in the namespace \"$space\""
    expect "not in all namespaces" "$(with_config "$authority" "$token" get cm -A)" \
        "Error from server (Forbidden): configmaps is forbidden: User \"$who\" cannot list resource \"configmaps\" in API group \"\" at the cluster scope"
    expect "not delete" "$(with_config "$authority" "$token" delete cm settings)" \
        "Error from server (Forbidden): configmaps \"settings\" is forbidden: User \"$who\" cannot delete resource \"configmaps\" in API group \"\" in the namespace \"$space\""
    expect "not ours" "$(with_config "$authority" "$token" get aiw)" \
        "Error from server (Forbidden): aiworkloads.axle.dev is forbidden: User \"$who\" cannot list resource \"aiworkloads\" in API group \"axle.dev\" in the namespace \"$space\""
    expect_contains "not known" "$(with_config "$authority" nonsense get cm)" "You must be logged in to the server"
    expect_contains "another authority" "$(with_config "$TEST_DIR/other.pem" "$token" get cm)" "certificate signed by unknown authority"
    door=https://hub.test:${SERVER##*:}
    expect_contains "another name" "$(with_config "$authority" "$token" --tls-server-name=hub.test --server="$SERVER" get cm)" \
        "certificate is valid for"
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$TEST_DIR/other.key" \
    -out "$TEST_DIR/other.pem" -days 2 -subj /CN=other 2>/dev/null || skip "openssl is not installed"

steps() {
    creates
    describes
    strangers
}
with_each_kubectl steps
