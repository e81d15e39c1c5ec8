#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Whoever can read the uid of an object named it as owner, in another namespace and
# with blockOwnerDeletion, and so kept it, and the project that it lies in, from
# being deleted.
. "$(dirname "$0")/lib.sh"

start_hub
apply <<'YAML'
apiVersion: axle.dev/v1alpha1
kind: Tenant
metadata: {name: red}
---
apiVersion: axle.dev/v1alpha1
kind: Tenant
metadata: {name: blue}
---
apiVersion: axle.dev/v1alpha1
kind: Project
metadata: {name: lab}
spec: {tenant: red, editors: [ed]}
---
apiVersion: axle.dev/v1alpha1
kind: Project
metadata: {name: other}
spec: {tenant: blue, editors: [oscar]}
YAML
wait_for projects/lab .status.phase Ready
wait_for projects/other .status.phase Ready

post() {
    request POST "/api/v1/namespaces/$1/configmaps" -H "Impersonate-User: $2" \
        -H 'Content-Type: application/json' -d "$3"
}
# claim NAME KIND OWNER UID: a ConfigMap of ed's that says whose it is, and will not go.
claim() {
    post lab ed "{\"metadata\":{\"name\":\"$1\",\"finalizers\":[\"evil.example/x\"],\"ownerReferences\":[
        {\"apiVersion\":\"v1\",\"kind\":\"$2\",\"name\":\"$3\",\"uid\":\"$4\",\"blockOwnerDeletion\":true}]}}" >/dev/null
}

uid=$(post other oscar '{"metadata":{"name":"victim"}}' | jq -r .metadata.uid)
claim across ConfigMap victim "$uid"
expect "in the foreground" "$(status_of DELETE '/api/v1/namespaces/other/configmaps/victim?propagationPolicy=Foreground' -H 'Impersonate-User: oscar')" 200
wait_gone -n other configmaps/victim
wait_for -n lab configmaps/across '.metadata.deletionTimestamp != null' true

# By another name, or as another kind, it is no owner either.
mine=$(post lab ed '{"metadata":{"name":"mine"}}' | jq -r .metadata.uid)
claim wrong-name ConfigMap yours "$mine"
claim wrong-kind Secret mine "$mine"
expect "in the foreground" "$(status_of DELETE '/api/v1/namespaces/lab/configmaps/mine?propagationPolicy=Foreground' -H 'Impersonate-User: ed')" 200
wait_gone -n lab configmaps/mine

# One that is owned holds its owner up, as ever, and the Project says what is in the way.
mine=$(post lab ed '{"metadata":{"name":"mine"}}' | jq -r .metadata.uid)
claim right ConfigMap mine "$mine"
expect "in the foreground" "$(status_of DELETE '/api/v1/namespaces/lab/configmaps/mine?propagationPolicy=Foreground' -H 'Impersonate-User: ed')" 200
wait_for -n lab configmaps/right '.metadata.deletionTimestamp != null' true
expect "its owner waits" "$(status_of GET /api/v1/namespaces/lab/configmaps/mine)" 200
expect "lab" "$(status_of DELETE /apis/axle.dev/v1alpha1/projects/lab)" 200
wait_for projects/lab '.status.message | contains("evil.example/x in")' true
expect "other" "$(status_of DELETE /apis/axle.dev/v1alpha1/projects/other)" 200
wait_gone projects/other
for name in across wrong-name wrong-kind right; do
    request PATCH "/api/v1/namespaces/lab/configmaps/$name" -H 'Content-Type: application/merge-patch+json' \
        -d '{"metadata":{"finalizers":null}}' >/dev/null
done
wait_gone projects/lab
