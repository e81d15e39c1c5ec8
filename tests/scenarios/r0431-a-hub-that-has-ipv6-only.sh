#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# On a machine without any IPv4 address a hub listens, is joined by address and by
# name, and spokes and kubectl reach it: certificate, kubeconfig, join command.
. "$(dirname "$0")/lib.sh"

if [ -z "${INSIDE:-}" ]; then
    unshare -rnm true 2>/dev/null || skip "no network and mount namespaces here"
    code=0
    INSIDE=1 unshare -rnm "$0" || code=$?
    exit $code
fi
ip link set lo up
{ ip link add six type dummy || ip link add six type veth peer name other; } 2>/dev/null ||
    skip "no interface can be made here"
ip link set six up
ip link set other up 2>/dev/null || true
ip -6 address add fd77::1/64 dev six nodad 2>/dev/null || skip "no IPv6 here"
ip address del 127.0.0.1/8 dev lo
printf '::1 localhost\nfd77::1 hub6.example.org\n' >"$TEST_DIR/hosts"
mount --bind "$TEST_DIR/hosts" /etc/hosts
listen='[fd77::1]:0'
start_hub --tls-san hub6.example.org
expect_contains "the kubeconfig" "$SERVER" "https://[fd77::1]:"
kubectl get managedclusters >/dev/null
"$AXLE" token create --kubeconfig "$hub_dir/hub/admin.kubeconfig" >"$TEST_DIR/command"
grep -q -F -e "--join='$SERVER'" "$TEST_DIR/command" || fail "the command: $(cat "$TEST_DIR/command")"

start_spoke edge-1
token_create >"$TEST_DIR/edge-2.token"
start edge-2 --mode=spoke --name edge-2 --data-dir "$TEST_DIR/edge-2" \
    --join "https://hub6.example.org:${SERVER##*:}" --token-file "$TEST_DIR/edge-2.token"
wait_for managedclusters/edge-2 '.status.conditions[]? | select(.type == "ManagedClusterConditionAvailable") | .status' True

# The same hub at all of its addresses.
stop edge-1
stop edge-2
stop hub
listen="[::]:${SERVER##*:}"
start_server hub --mode=hub --tls-san hub6.example.org
expect_contains "the kubeconfig" "$SERVER" "https://[fd77::1]:"
start edge-1 --mode=spoke --data-dir "$TEST_DIR/edge-1"
start edge-2 --mode=spoke --data-dir "$TEST_DIR/edge-2"
apply <<YAML >/dev/null
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: w, namespace: edge-2}
spec:
  workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: lab}}]}
YAML
wait_for -n edge-2 manifestworks/w '.status.conditions[]? | select(.type == "Available") | .status' True
