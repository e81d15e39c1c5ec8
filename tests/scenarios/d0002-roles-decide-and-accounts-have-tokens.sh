#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# kubectl create token, auth can-i, whoami and --as say what is enforced; refusals
# are kube-apiserver's; tokens that are wrong, expired or of nobody are not taken.
. "$(dirname "$0")/lib.sh"

start_hub
find_kubectl
kubectl create namespace lab >/dev/null
kubectl -n lab create serviceaccount bot >/dev/null

# as TOKEN ARG…: kubectl with this token and nothing else.
as() {
    local token=$1
    shift
    "$KUBECTL" --kubeconfig /dev/null --server "$SERVER" --token "$token" \
        --certificate-authority "$TEST_DIR/certificate-authority.pem" \
        --cache-dir "$TEST_DIR/cache-of-others" -n lab "$@"
}
bot=$(kubectl -n lab create token bot --duration 20m)

# Without a role: known, and allowed nothing but to ask.
expect "whoami" "$(as "$bot" auth whoami -o jsonpath='{.status.userInfo.username}')" system:serviceaccount:lab:bot
expect "can-i, without a role" "$(as "$bot" auth can-i list configmaps || true)" no
expect_refused 'configmaps is forbidden: User "system:serviceaccount:lab:bot" cannot list resource "configmaps" in API group "" in the namespace "lab"' as "$bot" get configmaps
expect_refused 'tenants.axle.dev is forbidden: User "system:serviceaccount:lab:bot" cannot list resource "tenants" in API group "axle.dev" at the cluster scope' as "$bot" get tenants
expect_refused 'forbidden: User "system:serviceaccount:lab:bot" cannot get path "/metrics"' as "$bot" get --raw /metrics

# A binding gives at once, in its namespace.
kubectl -n lab create rolebinding bot --clusterrole view --serviceaccount lab:bot >/dev/null
expect "can-i, with one" "$(as "$bot" auth can-i list configmaps)" yes
expect_contains "the list of rights" "$(as "$bot" auth can-i --list)" workloadprofiles.axle.dev
as "$bot" get configmaps >/dev/null
as "$bot" get namespace lab >/dev/null
expect_refused 'secrets is forbidden' as "$bot" get secrets
expect_refused 'in the namespace "default"' as "$bot" -n default get configmaps
expect_refused 'cannot create resource "configmaps"' as "$bot" create configmap x
expect "the reason" "$(kubectl create -o jsonpath='{.status.reason}' -f - <<YAML
apiVersion: authorization.k8s.io/v1
kind: SubjectAccessReview
spec: {user: "system:serviceaccount:lab:bot", resourceAttributes: {namespace: lab, verb: get, resource: configmaps}}
YAML
)" 'RBAC: allowed by RoleBinding "bot/lab" of ClusterRole "view" to ServiceAccount "bot/lab"'

# Acting as others is for those who may.
expect "whoami as bob" "$(kubectl auth whoami --as bob --as-group devs -o jsonpath='{.status.userInfo.groups[0]}')" devs
expect "bob" "$(kubectl auth can-i list configmaps -n lab --as bob || true)" no
expect "the account" "$(kubectl auth can-i list configmaps -n lab --as system:serviceaccount:lab:bot)" yes
expect_refused 'users "bob" is forbidden: User "system:serviceaccount:lab:bot" cannot impersonate resource "users" in API group "" at the cluster scope' as "$bot" get configmaps --as bob
expect "the administrator" "$(kubectl auth can-i '*' '*')" yes

# Nobody gives what they have not.
kubectl -n lab create rolebinding eve --clusterrole admin --user eve >/dev/null
kubectl -n lab create role reader --verb get,list --resource configmaps --as eve >/dev/null
expect_refused 'is attempting to grant RBAC permissions not currently held:' kubectl -n lab create role root --verb '*' --resource '*' --as eve
expect_refused '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}' kubectl -n lab create rolebinding root --clusterrole cluster-admin --user eve --as eve
expect_refused 'clusterroles.rbac.authorization.k8s.io "nothing" not found' kubectl -n lab create rolebinding root --clusterrole nothing --user eve --as eve

# Tokens end: with their account, with their time; and are for somebody.
expect_refused 'may not specify a duration less than 10 minutes' kubectl -n lab create token bot --duration 1m
other=$(kubectl -n lab create token bot --audience vault)
expect_refused 'token audiences ["vault"] is invalid for the target audiences' as "$other" get configmaps
expect "a review" "$(kubectl create -o jsonpath='{.status.user.username}' -f - <<YAML
apiVersion: authentication.k8s.io/v1
kind: TokenReview
spec: {token: "$other", audiences: [vault]}
YAML
)" system:serviceaccount:lab:bot
kubectl -n lab create secret generic holder >/dev/null
bound=$(kubectl -n lab create token bot --bound-object-kind Secret --bound-object-name holder)
as "$bound" get configmaps >/dev/null
kubectl -n lab delete secret holder >/dev/null
expect_refused 'service account token has been invalidated' as "$bound" get configmaps
kubectl -n lab delete serviceaccount bot >/dev/null
expect_refused 'serviceaccounts "bot" not found' as "$bot" get configmaps
until_true 30 kubectl -n lab get serviceaccount default >/dev/null || fail "no account default"

short=$(token_create --ttl 1s)
token_is_old() { grep -q 'the join token expired at' <<<"$(as "$short" get configmaps 2>&1 || true)"; }
until_true 30 token_is_old || fail "a token of one second is good for longer"

# Nobody, and the wrong hub.
as_nobody() { curl -sS --max-time 30 --cacert "$TEST_DIR/certificate-authority.pem" "$SERVER$1"; }
expect "nobody asks" "$(as_nobody /api/v1/configmaps | jq -r '"\(.code) \(.message)"')" \
    '403 configmaps is forbidden: User "system:anonymous" cannot list resource "configmaps" in API group "" at the cluster scope'
expect "nobody may ask how it is" "$(as_nobody /readyz)" ok
make_other_ca() {
    "$AXLE" --mode=hub --data-dir "$TEST_DIR/other" --listen 127.0.0.1:0 >"$TEST_DIR/other.log" 2>&1 &
    echo $! >"$TEST_DIR/other.pid"
    until_true 30 test -s "$TEST_DIR/other/hub/pki/ca.crt" || fail "no other hub"
    stop other
}
make_other_ca
expect_refused 'certificate signed by unknown authority' "$KUBECTL" --kubeconfig /dev/null --server "$SERVER" --token "$bot" \
    --certificate-authority "$TEST_DIR/other/hub/pki/ca.crt" get --raw /api

# What is kept: the built-in roles are back after a start, what was added stays.
kubectl delete clusterrole view system:discovery >/dev/null
kubectl label clusterrole edit added=yes >/dev/null
stop hub
start_hub
kubectl get clusterrole view system:discovery >/dev/null
expect "what was added" "$(kubectl get clusterrole edit -o jsonpath='{.metadata.labels.added}')" yes
