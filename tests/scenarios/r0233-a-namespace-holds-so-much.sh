#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What users keep in a namespace is bounded in number and size, also when they
# write at once; what makes it less is always taken, and administrators are free.
# limit: 120
. "$(dirname "$0")/lib.sh"

start_hub --namespace-objects 20 --namespace-size 200Ki --user-in-flight 10
NS=/api/v1/namespaces
json='Content-Type: application/json'
request POST $NS -H "$json" -o /dev/null -d '{"metadata":{"name":"lab"}}'
has_account() { [ "$(status_of GET $NS/lab/serviceaccounts/default)" = 200 ]; }
until_true 20 has_account
request POST /apis/rbac.authorization.k8s.io/v1/namespaces/lab/rolebindings -H "$json" -o /dev/null \
    -d '{"metadata":{"name":"e"},"roleRef":{"kind":"ClusterRole","name":"edit","apiGroup":"rbac.authorization.k8s.io"},"subjects":[{"kind":"ServiceAccount","name":"default","namespace":"lab"}]}'
token=$(request POST $NS/lab/serviceaccounts/default/token -H "$json" -d '{"spec":{}}' | jq -r .status.token)
as_user() {
    local method=$1 path=$2
    shift 2
    curl -sS --max-time 30 -X "$method" --cacert "$TEST_DIR/certificate-authority.pem" -H "Authorization: Bearer $token" -H "$json" "$@" "$SERVER$path"
}
may_write() { as_user POST "$NS/lab/configmaps?dryRun=All" -d '{"metadata":{"name":"x"}}' | grep -q '"kind":"ConfigMap"'; }
until_true 20 may_write
there=$(($(get_raw $NS/lab/configmaps | jq '.items | length') + $(get_raw $NS/lab/serviceaccounts | jq '.items | length') + 1))

urls=()
for _ in {1..60}; do urls+=(-o /dev/null "$SERVER$NS/lab/configmaps"); done
curl -sS -Z --parallel-max 8 --cacert "$TEST_DIR/certificate-authority.pem" -H "Authorization: Bearer $token" -H "$json" \
    -d '{"metadata":{"generateName":"c-"}}' -w '%{http_code}\n' "${urls[@]}" >"$TEST_DIR/codes" 2>/dev/null
count=$(get_raw $NS/lab/configmaps | jq '.items | length')
[ $((count + there)) -le 21 ] && [ "$count" -ge 14 ] || fail "$count ConfigMaps beside $there: $(sort "$TEST_DIR/codes" | uniq -c)"
as_user POST $NS/lab/configmaps -d '{"metadata":{"name":"over"}}' | grep -q 'exceeded quota.*namespace-objects' || fail 'it is not said why'
[ "$(status_of POST $NS/lab/configmaps -H "$json" -d '{"metadata":{"name":"of-admin"}}')" = 201 ] || fail 'the administrator is bounded'
for name in $(get_raw $NS/lab/configmaps | jq -r '.items[].metadata.name' | head -n 5); do
    as_user DELETE "$NS/lab/configmaps/$name" -o /dev/null
done
big=$(head -c 150000 /dev/zero | tr '\0' x)
[ "$(as_user POST $NS/lab/configmaps -o "$TEST_DIR/answer" -w '%{http_code}' -d @- <<<"{\"metadata\":{\"name\":\"big\"},\"data\":{\"a\":\"$big\"}}")" = 201 ] || fail "what has room is refused: $(head -c 300 "$TEST_DIR/answer")"
as_user PUT $NS/lab/configmaps/big -d @- <<<"{\"metadata\":{\"name\":\"big\"},\"data\":{\"a\":\"$big\",\"b\":\"$big\"}}" | grep -q 'exceeded quota.*namespace-size' || fail 'growth is not bounded'
as_user PUT $NS/lab/configmaps/big -d '{"metadata":{"name":"big"},"data":{"a":"small"}}' | grep -q '"small"' || fail 'a full namespace cannot be mended'

held=()
for _ in {1..10}; do
    as_user GET "$NS/lab/configmaps?watch=true" -N >/dev/null 2>&1 &
    held+=($!)
done
too_many() { as_user GET $NS/lab/configmaps | grep -q user-in-flight; }
until_true 20 too_many || fail "a user's watches are not bounded"
kill "${held[@]}"
