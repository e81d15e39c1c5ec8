#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# An object without a namespace whose owner lies in one is never collected, and an
# Event says why; an owner in another namespace, or of another name, is none. An
# object that leaves a watch's selector is DELETED with what last matched.
. "$(dirname "$0")/lib.sh"

start_hub
map() { request POST "/api/v1/namespaces/$1/configmaps" -H 'Content-Type: application/json' -d "$2"; }
for name in api api2; do
    apply <<<"{apiVersion: v1, kind: Namespace, metadata: {name: $name}}" >/dev/null
done
uid=$(map api '{"metadata":{"name":"test"}}' | jq -r .metadata.uid)
owner() { echo "\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"$1\",\"uid\":\"$uid\"}]"; }
set_owned_by() {
    request POST /apis/cluster.open-cluster-management.io/v1beta2/managedclustersets \
        -H 'Content-Type: application/json' -d "{\"apiVersion\":\"cluster.open-cluster-management.io/v1beta2\",
        \"kind\":\"ManagedClusterSet\",\"metadata\":{\"name\":\"$1\",$2}}" >/dev/null
}

set_owned_by by-living "$(owner test)"
map api2 "{\"metadata\":{\"name\":\"child-otherns\",$(owner test)}}" >/dev/null
map api "{\"metadata\":{\"name\":\"child-wrongname\",$(owner other)}}" >/dev/null
map api "{\"metadata\":{\"name\":\"child\",$(owner test)}}" >/dev/null
wait_gone -n api2 configmaps/child-otherns
wait_gone -n api configmaps/child-wrongname
expect_event by-living OwnerRefInvalidNamespace
expect_event child-otherns OwnerRefInvalidNamespace
expect "its own child stays" "$(status_of GET /api/v1/namespaces/api/configmaps/child)" 200

expect "delete" "$(status_of DELETE /api/v1/namespaces/api/configmaps/test)" 200
wait_gone -n api configmaps/child
uid=no-such-uid
set_owned_by by-nobody "$(owner test)"
expect_event by-nobody OwnerRefInvalidNamespace
for name in by-living by-nobody; do
    expect "$name stays" "$(status_of GET /apis/cluster.open-cluster-management.io/v1beta2/managedclustersets/$name)" 200
done
# A change of it says nothing anew.
request PATCH /apis/cluster.open-cluster-management.io/v1beta2/managedclustersets/by-nobody \
    -H 'Content-Type: application/merge-patch+json' -d '{"metadata":{"labels":{"a":"b"}}}' >/dev/null
map api '{"metadata":{"name":"later"}}' >/dev/null
expect "one Event" "$(get_raw /api/v1/events | jq -c '[.items[] | select(.involvedObject.name == "by-nobody") | .count // 1]')" '[1]'

# DELETED with the last content that matched and the new resourceVersion.
version=$(map api '{"metadata":{"name":"wl","labels":{"sel":"1"}},"data":{"k":"old"}}' | jq -r .metadata.resourceVersion)
new=$(request PATCH /api/v1/namespaces/api/configmaps/wl -H 'Content-Type: application/merge-patch+json' \
    -d '{"metadata":{"labels":{"sel":"2"}},"data":{"k":"new"}}' | jq -r .metadata.resourceVersion)
event=$(request GET "/api/v1/namespaces/api/configmaps?watch=1&labelSelector=sel%3D1&resourceVersion=$version&timeoutSeconds=1" | head -n 1)
expect "replayed" "$(jq -r '[.type, .object.metadata.labels.sel, .object.data.k, .object.metadata.resourceVersion] | join(" ")' <<<"$event")" "DELETED 1 old $new"
