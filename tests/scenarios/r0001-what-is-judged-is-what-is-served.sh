#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A right to one object never shows another, however it is asked for; a write needs
# every right that its effect needs; what is held open ends with its right.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
start_spoke edge-2

# as_admin METHOD PATH JSON: must succeed.
as_admin() {
    local status
    status=$(status_of "$1" "$2" -H "Content-Type: ${4:-application/json}" -d "$3")
    [[ $status = 20[01] ]] || fail "$1 $2: $status $(cat "$TEST_DIR/answer")"
}
lab=/api/v1/namespaces/lab
rbac=/apis/rbac.authorization.k8s.io/v1/namespaces/lab
as_admin POST /api/v1/namespaces '{"metadata":{"name":"lab"}}'
for name in mine other third; do
    as_admin POST $lab/secrets '{"metadata":{"name":"'$name'"},"stringData":{"word":"mark-of-'$name'"}}'
done
as_admin POST $lab/serviceaccounts '{"metadata":{"name":"bot"}}'
as_admin POST $rbac/roles '{"metadata":{"name":"one"},"rules":[
  {"apiGroups":[""],"resources":["secrets"],"resourceNames":["mine"],
   "verbs":["get","list","watch","delete","deletecollection","update","patch"]}]}'
as_admin POST $rbac/rolebindings '{"metadata":{"name":"one"},
  "roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"one"},
  "subjects":[{"kind":"ServiceAccount","name":"bot","namespace":"lab"}]}'
token=$(request POST $lab/serviceaccounts/bot/token -H 'Content-Type: application/json' -d '{"spec":{}}' |
    jq -r .status.token)

# as_bot METHOD PATH [CURL ARGUMENT…]: the status; what came back is in $TEST_DIR/seen.
as_bot() {
    local method=$1 path=$2
    shift 2
    curl -sS --max-time 20 -X "$method" --cacert "$TEST_DIR/certificate-authority.pem" \
        -H "Authorization: Bearer $token" -o "$TEST_DIR/seen" -w '%{http_code}' "$@" "$SERVER$path"
}
# as_spoke NAME METHOD PATH [CURL ARGUMENT…]: the same with the certificate of a spoke.
as_spoke() {
    local pki=$TEST_DIR/$1/spoke/pki method=$2 path=$3
    shift 3
    curl -sS --max-time 20 -X "$method" --cacert "$TEST_DIR/certificate-authority.pem" \
        --cert "$pki/client.crt" --key "$pki/client.key" \
        -o "$TEST_DIR/seen" -w '%{http_code}' "$@" "$SERVER$path"
}
base64_of() { printf %s "mark-of-$1" | base64; }
shows_only_mine() {
    ! grep -qe "$(base64_of other)" -e "$(base64_of third)" -e '"name":"other"' "$TEST_DIR/seen" ||
        fail "$1 shows what it may not: $(head -c 400 "$TEST_DIR/seen")"
}

# The many ways to ask for one name, each for that name only. A watch is held a second.
while read -r query; do
    as_bot GET "$lab/secrets$query" >"$TEST_DIR/status"
    shows_only_mine "GET secrets$query"
    case $(cat "$TEST_DIR/status") in
    200) grep -q "$(base64_of mine)" "$TEST_DIR/seen" || fail "GET secrets$query shows nothing" ;;
    *) fail "GET secrets$query: $(cat "$TEST_DIR/status" "$TEST_DIR/seen")" ;;
    esac
done <<'QUERIES'
/mine
?fieldSelector=metadata.name=mine
?fieldSelector=metadata.name%3D%3Dmine,metadata.namespace%3Dlab
/mine?watch=true&timeoutSeconds=1
/mine?watch=1&timeoutSeconds=1&resourceVersion=0
/mine?watch&timeoutSeconds=1
/mine?watch=True&timeoutSeconds=1&allowWatchBookmarks=true
/mine?watch=true&timeoutSeconds=1&fieldSelector=metadata.name=mine
/mine?watch=true&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan
?watch=true&timeoutSeconds=1&fieldSelector=metadata.name=mine
?watch=true&timeoutSeconds=1&fieldSelector=type%3DOpaque,metadata.name%3Dmine
QUERIES

