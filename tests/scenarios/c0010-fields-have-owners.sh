#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 600
# Who set which field: server-side apply against updates and other appliers,
# lists by key, status, moving from client-side apply; warnings; and what OCM's
# admission rules refuse.
. "$(dirname "$0")/lib.sh"

start_hub
kubectl create namespace lab >/dev/null

maps=/api/v1/namespaces/lab/configmaps
profiles=/apis/axle.dev/v1alpha1/namespaces/lab/workloadprofiles
# applied MANAGER PATH YAML [QUERY]: the answer.
applied() {
    request PATCH "$2?fieldManager=$1${4:+&$4}" -H 'Content-Type: application/apply-patch+yaml' --data-binary "$3"
}
patched() { request PATCH "$1?fieldManager=$2" -H 'Content-Type: application/merge-patch+json' -d "$3"; }
# owners PATH JQ-PATH-IN-FIELDS: "manager operation" of each that owns it.
owners() {
    request GET "$1" | jq -r "[.metadata.managedFields[] | select(.fieldsV1 | $2) | .manager + \" \" + .operation] | sort | join(\", \")"
}
map() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {%s}\n' "$1"; }

# Two appliers that agree share a field; it stays until both have let it go.
applied a "$maps/m" "$(map 'x: "1", q: "1"')" >/dev/null
applied b "$maps/m" "$(map 'x: "1"')" >/dev/null
expect "both own it" "$(owners "$maps/m" '.["f:data"]["f:x"]')" "a Apply, b Apply"
applied a "$maps/m" "$(map 'q: "1"')" >/dev/null
expect "it stays for the other" "$(request GET "$maps/m" | jq -c .data)" '{"x":"1","q":"1"}'
applied b "$maps/m" "$(map '')" >/dev/null
expect "the last one takes it along" "$(request GET "$maps/m" | jq -c .data)" '{"q":"1"}'

# An update takes what it changes; an applier that wants it back must say so.
patched "$maps/m" editor '{"data":{"q":"2"}}' >/dev/null
expect "who changed it has it" "$(owners "$maps/m" '.["f:data"]["f:q"]')" "editor Update"
answer=$(applied a "$maps/m" "$(map 'q: "3"')")
expect "a conflict" "$(jq -c '[.code, .reason, .details.causes[0].reason, .details.causes[0].field]' <<<"$answer")" \
    '[409,"Conflict","FieldManagerConflict",".data.q"]'
expect_contains "whom with" "$(jq -r '.details.causes[0].message' <<<"$answer")" 'conflict with "editor" using v1'
expect "by force" "$(applied a "$maps/m" "$(map 'q: "3"')" force=true | jq -r .data.q)" 3
expect "the same value is no conflict" "$(applied c "$maps/m" "$(map 'q: "3"')" | jq -r .kind)" ConfigMap
expect "who has it now" "$(owners "$maps/m" '.["f:data"]["f:q"]')" "a Apply, c Apply"
version=$(request GET "$maps/m" | jq -r .metadata.resourceVersion)
expect "nothing new, no new version" "$(applied a "$maps/m" "$(map 'q: "3"')" force=true | jq -r .metadata.resourceVersion)" "$version"
expect "dry run" "$(applied a "$maps/m" "$(map 'q: "4"')" 'force=true&dryRun=All' | jq -r .data.q)" 4
expect "nothing happened" "$(request GET "$maps/m" | jq -r .data.q)" 3
expect "an old version" "$(applied a "$maps/m" "$(printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m, resourceVersion: "1"}\ndata: {q: "5"}\n')" force=true | jq -c '[.code, .reason]')" '[409,"Conflict"]'
expect "no manager" "$(request PATCH "$maps/m" -H 'Content-Type: application/apply-patch+yaml' -d "$(map '')" | jq -r '.details.causes[0].field')" fieldManager
expect "another name" "$(applied a "$maps/n" "$(map '')" | jq -c '[.code, .reason]')" '[400,"BadRequest"]'

