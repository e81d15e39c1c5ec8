#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 900
# get in all its forms, on kinds built in and on kinds of ours, and lists of
# 1,200 objects by pieces.
. "$(dirname "$0")/kubectls.sh"

start_hub

# 1,200 ConfigMaps over one connection.
kubectl create namespace many >/dev/null
for i in $(seq -w 1200); do
    [ "$i" = 0001 ] || echo next
    printf 'url = "%s/api/v1/namespaces/many/configmaps"\n' "$SERVER"
    printf 'header = "Content-Type: application/json"\noutput = "/dev/null"\nfail\n'
    printf 'cacert = "%s/certificate-authority.pem"\ncert = "%s/client-certificate.pem"\nkey = "%s/client-key.pem"\n' \
        "$TEST_DIR" "$TEST_DIR" "$TEST_DIR"
    printf 'data = "{\\"metadata\\":{\\"name\\":\\"n%s\\",\\"labels\\":{\\"odd\\":\\"%s\\"}},\\"data\\":{\\"i\\":\\"%s\\"}}"\n' \
        "$i" $((10#$i % 2)) "$i"
done >"$TEST_DIR/many"
curl -sS -K "$TEST_DIR/many" || fail "1,200 objects could not be made"

steps() {
    k apply -f - >/dev/null <<YAML
apiVersion: v1
kind: ConfigMap
metadata: {name: b, labels: {app: web, tier: front}}
data: {color: red}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a, labels: {app: db}}
data: {color: blue, size: big}
binaryData: {bytes: AAEC}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {password: hidden}
---
apiVersion: axle.dev/v1alpha1
kind: WorkloadProfile
metadata: {name: worker, labels: {app: web}}
spec:
  components:
  - {name: main, type: worker, properties: {command: [sleep, "1"]}}
YAML
    # Tables. Ages are what they are, so they are cut off.
    table() { k get "$@" | sed -E 's/  +/ /g; s/ [0-9]+[smh]+[0-9sm]*( |$)/ AGE\1/'; }
    expect "ConfigMaps" "$(table cm)" $'NAME DATA AGE\na 3 AGE\nb 1 AGE'
    expect "a Secret" "$(table secret s)" $'NAME TYPE DATA AGE\ns Opaque 1 AGE'
    expect "a namespace" "$(table ns "$space")" "NAME STATUS AGE
$space Active AGE"
    expect "ServiceAccounts" "$(table sa default)" $'NAME SECRETS AGE\ndefault 0 AGE'
    expect_contains "a profile" "$(k get wp)" "Application"
    expect "labels" "$(table cm b --show-labels)" $'NAME DATA AGE LABELS\nb 1 AGE app=web,tier=front'
    expect "label columns" "$(table cm -L app --no-headers | sort)" $'a 3 AGE db\nb 1 AGE web'
    expect "two kinds" "$(k get cm/a wp/worker -o name | paste -sd' ')" "configmap/a workloadprofile.axle.dev/worker"
    expect_contains "all namespaces" "$(k get cm -A --no-headers | awk -v space="$space" '$1 == space { print $2 }' | paste -sd' ')" "a b"
    expect_contains "wide" "$(k get ev -o wide 2>/dev/null)" "SUBOBJECT"
    expect "sorted by a field" "$(k get cm --sort-by=.data.color -o name | paste -sd' ')" "configmap/a configmap/b"
    expect "a table sorted by age" "$(k get cm --sort-by=.metadata.creationTimestamp --no-headers | wc -l)" 2

    # Objects.
    expect "yaml" "$(k get cm a -o yaml | grep -c '^  bytes: AAEC$')" 1
    expect "no managedFields" "$(k get cm a -o json | jq '.metadata | has("managedFields")')" false
    expect "managedFields" "$(k get cm a -o json --show-managed-fields | jq -r '.metadata.managedFields[0].manager')" kubectl-client-side-apply
    expect "a list" "$(k get cm,wp -o json | jq -c '[.kind, (.items | map(.kind))]')" '["List",["ConfigMap","ConfigMap","WorkloadProfile"]]'
    expect "jsonpath" "$(k get cm -o jsonpath='{range .items[*]}{.metadata.name}={.data.color} {end}')" "a=blue b=red "
    expect "columns" "$(k get cm -o custom-columns=N:.metadata.name,C:.data.color --no-headers | sed 's/  */ /g')" $'a blue\nb red'
    expect "a template" "$(k get cm a -o go-template='{{.data.size}}')" big

    # Selectors.
    expect "label" "$(k get cm -l app=web -o name)" configmap/b
    expect "set of labels" "$(k get cm -l 'app in (db,other),tier notin (back)' -o name)" configmap/a
    expect "label is there" "$(k get cm -l tier -o name)" configmap/b
    expect "label is not there" "$(k get cm -l '!tier' -o name)" configmap/a
    expect "field" "$(k get cm --field-selector=metadata.name=a -o name)" configmap/a
    expect "another field" "$(k get cm --field-selector=metadata.name!=a -o name)" configmap/b
    expect "field of a Secret" "$(k get secret --field-selector=type=Opaque -o name)" secret/s
    fails_with '"data.color" is not a known field selector: only "metadata.name", "metadata.namespace"' get cm --field-selector=data.color=red
    fails_with 'field label not supported: data' get secret --field-selector=data=red
    says "nothing there" "No resources found in $space namespace." get cm -l app=none
    says "nothing, and no word" "" get cm none --ignore-not-found
    fails_with 'Error from server (NotFound): configmaps "none" not found' get cm none
    fails_with 'workloadprofiles.axle.dev "none" not found' get wp none
    says "no such namespace" "No resources found in nowhere namespace." get cm -n nowhere

    # By pieces.
    expect "all of many" "$(k get cm -n many --no-headers | wc -l)" 1200
    expect "all of many, whole" "$(k get cm -n many -o json | jq '.items | length')" 1200
    expect "by small pieces" "$(k get cm -n many --chunk-size=7 -o name | sort -u | wc -l)" 1200
    expect "in one piece" "$(k get cm -n many --chunk-size=0 -o name | wc -l)" 1200
    expect "half of many" "$(k get cm -n many -l odd=1 --chunk-size=100 -o name | wc -l)" 600
    expect "raw" "$(k get --raw "/api/v1/namespaces/many/configmaps?limit=3" | jq -c '[(.items | length), .metadata.remainingItemCount]')" '[3,1197]'
}
with_each_kubectl steps

# ------------------------------------------------------ versions and pieces

list=/api/v1/namespaces/many/configmaps
names() { request GET "$@" | jq -r '.items[].metadata.name' | paste -sd' '; }
page() { request GET "$@"; }

first=$(page "$list?limit=2")
expect "the first two" "$(jq -r '.items[].metadata.name' <<<"$first" | paste -sd' ')" "n0001 n0002"
token=$(jq -r .metadata.continue <<<"$first")
revision=$(jq -r .metadata.resourceVersion <<<"$first")
# What happens after the first piece is not in the others.
expect "a delete" "$(status_of DELETE "$list/n0003")" 200
second=$(page "$list?limit=2&continue=$token")
expect "the next two, as they were" "$(jq -r '.items[].metadata.name' <<<"$second" | paste -sd' ')" "n0003 n0004"
expect "their version" "$(jq -r .metadata.resourceVersion <<<"$second")" "$revision"
expect "now" "$(names "$list?limit=3")" "n0001 n0002 n0004"
expect "exactly then" "$(names "$list?limit=3&resourceVersion=$revision&resourceVersionMatch=Exact")" "n0001 n0002 n0003"
expect "then, by the rule of old" "$(names "$list?limit=3&resourceVersion=$revision")" "n0001 n0002 n0003"
expect "exactly then, by pieces" \
    "$(names "$list?limit=2&continue=$(page "$list?limit=2&resourceVersion=$revision&resourceVersionMatch=Exact" | jq -r .metadata.continue)")" "n0003 n0004"
expect "not older" "$(names "$list?limit=3&resourceVersion=$revision&resourceVersionMatch=NotOlderThan")" "n0001 n0002 n0004"
expect "any" "$(names "$list?limit=3&resourceVersion=0")" "n0001 n0002 n0004"
expect "a version to come" "$(page "$list?resourceVersion=99999999&resourceVersionMatch=NotOlderThan" | jq -c '[.code, .reason, .details.causes[0].reason]')" \
    '[504,"Timeout","ResourceVersionTooLarge"]'
expect "a token and a version" "$(page "$list?limit=2&continue=$token&resourceVersion=$revision" | jq -r .message)" \
    "specifying resource version is not allowed when using continue"
expect "names only" "$(page "$list?limit=1" -H 'Accept: application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' |
    jq -c '[.kind, .items[0].kind, (.items[0] | has("data"))]')" '["PartialObjectMetadataList","PartialObjectMetadata",false]'
expect "a table with objects" "$(page "$list?limit=1&includeObject=Object" -H 'Accept: application/json;as=Table;v=v1;g=meta.k8s.io' |
    jq -c '[.kind, .rows[0].object.kind, .rows[0].object.data.i]')" '["Table","ConfigMap","0001"]'