# Two names at once are judged as neither.
expect "a contradicting selector" "$(as_bot GET "$lab/secrets/mine?watch=true&timeoutSeconds=1&fieldSelector=metadata.name=other")" 400
expect_contains "it" "$(cat "$TEST_DIR/seen")" "fieldSelector metadata.name doesn't match requested name"
expect "one that says no name" "$(as_bot GET "$lab/secrets/mine?watch=true&timeoutSeconds=1&fieldSelector=metadata.namespace=lab")" 400
as_bot GET "$lab/secrets?fieldSelector=metadata.name=mine,metadata.name=other" >/dev/null
shows_only_mine "two names in one selector"
for query in '?watch=true&timeoutSeconds=1' '?fieldSelector=metadata.name!=other' '?labelSelector=a=b' \
    '?watch=true&timeoutSeconds=1&fieldSelector=metadata.namespace=lab'; do
    expect "GET secrets$query" "$(as_bot GET "$lab/secrets$query")" 403
done
expect "the whole collection" "$(as_bot DELETE "$lab/secrets")" 403
expect "one of it" "$(as_bot DELETE "$lab/secrets?fieldSelector=metadata.name=mine&dryRun=All")" 200
expect "the others are there" "$(request GET $lab/secrets | jq -r '[.items[].metadata.name] | join(" ")')" "mine other third"

# A spoke sees itself, not that there are others.
clusters=/apis/cluster.open-cluster-management.io/v1/managedclusters
for query in '/edge-1?watch=true&timeoutSeconds=1' '?fieldSelector=metadata.name=edge-1'; do
    expect "$query" "$(as_spoke edge-1 GET "$clusters$query")" 200
    ! grep -q edge-2 "$TEST_DIR/seen" || fail "$query shows another spoke"
done
csrs=/apis/certificates.k8s.io/v1/certificatesigningrequests
own=$(request GET $csrs | jq -r '.items[] | select(.spec.username | contains("bootstrap")) | .metadata.name' | head -n 1)
as_spoke edge-1 GET "$csrs/$own?watch=true&timeoutSeconds=1" >/dev/null
! grep -q edge-2 "$TEST_DIR/seen" || fail "a watch of a request shows another spoke's"

csr=$(openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=x 2>/dev/null | base64 -w0)
expect "a request under another's label" "$(as_spoke edge-1 POST $csrs -H 'Content-Type: application/json' -d '{"metadata":{
    "generateName":"x-","labels":{"open-cluster-management.io/cluster-name":"edge-2"}},
    "spec":{"request":"'"$csr"'","signerName":"kubernetes.io/kube-apiserver-client","usages":["client auth"]}}')" 403

# Apply that creates needs create; it may change what is there.
apply='Content-Type: application/apply-patch+yaml'
expect "apply of what is there" "$(as_bot PATCH "$lab/secrets/mine?fieldManager=bot" -H "$apply" \
    -d '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"mine","labels":{"by":"bot"}}}')" 200
request DELETE $lab/secrets/mine >/dev/null
expect "apply that creates" "$(as_bot PATCH "$lab/secrets/mine?fieldManager=bot" -H "$apply" \
    -d '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"mine"}}')" 403
expect_contains "it" "$(cat "$TEST_DIR/seen")" 'cannot create resource \"secrets\" in API group \"\" in the namespace \"lab\"'
expect "nothing was made" "$(status_of GET $lab/secrets/mine)" 404

