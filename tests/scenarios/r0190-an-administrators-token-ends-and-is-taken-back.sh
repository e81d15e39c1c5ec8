#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `axle token create --admin` makes a token with a name and an end, which is
# listed and can be revoked. What an older hub kept for ever lets nobody in.
. "$(dirname "$0")/lib.sh"

mkdir -p "$hub_dir/hub/pki"
printf 'swordfish' >"$hub_dir/hub/pki/console.secret"
start_hub
admin() { "$AXLE" token "$@" --kubeconfig "$hub_dir/hub/admin.kubeconfig"; }
as() { curl -s -o "$TEST_DIR/answer" -w '%{http_code}' --cacert "$TEST_DIR/certificate-authority.pem" -H "Authorization: Bearer $1" "$SERVER$2"; }
secrets=/api/v1/secrets

expect "with the old secret" "$(as swordfish $secrets)" 401
[ ! -e "$hub_dir/hub/pki/console.secret" ] || fail "the old secret still lies there"

token=$(admin create --admin --name night --ttl 1h 2>"$TEST_DIR/said")
expect_contains "who it is" "$(cat "$TEST_DIR/said")" 'system:admin:night until'
expect "with the token" "$(as "$token" $secrets)" 200
review='{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
curl -s --cacert "$TEST_DIR/certificate-authority.pem" -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    --data "$review" "$SERVER/apis/authentication.k8s.io/v1/selfsubjectreviews" >"$TEST_DIR/who"
expect "its name" "$(jq -r .status.userInfo.username "$TEST_DIR/who")" system:admin:night
admin list >"$TEST_DIR/list"
expect_contains "the list" "$(grep night "$TEST_DIR/list")" Administrator
expect_contains "who made it" "$(grep night "$TEST_DIR/list")" system:admin
object jointokens/night | grep -q "${token##*.}" && fail "the secret itself is kept"
grep -rqa "${token##*.}" "$hub_dir" && fail "the secret lies on disk"

admin revoke night
expect "revoked" "$(as "$token" $secrets)" 401
short=$(admin create --admin --ttl 1s 2>/dev/null)
ended() { [ "$(as "$short" $secrets)" = 401 ]; }
until_true 5 ended || fail "a token of a second lives on"
expect_contains "the words" "$(cat "$TEST_DIR/answer")" 'expired at'
expect_refused 'is valid for at most one year' "$AXLE" token create --admin --ttl 9000h --kubeconfig "$hub_dir/hub/admin.kubeconfig"
expect_refused 'pool is only for join tokens' "$AXLE" token create --admin --pool a/b --kubeconfig "$hub_dir/hub/admin.kubeconfig"

# Who may write tokens, and is no administrator, makes none of these.
apply <<YAML >/dev/null
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: doorman}
rules: [{apiGroups: [axle.dev], resources: [jointokens], verbs: ['*']}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: doorman}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: doorman}
subjects: [{kind: User, name: bob, apiGroup: rbac.authorization.k8s.io}]
YAML
made() {
    kubectl --as bob apply -f - <<YAML
apiVersion: axle.dev/v1alpha1
kind: JoinToken
metadata: {name: $1}
spec: {purpose: $2, salt: a, hash: b, expiresAt: '$(date -u -d '+1 hour' +%Y-%m-%dT%H:%M:%SZ)'}
YAML
}
made machines Join >/dev/null
expect_refused 'only administrators' made crown Administrator
