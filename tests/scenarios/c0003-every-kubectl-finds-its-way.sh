#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# limit: 900
# Every kubectl learns what there is: versions, kinds, their fields; discovery
# plain and aggregated, OpenAPI by hash.
. "$(dirname "$0")/kubectls.sh"

start_hub

steps() {
    expect_contains "version" "$(k version -o json | jq -r .serverVersion.gitVersion)" axle
    expect "ready" "$(k get --raw /readyz)" ok
    expect_contains "cluster-info" "$(k cluster-info)" "control plane"
    grep -qx axle.dev/v1alpha1 <<<"$(k api-versions)"
    expect "kinds of ours" "$(k api-resources --api-group=axle.dev -o name | grep -c '\.axle\.dev$')" 19
    expect "short name, scope, kind" "$(k api-resources --no-headers | awk '$1 == "workloadprofiles" { print $2, $3, $4, $5 }')" \
        "wp axle.dev/v1alpha1 true WorkloadProfile"
    expect "not in a namespace" "$(k api-resources --namespaced=false -o name | grep -cx tenants.axle.dev)" 1
    expect "category all" "$(k api-resources --categories=all -o name | sort | paste -sd' ')" \
        "aiworkloads.axle.dev workloaddeployments.axle.dev workloads.axle.dev"
    fails_with "the server doesn't have a resource type \"nonsense\"" get nonsense

    expect_contains "explain" "$(k explain aiw)" "An application as its user wants it."
    expect_contains "explain a field" "$(k explain aiworkload.spec.profileBundleRef.name)" "FIELD: name <string>"
    expect_contains "explain recursively" "$(k explain wp.spec --recursive)" "deploymentPriority"
    expect_contains "explain metadata" "$(k explain aiw.metadata)" "ownerReferences"
    expect_contains "explain a list of objects" "$(k explain placement.spec.tolerations)" "tolerationSeconds"
    expect_contains "explain a built-in kind" "$(k explain cm.data)" "map[string]string"
    expect_contains "explain with a version" "$(k explain placements --api-version=cluster.open-cluster-management.io/v1beta1)" "VERSION:    v1beta1"
    fails_with 'field "bogus" does not exist' explain aiw.spec.bogus
}
with_each_kubectl steps

# ------------------------------------------------- what they ask for, by hand

asked() { request GET "$1" -H "Accept: $2" -D "$TEST_DIR/head"; }
type_is() { tr -d '\r' <"$TEST_DIR/head" | grep -qiF "content-type: $1" || fail "the type is not $1: $(cat "$TEST_DIR/head")"; }

plain=$(asked /apis 'application/json' | jq -S '[.groups[].versions[].groupVersion] | sort')
for version in v2 v2beta1; do
    accept="application/json;g=apidiscovery.k8s.io;v=$version;as=APIGroupDiscoveryList"
    groups=$(asked /apis "$accept,application/json")
    type_is "application/json;g=apidiscovery.k8s.io;v=$version;as=APIGroupDiscoveryList"
    expect "the same groups in $version" "$(jq -S '[.items[] | .metadata.name as $g | .versions[] | $g + "/" + .version] | sort' <<<"$groups")" "$plain"
    expect "kind of $version" "$(jq -r '.kind + " " + .apiVersion' <<<"$groups")" "APIGroupDiscoveryList apidiscovery.k8s.io/$version"
    expect "core in $version" "$(asked /api "$accept" | jq -c '.items[0].metadata')" '{}'
done
# Both are offered: the newer one is taken, in whatever order.
asked /apis 'application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json' >/dev/null
type_is 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
# An aggregated answer says what the plain ones say.
for group in $(jq -r '.[]' <<<"$plain"); do
    expect "kinds of $group" \
        "$(asked "/apis/$group" application/json | jq -S '[.resources[] | select(.name | contains("/") | not) | [.name, .kind, .namespaced, .verbs, .shortNames]] | sort')" \
        "$(jq -S --arg group "$group" '[.items[] | .metadata.name as $g | .versions[] | select($g + "/" + .version == $group) | .resources[] | [.resource, .responseKind.kind, .scope == "Namespaced", .verbs, .shortNames]] | sort' <<<"$groups")"
done

# OpenAPI: the hash names the content, and what is known is not sent again.
index=$(asked /openapi/v3 application/json)
for path in $(jq -r '.paths[].serverRelativeURL' <<<"$index"); do
    document=$(asked "$path" application/json)
    jq -e '.openapi == "3.0.0" and (.components.schemas | length > 0)' <<<"$document" >/dev/null ||
        fail "$path is no document"
    tag=$(tr -d '\r' <"$TEST_DIR/head" | sed -n 's/^[Ee][Tt][Aa][Gg]: *//p')
    [ -n "$tag" ] || fail "$path has no ETag"
    expect "$path, known" "$(status_of GET "$path" -H "If-None-Match: $tag")" 304
    expect "$path, another one known" "$(status_of GET "$path" -H 'If-None-Match: "other"')" 200
done
expect "hash of another content" "$(request GET '/openapi/v3/apis/axle.dev/v1alpha1?hash=other' -o /dev/null -w '%{http_code}')" 301
# Every field of every kind of ours says what it is.
silent=$(asked /openapi/v3/apis/axle.dev/v1alpha1 application/json | jq -r '
    def silent($at): (.properties // {} | to_entries[] | .key as $key |
        (if .value | (has("description") or has("allOf")) then empty else $at + "." + $key end),
        (.value | silent($at + "." + $key))), (.items // empty | silent($at + "[]")),
        (.additionalProperties | objects | silent($at + "{}"));
    .components.schemas | to_entries[] | .key as $name | .value | silent($name)')
expect "fields without a description" "$silent" ""
