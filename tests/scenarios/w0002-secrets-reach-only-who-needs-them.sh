#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 240
# A profile with a Secret: a pod reads it as environment and as a file; it is in
# no artifact, no database and no log; a new value reaches who uses it.
. "$(dirname "$0")/lib.sh"

mark=1001$$
canary=canary-$mark-one
start_hub
start_spoke edge-1
make_project research acme "clusterSets: [global]"
apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: ComponentDefinition
metadata: {name: keeper, namespace: research}
spec:
  schema: {type: object, properties: {password: {type: string}}}
  template: |
    apiVersion: v1
    kind: Secret
    metadata: {name: made}
    stringData: {password: {{ json .properties.password }}}
    ---
    apiVersion: apps/v1
    kind: Deployment
    spec:
      replicas: 1
      template:
        spec:
          runtimeClassName: process
          containers:
          - name: main
            command: [sh, -c, 'while :; do cat files/password > seen; sleep 1; done; exec sleep $mark']
            env:
            - name: PASSWORD
              valueFrom: {secretKeyRef: {name: made, key: password}}
            - name: OWN
              valueFrom: {secretKeyRef: {name: own, key: token}}
            volumeMounts: [{name: files, mountPath: files}]
          volumes:
          - name: files
            secret: {secretName: made}
---
apiVersion: v1
kind: Secret
metadata: {name: own, namespace: research}
stringData: {token: own-$canary}
---
apiVersion: v1
kind: Secret
metadata: {name: none-of-its, namespace: research}
stringData: {token: other-$canary}
---
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: vault, namespace: research}
spec:
  type: Application
  variables: [{name: password, type: string, required: true}]
  components:
  - {name: server, type: keeper, properties: {password: "{{ .var.password }}"}}
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: vault, namespace: research}
spec: {type: Application, workloadProfileRefs: [{name: vault}]}
---
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: everywhere, namespace: research}
spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}
YAML
workload() {
    apply <<YAML >/dev/null
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: safe, namespace: research}
spec:
  profileBundleRef: {name: vault}
  environmentRef: {name: everywhere}
  variables: {password: $1}
YAML
}
workload "pass-$canary"
wait_for -n research aiworkloads/safe .status.phase Running

# The running one, not the shell of an earlier template.
pid() {
    local pid
    for pid in $(pgrep -f "exec sleep $mark" || true); do
        if [ "$(env_of "$pid" | grep -c ^PASSWORD=)" = 1 ]; then
            echo "$pid"
            return
        fi
    done
}
env_of() { tr '\0' '\n' 2>/dev/null <"/proc/$1/environ" || true; }
has_env() { local found; found=$(pid) && [ -n "$found" ] && [ "$(env_of "$found" | grep -cx "$1")" = 1 ]; }
until_true 30 has_env "PASSWORD=pass-$canary" || fail "the password is not in the environment"
until_true 30 has_env "OWN=own-$canary" || fail "the project's own secret is not in the environment"
has_file() { grep -rqx "$1" "$TEST_DIR/edge-1/spoke/workloads" --include=seen 2>/dev/null; }
until_true 30 has_file "pass-$canary" || fail "the file does not have it"

# The spoke gets these two and no others.
as_spoke() {
    local pki=$TEST_DIR/edge-1/spoke/pki
    curl -s -o /dev/null -w '%{http_code}' --cacert "$pki/hub-ca.crt" --cert "$pki/client.crt" --key "$pki/client.key" "$SERVER$1"
}
expect "its secrets" "$(object -n edge-1 manifestworks/research.safe-vault | jq -r '[.spec.workload.manifests[1].spec.secretRefs[].name] | sort | join(" ")')" "made own"
expect "its own" "$(as_spoke /api/v1/namespaces/research/secrets/own)" 200
expect "another's" "$(as_spoke /api/v1/namespaces/research/secrets/none-of-its)" 403

# In no database, artifact, log or launch file: neither as text nor as base64.
# (The variable itself is a person's word in the AIWorkload, on the hub only.)
code() { printf '%s' "$1" | base64 -w0 | cut -c1-20; }
find_text() {
    local text=$1
    shift
    grep -rlaF -- "$text" "$@" 2>/dev/null | grep -v '/seen$\|/volumes/files/' || true
}
leaks() {
    local text spoke=$TEST_DIR/edge-1/spoke
    for text in "own-$canary" "$(code "own-$canary")" "$(code "pass-$canary")"; do
        find_text "$text" "$hub_dir" "$spoke" "$TEST_DIR"/*.log
    done
    find_text "pass-$canary" "$spoke" "$TEST_DIR"/*.log
}
expect "where the secret lies about" "$(leaks)" ""

# A new value of the project's own Secret replaces the pod, for it is environment.
old=$(pid)
kubectl create secret generic own -n research --from-literal=token=fresh-$mark --dry-run=client -o json | apply >/dev/null
until_true 60 has_env "OWN=fresh-$mark" || fail "the new token does not arrive"
[ "$(pid)" != "$old" ] || fail "the same process cannot have another environment"

# And of the rendered one: file and environment.
workload "second-$mark"
until_true 60 has_env "PASSWORD=second-$mark" || fail "the new password does not arrive"
until_true 60 has_file "second-$mark" || fail "the new file does not arrive"
wait_for -t 60 -n research aiworkloads/safe .status.phase Running

# The agent starts again without its hub and knows them still.
stop edge-1
crash hub
old=$(pid)
start edge-1 --mode=spoke --name edge-1 --data-dir "$TEST_DIR/edge-1"
kill -9 "$old"
renewed() { local now; now=$(pid) && [ -n "$now" ] && [ "$now" != "$old" ]; }
until_true 60 renewed || fail "without its hub the spoke does not start it again"
has_env "OWN=fresh-$mark" || fail "without its hub the spoke does not know the token"
