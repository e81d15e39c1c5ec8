#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What was met: a machine joined under the name of a Tenant; counts and amounts of
# Tenants, Projects, rollouts and a spoke's status had no range; /v2/ took any method.
# limit: 120
. "$(dirname "$0")/lib.sh"

start_hub
json='Content-Type: application/json'
# create PATH BODY: the code of a dry run.
create() { status_of POST "$1?dryRun=All" -H "$json" -d "$2"; }
clusters=/apis/cluster.open-cluster-management.io/v1/managedclusters
axle=/apis/axle.dev/v1alpha1

expect "a Tenant" "$(status_of POST $axle/tenants -H "$json" -d '{"metadata":{"name":"acme"},"spec":{}}')" 201
code=$(curl -sS --cacert "$TEST_DIR/certificate-authority.pem" -H "Authorization: Bearer $(token_create)" -H "$json" -o "$TEST_DIR/answer" \
    -w '%{http_code}' -d '{"apiVersion":"cluster.open-cluster-management.io/v1","kind":"ManagedCluster","metadata":{"name":"acme"},"spec":{}}' "$SERVER$clusters")
expect "joining as a Tenant" "$code" 403
expect_contains "why" "$(jq -r .message "$TEST_DIR/answer")" "belongs to a Tenant; use another one"
expect "the administrator either" "$(create $clusters '{"metadata":{"name":"acme"},"spec":{}}')" 403

# refused KIND SPEC FIELD: 422 that names the field.
refused() {
    expect "$1 with $2" "$(create "$axle/$1" "{\"metadata\":{\"name\":\"two\"},\"spec\":$2}")" 422
    expect_contains "what is said of $2" "$(jq -r .message "$TEST_DIR/answer")" "spec.limits.$3"
}
for kind in tenants projects; do
    tenant=
    [ $kind = tenants ] || tenant='"tenant":"acme",'
    refused $kind "{$tenant\"limits\":{\"cpu\":\"1e400\"}}" cpu
    refused $kind "{$tenant\"limits\":{\"cpu\":-1}}" cpu
    refused $kind "{$tenant\"limits\":{\"memory\":\"-1\"}}" memory
    refused $kind "{$tenant\"limits\":{\"memory\":\"much\"}}" memory
    refused $kind "{$tenant\"limits\":{\"gpus\":{\"h200\":4294967296}}}" gpus
    expect "good limits of $kind" "$(create $axle/$kind \
        "{\"metadata\":{\"name\":\"two\"},\"spec\":{$tenant\"limits\":{\"cpu\":\"500m\",\"memory\":\"1.5Gi\",\"gpus\":{\"h200\":8}}}}")" 201
    expect "numbers as limits of $kind" "$(create $axle/$kind "{\"metadata\":{\"name\":\"two\"},\"spec\":{$tenant\"limits\":{\"cpu\":4,\"memory\":0}}}")" 201
done
refused tenants '{"limits":{"spokes":4294967296}}' spokes

expect "a Project" "$(status_of POST $axle/projects -H "$json" -d '{"metadata":{"name":"lab"},"spec":{"tenant":"acme"}}')" 201
wait_for namespaces/lab .status.phase Active
for rollout in '"maxConcurrency":4294967296' '"maxConcurrency":-1' '"maxFailures":4294967296'; do
    expect "a rollout with $rollout" "$(create $axle/namespaces/lab/environments "{\"metadata\":{\"name\":\"e\"},\"spec\":{\"topology\":{\"type\":\"topology-ocm\",
        \"properties\":{\"manifestWorkReplicaSet\":{\"rolloutStrategy\":{\"type\":\"Progressive\",\"progressive\":{$rollout}}}}}}}")" 422
done

for method in POST PUT DELETE PATCH; do
    for path in /v2 /v2/; do expect "$method $path" "$(status_of $method $path)" 405; done
done
expect "GET /v2/" "$(status_of GET /v2/)" 200
