#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two applications whose derived names are the same both run, and what somebody made is
# neither written over nor taken away by what wants its name.
. "$(dirname "$0")/lib.sh"

one=34${$}1 two=34${$}2 # nobody else sleeps so long

start_hub
find_kubectl
start_spoke s1
apply >/dev/null <<'YAML'
apiVersion: axle.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {clusterSets: [global]}
---
apiVersion: axle.dev/v1alpha1
kind: Project
metadata: {name: proj}
spec: {tenant: acme, admins: [ada]}
---
apiVersion: axle.dev/v1alpha1
kind: Project
metadata: {name: lab-gpu}
spec: {tenant: acme}
---
apiVersion: axle.dev/v1alpha1
kind: Project
metadata: {name: lab}
spec: {tenant: acme}
YAML
wait_for projects/proj .status.phase Ready
apply >/dev/null <<YAML
apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: eb, namespace: proj}
spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}
---
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: api-server, namespace: proj}
spec: {type: Application, components: [{name: api-server, type: worker, properties: {command: [sleep, "$one"]}}]}
---
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: server, namespace: proj}
spec: {type: Application, components: [{name: server, type: worker, properties: {command: [sleep, "$two"]}}]}
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: one, namespace: proj}
spec: {workloadProfileRefs: [{name: api-server}]}
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
metadata: {name: two, namespace: proj}
spec: {workloadProfileRefs: [{name: server}]}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: chat, namespace: proj}
spec: {profileBundleRef: {name: one}, environmentRef: {name: eb}}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: chat-api, namespace: proj}
spec: {profileBundleRef: {name: two}, environmentRef: {name: eb}}
YAML

# chat + api-server and chat-api + server: deployments and objects on the spoke alike.
wait_for -n proj aiworkloads/chat .status.phase Running
wait_for -n proj aiworkloads/chat-api .status.phase Running
runs() { [ "$(pgrep -f "^sleep $1\$" | wc -l)" = "$2" ]; }
until_true 20 runs "$one" 1 || fail "the first does not run once"
until_true 20 runs "$two" 1 || fail "the second does not run once"
first=$(pgrep -f "^sleep $one\$")
kubectl -n proj annotate aiworkload chat chat-api touched=1 >/dev/null
crash hub
start_hub
wait_for -n proj aiworkloads/chat-api .status.phase Running
[ "$(pgrep -f "^sleep $one\$")" = "$first" ] || fail "the first was restarted"
kubectl -n proj delete aiworkload chat-api >/dev/null
until_true 20 runs "$two" 0 || fail "the second does not end"
[ "$(pgrep -f "^sleep $one\$")" = "$first" ] || fail "the end of the second ended the first"

# A Placement, a Secret, a set of works and a work of somebody's own.
kubectl -n proj create secret generic gpu-a1-join --from-literal=password=precious >/dev/null
apply >/dev/null <<'YAML'
apiVersion: cluster.open-cluster-management.io/v1beta1
kind: Placement
metadata: {name: prod, namespace: proj}
spec: {clusterSets: [global], numberOfClusters: 1}
---
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: proj.w1y-server, namespace: s1}
spec: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: mine, namespace: default}, data: {a: b}}]}}
YAML
theirs() {
    kubectl get -n proj placement/prod secret/gpu-a1-join -o json | jq -S '.items[] | del(.status, .metadata.managedFields)'
    kubectl get -n s1 manifestwork/proj.w1y-server -o json | jq -S '{spec, uid: .metadata.uid, owners: .metadata.ownerReferences, labels: .metadata.labels}'
}
wanting='apiVersion: axle.dev/v1alpha1
kind: Environment
metadata: {name: prod, namespace: proj}
spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}
---
apiVersion: axle.dev/v1alpha1
kind: ComputePool
metadata: {name: gpu, namespace: proj}
spec: {spokes: [a1]}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
metadata: {name: w1y, namespace: proj}
spec: {profileBundleRef: {name: two}, environmentRef: {name: eb}}'
theirs >"$TEST_DIR/before"
apply <<<"$wanting" >/dev/null
wait_for -n proj environments/prod '.status.conditions[] | select(.type == "Ready") | .reason' NameTaken
wait_for -n proj computepools/gpu '.status.conditions[] | select(.type == "Ready") | .reason' NameTaken
wait_for -n proj aiworkloads/w1y '.status.conditions[] | select(.type == "Distributed") | .reason' NameTaken
kubectl -n proj get environment prod -o json | jq -r .status.message | grep -q 'there is a Placement "prod" that is not this Environment' ||
    fail "the sentence does not name the Placement"
theirs | cmp - "$TEST_DIR/before" || fail "what was somebody's has changed"
kubectl -n proj delete environment/prod computepool/gpu aiworkload/w1y >/dev/null
theirs | cmp - "$TEST_DIR/before" || fail "what was somebody's has gone with what wanted its name"

# Free again, it is taken at once.
apply <<<"$wanting" >/dev/null
wait_for -n proj aiworkloads/w1y '.status.conditions[] | select(.type == "Distributed") | .reason' NameTaken
kubectl -n proj delete placement/prod secret/gpu-a1-join >/dev/null
kubectl -n s1 delete manifestwork/proj.w1y-server >/dev/null
wait_for -n proj environments/prod .status.phase Ready
wait_for -n proj aiworkloads/w1y .status.phase Running
until_true 20 kubectl -n proj get secret gpu-a1-join >/dev/null 2>&1 || fail "the pool has no token"

# The pools lab/gpu-1 and lab-gpu/1.
apply >/dev/null <<'YAML'
apiVersion: axle.dev/v1alpha1
kind: ComputePool
metadata: {name: gpu-1, namespace: lab}
spec: {spokes: [x1]}
---
apiVersion: axle.dev/v1alpha1
kind: ComputePool
metadata: {name: "1", namespace: lab-gpu}
spec: {spokes: [x2]}
---
apiVersion: axle.dev/v1alpha1
kind: ComputePool
metadata: {name: lab, namespace: lab}
spec: {spokes: [gpu-1]}
---
apiVersion: axle.dev/v1alpha1
kind: ComputePool
metadata: {name: lab-gpu, namespace: lab}
spec: {spokes: ["1"]}
YAML
secret_of() { kubectl -n lab get computepool "$1" -o json | jq -r '.status.expected[0].secret'; }
wait_for -n lab computepools/lab-gpu '.status.expected[0].phase' PendingJoin
wait_for -n lab computepools/lab '.status.expected[0].phase' PendingJoin
[ "$(secret_of lab)" != "$(secret_of lab-gpu)" ] || fail "two pools share one Secret"
for pool in lab lab-gpu; do
    [ "$(kubectl -n lab get secret "$(secret_of $pool)" -o json | jq -r '.metadata.ownerReferences[0].name')" = $pool ] ||
        fail "the Secret of $pool is another's"
done

# Names of the hub's roles and bindings are nobody's to take first.
expect_refused 'names that begin with "axle:" are reserved for the hub' kubectl -n proj create rolebinding axle:mine --clusterrole=view --user=eve

# What the hub keeps for a deployment is pushed over by nobody.
expect "a push to a deployment's repository" "$(status_of POST /v2/proj/chat-api-server/blobs/uploads/)" 403
expect "a delete from it" "$(status_of DELETE /v2/proj/chat-api-server/manifests/v1)" 403
