/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAFFIC_AFTERNOON_H
#define TRAFFIC_AFTERNOON_H

/* What a person does in an afternoon; $K is kubectl. */
static const char afternoon[] =
    "exec >&2\nset +e\ncd \"$WORK\"\n"
    "$K version; $K api-resources >/dev/null; $K api-versions >/dev/null; $K cluster-info\n"
    "$K create namespace lab; $K -n lab create configmap a --from-literal=b=c\n"
    "$K -n lab create secret generic s --from-literal=b=c; $K -n lab create serviceaccount sa\n"
    "$K -n lab create token sa --duration=1h >/dev/null\n"
    "$K -n lab create role r --verb=get,list --resource=configmaps\n"
    "$K -n lab create rolebinding rb --role=r --user=u --serviceaccount=lab:sa\n"
    "$K create clusterrole cr --verb=get --resource=namespaces; $K create clusterrolebinding crb --clusterrole=cr --group=g\n"
    "printf 'apiVersion: axle.dev/v1alpha1\\nkind: Tenant\\nmetadata: {name: acme}\\nspec: {}\\n---\\n"
    "apiVersion: axle.dev/v1alpha1\\nkind: Project\\nmetadata: {name: research}\\nspec: {tenant: acme}\\n---\\n"
    "apiVersion: cluster.open-cluster-management.io/v1\\nkind: ManagedCluster\\nmetadata: {name: edge-1}\\nspec: {hubAcceptsClient: true, taints: [{key: a, effect: NoSelect}]}\\n' >p.yaml\n"
    "$K apply -f p.yaml; sleep 1\n"
    "printf 'apiVersion: axle.dev/v1alpha1\\nkind: Environment\\nmetadata: {name: all, namespace: research}\\nspec: {topology: {type: topology-ocm, properties: {placement: {clusterSets: [global], numberOfClusters: 2}}}}\\n---\\n"
    "apiVersion: axle.dev/v1alpha1\\nkind: WorkloadProfile\\nmetadata: {name: echo, namespace: research}\\nspec: {variables: [{name: w, type: string, default: x}], components: [{name: a, type: webservice, properties: {command: [echo, \"{{ .var.w }}\"], port: 8080}, traits: [{type: scaler, properties: {replicas: 2}}]}]}\\n---\\n"
    "apiVersion: axle.dev/v1alpha1\\nkind: ProfileBundle\\nmetadata: {name: echo, namespace: research}\\nspec: {workloadProfileRefs: [{name: echo}]}\\n---\\n"
    "apiVersion: axle.dev/v1alpha1\\nkind: AIWorkload\\nmetadata: {name: hi, namespace: research}\\nspec: {profileBundleRef: {name: echo}, environmentRef: {name: all}, variables: {w: y}}\\n---\\n"
    "apiVersion: axle.dev/v1alpha1\\nkind: ComputePool\\nmetadata: {name: pool, namespace: research}\\nspec: {spokes: [edge-9]}\\n---\\n"
    "apiVersion: coordination.k8s.io/v1\\nkind: Lease\\nmetadata: {name: l, namespace: edge-1}\\nspec: {holderIdentity: a, leaseDurationSeconds: 60}\\n---\\n"
    "apiVersion: work.open-cluster-management.io/v1\\nkind: ManifestWork\\nmetadata: {name: w, namespace: edge-1}\\nspec: {workload: {manifests: [{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: lab}, data: {a: b}}]}, manifestConfigs: [{resourceIdentifier: {resource: configmaps, name: c, namespace: lab}, feedbackRules: [{type: JSONPaths, jsonPaths: [{name: a, path: .data}]}]}]}\\n' >w.yaml\n"
    "$K apply -f w.yaml; $K apply --server-side --force-conflicts -f w.yaml; $K diff -f w.yaml; $K replace -f p.yaml\n"
    "sed -i 's/default: x/default: z/' w.yaml; $K apply -f w.yaml\n"
    "$K -n research patch aiw hi --type=merge -p '{\"spec\":{\"variables\":{\"w\":\"q\"}}}'\n"
    "$K -n research patch aiw hi --type=json -p '[{\"op\":\"add\",\"path\":\"/spec/variables/v\",\"value\":1}]'\n"
    "$K -n lab patch configmap a -p '{\"data\":{\"b\":\"d\"}}'\n"
    "$K patch managedcluster edge-1 --subresource=status --type=merge -p '{\"status\":{\"capacity\":{\"cpu\":\"4\"},\"conditions\":[{\"type\":\"ManagedClusterConditionAvailable\",\"status\":\"True\",\"reason\":\"R\",\"message\":\"m\",\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]}}'\n"
    "KUBE_EDITOR='sed -i s/d/e/' $K -n lab edit configmap a\n"
    "$K -n lab label configmap a x=y; $K -n lab annotate configmap a x=y --overwrite\n"
    "$K get managedclusters,aiw,env -A -o wide; $K -n research get aiw hi -o yaml >/dev/null; $K get -A events >/dev/null\n"
    "timeout 2 $K -n research get aiw -w; timeout 2 $K -n lab get configmaps -w -o json >/dev/null\n"
    "$K -n lab get secrets -l a=b --field-selector metadata.name=s; $K get managedclusters --chunk-size=1\n"
    "timeout 3 $K -n research wait aiw/hi --for=condition=Rendered --timeout=2s\n"
    "$K -n research describe aiw hi >/dev/null; $K describe managedcluster edge-1 >/dev/null; $K explain aiw.spec >/dev/null\n"
    "$K auth can-i create aiw -n research; $K auth can-i --list >/dev/null; $K auth whoami; $K top pods\n"
    "$K get --raw /metrics >/dev/null; $K get --raw /openapi/v3 >/dev/null; $K get --raw /v2/_catalog\n"
    "$K -n lab create configmap b --from-literal=a=b --dry-run=server -o yaml >/dev/null\n"
    "$K certificate approve nothing; $K -n lab rollout status deploy/x; $K -n lab logs x; $K -n lab scale aiw/x --replicas=1\n"
    "$K -n lab delete configmap a --wait=false; $K -n lab delete secrets --all; $K delete namespace lab --cascade=foreground --timeout=5s\n"
    "$K -n research delete -f w.yaml --timeout=5s\n";

#endif