# A spoke removes its own finalizer from a work, and changes nothing else of it.
works=/apis/work.open-cluster-management.io/v1/namespaces/edge-1/manifestworks
as_admin POST $works '{"metadata":{"name":"w","finalizers":["example.com/mine"]},"spec":{"workload":{"manifests":[
  {"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"default"}}]}}}'
before=$(request GET $works/w | jq -S 'del(.metadata.resourceVersion, .metadata.managedFields, .metadata.finalizers, .status)')
while IFS=$'\t' read -r type body; do
    expect "$type $body" "$(as_spoke edge-1 PATCH "$works/w?fieldManager=x" -H "Content-Type: application/$type" -d "$body")" 403
    expect_contains "it" "$(cat "$TEST_DIR/seen")" "may change its own finalizer"
done <<'PATCHES'
merge-patch+json	{"spec":{"workload":{"manifests":[]}}}
merge-patch+json	{"metadata":{"labels":{"a":"b"}}}
merge-patch+json	{"metadata":{"annotations":{"a":"b"}}}
merge-patch+json	{"metadata":{"finalizers":["example.com/other"]}}
merge-patch+json	{"metadata":{"finalizers":null}}
merge-patch+json	{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Namespace","name":"lab","uid":"x"}]}}
json-patch+json	[{"op":"replace","path":"/spec/workload/manifests","value":[]}]
json-patch+json	[{"op":"add","path":"/metadata/finalizers/-","value":"example.com/other"}]
json-patch+json	[{"op":"remove","path":"/spec"}]
strategic-merge-patch+json	{"spec":{"deleteOption":{"propagationPolicy":"Orphan"}}}
PATCHES
status=$(as_spoke edge-1 PATCH "$works/w?fieldManager=x&force=true" -H "$apply" \
    -d '{"apiVersion":"work.open-cluster-management.io/v1","kind":"ManifestWork","metadata":{"name":"w"},"spec":{"deleteOption":{"propagationPolicy":"Orphan"}}}')
expect "apply" "$status" 403
expect "apply of a new work" "$(as_spoke edge-1 PATCH "$works/new?fieldManager=x" -H "$apply" \
    -d '{"apiVersion":"work.open-cluster-management.io/v1","kind":"ManifestWork","metadata":{"name":"new"},"spec":{"workload":{"manifests":[]}}}')" 403
request GET $works/w | jq '.spec.workload.manifests = []' >"$TEST_DIR/work"
expect "update" "$(as_spoke edge-1 PUT "$works/w" -H 'Content-Type: application/json' -d "@$TEST_DIR/work")" 403
expect "the work is as it was" "$(request GET $works/w | jq -S 'del(.metadata.resourceVersion, .metadata.managedFields, .metadata.finalizers, .status)')" "$before"
expect "its own finalizer may go" "$(as_spoke edge-1 PATCH "$works/w" -H 'Content-Type: application/merge-patch+json' \
    -d '{"metadata":{"finalizers":["example.com/mine"]}}')" 200

# A watch ends when what allows it goes: the binding, the account.
watch_as_bot() {
    curl -sS -N --max-time 100 --cacert "$TEST_DIR/certificate-authority.pem" -H "Authorization: Bearer $token" \
        "$SERVER$lab/secrets/mine?watch=true&resourceVersion=0" >"$TEST_DIR/watched" 2>&1 &
    watcher=$!
    until_true 30 grep -q mark-seen "$TEST_DIR/watched" || fail "the watch shows nothing"
}
watch_ended() { ! kill -0 $watcher 2>/dev/null; }
as_admin POST $lab/secrets '{"metadata":{"name":"mine","labels":{"is":"mark-seen"}}}'
watch_as_bot
as_admin POST $rbac/roles '{"metadata":{"name":"unrelated"},"rules":[]}'
watch_ended && fail "a change of others' rights ended it"
request DELETE $rbac/rolebindings/one >/dev/null
until_true 10 watch_ended || fail "the watch outlives its binding"
as_admin POST $rbac/rolebindings '{"metadata":{"name":"one"},
  "roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"one"},
  "subjects":[{"kind":"ServiceAccount","name":"bot","namespace":"lab"}]}'
watch_as_bot
request DELETE $lab/serviceaccounts/bot >/dev/null
until_true 10 watch_ended || fail "the watch outlives its account"
