#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The sets default and global come again as soon as they are deleted, the hub's own
# namespace is not deleted, and a project whose tenant is being deleted says that.
. "$(dirname "$0")/lib.sh"
find_kubectl

start_hub
for set in default global; do
    before=$(object managedclustersets/$set | jq -r .metadata.uid)
    kubectl delete managedclusterset $set >/dev/null
    comes_again() { [ "$(object managedclustersets/$set | jq -r '.metadata.uid // "-"')" != "$before" ]; }
    until_true 10 comes_again || fail "the set $set does not come again"
    wait_for managedclustersets/$set '.status.conditions[] | select(.type == "ClusterSetEmpty") | .status' True
done
expect "the selector" "$(object managedclustersets/global | jq -c .spec)" \
    '{"clusterSelector":{"selectorType":"LabelSelector","labelSelector":{}}}'
apply >/dev/null <<'YAML'
apiVersion: cluster.open-cluster-management.io/v1beta2
kind: ManagedClusterSet
metadata: {name: mine}
YAML
kubectl delete managedclusterset mine >/dev/null
wait_gone managedclustersets/mine

expect_refused 'this namespace may not be deleted' kubectl delete namespace axle-system

make_project lab acme
kubectl delete tenant acme --wait=false >/dev/null
wait_for projects/lab '.status.conditions[] | select(.type == "Ready") | .reason' TenantDeleting
expect_contains "the message" "$(object projects/lab | jq -r .status.message)" 'the tenant "acme" is being deleted'
kubectl delete project lab >/dev/null
wait_gone tenants/acme
