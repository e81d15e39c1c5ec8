#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The registry knew sha256 only. What is pushed by sha512 is pulled by it, in parts too, and
# a spoke runs a Workload that names it; a digest that is none is refused in words. The
# catalog names what its reader may pull from. What the hub rendered no request deletes, and
# oras finds a file name in it.
. "$(dirname "$0")/lib.sh"

start_hub
start_spoke s1
cd "$TEST_DIR"
apply >/dev/null <<YAML
{apiVersion: axle.dev/v1alpha1, kind: Tenant, metadata: {name: t}, spec: {}}
---
{apiVersion: axle.dev/v1alpha1, kind: Project, metadata: {name: lab}, spec: {tenant: t}}
YAML

sum() { echo "sha512:$(sha512sum <"$1" | cut -d' ' -f1)"; }
push() { expect "pushing $1" "$(status_of POST "/v2/lab/hand/blobs/uploads/?digest=$(sum "$1")" --data-binary "@$1")" 201; }
mkdir content
echo '{apiVersion: v1, kind: ConfigMap, metadata: {name: hand}, data: {a: b}}' >content/0.yaml
tar --mtime=@0 --owner=0 --group=0 --numeric-owner -C content -cf - 0.yaml | gzip -n >layer
echo '{}' >config
push layer
push config
jq -n -c --arg layer "$(sum layer)" --arg config "$(sum config)" '{schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {mediaType: "application/vnd.cncf.flux.config.v1+json", digest: $config, size: 3},
    layers: [{mediaType: "application/vnd.cncf.flux.content.v1.tar+gzip", digest: $layer, size: 1}]}' >manifest
expect "the manifest" "$(status_of PUT "/v2/lab/hand/manifests/$(sum manifest)" -H Content-Type: --data-binary @manifest)" 201
request GET "/v2/lab/hand/manifests/$(sum manifest)" | cmp - manifest
request GET "/v2/lab/hand/blobs/$(sum layer)" -H 'Range: bytes=-20' | cmp - <(tail -c 20 layer)
expect "a manifest that is too large" "$(head -c 5000000 /dev/zero |
    status_of PUT /v2/lab/hand/manifests/large -H Content-Type: --data-binary @-)" 413

# work NAME DIGEST
work() {
    apply >/dev/null <<YAML
apiVersion: work.open-cluster-management.io/v1
kind: ManifestWork
metadata: {name: $1, namespace: s1}
spec:
  workload:
    manifests:
    - {apiVersion: axle.dev/v1alpha1, kind: Workload, metadata: {name: $1, namespace: s1},
       spec: {artifact: {reference: lab/hand, digest: "$2"}, targetNamespace: lab}}
YAML
}
work hand "$(sum manifest)"
wait_for -n s1 manifestworks/hand '.status.conditions[]? | select(.type == "Applied") | .status' True
work none sha384:abc
is_told() { object -n s1 manifestworks/none | grep -qF "spec.artifact.digest of a Workload is \\\"sha384:abc\\\"; it must be sha256:"; }
until_true 20 is_told || fail "a digest of another algorithm is not refused in words: $(object -n s1 manifestworks/none)"

apply >/dev/null <<YAML
{apiVersion: axle.dev/v1alpha1, kind: ComputePool, metadata: {name: pool, namespace: lab}, spec: {variant: Shared}}
---
{apiVersion: axle.dev/v1alpha1, kind: WorkloadProfile, metadata: {name: p, namespace: lab}, spec: {components: [{name: c, type: worker, properties: {command: [sleep, "99"]}}]}}
---
{apiVersion: axle.dev/v1alpha1, kind: ProfileBundle, metadata: {name: b, namespace: lab}, spec: {type: Application, workloadProfileRefs: [{name: p}]}}
---
{apiVersion: axle.dev/v1alpha1, kind: AIWorkload, metadata: {name: app, namespace: lab}, spec: {profileBundleRef: {name: b}, computePoolRef: {name: pool}}}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: pulls}, rules: [{nonResourceURLs: ["/v2/lab/hand"], verbs: [get]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: pulls}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: pulls}, subjects: [{kind: ServiceAccount, name: puller, namespace: lab}]}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: puller, namespace: lab}}
YAML
is_rendered() { [ "$(status_of GET /v2/lab/app-p/manifests/v1)" = 200 ]; }
until_true 20 is_rendered || fail "nothing is rendered"
expect "the file that oras writes" "$(request GET /v2/lab/app-p/manifests/v1 |
    jq -r '.layers[0].annotations["org.opencontainers.image.title"]')" app-p.tar.gz
for reference in manifests/v1 "manifests/$(request GET /v2/lab/app-p/manifests/v1 | sha256sum | sed 's/\(.*\) .*/sha256:\1/; s/ //')" \
    "blobs/$(request GET /v2/lab/app-p/manifests/v1 | jq -r '.layers[0].digest')"; do
    expect "deleting $reference" "$(status_of DELETE "/v2/lab/app-p/$reference")" 403
    expect_contains "its words" "$(cat answer)" "is kept by the hub for the WorkloadDeployment"
done
expect "the administrator's catalog" "$(get_raw /v2/_catalog)" '{"repositories":["lab/app-p","lab/hand"]}'
token=$(kubectl create token puller -n lab)
expect "another's" "$(curl -sS --cacert certificate-authority.pem -u "x:$token" "$SERVER/v2/_catalog")" '{"repositories":["lab/hand"]}'
expect "nobody's" "$(curl -sS --cacert certificate-authority.pem -o answer -w '%{http_code}' "$SERVER/v2/_catalog")" 401