# Items of a list are found by their key; each has owners of its own.
profile() { printf 'apiVersion: axle.dev/v1alpha1\nkind: WorkloadProfile\nmetadata: {name: p}\nspec: {components: [%s]}\n' "$1"; }
one='{name: one, type: worker, properties: {command: [a]}}' two='{name: two, type: worker, properties: {command: [b]}}'
applied a "$profiles/p" "$(profile "$one")" >/dev/null
applied b "$profiles/p" "$(profile "$two")" >/dev/null
expect "two items" "$(request GET "$profiles/p" | jq -c '[.spec.components[].name]')" '["one","two"]'
expect "whose is the second" "$(owners "$profiles/p" '.["f:spec"]["f:components"]["k:{\"name\":\"two\"}"]')" "b Apply"
expect "one of them changed by another" "$(applied b "$profiles/p" "$(profile "$two, {name: one, type: task}")" | jq -r '.details.causes[0].field')" \
    '.spec.components[name="one"].type'
applied b "$profiles/p" "$(profile '')" >/dev/null
expect "its item is gone" "$(request GET "$profiles/p" | jq -c '[.spec.components[].name]')" '["one"]'
expect "the same key twice" "$(applied a "$profiles/p" "$(profile "$one, $one")" | jq -r .message)" \
    'failed to create typed patch object (/p; axle.dev/v1alpha1, Kind=WorkloadProfile): .spec.components: duplicate entries for key [name="one"]'
expect "defaults are nobody's" "$(owners "$profiles/p" '.["f:spec"]["f:type"]')" ""

# Status is set and owned through its own door only.
clusters=/apis/cluster.open-cluster-management.io/v1/managedclusters
applied a "$clusters/c" $'apiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\nmetadata: {name: c}\nstatus: {version: {kubernetes: v1}}\n' >/dev/null
expect "not by the front door" "$(request GET "$clusters/c" | jq -c '.status.version')" null
applied s "$clusters/c/status" $'apiVersion: cluster.open-cluster-management.io/v1\nkind: ManagedCluster\nmetadata: {name: c}\nstatus: {version: {kubernetes: v2}}\n' >/dev/null
expect "by its own" "$(request GET "$clusters/c" | jq -r '.status.version.kubernetes')" v2
expect "whose it is" "$(request GET "$clusters/c" | jq -r '.metadata.managedFields[] | select(.manager == "s") | .operation + " " + .subresource')" "Apply status"

# Who came from client-side apply loses what it no longer says, once it moved.
kubectl apply -n lab -f - >/dev/null 2>&1 <<<"$(map 'old: "1", kept: "1"')"
expect "kubectl's" "$(owners "$maps/m" '.["f:data"]["f:old"]')" "kubectl-client-side-apply Update"
kubectl apply -n lab --server-side --force-conflicts -f - >/dev/null <<<"$(map 'old: "1", kept: "1"')"
expect "now by the server" "$(owners "$maps/m" '.["f:data"]["f:old"]')" "kubectl Apply"
kubectl apply -n lab --server-side -f - >/dev/null <<<"$(map 'kept: "1"')"
expect "gone with its word" "$(request GET "$maps/m" | jq -c '.data.old')" null

# managedFields can be given up, and are not for anybody to forge.
patched "$maps/m" editor '{"metadata":{"managedFields":[{}]}}' >/dev/null
expect "given up" "$(request GET "$maps/m" | jq -c '.metadata.managedFields')" null
expect "a long name" "$(request POST "$maps?fieldManager=$(printf 'x%.0s' $(seq 129))" -H 'Content-Type: application/json' -d '{"metadata":{"name":"long"}}' | jq -r '.details.causes[0].message')" \
    "Too long: may not be more than 128 bytes"

# ------------------------------------------------------------- strictness

sent() { request POST "$maps?fieldValidation=$1" -H 'Content-Type: application/json' -D "$TEST_DIR/head" -d "$2"; }
warning() { tr -d '\r' <"$TEST_DIR/head" | sed -n 's/^[Ww]arning: *//p' | paste -sd';'; }
expect "warn" "$(sent Warn '{"metadata":{"name":"w1"},"bogus":1,"data":{"a":"1","a":"2"}}' | jq -c .data)" '{"a":"2"}'
expect "what of" "$(warning)" '299 - "duplicate field \"data.a\"";299 - "unknown field \"bogus\""'
expect "ignore" "$(sent Ignore '{"metadata":{"name":"w2"},"bogus":1}' | jq -r .metadata.name)" w2
expect "no word" "$(warning)" ""
expect "no option: warn" "$(request POST "$maps" -H 'Content-Type: application/json' -D "$TEST_DIR/head" -d '{"metadata":{"name":"w3"},"bogus":1}' | jq -r .kind)" ConfigMap
expect "what of" "$(warning)" '299 - "unknown field \"bogus\""'
expect "strict" "$(sent Strict '{"metadata":{"name":"w4"},"bogus":1}' | jq -c '[.code, .message]')" \
    '[400,"ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: unknown field \"bogus\""]'

