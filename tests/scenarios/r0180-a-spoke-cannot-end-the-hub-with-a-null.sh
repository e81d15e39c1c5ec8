#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A spoke that puts a null where its Lease, its status or its request has a map
# is answered, and the hub goes on.
. "$(dirname "$0")/lib.sh"

start_hub
apply <<YAML
apiVersion: cluster.open-cluster-management.io/v1
kind: ManagedCluster
metadata: {name: edge-1}
spec: {hubAcceptsClient: true}
YAML
lease=/apis/coordination.k8s.io/v1/namespaces/edge-1/leases/managed-cluster-lease
cluster=/apis/cluster.open-cluster-management.io/v1/managedclusters/edge-1/status
until_true 10 request GET $lease -f -o /dev/null

# as_spoke METHOD PATH TYPE BODY: the code of the answer; the hub lives on.
as_spoke() {
    local code
    code=$(status_of "$1" "$2" -H 'Impersonate-User: system:open-cluster-management:edge-1:agent' \
        -H 'Impersonate-Group: system:open-cluster-management:managed-clusters' \
        -H "Content-Type: application/$3" -d "$4")
    [ "$code" != 000 ] || fail "no answer to $4"
    expect "the hub after $4" "$(status_of GET /readyz)" 200
    echo "$code"
}

for nothing in null '{}' '[]' '""' 1 '[null]' '{"renewTime":null}'; do
    as_spoke PATCH $lease merge-patch+json "{\"spec\":$nothing}"
    as_spoke PATCH $lease json-patch+json "[{\"op\":\"add\",\"path\":\"/spec\",\"value\":$nothing}]"
    as_spoke PATCH $cluster merge-patch+json "{\"status\":$nothing}"
    as_spoke PATCH $cluster merge-patch+json "{\"status\":{\"conditions\":$nothing,\"clusterClaims\":$nothing}}"
    as_spoke POST /apis/certificates.k8s.io/v1/certificatesigningrequests json \
        "{\"apiVersion\":\"certificates.k8s.io/v1\",\"kind\":\"CertificateSigningRequest\",\"metadata\":{\"name\":\"x\"},\"spec\":$nothing}"
done >"$TEST_DIR/codes"
expect "a Lease without a spec" "$(head -n 1 "$TEST_DIR/codes")" 200

# Years and seconds that no clock holds are no trouble either.
as_spoke PATCH $lease merge-patch+json '{"spec":{"renewTime":"2261-12-31T23:59:59Z","leaseDurationSeconds":2147483647}}' >/dev/null
expect_refused 'spec.leaseDurationSeconds: Invalid value: 2147483647: must be between 0' \
    kubectl patch managedcluster edge-1 --type=merge -p '{"spec":{"leaseDurationSeconds":2147483647}}'
is_running hub
