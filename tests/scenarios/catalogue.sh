# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# For scenarios that run profiles of the catalogue: read after lib.sh.

# start_lab: a hub, a spoke, a tenant and the project "lab" on it.
start_lab() {
    command -v python3 >/dev/null || skip "python3 is not installed"
    start_hub
    start_spoke edge-1 "$@"
    make_project lab acme "clusterSets: [global]"
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: anywhere, namespace: lab}
spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}
YAML
}

# deploy NAME PROFILE VARIABLES: as the README says it is done.
deploy() {
    kubectl apply -n lab -f "$repo/assets/catalogue/$2.yaml" >/dev/null
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: $1, namespace: lab}
spec:
  profileBundleRef: {name: $2}
  environmentRef: {name: anywhere}
  variables: {$3}
YAML
}

# undeploy NAME: and nothing of it is left on the spoke.
undeploy() {
    kubectl delete -n lab aiworkload "$1" --wait=false >/dev/null
    wait_gone -n lab aiworkloads/"$1"
    until_true 60 no_pods_of "$1" || fail "pods of $1 are left: $(ls "$TEST_DIR/edge-1/spoke/workloads/pods")"
}
no_pods_of() { [ -z "$(find "$TEST_DIR/edge-1/spoke/workloads/pods" -maxdepth 1 -name "*.$1-*" 2>/dev/null)" ]; }

endpoint_of() { object -n lab aiworkloads/"$1" | jq -r '.status.endpoints[0].url'; }
# log_of NAME: what its containers have said on the spoke, all of them.
log_of() { cat "$TEST_DIR"/edge-1/spoke/workloads/pods/*."$1"-*/logs/*.log; }
# A port that nobody listens on just now.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'; }
