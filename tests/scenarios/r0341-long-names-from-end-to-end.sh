#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Names as long as they may be run, are told, and end; longer ones are refused by field.
. "$(dirname "$0")/lib.sh"

letters() { printf "%*s" "$1" '' | tr ' ' "${2:-b}"; }
one=35${$}1 two=35${$}2 # nobody else sleeps so long
spoke=$(letters 63 s) project=$(letters 63 p) name=$(letters 253 n)

start_hub
find_kubectl
start_spoke "$spoke"
make_project "$project" "$(letters 56 t)" "clusterSets: [global]"
named() { printf 'metadata: {name: %s, namespace: %s}' "$name" "$project"; }
apply >/dev/null <<YAML
apiVersion: axle.dev/v1alpha1
kind: Environment
$(named)
spec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global]}}}}
---
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
$(named)
spec: {type: Application, components: [{name: $(letters 63 c), type: worker, properties: {command: [sleep, "$one"]}}]}
---
apiVersion: axle.dev/v1alpha1
kind: ProfileBundle
$(named)
spec: {workloadProfileRefs: [{name: $name}]}
---
apiVersion: axle.dev/v1alpha1
kind: AIWorkload
$(named)
spec: {profileBundleRef: {name: $name}, environmentRef: {name: $name}}
YAML
wait_for -n "$project" aiworkloads/"$name" .status.phase Running
runs() { [ "$(pgrep -f "^sleep $1\$" | wc -l)" = "$2" ]; }
until_true 20 runs "$one" 1 || fail "it does not run"

# Sets of works and works by hand: NAMESPACE.NAME is 253 letters.
set=$(letters 189 m)
apply >/dev/null <<YAML
apiVersion: work.open-cluster-management.io/v1alpha1
kind: ManifestWorkReplicaSet
metadata: {name: $set, namespace: $project}
spec:
  placementRefs: [{name: $name}]
  manifestWorkTemplate:
    workload:
      manifests:
      - apiVersion: apps/v1
        kind: Deployment
        metadata: {name: $(letters 253 d), namespace: default}
        spec:
          selector: {matchLabels: {a: b}}
          template:
            metadata: {labels: {a: b}}
            spec: {runtimeClassName: process, containers: [{name: $(letters 63 x), command: [sleep, "$two"]}]}
YAML
wait_for -n "$project" manifestworkreplicasets/"$set" \
    '.status.conditions[] | select(.type == "ManifestworkApplied") | .status' True
until_true 20 runs "$two" 1 || fail "the Deployment of 253 letters does not run"
kubectl -n "$project" delete manifestworkreplicaset "$set" --timeout=60s >/dev/null
kubectl -n "$project" delete aiworkload "$name" --timeout=60s >/dev/null
until_true 20 runs "$one" 0 || fail "it does not end"
until_true 20 runs "$two" 0 || fail "the Deployment does not end"
kubectl delete project "$project" --timeout=60s >/dev/null
kubectl delete managedcluster "$spoke" --timeout=60s >/dev/null

# What cannot be is refused at once.
expect_refused 'metadata.name' apply <<YAML
{apiVersion: axle.dev/v1alpha1, kind: Tenant, metadata: {name: $(letters 60)}, spec: {}}
YAML
expect_refused 'metadata.name: Invalid value: ' apply <<YAML
apiVersion: work.open-cluster-management.io/v1alpha1
kind: ManifestWorkReplicaSet
metadata: {name: $(letters 250), namespace: default}
spec: {placementRefs: [{name: a}], manifestWorkTemplate: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: default}}]}}}
YAML
expect_refused 'clusters name their set in a label' apply <<YAML
{apiVersion: cluster.open-cluster-management.io/v1beta2, kind: ManagedClusterSet, metadata: {name: $(letters 64)}, spec: {clusterSelector: {selectorType: ExclusiveClusterSetLabel}}}
YAML
