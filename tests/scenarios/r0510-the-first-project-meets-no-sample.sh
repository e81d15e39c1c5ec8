#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What `axle init` writes and docs/FIRST-APPLICATION.md deletes is not the sample's: a
# tenant of both would wait for the sample's project, and `kubectl delete` with it.
# A claim whose size is no quantity is told at the profile.
. "$(dirname "$0")/lib.sh"

start_all_in_one
find_kubectl
apply_sample
cd "$TEST_DIR"
"$AXLE" init first --app=hi </dev/null >/dev/null
said=$(kubectl apply -f first/project.yaml -f first/app.yaml 2>&1) || fail "$said"
expect "no object was there before" "$(grep -v ' created$' <<<"$said" || true)" ""
for size in big -1Gi 1Gb; do
    sed "s/^      port: 0 /      volumeMounts: {pvc: [{name: d, mountPath: d, size: $size}]}\n&/" first/app.yaml |
        kubectl apply -f - >/dev/null
    is_told() { kubectl get aiw hi -n research -o jsonpath='{.status.message}' | grep -qF "pvc[0].size: Invalid value: \"$size\""; }
    until_true 20 is_told || fail "size $size: $(kubectl get aiw hi -n research -o jsonpath='{.status.message}')"
done
kubectl delete aiw --all -n research --timeout=60s >/dev/null
kubectl delete project research --timeout=60s >/dev/null
kubectl delete tenant "$(sed -n 's/^spec: {tenant: \(.*\)}/\1/p' first/project.yaml)" --timeout=20s >/dev/null
printed=$(sed -n 's/^kubectl delete tenant //p' "$repo/docs/FIRST-APPLICATION.md")
expect "the page's tenant is not the sample's" "$(grep -c "^metadata: {name: $printed}" "$repo/conf/sample/ocr.yaml" || true)" 0