# ------------------------------------------------------ strategic merge

strategic() { request PATCH "$profiles/s" -H 'Content-Type: application/strategic-merge-patch+json' -d "$1" | jq -c '[.spec.components[]? | .name + "=" + (.properties.command // [] | join(" "))], .message // empty' | paste -sd' '; }
applied a "$profiles/s" "$(sed 's/name: p/name: s/' <<<"$(profile "$one, $two")")" >/dev/null
expect "delete by key" "$(strategic '{"spec":{"components":[{"$patch":"delete","name":"one"}]}}')" '["two=b"]'
expect "add by key" "$(strategic '{"spec":{"components":[{"name":"new","type":"worker","properties":{"command":["c"]}}]}}' | tr , '\n' | grep -c new=c)" 1
expect "in an order" "$(strategic '{"spec":{"$setElementOrder/components":[{"name":"two"},{"name":"new"}],"components":[{"name":"two","properties":{"command":["d"]}}]}}')" '["two=d","new=c"]'
expect "replace all" "$(strategic '{"spec":{"components":[{"$patch":"replace"},{"name":"only","type":"worker"}]}}')" '["only="]'
expect_contains "no key" "$(strategic '{"spec":{"components":[{"type":"worker"}]}}')" 'does not contain declared merge key: name'

# ------------------------------------------------------------- OCM's rules

ocm() { printf 'apiVersion: %s.open-cluster-management.io/%s\nkind: %s\nmetadata: {name: %s%s}\nspec: %s\n' "$@" >"$TEST_DIR/ocm.yaml" && kubectl apply -f "$TEST_DIR/ocm.yaml"; }
expect_refused 'url "http://x" is invalid in client configs' ocm cluster v1 ManagedCluster o1 '' '{managedClusterClientConfigs: [{url: "http://x"}]}'
expect_refused 'must have the same name as the target ManagedClusterSet' ocm cluster v1beta2 ManagedClusterSetBinding o1 ', namespace: lab' '{clusterSet: other}'
expect_refused 'Workload manifests should not be empty' ocm work v1 ManifestWork o1 ', namespace: lab' '{}'
expect_refused 'name must be set in manifest' ocm work v1 ManifestWork o1 ', namespace: lab' '{workload: {manifests: [{apiVersion: v1, kind: ConfigMap}]}}'
expect_refused 'ConfigMap "x" is there already' ocm work v1 ManifestWork o1 ', namespace: lab' \
    '{workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}, {apiVersion: v1, kind: ConfigMap, metadata: {name: x}}]}}'
expect_refused 'exceeds the 512000 limit' ocm work v1 ManifestWork o1 ', namespace: lab' \
    "{workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: {a: $(head -c 512000 /dev/zero | tr '\0' x)}}]}}"
expect_refused "in body should match '^((100|[0-9]{1,2})%|[0-9]+)\$'" ocm work v1alpha1 ManifestWorkReplicaSet o1 ', namespace: lab' \
    '{placementRefs: [{name: p, rolloutStrategy: {type: Progressive, progressive: {maxConcurrency: many}}}], manifestWorkTemplate: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}]}}}'
expect_refused 'It is not allowed to set TimeAdded of Taint "a".' kubectl patch mcl c --type=merge -p '{"spec":{"taints":[{"key":"a","effect":"NoSelect","timeAdded":"2020-01-01T00:00:00Z"}]}}'
expect "a default" "$(kubectl get mcl c -o json | jq -r '.metadata.labels["cluster.open-cluster-management.io/clusterset"]')" default
expect "columns" "$(kubectl get mcl c | head -n 1 | sed 's/  */ /g')" "NAME HUB ACCEPTED MANAGED CLUSTER URLS JOINED AVAILABLE LAST SEEN AGE"
