#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Whoever may write namespaces, and nothing else, wrote the labels by which the hub
# knows whose a namespace is.
. "$(dirname "$0")/lib.sh"

start_hub
make_project lab red
kubectl create clusterrole spaces --verb=get,create,update,patch,delete --resource=namespaces >/dev/null
kubectl create clusterrolebinding spaces --clusterrole=spaces --user=nina >/dev/null

# says HTTP-STATUS METHOD PATH TYPE BODY
says() {
    expect "$2 $3 $5" "$(status_of "$2" "/api/v1/namespaces$3" -H 'Impersonate-User: nina' -H "Content-Type: application/$4" -d "$5")" "$1"
}
for label in owner-kind owner tenant; do
    says 403 PATCH /lab merge-patch+json "{\"metadata\":{\"labels\":{\"axle.dev/$label\":\"ManagedCluster\"}}}"
    expect_contains "it says" "$(cat "$TEST_DIR/answer")" "metadata.labels[axle.dev/$label]"
    says 403 PATCH /lab json-patch+json "[{\"op\":\"remove\",\"path\":\"/metadata/labels/axle.dev~1$label\"}]"
    says 403 PATCH '/lab?fieldManager=n&force=true' apply-patch+yaml "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"lab\",\"labels\":{\"axle.dev/$label\":\"x\"}}}"
    says 403 POST '' json "{\"metadata\":{\"name\":\"pre\",\"labels\":{\"axle.dev/$label\":\"Project\"}}}"
done
says 200 PATCH /lab merge-patch+json '{"metadata":{"labels":{"team":"a"}}}'
says 201 POST '' json '{"metadata":{"name":"pre","labels":{"team":"a"}}}'
expect "whose it is" 'Project lab red' "$(object namespaces/lab | jq -r '.metadata.labels | [.["axle.dev/owner-kind"], .["axle.dev/owner"], .["axle.dev/tenant"]] | join(" ")')"
