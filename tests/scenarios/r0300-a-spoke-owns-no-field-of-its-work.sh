#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What was met: a spoke that applied its work as it is became an owner of every
# field of its spec, so that an administrator's apply that leaves a Secret out
# would not have taken it out; and it could clear who owns what. Now a machine
# owns what it may write, and nothing else.
# limit: 120
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke edge-1
stop edge-1 # from here on, somebody else holds its key
pki=$TEST_DIR/edge-1/spoke/pki
works=/apis/work.open-cluster-management.io/v1/namespaces/edge-1/manifestworks
# as_spoke PATH TYPE BODY: the code; the answer is in $TEST_DIR/answer.
as_spoke() {
    curl -sS --max-time 30 --cacert "$pki/hub-ca.crt" --cert "$pki/client.crt" --key "$pki/client.key" \
        -o "$TEST_DIR/answer" -w '%{http_code}' -X PATCH -H "Content-Type: application/$2" -d "$3" "$SERVER$1"
}
# Who owns what beside the status.
managers() { get_raw "$works/one" | jq -c '[.metadata.managedFields[]? | select(.subresource == null) | [.manager, (.fieldsV1 | keys)]] | sort'; }
spec='{"workload":{"manifests":[{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"lab"}}]}}'
whole() { printf '{"apiVersion":"work.open-cluster-management.io/v1","kind":"ManifestWork","metadata":{"name":"one"%s}%s}' "$1" "$2"; }

expect "the administrator's work" "$(status_of PATCH "$works/one?fieldManager=admin" -H 'Content-Type: application/apply-patch+yaml' -d "$(whole '' ",\"spec\":$spec")")" 201
before=$(managers)

# What changes nothing may be answered either way; it makes nobody an owner.
for query in fieldManager=evil 'fieldManager=evil&force=true'; do
    as_spoke "$works/one?$query" apply-patch+yaml "$(whole '' ",\"spec\":$spec")" >"$TEST_DIR/code"
    expect "owners after $query" "$(managers)" "$before"
done
expect "leaving the spec out as the administrator" "$(as_spoke "$works/one?fieldManager=admin" apply-patch+yaml "$(whole '' '')")" 403
for list in '[{}]' '[]' '[{"manager":"evil","operation":"Apply","apiVersion":"work.open-cluster-management.io/v1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{}}}]'; do
    as_spoke "$works/one" merge-patch+json "{\"metadata\":{\"managedFields\":$list}}" >"$TEST_DIR/code"
    expect "owners after $list" "$(managers)" "$before"
    as_spoke "$works/one/status" merge-patch+json "{\"metadata\":{\"managedFields\":$list},\"status\":{\"conditions\":[]}}" >"$TEST_DIR/code"
    expect "owners after $list on the status" "$(managers)" "$before"
done

# What it may write it may own.
own='"finalizers":["cluster.open-cluster-management.io/manifest-work-cleanup"]'
expect "its finalizer" "$(as_spoke "$works/one" merge-patch+json "{\"metadata\":{$own}}")" 200
expect "its finalizer, applied" "$(as_spoke "$works/one?fieldManager=agent" apply-patch+yaml "$(whole ",$own" '')")" 200
expect "its status, applied" "$(as_spoke "$works/one/status?fieldManager=agent" apply-patch+yaml \
    "$(whole '' ',"status":{"conditions":[]}')")" 200
expect "its finalizer, gone" "$(as_spoke "$works/one" merge-patch+json '{"metadata":{"finalizers":null}}')" 200
